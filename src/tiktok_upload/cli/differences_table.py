"""Columns that are not what they should be, as one table for people: plain text that fits the terminal."""

from collections.abc import Sequence

from tiktok_upload.cli.cells import cells, shorten
from tiktok_upload.facts import Finding
from tiktok_upload.text import escape

_HEADER = ("column", "expected", "found", "what to do")
_GAP = "  "
_MOST_ROWS = 200
_LONG_NAME = 64
_LONG_TYPE = 80  # a struct's may go on for pages
_LEAST = 14
"""Cells of each table column. Lower: words are cut into pieces. Higher: a narrow screen has a list sooner."""

_Row = tuple[str, ...]


def differences_lines(findings: Sequence[Finding], width: int) -> list[str]:
    """A table of the findings that say what was expected, what was found and what to do; no lines where none does.

    Args:
        findings: Those that say less are left out; text in the others is escaped.
        width: Of the screen, in cells. On a narrow one the cells go on in the lines below; on one too narrow for that,
            what would be a row is a list of four.
    """
    rows = [row for finding in findings if (row := _row(finding))]
    if not rows:
        return []
    shown = [_HEADER, *rows[:_MOST_ROWS]]
    widths = _widths(shown, width)
    lines = _table(shown, widths) if _is_wide_enough(shown, widths) else _lists(shown[1:], width)
    if len(rows) > _MOST_ROWS:
        lines.append(shorten(f"and {len(rows) - _MOST_ROWS:,} differences more", width))
    return lines


def _row(finding: Finding) -> _Row | None:
    expected, found, advice = finding.expected, finding.found, finding.advice
    if expected is None or found is None or advice is None:
        return None
    return (
        shorten(escape(finding.column or "") or '""', _LONG_NAME),
        shorten(escape(expected), _LONG_TYPE),
        shorten(escape(found), _LONG_TYPE),
        ("warning: " if finding.severity == "warning" else "") + escape(advice),
    )


def _table(rows: list[_Row], widths: list[int]) -> list[str]:
    return [line for row in rows for line in _lines(row, widths)]


def _lines(row: _Row, widths: list[int]) -> list[str]:
    """A row's cells side by side, on as many lines as the longest takes."""
    name = [shorten(row[0], widths[0])]
    wrapped = [name, *(_wrapped(cell, width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    lines = []
    for number in range(max(map(len, wrapped))):
        parts = [cell[number] if number < len(cell) else "" for cell in wrapped]
        lines.append(_GAP.join(map(_padded, parts, widths)).rstrip())
    return lines


def _lists(rows: list[_Row], width: int) -> list[str]:
    """Each row as four lines or more, with what the cells are before them and an empty line between rows."""
    labels = max(map(cells, _HEADER))
    widths = [labels, max(width - labels - len(_GAP), 1)]
    lines = []
    for row in rows:
        for label, cell in zip(_HEADER, (shorten(row[0], widths[1]), *row[1:]), strict=True):
            lines += _lines((label, cell), widths)
        lines.append("")
    return lines[:-1]


def _widths(rows: list[_Row], width: int) -> list[int]:
    """Of the table's columns: all that they need, or as much of it as the widest can have if each has as much."""
    needed = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    left, widths = width - len(_GAP) * (len(needed) - 1), list(needed)
    for rank, number in enumerate(sorted(range(len(needed)), key=needed.__getitem__)):
        widths[number] = max(min(needed[number], left // (len(needed) - rank)), 1)
        left -= widths[number]
    return widths


def _is_wide_enough(rows: list[_Row], widths: list[int]) -> bool:
    needed = (max(map(cells, column)) for column in zip(*rows, strict=True))
    return all(width >= min(_LEAST, need) for width, need in zip(widths, needed, strict=True))


def _wrapped(text: str, width: int) -> list[str]:
    """The text on lines of at most so many cells; only words that are too long for one are cut."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if cells(longer) <= width:
            lines[-1] = longer
        else:
            pieces = _pieces(word, width)
            lines[-1:] = pieces if not lines[-1] else [lines[-1], *pieces]
    return lines


def _pieces(word: str, width: int) -> list[str]:
    pieces = [""]
    for character in word:
        if pieces[-1] and cells(pieces[-1] + character) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cells(text))
