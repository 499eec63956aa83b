"""Runs a target's cases, counts them, and keeps what fails with all that is needed to see it again."""

import base64
import re
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

from tests.fuzz.mutation import case
from tests.fuzz.target import Target, WrongAnswer

_MOST_KEPT = 20  # failures of one target, each of another kind


class Hang(BaseException):
    """A case took longer than its target may."""


@dataclass(frozen=True)
class Failure:
    """One case that failed, the first of its kind.

    Attributes:
        what: The exception's name, its place and its text.
        number: Of the case, with the seed; -1 where coverage led to it.
    """

    target: str
    what: str
    data: bytes
    seed: int
    number: int

    def __str__(self) -> str:
        return (
            f"FAIL {self.target} seed {self.seed} case {self.number}: {self.what}\n"
            f"     python -m tests.fuzz --replay {base64.b64encode(self.data).decode()} {self.target}"
        )


@dataclass
class Outcome:
    """What came of a target's cases."""

    target: str
    engine: str
    seed: int
    cases: int = 0
    seconds: float = 0.0
    failures: dict[str, Failure] = field(default_factory=dict)
    failed: int = 0

    def __str__(self) -> str:
        rate = self.cases / self.seconds if self.seconds else 0.0
        head = f"{self.target:<15} {self.engine:<8} {self.cases:>9,} cases {rate:>9,.0f}/s"
        return f"{head}  {self.failed} failed  (seed {self.seed})"

    def add(self, what: str, data: bytes, number: int) -> None:
        """Keep the first failure of each kind."""
        self.failed += 1
        kind = re.sub(r"/\S+|(?<!:)\b[0-9]+", "", what)[:120]  # not by its values
        if kind not in self.failures and len(self.failures) < _MOST_KEPT:
            self.failures[kind] = Failure(self.target, what, data, self.seed, number)


def run(target: Target, *, cases: int, seed: int) -> Outcome:
    """So many cases, the same for the same seed."""
    outcome = Outcome(target.name, "mutation", seed)
    begun = time.perf_counter()
    with hangs_noticed():
        for number in range(cases):
            data = case(Random(f"{seed}/{target.name}/{number}"), target.seeds, target.tokens)
            outcome.cases += 1
            what = failure_of(target.check, data, target.limit_s)
            if what is not None:
                outcome.add(what, data, number)
    outcome.seconds = time.perf_counter() - begun
    return outcome


def failure_of(check: Callable[[bytes], None], data: bytes, limit_s: float) -> str | None:
    """What is wrong with the answer to these bytes, if anything."""
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        check(data)
    except (Exception, Hang) as exc:  # noqa: BLE001 - whatever it is, it is a failure
        return described(exc)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return None


def described(exc: BaseException) -> str:
    """The exception's name, the innermost place in our own code, and its text."""
    frames = [frame for frame in traceback.extract_tb(exc.__traceback__) if Path(frame.filename).name != "target.py"]
    ours = [frame for frame in frames if "tiktok_upload" in frame.filename]
    frame = (ours if ours and not isinstance(exc, WrongAnswer) else frames)[-1]
    return f"{type(exc).__name__} at {Path(frame.filename).name}:{frame.lineno}: {str(exc)[:300]}"


@contextmanager
def hangs_noticed() -> Iterator[None]:
    """While inside, the timer of a case raises `Hang`."""

    def rung(_number: int, _frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, rung)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
