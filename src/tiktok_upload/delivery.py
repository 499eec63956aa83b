"""One file on its way, as the control thread sees it: outcomes in, facts and events out.

A delivery never waits. `view` says where it stands, `job_for` gives the job of a step, `take` folds
a job's outcome. Facts go to the journal first; the events that tell of them are handed out by the
transfer once they are durable.
"""

import functools
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tiktok_upload import jobs
from tiktok_upload.answers import Absence, ObjectSeen
from tiktok_upload.body import ByteCount
from tiktok_upload.checksum import crc_for
from tiktok_upload.delivery_report import Tally, build_report, data_error, plan_notices, unconfirmed_warning
from tiktok_upload.errors import (
    ConflictError,
    OutcomeUnknownError,
    SourceError,
    TransferError,
    UploadToolError,
    WrongObjectError,
)
from tiktok_upload.events import (
    Event,
    FileChecked,
    FilePlanned,
    FileProgress,
    FileReport,
    Notice,
    PartRetried,
    PartSaved,
    Stage,
    Status,
    Throttled,
    UploadResumed,
)
from tiktok_upload.facts import FileFacts, Finding, Fingerprint
from tiktok_upload.faults import Kind, StoreFault, explain
from tiktok_upload.inputs import Input
from tiktok_upload.jobs import Compared, ObjectMade, Observed, PartSent, Tools, Unsettled, Work
from tiktok_upload.journal import Journal
from tiktok_upload.look import Looked
from tiktok_upload.plan import PlanError, plan_upload
from tiktok_upload.reconcile import CHECKED_AT, NONCE, ROWS, TOOL, Existing, Verdict, begin, is_ours, judge, reconcile
from tiktok_upload.records import (
    Aborted,
    Completed,
    Confirmed,
    Created,
    PartLost,
    Planned,
    Record,
    UploadLost,
)
from tiktok_upload.settings import PushOptions
from tiktok_upload.source import Source
from tiktok_upload.state import Step, UploadState, View, apply, fold
from tiktok_upload.stop import Cancelled
from tiktok_upload.units import format_size

_MOST_RESTARTS = 5  # a store that forgets or contradicts itself more often than this will not take the file
Job = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Retried:
    """A worker's request failed and is tried again."""

    doing: str
    attempt: int
    fault: StoreFault
    delay_s: float


@dataclass(frozen=True, slots=True)
class Frame:
    """What all deliveries of a run share.

    Attributes:
        tools: None where files are only checked.
        endpoint: Of the store; an empty string for AWS's own.
        open_journal: By `(path, key)`, locked; raises `JournalError`.
        peek_journal: The facts in it, without a lock.
        now: RFC 3339.
        nonce: A random one.
    """

    options: PushOptions
    bucket: str
    endpoint: str
    tools: Tools | None
    open_journal: Callable[[str, str], Journal]
    peek_journal: Callable[[str, str], tuple[Record, ...]]
    now: Callable[[], str]
    nonce: Callable[[], str]
    version: str


@dataclass(eq=False)
class Delivery:
    """One file to one key.

    Attributes:
        index: In the order given.
        key: None where nothing is sent.
        events: Told since the last time they were taken.
        decided: How it ended, where no more is to be done.
        error: What ended it; parts in flight are cut, nothing is aborted at the store.
    """

    frame: Frame
    index: int
    input: Input
    key: str | None
    started_s: float
    tell: Callable[["Delivery", Retried], None]
    events: list[Event] = field(default_factory=list)
    decided: Status | None = None
    error: UploadToolError | None = None
    state: UploadState = field(default_factory=UploadState)
    journal: Journal | None = None
    source: Source | None = None
    facts: FileFacts | None = None
    findings: tuple[Finding, ...] = ()
    warnings: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    stage: Stage = "checking"
    _busy: bool = False
    _looked: bool = False
    _observed: bool = False
    _planned_told: bool = False
    _delivered: bool = False
    _tries_aborts: bool = True
    _to_compare: ObjectSeen | None = None
    _ends_as: Status = "uploaded"
    _pending: list[int] = field(default_factory=list)
    _in_flight: dict[int, ByteCount] = field(default_factory=dict)
    _asked_before: bool = False
    _restarts: int = 0

    # ------------------------------------------------------------------------------------------------ what comes next
    @property
    def path(self) -> str:
        """As given or found."""
        return str(self.input.path)

    @property
    def uri(self) -> str | None:
        """Where it goes."""
        return None if self.key is None else f"s3://{self.frame.bucket}/{self.key}"

    @property
    def planned(self) -> Planned:
        """The upload's plan; there is one from the look on."""
        if self.state.planned is None:
            raise LookupError("not planned yet")
        return self.state.planned

    def view(self, *, stopping: bool) -> View:
        """Where it stands, for `next_step`."""
        planned = self.state.planned
        return View(
            decided=self.decided is not None,
            stopping=stopping or self.error is not None,
            busy=self._busy,
            looked=self._looked,
            observed=self._observed,
            to_compare=self._to_compare is not None,
            single=planned is not None and planned.plan.is_single,
            has_upload=self.state.upload_id is not None,
            pending=len(self._pending),
            in_flight=len(self._in_flight),
            completed=self._delivered,
            confirmed=self.state.confirmed is not None,
            stale=len(self.state.stale) if self._tries_aborts else 0,
        )

    def progress(self) -> FileProgress:
        """What a display shows of it."""
        stored = sum(part.size for part in self.state.stored.values())
        flying = tuple(self._in_flight.values())
        return FileProgress(
            path=self.path,
            size_bytes=self.planned.plan.object_size if self.state.planned else 0,
            bytes_stored=self.planned.plan.object_size if self._delivered else stored,
            bytes_reused=self.tally.reused_bytes(self.state),
            bytes_in_flight=sum(count.value for count in flying),
            parts_in_flight=len(flying),
            retries=self.tally.retries,
            stage=self.stage,
        )

    def begin_look(self, look: Callable[[Input], Looked]) -> Job:
        """The job that looks at the file."""
        self._busy = True
        return functools.partial(look, self.input)

    def next_number(self) -> int:
        """The part that an UPLOAD step sends."""
        return self._pending[0]

    def is_ended(self) -> bool:
        """Whether nothing is under way and an end was reached."""
        return self.decided is not None and not self._in_flight

    def job_for(self, step: Step) -> Job:
        """The job that does a step; the delivery counts it as under way."""
        if step is Step.UPLOAD:
            return self._part_job()
        self._busy = True
        work = self._work()
        makers: dict[Step, Callable[[], Job]] = {
            Step.OBSERVE: lambda: functools.partial(jobs.observe, work, self.state.upload_id),
            Step.COMPARE: self._compare_job,
            Step.CREATE: lambda: functools.partial(jobs.create, work, self._metadata()),
            Step.PUT: self._put_job,
            Step.COMPLETE: self._complete_job,
            Step.CONFIRM: lambda: functools.partial(jobs.confirm, work),
            Step.ABORT_STALE: lambda: functools.partial(jobs.abort, work, self.state.stale[0]),
        }
        return makers[step]()

    def _compare_job(self) -> Job:
        self.stage = "comparing"
        if self._to_compare is None:
            raise LookupError("no object to compare with")
        return functools.partial(jobs.compare, self._work(), self._to_compare)

    def _part_job(self) -> Job:
        number = heapq.heappop(self._pending)
        count = self._in_flight[number] = ByteCount()
        self.stage = "sending"
        if self.state.upload_id is None:
            raise LookupError("no upload to send a part of")
        return functools.partial(
            jobs.send_part,
            self._work(),
            self.state.upload_id,
            self.planned.plan.part(number),
            self.state.doubted.get(number),
            count,
        )

    def _put_job(self) -> Job:
        self.stage = "sending"
        count = self._in_flight[1] = ByteCount()
        asked_before, self._asked_before = self._asked_before, True
        return functools.partial(jobs.put_object, self._work(), self._metadata(), count, asked_before=asked_before)

    def _complete_job(self) -> Job:
        self.stage = "finishing"
        parts = [self.state.stored[number] for number in sorted(self.state.stored)]
        if self.state.upload_id is None:
            raise LookupError("no upload to complete")
        asked_before, self._asked_before = self._asked_before, True
        return functools.partial(jobs.complete, self._work(), self.state.upload_id, parts, asked_before=asked_before)

    def _work(self) -> Work:
        if self.frame.tools is None or self.source is None:
            raise LookupError("nothing can be sent")
        # The wish to overwrite is this run's, whatever an earlier one was started with.
        planned = replace(self.planned, overwrite=self.frame.options.overwrite)
        return Work(self.frame.tools, self.source, planned, lambda: self.error is not None, self._tell)

    def _tell(self, doing: str, attempt: int, fault: StoreFault, delay_s: float) -> None:
        self.tell(self, Retried(doing, attempt, fault, delay_s))

    def _metadata(self) -> dict[str, str]:
        planned = self.planned
        rows = self.facts.rows if self.facts else 0
        return {NONCE: planned.nonce, ROWS: str(rows), TOOL: planned.tool, CHECKED_AT: planned.checked_at}

    # --------------------------------------------------------------------------------------------- what came of a job
    def take(self, step: Step, number: int | None, outcome: object) -> None:
        """Fold one outcome: of a step that was under way, or a retry that was told."""
        if isinstance(outcome, Retried):
            self._retried(outcome)
            return
        self._landed(step, number)
        try:
            self._fold(step, number, outcome)
        except UploadToolError as error:
            self.fail(error)

    def fail(self, error: UploadToolError) -> None:
        """End it with this error; the first one stands."""
        self.error = self.error or error

    def _landed(self, step: Step, number: int | None) -> None:
        if step is Step.UPLOAD and number is not None:
            self._in_flight.pop(number, None)
        else:
            self._busy = False
            if step is Step.PUT:
                self._in_flight.pop(1, None)

    def _fold(self, step: Step, number: int | None, outcome: object) -> None:  # noqa: C901, PLR0912 - a case an outcome
        match outcome:
            case Looked():
                self._take_look(outcome)
            case Observed():
                self._take_observation(outcome)
            case Compared():
                self._take_comparison(outcome)
            case PartSent():
                self._take_part(outcome)
            case ObjectMade():
                self._take_object(outcome)
            case ObjectSeen() | Absence():
                self._take_confirmation(outcome)
            case str() if step is Step.CREATE:
                self._write(Created(outcome))
            case str():
                self._write(Aborted(outcome))
            case Unsettled():
                self._take_verdict(outcome)
            case StoreFault():
                self._take_fault(step, number, outcome)
            case UploadToolError():
                self._give_back(number)
                raise outcome
            case Cancelled():
                self._give_back(number)
            case _:
                raise TypeError(type(outcome))

    def _take_look(self, looked: Looked) -> None:
        self.source, self.facts, self.findings = looked.source, looked.facts, looked.findings
        self._looked = True
        self.events.append(FileChecked(self.path, self.facts, self.findings))
        if any(finding.severity == "error" for finding in self.findings):
            raise data_error(self.path, self.findings)
        if self.key is None:
            self.decided = "checked"
            return
        self._begin(looked.source.fingerprint, self.key)

    def _begin(self, fingerprint: Fingerprint, key: str) -> None:
        frame = self.frame
        wanted = self._wanted(fingerprint, key)
        if frame.options.dry_run:
            records = frame.peek_journal(self.path, key)
        else:
            self.journal = frame.open_journal(self.path, key)
            records = self.journal.records
        try:
            self.state = fold(records)
        except ValueError as exc:
            raise SourceError("the upload's state contradicts itself", hint="begin again with --restart") from exc
        self._write(*begin(self.state, wanted, restart=frame.options.restart))
        self.stage = "sending"

    def _wanted(self, fingerprint: Fingerprint, key: str) -> Planned:
        options = self.frame.options
        try:
            plan = plan_upload(fingerprint.size_bytes, preferred_part_size=options.part_size)
        except PlanError as exc:
            raise SourceError(
                f"the file has {format_size(fingerprint.size_bytes)}, more than a store takes as one object",
                hint="split it into several files",
            ) from exc
        return Planned(
            path=self.path,
            bucket=self.frame.bucket,
            key=key,
            endpoint=self.frame.endpoint,
            fingerprint=fingerprint,
            part_size=plan.part_size,
            proof=options.proof,
            nonce=self.frame.nonce(),
            object_options=options.object_options.to_json(),
            overwrite=options.overwrite,
            checked_at=self.frame.now(),
            tool=self.frame.version,
        )

    def _take_observation(self, observed: Observed) -> None:
        self._observed = True
        fingerprint = self.planned.fingerprint
        existing = judge(observed.seen, self.state, fingerprint)
        if observed.seen is Absence.FORBIDDEN:
            self._warn(
                "there is no right to look at objects (s3:GetObject): what is at the key is only known by writing"
            )
        if existing is Existing.RECORDED:
            self._delivered, self._ends_as = True, "already_there"
            return
        if existing is Existing.UNKNOWN:
            raise OutcomeUnknownError(
                "this file was delivered before, but there is no right to look whether the object is still there",
                kept="nothing was sent",
            )
        if existing is Existing.OTHER and not self.frame.options.overwrite:
            raise self._conflict()
        if existing is Existing.OURS and isinstance(observed.seen, ObjectSeen):
            self._take_our_object(observed.seen)
        elif existing is Existing.COMPARE and isinstance(observed.seen, ObjectSeen):
            self._to_compare = observed.seen
        elif self.state.completed is not None:  # it was delivered and is gone or replaced: a new upload
            self._write(self._wanted(fingerprint, self.planned.key))
        if observed.listing is not None and not self._delivered:
            self._write(*reconcile(self.state, observed.listing))
        if not self._delivered:
            self._proceed()

    def _take_our_object(self, seen: ObjectSeen) -> None:
        if self.state.completed is not None:
            self._delivered = True
        elif self.planned.plan.is_single or self.state.missing():
            self._to_compare = seen
        else:
            parts = (self.state.stored[number] for number in sorted(self.state.stored))
            crc = crc_for(self.planned.proof)
            checksum = crc.of_object((part.checksum, part.size) for part in parts)
            self._complete_by(seen, checksum)

    def _complete_by(self, seen: ObjectSeen, checksum: str) -> None:
        theirs = seen.checksums.get(crc_for(self.planned.proof).field)
        if theirs not in (None, checksum):
            raise self._wrong("the store names another checksum for it")
        self._write(Completed(seen.etag, checksum, theirs is not None, seen.version_id, self.frame.now()))
        self._delivered = True

    def _proceed(self) -> None:
        """Set out what is to be sent, and tell it once."""
        self._pending = self.state.missing()
        if self._planned_told or self.uri is None:
            return
        self._planned_told = True
        plan = self.planned.plan
        self.events.append(FilePlanned(self.path, self.uri, plan))
        for text in plan_notices(plan, self.frame.options.part_size, resumed=self.state.upload_id is not None):
            self._warn(text)
        kept = self.state.stored | self.state.doubted
        if kept:
            size = sum(part.size for part in kept.values())
            self.events.append(UploadResumed(self.path, self.uri, len(kept), plan.part_count, size))
            self._asked_before = not self._pending
        if self.frame.options.dry_run:
            self.decided = "planned"

    def _take_comparison(self, compared: Compared) -> None:
        seen, self._to_compare = self._to_compare, None
        if seen is None:
            return
        ours = is_ours(seen, self.planned)
        if compared.is_same or (ours and not seen.checksums):
            if self.state.upload_id is not None:
                self._write(UploadLost())  # open yet, but not needed any more: to be removed at the end
            self._complete_by(seen, compared.checksum)
            self._ends_as = "uploaded" if ours else "already_there"
            if not ours and self.state.completed is not None:
                self._write(Confirmed(seen.etag, self.state.completed.confirmed, seen.version_id))
        elif ours:
            raise self._wrong("its content is another")
        elif not self.frame.options.overwrite:
            raise self._conflict()
        self.stage = "sending"

    def _take_part(self, sent: PartSent) -> None:
        self._write(sent.stored)
        self.tally.wasted_bytes += sent.wasted_bytes
        if sent.reused:
            return
        self.tally.sent.add(sent.stored.number)
        plan = self.planned.plan
        self.events.append(
            PartSaved(self.path, sent.stored.number, sent.stored.size, len(self.state.stored), plan.part_count)
        )

    def _take_object(self, made: ObjectMade) -> None:
        self.tally.whole_bytes += made.sent_bytes
        self.tally.wasted_bytes += made.wasted_bytes
        answer = made.answer
        if answer.checksum not in (None, made.checksum):
            raise self._wrong("the store names another checksum for it")
        confirmed = answer.checksum is not None
        self._write(Completed(answer.etag, made.checksum, confirmed, answer.version_id, self.frame.now()))
        self._delivered = True
        self.stage = "finishing"
        if made.sent_bytes:
            self.events.append(PartSaved(self.path, 1, made.sent_bytes, 1, 1))

    def _take_confirmation(self, seen: ObjectSeen | Absence) -> None:
        completed = self.state.completed
        if completed is None:
            return
        if seen is Absence.ABSENT:
            raise self._wrong("it is gone")
        if not isinstance(seen, ObjectSeen):
            self._write(Confirmed(completed.etag, completed.confirmed, completed.version_id))
            return
        theirs = seen.checksums.get(crc_for(self.planned.proof).field)
        if seen.size != self.planned.fingerprint.size_bytes:
            raise self._wrong(f"it has {seen.size} bytes")
        if theirs not in (None, completed.checksum):
            raise self._wrong("the store names another checksum for it")
        if seen.metadata.get(NONCE, self.planned.nonce) != self.planned.nonce:
            raise self._wrong("somebody replaced it meanwhile")
        confirmed = completed.confirmed or theirs is not None
        self._write(Confirmed(seen.etag, confirmed, completed.version_id or seen.version_id))

    def _take_verdict(self, unsettled: Unsettled) -> None:
        verdict, fault = unsettled.verdict, unsettled.fault
        if verdict is Verdict.CONFLICT:
            raise self._conflict()
        if verdict is Verdict.UNKNOWN:
            raise OutcomeUnknownError(f"whether the object was made is unknown: the store answered {fault}")
        self._restart(fault)
        if verdict is Verdict.LOST and self.state.upload_id is not None:
            self._lose_upload()
            self._proceed()
        else:
            self._observed = self.planned.plan.is_single

    def _take_fault(self, step: Step, number: int | None, fault: StoreFault) -> None:
        self._give_back(number)
        if step is Step.ABORT_STALE:
            self._tries_aborts = False
            self._warn(f"an older upload to this key could not be removed ({fault}); its parts are billed until it is")
            return
        if step is Step.UPLOAD and fault.kind is Kind.NO_SUCH_UPLOAD:
            if self._observed:
                self._restart(fault)
            self._observed = False
            return
        raise explain(fault, self._failure(step, number), kept=self._kept())

    def _restart(self, fault: StoreFault) -> None:
        self._restarts += 1
        if self._restarts > _MOST_RESTARTS:
            raise TransferError(
                f"the store lost or contradicted the upload {self._restarts} times (last: {fault})", kept=self._kept()
            )

    def _lose_upload(self) -> None:
        self._write(UploadLost())

    def _give_back(self, number: int | None) -> None:
        if number is not None:
            heapq.heappush(self._pending, number)

    def _retried(self, retried: Retried) -> None:
        self.tally.retries += 1
        fault = retried.fault
        self.events.append(PartRetried(self.path, retried.doing, retried.attempt, str(fault), retried.delay_s))
        if fault.kind is Kind.THROTTLED:
            self.events.append(Throttled(self.path, retried.delay_s))

    # ------------------------------------------------------------------------------------------------- facts, wording
    def _write(self, *records: Record) -> None:
        for record in records:
            self._count_loss(record)
            if self.journal is not None:
                self.journal.append(record)
            apply(self.state, record)

    def _count_loss(self, record: Record) -> None:
        lost = self.state.stored if isinstance(record, UploadLost) else {}
        if isinstance(record, PartLost):
            lost = {number: part for number, part in self.state.stored.items() if number == record.number}
        if lost:
            size = sum(part.size for part in lost.values())
            self.tally.lose(lost)
            self._warn(f"the store lost {len(lost)} parts ({format_size(size)}); they are sent again")

    def _warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)
            self.events.append(Notice(self.path, message))

    def _conflict(self) -> ConflictError:
        kept = self._kept()
        return ConflictError(f"another object is already at {self.uri}", kept=kept or "nothing was sent or changed")

    def _wrong(self, how: str) -> WrongObjectError:
        return WrongObjectError(f"the object at {self.uri} is not the file that was sent: {how}")

    def _failure(self, step: Step, number: int | None) -> str:
        if number is not None:
            return f"part {number} of {self.planned.plan.part_count} was not stored"
        return {
            Step.OBSERVE: f"{self.uri} could not be looked at",
            Step.CREATE: f"no upload to {self.uri} could be begun",
            Step.PUT: f"{self.uri} was not stored",
            Step.COMPLETE: f"the upload to {self.uri} could not be completed",
            Step.CONFIRM: f"the object at {self.uri} was stored but could not be looked at",
        }.get(step, f"{self.uri} failed")

    def _kept(self) -> str:
        kept = self.state.stored
        if not kept or self._delivered:
            return ""
        return f"{len(kept)} parts, {format_size(sum(part.size for part in kept.values()))}, are kept at the store"

    # ---------------------------------------------------------------------------------------------------------- the end
    def finish(self, status: Status | None, error: UploadToolError | None, now_s: float) -> FileReport:
        """Close what is open and say how it ended.

        Args:
            status: Where the end was not decided: `interrupted` or `failed`; None where all is done.
            error: Of the run, where it ended this.
            now_s: Monotonic.
        """
        ends_as = status or self.decided or self._ends_as
        if ends_as in ("uploaded", "already_there"):
            self._warn_unconfirmed()
        shown = self.error or error
        if shown is not None and not shown.kept and shown.resumable:
            shown.kept = self._kept()
        return build_report(self, ends_as, shown, now_s - self.started_s)

    def _warn_unconfirmed(self) -> None:
        if self.state.confirmed is not None and not self.state.confirmed.confirmed:
            self._warn(unconfirmed_warning(self.planned.proof))

    def close(self) -> None:
        """Close the file and the journal."""
        if self.source is not None:
            self.source.close()
        if self.journal is not None:
            self.journal.close()
