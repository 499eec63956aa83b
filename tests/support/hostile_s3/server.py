"""The server: threads over a listening socket, and what tests hold in their hands."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .door import Door
from .faults import Fault
from .journal import Entry
from .objects import planted
from .records import OpenUpload, StoredObject
from .rules import Rules
from .serving import serve
from .sessions import Session, issue
from .stage import Stage
from .store import Store


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
        self.stage = Stage(self, Store(root), Door(port, lambda connection: serve(connection, self.stage)))

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
        self.stage.door.open()
        self.port: int = self.stage.door.port

    def stop(self) -> None:
        """End every connection and every thread."""
        self.stage.stuck.close()
        self.stage.door.close()

    def check(self) -> None:
        """Complain of faults that did not happen and of what went wrong in here.

        Raises:
            AssertionError: Either was the case.
        """
        if crashes := self.stage.door.crashes:
            raise AssertionError(f"the server failed: {crashes[0]!r}") from crashes[0]
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
        left = self.stage.door.still_to_turn_away
        return self.stage.script.unhit() + ([f"turn_away ({left} more)"] if left else [])

    # What tests do

    def make_bucket(self, bucket: str) -> None:
        """Make a bucket, unless it is there."""
        self.stage.store.make_bucket(bucket)

    def put(self, bucket: str, key: str, data: bytes, metadata: Mapping[str, str] | None = None) -> StoredObject:
        """Store an object behind everybody's back."""
        return planted(self.stage.store, self, bucket, key, data=data, metadata=metadata or {})

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

    # Hard times

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse every connection meanwhile, and break those that there are."""
        self.refuse()
        try:
            yield
        finally:
            self.listen_again()

    def refuse(self, for_s: float | None = None) -> None:
        """Break every connection and refuse new ones, for so many seconds or until `listen_again`."""
        self.stage.door.shut(for_s)

    def listen_again(self) -> None:
        """Take connections as before."""
        self.stage.door.open()

    def turn_away(self, count: int) -> None:
        """Reset that many of the next connections as soon as they are made; each must come before the server ends."""
        self.stage.door.turn_away(count)

    def calm(self) -> None:
        """End the faults that would last for ever."""
        self.stage.script.calm()

    def issue(self, lifetime_s: float = 3600.0) -> Session:
        """Temporary credentials that end after so many seconds of this server's clock."""
        return issue(self, lifetime_s)
