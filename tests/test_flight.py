"""The requests of a run in flight: how many, which parts are left on a slow line, and when smaller ones are planned."""

import functools
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support import crashing
from tests.support.crashing import OPTIONS, PART_SIZE, Crash, Life, Order, When, World
from tests.support.memory_store import MemoryStore
from tests.support.uploads import FINGERPRINT, planned

from tiktok_upload import flight as flight_module
from tiktok_upload.answers import Absence, Body, Digest, ObjectAnswer
from tiktok_upload.body import ByteCount, RangeBody
from tiktok_upload.delivery import Delivery, Frame, Retried
from tiktok_upload.delivery_outcomes import take
from tiktok_upload.events import FilePlanned, Notice, PartRetried
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.flight import Flight
from tiktok_upload.inputs import Input
from tiktok_upload.jobs import ObjectMade, Observed, PartSent
from tiktok_upload.journal import Journal
from tiktok_upload.pace import Bounds, Line
from tiktok_upload.plan import Preference, plan_upload
from tiktok_upload.records import Created, PartDoubted, PartStored, Planned, Record
from tiktok_upload.settings import PushOptions
from tiktok_upload.state import Step, fold
from tiktok_upload.stop import Cancelled

MIB = 1 << 20
PART = 64 * MIB
PARTS = 200
BODYLESS = [step for step in Step if step not in (Step.UPLOAD, Step.PUT)]
FULL_S = 1.0


# ------------------------------------------------------------------------------------------------------------- makers
def _nothing(*_: str) -> tuple[Record, ...]:
    return ()


def _no_journal(*_: str) -> Journal:
    raise AssertionError


def deliver(
    in_flight: dict[int, int] | None = None,
    *facts: Record,
    part_size: int = PART,
    size: int = PARTS * PART,
    options: PushOptions | None = None,
) -> Delivery:
    """A file on its way; `in_flight` are the bytes out, by part."""
    frame = Frame(
        options=options or PushOptions(),
        bucket="bucket",
        endpoint="",
        tools=None,
        open_journal=_no_journal,
        peek_journal=_nothing,
        now=lambda: crashing.NOW,
        nonce=lambda: "another nonce",
        version="0.1.0",
    )
    delivery = Delivery(frame, 0, Input(Path("a.parquet"), "a.parquet"), "in/a.parquet", 0.0, lambda *_: None)
    plan = planned(fingerprint=replace(FINGERPRINT, size_bytes=size), part_size=part_size)
    delivery.state = fold([plan, Created("upload-1"), *facts])
    delivery.observed = delivery.looked = True
    delivery.in_flight = {number: ByteCount(value) for number, value in (in_flight or {}).items()}
    delivery.pending = [number for number in delivery.state.missing() if number not in delivery.in_flight]
    return delivery


def stored(number: int) -> PartStored:
    return PartStored(number, PART, '"etag"', "crc")


def sent(number: int = 1, *, reused: bool = False) -> PartSent:
    return PartSent(stored(number), reused=reused, wasted_bytes=0)


def cut_parts(delivery: Delivery) -> set[int]:
    return {number for number, count in delivery.in_flight.items() if count.is_cut}


def warnings(delivery: Delivery) -> list[str]:
    return [event.message for event in delivery.events if isinstance(event, Notice)]


@pytest.fixture
def carries(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says what the line is seen to carry, in bytes a second, from one look to the next; the last one stays."""

    def say(*rates: float | None) -> None:
        left = list(rates)

        def saw(line: Line, _bytes_out: int, _now: float) -> None:
            line.rate = left.pop(0) if len(left) > 1 else left[0]

        monkeypatch.setattr(Line, "saw", saw)

    return say


Carries = Callable[..., None]


def fitting(parts: float, part_size: int = PART) -> float:
    """The rate at which so many parts end in time."""
    return parts * part_size / 240 + 0.01


# ---------------------------------------------------------------------------------------------------------- how many
@pytest.mark.parametrize("step", BODYLESS)
def test_a_request_without_a_body_does_not_wait_for_those_with_one(step: Step) -> None:
    flight = Flight(Bounds(2, 2, 8), 0.0)
    flight.begun(Step.UPLOAD)
    flight.begun(Step.PUT)
    assert [flight.has_room(Step.UPLOAD), flight.has_room(Step.PUT), flight.has_room(step)] == [False, False, True]


@pytest.mark.parametrize("step", list(Step))
def test_of_all_kinds_together_there_are_no_more_than_the_most(step: Step) -> None:
    flight = Flight(Bounds(2, 2, 3), 0.0)
    for begun in (Step.CREATE, Step.OBSERVE, Step.COMPLETE):
        flight.begun(begun)
    assert not flight.has_room(step)
    flight.landed(Step.OBSERVE, Observed(Absence.ABSENT, None), 1.0)
    assert flight.has_room(step)


def test_a_request_that_came_to_its_end_makes_room_however_it_ended() -> None:
    flight = Flight(Bounds(1, 1, 1), 0.0)
    for outcome in (sent(), Cancelled(), StoreFault(Kind.TRANSIENT)):
        flight.begun(Step.UPLOAD)
        assert not flight.has_room(Step.UPLOAD)
        flight.landed(Step.UPLOAD, outcome, 0.0)
        assert flight.has_room(Step.UPLOAD)
    assert (flight.running, flight.sending) == (0, 0)


def rounds(flight: Flight, step: Step, outcome: object, count: int, *, at_once: int) -> None:
    """So many rounds of requests at once, a second each."""
    for second in range(count):
        for _ in range(at_once):
            flight.begun(step)
        flight.filled(second * FULL_S)
        for _ in range(at_once):
            flight.landed(step, outcome, (second + 1) * FULL_S)


def test_parts_that_go_through_let_more_of_them_begin() -> None:
    flight = Flight(Bounds(4, 4, 64), 0.0)
    rounds(flight, Step.UPLOAD, sent(), 1, at_once=4)
    assert flight.allowed == 8


def test_whole_files_that_go_through_let_more_of_them_begin() -> None:
    flight = Flight(Bounds(4, 4, 64), 0.0)
    rounds(flight, Step.PUT, ObjectMade(ObjectAnswer('"etag"', None, None), "crc", sent_bytes=5), 1, at_once=4)
    assert flight.allowed == 8


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (Step.UPLOAD, sent(reused=True)),
        (Step.UPLOAD, Cancelled()),
        (Step.COMPLETE, ObjectMade(ObjectAnswer('"etag"', None, None), "crc")),
        (Step.OBSERVE, Observed(Absence.ABSENT, None)),
    ],
    ids=["reused", "cut", "completed", "observed"],
)
def test_what_sent_nothing_says_nothing_about_how_many(step: Step, outcome: object) -> None:
    flight = Flight(Bounds(4, 4, 64), 0.0)
    rounds(flight, step, outcome, 5, at_once=4)
    assert flight.allowed == 4


def test_with_too_little_to_send_nothing_is_learned() -> None:
    flight = Flight(Bounds(4, 4, 64), 0.0)
    rounds(flight, Step.UPLOAD, sent(), 20, at_once=3)
    assert flight.allowed == 4


@pytest.mark.parametrize(("kind", "allowed"), [(Kind.THROTTLED, 16), (Kind.TRANSIENT, 32)])
def test_only_slow_down_lets_fewer_begin(kind: Kind, allowed: int) -> None:
    flight = Flight(Bounds(32, 32, 64), 0.0)
    for attempt in range(5):
        flight.retried(Retried("part 1", attempt, StoreFault(kind), 1.0), 10.0)
    assert allowed == flight.allowed


# -------------------------------------------------------------------------------------------------------- a slow line
def looked(*deliveries: Delivery) -> Flight:
    """Right after the first look."""
    flight = Flight(Bounds(8, 8, 8), 0.0)
    flight.look(deliveries, 1.0)
    return flight


def test_no_more_begin_than_end_in_time_on_the_line(carries: Carries) -> None:
    carries(fitting(3), fitting(5), fitting(100), None)
    flight, delivery = Flight(Bounds(8, 8, 8), 0.0), deliver({1: 0})
    allowed = []
    for second in range(1, 5):
        flight.look([delivery], float(second))
        allowed.append(flight.allowed)
    assert allowed == [3, 5, 8, 8]


def test_one_may_always_begin(carries: Carries) -> None:
    carries(fitting(0.5))
    assert looked(deliver({1: 0}, stored(2))).allowed == 1


def test_the_line_is_looked_at_once_a_second(carries: Carries) -> None:
    carries(fitting(2), fitting(3))
    flight, delivery = Flight(Bounds(8, 8, 8), 0.0), deliver({1: 0})
    for tenth in range(19):
        flight.look([delivery], tenth / 10)
    assert flight.allowed == 2


def test_with_nothing_in_flight_the_line_is_not_looked_at(carries: Carries) -> None:
    carries(fitting(1))
    assert looked(deliver()).allowed == 8


def test_those_of_which_least_went_out_are_left(carries: Carries) -> None:
    carries(fitting(2))
    first, second = deliver({1: 5, 2: 1, 3: 3}), deliver({1: 4, 2: 0})
    looked(first, second)
    assert [{2, 3}, {2}] == [cut_parts(first), cut_parts(second)]


def test_parts_that_were_cut_already_are_not_counted_again(carries: Carries) -> None:
    carries(fitting(2))
    delivery = deliver({1: 5, 2: 1, 3: 3})
    flight = looked(delivery)
    flight.look([delivery], 2.0)
    assert cut_parts(delivery) == {2}


@pytest.mark.parametrize("parts", [1, 0.9, 0.01])
def test_the_last_part_is_never_left(carries: Carries, parts: float) -> None:
    carries(fitting(parts))
    delivery = deliver({1: 5, 2: 1, 3: 3}, stored(4))
    looked(delivery)
    assert cut_parts(delivery) == {2, 3}


def test_a_line_that_carries_all_of_them_leaves_none(carries: Carries) -> None:
    carries(fitting(3), None)
    delivery = deliver({1: 5, 2: 1, 3: 3})
    flight = looked(delivery)
    flight.look([delivery], 2.0)
    assert cut_parts(delivery) == set()


# ----------------------------------------------------------------------------------------------------- smaller parts
SLOW = fitting(0.5)  # a part takes eight minutes
SMALLER = int(60 * SLOW)


def land(delivery: Delivery, number: int, outcome: object) -> None:
    take(delivery, Step.UPLOAD, number, outcome)


def test_where_not_one_part_fits_all_are_left_and_none_begins(carries: Carries) -> None:
    carries(SLOW)
    delivery = deliver({1: 5, 2: 1, 3: 3})
    looked(delivery)
    assert cut_parts(delivery) == {1, 2, 3}
    assert (delivery.smaller_parts, delivery.pending) == (SMALLER, [])


def test_smaller_parts_are_planned_once_nothing_is_in_flight(carries: Carries) -> None:
    carries(SLOW)
    delivery = deliver({1: 5, 2: 1})
    looked(delivery)
    land(delivery, 1, Cancelled())
    assert (delivery.planned.part_size, delivery.pending) == (PART, [])
    land(delivery, 2, Cancelled())
    plan = delivery.planned.plan
    assert (plan.part_size, plan.object_size) == (SMALLER, PARTS * PART)
    assert delivery.pending == list(range(1, plan.part_count + 1))
    assert delivery.smaller_parts is None


def test_smaller_parts_are_told_and_written_down(carries: Carries, tmp_path: Path) -> None:
    carries(SLOW)
    delivery = deliver({1: 5})
    delivery.journal = Journal(tmp_path, "an-upload")
    looked(delivery)
    land(delivery, 1, Cancelled())
    delivery.close()
    with Journal(tmp_path, "an-upload") as journal:
        assert journal.records == (delivery.planned,)
    assert delivery.planned.nonce == "another nonce"
    notice, event = delivery.events
    assert isinstance(notice, Notice)
    assert notice.message == "the line is slow: parts of 8 MiB instead of 64 MiB"
    assert event == FilePlanned("a.parquet", "s3://bucket/in/a.parquet", delivery.planned.plan)


def test_the_upload_with_larger_parts_is_removed_at_the_end(carries: Carries) -> None:
    carries(SLOW)
    delivery = deliver({1: 5})
    looked(delivery)
    land(delivery, 1, Cancelled())
    assert (delivery.state.upload_id, delivery.state.stale) == (None, ["upload-1"])


def test_a_part_that_is_stored_meanwhile_has_shown_that_it_can_be_done(carries: Carries) -> None:
    carries(SLOW)
    delivery = deliver({1: PART, 2: 1})
    looked(delivery)
    land(delivery, 2, Cancelled())
    land(delivery, 1, sent(1))
    assert (delivery.planned.part_size, delivery.pending) == (PART, list(range(2, PARTS + 1)))
    assert warnings(delivery) == []


def test_the_line_changes_nothing_more_until_the_smaller_parts_are_planned(carries: Carries) -> None:
    carries(SLOW, SLOW / 4)
    delivery = deliver({1: 5})
    flight = looked(delivery)
    flight.look([delivery], 2.0)
    assert delivery.smaller_parts == SMALLER


def test_parts_are_never_smaller_than_the_store_takes(carries: Carries) -> None:
    carries(fitting(0.01))
    delivery = deliver({1: 5})
    looked(delivery)
    land(delivery, 1, Cancelled())
    assert delivery.planned.part_size == 5 * MIB


def test_a_size_that_is_hardly_smaller_is_not_worth_a_new_plan(carries: Carries) -> None:
    carries(fitting(0.5, 6 * MIB))
    delivery = deliver({1: 5}, part_size=6 * MIB)
    looked(delivery)
    assert (delivery.smaller_parts, cut_parts(delivery)) == (None, set())


FROZEN = [
    pytest.param(lambda: deliver({1: 5}, stored(2)), id="a part is stored"),
    pytest.param(lambda: deliver({1: 5}, PartDoubted(2, PART, '"etag"', "crc")), id="a part is at the store"),
    pytest.param(lambda: deliver({1: 5}, options=PushOptions(part_size=PART)), id="the size was chosen"),
    pytest.param(lambda: deliver({1: 5}, size=PART), id="one part only"),
]


@pytest.mark.parametrize("make", FROZEN)
def test_parts_that_cannot_be_made_smaller_are_sent_on_with_a_warning(
    carries: Carries, make: Callable[[], Delivery]
) -> None:
    carries(SLOW)
    delivery = make()
    looked(delivery)
    assert (delivery.smaller_parts, cut_parts(delivery)) == (None, set())
    (warning,) = warnings(delivery)
    assert "a part of 64 MiB takes some 8 min 00 s" in warning
    assert "15 minutes" in warning


@pytest.mark.parametrize("make", FROZEN)
def test_a_part_that_takes_little_longer_than_planned_is_no_warning(
    carries: Carries, make: Callable[[], Delivery]
) -> None:
    carries(fitting(0.85))
    delivery = make()
    looked(delivery)
    assert warnings(delivery) == []


# ---------------------------------------------------------------------------------------------------------- whole runs
SIXTY = random.Random(1).randbytes(60 * PART_SIZE)
SIX = SIXTY[: 6 * PART_SIZE]
ONE = SIX[:5_000]
FOUR_AT_ONCE = replace(OPTIONS, concurrency=4)
OF_ANY_SIZE = replace(FOUR_AT_ONCE, part_size=None)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """One whose line is looked at whenever something happened, and that plans parts of 10,000 bytes by itself."""
    monkeypatch.setattr(flight_module, "_LOOK_S", 0.0)
    small = functools.partial(plan_upload, preference=Preference(smallest=PART_SIZE))
    monkeypatch.setattr(crashing, "plan_upload", small)
    return World(tmp_path)


def assert_whole(world: World, life: Life) -> None:
    assert (life.ended.exit_code, life.ended.counts) == (0, {"uploaded": len(world.files)})
    assert {key: path.read_bytes() for key, path in world.files.items()} == {
        key: made.data for key, made in world.store.objects.items()
    }
    assert not [event for event in life.events if isinstance(event, PartRetried)]
    assert world.store.uploads == {}


@pytest.mark.parametrize("order", [Order.FIRST, Order.LAST])
@pytest.mark.parametrize("parts", [2, 1, 0.9])
def test_parts_that_are_left_on_a_slow_line_are_sent_again_and_the_object_arrives_whole(
    world: World, carries: Carries, order: Order, parts: float
) -> None:
    carries(None, None, fitting(parts, PART_SIZE))
    world.add("a.parquet", SIX)
    life = world.run(FOUR_AT_ONCE, order=order)
    assert_whole(world, life)
    assert life.count("put_part") > 6, "some were begun twice"
    assert sorted(number for _, number, _ in life.sent) == [1, 2, 3, 4, 5, 6], "none was sent twice"
    assert (life.file.retries, life.file.warnings) == (0, ())


def test_files_of_one_part_that_are_left_on_a_slow_line_are_sent_again(world: World, carries: Carries) -> None:
    carries(None, fitting(1, len(ONE)))
    for name in "abcdef":
        world.add(f"{name}.parquet", ONE)
    life = world.run(FOUR_AT_ONCE)
    assert_whole(world, life)
    assert life.count("put_object") > 6
    assert len(life.sent) == 6


@pytest.mark.parametrize("order", [Order.FIRST, Order.LAST, Order.TOGETHER, Order.THREADS])
def test_a_line_of_which_nobody_knows_what_it_carries_leaves_nothing(
    world: World, carries: Carries, order: Order
) -> None:
    carries(None)
    world.add("a.parquet", SIX)
    life = world.run(FOUR_AT_ONCE, order=order)
    assert_whole(world, life)
    assert life.count("put_part") == 6


class CuttingStore(MemoryStore):
    """Each body's first try is cut after its first piece."""

    def __init__(self) -> None:
        super().__init__()
        self.cut: set[str] = set()

    def _read(self, body: Body, digest: Digest) -> bytes:
        if digest.checksum not in self.cut:
            self.cut.add(digest.checksum)
            assert isinstance(body, RangeBody)
            assert body.read()
            body._count.is_cut = True
        return super()._read(body, digest)


@pytest.mark.parametrize("order", list(Order))
def test_parts_that_are_left_in_the_middle_are_sent_again_from_their_start(tmp_path: Path, order: Order) -> None:
    store = CuttingStore()
    world = World(tmp_path, store)
    world.add("a.parquet", SIXTY)
    world.add("b.parquet", SIXTY[: 9 * PART_SIZE])
    life = world.run(replace(FOUR_AT_ONCE, part_size=10 * PART_SIZE), order=order)
    assert_whole(world, life)
    assert (life.count("put_part"), life.count("put_object")) == (2 * 6, 2)


SLOWER = fitting(0.5, PART_SIZE)


def planned_sizes(world: World, key: str) -> list[int]:
    return [fact.part_size for fact in world.facts(key) if isinstance(fact, Planned)]


def beside_a_small_file(world: World) -> str:
    """While the small file's object is looked at, none of the large one's parts is stored."""
    world.add("a.parquet", ONE)
    return world.add("b.parquet", SIX)


def test_an_upload_whose_parts_are_too_large_for_the_line_arrives_in_smaller_ones(
    world: World, carries: Carries
) -> None:
    carries(SLOWER)
    key = beside_a_small_file(world)
    life = world.run(OF_ANY_SIZE)
    assert_whole(world, life)
    assert planned_sizes(world, key) == [PART_SIZE, int(60 * SLOWER)]
    assert {size for _, number, size in life.sent if number > 0} <= {int(60 * SLOWER), len(SIX) % int(60 * SLOWER)}
    assert life.ended.files[1].warnings == ("the line is slow: parts of 1.22 KiB instead of 9.77 KiB",)


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER, When.CUT])
def test_a_run_that_died_goes_on_with_the_smaller_parts(world: World, carries: Carries, when: When) -> None:
    carries(SLOWER)
    key = beside_a_small_file(world)
    world.run(OF_ANY_SIZE, crash=Crash("put_part 9", when))
    carries(None)
    life = world.run(OF_ANY_SIZE)
    assert life.ended.exit_code == 0
    assert world.store.objects[key].data == SIX
    assert planned_sizes(world, key) == [PART_SIZE, int(60 * SLOWER)]
    assert life.ended.files[1].parts_reused >= 7
    assert world.store.uploads == {}


def test_a_run_that_died_between_the_two_plans_arrives_all_the_same(world: World, carries: Carries) -> None:
    carries(SLOWER)
    key = beside_a_small_file(world)
    dead = world.run(OF_ANY_SIZE, crash=Crash("abort", When.BEFORE))
    second = [number for number, effect in enumerate(dead.effects) if effect.name == "append planned"][-1]
    for when in (When.BEFORE, When.TORN, When.AFTER):
        again = World(world.data.parent / when.value)
        key = beside_a_small_file(again)
        again.run(OF_ANY_SIZE, crash=Crash(second, when))
        assert again.run(OF_ANY_SIZE).ended.exit_code == 0
        assert again.store.objects[key].data == SIX
        assert again.store.uploads == {}


def test_a_size_that_the_user_chose_stays_with_a_warning_of_how_long_a_part_takes(
    world: World, carries: Carries
) -> None:
    carries(SLOWER)
    key = beside_a_small_file(world)
    life = world.run(FOUR_AT_ONCE)
    assert_whole(world, life)
    assert planned_sizes(world, key) == [PART_SIZE]
    (warning,) = life.ended.files[1].warnings
    assert "a part of 9.77 KiB takes some 8 min 00 s" in warning
