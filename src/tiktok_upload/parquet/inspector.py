"""What is in a parquet file, found out by child processes: one looks at it, for a full check as many as fit read it.

The children only count; `judging` says what the counts mean.
"""

import functools
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tiktok_upload.contract import Contract
from tiktok_upload.facts import FileFacts, Finding
from tiktok_upload.parquet.asker import Answer, Asker, Order
from tiktok_upload.parquet.process import DEFAULT_MEMORY_BYTES
from tiktok_upload.parquet.readers import read_units
from tiktok_upload.tally import Tally, merged

# What a child that reads rows takes of the machine's memory, and half as much again. Lower: a small machine swaps.
_READER_BYTES = 256 << 20


def never() -> bool:
    """Nobody asks to stop."""
    return False


def always(_: FileFacts) -> bool:
    """Whatever the footer says."""
    return True


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be found out about a file beside its structure.

    Attributes:
        full: Whether every page is decoded, and every row looked at.
        contract: Whose rules are held against the rows; None for none.
        guard: Whether personal data is looked for.
        judged_at: When it is, for rules on the age of times; RFC 3339 with a zone.
        text_ranges: Whether the lowest and highest of texts are wanted: values of the data.
    """

    full: bool = False
    contract: Contract | None = None
    guard: bool = False
    judged_at: str = "1970-01-01T00:00:00+00:00"
    text_ranges: bool = False

    def to_json(self, workers: int) -> dict[str, Any]:
        """As the child reads it."""
        return {
            "depth": "full" if self.full else "quick",
            "contract": self.contract and self.contract.to_json(),
            "guard": self.guard,
            "judged_at": self.judged_at,
            "text_ranges": self.text_ranges,
            "statistics": True,
            "workers": workers,
        }


@dataclass(frozen=True, slots=True)
class Inspection:
    """What came out of one file.

    Attributes:
        facts: None where the structure is too broken to tell.
        findings: What is wrong or odd about the structure.
        size_bytes: Of the file that was opened, as are `mtime_ns` and `inode`: so that a caller can tell whether it was
            the same file as its own.
        mtime_ns: Time of its last change.
        inode: Its number in the file system.
        counted: In the rows that were read: all of them, or a few.
        betrayed: In the footer's statistics; of values that may be among those rows, too.
        outside: By the place, how often each kind of personal data stands where no column is.
    """

    facts: FileFacts | None
    findings: tuple[Finding, ...]
    size_bytes: int
    mtime_ns: int
    inode: int
    counted: tuple[Tally, ...] = ()
    betrayed: tuple[Tally, ...] = ()
    outside: dict[str, dict[str, int]] = field(default_factory=dict)


class Inspector:
    """Inspects one file at a time; calls from several threads take turns.

    The first child starts with the first file, or with `start`; it serves many, and is replaced after it died. The
    others start with the first full check.
    """

    def __init__(
        self, *, memory_bytes: int = DEFAULT_MEMORY_BYTES, stall_s: float = 60.0, workers: int | None = None
    ) -> None:
        """Take the limits; nothing is started yet.

        Args:
            memory_bytes: Each child's address space, where the system can limit it.
            stall_s: How long a child may be silent. That is the limit of a quick check; a full one may take longer,
                as long as it moves on.
            workers: How many children read rows; None for as many as there are cores and memory for.
        """
        self._lock = threading.Lock()
        self._workers = workers
        self._make: Callable[[], Asker] = functools.partial(Asker, memory_bytes, stall_s)
        self._askers = [self._make()]

    def start(self) -> None:
        """Start the child now, so that its start runs beside other work; returns at once."""
        with self._lock:
            self._askers[0].start()

    def inspect(
        self,
        path: Path,
        question: Question | None = None,
        *,
        full: bool = False,
        reads_on: Callable[[FileFacts], bool] = always,
        cancelled: Callable[[], bool] = never,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Inspection:
        """Look into one file: its footer and some rows, or all of them.

        Args:
            path: May be relative, and hold any bytes.
            question: What is to be found out.
            full: As `question.full`, where there is no question.
            reads_on: Asked before a full check reads the rows.
            cancelled: Asked several times a second whether to stop.
            on_progress: Hears the bytes done and their total, as the footer counts them. Falls back where a row group
                is read again a few rows at a time.

        Raises:
            SourceError: It cannot be opened, is no regular file, or cannot be inspected within the limits.
            SourceChangedError: It was written to meanwhile.
            UsageError: A rule of the contract cannot be run on it.
            InterruptedUploadError: `cancelled` said so.
        """
        asked = question or Question(full=full)
        with self._lock:
            workers = (self._workers or _workers()) if asked.full else 1
            order = Order(path, asked.to_json(workers), cancelled)
            answer = self._askers[0].ask(order)
            found = _inspection(answer)
            if not asked.full or found.facts is None or _is_refused(found) or not reads_on(found.facts):
                return found
            units = answer.found.get("units", [])
            self._askers += [self._make() for _ in range(min(workers, len(units)) - len(self._askers))]
            return _with_rows(found, found.facts, read_units(self._askers, order, units, answer.identity, on_progress))

    def close(self) -> None:
        """End the children. The next `inspect` would start others."""
        with self._lock:
            for asker in self._askers:
                asker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _workers() -> int:
    """As many as there are cores for, and memory."""
    import psutil  # noqa: PLC0415 - only where rows are read

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, psutil.virtual_memory().available // _READER_BYTES))


def _inspection(answer: Answer) -> Inspection:
    found = answer.found
    return Inspection(
        facts=FileFacts.from_json(found["facts"]) if found["facts"] else None,
        findings=tuple(Finding(**finding) for finding in found["findings"]),
        counted=tuple(map(Tally.from_json, found.get("sampled", ()))),
        betrayed=tuple(map(Tally.from_json, found.get("betrayed", ()))),
        outside=found.get("outside", {}),
        **answer.identity,
    )


def _is_refused(found: Inspection) -> bool:
    return any(finding.severity == "error" for finding in found.findings)


def _with_rows(found: Inspection, facts: FileFacts, answers: list[dict[str, Any]]) -> Inspection:
    """The same with what was read; of several findings of one rule the first."""
    findings = {one["rule"]: Finding(**one) for answer in reversed(answers) for one in reversed(answer["findings"])}
    counted = merged(Tally.from_json(tally) for answer in answers for tally in answer.get("tallies", ()))
    whole = facts if findings else replace(facts, rows_read=facts.rows)
    return replace(found, facts=whole, findings=(*found.findings, *findings.values()), counted=tuple(counted))
