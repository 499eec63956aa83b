"""A receipt says what was delivered, to whoever reads it later, and nothing that is nobody's business."""

import json
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tiktok_upload import portable
from tiktok_upload.errors import JournalError, UsageError
from tiktok_upload.events import ChecksumReport, FileReport
from tiktok_upload.facts import Column, FileFacts, Fingerprint
from tiktok_upload.journal import upload_name
from tiktok_upload.receipt import Receipt, read_receipt, receipt_json, receipt_path, write_receipt
from tiktok_upload.records import Confirmed, Planned

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX only")

ABOVE = "/home/somebody/secret-project"
CONFIRMED = Confirmed('"head-etag"', confirmed=True, version_id="v1")
PLANNED = Planned(
    path=f"{ABOVE}/data/part-0.parquet",
    bucket="bucket",
    key="in/part-0.parquet",
    endpoint="https://s3.example",
    fingerprint=Fingerprint(20_000_000, 1_795_000_000_123_456_789, 1_795_000_000_223_456_789, 1_234_567, "ab" * 32),
    part_size=8 << 20,
    proof="crc64nvme",
    nonce="0123456789abcdef",
    object_options={"sse": "aws:kms", "kms_key_id": "alias/ours", "metadata": [["team", "données"]]},
    overwrite=False,
    checked_at="2026-11-24T02:00:00.000Z",
    tool="0.1.0",
)
FACTS = FileFacts(300, 3, (Column("id", "int64"), Column("größe\n", "string")), ("ZSTD",), "a writer")


def report(path: str = "data/part-0.parquet", **others: Any) -> FileReport:
    fields: dict[str, Any] = {
        "uri": "s3://bucket/in/part-0.parquet",
        "status": "uploaded",
        "size_bytes": 20_000_000,
        "rows": 300,
        "part_size": 8 << 20,
        "parts": 3,
        "etag": '"etag-3"',
        "version_id": "v1",
        "checksum": ChecksumReport("CRC64NVME", "rosUhgp5mIg=", confirmed_by_store=True),
        "facts": FACTS,
    }
    return FileReport(path, **{**fields, **others})


def content(
    made: FileReport | None = None, planned: Planned = PLANNED, confirmed: Confirmed | None = None
) -> dict[str, Any]:
    return receipt_json(
        made or report(),
        planned,
        confirmed=confirmed or CONFIRMED,
        delivered_at="2026-11-24T02:01:00.000Z",
        raw_personal_data=False,
    )


# ---------------------------------------------------------------------------------------------------------- the content
@pytest.mark.parametrize(("of_the_object", "said"), [(None, PLANNED.nonce), ("theirs", "theirs"), ("", None)])
def test_the_nonce_is_the_object_s_whoever_made_it(of_the_object: str | None, said: str | None) -> None:
    assert content(confirmed=replace(CONFIRMED, nonce=of_the_object))["nonce"] == said


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    write_receipt(tmp_path / "receipt.json", content())
    assert read_receipt(tmp_path / "receipt.json") == Receipt(
        path="data/part-0.parquet",
        bucket="bucket",
        key="in/part-0.parquet",
        endpoint="https://s3.example",
        size_bytes=20_000_000,
        etag='"head-etag"',
        version_id="v1",
        checksum=("CRC64NVME", "rosUhgp5mIg="),
        confirmed=True,
        rows=300,
    )


@pytest.mark.parametrize("version_id", [None, "null", "v1"])
@pytest.mark.parametrize("confirmed", [True, False])
def test_what_the_store_may_leave_out_may_be_missing(
    tmp_path: Path, version_id: str | None, *, confirmed: bool
) -> None:
    checksum = ChecksumReport("CRC32", "y/Q5Jg==", confirmed_by_store=confirmed)
    made = report(version_id=version_id, checksum=checksum, rows=None, facts=None)
    write_receipt(tmp_path / "receipt.json", content(made))
    found = read_receipt(tmp_path / "receipt.json")
    assert (found.version_id, found.confirmed, found.rows) == (version_id, confirmed, None)
    assert found.checksum == ("CRC32", "y/Q5Jg==")


def test_all_that_was_promised_is_in_it() -> None:
    made = content()
    assert (made["schema"], made["tool_version"]) == (1, "0.1.0")
    assert (made["bucket"], made["key"], made["endpoint"]) == ("bucket", "in/part-0.parquet", "https://s3.example")
    assert (made["delivered_at"], made["checked_at"]) == ("2026-11-24T02:01:00.000Z", "2026-11-24T02:00:00.000Z")
    assert made["encryption"] == {"sse": "aws:kms", "kms_key_id": "alias/ours"}
    assert made["source"] == {
        "size_bytes": 20_000_000,
        "mtime_ns": 1_795_000_000_123_456_789,
        "footer_sha256": "ab" * 32,
    }
    assert made["parquet"] == FACTS.to_json()
    assert made["raw_personal_data_allowed"] is False
    assert made["file"]["version_id"] == "v1"
    assert made["file"]["status"] == "uploaded"


def test_no_path_above_the_given_one_is_in_it(tmp_path: Path) -> None:
    write_receipt(tmp_path / "receipt.json", content())
    written = (tmp_path / "receipt.json").read_text()
    assert "data/part-0.parquet" in written
    for part in (ABOVE, "somebody", "secret-project", str(tmp_path)):
        assert part not in written


@pytest.mark.parametrize("path", ["größe 東京.parquet", "line\nfeed.parquet", "latin-\udcff.parquet"])
def test_any_path_can_be_written_in_plain_ascii(tmp_path: Path, path: str) -> None:
    write_receipt(tmp_path / "receipt.json", content(report(path)))
    written = (tmp_path / "receipt.json").read_bytes()
    assert written.isascii()
    assert written.endswith(b"}\n")
    assert read_receipt(tmp_path / "receipt.json").path == path.replace("\udcff", "\\udcff")


# -------------------------------------------------------------------------------------------------------------- writing
@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@posix
@pytest.mark.usefixtures("umask")
def test_only_the_owner_can_read_it_and_enter_the_directory_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "receipts" / "receipt.json"
    for _ in range(2):
        write_receipt(path, content())
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        path.chmod(0o644)


def test_a_later_receipt_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    write_receipt(path, content(report(rows=1)))
    write_receipt(path, content(report(rows=2)))
    assert read_receipt(path).rows == 2
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("reason", ["no directory", "a directory is there", "disk full"])
def test_a_receipt_that_the_disk_refuses_is_an_error_that_says_that_the_object_is_safe(
    tmp_path: Path, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "below" / "receipt.json"
    if reason == "no directory":
        path.parent.write_bytes(b"")
    elif reason == "a directory is there":
        path.mkdir(parents=True)
    else:
        monkeypatch.setattr(portable, "write_private", _full)
    with pytest.raises(JournalError, match=r"the receipt receipt\.json could not be written") as caught:
        write_receipt(path, content())
    assert (caught.value.exit_code, caught.value.name, caught.value.resumable) == (9, "receipt", True)
    assert caught.value.kept == "the object is delivered and verified"


def _full(_path: Path, _data: bytes) -> None:
    raise OSError(28, "No space left on device")


# ---------------------------------------------------------------------------------------------------------------- where
STATE = Path("state")


def where(chosen: str | None, key: str = "in/part-0.parquet", *, several: bool = False) -> Path:
    upload = upload_name("data/part-0.parquet", "", "bucket", key)
    return receipt_path(chosen, STATE, upload, key, several=several)


@pytest.mark.parametrize("several", [False, True])
def test_unless_one_is_chosen_it_lies_in_the_state_directory_named_after_the_upload(*, several: bool) -> None:
    found = receipt_path(None, STATE, "upload", "in/part-0.parquet", several=several)
    assert found == STATE / "receipts" / "upload.json"


def test_a_path_that_is_chosen_is_the_receipt(tmp_path: Path) -> None:
    chosen = tmp_path / "receipt.json"
    assert where(str(chosen)) == chosen
    chosen.write_bytes(b"an earlier one")
    assert where(str(chosen)) == chosen


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("ending", ["", "/"])
def test_in_a_directory_that_is_there_it_is_named_after_the_key(tmp_path: Path, ending: str, *, several: bool) -> None:
    found = where(f"{tmp_path}{ending}", several=several)
    assert found.parent == tmp_path
    assert "part-0.parquet" in found.name
    assert found.suffix == ".json"


@pytest.mark.parametrize("several", [False, True])
def test_what_ends_in_a_slash_is_a_directory_that_may_not_be_there_yet(tmp_path: Path, *, several: bool) -> None:
    assert where(f"{tmp_path}/made/for/it/", several=several).parent == tmp_path / "made" / "for" / "it"


def test_one_path_for_several_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is one file, but there are several") as caught:
        where(str(tmp_path / "receipt.json"), several=True)
    assert (caught.value.exit_code, caught.value.hint) == (2, "end it with / for a directory")


def test_each_key_has_a_receipt_of_its_own_in_a_directory() -> None:
    keys = ["a/b/c", "a__b/c", "a/b__c", "a__b__c", "a_/_b/c", "a//b/c", "A/b/c"]
    assert len({where("receipts/", key).name.casefold() for key in keys}) == len(keys)


@pytest.mark.parametrize(
    "key",
    ["x" * 1024, "dir/" * 255 + "file", "é" * 512, "..", ".", "../../up", "a/../../../up", "line\nfeed", "con\\..\\up"],
    ids=["long", "deep", "wide", "up", "here", "above", "over", "control", "backslash"],
)
def test_whatever_the_key_its_receipt_lies_in_the_directory_and_can_be_written(tmp_path: Path, key: str) -> None:
    path = where(f"{tmp_path}/receipts/", key)
    assert path.parent == tmp_path / "receipts"
    write_receipt(path, content())
    assert [found.name for found in (tmp_path / "receipts").iterdir()] == [path.name]
    assert read_receipt(path).key == PLANNED.key


# -------------------------------------------------------------------------------------------------------------- rubbish
def refusal(path: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_receipt(path)
    assert caught.value.exit_code == 2
    return caught.value


RUBBISH = {
    "empty": b"",
    "text": b"this is no receipt",
    "binary": bytes(range(256)),
    "null": b"null",
    "number": b"1",
    "text value": b'"receipt"',
    "list": b"[]",
    "object": b"{}",
    "cut": json.dumps(content()).encode()[:-1],
    "two": json.dumps(content()).encode() * 2,
    "other kind": json.dumps({**content(), "receipt": "something else"}).encode(),
    "result line": json.dumps({"schema": 1, "event": "result", "files": []}).encode(),
    "newer": json.dumps({**content(), "schema": 2}).encode(),
    "deep": b"[" * 200_000,
    "deep objects": b'{"a":' * 200_000,
    "file is a list": json.dumps({**content(), "file": [1]}).encode(),
    "no checksum": json.dumps({**content(), "file": {**content()["file"], "checksum": None}}).encode(),
    "size is text": json.dumps({**content(), "source": {"size_bytes": "large"}}).encode(),
    "size is infinite": json.dumps({**content(), "source": {"size_bytes": float("inf")}}).encode(),
    "size is no number": json.dumps({**content(), "source": {"size_bytes": float("nan")}}).encode(),
    "size is too long": b'{"size_bytes": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("data", RUBBISH.values(), ids=RUBBISH.keys())
def test_a_file_that_is_no_receipt_is_called_so(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "receipt.json").write_bytes(data)
    error = refusal(tmp_path / "receipt.json")
    assert error.message.endswith("receipt.json is no receipt of tiktok-upload")
    assert error.hint == "give the file that --receipt wrote"


@pytest.mark.parametrize("field", ["schema", "receipt", "bucket", "key", "endpoint", "head_etag", "source", "file"])
def test_a_receipt_that_lacks_a_field_is_none(tmp_path: Path, field: str) -> None:
    made = content()
    del made[field]
    (tmp_path / "receipt.json").write_text(json.dumps(made))
    refusal(tmp_path / "receipt.json")


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(content()))
    with path.open("r+b") as file:
        file.truncate(1 << 40 if sys.platform.startswith("linux") else 80 << 20)
    assert "is no receipt" in refusal(path).message


def test_a_missing_receipt_is_a_usage_error_that_escapes_its_name(tmp_path: Path) -> None:
    error = refusal(tmp_path / "no\u202esuch")
    assert error.message.startswith(f"the receipt {tmp_path}{os.sep}no\\u202esuch cannot be read: ")
    assert error.hint == "check the path"


@pytest.mark.parametrize("name", ["directory", "x" * 300, "zero\0byte"], ids=["directory", "long", "zero"])
def test_what_cannot_be_a_file_is_a_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "directory").mkdir()
    refusal(tmp_path / name)


@posix
def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    refusal(tmp_path / "fifo")


@posix
def test_a_fifo_whose_writer_says_nothing_is_refused_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with portable.open_for_reading(tmp_path / "fifo"), (tmp_path / "fifo").open("wb"):
        refusal(tmp_path / "fifo")
