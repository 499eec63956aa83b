"""A request's body, read only when somebody asks for it, so that a refusal can come first."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .errors import PeerGoneError, S3Error
from .wire import READ_SIZE, Connection, Head

Trap = Callable[[], object]


class Source(Protocol):
    """Where the bytes of a body come from; an empty answer is its end."""

    def read(self, limit: int) -> bytes:
        """From 1 to `limit` bytes, or none at the end."""


@dataclass(frozen=True, slots=True, eq=False)
class _Armed:
    """A trap, its place in bytes, and whose it is."""

    at: float
    trap: Trap
    owner: object


class Body:
    """A body on the wire, with the 100-continue dance and traps at byte positions.

    Attributes:
        length: Bytes on the wire by Content-Length; None where the client did not say.
        received: Bytes read so far, without chunk sizes.
        step: Bytes to read at once, at most; None reads what is there.
        pace: Called before each of those reads.
        refused: Whether the client still waits for leave to send, so that it may never send.
    """

    def __init__(self, connection: Connection, head: Head) -> None:
        chunked = head.headers.get("transfer-encoding", "").lower() == "chunked"
        self.length = None if chunked else int(head.headers.get("content-length", "0"))
        self.said_length = "content-length" in head.headers
        self.received = 0
        self.step: int | None = None
        self.pace: Trap | None = None
        self.refused = head.expects_continue and self.length != 0
        self._connection = connection
        self._source: Source = _Chunked(connection) if self.length is None else _Counted(connection, self.length)
        self._finished = self.length == 0
        self._traps: list[_Armed] = []

    @property
    def finished(self) -> bool:
        """Whether the next request can follow on this connection."""
        return self._finished

    @property
    def armed(self) -> list[object]:
        """The owners of the traps that have not sprung."""
        return [armed.owner for armed in self._traps]

    def set_trap(self, trap: Trap, after_bytes: float = math.inf, owner: object = None) -> None:
        """Call `trap` when that many bytes came, or at the body's end if it is shorter; at once if that is now."""
        self._traps.append(_Armed(after_bytes, trap, owner))
        self._spring(math.inf if self._finished else self.received)

    def read(self, limit: int = READ_SIZE) -> bytes:
        """From 1 to `limit` bytes, or none at the end; the first call gives the client leave to send."""
        if self._finished:
            return b""
        self._welcome()
        if self.pace is not None:
            self.pace()
        ahead = min((armed.at for armed in self._traps), default=math.inf) - self.received
        data = self._source.read(int(min(limit, ahead, self.step or limit)))
        self.received += len(data)
        self._finished = not data or self.received == self.length
        self._spring(math.inf if self._finished else self.received)
        return data

    def discard(self) -> None:
        """Read to the end and forget it."""
        while self.read():
            pass

    def _welcome(self) -> None:
        if self.refused:
            self._connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.refused = False

    def _spring(self, position: float) -> None:
        for armed in [armed for armed in self._traps if armed.at <= position]:
            self._traps.remove(armed)
            armed.trap()


class _Counted:
    """As many bytes as Content-Length promised."""

    def __init__(self, connection: Connection, length: int) -> None:
        self._connection = connection
        self._left = length

    def read(self, limit: int) -> bytes:
        data = self._connection.read_some(min(limit, self._left)) if self._left else b""
        if not data and self._left:
            raise incomplete()
        self._left -= len(data)
        return data


class _Chunked:
    """HTTP's chunked transfer coding."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._left = 0
        self._ended = False

    def read(self, limit: int) -> bytes:
        if not self._left and not self._ended:
            self._next_chunk()
        if self._ended:
            return b""
        data = self._connection.read_some(min(limit, self._left))
        if not data:
            raise incomplete()
        self._left -= len(data)
        if not self._left:
            self._line()
        return data

    def _next_chunk(self) -> None:
        self._left = int(self._line().partition(b";")[0], 16)
        if not self._left:
            self._ended = True
            while self._line():
                pass

    def _line(self) -> bytes:
        try:
            return self._connection.read_line()
        except PeerGoneError as exc:
            raise incomplete() from exc


class AwsChunked:
    """The content within `aws-chunked`, and the trailers after it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._ahead = bytearray()
        self._left = 0
        self._ended = False
        self.trailers: dict[str, str] = {}

    def read(self, limit: int = READ_SIZE) -> bytes:
        """From 1 to `limit` bytes of content, or none at the end, when the trailers are known."""
        if not self._left and not self._ended:
            self._next_chunk()
        if self._ended:
            return b""
        self._fill(1)
        data = bytes(self._ahead[: min(limit, self._left)])
        del self._ahead[: len(data)]
        self._left -= len(data)
        if not self._left:
            self._line()
        return data

    def _next_chunk(self) -> None:
        self._left = int(self._line().partition(b";")[0], 16)
        if not self._left:
            self._ended = True
            self._read_trailers()

    def _read_trailers(self) -> None:
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.strip().lower()] = value.strip()
        while self._source.read(READ_SIZE):
            pass

    def _line(self) -> bytes:
        while (end := self._ahead.find(b"\r\n")) < 0:
            self._fill(len(self._ahead) + 1)
        line = bytes(self._ahead[:end])
        del self._ahead[: end + 2]
        return line

    def _fill(self, wanted: int) -> None:
        while len(self._ahead) < wanted:
            data = self._source.read(READ_SIZE)
            if not data:
                raise incomplete()
            self._ahead += data


def incomplete() -> S3Error:
    """The body ended before its length; nothing of it may be stored."""
    message = "You did not provide the number of bytes specified by the Content-Length HTTP header."
    return S3Error("IncompleteBody", message, hang_up=True)
