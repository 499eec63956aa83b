"""Where the footer says that the columns lie, and whether that can be true: decisions only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tiktok_upload.facts import Finding
from tiktok_upload.parquet.envelope import MAGIC
from tiktok_upload.text import escape

# 4,325 bytes that grow to 3.1 GB were seen; the highest honest ratio was 181:1. Lower: honest files of one repeated
# value are refused. Higher: a tiny file takes minutes and gigabytes.
BOMB_BYTES = 1 << 30
BOMB_RATIO = 1_000
# Older writers (parquet-cpp before 17, Impala, parquet-rs) put a copy of a chunk's metadata behind it, at the chunk's
# `file_offset`. It holds two values of the column at most; what is longer is no such copy.
COPY_LIMIT_BYTES = 64 * 1024


class ColumnChunk(NamedTuple):
    """One column of one row group, as the footer describes it. Offsets count from the start of the file.

    A footer has some 100,000s of them: a tuple is made in a quarter of a dataclass's time.

    Attributes:
        column: The leaf's path; text from the file.
        start: Its first byte.
        end: The byte behind its last.
        unpacked_bytes: Its size without compression.
        copy_at: Where a copy of its metadata is said to lie; 0 for nowhere.
        indexed: Whether a page index or a Bloom filter of it lies somewhere between or behind the chunks.
        elsewhere: Whether it lies in another file.
    """

    column: str
    start: int
    end: int
    unpacked_bytes: int
    copy_at: int = 0
    indexed: bool = False
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class RowGroup:
    """One row group, as the footer describes it; counted from 0."""

    number: int
    rows: int
    columns: int
    chunks: tuple[ColumnChunk, ...]


class Gap(NamedTuple):
    """Bytes that no column claims: from `start` up to `end`. `explained` where something honest lies there."""

    start: int
    end: int
    explained: bool


class _Run(NamedTuple):
    """Chunks that follow each other without a gap; `copied` where a copy of metadata follows the last one."""

    start: int
    end: int
    copied: bool
    row_group: int
    column: str


class Layout:
    """Takes the row groups one by one, so that a footer of 100,000s of chunks costs little memory.

    Invariants: `_runs` holds no byte outside [4, `data_end`); `_loose` says that any gap may be explained by
    something whose true place is not known: a page index, a Bloom filter, a row group without rows, a misplaced chunk.
    """

    def __init__(self, data_end: int) -> None:
        self._data_end = data_end
        self._runs: list[_Run] = []
        self._loose = False

    def add(self, group: RowGroup) -> Iterator[Finding]:
        """What is wrong with this row group in itself."""
        if group.rows == 0:  # its offsets mean nothing: honest writers leave 0 there
            self._loose = True
            return
        run = self._whole_run(group)
        if run is not None:
            self._runs.append(run)
            return
        runs = []
        for chunk in group.chunks:
            self._loose |= chunk.indexed
            yield from _check_size(group, chunk)
            misplaced = self._check_place(group, chunk)
            if misplaced:
                self._loose = True
                yield misplaced
            elif chunk.end > chunk.start:
                runs.append(_Run(chunk.start, chunk.end, chunk.copy_at == chunk.end, group.number, chunk.column))
        merged, clashes = _merge(runs)
        self._runs += merged
        yield from clashes

    def _whole_run(self, group: RowGroup) -> _Run | None:
        """The run that a row group is if nothing is odd about it: its chunks follow each other in their order."""
        if not group.chunks:
            return None
        first = group.chunks[0]
        end = first.start
        for _, start, chunk_end, unpacked, _, indexed, elsewhere in group.chunks:
            if start != end or chunk_end < start or unpacked > BOMB_BYTES or elsewhere:
                return None
            self._loose |= indexed
            end = chunk_end
        if first.start < len(MAGIC) or end > self._data_end or end == first.start:
            return None
        return _Run(first.start, end, group.chunks[-1].copy_at == end, group.number, first.column)

    def finish(self) -> tuple[list[Gap], list[Finding]]:
        """The gaps of the whole file, and where row groups overlap each other."""
        self._runs, clashes = _merge(self._runs)
        edge = _Run(self._data_end, self._data_end, copied=False, row_group=-1, column="")
        gaps, before = [], _Run(0, len(MAGIC), copied=False, row_group=-1, column="")
        for run in (*self._runs, edge):
            if run.start > before.end:
                gaps.append(Gap(before.end, run.start, self._loose or _adjoins(before, run)))
            before = run
        return gaps, clashes

    def _check_place(self, group: RowGroup, chunk: ColumnChunk) -> Finding | None:
        if chunk.elsewhere:
            return _error(
                "data-elsewhere",
                group,
                chunk,
                "lies in another file, so this one is not whole; send a file that has its data",
            )
        if len(MAGIC) <= chunk.start <= chunk.end <= self._data_end:
            return None
        return _error(
            "chunk-outside",
            group,
            chunk,
            f"is said to lie at bytes {chunk.start:,} to {chunk.end:,}, outside the data (4 to {self._data_end:,}): "
            "the footer is damaged or belongs to another file; write it again",
        )


def _check_size(group: RowGroup, chunk: ColumnChunk) -> Iterator[Finding]:
    packed = max(chunk.end - chunk.start, 1)
    if chunk.unpacked_bytes > BOMB_BYTES and chunk.unpacked_bytes > BOMB_RATIO * packed:
        yield _error(
            "decompression-bomb",
            group,
            chunk,
            f"grows from {packed:,} to {chunk.unpacked_bytes:,} bytes when unpacked, as no honest column does, and was "
            "not read; if the data are yours, write smaller row groups",
        )


def _merge(runs: Iterable[_Run]) -> tuple[list[_Run], list[Finding]]:
    merged: list[_Run] = []
    clashes: list[Finding] = []
    for run in sorted(runs):
        last = merged[-1] if merged else None
        if last is None or (run.start > last.end and not _adjoins(last, run)):
            merged.append(run)
            continue
        if run.start < last.end:
            clashes.append(_overlap(run, last))
        merged[-1] = last._replace(end=max(last.end, run.end), copied=run.copied)
    return merged, clashes


def _adjoins(before: _Run, run: _Run) -> bool:
    return before.copied and run.start - before.end <= COPY_LIMIT_BYTES


def _overlap(run: _Run, other: _Run) -> Finding:
    return Finding(
        rule="chunk-overlap",
        severity="error",
        column=run.column,
        row_group=run.row_group,
        message=f'column "{escape(run.column)}" of row group {run.row_group} begins at byte {run.start:,}, before the '
        f"data ahead of it end (byte {other.end:,}): the footer is damaged or belongs to another file; write it again",
    )


def _error(rule: str, group: RowGroup, chunk: ColumnChunk, what: str) -> Finding:
    return Finding(
        rule=rule,
        severity="error",
        column=chunk.column,
        row_group=group.number,
        message=f'column "{escape(chunk.column)}" of row group {group.number} {what}',
    )
