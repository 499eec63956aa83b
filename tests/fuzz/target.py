"""What is fuzzed: a reader of bytes from outside, and what must hold whatever these are."""

import functools
import json
import tempfile
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tiktok_upload.cli.output import error_text
from tiktok_upload.errors import UploadToolError
from tiktok_upload.machine import error_json

_MEMORY = Path("/dev/shm")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        check: Reads the bytes; raises where anything but a right answer or the right error comes of them.
        seeds: What cases are made from.
        tokens: Pieces that mean something to the reader.
        limit_s: A case that takes longer counts as a hang.
        is_guided: Whether coverage may lead to its cases; not where it could forge what the property rests on.
    """

    name: str
    check: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    tokens: tuple[bytes, ...] = ()
    limit_s: float = 5.0
    is_guided: bool = True


class WrongAnswer(AssertionError):  # noqa: N818 - a claim about one case
    """The reader answered, and not rightly."""


def demand(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - the claim itself
    """The claim, or a failure that says what holds instead."""
    if not holds:
        raise WrongAnswer(otherwise)


def demand_safe(text: str) -> None:
    """No character but a line feed that a terminal or a reader would not show."""
    unseen = {character for character in text if unicodedata.category(character) in _UNSEEN} - {"\n"}
    demand(not unseen, f"shows {sorted(map(ascii, unseen))}")


def demand_speech(error: UploadToolError) -> None:
    """It can be shown to people and to machines."""
    text = error_text(error)
    demand_safe(text)
    demand(len(text.splitlines()) <= 3, "an error of more than three lines")
    json.loads(json.dumps(error_json(error)))


@functools.cache
def scratch() -> Path:
    """A directory in memory, gone with this process."""
    made = tempfile.TemporaryDirectory(prefix="fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None)
    _MADE.append(made)
    return Path(made.name)


def clean_up() -> None:
    """Remove it now, for a process that ends without taking itself apart."""
    while _MADE:
        _MADE.pop().cleanup()


_MADE: list[tempfile.TemporaryDirectory[str]] = []
