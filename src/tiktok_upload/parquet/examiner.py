"""The contract's rules and the personal-data guard, held against batches of rows. Child only.

What it counts are tallies; what they mean is decided by whoever asked.
"""

import datetime as dt
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tiktok_upload.contract import Contract, Field, TableRule
from tiktok_upload.errors import UsageError
from tiktok_upload.facts import Column
from tiktok_upload.matching import pairs
from tiktok_upload.parquet.counts import At, Counts
from tiktok_upload.parquet.guard import Guard
from tiktok_upload.parquet.nodes import Node, nodes, same_rows
from tiktok_upload.parquet.rule_kernels import broken
from tiktok_upload.personal import has_telling_name
from tiktok_upload.text import escape

_TEXTS = ("string", "binary")
_OF_THE_WHOLE = {"unique"}  # judged over all rows, elsewhere


@dataclass(frozen=True, slots=True)
class Terms:
    """What is looked for.

    Attributes:
        contract: None for no rules.
        guard: Whether personal data is looked for.
        judged_at: When it is, for rules on the age of times; with a zone.
    """

    contract: Contract | None
    guard: bool
    judged_at: dt.datetime

    @property
    def is_empty(self) -> bool:
        """Whether nothing is looked for in the rows."""
        return self.contract is None and not self.guard


class Examiner:
    """Counts what breaks the rules in the batches that it is shown."""

    def __init__(self, terms: Terms, columns: tuple[Column, ...], schema: Any) -> None:
        """Get ready for a file.

        Args:
            terms: What is looked for.
            columns: Of the file.
            schema: Its Arrow schema.

        Raises:
            UsageError: A rule of the contract cannot be run on this file's types.
        """
        self._judged_at = terms.judged_at
        matched = pairs(columns, terms.contract) if terms.contract else []
        self._fields: dict[str, Field] = {path: field for path, _, field in matched}
        self._rows = tuple(_of_rows(terms.contract, {column.name for column in columns}))
        self._families = {column.name: column.family for column in columns}
        self._guards = terms.guard
        self._guard = functools.cache(self._guard_of) if terms.guard else _no_guard
        self._try_rules(schema)

    def see(self, batch: Any, at: At, counts: Counts) -> None:
        """Look at a batch of whole rows; of the columns those that it has."""
        for node in _all_nodes(batch):
            self.see_values(node, at, counts)
        flat = dict(zip(batch.schema.names, batch.columns, strict=True))
        for rule, present in self._rows:
            if all(name in flat for name in present):
                node = Node(rule.key, pa.nulls(batch.num_rows), same_rows)
                counts.add(node, rule.kind, _broken_rows(rule, present, flat), at, seen=batch.num_rows)

    def see_values(self, node: Node, at: At, counts: Counts) -> None:
        """Look at the values of one column."""
        seen = len(node.values) - node.values.null_count
        field = self._fields.get(node.path)
        for rule in field.rules if field else ():
            if rule.kind == "required":
                missing = _missing(node)
                counts.add(node, rule.kind, missing, at, seen=len(node.values))
            elif rule.kind not in _OF_THE_WHOLE:
                counts.add(node, rule.key, broken(rule, node.values, self._judged_at), at, seen=seen)
        guard = self._guard(node.path, node.values.type)
        for kind, places in guard.hits(node.values) if guard and seen else ():
            counts.add(node, kind, places, at, seen=seen)

    def wants(self, name: str) -> bool:
        """Whether the values of this top-level column tell anything."""
        field = self._fields.get(name)
        has_rules = field is not None and any(rule.kind not in ("required", "unique") for rule in field.rules)
        return has_rules or (self._guards and (self._families[name] in _TEXTS or has_telling_name(name)))

    def _guard_of(self, path: str, kind: Any) -> Guard | None:
        return Guard.of(path, kind, self._fields.get(path))

    def _try_rules(self, schema: Any) -> None:
        """Each rule once, on nothing: what cannot be run is told before anything is read."""
        for node in (inner for field in schema for inner in nodes(field.name, pa.array([], field.type))):
            for rule in self._fields[node.path].rules if node.path in self._fields else ():
                try:
                    if rule.kind not in {"required", *_OF_THE_WHOLE}:
                        broken(rule, node.values, self._judged_at)
                except (pa.ArrowException, TypeError, ValueError, KeyError, ArithmeticError) as exc:
                    raise UsageError(
                        f'the contract\'s rule {rule.kind} of column "{escape(node.path)}" cannot be run on '
                        f"{escape(str(node.values.type))}",
                        hint="change the rule or the column's type in the contract",
                        code="contract",
                    ) from exc


def _no_guard(_path: str, _kind: Any) -> None:
    return None


def _of_rows(contract: Contract | None, names: set[str]) -> Iterator[tuple[TableRule, tuple[str, ...]]]:
    """The rules of single rows that say something of this file, with those of their columns that it has."""
    for rule in contract.rules if contract else ():
        present = tuple(name for name in rule.columns if name in names)
        if (rule.kind == "any-of" and present) or (rule.kind == "requires" and rule.columns[0] in names):
            yield rule, present


def _all_nodes(batch: Any) -> Iterator[Node]:
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        yield from nodes(name, values)


def _missing(node: Node) -> Any:
    null = pc.is_null(node.values)
    return null if node.excused is None else pc.and_(null, pc.invert(node.excused))


def _broken_rows(rule: TableRule, present: tuple[str, ...], columns: dict[str, Any]) -> Any:
    """A column that is not there is null in every row."""
    absent = {name: pc.is_null(columns[name]) for name in present}
    if rule.kind == "any-of":
        return functools.reduce(pc.and_, absent.values())
    has_first = pc.invert(absent.pop(rule.columns[0]))
    if len(present) < len(rule.columns):
        return has_first
    return pc.and_(has_first, functools.reduce(pc.or_, absent.values()))
