"""The installed command, ready to be measured: its environment, its place, its output."""

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.meter import Measurement, measure

_FOREIGN = ("AWS_", "TIKTOK_UPLOAD_", "XDG_", "BOTO_", "RCLONE_", "S3_ENDPOINT_", "SSL_CERT_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_SHOWN_BYTES = 2_000


class RunFailedError(Exception):
    """A command that was to be measured did not do its work; the text holds the end of what it said."""


@dataclass(frozen=True, slots=True)
class Rig:
    """Where and against what is measured.

    Attributes:
        tool: Our command.
        aws: The AWS command line, or None where there is none.
        folder: For files, state and HOME; thrown away at the end.
        holes: For sparse files; thrown away, too.
        endpoint: The sink's URL.
    """

    tool: tuple[str, ...]
    aws: tuple[str, ...] | None
    folder: Path
    holes: Path
    endpoint: str

    def push(self, path: Path, key: str, *options: str) -> list[str]:
        """The command that sends one file."""
        to = ("--to", f"s3://bench/{key}", "--endpoint-url", self.endpoint, "--state-dir", str(self.state(key)))
        checks = ("--contract", "none", "--allow-raw-personal-data")
        return [*self.tool, "push", str(path), *to, *checks, *options, "--json", "--quiet"]

    def copy(self, path: Path, key: str) -> list[str]:
        """The same by the AWS command line."""
        where = (str(path), f"s3://bench/{key}", "--endpoint-url", self.endpoint)
        return [*(self.aws or ()), "s3", "cp", *where, "--only-show-errors"]

    def state(self, key: str) -> Path:
        """The state directory of the push to this key."""
        return self.folder / "state" / key

    def journal_bytes(self, key: str) -> int:
        """The size of the largest journal of the push to this key; 0 where there is none."""
        return max((path.stat().st_size for path in self.state(key).rglob("*.jsonl")), default=0)

    def run(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> tuple[Measurement, bytes]:
        """Measure a command, with variables beside the common ones; returns its output, too.

        Raises:
            RunFailedError: It did not exit with 0.
        """
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            all_of_it = self._environment() | dict(environment or {})
            measurement = measure(command, env=all_of_it, stdout=stdout, stderr=stderr)
            said, complaints = _content(stdout), _content(stderr)
        if measurement.exit_code:
            end = (complaints or said)[-_SHOWN_BYTES:].decode(errors="replace")
            raise RunFailedError(f"{shlex.join(command)}\nended with {measurement.exit_code}:\n{end}")
        return measurement, said

    @contextlib.contextmanager
    def events(self, command: Sequence[str]) -> Iterator[Iterator[tuple[float, dict[str, Any]]]]:
        """Start a command; gives its events, each with the seconds since the start; kill -9 at the end."""
        begun = time.monotonic()
        with subprocess.Popen(
            command, env=self._environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            try:
                yield ((time.monotonic() - begun, json.loads(line)) for line in process.stdout)
            finally:
                process.kill()

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_FOREIGN) and name.lower() not in _PROXIES
        }
        return kept | {
            "HOME": str(self.folder / "home"),
            "AWS_ACCESS_KEY_ID": "ACCESSKEYID00000000",
            "AWS_SECRET_ACCESS_KEY": "a-secret-that-nobody-checks",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def find_tool() -> tuple[str, ...]:
    """`TIKTOK_UPLOAD`, a command line, or the command on PATH."""
    return tuple(shlex.split(os.environ.get("TIKTOK_UPLOAD", ""))) or ("tiktok-upload",)


def find_holes() -> Path:
    """Where holes cost least: Linux reads one in tmpfs at 16 GiB/s, one in ext4, through its page cache, at 0.7."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


def find_aws() -> tuple[str, ...] | None:
    """`AWS`, a command line, or the command on PATH, or None."""
    named = tuple(shlex.split(os.environ.get("AWS", "")))
    found = shutil.which("aws")
    return named or ((found,) if found else None)


def _content(file: Any) -> bytes:
    file.seek(0)
    content: bytes = file.read()
    return content
