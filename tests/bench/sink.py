"""An S3 store that costs nearly nothing and keeps nothing but names, sizes and checksums.

    python -m tests.bench.sink [--port 0] [--tls CERT KEY] [--rate BYTES_PER_S] [--delay SECONDS] [--echo-checksums]

Prints one line, the port, when it listens on 127.0.0.1. It believes whatever it is sent: no signature, no checksum
and no name of a bucket is checked, and `--echo-checksums` confirms them all the same. So it measures a client's
speed and memory, and proves nothing about what the client sent.
"""

import argparse
import contextlib
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.shelf import Shelf, read_request
from tests.bench.wire import TRAILER_BYTES, Connection, PeerGoneError, Throttle, receive_buffer_bytes

_ROOT = Path(__file__).parents[2]
_BACKLOG = 1_024
# Documents are read whole: 10,000 parts with checksums take some 2 MB in Complete.
_DOCUMENT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Manners:
    """How the sink treats its clients.

    Attributes:
        rate: Bytes a second that each connection takes; 0 for no limit.
        delay_s: Waited before each answer.
        tls: Certificate and key, or None for plain HTTP.
    """

    rate: int = 0
    delay_s: float = 0.0
    tls: ssl.SSLContext | None = None


class Sink:
    """Listens from the start; a thread for each connection."""

    def __init__(self, port: int, shelf: Shelf, manners: Manners) -> None:
        self._shelf = shelf
        self._manners = manners
        self._listener = socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
        if manners.rate:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes(manners.rate))

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def serve(self) -> None:
        """Take connections until the process ends."""
        while True:
            sock, _ = self._listener.accept()
            threading.Thread(target=self._serve_client, args=(sock,), daemon=True).start()

    def _serve_client(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError, PeerGoneError), self._secured(sock) as secured:
            connection = Connection(secured, Throttle(self._manners.rate))
            while self._serve_request(connection):
                pass

    def _secured(self, sock: socket.socket) -> socket.socket:
        if self._manners.tls is None:
            return sock
        with contextlib.ExitStack() as unless_secured:
            unless_secured.enter_context(sock)
            secured = self._manners.tls.wrap_socket(sock, server_side=True)
            unless_secured.pop_all()
        return secured

    def _serve_request(self, connection: Connection) -> bool:
        """Answer one request; whether another one may follow."""
        head = connection.read_head()
        if head is None:
            return False
        body = connection.receive_body(head, keep_bytes=_DOCUMENT_BYTES if head.method == "POST" else TRAILER_BYTES)
        answer = self._shelf.answer(read_request(head, body.trailers), body)
        if self._manners.delay_s:
            time.sleep(self._manners.delay_s)
        connection.send(answer.rendered())
        return not head.has("connection", "close")


@contextlib.contextmanager
def running_sink(*options: str) -> Iterator[str]:
    """A sink in a process of its own while inside; gives its URL."""
    command = [sys.executable, "-m", "tests.bench.sink", *options]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            yield f"{'https' if '--tls' in options else 'http'}://127.0.0.1:{port}"
        finally:
            process.terminate()


def main() -> None:
    """Serve until the process is ended."""
    options = _parser().parse_args()
    manners = Manners(options.rate, options.delay, _tls(options.tls))
    sink = Sink(options.port, Shelf(echo_checksums=options.echo_checksums), manners)
    print(sink.port, flush=True)  # noqa: T201 - the caller waits for it
    with contextlib.suppress(KeyboardInterrupt):
        sink.serve()


def _tls(files: list[str] | None) -> ssl.SSLContext | None:
    if not files:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sink", description="An S3 that keeps nothing.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="PEM files; plain HTTP without them")
    parser.add_argument("--rate", type=int, default=0, metavar="BYTES_PER_S", help="limit of each connection")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="waited before each answer")
    parser.add_argument("--echo-checksums", action="store_true", help="confirm checksums without having verified them")
    return parser


if __name__ == "__main__":
    main()
