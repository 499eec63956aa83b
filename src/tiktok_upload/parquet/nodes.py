"""A batch of rows taken apart: every column's values, nested ones included, and the rows they stand in. Child only."""

import bisect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tiktok_upload.contract import ELEMENT, join

RowsOf = Callable[[list[int]], list[int]]
"""From places in an array to rows of the batch."""


@dataclass(frozen=True, slots=True)
class Node:
    """The values of one column.

    Attributes:
        path: `contents[].price`.
        values: In the order of the rows; of a list's elements those of all rows, one after the other. Views,
            dictionaries and maps come as what they stand for: plain texts, and lists of keys and values.
        rows_of: In which rows they stand.
        excused: Where what it is nested in is null, so that a null is no missing value; None where that is nowhere.
    """

    path: str
    values: Any
    rows_of: RowsOf
    excused: Any = None


def same_rows(places: list[int]) -> list[int]:
    """Of a column that is not nested in a list."""
    return places


def nodes(path: str, values: Any, rows_of: RowsOf = same_rows, excused: Any = None) -> Iterator[Node]:
    """The column, then everything nested in it."""
    values = plain(values)
    yield Node(path, values, rows_of, excused)
    kind = values.type
    if pa.types.is_struct(kind):
        yield from _fields(path, values, rows_of)
    elif is_list(kind):
        yield from nodes(path + ELEMENT, values.flatten(), _through(values, rows_of))


def is_list(kind: Any) -> bool:
    """Whether values of that type are lists, in whatever way they are stored; maps are apart."""
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )


def _fields(path: str, values: Any, rows_of: RowsOf) -> Iterator[Node]:
    excused = pc.is_null(values) if values.null_count else None
    for number in range(values.type.num_fields):
        # Unlike `field`, it gives null where the parent is.
        inner = pc.struct_field(values, [number])
        yield from nodes(join(path, values.type.field(number).name), inner, rows_of, excused)


def _through(lists: Any, rows_of: RowsOf) -> RowsOf:
    """Worked out only where something was found."""

    def through(places: list[int]) -> list[int]:
        # Not by Arrow's `list_parent_indices`: it counts what lies behind a null list, and knows no views that overlap.
        ends = list(itertools.accumulate(length or 0 for length in pc.list_value_length(lists).to_pylist()))
        return rows_of([bisect.bisect_right(ends, place) for place in places])

    return through


def plain(values: Any) -> Any:
    """As what it stands for; most of Arrow's functions take neither views nor dictionaries nor maps."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return plain(values.cast(kind.value_type))
    if pa.types.is_map(kind):
        entry = pa.struct([pa.field("key", kind.key_type, nullable=False), pa.field("value", kind.item_type)])
        return values.cast(pa.list_(entry))
    if pa.types.is_string_view(kind):
        return values.cast(pa.large_string())
    if pa.types.is_binary_view(kind):
        return values.cast(pa.large_binary())
    return values
