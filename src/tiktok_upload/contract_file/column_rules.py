"""What the values of a column must be, from all the places where the standard lets it be said."""

from collections.abc import Iterator

from tiktok_upload.contract import Family, Rule, RuleKind
from tiktok_upload.contract_file.custom import own
from tiktok_upload.contract_file.models import FAMILIES, EnumValue
from tiktok_upload.contract_file.options import Options, rules_of
from tiktok_upload.contract_file.problems import Spot, Wrong
from tiktok_upload.contract_file.quality import column_quality, distinct, literals
from tiktok_upload.contract_file.reading import read
from tiktok_upload.contract_file.values import choice, text
from tiktok_upload.facts import Severity
from tiktok_upload.units import parse_duration

Placed = tuple[Spot, Rule]
"""A rule with the place that asks for it."""

_LONGEST_S = 36_525 * 86_400.0  # a century; far beyond, Python's own times end
_NESTED = frozenset({"array", "object", "map"})
_TIMES = frozenset({"timestamp", "date", "time"})
_SIMPLE = frozenset(FAMILIES) - _NESTED
_FITS: dict[RuleKind, frozenset[str]] = {
    "unique": _SIMPLE,
    "pattern": frozenset({"string"}),
    "enum": _SIMPLE - _TIMES,
    "max-age": frozenset({"timestamp", "date"}),
    "max-future": frozenset({"timestamp", "date"}),
}
_FLAGS: tuple[RuleKind, ...] = ("required", "unique")
_AGES: dict[str, RuleKind] = {"maxAge": "max-age", "maxFuture": "max-future"}


def rules_of_column(spot: Spot, family: Family | None, found: Options) -> tuple[Rule, ...]:
    """Those that fit it, one of each kind: what is counted is kept by column and kind. The others are reported."""
    kept: dict[RuleKind, Rule] = {}
    for place, rule in _rules(spot, family, found):
        if family not in _FITS.get(rule.kind, {family}):
            place.report(_misfit(rule.kind, family), _remedy(rule.kind))
        elif rule.kind in kept:
            place.report(f"says {rule.kind} a second time", "keep one of them")
        else:
            kept[rule.kind] = rule
    return tuple(kept.values())


def _misfit(kind: RuleKind, family: Family | None) -> str:
    return f"asks for {kind}, which does not fit " + (f"logicalType {family}" if family else "a column without a type")


def _remedy(kind: RuleKind) -> str:
    families = ", ".join(family for family in FAMILIES if family in _FITS[kind])
    return f"it is for logicalType {families}" + ("; for times there are minimum and maximum" if kind == "enum" else "")


def _rules(spot: Spot, family: Family | None, found: Options) -> Iterator[Placed]:
    custom = own(spot, *_AGES, "severity")
    severity = _severity(custom.get("severity"))
    for kind in _FLAGS:
        flag = spot.find(kind)
        if flag and getattr(flag.node, "value", None) is True:
            yield flag, Rule(kind, severity=severity)
    yield from ((spot.at("logicalTypeOptions"), rule) for rule in rules_of(found, severity))
    yield from _enum(spot.find("enum"), family, severity)
    yield from _ages(custom, severity)
    yield from column_quality(spot, family, severity)


def _severity(spot: Spot | None) -> Severity:
    try:
        return "warning" if spot and choice("error", "warning")(spot.node) == "warning" else "error"
    except Wrong as exc:
        if spot:
            spot.report_wrong(exc)
        return "error"


def _enum(listed: Spot | None, family: Family | None, severity: Severity) -> Iterator[Placed]:
    if listed is None:
        return
    items = [item for item in listed.rows() if read(EnumValue, item)]
    values = literals((item.at("value") for item in items), family)
    distinct(listed, values)
    yield listed, Rule("enum", values, severity)


def _ages(custom: dict[str, Spot], severity: Severity) -> Iterator[Placed]:
    for key, kind in _AGES.items():
        seconds = _seconds(custom[key]) if key in custom else None
        if seconds is not None:
            yield custom[key], Rule(kind, seconds, severity)


def _seconds(spot: Spot) -> float | None:
    try:
        seconds = parse_duration(text(spot.node))
    except ValueError as exc:
        reason = exc.message if isinstance(exc, Wrong) else "is no duration"
        spot.report(reason, "write a duration such as 28d, 12h or 90s")
        return None
    if seconds > _LONGEST_S:
        spot.report("is more than a century", "write a duration such as 28d")
    return seconds
