"""The shares of a full check: nothing is left out, nothing is read twice, and all processes have work."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_upload.parquet.units import LEAVES_AT_ONCE, Leaf, Unit, plan_units

MIB, GIB = 1 << 20, 1 << 30

Groups = list[tuple[int, int]]


def flat(*weights: int) -> list[Leaf]:
    """Columns that are not nested, of these bytes."""
    return [Leaf(f"c{number}", number, weight) for number, weight in enumerate(weights)]


def shares(units: list[Unit], leaves: list[Leaf]) -> Counter[tuple[int, str]]:
    """How often each column of each row group is read."""
    every = list(dict.fromkeys(leaf.path for leaf in leaves))
    return Counter(
        (group, path)
        for unit in units
        for group in range(unit.first, unit.end)
        for path in (every if unit.columns is None else unit.columns)
    )


def names(unit: Unit) -> set[str]:
    return set(unit.columns or ())


@st.composite
def leaves_of_a_file(draw: st.DrawFn) -> list[Leaf]:
    """Some nested, some of names that occur before."""
    leaves: list[Leaf] = []
    for root, count in enumerate(draw(st.lists(st.integers(1, 4), min_size=1, max_size=40))):
        name = f"c{draw(st.sampled_from([root, root // 2]))}"
        weights = draw(st.lists(st.integers(0, GIB), min_size=count, max_size=count))
        leaves += [Leaf(name if count == 1 else f"{name}.{n}", root, weight) for n, weight in enumerate(weights)]
    return leaves


GROUPS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 2 * GIB)), max_size=30)
TOGETHER = st.lists(st.frozensets(st.integers(0, 50), max_size=4), max_size=4)


@given(groups=GROUPS, leaves=leaves_of_a_file(), together=TOGETHER, workers=st.integers(1, 16))
def test_every_column_of_every_row_group_is_in_exactly_one_unit(
    groups: Groups, leaves: list[Leaf], together: list[frozenset[int]], workers: int
) -> None:
    units = plan_units(groups, leaves, together, workers)
    expected = {(group, leaf.path): 1 for group in range(len(groups)) for leaf in leaves}
    assert shares(units, leaves) == expected


@given(groups=GROUPS, leaves=leaves_of_a_file(), workers=st.integers(1, 16))
def test_a_unit_knows_its_first_row_and_the_weights_add_up(groups: Groups, leaves: list[Leaf], workers: int) -> None:
    units = plan_units(groups, leaves, [], workers)
    assert all(unit.first_row == sum(rows for rows, _ in groups[: unit.first]) for unit in units)
    assert all(unit.unique is None and unit.first < unit.end for unit in units)
    whole = [unit for unit in units if unit.columns is None]
    assert all(unit.weight == sum(weight for _, weight in groups[unit.first : unit.end]) for unit in whole)


@given(groups=GROUPS, leaves=leaves_of_a_file(), together=TOGETHER, workers=st.integers(1, 16))
def test_columns_that_a_rule_wants_to_see_in_one_row_are_read_together(
    groups: Groups, leaves: list[Leaf], together: list[frozenset[int]], workers: int
) -> None:
    by_root: dict[int, set[str]] = {}
    for leaf in leaves:
        by_root.setdefault(leaf.root, set()).add(leaf.path)
    wanted = [*together, *(frozenset({root}) for root in by_root)]
    for unit in plan_units(groups, leaves, together, workers):
        for roots in wanted if unit.columns is not None else ():
            paths = set().union(*(by_root.get(root, set()) for root in roots))
            assert paths <= names(unit) or paths.isdisjoint(names(unit))


def test_rules_that_share_a_column_bring_all_of_theirs_together() -> None:
    leaves = flat(*[GIB] * 8)
    units = plan_units([(1_000, 8 * GIB)], leaves, [frozenset({0, 7}), frozenset({3, 7}), frozenset({4, 99})], 8)
    assert {"c0", "c3", "c7"} in [names(unit) for unit in units]
    assert {"c4"} in [names(unit) for unit in units]


def test_leaves_of_a_column_stay_together_and_so_do_columns_of_one_name() -> None:
    leaves = [
        Leaf("a.x", 0, GIB), Leaf("a.y", 0, GIB), Leaf("b", 1, GIB), Leaf("c", 2, GIB), Leaf("b", 3, GIB),
    ]  # fmt: skip
    units = plan_units([(10, 5 * GIB)], leaves, [], 4)
    assert sorted(sorted(names(unit)) for unit in units) == [["a.x", "a.y"], ["b"], ["c"]]


# --------------------------------------------------------------------------------------------------------------- sizes
def test_small_row_groups_are_read_in_one_go_with_all_their_columns() -> None:
    assert plan_units([(10, MIB)] * 20, flat(10, 10), [], 4) == [Unit(0, 20, 0, None, 20 * MIB)]


def test_many_row_groups_become_several_units_for_each_process_of_about_equal_weight() -> None:
    units = plan_units([(100, 16 * MIB)] * 1_000, flat(8 * GIB, 8 * GIB), [], 4)
    assert {unit.columns is None for unit in units} == {True}
    assert 4 * 8 <= len(units) <= 2 * 4 * 8
    assert max(unit.weight for unit in units) <= 1_000 * 16 * MIB // (4 * 8)


def test_one_large_row_group_is_split_by_columns_of_about_equal_weight() -> None:
    units = plan_units([(1_000, 8 * GIB)], flat(*[GIB] * 8), [], 4)
    assert [(unit.first, unit.end, len(unit.columns or ())) for unit in units] == [(0, 1, 2)] * 4
    assert [unit.weight for unit in units] == [2 * GIB] * 4


def test_a_heavy_column_does_not_share_a_process_where_others_are_free() -> None:
    units = plan_units([(1_000, 9 * GIB)], flat(6 * GIB, GIB, GIB, GIB), [], 2)
    assert sorted(map(names, units), key=len) == [{"c0"}, {"c1", "c2", "c3"}]


@pytest.mark.parametrize(("groups", "workers"), [([(1_000, 8 * GIB)], 1), ([(1_000, 20 * MIB)], 8)])
def test_neither_one_process_nor_a_small_file_splits_columns(groups: Groups, workers: int) -> None:
    (unit,) = plan_units(groups, flat(*[GIB] * 8), [], workers)
    assert unit.columns is None


@pytest.mark.parametrize("count", [LEAVES_AT_ONCE + 1, 2_000])
def test_so_many_columns_are_never_read_at_once_that_memory_fails(count: int) -> None:
    leaves = flat(*[1] * count)
    units = plan_units([(10, count)], leaves, [], 1)
    assert max(len(names(unit)) for unit in units) <= LEAVES_AT_ONCE
    assert len(units) <= 2 * -(-count // LEAVES_AT_ONCE)
    assert set(shares(units, leaves).values()) == {1}


def test_columns_that_a_rule_binds_are_read_at_once_however_many_they_are() -> None:
    units = plan_units([(10, 200)], flat(*[1] * 200), [frozenset(range(100))], 1)
    assert [f"c{number}" for number in range(100)] == sorted(
        next(names(unit) for unit in units if "c0" in names(unit)), key=lambda name: int(name[1:])
    )


def test_a_file_without_row_groups_or_without_columns_is_no_work() -> None:
    assert plan_units([], flat(1), [], 4) == []
    assert plan_units([(5, 0)], [], [], 4) == []


def test_row_groups_that_claim_no_bytes_are_read_with_the_others() -> None:
    units = plan_units([(0, 0), (5, GIB), (0, 0), (5, GIB)], flat(GIB), [], 1)
    assert [(unit.first, unit.end, unit.first_row) for unit in units] == [(0, 2, 0), (2, 4, 5)]


def test_a_unit_goes_to_another_process_and_back() -> None:
    for unit in (Unit(1, 3, 20, ["a", "b"], 7, unique=["a"]), Unit(0, 1, 0, None, 0)):
        assert Unit.from_json(json.loads(json.dumps(unit.to_json()))) == unit
