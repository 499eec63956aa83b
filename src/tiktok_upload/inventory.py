"""What lies at the keys of many files, asked with a few listings instead of a look at each.

Only «nothing» and «still the object that we know of» are taken from a listing: it has no checksum and no metadata, so
whatever else lies there is looked at. It is asked for again once it is a minute old: a long run must not go by what
was there at its start. A request that makes an object says itself that none may be there.
"""

import threading
from collections.abc import Callable, Iterable, Mapping

from tiktok_upload.answers import Absence, ListedObject, ObjectSeen, Seen
from tiktok_upload.retry import Clock

# Fewer files are looked at as fast. Lower: a listing for a handful. Higher: a look at each, 2 ms of Python a time.
WORTH_A_LISTING = 16
_OBJECTS_A_PAGE = 1_000
_FRESH_S = 60.0  # Lower: more listings. Higher: what others did since is not seen.
_PAGES_BESIDE = 4  # of what others put below the same prefix: more, and looking is cheaper

Ask = Callable[[str, int], Mapping[str, ListedObject] | None]
"""`(prefix, most pages) -> all objects below it by their keys`, or None where that is not allowed or too much."""


class Inventory:
    """The objects below the keys' common prefix, asked for once a minute at most; used by all workers.

    Args:
        keys: Of the run.
        ask: The store.
        clock: Monotonic seconds.
    """

    def __init__(self, keys: Iterable[str], ask: Ask, clock: Clock) -> None:
        self._keys = tuple(keys)
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._found: Mapping[str, ListedObject] | None = None

    def seen(self, key: str, known_etag: str | None) -> Seen | None:
        """What a look at the key would show; None where only a look can tell.

        Args:
            key: One of the keys.
            known_etag: Of the object that our record says is there.

        Raises:
            StoreFault: The store cannot be asked.
        """
        found = self._objects()
        if found is None:
            return None
        listed = found.get(key)
        if listed is None:
            return Absence.ABSENT
        if known_etag is None or listed.etag != known_etag:
            return None
        return ObjectSeen(listed.size, listed.etag, metadata={}, checksums={})

    def _objects(self) -> Mapping[str, ListedObject] | None:
        if len(self._keys) < WORTH_A_LISTING:
            return None
        with self._lock:
            now = self._clock()
            if self._asked_at is None or now - self._asked_at > _FRESH_S:
                pages = len(self._keys) // _OBJECTS_A_PAGE + 1 + _PAGES_BESIDE
                self._found = self._ask(_common_beginning(self._keys), pages)
                self._asked_at = now
            return self._found


def _common_beginning(keys: tuple[str, ...]) -> str:
    """What all begin with; the first and the last in their order differ most."""
    first, last = min(keys), max(keys)
    same = (place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(same, min(len(first), len(last)))]
