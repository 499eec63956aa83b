"""How fast to go: a rate for the whole process, and a hold-off for everybody.

Both are told the time and tell how long to wait; nobody sleeps here. Used by all workers.
"""

import threading


class HoldOff:
    """The moment before which no request is sent.

    A store that says «slow down» means all of us: retries that go on around one waiting
    request keep it overloaded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0

    def extend(self, until: float) -> None:
        """Hold off until then, or later where that was said already."""
        with self._lock:
            self._until = max(self._until, until)

    def remaining(self, now: float) -> float:
        """Seconds to wait; 0 or less for none."""
        return self._until - now


class RateLimit:
    """A token bucket that all bodies of the process draw from.

    Args:
        bytes_per_s: The rate; None for no limit.
        burst_s: How much may go out at once after a pause, in seconds of the rate. Higher is
            less even, lower costs more waits.
    """

    def __init__(self, bytes_per_s: int | None, *, burst_s: float = 0.1) -> None:
        self.bytes_per_s = bytes_per_s
        self._burst_s = burst_s
        self._lock = threading.Lock()
        self._paid_until = 0.0

    def reserve(self, size_bytes: int, now: float) -> float:
        """Take so many bytes from the bucket; returns how many seconds to wait before sending them."""
        if self.bytes_per_s is None:
            return 0.0
        with self._lock:
            start = max(self._paid_until, now - self._burst_s)
            self._paid_until = start + size_bytes / self.bytes_per_s
            return max(0.0, start - now)
