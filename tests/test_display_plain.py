"""What people see where nothing moves, by scripted events; and the figures they read."""

import os
import subprocess
import sys

import pytest
from tests.support.scenes import (
    DONE,
    FACTS,
    MIB,
    PATH,
    PLAN,
    SIZE,
    URI,
    Stageplay,
    beginning,
    sending,
    steadily,
)

from tiktok_upload.cli import human as human_module
from tiktok_upload.cli.human import Human, moves
from tiktok_upload.cli.output import Style
from tiktok_upload.cli.words import common_directory, percent, share, shell_word, time_left
from tiktok_upload.events import (
    Event,
    FileChecked,
    FileDone,
    FilePlanned,
    PartRetried,
    Progress,
    Started,
    Throttled,
    UploadResumed,
)


# --------------------------------------------------------------------------------------------------- without a terminal
def in_a_pipe(capsys: pytest.CaptureFixture[str], *events: Event, style: Style | None = None, **more: str) -> list[str]:
    """What is told there, the clock being that of the last progress."""
    now = 0.0
    human = Human(style or Style(), clock=lambda: now, **more)  # type: ignore[arg-type]
    for event in events:
        now = event.seconds if isinstance(event, Progress) else now
        human(event)
    told = capsys.readouterr()
    assert (told.out, "\x1b" in told.err) == ("", False)
    return told.err.splitlines()


def test_a_log_gets_a_line_every_30_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    told = in_a_pipe(capsys, *(sending(MIB * second, second) for second in range(1, 95)))
    assert told == [
        "7 %, 30 of 400 MiB, 1 MiB/s, 5 min 06 s left",
        "15 %, 60 of 400 MiB, 1 MiB/s, 4 min 36 s left",
        "22 %, 90 of 400 MiB, 1 MiB/s, 4 min 06 s left",
    ]


def test_a_log_gets_a_line_on_retries_every_30_seconds_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    failed = PartRetried(PATH, "part 7", 1, "503 SlowDown", 2.5)
    events: list[Event] = []
    for second in range(1, 70):
        events += [sending(0, second, sent=0), failed, failed]
    told = in_a_pipe(capsys, *events, progress="none")
    assert told == [
        "  retry: part 7 of events-2026-11-23.parquet: 503 SlowDown (again in 2.5 s)",
        "  retry: part 7 of events-2026-11-23.parquet: 503 SlowDown (again in 2.5 s; 61 so far)",
        "  retry: part 7 of events-2026-11-23.parquet: 503 SlowDown (again in 2.5 s; 121 so far)",
    ]


def test_verbose_tells_each_retry(capsys: pytest.CaptureFixture[str]) -> None:
    failed = PartRetried(PATH, "part 7", 2, "503 SlowDown", 2.5)
    told = in_a_pipe(capsys, failed, failed, Throttled(PATH, 2.5), style=Style(verbose=True))
    line = "  retry: part 7 of events-2026-11-23.parquet: 503 SlowDown (attempt 2, again in 2.5 s)"
    assert told == [line, line, "  the store asks to slow down: everything waits 2.5 s"]


def test_quiet_tells_nothing_of_a_success(capsys: pytest.CaptureFixture[str]) -> None:
    events = [*beginning(), *steadily(60), FileDone(DONE)]
    assert in_a_pipe(capsys, *events, style=Style(quiet=True)) == []


def test_no_line_is_broken_in_a_pipe_and_there_are_no_hints(capsys: pytest.CaptureFixture[str]) -> None:
    told = in_a_pipe(capsys, *beginning(), FileDone(DONE))
    assert [row.partition(":")[0] for row in told] == [PATH[5:], "  to s3", "uploaded", "  receipt"]


def test_of_several_files_lines_name_their_paths_and_do_not_mix(capsys: pytest.CaptureFixture[str]) -> None:
    paths = ["data/dt=2026-11-22/part-0.parquet", "data/dt=2026-11-23/part-0.parquet"]
    events: list[Event] = [Started(2, 2 * SIZE)]
    events += [FileChecked(path, FACTS, ()) for path in paths]
    events += [FilePlanned(path, URI, PLAN) for path in paths]
    events.append(UploadResumed(paths[1], URI, 2, 3, 10 * MIB))
    told = in_a_pipe(capsys, *events)
    assert told == [f"  resuming {paths[1]}: 2 of 3 parts (10 MiB) are at the store already"]
    told = in_a_pipe(capsys, *events, style=Style(verbose=True))
    assert [row.partition(":")[0] for row in told] == [*paths, "  to s3", "  to s3", f"  resuming {paths[1]}"]


@pytest.mark.parametrize(
    ("progress", "is_terminal", "environment", "expected"),
    [
        ("auto", True, {"TERM": "xterm"}, True),
        ("auto", True, {}, True),
        ("auto", False, {"TERM": "xterm"}, False),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", True, {"TERM": "xterm", "CI": "true"}, False),
        ("bar", True, {"TERM": "xterm", "CI": "true"}, True),
        ("bar", False, {"TERM": "xterm"}, False),
        ("bar", True, {"TERM": "dumb"}, False),
        ("plain", True, {"TERM": "xterm"}, False),
        ("none", True, {"TERM": "xterm"}, True),
    ],
)
def test_what_moves_is_drawn_only_where_it_can_be_and_is_wanted(
    monkeypatch: pytest.MonkeyPatch, progress: str, *, is_terminal: bool, environment: dict[str, str], expected: bool
) -> None:
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr(human_module, "interactive", lambda: is_terminal)
    assert moves(progress) is expected


def test_none_draws_nothing_that_moves() -> None:
    play = Stageplay(progress="none")
    play.tell(*beginning(), *steadily(60))
    assert len(play.terminal.screen) == 4  # facts in two rows, the plan in two


def test_rich_is_not_imported_for_a_pipe() -> None:
    code = (
        "import sys, tiktok_upload.cli.human as h; from tiktok_upload.cli.output import Style;"
        " h.Human(Style(), clock=lambda: 0.0); print('rich.console' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"


# --------------------------------------------------------------------------------------------------------------- words
@pytest.mark.parametrize(
    ("done", "total", "expected"),
    [(180 * MIB, SIZE, "180 of 400 MiB"), (1, SIZE, "0.00 of 400 MiB"), (0, 0, "0 of 0 B"), (5, 900, "5 of 900 B"),
     (400 * MIB, 4 << 30, "0.39 of 4 GiB"), (4 << 30, 4 << 30, "4 of 4 GiB"), (999 * MIB, 999 * MIB, "999 of 999 MiB")],
)  # fmt: skip
def test_both_sizes_have_the_unit_of_the_whole(done: int, total: int, expected: str) -> None:
    assert share(done, total) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.2, "1 s left"), (59.4, "59 s left"), (59.6, "1 min 00 s left"), (200, "3 min 20 s left"),
     (1_830, "30 min left"), (3_560, "59 min left"), (3_600, "1 h 00 min left"), (400_000, "4 d 15 h left")],
)  # fmt: skip
def test_the_time_left_does_not_flicker(seconds: float, expected: str) -> None:
    assert time_left(round(seconds * 1_000), 1_000.0) == expected


def test_unknown_times_are_not_told() -> None:
    assert (time_left(5, 0.0), time_left(0, 5.0)) == ("", "")


@pytest.mark.parametrize(("done", "total", "expected"), [(0, 0, "0 %"), (399, 400, "99 %"), (9, 4, "100 %")])
def test_a_hundred_per_cent_is_all(done: int, total: int, expected: str) -> None:
    assert percent(done, total) == expected


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], ""),
        (["data/a.parquet"], "data/"),
        (["data/x/a", "data/y/a"], "data/"),
        (["a/x/c", "b/x/c"], ""),
        (["/d/dt=1/a", "/d/dt=12/a"], "/d/"),
        (["/a", "b"], ""),
    ],
)
def test_only_whole_directories_that_all_share_are_left_out(paths: list[str], expected: str) -> None:
    assert common_directory(paths) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/me/state/a.json", "~/state/a.json"),
        ("/home/you/a.json", "/home/you/a.json"),
        ("a.json", "a.json"),
        ("/home/me/my receipts/a.json", "'/home/me/my receipts/a.json'"),
        ("/home/me/$x\x1b.json", r"'/home/me/$x\x1b.json'"),
    ],
)
def test_a_receipt_can_be_copied_into_a_shell(path: str, expected: str) -> None:
    assert shell_word(path, "/home/me") == expected
