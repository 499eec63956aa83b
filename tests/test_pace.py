"""How many requests are in flight, what a line carries, a rate for everybody, a moment before which nobody sends."""

import heapq
import math
from collections.abc import Callable
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiktok_upload.pace import Bounds, HoldOff, Line, Pace, RateLimit, auto_bounds

RATE = 1_000  # bytes a second
BURST_S = 0.1
CLOSE = 1e-6
MIB = 1 << 20
PART = 8 * MIB
MANY_FILES = 1 << 20


def sendings(limit: RateLimit, callers: list[list[int]], start: float) -> list[tuple[float, int]]:
    """When each piece goes out: every caller sends its pieces one after another, all callers side by side."""
    waiting = [(start, number, pieces) for number, pieces in enumerate(callers) if pieces]
    heapq.heapify(waiting)
    sent: list[tuple[float, int]] = []
    while waiting:
        now, number, (piece, *rest) = heapq.heappop(waiting)
        at = now + limit.reserve(piece, now)
        sent.append((at, piece))
        if rest:
            heapq.heappush(waiting, (at, number, rest))
    return sorted(sent)


def most_over_the_rate(sent: list[tuple[float, int]]) -> float:
    """By how many bytes any stretch of time had more than the rate allows, its last piece left out."""
    sent_before = accumulate((size for _, size in sent[:-1]), initial=0)
    most, lowest = -math.inf, math.inf
    for (at, _), before in zip(sent, sent_before, strict=False):
        ahead = before - RATE * at
        lowest = min(lowest, ahead)
        most = max(most, ahead - lowest)
    return most


CALLERS = st.lists(st.lists(st.integers(1, 500), max_size=20), min_size=1, max_size=8)


@settings(deadline=None)
@given(CALLERS, st.floats(0, 10**6))
def test_no_stretch_of_time_has_more_than_the_rate_and_one_burst(callers: list[list[int]], start: float) -> None:
    sent = sendings(RateLimit(RATE, burst_s=BURST_S), callers, start)
    assert most_over_the_rate(sent) <= RATE * BURST_S + CLOSE * RATE


@settings(deadline=None)
@given(CALLERS, st.floats(0, 10**6))
def test_the_rate_is_used_up_whatever_the_number_of_callers(callers: list[list[int]], start: float) -> None:
    sent = sendings(RateLimit(RATE, burst_s=BURST_S), callers, start)
    taken_s = sent[-1][0] - start if sent else 0.0
    assert taken_s <= sum(size for _, size in sent) / RATE + CLOSE


def test_many_callers_together_get_the_rate_and_not_each() -> None:
    sent = sendings(RateLimit(RATE), [[100] * 50] * 20, start=5.0)
    assert math.isclose(20 * 50 * 100 / RATE, sent[-1][0] - 5.0, rel_tol=0.01)


def test_a_pause_saves_up_no_more_than_one_burst() -> None:
    limit = RateLimit(RATE, burst_s=BURST_S)
    limit.reserve(10, 0.0)
    waits = [limit.reserve(10, 1_000.0) for _ in range(14)]
    # 100 bytes are one burst: ten pieces of the saved time and one that pays later go at once.
    assert [wait if wait > CLOSE else 0.0 for wait in waits[:11]] == [0.0] * 11
    assert [round(wait, 6) for wait in waits[11:]] == [0.01, 0.02, 0.03]


def test_a_piece_that_is_larger_than_the_burst_is_paid_for_by_the_next() -> None:
    limit = RateLimit(RATE, burst_s=0.0)
    assert [limit.reserve(size, 100.0) for size in (5_000, 1_000, 1)] == [0.0, 5.0, 6.0]


def test_without_a_limit_nobody_waits() -> None:
    limit = RateLimit(None)
    assert {0.0} == {limit.reserve(1 << 40, now) for now in (0.0, 0.0, 1.0)}


@pytest.mark.parametrize(("now", "remaining"), [(0.0, 10.0), (4.0, 6.0), (10.0, 0.0)])
def test_a_hold_off_tells_how_long_to_wait(now: float, remaining: float) -> None:
    hold_off = HoldOff()
    hold_off.extend(10.0)
    assert remaining == hold_off.remaining(now)


def test_a_hold_off_is_over_when_its_time_is_past_and_before_there_was_one() -> None:
    hold_off = HoldOff()
    assert hold_off.remaining(5.0) <= 0
    hold_off.extend(10.0)
    assert hold_off.remaining(11.0) <= 0


def test_a_hold_off_is_never_shortened() -> None:
    hold_off = HoldOff()
    hold_off.extend(10.0)
    hold_off.extend(3.0)
    assert hold_off.remaining(0.0) == 10.0
    hold_off.extend(12.0)
    assert hold_off.remaining(0.0) == 12.0


# ------------------------------------------------------------------------------------------------------------- bounds
def test_capped_bounds_are_none_of_them_above_the_cap() -> None:
    assert Bounds(4, 10, 10) == Bounds(4, 64, 128).capped(10)
    assert Bounds(2, 2, 2) == Bounds(4, 64, 128).capped(2)


def test_a_cap_that_is_higher_changes_nothing() -> None:
    assert Bounds(4, 64, 128) == Bounds(4, 64, 128).capped(1_000)


def test_a_machine_with_enough_of_everything_starts_with_few_and_may_have_many() -> None:
    assert Bounds(start=4, first=64, most=128) == auto_bounds(MANY_FILES, 64 << 30)


def test_memory_that_is_not_known_limits_nothing() -> None:
    assert auto_bounds(MANY_FILES, 64 << 30) == auto_bounds(MANY_FILES, None)


def test_few_descriptors_limit_how_many_are_in_flight() -> None:
    assert auto_bounds(256, None) == Bounds(4, 38, 38)


def test_little_memory_limits_how_many_are_in_flight() -> None:
    assert auto_bounds(MANY_FILES, 80 * MIB) == Bounds(4, 10, 10)


@given(st.integers(-1, 1 << 20), st.none() | st.integers(0, 1 << 40))
def test_whatever_the_machine_has_at_least_one_request_may_be_made(open_files: int, memory_bytes: int | None) -> None:
    bounds = auto_bounds(open_files, memory_bytes)
    assert 1 <= bounds.start <= bounds.first <= bounds.most <= 128


# ----------------------------------------------------------------------------------------------------- how many at once
class Epochs:
    """A pace over streams that carry together what `carries` says of their number; an epoch takes a second."""

    def __init__(self, pace: Pace, carries: Callable[[int], float], now: float = 0.0) -> None:
        self.pace = pace
        self.now = now
        self._carries = carries
        self._out = pace.allowed

    def run(self, count: int) -> list[int]:
        """How many were allowed after each of so many epochs."""
        return [self._one() for _ in range(count)]

    def _one(self) -> int:
        allowed = self.pace.allowed
        for _ in range(self._out - allowed):  # begun when more were allowed
            self.pace.answered(PART, self.now)
        self._out = allowed
        self.now += 1.0
        for _ in range(allowed):
            self.pace.answered(int(self._carries(allowed) * MIB / allowed), self.now)
        return self.pace.allowed


def steady(start: int = 4, most: int = 128) -> Pace:
    """One without a quick start."""
    return Pace(Bounds(start, start, most), 0.0)


def settled_at_16() -> Epochs:
    """On a line that 16 streams fill."""
    epochs = Epochs(steady(), lambda count: min(count, 16))
    assert epochs.run(4)[-1] == 16
    return epochs


def test_it_doubles_while_that_pays_until_no_more_are_allowed() -> None:
    assert Epochs(steady(), lambda count: count).run(6) == [8, 16, 32, 64, 128, 128]


def test_a_doubling_that_did_not_pay_is_taken_back() -> None:
    assert Epochs(steady(), lambda count: min(count, 16)).run(6) == [8, 16, 32, 16, 16, 16]


def test_where_the_first_doubling_did_not_pay_fewer_do_too() -> None:
    assert Epochs(steady(), lambda _: 10).run(5) == [8, 2, 2, 2, 2]


def test_fewer_that_carry_less_are_too_few() -> None:
    assert Epochs(steady(), lambda count: min(count, 3)).run(7) == [8, 2, 4, 8, 4, 4, 4]


def test_it_decides_only_once_each_stream_was_heard() -> None:
    pace = steady()
    for _ in range(3):
        pace.answered(PART, 100.0)
    assert pace.allowed == 4
    pace.answered(PART, 100.0)
    assert pace.allowed == 8


def test_answers_that_come_all_at_once_decide_nothing_yet() -> None:
    pace = steady()
    for _ in range(100):
        pace.answered(PART, 0.1)
    assert pace.allowed == 4
    pace.answered(PART, 0.2)
    assert pace.allowed == 8


def test_answers_from_before_there_was_too_little_to_send_do_not_count() -> None:
    pace = steady()
    for answer in range(3):
        pace.answered(PART, 1.0 + answer)
    pace.starved(4.0)
    for answer in range(3):
        pace.answered(PART, 5.0 + answer)
    assert pace.allowed == 4
    pace.answered(PART, 8.0)
    assert pace.allowed == 8


def test_once_settled_more_are_tried_again_later_and_each_time_later() -> None:
    epochs = settled_at_16()
    tried = [second for second, allowed in enumerate(epochs.run(200)) if allowed > 16]
    assert [second + 1 for second in tried] == [20, 61, 142]


def test_a_line_that_carries_more_by_now_is_used_at_the_next_try() -> None:
    epochs = settled_at_16()
    epochs._carries = lambda count: count
    assert epochs.run(30)[-1] == 128


# ---------------------------------------------------------------------------------------------------- the quick start
def quick() -> Pace:
    return Pace(Bounds(4, 64, 128), 0.0)


def flow(pace: Pace, rate: float, *, cpu: float = 0.0, seconds: float = 2.0) -> list[int]:
    """How many are allowed at each twentieth of a second while so much flows; `cpu` is the share of one core."""
    allowed = []
    for tick in range(1, int(seconds * 20)):
        pace.flows(int(tick * rate / 20), PART, tick * cpu / 20, tick / 20)
        allowed.append(pace.allowed)
    return allowed


def test_where_parts_go_out_within_seconds_many_are_in_flight_at_once() -> None:
    allowed = flow(quick(), 1_000 * MIB)
    assert allowed[-1] == 64
    assert {4, 8, 16, 32, 64} == set(allowed)


def test_where_a_part_takes_longer_than_some_seconds_it_stays_with_few() -> None:
    assert {4} == set(flow(quick(), 4 * PART / 10, seconds=60))


def test_the_quick_start_goes_no_further_than_parts_go_out_within_seconds() -> None:
    assert flow(quick(), 20 * PART / 5, seconds=60)[-1] == 32


def test_before_the_first_byte_there_is_no_quick_start() -> None:
    assert {4} == set(flow(quick(), 0))


def test_a_process_that_keeps_the_cpu_busy_has_no_quick_start_but_may_grow() -> None:
    pace = quick()
    assert {4} == set(flow(pace, 1_000 * MIB, cpu=0.9))
    assert {4} == set(flow(pace, 1_000 * MIB))
    assert Epochs(pace, lambda count: count, now=2.0).run(1) == [8]


def test_the_cpu_is_asked_with_the_fewest_only() -> None:
    pace = quick()
    flow(pace, 1_000 * MIB, seconds=0.25)
    assert pace.allowed == 8
    assert flow(pace, 1_000 * MIB, cpu=0.9)[-1] == 64


@pytest.mark.parametrize(
    ("carries", "allowed"), [(float, [128, 128, 128, 128]), (lambda _: 1_000.0, [128, 32, 16, 8])], ids=["more", "same"]
)
def test_after_the_quick_start_only_what_pays_is_kept(carries: Callable[[int], float], allowed: list[int]) -> None:
    pace = quick()
    flow(pace, 1_000 * MIB)
    pace.starved(2.0)
    assert allowed == Epochs(pace, carries, now=2.0).run(4)


# -------------------------------------------------------------------------------------------------------- «slow down»
def throttled_at_64() -> Epochs:
    pace = steady(64)
    pace.throttled(0.0)
    return Epochs(pace, lambda count: count)


def test_slow_down_halves_it_once_for_all_requests_that_were_out() -> None:
    pace = steady(64)
    for answer in range(32):
        pace.throttled(10.0 + answer / 40)
    assert pace.allowed == 32
    pace.throttled(11.0)
    assert pace.allowed == 16


def test_after_slow_down_it_comes_back_slowly_and_stays_below_what_was_too_much() -> None:
    allowed = throttled_at_64().run(20)
    steps = [after - before for before, after in pairwise([32, *allowed])]
    assert max(steps) <= 64 / 16
    assert allowed[-10:] == [56] * 10


def test_what_was_too_much_is_tried_again_later_and_in_small_steps() -> None:
    epochs = throttled_at_64()
    assert max(epochs.run(20)) == 56
    allowed = [56, *epochs.run(12)]
    assert max(allowed) > 64
    assert all(after <= before * 9 / 8 for before, after in pairwise(allowed))


def test_one_request_is_always_allowed_however_often_the_store_says_slow_down() -> None:
    pace = steady(64)
    for minute in range(20):
        pace.throttled(minute * 60.0)
    assert pace.allowed == 1


def answered(pace: Pace, number: int, now: float) -> None:
    for _ in range(number % 200):
        pace.answered(number * 1_000, now)


HAPPENINGS: list[Callable[[Pace, int, float], None]] = [
    answered,
    lambda pace, number, now: pace.flows(number * 100_000, PART, number / 1_000, now),
    lambda pace, _, now: pace.starved(now),
    lambda pace, _, now: pace.throttled(now),
]
BOUNDS = st.builds(
    lambda *counts: Bounds(*sorted(counts)), st.integers(1, 150), st.integers(1, 150), st.integers(1, 150)
)


@settings(deadline=None)
@given(BOUNDS, st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 10_000), st.floats(0, 30)), max_size=80))
def test_at_least_one_and_no_more_than_the_most_are_allowed_whatever_happens(
    bounds: Bounds, happenings: list[tuple[Callable[[Pace, int, float], None], int, float]]
) -> None:
    now = 0.0
    pace = Pace(bounds, now)
    for happening, number, later_s in happenings:
        now += later_s
        happening(pace, number, now)
        assert 1 <= pace.allowed <= bounds.most


# ------------------------------------------------------------------------------------------------------------ the line
def watch(line: Line, rate: float, seconds: range, *, before: int = 0) -> list[float | None]:
    """What the line's rate is told to be in each of these seconds, while so many bytes a second go out."""
    told = []
    for second in seconds:
        line.saw(before + int(rate * (second - seconds.start)), float(second))
        told.append(line.rate)
    return told


def test_a_line_has_no_rate_before_ten_seconds_after_its_buffers_were_filled() -> None:
    assert watch(Line(0.0), MIB, range(100)) == [None] * 15 + [MIB] * 85


def test_what_only_filled_the_buffers_is_not_in_the_rate() -> None:
    line = Line(0.0)
    watch(line, 100 * MIB, range(5))
    assert {None, MIB} == set(watch(line, MIB, range(5, 60), before=400 * MIB))


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    line = Line(0.0)
    watch(line, 10 * MIB, range(100))
    assert watch(line, MIB, range(100, 131), before=1_000 * MIB)[-1] == MIB


def test_an_outage_is_no_slow_line() -> None:
    line = Line(0.0)
    watch(line, MIB, range(60))
    out = 59 * MIB
    told = watch(line, 0, range(60, 120), before=out)
    assert {None} == set(told[10:])
    assert {None, MIB} == set(watch(line, MIB, range(120, 200), before=out)[1:])


def test_a_part_that_was_cut_changes_no_rate() -> None:
    line = Line(0.0)
    watch(line, MIB, range(60))
    assert all(rate and 0.9 * MIB < rate <= MIB for rate in watch(line, MIB, range(60, 120), before=40 * MIB))


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 1 << 40)), max_size=60))
def test_no_line_carries_less_than_nothing(seen: list[tuple[float, int]]) -> None:
    line, now = Line(0.0), 0.0
    for later_s, bytes_out in seen:
        now += later_s
        line.saw(bytes_out, now)
        assert line.rate is None or line.rate >= 0


def test_before_the_rate_is_known_nobody_says_how_many_parts_fit() -> None:
    line = Line(0.0)
    assert (line.fits(PART), line.best_part_size()) == (None, None)


@pytest.mark.parametrize(("rate", "fits"), [(MIB, 30), (PART / 240, 1), (PART / 241, 0), (1_000 * MIB, 30_000)])
def test_as_many_parts_fit_as_end_within_four_minutes_side_by_side(rate: float, fits: int) -> None:
    line = Line(0.0)
    line.rate = rate
    assert line.fits(PART) == fits


def test_the_best_part_takes_a_minute_and_has_a_byte_at_least() -> None:
    line = Line(0.0)
    line.rate = 0.5 * MIB
    assert line.best_part_size() == 30 * MIB
    line.rate = 0.001
    assert line.best_part_size() == 1
