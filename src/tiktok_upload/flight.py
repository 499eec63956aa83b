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
from tiktok_upload.state import Step

_WITH_BODY = frozenset({Step.UPLOAD, Step.PUT})
_LOOK_S = 1.0  # how often the line is looked at


class Flight:
    """How many requests may be in flight, from their outcomes and the bytes that go out.

    Only requests with a body share the line; the others only wait, and as many may as the machine allows.

    Attributes:
        running: Requests in flight now.
        sending: Those with a body among them.
    """

    def __init__(self, bounds: Bounds, now: float) -> None:
        self.running = self.sending = 0
        self._most = bounds.most
        self._pace, self._line = Pace(bounds, now), Line(now)
        self._fits: int | None = None
        self._part_size = 0
        self._bytes_taken = 0
        self._looked_at = now

    @property
    def allowed(self) -> int:
        """Requests that may be in flight, at least one."""
        return self._pace.allowed if self._fits is None else max(1, min(self._pace.allowed, self._fits))

    def has_room(self, step: Step) -> bool:
        """Whether one more request of this kind may begin."""
        return self.running < self._most and (step not in _WITH_BODY or self.sending < self.allowed)

    def begun(self, step: Step) -> None:
        """One more request is in flight."""
        self.running += 1
        self.sending += step in _WITH_BODY

    def landed(self, step: Step, outcome: object, now: float) -> None:
        """One of the requests came to its end."""
        self.running -= 1
        self.sending -= step in _WITH_BODY
        size = outcome.stored.size if isinstance(outcome, PartSent) and not outcome.reused else 0
        size += outcome.sent_bytes if isinstance(outcome, ObjectMade) else 0
        if size:
            self._bytes_taken += size
            self._pace.answered(size, now)

    def retried(self, retried: Retried, now: float) -> None:
        """One of them failed, and is tried again."""
        if retried.fault.kind is Kind.THROTTLED:
            self._pace.throttled(now)

    def filled(self, now: float) -> None:
        """All that can begin has begun; where there is room left, what comes of it says nothing."""
        if self.sending < self.allowed:
            self._pace.starved(now)

    def look(self, deliveries: Iterable[Delivery], now: float) -> None:
        """Learn from what goes out; to be called whenever something happened, and a few times a second."""
        sending = [delivery for delivery in deliveries if delivery.in_flight]
        part_size = max((min(each.planned.part_size, each.planned.plan.object_size) for each in sending), default=0)
        if part_size != self._part_size:  # a pause, or tiny files that leave the line half empty, say nothing of it
            self._line, self._fits, self._part_size = Line(now), None, part_size
        if not sending:
            return
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
