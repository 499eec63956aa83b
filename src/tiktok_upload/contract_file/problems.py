"""What is wrong with a contract, and where: by line, and by the keys that lead there."""

import difflib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from tiktok_upload.contract_file.tree import Problem, Rows, Scalar, Table, Tree, kind_of
from tiktok_upload.text import escape

MOST_SHOWN = 60  # characters of a name that the file invented
_MOST_COMPARED = 500  # names; a guess is not worth more time


class Wrong(ValueError):  # noqa: N818 - a claim about one value, turned into a Problem at its place
    """A value that will not do; `hint` says what would."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Spot:
    """A part of the file, with the way to it.

    Attributes:
        node: What is there.
        line: Of its key, or of itself where it has none.
        problems: All that were found anywhere in the file; reports are added to it.
        trail: The keys that lead here from the contract, or from the column.
        column: The path of the column that it belongs to; empty outside all columns.
    """

    node: Tree
    line: int
    problems: list[Problem]
    trail: tuple[str, ...] = ()
    column: str = ""

    def at(self, key: str | int) -> Self:
        """What is there by that key or number; the caller knows that there is something."""
        node = self.node
        if isinstance(node, Table) and isinstance(key, str):
            return self._below(node[key], node.key_lines[key], shown(key))
        if isinstance(node, Rows) and isinstance(key, int):
            return self._below(node[key], node[key].line, f"[{shown(_label(node[key], key))}]")
        raise TypeError(f"{kind_of(node)} has no {key!r}")

    def _below(self, node: Tree, line: int, step: str) -> Self:
        return type(self)(node, line, self.problems, (*self.trail, step), self.column)

    def find(self, key: str) -> Self | None:
        """The same, or None where there is no such key."""
        return self.at(key) if isinstance(self.node, Table) and key in self.node else None

    def of_column(self, path: str) -> Self:
        """The same as a column, from which the trail begins anew."""
        return type(self)(self.node, self.line, self.problems, (), path)

    def rows(self) -> Iterator[Self]:
        """The items of a list; anything else is reported."""
        if not isinstance(self.node, Rows):
            self.report(f"is {kind_of(self.node)}, not a list", "begin each item on a line of its own with - ")
            return
        yield from map(self.at, range(len(self.node)))

    @property
    def place(self) -> str:
        """In words: `logicalTypeOptions.pattern of column contents[].price`."""
        keys = "".join(step if step.startswith("[") else f".{step}" for step in self.trail).lstrip(".")
        if not self.column:
            return keys or "the contract"
        column = f"column {shown(self.column)}"
        return f"{keys} of {column}" if keys else column

    def report(self, message: str, hint: str = "") -> None:
        """Something is wrong here."""
        self.problems.append(Problem(self.line, self.place, message, hint))

    def report_wrong(self, wrong: Wrong) -> None:
        """The same of a value."""
        self.report(wrong.message, wrong.hint)


def _label(item: Tree, key: int) -> str:
    name = item.get("name") if isinstance(item, Table) else None
    return name.text if isinstance(name, Scalar) and name.text else str(key)


def did_you_mean(word: str, words: Iterable[str], cutoff: float = 0.6) -> str:
    """A guess whatever the case, or an empty string."""
    plain = {known.lower(): known for known in itertools.islice(words, _MOST_COMPARED)}
    near = difflib.get_close_matches(word[:MOST_SHOWN].lower(), plain, n=1, cutoff=cutoff)
    return f"did you mean {shown(plain[near[0]])}?" if near else ""


def shown(text: str) -> str:
    """Text of the file, made safe to show and cut to a line."""
    return escape(text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…")
