"""A range of the file on its way: read in bounded pieces, its CRC taken as it goes out."""

import base64
import hashlib
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tiktok_upload.answers import Digest
from tiktok_upload.checksum import Crc
from tiktok_upload.errors import SourceChangedError
from tiktok_upload.plan import Part
from tiktok_upload.source import Source

_BLOCK = 1 << 20  # of one read: higher holds a stop up and costs memory a thread, lower costs calls
# How much of a body goes out at once: a rate and a stop take effect between two. Lower costs calls and speed.
_PIECE = 1 << 20
_SMALL_PIECE = 64 << 10  # on slow lines, under a rate, and for whoever reads a body as a file
_QUICK_S = 0.1  # a piece that took longer was too large to tell soon how it goes

Gate = Callable[[int], None]
"""Waits until so many bytes may go out; raises to leave."""


@dataclass(slots=True)
class ByteCount:
    """How much of a part went out in its present attempt; written by one worker, read by others.

    Attributes:
        is_cut: Set by others: the part is to be left, and sent later.
    """

    value: int = 0
    is_cut: bool = False


class RangeBody:
    """A part's bytes as a file, or piece by piece; begins again after `seek(0)`.

    The last piece is held back unless all bytes together are those that were announced and the
    file is unchanged, so no store, however lax, can make anything of mixed content.

    Attributes:
        error: What reading raised: the HTTP library wraps it, so it is kept here.
    """

    def __init__(
        self,
        source: Source,
        part: Part,
        crc: Crc,
        *,
        expected: Digest,
        gate: Gate,
        count: ByteCount,
        is_rated: bool = False,
    ) -> None:
        self._source = source
        self._part = part
        self._crc = crc
        self._expected = expected
        self._gate = gate
        self._count = count
        self._crc_value = 0
        self._is_rated = is_rated
        self.error: Exception | None = None

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes and at most 64 KiB; none at the end."""
        rest = self._part.size - self._count.value
        piece = bytearray(min(rest, _SMALL_PIECE, size if size >= 0 else rest))
        if not piece:
            return b""
        self._fill(memoryview(piece))
        self._count.value += len(piece)
        return bytes(piece)

    def pieces(self) -> Iterator[memoryview]:
        """The bytes from where it is, in large pieces; each is valid until the next one is asked for.

        A piece counts as sent once the next one is asked for.
        """
        buffer, size, began_s = memoryview(b""), _SMALL_PIECE, 0.0
        while (rest := self._part.size - self._count.value) > 0:
            if len(buffer) < min(size, rest):
                buffer = memoryview(bytearray(min(size, rest)))
            piece = buffer[: min(size, rest)]
            self._fill(piece)
            began_s = time.monotonic()
            yield piece
            self._count.value += len(piece)
            size = self._next_size(time.monotonic() - began_s)

    def _next_size(self, lasted_s: float) -> int:
        """Small where the line is slow or a rate holds: what went out, a stop and a cut are told between two pieces."""
        if self._is_rated or lasted_s > _QUICK_S:
            return _SMALL_PIECE
        # What goes out first may only fill the system's buffers.
        return min(_PIECE, max(_SMALL_PIECE, self._count.value // 2))

    def _fill(self, piece: memoryview) -> None:
        try:
            self._gate(len(piece))
            self._source.read_at(piece, self._part.offset + self._count.value)
            self._crc_value = self._crc.update(piece, self._crc_value)
            if self._count.value + len(piece) == self._part.size:
                self._check_whole()
        except Exception as exc:
            self.error = exc
            raise

    def _check_whole(self) -> None:
        self._source.check_unchanged()
        if self._crc.encode(self._crc_value) != self._expected.checksum:
            raise _changed_between_reads(self._part)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Only to the start, or to where it is: a body goes out in one go."""
        target = {io.SEEK_SET: 0, io.SEEK_CUR: self._count.value, io.SEEK_END: self._part.size}[whence] + offset
        if target not in (0, self._count.value):
            raise io.UnsupportedOperation("a body goes back to its start only")
        if target == 0:
            self._count.value = self._crc_value = 0
        return target

    def tell(self) -> int:
        """How much was read."""
        return self._count.value

    def __len__(self) -> int:
        return self._part.size


def digest_range(source: Source, part: Part, crc: Crc, *, with_md5: bool, check: Callable[[], None]) -> Digest:
    """Read a range once for what proves it; `check` is called between two blocks and may raise."""
    value, md5 = 0, hashlib.md5(usedforsecurity=False)
    for block in blocks(source, part):
        check()
        value = crc.update(block, value)
        if with_md5:
            md5.update(block)
    return Digest(crc.encode(value), base64.b64encode(md5.digest()).decode() if with_md5 else None)


def blocks(source: Source, part: Part) -> Iterator[memoryview]:
    """A range in blocks of 1 MiB; each is valid until the next one is asked for."""
    buffer = memoryview(bytearray(min(_BLOCK, part.size)))
    for offset in range(part.offset, part.offset + part.size, _BLOCK):
        block = buffer[: min(_BLOCK, part.offset + part.size - offset)]
        source.read_at(block, offset)
        yield block


def _changed_between_reads(part: Part) -> SourceChangedError:
    return SourceChangedError(
        f"the file changed while it was sent: bytes {part.offset} to {part.offset + part.size} were not the same twice",
        kept="no object was made of the mixed content",
    )
