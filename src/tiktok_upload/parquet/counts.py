"""Counting while a file is read: adds up to tallies. Child only."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tiktok_upload.parquet.nodes import Node, is_list
from tiktok_upload.tally import MOST_PLACES, Place, Tally, merged


@dataclass(frozen=True, slots=True)
class At:
    """Where a batch begins: its row group, and its first row, counted in the whole file.

    Attributes:
        first_row: None where the values are no rows, as those of statistics.
    """

    row_group: int
    first_row: int | None


class Counts:
    """Tallies that grow."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], Tally] = {}

    def add(self, node: Node, rule: str, found: Any, at: At, *, seen: int) -> None:
        """Count what was found in a batch.

        Args:
            node: The values.
            rule: What was looked for.
            found: A mask of booleans, or the places in the values as integers.
            at: Where the batch begins.
            seen: How many values were looked at.
        """
        places = found if pa.types.is_integer(found.type) else None
        hits = len(places) if places is not None else (pc.sum(found).as_py() or 0)
        before = self._tallies.get((node.path, rule)) or Tally(node.path, rule, 0)
        kept = before.places
        if hits and len(kept) < MOST_PLACES:
            first = (places if places is not None else pc.indices_nonzero(found)).slice(0, MOST_PLACES - len(kept))
            kept += tuple(_places(node, first, at))
        self._tallies[node.path, rule] = Tally(node.path, rule, before.seen + seen, before.hits + hits, kept)

    def absorb(self, others: Iterable[Tally]) -> None:
        """Add what was counted elsewhere."""
        for tally in merged([*self._tallies.values(), *others]):
            self._tallies[tally.column, tally.rule] = tally

    def tallies(self) -> list[Tally]:
        """All of them."""
        return list(self._tallies.values())


def _places(node: Node, places: Any, at: At) -> Iterable[Place]:
    lengths = _lengths(node.values.take(places))
    rows = node.rows_of(places.to_pylist())
    for row, length in zip(rows, lengths, strict=True):
        # Values of statistics stand in row groups.
        yield Place(row, None, length) if at.first_row is None else Place(at.row_group, at.first_row + row, length)


def _lengths(values: Any) -> list[int | None]:
    """Of texts in characters, of binary values in bytes, of lists in elements."""
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        lengths: list[int | None] = pc.utf8_length(values).to_pylist()
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        lengths = pc.binary_length(values).to_pylist()
    elif is_list(kind):
        lengths = pc.list_value_length(values).to_pylist()
    else:
        lengths = [None] * len(values)
    return lengths
