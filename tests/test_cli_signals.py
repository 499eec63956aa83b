"""Real signals to the installed command while parts are in flight: nothing is aborted, the same command continues."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from tests.support.command import CREDENTIALS, Command, Outcome
from tests.support.hostile_s3 import Fault, HostileS3
from tests.support.sample import write_sample

from tiktok_upload.cli import telling
from tiktok_upload.stop import Stop

if TYPE_CHECKING:
    from tiktok_upload.cli.human import Human

OPTIONS = ("--part-size", "5MiB", "--concurrency", "2")
PARTS = 5


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "big.parquet", 24)


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        server.make_bucket("bkt")
        # One part never ends; the other slot goes on with those after it, and the signal comes amid them.
        server.script(Fault.black_hole("UploadPart", part=2, after_bytes=1 << 20))
        yield server


@pytest.fixture
def command(tmp_path: Path, s3: HostileS3) -> Command:
    return Command(tmp_path, s3.endpoint)


def assert_resumes(s3: HostileS3, command: Command, big: Path, parts_told: int) -> Outcome:
    """The same command delivers, and sends nothing again that was told to be stored."""
    (upload_id,) = s3.uploads("bkt")
    begun = len(s3.requests)
    ended = command.push(big, *OPTIONS)
    file = ended.file
    assert (ended.code, file["status"], ended.errors) == (0, "uploaded", [])
    assert s3.objects("bkt")["in/big.parquet"].path.read_bytes() == big.read_bytes()
    assert file["parts_reused"] >= parts_told
    assert file["bytes_sent"] + file["bytes_reused"] == big.stat().st_size
    assert len(ended.told("part_stored")) == PARTS - file["parts_reused"]
    assert [event["parts_kept"] for event in ended.told("upload_resumed")] == [file["parts_reused"]]
    sent = [entry for entry in s3.requests[begun:] if entry.operation == "UploadPart"]
    assert {entry.upload_id for entry in sent} == {upload_id}
    assert len(sent) == PARTS - file["parts_reused"]
    assert "AbortMultipartUpload" not in s3.operations()
    return ended


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [(signal.SIGINT, 130, "stopped by Ctrl-C"), (signal.SIGTERM, 143, "stopped by a request to end")],
)
def test_a_signal_ends_the_run_with_its_code_and_the_same_command_continues(
    s3: HostileS3, command: Command, big: Path, *, number: signal.Signals, code: int, message: str
) -> None:
    with command.start_push(big, *OPTIONS) as running:
        running.until("part_stored", 2)
        s3.wait_until_stuck()
        running.send(number)
        ended = running.end()
    told = len(ended.told("part_stored"))
    assert (ended.code, ended.result["status"], ended.statuses) == (code, "interrupted", ["interrupted"])
    assert (ended.error["code"], ended.error["message"], ended.error["resumable"]) == ("interrupted", message, True)
    assert ended.error["kept"].startswith(f"{told} parts, ")
    assert ended.error["hint"] == "run the same command again to continue"
    assert ended.errors == [f"error: {message}"]
    assert ended.file["error"]["code"] == "interrupted"
    assert ended.file["parts_reused"] == 0
    s3.release()
    assert_resumes(s3, command, big, told)


def test_a_kill_loses_no_part_that_was_told(s3: HostileS3, command: Command, big: Path) -> None:
    with command.start_push(big, *OPTIONS) as running:
        running.until("part_stored", 2)
        s3.wait_until_stuck()
        told = [event["event"] for event in running.kill()]
    assert "result" not in told
    s3.release()
    assert_resumes(s3, command, big, told.count("part_stored"))


# Two signals that are sent one after the other may be heard in the other order by a process with threads.
@pytest.mark.parametrize(("second", "codes"), [(signal.SIGINT, {130}), (signal.SIGTERM, {130, 143})])
def test_a_second_signal_leaves_at_once_and_loses_nothing(
    s3: HostileS3, command: Command, big: Path, second: signal.Signals, codes: set[int]
) -> None:
    with command.start_push(big, *OPTIONS) as running:
        told = len(running.until("part_stored", 2))
        s3.wait_until_stuck()
        running.send(signal.SIGINT)
        running.send(second)
        ended = running.end_unchecked()
    assert ended.code in codes
    assert "Traceback" not in ended.stderr
    # Two signals of one number may arrive as one; then the run ends as after the first.
    assert second is signal.SIGINT or ended.told("result") == []
    s3.release()
    assert_resumes(s3, command, big, told)


class _HeardTwice:
    """A display during whose word on the first signal the second one comes."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._heard = 0

    def stopping(self) -> None:
        self._heard += 1
        if self._heard == 1:
            telling._on_signal(self._stop, 143, cast("Human", self))


def test_a_second_signal_that_comes_while_the_first_is_heard_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    stop = Stop()
    telling._on_signal(stop, 130, cast("Human", _HeardTwice(stop)))
    assert left == [143]


def test_files_not_begun_are_interrupted_and_those_delivered_stay_so(
    s3: HostileS3, command: Command, big: Path, tmp_path: Path
) -> None:
    small = write_sample(tmp_path / "small.parquet", 1)
    later = [write_sample(tmp_path / f"later-{number}.parquet", 1) for number in range(3)]
    with command.start_push(small, big, *later, "--part-size", "5MiB", "--concurrency", "1") as running:
        running.until("part_stored", 2)
        s3.wait_until_stuck()
        running.send(signal.SIGINT)
        ended = running.end()
    assert (ended.code, ended.result["status"]) == (130, "interrupted")
    assert ended.statuses == ["uploaded", *["interrupted"] * 4]
    assert ended.result["counts"] == {"uploaded": 1, "interrupted": 4}
    assert [file["path"] for file in ended.files] == [str(path) for path in (small, big, *later)]
    assert {file["error"]["code"] for file in ended.files[1:]} == {"interrupted"}
    assert ended.errors == ["error: stopped by Ctrl-C"]
    assert list(s3.objects("bkt")) == ["in/small.parquet"]
    s3.release()


def test_a_ctrl_c_while_requests_wait_to_be_retried_ends_the_waiting(
    s3: HostileS3, command: Command, big: Path
) -> None:
    s3.script(Fault.status("CreateMultipartUpload", 503, retry_after=300))
    with command.start_push(big, *OPTIONS) as running:
        running.until("part_retried")
        running.send(signal.SIGINT)
        ended = running.end()
    assert (ended.code, ended.statuses, ended.error["kept"]) == (130, ["interrupted"], None)
    with command.start_push(big, *OPTIONS) as again:
        again.until("part_stored", 1)
        s3.wait_until_stuck()
        s3.release(go_on=True)
        assert again.end().code == 0
    assert s3.objects("bkt")["in/big.parquet"].path.read_bytes() == big.read_bytes()


def test_a_deadline_ends_the_run_like_a_signal_but_with_its_own_code(
    s3: HostileS3, command: Command, big: Path
) -> None:
    ended = command.push(big, *OPTIONS, "--deadline", "1.5s")
    told = len(ended.told("part_stored"))
    assert (ended.code, ended.result["status"], ended.statuses) == (7, "failed", ["failed"])
    assert (ended.error["code"], ended.error["resumable"]) == ("deadline", True)
    assert ended.error["message"] == "the deadline of 1.5 s came"
    s3.release()
    assert_resumes(s3, command, big, told)
