"""A terminal: lines that stay, and below them a frame that moves. Imported only where there is one: rich is slow."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.cells import cell_len
from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from tiktok_upload.cli.frame import Line, Script, Tone, View, frame

_INDENT = "    "
_STYLES: dict[Tone, str] = {
    "plain": "",
    "ok": "green",
    "warning": "yellow",
    "error": "bold red",
    "hint": "bold",
    "bar": "cyan",
    "sent": "cyan",
    "rest": "dim",
}
# A number and its unit stay together.
_BREAKS = re.compile(r"(?<!\d) +| +(?!(?:[KMGT]?i?B(?:/s)?|s|min|h|d|%)(?!\w))")
_FALLBACK_ENCODING = "ascii"


def terminal(*, no_color: bool) -> "Screen":
    """What stderr is."""
    # None leaves it to NO_COLOR.
    console = Console(stderr=True, no_color=no_color or None, highlight=False, markup=False, emoji=False)
    # The fonts of a legacy Windows console lack what its encoding may hold.
    encoding = _FALLBACK_ENCODING if console.legacy_windows else getattr(sys.stderr, "encoding", None)
    return Screen(console, Script(encoding or _FALLBACK_ENCODING))


class Screen:
    """Lines on a terminal with a frame below them.

    The cursor rests on a line of its own below the frame, so that what the terminal echoes (`^C`) harms nothing, and
    a killed process leaves the prompt where it belongs. A terminal that goes away is no error.

    Args:
        console: Of rich.
        script: What it can show.
    """

    def __init__(self, console: Console, script: Script) -> None:
        self._console = console
        self._script = script
        self._drawn: tuple[Line, ...] = ()
        self._view: View | None = None
        self._is_busy = False
        self._later: list[tuple[str, Tone]] = []

    def show(self, view: View) -> None:
        """Draw the frame anew."""
        self._view = view
        self._write(lambda: None)

    def line(self, text: str, tone: Tone = "plain") -> None:
        """Lines above the frame, broken at words; the first one's label in this tone.

        May be called from a signal handler: what comes in the middle of another drawing waits for its end.
        """
        if self._is_busy:
            self._later.append((text, tone))
        else:
            self._write(lambda: self._print(text, tone))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The frame is away meanwhile: for whoever writes to the same terminal."""
        view, self._view = self._view, None
        self._write(lambda: None)
        try:
            yield
        finally:
            self._view = view
            self._write(lambda: None)

    def stop(self) -> None:
        """Take the frame away."""
        self._view = None
        self._write(lambda: None)

    # ------------------------------------------------------------------------------------------------------- drawing
    def _write(self, print_lines: Callable[[], None]) -> None:
        """The frame away, the lines, the frame again: in one piece, so that nothing flickers."""
        self._is_busy = True
        try:
            with self._console:
                self._erase()
                print_lines()
                while self._later:
                    self._print(*self._later.pop(0))
                self._draw()
        except (OSError, ValueError):
            self._drawn = ()
        finally:
            self._is_busy = False
        if self._later:  # a signal came between the last look and here
            self._write(lambda: None)

    def _erase(self) -> None:
        if not self._drawn:
            return
        width, height = self._console.size
        rows = sum(max(1, -(-_cells(line) // max(1, width))) for line in self._drawn)  # narrower, lines take more rows
        up = [(ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)] * min(rows, height - 1)
        self._console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *up))
        self._drawn = ()

    def _draw(self) -> None:
        if self._view is None:
            return
        width, height = self._console.size
        lines = frame(self._view, width, height, self._script)
        for line in lines:
            self._put(Text.assemble(*((text, _STYLES[tone]) for text, tone in line)))
        self._drawn = tuple(lines)

    def _print(self, text: str, tone: Tone) -> None:
        for number, line in enumerate(text.splitlines()):
            for row in wrapped(self._script.shown(line), self._console.width):
                shown = Text(row)
                label = row.find(":") + 1
                if label and not row.startswith(_INDENT):
                    shown.stylize(_STYLES[tone if number == 0 else "hint"], 0, label)
                self._put(shown)

    def _put(self, text: Text) -> None:
        # Wider lines are the terminal's to break: so a path or a URI can still be copied whole.
        self._console.print(text, soft_wrap=True)


def _cells(line: Line) -> int:
    return sum(cell_len(text) for text, _ in line)


def wrapped(text: str, width: int) -> list[str]:
    """The line, broken at words, what follows indented; a word that is wider than the screen stays whole."""
    if cell_len(text) <= width:
        return [text]
    lead = text[: len(text) - len(text.lstrip(" "))]
    rows, row = [], lead
    for word in _BREAKS.split(text.strip(" ")):
        is_first = not row.strip()
        if not is_first and cell_len(row) + 1 + cell_len(word) > width:
            rows.append(row)
            row, is_first = _INDENT if width > 2 * len(_INDENT) else "", True
        row += word if is_first else f" {word}"
    return [*rows, row]
