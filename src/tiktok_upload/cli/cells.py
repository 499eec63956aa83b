"""Text measured in the cells of a terminal."""

import unicodedata

_CUT = ".."  # not every terminal has an ellipsis


def shorten(text: str, width: int) -> str:
    """The text with its middle left out where it takes more cells than that."""
    if cells(text) <= width:
        return text
    room = max(width - len(_CUT), 0)
    if not room:
        return _CUT[:width]
    return _start(text, room - room // 2) + _CUT + _start(text[::-1], room // 2)[::-1]


def _start(text: str, width: int) -> str:
    used = 0
    for number, character in enumerate(text):
        used += cells(character)
        if used > width:
            return text[:number]
    return text


def cells(text: str) -> int:
    """How many cells of a terminal it takes: two for each Chinese character, none for an accent of its own."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
