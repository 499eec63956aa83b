"""`tiktok-upload verify`, installed: is the stored object still the one of this receipt."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.command import CREDENTIALS, Command, run_here
from tests.support.hostile_s3 import HostileS3
from tests.support.parquet_files import write_good

KEY = "in/small.parquet"


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def command(tmp_path: Path, s3: HostileS3) -> Command:
    return Command(tmp_path, s3.endpoint)


@pytest.fixture
def receipt(command: Command, s3: HostileS3, tmp_path: Path) -> Path:
    s3.versioning = True
    path = tmp_path / "receipt.json"
    assert command.push(write_good(tmp_path / "small.parquet"), "--receipt", path).code == 0
    return path


def test_an_object_that_is_still_the_one_is_verified(command: Command, s3: HostileS3, receipt: Path) -> None:
    told = json.loads(receipt.read_text())["file"]
    ended = command.verify(receipt)
    assert (ended.code, ended.names, ended.statuses) == (0, ["file_done", "result"], ["verified"])
    same = ("uri", "size_bytes", "rows", "etag", "version_id", "checksum")
    assert {name: ended.file[name] for name in same} == {name: told[name] for name in same}
    assert ended.file["checksum"]["confirmed_by_store"] is True
    assert s3.operations()[-1] == "HeadObject"
    assert ended.stderr.startswith(f"verified: s3://bkt/{KEY} (")


def test_without_json_stdout_is_empty(command: Command, receipt: Path) -> None:
    ended = command.run("verify", receipt)
    assert (ended.code, ended.stdout) == (0, "")
    assert ended.stderr.startswith(f"verified: s3://bkt/{KEY} (")


def test_an_object_of_another_size_is_not_verified(command: Command, s3: HostileS3, receipt: Path) -> None:
    s3.put("bkt", KEY, b"other")
    ended = command.verify(receipt)
    assert (ended.code, ended.statuses, ended.error["code"]) == (8, ["failed"], "wrong_object")
    assert ended.names == ["file_failed", "result"]
    assert "it has 5 bytes, the receipt says" in ended.errors[0]
    assert ended.error["hint"].startswith("do not use the object")


def test_an_object_of_the_same_size_and_other_content_is_not_verified(
    command: Command, s3: HostileS3, receipt: Path, tmp_path: Path
) -> None:
    content = bytearray((tmp_path / "small.parquet").read_bytes())
    content[100] ^= 1
    s3.put("bkt", KEY, bytes(content))
    ended = command.verify(receipt)
    assert (ended.code, ended.error["code"]) == (8, "wrong_object")
    assert "its checksum is not the receipt's" in ended.errors[0]


def test_the_same_content_written_again_is_another_version(
    command: Command, s3: HostileS3, receipt: Path, tmp_path: Path
) -> None:
    s3.put("bkt", KEY, (tmp_path / "small.parquet").read_bytes())
    ended = command.verify(receipt)
    assert (ended.code, ended.error["code"]) == (8, "wrong_object")
    assert "its version is not the receipt's" in ended.errors[0]


def test_an_object_that_is_gone_is_not_verified(command: Command, s3: HostileS3, receipt: Path) -> None:
    s3.delete("bkt", KEY)
    ended = command.verify(receipt)
    assert (ended.code, ended.error["code"]) == (8, "wrong_object")
    assert ended.errors == [f"error: s3://bkt/{KEY} is gone (small.parquet)"]


def test_without_the_right_to_look_nothing_is_said_of_the_object(
    command: Command, s3: HostileS3, receipt: Path
) -> None:
    s3.deny = {"HeadObject"}
    ended = command.verify(receipt)
    assert (ended.code, ended.error["code"], ended.statuses) == (6, "refused", ["failed"])
    assert "s3:GetObject" in ended.error["hint"]
    assert len(ended.errors) == 1


def test_a_store_that_cannot_be_reached_ends_it_soon(command: Command, s3: HostileS3, receipt: Path) -> None:
    s3.stop()
    ended = command.verify(receipt, "--retry-for", "0.2s")
    assert (ended.code, ended.error["code"], ended.error["resumable"]) == (7, "unreachable", True)
    assert "could not be looked at" in ended.errors[0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.json", None),
        ("text.json", b"no receipt"),
        ("other.json", b'{"receipt": "of something else", "schema": 1}'),
        ("newer.json", b'{"receipt": "tiktok-upload", "schema": 2}'),
        ("list.json", b"[]"),
        ("binary.json", bytes(range(256))),
    ],
)
def test_what_is_no_receipt_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, content: bytes | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    ended = run_here(capsys, "verify", path, "--json")
    assert (ended.code, ended.error["code"], ended.files) == (2, "usage", [])
    assert len(ended.errors) == 1
    assert name in ended.errors[0]
