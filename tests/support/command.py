"""The installed command `tiktok-upload` as a process of its own, in an environment of its own.

Every run is held to what holds for all of them: stdout is JSON Lines that end in the result, or nothing; stderr
tells each error with its hint; no traceback, no escape codes, no secret; everything is UTF-8.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import pytest

from tiktok_upload.cli import run
from tiktok_upload.text import escape

KEY_ID, SECRET = "AKIDEXAMPLE", "SECRETKEY-THAT-MUST-NOT-LEAK"
CREDENTIALS = {KEY_ID: SECRET}
"""What the server is to be started with."""

_HANGS_AFTER_S = 120.0  # no test's time limit: only that a command that hangs fails its test
_NOT_OURS = ("AWS_", "BOTO", "TIKTOK_UPLOAD_", "XDG_", "COV_", "CLICOLOR")
_NOT_OURS_EITHER = frozenset(
    {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "no_color", "force_color", "py_colors", "tty_compatible"}
)


@dataclass(frozen=True)
class Outcome:
    """A run that ended.

    Attributes:
        code: What it exited with; negative where a signal killed it.
    """

    code: int
    stdout: str
    stderr: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of `--json`."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def names(self) -> list[str]:
        """Of the events, in their order, without the clock's `progress`."""
        return [event["event"] for event in self.events if event["event"] != "progress"]

    def told(self, name: str) -> list[dict[str, Any]]:
        """The events of that name."""
        return [event for event in self.events if event["event"] == name]

    @property
    def result(self) -> dict[str, Any]:
        """The last line."""
        return self.events[-1]

    @property
    def files(self) -> list[dict[str, Any]]:
        """The result's entries."""
        files: list[dict[str, Any]] = self.result["files"]
        return files

    @property
    def file(self) -> dict[str, Any]:
        """The result's only entry."""
        (file,) = self.files
        return file

    @property
    def statuses(self) -> list[str]:
        """Of the files, in the order given."""
        return [file["status"] for file in self.files]

    @property
    def error(self) -> dict[str, Any]:
        """The result's error; there must be one."""
        error: dict[str, Any] = self.result["error"]
        return error

    @property
    def errors(self) -> list[str]:
        """What stderr calls errors, a line each."""
        return [line for line in self.stderr.splitlines() if line.startswith("error: ")]

    @property
    def notes(self) -> list[str]:
        """What stderr tells beside errors, successes, and what only a full check proves."""
        told = [line for line in self.stderr.splitlines() if line.startswith(("  note: ", "warning: "))]
        return [line for line in told if not line.startswith("  note: quick check: ")]

    def checked(self, *, secrets: tuple[str, ...] = (SECRET,)) -> Self:
        """Itself, if it keeps what every run must keep."""
        for text in (self.stdout, self.stderr):
            assert "Traceback" not in text, text
            assert "\x1b" not in text, text
            assert not any(secret in text for secret in (*secrets, "Signature=")), "a secret leaks"
        if self.stdout.startswith("{"):
            self._check_machine_output()
        if self.code > 0:
            assert self.errors, self.stderr
            assert "  hint: " in self.stderr
        else:
            assert self.errors == []
        return self

    def _check_machine_output(self) -> None:
        events = self.events
        assert all(event["schema"] == 1 and event["at"].endswith("Z") for event in events)
        assert [event["event"] for event in events].index("result") == len(events) - 1
        assert self.result["exit_code"] == self.code
        told = [file["error"] for file in self.files if file["error"] and file["status"] != "interrupted"]
        for error in told or [self.result["error"]]:
            if error is not None:
                self._check_error(error)

    def _check_error(self, error: Mapping[str, Any]) -> None:
        lines = self.stderr.splitlines()
        at = next(n for n, line in enumerate(lines) if line.startswith(f"error: {escape(error['message'])}"))
        kept = [f"  kept: {escape(error['kept'])}"] if error["kept"] else []
        expected = [*kept, f"  hint: {escape(error['hint'])}"]
        assert lines[at + 1 : at + 1 + len(expected)] == expected, self.stderr


class Command:
    """The console script beside this Python.

    Args:
        root: Gets the home, the state and the working directory.
        endpoint: Of the store; an empty string where commands need none.
        variables: Added to the environment.
    """

    def __init__(self, root: Path, endpoint: str = "", **variables: str) -> None:
        self.root = root
        self.endpoint = endpoint
        self.home = root / "home"
        self.state = self.home / "state" / "tiktok-upload"
        self.home.mkdir(parents=True, exist_ok=True)
        self.environment = {**clean_environment(self.home), **variables}

    def push(self, *arguments: object, to: str = "s3://bkt/in/", **more: Any) -> Outcome:
        """`push --json` to its end."""
        return self.run(*self._push(*arguments, to=to), **more)

    def start_push(self, *arguments: object, to: str = "s3://bkt/in/") -> "Running":
        """`push --json` in the background."""
        return self.start(*self._push(*arguments, to=to))

    def _push(self, *arguments: object, to: str) -> list[object]:
        return ["push", *arguments, "--to", to, "--endpoint-url", self.endpoint, "--json"]

    def verify(self, receipt: Path, *arguments: object) -> Outcome:
        """`verify --json`, at the endpoint that the receipt names."""
        return self.run("verify", receipt, "--json", *arguments)

    def run(
        self,
        *arguments: object,
        shell: str = 'exec "$@"',
        **variables: str | None,
    ) -> Outcome:
        """Run to the end.

        Args:
            arguments: Of the command; paths may hold any bytes.
            shell: How `sh` runs it, for redirections.
            variables: Of the environment; None takes one away.
        """
        ended = subprocess.run(
            ["sh", "-c", shell, "sh", *command_line(*arguments)],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_HANGS_AFTER_S,
            env=self._with(variables),
            cwd=self.root,
            check=False,
        )
        return Outcome(ended.returncode, ended.stdout.decode(), ended.stderr.decode()).checked()

    def start(self, *arguments: object) -> "Running":
        """Run in the background."""
        return Running(command_line(*arguments), self.environment, self.root)

    def _with(self, variables: Mapping[str, str | None]) -> dict[str, str]:
        merged = {**self.environment, **variables}
        return {name: text for name, text in merged.items() if text is not None}


class Running:
    """A command in the background: its stdout is read here, its stderr goes to a file."""

    def __init__(self, line: list[str], environment: Mapping[str, str], root: Path) -> None:
        self._stderr = root / f"stderr-{os.urandom(4).hex()}.txt"
        with self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, env=environment, cwd=root
            )
        assert self._process.stdout is not None
        self._stdout: IO[bytes] = self._process.stdout
        self._read: list[bytes] = []
        self._guard = threading.Timer(_HANGS_AFTER_S, self._process.kill)
        self._guard.daemon = True
        self._guard.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._guard.cancel()
        self._process.kill()
        self._process.wait()
        self._stdout.close()

    def until(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """Read on until so many events of that name came; returns them."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            line = self._stdout.readline()
            assert line, f"only {len(found)} {event} came; stderr: {self._stderr.read_text()}"
            self._read.append(line)
            told = json.loads(line)
            found += [told] if told["event"] == event else []
        return found

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def stop_reading(self) -> None:
        """Go away, as `head` does."""
        self._stdout.close()

    def kill(self) -> list[dict[str, Any]]:
        """Kill it; returns the events that it had told in full."""
        self._process.kill()
        self._read += self._stdout.readlines()
        self._process.wait()
        return [json.loads(line) for line in self._read if line.endswith(b"\n")]

    def end(self) -> Outcome:
        """Wait for its end."""
        return self.end_unchecked().checked()

    def end_unchecked(self) -> Outcome:
        """Wait for an end that may leave no result."""
        if not self._stdout.closed:
            self._read += self._stdout.readlines()
        code = self._process.wait()
        return Outcome(code, b"".join(self._read).decode(), self._stderr.read_bytes().decode())


def run_here(capsys: pytest.CaptureFixture[str], *arguments: object) -> Outcome:
    """The command in this process: for long tables of what it refuses before it does anything."""
    code = run(list(map(str, arguments)))
    told = capsys.readouterr()
    return Outcome(code, told.out, told.err).checked()


def clean_environment(home: Path) -> dict[str, str]:
    """This process's, without what steers the command, boto3 or colours; credentials of the test server."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(_NOT_OURS) and name.lower() not in _NOT_OURS_EITHER
    }
    return {
        **kept,
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def command_line(*arguments: object) -> list[str]:
    """The installed command with these arguments."""
    return [str(Path(sys.executable).with_name("tiktok-upload")), *map(str, arguments)]
