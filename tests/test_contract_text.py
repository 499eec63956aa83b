"""A contract made from a file's columns: what is asked of the next file, and YAML that is read as it was meant."""

import json
import re
from pathlib import Path

import jsonschema
import open_data_contract_standard
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tiktok_upload import contract_file as cf
from tiktok_upload.contract import Contract, Field, HashForm, Rule, walk
from tiktok_upload.contract_text import contract_from, contract_yaml, quoted
from tiktok_upload.facts import Column

UTC = "timestamp[us, tz=UTC]"
COLUMNS = (
    Column("event", "string", nullable=False, family="string", nulls=0),
    Column("event_time", UTC, family="timestamp", nulls=0, minimum="2026-11-01T00:00:00Z", maximum="2026-11-02"),
    Column("local", "timestamp[ms]", family="naive-timestamp"),
    Column("old", "timestamp[ns]", family="int96"),
    Column("email", "large_string", family="string", nulls=3),
    Column("token", "binary", family="binary"),
    Column("value", "decimal128(38, 2)", family="number", minimum="4711.25", maximum="8150.75"),
    Column("amount", "int32", family="integer", nullable=False),
    Column("test", "bool", family="boolean"),
    Column("day", "date32[day]", family="date"),
    Column("at", "time64[us]", family="time"),
    Column("gap", "duration[s]"),
    Column(
        "contents",
        "list<element: struct<id: string not null, md5: string>>",
        family="array",
        children=(
            Column(
                "[]",
                "struct<id: string not null, md5: string>",
                family="object",
                children=(
                    Column("id", "string", nullable=False, family="string"),
                    Column("md5", "string", family="string"),
                ),
            ),
        ),
    ),
    Column(
        "labels",
        "map<string, int64>",
        family="map",
        children=(
            Column(
                "[]",
                "struct<key: string not null, value: int64>",
                nullable=False,
                family="object",
                children=(
                    Column("key", "string", nullable=False, family="string"),
                    Column("value", "int64", family="integer"),
                ),
            ),
        ),
    ),
)  # fmt: skip
HASHED: dict[str, HashForm] = {"email": "sha256", "contents[].md5": "md5"}
SHA256, MD5 = "^[0-9a-f]{64}$", "^[0-9a-f]{32}$"


@pytest.fixture(scope="module")
def text() -> str:
    return contract_yaml(COLUMNS, name="shop", hashed=HASHED)


def read(text: str) -> Contract:
    return cf.parse(text.encode(), "some.yaml")


def by_path(contract: Contract) -> dict[str, Field]:
    return dict(walk(contract.fields))


# ---------------------------------------------------------------------------------------------------------- as a value
def test_a_file_like_another_has_exactly_its_types_and_nulls_only_where_it_may() -> None:
    found = by_path(contract_from(COLUMNS, name="shop", hashed=HASHED))
    assert found["event"] == Field("event", "string", "string", required=True, rules=(Rule("required"),))
    assert found["event_time"] == Field("event_time", "timestamp", UTC, zone=True)
    assert found["local"] == Field("local", "timestamp", "timestamp[ms]", zone=False)
    assert found["old"] == Field("old", "timestamp", "timestamp[ns]")
    assert found["token"] == Field("token", "string", "binary")
    assert found["gap"] == Field("gap", None, "duration[s]")


def test_what_nests_others_is_told_by_them() -> None:
    found = by_path(contract_from(COLUMNS, name="shop", hashed=HASHED))
    assert [found[path].physical_type for path in ("contents", "contents[]", "contents[].id")] == [None, None, "string"]
    assert found["contents[].id"].required
    assert found["labels[].value"].physical_type == "int64"


def test_a_file_like_another_has_hashes_where_that_has_them() -> None:
    found = by_path(contract_from(COLUMNS, name="shop", hashed=HASHED))
    assert found["email"] == Field(
        "email",
        "string",
        "large_string",
        hashed="sha256",
        classification="hashed-pii",
        rules=(Rule("pattern", SHA256),),
    )
    assert found["contents[].md5"].rules == (Rule("pattern", MD5),)


def test_contracts_of_the_same_columns_have_the_same_digest() -> None:
    first, again = (contract_from(COLUMNS, name=name, hashed=HASHED) for name in ("shop", "other"))
    assert first.digest == again.digest
    assert first.digest != contract_from(COLUMNS[1:], name="shop", hashed=HASHED).digest
    assert first.digest != contract_from(COLUMNS, name="shop", hashed={}).digest
    assert re.fullmatch("[0-9a-f]{64}", first.digest)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("shop", "shop"),
        ("a/b/", "b"),
        ("", "contract"),
        ("a\nb", "a-b"),
        ("x" * 500, "x" * 100),
        ("größe 1", "größe 1"),
    ],
)
def test_any_name_becomes_one_that_a_contract_may_have(name: str, label: str) -> None:
    assert contract_from(COLUMNS, name=name, hashed={}).label == f"{label}@1.0.0"
    assert read(contract_yaml(COLUMNS, name=name, hashed={})).label == f"{label}@1.0.0"


# ------------------------------------------------------------------------------------------------------------- as YAML
def test_the_text_is_sound_by_the_standards_own_schema() -> None:
    # A column of a type that has no logical name lacks one; that schema then takes it for a map, and for all else.
    text = contract_yaml(tuple(column for column in COLUMNS if column.family), name="shop", hashed=HASHED)
    schema = Path(open_data_contract_standard.__file__).with_name("schema.json").read_text(encoding="utf-8")
    jsonschema.Draft201909Validator(json.loads(schema)).validate(yaml.safe_load(text))


def test_the_text_asks_for_logical_types_so_that_other_writers_files_do_as_well(text: str) -> None:
    exact, found = by_path(contract_from(COLUMNS, name="shop", hashed=HASHED)), by_path(read(text))
    assert found.keys() == exact.keys()
    assert [(path, field.family) for path, field in found.items()] == [
        (path, field.family) for path, field in exact.items()
    ]
    assert {path: field.physical_type for path, field in found.items() if field.physical_type} == {
        "token": "binary",
        "gap": "duration[s]",
    }


def test_the_text_keeps_zones_hashes_and_what_must_not_be_missing(text: str) -> None:
    exact, found = by_path(contract_from(COLUMNS, name="shop", hashed=HASHED)), by_path(read(text))
    for path, field in found.items():
        assert (field.zone, field.hashed, field.rules) == (exact[path].zone, exact[path].hashed, exact[path].rules)
    assert [path for path, field in found.items() if field.required] == [
        "event", "amount", "contents[].id", "labels[].key",
    ]  # fmt: skip


def test_what_is_not_missing_though_it_may_be_is_only_proposed_as_required(text: str) -> None:
    assert text.count("# required: true") == 1
    assert "- name: event_time\n        logicalType: timestamp\n        # required: true" in text


def test_no_value_of_the_data_is_in_the_text(text: str) -> None:
    assert not [word for word in ("4711", "8150", "2026-11") if word in text]


def test_each_rule_is_proposed_once(text: str) -> None:
    words = (
        "additionalColumns",
        "maxAge",
        "maxFuture",
        "enum",
        "minimum",
        "minItems",
        "anyOf",
        "rowCount",
        "duplicateVal",
    )
    assert {word: len(re.findall(rf"# .*\b{word}", text)) for word in words} == dict.fromkeys(words, 1) | {"minimum": 2}


def test_the_proposed_rules_hold_once_their_sign_is_deleted(text: str) -> None:
    contract = read(re.sub(r"^( *)# (?=[a-z][A-Za-z]*:|  -|    )", r"\1", text, flags=re.MULTILINE))
    kinds = {rule.kind for field in by_path(contract).values() for rule in field.rules}
    assert {"enum", "max-age", "max-future", "minimum", "min-items"} <= kinds
    assert [rule.kind for rule in contract.rules] == ["any-of", "duplicates", "row-count"]
    assert by_path(contract)["event_time"].required
    assert not contract.closed


def test_the_text_says_how_to_go_on(text: str) -> None:
    assert "tiktok-upload contract lint" in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_file_without_columns_has_no_contract() -> None:
    problems = cf.lint(contract_yaml((), name="x", hashed={}).encode(), "x")
    assert [problem.place for problem in problems] == ["schema[rows].properties"]


# ----------------------------------------------------------------------------------------------------- names of columns
@pytest.mark.parametrize("word", ["event_time", "x", "A-1"])
def test_a_plain_word_needs_no_quotes(word: str) -> None:
    assert quoted(word) == word


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("no", '"no"'),
        ("Null", '"Null"'),
        ("1", '"1"'),
        ("", '""'),
        ("a b", '"a b"'),
        ("a: b", '"a: b"'),
        ('say "a"\\', '"say \\"a\\"\\\\"'),
        ("größe", '"größe"'),
        ("a\n\x00\u202e", '"a\\U0000000a\\U00000000\\U0000202e"'),
    ],
)
def test_any_other_text_stands_in_quotes_on_one_line(text: str, written: str) -> None:
    assert quoted(text) == written
    assert yaml.safe_load(written) == text


NAME = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(NAME, min_size=1, max_size=4, unique=True))
def test_any_names_are_read_as_they_were(names: list[str]) -> None:
    columns = tuple(Column(name, f"type of {name}") for name in names)
    contract = read(contract_yaml(columns, name=names[0], hashed={}))
    assert [field.name for field in contract.fields] == names
    assert [field.physical_type for field in contract.fields] == [f"type of {name}" for name in names]
