"""Files of one push that must agree with each other."""

import pytest

from tiktok_upload.facts import Column, Finding
from tiktok_upload.matching import agree

FIRST = "part-0.parquet"
A, B = Column("a", "string", family="string"), Column("b", "int64", nullable=False, family="integer", nulls=0)
UTC, NAIVE, INT96 = (
    Column("t", "timestamp[us, tz=UTC]", family="timestamp"),
    Column("t", "timestamp[ns]", family="naive-timestamp"),
    Column("t", "timestamp[ns]", family="int96"),
)


def struct(*children: Column, name: str = "s", family: str = "object") -> Column:
    return Column(name, "struct<...>", family=family, children=children)


def disagreement(column: str, what: str, expected: str, found: str, advice: str) -> Finding:
    message = f'column "{column}" {what}: write all files of one push alike'
    return Finding("files-disagree", "error", message, column=column, expected=expected, found=found, advice=advice)


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ((), ()),
        ((A, B), (B, A)),
        ((A,), (Column("a", "large_string", nullable=False, family="string", nulls=7),)),
        ((A,), (Column("a", "dictionary<values=string, indices=int32, ordered=0>", family="string"),)),
        ((B,), (Column("b", "int64", family="integer", minimum="1", maximum="2"),)),
        ((struct(A, B),), (struct(B, A),)),
        ((A, B, A), (A, A, B)),
    ],
    ids=["no columns", "order", "storage and nullability", "dictionary", "statistics", "nested order", "repeated"],
)
def test_what_makes_no_difference_to_a_reader_is_none(first: tuple[Column, ...], other: tuple[Column, ...]) -> None:
    assert agree(first, FIRST, other) == []
    assert agree(other, FIRST, first) == []


def test_another_type_is_told_with_both() -> None:
    assert agree((B,), FIRST, (Column("b", "int32", family="integer"),)) == [
        disagreement("b", f"is int32, but int64 in {FIRST}", "int64", "int32", f"write it as in {FIRST}")
    ]


def test_columns_that_only_one_of_them_has_are_told() -> None:
    assert agree((A,), FIRST, (B,)) == [
        disagreement(
            "a", f"is missing, but {FIRST} has it", "string", "no such column", f"add it, or remove it from {FIRST}"
        ),
        disagreement("b", f"is not in {FIRST}", "no such column", "int64", f"remove it, or add it to {FIRST}"),
    ]


@pytest.mark.parametrize(
    ("first", "other", "expected", "found"),
    [
        (UTC, NAIVE, "timestamp[us, tz=UTC]", "timestamp[ns]"),
        (NAIVE, INT96, "timestamp[ns]", "INT96"),
        (A, Column("a", "binary", family="binary"), "string", "binary"),
        (struct(A), struct(A, family="map"), "object", "map"),
        (struct(A), Column("s", "struct<>", family="object"), "object", "struct<>"),
    ],
)
def test_other_families_differ(first: Column, other: Column, expected: str, found: str) -> None:
    (finding,) = agree((first,), FIRST, (other,))
    assert (finding.expected, finding.found) == (expected, found)


def test_nested_columns_are_told_by_their_paths() -> None:
    first = Column("c", "list<...>", family="array", children=(struct(A, B, name="[]"),))
    other = Column("c", "list<...>", family="array", children=(struct(A, UTC, name="[]"),))
    assert [finding.column for finding in agree((first,), FIRST, (other,))] == ["c[].b", "c[].t"]


def test_a_column_that_only_one_of_them_repeats_is_told() -> None:
    (finding,) = agree((A,), FIRST, (A, A))
    assert (finding.column, finding.expected, finding.found) == ("a", "no such column", "string")
