"""`tiktok-upload demo`: the story told to its end, or the step that broke its promise."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.support.command import Command, command_line, run_here

from tiktok_upload.cli import demo as module
from tiktok_upload.errors import UploadToolError


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    path = tmp_path / "temporary"
    path.mkdir()
    return path


@pytest.fixture
def command(tmp_path: Path, temporary: Path) -> Command:
    # None of these may reach the pushes of the demo.
    astray = {"AWS_PROFILE": "of-nobody", "TIKTOK_UPLOAD_PROFILE": "of-nobody", "TIKTOK_UPLOAD_DRY_RUN": "1"}
    return Command(tmp_path, TMPDIR=str(temporary), **astray)


def test_the_whole_story_is_told_and_nothing_is_left(command: Command, temporary: Path) -> None:
    ended = command.run("demo")
    assert (ended.code, ended.stdout) == (0, "")
    for words in (
        "  killed without a warning, after it had told of ",
        " of 21 parts reused (",
        "  the object, read back here, is the file byte for byte\n",
        "\nverified: s3://demo/incoming/events.parquet (",
        "\ndemo: every step as promised, in ",
    ):
        assert words in ended.stderr
    assert list(temporary.iterdir()) == []
    assert not command.state.exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_demo_that_is_stopped_leaves_nothing(
    command: Command, temporary: Path, number: signal.Signals, code: int
) -> None:
    with subprocess.Popen(
        command_line("demo"), stderr=subprocess.PIPE, env=command.environment, cwd=command.root, encoding="utf-8"
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("  $ tiktok-upload push"):
                process.send_signal(number)
                break
        rest = process.stderr.read()
    assert process.returncode == code
    assert "error: the demo was stopped\n" in rest
    assert list(temporary.iterdir()) == []


def test_a_step_that_breaks_its_promise_is_told_with_its_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setattr(module, "make_sample", lambda path: path.write_bytes(b"no parquet"))
    outcome = run_here(capsys, "demo")
    assert outcome.code == 1
    (error,) = outcome.errors
    assert error.startswith(
        "error: the demo did not go as promised: the first push is cut in the middle, but not here ("
    )
    assert "events.parquet" in error
    assert list(temporary.iterdir()) == []


def test_a_disk_without_room_for_the_sample_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "make_sample", full)
    outcome = run_here(capsys, "demo", "--quiet")
    assert (outcome.code, outcome.errors) == (4, ["error: the sample could not be written: No space left on device"])


def test_the_sample_holds_hashes_and_no_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_ROWS", 100)
    module.make_sample(tmp_path / "sample.parquet")
    table = pq.read_table(tmp_path / "sample.parquet").to_pydict()
    hashes = table["email"] + table["phone"]
    assert len(set(hashes)) == 2 * 12 * 100
    assert all(len(text) == 64 and set(text) <= set("0123456789abcdef") for text in hashes)
    assert table["event_id"] == list(range(12 * 100))


def lines(*events: dict[str, Any], torn: bytes = b"") -> Any:
    return iter([*(json.dumps(event).encode() + b"\n" for event in events), *([torn] if torn else [])])


def part(number: int) -> dict[str, Any]:
    return {"event": "part_stored", "number": number, "size": 5, "parts": 6}


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        ([part(1), part(2), part(3)], [1, 2]),
        ([{"event": "progress"}, part(4), {"event": "file_planned"}, part(1)], [4, 1]),
        ([part(1)], [1]),
    ],
)
def test_the_cut_comes_when_a_third_of_the_parts_is_stored(told: list[dict[str, Any]], heard: list[int]) -> None:
    assert [event["number"] for event in module._until_cut(lines(*told))] == heard


def test_a_line_that_a_killed_push_began_is_no_event() -> None:
    assert list(module._events(lines(part(1), torn=b'{"event": "part_st'))) == [part(1)]


@pytest.mark.parametrize(
    "events",
    [
        [],
        [part(1)],
        [{"event": "result", "files": [], "error": {"message": "why"}}],
        [{"event": "result", "files": [{"status": "failed"}], "error": {"message": "why"}}],
    ],
)
def test_a_run_without_the_status_promised_ends_the_demo(events: list[dict[str, Any]]) -> None:
    with pytest.raises(
        UploadToolError, match=r"the file is uploaded, but not here \((why|the command told no result)\)"
    ):
        module._file_of(events, "uploaded")


def test_commands_are_shown_as_one_would_type_them_within_80_columns() -> None:
    arguments = ["push", "my file.parquet", *(f"--option-{number}" for number in range(20))]
    shown = module._typed(arguments)
    assert max(map(len, shown.splitlines())) <= 78
    rejoined = shown.removeprefix("  $ ").replace(" \\\n", " ")
    assert rejoined.split() == ["tiktok-upload", "push", "'my", "file.parquet'", *arguments[2:]]
