"""How many requests are in flight, and how fast they go. Decisions only: told the time, nobody sleeps here.

    Pace       how many at once: grows while throughput grows, halves when the store says «slow down»
    Line       how much the line carries, and how many parts of a size fit it
    HoldOff    the moment before which nobody sends
    RateLimit  the rate that the user allows

The control thread owns `Pace` and `Line`; the other two are used by all workers.
"""

import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

# ------------------------------------------------------------------------------------------------------- how many
_SHORTEST_EPOCH_S = 0.2  # Lower: noise decides. Higher: a fast line waits for its streams.
_GAIN = 0.1  # of what one more stream should bring; less is no growth. Lower: streams that only share what others had.
_SAME = 0.95  # of a throughput; fewer streams that carry as much are enough
_FEWEST = 2  # one alone leaves the line idle between two parts
_SETTLED_S, _LONGEST_SETTLED_S = 20.0, 300.0  # until the next try for more, twice as long after each that failed
_BELOW_THROTTLE = 7 / 8  # of what was too much for the store; it is tried again once settled
_ONE_CUT_S = 1.0  # answers to requests that were out already say nothing new

# The first seconds: twice as many each time, while parts go out so fast that twice as many harm nobody.
_STARTING_EPOCH_S = 0.1
_EASY_PART_S = 5.0
_BUSY = 0.6  # of one core, with the fewest: threads would wait for the machine, not for the line


@dataclass(frozen=True, slots=True)
class Bounds:
    """Requests in flight.

    Attributes:
        start: With the first byte.
        first: As soon as the line is seen to be no slow one; from there on only what pays.
        most: What memory, descriptors and the store allow.
    """

    start: int
    first: int
    most: int

    def capped(self, most: int) -> "Bounds":
        """No more than so many."""
        return Bounds(min(self.start, most), min(self.first, most), min(self.most, most))


# More than these, and Python's own threads are what is waited for; 128 streams of 20 MiB/s fill 20 Gbit/s.
_MOST = 128
_FILES_A_REQUEST = 5  # two sockets, one that asks first; the file, its journal and its lock, where each is a file
_FILES_BESIDE = 64
_MEMORY_A_REQUEST = 8 << 20  # a thread, its buffers and TLS take under 2 MiB; the rest is everybody else's


def auto_bounds(open_files: int, memory_bytes: int | None) -> Bounds:
    """What this machine allows.

    Args:
        open_files: How many this process may have.
        memory_bytes: That are free; None where that is not known.
    """
    most = min(_MOST, (open_files - _FILES_BESIDE) // _FILES_A_REQUEST)
    if memory_bytes is not None:
        most = min(most, memory_bytes // _MEMORY_A_REQUEST)
    return Bounds(start=4, first=64, most=_MOST).capped(max(1, most))


class _Phase(Enum):
    STARTING = auto()
    GROWING = auto()
    SHRINKING = auto()
    SETTLED = auto()
    RECOVERING = auto()


@dataclass(frozen=True, slots=True)
class _Level:
    """So many at once, and the bytes a second that came of it."""

    count: int
    rate: float


class Pace:
    """How many requests may be in flight.

    Time goes in epochs: each lasts until as many answers came as requests may be in flight, so that every stream was
    heard once. It doubles while that pays; what did not pay is taken back. Where not even the first doubling paid,
    half as many may do, too. Only the start is faster than answers come: it goes by the bytes that leave.
    A store that says «slow down» halves it, and it comes back slowly.

    Attributes:
        allowed: Requests that may be in flight now.
    """

    def __init__(self, bounds: Bounds, now: float) -> None:
        self.allowed = bounds.start
        self._bounds = bounds
        self._phase = _Phase.STARTING if bounds.start < bounds.first else _Phase.GROWING
        self._started: tuple[float, int, float] | None = None
        self._epoch_began, self._answers, self._bytes, self._leaving = now, 0, 0, 0
        self._best: _Level | None = None
        self._factor = 2.0
        self._may_shrink = True
        self._ceiling = bounds.most
        self._settled_until = 0.0
        self._settled_s = _SETTLED_S
        self._cut_at = -_ONE_CUT_S

    def answered(self, size_bytes: int, now: float) -> None:
        """The store took so many bytes with one request."""
        if self._leaving > 0:  # begun when more were allowed
            self._leaving -= 1
            self._epoch_began = now
            return
        self._answers += 1
        self._bytes += size_bytes
        lasted_s = now - self._epoch_began
        if self._answers >= self.allowed and lasted_s >= _SHORTEST_EPOCH_S:
            before = self.allowed
            self._decide(_Level(before, self._bytes / lasted_s), now)
            self._begin_epoch(now, leaving=before - self.allowed)

    def flows(self, bytes_out: int, part_size: int, cpu_s: float, now: float) -> None:
        """So many bytes went out since the start, in parts of this size, and this process had so much of the CPU."""
        if self._phase is not _Phase.STARTING or bytes_out == 0:
            return
        began, before, cpu_before = self._started = self._started or (now, bytes_out, cpu_s)
        lasted_s = now - began
        if lasted_s < _STARTING_EPOCH_S or (bytes_out - before) * _EASY_PART_S < self.allowed * part_size * lasted_s:
            return
        is_busy = self.allowed == self._bounds.start and (cpu_s - cpu_before) / lasted_s > _BUSY
        if not is_busy:
            self.allowed = min(self._bounds.first, 2 * self.allowed)
        if is_busy or self.allowed == self._bounds.first:
            self._phase = _Phase.GROWING
        self._started = now, bytes_out, cpu_s
        self._begin_epoch(now)

    def starved(self, now: float) -> None:
        """There was not enough to send: what comes of it says nothing about the number."""
        self._begin_epoch(now)

    def throttled(self, now: float) -> None:
        """The store said «slow down»: once for all requests that were out."""
        if now - self._cut_at < _ONE_CUT_S:
            return
        self._cut_at = now
        self._ceiling = max(1, int(self.allowed * _BELOW_THROTTLE))
        self._factor, self._best, self._may_shrink = 1 + 1 / 8, None, False
        self._phase = _Phase.RECOVERING
        before, self.allowed = self.allowed, max(1, self.allowed // 2)
        self._begin_epoch(now, leaving=before - self.allowed)

    def _begin_epoch(self, now: float, *, leaving: int = 0) -> None:
        self._epoch_began, self._answers, self._bytes, self._leaving = now, 0, 0, leaving

    def _decide(self, level: _Level, now: float) -> None:
        match self._phase:
            case _Phase.STARTING | _Phase.GROWING:
                self._phase = _Phase.GROWING
                self._grow(level, now)
            case _Phase.SHRINKING:
                self._shrink(level, now)
            case _Phase.RECOVERING:
                self._recover(now)
            case _Phase.SETTLED if now >= self._settled_until:
                self._phase, self._best = _Phase.GROWING, None
                self._grow(level, now)

    def _grow(self, level: _Level, now: float) -> None:
        best = self._best
        if best is None or level.rate >= best.rate * (1 + _GAIN * (level.count / best.count - 1)):
            if best is not None:  # it paid
                self._may_shrink, self._settled_s = False, _SETTLED_S
            self._best = level
            self.allowed = min(self._bounds.most, max(level.count + 1, int(level.count * self._factor)))
            if self.allowed == level.count:
                self._settle(now)
        elif self._may_shrink:
            self._may_shrink, self._phase = False, _Phase.SHRINKING
            self.allowed = max(1, best.count // 2)
        else:
            self.allowed = best.count
            self._settle(now)

    def _shrink(self, level: _Level, now: float) -> None:
        best = self._best or level
        self._best = max(best, level, key=lambda known: known.rate)
        if level.rate < best.rate * _SAME:  # too few; whether more pay is asked once more from here
            self._phase, self._best, self.allowed = _Phase.GROWING, None, level.count * 2
        elif level.count <= max(_FEWEST, self._bounds.start // 4):
            self._settle(now)
        else:
            self.allowed = level.count // 2

    def _recover(self, now: float) -> None:
        self.allowed = min(self._ceiling, self.allowed + max(1, self._ceiling // 16))
        if self.allowed >= self._ceiling:
            self._settle(now)

    def _settle(self, now: float) -> None:
        self._phase = _Phase.SETTLED
        self._settled_until = now + self._settled_s
        self._settled_s = min(_LONGEST_SETTLED_S, self._settled_s * 2)


# --------------------------------------------------------------------------------------------------------- the line
# S3 takes a signature for 15 minutes, and a part that is cut after 5 costs 5. Lower: fewer at once on slow lines.
LONGEST_PART_S = 300.0
_PLANNED_PART_S = 240.0  # for lines are not even
_FILLING_S = 5.0  # what goes out first only fills the system's buffers
_TELLS_AFTER_S, _WINDOW_S = 10.0, 30.0
_PAUSE_S = 5.0  # without being told anything: nothing was to be sent
_OUTAGE_S = 10.0  # without a byte: no slow line, but none


class Line:
    """What goes out, as the bodies count it.

    Attributes:
        rate: Bytes a second, of the last half minute; None until that can be told.
    """

    def __init__(self, now: float) -> None:
        self.rate: float | None = None
        self._begins = now + _FILLING_S
        self._out, self._twice, self._moved_at = 0, 0, now
        self._seen: deque[tuple[float, int]] = deque()

    def saw(self, bytes_out: int, now: float) -> None:
        """So many bytes went out since the start, to be told once a second or so."""
        if self._seen and now - self._seen[-1][0] > _PAUSE_S:
            self._seen.clear()
            self._moved_at = now
        if bytes_out > self._out:
            self._moved_at = now
        self._twice += max(0, self._out - bytes_out)  # a part was cut or failed: it went out all the same
        self._out = bytes_out
        if now - self._moved_at > _OUTAGE_S or now < self._begins:
            self._seen.clear()
            self.rate = None
            return
        self._seen.append((now, bytes_out + self._twice))
        while self._seen[0][0] < now - _WINDOW_S:
            self._seen.popleft()
        began, before = self._seen[0]
        if now - began >= _TELLS_AFTER_S:
            self.rate = (bytes_out + self._twice - before) / (now - began) or None

    def fits(self, part_size: int) -> int | None:
        """How many parts of this size end in time side by side, 0 where not even one; None where that is not known."""
        return None if self.rate is None else int(self.rate * _PLANNED_PART_S / part_size)

    def best_part_size(self) -> int | None:
        """Bytes of a part that takes a minute alone."""
        return None if self.rate is None else max(1, int(self.rate * 60))


# ---------------------------------------------------------------------------------------------------- the whole process
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
