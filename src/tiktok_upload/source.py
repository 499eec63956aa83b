"""The local file: what it is, and bounded reads of it. A short read is an error."""

import hashlib
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from tiktok_upload import portable
from tiktok_upload.errors import SourceChangedError, SourceError
from tiktok_upload.facts import Fingerprint
from tiktok_upload.text import escape

_MAGIC = b"PAR1"
_TAIL = 8  # the footer's length, 4 bytes, and the magic
_UNKNOWN_TAIL = 64 << 10  # what stands for the footer of a file that has none
_BLOCK = 1 << 20


class Source:
    """One file, open for reading; safe to read from several threads at once.

    Attributes:
        path: As given.
        fingerprint: As it was when it was opened.
    """

    def __init__(self, path: Path) -> None:
        """Open and look.

        Raises:
            SourceError: There is no such file, it is no regular one, or it cannot be read.
        """
        self.path = path
        try:
            self._file = portable.open_for_reading(path)
        except (OSError, ValueError) as exc:
            raise _cannot("opened", path, exc) from exc
        try:
            self._descriptor = self._file.fileno()
            self._first_stat = os.fstat(self._descriptor)
            _refuse_others(path, self._first_stat.st_mode)
            self.fingerprint = self._take_fingerprint(self._first_stat)
        except OSError as exc:
            self._file.close()
            raise _cannot("read", path, exc) from exc
        except BaseException:
            self._file.close()
            raise

    def read_at(self, buffer: memoryview, offset: int) -> None:
        """Fill the whole buffer from `offset`.

        Raises:
            SourceChangedError: The file ends before.
            SourceError: It cannot be read.
        """
        filled = 0
        while filled < len(buffer):
            try:
                count = portable.read_at(self._descriptor, buffer[filled:], offset + filled)
            except OSError as exc:
                raise _cannot("read", self.path, exc) from exc
            if count == 0:
                raise _changed(self.path, "it became shorter")
            filled += count

    def check_unchanged(self) -> None:
        """Compare size, times and inode with those at the opening, of the file and of what its path names now.

        Raises:
            SourceChangedError: One of them differs.
            SourceError: The path names nothing any more, or cannot be looked at.
        """
        try:
            now, named = os.fstat(self._descriptor), self.path.stat()
        except OSError as exc:
            raise _cannot("looked at", self.path, exc) from exc
        first = self._first_stat
        if _marks(now) != _marks(first):
            raise _changed(self.path, "something writes to it")
        if (named.st_ino, named.st_dev) != (first.st_ino, first.st_dev):
            raise _changed(self.path, "another file was put in its place")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_fingerprint(self, found: os.stat_result) -> Fingerprint:
        start = self._footer_start(found.st_size)
        digest, buffer = hashlib.sha256(), bytearray(_BLOCK)
        while start < found.st_size:
            view = memoryview(buffer)[: min(_BLOCK, found.st_size - start)]
            self.read_at(view, start)
            digest.update(view)
            start += len(view)
        return Fingerprint(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, digest.hexdigest())

    def _footer_start(self, size: int) -> int:
        if size < _TAIL:
            return 0
        tail = bytearray(_TAIL)
        self.read_at(memoryview(tail), size - _TAIL)
        start = size - _TAIL - int.from_bytes(tail[:4], "little")
        if tail[4:] == _MAGIC and start >= len(_MAGIC):
            return start
        return max(0, size - _UNKNOWN_TAIL)


def _refuse_others(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise SourceError(f"{escape(str(path))} is no regular file", hint="give a parquet file or a directory")


def _marks(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _changed(path: Path, how: str) -> SourceChangedError:
    return SourceChangedError(
        f"{escape(str(path))} changed while it was sent: {how}", kept="no object was made of the mixed content"
    )


def _cannot(verb: str, path: Path, exc: OSError | ValueError) -> SourceError:
    if isinstance(exc, ValueError):  # a NUL in it
        return SourceError(f"{escape(str(path))} can be no file's name", hint="check the path", code="no_such_file")
    if isinstance(exc, IsADirectoryError):
        return SourceError(f"{escape(str(path))} is no regular file", hint="give a parquet file or a directory")
    if isinstance(exc, FileNotFoundError):
        return SourceError(f"there is no file {escape(str(path))}", hint="check the path", code="no_such_file")
    return SourceError(f"{escape(str(path))} cannot be {verb}: {exc.strerror or 'the system refused'}")
