"""Reading a contract: where it is found, what its YAML may be, and that nothing but a UsageError comes out."""

import hashlib
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_upload import contract_file as cf
from tiktok_upload.contract import Contract, Field
from tiktok_upload.errors import UsageError

HEAD = "apiVersion: v3.2.0\nkind: DataContract\nid: a/b\nversion: 1.0.0\n"
SCHEMA = "schema:\n  - name: rows\n    properties:\n      - {name: x, logicalType: string}\n"
WHOLE = HEAD + SCHEMA

posix_only = pytest.mark.skipif(os.name != "posix", reason="pipes")


def parsed(text: str) -> Contract:
    return cf.parse(text.encode(), "some.yaml")


def linted(text: str | bytes) -> list[cf.Problem]:
    return cf.lint(text.encode() if isinstance(text, str) else text, "some.yaml")


def only(text: str | bytes) -> cf.Problem:
    problems = linted(text)
    assert len(problems) == 1, problems
    return problems[0]


def refused(name_or_path: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        cf.load(name_or_path)
    assert (caught.value.name, caught.value.exit_code) == ("contract", 2)
    return caught.value


# ------------------------------------------------------------------------------------------------------ what it becomes
def test_the_least_contract_is_read() -> None:
    digest = hashlib.sha256(WHOLE.encode()).hexdigest()
    assert parsed(WHOLE) == Contract("b", "1.0.0", digest, (Field("x", "string"),))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("tiktok-upload/offline-events", "offline-events"),
        ("shop", "shop"),
        ("a/b/", "b"),
        ("urn:x:orders", "urn:x:orders"),
        ("2026", "2026"),
    ],
)
def test_the_name_is_the_last_part_of_the_id(written: str, name: str) -> None:
    assert parsed(WHOLE.replace("id: a/b", f"id: {written}")).name == name


@pytest.mark.parametrize(("written", "version"), [("1.0", "1.0"), ("1.10", "1.10"), ("2026-11-24", "2026-11-24")])
def test_a_version_is_what_is_written_whatever_yaml_takes_it_for(written: str, version: str) -> None:
    assert parsed(WHOLE.replace("version: 1.0.0", f"version: {written}")).version == version


@pytest.mark.parametrize("version", ["v3.0.0", "v3.0.2", "v3.1.0", "v3.2.0", "v3.2.1"])
def test_all_versions_of_the_standard_from_3_0_to_3_2_are_known(version: str) -> None:
    assert parsed(WHOLE.replace("v3.2.0", version))


def test_a_contract_is_closed_unless_it_allows_other_columns() -> None:
    allowing = "customProperties: [{property: additionalColumns, value: allow}]\n"
    assert parsed(WHOLE).closed
    assert not parsed(WHOLE + allowing).closed
    assert parsed(WHOLE + allowing.replace("allow", "refuse")).closed


def test_what_is_for_people_and_other_tools_changes_nothing_but_the_digest() -> None:
    notes = """
name: Orders
status: active
tenant: shop
domain: sales
dataProduct: orders
tags: [a, 2026]
contractCreatedTs: 2026-01-01T00:00:00Z
context: read me
description: {purpose: p, usage: u, limitations: l, authoritativeDefinitions: [{url: u, type: t}]}
servers: [{server: s, type: s3, location: 's3://b/k', customProperties: [{property: p, value: [1, {a: b}]}]}]
support: [{channel: c, url: u}]
price: {priceAmount: 1, priceCurrency: EUR}
team: [{username: u, dateIn: 2026-01-01}]
roles: [{role: r, access: read}]
slaProperties: [{property: retention, value: 365, unit: d}]
customProperties: [{property: ours, value: {a: 1}, vendor: acme}]
authoritativeDefinitions: [{url: u, type: t}]
"""
    assert parsed(WHOLE + notes).fields == parsed(WHOLE).fields


def test_a_team_may_be_a_list_or_have_members() -> None:
    assert linted(WHOLE + "team: {name: t, members: [{username: u}]}\n") == []
    assert only(WHOLE + "team: {members: [{username: u, rol: r}]}\n").hint == "did you mean role?"
    assert only(WHOLE + "team:\n  - {username: u}\n  - {username: u, rol: r}\n").place == "team[1].rol"


# -------------------------------------------------------------------------------------------------- where it is found
def test_a_packaged_contract_is_found_by_its_name() -> None:
    assert cf.load("offline-events").name == "offline-events"
    assert "web-events" in cf.packaged()


def test_a_packaged_contract_outranks_a_file_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("offline-events").write_text("broken")
    assert cf.load("offline-events").name == "offline-events"
    assert "is text, not a mapping" in refused(str(tmp_path / "offline-events")).message


@pytest.mark.parametrize("name", ["mine.yaml", "mine.YML", "mine", "with space.odcs.yaml"])
def test_a_file_is_found_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(WHOLE)
    assert cf.load(name) == cf.load(str(tmp_path / name)) == parsed(WHOLE)


def test_a_name_that_is_not_packaged_is_refused_with_the_nearest() -> None:
    error = refused("ofline-events")
    assert error.message == "there is no contract ofline-events"
    assert error.hint.startswith("did you mean offline-events? known are catalog, ")


@pytest.mark.parametrize("name", ["", "zzz", "\x1b[2J", "a\0b", "x" * 5_000])
def test_any_other_name_is_refused_with_all_that_are_known(name: str) -> None:
    error = refused(name)
    assert "custom-audience" in error.hint
    assert "\x1b" not in error.message


def test_a_path_where_nothing_is_is_refused(tmp_path: Path) -> None:
    assert str(tmp_path / "gone.yaml") in refused(str(tmp_path / "gone.yaml")).message


@pytest.mark.parametrize("name", ["a\0b.yaml", "x" * 5_000 + ".yaml"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    assert "cannot be read" in refused(name).message


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refused(str(tmp_path)).message


@posix_only
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "no regular file" in refused(str(tmp_path / "pipe.yaml")).message


def test_a_huge_file_is_refused_after_its_first_mebibyte(tmp_path: Path) -> None:
    with (tmp_path / "huge.yaml").open("wb") as sparse:
        sparse.truncate(1 << 40)
    assert "has more than 1 MiB" in refused(str(tmp_path / "huge.yaml")).message


def test_there_is_no_text_of_a_contract_that_is_not_packaged() -> None:
    with pytest.raises(KeyError):
        cf.packaged_text("../version")


# ------------------------------------------------------------------------------------------------- what the error says
def test_an_error_names_the_file_the_line_and_what_to_do() -> None:
    with pytest.raises(UsageError) as caught:
        cf.parse((WHOLE + "satus: active\n").encode(), "my\n.yaml")
    assert caught.value.message == r"my\x0a.yaml, line 9: satus is not known"
    assert caught.value.hint == "did you mean status?"


def test_an_error_says_how_many_more_there_are_and_how_to_see_them() -> None:
    with pytest.raises(UsageError) as caught:
        cf.parse((WHOLE + "satus: active\nnmae: x\n").encode(), "my.yaml")
    assert caught.value.message == (
        "my.yaml, line 9: satus is not known; and 1 more: tiktok-upload contract lint my.yaml lists them"
    )


def test_all_problems_are_listed_by_line() -> None:
    text = WHOLE.replace("kind: DataContract", "kind: Contract").replace("logicalType", "logcalType") + "x: 1\n"
    assert [problem.line for problem in linted(text)] == [2, 8, 9]


def test_a_long_or_malicious_key_is_shown_cut_and_escaped() -> None:
    problem = only(WHOLE + '"\\e[2J' + "x" * 500 + '": 1\n')
    assert "\x1b" not in str(problem)
    assert len(str(problem)) < 120


# ------------------------------------------------------------------------------------------------------------ the YAML
@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "is empty"),
        ("# nothing\n", 1, "is empty"),
        ("text", 1, "is text, not a mapping"),
        ("- a\n", 1, "is a list, not a mapping"),
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "is no YAML"),
        ("a: 1\n\tb: 2\n", 2, "is no YAML"),
        ("a: b: c\n", 1, "is no YAML"),
        ("a: 1\n...\nb: 1\n", 3, "is no YAML"),
        ("a: 1\n---\nb: 2\n", 2, "holds more than one document"),
        ("a: &x 1\nb: *x\n", 2, "has an alias (*), which is not followed"),
        ("a: 1\nb: {[x]: 1}\n", 2, "has a list as a key"),
        ("a: 1\nb: \x07\n", 2, "holds a character that YAML does not allow"),
        ("a: 1\nb: " + "[" * 200 + "\n", 2, "is nested more than 128 deep"),
        ("a:\n" + "\n".join("  " * n + "- a:" for n in range(1, 200)) + "\n", 65, "is nested more than 128 deep"),
        ('a: "\\UFFFFFFFF"\n', 1, "is no YAML"),
        ("%YAML " + "9" * 5_000 + ".1\n---\na: 1\n", 1, "is no YAML"),
    ],
)
def test_what_is_no_yaml_mapping_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    problem = only(text)
    assert (problem.line, problem.place) == (line, "the file")
    assert problem.message.startswith(message)
    assert problem.hint


def test_text_that_is_not_utf_8_is_refused_with_its_line() -> None:
    assert str(only(b"a: 1\nb: caf\xe9\n")) == "line 2: the file is not UTF-8"


def test_a_byte_order_mark_and_line_ends_of_windows_are_fine() -> None:
    assert cf.parse(b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode(), "some.yaml").fields == parsed(WHOLE).fields


def test_a_key_that_is_there_twice_is_refused_with_both_lines() -> None:
    problem = only(WHOLE + "version: 2.0.0\n")
    assert str(problem) == "line 9: version is there twice; before in line 4"


def test_a_merge_key_is_a_key_like_any_other() -> None:
    assert only(WHOLE + "<<: {kind: x}\n").message == "is not known"


@pytest.mark.parametrize("tag", ["!!str", "!!python/object:os.system", "!", "!!binary"])
def test_a_tag_is_refused(tag: str) -> None:
    assert only(WHOLE.replace("version: 1.0.0", f"version: {tag} '1.0.0'")).message == "is a tag, and none is known"


def test_half_a_character_is_refused() -> None:
    assert only(WHOLE + 'name: "\\ud83d"\n').message == "holds half of a character"


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "2026-11-24", "12:30:00", "0x1F", "1_000", ".inf", "1e999", "=", "007"]
)
def test_what_yaml_makes_of_a_word_does_not_matter_where_text_is_meant(word: str) -> None:
    column = parsed(WHOLE.replace("name: x", f"name: {word}")).fields[0]
    assert column.name == word


@pytest.mark.parametrize("word", ["true", "null", "~", "", "False"])
def test_a_truth_or_nothing_is_no_text(word: str) -> None:
    assert "not text" in only(WHOLE.replace("name: x", f"name: {word}")).message


# ---------------------------------------------------------------------------------------------------------- the frame
@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("kind: DataContract\n", "", "line 1: the contract lacks kind"),
        ("DataContract", "datacontract", "line 2: kind is datacontract"),
        ("v3.2.0", "v2.2.2", "line 1: apiVersion is v2.2.2; known are v3.0.0 to v3.2.0"),
        ("v3.2.0", "v3.9.0", "line 1: apiVersion is v3.9.0; known are v3.0.0 to v3.2.0"),
        ("id: a/b", "id: /", "line 3: id cannot stand in a report"),
        ("id: a/b", 'id: "a\\nb"', "line 3: id cannot stand in a report"),
        ("1.0.0", "x" * 101, "line 4: version cannot stand in a report"),
        ("1.0.0", "[1]", "line 4: version is a list, not text"),
        (SCHEMA, "", "line 1: the contract has no table"),
        (SCHEMA, "schema: []\n", "line 5: schema has no table"),
        (SCHEMA, "schema: x\n", "line 5: schema is text, not a list"),
        (SCHEMA, "schema: [x]\n", "line 5: schema[0] is text, not a mapping"),
        (SCHEMA, "schema: [{name: t}]\n", "line 5: schema[t] has no columns"),
        (SCHEMA, "schema: [{name: t, properties: []}]\n", "line 5: schema[t] has no columns"),
        (SCHEMA, "schema: [{name: t, properties: {a: 1}}]\n", "line 5: schema[t].properties is a mapping, not a list"),
        (SCHEMA, SCHEMA + "  - name: more\n", "line 9: schema[more] is a second table, and a file has one"),
        ("    prop", "    physicalType: csv\n    prop", "line 7: schema[rows].physicalType is csv"),
        ("    prop", "    logicalType: array\n    prop", "line 7: schema[rows].logicalType is array"),
        (
            "    prop",
            "    relationships: [{from: a.b, to: c.d}]\n    prop",
            "line 7: schema[rows].relationships is a rule that cannot be checked here",
        ),
        (
            "    prop",
            "    customProperties: [{property: additionalColumns, value: allow}]\n    prop",
            "line 7: schema[rows].customProperties[0].property additionalColumns is not known here",
        ),
        (
            "schema:",
            "customProperties: [{property: additionalColumns, value: yes}]\nschema:",
            "line 5: customProperties[0].value is yes",
        ),
    ],
)
def test_a_frame_that_is_not_as_it_should_be_is_refused(before: str, after: str, expected: str) -> None:
    problem = only(WHOLE.replace(before, after, 1))
    assert str(problem) == expected
    assert problem.hint


# --------------------------------------------------------------------------------------------------- whatever comes in
def nothing_else_escapes(data: bytes) -> None:
    problems = cf.lint(data, "some.yaml")
    if problems:
        with pytest.raises(UsageError, match=re.escape(str(problems[0]))):
            cf.parse(data, "some.yaml")
    else:
        contract = cf.parse(data, "some.yaml")
        assert Contract.from_json(json.loads(json.dumps(contract.to_json()))) == contract


@given(st.binary(max_size=200))
def test_no_bytes_bring_anything_but_a_usage_error(data: bytes) -> None:
    nothing_else_escapes(data)


@given(st.text(alphabet="abc: -[]{}#&*!|>'\"%@\\\n\t,?0.1~u", max_size=60))
def test_no_text_that_looks_like_yaml_does(text: str) -> None:
    nothing_else_escapes(text.encode())


@given(st.data())
def test_no_contract_with_anything_in_the_place_of_something_does(data: st.DataObject) -> None:
    packaged = cf.packaged_text(data.draw(st.sampled_from(cf.packaged()))).encode()
    start = data.draw(st.integers(0, len(packaged)))
    length = data.draw(st.integers(0, 12))
    other = data.draw(st.sampled_from([b"", b"[", b"{", b": ", b"null", b"- x", b"1e9", b"\n", b"*a", b'"', b"true"]))
    nothing_else_escapes(packaged[:start] + other + packaged[start + length :])


def words(text: str) -> st.SearchStrategy[object]:
    return st.sampled_from(text.split())


def trees() -> st.SearchStrategy[object]:
    keys = words(
        "name logicalType required unique enum quality properties items map key value metric arguments validValues"
        " pattern mustBe mustBeBetween type engine implementation anyOf requires customProperties property vendor"
        " logicalTypeOptions minimum maxLength timezone classification physicalName primaryKey unit severity"
    )
    leaves = words(
        "a string integer timestamp array object map rowCount invalidValues custom tiktok-upload hashed-pii maxAge 28d"
        " 2026-01-01 percent"
    ) | st.sampled_from([None, True, 0, -1, 1.5, 10**30, "(", ""])
    return st.recursive(
        leaves, lambda below: st.lists(below, max_size=3) | st.dictionaries(keys.map(str), below, max_size=5)
    )


@given(trees(), trees())
def test_no_columns_and_rules_of_any_shape_do(columns: object, quality: object) -> None:
    table = {"name": "rows", "properties": columns, "quality": quality}  # JSON is YAML
    nothing_else_escapes((HEAD + f"schema: {json.dumps([table])}\n").encode())
