"""Whether a column's type is what the contract wants, and in words where it is not and what to do. Decisions only."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from tiktok_upload.contract import Field
from tiktok_upload.facts import Column, Severity

_ACCEPTED = {"string": frozenset({"string", "binary"}), "number": frozenset({"number", "integer"})}
_ACCEPTED_TIMES = {True: frozenset({"timestamp", "int96"}), False: frozenset({"naive-timestamp", "int96"})}

# Storage that says nothing about the values. What a colon follows is a field's name and stays.
_SAME_TYPE = (
    (re.compile(r"dictionary<values=(.*?), indices=\w+, ordered=\d>"), r"\1"),
    (re.compile(r"\b(?:large_string|string_view|large_utf8|utf8_view|utf8)\b(?!:)"), "string"),
    (re.compile(r"\b(?:large_binary|binary_view)\b(?!:)"), "binary"),
    (re.compile(r"\b(?:large_)?list(?:_view)?<"), "list<"),
    (re.compile(r"list<[^:<>,]*: ?"), "list<"),  # writers call the element item, element or array
    (re.compile(r" \('[^']*'\)|, keys_sorted"), ""),  # what a map calls its parts
    (re.compile(r" not null\b"), ""),  # nulls are judged by the data
    (re.compile(r"tz=(?:\+00:00|Etc/UTC|Z)(?=])"), "tz=UTC"),
    (re.compile(r",\s*"), ", "),
)

_TIME_UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
_YEAR_2000_S, _YEAR_2100_S = 946_684_800, 4_102_444_800
_YYYYMMDD = re.compile(r"(2[01]\d\d)([01]\d)([0-3]\d)(?:\.0*)?", re.ASCII)

_TARGETS = {
    "string": "strings",
    "integer": "integers",
    "number": "numbers",
    "boolean": "booleans",
    "date": "dates",
    "time": "times",
    "array": "a list",
    "object": "a struct",
    "map": "a map",
}
_KINDS = {"binary": "string", "naive-timestamp": "timestamp", "int96": "timestamp"}
# By the family that is wanted and the one there is; where nothing is said here, writing the right type says it all.
_ADVICE = {
    ("string", "integer"): "write {}, with all leading zeros",
    ("integer", "number"): "write whole numbers as {}",
    ("boolean", "integer"): "write {}, not 0 and 1",
    ("timestamp", "date"): "add the time of day: write {}",
    ("timestamp", "time"): "add the day: write {}",
    ("date", "timestamp"): "keep only the day: write {}",
    ("time", "timestamp"): "keep only the time of day: write {}",
    ("array", "object"): "write {}, even of one element",
    ("object", "array"): "write {}, not a list of them",
    ("object", "map"): "write {} with the listed fields",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """What is wrong or odd about a column's type.

    Attributes:
        found: The type in words.
        advice: What to do.
        note: What else the column shows, as a verb and its object: `has no zone`; may be empty.
    """

    found: str
    advice: str
    note: str = ""
    severity: Severity = "error"


def difference(column: Column, field: Field) -> Difference | None:
    """How the type is not what the contract wants: by its family, then exactly where the contract is exact."""
    if field.family and column.family not in _accepted(field):
        return _other_family(column, field)
    if field.physical_type and plain_type(column.type) != plain_type(field.physical_type):
        return Difference(plain_type(column.type), f"write {field.physical_type}")
    if column.family == "int96" and field.family:
        note = "counts as UTC" if _wants_zone(field) else "counts as it stands"
        return Difference(found_words(column), f"write {_target(field)}", note, "warning")
    return None


def holds_values_for(column: Column, field: Field) -> bool:
    """Whether rules for this field can be run on the column: of the right family, whatever its exact type."""
    if field.family:
        return column.family in _accepted(field)
    return field.physical_type is None or plain_type(column.type) == plain_type(field.physical_type)


def plain_type(words: str) -> str:
    """An Arrow type with nothing in it that only says how or for which reader it is stored, nor nullability."""
    for pattern, same in _SAME_TYPE:
        words = pattern.sub(same, words)
    return words.strip()


def found_words(column: Column) -> str:
    """A column's type for people: of nested ones only the kind."""
    if column.family == "int96":
        return "INT96"
    return column.family if column.children and column.family else plain_type(column.type) or "of no known type"


def wanted_words(field: Field) -> str:
    """What the contract wants for people: `timestamp with zone`, or in Arrow's words."""
    if field.physical_type:
        return field.physical_type
    if field.family == "timestamp":
        return f"timestamp {'with' if _wants_zone(field) else 'without'} zone"
    return field.family or "any type"


def with_article(words: str) -> str:
    """`an integer`, `a date`; types in Arrow's words and `any type` stand without one."""
    first = words.partition(" ")[0]
    if first not in {*_TARGETS, "timestamp"}:
        return words
    return f"{'an' if first[0] in 'aeiou' else 'a'} {words}"


def _accepted(field: Field) -> frozenset[str]:
    if field.family == "timestamp":
        return _ACCEPTED_TIMES[_wants_zone(field)]
    family = field.family or ""
    return _ACCEPTED.get(family, frozenset({family}))


def _wants_zone(field: Field) -> bool:
    """Where the contract leaves it open, times need one: a naive time is another instant for each reader."""
    if field.zone is not None:
        return field.zone
    return not field.physical_type or "tz=" in field.physical_type


def _target(field: Field) -> str:
    """What to write, as the object of a sentence."""
    if field.physical_type:
        return field.physical_type
    if field.family == "timestamp":
        return "a timestamp with zone UTC" if _wants_zone(field) else "a timestamp without zone"
    return _TARGETS.get(field.family or "", wanted_words(field))


def _other_family(column: Column, field: Field) -> Difference:
    advice = _advice(column, field).format(_target(field))
    return Difference(found_words(column), advice, _note(column, field))


def _advice(column: Column, field: Field) -> str:
    kind = _KINDS.get(column.family, column.family)
    if column.type == "null":
        return "write {}" if field.required else "write {}, or leave it out"
    if kind == "string":
        return "parse the text and write {}"
    return _ADVICE.get((field.family or "", kind), "write {}")


def _note(column: Column, field: Field) -> str:
    if column.type == "null":
        return "holds only nulls"
    if field.family == "timestamp" and column.family == "naive-timestamp":
        return "has no zone"
    if field.family in ("timestamp", "date") and column.family in ("integer", "number"):
        seems = _seems((column.minimum, column.maximum))
        return f"looks like {seems}" if seems else ""
    return ""


def _seems(ends: Iterable[str | None]) -> str:
    """How numbers say times or days, where all of them do."""
    kinds = {_time_of(text) for text in ends}
    return kinds.pop() if len(kinds) == 1 else ""


def _time_of(text: str | None) -> str:
    if text is None:
        return ""
    if _is_day(text):
        return "days written YYYYMMDD"
    try:
        value = float(text)
    except ValueError:
        return ""
    units = (unit for unit, size in _TIME_UNITS.items() if _YEAR_2000_S <= value / size < _YEAR_2100_S)
    return f"{unit} since 1970" if (unit := next(units, "")) else ""


def _is_day(text: str) -> bool:
    digits = _YYYYMMDD.fullmatch(text)
    if digits is None:
        return False
    try:
        date(*map(int, digits.groups()))
    except ValueError:
        return False
    return True
