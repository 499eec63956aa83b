"""The server: threads over a listening socket, and what tests hold in their hands."""

import contextlib
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from .checksums import Checksum, encode, start
from .faults import Fault
from .journal import Entry
from .objects import etag_of, new_version
from .records import OpenUpload, StoredObject
from .rules import Rules
from .serving import serve
from .stage import Stage
from .store import Store
from .wire import Connection

_PATIENCE_S: Final = 10.0
"""How long the end waits for a thread; only a callback of the test can keep one that long."""


class HostileS3(Rules):
    """A strict S3 on the loopback address that misbehaves when told to. The settings are those of `Rules`."""

    def __init__(
        self, root: Path, credentials: Mapping[str, str] | None = None, *, port: int = 0, **settings: Any
    ) -> None:
        super().__init__()
        self.apply(settings)
        if credentials is not None:
            self.credentials = dict(credentials)
        root.mkdir(parents=True, exist_ok=True)
        self.stage = Stage(self, Store(root))
        self._wanted_port = port
        self._threads: set[threading.Thread] = set()
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self._closing = False
        self._crashes: list[BaseException] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if kind is None:
            self.check()

    def start(self) -> None:
        """Begin to listen."""
        self._listener = socket.create_server(("127.0.0.1", self._wanted_port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, name="hostile-s3", daemon=True)
        self._accepting.start()

    def stop(self) -> None:
        """End every connection and every thread."""
        with self._lock:
            self._closing = True
        self.stage.stuck.close()
        # Closing a socket does not wake the thread that accepts on it; a last connection does.
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), _PATIENCE_S).close()
        self._accepting.join(_PATIENCE_S)
        self._listener.close()
        with self._lock:
            connections, threads = list(self._connections), list(self._threads)
        for connection in connections:
            connection.shut()
        for thread in threads:
            thread.join(_PATIENCE_S)

    def check(self) -> None:
        """Complain of faults that did not happen and of what went wrong in here.

        Raises:
            AssertionError: Either was the case.
        """
        if self._crashes:
            raise AssertionError(f"the server failed: {self._crashes[0]!r}") from self._crashes[0]
        if unhit := self.unhit():
            raise AssertionError(f"scripted faults that were not hit: {'; '.join(unhit)}")

    # What tests ask

    @property
    def endpoint(self) -> str:
        """The URL for `endpoint_url`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Entry]:
        """The log so far, in the order in which the requests began."""
        return self.stage.journal.entries()

    def operations(self) -> list[str]:
        """The names of the logged requests."""
        return [entry.operation for entry in self.requests]

    def objects(self, bucket: str) -> dict[str, StoredObject]:
        """The objects of a bucket by key."""
        return self.stage.store.objects(bucket)

    def uploads(self, bucket: str) -> dict[str, OpenUpload]:
        """The open multipart uploads of a bucket by id."""
        return {up.id: OpenUpload(up.key, dict(up.parts)) for up in self.stage.store.uploads(bucket)}

    def unhit(self) -> list[str]:
        """The faults that were scripted and did not happen as often as they should."""
        return self.stage.script.unhit()

    # What tests do

    def make_bucket(self, bucket: str) -> None:
        """Make a bucket, unless it is there."""
        self.stage.store.make_bucket(bucket)

    def put(self, bucket: str, key: str, data: bytes, metadata: Mapping[str, str] | None = None) -> StoredObject:
        """Store an object behind everybody's back."""
        path = self.stage.store.new_file()
        path.write_bytes(data)
        running, md5 = start("CRC64NVME"), start("MD5")
        running.update(data)
        md5.update(data)
        new = StoredObject(
            key=key,
            path=path,
            size=len(data),
            etag=etag_of(md5.digest().hex(), {}, self),
            metadata=dict(metadata or {}),
            checksum=Checksum("CRC64NVME", encode(running.digest())) if self.default_checksum else None,
            headers={},
            parts=(),
            version_id=new_version(self),
            modified=self.clock(),
        )
        return self.stage.store.keep(bucket, new, lambda _: None)

    def delete(self, bucket: str, key: str) -> None:
        """Take an object away behind everybody's back."""
        self.stage.store.remove(bucket, key)

    def lose_upload(self, upload_id: str) -> None:
        """Forget an open upload."""
        self.stage.store.lose_upload(upload_id)

    def lose_parts(self, upload_id: str, numbers: set[int]) -> None:
        """Forget some parts of an open upload."""
        self.stage.store.lose_parts(upload_id, numbers)

    def script(self, *faults: Fault) -> None:
        """Add faults; each must be hit before the server ends."""
        self.stage.script.add(*faults)

    def release(self, *, go_on: bool = False) -> None:
        """Let out the exchanges that are in a black hole: by a reset, or to go on as if nothing had been."""
        self.stage.stuck.release(go_on=go_on)

    def wait_until_stuck(self, count: int = 1, limit_s: float = 30.0) -> None:
        """Return when so many exchanges are in a black hole.

        Raises:
            AssertionError: They did not come in time.
        """
        if not self.stage.stuck.wait_for(count, limit_s):
            raise AssertionError(f"no {count} requests in a black hole after {limit_s} s")

    # Threads

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except ConnectionAbortedError:  # the client went away while it waited in the queue
                continue
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not self._admit(Connection(sock)):
                return

    def _admit(self, connection: Connection) -> bool:
        """Give the connection a thread; False where the server is closing."""
        thread = threading.Thread(target=self._serve, args=(connection,), name="hostile-s3", daemon=True)
        with self._lock:
            if self._closing:
                connection.close()
                return False
            self._connections.add(connection)
            self._threads.add(thread)
        thread.start()
        return True

    def _serve(self, connection: Connection) -> None:
        try:
            serve(connection, self.stage)
        except BaseException as exc:  # noqa: BLE001 - kept for the test's own thread
            self._crashes.append(exc)
        finally:
            with self._lock:
                self._connections.discard(connection)
                self._threads.discard(threading.current_thread())
