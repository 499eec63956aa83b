"""`quality`: how many values or rows may break which rule."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from tiktok_upload.contract import NONE, Bound, Family, Operator, Rule, TableRule
from tiktok_upload.contract_file.custom import own
from tiktok_upload.contract_file.models import DuplicateValues, InvalidValues, Quality
from tiktok_upload.contract_file.problems import Spot, Wrong, did_you_mean, shown
from tiktok_upload.contract_file.reading import read
from tiktok_upload.contract_file.tree import Rows, Scalar, Table
from tiktok_upload.contract_file.values import flag, integer, number, text
from tiktok_upload.facts import Severity

ENGINE = "tiktok-upload"
_OPERATORS: tuple[Operator, ...] = get_args(Operator)
_COLUMN_METRICS = ("nullValues", "invalidValues", "duplicateValues")
_TABLE_METRICS = ("rowCount", "duplicateValues")
_ELSEWHERE = {
    "rowCount": "write it in the quality of the table, below its properties",
    "nullValues": "write it in the quality of the column",
    "invalidValues": "write it in the quality of the column",
    "missingValues": "use nullValues, or invalidValues with validValues",
}
_MOST_PERCENT = 100
_IMPLEMENTATIONS = ("anyOf", "requires")

Literal = str | float | bool
Columns = Mapping[str, str]
"""By the name of a column in the contract, its name in the file."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One of the list, whose keys fit its type."""

    spot: Spot
    model: Quality
    bound: Bound

    def severity(self, otherwise: Severity) -> Severity:
        if self.model.severity is None:
            return otherwise
        return "error" if self.model.severity == "error" else "warning"


# ---------------------------------------------------------------------------------------------------------- of a column
def column_quality(spot: Spot, family: Family | None, severity: Severity) -> Iterator[tuple[Spot, Rule]]:
    """What a column's `quality` asks of its values."""
    listed = spot.find("quality")
    for entry in _entries(listed) if listed else ():
        if entry.model.type == "custom":
            entry.spot.at("engine").report(
                "is about rows", "write it in the quality of the table, below its properties"
            )
        elif _is_metric(entry, _COLUMN_METRICS):
            rules = _column_rules(entry, family, entry.severity(severity))
            yield from ((entry.spot, rule) for rule in rules)


def _column_rules(entry: _Entry, family: Family | None, severity: Severity) -> Iterator[Rule]:
    if entry.model.metric == "invalidValues":
        yield from _invalid_values(entry, family, severity)
        return
    _refuse_arguments(entry.spot)
    kind: Any = "required" if entry.model.metric == "nullValues" else "unique"
    yield Rule(kind, severity=severity, bound=entry.bound)


def _invalid_values(entry: _Entry, family: Family | None, severity: Severity) -> Iterator[Rule]:
    arguments = entry.spot.find("arguments")
    model = read(InvalidValues, arguments) if arguments else None
    listed = arguments.find("validValues") if arguments else None
    pattern = model.pattern if model else None
    if arguments is None or (model and listed is None and pattern is None):
        entry.spot.report("does not say what is valid", "add arguments: with validValues: or pattern: below it")
    if listed and pattern and entry.bound != NONE:
        entry.spot.report("counts by two rules at once", "write one quality for validValues and one for pattern")
    if listed:
        values = literals(listed.rows(), family)
        distinct(listed, values)
        yield Rule("enum", values, severity, entry.bound)
    if pattern:
        yield Rule("pattern", pattern, severity, entry.bound)


def _refuse_arguments(spot: Spot) -> None:
    arguments = spot.find("arguments")
    if arguments and arguments.node != {}:
        arguments.report("is nothing that this metric takes", "leave it out")


def literals(items: Iterable[Spot], family: Family | None) -> tuple[Literal, ...]:
    """Listed values as the column has them; wrong ones are reported."""
    readers: Mapping[str | None, Any] = {"integer": integer, "number": number, "boolean": flag}
    found: list[Literal] = []
    for item in items:
        try:
            found.append(readers.get(family, text)(item.node))
        except Wrong as exc:
            item.report_wrong(exc)
    return tuple(found)


def distinct(listed: Spot, values: tuple[Literal, ...]) -> None:
    """Some values, and none of them twice."""
    if not values and isinstance(listed.node, Rows) and not listed.node:
        listed.report("is empty, so no value is valid", "list the values")
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        listed.report(f"has {shown(str(twice[0]))} twice", "keep one of them")


# ----------------------------------------------------------------------------------------------------------- of a table
def table_rules(listed: Spot, names: Columns) -> Iterator[TableRule]:
    """What the table's `quality` asks of its rows."""
    for entry in _entries(listed):
        if entry.model.type == "custom":
            yield from _custom(entry, names)
        elif not _is_metric(entry, _TABLE_METRICS):
            continue
        elif entry.model.metric == "rowCount":
            yield _row_count(entry)
        else:
            yield _duplicates(entry, names)


def _row_count(entry: _Entry) -> TableRule:
    _refuse_arguments(entry.spot)
    if entry.bound.unit == "percent":
        entry.spot.at("unit").report("is percent, of which there is nothing", "leave it out, or write rows")
    return TableRule("row-count", (), entry.model.name or "", entry.severity("error"), entry.bound)


def _duplicates(entry: _Entry, names: Columns) -> TableRule:
    arguments = entry.spot.find("arguments")
    if arguments is None:
        entry.spot.report("does not say of which columns", "add arguments: {properties: [first, second]} below it")
    listed = arguments.find("properties") if arguments and read(DuplicateValues, arguments) else None
    columns = _columns(listed, names) if listed else ()
    return TableRule("duplicates", columns, entry.model.name or "", entry.severity("error"), entry.bound)


def _custom(entry: _Entry, names: Columns) -> Iterator[TableRule]:
    implementation = entry.spot.at("implementation")
    node = implementation.node
    name, severity = entry.model.name or "", entry.severity("error")
    if not isinstance(node, Table) or len(node) != 1:
        implementation.report("is not one of anyOf and requires", "write {anyOf: [a, b]} or {requires: {a: b}}")
        return
    key = next(iter(node))
    if key == "anyOf":
        yield TableRule("any-of", _columns(implementation.at(key), names), name, severity)
    elif key == "requires":
        yield from (TableRule("requires", columns, name, severity) for columns in _needs(implementation.at(key), names))
    else:
        implementation.at(key).report("is not known", did_you_mean(key, _IMPLEMENTATIONS) or "use anyOf or requires")


def _needs(spot: Spot, names: Columns) -> Iterator[tuple[str, ...]]:
    """The column that needs others, then these."""
    if not isinstance(spot.node, Table) or not spot.node:
        spot.report("does not say which column needs which", "write {requires: {value: currency}}")
        return
    for key in spot.node:
        others = spot.at(key)
        needing = _column(others, key, names)
        needed = _columns(others, names) if isinstance(others.node, Rows) else (_column_there(others, names),)
        if needing in needed:
            others.report("needs itself", "name another column")
        yield (needing, *needed)


def _columns(listed: Spot, names: Columns) -> tuple[str, ...]:
    found = tuple(_column_there(item, names) for item in listed.rows())
    if not found and isinstance(listed.node, Rows):
        listed.report("names no column", "name at least one")
    if len(set(found)) < len(found):
        listed.report("names a column twice", "keep one of them")
    return found


def _column_there(spot: Spot, names: Columns) -> str:
    try:
        return _column(spot, text(spot.node), names)
    except Wrong as exc:
        spot.report_wrong(exc)
        return ""


def _column(spot: Spot, name: str, names: Columns) -> str:
    if name not in names and name not in names.values():
        spot.report(
            f"names {shown(name)}, which is no column", did_you_mean(name, names) or "name a column that is not nested"
        )
    return names.get(name, name)


# ------------------------------------------------------------------------------------------------------------- of both
def _entries(listed: Spot) -> Iterator[_Entry]:
    for spot in listed.rows():
        model = read(Quality, spot)
        own(spot)
        if model is None or not _can_run(spot, model):
            continue
        bound = NONE if model.type == "custom" else _bound(spot, model)
        if bound:
            yield _Entry(spot, model, bound)


def _can_run(spot: Spot, model: Quality) -> bool:
    """Whether it is of a type that this tool runs, with the keys of that type."""
    if model.type in {"sql", "text"}:
        hint = "write it as metric, or as type custom with engine tiktok-upload; or leave it out"
        spot.at("type").report(f"is {model.type}, which cannot be checked here", hint)
        return False
    if model.type == "custom":
        return _is_ours(spot, model) and _has_only(
            spot, "custom", ("metric", "arguments", "query", "unit", *_OPERATORS)
        )
    return _has_only(spot, "library", ("engine", "implementation", "query"))


def _is_ours(spot: Spot, model: Quality) -> bool:
    missing = next((key for key in ("engine", "implementation") if spot.find(key) is None), None)
    if missing:
        spot.report(f"lacks {missing}", f"write engine: {ENGINE} and implementation: {{anyOf: [a, b]}}")
    elif model.engine != ENGINE:
        engine = spot.at("engine")
        engine.report(f"is {shown(model.engine or '')}, whose rules cannot be checked here", f"write engine: {ENGINE}")
    return missing is None and model.engine == ENGINE


def _has_only(spot: Spot, kind: str, others: tuple[str, ...]) -> bool:
    wrong = [key for key in others if spot.find(key)]
    for key in wrong:
        hint = "add type: custom" if key in {"engine", "implementation"} else "leave it out"
        spot.at(key).report(f"does not fit type {kind}", hint)
    return not wrong


def _is_metric(entry: _Entry, known: tuple[str, ...]) -> bool:
    metric = entry.model.metric
    if metric in known:
        return True
    if metric is None:
        entry.spot.report("has no metric", f"add metric: with {', '.join(known)}")
    else:
        hint = _ELSEWHERE.get(metric) or did_you_mean(metric, known) or f"use {', '.join(known)}"
        entry.spot.at("metric").report(f"is {shown(metric)}, which cannot be checked here", hint)
    return False


# ------------------------------------------------------------------------------------------------------------ how many
def _bound(spot: Spot, model: Quality) -> Bound | None:
    found = [operator for operator in _OPERATORS if spot.find(operator)]
    if len(found) != 1:
        what = "has " + (" and ".join(found[:2]) if found else "no operator")
        spot.report(what, "say once how many there may be, such as mustBe: 0")
        return None
    place = spot.at(found[0])
    try:
        numbers = _two(place) if found[0].endswith("Between") else (_amount(place),)
        bound = Bound(found[0], numbers, "percent" if model.unit == "percent" else "rows")
        _refuse_senseless(bound)
    except Wrong as exc:
        place.report_wrong(exc)
        return None
    return bound


def _two(spot: Spot) -> tuple[float, float]:
    if not isinstance(spot.node, Rows) or len(spot.node) != 2:  # noqa: PLR2004 - a pair
        raise Wrong("is not two numbers", "write them as [1, 100]")
    low, high = (_amount(item) for item in spot.rows())
    if low >= high:
        raise Wrong("does not go from a lower to a higher number", "write the lower one first")
    return low, high


def _amount(spot: Spot) -> float:
    if not isinstance(spot.node, Scalar):
        raise Wrong("is not one number", "write a number such as 0")
    return number(spot.node)


def _refuse_senseless(bound: Bound) -> None:
    """No count, or every count, would do: a slip of the pen."""
    low, high = bound.numbers[0], bound.numbers[-1]
    if low < 0:
        raise Wrong("is less than 0, and nothing is there so often", "write 0 or more")
    if bound.unit == "percent" and high > _MOST_PERCENT:
        raise Wrong("is more than 100 percent", "write 100 or less")
    if bound.operator == "mustBeLessThan" and high == 0:
        raise Wrong("is 0, and nothing is there less often", "write mustBe: 0")
