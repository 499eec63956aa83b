"""Is this a sound parquet file, by its bytes and its footer. Child only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, Protocol

import pyarrow.parquet as pq

from tiktok_upload.facts import FileFacts, Finding
from tiktok_upload.parquet import footer, gaps
from tiktok_upload.parquet.column_statistics import Statistics
from tiktok_upload.parquet.envelope import EDGE_BYTES, Edges, judge
from tiktok_upload.parquet.layout import Gap, Layout, RowGroup
from tiktok_upload.parquet.parser import ParserRefusedError, guarded, refusals


class TellStatistics(Protocol):
    """Hears `reading=True` before the footer's statistics are read, which may end the process, and False after."""

    def __call__(self, *, reading: bool) -> None:
        """Tell it on."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A file that was opened, as far as it could be.

    Attributes:
        parquet: Open; None where it is too broken.
        facts: None where they cannot be told.
        findings: What is wrong or odd.
        gaps: Bytes between `PAR1` and the footer that no column claims.
        footer_start: Where the footer begins.
        statistics: Those of the footer; None where they were left alone.
    """

    parquet: pq.ParquetFile | None
    facts: FileFacts | None
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...] = ()
    footer_start: int = 0
    statistics: Statistics | None = None

    @property
    def is_sound(self) -> bool:
        """Whether there is no error among the findings."""
        return all(finding.severity != "error" for finding in self.findings)


def check_structure(
    file: BinaryIO, *, size_bytes: int, age_s: float, tell_statistics: TellStatistics | None = None
) -> Structure:
    """The facts and what is wrong; no facts where the file is too broken to tell them.

    Args:
        file: Open, readable and seekable; reads of it never come short.
        size_bytes: Its size.
        age_s: Seconds since it was last changed.
        tell_statistics: Without it the footer's statistics are left alone.

    Raises:
        MemoryError: The memory allowed is not enough.
        OSError: The file could not be read; with an `errno`.
    """
    edges = _read_edges(file, size_bytes, age_s)
    finding = judge(edges)
    if finding:
        return Structure(None, None, (finding,))
    try:
        with refusals():
            return _check_content(file, open_parquet(file), edges.footer_start, tell_statistics)
    except ParserRefusedError:
        return Structure(None, None, (_UNREADABLE,))


def _read_edges(file: BinaryIO, size_bytes: int, age_s: float) -> Edges:
    head = gaps.read(file, 0, EDGE_BYTES)
    tail_start = max(0, size_bytes - EDGE_BYTES)
    return Edges(size_bytes, head, gaps.read(file, tail_start, size_bytes - tail_start), age_s)


def open_parquet(file: BinaryIO) -> pq.ParquetFile:
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


def _check_content(
    file: BinaryIO, parquet: pq.ParquetFile, data_end: int, tell_statistics: TellStatistics | None
) -> Structure:
    codecs: set[str] = set()
    findings, layout = _Collected(), Layout(data_end)
    statistics = _statistics(parquet) if tell_statistics else None
    if tell_statistics:
        tell_statistics(reading=True)
    findings.add_all(_check_row_groups(parquet.metadata, layout, codecs, statistics))
    if tell_statistics:
        tell_statistics(reading=False)
    unclaimed, clashes = layout.finish()
    findings.add_all(clashes)
    findings.add_all(gaps.examine(file, unclaimed, data_end))
    findings.add_all(_check_rows(parquet.metadata))
    return Structure(parquet, footer.facts(parquet, codecs), findings.all(), tuple(unclaimed), data_end, statistics)


def _statistics(parquet: pq.ParquetFile) -> Statistics | None:
    return guarded(lambda: Statistics(parquet, len(footer.columns(parquet))), None)


def _check_row_groups(
    metadata: pq.FileMetaData, layout: Layout, codecs: set[str], statistics: Statistics | None
) -> Iterator[Finding]:
    for group in footer.row_groups(metadata, codecs, statistics):
        yield from _check_row_group(group, metadata.num_columns)
        yield from layout.add(group)


def _check_row_group(group: RowGroup, columns: int) -> Iterator[Finding]:
    if group.rows < 0 or group.columns != columns:
        yield Finding(
            rule="row-group-shape",
            severity="error",
            row_group=group.number,
            message=f"row group {group.number} has {group.rows:,} rows and {group.columns:,} columns, the schema has "
            f"{columns:,}: the footer is damaged; write the file again",
        )


def _check_rows(metadata: pq.FileMetaData) -> Iterator[Finding]:
    promised = metadata.num_rows
    found = sum(metadata.row_group(number).num_rows for number in range(metadata.num_row_groups))
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
