"""A checked file's facts as a table, for people: plain text that fits the terminal."""

import re
import shutil
import sys
from decimal import Decimal, InvalidOperation

from tiktok_upload.cli.cells import cells, shorten
from tiktok_upload.cli.findings_text import findings_lines, unproved_text
from tiktok_upload.cli.output import silence_stdout
from tiktok_upload.events import FileReport
from tiktok_upload.facts import Column, FileFacts
from tiktok_upload.text import escape
from tiktok_upload.units import format_size

_MOST_COLUMNS = 200
_MOST_FINDINGS = 20
_GAP = 2
_INDENT = "  "
_WIDTH_OF_A_PIPE = 120
_HEADER = ("column", "type", "nulls", "range")
_NULLS = 2
# A name is cut down to this rather than a whole column left out, and to this rather than types and ranges cut.
_SHORT_NAME, _LONG_NAME = 8, 32
_SHORT_TYPE = 22  # `timestamp[us, tz=UTC]`
_SHORT_VALUE = 12
_SHORT_DIGITS = 6
_LONG_WRITER = 48

_Cells = tuple[str, ...]


def print_check(report: FileReport) -> None:
    """The file's table on stdout with its findings under it; nothing where it was not looked into."""
    if sys.stdout is None or (report.facts is None and not report.findings):
        return
    width = shutil.get_terminal_size((_WIDTH_OF_A_PIPE, 24)).columns
    text = "".join(f"{line}\n" for line in check_lines(report, width))
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except (OSError, ValueError):
        silence_stdout()


def check_lines(report: FileReport, width: int) -> list[str]:
    """What `print_check` prints. Findings are sentences, and left to the terminal to wrap."""
    lines = facts_table(report.facts, width - len(_INDENT), size_bytes=report.size_bytes) if report.facts else []
    lines += findings_lines(report.findings, width - len(_INDENT), most=_MOST_FINDINGS)
    if report.unproved and report.error is None:
        lines.append(unproved_text(report))
    return [escape(report.path), *(_INDENT + line for line in lines)]


def facts_table(facts: FileFacts, width: int, *, size_bytes: int | None = None) -> list[str]:
    """The file in a line or two, then a line for each column: type, nulls, range.

    Args:
        facts: Of the file; text in it is escaped.
        width: Of the screen, in cells. Too narrow a one costs first the middle of long names and types, then the digits
            of long values, then the ranges, then the nulls.
        size_bytes: Of the file, where it is to be told.
    """
    lines = _flow(_head(facts, size_bytes), width)
    if facts.columns:
        lines += _fitted(facts.columns[:_MOST_COLUMNS], width)
    if len(facts.columns) > _MOST_COLUMNS:
        lines.append(shorten(f"and {len(facts.columns) - _MOST_COLUMNS:,} columns more", width))
    return lines


def _head(facts: FileFacts, size_bytes: int | None) -> list[str]:
    writer = escape(re.sub(r" \(build [^)]*\)", "", facts.created_by))
    return [
        _count(facts.rows, "row"),
        *([f"{facts.rows_read:,} decoded"] if facts.rows_read is not None else []),
        _count(facts.row_groups, "row group"),
        _count(len(facts.columns), "column"),
        *([escape("/".join(facts.codecs).lower())] if facts.codecs else []),
        *([format_size(size_bytes)] if size_bytes is not None else []),
        f"by {shorten(writer, _LONG_WRITER) or 'an unnamed writer'}",
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _flow(parts: list[str], width: int) -> list[str]:
    """The parts with commas between them, on as few lines as they take."""
    lines = [shorten(parts[0], width)]
    for part in parts[1:]:
        longer = f"{lines[-1]}, {part}"
        if cells(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(shorten(part, width))
    return lines


def _fitted(columns: tuple[Column, ...], width: int) -> list[str]:
    """The first layout that leaves enough for the names; the last one must do."""
    half = max((width - _GAP) // 2, 1)
    layouts = (
        (_table(columns, max(_SHORT_TYPE, width // 3), short=False), _LONG_NAME),
        (_table(columns, _SHORT_TYPE, short=False), _SHORT_NAME),
        (short := _table(columns, _SHORT_TYPE, short=True), _SHORT_NAME),
        ([row[:3] for row in short], _SHORT_NAME),
        ([row[:2] for row in short], _SHORT_NAME),
    )
    for rows, least in layouts:
        if _left(rows, width) >= min(least, max(cells(row[0]) for row in rows)):
            return _aligned(rows, width)
    return _aligned([row[:2] for row in _table(columns, half, short=True)], width)


def _table(columns: tuple[Column, ...], type_width: int, *, short: bool) -> list[_Cells]:
    rows = [
        (
            escape(column.name) or '""',
            shorten(escape(column.type), type_width),
            _nulls(column),
            _range(column, short=short),
        )
        for column in columns
    ]
    return [_HEADER, *rows]


def _nulls(column: Column) -> str:
    if column.nulls is None:
        return "?" if column.nullable else "0"
    return f"{column.nulls:,}"


def _range(column: Column, *, short: bool) -> str:
    if column.minimum is None or column.maximum is None:
        return ""
    low, high = (_short_value(text) if short else escape(text) for text in (column.minimum, column.maximum))
    return low if low == high else f"{low} to {high}"


def _short_value(text: str) -> str:
    """A day instead of a time on it, six digits of a long number."""
    if len(text) <= _SHORT_VALUE:
        return escape(text)
    day, _, time = text.partition("T")
    if time:
        return escape(day)
    try:
        return f"~{Decimal(text):.{_SHORT_DIGITS}g}"
    except InvalidOperation:
        return escape(text.partition(".")[0])


def _left(rows: list[_Cells], width: int) -> int:
    """What the other columns leave for the first."""
    return width - sum(column_width + _GAP for column_width in _widths(rows)[1:])


def _widths(rows: list[_Cells]) -> list[int]:
    return [max(map(cells, column)) for column in zip(*rows, strict=True)]


def _aligned(rows: list[_Cells], width: int) -> list[str]:
    widths = _widths(rows)
    widths[0] = max(min(widths[0], _left(rows, width)), 1)
    return [_line(row, widths) for row in rows]


def _line(row: _Cells, widths: list[int]) -> str:
    padded = [
        _padded(shorten(cell, width), width, right=number == _NULLS)
        for number, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return (" " * _GAP).join(padded).rstrip()


def _padded(cell: str, width: int, *, right: bool) -> str:
    spaces = " " * (width - cells(cell))
    return spaces + cell if right else cell + spaces
