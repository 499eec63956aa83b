"""A process that dies at any chosen side effect, and the world that outlives it.

Every request to the store and every step on the disk is an effect with a number and a name. A crash
hits one of them: just before it, just after it (done, but its answer lost), in the middle of a line
that is being written, or as a power cut, which takes with it all that was not synced. Afterwards no
effect of any thread happens any more, and the journals' locks are free, as after a process's death.

    world = World(tmp_path)
    key = world.add("events.parquet", data)
    life = world.run(crash=Crash("complete", When.AFTER))   # dies
    life = world.run()                                      # goes on
"""

import contextlib
import functools
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, cast
from unittest import mock

from tests.support.memory_store import MemoryStore

from tiktok_upload import api, delivery_plan, look, receipt, transfer
from tiktok_upload.answers import Body, CompletePart, Digest, Listing, ObjectAnswer, Opened, PartAnswer, Seen, Store
from tiktok_upload.api import Run
from tiktok_upload.errors import JournalError
from tiktok_upload.events import Event, FileReport, PartSaved, RunReport
from tiktok_upload.facts import FileFacts, Finding
from tiktok_upload.inputs import Input
from tiktok_upload.jobs import Tools
from tiktok_upload.journal import Journal, JournalDirectory, read, upload_name
from tiktok_upload.pace import HoldOff, RateLimit
from tiktok_upload.parquet import Inspection, Inspector, Question
from tiktok_upload.parquet.inspector import always, never
from tiktok_upload.plan import S3Limits, plan_upload
from tiktok_upload.pool import DaemonPool
from tiktok_upload.records import Record
from tiktok_upload.retry import Budget, Retries, RetryPolicy
from tiktok_upload.settings import PushOptions
from tiktok_upload.source import Source
from tiktok_upload.stop import Stop

BUCKET = "bucket"
PART_SIZE = 10_000  # S3 has 5 MiB at least; scaled down, so that a file of six parts is small
SLOTS = 2
OPTIONS = PushOptions(part_size=PART_SIZE, concurrency=SLOTS)
NOW = "2026-11-23T10:00:00.000Z"
ROWS = 7

T = TypeVar("T")


class Death(BaseException):
    """The process ends here; nothing in it is meant to catch this."""


class When(StrEnum):
    """Where in an effect the crash comes."""

    BEFORE = "before"
    AFTER = "after"
    TORN = "torn"  # half of the line is written
    CUT = "cut"  # after it, and the power with it: what was not synced is gone


class Order(StrEnum):
    """How the jobs that are under way at once end: the first three are the same in every run."""

    FIRST = "first"  # one by one, the oldest first
    LAST = "last"  # one by one, the newest first
    TOGETHER = "together"  # all of them before any outcome is taken
    THREADS = "threads"  # as the threads will have it


@dataclass(frozen=True, slots=True)
class Crash:
    """Where to die: at the effect of this number (from 0), or at the first one of this name."""

    at: int | str
    when: When


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect that began.

    Attributes:
        name: `put_part 3`, `append created`, ...
        leaves_unsynced: Whether facts that were written waited for a sync after it.
    """

    name: str
    leaves_unsynced: bool = False

    @property
    def kind(self) -> str:
        """The name without a part's number."""
        return self.name.rstrip("0123456789 ")

    def crashes(self) -> Iterator[When]:
        """The ways of dying at it that differ."""
        yield When.BEFORE
        yield When.AFTER
        if self.name.startswith("append"):
            yield When.TORN
        if self.leaves_unsynced:
            yield When.CUT


@dataclass(eq=False)
class Life:
    """One process, from its start to its end or its death.

    Attributes:
        effects: In the order they began.
        log: The same names, with `told part_stored 3` between them.
        sent: `(key, part number, bytes)` that the store took; an object in one piece is part 0.
        written: Keys at which an object was made.
        told: `(key, part number)` that were told as stored.
        events: All that was told.
        report: None where it died.
        most_open: Files and journals that were open at once, at most.
    """

    crash: Crash | None = None
    effects: list[Effect] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    sent: list[tuple[str, int, int]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    told: list[tuple[str, int]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    journals: list["CrashingJournal"] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    report: RunReport | None = None
    most_open: int = 0
    is_dead: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ended(self) -> RunReport:
        """The report of one that did not die."""
        assert self.report is not None, f"died at {self.effects[-1].name}"
        return self.report

    @property
    def file(self) -> FileReport:
        """The first file's report."""
        return self.ended.files[0]

    @property
    def bytes_sent(self) -> int:
        """That the store took."""
        return sum(size for _, _, size in self.sent)

    def count(self, kind: str) -> int:
        """How many effects of a kind there were."""
        return sum(effect.kind == kind for effect in self.effects)

    def opened(self) -> None:
        """Note how many files and journals are open."""
        sources = sum(not source._file.closed for source in self.sources)
        self.most_open = max(self.most_open, sources, sum(not journal._file.closed for journal in self.journals))

    def close(self) -> None:
        """What the end of a process closes."""
        for source in self.sources:
            source.close()
        for journal in self.journals:
            journal.close()

    def effect(self, name: str, act: Callable[[], T], *, tear: Callable[[], None] | None = None) -> T:
        """Do it, unless the crash comes first; one effect at a time, whatever the threads."""
        with self._lock:
            if self.is_dead:
                raise Death
            when = self._begin(name)
            if when is When.BEFORE:
                self._die(when)
            if when is When.TORN and tear is not None:
                tear()
                self._die(when)
            try:
                return act()
            finally:
                self.effects[-1] = Effect(name, any(journal.is_dirty for journal in self.journals))
                if when is not None:
                    self._die(when)

    def _begin(self, name: str) -> When | None:
        number = len(self.effects)
        self.effects.append(Effect(name))
        self.log.append(name)
        return self.crash.when if self.crash is not None and self.crash.at in (number, name) else None

    def _die(self, when: When) -> None:
        self.is_dead = True
        if when is When.CUT:
            for journal in self.journals:
                journal.lose_unsynced()
        raise Death


# ---------------------------------------------------------------------------------------------------------- wrappers
class CrashingStore:
    """A store, each request of which is an effect."""

    def __init__(self, store: Store, life: Life) -> None:
        self._store = store
        self._life = life

    def head(self, key: str) -> Seen:
        return self._life.effect("head", lambda: self._store.head(key))

    def put_object(
        self, key: str, body: Body, digest: Digest, *, metadata: dict[str, str], overwrite: bool
    ) -> ObjectAnswer:
        def act() -> ObjectAnswer:
            answer = self._store.put_object(key, body, digest, metadata=metadata, overwrite=overwrite)
            self._life.sent.append((key, 0, len(body)))
            self._life.written.append(key)
            return answer

        return self._life.effect("put_object", act)

    def create(self, key: str, *, metadata: dict[str, str]) -> Opened:
        return self._life.effect("create", lambda: self._store.create(key, metadata=metadata))

    def put_part(self, key: str, upload_id: str, number: int, body: Body, digest: Digest) -> PartAnswer:
        def act() -> PartAnswer:
            answer = self._store.put_part(key, upload_id, number, body, digest)
            self._life.sent.append((key, number, len(body)))
            return answer

        return self._life.effect(f"put_part {number}", act)

    def list_parts(self, key: str, upload_id: str) -> Listing:
        return self._life.effect("list_parts", lambda: self._store.list_parts(key, upload_id))

    def complete(
        self, key: str, upload_id: str, parts: Sequence[CompletePart], *, checksum: str, size: int, overwrite: bool
    ) -> ObjectAnswer:
        def act() -> ObjectAnswer:
            answer = self._store.complete(key, upload_id, parts, checksum=checksum, size=size, overwrite=overwrite)
            self._life.written.append(key)
            return answer

        return self._life.effect("complete", act)

    def abort(self, key: str, upload_id: str) -> None:
        self._life.effect("abort", lambda: self._store.abort(key, upload_id))


class CrashingJournal(Journal):
    """A journal, each line and sync of which is an effect.

    Attributes:
        durable: By journal, how many bytes a power cut leaves; outlives the process.
    """

    def __init__(self, directory: Path, name: str, life: Life, durable: dict[str, int]) -> None:
        super().__init__(directory, name)
        self._life = life
        self._durable = durable
        self._durable[name] = min(durable.get(name, 0), self._size())

    def append(self, record: Record) -> None:
        append = functools.partial(super().append, record)
        self._life.effect(f"append {record.kind}", append, tear=lambda: self._tear(append))

    def sync(self) -> None:
        if self.is_dirty:
            self._life.effect("sync", self._sync)

    def lose_unsynced(self) -> None:
        """What a power cut does."""
        os.truncate(self._path, min(self._durable[self.name], self._size()))

    def _sync(self) -> None:
        super().sync()
        self._durable[self.name] = self._size()

    def _tear(self, append: Callable[[], None]) -> None:
        before = self._size()
        append()
        os.truncate(self._path, before + (self._size() - before) // 2)

    def _size(self) -> int:
        return self._path.stat().st_size


class CrashingJournals(JournalDirectory):
    """Journals of one life; they are synced one by one, so that the effects' order is always the same."""

    def __init__(self, directory: Path, life: Life, durable: dict[str, int]) -> None:
        super().__init__(directory)
        self._life = life
        self._of_disk = durable

    def open(self, name: str) -> Journal:
        def act() -> Journal:
            journal = CrashingJournal(self.directory, name, self._life, self._of_disk)
            self._life.journals.append(journal)
            self._life.opened()
            return journal

        return self._life.effect("open", act)

    def sync(self, journals: Iterable[Journal]) -> dict[Journal, JournalError]:
        failures: dict[Journal, JournalError] = {}
        for journal in journals:
            failures |= super().sync([journal])
        return failures


class Turns(Executor):
    """The transfer's pool and inbox in one: jobs run in the control thread, while it waits for an outcome."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._jobs: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._landed: deque[Any] = deque()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._jobs.append((future, functools.partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - Executor's
        for future, _ in self._jobs:
            future.cancel()
        self._jobs.clear()

    def put(self, message: Any) -> None:
        self._landed.append(message)

    def get(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - SimpleQueue's
        while self._jobs and (self._order is Order.TOGETHER or not self._landed):
            self._run(*(self._jobs.pop() if self._order is Order.LAST else self._jobs.popleft()))
        assert self._landed, "nothing is under way and nothing ends"
        return self._landed.popleft()

    def get_nowait(self) -> Any:
        if not self._landed:
            raise queue.Empty
        return self._landed.popleft()

    def _run(self, future: Future[Any], job: Callable[[], Any]) -> None:
        try:
            future.set_result(job())
        except BaseException as exc:  # noqa: BLE001 - as the real pool: it belongs to the one who asked
            future.set_exception(exc)


class FakeTime:
    """A clock that only sleeping moves on."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._now_s = 0.0

    def __call__(self) -> float:
        return self._now_s

    def sleep(self, delay_s: float) -> None:
        self._stop.check()
        self._now_s += delay_s


class FakeInspector(Inspector):
    """Finds every file good, or as told; starts no child process."""

    def __init__(self, findings: dict[str, Finding]) -> None:
        super().__init__()
        self._findings = findings

    def inspect(
        self,
        path: Path,
        question: Question | None = None,  # noqa: ARG002 - nothing is read
        *,
        full: bool = False,  # noqa: ARG002
        reads_on: Callable[[FileFacts], bool] = always,  # noqa: ARG002
        cancelled: Callable[[], bool] = never,  # noqa: ARG002
        on_progress: Callable[[int, int], None] | None = None,  # noqa: ARG002
    ) -> Inspection:
        found = path.stat()
        facts = FileFacts(ROWS, row_groups=1, columns=(), codecs=(), created_by="a test")
        findings = tuple(finding for name, finding in self._findings.items() if name == path.name)
        return Inspection(facts, findings, found.st_size, found.st_mtime_ns, found.st_ino)


# ------------------------------------------------------------------------------------------------------------- world
class World:
    """What outlives a process: the store, the state directory and the files.

    Attributes:
        files: By key, in the order of the inputs.
        findings: By file name, what its inspection finds.
        lives: Of all processes so far.
    """

    def __init__(self, directory: Path, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.state = directory / "state"
        self.data = directory / "data"
        self.data.mkdir(parents=True)
        self.files: dict[str, Path] = {}
        self.findings: dict[str, Finding] = {}
        self.lives: list[Life] = []
        self._durable: dict[str, int] = {}
        self._nonces = 0

    def add(self, name: str, data: bytes) -> str:
        """A file to be sent; returns its key."""
        key = f"in/{name}"
        self.files[key] = self.data / name
        self.files[key].write_bytes(data)
        return key

    def journal_path(self, key: str) -> Path:
        """Of the upload to this key."""
        return self.state / "uploads" / f"{upload_name(str(self.files[key]), '', BUCKET, key)}.jsonl"

    def facts(self, key: str) -> tuple[Record, ...]:
        """What the journal holds."""
        return read(self.journal_path(key))[0]

    def run(
        self,
        options: PushOptions = OPTIONS,
        *,
        crash: Crash | None = None,
        order: Order = Order.FIRST,
        store: Store | None = None,
        stop: Stop | None = None,
        receipt_to: str | None = None,
        observe: Callable[[Event], None] = api.nobody,
        journals: Callable[[Life], JournalDirectory] | None = None,
    ) -> Life:
        """One process with this command, to its end or its death.

        Args:
            options: Of the push.
            crash: Where it dies.
            order: In which jobs end.
            store: In place of the world's own, for one that does odd things.
            stop: Ends it early.
            receipt_to: As `--receipt`.
            observe: Told of events, too.
            journals: Makes the journals, in place of those that crash.
        """
        life, stop = Life(crash), stop or Stop()
        self.lives.append(life)

        def hear(event: Event) -> None:
            self._hear(life, event)
            observe(event)

        run = Run(options, self.state, receipt_to, hear, stop)
        directory = journals(life) if journals else CrashingJournals(self.state, life, self._durable)
        with _small_world(life), directory, contextlib.suppress(Death):
            frame = run.frame(directory, BUCKET, "", _tools(options, CrashingStore(store or self.store, life), stop))
            frame = replace(frame, nonce=self._nonce, now=lambda: NOW)
            inputs = [(Input(path, path.name), key) for key, path in self.files.items()]
            inspector = FakeInspector(self.findings)
            with _turns(order) as turns:
                loop = run.transfer(inputs, frame, inspector, directory)
                if turns is not None:
                    loop._inbox = cast("queue.SimpleQueue[Any]", turns)
                life.report = loop.run()
        life.close()
        return life

    def _hear(self, life: Life, event: Event) -> None:
        life.events.append(event)
        if isinstance(event, PartSaved):
            key = next(key for key, path in self.files.items() if str(path) == event.path)
            life.told.append((key, event.number))
            life.log.append(f"told part_stored {event.number}")

    def _nonce(self) -> str:
        self._nonces += 1
        return f"nonce-{self.state}-{self._nonces}"


def _tools(options: PushOptions, store: Store, stop: Stop) -> Tools:
    policy, clock = RetryPolicy(budget_s=options.retry_for_s), FakeTime(stop)
    retries = Retries(policy, budget=Budget(policy, clock), hold_off=HoldOff(), clock=clock, sleep=clock.sleep)
    return Tools(store, retries, RateLimit(options.max_bytes_per_s), stop, clock)


@contextlib.contextmanager
def _small_world(life: Life) -> Iterator[None]:
    """Parts may be small, a receipt is an effect, and no disk is waited for: a sync is what the journal notes of it."""

    def write_receipt(path: Path, content: dict[str, Any]) -> None:
        life.effect("receipt", lambda: receipt.write_receipt(path, content))

    def open_source(path: Path) -> Source:
        source = Source(path)
        life.sources.append(source)
        life.opened()
        return source

    small = functools.partial(plan_upload, limits=S3Limits(min_part_size=1))
    with (
        mock.patch.object(delivery_plan, "plan_upload", small),
        mock.patch.object(api, "write_receipt", write_receipt),
        mock.patch.object(look, "Source", open_source),
        mock.patch.object(os, "fsync", _no_sync),
    ):
        yield


def _no_sync(_descriptor: int) -> None:
    return


@contextlib.contextmanager
def _turns(order: Order) -> Iterator[Turns | None]:
    if order is Order.THREADS:
        pools: list[DaemonPool] = []

        def pool(most_threads: int, name: str) -> DaemonPool:
            pools.append(DaemonPool(most_threads, name))
            return pools[-1]

        try:
            with mock.patch.object(transfer, "DaemonPool", pool):
                yield None
        finally:
            for started in pools:
                started.shutdown()  # waits for its threads
        return
    turns = Turns(order)

    def same(_most_threads: int, _name: str) -> Turns:
        return turns

    with mock.patch.object(transfer, "DaemonPool", same):
        yield turns
