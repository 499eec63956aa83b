"""Parent side: asks a long-lived child process about files, and says what its end means.

pyarrow aborts the whole process on some malformed footers, and no `try` helps; so it never runs in this one.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tiktok_upload.errors import InterruptedUploadError, SourceChangedError, SourceError, UploadToolError, UsageError
from tiktok_upload.facts import Finding
from tiktok_upload.parquet.ending import explain_end, out_of_memory
from tiktok_upload.parquet.process import ChildGoneError, ChildProcess
from tiktok_upload.text import escape

# Lower: more wake-ups. Higher: a stop is heard later.
_POLL_S = 0.1
_REINSTALL = "install the tool anew (for example: pip install --force-reinstall tiktok-upload pyarrow)"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """One question.

    Attributes:
        path: Of the file.
        wanted: As `measuring.Wanted` reads it.
        cancelled: Asked several times a second whether to stop.
        unit: As `units.Unit` writes it, where only that piece of the work is to be done.
        on_progress: Hears the bytes done, and their total.
    """

    path: Path
    wanted: Json
    cancelled: Callable[[], bool]
    unit: Json | None = None
    on_progress: Callable[[int, int], None] | None = None

    @property
    def name(self) -> str:
        """The path as it is shown."""
        return escape(str(self.path))

    @property
    def without_statistics(self) -> "Order":
        """The same question, the footer's statistics left alone."""
        return replace(self, wanted={**self.wanted, "statistics": False})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the child found.

    Attributes:
        found: As `measuring.Measured` writes it, or for a unit `rows`, `tallies` and `findings`.
        identity: `size_bytes`, `mtime_ns` and `inode` of the file that it opened.
    """

    found: Json
    identity: dict[str, int]


@dataclass(slots=True)
class _Heard:
    """What the child has said so far of the file it is at.

    Attributes:
        identity: Empty before it was opened.
        in_statistics: Whether it is reading those of the footer now.
    """

    identity: dict[str, int] = field(default_factory=dict)
    in_statistics: bool = False

    def is_last(self, kind: str, answer: Json, order: Order) -> bool:
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


class Asker:
    """One child at a time; it serves many files, and is replaced after it died. Not for several threads at once."""

    def __init__(self, memory_bytes: int, stall_s: float) -> None:
        """Take the limits; nothing is started yet. `Inspector` says what they are."""
        self._memory_bytes = memory_bytes
        self._stall_s = stall_s
        self.child: ChildProcess | None = None
        self._served = 0  # files that this child was asked about
        self._busy = False  # it may still be at work, and what it says next is no answer to the next request

    def start(self) -> ChildProcess:
        """The child; a new one where there is none or the system has killed it between two files."""
        if self.child and self.child.has_ended:
            self._drop()
        if self.child is None:
            self.child = ChildProcess(self._memory_bytes)
        return self.child

    def ask(self, order: Order) -> Answer:
        """Have one question answered.

        Raises:
            SourceError: The file cannot be opened, is no regular file, or cannot be inspected within the limits.
            SourceChangedError: It was written to meanwhile.
            UsageError: A rule of the contract cannot be run on it.
            InterruptedUploadError: `cancelled` said so.
        """
        try:
            return self._ask_twice(order)
        except BaseException:
            if self._busy:
                self._drop()
            raise

    def close(self) -> None:
        """End the child. The next question would start another one."""
        child, self.child, self._served = self.child, None, 0
        if child:
            child.end()

    def _ask_twice(self, order: Order) -> Answer:
        worn = self._served > 0
        try:
            return self._ask(order)
        except _OutOfMemoryError as exc:
            self._drop()
            if not worn:
                raise out_of_memory(order.name, self._memory_bytes) from exc
        return self._ask_twice(order)  # the files before may have left its memory in pieces: a new child decides

    def _ask(self, order: Order) -> Answer:
        self._busy = True
        child = self._ready_child(order)
        self._served += 1
        heard = _Heard()
        try:
            child.request(os.fsencode(order.path.absolute()), order.wanted, order.unit)
            kind, answer = self._await(child, order)
            while not heard.is_last(kind, answer, order):
                kind, answer = self._await(child, order)
        except ChildGoneError as exc:
            return self._bury(child, order, heard, exc)
        self._busy = False
        if kind == "done":
            return Answer(answer, heard.identity)
        raise _refusal(kind, answer, order)

    def _ready_child(self, order: Order) -> ChildProcess:
        child = self.start()
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

    def _await(self, child: ChildProcess, order: Order) -> tuple[str, Json]:
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

    def _bury(self, child: ChildProcess, order: Order, heard: _Heard, exc: ChildGoneError) -> Answer:
        if order.cancelled():
            raise InterruptedUploadError(f"stopped while {order.name} was inspected") from exc
        returncode, last_words = child.last_words()
        self._drop()
        end = explain_end(order.name, returncode, last_words)
        if heard.in_statistics and order.wanted["statistics"] and not isinstance(end, SourceError):
            return self._ask_twice(order.without_statistics)  # a file without them is sound all the same
        if isinstance(end, Finding) and heard.identity:
            return Answer({"facts": None, "rows": 0, "findings": [end.to_json()]}, heard.identity)
        if isinstance(end, Finding):
            raise SourceError(f"{order.name} could not be inspected: {end.message}") from exc
        raise end or _OutOfMemoryError from exc

    def _drop(self) -> None:
        child, self.child, self._served = self.child, None, 0
        if child:
            child.kill()


def _refusal(kind: str, answer: Json, order: Order) -> Exception:
    if kind == "memory":
        return _OutOfMemoryError()
    if kind == "changed":
        return SourceChangedError(f"{order.name} changed while it was inspected")
    if kind == "refused":
        return SourceError(f"{order.name} {answer['reason']}", hint=answer["hint"])
    if kind == "misfit":
        return UsageError(f"{answer['reason']} ({order.name})", hint=answer["hint"], code="contract")
    return UploadToolError(f"the parquet inspector failed on {order.name}: {answer.get('reason', kind)}")
