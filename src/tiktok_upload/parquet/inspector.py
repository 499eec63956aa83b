"""Parent side: asks a long-lived child process about files, and says what its end means.

pyarrow aborts the whole process on some malformed footers, and no `try` helps; so it never runs in this one.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tiktok_upload.errors import InterruptedUploadError, SourceChangedError, SourceError, UploadToolError
from tiktok_upload.facts import FileFacts, Finding
from tiktok_upload.parquet.ending import explain_end, out_of_memory
from tiktok_upload.parquet.process import ChildGoneError, ChildProcess
from tiktok_upload.text import escape

# The child's whole address space. Measured: 160 MiB for ordinary files, 300 with a footer of 8,000 row groups of 20
# columns; one page takes some four times its size. Lower: honest files with wide footers or large pages are refused.
# Higher: a hostile file takes as much of the machine's memory before it is stopped.
DEFAULT_MEMORY_BYTES = 2 << 30
# Lower: more wake-ups. Higher: a stop is heard later.
_POLL_S = 0.1
_REINSTALL = "install the tool anew (for example: pip install --force-reinstall tiktok-upload pyarrow)"


def never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass(frozen=True, slots=True)
class Inspection:
    """What came out of one file.

    Attributes:
        facts: None where the structure is too broken to tell.
        findings: What is wrong or odd.
        size_bytes: Of the file that was opened, as are `mtime_ns` and `inode`: so that a caller can tell whether it was
            the same file as its own.
        mtime_ns: Time of its last change.
        inode: Its number in the file system.
    """

    facts: FileFacts | None
    findings: tuple[Finding, ...]
    size_bytes: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class _Order:
    path: Path
    full: bool
    cancelled: Callable[[], bool]
    on_progress: Callable[[int, int], None] | None
    statistics: bool = True

    @property
    def name(self) -> str:
        """The path as it is shown."""
        return escape(str(self.path))


@dataclass(slots=True)
class _Heard:
    """What the child has said so far of the file it is at.

    Attributes:
        identity: `size_bytes`, `mtime_ns` and `inode`; empty before it was opened.
        in_statistics: Whether it is reading those of the footer now.
    """

    identity: dict[str, int] = field(default_factory=dict)
    in_statistics: bool = False

    def is_last(self, kind: str, answer: dict[str, Any], order: _Order) -> bool:
        """Take an answer; whether it is the one that ends the file."""
        if kind == "opened":
            self.identity = answer
        elif kind == "statistics":
            self.in_statistics = bool(answer["reading"])
        elif kind == "progress" and order.on_progress:
            order.on_progress(answer["done"], answer["total"])
        return kind not in ("opened", "statistics", "progress")


class _OutOfMemoryError(Exception):
    """The child could not do it in the memory it has."""


class Inspector:
    """Inspects one file at a time; calls from several threads take turns.

    The child starts with the first file, or with `start`, serves many, and is replaced after it died.
    """

    def __init__(self, *, memory_bytes: int = DEFAULT_MEMORY_BYTES, stall_s: float = 60.0) -> None:
        """Take the limits; nothing is started yet.

        Args:
            memory_bytes: The child's address space, where the system can limit it.
            stall_s: How long the child may be silent. That is the limit of a quick check; a full one may take longer,
                as long as it moves on.
        """
        self._memory_bytes = memory_bytes
        self._stall_s = stall_s
        self._lock = threading.Lock()
        self._child: ChildProcess | None = None
        self._served = 0  # files that this child was asked about
        self._busy = False  # it may still be at work, and what it says next is no answer to the next request

    def start(self) -> None:
        """Start the child now, so that its start runs beside other work; returns at once."""
        with self._lock:
            self._living_child()

    def inspect(
        self,
        path: Path,
        *,
        full: bool,
        cancelled: Callable[[], bool] = never,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Inspection:
        """Look into one file: its footer, or with `full` every page.

        Args:
            path: May be relative, and hold any bytes.
            full: Whether every page is decoded.
            cancelled: Asked several times a second whether to stop.
            on_progress: Hears the rows done and their total. Falls back where a row group is read again a few rows at
                a time.

        Raises:
            SourceError: It cannot be opened, is no regular file, or cannot be inspected within the limits.
            SourceChangedError: It was written to meanwhile.
            InterruptedUploadError: `cancelled` said so.
        """
        order = _Order(path, full, cancelled, on_progress)
        with self._lock:
            try:
                return self._inspect(order)
            except BaseException:
                if self._busy:
                    self._drop()
                raise

    def close(self) -> None:
        """End the child. The next `inspect` would start another one."""
        with self._lock:
            child, self._child, self._served = self._child, None, 0
            if child:
                child.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _inspect(self, order: _Order) -> Inspection:
        worn = self._served > 0
        try:
            return self._ask(order)
        except _OutOfMemoryError as exc:
            self._drop()
            if not worn:
                raise out_of_memory(order.name, self._memory_bytes) from exc
        return self._inspect(order)  # the files before may have left its memory in pieces: a new child decides

    def _ask(self, order: _Order) -> Inspection:
        self._busy = True
        child = self._ready_child(order)
        self._served += 1
        heard = _Heard()
        try:
            child.request(os.fsencode(order.path.absolute()), full=order.full, statistics=order.statistics)
            kind, answer = self._await(child, order)
            while not heard.is_last(kind, answer, order):
                kind, answer = self._await(child, order)
        except ChildGoneError as exc:
            return self._bury(child, order, heard, exc)
        self._busy = False
        if kind == "done":
            return _inspection(answer, heard.identity)
        raise _refusal(kind, answer, order)

    def _living_child(self) -> ChildProcess:
        """The child; a new one where there is none or the system has killed it between two files."""
        if self._child and self._child.has_ended:
            self._drop()
        if self._child is None:
            self._child = ChildProcess(self._memory_bytes)
        return self._child

    def _ready_child(self, order: _Order) -> ChildProcess:
        child = self._living_child()
        if self._served:
            return child
        try:
            kind, answer = self._await(child, order)
        except ChildGoneError as exc:
            raise SourceError("the parquet inspector ended as soon as it was started", hint=_REINSTALL) from exc
        if kind == "ready":
            return child
        if answer["reason"] == "memory":
            raise _OutOfMemoryError
        raise SourceError("the parquet library (pyarrow) cannot be loaded", hint=_REINSTALL)

    def _await(self, child: ChildProcess, order: _Order) -> tuple[str, dict[str, Any]]:
        """The next answer, its kind apart."""
        deadline = time.monotonic() + self._stall_s
        while True:
            if order.cancelled():
                raise InterruptedUploadError(f"stopped while {order.name} was inspected")
            answer = child.receive(_POLL_S)
            if answer is not None:
                return answer.pop("kind"), answer
            if time.monotonic() > deadline:
                raise SourceError(
                    f"{order.name} could not be inspected within {self._stall_s:g} s",
                    hint="look whether the disk answers; if it does, the file may be malformed: write it again",
                )

    def _bury(self, child: ChildProcess, order: _Order, heard: _Heard, exc: ChildGoneError) -> Inspection:
        if order.cancelled():
            raise InterruptedUploadError(f"stopped while {order.name} was inspected") from exc
        returncode, last_words = child.last_words()
        self._drop()
        end = explain_end(order.name, returncode, last_words)
        if heard.in_statistics and order.statistics and not isinstance(end, SourceError):
            return self._inspect(replace(order, statistics=False))  # a file without them is sound all the same
        if isinstance(end, Finding) and heard.identity:
            return Inspection(None, (end,), **heard.identity)
        if isinstance(end, Finding):
            raise SourceError(f"{order.name} could not be inspected: {end.message}") from exc
        raise end or _OutOfMemoryError from exc

    def _drop(self) -> None:
        child, self._child, self._served = self._child, None, 0
        if child:
            child.kill()


def _inspection(answer: dict[str, Any], identity: dict[str, int]) -> Inspection:
    facts = FileFacts.from_json(answer["facts"]) if answer["facts"] else None
    return Inspection(facts, tuple(Finding(**finding) for finding in answer["findings"]), **identity)


def _refusal(kind: str, answer: dict[str, Any], order: _Order) -> Exception:
    if kind == "memory":
        return _OutOfMemoryError()
    if kind == "changed":
        return SourceChangedError(f"{order.name} changed while it was inspected")
    if kind == "refused":
        return SourceError(f"{order.name} {answer['reason']}", hint=answer["hint"])
    return UploadToolError(f"the parquet inspector failed on {order.name}: {answer.get('reason', kind)}")
