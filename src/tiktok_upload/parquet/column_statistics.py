"""What the footer's statistics say of each top-level column. Child only.

Asking for statistics that do not fit their column's type aborts the process, and no `try` helps: the child says before
that it will, and after that it did.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tiktok_upload.facts import Column
from tiktok_upload.parquet.parser import guarded
from tiktok_upload.parquet.personal import has_telling_name, is_card_number
from tiktok_upload.parquet.ranges import Kind, Value, kind_of


def describe(file: Any, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The same columns with their nulls and ranges, where the statistics tell them; of nested columns they do not."""
    try:
        return guarded(lambda: _describe(file, columns), columns)
    except MemoryError:  # they are no reason to refuse a file
        return columns


def _describe(file: Any, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    metadata = file.metadata
    sums = {
        leaf: (number, _Sum(_kind(metadata.schema.column(leaf), columns[number].name)))
        for number, leaf in _flat_columns(file, len(columns))
    }
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        rows = group.num_rows
        if rows:
            for leaf, (_, total) in sums.items():
                total.add(group.column(leaf).statistics, rows)
    told = dict(sums.values())
    return tuple(told[number].told_of(column) if number in told else column for number, column in enumerate(columns))


def _flat_columns(file: Any, count: int) -> Iterator[tuple[int, int]]:
    """The columns that are one leaf and neither nested nor repeated: their numbers and the leaves'."""
    first = 0
    for number, leaves in enumerate(_leaf_counts(file, count)):
        leaf = file.metadata.schema.column(first)
        if leaves == 1 and leaf.name == leaf.path and leaf.max_repetition_level == 0:
            yield number, first
        first += leaves


def _leaf_counts(file: Any, count: int) -> list[int]:
    """Of each column; nothing where they do not add up to all leaves."""
    leaves = len(file.schema)
    counts = guarded(lambda: [_leaves(field.type) for field in file.schema_arrow], [1] * leaves)
    return counts if (len(counts), sum(counts)) == (count, leaves) else []


def _leaves(arrow_type: Any) -> int:
    children = range(arrow_type.num_fields)
    return sum(_leaves(arrow_type.field(child).type) for child in children) if children else 1


def _kind(leaf: Any, name: str) -> Kind | None:
    kind = kind_of(leaf.physical_type, json.loads(leaf.logical_type.to_json()))
    return None if kind and leaf.physical_type != "BOOLEAN" and has_telling_name(name) else kind


class _Sum:
    """One column's statistics, added up over its row groups.

    Attributes:
        nulls: None once a row group does not tell.
        kind: None where there is no range, or once a row group with values does not tell its own.
        low, high: None before the first value.
    """

    __slots__ = ("high", "kind", "low", "nulls")

    def __init__(self, kind: Kind | None) -> None:
        self.nulls: int | None = 0
        self.kind = kind
        self.low: Value | None = None
        self.high: Value | None = None

    def add(self, statistics: Any, rows: int) -> None:
        """Take one row group's; None where it has none."""
        nulls = None if statistics is None else statistics.null_count
        if nulls is None or not 0 <= nulls <= rows:
            self.nulls = nulls = None
        elif self.nulls is not None:
            self.nulls += nulls
        if self.kind is not None and nulls != rows:
            self.kind = self._widened(self.kind, statistics)

    def _widened(self, kind: Kind, statistics: Any) -> Kind | None:
        if statistics is None or not statistics.has_min_max:
            return None
        try:
            low, high = kind.value(statistics.min_raw), kind.value(statistics.max_raw)
        except ValueError:
            return None
        if not low <= high:  # not-a-number, too
            return None
        self.low = low if self.low is None or low < self.low else self.low
        self.high = high if self.high is None or high > self.high else self.high
        return kind

    def told_of(self, column: Column) -> Column:
        """The column with what came out."""
        low, high = self._range()
        return replace(column, nulls=self.nulls, minimum=low, maximum=high)

    def _range(self) -> tuple[str | None, str | None]:
        if self.kind is None or self.low is None or self.high is None:
            return None, None
        low, high = self.kind.text(self.low), self.kind.text(self.high)
        if self.kind.numeric and (is_card_number(low) or is_card_number(high)):
            return None, None
        return low, high
