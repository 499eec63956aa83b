"""Whether values, or rows of several columns, repeat: exactly while they fit in memory, then by hashes. Child only.

What does not fit becomes keyed hashes of 128 bits in files that have no name, mode 0600. Two values that differ and
share a hash: one chance in 10^18 for 10 billion rows. Nobody without the key, which is never written, learns a value.
"""

import hashlib
import os
import struct
import tempfile
from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from tiktok_upload.tally import MOST_PLACES, Place, Tally

# Of the values themselves. Lower: more files are checked by hashes. Higher: grouping takes four times as much.
MOST_BYTES = 16 << 20
# A record: the hash, then the row. Lower powers of two: deeper recursion on large files. Higher: more open files.
_HASH_BYTES, _ROW_BYTES = 16, 8
_RECORD_BYTES = _HASH_BYTES + _ROW_BYTES
_FANOUT = 64
_FLUSH_RECORDS = 512
_NARROW_BITS = 32
_DEEPEST = 3  # 64^4 parts: what is still too large then is a few values over and over
_ROW = struct.Struct("<Q")
_LENGTH = struct.Struct("<q")


class Repeats:
    """Takes a column, or several, batch by batch; tells at the end which rows repeat an earlier one's values.

    A row with a null in one of them repeats nothing.
    """

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._tables: list[Any] = []
        self._bytes = 0
        self._spill: _Spill | None = None
        self._seen = 0

    def add(self, columns: list[Any], first_row: int) -> None:
        """Take the same rows of each column.

        Raises:
            OSError: The disk is full.
        """
        rows = pa.array(range(first_row, first_row + len(columns[0])), pa.int64())
        table = pa.table([*columns, rows], names=[*map(str, range(len(columns))), "row"]).drop_null()
        self._seen += table.num_rows
        if self._spill is not None:
            self._spill.add(table)
            return
        self._tables.append(table)
        self._bytes += table.nbytes
        if self._bytes > self._most_bytes:
            self._spill = _Spill()
            for kept in self._tables:
                self._spill.add(kept)
            self._tables = []

    def tally(self, column: str, rule: str, row_group_of: "RowGroupOf") -> Tally:
        """How many rows repeat an earlier one; the first of them."""
        hits, rows = self._found()
        places = tuple(Place(row_group_of(row), row) for row in rows)
        return Tally(column, rule, self._seen, hits, places)

    def _found(self) -> tuple[int, list[int]]:
        if self._spill is not None:
            return self._spill.repeats()
        if not self._tables:
            return 0, []
        whole = pa.concat_tables(self._tables)
        return _repeated(whole, [name for name in whole.column_names if name != "row"])


class RowGroupOf:
    """From a row to its row group.

    Args:
        rows: Of each row group.
    """

    def __init__(self, rows: list[int]) -> None:
        self._rows = rows

    def __call__(self, row: int) -> int:
        """The row group that holds it."""
        for number, rows in enumerate(self._rows):
            if row < rows:
                return number
            row -= rows
        raise LookupError("no such row")


def _repeated(table: Any, keys: list[str]) -> tuple[int, list[int]]:
    """How many rows repeat an earlier one, and a few of those."""
    groups = table.group_by(keys, use_threads=False).aggregate([("row", "count"), ("row", "max")])
    repeated = groups.filter(pc.greater(groups["row_count"], 1))
    hits = (pc.sum(repeated["row_count"]).as_py() or 0) - repeated.num_rows
    # The last row of a group is no first one: it repeats another.
    return hits, sorted(repeated["row_max"].to_pylist())[:MOST_PLACES] if hits else []


class _Spill:
    """Hashes of rows with their numbers, in files by the beginning of the hash."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._parts = _Parts(depth=0)

    def add(self, table: Any) -> None:
        """Take the rows of a table: its last column is their number."""
        keys = [_bytes_of(column) for column in table.columns[:-1]]
        rows = table["row"].to_pylist()
        digests = map(self._digest, *keys) if len(keys) > 1 else map(self._digest_one, keys[0])
        for digest, row in zip(digests, rows, strict=True):
            self._parts.add(digest + _ROW.pack(row))

    def _digest_one(self, value: bytes) -> bytes:
        return hashlib.blake2b(value, digest_size=_HASH_BYTES, key=self._key).digest()

    def _digest(self, *values: bytes) -> bytes:
        """Lengths first: `ab`, `c` is not `a`, `bc`."""
        return self._digest_one(b"".join(_LENGTH.pack(len(value)) + value for value in values))

    def repeats(self) -> tuple[int, list[int]]:
        """How many rows repeat an earlier one, and a few of those."""
        return self._parts.repeats()


def _bytes_of(column: Any) -> list[bytes]:
    """Values as bytes, equal where they are."""
    kind = column.type
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        column = column.cast(pa.int32() if kind.bit_width == _NARROW_BITS else pa.int64())  # no time zones are needed
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)):
        column = column.cast(pa.large_string()).cast(pa.large_binary())
    values: list[bytes] = column.to_pylist()
    return values


class _Parts:
    """Records shared out among files without a name, so that each fits in memory; too large a one is shared out again.

    Args:
        depth: Which byte of the hash decides.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._files: list[IO[bytes] | None] = [None] * _FANOUT
        self._waiting = [bytearray() for _ in range(_FANOUT)]

    def add(self, record: bytes) -> None:
        """Take a record."""
        number = record[self._depth] % _FANOUT
        waiting = self._waiting[number]
        waiting += record
        if len(waiting) >= _FLUSH_RECORDS * _RECORD_BYTES:
            self._flush(number)

    def _flush(self, number: int) -> None:
        file = self._files[number]
        if file is None:
            # Its mode is 0600, and it is gone with this process, however that ends.
            file = self._files[number] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed in repeats
        file.write(self._waiting[number])
        self._waiting[number].clear()

    def repeats(self) -> tuple[int, list[int]]:
        """As `_Spill.repeats`; closes the files on the way."""
        hits = 0
        rows: list[int] = []
        for number in range(_FANOUT):
            more, where = self._of_part(number)
            hits += more
            rows = sorted([*rows, *where])[:MOST_PLACES]
        return hits, rows

    def _of_part(self, number: int) -> tuple[int, list[int]]:
        file = self._files[number]
        if file is None:
            return _of_records(bytes(self._waiting[number]))
        self._flush(number)
        with file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            if size <= MOST_BYTES:
                return _of_records(file.read())
            if self._depth < _DEEPEST:
                return _of_parts(file, self._depth + 1)
            return _of_few_hashes(_records(file))


def _of_parts(file: IO[bytes], depth: int) -> tuple[int, list[int]]:
    parts = _Parts(depth)
    for record in _records(file):
        parts.add(record)
    return parts.repeats()


def _records(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_RECORD_BYTES * 4_096):
        yield from (block[at : at + _RECORD_BYTES] for at in range(0, len(block), _RECORD_BYTES))


def _of_records(data: bytes) -> tuple[int, list[int]]:
    words = pa.Array.from_buffers(pa.int64(), len(data) // 8, [None, pa.py_buffer(data)])
    count = len(data) // _RECORD_BYTES
    columns = [words.take(pa.array(range(at, 3 * count, 3), pa.int64())) for at in range(3)]
    return _repeated(pa.table(columns, names=["0", "1", "row"]), ["0", "1"])


def _of_few_hashes(records: Iterator[bytes]) -> tuple[int, list[int]]:
    """Where sharing out no longer helps, most are the same."""
    seen: set[bytes] = set()
    hits = 0
    rows: list[int] = []
    for record in records:
        digest = record[:_HASH_BYTES]
        if digest in seen:
            hits += 1
            if len(rows) < MOST_PLACES:
                rows.append(_ROW.unpack(record[_HASH_BYTES:])[0])
        else:
            seen.add(digest)
    return hits, rows
