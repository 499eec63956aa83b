"""A column's type against the contract's: by logical family, exactly where that is exact; and what to do otherwise."""

import pytest

from tiktok_upload.column_types import difference, found_words, holds_values_for, plain_type, wanted_words, with_article
from tiktok_upload.contract import Contract, Family, Field
from tiktok_upload.facts import Column
from tiktok_upload.matching import match

TYPES = {
    "string": "string",
    "binary": "binary",
    "integer": "int64",
    "number": "double",
    "boolean": "bool",
    "timestamp": "timestamp[us, tz=UTC]",
    "naive-timestamp": "timestamp[us]",
    "int96": "timestamp[ns]",
    "date": "date32[day]",
    "time": "time64[us]",
    "array": "list<element: int64>",
    "object": "struct<a: int64>",
    "map": "map<string, int64>",
    "": "duration[ns]",
}
ACCEPTED: dict[Family, set[str]] = {
    "string": {"string", "binary"},
    "integer": {"integer"},
    "number": {"number", "integer"},
    "boolean": {"boolean"},
    "timestamp": {"timestamp", "int96"},
    "date": {"date"},
    "time": {"time"},
    "array": {"array"},
    "object": {"object"},
    "map": {"map"},
}
ZONED = "a timestamp with zone UTC"


def column(family: str, words: str | None = None, low: str | None = None, high: str | None = None) -> Column:
    return Column("c", TYPES[family] if words is None else words, family=family, minimum=low, maximum=high)


def advice(have: Column, field: Field) -> str:
    found = difference(have, field)
    assert found is not None
    assert found.severity == "error"
    return found.advice


# ------------------------------------------------------------------------------------------------------- what is right
@pytest.mark.parametrize("wanted", ACCEPTED)
@pytest.mark.parametrize("have", TYPES)
def test_each_family_is_accepted_where_it_is_wanted_and_nowhere_else(wanted: Family, have: str) -> None:
    found = difference(column(have), Field("c", wanted))
    is_wrong = found is not None and found.severity == "error"
    assert is_wrong == (have not in ACCEPTED[wanted])
    assert holds_values_for(column(have), Field("c", wanted)) == (not is_wrong)


@pytest.mark.parametrize(
    ("zone", "physical", "right"),
    [
        (True, None, "timestamp"),
        (None, None, "timestamp"),
        (False, None, "naive-timestamp"),
        (None, "timestamp[us]", "naive-timestamp"),
        (None, "timestamp[us, tz=UTC]", "timestamp"),
    ],
)
def test_a_timestamp_bears_a_zone_unless_the_contract_wants_none(
    zone: bool | None,  # noqa: FBT001 - one of a table's columns
    physical: str | None,
    right: str,
) -> None:
    field = Field("c", "timestamp", physical, zone=zone)
    accepted = {have for have in ("timestamp", "naive-timestamp") if difference(column(have), field) is None}
    assert accepted == {right}


@pytest.mark.parametrize(
    ("zone", "note", "to_do"),
    [
        (True, "counts as UTC", f"write {ZONED}"),
        (None, "counts as UTC", f"write {ZONED}"),
        (False, "counts as it stands", "write a timestamp without zone"),
    ],
)
def test_int96_counts_with_a_warning(zone: bool | None, note: str, to_do: str) -> None:  # noqa: FBT001
    found = difference(column("int96"), Field("c", "timestamp", zone=zone))
    assert found is not None
    assert (found.severity, found.found, found.note, found.advice) == ("warning", "INT96", note, to_do)


def test_a_field_without_any_type_takes_all() -> None:
    assert [have for have in TYPES if difference(column(have), Field("c"))] == []
    assert all(holds_values_for(column(have), Field("c")) for have in TYPES)


# ------------------------------------------------------------------------------------------------------ the exact type
@pytest.mark.parametrize(
    ("words", "plain"),
    [
        ("large_string", "string"),
        ("string_view", "string"),
        ("utf8", "string"),
        ("dictionary<values=string, indices=int32, ordered=0>", "string"),
        ("dictionary<values=large_string, indices=int8, ordered=1>", "string"),
        ("dictionary<values=decimal128(10, 2), indices=int8, ordered=0>", "decimal128(10, 2)"),
        ("large_binary", "binary"),
        ("binary_view", "binary"),
        ("fixed_size_binary[16]", "fixed_size_binary[16]"),
        ("large_list<item: large_string>", "list<string>"),
        ("list_view<element: int8>", "list<int8>"),
        ("large_list_view<int8>", "list<int8>"),
        ("list<element: struct<a: large_string not null, b: int64>>", "list<struct<a: string, b: int64>>"),
        ("list<struct<a: int64>>", "list<struct<a: int64>>"),
        ("fixed_size_list<item: int8>[3]", "fixed_size_list<int8>[3]"),
        ("map<string, large_string, keys_sorted ('m')>", "map<string, string>"),
        ("map<string ('k'), int64 ('v')>", "map<string, int64>"),
        ("struct<large_string: int64, list: utf8>", "struct<large_string: int64, list: string>"),
        ("timestamp[us,tz=UTC]", "timestamp[us, tz=UTC]"),
        ("timestamp[us, tz=+00:00]", "timestamp[us, tz=UTC]"),
        ("timestamp[us, tz=Europe/Berlin]", "timestamp[us, tz=Europe/Berlin]"),
        (" int64 ", "int64"),
    ],
)
def test_what_only_says_how_it_is_stored_is_left_out(words: str, plain: str) -> None:
    assert plain_type(words) == plain


@pytest.mark.parametrize(
    ("have", "physical", "right"),
    [
        (column("string", "large_string"), "string", True),
        (column("string"), "large_string", True),
        (column("binary"), "string", False),
        (column("integer", "int32"), "int64", False),
        (column("number", "decimal128(10, 2)"), "decimal128(10,2)", True),
        (column("number", "decimal128(10, 2)"), "decimal128(12, 2)", False),
        (column("timestamp", "timestamp[ms, tz=UTC]"), "timestamp[us, tz=UTC]", False),
        (column("array", "large_list<item: large_string not null>"), "list<string>", True),
        (column("", "duration[ns]"), "duration[ns]", True),
    ],
)
def test_a_physical_type_is_taken_exactly(have: Column, physical: str, *, right: bool) -> None:
    field = Field("c", physical_type=physical)
    assert (difference(have, field) is None) == right
    assert holds_values_for(have, field) == right


def test_rules_can_be_run_on_the_right_family_though_its_exact_type_is_wrong() -> None:
    field = Field("c", "integer", "int64")
    assert advice(column("integer", "int32"), field) == "write int64"
    assert holds_values_for(column("integer", "int32"), field)


def test_of_both_a_wrong_family_is_told_with_its_own_advice() -> None:
    assert advice(column("string"), Field("c", "timestamp", "timestamp[us, tz=UTC]")) == (
        "parse the text and write timestamp[us, tz=UTC]"
    )


# ---------------------------------------------------------------------------------------------------------- what to do
@pytest.mark.parametrize(
    ("wanted", "have", "expected"),
    [
        ("timestamp", "string", f"parse the text and write {ZONED}"),
        ("timestamp", "binary", f"parse the text and write {ZONED}"),
        ("timestamp", "integer", f"write {ZONED}"),
        ("timestamp", "number", f"write {ZONED}"),
        ("timestamp", "naive-timestamp", f"write {ZONED}"),
        ("timestamp", "date", f"add the time of day: write {ZONED}"),
        ("timestamp", "time", f"add the day: write {ZONED}"),
        ("date", "timestamp", "keep only the day: write dates"),
        ("date", "naive-timestamp", "keep only the day: write dates"),
        ("date", "int96", "keep only the day: write dates"),
        ("date", "string", "parse the text and write dates"),
        ("date", "integer", "write dates"),
        ("time", "timestamp", "keep only the time of day: write times"),
        ("number", "string", "parse the text and write numbers"),
        ("integer", "number", "write whole numbers as integers"),
        ("integer", "string", "parse the text and write integers"),
        ("boolean", "string", "parse the text and write booleans"),
        ("boolean", "integer", "write booleans, not 0 and 1"),
        ("string", "integer", "write strings, with all leading zeros"),
        ("string", "timestamp", "write strings"),
        ("array", "string", "parse the text and write a list"),
        ("array", "object", "write a list, even of one element"),
        ("object", "array", "write a struct, not a list of them"),
        ("object", "map", "write a struct with the listed fields"),
        ("map", "object", "write a map"),
        ("map", "", "write a map"),
    ],
)
def test_each_wrong_type_has_its_own_advice(wanted: Family, have: str, expected: str) -> None:
    assert advice(column(have), Field("c", wanted)) == expected


def test_a_zone_that_is_not_wanted_is_left_out() -> None:
    field = Field("c", "timestamp", zone=False)
    assert advice(column("timestamp"), field) == "write a timestamp without zone"


@pytest.mark.parametrize(("required", "expected"), [(False, "write strings, or leave it out"), (True, "write strings")])
def test_a_column_of_nulls_alone_has_no_type_yet(*, required: bool, expected: str) -> None:
    found = difference(column("", "null"), Field("c", "string", required=required))
    assert found is not None
    assert (found.found, found.note, found.advice) == ("null", "holds only nulls", expected)


# ------------------------------------------------------------------------------------------- times written as numbers
@pytest.mark.parametrize(
    ("low", "high", "seems"),
    [
        ("1764000000", "1764000001", "seconds since 1970"),
        ("946684800", "4102444799", "seconds since 1970"),
        ("1764000000.25", "1.764000001e9", "seconds since 1970"),
        ("1764000000000", "1764000000001", "milliseconds since 1970"),
        ("1764000000000000", "1764000000000001", "microseconds since 1970"),
        ("1764000000000000000", "1764000000000000001", "nanoseconds since 1970"),
        ("20261101", "20261130", "days written YYYYMMDD"),
        ("20261101.0", "20261130.0", "days written YYYYMMDD"),
        ("946684799", "1764000000", None),
        ("1764000000", "4102444800", None),
        ("1764000000", "1764000000000", None),
        ("20261301", "20261302", None),
        ("20260230", "20260230", None),
        ("19991231", "20261130", None),
        ("0", "1764000000", None),
        ("-1764000000", "-1", None),
        ("nan", "nan", None),
        ("inf", "inf", None),
        ("odd", "odd", None),
        (None, None, None),
        ("1764000000", None, None),
    ],
)
@pytest.mark.parametrize("wanted", ["timestamp", "date"])
def test_numbers_that_look_like_times_are_named(
    wanted: Family, low: str | None, high: str | None, seems: str | None
) -> None:
    for family in ("integer", "number"):
        found = difference(column(family, low=low, high=high), Field("c", wanted))
        assert found is not None
        assert found.note == (f"looks like {seems}" if seems else "")


def test_numbers_are_not_called_times_where_none_are_wanted() -> None:
    found = difference(column("integer", low="1764000000", high="1764000000"), Field("c", "string"))
    assert found is not None
    assert found.note == ""


def test_no_value_of_the_data_is_told() -> None:
    have = column("integer", low="1764123456789", high="1764987654321")
    (finding,) = match((have,), Contract("n", "1", "", (Field("c", "timestamp"),)))
    assert not any(number in repr(finding) for number in ("1764123456789", "1764987654321"))


# ----------------------------------------------------------------------------------------------------------- the words
@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (Field("c", "timestamp", zone=True), "a timestamp with zone"),
        (Field("c", "timestamp", zone=False), "a timestamp without zone"),
        (Field("c", "timestamp", "timestamp[us, tz=UTC]"), "timestamp[us, tz=UTC]"),
        (Field("c", "integer"), "an integer"),
        (Field("c", "array"), "an array"),
        (Field("c", "date"), "a date"),
        (Field("c", physical_type="int64"), "int64"),
        (Field("c"), "any type"),
    ],
)
def test_what_is_wanted_in_words(field: Field, expected: str) -> None:
    assert with_article(wanted_words(field)) == expected


@pytest.mark.parametrize(
    ("have", "expected"),
    [
        (column("string", "large_string"), "string"),
        (column("int96"), "INT96"),
        (Column("c", "struct<a: int64>", family="object", children=(Column("a", "int64"),)), "object"),
        (Column("c", "struct<>", family="object"), "struct<>"),
        (Column("c", "union<a: int64>", children=(Column("a", "int64"),)), "union<a: int64>"),
        (Column("c", ""), "of no known type"),
    ],
)
def test_what_is_found_in_words(have: Column, expected: str) -> None:
    assert found_words(have) == expected
