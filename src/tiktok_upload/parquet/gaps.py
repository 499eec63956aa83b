"""What lies in bytes that no column claims: nothing, padding, or a second parquet file."""

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from tiktok_upload.facts import Finding
from tiktok_upload.parquet.envelope import MAGIC, TRAILER_BYTES
from tiktok_upload.parquet.layout import COPY_LIMIT_BYTES, Gap

_WINDOW_BYTES = 1 << 20
# Page indexes of a terabyte take some 100 MB. Lower: a join far behind them is missed by the quick check. Higher: a
# hostile file costs more reading.
_SEARCH_LIMIT_BYTES = 64 << 20
# `cat a b`, or `cat a; echo; cat b`.
_JOIN = re.compile(rb"PAR1\r?\n?(?=PAR1)")
_JOIN_LONGEST_BYTES = 10
# In Thrift's compact protocol a ColumnMetaData begins with field 1, an i32, then 2, a list; a stop ends it.
_STRUCT = re.compile(rb"\x15.\x19.*\0", re.DOTALL)
# FileMetaData begins with field 1, an i32.
_FOOTER_FIRST_BYTE = b"\x15"


def read(file: BinaryIO, start: int, length: int) -> bytes:
    """That many bytes from there; fewer at the end of the file."""
    file.seek(start)
    return file.read(length)


def examine(file: BinaryIO, gaps: list[Gap], data_end: int) -> Iterator[Finding]:
    """What is wrong or odd about the gaps of this file."""
    joined_at = _find_join(file, _suspects(gaps, data_end))
    if joined_at is not None:
        yield Finding(
            rule="joined-files",
            severity="error",
            message=f"parquet files were joined end to end (another one begins at byte {joined_at:,}): readers see "
            "only the footer of the last one and take its data from the wrong place; send them one by one",
        )
        return
    odd = [gap for gap in gaps if not gap.explained and not _is_harmless(file, gap)]
    if odd:
        yield Finding(
            rule="unexplained-bytes",
            severity="warning",
            message=f"{sum(gap.end - gap.start for gap in odd):,} bytes, the first at byte {odd[0].start:,}, belong to "
            "no column: readers skip them; look whether this is the file that was meant",
        )


def _suspects(gaps: list[Gap], data_end: int) -> Iterator[tuple[int, int]]:
    """Where a join can lie, bounded: in a gap; or, where the first of two files is the smaller one, before its length.

    For then the offsets of the second one's footer point too far to the front by the length of the first one, and
    just as many bytes are left over at the end.
    """
    left = _SEARCH_LIMIT_BYTES
    over = data_end - gaps[-1].start if gaps and gaps[-1].end == data_end else 0
    shifted = [(0, min(over + len(MAGIC), data_end))] if over else []
    for start, end in (*shifted, *((gap.start, gap.end) for gap in gaps)):
        if left <= 0:
            return
        yield start, min(end, start + left)
        left -= end - start


def _find_join(file: BinaryIO, ranges: Iterable[tuple[int, int]]) -> int | None:
    for start, end in ranges:
        for at in range(start, end, _WINDOW_BYTES):
            window = read(file, at, min(_WINDOW_BYTES, end - at) + _JOIN_LONGEST_BYTES)
            for match in _JOIN.finditer(window):
                if _ends_a_file(file, at + match.start() + len(MAGIC)):
                    return at + match.end()
    return None


def _ends_a_file(file: BinaryIO, end: int) -> bool:
    """Whether a footer that a parquet file could have ends there; text of a column may hold `PAR1PAR1` too."""
    length = int.from_bytes(read(file, end - TRAILER_BYTES, 4), "little") if end > TRAILER_BYTES else 0
    footer = end - TRAILER_BYTES - length
    return length > 0 and footer >= len(MAGIC) and read(file, footer, 1) == _FOOTER_FIRST_BYTE


def _is_harmless(file: BinaryIO, gap: Gap) -> bool:
    """Whether it is a copy of a chunk's metadata that nothing points to (HVR writes those), or zero bytes.

    parquet-mr pads row groups to HDFS blocks, by 8 MiB at most unless told otherwise.
    """
    if gap.end - gap.start > _SEARCH_LIMIT_BYTES:
        return False
    if gap.end - gap.start <= COPY_LIMIT_BYTES and _STRUCT.fullmatch(read(file, gap.start, gap.end - gap.start)):
        return True
    return not any(
        read(file, at, min(_WINDOW_BYTES, gap.end - at)).strip(b"\0") for at in range(gap.start, gap.end, _WINDOW_BYTES)
    )
