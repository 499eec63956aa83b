"""A batch of rows taken apart: all that is nested in it comes out, each value with the row that it stands in."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_upload.parquet.nodes import Node, nodes, plain

Found = dict[str, tuple[list[Any], list[int]]]
"""By path the values, and the rows they stand in."""

INT = pa.int64()
LISTS: dict[str, Any] = {
    "list": pa.list_,
    "large_list": pa.large_list,
    "list_view": pa.list_view,
    "large_list_view": pa.large_list_view,
}
TEXTS: dict[str, Any] = {
    "string": pa.string(),
    "large_string": pa.large_string(),
    "string_view": pa.string_view(),
    "binary": pa.binary(),
    "binary_view": pa.binary_view(),
    "dictionary": pa.dictionary(pa.int8(), pa.string()),
    "dictionary of binary": pa.dictionary(pa.int32(), pa.large_binary()),
}
KINDS = pytest.mark.parametrize("make", LISTS.values(), ids=LISTS.keys())


def taken_apart(values: Any) -> Found:
    return {
        node.path: (node.values.to_pylist(), node.rows_of(list(range(len(node.values))))) for node in nodes("c", values)
    }


def node_at(path: str, values: Any) -> Node:
    return next(node for node in nodes("c", values) if node.path == path)


# --------------------------------------------------------------------------------------------------------------- lists
@KINDS
def test_the_elements_of_a_list_stand_in_the_rows_of_their_lists(make: Any) -> None:
    found = taken_apart(pa.array([[1, 2], None, [], [3, None]], make(INT)))
    assert found == {"c": ([[1, 2], None, [], [3, None]], [0, 1, 2, 3]), "c[]": ([1, 2, 3, None], [0, 0, 3, 3])}


@KINDS
def test_of_a_slice_only_its_own_elements_are_told_and_its_rows_begin_at_0(make: Any) -> None:
    found = taken_apart(pa.array([[1, 2], None, [7], [], [3, None], [9]], make(INT)).slice(1, 4))
    assert found["c[]"] == ([7, 3, None], [1, 3, 3])


@KINDS
def test_a_batch_without_a_single_element_has_its_element_all_the_same(make: Any) -> None:
    assert taken_apart(pa.array([], make(INT))) == {"c": ([], []), "c[]": ([], [])}
    assert taken_apart(pa.array([None, []], make(INT)))["c[]"] == ([], [])


def test_elements_of_fixed_size_lists_stand_in_the_rows_of_their_lists() -> None:
    values = pa.array([[1, 2], None, [3, None], [5, 6]], pa.list_(INT, 2))
    assert taken_apart(values)["c[]"] == ([1, 2, 3, None, 5, 6], [0, 0, 2, 2, 3, 3])
    assert taken_apart(values.slice(1, 2))["c[]"] == ([3, None], [1, 1])


def test_what_lies_behind_a_null_list_is_no_value() -> None:
    behind = pa.ListArray.from_arrays(
        pa.array([0, 2, 3], pa.int32()), pa.array([1, 2, 3]), mask=pa.array([True, False])
    )
    assert taken_apart(behind)["c[]"] == ([3], [1])
    fixed = pa.FixedSizeListArray.from_arrays(pa.array([1, 2, 3, 4]), 2, mask=pa.array([True, False]))
    assert taken_apart(fixed)["c[]"] == ([3, 4], [1, 1])


def test_views_that_share_their_elements_or_change_their_order_are_lists_like_others() -> None:
    starts, sizes = pa.array([1, 0, 2], pa.int32()), pa.array([2, 2, 1], pa.int32())
    views = pa.ListViewArray.from_arrays(starts, sizes, pa.array(["x", "y", "z"]).dictionary_encode())
    assert taken_apart(views)["c[]"] == (["y", "z", "x", "y", "z"], [0, 0, 1, 1, 2])


ROWS = st.lists(st.none() | st.lists(st.none() | st.lists(st.none() | st.integers(0, 9), max_size=3), max_size=3))


@given(rows=ROWS, outer=st.sampled_from(list(LISTS)), inner=st.sampled_from(list(LISTS)), start=st.integers(0, 4))
def test_lists_in_lists_come_apart_as_a_loop_would_take_them(
    rows: list[Any], outer: str, inner: str, start: int
) -> None:
    values = pa.array(rows, LISTS[outer](LISTS[inner](INT))).slice(start)
    lists = [(row, one) for row, many in enumerate(rows[start:]) for one in many or ()]
    numbers = [(row, one) for row, many in lists for one in many or ()]
    found = taken_apart(values)
    assert found["c[]"] == ([one for _, one in lists], [row for row, _ in lists])
    assert found["c[][]"] == ([one for _, one in numbers], [row for row, _ in numbers])


# -------------------------------------------------------------------------------------------------------- maps, structs
def test_a_map_is_a_list_of_keys_and_values() -> None:
    values = pa.array([[("a", 1)], None, [], [("b", None), ("c", 2)]], pa.map_(pa.string(), INT))
    found = taken_apart(values.slice(1))
    entries = [{"key": "b", "value": None}, {"key": "c", "value": 2}]
    assert found == {
        "c": ([None, [], entries], [0, 1, 2]),
        "c[]": (entries, [2, 2]),
        "c[].key": (["b", "c"], [2, 2]),
        "c[].value": ([None, 2], [2, 2]),
    }


def test_what_a_map_holds_comes_apart_too() -> None:
    kind = pa.map_(pa.string_view(), pa.list_(pa.struct([("y", pa.string_view())])))
    found = taken_apart(pa.array([[("a", [{"y": "b"}, None])], [("d", None)]], kind))
    assert found["c[].key"] == (["a", "d"], [0, 1])
    assert found["c[].value[].y"] == (["b", None], [0, 0])


def test_a_struct_in_a_list_in_a_struct_has_the_path_that_contracts_write() -> None:
    kind = pa.struct([("items", pa.list_(pa.struct([("price", INT), ("tags", pa.list_(pa.string()))])))])
    rows = [{"items": [{"price": 1, "tags": ["a", "b"]}, None]}, None, {"items": None}, {"items": [{"price": None}]}]
    found = taken_apart(pa.array(rows, kind).slice(0, 4))
    assert found["c.items[].price"] == ([1, None, None], [0, 0, 3])
    assert found["c.items[].tags[]"] == (["a", "b"], [0, 0])


def test_the_column_comes_before_what_is_nested_in_it() -> None:
    kind = pa.struct([("a", pa.struct([("b", INT)])), ("d", pa.list_(INT))])
    assert list(taken_apart(pa.array([None], kind))) == ["c", "c.a", "c.a.b", "c.d", "c.d[]"]


# --------------------------------------------------------------------------------------------------------------- plain
@pytest.mark.parametrize("kind", TEXTS.values(), ids=TEXTS.keys())
def test_texts_of_every_storage_come_as_plain_ones(kind: Any) -> None:
    texts = ["a", None, "bb", "a"] if "binary" not in str(kind) else [b"a", None, b"bb", b"a"]
    values = pa.array(texts, kind).slice(1)
    found = plain(values)
    assert found.to_pylist() == texts[1:]
    assert found.type in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
    assert taken_apart(pa.array([texts, None], pa.large_list(kind)))["c[]"] == (texts, [0, 0, 0, 0])


def test_a_column_that_is_not_nested_stands_in_its_own_rows() -> None:
    (node,) = nodes("c", pa.array([1, None, 3]))
    assert (node.path, node.rows_of([0, 2]), node.excused) == ("c", [0, 2], None)


# ------------------------------------------------------------------------------------------------------------- excused
def test_a_null_is_excused_where_what_it_is_nested_in_is_null() -> None:
    kind = pa.struct([("a", pa.struct([("b", INT)]))])
    values = pa.array([{"a": {"b": 1}}, None, {"a": None}, {"a": {"b": None}}], kind)
    for offset, rows in ((0, slice(0, 4)), (1, slice(1, 4))):
        a, b = node_at("c.a", values.slice(offset)), node_at("c.a.b", values.slice(offset))
        assert a.excused.to_pylist() == [False, True, False, False][rows]
        assert b.excused.to_pylist() == [False, True, True, False][rows]
        assert b.values.to_pylist() == [1, None, None, None][rows]


def test_nothing_is_excused_where_no_parent_is_null() -> None:
    assert node_at("c.a", pa.array([{"a": None}], pa.struct([("a", INT)]))).excused is None
    assert node_at("c[]", pa.array([None, [None]], pa.list_(INT))).excused is None


def test_values_that_hide_behind_a_null_struct_are_null() -> None:
    hidden = pa.StructArray.from_arrays([pa.array(["secret", "told"])], names=["a"], mask=pa.array([True, False]))
    assert node_at("c.a", hidden).values.to_pylist() == [None, "told"]


def test_in_a_list_of_structs_only_the_null_struct_excuses() -> None:
    values = pa.array([[{"x": 1}, None], None, [{"x": None}]], pa.list_(pa.struct([("x", INT)])))
    x = node_at("c[].x", values)
    assert (x.values.to_pylist(), x.excused.to_pylist()) == ([1, None, None], [False, True, False])
    assert x.rows_of([0, 1, 2]) == [0, 0, 2]
