"""What was counted in a file's values: how many break a rule, and where the first of them are. Never a value."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

MOST_PLACES = 3
"""Of one rule in one column. Lower: less to go by. Higher: a broken column fills a screen."""


class Place(NamedTuple):
    """Where a value is.

    Attributes:
        row_group: Counted from 0; -1 where it is no part of the rows.
        row: Counted from 0 in the whole file; None where only the row group is known, as with statistics.
        length: Of a text in characters, of binary values in bytes, of a list in elements; None where it says nothing.
    """

    row_group: int
    row: int | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """One rule in one column.

    Attributes:
        column: Its path; empty for the whole row or file.
        rule: A kind of `contract.Rule`, or of personal data.
        seen: How many values were looked at; nulls do not count.
        hits: How many of them break it.
        places: Of the first, by row; at most `MOST_PLACES`.
    """

    column: str
    rule: str
    seen: int
    hits: int = 0
    places: tuple[Place, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**{**data, "places": tuple(Place(*place) for place in data["places"])})


def merged(tallies: Iterable[Tally]) -> list[Tally]:
    """One tally for each column and rule: of parts of the file that do not overlap, in any order."""
    found: dict[tuple[str, str], list[Tally]] = {}
    for tally in tallies:
        found.setdefault((tally.column, tally.rule), []).append(tally)
    return [_sum(key, parts) for key, parts in found.items()]


def _sum(key: tuple[str, str], parts: list[Tally]) -> Tally:
    places = sorted((place for part in parts for place in part.places), key=_order)
    seen, hits = sum(part.seen for part in parts), sum(part.hits for part in parts)
    return Tally(*key, seen, hits, tuple(places[:MOST_PLACES]))


def _order(place: Place) -> tuple[int, int]:
    """Rows that are known first: they can be looked at."""
    return (place.row if place.row is not None else 1 << 62, place.row_group)
