"""Whole runs over a store in memory: what a user gets from stores, disks and files that misbehave."""

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.support.crashing import OPTIONS, PART_SIZE, SLOTS, Crash, CrashingJournals, Life, Order, When, World
from tests.support.memory_store import MemoryObject, MemoryStore

from tiktok_upload import api
from tiktok_upload.answers import (
    Absence,
    Body,
    CompletePart,
    Digest,
    Listing,
    NoListing,
    ObjectAnswer,
    Opened,
    PartAnswer,
    Seen,
    Store,
)
from tiktok_upload.errors import ConflictError, DeadlineError, JournalError, OutcomeUnknownError
from tiktok_upload.events import MOST_LISTED, FileDone, FileFailed, PartRetried, Throttled, UploadResumed
from tiktok_upload.facts import Finding
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.journal import Journal, JournalDirectory
from tiktok_upload.receipt import read_receipt
from tiktok_upload.reconcile import NONCE
from tiktok_upload.records import Aborted, Created, Planned
from tiktok_upload.settings import ObjectOptions, PushOptions
from tiktok_upload.stop import Stop

SIX_PARTS = 5 * PART_SIZE + 500
OVERWRITE = replace(OPTIONS, overwrite=True)
RESTART = replace(OPTIONS, restart=True)
DRY_RUN = replace(OPTIONS, dry_run=True)
MD5 = replace(OPTIONS, proof="md5")
SENDING = {"put_object", "create", "put_part", "complete", "abort"}

T = TypeVar("T")


def content(size: int, seed: int = 0) -> bytes:
    """A file as far as a transfer looks at it: any bytes, a footer of 16, its length, the magic."""
    filling = bytes((index * 31 + index // 251 + seed) % 256 for index in range(size - 28))
    return b"PAR1" + filling + b"f" * 16 + (16).to_bytes(4, "little") + b"PAR1"


ONE = content(5_000)
SIX = content(SIX_PARTS)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# --------------------------------------------------------------------------------------------------------- odd stores
class OddStore:
    """A store to which something happens before or after each request of a kind.

    Attributes:
        before: By kind, called with how many came, from 1; may raise a fault.
        after: By kind, called with the count and the answer; returns the answer to give, or raises.
        most_at_once: How many requests were under way at the same time, at most.
    """

    def __init__(self, store: Store) -> None:
        self.before: dict[str, Callable[[int], object]] = {}
        self.after: dict[str, Callable[[int, Any], Any]] = {}
        self.most_at_once = 0
        self._store = store
        self._counts: Counter[str] = Counter()
        self._under_way = 0
        self._lock = threading.Lock()

    def head(self, key: str) -> Seen:
        return self._request("head", lambda: self._store.head(key))

    def put_object(
        self, key: str, body: Body, digest: Digest, *, metadata: dict[str, str], overwrite: bool
    ) -> ObjectAnswer:
        return self._request(
            "put_object", lambda: self._store.put_object(key, body, digest, metadata=metadata, overwrite=overwrite)
        )

    def create(self, key: str, *, metadata: dict[str, str]) -> Opened:
        return self._request("create", lambda: self._store.create(key, metadata=metadata))

    def put_part(self, key: str, upload_id: str, number: int, body: Body, digest: Digest) -> PartAnswer:
        return self._request("put_part", lambda: self._store.put_part(key, upload_id, number, body, digest))

    def list_parts(self, key: str, upload_id: str) -> Listing:
        return self._request("list_parts", lambda: self._store.list_parts(key, upload_id))

    def complete(
        self, key: str, upload_id: str, parts: Sequence[CompletePart], *, checksum: str, size: int, overwrite: bool
    ) -> ObjectAnswer:
        return self._request(
            "complete",
            lambda: self._store.complete(key, upload_id, parts, checksum=checksum, size=size, overwrite=overwrite),
        )

    def abort(self, key: str, upload_id: str) -> None:
        self._request("abort", lambda: self._store.abort(key, upload_id))

    def _request(self, kind: str, ask: Callable[[], T]) -> T:
        with self._lock:
            self._counts[kind] += 1
            number = self._counts[kind]
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            self.before.get(kind, _nothing)(number)
            changed: T = self.after.get(kind, _unchanged)(number, ask())
            return changed
        finally:
            with self._lock:
                self._under_way -= 1


def _nothing(_: int) -> None:
    return


def _unchanged(_: int, answer: Any) -> Any:
    return answer


@pytest.fixture
def odd(world: World) -> OddStore:
    return OddStore(world.store)


def at(number: int, act: Callable[[], object]) -> Callable[[int], object]:
    """Act before the request of this number."""
    return lambda count: act() if count == number else None


def lost(kind: Kind = Kind.TRANSIENT, *, at: int = 1) -> Callable[[int, Any], Any]:
    """The answer to the request of this number is lost; what it asked for was done."""

    def after(count: int, answer: Any) -> Any:
        if count == at:
            raise StoreFault(kind, code="the connection broke")
        return answer

    return after


def always(answer: object) -> Callable[[int, Any], Any]:
    return lambda _count, _answer: answer


def refuse(fault: StoreFault) -> Callable[[], None]:
    def act() -> None:
        raise fault

    return act


def put_there(world: World, key: str, data: bytes) -> None:
    """Somebody else's object; its ETag is no MD5, and the store has its checksum."""
    crc = world.store._crc_of(data)
    world.store.objects[key] = MemoryObject(data, '"theirs"', {}, crc, None)


def kinds(life: Life) -> set[str]:
    return {effect.kind for effect in life.effects}


def same_marks_other_content(world: World, key: str) -> None:
    """A byte in the middle differs; size and footer do not."""
    data = bytearray(world.files[key].read_bytes())
    data[len(data) // 2] ^= 1
    world.files[key].write_bytes(bytes(data))


# --------------------------------------------------------------------------------------------------------- many files
def test_many_files_go_through_with_so_many_requests_at_once_and_no_more(world: World, odd: OddStore) -> None:
    for number in range(30):
        world.add(f"{number:02}.parquet", content(3_000 + number) if number % 3 else content(SIX_PARTS, seed=number))
    life = world.run(replace(OPTIONS, concurrency=4), store=odd, order=Order.THREADS)
    assert life.ended.counts == {"uploaded": 30}
    assert all(world.store.objects[key].data == path.read_bytes() for key, path in world.files.items())
    assert odd.most_at_once <= 4
    assert life.most_open <= 4


def test_a_bad_file_does_not_stop_the_others(world: World) -> None:
    world.add("a.parquet", ONE)
    world.add("bad.parquet", ONE)
    world.add("c.parquet", SIX)
    world.findings["bad.parquet"] = Finding("footer-row-count", "error", "the footer lies")
    life = world.run()
    assert [file.status for file in life.ended.files] == ["uploaded", "failed", "uploaded"]
    assert life.ended.exit_code == 3
    assert {"in/a.parquet", "in/c.parquet"} == set(world.store.objects)


@pytest.mark.parametrize("order", [Order.FIRST, Order.LAST, Order.TOGETHER])
def test_the_exit_code_is_that_of_the_first_file_in_the_order_given_that_failed(world: World, order: Order) -> None:
    world.add("good.parquet", SIX)
    world.files["in/missing.parquet"] = world.data / "missing.parquet"
    world.add("bad.parquet", ONE)
    world.findings["bad.parquet"] = Finding("magic", "error", "no parquet")
    life = world.run(order=order)
    assert life.ended.exit_code == 4
    assert [file.error and file.error.exit_code for file in life.ended.files] == [None, 4, 3]


@dataclass(frozen=True)
class _Crowd:
    world: World
    life: Life


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> _Crowd:
    world = World(tmp_path_factory.mktemp("crowd"))
    for number in range(2_000):
        world.add(f"{number:04}.parquet", content(60, seed=number))
    for name in ("0700.parquet", "1500.parquet"):
        world.findings[name] = Finding("magic", "error", "no parquet")
    return _Crowd(world, world.run(replace(OPTIONS, concurrency=8), order=Order.TOGETHER))


def test_two_thousand_files_are_never_open_all_at_once(crowd: _Crowd) -> None:
    assert crowd.life.ended.counts == {"uploaded": 1_998, "failed": 2}
    assert crowd.life.most_open <= 8


def test_above_a_thousand_files_only_the_failures_are_listed(crowd: _Crowd) -> None:
    report = crowd.life.ended
    assert len(crowd.world.files) > MOST_LISTED
    assert [Path(file.path).name for file in report.files] == ["0700.parquet", "1500.parquet"]
    assert (report.files_omitted, report.exit_code, report.status) == (1_998, 3, "failed")


def test_above_a_thousand_files_each_one_is_told_in_its_event(crowd: _Crowd) -> None:
    told = [event for event in crowd.life.events if isinstance(event, FileDone | FileFailed)]
    assert 2_000 == len({event.report.path for event in told}) == len(told)


# ----------------------------------------------------------------------------------------- an object is already there
@pytest.mark.parametrize("data", [ONE, SIX], ids=["one part", "six parts"])
def test_another_object_at_the_key_is_a_conflict_and_nothing_is_sent(world: World, data: bytes) -> None:
    key = world.add("a.parquet", data)
    put_there(world, key, b"something else")
    life = world.run()
    assert life.ended.exit_code == 11
    assert isinstance(life.file.error, ConflictError)
    assert not kinds(life) & SENDING
    assert world.store.objects[key].data == b"something else"


@pytest.mark.parametrize("data", [ONE, SIX], ids=["one part", "six parts"])
def test_an_object_of_other_content_is_a_conflict_though_size_and_footer_are_the_same(
    world: World, data: bytes
) -> None:
    key = world.add("a.parquet", data)
    other = bytearray(data)
    other[100] ^= 1
    put_there(world, key, bytes(other))
    life = world.run()
    assert life.ended.exit_code == 11
    assert not kinds(life) & SENDING


@pytest.mark.parametrize("data", [ONE, SIX], ids=["one part", "six parts"])
def test_a_file_that_was_delivered_is_already_there_by_our_own_record(world: World, data: bytes) -> None:
    key = world.add("a.parquet", data)
    world.run()
    world.store.objects[key] = replace(world.store.objects[key], checksum=None, metadata={})
    life = world.run()
    assert (
        life.file.status,
        life.ended.exit_code,
        life.file.bytes_sent,
        life.file.bytes_reused,
    ) == ("already_there", 0, 0, 0)
    assert [effect.name for effect in life.effects] == ["open", "head", "receipt"]


@pytest.mark.parametrize("data", [ONE, SIX], ids=["one part", "six parts"])
@pytest.mark.parametrize("evidence", ["checksum", "etag"])
def test_an_object_with_the_file_s_content_is_already_there(
    tmp_path: Path, world: World, data: bytes, evidence: str
) -> None:
    key = world.add("a.parquet", data)
    world.run()
    there = replace(world.store.objects[key], metadata={})
    changes: dict[str, Any] = {"etag": '"opaque"'} if evidence == "checksum" else {"checksum": None}
    world.store.objects[key] = replace(there, **changes)
    stranger = World(tmp_path / "stranger", world.store)
    stranger.add("a.parquet", data)
    life = stranger.run()
    assert (life.file.status, life.ended.exit_code) == ("already_there", 0)
    assert not kinds(life) & SENDING
    assert stranger.run().file.status == "already_there"


def test_an_object_whose_etag_is_of_other_parts_cannot_be_told_to_be_the_same(tmp_path: Path, world: World) -> None:
    key = world.add("a.parquet", SIX)
    world.run(replace(OPTIONS, part_size=PART_SIZE - 1))
    world.store.objects[key] = replace(world.store.objects[key], metadata={}, checksum=None)
    stranger = World(tmp_path / "stranger", world.store)
    stranger.add("a.parquet", SIX)
    assert stranger.run().ended.exit_code == 11


@pytest.mark.parametrize("data", [ONE, SIX], ids=["one part", "six parts"])
def test_our_metadata_on_another_object_is_no_evidence(world: World, data: bytes) -> None:
    key = world.add("a.parquet", data)
    world.run()
    other = bytearray(data)
    other[100] ^= 1
    ours = world.store.objects[key]
    world.store.objects[key] = replace(
        ours, data=bytes(other), etag='"new"', checksum=world.store._crc_of(bytes(other))
    )
    life = world.run()
    assert life.ended.exit_code in (8, 11)
    assert not kinds(life) & SENDING


@pytest.mark.parametrize("size", ["same size", "other size"])
@pytest.mark.parametrize("data", [ONE, SIX], ids=["one part", "six parts"])
def test_a_delivered_object_that_somebody_replaced_is_replaced_again_with_overwrite(
    world: World, data: bytes, size: str
) -> None:
    key = world.add("a.parquet", data)
    world.run()
    put_there(world, key, bytes(len(data)) if size == "same size" else b"theirs")
    assert world.run().ended.exit_code == 11
    life = world.run(OVERWRITE)
    assert (life.file.status, life.file.error) == ("uploaded", None)
    assert data == world.store.objects[key].data
    assert len(data) == life.file.bytes_sent
    made = max(number for number, effect in enumerate(life.effects) if effect.kind in ("put_object", "complete"))
    assert "head" in [effect.name for effect in life.effects[made:]], "what was made is looked at"


@pytest.mark.parametrize("data", [ONE, SIX], ids=["one part", "six parts"])
def test_a_delivered_object_that_is_gone_is_sent_again(world: World, data: bytes) -> None:
    key = world.add("a.parquet", data)
    world.run()
    del world.store.objects[key]
    life = world.run()
    assert ("uploaded", len(data)) == (life.file.status, life.file.bytes_sent)
    assert data == world.store.objects[key].data


def test_overwrite_replaces_another_object(world: World) -> None:
    key = world.add("a.parquet", SIX)
    put_there(world, key, b"something else")
    assert world.run(OVERWRITE).file.status == "uploaded"
    assert world.store.objects[key].data == SIX


def test_overwrite_given_at_the_second_run_only_is_heard(world: World, odd: OddStore) -> None:
    key = world.add("a.parquet", SIX)
    odd.before["complete"] = at(1, lambda: put_there(world, key, b"theirs"))
    first = world.run(store=odd)
    assert (
        first.ended.exit_code,
        first.file.error and first.file.error.kept,
    ) == (11, "6 parts, 49.3 KiB; they stay at the store until a rule of the bucket removes them")
    second = world.run(OVERWRITE)
    assert (second.file.status, second.file.bytes_sent, second.file.bytes_reused) == ("uploaded", 0, SIX_PARTS)
    assert world.store.objects[key].data == SIX


# ------------------------------------------------------------------------------------------------------ missing rights
@pytest.mark.parametrize("data", [ONE, SIX], ids=["one part", "six parts"])
def test_without_the_right_to_look_a_file_is_delivered_with_one_warning(
    world: World, odd: OddStore, data: bytes
) -> None:
    key = world.add("a.parquet", data)
    odd.after["head"] = always(Absence.FORBIDDEN)
    life = world.run(store=odd)
    assert (life.file.status, life.ended.exit_code) == ("uploaded", 0)
    assert sum("no right to look" in warning for warning in life.file.warnings) == 1
    assert data == world.store.objects[key].data


def test_without_the_right_to_look_a_delivered_file_s_outcome_is_unknown(world: World, odd: OddStore) -> None:
    world.add("a.parquet", SIX)
    odd.after["head"] = always(Absence.FORBIDDEN)
    world.run(store=odd)
    again = world.run(store=odd)
    assert again.ended.exit_code == 10
    assert not kinds(again) & SENDING


@pytest.mark.parametrize("options", [OPTIONS, OVERWRITE], ids=["", "overwrite"])
def test_without_the_right_to_look_a_completion_whose_answer_died_with_the_process_is_unknown(
    world: World, odd: OddStore, options: PushOptions
) -> None:
    world.add("a.parquet", SIX)
    odd.after["head"] = always(Absence.FORBIDDEN)
    world.run(options, store=odd, crash=Crash("complete", When.AFTER))
    again = world.run(options, store=odd)
    assert again.ended.exit_code == 10
    assert again.bytes_sent == 0


def test_without_the_right_to_look_an_object_that_may_be_ours_is_no_conflict(world: World, odd: OddStore) -> None:
    world.add("a.parquet", ONE)
    odd.after["head"] = always(Absence.FORBIDDEN)
    world.run(store=odd, crash=Crash("put_object", When.AFTER))
    assert world.run(store=odd).ended.exit_code == 10


@pytest.mark.parametrize(("data", "request_kind"), [(ONE, "put_object"), (SIX, "complete")])
def test_without_the_right_to_look_a_lost_answer_is_unknown(
    world: World, odd: OddStore, data: bytes, request_kind: str
) -> None:
    world.add("a.parquet", data)
    odd.after = {"head": always(Absence.FORBIDDEN), request_kind: lost()}
    life = world.run(store=odd)
    assert life.ended.exit_code == 10
    assert isinstance(life.file.error, OutcomeUnknownError)


def test_without_the_right_to_look_somebody_else_s_object_is_a_conflict(world: World, odd: OddStore) -> None:
    key = world.add("a.parquet", SIX)
    put_there(world, key, b"theirs")
    odd.after["head"] = always(Absence.FORBIDDEN)
    assert world.run(store=odd).ended.exit_code == 11
    assert world.store.objects[key].data == b"theirs"


def test_without_the_right_to_list_parts_the_journal_is_trusted_with_one_warning(world: World, odd: OddStore) -> None:
    key = world.add("a.parquet", SIX)
    world.run(crash=Crash("put_part 4", When.BEFORE))
    odd.after["list_parts"] = always(NoListing.FORBIDDEN)
    life = world.run(store=odd)
    assert (life.file.status, life.file.parts_reused) == ("uploaded", 3)
    assert world.store.objects[key].data == SIX
    assert len(life.file.warnings) == 1, "a mode of less certainty is told, once"


@pytest.mark.parametrize(
    ("kind", "exit_code"), [(Kind.DENIED, 6), (Kind.NO_BUCKET, 6), (Kind.EXPIRED, 5), (Kind.CREDENTIALS, 5)]
)
def test_a_refusal_in_the_middle_keeps_what_is_stored(world: World, odd: OddStore, kind: Kind, exit_code: int) -> None:
    world.add("a.parquet", SIX)
    odd.before["put_part"] = lambda count: refuse(StoreFault(kind, 403))() if count > 3 else None
    life = world.run(store=odd)
    error = life.file.error
    assert error is not None
    assert (exit_code, True) == (life.ended.exit_code, error.resumable)
    assert error.kept == "3 parts, 29.3 KiB; they stay at the store until a rule of the bucket removes them"
    assert "abort" not in kinds(life)
    assert ((again := world.run()).ended.exit_code, again.file.parts_reused) == (0, 3)


# --------------------------------------------------------------------------------------------------- a forgetful store
def test_parts_that_the_store_lost_before_completion_are_sent_again(world: World, odd: OddStore) -> None:
    key = world.add("a.parquet", SIX)

    def lose() -> None:
        (upload,) = world.store.uploads.values()
        del upload.parts[2], upload.parts[5]

    odd.before["complete"] = at(1, lose)
    life = world.run(store=odd)
    assert (life.file.status, life.file.bytes_sent, life.file.bytes_resent) == ("uploaded", SIX_PARTS, 2 * PART_SIZE)
    assert world.store.objects[key].data == SIX


@pytest.mark.parametrize(
    ("request_kind", "number", "resent"),
    [("put_part", 4, 3 * PART_SIZE), ("complete", 1, SIX_PARTS)],
    ids=["in the middle", "before completion"],
)
def test_an_upload_that_the_store_lost_is_begun_again(
    world: World, odd: OddStore, request_kind: str, number: int, resent: int
) -> None:
    key = world.add("a.parquet", SIX)
    odd.before[request_kind] = at(number, world.store.uploads.clear)
    life = world.run(store=odd)
    assert ("uploaded", SIX_PARTS, resent) == (life.file.status, life.file.bytes_sent, life.file.bytes_resent)
    assert sum("the store lost" in warning for warning in life.file.warnings) == 1
    assert world.store.objects[key].data == SIX


@pytest.mark.parametrize("request_kind", ["put_part", "complete"])
@pytest.mark.parametrize("order", [Order.FIRST, Order.TOGETHER])
def test_a_store_that_loses_the_upload_again_and_again_is_given_up(
    world: World, odd: OddStore, request_kind: str, order: Order
) -> None:
    world.add("a.parquet", SIX)
    odd.before[request_kind] = lambda _: world.store.uploads.clear()
    life = world.run(store=odd, order=order)
    assert (life.ended.exit_code, life.file.status) == (7, "failed")
    assert life.count("create") <= 6


def test_a_store_that_loses_parts_again_and_again_is_given_up(world: World, odd: OddStore) -> None:
    world.add("a.parquet", SIX)

    def lose(_: int) -> None:
        (upload,) = world.store.uploads.values()
        del upload.parts[1]

    odd.before["complete"] = lose
    life = world.run(store=odd)
    assert life.ended.exit_code == 7
    assert life.count("complete") <= 6


# -------------------------------------------------------------------------------------------------------- lost answers
@pytest.mark.parametrize("options", [OPTIONS, OVERWRITE], ids=["", "overwrite"])
@pytest.mark.parametrize(("data", "request_kind"), [(ONE, "put_object"), (SIX, "complete")])
def test_a_lost_answer_is_settled_by_the_nonce(
    world: World, odd: OddStore, data: bytes, request_kind: str, options: PushOptions
) -> None:
    key = world.add("a.parquet", data)
    odd.after[request_kind] = lost()
    life = world.run(options, store=odd)
    assert life.file.status == "uploaded"
    assert life.count(request_kind) == 1
    assert data == world.store.objects[key].data
    assert world.store.replaced == []


def test_a_part_whose_answer_is_lost_is_sent_again_and_counted(world: World, odd: OddStore) -> None:
    world.add("a.parquet", SIX)
    odd.after["put_part"] = lost(at=3)
    life = world.run(store=odd)
    file = life.file
    assert (file.bytes_sent, file.bytes_resent, file.retries) == (SIX_PARTS, PART_SIZE, 1)
    assert [event.doing for event in life.events if isinstance(event, PartRetried)] == ["part 3"]


def test_throttling_is_told(world: World, odd: OddStore) -> None:
    world.add("a.parquet", SIX)
    odd.before["put_part"] = at(2, refuse(StoreFault(Kind.THROTTLED, 503, "SlowDown")))
    life = world.run(store=odd)
    assert life.file.status == "uploaded"
    assert sum(isinstance(event, Throttled) for event in life.events) == 1


@pytest.mark.parametrize("request_kind", ["head", "create", "put_part", "complete"])
def test_failures_that_do_not_end_are_given_up(world: World, odd: OddStore, request_kind: str) -> None:
    world.add("a.parquet", SIX)
    odd.before[request_kind] = lambda _: refuse(StoreFault(Kind.TRANSIENT, 500))()
    life = world.run(store=odd)
    assert (life.ended.exit_code, life.file.error is not None and life.file.error.resumable) == (7, True)
    assert world.run().ended.exit_code == 0


def test_a_race_for_the_key_is_looked_into_and_begun_anew(world: World, odd: OddStore) -> None:
    key = world.add("a.parquet", SIX)
    odd.before["complete"] = at(1, refuse(StoreFault(Kind.RACE, 409, "ConditionalRequestConflict")))
    life = world.run(store=odd)
    assert (life.file.status, life.file.bytes_sent, life.file.bytes_resent) == ("uploaded", SIX_PARTS, SIX_PARTS)
    assert world.store.objects[key].data == SIX
    assert world.store.uploads == {}


# ------------------------------------------------------------------------------------------------------ somebody else
@pytest.mark.parametrize(("data", "request_kind"), [(ONE, "put_object"), (SIX, "complete")])
def test_an_object_that_appears_meanwhile_is_a_conflict(
    world: World, odd: OddStore, data: bytes, request_kind: str
) -> None:
    key = world.add("a.parquet", data)
    odd.before[request_kind] = at(1, lambda: put_there(world, key, b"theirs"))
    life = world.run(store=odd)
    assert life.ended.exit_code == 11
    assert world.store.objects[key].data == b"theirs"
    assert "abort" not in kinds(life)


@pytest.mark.parametrize(("data", "request_kind"), [(ONE, "put_object"), (SIX, "complete")])
def test_an_object_that_was_replaced_before_it_was_looked_at_is_not_what_was_sent(
    world: World, odd: OddStore, data: bytes, request_kind: str
) -> None:
    key = world.add("a.parquet", data)

    def replace_it(_: int, answer: Any) -> Any:
        ours = world.store.objects[key]
        world.store.objects[key] = replace(ours, metadata={"tu-nonce": "another"})
        return answer

    odd.after[request_kind] = replace_it
    assert world.run(store=odd).ended.exit_code == 8


@pytest.mark.parametrize(
    "harm",
    [
        lambda store, key: store.objects.pop(key),
        lambda store, key: store.objects.update({key: replace(store.objects[key], data=b"short")}),
        lambda store, key: store.objects.update({key: replace(store.objects[key], checksum="AAAAAAAAAAA=")}),
    ],
    ids=["it is gone", "it is shorter", "its checksum is another"],
)
def test_an_object_that_is_not_what_was_sent_is_told(
    world: World, odd: OddStore, harm: Callable[[MemoryStore, str], object]
) -> None:
    key = world.add("a.parquet", SIX)

    def after(_: int, answer: Any) -> Any:
        harm(world.store, key)
        return answer

    odd.after["complete"] = after
    life = world.run(store=odd)
    assert (life.ended.exit_code, life.file.status) == (8, "failed")
    assert not (world.state / "receipts").exists()


@pytest.mark.parametrize(("data", "request_kind"), [(ONE, "put_object"), (SIX, "complete")])
def test_a_store_that_answers_with_another_checksum_is_not_believed(
    world: World, odd: OddStore, data: bytes, request_kind: str
) -> None:
    world.add("a.parquet", data)
    odd.after[request_kind] = lambda _, answer: replace(answer, checksum="AAAAAAAAAAA=")
    assert world.run(store=odd).ended.exit_code == 8


def test_a_part_that_the_store_answers_with_another_checksum_is_sent_again(world: World, odd: OddStore) -> None:
    world.add("a.parquet", SIX)
    odd.after["put_part"] = lambda count, answer: replace(answer, checksum="AAAAAAAAAAA=") if count == 2 else answer
    life = world.run(store=odd)
    assert (life.file.status, life.file.retries, life.file.bytes_resent) == ("uploaded", 1, PART_SIZE)


# ------------------------------------------------------------------------------------------------------- the own disk
@pytest.mark.parametrize("order", [Order.FIRST, Order.LAST, Order.TOGETHER])
def test_a_part_is_told_as_stored_only_once_its_record_is_durable(world: World, order: Order) -> None:
    world.add("a.parquet", SIX)
    log = world.run(order=order).log
    waiting, durable, told = 0, 0, 0
    for entry in log:
        if entry == "append part_stored":
            waiting += 1
        elif entry == "sync":
            durable, waiting = durable + waiting, 0
        elif entry.startswith("told part_stored"):
            told += 1
            assert told <= durable
    assert told == 6


class _FullDisk:
    """A journal's file on a disk that takes only a part of one line, and then nothing or all again."""

    def __init__(self, file: Any, line: int, *, for_good: bool) -> None:
        self._file = file
        self._line = line
        self._for_good = for_good
        self._lines = 0

    def write(self, data: bytes) -> int:
        self._lines += 1
        if self._lines == self._line:
            return int(self._file.write(data[: len(data) // 2]))
        if self._lines > self._line and self._for_good:
            raise OSError(28, "No space left on device")
        return int(self._file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _FullDiskJournals(CrashingJournals):
    line = 3  # planned, created, the first part
    for_good = True

    def open(self, name: str) -> Journal:
        journal = super().open(name)
        journal._file = _FullDisk(journal._file, self.line, for_good=self.for_good)  # type: ignore[assignment]
        return journal


class _BrieflyFullJournals(_FullDiskJournals):
    for_good = False


class _FullForLargeFilesJournals(_FullDiskJournals):
    line = 4  # a file of one part has three: planned, completed, confirmed


@pytest.mark.parametrize("disk", [_FullDiskJournals, _BrieflyFullJournals], ids=["for good", "for a moment"])
@pytest.mark.parametrize("order", [Order.FIRST, Order.TOGETHER, Order.LAST])
def test_a_full_disk_ends_the_file_and_the_next_run_goes_on(
    world: World, disk: type[_FullDiskJournals], order: Order
) -> None:
    key = world.add("a.parquet", SIX)
    life = world.run(order=order, journals=lambda life: disk(world.state, life, {}))
    assert (life.ended.exit_code, life.file.status) == (9, "failed")
    assert world.store.objects == {}
    assert "abort" not in kinds(life)
    again = world.run()
    assert None is again.file.error
    assert again.file.status == "uploaded"
    assert world.store.objects[key].data == SIX


@pytest.mark.parametrize("order", [Order.FIRST, Order.TOGETHER])
def test_parts_whose_record_could_not_be_synced_are_not_told(world: World, order: Order) -> None:
    class Unsyncable(CrashingJournals):
        def sync(self, journals: Any) -> dict[Journal, JournalError]:
            waiting = [journal for journal in journals if journal.is_dirty]
            if any(effect.kind == "put_part" for effect in self._life.effects):
                return {journal: JournalError("the state could not be synced") for journal in waiting}
            return super().sync(waiting)

    world.add("a.parquet", SIX)
    life = world.run(order=order, journals=lambda life: Unsyncable(world.state, life, {}))
    assert (life.ended.exit_code, life.told) == (9, [])
    assert world.store.objects == {}
    assert world.run().ended.exit_code == 0


def test_one_file_s_full_disk_does_not_stop_the_others(world: World) -> None:
    world.add("a.parquet", SIX)
    world.add("b.parquet", ONE)
    life = world.run(journals=lambda life: _FullForLargeFilesJournals(world.state, life, {}))
    assert [file.error and file.error.exit_code for file in life.ended.files] == [9, None]


def test_a_damaged_journal_is_told_and_restart_begins_again(world: World) -> None:
    key = world.add("a.parquet", SIX)
    world.run(crash=Crash("put_part 4", When.BEFORE))
    path = world.journal_path(key)
    path.write_bytes(path.read_bytes().replace(b"created", b"cremated", 1))
    damaged = path.read_bytes()
    life = world.run()
    assert (9, damaged) == (life.ended.exit_code, path.read_bytes())
    assert not kinds(life) & SENDING
    assert ((again := world.run(RESTART)).file.status, again.file.parts_reused) == ("uploaded", 0)
    assert world.store.objects[key].data == SIX


def test_a_journal_that_another_process_has_is_left_alone(world: World) -> None:
    key = world.add("a.parquet", SIX)
    with JournalDirectory(world.state) as others, others.open(world.journal_path(key).stem):
        life = world.run()
    assert life.ended.exit_code == 9
    assert life.file.error is not None
    assert life.file.error.name == "locked"
    assert not kinds(life) & SENDING
    assert world.run().ended.exit_code == 0


# ---------------------------------------------------------------------------------------------------------- the file
def test_a_file_that_changes_while_it_is_sent_makes_no_object(world: World, odd: OddStore) -> None:
    key = world.add("a.parquet", SIX)
    odd.before["put_part"] = at(3, lambda: world.files[key].write_bytes(content(SIX_PARTS, seed=1)))
    life = world.run(store=odd)
    assert (life.ended.exit_code, life.file.error is not None and life.file.error.resumable) == (4, True)
    assert world.store.objects == {}
    assert world.run().file.status == "uploaded"
    assert content(SIX_PARTS, seed=1) == world.store.objects[key].data


def test_a_file_that_changes_before_completion_makes_no_object(world: World, odd: OddStore) -> None:
    key = world.add("a.parquet", SIX)

    def touch(count: int, answer: Any) -> Any:
        if count == 6:
            os.utime(world.files[key], ns=(1, 1))
        return answer

    odd.after["put_part"] = touch
    life = world.run(store=odd)
    assert life.ended.exit_code == 4
    assert world.store.objects == {}


@pytest.mark.parametrize(("data", "request_kind"), [(ONE, "put_object"), (SIX, "complete")])
@pytest.mark.parametrize("options", [OPTIONS, MD5], ids=["crc64nvme", "md5"])
def test_an_object_of_the_file_s_former_content_is_not_taken_for_it(
    tmp_path: Path, data: bytes, request_kind: str, options: PushOptions
) -> None:
    world = World(tmp_path, MemoryStore(proof=options.proof))
    key = world.add("a.parquet", data)
    world.run(options, crash=Crash(request_kind, When.AFTER))
    if options.proof == "md5":  # a store that knows no CRC
        world.store.objects[key] = replace(world.store.objects[key], checksum=None)
    same_marks_other_content(world, key)
    assert world.run(options).ended.exit_code in (8, 11)
    assert data == world.store.objects[key].data


@pytest.mark.parametrize(("data", "request_kind"), [(ONE, "put_object"), (SIX, "complete")])
def test_an_object_of_the_file_s_former_content_is_replaced_with_overwrite(
    world: World, data: bytes, request_kind: str
) -> None:
    key = world.add("a.parquet", data)
    world.run(OVERWRITE, crash=Crash(request_kind, When.AFTER))
    same_marks_other_content(world, key)
    assert world.run(OVERWRITE).ended.exit_code == 0
    assert world.files[key].read_bytes() == world.store.objects[key].data


# ----------------------------------------------------------------------------------------------------------- stopping
def test_a_stop_cuts_what_is_in_flight_and_keeps_what_is_stored(world: World, odd: OddStore) -> None:
    world.add("a.parquet", SIX)
    world.add("b.parquet", ONE)
    world.add("c.parquet", ONE)
    world.add("d.parquet", SIX)
    stop = Stop()
    odd.before["put_part"] = at(4, lambda: stop.interrupt(130))
    life = world.run(replace(OPTIONS, concurrency=1), store=odd, stop=stop)
    assert (life.ended.status, life.ended.exit_code) == ("interrupted", 130)
    assert [file.status for file in life.ended.files] == ["interrupted"] * 4
    assert len(life.sent) == 3
    assert life.file.error
    assert life.file.error.kept.startswith("3 parts, 29.3 KiB; they stay at the store")
    assert world.store.objects == {}
    again = world.run()
    assert ([again.ended.exit_code, again.file.parts_reused], again.ended.counts) == ([0, 3], {"uploaded": 4})
    assert [event.parts_kept for event in again.events if isinstance(event, UploadResumed)] == [3]


def test_a_stop_with_threads_leaves_a_resumable_upload(world: World, odd: OddStore) -> None:
    world.add("a.parquet", SIX)
    stop = Stop()
    odd.before["put_part"] = at(4, lambda: stop.interrupt(143))
    life = world.run(store=odd, stop=stop, order=Order.THREADS)
    assert (life.ended.status, life.ended.exit_code) == ("interrupted", 143)
    again = world.run()
    assert again.file.status == "uploaded"
    assert len(life.told) == again.file.parts_reused > 0


def test_a_stop_that_comes_after_the_last_file_changes_nothing(world: World) -> None:
    world.add("a.parquet", ONE)
    stop = Stop()
    life = world.run(stop=stop, observe=lambda event: stop.interrupt(130) if isinstance(event, FileDone) else None)
    assert (life.ended.status, life.ended.exit_code) == ("ok", 0)


def test_the_deadline_ends_the_run_resumably(world: World, odd: OddStore) -> None:
    world.add("a.parquet", SIX)
    world.add("b.parquet", ONE)
    stop = Stop()
    odd.before["put_part"] = at(3, lambda: stop.set(DeadlineError("the deadline came")))
    life = world.run(replace(OPTIONS, concurrency=1), store=odd, stop=stop)
    assert (life.ended.exit_code, [file.status for file in life.ended.files]) == (7, ["failed", "failed"])
    assert ((again := world.run()).ended.exit_code, again.file.parts_reused) == (0, 2)


def test_the_deadline_is_a_stop_that_comes_by_itself() -> None:
    stop = Stop()
    with api._deadline(0.0, stop):
        assert stop._event.wait(60)
    assert isinstance(stop.error, DeadlineError)


# ------------------------------------------------------------------------------------------------------------ dry run
def tree(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def store_of(world: World) -> tuple[object, ...]:
    store = world.store
    return dict(store.objects), {name: dict(upload.parts) for name, upload in store.uploads.items()}


def untouched(world: World) -> Life:
    """A dry run, which must leave store and disk as they are."""
    before = store_of(world), tree(world.state)
    life = world.run(DRY_RUN)
    assert before == (store_of(world), tree(world.state))
    assert kinds(life) <= {"head", "list_parts"}
    return life


@pytest.mark.parametrize("data", [ONE, SIX], ids=["one part", "six parts"])
def test_a_dry_run_plans_and_touches_nothing(world: World, data: bytes) -> None:
    world.add("a.parquet", data)
    life = untouched(world)
    assert (life.file.status, life.ended.exit_code) == ("planned", 0)
    assert not world.state.exists()


def test_a_dry_run_over_an_interrupted_upload_tells_what_is_kept(world: World) -> None:
    world.add("a.parquet", SIX)
    world.run(crash=Crash("put_part 4", When.BEFORE))
    life = untouched(world)
    assert life.file.status == "planned"
    assert [event.parts_kept for event in life.events if isinstance(event, UploadResumed)] == [3]


def test_a_dry_run_says_what_is_already_there_and_what_conflicts(world: World) -> None:
    world.add("a.parquet", ONE)
    world.run()
    assert untouched(world).file.status == "already_there"
    put_there(world, world.add("b.parquet", ONE), b"theirs")
    assert [file.error and file.error.exit_code for file in untouched(world).ended.files] == [None, 11]


def test_a_dry_run_removes_no_older_upload(world: World) -> None:
    key = world.add("a.parquet", SIX)
    world.run(crash=Crash("put_part 4", When.BEFORE))
    world.add("a.parquet", content(SIX_PARTS + 1))
    world.run(crash=Crash("abort", When.BEFORE))
    assert key in world.store.objects
    assert len(world.store.uploads) == 1
    assert untouched(world).file.status == "already_there"


# ---------------------------------------------------------------------------------------------------- changed settings
def test_an_upload_with_other_object_options_is_a_new_one_and_the_old_one_is_removed(world: World) -> None:
    key = world.add("a.parquet", SIX)
    world.run(crash=Crash("put_part 4", When.BEFORE))
    life = world.run(replace(OPTIONS, object_options=ObjectOptions(storage_class="STANDARD_IA")))
    assert (life.file.status, life.file.parts_reused, world.store.uploads) == ("uploaded", 0, {})
    assert world.store.objects[key].data == SIX
    facts = world.facts(key)
    assert [Created("upload-1"), Created("upload-2")] == [fact for fact in facts if isinstance(fact, Created)]
    assert [Aborted("upload-1")] == [fact for fact in facts if isinstance(fact, Aborted)]
    assert sum(isinstance(fact, Planned) for fact in facts) == 2


def test_an_older_upload_that_cannot_be_removed_is_told_and_removed_by_the_next_run(
    world: World, odd: OddStore
) -> None:
    world.add("a.parquet", SIX)
    world.run(crash=Crash("put_part 4", When.BEFORE))
    odd.before["abort"] = lambda _: refuse(StoreFault(Kind.DENIED, 403))()
    life = world.run(RESTART, store=odd)
    assert (life.file.status, life.ended.exit_code) == ("uploaded", 0)
    assert sum("could not be removed" in warning for warning in life.file.warnings) == 1
    assert (world.run().file.status, world.store.uploads) == ("already_there", {})


def test_an_upload_with_another_part_size_goes_on_with_its_own_and_says_so(world: World) -> None:
    world.add("a.parquet", SIX)
    world.run(crash=Crash("put_part 4", When.BEFORE))
    life = world.run(replace(OPTIONS, part_size=2 * PART_SIZE))
    assert (life.file.status, life.file.part_size, life.file.parts_reused) == ("uploaded", PART_SIZE, 3)
    assert sum("goes on with its parts of" in warning for warning in life.file.warnings) == 1


def test_another_part_size_after_a_run_that_opened_no_upload_is_not_blamed_on_the_store(world: World) -> None:
    world.add("a.parquet", SIX)
    world.run(crash=Crash("create", When.BEFORE))
    life = world.run(replace(OPTIONS, part_size=2 * PART_SIZE))
    assert life.file.status == "uploaded"
    assert not any("store's limits" in warning for warning in life.file.warnings)


# ------------------------------------------------------------------------------------------------------ other checksums
@pytest.mark.parametrize("data", [ONE, SIX], ids=["one part", "six parts"])
def test_md5_has_each_body_verified_and_says_that_the_whole_is_not(tmp_path: Path, data: bytes) -> None:
    world = World(tmp_path, MemoryStore(proof="md5"))
    key = world.add("a.parquet", data)
    odd = OddStore(world.store)
    odd.after["put_object"] = odd.after["complete"] = lambda _, answer: replace(answer, checksum=None)
    odd.after["head"] = lambda _, seen: seen if isinstance(seen, Absence) else replace(seen, checksums={})
    life = world.run(MD5, store=odd)
    assert ("uploaded", data) == (life.file.status, world.store.objects[key].data)
    assert life.file.checksum is not None
    assert not life.file.checksum.confirmed_by_store
    assert sum("no checksum of the whole object" in warning for warning in life.file.warnings) == 1


@pytest.mark.parametrize("proof", ["crc64nvme", "crc32c", "crc32"])
@pytest.mark.parametrize("data", [ONE, SIX], ids=["one part", "six parts"])
def test_the_store_confirms_the_object_s_checksum(tmp_path: Path, proof: Any, data: bytes) -> None:
    world = World(tmp_path, MemoryStore(proof=proof))
    key = world.add("a.parquet", data)
    life = world.run(replace(OPTIONS, proof=proof))
    found = life.file.checksum
    assert found is not None
    assert (proof.upper(), world.store.objects[key].checksum, True) == (
        found.algorithm,
        found.value,
        found.confirmed_by_store,
    )
    assert life.file.warnings == ()


def test_an_upload_is_not_continued_with_another_checksum(tmp_path: Path) -> None:
    world = World(tmp_path, MemoryStore(proof="crc64nvme"))
    world.add("a.parquet", SIX)
    world.run(crash=Crash("put_part 4", When.BEFORE))
    world.store._crc = MemoryStore(proof="crc32c")._crc
    life = world.run(replace(OPTIONS, proof="crc32c"))
    assert (life.file.status, life.file.parts_reused, world.store.uploads) == ("uploaded", 0, {})


# ----------------------------------------------------------------------------------------------------------- receipts
@pytest.mark.parametrize("data", [ONE, SIX], ids=["one part", "six parts"])
def test_a_receipt_lies_in_the_state_directory(world: World, data: bytes) -> None:
    key = world.add("a.parquet", data)
    life = world.run()
    assert life.file.receipt is not None
    receipt = read_receipt(world.state / "receipts" / life.file.receipt)
    assert (key, len(data), world.store.objects[key].etag) == (receipt.key, receipt.size_bytes, receipt.etag)
    assert life.file.checksum is not None
    assert life.file.checksum.value == receipt.checksum[1]


def test_a_receipt_names_the_nonce_of_an_object_that_was_made_anew_of_the_same_content(world: World) -> None:
    key = world.add("a.parquet", SIX)
    world.run()
    world.store.objects[key] = replace(world.store.objects[key], metadata={NONCE: "another machine's"})
    life = world.run()
    assert (life.file.status, life.file.receipt is not None) == ("already_there", True)
    assert json.loads((world.state / "receipts" / str(life.file.receipt)).read_bytes())["nonce"] == "another machine's"


def test_an_object_of_ours_from_before_the_file_changed_is_another_one_not_a_wrong_one(world: World) -> None:
    world.add("a.parquet", ONE)
    world.run(crash=Crash("put_object", When.AFTER))
    world.add("a.parquet", content(len(ONE), seed=1))
    assert world.run().ended.exit_code == 11


def test_what_a_refused_request_made_all_the_same_is_ours(world: World, odd: OddStore) -> None:
    key = world.add("a.parquet", ONE)

    def refuse(number: int, answer: Any) -> Any:
        if number == 1:
            raise StoreFault(Kind.REFUSED, 501, "NotImplemented")
        return answer

    odd.after["put_object"] = refuse
    life = world.run(replace(OPTIONS, may_fall_back=True), store=odd)
    assert (life.file.status, life.ended.exit_code) == ("uploaded", 0)
    assert world.store.objects[key].data == ONE


@pytest.mark.parametrize(("chosen", "is_directory"), [("mine.json", False), ("mine/", True)])
def test_a_receipt_lies_where_it_was_asked_for(
    tmp_path: Path, world: World, chosen: str, *, is_directory: bool
) -> None:
    key = world.add("a.parquet", SIX)
    for status in ("uploaded", "already_there"):
        life = world.run(receipt_to=f"{tmp_path}/{chosen}")
        assert life.file.receipt is not None
        receipt = Path(life.file.receipt)
        assert tmp_path / chosen == (receipt.parent if is_directory else receipt)
        assert (status, key) == (life.file.status, read_receipt(receipt).key)
        receipt.unlink()


@pytest.mark.parametrize(("chosen", "exit_code"), [(None, 0), ("occupied/a.json", 9)])
def test_a_receipt_that_cannot_be_written_is_an_error_only_where_it_was_asked_for(
    tmp_path: Path, world: World, chosen: str | None, exit_code: int
) -> None:
    key = world.add("a.parquet", ONE)
    world.state.mkdir()
    (world.state / "receipts").write_text("a file, where a directory should be")
    (tmp_path / "occupied").write_text("the same")
    life = world.run(receipt_to=None if chosen is None else str(tmp_path / chosen))
    assert (exit_code, None) == (life.ended.exit_code, life.file.receipt)
    assert world.store.objects[key].data == ONE


def test_no_receipt_is_written_for_what_is_not_delivered(world: World) -> None:
    key = world.add("a.parquet", ONE)
    put_there(world, key, b"theirs")
    world.run()
    assert not (world.state / "receipts").exists()


# ------------------------------------------------------------------------------------------------------------- numbers
def test_what_is_counted_adds_up_over_an_interrupted_and_a_resumed_run(world: World, odd: OddStore) -> None:
    world.add("a.parquet", SIX)
    stop = Stop()
    odd.before["put_part"] = at(4, lambda: stop.interrupt(130))
    first = world.run(store=odd, stop=stop).file
    second = world.run().file
    assert (first.bytes_sent, first.bytes_reused, first.bytes_resent) == (3 * PART_SIZE, 0, 0)
    assert (
        second.bytes_sent,
        second.bytes_reused,
        second.bytes_resent,
    ) == (SIX_PARTS - 3 * PART_SIZE, 3 * PART_SIZE, 0)
    assert (second.parts, second.parts_reused) == (6, 3)


@pytest.mark.parametrize("slots", [1, SLOTS, 8])
@pytest.mark.parametrize("order", list(Order))
def test_the_number_of_requests_at_once_does_not_change_what_is_delivered(
    world: World, odd: OddStore, order: Order, slots: int
) -> None:
    keys = [world.add("a.parquet", SIX), world.add("b.parquet", ONE), world.add("c.parquet", SIX)]
    life = world.run(replace(OPTIONS, concurrency=slots), store=odd, order=order)
    assert life.ended.counts == {"uploaded": 3}
    assert [world.store.objects[key].data for key in keys] == [SIX, ONE, SIX]
    assert odd.most_at_once <= slots
