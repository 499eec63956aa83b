"""The columns of a contract, nested ones included."""

from dataclasses import replace
from typing import get_args

from tiktok_upload.contract import ELEMENT, Family, Field, HashForm, join
from tiktok_upload.contract_file.column_rules import rules_of_column
from tiktok_upload.contract_file.models import Column, Element
from tiktok_upload.contract_file.options import Options, options
from tiktok_upload.contract_file.problems import Spot, did_you_mean, shown
from tiktok_upload.contract_file.reading import read
from tiktok_upload.contract_file.tree import Scalar, Table

HASHED = "hashed-pii"
RAW = ("raw-ip", "raw-pii", "raw")
_CHILDREN = {"items": "array", "properties": "object", "map": "map"}
_NEARLY = 0.75  # how much alike two words are if one may be the other misspelt


def columns(listed: Spot, above: str = "") -> tuple[Field, ...]:
    """Those of a `properties` list that nothing is wrong with; what is wrong is reported."""
    found: list[Field] = []
    lines: dict[str, int] = {}
    for item in listed.rows():
        logical, physical = text_at(item, "name"), text_at(item, "physicalName")
        spot = item.of_column(join(above, logical)) if logical is not None else item
        for name in {logical, physical} - {None}:
            _refuse_repeated(spot, str(name), lines)
        found += _fields(spot, Column, physical or logical or "")
    return tuple(found)


def text_at(spot: Spot, key: str) -> str | None:
    """The text by that key, where there is one, whatever is wrong with all the rest."""
    node = spot.node.get(key) if isinstance(spot.node, Table) else None
    return node.text if isinstance(node, Scalar) and node.value is not None else None


def _refuse_repeated(spot: Spot, name: str, lines: dict[str, int]) -> None:
    if name in lines:
        spot.report(f"has a name that is taken in line {lines[name]}", "keep one of them, or rename it")
    lines.setdefault(name, spot.line)


def _fields(spot: Spot, model_class: type[Element], name: str) -> list[Field]:
    """The one column; none where its own keys are wrong. All else that is wrong with it is reported all the same."""
    model = read(model_class, spot)
    children = tuple(_children(spot))
    written = text_at(spot, "logicalType")
    family = next((family for family in get_args(Family) if family == written), None)
    if family is None and written is not None:  # a type misspelt: what fits it nobody knows
        return []
    _refuse_misfits(spot, family)
    found = options(spot, family)
    rules = rules_of_column(spot, family, found)
    if any(rule.kind == "unique" for rule in rules) and spot.column != text_at(spot, "name"):
        spot.report("is nested and asks for unique, which is looked for in whole rows", "leave unique out")
    return [replace(_described(spot, model, found), name=name, rules=rules, children=children)] if model else []


def _described(spot: Spot, model: Element, found: Options) -> Field:
    return Field(
        name="",
        family=model.logical_type,
        physical_type=model.physical_type,
        required=bool(model.required),
        zone=found.get("timezone") if model.logical_type == "timestamp" else None,
        hashed=_hash_form(spot, model, found),
        raw=model.classification in RAW,
        classification=model.classification,
    )


# ------------------------------------------------------------------------------------------------------ what is nested
def _children(spot: Spot) -> list[Field]:
    items, properties, entry = map(spot.find, _CHILDREN)
    if items:
        return _element(items.of_column(join(spot.column, ELEMENT)))
    if properties:
        children = list(columns(properties, spot.column))
        _refuse_nested_keys(properties)
        return children
    return _entry(entry) if entry else []


def _element(spot: Spot) -> list[Field]:
    _refuse_key(spot)
    return _fields(spot, Element, ELEMENT)


def _entry(spot: Spot) -> list[Field]:
    """A map is a list of keys and values."""
    if not isinstance(spot.node, Table) or set(spot.node) != {"key", "value"}:
        spot.report("is not made of key and value", "write key: and value: below it, each with a logicalType")
        return []
    path = join(spot.column, ELEMENT)
    parts: list[Field] = []
    for name in ("key", "value"):
        part = spot.at(name).of_column(join(path, name))
        _refuse_key(part)
        parts += _fields(part, Element, name)
    return [Field(ELEMENT, "object", children=tuple(parts))]


def _refuse_nested_keys(properties: Spot) -> None:
    if isinstance(properties.node, list):
        for item in properties.rows():
            _refuse_key(item)


def _refuse_key(spot: Spot) -> None:
    key = spot.find("primaryKey")
    if key and text_at(spot, "primaryKey") != "false":
        key.report("is nested, and no row is known by what is nested", "leave it out")


def _refuse_misfits(spot: Spot, family: Family | None) -> None:
    for key, wanted in _CHILDREN.items():
        child = spot.find(key)
        if child and family != wanted:
            child.report(f"does not fit logicalType {family or 'that is missing'}", f"write logicalType: {wanted}")
    if family == "map" and not spot.find("map"):
        spot.report("is a map without keys and values", "write map: with key: and value: below it")


# -------------------------------------------------------------------------------------------------------- what it holds
def _hash_form(spot: Spot, model: Element, found: Options) -> HashForm | None:
    classification = model.classification or ""
    if classification == HASHED:
        if model.logical_type != "string":
            spot.at("classification").report("is about text, and the column is none", "write logicalType: string")
        return "md5" if "{32}" in found.get("pattern", "") else "sha256"
    # One misspelt would silently switch a check off.
    guess = "" if classification in RAW else did_you_mean(classification, (HASHED, *RAW), cutoff=_NEARLY)
    if guess:
        spot.at("classification").report(f"is {shown(classification)}", guess)
    return None
