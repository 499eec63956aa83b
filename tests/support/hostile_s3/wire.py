"""HTTP/1.1 on a socket: heads in, answers out, and every rude way to end a connection."""

import contextlib
import os
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus

from .errors import PeerGoneError

READ_SIZE = 256 * 1024
HEAD_LIMIT = 64 * 1024
_BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Head:
    """A request line and its headers, names in lower case, repeated ones joined by commas."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """The path as it came, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query as it came, without its question mark."""
        return self.target.partition("?")[2]

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for leave to send its body."""
        return self.headers.get("expect", "").lower() == "100-continue"


@dataclass(slots=True)
class Answer:
    """What goes back.

    Attributes:
        body: Sent whole, unless `stream` is there.
        stream: Pieces of a large body; `Content-Length` is then in `headers`.
        code: S3's error code for the log.
        step: Bytes to send at once, at most; 0 sends what there is.
        pace: Called before each of those.
        pause: Called when the head and `pause_after` bytes of the body were sent; what it raises ends the connection.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    stream: Iterable[bytes] | None = None
    code: str = ""
    pause: Callable[[], object] | None = None
    pause_after: int = 0
    pace: Callable[[], object] | None = None
    step: int = 0

    def head(self) -> bytes:
        """The status line and the headers, with the empty line that ends them."""
        lines = [f"HTTP/1.1 {self.status} {_reason(self.status)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if not {"Content-Length", "Transfer-Encoding"} & self.headers.keys() and self.status not in _BODILESS:
            lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def parse_head(raw: bytes) -> Head:
    """Read a request's head, which ends before its empty line."""
    first, *rest = raw.decode("latin-1").split("\r\n")
    method, target, _version = first.split(" ", 2)
    headers: dict[str, str] = {}
    for line in rest:
        name, _, value = line.partition(":")
        key = name.strip().lower()
        headers[key] = f"{headers[key]},{value.strip()}" if key in headers else value.strip()
    return Head(method, target, headers)


class Connection:
    """One client's socket with the bytes that came ahead of their time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._ahead = bytearray()

    def read_head(self) -> Head | None:
        """The next request's head, or None where the client is done."""
        raw = self._read_until(b"\r\n\r\n")
        return None if raw is None else parse_head(raw)

    def read_line(self) -> bytes:
        """A line without its end, as chunked bodies have them."""
        line = self._read_until(b"\r\n")
        if line is None:
            raise PeerGoneError
        return line

    def read_some(self, limit: int) -> bytes:
        """From 1 to `limit` bytes, or none where the client has closed its side."""
        if self._ahead:
            data = bytes(self._ahead[:limit])
            del self._ahead[: len(data)]
            return data
        return self._receive(min(limit, READ_SIZE))

    def _read_until(self, mark: bytes) -> bytes | None:
        while (end := self._ahead.find(mark)) < 0:
            data = self._receive(READ_SIZE)
            if not data or len(self._ahead) > HEAD_LIMIT:
                return None
            self._ahead += data
        found = bytes(self._ahead[:end])
        del self._ahead[: end + len(mark)]
        return found

    def _receive(self, limit: int) -> bytes:
        try:
            return self._sock.recv(limit)
        except OSError as exc:
            raise PeerGoneError from exc

    def send(self, data: bytes) -> None:
        """Send all of it."""
        try:
            self._sock.sendall(data)
        except OSError as exc:
            raise PeerGoneError from exc

    def send_answer(self, answer: Answer, *, with_body: bool) -> None:
        """Send an answer, with its pause."""
        shown = answer.body if with_body and answer.status not in _BODILESS else b""
        if answer.pause is not None:
            self.send(answer.head() + shown[: answer.pause_after])
            answer.pause()
            self.send(shown[answer.pause_after :])
        else:
            self._send_paced(answer.head() + shown, answer)
        if with_body and answer.stream is not None:
            for piece in answer.stream:
                self._send_paced(piece, answer)

    def _send_paced(self, data: bytes, answer: Answer) -> None:
        step = answer.step or len(data) or 1
        for start in range(0, len(data), step):
            if answer.pace is not None:
                answer.pace()
            self.send(data[start : start + step])

    def linger(self) -> None:
        """Close our side and swallow what still comes, so that the client hears the answer and no reset."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(PeerGoneError):
            while self._receive(READ_SIZE):
                pass

    def shut(self) -> None:
        """Wake a thread that reads or writes here; safe from another thread."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection; unread bytes make this a reset on most systems."""
        self._sock.close()

    def reset(self) -> None:
        """End the connection by RST, whatever is still under way."""
        # Windows has 16-bit fields in its struct linger.
        no_delay = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_delay)
        self._sock.close()
