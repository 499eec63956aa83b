"""A contract made from the columns of an accepted file: a value, or YAML to be edited. No value of the data in it."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

from tiktok_upload.contract import Contract, Family, Field, HashForm, Rule, join
from tiktok_upload.facts import Column

HASH_PATTERNS: Mapping[HashForm, str] = {"sha256": "^[0-9a-f]{64}$", "md5": "^[0-9a-f]{32}$"}

_VERSION = "1.0.0"
_FAMILIES: Mapping[str, Family] = {
    "string": "string",
    "binary": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "naive-timestamp": "timestamp",
    "int96": "timestamp",
    "date": "date",
    "time": "time",
    "array": "array",
    "object": "object",
    "map": "map",
}
_ZONES = {"timestamp": True, "naive-timestamp": False}  # INT96 says nothing of zones
_ONLY_STORED_SO = {"binary", ""}  # families of which the type is told, too: no logical type says it
_EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "string": ("enum: [{value: FIRST}, {value: SECOND}]    # these and no others",),
    "integer": ("logicalTypeOptions: {minimum: 0}",),
    "number": ("logicalTypeOptions: {minimum: 0}",),
    "timestamp": (
        "customProperties:",
        "  - {property: maxAge, value: 28d}      # when the file is checked",
        "  - {property: maxFuture, value: 1h}",
    ),
    "array": ("logicalTypeOptions: {minItems: 1}",),
}
_MOST_CHARACTERS = 100  # of a contract's name
_MOST_NAMED = 3  # columns in an example
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_NO_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}  # as some YAML readers have it

_HEAD = """\
# What a file must be like. Made from one that was accepted: edit it, then look what is wrong with it by
#   tiktok-upload contract lint FILE
# A line that begins with # and then a key is a rule to take or to leave: delete the # and put in your own values.
# The format is the Open Data Contract Standard, https://bitol-io.github.io/open-data-contract-standard/
apiVersion: v3.2.0
kind: DataContract
id: {id}    # reports show what is behind the last slash
version: {version}    # raise it with every change
status: draft
# A column that is not listed below is an error. To let others in:
# customProperties:
#   - {{property: additionalColumns, value: allow}}
schema:
  - name: rows
    logicalType: object
    physicalType: parquet
    properties:
"""
_TAIL = """\
    # quality:
    #   - name: at least one of them in every row
    #     type: custom
    #     engine: tiktok-upload
    #     implementation: {{anyOf: [{columns}]}}    # or {{requires: {{a: b}}}}: where a has a value, b has one
    #   - name: no row twice
    #     metric: duplicateValues
    #     arguments: {{properties: [{columns}]}}
    #     mustBe: 0
    #     severity: warning
    #   - name: not empty
    #     metric: rowCount
    #     mustBeGreaterThan: 0
"""


# ---------------------------------------------------------------------------------------------------------- as a value
def contract_from(columns: tuple[Column, ...], *, name: str, hashed: Mapping[str, HashForm]) -> Contract:
    """What a file must be like to be like this one: the same columns, of exactly these types, null where it may be.

    Args:
        columns: Of the file.
        name: What reports call the contract.
        hashed: By path, the columns that hold hashes, which then must hold nothing else.
    """
    fields = tuple(_field(column, "", hashed) for column in columns)
    plain = json.dumps([asdict(field) for field in fields], sort_keys=True)
    return Contract(_label(name), _VERSION, hashlib.sha256(plain.encode()).hexdigest(), fields)


def _field(column: Column, above: str, hashed: Mapping[str, HashForm]) -> Field:
    """What nests others has no type of its own: theirs say it, and a difference is told where it is."""
    path = join(above, column.name)
    form = _hash_form(column, path, hashed)
    children = tuple(_field(child, path, hashed) for child in column.children)
    if column.family == "map":  # its entries are never null, and no contract says so
        children = tuple(replace(entry, required=False, rules=()) for entry in children)
    rules = (Rule("required"),) * (not column.nullable) + ((Rule("pattern", HASH_PATTERNS[form]),) if form else ())
    return Field(
        name=column.name,
        family=_FAMILIES.get(column.family),
        physical_type=None if column.children else column.type,
        required=not column.nullable,
        zone=_ZONES.get(column.family),
        hashed=form,
        classification="hashed-pii" if form else None,
        rules=rules,
        children=children,
    )


def _hash_form(column: Column, path: str, hashed: Mapping[str, HashForm]) -> HashForm | None:
    """Only text is hex."""
    return hashed.get(path) if _FAMILIES.get(column.family) == "string" else None


def _label(name: str) -> str:
    """The name as a contract may have it: the last part of a path, without what no report shows."""
    last = name.rstrip("/").rpartition("/")[2]
    shown = "".join(character if character.isprintable() else "-" for character in last[:_MOST_CHARACTERS])
    return shown if shown.strip() else "contract"


# -------------------------------------------------------------------------------------------------------------- as YAML
def contract_yaml(columns: tuple[Column, ...], *, name: str, hashed: Mapping[str, HashForm]) -> str:
    """The same to be edited: logical types, so that another writer's files do as well, and rules to choose from.

    A column that may be null and is not is only proposed as required, for one file is no promise.
    """
    writer = _Writer(hashed)
    lines = [line for column in columns for line in writer.column(column, "", "      ")]
    head = _HEAD.format(id=quoted(_label(name)), version=_VERSION)
    if not columns:
        return head
    some = ", ".join(quoted(column.name) for column in columns[:_MOST_NAMED])
    return head + "".join(f"{line}\n" for line in lines) + _TAIL.format(columns=some)


class _Writer:
    """Lines of YAML for columns; the first column of each family gets an example of its rules."""

    def __init__(self, hashed: Mapping[str, HashForm]) -> None:
        self._hashed = hashed
        self._explained: set[str] = set()

    def column(self, column: Column, above: str, indent: str) -> Iterator[str]:
        """As an item of a `properties` list."""
        yield f"{indent}- name: {quoted(column.name)}"
        yield from self._keys(column, join(above, column.name), f"{indent}  ")

    def _keys(self, column: Column, path: str, indent: str) -> Iterator[str]:
        family = _FAMILIES.get(column.family)
        if family:
            yield f"{indent}logicalType: {family}"
        if column.family in _ONLY_STORED_SO:
            yield f"{indent}physicalType: {quoted(column.type)}"
        if not column.nullable:
            yield f"{indent}required: true"
        elif column.nulls == 0:
            yield f"{indent}# required: true    # nothing is missing in the file this was made from"
        yield from self._rules(column, path, indent)
        yield from self._nested(column, path, indent)

    def _rules(self, column: Column, path: str, indent: str) -> Iterator[str]:
        form, zone = _hash_form(column, path, self._hashed), _ZONES.get(column.family)
        if form:
            yield f"{indent}classification: hashed-pii    # hashes, and nothing that could be read"
            yield f"{indent}logicalTypeOptions: {{pattern: '{HASH_PATTERNS[form]}'}}"
        if zone is not None:
            yield f"{indent}logicalTypeOptions: {{timezone: {str(zone).lower()}}}"
        yield from (f"{indent}# {line}" for line in self._example(column, is_hash=form is not None))

    def _example(self, column: Column, *, is_hash: bool) -> tuple[str, ...]:
        family = _FAMILIES.get(column.family, "")
        if is_hash or family in self._explained:
            return ()
        self._explained.add(family)
        return _EXAMPLES.get(family, ())

    def _nested(self, column: Column, path: str, indent: str) -> Iterator[str]:
        if column.family == "object" and column.children:
            yield f"{indent}properties:"
            for child in column.children:
                yield from self.column(child, path, f"{indent}  ")
        elif column.family == "array" and column.children:
            yield from self._part("items", column.children[0], path, indent)
        elif column.family == "map" and column.children:
            entry = column.children[0]
            yield f"{indent}map:"
            for key, child in zip(("key", "value"), entry.children, strict=True):
                yield from self._part(key, child, join(path, entry.name), f"{indent}  ")

    def _part(self, key: str, column: Column, path: str, indent: str) -> Iterator[str]:
        yield f"{indent}{key}:"
        yield from self._keys(column, join(path, column.name), f"{indent}  ")


def quoted(text: str) -> str:
    """The text as YAML has it, in quotes unless it is a plain word: any text is read as the same again."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"
