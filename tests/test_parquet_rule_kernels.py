"""Which values break a rule: each kind of rule on every type that it fits, and against what slow Python says."""

import datetime as dt
import operator
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_upload.contract import Rule, RuleKind
from tiktok_upload.parquet.rule_kernels import broken

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DAY_S = 86_400.0
NAN = float("nan")
HEX_64, HEX_32 = "0123456789abcdef" * 4, "0123456789abcdef" * 2
UUID = "123e4567-e89b-12d3-a456-426614174000"

TEXTS = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
FLOATS = (pa.float16(), pa.float32(), pa.float64())
DECIMALS = (pa.decimal32(9, 2), pa.decimal64(18, 2), pa.decimal128(38, 2), pa.decimal256(76, 2))
NUMBERS = (*INTEGERS, *FLOATS, *DECIMALS)
STAMPS = tuple(pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC"))
TIMES = (pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"))
LISTS = (pa.list_(pa.int8()), pa.large_list(pa.int8()))

Case = tuple[Rule, Any, Sequence[Any], Sequence[Any]]
"""A rule, a type, values that keep it and values that break it."""


def array(values: Sequence[Any], kind: Any) -> Any:
    """Of that type, whatever Python's own is."""
    if pa.types.is_decimal(kind):
        values = [None if value is None else Decimal(str(value)) for value in values]
    if kind in (pa.binary(), pa.large_binary()) or pa.types.is_fixed_size_binary(kind):
        values = [value.encode() if isinstance(value, str) else value for value in values]
    return pa.array(values, kind)


def which_break(rule: Rule, values: Any) -> list[bool]:
    return [bool(one) for one in broken(rule, values, NOW).to_pylist()]


def cases(kind: RuleKind, argument: Any, types: Sequence[Any], good: Sequence[Any], bad: Sequence[Any]) -> list[Case]:
    return [(Rule(kind, argument), one, good, bad) for one in types]


def at(*parts: int) -> dt.datetime:
    return dt.datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001 - both kinds of columns take it


CASES = [
    *cases("pattern", "^[A-Z]{2}$", TEXTS, ["DE", "US"], ["de", "DEU", "", " DE", "DE\n"]),
    *cases("pattern", "b+", TEXTS, ["b", "abbc", "ümb"], ["", "a"]),
    *cases("pattern", "^é.$", TEXTS, ["éa", "éü"], ["é", "ea"]),
    *cases("pattern", "^[0-9a-f]{64}$", TEXTS, [HEX_64], [HEX_64.upper(), HEX_64[1:], HEX_64 + "0", "", HEX_64 + "\n"]),
    *cases("pattern", "^[a-f0-9]{32}$", TEXTS, [HEX_32], [HEX_64, "g" * 32, "é" * 16, ""]),
    *cases("pattern", "^[A-Z]{2}$", [pa.binary(2)], ["DE"], ["de"]),
    *cases("format", "uuid", TEXTS, [UUID, UUID.upper()], ["", UUID[:-1], UUID.replace("-", ""), f"{{{UUID}}}"]),
    *cases("format", "uri", TEXTS, ["https://a.example/b?c#d", "urn:isbn:1"], ["", "a.example", "http://a b", "1a:b"]),
    *cases("format", "email", TEXTS, ["a@b.example", "a+b@c.d.example"], ["", "a@b", "@b.example", "a b@c.example"]),
    *cases("format", "hostname", TEXTS, ["a", "a-b.example"], ["", "-a.example", "a..b", "a_b", "a" * 64]),
    *cases("format", "ipv4", TEXTS, ["0.0.0.0", "255.255.255.255"], ["", "256.1.1.1", "1.2", "1.2.3.4.5", "1.2.3.4."]),
    *cases("format", "ipv6", TEXTS, ["::", "2001:db8::1", "::ffff:1.2.3.4"], ["", "1", "1:2:3", ":::", "g::1"]),
    *cases("enum", ("EUR", "USD", "é"), TEXTS, ["EUR", "USD", "é"], ["eur", "", "EURO", "EUR "]),
    *cases("enum", ("ab", "abc"), [pa.binary(2)], ["ab"], ["bc"]),
    *cases("enum", (1.0, 2.0, 1000.0), NUMBERS, [1, 2], [0, 3]),
    *cases("enum", (1, 2, 300, -5), INTEGERS, [1, 2], [0, 3, 127]),
    *cases("enum", (0.0, 0.5), FLOATS, [0.5, 0.0, -0.0], [0.25, NAN]),
    *cases("enum", (0.5, 0.125, 10.0**20), DECIMALS, ["0.50"], ["0.12", "0.13", "5.00"]),
    *cases("enum", (True,), [pa.bool_()], [True], [False]),
    *cases("min-length", 2, TEXTS, ["ab", "abc"], ["", "a"]),
    *cases("max-length", 2, TEXTS, ["", "a", "ab"], ["abc"]),
    *cases("min-length", 2, TEXTS, ["éé"], ["é"]),
    *cases("max-length", 2, TEXTS, ["éé", "🙂🙂"], ["ééé"]),
    *cases("min-length", 3, [pa.binary(2)], [], ["ab"]),
    *cases("minimum", 2.0, NUMBERS, [2, 3, 100], [0, 1]),
    *cases("maximum", 2.0, NUMBERS, [0, 1, 2], [3, 100]),
    *cases("exclusive-minimum", 2.0, NUMBERS, [3, 100], [1, 2]),
    *cases("exclusive-maximum", 2.0, NUMBERS, [0, 1], [2, 3]),
    *cases("minimum", 0.5, INTEGERS, [1, 2], [0]),
    *cases("exclusive-minimum", -0.5, INTEGERS, [0, 1], []),
    *cases("maximum", 1.5, INTEGERS, [0, 1], [2]),
    *cases("maximum", 1000, INTEGERS, [0, 100], []),
    *cases("minimum", -1000, INTEGERS, [0, 100], []),
    *cases("exclusive-maximum", 10.0**30, INTEGERS, [0, 100], []),
    *cases("minimum", 0.0, [pa.int64(), pa.uint64()], [0, 2**60 + 1, 2**63 - 1], []),
    *cases("minimum", 2**60, [pa.int64(), pa.uint64()], [2**60, 2**60 + 1], [2**60 - 1]),
    *cases("minimum", 1, [pa.uint64()], [2**64 - 1], [0]),
    *cases("minimum", 0.125, DECIMALS, ["0.13"], ["0.12"]),
    *cases("maximum", -0.125, DECIMALS, ["-0.13"], ["-0.12"]),
    *cases("maximum", 10.0**40, DECIMALS, ["1000000.00"], []),
    *cases("maximum", 0.1, [pa.float64()], [0.1, -float("inf")], [0.11, float("inf"), NAN]),
    *cases("exclusive-minimum", 0.0, FLOATS, [0.5], [-0.0, 0.0, NAN]),
    *cases("multiple-of", 2.0, NUMBERS, [0, 2, 100], [1, 3]),
    *cases("multiple-of", 0.5, FLOATS, [0.5, -1.5, 0.0], [0.25, NAN, float("inf")]),
    *cases("multiple-of", 0.05, DECIMALS, ["0.05", "1.15", "1234567.10"], ["0.01", "1.16"]),
    *cases("multiple-of", 3, [pa.int64(), pa.uint64()], [2**62 - 1], [2**62]),
    *cases("multiple-of", 1000, [pa.int8(), pa.uint8()], [0], [100]),
    *cases("min-items", 1, LISTS, [[1], [1, 2], [None]], [[]]),
    *cases("max-items", 1, LISTS, [[], [1]], [[1, 2], [None, None]]),
    *cases("min-items", 3, [pa.list_(pa.int8(), 2)], [], [[1, 2]]),
    *cases("max-age", 2 * DAY_S, STAMPS, [at(2026, 2, 27, 12)], [at(2026, 2, 27, 11, 59, 59), at(1969, 1, 1)]),
    *cases("max-future", 3_600.0, STAMPS, [at(2026, 3, 1, 13)], [at(2026, 3, 1, 13, 0, 1), at(2100, 1, 1)]),
    *cases("max-age", DAY_S, [pa.date32(), pa.date64()], [dt.date(2026, 2, 28)], [dt.date(2026, 2, 27)]),
    *cases("max-future", DAY_S, [pa.date32(), pa.date64()], [dt.date(2026, 3, 2)], [dt.date(2026, 3, 3)]),
    *cases("minimum", "2026-01-02T03:04:05Z", STAMPS, [at(2026, 1, 2, 3, 4, 5)], [at(2026, 1, 2, 3, 4, 4)]),
    *cases("exclusive-minimum", "2026-01-02T03:04:05", STAMPS, [at(2026, 1, 2, 3, 4, 6)], [at(2026, 1, 2, 3, 4, 5)]),
    *cases("maximum", "2026-01-02T04:04:05+01:00", STAMPS, [at(2026, 1, 2, 3, 4, 5)], [at(2026, 1, 2, 3, 4, 6)]),
    *cases("exclusive-maximum", "2026-01-02T03:04:05Z", STAMPS, [at(1969, 7, 20)], [at(2026, 1, 2, 3, 4, 5)]),
    *cases("maximum", "9999-12-31T23:59:59Z", STAMPS, [at(1970, 1, 1), at(2262, 1, 1)], []),
    *cases("minimum", "0001-01-01T00:00:00Z", STAMPS, [at(1970, 1, 1), at(1700, 1, 1)], []),
    *cases("minimum", "2026-01-02", [pa.date32(), pa.date64()], [dt.date(2026, 1, 2)], [dt.date(2026, 1, 1)]),
    *cases("exclusive-maximum", "2026-01-02", [pa.date32(), pa.date64()], [dt.date(1960, 1, 1)], [dt.date(2026, 1, 2)]),
    *cases("minimum", "09:30:00", TIMES, [dt.time(9, 30), dt.time(23, 59, 59)], [dt.time(0), dt.time(9, 29, 59)]),
    *cases("maximum", "09:30:00", TIMES, [dt.time(0), dt.time(9, 30)], [dt.time(9, 30, 1)]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].kind}-{case[0].argument}-{case[1]}"[:60])
def test_a_rule_is_broken_by_the_bad_values_and_by_none_else(case: Case) -> None:
    rule, kind, good, bad = case
    values = array([*good, None, *bad], kind)
    expected = [False] * (len(good) + 1) + [True] * len(bad)
    assert which_break(rule, values) == expected
    assert which_break(rule, values.slice(1)) == expected[1:]


@pytest.mark.parametrize("pattern", ["^[0-9a-f]{64}$", "^[a-z0-9]+$"])
def test_bytes_that_are_no_text_do_not_match_a_pattern_of_text(pattern: str) -> None:
    assert which_break(Rule("pattern", pattern), pa.array([HEX_64.encode(), None, b"\xff" * 64])) == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("kind", ["pattern", "minimum", "min-items"])
def test_a_rule_that_does_not_fit_the_type_says_so(kind: RuleKind) -> None:
    with pytest.raises((pa.ArrowException, TypeError)):
        broken(Rule(kind, "a" if kind == "pattern" else 1.0), pa.array([None], pa.struct([])), NOW)


def test_an_age_is_counted_from_the_moment_given() -> None:
    values = pa.array([at(2026, 1, 1)], pa.timestamp("us", "UTC"))
    rule = Rule("max-age", DAY_S)
    young = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    assert broken(rule, values, young).to_pylist() == [False]
    assert broken(rule, values, young + dt.timedelta(microseconds=1)).to_pylist() == [True]


# ------------------------------------------------------------------------------------------- against what Python says
NEAR_HEX = st.text("0123456789abcdef", max_size=66) | st.text("0123456789abcdefgAF\né ", min_size=30, max_size=66)
HEX_PATTERNS = ("^[0-9a-f]{64}$", "^[a-f0-9]{64}$", "^[0-9a-f]{32}$", "^[a-f0-9]{32}$")


@given(
    texts=st.lists(st.none() | NEAR_HEX | st.text("0123456789abcdef", min_size=64, max_size=64)),
    pattern=st.sampled_from(HEX_PATTERNS),
    kind=st.sampled_from(TEXTS),
)
def test_hashes_are_told_from_all_else_as_a_regular_expression_tells_them(
    texts: list[str | None], pattern: str, kind: Any
) -> None:
    expected = [text is not None and re.fullmatch(pattern.strip("^$"), text) is None for text in texts]
    assert which_break(Rule("pattern", pattern), array(texts, kind)) == expected


RANGES: dict[RuleKind, Callable[[Any, Any], bool]] = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusive-minimum": operator.gt,
    "exclusive-maximum": operator.lt,
}
LIMITS = st.integers(-(2**65), 2**65) | st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(values=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)), limit=LIMITS, kind=st.sampled_from(list(RANGES)))
def test_whole_numbers_are_compared_exactly(values: list[int | None], limit: float, kind: RuleKind) -> None:
    expected = [value is not None and not RANGES[kind](value, limit) for value in values]
    assert which_break(Rule(kind, limit), pa.array(values, pa.int64())) == expected


@given(values=st.lists(st.none() | st.floats()), limit=st.floats(allow_nan=False), kind=st.sampled_from(list(RANGES)))
def test_floats_are_compared_as_python_does_and_nan_is_in_no_range(
    values: list[float | None], limit: float, kind: RuleKind
) -> None:
    expected = [value is not None and not RANGES[kind](value, limit) for value in values]
    assert which_break(Rule(kind, limit), pa.array(values, pa.float64())) == expected


@given(texts=st.lists(st.none() | st.text(max_size=5)), limit=st.integers(0, 5), kind=st.sampled_from(TEXTS[:2]))
def test_lengths_are_of_characters(texts: list[str | None], limit: int, kind: Any) -> None:
    values = pa.array(texts, kind)
    assert which_break(Rule("min-length", limit), values) == [text is not None and len(text) < limit for text in texts]
    assert which_break(Rule("max-length", limit), values) == [text is not None and len(text) > limit for text in texts]


@given(cents=st.lists(st.integers(-(10**10), 10**10)))
def test_an_amount_in_whole_cents_is_a_multiple_of_a_cent_and_one_in_half_cents_is_none(cents: list[int]) -> None:
    rule = Rule("multiple-of", 0.01)
    assert not any(which_break(rule, pa.array([cent / 100 for cent in cents], pa.float64())))
    assert all(which_break(rule, pa.array([(10 * cent + 5) / 1_000 for cent in cents], pa.float64())))


@given(cents=st.lists(st.integers(-(10**5), 10**5)))
def test_an_amount_in_a_short_float_is_a_multiple_of_a_cent_as_well(cents: list[int]) -> None:
    rule = Rule("multiple-of", 0.01)
    assert not any(which_break(rule, pa.array([cent / 100 for cent in cents], pa.float32())))
    assert all(which_break(rule, pa.array([(10 * cent + 5) / 1_000 for cent in cents], pa.float32())))


@given(values=st.lists(st.integers(-(2**63), 2**63 - 1)), step=st.integers(1, 2**40))
def test_of_whole_numbers_the_remainder_decides(values: list[int], step: int) -> None:
    expected = [value % step != 0 for value in values]
    assert which_break(Rule("multiple-of", step), pa.array(values, pa.int64())) == expected
