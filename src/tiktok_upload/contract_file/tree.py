"""YAML as a tree of texts with their lines: no type is guessed before somebody asks for it.

PyYAML's own loader makes `no` a boolean, `2026-01-01` a date and `1.10` a number, keeps the last of two equal keys, and
follows aliases, of which a few lines can make gigabytes. So only its events are used, of the version written in Python:
the other one differs in its messages and is not in every wheel.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

import yaml

from tiktok_upload.text import escape

MOST_BYTES = 1 << 20
"""Lower: a few thousand columns no longer fit. Higher: a file named by mistake takes longer to be refused."""
MOST_DEPTH = 128
"""Of lists and mappings in each other. Lower: deeply nested columns no longer fit. Higher: Python's stack ends."""

_NULLS = {"", "~", "null", "Null", "NULL"}
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,40}", re.ASCII)  # Python reads no number of 4,300 digits
_NUMBER = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,4})?", re.ASCII)
_HALVES = re.compile("[\ud800-\udfff]")
_LINE_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a contract.

    Attributes:
        line: Counted from 1.
        place: What is wrong there: `requird of column email`.
        message: What is wrong with it, so that both make a sentence: `is not known`.
        hint: What to do; may be empty.
    """

    line: int
    place: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"line {self.line}: {self.place} {self.message}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """Anything that is no list and no mapping.

    Attributes:
        text: As the file says it, without quotes.
        value: What YAML 1.2 makes of it; of what stands in quotes always the text.
    """

    text: str
    value: Value
    line: int


class Rows(list["Tree"]):
    """A list."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


class Table(dict[str, "Tree"]):
    """A mapping, with the lines of its keys."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.key_lines: dict[str, int] = {}

    def put(self, key: str, node: "Tree", line: int) -> None:
        """Set a value whose key is in that line."""
        self[key] = node
        self.key_lines[key] = line


Tree = Union[Scalar, Rows, Table]  # noqa: UP007 - names the classes above as text


class Unreadable(Exception):  # noqa: N818 - carries the one problem that ends the reading
    """There is no tree, so nothing more can be said of the file."""

    def __init__(self, line: int, message: str, hint: str, place: str = "the file") -> None:
        super().__init__(message)
        self.problem = Problem(line, place, message, hint)


def read(data: bytes, problems: list[Problem]) -> Table:
    """The mapping that the file is; what is wrong but can be passed over is added to `problems`.

    Raises:
        Unreadable: It is none.
    """
    text = _decoded(data)
    try:
        root = _Builder(problems).built(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as exc:
        raise _not_yaml(exc, text) from exc
    except (ValueError, OverflowError) as exc:  # of an escape that stands for no character
        raise Unreadable(1, "is no YAML: an escape or a directive has a number too large", "mend it") from exc
    if not isinstance(root, Table):
        what = "is empty" if root is None else f"is {kind_of(root)}, not a mapping"
        raise Unreadable(1, what, "begin with apiVersion: v3.2.0")
    return root


def kind_of(node: Tree) -> str:
    """In words, for messages."""
    if isinstance(node, Scalar):
        return _kind_of_value(node.value)
    return "a list" if isinstance(node, Rows) else "a mapping"


def _kind_of_value(value: Value) -> str:
    if value is None:
        return "nothing"
    return {bool: "true or false", int: "a number", float: "a number"}.get(type(value), "text")


# ---------------------------------------------------------------------------------------------------------- the bytes
def _decoded(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise Unreadable(1, f"has more than {MOST_BYTES >> 20} MiB", "name the right file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise Unreadable(data.count(b"\n", 0, exc.start) + 1, "is not UTF-8", "save it as UTF-8") from None


def _not_yaml(exc: yaml.YAMLError, text: str) -> Unreadable:
    if isinstance(exc, yaml.reader.ReaderError):
        line = len(_LINE_BREAKS.findall(text, 0, exc.position)) + 1
        return Unreadable(line, "holds a character that YAML does not allow", r'write it as an escape: "\x07"')
    mark, reason = getattr(exc, "problem_mark", None), getattr(exc, "problem", None) or "it cannot be read"
    hint = "mend that line; text with : or # in it stands in quotes"
    return Unreadable(mark.line + 1 if mark else 1, f"is no YAML: {escape(str(reason))}", hint)


# ----------------------------------------------------------------------------------------------------------- the tree
class _Builder:
    """Puts events together without recursion, so that no depth of nesting ends Python's stack."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._root: Tree | None = None
        self._open: list[Rows | Table] = []
        self._keys: list[Scalar | None] = []  # one for each that is open: the key whose value comes next
        self._documents = 0

    def built(self, events: Iterator[yaml.Event]) -> Tree | None:
        for event in events:
            mark = event.start_mark
            self._take(event, mark.line + 1 if mark else 1)
        return self._root

    def _take(self, event: yaml.Event, line: int) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._begin_document(line)
            case yaml.AliasEvent():
                raise Unreadable(line, "has an alias (*), which is not followed", "write out what it stands for")
            case yaml.ScalarEvent():
                self._check_tag(event, line)
                self._add(self._scalar(event, line), line)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._check_tag(event, line)
                self._begin(Table(line) if isinstance(event, yaml.MappingStartEvent) else Rows(line), line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
                self._keys.pop()

    def _begin_document(self, line: int) -> None:
        self._documents += 1
        if self._documents > 1:
            raise Unreadable(line, "holds more than one document", "keep one contract in a file, without ---")

    def _begin(self, node: Rows | Table, line: int) -> None:
        if len(self._open) >= MOST_DEPTH:
            raise Unreadable(line, f"is nested more than {MOST_DEPTH} deep", "name the right file")
        self._add(node, line)
        self._open.append(node)
        self._keys.append(None)

    def _add(self, node: Tree, line: int) -> None:
        if not self._open:
            self._root = node
            return
        parent, key = self._open[-1], self._keys[-1]
        if isinstance(parent, Rows):
            parent.append(node)
        elif key is None:
            self._keys[-1] = self._key(node, line)
        else:
            self._set(parent, key, node)
            self._keys[-1] = None

    def _key(self, node: Tree, line: int) -> Scalar:
        if not isinstance(node, Scalar):
            raise Unreadable(line, f"has {kind_of(node)} as a key", "a key is one word; text with { or [ needs quotes")
        return node

    def _set(self, parent: Table, key: Scalar, node: Tree) -> None:
        if key.text in parent:
            before = parent.key_lines[key.text]
            self._report(
                key.line, escape(key.text[:60]), f"is there twice; before in line {before}", "keep one of them"
            )
            return
        parent.put(key.text, node, key.line)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> Scalar:
        text = event.value
        if _HALVES.search(text):
            self._report(line, "a text", "holds half of a character", r'write the whole one: "\U0001F600"')
            text = _HALVES.sub("\ufffd", text)
        return Scalar(text, _resolved(text) if event.implicit[0] else text, line)

    def _check_tag(self, event: yaml.NodeEvent, line: int) -> None:
        if event.tag is not None:  # type: ignore[attr-defined]
            tag = escape(event.tag[:60])  # type: ignore[attr-defined]
            self._report(line, tag, "is a tag, and none is known", "leave it out; text stands in quotes")

    def _report(self, line: int, place: str, message: str, hint: str) -> None:
        self._problems.append(Problem(line, place, message, hint))


def _resolved(text: str) -> Value:
    """As YAML 1.2 has it, where `no` is a word and a date is text; what is no finite number is text, too."""
    if text in _NULLS:
        return None
    if text in _FLAGS:
        return _FLAGS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text
