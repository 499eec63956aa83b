"""Pages read and decoded, a bounded number of rows and columns at a time. Child only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from tiktok_upload.facts import Finding
from tiktok_upload.parquet.counts import At, Counts
from tiktok_upload.parquet.parser import ParserRefusedError, refusals
from tiktok_upload.parquet.units import Unit
from tiktok_upload.tally import Tally

# Rows decoded at once. Lower: more calls (1,024 took a third longer). Higher: more memory, no more speed.
_BATCH_ROWS = 8_192
_BATCH_BYTES = 16 << 20
# Where a batch does not fit: one long text, stored once in a dictionary, may stand in every row.
_FEW_ROWS = 64
# A decoded batch this large, and this many times larger than the footer lets expect, is a bomb inside the pages.
_BOMB_BYTES = 256 << 20
_BOMB_RATIO = 1_000
_UNSUPPORTED = ("not supported", "not yet implemented")

See = Callable[[Any, At, Counts], None]
"""Looks at a batch of rows that begins there, and counts what it finds."""
Beat = Callable[[int, int], None]
"""Hears of the work done, and of all of it."""


class UnsoundDataError(Exception):
    """A row group's data are not what the footer promised; carries the finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.rule)
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Scanned:
    """What came out of a unit: its rows, those of the row groups before them included in none, and what was counted."""

    rows: int
    tallies: list[Tally]


def scan(file: pq.ParquetFile, unit: Unit, see: See, beat: Beat) -> Scanned:
    """Decode a unit of the file, showing each batch.

    Args:
        file: Open.
        unit: Which row groups, and which columns of them.
        see: Shown every batch, once.
        beat: Hears the bytes done, of the unit's weight, between batches.

    Raises:
        UnsoundDataError: A page does not match its checksum, cannot be decoded, or holds other data than promised.
        MemoryError: The memory allowed is not enough even for a few rows at a time.
        OSError: The file could not be read; with an `errno`.
    """
    groups = [file.metadata.row_group(number) for number in range(unit.first, unit.end)]
    promised = sum(group.num_rows for group in groups)
    counts, first_row = Counts(), unit.first_row
    for number, group in enumerate(groups, unit.first):
        for found, rows in _scan_row_group(file, unit.columns, see, At(number, first_row)):
            beat(unit.weight * (first_row - unit.first_row + rows) // max(promised, 1), unit.weight)
            if found is not None:
                counts.absorb(found.tallies())
        first_row += group.num_rows
    return Scanned(promised, counts.tallies())


def unpacked_bytes(group: Any) -> int:
    """By its chunks: the row group's own total is 0 with some writers, the compressed size with others."""
    total: int = sum(group.column(number).total_uncompressed_size for number in range(group.num_columns))
    return total


def _scan_row_group(
    file: pq.ParquetFile, columns: list[str] | None, see: See, at: At
) -> Iterator[tuple[Counts | None, int]]:
    """Rows done so far; with the last of them what was counted, so that nothing counts twice."""
    batch_rows = rows_at_once(file.metadata.row_group(at.row_group), _BATCH_ROWS, _BATCH_BYTES)
    try:
        yield from _decode(file, columns, see, at, batch_rows)
    except MemoryError:
        pass  # left first, for the traceback holds on to the batch
    else:
        return
    yield from _decode(file, columns, see, at, _FEW_ROWS)


def rows_at_once(group: Any, most_rows: int, most_bytes: int) -> int:
    """How many rows of a row group to decode together, by the size that the footer gives."""
    row_bytes: int = max(unpacked_bytes(group) // max(group.num_rows, 1), 1)
    return max(1, min(most_rows, most_bytes // row_bytes))


def _decode(
    file: pq.ParquetFile, columns: list[str] | None, see: See, at: At, batch_rows: int
) -> Iterator[tuple[Counts | None, int]]:
    counts, rows, number = Counts(), 0, at.row_group
    for batch in read_batches(file, number, columns, batch_rows):
        see(batch, At(at.row_group, (at.first_row or 0) + rows), counts)
        rows += batch.num_rows
        yield None, rows
    promised = file.metadata.row_group(number).num_rows
    if rows != promised:
        raise UnsoundDataError(_wrong_rows(number, promised, rows))
    yield counts, rows


def read_batches(file: pq.ParquetFile, number: int, columns: list[str] | None, batch_rows: int) -> Iterator[Any]:
    """One row group's rows.

    Raises:
        UnsoundDataError: They cannot be had.
        MemoryError, OSError: As with `scan`.
    """
    group = file.metadata.row_group(number)
    row_bytes = max(unpacked_bytes(group) // max(group.num_rows, 1), 1)
    batches = _refused(
        number, lambda: file.iter_batches(batch_rows, row_groups=[number], columns=columns, use_threads=False)
    )
    while (batch := _refused(number, lambda: next(batches, None))) is not None:
        _check_growth(batch, row_bytes, number)
        yield batch


def _refused(number: int, read: Callable[[], Any]) -> Any:
    """What `read` gives; a refusal is a finding about the row group."""
    try:
        with refusals():
            return read()
    except ParserRefusedError as exc:
        raise UnsoundDataError(_explain(exc.__cause__, number)) from exc


def _check_growth(batch: Any, row_bytes: int, number: int) -> None:
    if batch.nbytes > max(_BOMB_BYTES, _BOMB_RATIO * row_bytes * batch.num_rows):
        what = f"grows to more than {_BOMB_RATIO:,} times the size that the footer gives, and was not read to the end"
        raise UnsoundDataError(_error("decompression-bomb", number, what, "if the data are yours, write smaller ones"))


def _wrong_rows(number: int, promised: int, found: int) -> Finding:
    return _error(
        "row-count", number, f"holds {found:,} rows, not the {promised:,} of the footer", "write the file again"
    )


def _explain(exc: BaseException | None, number: int) -> Finding:
    """Our own words: the parser's may hold values of the data."""
    text = str(exc)
    if "CRC checksum" in text:
        what = "has a page that does not match its checksum: the file was damaged after it was written"
        return _error("page-checksum", number, what, "copy or write it again")
    if isinstance(exc, NotImplementedError) or any(sign in text.lower() for sign in _UNSUPPORTED):
        what = "uses a codec, an encoding or a nesting that cannot be read here"
        return _error("unsupported-data", number, what, "write the file with a common one")
    what = "cannot be decoded: its data are damaged or are not what the footer says"
    return _error("undecodable", number, what, "copy or write the file again")


def _error(rule: str, number: int, what: str, advice: str) -> Finding:
    return Finding(rule=rule, severity="error", message=f"row group {number} {what}; {advice}", row_group=number)
