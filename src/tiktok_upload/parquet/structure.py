"""Is this a sound parquet file: from its bytes and its footer, and if asked from every page. Child only."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO, Protocol

import pyarrow.parquet as pq

from tiktok_upload.facts import FileFacts, Finding
from tiktok_upload.parquet import column_statistics, footer, gaps
from tiktok_upload.parquet.envelope import EDGE_BYTES, Edges, judge
from tiktok_upload.parquet.layout import Layout, RowGroup
from tiktok_upload.parquet.parser import ParserRefusedError, refusals
from tiktok_upload.parquet.scan import Beat, UnsoundDataError, scan

Verdict = tuple[FileFacts | None, tuple[Finding, ...]]


class TellStatistics(Protocol):
    """Hears `reading=True` before the footer's statistics are read, which may end the process, and False after."""

    def __call__(self, *, reading: bool) -> None:
        """Tell it on."""


def check_structure(
    file: BinaryIO,
    *,
    size_bytes: int,
    age_s: float,
    full: bool,
    beat: Beat,
    tell_statistics: TellStatistics | None = None,
) -> Verdict:
    """The facts and what is wrong; no facts where the file is too broken to tell them.

    Args:
        file: Open, readable and seekable; reads of it never come short.
        size_bytes: Its size.
        age_s: Seconds since it was last changed.
        full: Whether every page is decoded, too.
        beat: Hears the rows done and their total during a full check.
        tell_statistics: Without it the footer's statistics are left alone.

    Raises:
        MemoryError: The memory allowed is not enough.
        OSError: The file could not be read; with an `errno`.
    """
    edges = _read_edges(file, size_bytes, age_s)
    finding = judge(edges)
    if finding:
        return None, (finding,)
    try:
        with refusals():
            facts, findings = _check_content(file, parquet := _open(file), edges.footer_start)
            if findings.has_error:
                return facts, findings.all()
            if tell_statistics:
                facts = _with_statistics(facts, parquet, tell_statistics)
            if full:
                facts = _with_rows_read(facts, parquet, beat, findings)
            return facts, findings.all()
    except ParserRefusedError:
        return None, (_UNREADABLE,)


def _read_edges(file: BinaryIO, size_bytes: int, age_s: float) -> Edges:
    head = gaps.read(file, 0, EDGE_BYTES)
    tail_start = max(0, size_bytes - EDGE_BYTES)
    return Edges(size_bytes, head, gaps.read(file, tail_start, size_bytes - tail_start), age_s)


def _open(file: BinaryIO) -> pq.ParquetFile:
    """The file with its footer parsed. Extension types come as what they are stored as."""
    return pq.ParquetFile(
        file, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True, arrow_extensions_enabled=False
    )


_UNREADABLE = Finding(
    rule="footer-unreadable",
    severity="error",
    message="the footer cannot be read: it is damaged, or its schema breaks the rules of parquet; "
    "write the file again with a current writer",
)


def _check_content(file: BinaryIO, parquet: pq.ParquetFile, data_end: int) -> "tuple[FileFacts, _Collected]":
    codecs: set[str] = set()
    findings = _Collected()
    findings.add_all(_check_footer(file, parquet.metadata, data_end, codecs))
    return footer.facts(parquet, codecs), findings


def _with_statistics(facts: FileFacts, parquet: pq.ParquetFile, tell: TellStatistics) -> FileFacts:
    tell(reading=True)
    columns = column_statistics.describe(parquet, facts.columns)
    tell(reading=False)
    return replace(facts, columns=columns)


def _with_rows_read(facts: FileFacts, parquet: pq.ParquetFile, beat: Beat, findings: "_Collected") -> FileFacts:
    try:
        return replace(facts, rows_read=scan(parquet, beat))
    except UnsoundDataError as exc:
        findings.add_all([exc.finding])
        return facts


def _check_footer(file: BinaryIO, metadata: pq.FileMetaData, data_end: int, codecs: set[str]) -> Iterator[Finding]:
    layout = Layout(data_end)
    rows = 0
    for group in footer.row_groups(metadata, codecs):
        yield from _check_row_group(group, metadata.num_columns)
        yield from layout.add(group)
        rows += group.rows
    unclaimed, clashes = layout.finish()
    yield from clashes
    yield from gaps.examine(file, unclaimed, data_end)
    yield from _check_rows(metadata.num_rows, rows)


def _check_row_group(group: RowGroup, columns: int) -> Iterator[Finding]:
    if group.rows < 0 or group.columns != columns:
        yield Finding(
            rule="row-group-shape",
            severity="error",
            row_group=group.number,
            message=f"row group {group.number} has {group.rows:,} rows and {group.columns:,} columns, the schema has "
            f"{columns:,}: the footer is damaged; write the file again",
        )


def _check_rows(promised: int, found: int) -> Iterator[Finding]:
    if promised != found:
        yield Finding(
            rule="footer-row-count",
            severity="error",
            message=f"the footer gives {promised:,} rows, its row groups have {found:,}: readers would not agree on "
            "how many there are; write the file again",
        )
    elif found == 0:
        yield Finding(
            rule="no-rows", severity="warning", message="the file has no rows; look whether its source was empty"
        )


class _Collected:
    """One finding a rule, the first, with the number of the others: a broken footer can give 100,000."""

    def __init__(self) -> None:
        self._first: dict[str, Finding] = {}
        self._others: dict[str, int] = {}

    @property
    def has_error(self) -> bool:
        """Whether anything but warnings came."""
        return any(finding.severity == "error" for finding in self._first.values())

    def add_all(self, findings: Iterable[Finding]) -> None:
        """Take them as they come, none kept but the first of each rule."""
        for finding in findings:
            if self._first.setdefault(finding.rule, finding) is not finding:
                self._others[finding.rule] = self._others.get(finding.rule, 0) + 1

    def all(self) -> tuple[Finding, ...]:
        """In the order in which the rules were first broken."""
        return tuple(map(self._counted, self._first.values()))

    def _counted(self, finding: Finding) -> Finding:
        others = self._others.get(finding.rule)
        return replace(finding, message=f"{finding.message} (and {others:,} more of the kind)") if others else finding
