"""The files of a run: put there, and changed behind the tool's back."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.torture.cells import MIB
from tests.torture.plan import next_content
from tests.torture.shelf import Content, Shelf, content_of

_TIMES_NS: Final = (1_000_000_000, 4_102_444_800_000_000_000)  # in 1970, in 2100


@dataclass(slots=True)
class _File:
    path: Path
    key: str
    shape: str
    variant: int
    content: Content


class Sources:
    """The files with their keys.

    Args:
        directory: Where they lie; the odd ones in directories of their own.
        prefix: Of the keys.
        keeps_paths: Whether a key has the file's path below the directory, or only its name.
    """

    def __init__(self, shelf: Shelf, directory: Path, shapes: Sequence[str], prefix: str, *, keeps_paths: bool) -> None:
        self._shelf = shelf
        self._beside = directory.with_name("beside")
        self._beside.mkdir(parents=True)
        names = [f"f{n}.parquet" if n % 2 == 0 else f"dt={n}/f{n}.parquet" for n in range(len(shapes))]
        keys = [prefix + (name if keeps_paths else Path(name).name) for name in names]
        self._files = [
            self._placed(directory / name, key, shape) for name, key, shape in zip(names, keys, shapes, strict=True)
        ]

    def _placed(self, path: Path, key: str, shape: str) -> _File:
        original, content = self._shelf.take(shape, 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(original, path)
        return _File(path, key, shape, 0, content)

    @property
    def paths(self) -> list[Path]:
        """Of all files."""
        return [file.path for file in self._files]

    def key(self, number: int) -> str:
        """Of that file."""
        return self._files[number].key

    def contents(self) -> dict[str, list[Content]]:
        """What each file is now, by key."""
        return {file.key: [file.content] for file in self._files}

    def replace(self, number: int, choice: int) -> Content:
        """Let its name be another file's."""
        file = self._files[number]
        original = self._turn(file, choice)
        beside = self._beside / "next.parquet"
        shutil.copyfile(original, beside)
        beside.replace(file.path)
        return file.content

    def rewrite(self, number: int) -> Content:
        """Write other bytes over its own, a piece at a time."""
        file = self._files[number]
        original = self._turn(file, 0)
        with original.open("rb") as new, file.path.open("r+b") as old:
            while piece := new.read(MIB):
                old.write(piece)
        return file.content

    def touch(self, number: int, choice: int) -> None:
        """Change its time: to now, into the past, far into the future, or only the one that nobody can set."""
        path = self._files[number].path
        match choice:
            case 0:
                path.touch()
            case 3:
                now = path.stat()
                os.utime(path, ns=(now.st_atime_ns, now.st_mtime_ns))
            case _:
                os.utime(path, ns=(_TIMES_NS[choice - 1],) * 2)

    def foreign(self, number: int, choice: int) -> tuple[Path, str]:
        """What somebody else puts at its key, and the digest: something small, of the same size, or the same bytes."""
        data = self._files[number].path.read_bytes()
        path = self._beside / f"foreign-{number}-{choice}"
        path.write_bytes((b"somebody else's", data[::-1], data)[choice])
        return path, content_of(path.read_bytes()).digest

    def _turn(self, file: _File, choice: int) -> Path:
        file.shape, file.variant = next_content(file.shape, file.variant, choice)
        original, file.content = self._shelf.take(file.shape, file.variant)
        return original
