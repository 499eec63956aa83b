"""The requests of a run that are in flight: how many may be, and which parts to leave where the line is too slow.

What happens is told to `Pace` and `Line`, which decide; this module knows deliveries, they know numbers.
"""

import time
from collections.abc import Iterable

from tiktok_upload.body import ByteCount
from tiktok_upload.delivery import Delivery, Retried
from tiktok_upload.delivery_plan import fit_line
from tiktok_upload.faults import Kind
from tiktok_upload.jobs import ObjectMade, PartSent
from tiktok_upload.pace import Bounds, Line, Pace

_LOOK_S = 1.0  # how often the line is looked at


class Flight:
    """How many requests may be in flight, from their outcomes and the bytes that go out.

    Attributes:
        running: Requests in flight now.
    """

    def __init__(self, bounds: Bounds, now: float) -> None:
        self.running = 0
        self._pace, self._line = Pace(bounds, now), Line(now)
        self._fits: int | None = None
        self._bytes_taken = 0
        self._looked_at = now

    @property
    def allowed(self) -> int:
        """Requests that may be in flight, at least one."""
        return self._pace.allowed if self._fits is None else max(1, min(self._pace.allowed, self._fits))

    @property
    def has_room(self) -> bool:
        """Whether one more may begin."""
        return self.running < self.allowed

    def landed(self, outcome: object, now: float) -> None:
        """One of the requests came to its end."""
        self.running -= 1
        size = outcome.stored.size if isinstance(outcome, PartSent) and not outcome.reused else 0
        size += outcome.sent_bytes if isinstance(outcome, ObjectMade) else 0
        if size:
            self._bytes_taken += size
            self._pace.answered(size, now)

    def retried(self, retried: Retried, now: float) -> None:
        """One of them failed, and is tried again."""
        if retried.fault.kind is Kind.THROTTLED:
            self._pace.throttled(now)

    def starved(self, now: float) -> None:
        """There is nothing more to begin, though there is room."""
        self._pace.starved(now)

    def look(self, deliveries: Iterable[Delivery], now: float) -> None:
        """Learn from what goes out; to be called whenever something happened, and a few times a second."""
        sending = [delivery for delivery in deliveries if delivery.in_flight]
        if not sending:
            return
        part_size = max(min(each.planned.part_size, each.planned.plan.object_size) for each in sending)
        bytes_out = self._bytes_taken + sum(count.value for each in sending for count in each.in_flight.values())
        self._pace.flows(bytes_out, part_size, time.process_time(), now)
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            self._line.saw(bytes_out, now)
            self._fit(sending, part_size)

    def _fit(self, sending: list[Delivery], part_size: int) -> None:
        self._fits = self._line.fits(part_size)
        if self._fits is None:
            return
        counts = [count for delivery in sending for count in delivery.in_flight.values() if not count.is_cut]
        _cut_least(counts, len(counts) - max(1, self._fits))
        if self._fits == 0:
            for delivery in sending:
                fit_line(delivery, self._line)


def _cut_least(counts: list[ByteCount], surplus: int) -> None:
    """Leave those of which least went out: what did is sent again."""
    for count in sorted(counts, key=lambda count: count.value)[: max(0, surplus)]:
        count.is_cut = True
