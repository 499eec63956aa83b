"""Text that came from somewhere else, made safe to show."""

import unicodedata

# Control, format (bidi overrides, zero-width signs), lone surrogates, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LAST_OF_ONE_BYTE, _LAST_OF_TWO = 0xFF, 0xFFFF


def escape(text: str) -> str:
    r"""The same text with every character that could fool a reader or a terminal made visible.

    A line feed becomes `\x0a`, a right-to-left override `\u202e`, a byte of a name that is not UTF-8 `\udcff`.
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN:
        return character
    code = ord(character)
    if code <= _LAST_OF_ONE_BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _LAST_OF_TWO else f"\\U{code:08x}"
