"""Every crash of a process is survived: the next run with the same command delivers the file, once.

Each scenario's undisturbed run is counted; then the process dies at each of its effects, in each way,
and is started again: with the jobs under way ending together, and, where that makes a difference, in
other orders and as real threads will have it. Pairs of crashes are all pairs of the ways
that leave another world behind: after each effect (dying before one is dying after the one before it),
in a torn line, and in a power cut while facts wait for a sync. They are run one by one for files of one
part and of six, and for the other scenarios with every nineteenth first crash, so that the whole takes
less than a minute.
"""

import functools
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.crashing import OPTIONS, PART_SIZE, SLOTS, Crash, Effect, Life, Order, When, World
from tests.support.memory_store import MemoryStore

from tiktok_upload.records import Created
from tiktok_upload.settings import PushOptions
from tiktok_upload.state import fold

MD5 = replace(OPTIONS, proof="md5")
SMALL, LARGE = 800, 6_500  # rows of 8 bytes: one part, six parts
KINDS = {
    "open",
    "append planned",
    "append created",
    "append part_stored",
    "append part_doubted",
    "append part_lost",
    "append source_touched",
    "append upload_lost",
    "append completed",
    "append confirmed",
    "append aborted",
    "sync",
    "head",
    "list_parts",
    "put_object",
    "create",
    "put_part",
    "complete",
    "abort",
    "receipt",
}


@functools.cache
def parquet(rows: int, seed: int = 0) -> bytes:
    """A file of whole numbers, uncompressed."""
    numbers = [(row * 2_654_435_761 + seed) % 2**62 for row in range(rows)]
    buffer = io.BytesIO()
    pq.write_table(
        pa.table({"id": pa.array(numbers, pa.int64())}),
        buffer,
        compression="none",
        use_dictionary=False,
    )
    return buffer.getvalue()


# --------------------------------------------------------------------------------------------------------- scenarios
@dataclass(frozen=True)
class Scenario:
    """What is there before the command runs, and the command.

    Attributes:
        prepare: Makes files, objects and interrupted uploads.
        reuses: Whether parts that were told as stored since the preparation are never sent again.
        reuses_earlier: The same of those that the preparation had stored.
    """

    name: str
    prepare: Callable[[World], None]
    options: PushOptions = OPTIONS
    reuses: bool = True
    reuses_earlier: bool = False
    store: Callable[[], MemoryStore] = MemoryStore


def one_part(world: World) -> None:
    world.add("small.parquet", parquet(SMALL))


def six_parts(world: World) -> None:
    world.add("large.parquet", parquet(LARGE))


def two_files(world: World) -> None:
    world.add("large.parquet", parquet(LARGE // 2))
    world.add("small.parquet", parquet(SMALL))


def another_object(world: World) -> None:
    six_parts(world)
    _put_there(world, "in/large.parquet", parquet(SMALL, seed=9))


def another_object_small(world: World) -> None:
    one_part(world)
    _put_there(world, "in/small.parquet", parquet(SMALL, seed=9))


def interrupted(world: World) -> None:
    six_parts(world)
    world.run(crash=Crash("put_part 5", When.AFTER))


def changed(world: World) -> None:
    interrupted(world)
    world.add("large.parquet", parquet(LARGE, seed=1))


def touched(world: World) -> None:
    interrupted(world)
    os.utime(world.files["in/large.parquet"], ns=(1, 1))


def touched_without_checksums(world: World) -> None:
    """Parts that only the journal knows the content of."""
    six_parts(world)
    world.run(MD5, crash=Crash("put_part 5", When.AFTER))
    os.utime(world.files["in/large.parquet"], ns=(1, 1))


def changed_behind_the_same_marks(world: World) -> None:
    """Same size, same footer, other numbers in the second part: only reading tells."""
    interrupted(world)
    data = bytearray(parquet(LARGE))
    data[PART_SIZE + 10] ^= 1
    world.add("large.parquet", bytes(data))


def store_lost_parts(world: World) -> None:
    interrupted(world)
    (upload,) = world.store.uploads.values()
    del upload.parts[2]


def store_has_other_parts(world: World) -> None:
    interrupted(world)
    (upload,) = world.store.uploads.values()
    upload.parts[2] = replace(upload.parts[2], etag='"another"')


def store_lost_the_upload(world: World) -> None:
    interrupted(world)
    world.store.uploads.clear()


def nothing_told_of_completion(world: World) -> None:
    six_parts(world)
    world.run(crash=Crash("complete", When.AFTER))


SCENARIOS = [
    Scenario("one part", one_part),
    Scenario("six parts", six_parts),
    Scenario("two files", two_files),
    Scenario("one part, md5", one_part, MD5, store=functools.partial(MemoryStore, proof="md5")),
    Scenario("six parts, md5", six_parts, MD5, store=functools.partial(MemoryStore, proof="md5")),
    Scenario("overwrite by one part", another_object_small, replace(OPTIONS, overwrite=True)),
    Scenario("overwrite by six parts", another_object, replace(OPTIONS, overwrite=True)),
    Scenario("resumed", interrupted, reuses_earlier=True),
    Scenario("changed", changed),
    Scenario("touched", touched, reuses_earlier=True),
    Scenario(
        "touched, md5",
        touched_without_checksums,
        MD5,
        reuses_earlier=True,
        store=functools.partial(MemoryStore, proof="md5"),
    ),
    Scenario("changed behind the same marks", changed_behind_the_same_marks),
    Scenario("the store lost parts", store_lost_parts),
    Scenario("the store has other parts", store_has_other_parts),
    Scenario("the store lost the upload", store_lost_the_upload),
    Scenario("completed, not told", nothing_told_of_completion, reuses_earlier=True),
    Scenario("restart", interrupted, replace(OPTIONS, restart=True), reuses=False),
]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
ALL_PAIRS = {"one part", "six parts"}
ALL_ORDERS = {"six parts", "two files", "touched", "the store has other parts"}
ORDERS = [
    (scenario, order)
    for scenario in SCENARIOS
    for order in (Order.TOGETHER, Order.FIRST, Order.LAST)
    if order is Order.TOGETHER or scenario.name in ALL_ORDERS
]


def _put_there(world: World, key: str, data: bytes) -> None:
    elsewhere = World(world.state.parent / "elsewhere", world.store)
    elsewhere.add(key.removeprefix("in/"), data)
    assert elsewhere.run().ended.exit_code == 0


# ------------------------------------------------------------------------------------------------------------ trials
class Trial:
    """One world for one scenario, with what must hold at its end."""

    def __init__(self, directory: Path, scenario: Scenario, order: Order) -> None:
        self.scenario = scenario
        self.order = order
        self.world = World(directory, scenario.store())
        scenario.prepare(self.world)
        self._earlier = len(self.world.lives)
        self._already_written = [key for life in self.world.lives for key in life.written]

    @property
    def lives(self) -> list[Life]:
        """Since the preparation."""
        return self.world.lives[self._earlier :]

    def run(self, crash: Crash | None = None) -> Life:
        return self.world.run(self.scenario.options, crash=crash, order=self.order)

    def violations(self, undisturbed: Life) -> list[str]:
        """All promises that are broken after the last run."""
        report = self.lives[-1].report
        if report is None or report.exit_code != 0:
            return [f"exit {report.exit_code if report else None}: {report.error if report else 'died'}"]
        found = [f"{file.path} is {file.status}" for file in report.files if not _is_delivered(file.status)]
        found += [broken for key in self.world.files for broken in self._broken_promises(key)]
        return [*found, *self._sent_too_much(undisturbed), *self._sent_again()]

    def _broken_promises(self, key: str) -> Iterator[str]:
        world = self.world
        if world.store.objects[key].data != world.files[key].read_bytes():
            yield f"{key} is not the file"
        if (written := self._written(key)) != 1:
            yield f"{key} was written {written} times"
        state, facts = fold(world.facts(key)), world.facts(key)
        if state.is_unfinished() or state.confirmed is None or state.stale:
            yield f"the journal ends unfinished: {state}"
        still_open = {upload_id for upload_id, upload in world.store.uploads.items() if upload.key == key}
        if known := still_open & {fact.upload_id for fact in facts if isinstance(fact, Created)}:
            yield f"{known} were left open"
        if len(still_open) > sum(_may_leave_an_orphan(life) for life in world.lives):
            yield f"{still_open} are orphans"
        if not (world.state / "receipts" / f"{world.journal_path(key).stem}.json").exists():
            yield "there is no receipt"

    def _written(self, key: str) -> int:
        return self._already_written.count(key) + sum(life.written.count(key) for life in self.lives)

    def _sent_too_much(self, undisturbed: Life) -> Iterator[str]:
        most_part = max(min(len(path.read_bytes()), PART_SIZE) for path in self.world.files.values())
        allowed = undisturbed.bytes_sent + (len(self.lives) - 1) * SLOTS * most_part
        sent = sum(life.bytes_sent for life in self.lives)
        if self.scenario.reuses and sent > allowed:
            yield f"{sent} bytes were sent, {allowed} are allowed"

    def _sent_again(self) -> Iterator[str]:
        if not self.scenario.reuses:
            return
        lives = self.world.lives if self.scenario.reuses_earlier else self.lives
        told: set[tuple[str, int]] = set()
        for life in lives:
            if again := told & {(key, number) for key, number, _ in life.sent}:
                yield f"{sorted(again)} had been told as stored and were sent again"
            told |= set(life.told)


def _is_delivered(status: str) -> bool:
    return status in ("uploaded", "already_there")


def _may_leave_an_orphan(life: Life) -> bool:
    """Whether it died between an upload's opening and the durable record of it."""
    names = [effect.name for effect in life.effects]
    recorded = [
        number for number, name in enumerate(names[:-2]) if (name, names[number + 1]) == ("append created", "sync")
    ]
    return life.is_dead and len(recorded) < names.count("create")


def _singles(life: Life) -> list[Crash]:
    return [Crash(number, when) for number, effect in enumerate(life.effects) for when in effect.crashes()]


def _distinct(life: Life) -> list[Crash]:
    """Those that leave another world behind."""
    return [Crash(0, When.BEFORE), *(crash for crash in _singles(life) if crash.when is not When.BEFORE)]


def _undisturbed(directory: Path, scenario: Scenario, order: Order) -> Life:
    trial = Trial(directory, scenario, order)
    life = trial.run()
    assert trial.violations(life) == []
    return life


# ------------------------------------------------------------------------------------------------------------- tests
@pytest.mark.parametrize(("scenario", "order"), ORDERS, ids=[f"{scenario.name}-{order}" for scenario, order in ORDERS])
def test_a_crash_at_any_effect_is_survived(tmp_path: Path, scenario: Scenario, order: Order) -> None:
    undisturbed = _undisturbed(tmp_path / "undisturbed", scenario, order)
    found: list[str] = []
    for crash in _singles(undisturbed):
        trial = Trial(tmp_path / f"{crash.at}-{crash.when}", scenario, order)
        died = trial.run(crash)
        assert died.report is None
        trial.run()
        found += [_told(crash, died, broken) for broken in trial.violations(undisturbed)]
    assert found == []


@pytest.mark.parametrize("name", ["six parts", "two files", "touched"])
def test_a_crash_at_any_effect_is_survived_whatever_the_threads_do(tmp_path: Path, name: str) -> None:
    scenario = BY_NAME[name]
    undisturbed = _undisturbed(tmp_path / "undisturbed", scenario, Order.THREADS)
    found: list[str] = []
    for crash in _singles(undisturbed):
        trial = Trial(tmp_path / f"{crash.at}-{crash.when}", scenario, Order.THREADS)
        died = trial.run(crash)
        trial.run()
        found += [_told(crash, died, broken) for broken in trial.violations(undisturbed)]
    assert found == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_crash_in_the_run_after_a_crash_is_survived(tmp_path: Path, scenario: Scenario) -> None:
    undisturbed = _undisturbed(tmp_path / "undisturbed", scenario, Order.TOGETHER)
    found: list[str] = []
    for first in _distinct(undisturbed)[:: 1 if scenario.name in ALL_PAIRS else 19]:
        after = Trial(tmp_path / f"{first.at}-{first.when}", scenario, Order.TOGETHER)
        after.run(first)
        for second in _distinct(after.run()):
            trial = Trial(tmp_path / f"{first.at}-{first.when}-{second.at}-{second.when}", scenario, Order.TOGETHER)
            deaths = [trial.run(first), trial.run(second)]
            assert all(life.report is None for life in deaths)
            trial.run()
            found += [
                f"{_told(first, deaths[0], '')}; {_told(second, deaths[1], broken)}"
                for broken in trial.violations(undisturbed)
            ]
    assert found == []


def test_a_file_that_changed_after_any_crash_is_delivered_or_refused_as_a_conflict(tmp_path: Path) -> None:
    scenario = BY_NAME["six parts"]
    undisturbed = _undisturbed(tmp_path / "undisturbed", scenario, Order.TOGETHER)
    found: list[str] = []
    for crash in _singles(undisturbed):
        trial = Trial(tmp_path / f"{crash.at}-{crash.when}", scenario, Order.TOGETHER)
        died = trial.run(crash)
        key = trial.world.add("large.parquet", parquet(LARGE, seed=1))
        code = trial.run().ended.exit_code
        is_new = trial.world.store.objects[key].data == parquet(LARGE, seed=1)
        if (code, is_new) != ((11, False) if died.written else (0, True)):
            found.append(_told(crash, died, f"exit {code}, is new: {is_new}"))
    assert found == []


def test_every_kind_of_effect_is_crashed_at(tmp_path: Path) -> None:
    visited: Counter[tuple[str, When]] = Counter()
    for number, (scenario, order) in enumerate(ORDERS):
        life = _undisturbed(tmp_path / str(number), scenario, order)
        visited.update((effect.kind, when) for effect in life.effects for when in effect.crashes())
    print(_table(visited))  # noqa: T201 - for pytest -s
    assert {kind for kind, _ in visited} == KINDS


def _told(crash: Crash, life: Life, broken: str) -> str:
    effect = life.effects[-1] if life.effects else Effect("nothing")
    return f"{crash.when} {crash.at} ({effect.name}): {broken}"


def _table(visited: Counter[tuple[str, When]]) -> str:
    ways = list(When)
    lines = [f"{'effect':<22}" + "".join(f"{way:>8}" for way in ways)]
    lines += [
        f"{kind:<22}" + "".join(f"{visited[kind, way] or '':>8}" for way in ways)
        for kind in sorted(KINDS | {kind for kind, _ in visited})
    ]
    lines.append(f"{'all':<22}" + "".join(f"{sum(visited[k, w] for k, w in visited if w is way):>8}" for way in ways))
    return "\n" + "\n".join(lines)
