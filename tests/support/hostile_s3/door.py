"""The listening socket, which can be shut for a while, with a thread for each connection that came through it."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from typing import Final

from .wire import Connection

_PATIENCE_S: Final = 10.0
"""How long the end waits for a thread; only a callback of the test can keep one that long."""
_HERE: Final = "127.0.0.1"


class Door:
    """Where clients come in.

    Args:
        port: 0 takes a free one.
        serve: Serves one connection to its end, in a thread of its own.

    Attributes:
        port: The real one, once the door was open.
        crashes: What `serve` raised.
    """

    def __init__(self, port: int, serve: Callable[[Connection], None]) -> None:
        self.port = port
        self.crashes: list[BaseException] = []
        self._serve = serve
        self._moves = threading.Lock()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._connections: set[Connection] = set()
        self._listener: socket.socket | None = None
        self._held: socket.socket | None = None
        self._accepting = threading.Thread()
        self._timer: threading.Timer | None = None
        self._closed = False
        self._to_turn_away = 0

    def open(self) -> None:
        """Listen, if that is not so already."""
        with self._moves:
            if self._listener is not None or self._closed:
                return
            listener, self._held = self._held or _bound(self.port), None
            listener.listen(128)
            self.port = listener.getsockname()[1]
            self._listener = listener
            self._accepting = threading.Thread(target=self._accept, args=(listener,), name="hostile-s3", daemon=True)
            self._accepting.start()

    def shut(self, for_s: float | None = None) -> None:
        """Break every connection and refuse new ones, for so many seconds or until `open`; the port stays ours."""
        with self._moves:
            if self._held is None and not self._closed:
                self._held = _bound(self.port)  # before the other one is closed, or somebody else may get the port
            self._stop_listening()
            if for_s is not None:
                self._timer = threading.Timer(for_s, self.open)
                self._timer.daemon = True
                self._timer.start()
        self._break_all()

    def turn_away(self, count: int) -> None:
        """Let so many connections in and reset them before a byte is read."""
        with self._lock:
            self._to_turn_away += count

    @property
    def still_to_turn_away(self) -> int:
        """How many of those have not come yet."""
        return self._to_turn_away

    def close(self) -> None:
        """End everything; the door opens no more."""
        with self._moves:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            self._stop_listening()
            if self._held is not None:
                self._held.close()
        for thread in self._break_all():
            thread.join(_PATIENCE_S)

    def _break_all(self) -> list[threading.Thread]:
        with self._lock:
            connections, threads = list(self._connections), list(self._threads)
        for connection in connections:
            connection.shut()
        return threads

    def _stop_listening(self) -> None:
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is None:
            return
        # Closing a socket does not wake the thread that accepts on it; a last connection does.
        with contextlib.suppress(OSError):
            socket.create_connection((_HERE, self.port), _PATIENCE_S).close()
        self._accepting.join(_PATIENCE_S)
        listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except ConnectionAbortedError:  # the client went away while it waited in the queue
                continue
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not self._admit(listener, Connection(sock)):
                return

    def _admit(self, listener: socket.socket, connection: Connection) -> bool:
        """Give the connection a thread; False where nobody listens any more."""
        thread = threading.Thread(target=self._run, args=(connection,), name="hostile-s3", daemon=True)
        with self._lock:
            if self._listener is not listener:
                connection.close()
                return False
            if self._to_turn_away:
                self._to_turn_away -= 1
                connection.reset()
                return True
            self._connections.add(connection)
            self._threads.add(thread)
        thread.start()
        return True

    def _run(self, connection: Connection) -> None:
        try:
            self._serve(connection)
        except BaseException as exc:  # noqa: BLE001 - kept for the test's own thread
            self.crashes.append(exc)
        finally:
            with self._lock:
                self._connections.discard(connection)
                self._threads.discard(threading.current_thread())


def _bound(port: int) -> socket.socket:
    """A socket that has the port and does not listen: whoever connects is refused."""
    sock = socket.socket()
    if os.name != "nt":  # there it would let others have the port, too
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "SO_REUSEPORT"):  # two of ours hold the port for a moment, one of which listens
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((_HERE, port))
    except OSError:
        sock.close()
        raise
    return sock
