"""`tiktok-upload doctor`, installed: what people read, what machines read, and the exit code."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.command import CREDENTIALS, KEY_ID, Command, Outcome, run_here
from tests.support.hostile_s3 import Fault, HostileS3

from tiktok_upload.cli.doctor_command import check_lines, skipped_lines
from tiktok_upload.doctor.report import ok, skipped, warning

WIDTH = 80


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def command(tmp_path: Path, s3: HostileS3) -> Command:
    return Command(tmp_path, s3.endpoint)


def examine(command: Command, *more: object, **variables: Any) -> Outcome:
    return command.run("doctor", "--to", "s3://bkt/in/", "--endpoint-url", command.endpoint, *more, **variables)


def statuses(text: str) -> dict[str, str]:
    """By name, what the lines for people say."""
    lines = [line for line in text.splitlines() if line[:8].strip() in {"ok", "warning", "failed", "skipped"}]
    return {line[9:24].strip(): line[:8].strip() for line in lines}


def test_people_get_a_line_for_each_check_that_fits_a_screen(s3: HostileS3, command: Command) -> None:
    ended = examine(command, "--write-probe")
    told = statuses(ended.stdout)
    assert (ended.code, ended.stderr) == (0, "")
    assert len(told) == 21
    assert set(told.values()) <= {"ok", "skipped"}
    assert max(map(len, ended.stdout.splitlines())) <= WIDTH
    assert ended.stdout.splitlines()[-1].endswith("skipped")
    assert f"…{KEY_ID[-4:]}" in ended.stdout
    assert KEY_ID not in ended.stdout
    assert (s3.uploads("bkt"), s3.objects("bkt")) == ({}, {})


def test_a_right_that_is_missing_ends_in_a_policy_to_copy(s3: HostileS3, command: Command) -> None:
    s3.deny = {"CreateMultipartUpload", "ListMultipartUploads"}
    ended = examine(command)
    told = statuses(ended.stdout)
    policy = json.loads(ended.stdout[ended.stdout.index("{") : ended.stdout.rindex("}") + 1])
    assert (ended.code, told["create upload"], told["list uploads"]) == (6, "failed", "warning")
    assert [one["Resource"] for one in policy["Statement"]] == ["arn:aws:s3:::bkt/in/*", "arn:aws:s3:::bkt"]
    assert ended.errors == ["error: an upload cannot be begun: 403 AccessDenied"]
    assert "hint: ask the bucket's administrator for s3:PutObject" in ended.stdout


def test_machines_get_an_event_for_each_check_and_the_result(s3: HostileS3, command: Command) -> None:
    s3.deny = {"UploadPart"}
    ended = examine(command, "--json")
    assert set(ended.names) == {"check", "result"}
    failed = [check for check in ended.told("check") if check["status"] == "failed"]
    assert [set(check) for check in failed] == [
        {"schema", "event", "at", "name", "status", "message", "hint", "actions"}
    ]
    assert (failed[0]["name"], failed[0]["actions"]) == ("send_part", ["s3:PutObject"])
    assert (ended.code, ended.result["exit_code"], ended.result["status"], ended.files) == (6, 6, "failed", [])
    assert (ended.error["code"], ended.error["message"]) == ("denied", failed[0]["message"])
    assert ended.result["checks"]["failed"] == 1
    assert ended.result["policy"]["Statement"][0]["Action"] == ["s3:PutObject"]


@pytest.mark.parametrize(
    ("variables", "code", "name"),
    [({"AWS_SECRET_ACCESS_KEY": "wrong"}, 5, "credentials"), ({"AWS_ACCESS_KEY_ID": None}, 5, "credentials")],
)
def test_credentials_that_are_wrong(command: Command, variables: dict[str, str | None], code: int, name: str) -> None:
    ended = examine(command, "--json", **variables)
    first = next(check for check in ended.told("check") if check["status"] == "failed")
    assert (ended.code, first["name"], ended.error["message"]) == (code, name, first["message"])


def test_a_store_that_cannot_be_reached(command: Command, s3: HostileS3) -> None:
    s3.stop()
    ended = examine(command)
    told = statuses(ended.stdout)
    assert (ended.code, told["connection"], told["14 checks"]) == (7, "failed", "skipped")


def test_quiet_says_errors_only(command: Command, s3: HostileS3) -> None:
    assert (examine(command, "--quiet").stdout, examine(command, "--quiet").stderr) == ("", "")
    s3.deny = {"UploadPart"}
    ended = examine(command, "--quiet")
    assert (ended.code, ended.stdout, len(ended.errors)) == (6, "", 1)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_amid_a_request_leaves_no_upload(
    s3: HostileS3, command: Command, number: signal.Signals, code: int
) -> None:
    s3.script(Fault.black_hole("UploadPart"))
    with command.start("doctor", "--to", "s3://bkt/in/", "--endpoint-url", s3.endpoint, "--json") as running:
        s3.wait_until_stuck()
        running.send(number)
        s3.release()
        ended = running.end()
    assert (ended.code, ended.result["status"], ended.error["code"]) == (code, "interrupted", "interrupted")
    assert ended.told("check")[-1]["name"] == "abort_upload"
    assert s3.uploads("bkt") == {}


def test_a_target_of_the_configuration_is_examined(s3: HostileS3, command: Command, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f'[targets.here]\nto = "s3://bkt/out/"\nendpoint-url = "{s3.endpoint}"\ntag = ["a=b"]\n')
    ended = command.run("doctor", "--config", file, "--target", "here", "--json")
    created = next(entry for entry in s3.requests if entry.operation == "CreateMultipartUpload")
    assert (ended.code, created.key.startswith("out/.tiktok-upload-probe-")) == (0, True)


def test_without_a_destination_it_is_said_how_to_name_one(capsys: pytest.CaptureFixture[str]) -> None:
    ended = run_here(capsys, "doctor")
    assert (ended.code, ended.errors) == (2, ["error: there is no destination"])


@pytest.mark.parametrize("options", [("--size", "huge"), ("--sse", "none"), ("--checksum", "sha1"), ("--to", "x")])
def test_a_wrong_option_is_refused(capsys: pytest.CaptureFixture[str], options: tuple[str, str]) -> None:
    ended = run_here(capsys, "doctor", "--to", "s3://bkt/", *options, "--json")
    assert (ended.code, ended.error["code"]) == (2, "usage")


# ------------------------------------------------------------------------------------------------------------- wording
def test_a_long_message_goes_on_below_itself_and_a_hint_has_lines_of_its_own() -> None:
    lines = list(check_lines(warning("list_parts", "words " * 20, "do this")))
    assert lines[0].startswith("warning  list parts     words words")
    assert all(line.startswith(" " * 24) for line in lines[1:])
    assert lines[-1] == " " * 24 + "hint: do this"
    assert max(map(len, lines)) <= WIDTH


def test_what_could_fool_a_terminal_is_escaped() -> None:
    assert list(check_lines(ok("dns", "a\x1b[2Jb"))) == ["ok       dns            a\\x1b[2Jb"]


def test_checks_that_were_skipped_for_one_reason_share_a_line() -> None:
    several = [skipped("list_parts", "not tried: so"), skipped("kms", "not tried: so")]
    assert list(skipped_lines(several)) == ["skipped  2 checks       not tried: so (list parts, kms)"]
    assert list(skipped_lines(several[1:])) == ["skipped  kms            not tried: so"]
    assert list(skipped_lines([])) == []
