"""HTTP/1.1 on a socket for a server that throws bodies away as cheaply as the system lets it."""

import re
import socket
import ssl
import sys
import time
from dataclasses import dataclass, field
from http import HTTPStatus

# Linux frees the bytes in the kernel, uncopied. (With MSG_WAITALL, fewer calls cost more time: measured.)
_DROP_FLAGS = socket.MSG_TRUNC if sys.platform == "linux" else 0
# Lower: more system calls a second. Higher: nothing gained. Threads share it, for nobody reads what lies in it.
_SCRATCH = memoryview(bytearray(1 << 20))
# How much of a head is read at once. Higher: more of the body behind it is copied.
_READ_BYTES = 8 << 10
_HEAD_LIMIT_BYTES = 64 << 10
# What is kept of a body nobody reads: enough for the checksum that trails an aws-chunked one.
TRAILER_BYTES = 256
_TRAILER = re.compile(rb"(x-amz-checksum-[a-z0-9]+):([A-Za-z0-9+/=]+)\r\n")
# The system may hold so much more than the rate allows; lower makes the window too small for slow answers.
_RECEIVE_BUFFER_S = 0.1
_TICK_S = 0.02


class PeerGoneError(Exception):
    """The client closed its side in the middle of a request."""


@dataclass(frozen=True, slots=True)
class Head:
    """A request line and its headers, names in lower case."""

    method: str
    target: str
    headers: dict[str, str]

    def has(self, name: str, value: str) -> bool:
        """Whether a header has this value, in any case."""
        return self.headers.get(name, "").lower() == value


@dataclass(frozen=True, slots=True)
class Body:
    """What is known of a body when it has gone by.

    Attributes:
        size: Of the object or part in it, in bytes: without the frames of aws-chunked.
        kept: Its last bytes, as they came.
        trailers: Checksum headers that came behind the data.
    """

    size: int
    kept: bytes
    trailers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; `Content-Length` is that of `body` unless it is among the headers."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def rendered(self) -> bytes:
        """All of it in one piece."""
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body


class Throttle:
    """Holds one connection to a rate.

    Args:
        rate: Bytes a second; 0 for no limit.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._due = 0.0

    @property
    def slice_bytes(self) -> int:
        """How much to take at once, so that the bytes flow evenly."""
        return min(len(_SCRATCH), max(1, int(self._rate * _TICK_S))) if self._rate else len(_SCRATCH)

    def hold(self, size_bytes: int) -> None:
        """Wait as long as these bytes take; what a sleep overran is made up for."""
        if not self._rate:
            return
        now = time.monotonic()
        self._due = max(self._due, now - _TICK_S) + size_bytes / self._rate
        time.sleep(max(0.0, self._due - now))


def receive_buffer_bytes(rate: int) -> int:
    """How much the system may take in ahead of a connection that is held to a rate."""
    return max(16 << 10, int(rate * _RECEIVE_BUFFER_S))


class Connection:
    """One client's socket, with the bytes that came ahead of their time."""

    def __init__(self, sock: socket.socket, throttle: Throttle) -> None:
        self._sock = sock
        self._throttle = throttle
        self._ahead = bytearray()
        self._drop_flags = 0 if isinstance(sock, ssl.SSLSocket) else _DROP_FLAGS

    def read_head(self) -> Head | None:
        """The next request's head, or None where the client is done."""
        try:
            raw = self._read_until(b"\r\n\r\n")
        except PeerGoneError:
            return None
        first, *lines = raw.decode("latin-1").split("\r\n")
        method, target, _version = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        return Head(method, target, {name.strip().lower(): value.strip() for name, _, value in pairs})

    def receive_body(self, head: Head, *, keep_bytes: int = TRAILER_BYTES) -> Body:
        """Let the body go by and keep its end.

        Raises:
            PeerGoneError: It came short.
        """
        if head.has("expect", "100-continue"):
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        size, kept = self._receive(head, keep_bytes)
        if "x-amz-decoded-content-length" not in head.headers:
            return Body(size, kept, {})
        trailers = {name.decode(): value.decode() for name, value in _TRAILER.findall(kept)}
        return Body(int(head.headers["x-amz-decoded-content-length"]), kept, trailers)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._sock.sendall(data)

    def _receive(self, head: Head, keep_bytes: int) -> tuple[int, bytes]:
        if head.has("transfer-encoding", "chunked"):
            return self._receive_chunks(keep_bytes)
        size = int(head.headers.get("content-length", "0"))
        return size, self._receive_run(size, keep_bytes)

    def _receive_chunks(self, keep_bytes: int) -> tuple[int, bytes]:
        total, kept = 0, b""
        while size := int(self._read_until(b"\r\n").partition(b";")[0], 16):
            kept = (kept + self._receive_run(size, keep_bytes))[-keep_bytes:]
            self._read_until(b"\r\n")
            total += size
        while self._read_until(b"\r\n"):  # trailers, up to the empty line
            pass
        return total, kept

    def _receive_run(self, size: int, keep_bytes: int) -> bytes:
        """So many bytes, of which the last ones are returned."""
        self._drop(max(0, size - keep_bytes))
        return self._read_exactly(min(size, keep_bytes))

    def _drop(self, size: int) -> None:
        came = min(size, len(self._ahead))
        del self._ahead[:came]
        while came < size:
            wanted = min(size - came, self._throttle.slice_bytes)
            count = self._sock.recv_into(_SCRATCH, wanted, self._drop_flags)
            if not count:
                raise PeerGoneError
            self._throttle.hold(count)
            came += count

    def _read_exactly(self, size: int) -> bytes:
        while len(self._ahead) < size:
            self._read_more()
        return self._take(size)

    def _read_until(self, mark: bytes) -> bytes:
        """What lies before the mark, which is taken, too."""
        while (end := self._ahead.find(mark)) < 0:
            if len(self._ahead) > _HEAD_LIMIT_BYTES:
                raise PeerGoneError
            self._read_more()
        found = self._take(end + len(mark))
        return found[:end]

    def _read_more(self) -> None:
        data = self._sock.recv(_READ_BYTES)
        if not data:
            raise PeerGoneError
        self._ahead += data

    def _take(self, size: int) -> bytes:
        taken = bytes(self._ahead[:size])
        del self._ahead[:size]
        return taken
