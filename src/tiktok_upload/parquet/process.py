"""The child process seen from the parent: start it, talk to it in lines of JSON, end it."""

import base64
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from typing import IO, Any

from tiktok_upload.errors import SourceError

# -P: a pyarrow.py in the working directory is never imported.
COMMAND = (sys.executable, "-P", "-m", "tiktok_upload.parquet.child")
_TAIL_BYTES = 8 * 1024
_END_S = 2.0
_ENVIRONMENT = {
    # pyarrow's other pools reserve 1 GiB of addresses and more, glibc 64 MiB a thread: both count as memory used.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "ARROW_IO_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
# A hostile file may take the child over.
_SECRET_PREFIXES = ("AWS_", "TIKTOK_UPLOAD_")


# The child's whole address space. Measured: 160 MiB for ordinary files, 300 with a footer of 8,000 row groups of 20
# columns; one page takes some four times its size. Lower: honest files with wide footers or large pages are refused.
# Higher: a hostile file takes as much of the machine's memory before it is stopped.
DEFAULT_MEMORY_BYTES = 2 << 30
_ahead: list[subprocess.Popen[bytes]] = []


def start_ahead() -> None:
    """Start a child that the first one asked for will be: loading the parser takes as long as loading the command.

    One that is never asked for ends with this process. Where the system cannot start one, it is told later.
    """
    with contextlib.suppress(OSError):
        _ahead.append(_spawn(DEFAULT_MEMORY_BYTES))


class ChildGoneError(Exception):
    """The child has ended; nothing more comes from it."""


class ChildProcess:
    """One child, from its start to its end."""

    def __init__(self, memory_bytes: int) -> None:
        """Start it; returns at once, before it is ready.

        Raises:
            SourceError: The system cannot start a process.
        """
        try:
            is_ahead = bool(_ahead) and memory_bytes == DEFAULT_MEMORY_BYTES
            self._process = _ahead.pop() if is_ahead else _spawn(memory_bytes)
        except OSError as exc:
            raise SourceError(
                f"the parquet inspector cannot be started: {exc.strerror}",
                hint="free some memory, then run the same command again",
            ) from exc
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._tail = b""
        self._readers = [self._in_background(self._read_lines), self._in_background(self._read_tail)]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it is no longer there."""
        return self._process.poll() is not None

    def request(self, path: bytes, wanted: dict[str, Any], unit: dict[str, Any] | None = None) -> None:
        """Ask about one file, or for one unit of it.

        Raises:
            ChildGoneError: It is no longer there.
        """
        asked = {"path": base64.b64encode(path).decode(), "wanted": wanted} | ({"unit": unit} if unit else {})
        try:
            _pipe(self._process.stdin).write(json.dumps(asked).encode() + b"\n")
            _pipe(self._process.stdin).flush()
        except OSError as exc:
            raise ChildGoneError from exc

    def receive(self, timeout_s: float) -> dict[str, Any] | None:
        """The next answer, or None where none came in time.

        Raises:
            ChildGoneError: It has ended, and every answer was given.
        """
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if not line.endswith(b"\n"):
            self._lines.put(b"")  # gone once, gone for every later call
            raise ChildGoneError
        answer: dict[str, Any] = json.loads(line)
        return answer

    def last_words(self) -> tuple[int | None, bytes]:
        """How it ended (as `Popen.returncode`; None where it does not end), and the end of what it wrote to stderr.

        The text may hold values of the data: look for signs in it, never show it.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self._readers[1].join(_END_S)
        return self._process.returncode, self._tail

    def end(self) -> None:
        """Ask it to end by closing its stdin; kill it where it does not."""
        with contextlib.suppress(OSError):
            _pipe(self._process.stdin).close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self.kill()

    def kill(self) -> None:
        """End it now. One that hangs in the kernel, on a dead network file system, is left behind."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
            for reader in self._readers:
                reader.join(_END_S)
        with contextlib.suppress(OSError):
            _pipe(self._process.stdin).close()

    def _in_background(self, target: Any) -> threading.Thread:
        thread = threading.Thread(target=target, name="parquet-inspector", daemon=True)
        thread.start()
        return thread

    def _read_lines(self) -> None:
        with _pipe(self._process.stdout) as stdout:
            for line in stdout:
                self._lines.put(line)
        self._lines.put(b"")

    def _read_tail(self) -> None:
        with _pipe(self._process.stderr) as stderr:
            while data := os.read(stderr.fileno(), _TAIL_BYTES):
                self._tail = (self._tail + data)[-_TAIL_BYTES:]


def _spawn(memory_bytes: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, str(memory_bytes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - Popen was asked for pipes
    return pipe


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_SECRET_PREFIXES)}
    return kept | _ENVIRONMENT
