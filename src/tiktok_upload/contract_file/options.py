"""`logicalTypeOptions` as rules, and whether they can hold at all."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tiktok_upload.contract import Rule, RuleKind
from tiktok_upload.contract_file.models import OPTIONS
from tiktok_upload.contract_file.problems import Spot
from tiktok_upload.contract_file.reading import read
from tiktok_upload.contract_file.tree import Table
from tiktok_upload.facts import Severity

KINDS: dict[str, RuleKind] = {
    "minLength": "min-length",
    "maxLength": "max-length",
    "pattern": "pattern",
    "format": "format",
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive-minimum",
    "exclusiveMaximum": "exclusive-maximum",
    "multipleOf": "multiple-of",
    "minItems": "min-items",
    "maxItems": "max-items",
}
_RANGES = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minimum", "maximum"),
    ("minimum", "exclusiveMaximum"),
    ("exclusiveMinimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
)

Options = dict[str, Any]


def options(column: Spot, family: str | None) -> Options:
    """Those that are there and fit; an empty mapping where something else is wrong with them."""
    spot = column.find("logicalTypeOptions")
    if spot is None:
        return {}
    if family is None:
        spot.report("needs a type to be about", "add logicalType: to the column")
        return {}
    model = read(OPTIONS[family], _without_misplaced(spot, family))
    found = model.model_dump(by_alias=True, exclude_none=True) if model else {}
    _refuse_empty_ranges(spot, found, family)
    if family == "timestamp":
        _refuse_other_zones(spot, found)
    return found


def rules_of(found: Options, severity: Severity) -> Iterator[Rule]:
    """What they ask of a value."""
    return (Rule(kind, found[key], severity) for key, kind in KINDS.items() if key in found)


def _without_misplaced(spot: Spot, family: str) -> Spot:
    """Options of other types only are reported and left out."""
    if not isinstance(spot.node, Table):
        return spot
    left = Table(spot.node.line)
    for key, node in spot.node.items():
        others = [other for other in OPTIONS if key in _keys(other)]
        if others and family not in others:
            hint = f"leave it out; it is for logicalType {', '.join(others)}"
            spot.at(key).report(f"does not fit logicalType {family}", hint)
        else:
            left.put(key, node, spot.node.key_lines[key])
    return replace(spot, node=left)


def _keys(family: str) -> set[str]:
    return {field.alias or name for name, field in OPTIONS[family].model_fields.items()}


def _refuse_empty_ranges(spot: Spot, found: Options, family: str) -> None:
    for low, high in _RANGES:
        if low not in found or high not in found:
            continue
        lowest, highest = _comparable(found[low], family), _comparable(found[high], family)
        if lowest > highest or (lowest == highest and "exclusive" in low + high):
            spot.at(low).report(f"leaves nothing below {high}", f"{low} is the lower of the two")
            return


def _comparable(limit: Any, family: str) -> Any:
    if family != "timestamp":
        return limit
    at = dt.datetime.fromisoformat(limit)
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)


def _refuse_other_zones(spot: Spot, found: Options) -> None:
    """A limit without a zone is no moment, unless the column's values are none either."""
    naive = found.get("timezone") is False
    for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if key in found and naive != (dt.datetime.fromisoformat(found[key]).tzinfo is None):
            message, hint = (
                ("has a time zone, and the column has none", "leave out the Z or the offset")
                if naive
                else ("has no time zone", "write Z or an offset behind it: 2026-01-31T23:59:59Z")
            )
            spot.at(key).report(message, hint)
