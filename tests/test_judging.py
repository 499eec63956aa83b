"""What counts mean: each rule's words and places, how many may break it, and what a look at a few rows can prove."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_upload.contract import NONE, Bound, Contract, Field, Operator, Rule, RuleKind, TableRule, TableRuleKind
from tiktok_upload.facts import Column, FileFacts, Finding
from tiktok_upload.judging import FOOTER, Counted, Depth, judge, judge_outside, known, listed, unproved
from tiktok_upload.tally import MOST_PLACES, Place, Tally

ROWS = 1_000
AT = Place(2, 321, 15)


def facts(*columns: Column, rows: int = ROWS, sampled: int | None = None) -> FileFacts:
    return FileFacts(rows, 3, columns or (Column("c", "string", family="string"),), (), "", rows_sampled=sampled)


def contract(*rules: Rule | TableRule, family: Any = None, name: str = "c", **more: Any) -> Contract:
    mine = tuple(rule for rule in rules if isinstance(rule, Rule))
    of_rows = tuple(rule for rule in rules if isinstance(rule, TableRule))
    return Contract("events", "1", "d1", (Field(name, family, rules=mine, **more),), of_rows)


def judged(
    rule: Rule | TableRule,
    hits: int,
    places: tuple[Place, ...] = (),
    *,
    depth: Depth = "full",
    seen: int = ROWS,
    of: FileFacts | None = None,
    betrayed: tuple[Tally, ...] = (),
) -> list[Finding]:
    """What so many hits in what was read come to."""
    is_column = isinstance(rule, Rule)
    key = rule.key if is_column and rule.kind != "unique" else "unique" if is_column else rule.kind
    if isinstance(rule, TableRule) and rule.kind == "duplicates":
        key = "unique"
    tally = Tally("c" if is_column else rule.key, key, seen, hits, places)
    return judge(contract(rule), Counted(depth, of or facts(), [tally], betrayed))


# --------------------------------------------------------------------------------------------------------------- words
WORDS: dict[RuleKind, tuple[Any, str, str]] = {
    "required": (None, "1 null, and the contract requires a value in every row",
                 "fill them in, or leave those rows out"),
    "unique": (None, "1 value that an earlier row has already, and no two may be the same", "remove the repeated rows"),
    "pattern": ("^a$", "1 value not matching the pattern ^a$", "write them in that form"),
    "enum": (("EUR", "USD"), "1 value outside of EUR, USD", "write one of those, in the same letters"),
    "format": ("uuid", "1 value not of the form uuid", "write them in that form"),
    "min-length": (3, "1 value with fewer than 3 characters", "write whole values, or null"),
    "max-length": (3, "1 value with more than 3 characters", "shorten them"),
    "minimum": (0.5, "1 value below 0.5", "correct them"),
    "maximum": ("2026-01-01T00:00:00Z", "1 value above 2026-01-01T00:00:00Z", "correct them"),
    "exclusive-minimum": (0.0, "1 value not above 0", "correct them"),
    "exclusive-maximum": (5, "1 value not below 5", "correct them"),
    "multiple-of": (0.01, "1 value not a multiple of 0.01", "correct them"),
    "max-age": (28 * 86_400.0, "1 value older than 28 d", "leave those rows out: they are not used any more"),
    "max-future": (3_600.0, "1 value more than 1 h in the future",
                   "look at the clock and the time zone of whoever wrote them"),
    "min-items": (1, "1 list with fewer than 1 elements", "correct them"),
    "max-items": (2, "1 list with more than 2 elements", "shorten them"),
}  # fmt: skip


def test_every_kind_of_rule_has_its_words() -> None:
    assert set(WORDS) == set(get_args(RuleKind))


@pytest.mark.parametrize("kind", get_args(RuleKind))
def test_a_finding_says_what_is_wrong_where_and_what_to_do(kind: RuleKind) -> None:
    argument, what, advice = WORDS[kind]
    (finding,) = judged(Rule(kind, argument, "warning"), 1, (Place(2, 4_321),))
    assert finding == Finding(
        rule=kind,
        severity="warning",
        message=f'column "c": {what} in row 4,321 (row group 2); {advice}',
        column="c",
        row_group=2,
        row=4_321,
    )


@pytest.mark.parametrize("kind", get_args(RuleKind))
def test_several_are_told_as_several_with_the_number(kind: RuleKind) -> None:
    (finding,) = judged(Rule(kind, WORDS[kind][0]), 1_234)
    noun = {"required": "nulls", "min-items": "lists", "max-items": "lists"}.get(kind, "values")
    assert finding.message.startswith(f'column "c": 1,234 {noun}')
    assert (finding.count, finding.row, finding.row_group) == (1_234, None, None)


@pytest.mark.parametrize(
    ("kind", "family", "length", "words"),
    [
        ("pattern", "string", 15, "15 characters"),
        ("pattern", "string", 1, "1 character"),
        ("pattern", "string", 0, "0 characters"),
        ("pattern", "binary", 20, "20 bytes"),
        ("max-items", "array", 7, "7 elements"),
        ("min-items", "array", 1, "1 element"),
    ],
)
def test_the_length_of_a_value_is_told_in_what_it_is_made_of(
    kind: RuleKind, family: str, length: int, words: str
) -> None:
    of = facts(Column("c", "string", family=family))
    (finding,) = judged(Rule(kind, "^a$" if kind == "pattern" else 3), 1, (Place(0, 5, length),), of=of)
    assert f" in row 5 (row group 0), {words}; " in finding.message
    assert finding.length == length


def test_a_long_list_of_values_is_cut_and_names_are_escaped() -> None:
    (finding,) = judged(Rule("enum", tuple(f"v{n}" for n in range(22))), 1)
    assert "outside of v0, v1, v2, v3, v4, v5, v6, v7 and 14 more" in finding.message
    odd = contract(Rule("pattern", "\x1b[31m"), name="a\x1b[31m\nb")
    of = facts(Column("a\x1b[31m\nb", "string", family="string"))
    (finding,) = judge(odd, Counted("full", of, [Tally("a\x1b[31m\nb", "pattern='\\x1b[31m'", 1, 1)]))
    assert finding.message.isprintable()


# -------------------------------------------------------------------------------------------------------------- places
@given(hits=st.integers(1, 50), places=st.integers(0, MOST_PLACES))
def test_the_counts_of_a_rules_findings_add_up_to_its_hits(hits: int, places: int) -> None:
    known_places = tuple(Place(number, 10 * number, 3) for number in range(min(hits, places)))
    found = judged(Rule("pattern", "^a$"), hits, known_places)
    assert sum(finding.count for finding in found) == hits
    assert [finding.row for finding in found if finding.row is not None] == [place.row for place in known_places]
    assert {(finding.rule, finding.severity, finding.column) for finding in found} == {("pattern", "error", "c")}


def test_the_first_place_has_all_the_words_and_the_rest_are_counted() -> None:
    found = judged(Rule("minimum", 0), 5, (Place(0, 1), Place(0, 2), Place(1, 1_500)))
    assert [finding.message for finding in found] == [
        'column "c": 5 values below 0, the first in row 1 (row group 0); correct them',
        'column "c": another one in row 2 (row group 0)',
        'column "c": another one in row 1,500 (row group 1)',
        'column "c": and 2 more of the kind',
    ]
    assert [finding.count for finding in found] == [1, 1, 1, 2]


def test_where_only_the_statistics_tell_the_place_is_a_row_group() -> None:
    betrayed = (Tally("c", "minimum=0", 6, 1, (Place(2),)),)
    found = judged(Rule("minimum", 0), 0, depth="quick", betrayed=betrayed)
    (finding,) = found
    assert " in row group 2, by the footer's statistics; " in finding.message
    assert (finding.row_group, finding.row) == (2, None)


def test_a_list_of_findings_may_be_about_no_column() -> None:
    (finding,) = listed(Tally("a,b", "any-of", 5, 1), "any-of", "error", "1 row", "mend it", column=None)
    assert (finding.column, finding.message) == (None, "1 row; mend it")


# ------------------------------------------------------------------------------------------------------ rules of rows
ROW_WORDS: dict[TableRuleKind, tuple[str, str]] = {
    "any-of": ("1 row with no value in any of a, b or c", "fill in one of them, or leave that row out"),
    "requires": ("1 row with a value in a but none in b or c", "fill that in, too"),
    "duplicates": ("1 row whose a, b and c together repeat an earlier row's", "remove the repeated rows"),
}
THREE = tuple(Column(name, "string", family="string") for name in "abc")


@pytest.mark.parametrize("kind", ROW_WORDS)
def test_a_broken_rule_of_rows_is_told_by_its_name_and_columns(kind: TableRuleKind) -> None:
    what, advice = ROW_WORDS[kind]
    rule = TableRule(kind, ("a", "b", "c"), "somebody to match", "warning")
    (finding,) = judged(rule, 1, (Place(0, 7),), of=facts(*THREE))
    message = f"somebody to match: {what} in row 7 (row group 0); {advice}"
    assert finding == Finding(kind, "warning", message, column=None, row_group=0, row=7)


@pytest.mark.parametrize("kind", ROW_WORDS)
def test_a_rule_without_a_name_does_without(kind: TableRuleKind) -> None:
    found = judged(TableRule(kind, ("a", "b")), 5, (Place(0, 1), Place(0, 2)), of=facts(*THREE))
    assert found[0].message.startswith("5 rows w")
    assert sum(finding.count for finding in found) == 5


def test_where_none_of_the_columns_is_there_every_row_lacks_a_value() -> None:
    rule = TableRule("any-of", ("x", "y"))
    for depth in get_args(Depth):
        (finding,) = judge(contract(rule), Counted(depth, facts(), []))
        assert (finding.count, finding.rule) == (ROWS, "any-of")
    assert judge(contract(rule), Counted("full", facts(rows=0), [])) == []


@pytest.mark.parametrize("kind", ["requires", "duplicates"])
def test_what_was_not_counted_is_not_judged(kind: TableRuleKind) -> None:
    assert judge(contract(TableRule(kind, ("x", "y"))), Counted("full", facts(), [])) == []


@pytest.mark.parametrize("depth", get_args(Depth))
def test_how_many_rows_there_are_is_known_at_every_depth(depth: Depth) -> None:
    rule = TableRule("row-count", bound=Bound("mustBeBetween", (1, 999)), severity="warning")
    (finding,) = judge(contract(rule), Counted(depth, facts(), []))
    assert finding == Finding(
        "row-count",
        "warning",
        "the file has 1,000 rows, the contract wants 1 to 999; look whether this is the file that was meant",
    )
    assert judge(contract(rule), Counted(depth, facts(rows=999), [])) == []


# --------------------------------------------------------------------------------------------------------- how many may
BOUNDS: list[tuple[Operator, tuple[float, ...], set[int]]] = [
    ("mustBe", (2,), {2}),
    ("mustNotBe", (2,), {0, 1, 3, 4}),
    ("mustBeGreaterThan", (2,), {3, 4}),
    ("mustBeGreaterOrEqualTo", (2,), {2, 3, 4}),
    ("mustBeLessThan", (2,), {0, 1}),
    ("mustBeLessOrEqualTo", (2,), {0, 1, 2}),
    ("mustBeBetween", (1, 3), {1, 2, 3}),
    ("mustNotBeBetween", (1, 3), {0, 4}),
]


@pytest.mark.parametrize(("operator", "numbers", "allowed"), BOUNDS)
def test_a_bound_allows_so_many_values_or_so_many_percent(
    operator: Operator, numbers: tuple[float, ...], allowed: set[int]
) -> None:
    for hits in range(5):
        by_count = Rule("minimum", 0, bound=Bound(operator, numbers))
        by_share = Rule("minimum", 0, bound=Bound(operator, numbers, "percent"))
        assert (judged(by_count, hits) == []) == (hits in allowed)
        assert (judged(by_share, hits * 10) == []) == (hits in allowed)


def test_what_is_allowed_is_told_unless_nothing_is() -> None:
    def advice(bound: Bound) -> str:
        return judged(Rule("minimum", 0, bound=bound), 900)[0].message.partition("; ")[2]

    assert advice(NONE) == advice(Bound("mustBeLessThan", (1,))) == "correct them"
    assert advice(Bound("mustBeLessOrEqualTo", (5,))) == "correct them (allowed are at most 5)"
    assert advice(Bound("mustBeLessThan", (2.5,), "percent")) == "correct them (allowed are fewer than 2.5 %)"
    assert advice(Bound("mustBe", (5,))) == "correct them (allowed are 5)"
    assert advice(Bound("mustBeLessOrEqualTo", (50,), "percent")) == "correct them (allowed are at most 50 %)"


@pytest.mark.parametrize(
    ("bound", "is_none"),
    [
        (NONE, True),
        (Bound("mustBe", (0,), "percent"), True),
        (Bound("mustBeLessThan", (1,)), True),
        (Bound("mustBeLessOrEqualTo", (0,)), True),
        (Bound("mustBeLessOrEqualTo", (1,)), False),
        (Bound("mustBe", (5,)), False),
        (Bound("mustBeLessThan", (1,), "percent"), False),
        (Bound("mustBeLessOrEqualTo", (50,), "percent"), False),
        (Bound("mustNotBe", (1,)), False),
    ],
    ids=str,
)
def test_a_single_one_is_too_many_only_where_every_number_but_0_is(bound: Bound, is_none: bool) -> None:  # noqa: FBT001
    assert bound.is_none == is_none


# ----------------------------------------------------------------------------------------------- what a few rows prove
@pytest.mark.parametrize(
    ("bound", "hits", "is_proved"),
    [
        (NONE, 1, True),
        (Bound("mustBeLessThan", (1,)), 1, True),
        (Bound("mustBeLessOrEqualTo", (5,)), 5, False),
        (Bound("mustBeLessOrEqualTo", (5,)), 6, True),
        (Bound("mustBeLessThan", (5,)), 4, False),
        (Bound("mustBeLessThan", (5,)), 5, True),
        (Bound("mustBe", (5,)), 3, False),
        (Bound("mustBe", (5,)), 6, True),
        (Bound("mustBeBetween", (5, 8)), 3, False),
        (Bound("mustBeBetween", (5, 8)), 9, True),
        (Bound("mustBeGreaterThan", (5,)), 3, False),
        (Bound("mustNotBe", (3,)), 3, False),
        (Bound("mustNotBeBetween", (2, 4)), 3, False),
        (Bound("mustBeLessOrEqualTo", (5,), "percent"), 100, False),
        (Bound("mustBeLessThan", (50,), "percent"), 100, False),
        (Bound("mustBe", (0,), "percent"), 1, True),
    ],
    ids=str,
)
def test_of_a_few_rows_only_what_more_rows_cannot_mend_is_a_finding(
    bound: Bound,
    hits: int,
    is_proved: bool,  # noqa: FBT001
) -> None:
    for rule in (Rule("minimum", 0, bound=bound), TableRule("requires", ("a", "b"), bound=bound)):
        assert bool(judged(rule, hits, depth="quick", seen=100)) == is_proved
    assert bool(judged(Rule("minimum", 0, bound=bound), hits, seen=100)) == (not bound.holds(hits, 100))


def test_statistics_prove_nothing_that_the_rows_or_a_full_check_prove_better() -> None:
    betrayed = (Tally("c", "minimum=0", 6, 2, (Place(0), Place(1))),)
    rows = Tally("c", "minimum=0", ROWS, 5, (Place(0, 3),))
    clean = Tally("c", "minimum=0", ROWS)
    assert known(Counted("quick", facts(), [rows], betrayed)) == [rows]
    assert known(Counted("quick", facts(), [clean], betrayed)) == list(betrayed)
    assert known(Counted("full", facts(), [clean], betrayed)) == [clean]
    assert known(Counted("quick", facts(), [clean], (Tally("c", "minimum=0", 6),))) == [clean]


@pytest.mark.parametrize("kind", ["card", "phone-digits", "ip-low", "hash-like"])
def test_a_lowest_and_a_highest_value_are_no_sample_of_which_half_could_be_something(kind: str) -> None:
    assert known(Counted("quick", facts(), [], (Tally("c", kind, 2, 2, (Place(0),)),))) == []


def test_nulls_that_the_footer_counts_are_found_without_a_row() -> None:
    of = facts(Column("c", "string", family="string", nulls=12))
    (finding,) = judged(Rule("required"), 0, depth="quick", of=of)
    assert (finding.rule, finding.count) == ("required", 12)
    found = judged(Rule("required"), 2, (Place(0, 3), Place(0, 4)), depth="quick", of=of)
    assert [finding.row for finding in found] == [3, 4, None]
    assert sum(finding.count for finding in found) == 12


# ---------------------------------------------------------------------------------------------------------- what else
def test_where_the_guard_tells_what_is_no_hash_the_pattern_is_silent() -> None:
    mine = contract(Rule("pattern", "^[0-9a-f]{64}$"), Rule("required"), hashed="sha256")
    counted = Counted("full", facts(), [Tally("c", "pattern='^[0-9a-f]{64}$'", 9, 1), Tally("c", "required", 9, 1)])
    assert [finding.rule for finding in judge(mine, counted, guarded=True)] == ["required"]
    assert [finding.rule for finding in judge(mine, counted)] == ["pattern", "required"]


def test_a_column_that_is_absent_or_of_another_family_is_not_judged_here() -> None:
    tallies = [Tally("c", "minimum=0", 9, 1)]
    mine = contract(Rule("minimum", 0), family="integer")
    assert judge(mine, Counted("full", facts(), tallies)) == []
    assert judge(mine, Counted("full", facts(Column("d", "int64", family="integer")), tallies)) == []


@pytest.mark.parametrize(("kind", "word"), [("email", "e-mail"), ("phone", "phone"), ("ip", "IP")])
def test_personal_data_outside_the_columns_is_an_error_with_its_place(kind: str, word: str) -> None:
    (one,) = judge_outside({"the key-value metadata": {kind: 1}})
    (more,) = judge_outside({"the key-value metadata": {kind: 1_200}})
    assert (one.rule, one.severity, one.count, one.column) == (f"raw-{kind}", "error", 1, None)
    assert one.message.startswith(f"the key-value metadata: 1 raw {word}")
    assert (more.count, more.message[:30]) == (1_200, "the key-value metadata: 1,200 ")


def test_the_footer_repeats_what_a_column_has_and_is_silent_then() -> None:
    assert judge_outside({FOOTER: {"email": 2}}, known={"raw-email"}) == []
    assert len(judge_outside({FOOTER: {"email": 2}}, known={"raw-phone"})) == 1
    assert len(judge_outside({"elsewhere": {"email": 2}}, known={"raw-email"})) == 1


PAGES, REPEATS = "that every page is whole", "that nothing repeats"
RULES, PERSONAL = "that every row keeps the rules", "that no row holds raw personal data"


@pytest.mark.parametrize(
    ("rules", "guard", "sampled", "expected"),
    [
        ((), False, None, [PAGES]),
        ((), True, 10, [PERSONAL, PAGES]),
        ((Rule("minimum", 0),), True, 10, [RULES, PERSONAL, PAGES]),
        ((Rule("minimum", 0),), True, ROWS, [PAGES]),
        ((Rule("unique"),), False, ROWS, [REPEATS, PAGES]),
        ((TableRule("duplicates", ("c",)),), False, 10, [REPEATS, PAGES]),
        ((TableRule("row-count", bound=Bound("mustBeGreaterThan", (0,))),), False, 10, [PAGES]),
        ((TableRule("any-of", ("c",)),), False, 10, [RULES, PAGES]),
        ((Rule("unique"),), True, 10, [REPEATS, PERSONAL, PAGES]),
    ],
)
def test_a_quick_check_says_what_it_could_not_prove(
    rules: tuple[Rule | TableRule, ...],
    guard: bool,  # noqa: FBT001
    sampled: int | None,
    expected: list[str],
) -> None:
    mine = contract(*rules) if rules else None
    assert unproved(mine, facts(sampled=sampled), guard=guard) == expected
