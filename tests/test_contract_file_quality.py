"""`quality` of a contract: what becomes of it, and what is refused."""

import pytest

from tiktok_upload import contract_file as cf
from tiktok_upload.contract import Bound, Contract, Rule, TableRule

HEAD = "apiVersion: v3.2.0\nkind: DataContract\nid: a/b\nversion: 1.0.0\nschema:\n  - name: rows\n    properties:\n"
COLUMNS = "      - {name: a, logicalType: string}\n      - {name: b, physicalName: B}\n      - {name: c}\n"
IN_COLUMN, IN_TABLE = (
    "      - name: x\n        logicalType: {}\n        quality:\n          - {{{}}}\n",
    "    quality: [{}]\n",
)


def text(quality: str, *, family: str = "") -> bytes:
    """A contract with that in the quality of the column x if that has a family, else of the table."""
    place = IN_COLUMN.format(family, quality) if family else COLUMNS + IN_TABLE.format(quality)
    return (HEAD + place).encode()


def read(quality: str, *, family: str = "") -> Contract:
    return cf.parse(text(quality, family=family), "some.yaml")


def column_rules(quality: str, family: str = "string") -> tuple[Rule, ...]:
    return read(quality, family=family).fields[0].rules


def table_rules(quality: str) -> tuple[TableRule, ...]:
    return read(quality).rules


# ---------------------------------------------------------------------------------------------------------- of a column
def test_null_values_may_be_bounded_without_the_column_being_required() -> None:
    found = read("metric: nullValues, mustBeLessThan: 5, unit: percent, severity: warning", family="string").fields[0]
    assert not found.required
    assert found.rules == (Rule("required", severity="warning", bound=Bound("mustBeLessThan", (5,), "percent")),)


def test_duplicate_values_may_be_bounded() -> None:
    assert column_rules("metric: duplicateValues, mustBeLessOrEqualTo: 2, unit: rows") == (
        Rule("unique", bound=Bound("mustBeLessOrEqualTo", (2,))),
    )


def test_invalid_values_are_those_not_listed_or_not_like_the_pattern() -> None:
    assert column_rules("metric: invalidValues, arguments: {validValues: [a, 1]}, mustBe: 0") == (
        Rule("enum", ("a", "1")),
    )
    assert column_rules("metric: invalidValues, arguments: {validValues: [1, 2]}, mustBe: 0", "integer") == (
        Rule("enum", (1, 2)),
    )
    assert column_rules("metric: invalidValues, arguments: {pattern: '^a', validValues: [a]}, mustBe: 0") == (
        Rule("enum", ("a",)),
        Rule("pattern", "^a"),
    )


@pytest.mark.parametrize(
    ("written", "bound"),
    [
        ("mustBe: 0", Bound("mustBe", (0,))),
        ("mustNotBe: 1", Bound("mustNotBe", (1,))),
        ("mustBeGreaterThan: 1", Bound("mustBeGreaterThan", (1,))),
        ("mustBeGreaterOrEqualTo: 1.5", Bound("mustBeGreaterOrEqualTo", (1.5,))),
        ("mustBeBetween: [0, 10]", Bound("mustBeBetween", (0, 10))),
        ("mustNotBeBetween: [1, 10]", Bound("mustNotBeBetween", (1, 10))),
    ],
)
def test_every_operator_of_the_standard_is_a_bound(written: str, bound: Bound) -> None:
    assert column_rules(f"metric: nullValues, {written}") == (Rule("required", bound=bound),)


@pytest.mark.parametrize(
    ("written", "severity"), [("", "error"), ("error", "error"), ("warning", "warning"), ("info", "warning")]
)
def test_a_severity_is_an_error_unless_it_says_less(written: str, severity: str) -> None:
    written = f", severity: {written}" if written else ""
    assert column_rules(f"metric: nullValues, mustBe: 0{written}")[0].severity == severity


def test_a_rule_may_be_explained_and_scheduled() -> None:
    notes = "id: i, name: n, description: d, dimension: accuracy, businessImpact: b, method: m, schedule: s, tags: [t]"
    assert column_rules(f"type: library, metric: nullValues, mustBe: 0, scheduler: cron, {notes}") == (
        Rule("required"),
    )


# ----------------------------------------------------------------------------------------------------------- of a table
def test_a_row_count_is_bounded() -> None:
    assert table_rules("{metric: rowCount, mustBeBetween: [1, 9], name: n, severity: warning}") == (
        TableRule("row-count", (), "n", "warning", Bound("mustBeBetween", (1, 9))),
    )


def test_columns_may_not_repeat_together() -> None:
    assert table_rules("{metric: duplicateValues, arguments: {properties: [c, b]}, mustBe: 0}") == (
        TableRule("duplicates", ("c", "B")),
    )


def test_one_of_several_columns_has_a_value() -> None:
    assert table_rules("{type: custom, engine: tiktok-upload, implementation: {anyOf: [a, B]}, name: n}") == (
        TableRule("any-of", ("a", "B"), "n"),
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [("{a: b}", [("a", "B")]), ("{a: [b, c]}", [("a", "B", "c")]), ("{a: b, c: a}", [("a", "B"), ("c", "a")])],
)
def test_a_column_requires_others(written: str, expected: list[tuple[str, ...]]) -> None:
    found = table_rules(f"{{type: custom, engine: tiktok-upload, implementation: {{requires: {written}}}}}")
    assert found == tuple(TableRule("requires", columns) for columns in expected)


# ----------------------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("quality", "expected", "hint"),
    [
        ("metric: nullValues", "quality[0] of column x has no operator", "such as mustBe: 0"),
        ("metric: nullValues, mustBe: 0, mustNotBe: 1", "quality[0] of column x has mustBe and mustNotBe", "say once"),
        ("metric: nullValues, mustbe: 0", "quality[0].mustbe of column x is not known", "did you mean mustBe?"),
        ("metric: nullValues, mustBe: none", "quality[0].mustBe of column x is text, not a number", "write a number"),
        ("metric: nullValues, mustBe: [0]", "quality[0].mustBe of column x is not one number", "write a number"),
        ("metric: nullValues, mustBe: -1", "quality[0].mustBe of column x is less than 0", "write 0 or more"),
        ("metric: nullValues, mustBeLessThan: 0", "quality[0].mustBeLessThan of column x is 0", "write mustBe: 0"),
        ("metric: nullValues, mustBe: 101, unit: percent", "quality[0].mustBe of column x is more than 100", "100"),
        ("metric: nullValues, mustBeBetween: [2, 1]", "quality[0].mustBeBetween of column x does not go", "lower one"),
        ("metric: nullValues, mustBeBetween: 1", "quality[0].mustBeBetween of column x is not two numbers", "[1, 100]"),
        ("metric: nullValues, mustBe: 0, unit: days", "quality[0].unit of column x is days", "use rows or percent"),
        ("metric: nullValues, mustBe: 0, severity: fatal", "quality[0].severity of column x is fatal", "use error"),
        ("metric: nullValues, mustBe: 0, arguments: {a: 1}", "quality[0].arguments of column x is nothing", "leave"),
        ("metric: nullvalues, mustBe: 0", "quality[0].metric of column x is nullvalues", "did you mean nullValues?"),
        ("metric: missingValues, mustBe: 0", "quality[0].metric of column x is missingValues", "use nullValues"),
        ("metric: rowCount, mustBe: 0", "quality[0].metric of column x is rowCount", "in the quality of the table"),
        ("rule: nullCheck, mustBe: 0", "quality[0].rule of column x is a rule that cannot", "write it as metric"),
        ("mustBe: 0", "quality[0] of column x has no metric", "add metric: with nullValues"),
        ("type: sql, query: select 1, mustBe: 0", "quality[0].type of column x is sql", "write it as metric"),
        ("type: text, description: good", "quality[0].type of column x is text", "or leave it out"),
        ("type: custm, engine: e", "quality[0].type of column x is custm", "did you mean custom?"),
        ("type: custom, engine: soda, implementation: i", "quality[0].engine of column x is soda", "write engine: tik"),
        ("type: custom, engine: tiktok-upload, implementation: {anyOf: [x]}",
         "quality[0].engine of column x is about rows", "in the quality of the table"),
        ("engine: tiktok-upload, metric: nullValues, mustBe: 0",
         "quality[0].engine of column x does not fit type library", "add type: custom"),
        ("metric: nullValues, mustBe: 0, query: q", "quality[0].query of column x does not fit type library", "leave"),
        ("metric: nullValues, mustBe: 0, customProperties: [{property: a, value: 1}]",
         "quality[0].customProperties[0].property of column x a is not known here", "say whose it is"),
        ("metric: invalidValues, mustBe: 0", "quality[0] of column x does not say what is valid", "add arguments:"),
        ("metric: invalidValues, arguments: {}, mustBe: 0", "quality[0] of column x does not say what is valid", "add"),
        ("metric: invalidValues, arguments: {validvalues: [a]}, mustBe: 0",
         "quality[0].arguments.validvalues of column x is not known", "did you mean validValues?"),
        ("metric: invalidValues, arguments: {validValues: []}, mustBe: 0",
         "quality[0].arguments.validValues of column x is empty", "list the values"),
        ("metric: invalidValues, arguments: {validValues: [{value: a}]}, mustBe: 0",
         "quality[0].arguments.validValues[0] of column x is a mapping, not text", "write text there"),
        ("metric: invalidValues, arguments: {validValues: [a], pattern: a}, mustBe: 1",
         "quality[0] of column x counts by two rules at once", "write one quality for"),
    ],
)  # fmt: skip
def test_a_wrong_rule_of_a_column_is_refused(quality: str, expected: str, hint: str) -> None:
    problems = cf.lint(text(quality, family="string"), "some.yaml")
    assert [str(problem).startswith(f"line 11: {expected}") for problem in problems] == [True], problems
    assert hint in problems[0].hint


def test_a_rule_that_does_not_fit_the_columns_type_is_refused() -> None:
    quality = "metric: invalidValues, arguments: {pattern: a}, mustBe: 0"
    assert [str(problem) for problem in cf.lint(text(quality, family="integer"), "some.yaml")] == [
        "line 11: quality[0] of column x asks for pattern, which does not fit logicalType integer"
    ]


@pytest.mark.parametrize(
    ("quality", "expected", "hint"),
    [
        ("x", "[0] is text, not a mapping", "write key: value"),
        ("{metric: rowCount, mustBe: 1, unit: percent}", "[0].unit is percent", "leave it out"),
        ("{metric: rowcount, mustBe: 1, name: n}", "[n].metric is rowcount", "did you mean rowCount?"),
        ("{metric: nullValues, mustBe: 0}", "[0].metric is nullValues", "in the quality of the column"),
        ("{metric: duplicateValues, mustBe: 0}", "[0] does not say of which columns", "add arguments:"),
        ("{metric: duplicateValues, mustBe: 0, arguments: {}}", "[0].arguments lacks properties", "add properties:"),
        ("{metric: duplicateValues, mustBe: 0, arguments: {properties: []}}", "[0].arguments.properties names no", ""),
        ("{metric: duplicateValues, mustBe: 0, arguments: {properties: [a, a]}}",
         "[0].arguments.properties names a column twice", "keep one"),
        ("{metric: duplicateValues, mustBe: 0, arguments: {properties: [aa]}}",
         "[0].arguments.properties[0] names aa, which is no column", "did you mean a?"),
        ("{metric: duplicateValues, mustBe: 0, arguments: {properties: [[a]]}}",
         "[0].arguments.properties[0] is a list, not text", "write text there"),
        ("{type: custom, engine: tiktok-upload}", "[0] lacks implementation", "write engine:"),
        ("{type: custom, implementation: {anyOf: [a]}}", "[0] lacks engine", "write engine:"),
        ("{type: custom, engine: tiktok-upload, implementation: anyOf a}", "[0].implementation is not one of", "write"),
        ("{type: custom, engine: tiktok-upload, implementation: {anyOf: [a], requires: {a: b}}}",
         "[0].implementation is not one of", "write"),
        ("{type: custom, engine: tiktok-upload, implementation: {anyof: [a]}}",
         "[0].implementation.anyof is not known", "did you mean anyOf?"),
        ("{type: custom, engine: tiktok-upload, implementation: {anyOf: a}}",
         "[0].implementation.anyOf is text, not a list", "begin each item"),
        ("{type: custom, engine: tiktok-upload, implementation: {requires: [a]}}",
         "[0].implementation.requires does not say which", "write {requires:"),
        ("{type: custom, engine: tiktok-upload, implementation: {requires: {a: a}}}",
         "[0].implementation.requires.a needs itself", "another"),
        ("{type: custom, engine: tiktok-upload, implementation: {requires: {z: a}}}",
         "[0].implementation.requires.z names z, which is no column", "not nested"),
        ("{type: custom, engine: tiktok-upload, implementation: {anyOf: [a]}, mustBe: 0}",
         "[0].mustBe does not fit type custom", "leave it out"),
    ],
)  # fmt: skip
def test_a_wrong_rule_of_the_table_is_refused(quality: str, expected: str, hint: str) -> None:
    problems = cf.lint(text(quality), "some.yaml")
    assert [str(problem).startswith(f"line 11: schema[rows].quality{expected}") for problem in problems] == [True], (
        problems
    )
    assert hint in problems[0].hint


def test_a_rule_is_not_blamed_for_a_column_that_is_wrong_itself() -> None:
    wrong = text("{metric: duplicateValues, mustBe: 0, arguments: {properties: [a]}}").replace(b"string", b"strng")
    assert [problem.place for problem in cf.lint(wrong, "some.yaml")] == ["logicalType of column a"]
