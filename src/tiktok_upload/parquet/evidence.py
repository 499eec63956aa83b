"""What the footer's statistics betray: each row group's lowest and highest value, held against the rules. Child only.

They prove a fault without a page being read; that there is none they do not prove. As with `column_statistics`, a
footer that contradicts itself may end the process here.
"""

import functools
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tiktok_upload.parquet.column_statistics import LeafStatistics, logical_type
from tiktok_upload.parquet.counts import At, Counts
from tiktok_upload.parquet.nodes import Node, RowsOf
from tiktok_upload.parquet.parser import guarded
from tiktok_upload.parquet.ranges import kind_of
from tiktok_upload.tally import Tally

# Some writers (parquet-rs) cut texts in statistics to 64 bytes: what is shorter is whole.
_WHOLE_BYTES = 64
_NO_ROWS = At(-1, None)
_UNITS = {"milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}

SeeValues = Callable[[Node, At, Counts], None]


def gather(statistics: Iterable[LeafStatistics], wants: Callable[[str], bool], see_values: SeeValues) -> list[Tally]:
    """Show the lowest and highest values of all row groups, a column at a time.

    Args:
        statistics: Of the whole file.
        wants: Whether a column's values are to be shown.
        see_values: As `Examiner.see_values`; what it takes for rows are row groups.
    """
    counts = Counts()
    for one in statistics:
        name = one.leaf.path
        read = _reader(one.leaf) if wants(name) else None
        values = guarded(functools.partial(read, [*one.lows, *one.highs]), None) if read and one.lows else None
        if values is not None:
            see_values(Node(name, *_told(values, one)), _NO_ROWS, counts)
    return counts.tallies()


def _told(values: Any, one: LeafStatistics) -> tuple[Any, RowsOf]:
    """The values that are whole, and in which row groups they stand."""
    groups = [*one.groups, *one.groups]
    if pa.types.is_string(values.type) or pa.types.is_binary(values.type):
        whole = pc.indices_nonzero(_are_whole(values))
        kept = whole.to_pylist()
        return values.take(whole), lambda places: [groups[kept[place]] for place in places]
    return values, lambda places: [groups[place] for place in places]


def _are_whole(values: Any) -> Any:
    """Shorter than what writers cut to; or just as long, and a hash, which is as long by nature."""
    lengths = pc.binary_length(values)
    is_hash = pc.match_substring_regex(values, "^[0-9A-Fa-f]{64}$")
    return pc.or_(pc.less(lengths, _WHOLE_BYTES), is_hash)


def _reader(leaf: Any) -> Callable[[list[Any]], Any] | None:
    """How a leaf's stored values become an array of the type that the rules are for; None where they mean nothing."""
    logical = logical_type(leaf)
    kind, physical = logical.get("Type"), leaf.physical_type
    if physical == "BYTE_ARRAY" and kind in ("String", "Enum", "JSON", "None"):
        return _texts
    if kind_of(physical, logical) is None:
        return None
    if kind in ("Timestamp", "Date"):
        return _times(logical)
    if kind == "Decimal":
        return _decimals(physical, logical)
    if kind not in ("None", "Int") or not logical.get("isSigned", True):
        return None
    # 0.1 as a double is another number.
    return functools.partial(pa.array, type=pa.float32()) if physical == "FLOAT" else pa.array


def _times(logical: dict[str, Any]) -> Callable[[list[Any]], Any]:
    if logical["Type"] == "Date":
        return lambda values: pa.array(values, pa.int32()).cast(pa.date32())
    unit = pa.timestamp(_UNITS[logical["timeUnit"]], "UTC" if logical["isAdjustedToUTC"] else None)
    return lambda values: pa.array(values, pa.int64()).cast(unit)


def _texts(values: list[bytes]) -> Any:
    return guarded(lambda: pa.array(values, pa.binary()).cast(pa.string()), None) or pa.array(values, pa.binary())


def _decimals(physical: str, logical: dict[str, Any]) -> Callable[[list[Any]], Any]:
    kind = kind_of(physical, logical)
    assert kind is not None  # noqa: S101 - asked for by the caller
    scale = int(logical["scale"])
    return lambda values: pa.array([Decimal(int(kind.value(value))).scaleb(-scale) for value in values])
