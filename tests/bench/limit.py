"""The most that Python carries over sockets on this machine: a client that does nothing else.

    python -m tests.bench.limit URL PATH [--threads N] [--ca PEM]

Reads the file into buffers used again and again, and sends it in PUT requests on connections that are kept: no
signature, no checksum, no journal. The objects `URL/1`, `URL/2`, ... are pieces of it. POSIX only.
"""

import argparse
import os
import platform
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

# Larger pieces gain nothing: a request costs some 50 microseconds.
_PIECE_BYTES: Final = 16 << 20
# Lower: more system calls. Higher: the buffer leaves the processor's cache.
_BUFFER_BYTES: Final = 1 << 20
_HEAD_BYTES: Final = 64 << 10
_THREADS: Final = 4


class ShortError(Exception):
    """The file or the answer ended early, or the answer was no 200."""


class Sender:
    """Sends pieces of one file, from as many threads as call `send_all`."""

    def __init__(self, url: SplitResult, path: Path, tls: ssl.SSLContext | None) -> None:
        self._url = url
        self._tls = tls
        self._path = path
        self._size = path.stat().st_size
        # One iterator for all threads: `next` of a range is one step under the GIL.
        self._offsets = iter(range(0, self._size, _PIECE_BYTES))
        self.failures: list[Exception] = []

    def send_all(self) -> None:
        """Send pieces until none is left."""
        try:
            with closing(self._connected()) as sock, self._path.open("rb", buffering=0) as file:
                buffer = memoryview(bytearray(_BUFFER_BYTES))
                for offset in self._offsets:
                    self._send_piece(sock, file.fileno(), offset, buffer)
        except (OSError, ShortError) as exc:
            self.failures.append(exc)

    def _connected(self) -> socket.socket:
        assert self._url.hostname
        assert self._url.port
        sock = socket.create_connection((self._url.hostname, self._url.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._tls.wrap_socket(sock, server_hostname=self._url.hostname) if self._tls else sock

    def _send_piece(self, sock: socket.socket, file: int, offset: int, buffer: memoryview) -> None:
        end = min(offset + _PIECE_BYTES, self._size)
        target = f"{self._url.path}/{offset // _PIECE_BYTES + 1}"
        sock.sendall(
            f"PUT {target} HTTP/1.1\r\nHost: {self._url.netloc}\r\nContent-Length: {end - offset}\r\n\r\n".encode()
        )
        for start in range(offset, end, _BUFFER_BYTES):
            wanted = buffer[: min(_BUFFER_BYTES, end - start)]
            if os.preadv(file, [wanted], start) < len(wanted):
                raise ShortError("the file became shorter")
            sock.sendall(wanted)
        _read_answer(sock)


def _read_answer(sock: socket.socket) -> None:
    """Take the answer of a PUT, which has no body."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        data = sock.recv(_HEAD_BYTES)
        if not data:
            raise ShortError("the answer ended early")
        head += data
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ShortError(head.split(b"\r\n", 1)[0].decode("latin-1"))


def main() -> None:
    """Send a file, and exit with 1 where that failed."""
    options = _parser().parse_args()
    tls = ssl.create_default_context(cafile=options.ca) if options.url.scheme == "https" else None
    sender = Sender(options.url, options.path, tls)
    for thread in list(_started(sender, options.threads)):
        thread.join()
    if sender.failures:
        sys.exit(f"error: {sender.failures[0]}")


def _started(sender: Sender, threads: int) -> Iterator[threading.Thread]:
    for _ in range(threads):
        thread = threading.Thread(target=sender.send_all)
        thread.start()
        yield thread


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.limit", description="Send a file as fast as it goes.")
    parser.add_argument("--version", action="version", version=f"Python {platform.python_version()}")
    parser.add_argument("url", type=urlsplit, metavar="URL", help="http(s)://host:port/bucket/key")
    parser.add_argument("path", type=Path, metavar="PATH")
    parser.add_argument("--threads", type=int, default=_THREADS)
    parser.add_argument("--ca", metavar="PEM", help="certificates to trust")
    return parser


if __name__ == "__main__":
    main()
