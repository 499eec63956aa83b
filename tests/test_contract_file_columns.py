"""Columns of a contract: what each key becomes, and what is refused with its line, its place and what to do."""

import pytest

from tiktok_upload import contract_file as cf
from tiktok_upload.contract import Bound, Field, Rule, TableRule

HEAD = "apiVersion: v3.2.0\nkind: DataContract\nid: a/b\nversion: 1.0.0\nschema:\n  - name: rows\n    properties:\n"
LINE = HEAD.count("\n") + 1  # of the first column


def listed(*columns: str) -> bytes:
    return (HEAD + "".join(f"      - {column}\n" for column in columns)).encode()


def fields(*columns: str) -> tuple[Field, ...]:
    return cf.parse(listed(*columns), "some.yaml").fields


def field(keys: str) -> Field:
    """Of the column x."""
    return fields(f"{{name: x, {keys}}}")[0]


def options(family: str, written: str) -> tuple[Rule, ...]:
    return field(f"logicalType: {family}, logicalTypeOptions: {{{written}}}").rules


def problems(*columns: str) -> list[str]:
    return [str(problem) for problem in cf.lint(listed(*columns), "some.yaml")]


# ------------------------------------------------------------------------------------------------------ what it becomes
@pytest.mark.parametrize("family", ["string", "integer", "number", "boolean", "timestamp", "date", "time"])
def test_a_logical_type_is_the_family(family: str) -> None:
    assert field(f"logicalType: {family}") == Field("x", family)  # type: ignore[arg-type]


def test_a_physical_type_is_taken_word_for_word_and_may_stand_alone() -> None:
    assert field("physicalType: 'timestamp[us, tz=UTC]'") == Field("x", physical_type="timestamp[us, tz=UTC]")


def test_a_physical_name_is_what_the_file_calls_the_column() -> None:
    assert field("physicalName: X 1, logicalType: string") == Field("X 1", "string")


def test_flags_are_rules_as_well() -> None:
    assert field("logicalType: string, required: true, unique: true") == Field(
        "x", "string", required=True, rules=(Rule("required"), Rule("unique"))
    )
    assert field("logicalType: string, required: false, unique: false") == Field("x", "string")


@pytest.mark.parametrize(
    ("family", "written", "expected"),
    [
        ("string", "minLength: 0, maxLength: 9", (Rule("min-length", 0), Rule("max-length", 9))),
        ("string", r"pattern: '^\d+$', format: uri", (Rule("pattern", r"^\d+$"), Rule("format", "uri"))),
        ("integer", "minimum: -1, maximum: 2", (Rule("minimum", -1), Rule("maximum", 2))),
        ("number", "exclusiveMinimum: 0.5, exclusiveMaximum: 1e3", (
            Rule("exclusive-minimum", 0.5), Rule("exclusive-maximum", 1000.0))),
        ("number", "multipleOf: 0.01", (Rule("multiple-of", 0.01),)),
        ("date", "minimum: 2026-01-31", (Rule("minimum", "2026-01-31"),)),
        ("time", "maximum: '23:59:59'", (Rule("maximum", "23:59:59"),)),
        ("timestamp", "minimum: 2026-01-31T00:00:00Z", (Rule("minimum", "2026-01-31T00:00:00Z"),)),
        ("timestamp", "minimum: 2026-01-31t00:00:00.5z", (Rule("minimum", "2026-01-31T00:00:00.5Z"),)),
        ("timestamp", "maximum: '2026-01-31T00:00:00+01:00'", (Rule("maximum", "2026-01-31T00:00:00+01:00"),)),
        ("timestamp", "timezone: false, minimum: 2026-01-31T00:00:00", (Rule("minimum", "2026-01-31T00:00:00"),)),
        ("array", "minItems: 1, maxItems: 2, uniqueItems: false", (Rule("min-items", 1), Rule("max-items", 2))),
    ],
)  # fmt: skip
def test_options_are_rules(family: str, written: str, expected: tuple[Rule, ...]) -> None:
    assert options(family, written) == expected


def test_a_whole_number_stays_one() -> None:
    assert repr(options("number", "minimum: 1")[0].argument) == "1"
    assert repr(options("number", "minimum: 1.0")[0].argument) == "1.0"


@pytest.mark.parametrize(("written", "zone"), [("timezone: true", True), ("timezone: false", False), ("", None)])
def test_a_time_zone_may_be_wanted_or_unwanted(written: str, zone: bool | None) -> None:  # noqa: FBT001 - a case
    assert field(f"logicalType: timestamp, logicalTypeOptions: {{{written}}}").zone is zone


@pytest.mark.parametrize(
    ("family", "values", "expected"),
    [
        ("string", "[{value: in stock}, {value: 1}, {value: no}, {value: 01}]", ("in stock", "1", "no", "01")),
        ("integer", "[{value: 1}, {value: -2, label: two}]", (1, -2)),
        ("number", "[{value: 0.5}]", (0.5,)),
        ("boolean", "[{value: true}]", (True,)),
    ],
)
def test_an_enum_has_values_of_the_columns_type(family: str, values: str, expected: tuple[object, ...]) -> None:
    assert field(f"logicalType: {family}, enum: {values}").rules == (Rule("enum", expected),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("classification: hashed-pii, logicalTypeOptions: {pattern: '^[0-9a-f]{64}$'}", "sha256"),
        ("classification: hashed-pii, logicalTypeOptions: {pattern: '^[0-9a-f]{32}$'}", "md5"),
        ("classification: hashed-pii", "sha256"),
        ("classification: public", None),
    ],
)
def test_a_column_of_hashes_is_known_by_its_classification(keys: str, expected: str | None) -> None:
    assert field(f"logicalType: string, {keys}").hashed == expected


@pytest.mark.parametrize("classification", ["raw-ip", "raw-pii", "raw"])
def test_a_column_may_be_classified_as_raw(classification: str) -> None:
    found = field(f"logicalType: string, classification: {classification}")
    assert (found.raw, found.classification) == (True, classification)


def test_ages_are_custom_properties_in_seconds() -> None:
    custom = "[{property: maxAge, value: 28d}, {property: maxFuture, value: 1h, vendor: tiktok-upload}]"
    expected = (Rule("max-age", 2_419_200.0), Rule("max-future", 3_600.0))
    assert field(f"logicalType: timestamp, customProperties: {custom}").rules == expected


def test_a_severity_holds_for_all_rules_of_its_column_but_those_with_their_own() -> None:
    found = field(
        "logicalType: string, required: true, logicalTypeOptions: {maxLength: 1},"
        " customProperties: [{property: severity, value: warning}],"
        " quality: [{metric: duplicateValues, mustBe: 0}, {metric: invalidValues, arguments: {pattern: a}, mustBe: 0,"
        " severity: error}]"
    )
    assert [rule.severity for rule in found.rules] == ["warning", "warning", "warning", "error"]


def test_custom_properties_of_other_vendors_are_left_to_them() -> None:
    assert field("customProperties: [{property: maxAge, value: [1], vendor: acme}]") == Field("x")


def test_what_is_for_people_and_other_tools_is_passed_over() -> None:
    notes = (
        "id: i, businessName: n, description: d, deprecated: true, tags: [t], examples: [1, [a], {b: c}],"
        " partitioned: true, partitionKeyPosition: 1, transformLogic: l, transformSourceObjects: [s],"
        " transformDescription: d, criticalDataElement: true, encryptedName: e, semanticType: column,"
        " synonyms: [{synonym: s}], authoritativeDefinitions: [{url: u, type: t}]"
    )
    assert field(f"logicalType: string, {notes}") == Field("x", "string")


# ------------------------------------------------------------------------------------------------------ what is nested
def test_an_array_has_one_child() -> None:
    assert field("logicalType: array, items: {logicalType: integer, required: true}").children == (
        Field("[]", "integer", required=True, rules=(Rule("required"),)),
    )


def test_an_object_has_its_properties() -> None:
    assert field("logicalType: object, properties: [{name: a, logicalType: date}, {name: b}]").children == (
        Field("a", "date"),
        Field("b"),
    )


def test_a_map_is_a_list_of_keys_and_values() -> None:
    entry = Field("[]", "object", children=(Field("key", "string"), Field("value", "number")))
    found = field("logicalType: map, map: {key: {logicalType: string}, value: {logicalType: number}}")
    assert found.children == (entry,)


def test_what_is_wrong_far_inside_is_told_with_its_path() -> None:
    column = (
        "{name: a, logicalType: array, items: {logicalType: object, properties: [{name: b, logicalType: map,"
        " map: {key: {logicalType: string}, value: {logicalTyp: date}}}]}}"
    )
    assert problems(column) == [f"line {LINE}: logicalTyp of column a[].b[].value is not known"]


# ------------------------------------------------------------------------------------------------------ the primary key
def test_the_one_column_of_a_primary_key_is_required_and_unique() -> None:
    assert field("logicalType: string, primaryKey: true") == Field(
        "x", "string", required=True, rules=(Rule("required"), Rule("unique"))
    )
    assert field("logicalType: string, primaryKey: true, unique: true").rules == (Rule("required"), Rule("unique"))


def test_columns_of_a_primary_key_are_unique_together_in_their_order() -> None:
    contract = cf.parse(
        listed(
            "{name: a, physicalName: A, primaryKey: true, primaryKeyPosition: 2}",
            "{name: b, primaryKey: true, primaryKeyPosition: 1}",
            "{name: c, primaryKey: false, primaryKeyPosition: -1}",
        ),
        "some.yaml",
    )
    assert [(one.required, one.rules) for one in contract.fields] == [(True, (Rule("required"),))] * 2 + [(False, ())]
    assert contract.rules == (TableRule("duplicates", ("b", "A"), "primary key", bound=Bound("mustBe", (0,))),)


# ------------------------------------------------------------------------------------------------------ what is refused
@pytest.mark.parametrize(
    ("column", "expected", "hint"),
    [
        ("{name: x, requird: true}", "requird of column x is not known", "did you mean required?"),
        ("{name: x, Required: true}", "Required of column x is not known", "did you mean required?"),
        ("{name: x, qqqq: 1}", "qqqq of column x is not known", "the Open Data Contract Standard has no such key"),
        ("{logicalType: string}", "schema[rows].properties[0] lacks name", "add name: to it"),
        ("x", "schema[rows].properties[0] is text, not a mapping", "write key: value"),
        ("{name: x, required: yes}", "required of column x is text, not true or false", "write true or false"),
        ("{name: x, required: 'true'}", "required of column x is text, not true or false", "write true or false"),
        ("{name: x, logicalType: strng}", "logicalType of column x is strng", "did you mean string?"),
        ("{name: x, logicalType: vector}", "logicalType of column x is vector", "use string, integer,"),
        ("{name: x, logicalType: [string]}", "logicalType of column x is a list, not text", "write text there"),
        ("{name: x, relationships: [{to: a.b}]}", "relationships of column x is a rule that cannot", "leave it out"),
        ("{name: x, description: [a]}", "description of column x is a list, not text", ""),
        ("{name: x, primaryKey: true, primaryKeyPosition: first}",
         "primaryKeyPosition of column x is text, not a number", "write a number"),
        ("{name: x, tags: t}", "tags of column x is text, not a list", "write it as a list"),
        ("{name: x, synonyms: [s]}", "synonyms[0] of column x is text, not a mapping", "look at its indentation"),
        ("{name: x, synonyms: s}", "synonyms of column x is text, not a list", "look at its indentation"),
        # options
        ("{name: x, logicalTypeOptions: {minimum: 1}}", "logicalTypeOptions of column x needs a type", "logicalType:"),
        ("{name: x, logicalType: map, map: {key: {}, value: {}}, logicalTypeOptions: {a: 1}}",
         "logicalTypeOptions.a of column x is not known", "leave it out"),
        ("{name: x, logicalType: string, logicalTypeOptions: [a]}",
         "logicalTypeOptions of column x is a list, not a mapping", "look at"),
        ("{name: x, logicalType: string, logicalTypeOptions: {minLenght: 1}}",
         "logicalTypeOptions.minLenght of column x is not known", "did you mean minLength?"),
        ("{name: x, logicalType: integer, logicalTypeOptions: {pattern: a}}",
         "logicalTypeOptions.pattern of column x does not fit logicalType integer", "it is for logicalType string"),
        ("{name: x, logicalType: boolean, logicalTypeOptions: {minimum: 1}}",
         "logicalTypeOptions.minimum of column x does not fit logicalType boolean", "integer, number, date, time"),
        ("{name: x, logicalType: string, logicalTypeOptions: {minLength: -1}}",
         "logicalTypeOptions.minLength of column x is less than 0", ""),
        ("{name: x, logicalType: string, logicalTypeOptions: {minLength: 1.5}}",
         "logicalTypeOptions.minLength of column x is no whole number", ""),
        ("{name: x, logicalType: string, logicalTypeOptions: {minLength: 2, maxLength: 1}}",
         "logicalTypeOptions.minLength of column x leaves nothing below maxLength", "minLength is the lower"),
        ("{name: x, logicalType: array, logicalTypeOptions: {minItems: 2, maxItems: 1}}",
         "logicalTypeOptions.minItems of column x leaves nothing below maxItems", "minItems is the lower"),
        ("{name: x, logicalType: number, logicalTypeOptions: {minimum: 1, exclusiveMaximum: 1}}",
         "logicalTypeOptions.minimum of column x leaves nothing below exclusiveMaximum", "minimum is the lower"),
        ("{name: x, logicalType: number, logicalTypeOptions: {minimum: a}}",
         "logicalTypeOptions.minimum of column x is text, not a number", "write a number"),
        ("{name: x, logicalType: number, logicalTypeOptions: {multipleOf: 0}}",
         "logicalTypeOptions.multipleOf of column x is not more than 0", ""),
        ("{name: x, logicalType: integer, logicalTypeOptions: {format: i64}}",
         "logicalTypeOptions.format of column x is a rule that cannot be checked here", "physicalType: int64"),
        ("{name: x, logicalType: date, logicalTypeOptions: {format: yyyy}}",
         "logicalTypeOptions.format of column x is a rule that cannot be checked here", "leave it out"),
        ("{name: x, logicalType: string, logicalTypeOptions: {format: ipv5}}",
         "logicalTypeOptions.format of column x is ipv5", "did you mean ipv"),
        ("{name: x, logicalType: string, logicalTypeOptions: {pattern: '('}}",
         "logicalTypeOptions.pattern of column x is no regular expression", "mend it"),
        ("{name: x, logicalType: date, logicalTypeOptions: {minimum: 2026-02-30}}",
         "logicalTypeOptions.minimum of column x is no date or time", "write a date such as"),
        ("{name: x, logicalType: date, logicalTypeOptions: {minimum: 20260228}}",
         "logicalTypeOptions.minimum of column x is not written as RFC 3339", "write a date such as"),
        ("{name: x, logicalType: timestamp, logicalTypeOptions: {minimum: '2026-01-31T00:00:00'}}",
         "logicalTypeOptions.minimum of column x has no time zone", "write Z or an offset"),
        ("{name: x, logicalType: timestamp, logicalTypeOptions: {timezone: false, minimum: '2026-01-31T00:00:00Z'}}",
         "logicalTypeOptions.minimum of column x has a time zone", "leave out the Z"),
        ("{name: x, logicalType: timestamp, logicalTypeOptions: {defaultTimezone: UTC}}",
         "logicalTypeOptions.defaultTimezone of column x is a rule that cannot", "timezone: true"),
        ("{name: x, logicalType: time, logicalTypeOptions: {timezone: true}}",
         "logicalTypeOptions.timezone of column x is a rule that cannot", "leave it out"),
        ("{name: x, logicalType: array, logicalTypeOptions: {uniqueItems: true}}",
         "logicalTypeOptions.uniqueItems of column x is a rule that cannot", "leave it out"),
        ("{name: x, logicalType: object, logicalTypeOptions: {required: [a]}}",
         "logicalTypeOptions.required of column x is a rule that cannot", "write required: true"),
        # enum
        ("{name: x, logicalType: string, enum: [a]}", "enum[0] of column x is text, not a mapping", "key: value"),
        ("{name: x, logicalType: string, enum: []}", "enum of column x is empty", "list the values"),
        ("{name: x, logicalType: string, enum: a}", "enum of column x is text, not a list", "begin each item"),
        ("{name: x, logicalType: string, enum: [{value: a}, {value: a}]}", "enum of column x has a twice", "keep one"),
        ("{name: x, logicalType: string, enum: [{value: true}]}",
         "enum[0].value of column x is true or false, not text", "put it in quotes"),
        ("{name: x, logicalType: integer, enum: [{value: 0.5}]}", "enum[0].value of column x is no whole number", ""),
        ("{name: x, logicalType: integer, enum: [{value: 99999999999999999999}]}",
         "enum[0].value of column x is beyond any integer column", ""),
        ("{name: x, logicalType: date, enum: [{value: 2026-01-31}]}",
         "enum of column x asks for enum, which does not fit logicalType date", "for times there are minimum"),
        ("{name: x, enum: [{value: a}]}", "enum of column x asks for enum, which does not fit a column without", ""),
        # flags
        ("{name: x, logicalType: array, unique: true}",
         "unique of column x asks for unique, which does not fit logicalType array", "it is for logicalType string"),
        # personal data
        ("{name: x, logicalType: string, classification: hashed_pii}",
         "classification of column x is hashed_pii", "did you mean hashed-pii?"),
        ("{name: x, logicalType: string, classification: Raw-IP}",
         "classification of column x is Raw-IP", "did you mean raw-ip?"),
        ("{name: x, logicalType: integer, classification: hashed-pii}",
         "classification of column x is about text", "write logicalType: string"),
        # custom properties
        ("{name: x, logicalType: date, customProperties: [{property: maxage, value: 1d}]}",
         "customProperties[0].property of column x maxage is not known here", "did you mean maxAge?"),
        ("{name: x, customProperties: [{property: ours, value: 1}]}",
         "customProperties[0].property of column x ours is not known here", "say whose it is (vendor: NAME)"),
        ("{name: x, customProperties: [{property: additionalColumns, value: allow}]}",
         "customProperties[0].property of column x additionalColumns is not known here", "of the whole contract"),
        ("{name: x, customProperties: [{property: severity, value: info}]}",
         "customProperties[0].value of column x is info", "use error or warning"),
        ("{name: x, customProperties: [{property: severity}]}",
         "customProperties[0] of column x lacks value", "add value: to it"),
        ("{name: x, logicalType: date, customProperties: [{property: maxAge, value: long}]}",
         "customProperties[0].value of column x is no duration", "write a duration such as 28d"),
        ("{name: x, logicalType: date, customProperties: [{property: maxAge, value: 99999d}]}",
         "customProperties[0].value of column x is more than a century", "write a duration such as 28d"),
        ("{name: x, logicalType: string, customProperties: [{property: maxAge, value: 1d}]}",
         "customProperties[0].value of column x asks for max-age, which does not fit logicalType string", "timestamp"),
        ("{name: x, customProperties: [{property: severity, value: error}, {property: severity, value: error}]}",
         "customProperties[1].property of column x severity is there twice", "keep one"),
        # what is nested
        ("{name: x, items: {logicalType: string}}",
         "items of column x does not fit logicalType that is missing", "write logicalType: array"),
        ("{name: x, logicalType: string, properties: [{name: a}]}",
         "properties of column x does not fit logicalType string", "write logicalType: object"),
        ("{name: x, logicalType: map}", "column x is a map without keys and values", "write map:"),
        ("{name: x, logicalType: map, map: {key: {}}}", "map of column x is not made of key and value", "write key:"),
        ("{name: x, logicalType: array, items: string}", "column x[] is text, not a mapping", "write key: value"),
        ("{name: x, logicalType: object, properties: [{name: a, primaryKey: true}]}",
         "properties[a].primaryKey of column x is nested", "leave it out"),
        ("{name: x, logicalType: object, properties: [{name: a}, {name: a}]}",
         "column x.a has a name that is taken", "rename it"),
    ],
)  # fmt: skip
def test_a_wrong_column_is_refused_with_its_place_and_what_to_do(column: str, expected: str, hint: str) -> None:
    found = cf.lint(listed(column), "some.yaml")
    assert [str(problem).startswith(f"line {LINE}: {expected}") for problem in found] == [True], found
    assert hint in found[0].hint


def test_limits_of_time_are_compared_as_moments_whatever_their_zones() -> None:
    limits = "minimum: '2026-01-01T00:30:00Z', maximum: '2026-01-01T01:00:00+01:00'"
    assert problems(f"{{name: x, logicalType: timestamp, logicalTypeOptions: {{{limits}}}}}") == [
        f"line {LINE}: logicalTypeOptions.minimum of column x leaves nothing below maximum"
    ]


def test_names_are_taken_once_also_by_a_physical_name() -> None:
    assert problems("{name: x}", "{name: y, physicalName: x}") == [
        f"line {LINE + 1}: column y has a name that is taken in line {LINE}"
    ]


def test_all_that_is_wrong_with_a_column_is_told_at_once() -> None:
    column = (
        "{name: x, logicalType: string, required: no, logicalTypeOptions: {pattern: '(', minLenght: 1, minimum: 1}}"
    )
    assert [problem.partition(" of column")[0] for problem in problems(column)] == [
        f"line {LINE}: required",
        f"line {LINE}: logicalTypeOptions.minimum",
        f"line {LINE}: logicalTypeOptions.pattern",
        f"line {LINE}: logicalTypeOptions.minLenght",
    ]


def test_a_rule_of_one_kind_is_said_once_for_a_column() -> None:
    column = (
        "{name: x, logicalType: string, logicalTypeOptions: {pattern: a},"
        " quality: [{metric: invalidValues, arguments: {pattern: b}, mustBe: 0}]}"
    )
    assert problems(column) == [f"line {LINE}: quality[0] of column x says pattern a second time"]


@pytest.mark.parametrize(
    "column",
    [
        "{name: x, logicalType: array, items: {logicalType: string, unique: true}}",
        "{name: x, logicalType: object, properties: [{name: y, logicalType: string, unique: true}]}",
    ],
)
def test_unique_below_a_row_is_a_rule_that_cannot_be_run(column: str) -> None:
    (problem,) = problems(column)
    assert problem.endswith("is nested and asks for unique, which is looked for in whole rows")
