"""The script: hands out faults to the requests that they are for."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from .faults import Fault
from .routing import Request


@dataclass(slots=True)
class _Line:
    fault: Fault
    seen: int = 0
    hits: int = 0
    over: bool = False

    def take(self) -> bool:
        """Count a request that fits; says whether it is hit, if nothing before it was."""
        self.seen += 1
        return (
            not self.over and self.seen > self.fault.skip and (self.fault.times is None or self.hits < self.fault.times)
        )

    @property
    def missing(self) -> int:
        return (1 if self.fault.times is None else self.fault.times) - self.hits


class Script:
    """The faults that are still to come; safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[_Line] = []

    def add(self, *faults: Fault) -> None:
        """Put faults at the script's end."""
        with self._lock:
            self._lines += [_Line(fault) for fault in faults]

    def take(self, request: Request) -> list[Fault]:
        """The faults that act on this request: each that goes along with others, and then the first of those."""
        with self._lock:
            fitting = [line for line in self._lines if line.fault.fits(request) and line.take()]
            along = [line for line in fitting if _goes_along(line.fault)]
            others = [line for line in fitting if not _goes_along(line.fault)]
            for line in (taken := along + others[:1]):
                line.hits += 1
        return [line.fault for line in taken]

    def give_back(self, faults: Iterable[Fault]) -> None:
        """Say that these did not happen after all: the request ended before."""
        with self._lock:
            for fault in faults:
                next(line for line in self._lines if line.fault is fault).hits -= 1

    def calm(self) -> None:
        """End the faults that would last for ever; those among them that hit nothing stay, to be told."""
        with self._lock:
            for line in self._lines:
                line.over |= line.fault.times is None

    def unhit(self) -> list[str]:
        """What was scripted and did not happen, in words."""
        with self._lock:
            return [f"{line.fault} ({line.missing} more)" for line in self._lines if line.missing > 0]


def _goes_along(fault: Fault) -> bool:
    return fault.action.goes_along
