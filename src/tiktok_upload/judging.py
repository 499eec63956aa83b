"""What the counts mean: a contract's rules held against what was counted in the rows. Decisions only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from tiktok_upload.contract import Contract, Rule, TableRule
from tiktok_upload.facts import Column, FileFacts, Finding
from tiktok_upload.matching import pairs
from tiktok_upload.tally import Place, Tally
from tiktok_upload.text import escape
from tiktok_upload.units import format_duration

Depth = Literal["quick", "full"]
# Kinds of personal data that only count where they are half of the values: the two in the statistics are no sample.
_SHARES = {"card", "phone-digits", "ip-low", "hash-like"}


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known of a file's values.

    Attributes:
        depth: `full`: `tallies` are of all rows; `quick`: of some.
        facts: Of the file.
        tallies: Counted in the rows.
        betrayed: Counted in the footer's statistics.
    """

    depth: Depth
    facts: FileFacts
    tallies: Sequence[Tally]
    betrayed: Sequence[Tally] = ()


def judge(contract: Contract, counted: Counted, *, guarded: bool = False) -> list[Finding]:
    """What breaks the contract's rules: in the order of its columns, then of its rules of rows.

    Args:
        contract: Whose rules they are.
        counted: What is known of the values.
        guarded: The personal-data guard tells of columns of hashes what is no hash, and in better words than a pattern.
    """
    told = _Known(counted)
    findings: list[Finding] = []
    for path, column, field in pairs(counted.facts.columns, contract):
        told_by_guard = {"pattern"} if guarded and field.hashed else set()
        for rule in (rule for rule in field.rules if rule.kind not in told_by_guard):
            findings += _judge_rule(path, column, rule, told)
    for row_rule in contract.rules:
        findings += _judge_rows(row_rule, told)
    return findings


def known(counted: Counted) -> list[Tally]:
    """One tally for each column and rule; the statistics count only where the rows that were read say nothing."""
    betrayed = [] if counted.depth == "full" else counted.betrayed
    betrayed = [tally for tally in betrayed if tally.hits and tally.rule not in _SHARES]
    found = {(tally.column, tally.rule): tally for tally in betrayed}
    rows = {(tally.column, tally.rule): tally for tally in counted.tallies}
    return list((found | {key: tally for key, tally in rows.items() if tally.hits or key not in found}).values())


class _Known:
    """Tallies by column and rule."""

    def __init__(self, counted: Counted) -> None:
        self.is_full = counted.depth == "full"
        self.facts = counted.facts
        self._tallies = {(tally.column, tally.rule): tally for tally in known(counted)}

    def tally(self, column: str, rule: str) -> Tally | None:
        """What was counted, if anything."""
        return self._tallies.get((column, rule))


# ------------------------------------------------------------------------------------------------------ single columns
def _judge_rule(path: str, column: Column, rule: Rule, counted: _Known) -> Iterator[Finding]:
    tally = counted.tally(path, "unique" if rule.kind == "unique" else rule.key)
    if rule.kind == "required" and (tally is None or not tally.hits) and column.nulls:
        tally = Tally(path, rule.key, counted.facts.rows, column.nulls)  # the footer has counted them all
    elif rule.kind == "required" and tally and tally.hits and column.nulls:
        tally = Tally(path, rule.key, counted.facts.rows, max(tally.hits, column.nulls), tally.places)
    if tally is None or not _is_proved(rule, tally, counted):
        return
    name = f'column "{escape(path)}"'
    what, advice = _words(rule, tally.hits)
    told = listed(tally, rule.kind, rule.severity, f"{name}: {what}", advice + _allowance(rule), unit=_unit(column))
    yield from told


def _unit(column: Column) -> str:
    return {"binary": "byte", "array": "element", "map": "element"}.get(column.family, "character")


def _is_proved(rule: Rule | TableRule, tally: Tally, counted: _Known) -> bool:
    """Whether so many break the rule; of a few rows only a rule that allows none, or a number already passed, is."""
    if rule.bound.holds(tally.hits, tally.seen):
        return False
    return counted.is_full or (rule.bound.most is not None and tally.hits > rule.bound.most)


def _allowance(rule: Rule | TableRule) -> str:
    return "" if rule.bound.is_none else f" (allowed are {rule.bound})"


def _words(rule: Rule, hits: int) -> tuple[str, str]:
    """What is wrong with those values, and what to do. Arguments are the contract's words, never the data's."""
    argument = escape(_argument(rule))
    values = "value" if hits == 1 else "values"
    phrases: dict[str, tuple[str, str]] = {
        "required": (
            f"{_count(hits, 'null', 'nulls')}, and the contract requires a value in every row",
            "fill them in, or leave those rows out",
        ),
        "unique": (f"{hits:,} {values} that an earlier row has already, and no two may be the same",
                   "remove the repeated rows"),
        "pattern": (f"{hits:,} {values} not matching the pattern {argument}", "write them in that form"),
        "enum": (f"{hits:,} {values} outside of {argument}", "write one of those, in the same letters"),
        "format": (f"{hits:,} {values} not of the form {argument}", "write them in that form"),
        "min-length": (f"{hits:,} {values} with fewer than {argument} characters", "write whole values, or null"),
        "max-length": (f"{hits:,} {values} with more than {argument} characters", "shorten them"),
        "minimum": (f"{hits:,} {values} below {argument}", "correct them"),
        "maximum": (f"{hits:,} {values} above {argument}", "correct them"),
        "exclusive-minimum": (f"{hits:,} {values} not above {argument}", "correct them"),
        "exclusive-maximum": (f"{hits:,} {values} not below {argument}", "correct them"),
        "multiple-of": (f"{hits:,} {values} not a multiple of {argument}", "correct them"),
        "max-age": (f"{hits:,} {values} older than {argument}", "leave those rows out: they are not used any more"),
        "max-future": (f"{hits:,} {values} more than {argument} in the future",
                       "look at the clock and the time zone of whoever wrote them"),
        "min-items": (f"{hits:,} {_plural(hits, 'list')} with fewer than {argument} elements", "correct them"),
        "max-items": (f"{hits:,} {_plural(hits, 'list')} with more than {argument} elements", "shorten them"),
    }  # fmt: skip
    return phrases[rule.kind]


_MOST_NAMED = 8


def _argument(rule: Rule) -> str:
    argument = rule.argument
    if rule.kind in ("max-age", "max-future") and isinstance(argument, float | int):
        return format_duration(argument).removesuffix(" 0 h").removesuffix(" 00 min").removesuffix(" 00 s")
    if isinstance(argument, tuple):
        shown = ", ".join(map(str, argument[:_MOST_NAMED]))
        return f"{shown} and {len(argument) - _MOST_NAMED:,} more" if len(argument) > _MOST_NAMED else shown
    return f"{argument:g}" if isinstance(argument, float) else str(argument)


# ---------------------------------------------------------------------------------------------------------------- rows
def _judge_rows(rule: TableRule, counted: _Known) -> Iterator[Finding]:
    if rule.kind == "row-count":
        yield from _judge_row_count(rule, counted.facts)
        return
    names = {column.name for column in counted.facts.columns}
    if rule.kind == "any-of" and not names & set(rule.columns):
        tally: Tally | None = Tally(rule.key, rule.kind, counted.facts.rows, counted.facts.rows)
    else:
        tally = counted.tally(rule.key, "unique" if rule.kind == "duplicates" else rule.kind)
    if tally is None or not _is_proved(rule, tally, counted):
        return
    what, advice = _row_words(rule, tally.hits)
    name = f"{escape(rule.name)}: " if rule.name else ""
    yield from listed(tally, rule.kind, rule.severity, f"{name}{what}", advice + _allowance(rule), column=None)


def _row_words(rule: TableRule, hits: int) -> tuple[str, str]:
    columns = [escape(name) for name in rule.columns]
    rows = _count(hits, "row", "rows")
    if rule.kind == "any-of":
        return (
            f"{rows} with no value in any of {_series(columns, 'or')}",
            f"fill in one of them, or leave {'that row' if hits == 1 else 'those rows'} out",
        )
    if rule.kind == "requires":
        return f"{rows} with a value in {columns[0]} but none in {_series(columns[1:], 'or')}", "fill that in, too"
    return f"{rows} whose {_series(columns, 'and')} together repeat an earlier row's", "remove the repeated rows"


def _judge_row_count(rule: TableRule, facts: FileFacts) -> Iterator[Finding]:
    if not rule.bound.holds(facts.rows, facts.rows):
        yield Finding(
            rule=rule.kind,
            severity=rule.severity,
            message=f"the file has {_count(facts.rows, 'row', 'rows')}, the contract wants {rule.bound}; "
            "look whether this is the file that was meant",
        )


# -------------------------------------------------------------------------------------------------- outside the columns
_OUTSIDE: dict[str, tuple[str, str, str]] = {
    "email": ("raw-email", "raw e-mail address", "raw e-mail addresses"),
    "phone": ("raw-phone", "raw phone number", "raw phone numbers"),
    "ip": ("raw-ip", "raw IP address", "raw IP addresses"),
}


FOOTER = "the footer"
"""The place whose statistics repeat values of the columns."""


def judge_outside(outside: Mapping[str, Mapping[str, int]], known: AbstractSet[str] = frozenset()) -> list[Finding]:
    """Personal data where no column is.

    Args:
        outside: By the place, how often each kind stands there.
        known: Rules that columns break: the footer says nothing new of those.
    """
    return [
        Finding(
            rule=_OUTSIDE[kind][0],
            severity="error",
            message=f"{place}: {_count(count, *_OUTSIDE[kind][1:])}; write the file without",
            count=count,
        )
        for place, kinds in outside.items()
        for kind, count in kinds.items()
        if place != FOOTER or _OUTSIDE[kind][0] not in known
    ]


# ------------------------------------------------------------------------------------------------------------- wording
def listed(
    tally: Tally,
    rule: str,
    severity: Literal["error", "warning"],
    what: str,
    advice: str,
    *,
    column: str | None = "",
    unit: str = "character",
) -> Iterator[Finding]:
    """A finding for each place that is known, the first with all words; then one for those not listed.

    Their counts add up to the tally's hits. A `column` of None is no column; `unit` is what lengths are counted in.
    """
    name = tally.column if column == "" else column
    places: Sequence[Place | None] = tally.places or (None,)
    rest = tally.hits - len(places)
    for number, place in enumerate(places):
        first = f"{what}{_first(place, tally.hits, unit)}; {advice}"
        again = f"{what.partition(': ')[0]}: another one{_where(place, unit)}" if place else ""
        yield Finding(
            rule=rule,
            severity=severity,
            message=first if number == 0 else again,
            column=name,
            row_group=place.row_group if place and place.row_group >= 0 else None,
            row=place.row if place else None,
            length=place.length if place else None,
            count=1 if tally.places else tally.hits,
        )
    if tally.places and rest > 0:
        yield Finding(
            rule=rule,
            severity=severity,
            message=f"{what.partition(': ')[0]}: and {rest:,} more of the kind",
            column=name,
            count=rest,
        )


def _first(place: Place | None, hits: int, unit: str) -> str:
    if place is None:
        return ""
    lead = " in" if hits == 1 else ", the first in"
    return f"{lead}{_where(place, unit)[3:]}"


def _where(place: Place | None, unit: str) -> str:
    """` in row 4,321 (row group 4), 15 characters`."""
    if place is None:
        return ""
    group = f"row group {place.row_group}"
    where = f" in row {place.row:,} ({group})" if place.row is not None else f" in {group}, by the footer's statistics"
    return where if place.length is None else f"{where}, {_count(place.length, unit, _plural(2, unit))}"


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _plural(number: int, noun: str) -> str:
    return noun if number == 1 else f"{noun}s"


def _series(words: Iterable[str], last: str) -> str:
    """`a, b or c`."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


_OF_THE_WHOLE = {"duplicates", "row-count"}


def unproved(contract: Contract | None, facts: FileFacts, *, guard: bool) -> list[str]:
    """What a quick check could not prove, for its last words."""
    of_values = {rule.kind for field in contract.fields for rule in field.rules} if contract else set()
    row_rules = {rule.kind for rule in contract.rules} if contract else set()
    rows = facts.rows - (facts.rows_sampled or 0)
    told = []
    if "unique" in of_values or "duplicates" in row_rules:
        told.append("that nothing repeats")
    if rows > 0:
        told += ["that every row keeps the rules"] if of_values - {"unique"} or row_rules - _OF_THE_WHOLE else []
        told += ["that no row holds raw personal data"] if guard else []
    return [*told, "that every page is whole"]
