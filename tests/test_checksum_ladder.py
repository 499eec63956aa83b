"""A store that refuses the headers of a CRC is asked once more with Content-MD5, unless the user chose the CRC."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.command import CREDENTIALS, run_here
from tests.support.hostile_s3 import Entry, Fault, HostileS3, Request
from tests.support.parquet_files import write_good
from tests.support.sample import MIB, write_sample
from tests.support.servers import as_server, share_models, use

from tiktok_upload import Connection, FileReport, PushOptions, push, resume

REFUSALS = [(400, "InvalidArgument"), (501, "NotImplemented")]
PARTS = 3


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_good(tmp_path_factory.mktemp("sample") / "f.parquet")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "f.parquet", 11)


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileS3]:
    """One that knows of no CRC by itself."""
    with HostileS3(tmp_path / "s3", CREDENTIALS, default_checksum=False) as server:
        server.make_bucket("bkt")
        use(monkeypatch, as_server(server))
        share_models(monkeypatch)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        yield server


def names_crc(request: Request | Entry) -> bool:
    """Whether a header speaks of a CRC."""
    return any(name.startswith(("x-amz-checksum-", "x-amz-sdk-checksum")) for name in request.headers)


def refuse(s3: HostileS3, *operations: str, status: int = 400, code: str = "InvalidArgument") -> None:
    """Refuse the CRC's headers in these requests, for ever."""
    for operation in operations:
        s3.script(Fault.status(operation, status, code=code, where=names_crc, times=None))


def deliver(s3: HostileS3, path: Path, *, concurrency: int = 1, **changes: Any) -> FileReport:
    options = PushOptions(
        part_size=5 * MIB, concurrency=concurrency, connection=Connection(endpoint_url=s3.endpoint), **changes
    )
    (report,) = push([str(path)], to="s3://bkt/in/", options=options).files
    return report


def asked(s3: HostileS3, operation: str) -> list[Entry]:
    return [entry for entry in s3.requests if entry.operation == operation]


def receipt(tmp_path: Path) -> dict[str, Any]:
    (path,) = (tmp_path / "tiktok-upload" / "receipts").iterdir()
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def md5_of(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def assert_delivered(s3: HostileS3, report: FileReport, path: Path) -> None:
    assert (report.status, report.error) == ("uploaded", None)
    assert s3.objects("bkt")["in/f.parquet"].path.read_bytes() == path.read_bytes()
    assert s3.uploads("bkt") == {}
    assert any("Content-MD5 instead" in warning for warning in report.warnings)


@pytest.mark.parametrize(("status", "code"), REFUSALS)
def test_a_small_file_goes_with_its_md5(s3: HostileS3, small: Path, tmp_path: Path, status: int, code: str) -> None:
    refuse(s3, "PutObject", status=status, code=code)
    report = deliver(s3, small)
    assert_delivered(s3, report, small)
    refused, taken = asked(s3, "PutObject")
    assert (refused.status, names_crc(refused)) == (status, True)
    assert (names_crc(taken), taken.headers["content-md5"]) == (False, md5_of(small.read_bytes()))
    assert (receipt(tmp_path)["proof"], receipt(tmp_path)["file"]["checksum"]["confirmed_by_store"]) == ("md5", False)
    assert f"({status} {code})" in report.warnings[0]


@pytest.mark.parametrize(("status", "code"), REFUSALS)
def test_a_large_file_goes_with_the_md5_of_each_part(
    s3: HostileS3, large: Path, tmp_path: Path, status: int, code: str
) -> None:
    refuse(s3, "CreateMultipartUpload", status=status, code=code)
    assert_delivered(s3, deliver(s3, large), large)
    assert [names_crc(entry) for entry in asked(s3, "CreateMultipartUpload")] == [True, False]
    parts = asked(s3, "UploadPart")
    assert [(names_crc(entry), "content-md5" in entry.headers) for entry in parts] == [(False, True)] * PARTS
    assert [names_crc(entry) for entry in asked(s3, "CompleteMultipartUpload")] == [False]
    assert receipt(tmp_path)["proof"] == "md5"


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_store_that_refuses_the_crc_with_the_parts_only_gets_them_all_anew(
    s3: HostileS3, large: Path, tmp_path: Path, concurrency: int
) -> None:
    refuse(s3, "UploadPart")
    assert_delivered(s3, deliver(s3, large, concurrency=concurrency), large)
    assert receipt(tmp_path)["proof"] == "md5"


def test_a_part_that_was_taken_with_its_crc_is_not_taken_for_one_of_the_upload_that_follows(
    s3: HostileS3, large: Path
) -> None:
    s3.random_etags = True
    # Part 2 is on its way with its CRC when part 1 is refused; it ends when the new upload has its own part 2.
    s3.script(
        Fault.black_hole("UploadPart", part=2, where=names_crc),
        Fault.call("UploadPart", lambda _: s3.wait_until_stuck(), part=1, where=names_crc),
        Fault.status("UploadPart", 400, code="InvalidArgument", part=1, where=names_crc),
        Fault.call("UploadPart", lambda _: s3.release(go_on=True), "after", part=2, where=lambda r: not names_crc(r)),
    )
    assert_delivered(s3, deliver(s3, large, concurrency=2, stall_s=1.0), large)


@pytest.mark.parametrize(("status", "code"), REFUSALS)
@pytest.mark.parametrize("size", ["small", "large"])
def test_a_store_that_refuses_to_be_asked_for_checksums_too_is_asked_without(
    s3: HostileS3, size: str, status: int, code: str, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(size)
    refuse(s3, "*", status=status, code=code)
    report = deliver(s3, path)
    assert_delivered(s3, report, path)
    assert asked(s3, "HeadObject")[-1].status == 200


def test_people_are_told_once(s3: HostileS3, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refuse(s3, "PutObject", status=501, code="NotImplemented")
    ended = run_here(capsys, "push", small, "--to", "s3://bkt/in/", "--endpoint-url", s3.endpoint)
    notes = [line for line in ended.notes if "Content-MD5" in line]
    assert (ended.code, len(notes)) == (0, 1)
    assert notes[0].startswith("  note: the store refused the request with a CRC (501 NotImplemented)")


def test_what_was_begun_with_md5_goes_on_so_and_nothing_is_asked_with_a_crc_again(
    s3: HostileS3, large: Path, tmp_path: Path
) -> None:
    refuse(s3, "CreateMultipartUpload")
    s3.script(Fault.error("UploadPart", "AccessDenied", part=2))
    assert deliver(s3, large).status == "failed"
    begun = len(s3.requests)
    (report,) = resume().files
    sent = [entry for entry in s3.requests[begun:] if entry.operation != "HeadObject"]
    assert (report.status, report.parts_reused) == ("uploaded", 1)
    assert [entry.operation for entry in sent] == ["ListParts", "UploadPart", "UploadPart", "CompleteMultipartUpload"]
    assert not any(names_crc(entry) for entry in sent)
    assert receipt(tmp_path)["proof"] == "md5"


def test_the_same_push_again_goes_on_with_md5_too(s3: HostileS3, large: Path) -> None:
    refuse(s3, "CreateMultipartUpload")
    s3.script(Fault.error("UploadPart", "AccessDenied", part=2))
    deliver(s3, large)
    report = deliver(s3, large)
    assert (report.status, report.parts_reused) == ("uploaded", 1)
    assert len(asked(s3, "CreateMultipartUpload")) == 2


def test_a_file_that_was_delivered_with_md5_is_already_there(s3: HostileS3, small: Path) -> None:
    refuse(s3, "PutObject")
    deliver(s3, small)
    assert deliver(s3, small).status == "already_there"
    assert len(asked(s3, "PutObject")) == 2


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_crc_that_the_user_chose_is_not_given_up(
    s3: HostileS3, size: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(s3, {"small": "PutObject", "large": "CreateMultipartUpload"}[size])
    path = request.getfixturevalue(size)
    choice = ("--checksum", "crc64nvme", "--endpoint-url", s3.endpoint, "--part-size", "5MiB")
    ended = run_here(capsys, "push", path, "--to", "s3://bkt/in/", *choice, "--json")
    assert (ended.code, ended.error["code"], s3.objects("bkt")) == (6, "refused", {})
    assert "--checksum" in ended.error["hint"]
    assert sum(names_crc(entry) for entry in s3.requests if entry.operation != "HeadObject") == 1
    assert not any("content-md5" in entry.headers for entry in s3.requests)


@pytest.mark.parametrize(("size", "operation"), [("small", "PutObject"), ("large", "CreateMultipartUpload")])
def test_a_store_that_refuses_either_way_is_asked_twice_and_its_last_word_is_told(
    s3: HostileS3, size: str, operation: str, request: pytest.FixtureRequest
) -> None:
    refuse(s3, operation)
    s3.script(Fault.status(operation, 400, code="InvalidStorageClass", times=None))
    report = deliver(s3, request.getfixturevalue(size))
    assert report.error is not None
    assert (report.status, report.error.exit_code) == ("failed", 6)
    assert "400 InvalidStorageClass" in report.error.message
    assert [names_crc(entry) for entry in asked(s3, operation)] == [True, False]


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "InvalidAccessKeyId"])
def test_a_refusal_that_has_another_reason_is_not_asked_again(s3: HostileS3, small: Path, code: str) -> None:
    s3.script(Fault.error("PutObject", code))
    report = deliver(s3, small)
    assert (report.status, len(asked(s3, "PutObject"))) == ("failed", 1)


def test_each_file_of_a_run_is_delivered(s3: HostileS3, small: Path, large: Path, tmp_path: Path) -> None:
    refuse(s3, "PutObject", "CreateMultipartUpload")
    other = tmp_path / "other.parquet"
    other.write_bytes(small.read_bytes())
    options = PushOptions(part_size=5 * MIB, contract="none", connection=Connection(endpoint_url=s3.endpoint))
    report = push([str(large), str(other)], to="s3://bkt/in/", options=options)
    assert (report.exit_code, sorted(s3.objects("bkt"))) == (0, ["in/f.parquet", "in/other.parquet"])
