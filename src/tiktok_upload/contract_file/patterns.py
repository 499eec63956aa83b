"""Whether a regular expression can be run: by RE2, which runs it, and in the meaning that Python and ECMA give it.

RE2 itself is out of reach here: it comes with pyarrow, which only the child process loads. So Python says whether the
expression is sound, and a scan of its text finds what RE2 lacks.
"""

import re
import warnings

MOST_CHARACTERS = 1_000
"""Lower: long alternatives no longer fit. Higher: RE2 refuses what it would need too much memory for."""
_MOST_REPEATS = 1_000  # RE2's own limit, of repeats in repeats as well
_MOST_ATOMS = 10_000  # characters and classes, repeats written out: far below RE2's memory limit

_TOKEN = re.compile(
    r"""(?P<escape>\\.)
      | (?P<class>\[\^?\]?(?:\\.|[^\]\\])*\])
      | (?P<open>\((?:\?(?:P<\w+>|P=|P>|<[=!]|[=!>(#]|[a-zA-Z-]*[:)]))?)
      | (?P<close>\))
      | (?P<repeat>(?:[*+?]|\{(?P<low>\d*)(?P<comma>,?)(?P<high>\d*)\})(?P<after>[?+]?))
      | (?P<literal>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = frozenset("dDwWsSbBAafnrtvx")
_CLASS_ESCAPES = _ESCAPES - frozenset("bBA")
_FLAGS = re.compile(r"\(\?[ims]*(-[ims]+)?[:)]")

Fault = tuple[str, str]
"""What is wrong with it, and what to do."""


def fault(pattern: str) -> Fault | None:
    r"""The first reason why it cannot be run, or None.

    Escapes that stand for classes (`\d`) mean ASCII, as in RE2 and ECMA.
    """
    if len(pattern) > MOST_CHARACTERS:
        return f"has more than {MOST_CHARACTERS} characters", "list values with enum instead"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of sets that may one day mean something else
            re.compile(pattern)
    except (re.error, Warning, OverflowError, RecursionError) as exc:
        return f"is no regular expression: {_reason(exc)}", "mend it; a special character is meant by itself after a \\"
    return _lacking(pattern)


def _reason(exc: Exception) -> str:
    return exc.msg if isinstance(exc, re.error) else "it is ambiguous, or too large"


def _lacking(pattern: str) -> Fault | None:
    sizes = _Sizes()
    for token in _TOKEN.finditer(pattern):
        found = _fault_of(token) or sizes.take(token)
        if found:
            return found
    return None


def _fault_of(token: re.Match[str]) -> Fault | None:
    written = token[0]
    if token["escape"]:
        return _escape(written, _ESCAPES)
    if token["class"]:
        return _class(written)
    if token["open"]:
        return _group(written)
    return _repeat(token) if token["repeat"] else None


def _class(written: str) -> Fault | None:
    if "[:" in written:
        return "has a POSIX class", "write the characters: [0-9A-Za-z]"
    escapes = (_escape(one, _CLASS_ESCAPES) for one in re.findall(r"\\.", written, re.DOTALL))
    return next(filter(None, escapes), None)


def _repeat(token: re.Match[str]) -> Fault | None:
    if token["repeat"].startswith("{,"):
        return "has {,n}, which engines read differently", "write {0,n}"
    if token["after"] == "+":
        return "has a possessive repeat", "leave out the + after *, +, ? or }"
    return None


def _escape(written: str, known: frozenset[str]) -> Fault | None:
    character = written[1]
    if character.isdigit():
        return "refers back to a group, or to a character by its octal number", "write \\x41 for a character"
    if character in known or (character.isascii() and not character.isalnum()):
        return None
    return f"has {written!a}, which RE2 does not know", "write the character itself, or \\x41"


def _group(written: str) -> Fault | None:
    if written == "(" or written.startswith("(?P<"):
        return None
    if written[2:] in {"=", "!", "<=", "<!"}:
        return (
            "looks ahead or behind, which RE2 cannot",
            "write what is wanted, not what is not; or list values with enum",
        )
    if _FLAGS.fullmatch(written):
        return None
    return f"has {written}, which RE2 does not know", "write it without"


class _Sizes:
    """How large it is with all repeats written out; RE2 refuses what is too large."""

    def __init__(self) -> None:
        self._open: list[tuple[int, int]] = []  # of each open group: atoms before it, and repeats within it
        self._atoms, self._last = 0, 0
        self._deepest, self._last_deepest = 1, 1

    def take(self, token: re.Match[str]) -> Fault | None:
        if token["open"]:
            self._open.append((self._atoms, self._deepest))
            self._atoms, self._deepest = 0, 1
        elif token["close"]:
            self._close()
        elif token["repeat"]:
            return self._repeat(token)
        else:
            self._atoms, self._last, self._last_deepest = self._atoms + 1, 1, 1
        return None

    def _close(self) -> None:
        before, deepest = self._open.pop() if self._open else (0, 1)
        self._last, self._last_deepest = self._atoms, self._deepest
        self._atoms += before
        self._deepest = max(deepest, self._deepest)

    def _repeat(self, token: re.Match[str]) -> Fault | None:
        times = int(token["high"] or token["low"] or 1)
        deepest = self._last_deepest * max(times, 1)
        self._atoms += self._last * max(times - 1, 0)
        self._deepest = max(self._deepest, deepest)
        if deepest > _MOST_REPEATS or self._atoms > _MOST_ATOMS:
            return f"repeats something more than {_MOST_REPEATS} times", "use minLength and maxLength for lengths"
        return None
