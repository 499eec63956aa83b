"""`tiktok-upload push`, installed, against a strict store: what arrives, what is told, what stays."""

import base64
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from awscrt import checksums as crt
from tests.support.command import CREDENTIALS, Command
from tests.support.hostile_s3 import Fault, HostileS3, StoredObject
from tests.support.parquet_files import write_good
from tests.support.sample import MIB, write_sample
from tests.support.servers import rclone_server

PARTS = 3
"""Of the big file, at 5 MiB each."""
OF_TWO_KINDS = ("--contract", "none")
"""The big file and the small one need not agree."""
RESULT_FIELDS = {
    "path", "uri", "status", "size_bytes", "rows", "part_size", "parts", "parts_reused", "bytes_sent", "bytes_reused",
    "bytes_resent", "retries", "seconds", "etag", "version_id", "checksum", "contract", "findings", "error",
}  # fmt: skip


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "big.parquet", 12)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_good(tmp_path_factory.mktemp("sample") / "small.parquet")


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def command(tmp_path: Path, s3: HostileS3) -> Command:
    return Command(tmp_path, s3.endpoint)


def crc64nvme(path: Path) -> str:
    return base64.b64encode(crt.crc64nvme(path.read_bytes()).to_bytes(8, "big")).decode()


def stored(s3: HostileS3, key: str) -> StoredObject:
    return s3.objects("bkt")[key]


def assert_same(found: StoredObject, source: Path) -> None:
    assert found.path.read_bytes() == source.read_bytes()


def sent_operations(s3: HostileS3) -> set[str]:
    return set(s3.operations()) - {"HeadObject", "ListParts"}


# ------------------------------------------------------------------------------------------------------ the main job
def test_a_file_of_many_parts_arrives_and_every_step_is_told_in_order(
    s3: HostileS3, command: Command, big: Path
) -> None:
    ended = command.push(big, "--part-size", "5MiB")
    assert (ended.code, ended.result["status"], ended.result["error"]) == (0, "ok", None)
    assert_same(stored(s3, "in/big.parquet"), big)
    assert ended.names == ["started", "file_checked", "file_planned", *["part_stored"] * PARTS, "file_done", "result"]
    assert ended.told("file_planned")[0] | {"at": ""} == {
        "schema": 1,
        "event": "file_planned",
        "at": "",
        "path": str(big),
        "uri": "s3://bkt/in/big.parquet",
        "size_bytes": big.stat().st_size,
        "part_size": 5 * MIB,
        "parts": PARTS,
    }
    assert sorted(event["number"] for event in ended.told("part_stored")) == [1, 2, 3]
    assert [event["parts_stored"] for event in ended.told("part_stored")] == [1, 2, 3]
    assert ended.stderr.splitlines()[1] == "  to s3://bkt/in/big.parquet: 12.1 MiB, 3 parts of 5 MiB"


def test_the_result_has_every_promised_field_and_the_store_s_own_word_for_the_checksum(
    s3: HostileS3, command: Command, big: Path
) -> None:
    ended = command.push(big, "--part-size", "5MiB")
    file, size = ended.file, big.stat().st_size
    assert ended.code == 0
    assert file.keys() >= RESULT_FIELDS
    assert file.pop("seconds") <= ended.result["seconds"] + 0.001
    assert file["checksum"] == {"algorithm": "CRC64NVME", "value": crc64nvme(big), "confirmed_by_store": True}
    assert file["etag"] == stored(s3, "in/big.parquet").etag
    counts = [file[name] for name in ("size_bytes", "rows", "part_size", "parts", "parts_reused")]
    assert counts == [size, 12 * 1024, 5 * MIB, PARTS, 0]
    assert [file[name] for name in ("bytes_sent", "bytes_reused", "bytes_resent", "retries")] == [size, 0, 0, 0]
    assert (file["status"], file["error"], file["warnings"], file["findings"]) == ("uploaded", None, [], [])
    assert {name: value for name, value in ended.told("file_done")[0].items() if name in file} == file
    assert "confirmed by the store" in ended.stderr


def test_the_same_command_again_sends_nothing(s3: HostileS3, command: Command, big: Path) -> None:
    first = command.push(big, "--part-size", "5MiB")
    requests = len(s3.requests)
    again = command.push(big, "--part-size", "5MiB")
    assert (first.code, again.code) == (0, 0)
    assert (again.file["status"], again.file["bytes_sent"], again.file["bytes_reused"]) == ("already_there", 0, 0)
    assert {entry.operation for entry in s3.requests[requests:]} == {"HeadObject"}
    assert again.file["checksum"] == first.file["checksum"]
    assert "already there: s3://bkt/in/big.parquet" in again.stderr


def test_a_file_of_one_part_is_one_request(s3: HostileS3, command: Command, small: Path) -> None:
    ended = command.push(small, to="s3://bkt/one.parquet")
    assert (ended.code, ended.file["parts"], ended.file["checksum"]["confirmed_by_store"]) == (0, 1, True)
    assert ended.names == ["started", "file_checked", "file_planned", "part_stored", "file_done", "result"]
    assert s3.operations() == ["HeadObject", "PutObject", "HeadObject"]
    assert_same(stored(s3, "one.parquet"), small)
    assert "one part" in ended.stderr


def test_without_json_stdout_is_empty_and_stderr_says_where_the_file_went(
    s3: HostileS3, command: Command, small: Path
) -> None:
    ended = command.run("push", small, "--to", "s3://bkt/in/", "--endpoint-url", command.endpoint)
    assert (ended.code, ended.stdout) == (0, "")
    checked, planned, done, unproved, receipt = ended.stderr.splitlines()
    assert checked.startswith("small.parquet: 300 rows, 3 row groups, 2 columns, zstd, by parquet-cpp-arrow")
    assert planned.startswith("  to s3://bkt/in/small.parquet: ")
    assert done.startswith("uploaded: s3://bkt/in/small.parquet (")
    assert unproved == (
        "  note: quick check: 300 of 300 rows were looked at; only --check full proves that every page is whole"
    )
    assert receipt.startswith("  receipt: ")
    assert_same(stored(s3, "in/small.parquet"), small)


def test_quiet_says_nothing_of_a_success_and_the_log_file_has_every_event(
    s3: HostileS3, command: Command, small: Path, tmp_path: Path
) -> None:
    log = tmp_path / "logs" / "push.jsonl"
    ended = command.run(
        "push", small, "--to", "s3://bkt/in/", "--endpoint-url", s3.endpoint, "--quiet", "--log-file", log
    )
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    events = [line["event"] for line in lines if line["event"] != "request"]
    assert events == ["started", "file_checked", "file_planned", "part_stored", "file_done", "result"]
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["operation"] for line in requests] == ["head_object", "put_object", "head_object"]
    assert all(line["attempt"] == 1 and line["milliseconds"] >= 0 and line["request_id"] for line in requests)
    assert log.stat().st_mode & 0o777 == 0o600


def test_quiet_still_tells_an_error(s3: HostileS3, command: Command, small: Path) -> None:
    s3.put("bkt", "in/small.parquet", b"theirs")
    ended = command.run("push", small, "--to", "s3://bkt/in/", "--endpoint-url", s3.endpoint, "--quiet")
    assert (ended.code, ended.stdout) == (11, "")
    assert [line.partition(":")[0] for line in ended.stderr.splitlines()] == ["error", "  kept", "  hint"]


def test_verbose_tells_each_part(s3: HostileS3, command: Command, big: Path) -> None:
    ended = command.push(big, "--part-size", "5MiB", "--verbose")
    assert ended.code == 0
    told = sorted(line for line in ended.stderr.splitlines() if line.startswith("  part "))
    assert told == [f"  part {number} of 3 of big.parquet is stored" for number in (1, 2, 3)]
    assert len(s3.objects("bkt")) == 1


# ----------------------------------------------------------------------------------------------------------- choices
def test_a_dry_run_plans_and_leaves_nothing_anywhere(s3: HostileS3, command: Command, big: Path) -> None:
    ended = command.push(big, "--part-size", "5MiB", "--dry-run")
    assert (ended.code, ended.file["status"], ended.file["parts"]) == (0, "planned", PARTS)
    assert ended.names == ["started", "file_checked", "file_planned", "file_done", "result"]
    assert s3.operations() == ["HeadObject"]
    assert [path for path in command.home.rglob("*") if path.is_file()] == []
    assert "would send: s3://bkt/in/big.parquet (12.1 MiB, 3 parts of 5 MiB)" in ended.stderr


def test_another_object_is_never_replaced_unless_that_is_wanted(s3: HostileS3, command: Command, small: Path) -> None:
    s3.put("bkt", "in/small.parquet", b"theirs")
    refused = command.push(small)
    assert (refused.code, refused.error["code"], refused.error["resumable"]) == (11, "conflict", True)
    assert stored(s3, "in/small.parquet").path.read_bytes() == b"theirs"
    assert refused.errors == ["error: another object is already at s3://bkt/in/small.parquet (small.parquet)"]
    wanted = command.push(small, "--overwrite")
    assert (wanted.code, wanted.file["status"]) == (0, "uploaded")
    assert_same(stored(s3, "in/small.parquet"), small)


def test_the_same_content_that_somebody_else_put_there_is_already_there(
    s3: HostileS3, command: Command, small: Path
) -> None:
    s3.put("bkt", "in/small.parquet", small.read_bytes())
    ended = command.push(small)
    assert (ended.code, ended.file["status"], ended.file["bytes_sent"]) == (0, "already_there", 0)
    assert sent_operations(s3) == set()
    assert ended.errors == []
    assert json.loads(Path(ended.file["receipt"]).read_text())["nonce"] is None  # ours made no object


def test_restart_begins_anew_and_removes_what_was_stored_before(s3: HostileS3, command: Command, big: Path) -> None:
    s3.script(Fault.error("CompleteMultipartUpload", "AccessDenied"))
    refused = command.push(big, "--part-size", "5MiB")
    assert refused.code == 6
    assert refused.error["kept"].startswith("3 parts, 12.1 MiB; they stay at the store")
    assert len(s3.uploads("bkt")) == 1
    anew = command.push(big, "--part-size", "5MiB", "--restart")
    assert (anew.code, anew.file["parts_reused"], anew.file["bytes_sent"]) == (0, 0, big.stat().st_size)
    assert anew.told("upload_resumed") == []
    assert s3.uploads("bkt") == {}
    assert_same(stored(s3, "in/big.parquet"), big)


def test_a_part_size_that_was_adjusted_is_reported(s3: HostileS3, command: Command, big: Path) -> None:
    ended = command.push(big, "--part-size", "1MiB")
    (notice,) = ended.told("notice")
    assert (ended.code, ended.file["part_size"]) == (0, 5 * MIB)
    assert ended.file["warnings"] == [notice["message"]]
    assert notice["message"].startswith("--part-size was moved from 1 MiB to 5 MiB ")
    assert ended.notes == [f"  note: {notice['message']}"]
    assert_same(stored(s3, "in/big.parquet"), big)


def test_no_more_goes_out_than_the_bandwidth_allows(s3: HostileS3, command: Command, big: Path) -> None:
    rate = 8 * MIB
    ended = command.push(big, "--part-size", "5MiB", "--max-bandwidth", "8MiB/s", "--concurrency", "2")
    told = ended.told("progress")
    assert ended.code == 0
    assert told
    # What each sender holds in its hand, and the burst of 0.1 s that an idle line is allowed.
    slack = 2 * 64 * 1024 + 0.1 * rate
    assert [event for event in told if event["bytes_sent"] > rate * event["seconds"] + slack] == []
    assert ended.result["seconds"] >= (big.stat().st_size - slack) / rate
    assert_same(stored(s3, "in/big.parquet"), big)
    assert ended.notes == []


def test_options_may_come_from_the_environment_and_the_command_line_outranks_it(
    s3: HostileS3, command: Command, big: Path, tmp_path: Path
) -> None:
    ended = command.run(
        "push", big, "--part-size", "6MiB",
        TIKTOK_UPLOAD_TO="s3://bkt/env/", TIKTOK_UPLOAD_ENDPOINT_URL=s3.endpoint, TIKTOK_UPLOAD_JSON="1",
        TIKTOK_UPLOAD_PART_SIZE="5MiB", TIKTOK_UPLOAD_QUIET="1", TIKTOK_UPLOAD_CHECKSUM="crc32c",
        TIKTOK_UPLOAD_STORAGE_CLASS="STANDARD_IA", TIKTOK_UPLOAD_STATE_DIR=str(tmp_path / "elsewhere"),
        TIKTOK_UPLOAD_LOG_FILE=str(tmp_path / "log"), TIKTOK_UPLOAD_RECEIPT=str(tmp_path / "receipt.json"),
    )  # fmt: skip
    assert (ended.code, ended.stderr) == (0, "")
    found = stored(s3, "env/big.parquet")
    assert [part.size for part in found.parts] == [6 * MIB, 6 * MIB, big.stat().st_size - 12 * MIB]
    assert (found.headers["x-amz-storage-class"], ended.file["checksum"]["algorithm"]) == ("STANDARD_IA", "CRC32C")
    assert [(tmp_path / name).exists() for name in ("elsewhere", "log", "receipt.json")] == [True, True, True]
    assert not command.state.exists()


def test_the_consent_to_raw_personal_data_has_no_variable(s3: HostileS3, command: Command, small: Path) -> None:
    receipts = command.root / "receipts"
    by_variable = command.push(
        small, "--receipt", f"{receipts}/", to="s3://bkt/a", TIKTOK_UPLOAD_ALLOW_RAW_PERSONAL_DATA="1"
    )
    by_option = command.push(small, "--receipt", f"{receipts}/", "--allow-raw-personal-data", to="s3://bkt/b")
    consents = [json.loads(path.read_text())["raw_personal_data_allowed"] for path in sorted(receipts.iterdir())]
    assert (by_variable.code, by_option.code, consents) == (0, 0, [False, True])
    assert by_variable.errors == by_option.errors == []
    assert len(s3.objects("bkt")) == 2


def test_what_the_object_shall_be_made_with_reaches_the_store(
    s3: HostileS3, command: Command, big: Path, small: Path
) -> None:
    ended = command.push(
        big, small, *OF_TWO_KINDS, "--part-size", "5MiB",
        "--sse", "aws:kms", "--kms-key-id", "key-1", "--storage-class", "GLACIER_IR",
        "--metadata", "team=ads", "--metadata", "note=a=b c", "--tag", "day=2026 11", "--tag", "kind=x&y",
        "--acl", "bucket-owner-full-control", "--expected-bucket-owner", "123456789012",
    )  # fmt: skip
    assert (ended.code, ended.errors) == (0, [])
    for source in (big, small):
        found = stored(s3, f"in/{source.name}")
        assert_same(found, source)
        assert {name: found.metadata[name] for name in ("team", "note")} == {"team": "ads", "note": "a=b c"}
        assert (
            found.headers
            | {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": "key-1",
                "x-amz-storage-class": "GLACIER_IR",
                "x-amz-tagging": "day=2026+11&kind=x%26y",
                "content-type": "application/vnd.apache.parquet",
            }
            == found.headers
        )
    making = [entry for entry in s3.requests if entry.operation in {"PutObject", "CreateMultipartUpload"}]
    assert {entry.headers["x-amz-acl"] for entry in making} == {"bucket-owner-full-control"}
    assert {entry.headers["x-amz-expected-bucket-owner"] for entry in s3.requests} == {"123456789012"}


def test_a_bucket_of_another_account_is_refused(s3: HostileS3, command: Command, small: Path) -> None:
    ended = command.push(small, "--expected-bucket-owner", "999999999999")
    assert (ended.code, ended.error["code"], s3.objects("bkt")) == (6, "denied", {})
    assert len(ended.errors) == 1


# ---------------------------------------------------------------------------------------------------------- checksums
@pytest.mark.parametrize("algorithm", ["crc64nvme", "crc32c", "crc32"])
def test_each_crc_is_sent_with_every_body_and_confirmed(
    s3: HostileS3, command: Command, big: Path, small: Path, algorithm: str
) -> None:
    ended = command.push(big, small, *OF_TWO_KINDS, "--part-size", "5MiB", "--checksum", algorithm)
    bodies = [entry for entry in s3.requests if entry.operation in {"PutObject", "UploadPart"}]
    checksums = [(file["checksum"]["algorithm"], file["checksum"]["confirmed_by_store"]) for file in ended.files]
    assert (ended.code, ended.notes) == (0, [])
    assert checksums == [(algorithm.upper(), True)] * 2
    assert len(bodies) == PARTS + 1
    assert all(f"x-amz-checksum-{algorithm}" in entry.headers for entry in bodies)
    assert [found.checksum.algorithm for found in s3.objects("bkt").values() if found.checksum] == [
        algorithm.upper()
    ] * 2


def test_md5_goes_with_every_body_for_stores_that_know_no_crc(
    s3: HostileS3, command: Command, big: Path, small: Path
) -> None:
    s3.default_checksum = False
    ended = command.push(big, small, *OF_TWO_KINDS, "--part-size", "5MiB", "--checksum", "md5")
    bodies = [entry for entry in s3.requests if entry.operation in {"PutObject", "UploadPart"}]
    (single,) = [entry.headers["content-md5"] for entry in bodies if entry.operation == "PutObject"]
    warning = "the store was asked to verify each part by its MD5; it names no checksum of the whole object"
    assert ended.code == 0
    assert all("content-md5" in entry.headers for entry in bodies)
    assert not any(name.startswith("x-amz-checksum") for entry in bodies for name in entry.headers)
    assert single == base64.b64encode(hashlib.md5(small.read_bytes(), usedforsecurity=False).digest()).decode()
    assert [file["checksum"]["confirmed_by_store"] for file in ended.files] == [False, False]
    assert [file["warnings"] for file in ended.files] == [[warning], [warning]]
    assert ended.notes == [f"  note: {warning}"] * 2


def test_a_store_that_names_no_checksum_is_not_said_to_have_confirmed_it(
    command: Command, big: Path, tmp_path: Path
) -> None:
    with rclone_server(tmp_path / "rclone") as server:
        command.environment |= {"AWS_ACCESS_KEY_ID": server.key_id, "AWS_SECRET_ACCESS_KEY": server.secret}
        command.endpoint = server.endpoint
        ended = command.push(big, "--part-size", "5MiB")
        content = server.stored("in/big.parquet")
    (warning,) = ended.file["warnings"]
    assert (ended.code, content == big.read_bytes()) == (0, True)
    assert ended.file["checksum"] == {"algorithm": "CRC64NVME", "value": crc64nvme(big), "confirmed_by_store": False}
    assert warning.startswith("the store did not confirm the checksum")
    assert ended.notes == [f"  note: {warning}"]
    assert "not confirmed by the store" in ended.stderr


# ----------------------------------------------------------------------------------------------------------- receipts
def test_a_receipt_lies_in_the_state_directory_and_says_what_was_delivered(
    s3: HostileS3, command: Command, big: Path
) -> None:
    s3.versioning = True
    ended = command.push(big, "--part-size", "5MiB", "--sse", "AES256")
    (path,) = (command.state / "receipts").iterdir()
    receipt: dict[str, Any] = json.loads(path.read_text())
    found = stored(s3, "in/big.parquet")
    assert (ended.code, ended.errors, ended.file["receipt"]) == (0, [], str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert receipt["schema"] == 1
    assert [receipt[name] for name in ("bucket", "key", "endpoint")] == ["bkt", "in/big.parquet", s3.endpoint]
    assert receipt["source"].keys() == {"size_bytes", "mtime_ns", "footer_sha256"}
    assert receipt["source"]["size_bytes"] == big.stat().st_size
    assert receipt["parquet"]["rows"] == 12 * 1024
    assert [column["name"] for column in receipt["parquet"]["columns"]] == ["id", "blob"]
    assert receipt["encryption"]["sse"] == "AES256"
    assert receipt["file"]["version_id"] == found.version_id == ended.file["version_id"]
    assert receipt["file"]["checksum"] == ended.file["checksum"]
    assert receipt["nonce"] == found.metadata["tu-nonce"]
    assert receipt["tool_version"]
    assert receipt["delivered_at"] >= receipt["checked_at"]


def test_a_receipt_goes_where_the_user_says(s3: HostileS3, command: Command, big: Path, small: Path) -> None:
    several = command.push(big, small, *OF_TWO_KINDS, "--receipt", "new/dir/")
    one = command.push(small, "--receipt", "new/mine.json", to="s3://bkt/once/")
    names = sorted(path.name.partition(".")[0] for path in (command.root / "new").rglob("*.json"))
    assert (several.code, one.code) == (0, 0)
    assert names == ["big", "mine", "small"]
    assert all((command.root / file["receipt"]).exists() for file in [*several.files, one.file])
    assert one.file["receipt"] == "new/mine.json"
    assert several.errors == one.errors == []
    assert {path.stat().st_mode & 0o777 for path in (command.root / "new").rglob("*.json")} == {0o600}
    assert len(s3.objects("bkt")) == 3


def test_one_receipt_file_for_several_files_is_refused_before_anything_is_sent(
    s3: HostileS3, command: Command, big: Path, small: Path
) -> None:
    ended = command.push(big, small, "--receipt", "one.json")
    assert (ended.code, ended.error["code"], ended.files) == (2, "usage", [])
    assert s3.requests == []
    assert ended.errors == ["error: --receipt one.json is one file, but there are several to deliver"]


# -------------------------------------------------------------------------------------------------------- many files
@pytest.fixture
def tree(tmp_path: Path, small: Path) -> Path:
    root = tmp_path / "tree"
    shown = ["dt=2026-11-22/part-0.parquet", "dt=2026-11-23/part-0.parquet", "top.parquet"]
    hidden = ["_SUCCESS", "_temporary/0/part-9.parquet", "_hidden.parquet", ".also.parquet", ".git/x.parquet"]
    for name in [*shown, *hidden, "notes.txt", "part.parquet.tmp"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(small, root / name)
    return root


def test_a_directory_keeps_its_layout_and_hidden_names_stay(s3: HostileS3, command: Command, tree: Path) -> None:
    ended = command.push(tree, to="s3://bkt/set/")
    keys = ["set/dt=2026-11-22/part-0.parquet", "set/dt=2026-11-23/part-0.parquet", "set/top.parquet"]
    assert (ended.code, ended.statuses, ended.result["counts"]) == (0, ["uploaded"] * 3, {"uploaded": 3})
    assert sorted(s3.objects("bkt")) == keys
    assert sorted(file["uri"] for file in ended.files) == [f"s3://bkt/{key}" for key in keys]
    assert ended.stderr.splitlines()[-1].startswith("3 uploaded; ")


@pytest.fixture
def many(tmp_path: Path, small: Path) -> Path:
    root = tmp_path / "many"
    root.mkdir()
    for number in range(20):
        shutil.copy(small, root / f"part-{number:02}.parquet")
    return root


def test_many_files_cost_one_listing_and_no_look_at_each_key_before(
    s3: HostileS3, command: Command, many: Path
) -> None:
    first = command.push(many, to="s3://bkt/set/")
    assert (first.code, first.result["counts"]) == (0, {"uploaded": 20})
    asked = Counter(s3.operations())
    assert (asked["ListObjectsV2"], asked["PutObject"], asked["HeadObject"]) == (1, 20, 20)  # each is verified after
    again = command.push(many, to="s3://bkt/set/")
    assert (again.code, again.result["counts"]) == (0, {"already_there": 20})
    assert Counter(s3.operations()) - asked == {"ListObjectsV2": 1}


def test_of_many_files_one_that_was_replaced_is_looked_at_and_a_conflict(
    s3: HostileS3, command: Command, many: Path
) -> None:
    command.push(many, to="s3://bkt/set/")
    s3.put("bkt", "set/part-07.parquet", b"somebody else's")
    again = command.push(many, to="s3://bkt/set/")
    assert (again.code, again.result["counts"]) == (11, {"already_there": 19, "failed": 1})


def test_many_files_go_without_the_right_to_list(s3: HostileS3, command: Command, many: Path) -> None:
    s3.deny = {"ListObjectsV2"}
    assert command.push(many, to="s3://bkt/set/").result["counts"] == {"uploaded": 20}
    assert command.push(many, to="s3://bkt/set/").result["counts"] == {"already_there": 20}


def test_a_glob_is_expanded_where_the_shell_has_not(s3: HostileS3, command: Command, tree: Path) -> None:
    ended = command.push(f"{tree}/t*.parquet", f"{tree}/dt=2026-11-2[3-9]", f"{tree}/nothing-*")
    assert (ended.code, ended.statuses) == (4, ["uploaded", "uploaded", "failed"])
    assert sorted(s3.objects("bkt")) == ["in/part-0.parquet", "in/top.parquet"]
    assert ended.errors == [f"error: no file matches {tree}/nothing-*"]


def test_two_files_for_one_key_are_refused_before_anything_is_sent(s3: HostileS3, command: Command, tree: Path) -> None:
    first, second = tree / "dt=2026-11-22" / "part-0.parquet", tree / "dt=2026-11-23" / "part-0.parquet"
    ended = command.push(first, second)
    assert (ended.code, ended.error["code"], ended.files, s3.requests) == (2, "usage", [], [])
    assert ended.errors == [f"error: {first} and {second} would both become in/part-0.parquet"]


@pytest.mark.parametrize("several", ["two files", "a directory"])
def test_one_key_for_several_files_is_refused_before_anything_is_sent(
    s3: HostileS3, command: Command, tree: Path, small: Path, several: str
) -> None:
    paths = [tree] if several == "a directory" else [tree / "top.parquet", small]
    ended = command.push(*paths, to="s3://bkt/key.parquet")
    assert (ended.code, ended.error["code"], ended.files, s3.requests) == (2, "usage", [], [])
    assert ended.errors == ["error: --to s3://bkt/key.parquet is one key, but there may be several files"]
    assert ended.error["hint"] == "end it with / for a prefix"


def test_one_bad_file_does_not_stop_the_others_and_the_first_in_order_gives_the_code(
    s3: HostileS3, command: Command, tree: Path, small: Path
) -> None:
    (tree / "dt=2026-11-22" / "part-1.parquet").write_bytes(b"a,b\n1,2\n")
    ended = command.push(tree, command.root / "missing.parquet", small)
    assert (ended.code, ended.result["status"], ended.error["code"]) == (3, "failed", "not-parquet")
    assert ended.statuses == ["uploaded", "uploaded", "failed", "uploaded", "failed", "uploaded"]
    assert [file["error"]["code"] for file in ended.files if file["error"]] == ["not-parquet", "no_such_file"]
    assert (len(ended.errors), len(s3.objects("bkt"))) == (2, 4)


def test_a_file_named_twice_goes_once(s3: HostileS3, command: Command, small: Path) -> None:
    ended = command.push(small, small, f"{small.parent}/./{small.name}")
    assert (ended.code, ended.statuses, ended.errors) == (0, ["uploaded"], [])
    assert s3.operations().count("PutObject") == 1


def test_more_than_twenty_files_are_summed_up_for_people(
    s3: HostileS3, command: Command, small: Path, tmp_path: Path
) -> None:
    (tmp_path / "many").mkdir()
    for number in range(25):
        (tmp_path / "many" / f"{number}.parquet").write_bytes(small.read_bytes())
    ended = command.push(tmp_path / "many")
    assert (ended.code, ended.result["counts"], len(s3.objects("bkt"))) == (0, {"uploaded": 25}, 25)
    lines = ended.stderr.splitlines()
    assert (len(lines), lines[-1].startswith("25 uploaded; ")) == (1, True)


def test_a_store_on_another_machine_without_tls_is_warned_of_and_its_payload_signed(
    s3: HostileS3, command: Command, small: Path
) -> None:
    # An address of this machine that is not on the list of those that stay on it.
    endpoint = f"http://[::ffff:127.0.0.1]:{s3.port}"
    ended = command.run("push", small, "--to", "s3://bkt/in/", "--endpoint-url", endpoint, "--json")
    assert ended.code == 0
    assert any("the endpoint is http:// on another machine" in note for note in ended.notes)
    (put,) = [entry for entry in s3.requests if entry.operation == "PutObject"]
    assert put.headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD"
