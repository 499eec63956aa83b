"""The pace over simulated lines and stores, as they are met: how much is carried, with how many requests, and when."""

import statistics

import pytest
from tests.bench.links import LINKS, MIB, PART, Link, Trip, simulate

from tiktok_upload.pace import LONGEST_PART_S, Bounds

BOUNDS = Bounds(start=4, first=64, most=128)
ROUND_TRIPS = (0.001, 0.03, 0.1, 0.4)
BY_NAME = {link.name: link for link in LINKS}

SLOW = BY_NAME["slow, 2 Mbit/s"]
LOSSY = BY_NAME["lossy, 1 part in 20"]
THROTTLING = BY_NAME["throttling store, 20 requests/s"]
OTHERS = [link for link in LINKS if link not in (SLOW, LOSSY, THROTTLING)]
STREAM_LIMITED = [link for link in OTHERS if link.enough > BOUNDS.first]
WHOLE_LIMITED = [link for link in OTHERS if link.enough <= BOUNDS.first]


def named(links: list[Link]) -> list[object]:
    return [pytest.param(link, id=link.name) for link in links]


def away(name: str, stream: float, whole: float, round_trips: tuple[float, ...] = ROUND_TRIPS) -> list[Link]:
    """The same line with each of these round trips; rates in MiB a second."""
    return [Link(f"{name}, {1_000 * trip:.0f} ms", stream * MIB, whole * MIB, trip) for trip in round_trips]


def possible(link: Link) -> float:
    """Bytes a second with as many streams as the bounds allow."""
    return min(link.most, BOUNDS.most * PART / (PART / link.stream + link.round_trip_s))


def usual(trip: Trip, from_s: float) -> float:
    """How many requests are in flight half of the time."""
    return statistics.median(sample.in_flight for sample in trip.samples if sample.at_s >= from_s)


def test_each_link_is_looked_at_here() -> None:
    assert len(LINKS) == len(STREAM_LIMITED) + len(WHOLE_LIMITED) + len((SLOW, LOSSY, THROTTLING))
    assert len(STREAM_LIMITED) >= 2
    assert len(WHOLE_LIMITED) >= 3


@pytest.mark.parametrize("link", named([*STREAM_LIMITED, *away("2 GB/s", 20, 2_000), *away("400 MB/s", 5, 400)]))
def test_where_each_stream_is_limited_there_are_soon_enough_of_them(link: Link) -> None:
    trip = simulate(link, bounds=BOUNDS, seconds=30)
    assert trip.rate(from_s=10) >= 0.8 * possible(link)


@pytest.mark.parametrize(
    "link", named([*WHOLE_LIMITED, *away("20 Mbit/s", 2.5, 2.5), *away("1 Gbit/s", 120, 120), *away("100", 20, 100)])
)
def test_a_line_that_is_limited_as_a_whole_is_filled_by_few(link: Link) -> None:
    trip = simulate(link, bounds=BOUNDS, seconds=90)
    assert trip.rate(from_s=10) >= 0.8 * link.most
    assert usual(trip, from_s=45) <= 32


@pytest.mark.parametrize("link", named(away("8 Gbit/s", 1_000, 1_000)))
def test_a_fast_line_far_away_is_filled_as_far_as_answers_are_not_waited_for(link: Link) -> None:
    trip = simulate(link, bounds=BOUNDS, seconds=30)
    assert trip.rate(from_s=10) >= 0.7 * link.most


def test_a_home_line_is_never_shared_by_many() -> None:
    trip = simulate(BY_NAME["home, 20 Mbit/s"], bounds=BOUNDS)
    assert max(sample.in_flight for sample in trip.samples) <= 8
    assert usual(trip, from_s=60) <= 2


@pytest.mark.parametrize("bounds", [BOUNDS, Bounds(32, 32, 32)], ids=["found", "32 chosen"])
@pytest.mark.parametrize("rate", [0.25, 0.1, 0.05, 0.03])
def test_on_a_slow_line_each_part_ends_in_time_and_next_to_nothing_is_sent_twice(rate: float, bounds: Bounds) -> None:
    link = Link(f"{8 * rate} Mbit/s", rate * MIB, rate * MIB, SLOW.round_trip_s)
    trip = simulate(link, bounds=bounds, seconds=900)
    assert 0 < trip.longest_part_s <= LONGEST_PART_S
    assert trip.rate(from_s=60) >= 0.9 * link.most
    assert trip.cut <= 2 * bounds.start


def test_a_slow_line_has_no_more_parts_in_flight_than_end_in_time() -> None:
    trip = simulate(SLOW, bounds=Bounds(32, 32, 32), seconds=300)
    assert max(sample.in_flight for sample in trip.samples if sample.at_s < 10) == 32
    assert max(sample.in_flight for sample in trip.samples if sample.at_s > 20) * PART / SLOW.whole <= LONGEST_PART_S


@pytest.mark.parametrize("seed", range(1, 5))
def test_parts_that_are_lost_now_and_then_do_not_leave_the_line_idle(seed: int) -> None:
    trip = simulate(LOSSY, bounds=BOUNDS, seconds=60, seed=seed)
    assert trip.rate(from_s=10) >= 0.8 * (1 - LOSSY.loss) * LOSSY.most


@pytest.mark.parametrize(
    "link", named([THROTTLING, *(Link(f"{trip}", 40 * MIB, 2_000 * MIB, trip, requests=20) for trip in ROUND_TRIPS)])
)
def test_a_store_that_takes_so_many_requests_is_soon_asked_for_no_more_and_hardly_fewer(link: Link) -> None:
    trip = simulate(link, bounds=BOUNDS, seconds=60)
    at_first = simulate(link, bounds=BOUNDS, seconds=10).throttled
    assert at_first <= 6
    assert trip.throttled - at_first <= 3
    assert trip.rate(from_s=10) >= 0.8 * possible(link)
