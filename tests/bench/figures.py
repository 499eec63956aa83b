"""What the runs of a race took, and the goals they are held against: values and arithmetic only."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.meter import Measurement

MIB: Final = 1 << 20
GIB: Final = 1 << 30
_MEMORY_GOAL_MIB: Final = 200


@dataclass(frozen=True, slots=True)
class Figures:
    """What one contestant took on one course.

    Attributes:
        runs: How many the medians are of.
        size_bytes: Sent in each.
        wall_s: Median.
        cpu_s: Median, of the client with its children.
        main_peak_bytes: The highest of all runs.
        child_peak_bytes: The same of its largest child; 0 where it has none or nobody can tell.
    """

    runs: int
    size_bytes: int
    wall_s: float
    cpu_s: float
    main_peak_bytes: int
    child_peak_bytes: int

    @property
    def mib_a_second(self) -> float:
        """Throughput of the whole process, with its start and its end."""
        return self.size_bytes / MIB / self.wall_s

    @property
    def cpu_s_a_gib(self) -> float:
        """Client CPU."""
        return self.cpu_s / (self.size_bytes / GIB)


Outcome = Figures | str
"""Figures, or why there are none."""

Course = Mapping[str, Outcome]
"""By the contestant's name, in the order of the turns."""

Results = Mapping[str, Course]
"""By the course's name."""


class NoFiguresError(Exception):
    """A figure that a goal needs was not taken."""


def summarize(measurements: Sequence[Measurement], size_bytes: int) -> Figures:
    """The medians of several runs of the same errand."""
    return Figures(
        runs=len(measurements),
        size_bytes=size_bytes,
        wall_s=statistics.median(one.wall_s for one in measurements),
        cpu_s=statistics.median(one.cpu_s for one in measurements),
        main_peak_bytes=max(one.main_peak_bytes for one in measurements),
        child_peak_bytes=max(one.child_peak_bytes or 0 for one in measurements),
    )


def figures_of(results: Results, course: str, name: str) -> Figures:
    """One contestant's.

    Raises:
        NoFiguresError: There are none.
    """
    found = results.get(course, {}).get(name)
    if not isinstance(found, Figures):
        raise NoFiguresError(name)
    return found


@dataclass(frozen=True, slots=True)
class Goal:
    """A number that is to be reached.

    Attributes:
        course: What it is measured on; empty for all of them.
        what: In words, to be read behind the course's name.
        at_least: Else, at most.
        unit: Behind the number.
        measure: Takes it, or raises `NoFiguresError`.
    """

    course: str
    what: str
    bound: float
    at_least: bool
    unit: str
    measure: Callable[[Results], float]

    def is_met(self, measured: float) -> bool:
        """Whether the number is reached: as it stands, not as it is shown."""
        return measured >= self.bound if self.at_least else measured <= self.bound

    def shown(self, number: float) -> str:
        """A number with the unit."""
        return f"{number:.0f}{self.unit}" if self.unit.strip() in {"MiB", "%"} else f"{number:.2f}{self.unit}"

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}{self.unit}"


def goals(ours: str, again: str, limit: str, peers: Iterable[str]) -> tuple[Goal, ...]:
    """All of them, HTTPS first; the arguments name contestants."""
    names = tuple(peers)
    return (
        _faster("https", ours, "obstore", 1.15),
        _faster("https", ours, "s5cmd", 2),
        _faster("https", ours, "aws-cli", 2),
        _thrifty("https", ours, 0.85),
        _near_the_limit("https", ours, limit, 90),
        _faster("http", ours, "obstore", 2.5),
        _faster("http", ours, "s5cmd", 5),
        _faster("http", ours, "aws-cli", 12),
        _thrifty("http", ours, 0.45),
        _near_the_limit("http", ours, limit, 70),
        Goal("slow", "throughput ÷ the best peer's", 3.5, True, " times", lambda results: _lead(results, ours, names)),
        _slower("many", ours, "s5cmd", 3),
        _slower("many", ours, "aws-cli", 0.4),
        Goal(
            "many", "second run ÷ first run", 0.5, False, " times", lambda results: _time(results, "many", again, ours)
        ),
        _slower("one", ours, "aws-cli", 1),
        Goal("huge", "throughput, share of that of the smaller file", 90, True, " %", _share_at_size),
        Goal(
            "", "peak memory of the main process", _MEMORY_GOAL_MIB, False, " MiB", lambda results: _peak(results, ours)
        ),
    )


def _faster(course: str, ours: str, peer: str, bound: float) -> Goal:
    return Goal(
        course, f"throughput ÷ {peer}'s", bound, True, " times", lambda results: _speed(results, course, ours, peer)
    )


def _slower(course: str, ours: str, peer: str, bound: float) -> Goal:
    return Goal(course, f"time ÷ {peer}'s", bound, False, " times", lambda results: _time(results, course, ours, peer))


def _thrifty(course: str, ours: str, bound: float) -> Goal:
    return Goal(
        course, "client CPU", bound, False, " s/GiB", lambda results: figures_of(results, course, ours).cpu_s_a_gib
    )


def _near_the_limit(course: str, ours: str, limit: str, percent: float) -> Goal:
    return Goal(
        course,
        "throughput, share of plain sockets'",
        percent,
        True,
        " %",
        lambda results: 100 * _speed(results, course, ours, limit),
    )


def _speed(results: Results, course: str, name: str, than: str) -> float:
    return figures_of(results, course, name).mib_a_second / figures_of(results, course, than).mib_a_second


def _time(results: Results, course: str, name: str, than: str) -> float:
    return figures_of(results, course, name).wall_s / figures_of(results, course, than).wall_s


def _lead(results: Results, ours: str, peers: Iterable[str]) -> float:
    found = [one.mib_a_second for name in peers if isinstance(one := results.get("slow", {}).get(name), Figures)]
    if not found:
        raise NoFiguresError("peers")
    return figures_of(results, "slow", ours).mib_a_second / max(found)


def _share_at_size(results: Results) -> float:
    found = [one for one in results.get("huge", {}).values() if isinstance(one, Figures)]
    if len(found) < 2:
        raise NoFiguresError("sizes")
    smaller, larger = sorted(found, key=lambda one: one.size_bytes)
    return 100 * larger.mib_a_second / smaller.mib_a_second


def _peak(results: Results, ours: str) -> float:
    """The highest anywhere; each entry of ours is named after it."""
    found = [
        one.main_peak_bytes
        for course in results.values()
        for name, one in course.items()
        if name.startswith(ours) and isinstance(one, Figures)
    ]
    if not found:
        raise NoFiguresError(ours)
    return max(found) / MIB
