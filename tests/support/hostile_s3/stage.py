"""What all connections share."""

import threading
from dataclasses import dataclass, field

from .door import Door
from .errors import HangUpError
from .journal import Journal
from .rules import Rules
from .script import Script
from .store import Store


class BlackHoles:
    """Where exchanges wait that nobody answers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._generation = 0
        self._inside = 0
        self._goes_on = False
        self._closed = False

    def stay(self) -> None:
        """Return when `release` lets the exchange go on.

        Raises:
            HangUpError: It was released to end, or the server closes.
        """
        with self._changed:
            born = self._generation
            self._inside += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closed or self._generation > born)
            self._inside -= 1
            if self._closed or not self._goes_on:
                raise HangUpError(reset=True)

    def pause(self, seconds: float) -> None:
        """Return after so many seconds.

        Raises:
            HangUpError: The server closes.
        """
        with self._changed:
            if self._changed.wait_for(lambda: self._closed, seconds):
                raise HangUpError(reset=True)

    def wait_for(self, count: int, limit_s: float) -> bool:
        """Wait until so many are inside; False where they did not come in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._inside >= count, limit_s)

    def release(self, *, go_on: bool) -> None:
        """Let out all that are inside now, to go on as if nothing had been or to be reset."""
        with self._changed:
            self._goes_on = go_on
            self._generation += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let out everybody, now and later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Stage:
    """The state of one server."""

    rules: Rules
    store: Store
    door: Door
    script: Script = field(default_factory=Script)
    journal: Journal = field(default_factory=Journal)
    stuck: BlackHoles = field(default_factory=BlackHoles)
