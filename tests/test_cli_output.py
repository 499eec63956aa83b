"""What must hold for all that is said and written: no secret, no stranger's eyes, nothing that fools a terminal."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import parquet_files
from tests.support.command import CREDENTIALS, SECRET, Command
from tests.support.hostile_s3 import Fault, HostileS3
from tests.support.parquet_files import Chunk, Group, HandMade, write_good
from tests.support.sample import write_sample

TOKEN = "SESSION-TOKEN-THAT-MUST-NOT-LEAK"


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def command(tmp_path: Path, s3: HostileS3) -> Command:
    return Command(tmp_path, s3.endpoint)


def written(command: Command, *more: Path) -> list[Path]:
    """All files that the command left."""
    return [path for path in [*command.home.rglob("*"), *more] if path.is_file()]


def test_no_secret_is_said_or_written_and_nobody_else_may_read_it(
    s3: HostileS3, command: Command, tmp_path: Path
) -> None:
    big, log = write_sample(tmp_path / "big.parquet", 12), tmp_path / "log.jsonl"
    options = (big, "--part-size", "5MiB", "--verbose", "--log-file", log)
    s3.script(
        Fault.status("UploadPart", 503, part=1),
        Fault.reset("UploadPart", part=2, after_bytes=100),
        Fault.error("CompleteMultipartUpload", "SignatureDoesNotMatch"),
    )
    refused = command.push(*options, AWS_SESSION_TOKEN=TOKEN)
    ended = command.push(*options, AWS_SESSION_TOKEN=TOKEN)
    files = written(command, log)
    said = [refused.stdout, refused.stderr, ended.stdout, ended.stderr]
    text = "".join(said + [path.read_text(errors="replace") for path in files])
    assert (refused.code, ended.code) == (5, 0)
    assert {path.suffix for path in files} >= {".jsonl", ".json"}
    assert [secret for secret in (SECRET, TOKEN, "Signature=", "X-Amz-", "Authorization") if secret in text] == []
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []
    assert [path.name for path in command.state.rglob("*") if path.is_dir() and path.stat().st_mode & 0o077] == []


def test_a_killed_run_leaves_nothing_that_others_may_read(s3: HostileS3, command: Command, tmp_path: Path) -> None:
    big, log = write_sample(tmp_path / "big.parquet", 12), tmp_path / "log.jsonl"
    s3.script(Fault.black_hole("UploadPart", part=2))
    with command.start_push(big, "--part-size", "5MiB", "--log-file", log) as running:
        running.until("part_stored", 2)
        told = running.kill()
    files = written(command, log)
    assert [event["event"] for event in told].count("part_stored") == 2
    assert [path.name for path in files if SECRET in path.read_text(errors="replace")] == []
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []
    assert files


def test_no_path_above_the_given_one_is_in_the_receipt(s3: HostileS3, command: Command, tmp_path: Path) -> None:
    write_good(tmp_path / "small.parquet")
    ended = command.push("small.parquet", "--receipt", "receipt.json")
    assert (ended.code, ended.errors, len(s3.objects("bkt"))) == (0, [], 1)
    assert str(tmp_path) not in (tmp_path / "receipt.json").read_text()


def test_text_from_the_file_is_escaped_on_the_screen_and_safe_in_json(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_files, "WRITER", "evil\x1b]0;title\x07\n\u202ewriter")
    odd = HandMade([Group([Chunk()])], names=("a\x1b[2Jb\nc",), data=b"\1" * 20).write(tmp_path / "odd.parquet")
    ended = command.run("check", odd, "--allow-raw-personal-data", "--json")  # no row of it can be looked at
    (checked,) = ended.told("file_checked")
    assert (ended.code, ended.statuses) == (0, ["checked"])
    assert r"by evil\x1b]0;title\x07\x0a\u202ewriter" in ended.stderr
    assert checked["facts"]["created_by"] == "evil\x1b]0;title\x07\n\u202ewriter"
    assert checked["facts"]["columns"][0]["name"] == "a\x1b[2Jb\nc"
    assert ended.stdout.isascii()


def test_names_and_destinations_with_control_characters_are_escaped_in_errors(command: Command, tmp_path: Path) -> None:
    ended = command.push(tmp_path / "no\x1b[31m\nsuch\u202e.parquet", to="s3://bkt/\x1b[2J/")
    assert ended.code == 4
    assert ended.errors == [rf"error: no file matches {tmp_path}/no\x1b[31m\x0asuch\u202e.parquet"]
    refused = command.run("push", "x", "--to", "x\x1b[31m", "--log-file", tmp_path / "log")
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.errors == [r"error: --to x\x1b[31m names no bucket"]


def test_bad_values_with_control_characters_are_escaped_in_errors(command: Command) -> None:
    ended = command.run("push", "x", "--to", "s3://bkt/", "--part-size", "5\x1b[31mMiB", "--json")
    assert (ended.code, ended.error["code"]) == (2, "usage")
    assert "\\x1b[31m" in ended.errors[0]


def test_the_log_file_says_what_stdout_says_and_grows(s3: HostileS3, command: Command, tmp_path: Path) -> None:
    small, log = write_good(tmp_path / "small.parquet"), tmp_path / "log.jsonl"
    first = command.push(small, "--log-file", log)
    second = command.push(small, "--log-file", log)
    logged = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert (first.code, second.code, len(s3.objects("bkt"))) == (0, 0, 1)
    assert [name for name in logged if name != "request"] == first.names + second.names
    assert first.errors == second.errors == []


def test_a_plain_locale_is_no_obstacle(s3: HostileS3, command: Command, tmp_path: Path) -> None:
    source = write_good(tmp_path / "größe-数据.parquet")
    ended = command.push(source, LC_ALL="C", LANG="C", LANGUAGE=None)
    assert (ended.code, ended.errors, list(s3.objects("bkt"))) == (0, [], ["in/größe-数据.parquet"])
    assert Path(ended.file["path"]) == source


def test_help_and_version_go_to_stdout_and_end_well(command: Command) -> None:
    version = command.run("--version")
    assert (version.code, version.stderr) == (0, "")
    assert version.stdout.startswith("tiktok-upload 0.")
    usage = command.run("push", "--help")
    assert (usage.code, usage.stderr) == (0, "")
    assert "\x1b" not in usage.stdout


def test_every_option_of_push_is_in_its_help(command: Command) -> None:
    told = command.run("push", "--help", COLUMNS="200").stdout
    promised = [
        "--to", "--contract", "--check", "--allow-raw-personal-data", "--overwrite", "--dry-run", "--restart",
        "--part-size", "--concurrency", "--max-bandwidth", "--checksum", "--sse", "--kms-key-id", "--storage-class",
        "--metadata", "--tag", "--acl", "--expected-bucket-owner", "--profile", "--region", "--endpoint-url",
        "--addressing", "--ca-bundle", "--receipt", "--json", "--quiet", "--verbose", "--log-file", "--no-color",
        "--state-dir", "--retry-for", "--deadline",
    ]  # fmt: skip
    assert [option for option in promised if option not in told] == []
