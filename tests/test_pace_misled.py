"""What once misled the pace: coarse counts, tiny files, pauses, ends."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.crashing import OPTIONS, World
from tests.test_flight import PART, SIXTY, CuttingStore, carries, deliver, fitting, land, looked, sent, warnings

from tiktok_upload.body import _PIECE, _SMALL_PIECE
from tiktok_upload.errors import TransferError
from tiktok_upload.flight import Flight
from tiktok_upload.pace import Bounds, Line, Pace
from tiktok_upload.state import Step
from tiktok_upload.stop import Cancelled

MIB = 1 << 20
__all__ = ["carries"]


@pytest.mark.parametrize(("rate", "streams"), [(0.25 * MIB, 4), (2.5 * MIB, 64)], ids=["2 Mbit/s", "20 Mbit/s"])
def test_bodies_that_are_counted_in_pieces_still_show_what_the_line_carries(rate: float, streams: int) -> None:
    line, told = Line(0.0), []
    for second in range(300):
        line.saw(streams * int(second * rate / streams // _SMALL_PIECE) * _SMALL_PIECE, float(second))
        told.append(line.rate)
    assert told[-1] == pytest.approx(rate, rel=0.3)
    assert 0.0 not in told


def test_the_first_piece_alone_is_no_fast_line() -> None:
    pace = Pace(Bounds(4, 64, 128), 0.0)
    for tick in range(100):  # of 50 ms; after the first one not a byte more goes out
        pace.flows(_PIECE, 8 * MIB, 0.0, 16.0 + tick / 20)
    assert pace.allowed == 4


def test_many_tiny_files_do_not_make_the_line_too_slow_for_a_large_one_after_them() -> None:
    flight = Flight(Bounds(64, 64, 64), 0.0)
    tiny = deliver({1: 0}, size=1_000)
    for second in range(1, 60):  # 250 a second, as their round trips allow: 250 kB/s
        for _ in range(250):
            flight.begun(Step.PUT)
            flight.landed(Step.PUT, replace(sent(), stored=replace(sent().stored, size=1_000)), float(second))
        flight.look([tiny], float(second))
    large = deliver({1: 0, 2: 0, 3: 0})
    flight.look([large], 60.0)
    assert (large.smaller_parts, flight.allowed) == (None, 64)


def test_a_small_file_beside_a_large_one_is_not_said_to_take_as_long_as_a_part_of_its_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Line, "saw", lambda line, *_: setattr(line, "rate", fitting(0.5)))
    small, large = deliver({1: 5}, size=1_000), deliver({1: 5})
    looked(small, large)
    assert warnings(small) == []


def test_the_size_that_parts_had_is_told_and_not_the_one_that_would_be_planned_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Line, "saw", lambda line, *_: setattr(line, "rate", fitting(0.5)))
    delivery = deliver({1: 5}, part_size=4 * PART)
    looked(delivery)
    land(delivery, 1, Cancelled())
    assert "instead of 256 MiB" in warnings(delivery)[0]


def test_a_file_that_failed_is_not_planned_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Line, "saw", lambda line, *_: setattr(line, "rate", fitting(0.5)))
    delivery = deliver({1: 5})
    delivery.fail(TransferError("the store said no"))
    looked(delivery)
    land(delivery, 1, Cancelled())
    assert delivery.planned.part_size == PART


def test_bytes_of_parts_that_were_left_are_counted_as_sent_in_vain(tmp_path: Path) -> None:
    world = World(tmp_path, CuttingStore())
    world.add("a.parquet", SIXTY)
    life = world.run(replace(OPTIONS, part_size=len(SIXTY) // 6))
    assert life.file.bytes_resent >= 6 * (64 << 10)


def test_a_pause_in_which_nothing_was_to_be_sent_is_not_taken_for_a_slow_line() -> None:
    line = Line(0.0)
    for second in range(60):
        line.saw(second * MIB, float(second))
    told = []
    for second in range(85, 95):  # 25 s without a request in flight: nobody tells it anything
        line.saw((59 + second - 84) * MIB, float(second))
        told.append(line.rate)
    assert min(rate for rate in told if rate is not None) > 0.7 * MIB
