"""The look before sending: open the file, have it inspected, and judge what was found."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tiktok_upload import judging, matching, personal
from tiktok_upload.contract import Contract, Field
from tiktok_upload.errors import InterruptedUploadError, SourceChangedError
from tiktok_upload.facts import Column, FileFacts, Finding, Fingerprint
from tiktok_upload.parquet import Inspection, Inspector, Question
from tiktok_upload.source import Source
from tiktok_upload.stop import Cancelled, Stop
from tiktok_upload.text import escape


@dataclass(frozen=True, slots=True)
class Looked:
    """An open file and what was found in it.

    Attributes:
        facts: None where the structure is too broken to tell.
        unproved: What only a full check could prove, as clauses.
    """

    source: Source
    facts: FileFacts | None
    findings: tuple[Finding, ...]
    unproved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Demands:
    """What files are held against.

    Attributes:
        full: Every row is read.
        contract: None for none.
        guard: Whether raw personal data is refused.
        text_ranges: Whether the lowest and highest of texts are wanted.
        agreement: What the files of one run must share; None where they need not.
    """

    full: bool = False
    contract: Contract | None = None
    guard: bool = False
    text_ranges: bool = False
    agreement: "Agreement | None" = None


@dataclass
class Agreement:
    """Without a contract the first file's columns are those of all."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _first: tuple[str, tuple[Column, ...]] | None = None

    def findings(self, path: Path, columns: tuple[Column, ...]) -> list[Finding]:
        """Where this file differs from the first one; nothing of the first one itself."""
        with self._lock:
            if self._first is None:
                self._first = (path.name, columns)
            name, first = self._first
        return matching.agree(first, name, columns)


def look(
    inspector: Inspector,
    path: Path,
    stop: Stop,
    demands: Demands,
    *,
    judged_at: Callable[[Fingerprint], str],
    on_progress: Callable[[int, int], None] | None = None,
) -> Looked:
    """Open, inspect and judge; the source is the caller's to close.

    Args:
        inspector: Of the run.
        path: The file.
        stop: Ends it early.
        demands: What it is held against.
        judged_at: For rules on the age of times: when it is, for a file with these marks; RFC 3339.
        on_progress: Hears the bytes of a full check that are done, and all of them.

    Raises:
        SourceError: The file cannot be read, or not be inspected within the limits.
        UsageError: A rule of the contract cannot be run on the file.
        Cancelled: The run was stopped.
    """
    source = Source(path)
    try:
        question = Question(
            demands.full, demands.contract, demands.guard, judged_at(source.fingerprint), demands.text_ranges
        )
        found = inspector.inspect(
            path,
            question,
            reads_on=lambda facts: not _has_error(_of_schema(facts, demands)),
            cancelled=stop.is_set,
            on_progress=on_progress,
        )
        _refuse_another_file(source, found)
    except InterruptedUploadError as exc:
        source.close()
        raise Cancelled from exc
    except BaseException:
        source.close()
        raise
    return _judged(source, found, demands)


def _judged(source: Source, found: Inspection, demands: Demands) -> Looked:
    if found.facts is None:
        return Looked(source, None, (*found.findings, *judging.judge_outside(found.outside)))
    depth: judging.Depth = "full" if found.facts.rows_read is not None else "quick"
    of_schema = _of_schema(found.facts, demands)
    findings = [*found.findings, *of_schema]
    if demands.agreement is not None and not _has_error(findings):
        findings += demands.agreement.findings(source.path, found.facts.columns)
    if demands.guard:
        findings += _of_personal_data(found, found.facts, demands.contract, depth)
    if demands.contract is not None:
        counted = judging.Counted(depth, found.facts, found.counted, found.betrayed)
        findings += judging.judge(demands.contract, counted, guarded=demands.guard)
    unproved = () if demands.full else judging.unproved(demands.contract, found.facts, guard=demands.guard)
    return Looked(source, found.facts, tuple(findings), tuple(unproved))


def _of_schema(facts: FileFacts, demands: Demands) -> list[Finding]:
    return matching.match(facts.columns, demands.contract) if demands.contract else []


def _of_personal_data(
    found: Inspection, facts: FileFacts, contract: Contract | None, depth: judging.Depth
) -> list[Finding]:
    fields: dict[str, Field] = {}
    if contract is not None:
        fields = {path: one for path, _, one in matching.pairs(facts.columns, contract)}
    tallies = judging.known(judging.Counted(depth, facts, found.counted, found.betrayed))
    in_columns = personal.judge(tallies, fields=fields, depth=depth)
    return [*in_columns, *judging.judge_outside(found.outside, known={finding.rule for finding in in_columns})]


def _has_error(findings: list[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _refuse_another_file(source: Source, found: Inspection) -> None:
    mine = source.fingerprint
    if (found.size_bytes, found.mtime_ns, found.inode) != (mine.size_bytes, mine.mtime_ns, mine.inode):
        raise SourceChangedError(f"{escape(str(source.path))} changed while it was inspected", kept="nothing was sent")
