"""What workers do: one step of one file each, from values to an outcome; they share no state.

A job looks at the file or asks the store, with retries, and returns a fact. What follows from
it is decided by the control thread.
"""

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tiktok_upload.answers import Digest, Listing, ObjectAnswer, ObjectSeen, Opened, PartAnswer, Seen, Store
from tiktok_upload.body import ByteCount, RangeBody, blocks, digest_range
from tiktok_upload.checksum import CRC32, CRC32C, CRC64NVME, Crc, crc_for
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.inventory import Inventory
from tiktok_upload.pace import RateLimit
from tiktok_upload.plan import Part
from tiktok_upload.reconcile import LOOK_AFTER, Verdict, comparable_etag, settle
from tiktok_upload.records import PartStored, Planned
from tiktok_upload.retry import Clock, Retries
from tiktok_upload.source import Source
from tiktok_upload.stop import Cancelled, Stop

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tools:
    """What all jobs of a run use.

    Attributes:
        lax_store: The same store, asked with Content-MD5 where it refuses the CRC's headers.
        inventory: What a listing said of all keys; None where each is looked at.
    """

    store: Store
    retries: Retries
    rate: RateLimit
    stop: Stop
    clock: Clock
    lax_store: Store | None = None
    inventory: Inventory | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """One file's part in a job.

    Attributes:
        tools: The run's.
        source: The open file.
        planned: Its upload.
        ended: Whether this file alone was given up.
        tell: Told of each failed attempt: what was being done, the attempt, the fault, the wait in seconds.
    """

    tools: Tools
    source: Source
    planned: Planned
    ended: Callable[[], bool]
    tell: Callable[[str, int, StoreFault, float], None]

    @property
    def store(self) -> Store:
        """The run's, asked in the way that goes with the upload's proof."""
        if self.planned.proof == "md5" and self.tools.lax_store is not None:
            return self.tools.lax_store
        return self.tools.store

    @property
    def crc(self) -> Crc:
        """The one that goes with the upload's proof."""
        return crc_for(self.planned.proof)

    def ask(self, doing: str, request: Callable[[], T], *, is_progress: bool = True) -> T:
        """One request, with retries; see `Retries.call`."""
        return self.tools.retries.call(request, functools.partial(self.tell, doing), is_progress=is_progress)

    def check(self) -> None:
        """Go on, or raise `Cancelled`."""
        if self.ended():
            raise Cancelled
        self.tools.stop.check()

    def gate(self, size_bytes: int) -> None:
        """Wait until the rate allows so many bytes, or raise `Cancelled`."""
        self.check()
        wait_s = self.tools.rate.reserve(size_bytes, self.tools.clock())
        if wait_s > 0:
            self.tools.stop.sleep(wait_s)

    def digest(self, part: Part) -> Digest:
        """What proves a range of the file, as it is now.

        Raises:
            SourceChangedError: The file is not what it was.
        """
        self.source.check_unchanged()
        return digest_range(self.source, part, self.crc, with_md5=self.planned.proof == "md5", check=self.check)


@dataclass(frozen=True, slots=True)
class Observed:
    """What the store has: the object at the key, and the upload's parts if there is one."""

    seen: Seen
    listing: Listing | None


@dataclass(frozen=True, slots=True)
class Compared:
    """The file's content against the object's.

    Attributes:
        is_same: By the store's checksum, or by the ETag; False where neither can tell.
        checksum: The file's own, base64.
    """

    is_same: bool
    checksum: str


@dataclass(frozen=True, slots=True)
class PartSent:
    """A part is at the store.

    Attributes:
        reused: It was there already and has the file's bytes.
        wasted_bytes: Sent in attempts that failed.
    """

    stored: PartStored
    reused: bool
    wasted_bytes: int


@dataclass(frozen=True, slots=True)
class ObjectMade:
    """The object is there and is ours; `wasted_bytes` as for a part."""

    answer: ObjectAnswer
    checksum: str
    sent_bytes: int = 0
    wasted_bytes: int = 0


class Unsettled(Exception):  # noqa: N818 - the store's answer, for the control thread to act on
    """PutObject or Complete made no object of ours; `verdict` says what that means, `seen` what is at the key."""

    def __init__(self, verdict: Verdict, fault: StoreFault, seen: Seen | None = None) -> None:
        super().__init__(str(fault))
        self.verdict = verdict
        self.fault = fault
        self.seen = seen


def observe(work: Work, upload_id: str | None) -> Observed:
    """Ask the store what it has."""
    key = work.planned.key
    seen = work.ask("look at the key", lambda: work.store.head(key))
    if upload_id is None:
        return Observed(seen, None)
    return Observed(seen, work.ask("list the parts", lambda: work.store.list_parts(key, upload_id)))


def observe_listed(work: Work, inventory: Inventory, known_etag: str | None) -> Observed:
    """The same at first, by a listing of all keys if that can tell: `known_etag` is of the object that we know of."""
    seen = work.ask("list the keys", lambda: inventory.seen(work.planned.key, known_etag))
    return observe(work, None) if seen is None else Observed(seen, None)


def create(work: Work, metadata: dict[str, str]) -> Opened:
    """Open an upload."""
    return work.ask("open the upload", lambda: work.store.create(work.planned.key, metadata=metadata))


def send_part(work: Work, upload_id: str, part: Part, doubted: PartStored | None, count: ByteCount) -> PartSent:
    """Send one part, or find that the store has it already.

    Raises:
        StoreFault: All retries failed, or the store's no is final.
        SourceChangedError: The file is not what it was.
        Cancelled: The run was stopped.
    """
    digest = work.digest(part)
    if doubted is not None and doubted.checksum == digest.checksum:
        return PartSent(doubted, reused=True, wasted_bytes=0)
    sender = _Sender(work, part, digest, count)

    def put(body: RangeBody) -> PartAnswer:
        answer = work.store.put_part(work.planned.key, upload_id, part.number, body, digest)
        if answer.checksum not in (None, digest.checksum):
            raise StoreFault(Kind.TRANSIENT, code="an answer with another checksum")
        return answer

    answer = work.ask(f"part {part.number}", lambda: sender.attempt(put))
    stored = PartStored(part.number, part.size, answer.etag, digest.checksum)
    return PartSent(stored, reused=False, wasted_bytes=sender.wasted_bytes)


def put_object(work: Work, metadata: dict[str, str], count: ByteCount, *, asked_before: bool) -> ObjectMade:
    """Send a file of one part.

    Raises:
        Unsettled: No object of ours was made.
        As `send_part`.
    """
    planned, part = work.planned, work.planned.plan.part(1)
    digest = work.digest(part)
    sender = _Sender(work, part, digest, count)

    def put(body: RangeBody) -> ObjectAnswer:
        return work.store.put_object(planned.key, body, digest, metadata=metadata, overwrite=planned.overwrite)

    settled = _Settled(work, lambda: sender.attempt(put), asked_before=asked_before)
    answer = work.ask("send the file", settled.request)
    return ObjectMade(answer, digest.checksum, part.size, sender.wasted_bytes)


def complete(work: Work, upload_id: str, parts: Sequence[PartStored], *, asked_before: bool) -> ObjectMade:
    """Make the object of its parts.

    Raises:
        Unsettled: No object of ours was made.
        As `send_part`.
    """
    planned = work.planned
    checksum = work.crc.of_object((part.checksum, part.size) for part in parts)
    size = planned.fingerprint.size_bytes

    def ask() -> ObjectAnswer:
        work.source.check_unchanged()
        return work.store.complete(
            planned.key, upload_id, parts, checksum=checksum, size=size, overwrite=planned.overwrite
        )

    settled = _Settled(work, ask, asked_before=asked_before)
    return ObjectMade(work.ask("complete the upload", settled.request), checksum)


def confirm(work: Work) -> Seen:
    """Look at the object that was made."""
    return work.ask("look at the object", lambda: work.store.head(work.planned.key))


def abort(work: Work, upload_id: str) -> str:
    """Remove an upload that was given up; returns its id."""
    work.ask("remove an older upload", lambda: work.store.abort(work.planned.key, upload_id))
    return upload_id


def compare(work: Work, seen: ObjectSeen) -> Compared:
    """Read the whole file and hold it against the object at the key."""
    plan, source = work.planned.plan, work.source
    theirs = next((known for known in (CRC64NVME, CRC32C, CRC32) if known.field in seen.checksums), None)
    etag = comparable_etag(seen) if theirs is None else None
    layout = _EtagDigest(plan.part_size if etag and etag[1] else plan.object_size)
    values = dict.fromkeys((work.crc, theirs or work.crc), 0)
    for block in blocks(source, Part(1, 0, plan.object_size)):
        work.check()
        values = {crc: crc.update(block, value) for crc, value in values.items()}
        if etag:
            layout.update(block)
    source.check_unchanged()
    if theirs is not None:
        is_same = theirs.encode(values[theirs]) == seen.checksums[theirs.field]
    else:
        is_same = etag is not None and layout.result(is_composite=etag[1] > 0) == etag
    return Compared(is_same and seen.size == plan.object_size, work.crc.encode(values[work.crc]))


class _EtagDigest:
    """The ETag that S3 gives to plain and to multipart objects, where it is an MD5."""

    def __init__(self, part_size: int) -> None:
        self._part_size = part_size
        self._room = part_size
        self._part = hashlib.md5(usedforsecurity=False)
        self._digests: list[bytes] = []

    def update(self, block: memoryview) -> None:
        while block:
            piece = block[: self._room]
            self._part.update(piece)
            self._room -= len(piece)
            block = block[len(piece) :]
            if not self._room:
                self._end_part()

    def result(self, *, is_composite: bool) -> tuple[str, int]:
        if self._room < self._part_size or not self._digests:
            self._end_part()
        if not is_composite:
            return self._digests[0].hex(), 0
        return hashlib.md5(b"".join(self._digests), usedforsecurity=False).hexdigest(), len(self._digests)

    def _end_part(self) -> None:
        self._digests.append(self._part.digest())
        self._part, self._room = hashlib.md5(usedforsecurity=False), self._part_size


class _Sender:
    """The attempts at one body: each with a fresh body, what failed ones sent counted as wasted."""

    def __init__(self, work: Work, part: Part, digest: Digest, count: ByteCount) -> None:
        self._work = work
        self._part = part
        self._digest = digest
        self._count = count
        self.wasted_bytes = 0

    def attempt(self, put: Callable[[RangeBody], T]) -> T:
        self._count.value = 0
        work = self._work
        body = RangeBody(
            work.source,
            self._part,
            work.crc,
            expected=self._digest,
            gate=self._gate,
            count=self._count,
            is_rated=work.tools.rate.bytes_per_s is not None,
        )
        try:
            return put(body)
        except Exception:
            self.wasted_bytes += self._count.value
            if body.error is not None:
                raise body.error from None
            raise

    def _gate(self, size_bytes: int) -> None:
        if self._count.is_cut:
            raise Cancelled
        self._work.gate(size_bytes)


class _Settled:
    """A request that makes the object; every answer that leaves its outcome open is settled by a look at the key."""

    def __init__(self, work: Work, ask: Callable[[], ObjectAnswer], *, asked_before: bool) -> None:
        self._work = work
        self._ask = ask
        self._asked_before = asked_before

    def request(self) -> ObjectAnswer:
        try:
            return self._ask()
        except StoreFault as fault:
            if fault.kind in LOOK_AFTER:
                return self._settle(fault)
            if fault.kind is Kind.THROTTLED:  # said by something between us and the store, it may still have been done
                self._asked_before = True
            if fault.kind is Kind.INVALID_PART:
                raise Unsettled(Verdict.RELIST, fault) from fault
            raise

    def _settle(self, fault: StoreFault) -> ObjectAnswer:
        work = self._work
        seen = work.ask("look at the key", lambda: work.store.head(work.planned.key), is_progress=False)
        verdict = settle(fault, seen, work.planned, asked_before=self._asked_before)
        self._asked_before = True
        if verdict is Verdict.COMPLETED and isinstance(seen, ObjectSeen):
            return ObjectAnswer(seen.etag, seen.checksums.get(work.crc.field), seen.version_id)
        if verdict is Verdict.RETRY:
            raise StoreFault(Kind.TRANSIENT, fault.status, fault.code, fault.retry_after_s) from fault
        raise Unsettled(verdict, fault, seen) from fault
