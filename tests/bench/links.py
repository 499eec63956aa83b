"""Lines and stores as they are met, simulated: what `Pace` makes of them. Time is counted, nothing waits.

Streams share a line: each carries what its own limit and its share of the whole allow. A part ends with the answer, a
round trip after its last byte. A lost part is sent again; a store that takes only so many requests a second says «slow
down» to the rest, and everybody holds off.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from tiktok_upload.pace import Bounds, HoldOff, Line, Pace

MIB = 1 << 20
PART = 8 * MIB
_STEP_S = 0.005
_HOLD_OFF_S = 1.0
_TOLD_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Link:
    """One line to one store.

    Attributes:
        stream: Bytes a second that one connection carries.
        whole: Bytes a second of all together.
        round_trip_s: From the last byte of a part to its answer.
        loss: The share of parts that are lost at their end.
        requests: A second that the store takes; 0 for all.
    """

    name: str
    stream: float
    whole: float
    round_trip_s: float = 0.03
    loss: float = 0.0
    requests: float = 0.0

    @property
    def most(self) -> float:
        """Bytes a second that line and store carry at most."""
        return min(self.whole, self.requests * PART) if self.requests else self.whole

    @property
    def enough(self) -> float:
        """How many streams fill it."""
        return self.whole / self.stream * (1 + self.round_trip_s * self.stream / PART)


LINKS = (
    Link("one stream limited, 30 ms", 20 * MIB, 2_000 * MIB),
    Link("one stream limited, 400 ms", 5 * MIB, 400 * MIB, 0.4),
    Link("all limited, 1 ms", 1_000 * MIB, 1_000 * MIB, 0.001),
    Link("all limited, 100 ms", 20 * MIB, 100 * MIB, 0.1),
    Link("home, 20 Mbit/s", 2.5 * MIB, 2.5 * MIB, 0.04),
    Link("slow, 2 Mbit/s", 0.25 * MIB, 0.25 * MIB, 0.2),
    Link("lossy, 1 part in 20", 20 * MIB, 200 * MIB, 0.1, loss=0.05),
    Link("throttling store, 20 requests/s", 40 * MIB, 2_000 * MIB, 0.05, requests=20.0),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """How it stands at one moment: requests allowed and in flight, and the bytes that went out since the start."""

    at_s: float
    allowed: int
    in_flight: int
    out: int


@dataclass
class _Stream:
    left: float
    began_s: float
    ends_s: float | None = None
    longest_s: float = 0.0


@dataclass
class Trip:
    """A simulated transfer.

    Attributes:
        samples: One for each tenth of a second.
        throttled: «slow down»s that were heard.
        longest_part_s: From a part's beginning to its answer, cut ones left out.
        cut: Parts that were cut to be sent later.
    """

    samples: list[Sample] = field(default_factory=list)
    throttled: int = 0
    longest_part_s: float = 0.0
    cut: int = 0

    def rate(self, from_s: float = 0.0) -> float:
        """Bytes a second from then to the end."""
        first = next(sample for sample in self.samples if sample.at_s >= from_s)
        last = self.samples[-1]
        return (last.out - first.out) / max(_STEP_S, last.at_s - first.at_s)


class _Simulation:
    def __init__(self, link: Link, bounds: Bounds, seed: int) -> None:
        self._link = link
        self._random = random.Random(seed)
        self._pace, self._line, self._hold_off = Pace(bounds, 0.0), Line(0.0), HoldOff()
        self._streams: list[_Stream] = []
        self._tokens = link.requests
        self._out = 0.0
        self.trip = Trip()

    def run(self, seconds: float) -> Trip:
        for step in range(int(seconds / _STEP_S)):
            now = step * _STEP_S
            self._begin(now)
            self._move(now)
            self._pace.flows(int(self._out), PART, 0.0, now)
            self._end(now)
            if step % int(_TOLD_EVERY_S / _STEP_S) == 0:
                self._line.saw(int(self._out), now)
                self._cut()
            if step % 20 == 0:
                self.trip.samples.append(Sample(now, self._allowed(), len(self._streams), int(self._out)))
        return self.trip

    def _allowed(self) -> int:
        fits = self._line.fits(PART)
        return self._pace.allowed if fits is None else max(1, min(self._pace.allowed, fits))

    def _begin(self, now: float) -> None:
        self._tokens = min(self._link.requests, self._tokens + self._link.requests * _STEP_S)
        while len(self._streams) < self._allowed() and self._hold_off.remaining(now) <= 0:
            if self._link.requests and self._tokens < 1:
                self.trip.throttled += 1
                self._hold_off.extend(now + _HOLD_OFF_S)
                self._pace.throttled(now)
                return
            self._tokens -= 1
            self._streams.append(_Stream(PART, now))

    def _move(self, now: float) -> None:
        sending = [stream for stream in self._streams if stream.ends_s is None]
        for stream in sending:
            sent = min(stream.left, _STEP_S * min(self._link.stream, self._link.whole / len(sending)))
            stream.left -= sent
            self._out += sent
            if stream.left <= 0:
                stream.ends_s = now + self._link.round_trip_s

    def _end(self, now: float) -> None:
        for stream in [stream for stream in self._streams if stream.ends_s is not None and stream.ends_s <= now]:
            if self._random.random() < self._link.loss:
                self._out -= PART
                stream.left, stream.ends_s = PART, None
                continue
            self._streams.remove(stream)
            self.trip.longest_part_s = max(self.trip.longest_part_s, now - stream.began_s)
            self._pace.answered(PART, now)

    def _cut(self) -> None:
        """Those that are furthest from their end, where more are out than the line carries in time."""
        fits = self._line.fits(PART)
        if fits is None:
            return
        least = sorted(self._streams, key=lambda stream: -stream.left)[: max(0, len(self._streams) - max(1, fits))]
        for stream in least:
            self._out -= PART - stream.left
            self._streams.remove(stream)
            self.trip.cut += 1


def simulate(link: Link, *, bounds: Bounds, seconds: float = 120.0, seed: int = 1) -> Trip:
    """A transfer without end over this link, looked at for so long."""
    return _Simulation(link, bounds, seed).run(seconds)


def all_trips(bounds: Bounds, seconds: float = 120.0) -> Iterator[tuple[Link, Trip]]:
    """Each link's."""
    for link in LINKS:
        yield link, simulate(link, bounds=bounds, seconds=seconds)
