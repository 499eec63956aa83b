"""A schema against its contract: which columns there are, how they are called, and what nests in them."""

from typing import Any

import pytest

from tiktok_upload import matching
from tiktok_upload.contract import Contract, Family, Field
from tiktok_upload.facts import Column, Finding
from tiktok_upload.matching import match, pairs

PERSONAL = "tiktok_upload.matching.personal_word"


def text(name: str, **facts: Any) -> Column:
    return Column(name, "string", family="string", **facts)


def whole(name: str, **facts: Any) -> Column:
    return Column(name, "int64", family="integer", **facts)


def struct(name: str, *children: Column) -> Column:
    return Column(name, "struct<...>", family="object", children=children)


def listed(name: str, element: Column) -> Column:
    return Column(name, "list<...>", family="array", children=(element,))


def mapped(name: str, key: Column, value: Column) -> Column:
    return Column(name, "map<...>", family="map", children=(struct("[]", key, value),))


def field(name: str, family: Family | None = "string", *children: Field, **more: Any) -> Field:
    return Field(name, family, children=children, **more)


def contract(*fields: Field, closed: bool = True) -> Contract:
    return Contract("events", "1.0.0", "d1", fields, closed=closed)


def told(findings: list[Finding]) -> list[tuple[str, str | None]]:
    return [(finding.rule, finding.column) for finding in findings]


CONTENTS = field(
    "contents",
    "array",
    field("[]", "object", field("content_id", required=True), field("price", "number"), field("quantity", "integer")),
)


@pytest.fixture(autouse=True)
def _no_name_is_personal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PERSONAL, lambda _name: None)


# ------------------------------------------------------------------------------------------------- present and missing
def test_a_schema_that_fits_has_no_findings() -> None:
    element = struct("[]", text("content_id"), whole("price"), whole("quantity"))
    columns = (listed("contents", element), text("event"))
    assert match(columns, contract(field("event", required=True), CONTENTS)) == []


def test_what_may_be_missing_is_nothing_and_what_must_not_is_an_error() -> None:
    assert match((), contract(field("event_id", required=True), field("value", "number"))) == [
        Finding(
            "missing-column",
            "error",
            'column "event_id" is missing; the contract wants a string: add it',
            column="event_id",
            expected="string",
            found="no such column",
            advice="add it",
        )
    ]


def test_a_required_column_may_allow_nulls_since_the_rows_will_tell() -> None:
    assert match((text("event", nullable=True, nulls=3),), contract(field("event", required=True))) == []


def test_a_column_of_another_type_is_told_with_what_it_looks_like() -> None:
    have = whole("event_time", minimum="1764000000000", maximum="1764000000001")
    assert match((have,), contract(field("event_time", "timestamp", zone=True))) == [
        Finding(
            "column-type",
            "error",
            'column "event_time" is int64 and looks like milliseconds since 1970; the contract wants a timestamp with '
            "zone: write a timestamp with zone UTC",
            column="event_time",
            expected="timestamp with zone",
            found="int64, looks like milliseconds since 1970",
            advice="write a timestamp with zone UTC",
        )
    ]


def test_a_type_with_nothing_more_to_say_is_told_plainly() -> None:
    (finding,) = match((whole("event"),), contract(field("event")))
    assert finding.message == (
        'column "event" is int64; the contract wants a string: write strings, with all leading zeros'
    )
    assert finding.found == "int64"


def test_int96_is_a_warning() -> None:
    have = Column("t", "timestamp[ns]", family="int96")
    (finding,) = match((have,), contract(field("t", "timestamp")))
    assert (finding.severity, finding.rule, finding.found) == ("warning", "column-type", "INT96, counts as UTC")
    assert finding.message.startswith('column "t" is INT96 and counts as UTC; the contract wants')


def test_a_name_that_is_there_twice_is_an_error_and_is_not_judged_further() -> None:
    assert match((text("a"), whole("b"), whole("a")), contract(field("a", required=True), field("b", "integer"))) == [
        Finding(
            "repeated-column",
            "error",
            'the file has 2 columns that are called "a", so nobody knows which is meant: '
            "keep one of them, rename the others",
            column="a",
            count=2,
            expected="one column",
            found="2 columns of this name",
            advice="keep one of them, rename the others",
        )
    ]


# ---------------------------------------------------------------------------------------------------- unlisted columns
def test_a_column_that_is_not_listed_is_an_error() -> None:
    assert match((whole("margin"),), contract(field("event"))) == [
        Finding(
            "unlisted-column",
            "error",
            'column "margin" is not in the contract events@1.0.0: remove it, or add it to the contract',
            column="margin",
            expected="no such column",
            found="int64",
            advice="remove it, or add it to the contract",
        )
    ]


def test_an_unlisted_name_that_is_there_twice_is_told_once_for_each_fault() -> None:
    findings = match((text("x"), text("x")), contract())
    assert told(findings) == [("repeated-column", "x"), ("unlisted-column", "x")]


def test_an_open_contract_takes_columns_that_it_does_not_list() -> None:
    columns = (text("margin"), struct("user", text("id"), text("more")))
    assert match(columns, contract(field("user", "object", field("id")), closed=False)) == []


def test_a_name_that_says_personal_data_makes_it_sharper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PERSONAL, lambda name: "name" if "name" in name else None)
    (finding,) = match((text("full_name"),), contract(field("event")))
    assert finding.message == (
        'column "full_name" is not in the contract events@1.0.0 and its name says personal data ("name"): '
        "remove it, or hash it into a listed column"
    )
    assert (finding.rule, finding.found) == ("unlisted-column", "string, named like personal data")


@pytest.mark.parametrize(
    ("name", "meant", "advice"),
    [
        ("e_mail", field("email"), 'rename it to "email"'),
        ("emails", field("email", hashed="sha256"), 'rename it to "email" if that is meant, or remove it'),
        ("emails", field("email"), "remove it, or hash it into a listed column"),
    ],
    ids=["the same letters", "a column for hashes", "any other"],
)
def test_a_personal_name_is_only_renamed_where_that_is_safe(
    name: str, meant: Field, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PERSONAL, lambda _name: "email")
    (finding,) = match((text(name),), contract(meant))
    assert finding.advice == advice


# ----------------------------------------------------------------------------------------------------- misspelt names
@pytest.mark.parametrize("name", ["Event_Time", "event-time", " event_time ", "eventTime", "EVENT TIME", "event.time"])
def test_a_name_in_another_dress_is_to_be_renamed(name: str) -> None:
    unlisted, missing = match((text(name),), contract(field("event_time", required=True)))
    assert unlisted.message == f'column "{name}" is not in the contract events@1.0.0: rename it to "event_time"'
    assert missing.message == f'column "event_time" is missing; the contract wants a string: rename "{name}"'


@pytest.mark.parametrize("name", ["evnt_time", "event_tmie", "Event_Times"])
def test_a_name_that_is_probably_misspelt_is_asked_about(name: str) -> None:
    unlisted, missing = match((text(name),), contract(field("event_time", required=True)))
    assert unlisted.advice == 'rename it to "event_time" if that is meant, or remove it'
    assert missing.advice == f'add it, or rename "{name}" if that is meant'


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("event", (field("event_id"),)),
        ("evnt", ()),
        ("événement", (field("event"),)),
        ("--", (field("__"),)),
        ("e" * 101, (field("e" * 100),)),
        ("e" * 100, (field("e" * 101),)),
        ("", (field("event"),)),
    ],
)
def test_other_names_are_not_taken_for_misspelt_ones(name: str, fields: tuple[Field, ...]) -> None:
    (finding,) = match((text(name),), contract(*fields))
    assert finding.advice == "remove it, or add it to the contract"


def test_a_listed_column_that_is_there_is_not_what_another_was_meant_to_be() -> None:
    (finding,) = match((text("email"), text("emai")), contract(field("email")))
    assert finding.advice == "remove it, or add it to the contract"


def test_each_absent_column_is_offered_once_and_to_the_likest() -> None:
    findings = match((text("evnt_id"), text("Event_ID")), contract(field("event_id")))
    assert [finding.advice for finding in findings] == [
        "remove it, or add it to the contract",
        'rename it to "event_id"',
    ]


def test_of_absent_names_with_the_same_letters_the_first_is_offered() -> None:
    (finding,) = match((text("A B"),), contract(field("a_b"), field("ab")))
    assert finding.advice == 'rename it to "a_b"'


def test_a_missing_column_is_explained_by_a_misspelt_one_though_the_contract_is_open() -> None:
    (finding,) = match((text("Event"),), contract(field("event", required=True), closed=False))
    assert (finding.rule, finding.advice) == ("missing-column", 'rename "Event"')


def test_among_very_many_names_only_those_of_the_same_letters_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "_MOST_COMPARED", 1)
    findings = match((text("Event"), text("valeu")), contract(field("event"), field("value"), field("more")))
    assert [finding.advice for finding in findings] == [
        'rename it to "event"',
        "remove it, or add it to the contract",
    ]


# ------------------------------------------------------------------------------------------------------ nested columns
def test_nested_columns_are_judged_like_the_others_and_after_them() -> None:
    element = struct("[]", text("price"), Column("quantity", "double", family="number"), text("color"))
    findings = match((listed("contents", element), text("x")), contract(CONTENTS, field("event", required=True)))
    assert told(findings) == [
        ("unlisted-column", "x"),
        ("missing-column", "event"),
        ("column-type", "contents[].price"),
        ("column-type", "contents[].quantity"),
        ("unlisted-column", "contents[].color"),
        ("missing-column", "contents[].content_id"),
    ]


def test_names_are_judged_at_any_depth() -> None:
    columns = (struct("a", struct("b", listed("c", listed("[]", text("[]"))), text("d"), text("d"))),)
    inner = field("c", "array", field("[]", "array", field("[]", "integer")))
    findings = match(columns, contract(field("a", "object", field("b", "object", inner, field("d")))))
    assert told(findings) == [("repeated-column", "a.b.d"), ("column-type", "a.b.c[][]")]


def test_an_element_of_another_type_is_an_error() -> None:
    findings = match((listed("tags", whole("[]")),), contract(field("tags", "array", field("[]"))))
    assert told(findings) == [("column-type", "tags[]")]


def test_what_nests_in_a_column_of_another_type_is_not_judged() -> None:
    findings = match((struct("contents", text("x")),), contract(CONTENTS))
    assert told(findings) == [("column-type", "contents")]


@pytest.mark.parametrize("family", ["object", None])
def test_an_object_of_which_nothing_is_listed_may_hold_anything(family: Family | None) -> None:
    assert match((struct("more", text("x")),), contract(field("more", family))) == []


def test_a_map_is_judged_by_its_key_and_value() -> None:
    entry = field("[]", "object", field("value", "object", field("id", "integer")))
    columns = (mapped("labels", text("key"), struct("value", text("id"), text("x"))),)
    findings = match(columns, contract(field("labels", "map", entry)))
    assert told(findings) == [("column-type", "labels[].value.id"), ("unlisted-column", "labels[].value.x")]


# -------------------------------------------------------------------------------------------- what rules can be run on
def test_columns_that_fit_by_name_and_family_are_paired_each_before_what_it_holds() -> None:
    element = struct("[]", text("price"), whole("quantity"), text("color"))
    columns = (text("event"), listed("contents", element), whole("flag"), text("x"))
    event, flag = field("event"), field("flag", "boolean")
    found = pairs(columns, contract(event, flag, CONTENTS, field("gone")))
    assert found == [
        ("event", columns[0], event),
        ("contents", columns[1], CONTENTS),
        ("contents[]", element, CONTENTS.children[0]),
        ("contents[].quantity", element.children[1], CONTENTS.children[0].children[2]),
    ]


def test_columns_of_a_repeated_name_are_not_paired() -> None:
    assert pairs((text("a"), text("a")), contract(field("a"))) == []


def test_columns_are_paired_by_the_physical_type_where_there_is_no_other() -> None:
    fields = (Field("a", physical_type="string"), Field("b", physical_type="int32"), Field("c"))
    columns = (Column("a", "large_string", family="string"), whole("b"), whole("c"))
    assert [path for path, _, _ in pairs(columns, contract(*fields))] == ["a", "c"]


def test_a_map_is_paired_with_its_key_and_value() -> None:
    entry = field("[]", "object", field("key"), field("value", "integer"))
    columns = (mapped("labels", text("key"), whole("value")),)
    found = pairs(columns, contract(field("labels", "map", entry)))
    assert [path for path, _, _ in found] == ["labels", "labels[]", "labels[].key", "labels[].value"]
