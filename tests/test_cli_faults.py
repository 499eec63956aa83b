"""A store that misbehaves: the right object byte for byte, and no more sent again than what went wrong."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.command import CREDENTIALS, KEY_ID, SECRET, Command, Outcome
from tests.support.hostile_s3 import Fault, HostileS3
from tests.support.parquet_files import write_good
from tests.support.sample import MIB, write_sample
from tests.support.servers import forget_environment

from tiktok_upload import api
from tiktok_upload.events import Event, PartRetried
from tiktok_upload.settings import Connection, PushOptions

OPTIONS = ("--part-size", "5MiB")
PARTS = 3
LAST = "in/big.parquet"


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "big.parquet", 12)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_good(tmp_path / "small.parquet")


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def command(tmp_path: Path, s3: HostileS3) -> Command:
    return Command(tmp_path, s3.endpoint)


def sendings(s3: HostileS3) -> dict[int | None, int]:
    """How often each part was sent, or tried to be."""
    return dict(Counter(entry.part for entry in s3.requests if entry.operation == "UploadPart"))


def assert_delivered(s3: HostileS3, ended: Outcome, source: Path) -> None:
    """The object is there and is the file, and the accounts add up."""
    assert (ended.code, ended.statuses, ended.errors) == (0, ["uploaded"], [])
    assert s3.objects("bkt")[f"in/{source.name}"].path.read_bytes() == source.read_bytes()
    file = ended.file
    assert file["bytes_sent"] + file["bytes_reused"] == source.stat().st_size
    assert file["checksum"]["confirmed_by_store"] is True
    assert s3.uploads("bkt") == {}
    assert file["retries"] == len(ended.told("part_retried"))


# ------------------------------------------------------------------------------------------- a part that fails once
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.status("UploadPart", 500, part=2), "500 InternalError"),
        (Fault.status("UploadPart", 500, part=2, after_body=True), "500 InternalError"),
        (Fault.status("UploadPart", 503, part=2), "503 SlowDown"),
        (Fault.status("UploadPart", 503, part=2, after_bytes=MIB), "503 SlowDown"),
        (Fault.status("UploadPart", 400, code="RequestTimeout", part=2), "400 RequestTimeout"),
        (Fault.reset("UploadPart", part=2, after_bytes=MIB), "the connection "),
        (Fault.reset("UploadPart", part=2, after_bytes=None), "the connection was closed"),
        (Fault.close("UploadPart", part=2, after_bytes=3), "the connection "),
        (Fault.lost_answer("UploadPart", part=2), "the connection was closed"),
        (Fault.wrong_checksum("UploadPart", part=2), "an answer with another checksum"),
    ],
    ids=lambda value: str(value).replace(" ", "-"),
)
def test_a_part_that_fails_once_is_sent_once_more_and_no_other(
    s3: HostileS3, command: Command, big: Path, fault: Fault, reason: str
) -> None:
    s3.script(fault)
    ended = command.push(big, *OPTIONS)
    (retried,) = ended.told("part_retried")
    assert_delivered(s3, ended, big)
    assert sendings(s3) == {1: 1, 2: 2, 3: 1}
    assert (retried["doing"], retried["attempt"]) == ("part 2", 1)
    assert retried["reason"].startswith(reason)
    assert 0 <= ended.file["bytes_resent"] <= 5 * MIB
    assert ended.names.count("part_stored") == PARTS
    assert bool(ended.told("throttled")) == reason.startswith("503")


def test_what_went_over_the_wire_in_vain_is_counted(s3: HostileS3, command: Command, big: Path) -> None:
    s3.script(Fault.lost_answer("UploadPart", part=2, times=2))
    ended = command.push(big, *OPTIONS)
    assert_delivered(s3, ended, big)
    assert (sendings(s3)[2], ended.file["retries"], ended.file["bytes_resent"]) == (3, 2, 10 * MIB)


def test_a_store_that_asks_to_wait_is_left_alone_so_long(s3: HostileS3, command: Command, big: Path) -> None:
    s3.script(Fault.status("UploadPart", 503, retry_after=1, part=1))
    ended = command.push(big, *OPTIONS, "--concurrency", "1", "--verbose")
    (throttled,) = ended.told("throttled")
    assert_delivered(s3, ended, big)
    assert throttled["delay_s"] >= 1.0
    assert ended.result["seconds"] >= 1.0
    assert "  the store asks to slow down: everything waits " in ended.stderr
    assert "  retry: part 1 of big.parquet: 503 SlowDown (attempt 1, again in " in ended.stderr


def test_a_part_that_is_swallowed_is_given_up_when_it_stalls_and_sent_again(
    s3: HostileS3, big: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_environment(monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    s3.script(Fault.black_hole("UploadPart", part=2, after_bytes=None), Fault.black_hole("UploadPart", part=3))
    heard: list[Event] = []
    report = api.push(
        [str(big)],
        to="s3://bkt/in/",
        options=PushOptions(part_size=5 * MIB, stall_s=0.5, connection=Connection(endpoint_url=s3.endpoint)),
        state_directory=tmp_path / "state",
        observe=heard.append,
    )
    retried = {event.doing for event in heard if isinstance(event, PartRetried)}
    assert (report.exit_code, [file.status for file in report.files]) == (0, ["uploaded"])
    assert s3.objects("bkt")[LAST].path.read_bytes() == big.read_bytes()
    assert (retried, sendings(s3)) == ({"part 2", "part 3"}, {1: 1, 2: 2, 3: 2})


def test_failures_without_end_are_given_up_and_the_next_run_sends_only_what_is_missing(
    s3: HostileS3, command: Command, big: Path
) -> None:
    s3.script(Fault.status("UploadPart", 500, part=2, times=None))
    failed = command.push(big, *OPTIONS, "--retry-for", "0.2s")
    assert (failed.code, failed.error["code"], failed.error["resumable"]) == (7, "transient", True)
    assert failed.error["message"] == "part 2 of 3 was not stored: the store answered 500 InternalError"
    assert failed.error["kept"].startswith("2 parts, ")
    s3.stage.script._lines.clear()
    before = sendings(s3)
    ended = command.push(big, *OPTIONS)
    assert_delivered(s3, ended, big)
    assert ended.file["parts_reused"] == 2
    assert sendings(s3) == before | {2: before[2] + 1}


# ------------------------------------------------------------------------------------------ answers that were lost
def test_a_lost_answer_to_create_leaves_no_second_upload_in_use(s3: HostileS3, command: Command, big: Path) -> None:
    s3.script(Fault.lost_answer("CreateMultipartUpload"))
    ended = command.push(big, *OPTIONS)
    (retried,) = ended.told("part_retried")
    assert (ended.code, ended.statuses, retried["doing"]) == (0, ["uploaded"], "open the upload")
    assert s3.objects("bkt")[LAST].path.read_bytes() == big.read_bytes()
    assert sendings(s3) == {1: 1, 2: 1, 3: 1}
    assert [list(upload.parts) for upload in s3.uploads("bkt").values()] == [[]]
    assert ended.errors == []


@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)], ids=["if-absent", "overwrite"])
def test_a_lost_answer_to_complete_is_found_out_by_a_look(
    s3: HostileS3, command: Command, big: Path, overwrite: tuple[str, ...]
) -> None:
    s3.script(Fault.lost_answer("CompleteMultipartUpload"))
    ended = command.push(big, *OPTIONS, *overwrite)
    assert_delivered(s3, ended, big)
    assert s3.operations().count("CompleteMultipartUpload") == 1
    assert (sendings(s3), ended.file["bytes_resent"]) == ({1: 1, 2: 1, 3: 1}, 0)


def test_a_lost_answer_to_complete_and_a_kill_are_found_out_by_the_next_run(
    s3: HostileS3, command: Command, big: Path
) -> None:
    done = threading.Event()
    s3.script(Fault.stalled_answer("CompleteMultipartUpload", keep=10))
    s3.script(Fault.call("CompleteMultipartUpload", lambda _: done.set(), "after"))
    with command.start_push(big, *OPTIONS) as running:
        running.until("part_stored", PARTS)
        assert done.wait(30)
        s3.wait_until_stuck()
        running.kill()
    s3.release()
    ended = command.push(big, *OPTIONS)
    assert (ended.code, ended.statuses, ended.file["bytes_sent"]) == (0, ["uploaded"], 0)
    assert s3.objects("bkt")[LAST].path.read_bytes() == big.read_bytes()
    assert (sendings(s3), len(s3.objects("bkt"))) == ({1: 1, 2: 1, 3: 1}, 1)
    assert ended.errors == []


@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)], ids=["if-absent", "overwrite"])
def test_a_lost_answer_to_a_whole_file_is_found_out_by_a_look(
    s3: HostileS3, command: Command, small: Path, overwrite: tuple[str, ...]
) -> None:
    s3.script(Fault.lost_answer("PutObject"))
    ended = command.push(small, *overwrite)
    assert (ended.code, ended.statuses, ended.errors) == (0, ["uploaded"], [])
    assert s3.objects("bkt")["in/small.parquet"].path.read_bytes() == small.read_bytes()
    assert s3.operations().count("PutObject") == 1


# -------------------------------------------------------------------------------------------------------- complete
@pytest.mark.parametrize(
    "fault",
    [
        Fault.error_in_200("CompleteMultipartUpload"),
        Fault.status("CompleteMultipartUpload", 500),
        Fault.status("CompleteMultipartUpload", 503),
        Fault.status("CompleteMultipartUpload", 404),
        Fault.reset("CompleteMultipartUpload"),
        Fault.garbled("CompleteMultipartUpload", keep=60),
        Fault.cut_answer("CompleteMultipartUpload", keep=60),
    ],
    ids=str,
)
def test_a_complete_that_fails_or_breaks_off_is_settled_without_sending_a_part_again(
    s3: HostileS3, command: Command, big: Path, fault: Fault
) -> None:
    s3.script(fault)
    ended = command.push(big, *OPTIONS)
    assert_delivered(s3, ended, big)
    assert (sendings(s3), ended.file["bytes_resent"]) == ({1: 1, 2: 1, 3: 1}, 0)


def test_a_wrong_etag_of_a_part_is_mended_from_the_store_s_list(s3: HostileS3, command: Command, big: Path) -> None:
    s3.script(Fault.wrong_etag("UploadPart", part=2))
    ended = command.push(big, *OPTIONS)
    assert_delivered(s3, ended, big)
    assert sendings(s3) == {1: 1, 2: 1, 3: 1}
    assert s3.operations().count("CompleteMultipartUpload") == 2
    assert "ListParts" in s3.operations()


def test_a_part_that_the_store_lost_is_sent_again_and_that_is_said(s3: HostileS3, command: Command, big: Path) -> None:
    s3.script(Fault.lose_parts("CompleteMultipartUpload", {2}))
    ended = command.push(big, *OPTIONS)
    assert_delivered(s3, ended, big)
    assert (sendings(s3), ended.file["bytes_resent"]) == ({1: 1, 2: 2, 3: 1}, 5 * MIB)
    assert ended.file["warnings"] == ["the store lost 1 of the stored parts (5 MiB); they are sent again"]


def test_another_object_that_appears_meanwhile_is_a_conflict_and_stays(
    s3: HostileS3, command: Command, big: Path
) -> None:
    s3.script(Fault.call("CompleteMultipartUpload", lambda _: s3.put("bkt", LAST, b"theirs"), "body"))
    refused = command.push(big, *OPTIONS)
    assert (refused.code, refused.error["code"], refused.error["resumable"]) == (11, "conflict", True)
    assert s3.objects("bkt")[LAST].path.read_bytes() == b"theirs"
    wanted = command.push(big, *OPTIONS, "--overwrite")
    assert_delivered(s3, wanted, big)
    assert (wanted.file["parts_reused"], wanted.file["bytes_sent"]) == (PARTS, 0)


# ------------------------------------------------------------------------------------------------ uploads are lost
@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload"])
def test_an_upload_that_the_store_forgets_is_begun_again_in_the_same_run(
    s3: HostileS3, command: Command, big: Path, operation: str
) -> None:
    s3.script(Fault.lose_upload(operation))
    ended = command.push(big, *OPTIONS, "--concurrency", "1")
    assert_delivered(s3, ended, big)
    assert s3.operations().count("CreateMultipartUpload") == 2
    lost = 1 if operation == "UploadPart" else PARTS
    assert sum(sendings(s3).values()) == PARTS + lost
    assert ended.file["parts_reused"] == 0


def interrupted(s3: HostileS3, command: Command, big: Path) -> Outcome:
    """A run that stored all parts and was then refused."""
    s3.script(Fault.error("CompleteMultipartUpload", "AccessDenied"))
    ended = command.push(big, *OPTIONS)
    assert (ended.code, sendings(s3)) == (6, {1: 1, 2: 1, 3: 1})
    return ended


def test_a_list_of_parts_over_many_pages_is_read_to_its_end(s3: HostileS3, command: Command, big: Path) -> None:
    s3.list_page_size = 1
    interrupted(s3, command, big)
    ended = command.push(big, *OPTIONS)
    assert_delivered(s3, ended, big)
    assert (ended.file["parts_reused"], sendings(s3)) == (PARTS, {1: 1, 2: 1, 3: 1})
    assert s3.operations().count("ListParts") == PARTS


def test_a_part_that_the_store_no_longer_lists_is_sent_again(s3: HostileS3, command: Command, big: Path) -> None:
    s3.script(Fault.hide_parts({2}))
    interrupted(s3, command, big)
    ended = command.push(big, *OPTIONS)
    assert_delivered(s3, ended, big)
    assert (ended.file["parts_reused"], sendings(s3)) == (2, {1: 1, 2: 2, 3: 1})


def test_a_listed_part_that_nobody_sent_is_not_believed(s3: HostileS3, command: Command, big: Path) -> None:
    s3.script(Fault.error("UploadPart", "AccessDenied", part=3), Fault.invent_parts({3: big.stat().st_size - 10 * MIB}))
    refused = command.push(big, *OPTIONS, "--concurrency", "1")
    ended = command.push(big, *OPTIONS)
    assert refused.code == 6
    assert_delivered(s3, ended, big)
    assert (ended.file["parts_reused"], sendings(s3)) == (2, {1: 1, 2: 1, 3: 2})


def test_a_refused_part_ends_the_run_and_keeps_what_was_stored(s3: HostileS3, command: Command, big: Path) -> None:
    s3.script(Fault.error("UploadPart", "AccessDenied", part=3))
    refused = command.push(big, *OPTIONS, "--concurrency", "1")
    assert (refused.code, refused.error["code"], refused.statuses) == (6, "denied", ["failed"])
    assert refused.error["kept"] == "2 parts, 10 MiB; they stay at the store until a rule of the bucket removes them"
    ended = command.push(big, *OPTIONS)
    assert_delivered(s3, ended, big)
    assert ended.told("upload_resumed")[0]["parts_kept"] == 2
    assert "  resuming big.parquet: 2 of 3 parts (10 MiB) are at the store already" in ended.stderr


def test_a_token_that_expires_on_the_way_keeps_the_parts_and_a_new_one_continues(
    s3: HostileS3, command: Command, big: Path
) -> None:
    s3.script(Fault.expired_token("UploadPart", part=3))
    expired = command.push(big, *OPTIONS, "--concurrency", "1", AWS_SESSION_TOKEN="first-token")
    assert (expired.code, expired.error["code"], expired.error["resumable"]) == (5, "expired", True)
    assert expired.error["kept"] == "2 parts, 10 MiB; they stay at the store until a rule of the bucket removes them"
    ended = command.push(big, *OPTIONS, AWS_SESSION_TOKEN="second-token")
    assert_delivered(s3, ended, big)
    assert (ended.file["parts_reused"], sendings(s3)) == (2, {1: 1, 2: 1, 3: 2})


def test_a_file_that_changed_between_the_runs_is_sent_whole_and_the_old_upload_is_removed(
    s3: HostileS3, command: Command, tmp_path: Path
) -> None:
    source = write_sample(tmp_path / "big.parquet", 12)
    interrupted(s3, command, source)
    write_sample(source, 12, seed=2)
    ended = command.push(source, *OPTIONS)
    assert_delivered(s3, ended, source)
    assert (ended.file["parts_reused"], sendings(s3)) == (0, {1: 2, 2: 2, 3: 2})


def test_a_file_that_was_only_touched_is_compared_and_not_sent_again(
    s3: HostileS3, command: Command, tmp_path: Path
) -> None:
    source = write_sample(tmp_path / "big.parquet", 12)
    interrupted(s3, command, source)
    source.touch()
    ended = command.push(source, *OPTIONS)
    assert_delivered(s3, ended, source)
    assert (ended.file["parts_reused"], sendings(s3)) == (PARTS, {1: 1, 2: 1, 3: 1})


def test_a_file_that_changes_while_it_is_sent_becomes_no_object(
    s3: HostileS3, command: Command, tmp_path: Path
) -> None:
    source = write_sample(tmp_path / "big.parquet", 12)
    s3.script(Fault.call("UploadPart", lambda _: write_sample(source, 12, seed=2), "before", part=2))
    ended = command.push(source, *OPTIONS, "--concurrency", "1")
    assert (ended.code, ended.error["code"], ended.error["resumable"]) == (4, "source_changed", True)
    assert s3.objects("bkt") == {}
    assert ended.error["kept"] == "no object was made of the mixed content"


def test_somebody_who_sends_the_same_file_first_is_no_conflict(s3: HostileS3, command: Command, tmp_path: Path) -> None:
    small = write_good(tmp_path / "small.parquet")
    key = "in/small.parquet"
    s3.script(Fault.call("PutObject", lambda _: s3.put("bkt", key, small.read_bytes())))
    ended = command.push(small)
    assert (ended.code, ended.file["status"], ended.errors) == (0, "already_there", [])
    assert s3.objects("bkt")[key].path.read_bytes() == small.read_bytes()


def test_somebody_who_sends_another_file_of_that_size_first_is_one(
    s3: HostileS3, command: Command, tmp_path: Path
) -> None:
    small = write_good(tmp_path / "small.parquet")
    theirs = bytes(small.stat().st_size)
    s3.script(Fault.call("PutObject", lambda _: s3.put("bkt", "in/small.parquet", theirs)))
    ended = command.push(small)
    assert ended.code == 11
    assert s3.objects("bkt")["in/small.parquet"].path.read_bytes() == theirs
