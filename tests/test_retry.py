"""Retries over a clock that only sleeping and requests move: budgets, waits, and everybody held off."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tiktok_upload.errors import DeadlineError, InterruptedUploadError
from tiktok_upload.faults import RETRYABLE, Kind, StoreFault
from tiktok_upload.pace import HoldOff
from tiktok_upload.retry import Budget, Retries, RetryPolicy
from tiktok_upload.stop import Cancelled, Stop

POLICY = RetryPolicy(budget_s=600.0, contact_s=60.0, base_s=0.5, cap_s=20.0)
MOST_TRIES = 5_000  # of a request in a test; more is a loop without an end


@dataclass
class Clock:
    """Seconds that pass by being slept through."""

    now: float = 1_000.0
    naps: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, delay_s: float) -> None:
        self.naps.append(delay_s)
        self.now += delay_s


class World:
    """Retries with all that they share, and a note of every retry told."""

    def __init__(
        self, policy: RetryPolicy = POLICY, sleep: Callable[[float], None] | None = None, chance: float = 0
    ) -> None:
        self.clock = Clock()
        self.hold_off = HoldOff()
        self.retries = Retries(
            policy,
            budget=Budget(policy, self.clock),
            hold_off=self.hold_off,
            clock=self.clock,
            sleep=sleep or self.clock.sleep,
            chance=lambda: chance,
        )
        self.told: list[tuple[int, StoreFault, float]] = []

    def tell(self, attempt: int, fault: StoreFault, delay_s: float) -> None:
        self.told.append((attempt, fault, delay_s))

    def call(self, request: Callable[[], str], *, is_progress: bool = True) -> str:
        return self.retries.call(request, self.tell, is_progress=is_progress)

    def seconds_until_it_gives_up(self, request: Callable[[], str]) -> float:
        start = self.clock.now
        with pytest.raises(StoreFault):
            self.call(request)
        return self.clock.now - start


class Request:
    """Fails as it is told to, then succeeds; counts its tries."""

    def __init__(self, *faults: StoreFault) -> None:
        self.faults = list(faults)
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self.faults:
            raise self.faults.pop(0)
        return "done"


class Always:
    """A request that always fails."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        assert self.tries < MOST_TRIES
        raise StoreFault(self.kind)


def transient(count: int) -> list[StoreFault]:
    return [StoreFault(Kind.TRANSIENT, 500) for _ in range(count)]


@pytest.fixture
def longest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, high: high)


@pytest.fixture
def shortest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, _high: low)


# --------------------------------------------------------------------------------------------------------------- tries
def test_a_request_that_succeeds_is_made_once_without_a_wait() -> None:
    world, request = World(), Request()
    assert world.call(request) == "done"
    assert (request.tries, world.clock.naps, world.told) == (1, [], [])


def test_a_request_is_tried_until_it_succeeds_and_each_retry_is_told_with_its_wait() -> None:
    world = World()
    faults = [StoreFault(kind, 500) for kind in sorted(RETRYABLE)]
    request = Request(*faults)
    assert world.call(request) == "done"
    assert [(1, faults[0]), (2, faults[1]), (3, faults[2])] == [(attempt, fault) for attempt, fault, _ in world.told]
    assert world.clock.naps == [delay_s for _, _, delay_s in world.told]


@pytest.mark.parametrize("kind", sorted(set(Kind) - RETRYABLE))
def test_what_will_not_pass_is_raised_at_once(kind: Kind) -> None:
    world, fault = World(), StoreFault(kind)
    request = Request(fault)
    with pytest.raises(StoreFault) as raised:
        world.call(request)
    assert raised.value is fault
    assert (request.tries, world.clock.naps, world.told) == (1, [], [])


def test_a_fault_that_will_not_pass_ends_a_row_of_those_that_may() -> None:
    world, request = World(), Request(*transient(2), StoreFault(Kind.DENIED))
    with pytest.raises(StoreFault) as raised:
        world.call(request)
    assert (raised.value.kind, request.tries) == (Kind.DENIED, 3)


def test_an_error_that_is_no_fault_of_the_store_is_raised_at_once() -> None:
    world = World()

    def request() -> str:
        raise OSError("the file cannot be read")

    with pytest.raises(OSError, match="the file cannot be read"):
        world.call(request)
    assert world.clock.naps == []


# --------------------------------------------------------------------------------------------------------------- waits
@pytest.mark.usefixtures("longest_waits")
def test_waits_are_drawn_from_twice_as_much_each_time_up_to_a_cap() -> None:
    world = World()
    world.call(Request(*transient(8)))
    assert world.clock.naps == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]


@pytest.mark.usefixtures("shortest_waits")
def test_waits_are_drawn_from_zero_on_so_that_clients_spread_out() -> None:
    world = World()
    world.call(Request(*transient(8)))
    assert world.clock.naps == [0.0] * 8


def test_each_row_of_failures_begins_with_a_short_wait_again() -> None:
    world = World()
    for _ in range(20):
        world.call(Request(*transient(1)))
    assert len(world.clock.naps) == 20
    assert max(world.clock.naps) <= POLICY.base_s


@pytest.mark.parametrize("kind", sorted(RETRYABLE))
def test_the_store_is_waited_for_as_long_as_it_asks(kind: Kind) -> None:
    world = World()
    world.call(Request(StoreFault(kind, 503, retry_after_s=120.0)))
    assert world.clock.naps == [120.0]


@pytest.mark.usefixtures("longest_waits")
def test_a_store_that_asks_for_less_does_not_shorten_our_wait() -> None:
    world = World()
    world.call(Request(StoreFault(Kind.TRANSIENT, 503, retry_after_s=0.1)))
    assert world.clock.naps == [0.5]


# ------------------------------------------------------------------------------------------------------------ hold-off
def test_one_throttled_request_holds_off_every_other() -> None:
    world = World()
    begun: list[float] = []

    def meanwhile(_attempt: int, _fault: StoreFault, delay_s: float) -> None:
        until = world.clock.now + delay_s
        world.retries.call(lambda: begun.append(world.clock.now), world.tell)
        assert [until] == begun

    world.retries.call(Request(StoreFault(Kind.THROTTLED, 503, retry_after_s=30.0)), meanwhile)
    assert begun == [1_030.0]


def test_the_shortest_hold_off_is_waited_for() -> None:
    world = World()
    world.hold_off.extend(1_000.5)
    assert world.call(Request()) == "done"
    assert world.clock.naps == [0.5]


@pytest.mark.parametrize("chance", [0.0, 0.25, 0.999])
def test_those_who_held_off_come_back_spread_over_a_second(chance: float) -> None:
    world = World(chance=chance)
    world.hold_off.extend(1_010.0)
    world.call(Request())
    assert world.clock.naps == [10.0 + chance]


@pytest.mark.parametrize("kind", [Kind.TRANSIENT, Kind.UNREACHABLE])
def test_another_fault_holds_off_nobody_else(kind: Kind) -> None:
    world = World()
    world.call(Request(StoreFault(kind, retry_after_s=30.0)))
    assert world.hold_off.remaining(world.clock.now - 30.0) <= 0


def test_a_hold_off_that_grows_while_it_is_waited_for_is_waited_for_to_its_end() -> None:
    def sleep(delay_s: float) -> None:
        if not world.clock.naps:
            world.hold_off.extend(1_050.0)
        world.clock.sleep(delay_s)

    world = World(sleep=sleep)
    world.hold_off.extend(1_010.0)
    begun: list[float] = []
    world.retries.call(lambda: begun.append(world.clock.now), world.tell)
    assert begun == [1_050.0]


# -------------------------------------------------------------------------------------------------------------- budget
def test_failures_go_on_for_the_budget_and_no_longer_than_one_wait_beyond() -> None:
    world = World()
    taken_s = world.seconds_until_it_gives_up(Always(Kind.TRANSIENT))
    assert POLICY.budget_s <= taken_s <= POLICY.budget_s + POLICY.cap_s


def test_the_last_fault_is_the_one_that_is_raised() -> None:
    world, faults = World(RetryPolicy(budget_s=0.0, contact_s=0.0)), transient(2)
    with pytest.raises(StoreFault) as raised:
        world.call(Request(*faults))
    assert raised.value is faults[0]


def test_a_store_that_never_answered_is_given_up_sooner() -> None:
    world = World()
    taken_s = world.seconds_until_it_gives_up(Always(Kind.UNREACHABLE))
    assert POLICY.contact_s <= taken_s <= POLICY.contact_s + POLICY.cap_s


def test_a_budget_that_is_shorter_than_that_for_contact_holds_for_contact_too() -> None:
    policy = RetryPolicy(budget_s=5.0, contact_s=60.0, base_s=0.1, cap_s=1.0)
    taken_s = World(policy).seconds_until_it_gives_up(Always(Kind.UNREACHABLE))
    assert 5.0 <= taken_s <= 6.0


@pytest.mark.parametrize("is_progress", [True, False])
def test_a_store_that_answered_once_gets_the_whole_budget_when_it_goes_away(*, is_progress: bool) -> None:
    world = World()
    world.call(Request(StoreFault(Kind.TRANSIENT, 500)), is_progress=is_progress)
    taken_s = world.seconds_until_it_gives_up(Always(Kind.UNREACHABLE))
    assert taken_s >= POLICY.budget_s - POLICY.cap_s


def test_a_success_is_an_answer() -> None:
    world = World()
    world.call(Request())
    assert world.seconds_until_it_gives_up(Always(Kind.UNREACHABLE)) >= POLICY.budget_s


def failing_for(world: World, seconds: float) -> Callable[[], str]:
    until = world.clock.now + seconds

    def request() -> str:
        if world.clock.now < until:
            raise StoreFault(Kind.TRANSIENT, 500)
        return "done"

    return request


def test_any_success_starts_the_budget_anew() -> None:
    world = World()
    for _ in range(3):
        assert world.retries.call(failing_for(world, 500.0), world.tell) == "done"


def test_failures_of_other_requests_use_up_the_same_budget() -> None:
    world = World()
    other = failing_for(world, 10_000.0)

    def request() -> str:
        with pytest.raises(StoreFault):
            world.call(other)
        return other()

    assert world.seconds_until_it_gives_up(request) <= POLICY.budget_s + POLICY.cap_s


def test_a_look_between_two_tries_starts_no_budget_anew() -> None:
    world, failing = World(), Always(Kind.TRANSIENT)

    def request() -> str:
        assert world.call(lambda: "seen", is_progress=False) == "seen"
        return failing()

    taken_s = world.seconds_until_it_gives_up(request)
    assert POLICY.budget_s <= taken_s <= POLICY.budget_s + POLICY.cap_s


def test_a_long_request_that_fails_once_is_tried_again() -> None:
    world = World()
    faults = transient(1)

    def request() -> str:
        world.clock.now += 10 * POLICY.budget_s
        if faults:
            raise faults.pop()
        return "done"

    assert world.call(request) == "done"


# ---------------------------------------------------------------------------------------------------------------- stop
def stopped() -> Stop:
    stop = Stop()
    stop.interrupt(130)
    return stop


def test_a_stop_during_a_wait_leaves_without_another_try() -> None:
    world, request = World(sleep=stopped().sleep), Request(StoreFault(Kind.TRANSIENT, retry_after_s=300.0))
    with pytest.raises(Cancelled):
        world.call(request)
    assert request.tries == 1


def test_a_stop_during_a_hold_off_leaves_without_a_try() -> None:
    world, request = World(sleep=stopped().sleep), Request()
    world.hold_off.extend(world.clock.now + 300.0)
    with pytest.raises(Cancelled):
        world.call(request)
    assert request.tries == 0


@pytest.mark.parametrize(("exit_code", "by"), [(130, "Ctrl-C"), (143, "a request to end")])
def test_a_stop_by_a_signal_bears_its_exit_code(exit_code: int, by: str) -> None:
    stop = Stop()
    stop.interrupt(exit_code)
    assert isinstance(stop.error, InterruptedUploadError)
    assert (exit_code, f"stopped by {by}", True) == (stop.error.exit_code, stop.error.message, stop.is_set())


def test_the_first_reason_to_stop_stands() -> None:
    stop, first = Stop(), DeadlineError("the time ran out")
    stop.set(first)
    stop.interrupt(130)
    assert stop.error is first


def test_a_stop_wakes_whoever_waits_for_something_else() -> None:
    woken: list[bool] = []
    stop = Stop(wake=lambda: woken.append(stop.is_set()))
    stop.interrupt(130)
    assert woken == [True]


def test_work_goes_on_until_it_is_stopped() -> None:
    stop = Stop()
    stop.check()
    stop.sleep(0)
    stop.interrupt(143)
    with pytest.raises(Cancelled):
        stop.check()
    with pytest.raises(Cancelled):
        stop.sleep(0)
