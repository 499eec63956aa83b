"""What the footer's statistics say of each top-level column. Child only.

Asking for statistics that do not fit their column's type aborts the process, and no `try` helps: the child says before
that it will, and after that it did.
"""

import functools
import json
import operator
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tiktok_upload.facts import Column
from tiktok_upload.parquet.parser import guarded
from tiktok_upload.parquet.ranges import TEXT, Kind, kind_of
from tiktok_upload.personal import has_telling_name, is_card_number

_NO_RANGE: tuple[str | None, str | None] = (None, None)


class LeafStatistics:
    """Of one column that is neither nested nor repeated: what the row groups say that have rows.

    Attributes:
        column: Number of the top-level column.
        leaf: The column in parquet's schema.
        lows, highs: The lowest and highest values as they are stored, of the row groups that tell them.
        groups: The numbers of those row groups.
    """

    __slots__ = ("_null_counts", "_rows", "column", "groups", "highs", "leaf", "lows")

    def __init__(self, column: int, leaf: Any) -> None:
        self.column = column
        self.leaf = leaf
        self.lows: list[Any] = []
        self.highs: list[Any] = []
        self.groups: list[int] = []
        self._null_counts: list[int | None] = []
        self._rows: list[int] = []

    def take(self, group: int, rows: int, statistics: Any) -> None:
        """Take one row group's; None where it has none. Called for each chunk of the file: it only keeps."""
        self._rows.append(rows)
        if statistics is None:
            self._null_counts.append(None)
            return
        self._null_counts.append(statistics.null_count)
        if statistics.has_min_max:
            self.groups.append(group)
            self.lows.append(statistics.min_raw)
            self.highs.append(statistics.max_raw)

    @property
    def nulls(self) -> int | None:
        """How many there are; None where a row group does not tell, or tells what cannot be."""
        known = [count for count, rows in zip(self._null_counts, self._rows, strict=True) if _is_possible(count, rows)]
        return sum(count for count in known if count) if len(known) == len(self._rows) else None

    @property
    def is_whole(self) -> bool:
        """Whether all row groups with values tell theirs."""
        empty = sum(count == rows for count, rows in zip(self._null_counts, self._rows, strict=True))
        return len(self.groups) >= len(self._rows) - empty


def _is_possible(nulls: int | None, rows: int) -> bool:
    return nulls is not None and 0 <= nulls <= rows


class Statistics:
    """Of all columns that are neither nested nor repeated; of the others the footer tells too little."""

    def __init__(self, file: Any, columns: int) -> None:
        """Get ready for a file with so many top-level columns; raises what the parser raises."""
        schema = file.metadata.schema
        self._leaves = [
            (leaf, LeafStatistics(number, schema.column(leaf))) for number, leaf in _flat_columns(file, columns)
        ]
        self._takers = [(leaf, statistics.take) for leaf, statistics in self._leaves]

    def take(self, group: int, rows: int, chunks: list[Any]) -> None:
        """Take those of a row group's chunks, which may end the process."""
        if rows > 0:
            for leaf, take in self._takers:
                take(group, rows, chunks[leaf].statistics)

    def __iter__(self) -> Iterator[LeafStatistics]:
        return (statistics for _, statistics in self._leaves)


def describe(statistics: Statistics, columns: tuple[Column, ...], *, texts: bool = False) -> tuple[Column, ...]:
    """The same columns with their nulls and ranges, where the statistics tell them.

    Args:
        statistics: Of the whole file.
        columns: Its top-level columns.
        texts: Whether the ranges of texts are wanted, too: values of the data, for whoever asked to see them.
    """
    told = list(columns)
    for leaf in statistics:
        read = functools.partial(_range, leaf, columns[leaf.column].name, texts=texts)
        low, high = guarded(read, _NO_RANGE)
        told[leaf.column] = replace(columns[leaf.column], nulls=leaf.nulls, minimum=low, maximum=high)
    return tuple(told)


def _range(leaf: LeafStatistics, name: str, *, texts: bool) -> tuple[str | None, str | None]:
    kind = _kind(leaf.leaf, name, texts=texts)
    if kind is None or not leaf.is_whole or not leaf.lows:
        return None, None
    lows, highs = list(map(kind.value, leaf.lows)), list(map(kind.value, leaf.highs))
    # Not-a-number is in no order, and a low above its high is no statistic.
    if not all(map(operator.le, lows, highs)):
        return None, None
    low, high = kind.text(min(lows)), kind.text(max(highs))
    if kind.numeric and (is_card_number(low) or is_card_number(high)):
        return None, None
    return low, high


def _flat_columns(file: Any, count: int) -> Iterator[tuple[int, int]]:
    """The columns that are one leaf and neither nested nor repeated: their numbers and the leaves'."""
    first = 0
    for number, leaves in enumerate(leaf_counts(file, count)):
        leaf = file.metadata.schema.column(first)
        if leaves == 1 and leaf.name == leaf.path and leaf.max_repetition_level == 0:
            yield number, first
        first += leaves


def leaf_counts(file: Any, count: int) -> list[int]:
    """Of each column; nothing where they do not add up to all leaves."""
    leaves = len(file.schema)
    counts = guarded(lambda: [_leaves(field.type) for field in file.schema_arrow], [1] * leaves)
    return counts if (len(counts), sum(counts)) == (count, leaves) else []


def _leaves(arrow_type: Any) -> int:
    children = range(arrow_type.num_fields)
    return sum(_leaves(arrow_type.field(child).type) for child in children) if children else 1


def logical_type(leaf: Any) -> dict[str, Any]:
    """The leaf's logical type as `kind_of` takes it; empty where the parser cannot say it, as of one in no UTF-8."""
    none: dict[str, Any] = {}
    return guarded(lambda: dict(json.loads(leaf.logical_type.to_json())), none)


def _kind(leaf: Any, name: str, *, texts: bool) -> Kind | None:
    if texts and leaf.physical_type == "BYTE_ARRAY":
        return TEXT
    kind = kind_of(leaf.physical_type, logical_type(leaf))
    return None if kind and leaf.physical_type != "BOOLEAN" and has_telling_name(name) else kind
