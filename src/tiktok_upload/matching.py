"""A file's schema against its contract, and against another file's: by name and logical type. Decisions only."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tiktok_upload.column_types import difference, found_words, holds_values_for, plain_type, wanted_words, with_article
from tiktok_upload.contract import Contract, Field, join
from tiktok_upload.facts import Column, Finding
from tiktok_upload.personal import personal_word

_NO_COLUMN = "no such column"
_NOT_LETTERS = re.compile(r"[\W_]+")
_ALIKE = 0.8
"""Share of two names that must be the same. Lower: `event` for `event_id`. Higher: `evnt_tim` is not seen."""
_MOST_COMPARED = 20_000
"""Pairs of names, some 10 µs each. Lower: misspelt names go unexplained. Higher: files of many columns take long."""
_LONGEST_COMPARED = 100


@dataclass(frozen=True, slots=True)
class _Level:
    """Columns that lie beside each other, and what the contract lists there.

    Attributes:
        above: The path of what they lie in; empty at the top.
        closed: Whether each of them must be listed.
        entries: They are a map's: the key and value below them are no names that somebody chose.
    """

    above: str
    columns: tuple[Column, ...]
    fields: tuple[Field, ...]
    closed: bool
    entries: bool = False

    def known(self) -> Iterator[tuple[str, Column, Field]]:
        """What both have, with its path; of a repeated name nobody knows which column is meant."""
        fields, repeated = {field.name: field for field in self.fields}, self.repeated()
        for column in self.columns:
            if column.name in fields and column.name not in repeated:
                yield join(self.above, column.name), column, fields[column.name]

    def unlisted(self) -> list[Column]:
        """What only the file has; each name once."""
        listed = {field.name for field in self.fields}
        return [column for name, column in {c.name: c for c in self.columns}.items() if name not in listed]

    def absent(self) -> list[Field]:
        """What only the contract has."""
        names = {column.name for column in self.columns}
        return [field for field in self.fields if field.name not in names]

    def repeated(self) -> dict[str, int]:
        """Names that stand more than once, and how often."""
        counts = Counter(column.name for column in self.columns)
        return {name: count for name, count in counts.items() if count > 1}

    def below(self, contract: Contract) -> Iterator["_Level"]:
        """The nested levels that can be compared; an object or array of which the contract lists nothing is open."""
        for path, column, field in self.known():
            if column.children and field.children and holds_values_for(column, field):
                closed = contract.closed and column.family == "object" and not self.entries
                yield _Level(path, column.children, field.children, closed, entries=column.family == "map")


def match(columns: tuple[Column, ...], contract: Contract) -> list[Finding]:
    """What of the schema is not as the contract wants it, nested columns last.

    Whether a column allows nulls is not judged here: the rows tell whether there are any.
    """
    return [finding for level in _levels(columns, contract) for finding in _judge(level, contract)]


def pairs(columns: tuple[Column, ...], contract: Contract) -> list[tuple[str, Column, Field]]:
    """The columns on which the contract's rules can be run, with their paths (`contents[].price`): name and family fit.

    Those that hold other columns are among them, each before what it holds; columns of a repeated name are not.
    """
    root = _Level("", columns, contract.fields, contract.closed)
    return list(_pairs(root, contract))


def _pairs(level: _Level, contract: Contract) -> Iterator[tuple[str, Column, Field]]:
    below = {nested.above: nested for nested in level.below(contract)}
    for path, column, field in level.known():
        if holds_values_for(column, field):
            yield path, column, field
        if path in below:
            yield from _pairs(below[path], contract)


def _levels(columns: tuple[Column, ...], contract: Contract) -> Iterator[_Level]:
    waiting = [_Level("", columns, contract.fields, contract.closed)]
    while waiting:
        level = waiting.pop(0)
        yield level
        waiting[:0] = level.below(contract)


def _judge(level: _Level, contract: Contract) -> Iterator[Finding]:
    meant = _meant(level)
    for name, count in level.repeated().items():
        yield _repeated(join(level.above, name), count)
    for path, column, field in level.known():
        yield from _wrong_type(path, column, field)
    for column in level.unlisted() if level.closed else ():
        yield _unlisted(join(level.above, column.name), column, meant.get(column.name), contract)
    names = {field.name: name for name, field in meant.items()}
    for field in level.absent():
        if field.required:
            yield _missing(join(level.above, field.name), field, names.get(field.name))


# -------------------------------------------------------------------------------------------------------- the findings
def _wrong_type(path: str, column: Column, field: Field) -> Iterator[Finding]:
    wrong = difference(column, field)
    if wrong:
        wanted = wanted_words(field)
        also = f" and {wrong.note}" if wrong.note else ""
        yield Finding(
            "column-type",
            wrong.severity,
            f'column "{path}" is {wrong.found}{also}; the contract wants {with_article(wanted)}: {wrong.advice}',
            column=path,
            expected=wanted,
            found=f"{wrong.found}, {wrong.note}" if wrong.note else wrong.found,
            advice=wrong.advice,
        )


def _repeated(path: str, count: int) -> Finding:
    found, advice = f"{count:,} columns of this name", "keep one of them, rename the others"
    return Finding(
        "repeated-column",
        "error",
        f'the file has {count:,} columns that are called "{path}", so nobody knows which is meant: {advice}',
        column=path,
        count=count,
        expected="one column",
        found=found,
        advice=advice,
    )


def _unlisted(path: str, column: Column, meant: Field | None, contract: Contract) -> Finding:
    found, also, advice = found_words(column), "", "remove it, or add it to the contract"
    word = personal_word(column.name)
    if meant and (word is None or meant.hashed or _same_letters(column.name, meant.name)):
        advice = _rename(column.name, meant.name)
    elif word is not None:
        found, advice = f"{found}, named like personal data", "remove it, or hash it into a listed column"
        also = f' and its name says personal data ("{word}")'
    return Finding(
        "unlisted-column",
        "error",
        f'column "{path}" is not in the contract {contract.label}{also}: {advice}',
        column=path,
        expected=_NO_COLUMN,
        found=found,
        advice=advice,
    )


def _missing(path: str, field: Field, found_name: str | None) -> Finding:
    wanted = wanted_words(field)
    advice = "add it" if found_name is None else f'add it, or rename "{found_name}" if that is meant'
    if found_name is not None and _same_letters(found_name, field.name):
        advice = f'rename "{found_name}"'
    return Finding(
        "missing-column",
        "error",
        f'column "{path}" is missing; the contract wants {with_article(wanted)}: {advice}',
        column=path,
        expected=wanted,
        found=_NO_COLUMN,
        advice=advice,
    )


def _rename(name: str, meant: str) -> str:
    return f'rename it to "{meant}"' + ("" if _same_letters(name, meant) else " if that is meant, or remove it")


# ----------------------------------------------------------------------------------------------------- misspelt names
def _meant(level: _Level) -> dict[str, Field]:
    """By the name of an unlisted column, the absent one that it probably is; each for one at most."""
    waiting = {field.name: field for field in level.absent()}
    names = [column.name for column in level.unlisted()]
    by_letters = {_letters(name): name for name in reversed(waiting)}
    meant = {}
    for name in names:
        same = by_letters.pop(_letters(name), None)
        if same is not None:
            meant[name] = waiting.pop(same)
    if len(names) * len(waiting) <= _MOST_COMPARED:
        for name in names:
            close = None if name in meant else _closest(name, list(waiting))
            if close is not None:
                meant[name] = waiting.pop(close)
    return meant


def _closest(name: str, candidates: list[str]) -> str | None:
    if len(name) > _LONGEST_COMPARED:
        return None
    by_folded = {candidate.casefold(): candidate for candidate in candidates if len(candidate) <= _LONGEST_COMPARED}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=_ALIKE)
    return by_folded[close[0]] if close else None


def _same_letters(one: str, other: str) -> bool:
    return _letters(one) == _letters(other)


def _letters(name: str) -> str:
    """The name without what writers change: case, dashes, underscores, spaces; as it is where nothing would be left."""
    return _NOT_LETTERS.sub("", name.casefold()) or name


# ----------------------------------------------------------------------------------------------- files without contract
def agree(first: tuple[Column, ...], first_name: str, columns: tuple[Column, ...]) -> list[Finding]:
    """How a file's columns are not those of the first file of its push; their order and nullability do not matter.

    Args:
        first: The first file's columns.
        first_name: What to call that file.
        columns: The other's.
    """
    return list(_disagreements(first, first_name, columns, ""))


def _disagreements(
    first: tuple[Column, ...], first_name: str, columns: tuple[Column, ...], above: str
) -> Iterator[Finding]:
    expected, found = _numbered(first), _numbered(columns)
    for key in {**expected, **found}:
        path, one, other = join(above, key[0]), expected.get(key), found.get(key)
        if one and other and one.children and other.children and one.family == other.family:
            yield from _disagreements(one.children, first_name, other.children, path)
        elif (one and _type_key(one)) != (other and _type_key(other)):
            yield _disagreement(path, one, other, first_name)


def _numbered(columns: tuple[Column, ...]) -> dict[tuple[str, int], Column]:
    """By name, and by number among those of one name."""
    seen: Counter[str] = Counter()
    numbered = {}
    for column in columns:
        numbered[column.name, seen[column.name]] = column
        seen[column.name] += 1
    return numbered


def _type_key(column: Column) -> tuple[str, str]:
    return column.family, plain_type(column.type)


def _disagreement(path: str, one: Column | None, other: Column | None, first_name: str) -> Finding:
    expected, found = (found_words(column) if column else _NO_COLUMN for column in (one, other))
    what = f"is {found}, but {expected} in {first_name}"
    if one is None:
        what = f"is not in {first_name}"
    elif other is None:
        what = f"is missing, but {first_name} has it"
    return Finding(
        "files-disagree",
        "error",
        f'column "{path}" {what}: write all files of one push alike',
        column=path,
        expected=expected,
        found=found,
        advice=_alike(one, other, first_name),
    )


def _alike(one: Column | None, other: Column | None, first_name: str) -> str:
    if one is None:
        return f"remove it, or add it to {first_name}"
    if other is None:
        return f"add it, or remove it from {first_name}"
    return f"write it as in {first_name}"
