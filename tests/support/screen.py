"""A terminal of a fixed size in memory: what a person would see after all that was written to it."""

import io
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable

_CODE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")


@dataclass(frozen=True)
class Cell:
    """A character with the colour codes it was written under; the second cell of a wide one is empty."""

    text: str = " "
    sgr: str = ""


@dataclass
class Terminal(io.StringIO):
    """A stream that interprets what is written: line feeds, carriage returns, `CSI A`, `CSI K` and colours.

    Anything else is an error: the display shall not need more than every terminal has.

    Attributes:
        width, height: Cells.
        scrolled: Lines that left the screen at its top.
        before_write: Called when something is about to be written, as a signal may come then.
    """

    width: int = 80
    height: int = 24
    encoding_name: str = "utf-8"
    scrolled: list[list[Cell]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.lines: list[list[Cell]] = [[]]
        self.row = self.column = 0
        self.sgr = ""
        self.before_write: Callable[[], object] = lambda: None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.encoding_name

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        assert text == text.encode(self.encoding_name, "replace").decode(self.encoding_name), "not in its encoding"
        self.before_write()
        rest = text
        while rest:
            code = _CODE.match(rest)
            if code:
                self._control(code[1], code[2])
                rest = rest[code.end() :]
            else:
                self._put(rest[0])
                rest = rest[1:]
        return len(text)

    def echo(self, text: str) -> None:
        """What the terminal itself shows, as `^C`."""
        for character in text:
            self._put(character)

    def _control(self, number: str, letter: str) -> None:
        if letter == "m":
            self.sgr = "" if number in ("", "0") else f"{self.sgr}\x1b[{number}m"
        elif letter == "K" and number == "2":
            self.lines[self.row] = []
        elif letter == "A":
            self.row -= int(number or 1)
            assert self.row >= 0, "the cursor would leave the screen: the frame was higher than it"
        else:
            raise AssertionError(f"CSI {number}{letter}")

    def _put(self, character: str) -> None:
        if character == "\n":
            self._feed()
            self.column = 0
        elif character == "\r":
            self.column = 0
        else:
            assert character.isprintable(), repr(character)
            self._draw(character)

    def _draw(self, character: str) -> None:
        cells = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if self.column + cells > self.width:
            self._feed()
            self.column = 0
        line = self.lines[self.row]
        line += [Cell()] * (self.column + cells - len(line))
        line[self.column : self.column + cells] = [Cell(character, self.sgr), *[Cell("")] * (cells - 1)]
        self.column += cells

    def _feed(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append([])
        if self.row == self.height:
            self.scrolled.append(self.lines.pop(0))
            self.row -= 1

    @property
    def screen(self) -> list[str]:
        """The rows that are seen, without blanks at their ends; no empty rows at the end."""
        return _rows(self.lines)

    @property
    def text(self) -> str:
        """All rows, those that left the screen too."""
        return "".join(f"{row}\n" for row in _rows([*self.scrolled, *self.lines]))

    def picture(self, title: str) -> str:
        """All rows as an SVG."""
        rows = [*self.scrolled, *self.lines]
        while rows and not _rows([rows[-1]]):
            rows.pop()
        console = Console(record=True, width=self.width, file=io.StringIO(), highlight=False)
        for row in rows:
            console.print(_styled(row), soft_wrap=True)
        return console.export_svg(title=title, unique_id=re.sub(r"\W+", "-", title))


def _rows(lines: list[list[Cell]]) -> list[str]:
    rows = ["".join(cell.text for cell in line).rstrip() for line in lines]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _styled(row: list[Cell]) -> Text:
    shown = "".join(f"{cell.sgr}{cell.text}\x1b[0m" if cell.sgr else cell.text for cell in row)
    return next(iter(AnsiDecoder().decode(shown)), Text())
