"""The log of requests, as tests look at it."""

import threading
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from .routing import Request

_SECRET: Final = frozenset({"authorization", "x-amz-security-token"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One request.

    Attributes:
        status: None as long as no answer was sent, and for ever where none was.
        code: S3's error code in the answer.
        body_bytes: Bytes of the body that had come when the answer was sent or the connection broke.
        headers: Without signature and session token, names in lower case.
        faults: Those that acted on it.
        began: Ticks of one clock that all requests share, so that overlaps can be seen.
        ended: The tick of its end; None while it is under way.
    """

    operation: str
    bucket: str
    key: str
    part: int | None
    upload_id: str | None
    query: dict[str, str]
    headers: dict[str, str]
    began: int
    status: int | None = None
    code: str = ""
    body_bytes: int = 0
    faults: tuple[str, ...] = ()
    ended: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)


class Journal:
    """Entries in the order in which the requests began; safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._tick = 0

    def begin(self, request: Request) -> int:
        """Write an entry down; gives its place."""
        headers = {name: text for name, text in request.headers.items() if name not in _SECRET}
        with self._lock:
            self._tick += 1
            self._entries.append(
                Entry(
                    operation=request.operation,
                    bucket=request.bucket,
                    key=request.key,
                    part=request.part,
                    upload_id=request.upload_id,
                    query=request.query,
                    headers=headers,
                    began=self._tick,
                )
            )
            return len(self._entries) - 1

    def note(self, place: int, **changes: Any) -> None:
        """Add to an entry."""
        with self._lock:
            self._entries[place] = replace(self._entries[place], **changes)

    def end(self, place: int, **changes: Any) -> None:
        """Close an entry; before the client can know, so that what it sees next is in order."""
        with self._lock:
            self._tick += 1
            self._entries[place] = replace(self._entries[place], ended=self._tick, **changes)

    def entries(self) -> list[Entry]:
        """All of them so far."""
        with self._lock:
            return list(self._entries)
