"""Every page read and decoded, a bounded number of rows and columns at a time. Child only."""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow.parquet as pq

from tiktok_upload.facts import Finding
from tiktok_upload.parquet.parser import ParserRefusedError, refusals

# Rows decoded at once. Lower: more calls (1,024 took a third longer). Higher: more memory, no more speed.
_BATCH_ROWS = 8_192
_BATCH_BYTES = 32 << 20
# Where a batch does not fit: one long text, stored once in a dictionary, may stand in every row.
_FEW_ROWS = 64
# Each leaf takes a read buffer of 1 MiB and its pages; 2,000 at once took 1.3 GB. Fewer: more calls.
_LEAVES_AT_ONCE = 64
# A decoded batch this large, and this many times larger than the footer lets expect, is a bomb inside the pages.
_BOMB_BYTES = 256 << 20
_BOMB_RATIO = 1_000

Beat = Callable[[int, int], None]


class UnsoundDataError(Exception):
    """A row group's data are not what the footer promised; carries the finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.rule)
        self.finding = finding


def scan(file: pq.ParquetFile, beat: Beat) -> int:
    """Decode everything; returns the rows. `beat` hears the rows done and their total between batches.

    Raises:
        UnsoundDataError: A page does not match its checksum, cannot be decoded, or holds other data than promised.
        MemoryError: The memory allowed is not enough even for a few rows at a time.
        OSError: The file could not be read; with an `errno`.
    """
    metadata = file.metadata
    done = 0
    for number in range(metadata.num_row_groups):
        rows = metadata.row_group(number).num_rows
        for rows_read in _scan_row_group(file, number):
            beat(done + rows_read, metadata.num_rows)
        done += rows
    return done


def _scan_row_group(file: pq.ParquetFile, number: int) -> Iterator[int]:
    """Rows done so far; a row counts when all its columns were read."""
    group = file.metadata.row_group(number)
    row_bytes = max(_unpacked_bytes(group) // max(group.num_rows, 1), 1)
    try:
        yield from _decode(file, number, row_bytes, max(1, min(_BATCH_ROWS, _BATCH_BYTES // row_bytes)))
    except MemoryError:
        pass  # left first, for the traceback holds on to the batch
    else:
        return
    yield from _decode(file, number, row_bytes, _FEW_ROWS)


def _unpacked_bytes(group: Any) -> int:
    """By its chunks: the row group's own total is 0 with some writers, the compressed size with others."""
    return sum(group.column(number).total_uncompressed_size for number in range(group.num_columns))


def _decode(file: pq.ParquetFile, number: int, row_bytes: int, batch_rows: int) -> Iterator[int]:
    try:
        with refusals():
            yield from _decode_parts(file, number, row_bytes, batch_rows)
    except ParserRefusedError as exc:
        raise UnsoundDataError(_explain(exc.__cause__, number)) from exc


def _decode_parts(file: pq.ParquetFile, number: int, row_bytes: int, batch_rows: int) -> Iterator[int]:
    promised = file.metadata.row_group(number).num_rows
    parts = _column_parts(file.metadata)
    for part, columns in enumerate(parts):
        rows = 0
        for batch in file.iter_batches(batch_rows, row_groups=[number], columns=columns, use_threads=False):
            _check_growth(batch, row_bytes, number)
            rows += batch.num_rows
            yield (promised * part + rows) // len(parts)
        if rows != promised:
            raise UnsoundDataError(_wrong_rows(number, promised, rows))


def _column_parts(metadata: pq.FileMetaData) -> list[list[str] | None]:
    """The leaves to read together: all, or groups of them that never part a nested column."""
    if metadata.num_columns <= _LEAVES_AT_ONCE:
        return [None] if metadata.num_columns else []
    parts: list[list[str] | None] = []
    part: dict[str, None] = {}  # a name that occurs twice is read with its namesake
    root = ""
    for number in range(metadata.num_columns):
        path = metadata.schema.column(number).path
        if len(part) >= _LEAVES_AT_ONCE and path.partition(".")[0] != root:
            parts.append(list(part))
            part = {}
        root = path.partition(".")[0]
        part[path] = None
    return [*parts, list(part)]


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
    if isinstance(exc, NotImplementedError) or "not supported" in text or "not yet implemented" in text:
        what = "uses a codec, an encoding or a nesting that cannot be read here"
        return _error("unsupported-data", number, what, "write the file with a common one")
    what = "cannot be decoded: its data are damaged or are not what the footer says"
    return _error("undecodable", number, what, "copy or write the file again")


def _error(rule: str, number: int, what: str, advice: str) -> Finding:
    return Finding(rule=rule, severity="error", message=f"row group {number} {what}; {advice}", row_group=number)
