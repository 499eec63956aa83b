"""Personal data where no column is: in key-value metadata, in the footer, in bytes that nothing claims. Child only."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from tiktok_upload.parquet import gaps
from tiktok_upload.parquet.layout import Gap
from tiktok_upload.parquet.parser import guarded
from tiktok_upload.parquet.personal_kernels import personal_in_bytes
from tiktok_upload.parquet.scan import Beat
from tiktok_upload.parquet.structure import Structure

METADATA, GAPS = "the key-value metadata", "bytes that belong to no column"
# Of the gaps, at a quick check. Lower: less is betrayed. Higher: a file with a large hole is checked slowly.
_QUICK_BYTES = 64 << 20
_WINDOW_BYTES = 4 << 20
_OVERLAP_BYTES = 512  # an address that lies over the edge of a window is whole in the next one
_SCHEMA_KEY = b"ARROW:schema"  # base64 of what the footer's schema says anyway
# Page indexes and Bloom filters lie there, with values that a contract may allow.
_ONLY_IN_INDEXES = {"email"}


def search_outside(file: BinaryIO, structure: Structure, *, whole: bool, beat: Beat) -> dict[str, dict[str, int]]:
    """By the place, how often each kind stands there.

    Args:
        file: Open; reads of it never come short.
        structure: Of that file.
        whole: All bytes, however many; else the first 64 MiB of those that nothing claims.
        beat: Hears the bytes of a gap that are done, and all of them.
    """
    found = {METADATA: _in_metadata(structure.parquet), GAPS: _in_gaps(file, structure.gaps, whole=whole, beat=beat)}
    return {place: dict(kinds) for place, kinds in found.items() if kinds}


def emails_in_footer(file: BinaryIO, structure: Structure, size_bytes: int) -> int:
    """E-mail addresses anywhere in the footer, statistics of nested columns and metadata of column chunks included."""
    data = gaps.read(file, structure.footer_start, size_bytes - structure.footer_start)
    return personal_in_bytes(data, frozenset({"email"})).get("email", 0)


def _in_metadata(parquet: Any) -> Counter[str]:
    pairs: dict[bytes, bytes] = dict(guarded(lambda: parquet.metadata.metadata or {}, {}))
    none: list[dict[bytes, bytes]] = []
    fields = guarded(lambda: list(_field_metadata(parquet.schema_arrow)), none)
    kinds: Counter[str] = Counter()
    for key, value in (*pairs.items(), *(pair for one in fields for pair in one.items())):
        if key != _SCHEMA_KEY:
            kinds.update(personal_in_bytes(key))
            kinds.update(personal_in_bytes(value))
    return kinds


def _field_metadata(fields: Iterable[Any]) -> Iterator[dict[bytes, bytes]]:
    for field in fields:
        yield dict(field.metadata or {})
        yield from _field_metadata(field.type.field(number) for number in range(field.type.num_fields))


def _in_gaps(file: BinaryIO, unclaimed: Iterable[Gap], *, whole: bool, beat: Beat) -> Counter[str]:
    kinds: Counter[str] = Counter()
    left = None if whole else _QUICK_BYTES
    for gap in unclaimed:
        end = gap.end if left is None else min(gap.end, gap.start + left)
        for at in range(gap.start, end, _WINDOW_BYTES):
            beat(at - gap.start, end - gap.start)
            found = personal_in_bytes(gaps.read(file, at, min(end - at, _WINDOW_BYTES + _OVERLAP_BYTES)))
            kinds.update(
                {kind: count for kind, count in found.items() if not gap.explained or kind in _ONLY_IN_INDEXES}
            )
        if left is not None:
            left -= end - gap.start
    return kinds
