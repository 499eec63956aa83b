"""A whole contract from the tree of its file."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

from tiktok_upload.contract import Contract, Field, Rule, TableRule
from tiktok_upload.contract_file import tree
from tiktok_upload.contract_file.columns import columns, text_at
from tiktok_upload.contract_file.custom import own
from tiktok_upload.contract_file.models import Root, SchemaObject
from tiktok_upload.contract_file.problems import Spot, Wrong, shown
from tiktok_upload.contract_file.quality import table_rules
from tiktok_upload.contract_file.reading import read
from tiktok_upload.contract_file.tree import Problem, Rows, Table
from tiktok_upload.contract_file.values import choice, integer

_KNOWN_VERSIONS = re.compile(r"v3\.[0-2]\.[0-9]{1,3}", re.ASCII)
_MOST_CHARACTERS = 100  # of a name or a version, which stand in every report


def contract_of(data: bytes) -> tuple[Contract | None, list[Problem]]:
    """The contract, or everything that is wrong with it in the order of its lines."""
    problems: list[Problem] = []
    try:
        root = tree.read(data, problems)
    except tree.Unreadable as exc:
        return None, _by_line([*problems, exc.problem])
    contract = _contract(Spot(root, root.line, problems), hashlib.sha256(data).hexdigest())
    return (None if problems else contract), _by_line(problems)


def _by_line(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: problem.line)


def _contract(spot: Spot, digest: str) -> Contract | None:
    model = read(Root, spot)
    closed = _is_closed(spot)
    fields, rules = _schema(spot)
    if model is None:
        return None
    if not _KNOWN_VERSIONS.fullmatch(model.api_version):
        version = spot.at("apiVersion")
        version.report(f"is {shown(model.api_version)}; known are v3.0.0 to v3.2.0", "write apiVersion: v3.2.0")
    name = _label(spot.at("id"), model.id.rstrip("/").rpartition("/")[2])
    return Contract(name, _label(spot.at("version"), model.version), digest, fields, rules, closed)


def _label(spot: Spot, text: str) -> str:
    """Part of `offline-events@1.0.0`."""
    if not text.strip() or not text.isprintable() or len(text) > _MOST_CHARACTERS:
        spot.report("cannot stand in a report", f"use 1 to {_MOST_CHARACTERS} letters, digits, - and _")
    return text


def _is_closed(spot: Spot) -> bool:
    value = own(spot, "additionalColumns").get("additionalColumns")
    try:
        return value is None or choice("allow", "refuse")(value.node) == "refuse"
    except Wrong as exc:
        if value:
            value.report_wrong(exc)
        return True


# ---------------------------------------------------------------------------------------------------------- the table
def _schema(spot: Spot) -> tuple[tuple[Field, ...], tuple[TableRule, ...]]:
    listed = spot.find("schema")
    tables = list(listed.rows()) if listed else []
    if listed is None or (isinstance(listed.node, Rows) and not tables):
        (listed or spot).report("has no table", "add schema: with one object, which has properties: for the columns")
    for other in tables[1:]:
        other.report("is a second table, and a file has one", "write a contract of its own for it")
    return _table(tables[0]) if tables else ((), ())


def _table(table: Spot) -> tuple[tuple[Field, ...], tuple[TableRule, ...]]:
    read(SchemaObject, table)
    own(table)
    listed, quality = table.find("properties"), table.find("quality")
    if isinstance(table.node, Table) and (listed is None or listed.node == []):
        table.report("has no columns", "add properties: with a - name: for each column")
    fields = columns(listed) if listed else ()
    items = list(listed.rows()) if listed and isinstance(listed.node, Rows) else []
    fields, key = _with_primary_key(fields, items)
    return fields, (*key, *(table_rules(quality, _names(items)) if quality else ()))


def _names(items: Sequence[Spot]) -> dict[str, str]:
    """Also of columns that something is wrong with, lest a rule that names them be blamed."""
    pairs = ((text_at(item, "name"), text_at(item, "physicalName")) for item in items)
    return {name: physical or name for name, physical in pairs if name is not None}


# ------------------------------------------------------------------------------------------------------ the primary key
def _with_primary_key(
    fields: tuple[Field, ...], items: Sequence[Spot]
) -> tuple[tuple[Field, ...], tuple[TableRule, ...]]:
    """Each column of the key is required, and together they are unique."""
    keys = sorted((item for item in items if text_at(item, "primaryKey") == "true"), key=_position)
    names = tuple(text_at(item, "physicalName") or text_at(item, "name") or "" for item in keys)
    alone = len(names) == 1
    changed = tuple(_as_key(field, unique=alone) if field.name in names else field for field in fields)
    return changed, () if alone or not names else (TableRule("duplicates", names, "primary key"),)


def _position(item: Spot) -> int:
    position = item.find("primaryKeyPosition")
    try:
        return integer(position.node) if position else 0
    except Wrong:  # reported with the column
        return 0


def _as_key(field: Field, *, unique: bool) -> Field:
    wanted = (Rule("required"), Rule("unique")) if unique else (Rule("required"),)
    kinds = {rule.kind for rule in field.rules}
    added = tuple(rule for rule in wanted if rule.kind not in kinds)
    return replace(field, required=True, rules=(*added, *field.rules))
