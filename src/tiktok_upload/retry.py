"""When and how long to retry: tenacity's loop, our budget; clock and sleep come in as arguments."""

import random
import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.pace import HoldOff

Clock = Callable[[], float]
ATTEMPT: ContextVar[int] = ContextVar("attempt", default=0)
"""Of this thread's request: 1 for the first try, for whoever writes it down."""
T = TypeVar("T")
_SPREAD_S = 1.0  # after «slow down» the requests come back one by one, not all at the same moment


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient to be.

    Attributes:
        budget_s: How long failures may go on with no success between them.
        contact_s: The same before the store answered for the first time: a mistyped
            endpoint should not take ten minutes to be told.
        base_s: The first wait is drawn from 0 to this, each next one from twice as much.
        cap_s: The most that is drawn from. Higher wastes time after an outage, lower
            hammers a store that is down.
    """

    budget_s: float = 600.0
    contact_s: float = 60.0
    base_s: float = 0.5
    cap_s: float = 20.0


class Budget:
    """The time that is left for failures of all requests together; any success starts it anew.

    It begins with the first failure since the last success, so that a long request that
    fails once is always tried again. Used by all workers at once.
    """

    def __init__(self, policy: RetryPolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._failing_since: float | None = None
        self._answered = False

    def succeeded(self) -> None:
        """The store did what it was asked."""
        with self._lock:
            self._failing_since = None
            self._answered = True

    def is_spent_by(self, fault: StoreFault) -> bool:
        """Count a failure; whether the time for them is over."""
        with self._lock:
            if fault.kind is not Kind.UNREACHABLE:
                self._answered = True
            now = self._clock()
            if self._failing_since is None:
                self._failing_since = now
            allowed = self._policy.budget_s if self._answered else min(self._policy.contact_s, self._policy.budget_s)
            return now - self._failing_since >= allowed


class _Again:
    """Whether one request may be tried again: what passes by itself, and once with fresh credentials."""

    def __init__(self, renew: Callable[[StoreFault], bool]) -> None:
        self._renew = renew
        self._has_renewed = False

    def may_help(self, fault: BaseException) -> bool:
        if not isinstance(fault, StoreFault):
            return False
        if fault.kind is not Kind.EXPIRED or self._has_renewed:
            return fault.is_retryable
        self._has_renewed = True
        return self._renew(fault)


def _never(_: StoreFault) -> bool:
    """Nobody can renew them."""
    return False


class Retries:
    """Runs requests until they succeed, fail for good, or the budget is spent.

    Args:
        policy: How patient to be.
        budget: Shared by all requests of a run.
        hold_off: Told of a throttling answer; every request waits for it first.
        clock: Monotonic seconds.
        sleep: Waits so many seconds; may raise to leave at once when the run is stopped.
        renew: Told of a request whose credentials had expired: whether there are others by now.
        chance: From 0 to 1, to spread those who held off.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        budget: Budget,
        hold_off: HoldOff,
        clock: Clock,
        sleep: Callable[[float], None],
        renew: Callable[[StoreFault], bool] = _never,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._budget = budget
        self._hold_off = hold_off
        self._clock = clock
        self._sleep = sleep
        self._renew = renew
        self._chance = chance
        self._jitter = tenacity.wait_random_exponential(multiplier=policy.base_s, max=policy.cap_s)

    def call(
        self,
        request: Callable[[], T],
        on_retry: Callable[[int, StoreFault, float], None],
        *,
        is_progress: bool = True,
    ) -> T:
        """The request's result; `on_retry(attempt, fault, delay_s)` is told before each wait.

        A request that is no progress (a look between two tries of another one) starts no budget anew.

        Raises:
            StoreFault: The last one: not retryable, or the budget is spent.
        """
        loop = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_Again(self._renew).may_help),
            wait=self._delay,
            stop=lambda attempts: self._budget.is_spent_by(_fault_of(attempts)),
            sleep=self._sleep,
            before_sleep=lambda attempts: on_retry(
                attempts.attempt_number, _fault_of(attempts), attempts.upcoming_sleep
            ),
            reraise=True,
        )
        ATTEMPT.set(0)
        result: T = loop(self._attempt, request)
        if is_progress:
            self._budget.succeeded()
        return result

    def _attempt(self, request: Callable[[], T]) -> T:
        ATTEMPT.set(ATTEMPT.get() + 1)
        while (wait_s := self._hold_off.remaining(self._clock())) > 0:
            self._sleep(wait_s + self._chance() * _SPREAD_S)
        return request()

    def _delay(self, attempts: tenacity.RetryCallState) -> float:
        fault = _fault_of(attempts)
        if fault.kind is Kind.EXPIRED:  # the others are at hand
            return 0.0
        delay_s = max(self._jitter(attempts), fault.retry_after_s or 0.0)
        if fault.kind is Kind.THROTTLED:
            self._hold_off.extend(self._clock() + delay_s)
        return delay_s


def _fault_of(attempts: tenacity.RetryCallState) -> StoreFault:
    outcome = attempts.outcome
    fault = outcome.exception() if outcome is not None else None
    if not isinstance(fault, StoreFault):  # the retry condition lets nothing else come here
        raise TypeError(fault)
    return fault
