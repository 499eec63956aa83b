"""Reads a contract: the part of the Open Data Contract Standard v3 that this tool runs, and nothing that it does not.

The standard's own package passes over a misspelt key, so that `requird: true` asks for nothing. Here an unknown key is
an error, and so is a rule that cannot be checked.
"""

import importlib.resources
import importlib.resources.abc
import os
import stat
from pathlib import Path
from typing import BinaryIO

from tiktok_upload import portable
from tiktok_upload.contract import Contract
from tiktok_upload.contract_file.problems import did_you_mean, shown
from tiktok_upload.contract_file.reader import contract_of
from tiktok_upload.contract_file.tree import MOST_BYTES, Problem
from tiktok_upload.errors import UsageError
from tiktok_upload.text import escape

__all__ = [
    "MOST_BYTES",
    "Problem",
    "lint",
    "load",
    "packaged",
    "packaged_text",
    "parse",
    "purpose",
    "read_bytes",
    "whole_name",
]

_CODE = "contract"
_SUFFIX = ".odcs.yaml"


def load(name_or_path: str) -> Contract:
    """The packaged contract of that name, else the one in that file.

    Raises:
        UsageError: There is none, or something in it is wrong.
    """
    return parse(read_bytes(name_or_path), name_or_path)


def read_bytes(name_or_path: str) -> bytes:
    """What `load` would parse.

    Raises:
        UsageError: There is no such contract, or it cannot be read.
    """
    if name_or_path in packaged():
        return packaged_text(name_or_path).encode()
    if not _is_path(name_or_path):
        known = packaged()
        guess = did_you_mean(name_or_path, known)
        hint = f"{guess or 'name a file, or one that comes along:'} known are {', '.join(known)}"
        raise _error(f"there is no contract {shown(name_or_path)}", hint)
    return _read(Path(name_or_path))


def parse(data: bytes, shown_name: str) -> Contract:
    """The contract in these bytes.

    Raises:
        UsageError: Something is wrong; the message names the file, the line and the first problem.
    """
    contract, problems = contract_of(data)
    if contract:
        return contract
    first, name = problems[0], escape(shown_name)
    more = f"; and {len(problems) - 1} more: tiktok-upload contract lint {name} lists them" if problems[1:] else ""
    raise _error(f"{name}, {first}{more}", first.hint)


def lint(data: bytes, shown_name: str) -> list[Problem]:  # noqa: ARG001 - as parse has it
    """Everything that is wrong, by line; an empty list where `parse` gives a contract."""
    return contract_of(data)[1]


# ----------------------------------------------------------------------------------------------------- what comes along
def packaged() -> tuple[str, ...]:
    """The names of the contracts that come along, sorted."""
    names = (entry.name for entry in _directory().iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def packaged_text(name: str) -> str:
    """The file of that packaged contract, comments included.

    Raises:
        KeyError: There is none of that name.
    """
    if name not in packaged():
        raise KeyError(name)
    return (_directory() / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def purpose(name: str) -> str:
    """What that packaged contract is for, in its own words: the first sentence of its purpose."""
    lines = iter(packaged_text(name).splitlines())
    text = next((line.partition(":")[2].strip() for line in lines if line.strip().startswith("purpose:")), "")
    return text.partition(". ")[0].rstrip(".")


def whole_name(name_or_path: str) -> str:
    """The same name, or the path as it is from every working directory."""
    is_file = name_or_path not in packaged() and _is_path(name_or_path)
    return str(Path(name_or_path).absolute()) if is_file else name_or_path


def _directory() -> importlib.resources.abc.Traversable:
    return importlib.resources.files("tiktok_upload") / "contracts"


# ----------------------------------------------------------------------------------------------------------- the files
def _is_path(text: str) -> bool:
    has_separator = any(separator in text for separator in (os.sep, os.altsep) if separator)
    return has_separator or text.lower().endswith((".yaml", ".yml")) or _exists(text)


def _exists(text: str) -> bool:
    try:
        return bool(text) and Path(text).exists()
    except (OSError, ValueError):
        return False


def _read(path: Path) -> bytes:
    name = escape(str(path))
    try:
        with portable.open_for_reading(path) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _error(f"the contract {name} is no regular file", "name a file")
            return _beginning(file)
    except FileNotFoundError:
        raise _error(
            f"there is no contract {name}", f"check the path; contracts that come along: {', '.join(packaged())}"
        ) from None
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or "no file name"
        raise _error(f"the contract {name} cannot be read: {reason}", "check the path and its rights") from exc


def _beginning(file: BinaryIO) -> bytes:
    """One byte more than there may be, so that the excess is seen."""
    data = bytearray()
    while len(data) <= MOST_BYTES and (more := file.read(MOST_BYTES + 1 - len(data))):
        data += more
    return bytes(data)


def _error(message: str, hint: str) -> UsageError:
    return UsageError(message, hint=hint or "mend the contract", code=_CODE)
