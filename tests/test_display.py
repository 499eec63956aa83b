"""What people see on a terminal, by scripted events: snapshots of whole screens, and what holds at every size."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.support.scenes import (
    DONE,
    FACTS,
    MIB,
    PATH,
    PICTURED,
    SCENES,
    SIZE,
    UPDATING,
    Stageplay,
    beginning,
    failure,
    sending,
    steadily,
)

from tiktok_upload.cli.bars import wrapped
from tiktok_upload.cli.frame import Script, View, fit, frame
from tiktok_upload.cli.human import Human
from tiktok_upload.cli.output import Style
from tiktok_upload.errors import TransferError
from tiktok_upload.events import (
    FileChecked,
    FileDone,
    FileFailed,
    FileProgress,
    FileReport,
    Notice,
    PartRetried,
    Progress,
    Stage,
    Started,
    summarize,
)
from tiktok_upload.facts import Finding
from tiktok_upload.text import escape

SNAPSHOTS = Path(__file__).parent / "snapshots" / "display"


def script_of(play: Stageplay) -> str:
    return "".join(f"=== {moment.when}\n" + "".join(f"{row}\n" for row in moment.rows) for moment in play.moments)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_the_display_is_as_it_was_looked_at(scene: Callable[[Stageplay], None], width: int, height: int) -> None:
    play = Stageplay(width, height, title=f"tiktok-upload {scene.__name__.replace('_', ' ')}")
    scene(play)
    path = SNAPSHOTS / f"{scene.__name__}-{width}.txt"
    if UPDATING:
        SNAPSHOTS.mkdir(parents=True, exist_ok=True)
        path.write_text(script_of(play), encoding="utf-8")
        path.with_suffix(".svg").write_text(play.moments[PICTURED.get(scene.__name__, -1)].svg, encoding="utf-8")
    assert script_of(play) == path.read_text(encoding="utf-8")
    assert path.with_suffix(".svg").read_text(encoding="utf-8").startswith("<svg")


# ------------------------------------------------------------------------------------------------------------ any size
@pytest.mark.parametrize(("width", "height"), [(20, 5), (21, 6), (40, 10), (60, 12), (79, 24), (132, 43)])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_no_scene_needs_more_lines_than_the_terminal_has_or_leaves_any_of_the_frame(
    scene: Callable[[Stageplay], None], width: int, height: int
) -> None:
    play = Stageplay(width, height)
    scene(play)
    assert [row for row in play.terminal.text.splitlines() if "━" in row or "s left" in row] == []
    assert max(len(moment.rows) for moment in play.moments) <= height


@given(
    width=st.integers(1, 250),
    height=st.integers(2, 60),
    names=st.lists(st.text(max_size=40), max_size=20),
    sizes=st.tuples(st.integers(0, 1 << 45), st.integers(0, 1 << 45)),
    waiting=st.sampled_from(["", "3 retries, waiting 4 s: 503 SlowDown"]),
    encoding=st.sampled_from(["utf-8", "ascii", "latin-1", "cp437"]),
    stage=st.sampled_from(["checking", "comparing", "sending", "finishing"]),
)
def test_no_line_of_the_frame_is_wider_than_the_terminal(
    *, width: int, height: int, names: list[str], sizes: tuple[int, int], waiting: str, encoding: str, stage: Stage
) -> None:
    done, total = sorted(sizes)
    files = tuple(FileProgress(name, total, done, 0, 5, 1, 0, stage) for name in names)
    event = Progress(files, 0, len(files), total, done, done, 3.0)
    script = Script(encoding)
    rows = ["".join(text for text, _ in line) for line in frame(View(event, done, 1e6, waiting), width, height, script)]
    assert [row for row in rows if cell_len(row) > width] == []
    assert 0 < len(rows) <= height - 1
    assert [row for row in rows if row != script.shown(row) or row != escape(row)] == []


@pytest.mark.parametrize("width", range(20, 200, 4))
@pytest.mark.parametrize("files_total", [1, 500])
def test_percentage_size_speed_and_time_left_are_there_at_every_width(width: int, files_total: int) -> None:
    event = replace(sending(180 * MIB, 5.0, reused=40 * MIB, retries=3), files_total=files_total, files_done=12)
    rows = frame(View(event, 180 * MIB, 2 * MIB, "", 3), width, 24, Script())
    text = " ".join("".join(text for text, _ in line) for line in rows)
    assert [word for word in ("45 %", "180 of 400 MiB", "2 MiB/s", "1 min 18 s left") if word not in text] == []
    assert "━" in text or width < 64 + (15 if files_total > 1 else 0)


def test_bytes_in_flight_count_for_the_time_left_and_are_another_part_of_the_bar() -> None:
    event = sending(100 * MIB, 5.0)  # 64 MiB more are on their way
    (line,) = frame(View(event, 100 * MIB, 2 * MIB), 80, 24, Script())
    bar = "".join(text for text, tone in line if tone in ("bar", "sent", "rest"))
    assert bar.count("━") == len(bar) // 4
    assert bar.rstrip("─").count("╍") == len(bar) * 164 // 400 - len(bar) // 4
    assert line[-1][0].endswith("25 %  100 of 400 MiB ·    2 MiB/s · 1 min 58 s left")


def test_files_of_one_name_are_told_apart_however_narrow_it_is() -> None:
    files = tuple(
        FileProgress(f"/deep/below/data/dt=2026-11-{n:02}/part-0.parquet", SIZE, MIB, 0, 0, 1, 0, "sending")
        for n in range(1, 4)
    )
    event = Progress(files, 0, 3, 3 * SIZE, 3 * MIB, 3 * MIB, 1.0)
    view = View(event, 3 * MIB, MIB, shared="/deep/below/data/")
    for width in (30, 40, 60, 80):
        names = [line[0][0] for line in frame(view, width, 24, Script())[:3]]
        assert [name[:16] for name in names] == [f"  dt=2026-11-{n:02}/" for n in range(1, 4)]


def test_lines_are_broken_at_words_and_what_is_too_wide_stays_whole() -> None:
    uri = "s3://bucket/a-key-that-is-wider-than-the-screen.parquet"
    assert wrapped(f"uploaded: {uri} (400 MiB, in 10 s, 40 MiB/s)", 30) == [
        "uploaded:",
        f"    {uri}",
        "    (400 MiB, in 10 s,",
        "    40 MiB/s)",
    ]
    assert wrapped("  short", 30) == ["  short"]


@given(st.text(alphabet="ab 数", max_size=60), st.integers(1, 40))
def test_wrapping_loses_no_word(text: str, width: int) -> None:
    rows = wrapped(text, width)
    assert " ".join(rows).split() == text.split()
    assert [
        row for row in rows if cell_len(row) > width and len(row.split(" ")) > 1 and row.strip(" ").count(" ")
    ] == []


@pytest.mark.parametrize(
    ("text", "width", "middle", "expected"),
    [
        ("events.parquet", 14, False, "events.parquet"),
        ("events.parquet", 8, False, "events.…"),
        ("events-2026-11-23-part-7.parquet", 20, True, "events-…rt-7.parquet"),
        ("数据数据数据", 5, False, "数据…"),
        ("abc", 1, False, "…"),
        ("abc", 0, False, ""),
    ],
)
def test_a_text_is_cut_once(text: str, width: int, *, middle: bool, expected: str) -> None:
    cut = fit(text, width, Script(), middle=middle)
    assert cell_len(cut) <= width
    assert cut.count("…") <= 1
    assert cut == expected


# ------------------------------------------------------------------------------------------------- calm, in any place
def test_a_locale_without_utf_8_gets_plain_signs() -> None:
    play = Stageplay(encoding="ascii")
    play.tell(Started(2, 2 * SIZE), *(replace(event, files_total=2, bytes_total=2 * SIZE) for event in steadily(6)))
    assert play.terminal.screen == [
        "  events-2026-11-23.parquet  ###########====-----------   44 %  176 of 400 MiB",
        "0 of 2 files  ##=---------   22 %  176 of 800 MiB, 35.2 MiB/s, 16 s left",
    ]
    play.human.error(TransferError("größe.parquet … was not sent"))
    assert r"gr\xf6\xdfe.parquet \u2026 was not sent" in play.terminal.text


def test_what_comes_from_files_and_stores_is_shown_as_it_is_and_harmless() -> None:
    play = Stageplay(width=200, style=Style(verbose=True))
    path = "data/[red]:smile:\x1b[2J\n\u202e.parquet"
    play.tell(Started(2, SIZE), FileChecked(path, replace(FACTS, created_by="evil\x1b]0;x\x07"), ()))
    play.tell(PartRetried(path, "part 1", 1, "503 \x1b[31m", 3.0), replace(sending(MIB, 1.0), files_total=2))
    play.tell(Notice(path, "odd \x07"))
    shown = r"data/[red]:smile:\x1b[2J\x0a\u202e.parquet"
    assert play.terminal.screen[0].startswith(f"{shown}: 3,145,728 rows")
    assert r"  1 retry, waiting 2 s: 503 \x1b[31m" in play.terminal.text
    assert r"  note: odd \x07" in play.terminal.text


def test_a_signal_in_the_middle_of_a_drawing_is_told_once_and_spoils_nothing() -> None:
    play = Stageplay()
    play.tell(*beginning(), sending(0, 1.0))
    pending = [play.human.stopping]
    play.terminal.before_write = lambda: pending.pop()() if pending else None
    play.tell(sending(40 * MIB, 2.0))
    assert play.terminal.text.count("stopping; what is stored is kept") == 1
    assert len([row for row in play.terminal.screen if "━" in row or "─" in row]) == 1
    play.screen.stop()
    assert [row for row in play.terminal.screen if "─" in row] == []


def test_a_terminal_that_goes_away_does_not_end_the_delivery() -> None:
    play = Stageplay()

    def gone() -> None:
        raise OSError(5, "Input/output error")

    play.tell(*beginning(), sending(0, 1.0))
    play.terminal.before_write = gone
    play.tell(sending(40 * MIB, 2.0), FileDone(DONE))
    play.end(summarize([DONE], seconds=1.0, counts={"uploaded": 1}))


def test_the_frame_is_away_while_a_table_is_printed_to_the_same_terminal() -> None:
    play = Stageplay()
    seen: list[list[str]] = []
    play.human = Human(
        Style(), clock=lambda: play.now, screen=play.screen, table=lambda _: seen.append(play.terminal.screen)
    )
    checked = FileReport(PATH, None, "checked", size_bytes=SIZE, findings=(Finding("odd", "warning", "odd"),))
    play.tell(Started(2, SIZE), replace(sending(0, 1.0, sent=0), files_total=2), FileChecked(PATH, FACTS, ()))
    play.tell(FileDone(checked))
    assert seen == [[]]
    assert play.terminal.screen[0] == f"sound: {PATH} (400 MiB)"
    assert len(play.terminal.screen) == 3


def test_without_colour_every_word_is_still_there() -> None:
    coloured, plain = Stageplay(), Stageplay()
    plain.screen._console.no_color = True
    for play in (coloured, plain):
        failure(play)
    assert coloured.terminal.text == plain.terminal.text
    assert any("\x1b[31m" in cell.sgr or "31" in cell.sgr for line in coloured.terminal.lines for cell in line)
    assert not any("31" in cell.sgr for line in plain.terminal.lines for cell in line)


# ---------------------------------------------------------------------------------------------------------- many files
def test_the_same_note_of_many_files_is_told_once_and_their_warnings_are_counted() -> None:
    play = Stageplay(width=200)
    reports = [
        FileReport(f"data/{n}.parquet", f"s3://b/{n}.parquet", "uploaded", size_bytes=1, warnings=("w",))
        for n in range(25)
    ]
    play.tell(Started(25, 25))
    for report in reports:
        play.tell(Notice(report.path, "no right to look"), FileDone(report))
    play.end(summarize(reports, seconds=2.0, counts={"uploaded": 25}))
    assert play.terminal.screen == [
        "  note: no right to look (data/0.parquet)",
        "25 uploaded; 2.0 s, 25 files with warnings",
    ]


def test_a_fault_of_all_files_is_told_twenty_times_at_most_and_then_counted() -> None:
    play = Stageplay(width=200, height=100)
    error = TransferError("no route")
    reports = [FileReport(f"data/{n}.parquet", None, "failed", error=error) for n in range(30)]
    play.tell(Started(30, 30), *map(FileFailed, reports))
    play.end(summarize(reports, seconds=2.0, counts={"failed": 30}))
    rows = play.terminal.text.splitlines()
    assert len([row for row in rows if row.startswith("error: no route (data/")]) == 20
    assert "failed: 0.parquet, 1.parquet, 2.parquet, 3.parquet, 4.parquet and 25 more" in rows


def test_files_that_need_no_sending_fill_the_bar_of_all_files() -> None:
    play = Stageplay()
    there = FileReport("data/0.parquet", "s3://b/0", "already_there", size_bytes=300 * MIB)
    play.tell(Started(2, SIZE), FileDone(there), Progress((), 1, 2, SIZE, 50 * MIB, 50 * MIB, 2.0))
    assert " 87 %  350 of 400 MiB" in play.terminal.screen[-1]
