"""A rate that holds for everybody together, and a moment before which nobody sends."""

import heapq
import math
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiktok_upload.pace import HoldOff, RateLimit

RATE = 1_000  # bytes a second
BURST_S = 0.1
CLOSE = 1e-6


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
