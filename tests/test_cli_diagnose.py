"""`diagnose`: a bundle that helps, and in which nobody's data, names or secrets are, whatever was planted."""

import base64
import json
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.support.command import KEY_ID, Command, Outcome
from tests.support.uploads import planned, stored

from tiktok_upload import diagnosing
from tiktok_upload.errors import UploadToolError
from tiktok_upload.events import FileChecked, FileFailed, FileReport, PartRetried
from tiktok_upload.facts import Column, FileFacts, Finding
from tiktok_upload.journal import JournalDirectory
from tiktok_upload.machine import event_json
from tiktok_upload.records import Created

BUCKET, KEY, FILE = "acme-advertiser", "incoming/größe/customers-q3.parquet", "customers-q3.parquet"
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEBYaDHqa0AP+session/token=="
SIGNED = "https://acme-advertiser.s3.amazonaws.com/x?X-Amz-Signature=0f1e2d3c4b5a&X-Amz-Credential=AKIA/x"
PROXY_PASSWORD = "hunter2-proxy"
COLUMN, EMAIL, ETAG = "email_of_wife", "bob@example.org", "9b2cf535f27731c974343645a3985328"
UPLOAD_ID = "upload-id-0123456789abcdef"
PLANTED = (ACCESS_KEY, SECRET, TOKEN, SIGNED, "0f1e2d3c4b5a", PROXY_PASSWORD, BUCKET, KEY, "größe", FILE,
    "customers-q3", COLUMN, EMAIL, ETAG,
           UPLOAD_ID, KEY_ID, "alice-profile", "kms-of-ours", "corp.example", "lab-target", "team-meta")  # fmt: skip

CONFIG = f"""
default-target = "lab-target"
log-file = "{{log}}"
metadata = ["owner=team-meta"]

[targets.lab-target]
to = "s3://{BUCKET}/incoming/"
profile = "alice-profile"
region = "eu-central-1"
kms-key-id = "kms-of-ours"
endpoint-url = "https://user:{PROXY_PASSWORD}@s3.corp.example:9000"
"""


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """With all that is planted in its environment."""
    return Command(
        tmp_path,
        AWS_ACCESS_KEY_ID=ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=SECRET,
        AWS_SESSION_TOKEN=TOKEN,
        AWS_PROFILE="alice-profile",
        HTTPS_PROXY=f"http://alice:{PROXY_PASSWORD}@proxy.local:3128",
        no_proxy="corp.example,localhost",
    )


@pytest.fixture
def home(command: Command) -> Path:
    """A configuration, an interrupted upload, a damaged one and a log, each with something planted."""
    config = command.home / "config" / "tiktok-upload" / "tiktok-upload.toml"
    config.parent.mkdir(parents=True)
    log = command.home / "push.log"
    config.write_text(CONFIG.format(log=log))
    config.chmod(0o600)
    log.write_text("".join(line + "\n" for line in log_lines(command.home)))
    with JournalDirectory(command.state) as journals, journals.open("a" * 32) as journal:
        for record in (planned(path=str(command.home / FILE), bucket=BUCKET, key=KEY), Created(UPLOAD_ID)):
            journal.append(record)
        journal.append(stored(1, etag=ETAG))
        journal.append(stored(2, etag=ETAG))
    (command.state / "uploads" / f"{'b' * 32}.jsonl").write_text(f'{{"journal":1}} {BUCKET}\n')
    return command.home


def log_lines(home: Path) -> list[str]:
    """As --log-file has them, and as others have theirs."""
    path, uri = str(home / FILE), f"s3://{BUCKET}/{KEY}"
    facts = FileFacts(3, 1, (Column(COLUMN, f"struct<{COLUMN}: string>"),), ("ZSTD",), f"writer of {FILE}")
    finding = Finding("raw-email", "error", f"raw e-mail, 15 characters, in column {COLUMN}", column=COLUMN, row=2)
    error = UploadToolError(f"part 37 of {FILE} was not stored after 8 attempts (503 SlowDown)", hint=f"look at {uri}")
    report = FileReport(
        path, uri, "failed", size_bytes=7, parts=112, etag=ETAG, warnings=(f"{BUCKET} is slow",), error=error
    )
    events = (
        FileChecked(path, facts, (finding,)),
        PartRetried(path, "part 37", 8, "503 SlowDown", 1.5),
        FileFailed(report),
    )
    raw = base64.b64encode(os.fsencode(path)).decode()
    return [
        *(json.dumps(event_json(event, "2026-11-23T10:00:00.000Z")) for event in events),
        json.dumps({"event": "notice", "path": FILE, "path_b64": raw, COLUMN: EMAIL,
            "message": f"see {path} for {EMAIL}"}),
        f"DEBUG Authorization: AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20261123",
        f"GET {SIGNED}",
        f"2026-11-23 10:00:00 ERROR {path}: ReadTimeoutError of {BUCKET}, {EMAIL}, secret {SECRET} {TOKEN}",
        f'  File "{home}/.venv/lib/python3.11/site-packages/x.py", line 12',
        json.dumps({"event": "file_done", "path": FILE, "files": 900 * [[]]}),
        "[" * 5_000,
        "\udcff\x1b[31m".encode("utf-8", "surrogateescape").decode("latin-1"),
    ]  # fmt: skip


def written(command: Command, *arguments: object, **variables: str) -> dict[str, bytes]:
    """The members of the bundle."""
    path = command.root / "bundle.zip"
    ended = command.run("diagnose", "--output", path, *arguments, **variables)
    assert ended.code == 0, ended.stderr
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def as_json(members: dict[str, bytes], name: str) -> Any:
    return json.loads(members[f"{name}.json"])


def found(planted: str, members: dict[str, bytes]) -> list[str]:
    """The members that it is in, however it is written."""
    forms = {planted.encode(), json.dumps(planted)[1:-1].encode(), planted.encode("unicode_escape")}
    forms.add(base64.b64encode(planted.encode()).rstrip(b"="))
    return [name for name, content in members.items() if any(form in content for form in forms)]


# --------------------------------------------------------------------------------------------------- what is not in it
@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_nothing_that_was_planted_is_in_the_bundle_or_on_the_screen(
    command: Command, home: Path, arguments: tuple[str, ...]
) -> None:
    path = command.root / "bundle.zip"
    ended = command.run("diagnose", "--output", path, *arguments)
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    assert ended.code == 0
    assert {planted: found(planted, members) for planted in (*PLANTED, str(home)) if found(planted, members)} == {}
    assert [planted for planted in PLANTED if planted in ended.stdout + ended.stderr] == []


def test_with_names_buckets_and_keys_of_uploads_are_told_and_nothing_else(command: Command, home: Path) -> None:
    members = written(command, "--with-names")
    assert as_json(members, "uploads")[0]["bucket"] == BUCKET
    assert as_json(members, "uploads")[0]["key"] == KEY
    named = {BUCKET, KEY, "größe", FILE, "customers-q3"}
    assert [planted for planted in (*PLANTED, str(home)) if planted not in named and found(planted, members)] == []
    del members["uploads.json"]
    assert [name for name in named if found(name, members)] == []


def test_a_broken_configuration_is_told_without_its_content(command: Command, home: Path) -> None:
    (home / "config" / "tiktok-upload" / "tiktok-upload.toml").write_text(f'{BUCKET} = "{SECRET}"\n')
    members = written(command, "--log-file", home / "push.log")
    assert as_json(members, "settings")["error"] == "usage"
    assert [planted for planted in PLANTED if found(planted, members)] == []


def test_a_wrong_variable_is_told_without_its_value(command: Command, home: Path) -> None:
    members = written(command, TIKTOK_UPLOAD_PART_SIZE=f"{BUCKET}-huge")
    assert as_json(members, "settings")["error"] == "usage"
    assert as_json(members, "environment")["TIKTOK_UPLOAD_PART_SIZE"] == "***"
    assert found(BUCKET, members) == []
    assert home.is_dir()


# ------------------------------------------------------------------------------------------------------- what is in it
def test_it_tells_versions_settings_variables_uploads_journals_and_limits(command: Command, home: Path) -> None:
    members = written(command)
    assert home.is_dir()
    machine = as_json(members, "machine")
    assert {"tiktok-upload", "python", "system", "packages"} <= machine.keys()
    assert {"botocore", "pyarrow", "awscrt", "rich", "typer"} <= machine["packages"].keys()
    assert machine["disk"]["state"]["free_bytes"] > 0
    assert machine["limits"]["NOFILE"][0]
    settings = {one["name"]: one for one in as_json(members, "settings") if "name" in one}
    assert (settings["region"]["value"], settings["region"]["origin"]) == ("eu-central-1", "file")
    assert (settings["concurrency"]["value"], settings["check"]["value"]) == ("auto", "quick")
    assert settings["to"]["value"].startswith("#")
    variables = as_json(members, "environment")
    assert variables["AWS_SECRET_ACCESS_KEY"] == variables["AWS_PROFILE"] == variables["no_proxy"] == "***"
    assert variables["AWS_REGION"] == "us-east-1"
    assert variables["AWS_EC2_METADATA_DISABLED"] == "true"
    assert variables["HTTPS_PROXY"] == "http://proxy.local:3128"
    assert as_json(members, "journals") == {
        "a" * 8: {"planned": 1, "created": 1, "part_stored": 2},
        "b" * 8: {"error": "journal_damaged", "message": as_json(members, "journals")["b" * 8]["message"]},
    }
    uploads = {one["id"]: one for one in as_json(members, "uploads")}
    assert uploads["a" * 8]["standing"] == "interrupted"
    assert (uploads["a" * 8]["parts"], uploads["a" * 8]["parts_stored"]) == (7, 2)
    assert uploads["b" * 8]["standing"] == "damaged"


def test_the_log_that_the_configuration_names_is_in_it_and_keeps_what_helps(command: Command, home: Path) -> None:
    lines = written(command)["logs/1.txt"].decode().splitlines()
    assert len(lines) == len(log_lines(home))
    checked, retried, failed = map(json.loads, lines[:3])
    assert (checked["event"], checked["facts"]["rows"], checked["findings"][0]["rule"]) == (
        "file_checked",
        3,
        "raw-email",
    )
    assert (retried["doing"], retried["attempt"], retried["reason"]) == ("part 37", 8, "503 SlowDown")
    assert failed["path"] == retried["path"]
    assert failed["error"]["message"].startswith("part 37 of #")
    assert failed["error"]["message"].endswith(" was not stored after 8 attempts (503 SlowDown)")
    assert lines[4] == lines[5] == "(left out: it looks like a secret)"


def test_equal_names_are_equal_within_a_bundle_and_not_in_the_next(command: Command, home: Path) -> None:
    first, second = (as_json(written(command, "--force"), "uploads")[0]["bucket"] for _ in range(2))
    assert first != second
    assert home.is_dir()


def test_without_anything_to_tell_there_is_a_bundle_all_the_same(command: Command) -> None:
    members = written(command, "--state-dir", command.root / "none", "--log-file", command.root / "none.log")
    assert (as_json(members, "uploads"), as_json(members, "journals")) == ([], {})
    assert members["logs/1.txt"] == b"(FileNotFoundError: this log cannot be read)\n"


def test_a_log_that_is_no_file_is_not_waited_for(command: Command, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    members = written(command, "--log-file", tmp_path / "pipe", "--log-file", "/dev/zero")
    assert members["logs/1.txt"] == members["logs/2.txt"] == b"(ValueError: this log cannot be read)\n"


def test_of_a_long_log_the_end_is_in_it(command: Command, tmp_path: Path) -> None:
    log = tmp_path / "long.log"
    log.write_text("".join(f"part {number} was stored\n" for number in range(100_000)))
    lines = written(command, "--log-file", log)["logs/1.txt"].decode().splitlines()
    assert (len(lines), lines[-1]) == (2_000, "part 99999 was stored")


# ------------------------------------------------------------------------------------------------------------ the file
def test_it_is_of_its_owner_alone_and_says_what_is_in_it(command: Command) -> None:
    ended = command.run("diagnose", "--output", command.root / "b.zip")
    assert stat.S_IMODE((command.root / "b.zip").stat().st_mode) == 0o600
    with zipfile.ZipFile(command.root / "b.zip") as file:
        assert [name for name in file.namelist() if name not in ended.stdout] == []
        assert {stat.S_IMODE(info.external_attr >> 16) for info in file.infolist()} == {0o600}
    assert "no secret, no value of your data" in ended.stdout


def test_without_output_it_lies_in_the_working_directory_named_by_the_time(command: Command) -> None:
    ended = command.run("diagnose", "--json")
    (path,) = command.root.glob("tiktok-upload-diagnosis-*Z.zip")
    assert ended.names == ["bundle", "result"]
    assert ended.events[0]["path"] == path.name
    assert [one["name"] for one in ended.events[0]["members"]] == zipfile.ZipFile(path).namelist()


def test_what_is_there_is_replaced_only_by_force(command: Command, tmp_path: Path) -> None:
    there = tmp_path / "there.zip"
    there.write_text("mine")
    refused = command.run("diagnose", "--output", there)
    assert (refused.code, there.read_text()) == (2, "mine")
    assert "is there already" in refused.errors[0]
    assert command.run("diagnose", "--output", there, "--force").code == 0
    assert zipfile.is_zipfile(there)


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_planted_link_is_never_followed(command: Command, tmp_path: Path, force: tuple[str, ...]) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link.zip"
    victim.write_text("mine")
    link.symlink_to(victim)
    ended = command.run("diagnose", "--output", link, *force)
    assert (ended.code, victim.read_text()) == (0 if force else 2, "mine")
    assert link.is_symlink() == (not force)


@pytest.mark.parametrize("place", ["none/b.zip", "home", "file/b.zip"])
def test_a_place_that_cannot_be_written_is_told(command: Command, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    ended: Outcome = command.run("diagnose", "--output", tmp_path / place)
    assert (ended.code, len(ended.errors)) == (2, 1)


# --------------------------------------------------------------------------------------------------------- the parts
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("http://user:pass@proxy:8080/path?token=x", "http://proxy:8080"),
        ("https://proxy.example", "https://proxy.example"),
        ("http://[::1]:3128", "http://::1:3128"),
        ("user:pass@proxy:8080", "***"),
        ("proxy:8080", "***"),
        ("http://proxy:port", "***"),
    ],
)
def test_of_a_proxy_only_the_host_is_shown(value: str, shown: str) -> None:
    assert diagnosing.environment({"https_proxy": value, "OTHER_TOKEN": "x"}) == {"https_proxy": shown}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("part 37 was not stored after 8 attempts", "part 37 was not stored after 8 attempts"),
        ("2026-11-23T10:00:00Z ReadTimeoutError", "2026-11-23T10:00:00Z ReadTimeoutError"),
        ("aws_secret_access_key = wJalr0", "(left out: it looks like a secret)"),
        ('"password":"hunter22"', "(left out: it looks like a secret)"),
        ("Authorization: Basic dXNlcjpwYXNz", "(left out: it looks like a secret)"),
        ("no usable credentials: expired", "no usable credentials: expired"),
        ("the key AKIAIOSFODNN7EXAMPLE", "(left out: it looks like a secret)"),
        ("", ""),
    ],
)
def test_a_sentence_keeps_its_own_words(text: str, told: str) -> None:
    assert diagnosing.Redactor().told(text) == told


@pytest.mark.parametrize(
    "word", ["bob@example.org", "/home/alice", "14155550123", "zürich", "s3://b/k", "a.parquet", "+49301234567"]
)
def test_a_word_that_is_none_of_ours_becomes_an_alias(word: str) -> None:
    told = diagnosing.Redactor().told(f"the file {word}, then")
    assert word not in told
    assert told.startswith("the file #")


def test_a_name_that_is_a_word_of_ours_is_an_alias_where_it_is_known_as_a_name() -> None:
    redactor = diagnosing.Redactor()
    assert (
        redactor.told("the bucket events is gone", names=["events"]) == f"the bucket {redactor.alias('events')} is gone"
    )
