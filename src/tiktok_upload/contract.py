"""What a file must be like, as values: columns, their types, and rules that can be run.

`contract_file` reads them from YAML, `matching` holds a schema against them, `judging` what was counted in the rows.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from tiktok_upload.facts import Severity

Family = Literal["string", "integer", "number", "boolean", "timestamp", "date", "time", "array", "object", "map"]
HashForm = Literal["sha256", "md5"]
Operator = Literal[
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
]
RuleKind = Literal[
    "required",
    "unique",
    "pattern",
    "enum",
    "format",
    "min-length",
    "max-length",
    "minimum",
    "maximum",
    "exclusive-minimum",
    "exclusive-maximum",
    "multiple-of",
    "max-age",
    "max-future",
    "min-items",
    "max-items",
]
TableRuleKind = Literal["any-of", "requires", "duplicates", "row-count"]
ELEMENT = "[]"
"""What stands for a list's elements in a path: `contents[].price`; a map's are `[].key` and `[].value`."""


@dataclass(frozen=True, slots=True)
class Bound:
    """How many are allowed: of the values that break a rule, or of a file's rows.

    Attributes:
        operator: As the Open Data Contract Standard names it.
        numbers: Two for the `Between` operators, else one.
        unit: Counted, or in percent of all.
    """

    operator: Operator
    numbers: tuple[float, ...]
    unit: Literal["rows", "percent"] = "rows"

    def holds(self, count: int, total: int) -> bool:
        """Whether so many of so many are allowed; of none, no percentage is wrong."""
        value = count if self.unit == "rows" else 100.0 * count / max(total, 1)
        low, high = self.numbers[0], self.numbers[-1]
        return {
            "mustBe": value == low,
            "mustNotBe": value != low,
            "mustBeGreaterThan": value > low,
            "mustBeGreaterOrEqualTo": value >= low,
            "mustBeLessThan": value < low,
            "mustBeLessOrEqualTo": value <= low,
            "mustBeBetween": low <= value <= high,
            "mustNotBeBetween": not low <= value <= high,
        }[self.operator]

    @property
    def most(self) -> int | None:
        """How many there may be, so that more are proof however many rows follow; None where no number is."""
        high = self.numbers[-1]
        if self.operator == "mustBeLessThan":
            return math.ceil(high) - 1 if self.unit == "rows" else None
        if self.operator not in ("mustBe", "mustBeLessOrEqualTo", "mustBeBetween"):
            return None
        return math.floor(high) if self.unit == "rows" or high == 0 else None

    @property
    def is_none(self) -> bool:
        """Whether a single one is too many."""
        return self.most == 0

    def __str__(self) -> str:
        words = {
            "mustBe": "{}",
            "mustNotBe": "anything but {}",
            "mustBeGreaterThan": "more than {}",
            "mustBeGreaterOrEqualTo": "at least {}",
            "mustBeLessThan": "fewer than {}",
            "mustBeLessOrEqualTo": "at most {}",
            "mustBeBetween": "{} to {}",
            "mustNotBeBetween": "anything but {} to {}",
        }[self.operator]
        return words.format(*(f"{number:,g}" if number % 1 else f"{number:,.0f}" for number in self.numbers)) + (
            " %" if self.unit == "percent" else ""
        )


NONE = Bound("mustBe", (0,))


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that every value of a column must be.

    Attributes:
        kind: Also the name of its findings' rule.
        argument: By kind: nothing (`required`, `unique`); a regular expression (`pattern`); the name of a form
            (`format`); texts, numbers or booleans (`enum`); characters or elements (`min-length`, `max-items`, ...);
            a number, or RFC 3339 text for times (`minimum`, ...); seconds (`max-age`, `max-future`).
        bound: How many values may break it.
    """

    kind: RuleKind
    argument: str | float | tuple[str | float | bool, ...] | None = None
    severity: Severity = "error"
    bound: Bound = NONE

    @property
    def key(self) -> str:
        """What it is counted as: a column may have several patterns."""
        return self.kind if self.argument is None else f"{self.kind}={self.argument!r}"


@dataclass(frozen=True, slots=True)
class TableRule:
    """One thing that a row, or the whole file, must be.

    Attributes:
        kind: `any-of`: one of the columns has a value; `requires`: where the first column has a value, the others do;
            `duplicates`: rows whose columns together repeat an earlier row's; `row-count`.
        columns: Paths of columns that are not nested.
        name: In the contract's words; may be empty.
        bound: How many rows may break it; of `row-count`, how many there may be.
    """

    kind: TableRuleKind
    columns: tuple[str, ...] = ()
    name: str = ""
    severity: Severity = "error"
    bound: Bound = NONE

    @property
    def key(self) -> str:
        """What it is counted as, beside its kind."""
        return ",".join(self.columns)


@dataclass(frozen=True, slots=True)
class Field:
    """One column, or one that is nested in it.

    Attributes:
        name: As the file must call it; an array's single child is called `[]`.
        family: The logical type; None where only `physical_type` counts.
        physical_type: In Arrow's words, `timestamp[us, tz=UTC]`, where the contract wants exactly that.
        required: The column must be there and hold no null.
        zone: Of a timestamp: whether it must (True) or must not (False) bear a time zone; None for either.
        hashed: The column holds hashes of personal data in this form, and nothing else.
        raw: The column may hold IP addresses as they are.
        classification: In the contract's words.
        rules: What its values must be; `required` and `unique` among them.
        children: Of an `object`, by name; of an `array`, one.
    """

    name: str
    family: Family | None = None
    physical_type: str | None = None
    required: bool = False
    zone: bool | None = None
    hashed: HashForm | None = None
    raw: bool = False
    classification: str | None = None
    rules: tuple[Rule, ...] = ()
    children: tuple["Field", ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """All of it.

    Attributes:
        name, version: Together its label in reports: `offline-events@1.0.0`.
        digest: SHA-256 of the file it was read from, as hex.
        fields: The columns.
        rules: Of rows and of the whole file.
        closed: A column that is not listed is an error.
    """

    name: str
    version: str
    digest: str
    fields: tuple[Field, ...]
    rules: tuple[TableRule, ...] = ()
    closed: bool = True

    @property
    def label(self) -> str:
        """As reports name it."""
        return f"{self.name}@{self.version}"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(
            **{
                **data,
                "fields": tuple(map(_field, data["fields"])),
                "rules": tuple(
                    TableRule(**{**rule, "columns": tuple(rule["columns"]), "bound": _bound(rule["bound"])})
                    for rule in data["rules"]
                ),
            }
        )


def _field(data: dict[str, Any]) -> Field:
    return Field(
        **{
            **data,
            "rules": tuple(map(_rule, data["rules"])),
            "children": tuple(map(_field, data["children"])),
        }
    )


def _rule(data: dict[str, Any]) -> Rule:
    argument = data["argument"]
    return Rule(
        **{
            **data,
            "argument": tuple(argument) if isinstance(argument, list) else argument,
            "bound": _bound(data["bound"]),
        }
    )


def _bound(data: dict[str, Any]) -> Bound:
    return Bound(**{**data, "numbers": tuple(data["numbers"])})


def walk(fields: tuple[Field, ...], above: str = "") -> Iterator[tuple[str, Field]]:
    """Every field with its path: `contents`, `contents[]`, `contents[].price`."""
    for field in fields:
        path = join(above, field.name)
        yield path, field
        yield from walk(field.children, path)


def join(above: str, name: str) -> str:
    """The path of what is called so below another."""
    if not above or name.startswith(ELEMENT):
        return above + name
    return f"{above}.{name}"
