"""What runs in the child process: requests on stdin, answers on stdout, each one line of JSON.

Started as `python -P -m tiktok_upload.parquet.child MEMORY_BYTES`. A request is
`{"path": BASE64, "wanted": {...}}` as `measuring.Wanted` reads it, with `"unit": {...}` where only that unit of a full
check is to be done. Every answer has a `kind`:

    ready      the parser is loaded
    unusable   it cannot be loaded: `reason` is "memory" or "import"; nothing follows
    opened     `size_bytes`, `mtime_ns`, `inode` of the file that was opened
    statistics `reading`: true before the footer's statistics are read, false after
    progress   `done`, `total`: bytes of a unit, as the footer counts them
    done       as `measuring.Measured` writes it; of a unit `rows`, `tallies` and `findings`
    misfit     a rule of the contract cannot be run on this file: `reason` and `hint`
    refused    the file cannot be inspected: `reason`, a predicate ("is a directory"), and `hint`
    changed    it was written to meanwhile
    memory     the memory allowed is not enough
    bug        an error that nobody expected: `reason` names its type and place, never its text

The parser may end this process at any moment, and a hostile file may take it over: it holds no secrets.
"""

import base64
import contextlib
import gc
import io
import json
import os
import queue
import signal
import stat
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from tiktok_upload import portable
from tiktok_upload.errors import SourceError, UsageError
from tiktok_upload.parquet.ending import OUT_OF_MEMORY_EXIT

# Lower: more lines for the parent to read, to no avail. Higher: a progress bar that jerks.
_BEAT_S = 0.1
# Lower: a footer of 100,000s of chunks is searched for cycles again and again. Higher: what is left lives longer.
_GARBAGE = 100_000


def main() -> None:
    """Serve until stdin ends; never returns, for a thread that waits for stdin would hold up a normal end."""
    answers = _Answers(_take_stdout())
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    _ignore_stop_signals()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    _confine(int(sys.argv[1]))
    try:
        _serve(requests, answers)
    except OSError:  # the parent is gone
        os._exit(0)
    except MemoryError:
        os._exit(OUT_OF_MEMORY_EXIT)


class _Answers:
    """The way to the parent."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._beat_after = 0.0

    def send(self, kind: str, **data: Any) -> None:
        """Give one answer; the module says which there are."""
        self._pipe.write(json.dumps({"kind": kind, **data}).encode() + b"\n")
        self._pipe.flush()

    def tell_statistics(self, *, reading: bool) -> None:
        """Whose fault it is if this process dies now."""
        self.send("statistics", reading=reading)

    def beat(self, done: int, total: int) -> None:
        """Give a sign of life and progress, unless the last one was just given."""
        now = time.monotonic()
        if now >= self._beat_after:
            self._beat_after = now + _BEAT_S
            self.send("progress", done=done, total=total)


def _take_stdout() -> BinaryIO:
    """The pipe to the parent, on a descriptor of its own: whatever native code prints goes to stderr."""
    mine = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(mine, "wb")


def _ignore_stop_signals() -> None:
    """Ctrl-C and a service manager's SIGTERM reach the whole group; the parent decides, and closes stdin."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _read_requests(requests: "queue.SimpleQueue[dict[str, Any]]") -> None:
    """Runs in a thread, so that the parent's death ends this process in the middle of a long check, too."""
    for line in sys.stdin.buffer:
        requests.put(json.loads(line))
    os._exit(0)


def _confine(memory_bytes: int) -> None:
    """Cap the memory, and leave no core dump: it would hold the user's data."""
    portable.limit_memory(memory_bytes)
    portable.leave_no_core_dump()


def _serve(requests: "queue.SimpleQueue[dict[str, Any]]", answers: _Answers) -> None:
    try:
        from tiktok_upload.parquet import measuring  # noqa: F401, PLC0415 - loads pyarrow, so only under the limit
    except (ImportError, OSError, MemoryError) as exc:
        answers.send("unusable", reason="memory" if _is_memory(exc) else "import")
        os._exit(0)
    gc.freeze()  # what is loaded by now stays: collections need not look at it
    gc.set_threshold(_GARBAGE)
    answers.send("ready")
    while True:
        _answer(requests.get(), answers)
        # pyarrow's metadata and schema hold each other: footers of 100 MB would pile up, file after file.
        gc.collect()


def _is_memory(exc: Exception) -> bool:
    """The loader says «failed to map segment» or «cannot allocate memory» when the limit stops it."""
    return isinstance(exc, MemoryError) or any(sign in str(exc) for sign in ("map segment", "allocate"))


def _answer(request: dict[str, Any], answers: _Answers) -> None:
    try:
        with _open_regular(base64.b64decode(request["path"])) as file:
            _inspect(file, request, answers)
    except BrokenPipeError:
        raise
    except SourceError as exc:
        answers.send("refused", reason=exc.message, hint=exc.hint)
    except UsageError as exc:
        answers.send("misfit", reason=exc.message, hint=exc.hint)
    except OSError as exc:
        answers.send("refused", reason=f"cannot be read: {exc.strerror or type(exc).__name__}", hint="")
    except MemoryError:
        answers.send("memory")
    except Exception as exc:  # noqa: BLE001 - the parent reports it; its text could hold a value of the data
        place = traceback.extract_tb(exc.__traceback__)[-1]
        answers.send("bug", reason=f"{type(exc).__name__} at {os.path.basename(place.filename)}:{place.lineno}")  # noqa: PTH119


@contextlib.contextmanager
def _open_regular(path: bytes) -> Iterator[BinaryIO]:
    """The file, if it is one: reading from a device or a FIFO could block for ever."""
    try:
        raw = portable.open_for_reading(path)
    except OSError as exc:
        if os.path.isdir(path):  # noqa: PTH112 - Windows cannot open one at all
            raise _directory() from exc
        raise
    # A BufferedReader reads on where the system gives fewer bytes than were asked for.
    with io.BufferedReader(cast("io.FileIO", raw)) as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISDIR(mode):
            raise _directory()
        if not stat.S_ISREG(mode):
            raise SourceError("is a device, a pipe or a socket, not a file", hint="name a regular file")
        yield file


def _directory() -> SourceError:
    return SourceError("is a directory, not a file", hint="name a file")


def _inspect(file: BinaryIO, request: dict[str, Any], answers: _Answers) -> None:
    before = os.fstat(file.fileno())
    answers.send("opened", size_bytes=before.st_size, mtime_ns=before.st_mtime_ns, inode=before.st_ino)
    found = _do_unit(file, request, answers) if "unit" in request else _measure(file, before, request, answers)
    after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        answers.send("changed")
        return
    answers.send("done", **found)


def _measure(file: BinaryIO, info: os.stat_result, request: dict[str, Any], answers: _Answers) -> dict[str, Any]:
    from tiktok_upload.parquet.measuring import Wanted, measure  # noqa: PLC0415 - see _serve

    return measure(
        file,
        Wanted.from_json(request["wanted"]),
        size_bytes=info.st_size,
        age_s=(time.time_ns() - info.st_mtime_ns) / 1e9,
        tell=answers.tell_statistics,
        beat=answers.beat,
    ).to_json()


def _do_unit(file: BinaryIO, request: dict[str, Any], answers: _Answers) -> dict[str, Any]:
    from tiktok_upload.parquet.measuring import Wanted, do_unit  # noqa: PLC0415 - see _serve
    from tiktok_upload.parquet.units import Unit  # noqa: PLC0415

    return do_unit(file, Unit.from_json(request["unit"]), Wanted.from_json(request["wanted"]).terms, answers.beat)


if __name__ == "__main__":
    main()
