"""A few rows of a file's first, middle and last row groups: what a quick check looks at. Child only."""

import pyarrow.parquet as pq

from tiktok_upload.parquet.counts import At, Counts
from tiktok_upload.parquet.scan import Scanned, See, read_batches, rows_at_once
from tiktok_upload.parquet.units import LEAVES_AT_ONCE

# Lower: less is betrayed. Higher: a quick check is none any more.
MOST_ROWS = 10_000
MOST_BYTES = 64 << 20
_PLACES = 3


def sample(file: pq.ParquetFile, see: See) -> Scanned:
    """Show the first rows of up to three row groups, all columns of them; raises as `scan` does."""
    rows = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
    counts, seen = Counts(), 0
    chosen = _chosen(rows)
    for number in chosen:
        limit = rows_at_once(file.metadata.row_group(number), MOST_ROWS // len(chosen), MOST_BYTES // len(chosen))
        seen += _sample_row_group(file, see, At(number, sum(rows[:number])), counts, limit)
    return Scanned(seen, counts.tallies())


def _chosen(rows: list[int]) -> list[int]:
    """The first, the middle and the last of the row groups that have rows."""
    filled = [number for number, count in enumerate(rows) if count > 0]
    return sorted({filled[0], filled[len(filled) // 2], filled[-1]}) if filled else []


def _sample_row_group(file: pq.ParquetFile, see: See, at: At, counts: Counts, limit: int) -> int:
    seen = 0
    for columns in _column_parts(file):
        batch = next(read_batches(file, at.row_group, columns, limit), None)
        if batch is not None:
            see(batch, at, counts)
            seen = batch.num_rows
    return min(seen, limit)


def _column_parts(file: pq.ParquetFile) -> list[list[str] | None]:
    """All columns, or where there are many, so many at a time that memory suffices; rules across them see less then."""
    metadata = file.metadata
    if metadata.num_columns <= LEAVES_AT_ONCE:
        return [None] if metadata.num_columns else []
    paths = list(dict.fromkeys(metadata.schema.column(number).path for number in range(metadata.num_columns)))
    roots: dict[str, list[str]] = {}
    for path in paths:
        roots.setdefault(path.partition(".")[0], []).append(path)
    parts: list[list[str] | None] = []
    part: list[str] = []
    for together in roots.values():
        if part and len(part) + len(together) > LEAVES_AT_ONCE:
            parts.append(part)
            part = []
        part = [*part, *together]
    return [*parts, part]
