"""How the rows of a file are shared out among processes: decisions only."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

# Each leaf takes a read buffer of 1 MiB and its pages; 2,000 at once took 1.3 GB. Fewer: more calls.
LEAVES_AT_ONCE = 64
# Lower: more requests, and footers of many row groups cost more than the rows. Higher: at the end one process works
# while the others are idle.
_LEAST_UNIT_BYTES = 32 << 20
_UNITS_A_WORKER = 8


@dataclass(frozen=True, slots=True)
class Leaf:
    """One column that holds values.

    Attributes:
        path: As the file says it, `contents.list.element.price`.
        root: Number of the top-level column that it is in; those of one are read together.
        weight: Its bytes in the whole file, not compressed.
    """

    path: str
    root: int
    weight: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of the work: some columns of some row groups.

    Attributes:
        first, end: Row groups, from `first` up to `end`.
        first_row: Of the first one, counted in the whole file.
        columns: Paths of leaves; None for all of them.
        weight: Bytes, not compressed.
        unique: Paths of the columns that no two rows may share the values of, where that is this unit's work.
    """

    first: int
    end: int
    first_row: int
    columns: list[str] | None
    weight: int
    unique: list[str] | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**data)


def plan_units(
    groups: Sequence[tuple[int, int]], leaves: Sequence[Leaf], together: Iterable[frozenset[int]], workers: int
) -> list[Unit]:
    """The units of a full check: every column of every row group in exactly one of them.

    Few and large row groups are split by columns, so that all processes have work.

    Args:
        groups: Rows and bytes of each row group.
        leaves: All columns that hold values.
        together: Numbers of top-level columns that a rule wants to see in one row.
        workers: How many processes there are.
    """
    total = sum(weight for _, weight in groups)
    runs = _runs(groups, max(_LEAST_UNIT_BYTES, total // (workers * _UNITS_A_WORKER)))
    is_split = len(runs) < 2 * workers and total > workers * _LEAST_UNIT_BYTES
    parts = _parts(leaves, together, workers if is_split else 1)
    share = max(total, 1)
    return [
        Unit(first, end, row, None, weight)
        if len(parts) <= 1
        else Unit(first, end, row, list(dict.fromkeys(leaf.path for leaf in part)), weight * _weight(part) // share)
        for first, end, row, weight in runs
        for part in parts
    ]


def _runs(groups: Sequence[tuple[int, int]], size: int) -> list[tuple[int, int, int, int]]:
    """Row groups that follow each other, some bytes together: first, end, first row, bytes."""
    runs: list[tuple[int, int, int, int]] = []
    first = row = first_row = weight = 0
    for number, (rows, group_weight) in enumerate(groups):
        if weight and weight + group_weight > size:
            runs.append((first, number, first_row, weight))
            first, first_row, weight = number, row, 0
        row += rows
        weight += group_weight
    return [*runs, (first, len(groups), first_row, weight)] if groups else []


def _parts(leaves: Sequence[Leaf], together: Iterable[frozenset[int]], parts: int) -> list[list[Leaf]]:
    """The leaves to read together: about as many bytes in each, never too many, and none that belong together apart."""
    bundles = _bundles(leaves, together)
    wanted = max(parts, -(-len(leaves) // LEAVES_AT_ONCE))
    bins: list[list[Leaf]] = [[] for _ in range(min(wanted, len(bundles)))]
    for bundle in sorted(bundles, key=_weight, reverse=True):
        room = [one for one in bins if not one or len(one) + len(bundle) <= LEAVES_AT_ONCE]
        if not room:
            bins.append([])
            room = bins[-1:]
        min(room, key=_weight).extend(bundle)
    return [one for one in bins if one]


def _weight(leaves: list[Leaf]) -> int:
    return sum(leaf.weight for leaf in leaves)


def _bundles(leaves: Sequence[Leaf], together: Iterable[frozenset[int]]) -> list[list[Leaf]]:
    home = {leaf.root: leaf.root for leaf in leaves}
    for group in (*together, *_namesakes(leaves)):
        homes = {home[root] for root in group if root in home}
        for root, one in home.items():
            if one in homes:
                home[root] = min(homes)
    bundles: dict[int, list[Leaf]] = {}
    for leaf in leaves:
        bundles.setdefault(home[leaf.root], []).append(leaf)
    return list(bundles.values())


def _namesakes(leaves: Sequence[Leaf]) -> list[frozenset[int]]:
    """Top-level columns that share a path: a name that occurs twice is read with its namesake."""
    roots: dict[str, set[int]] = {}
    for leaf in leaves:
        roots.setdefault(leaf.path, set()).add(leaf.root)
    return [frozenset(shared) for shared in roots.values() if len(shared) > 1]
