"""Which files a command means: files, directories and globs, with the names they keep."""

import fnmatch
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tiktok_upload.errors import SourceError, UploadToolError, UsageError
from tiktok_upload.text import escape

_MAGIC = frozenset("*?[")
_LONGEST_PATH = 32_767  # of any system
_MOST_SHORT = 8  # more names of one character each than this are the bytes of UTF-16


@dataclass(frozen=True, slots=True)
class Input:
    """One file.

    Attributes:
        path: As given, or found below what was given.
        name: What it keeps at the destination: its own name, or its path below the directory
            given, with `/`.
        error: Set where nothing was found: the input stands for what the user named.
    """

    path: Path
    name: str
    error: UploadToolError | None = None


def find_inputs(given: Sequence[str]) -> list[Input]:
    """All files that are meant, each once, in the order given; what is missing has its error."""
    found: dict[Path, Input] = {}
    for text in given:
        for item in _inputs_of(text):
            found.setdefault(item.path.absolute(), item)
    return list(found.values())


def selected(inputs: list[Input], include: Sequence[str], exclude: Sequence[str]) -> list[Input]:
    """Those whose name fits a glob of `include`, if there are any, and none of `exclude`.

    A glob is held against the whole name that the file keeps and against its last part; `*` goes
    over `/`, too. What could not be found stays: its error is to be told.
    """
    chosen = [
        item
        for item in inputs
        if item.error is not None or ((not include or _fits(item.name, include)) and not _fits(item.name, exclude))
    ]
    if chosen or not inputs:
        return chosen
    error = SourceError(
        f"none of {len(inputs)} files is left by --include and --exclude", hint="loosen the globs", code="no_such_file"
    )
    return [replace(inputs[0], error=error)]


def read_list(data: bytes) -> list[str]:
    """Paths of a `--files-from`: one a line, or each ended by a NUL.

    Raises:
        UsageError: There is none, or it is no list.
    """
    if data.startswith(b"PAR1"):
        raise UsageError("--files-from is a parquet file, not a list of files", hint="give the file itself as PATH")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(
            "--files-from is UTF-16, not UTF-8", hint="write it as UTF-8 (PowerShell: Out-File -Encoding utf8)"
        )
    data = data.removeprefix(b"\xef\xbb\xbf")
    separator = b"\0" if b"\0" in data else b"\n"
    lines = [line.removesuffix(b"\r") if separator == b"\n" else line for line in data.split(separator)]
    paths = [os.fsdecode(line) for line in lines if line.strip()]
    if len(paths) > _MOST_SHORT and separator == b"\0" and all(len(path) == 1 for path in paths):
        raise UsageError("--files-from is UTF-16 or UTF-32, not UTF-8", hint="write it as UTF-8")
    if not paths:
        raise UsageError("--files-from names no file", hint="give one path a line, or each ended by a NUL")
    if any(len(path) > _LONGEST_PATH or not _is_text(path) for path in paths):
        raise UsageError("--files-from is no list of paths", hint="give one path a line, or each ended by a NUL")
    return paths


def _is_text(path: str) -> bool:
    return all(character.isprintable() or character in "\t\n\r" or character > "\x7f" for character in path)


def _fits(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(part, glob) for glob in globs for part in (name, name.rpartition("/")[2]))


def names_one_file(given: Sequence[str]) -> bool:
    """Whether a single file is named, so that `--to` may be its key."""
    return len(given) == 1 and not os.path.isdir(given[0]) and not _is_pattern(given[0])  # noqa: PTH112 - never raises


def size_of(path: Path) -> int:
    """Bytes, for a display; 0 where it cannot be seen."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def _inputs_of(text: str) -> Iterator[Input]:
    path = Path(text)
    if not text:  # Path("") is the working directory: an unset variable would send all of it
        yield Input(path, "", SourceError("an empty path was given", hint="is a variable unset?", code="no_such_file"))
    elif os.path.isdir(text):  # noqa: PTH112 - Path.is_dir raises on names that are too long
        yield from _files_below(path) or [_nothing(path, f"there is no *.parquet file below {escape(text)}")]
    elif _is_pattern(text):
        yield from _matched(_matches(path)) or [_nothing(path, f"no file matches {escape(text)}")]
    else:
        yield Input(path, path.name)  # whether it exists is for whoever opens it to say


def _is_pattern(text: str) -> bool:
    return not _MAGIC.isdisjoint(text) and not os.path.lexists(text)


def _matches(pattern: Path) -> list[Path]:
    """As a shell does it: `*` matches no hidden name, `**` follows no link to a directory."""
    anchor = Path(pattern.anchor)
    try:
        found = sorted(anchor.glob(str(pattern.relative_to(anchor))))
    except (OSError, ValueError, NotImplementedError):
        return []
    named = set(pattern.parts)
    return [path for path in found if not any(part.startswith(".") and part not in named for part in path.parts)]


def _matched(matches: list[Path]) -> list[Input]:
    return [item for path in matches for item in (_files_below(path) if path.is_dir() else [Input(path, path.name)])]


def _files_below(directory: Path) -> list[Input]:
    """Every `*.parquet` file, hidden and `_`-prefixed names left out; links to directories are not followed."""
    found: list[Input] = []
    refused: list[OSError] = []
    for parent, directories, files in os.walk(directory, onerror=refused.append):
        directories[:] = sorted(name for name in directories if _is_shown(name))
        below = (Path(parent) / name for name in sorted(files) if name.endswith(".parquet") and _is_shown(name))
        found += (Input(path, path.relative_to(directory).as_posix()) for path in below)
    return found + [_unlisted(error) for error in refused]


def _unlisted(error: OSError) -> Input:
    path = Path(os.fsdecode(error.filename))
    message = f"the directory {escape(str(path))} cannot be listed: {error.strerror}"
    return Input(path, path.name, SourceError(message, hint="what lies below it was not looked at"))


def _is_shown(name: str) -> bool:
    return not name.startswith((".", "_"))


def _nothing(path: Path, message: str) -> Input:
    error = SourceError(message, hint="check the path; hidden and _-prefixed names are left out", code="no_such_file")
    return Input(path, path.name, error)
