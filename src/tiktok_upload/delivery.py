"""One file on its way, as the control thread sees it.

A `Delivery` is what is known of it: the upload's state, folded from the journal's facts, and what
is under way in this run. It never waits. Three modules work on it:

    delivery_jobs      the step that comes next ─▶ the job that does it
    delivery_outcomes  the job's outcome ─▶ facts, events, an end
    delivery_report    the end ─▶ what is told of it

A fact goes to the journal before anything else happens; the events that tell of it are handed out by
the transfer once it is durable.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tiktok_upload.answers import ObjectSeen
from tiktok_upload.body import ByteCount
from tiktok_upload.contract import Contract
from tiktok_upload.delivery_tally import Tally, loss_warning
from tiktok_upload.errors import UploadToolError
from tiktok_upload.events import Event, FileProgress, Notice, Stage, Status
from tiktok_upload.facts import FileFacts, Finding
from tiktok_upload.faults import StoreFault
from tiktok_upload.inputs import Input
from tiktok_upload.jobs import Tools
from tiktok_upload.journal import Journal
from tiktok_upload.records import PartLost, PartStored, Planned, Record, UploadLost
from tiktok_upload.settings import PushOptions
from tiktok_upload.source import Source
from tiktok_upload.state import UploadState, View, apply


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
        bucket: Where they go.
        endpoint: Of the store; an empty string for AWS's own.
        tools: None where files are only checked.
        open_journal: By `(path, key)`, locked; raises `JournalError`.
        peek_journal: The facts in it, without a lock.
        now: RFC 3339.
        nonce: A random one.
        version: Of this tool.
        contract: What the files are held against; None for nothing.
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
    contract: Contract | None = None


@dataclass(eq=False)
class Delivery:
    """One file to one key.

    Attributes:
        index: In the order given.
        key: None where nothing is sent.
        tell: Called by workers, with this delivery, for each retry.
        decided: How it ended, where no more is to be done.
        error: What ended it; parts in flight are cut, nothing is aborted at the store.
        events: To be told once the facts written so far are durable.
        busy: A step other than a part is under way.
        checking: Bytes of a full check that are done, and all of them; set by the worker that looks.
        looked: The file was inspected.
        observed: The store was asked what it has; cleared when an answer contradicts that.
        is_blind: There is no right to look at objects; told once the store has taken something, since
            a 403 has other causes, too.
        to_compare: The object at the key whose content must be compared with the file's.
        delivered: The object is there and is ours; what follows only confirms it and tidies up.
        ends_as: What a delivered file is called.
        tries_aborts: Cleared when an older upload could not be removed.
        pending: A heap of the parts that nobody sends yet, lowest first.
        in_flight: Bytes out, by part.
        asked_before: An earlier PutObject or Complete may have been carried out.
        was_planned: The plan comes from an earlier run.
        refused: The store does not take this kind of request; once nothing is in flight, another is tried.
        smaller_parts: Bytes: the line is too slow for parts as they are; once nothing is in flight, it is planned anew.
        restarts: How often the store lost or contradicted the upload in this run.
    """

    frame: Frame
    index: int
    input: Input
    key: str | None
    started_s: float
    tell: Callable[["Delivery", Retried], None]

    decided: Status | None = None
    error: UploadToolError | None = None
    events: list[Event] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    stage: Stage = "checking"

    state: UploadState = field(default_factory=UploadState)
    journal: Journal | None = None
    source: Source | None = None
    facts: FileFacts | None = None
    findings: tuple[Finding, ...] = ()
    unproved: tuple[str, ...] = ()
    checking: tuple[int, int] = (0, 0)

    busy: bool = False
    looked: bool = False
    observed: bool = False
    is_blind: bool = False
    to_compare: ObjectSeen | None = None
    delivered: bool = False
    ends_as: Status = "uploaded"
    is_plan_told: bool = False
    tries_aborts: bool = True
    pending: list[int] = field(default_factory=list)
    in_flight: dict[int, ByteCount] = field(default_factory=dict)
    asked_before: bool = False
    was_planned: bool = False
    restarts: int = 0
    refused: StoreFault | None = None
    smaller_parts: int | None = None

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

    def parts(self) -> list[PartStored]:
        """The stored parts in their order."""
        return [self.state.stored[number] for number in sorted(self.state.stored)]

    def view(self, *, stopping: bool) -> View:
        """Where it stands, for `next_step`."""
        planned = self.state.planned
        return View(
            decided=self.decided is not None,
            failed=self.error is not None,
            stopping=stopping,
            busy=self.busy,
            looked=self.looked,
            observed=self.observed,
            to_compare=self.to_compare is not None,
            single=planned is not None and planned.plan.is_single,
            has_upload=self.state.upload_id is not None,
            pending=len(self.pending),
            in_flight=len(self.in_flight),
            completed=self.delivered,
            confirmed=self.state.confirmed is not None,
            stale=len(self.state.stale) if self.tries_aborts and not self.frame.options.dry_run else 0,
        )

    def progress(self) -> FileProgress:
        """What a display shows of it."""
        size = self.planned.plan.object_size if self.state.planned else 0
        counts = tuple(self.in_flight.values())
        return FileProgress(
            path=self.path,
            size_bytes=size,
            bytes_stored=size if self.delivered else sum(part.size for part in self.state.stored.values()),
            bytes_reused=self.tally.reused_bytes(self.state),
            bytes_in_flight=sum(count.value for count in counts),
            parts_in_flight=len(counts),
            retries=self.tally.retries,
            stage=self.stage,
            kept_until=self.state.kept_until,
            bytes_checked=self.checking[0] if self.stage == "checking" else 0,
            bytes_to_check=self.checking[1] if self.stage == "checking" else 0,
        )

    def write(self, *records: Record) -> None:
        """Take facts: into the journal, then into the state.

        Raises:
            JournalError: The disk refused; the fact is not taken.
        """
        lost: dict[int, PartStored] = {}
        for record in records:
            if self.journal is not None:
                self.journal.append(record)
            lost |= self._lost_by(record)
            apply(self.state, record)
        if lost:
            self.tally.lose(lost)
            self.warn(loss_warning(lost))

    def cut_counts(self, number: int | None) -> list[ByteCount]:
        """Of a part that was cut; of the whole body where the request had no parts."""
        count = self.in_flight.get(number or 1)
        return [count] if count is not None and count.is_cut else []

    def cut(self) -> None:
        """Leave all parts that are in flight, to send them later."""
        for count in self.in_flight.values():
            count.is_cut = True

    def warn(self, message: str) -> None:
        """Tell something that is no error, once."""
        if message not in self.warnings:
            self.warnings.append(message)
            self.events.append(Notice(self.path, message))

    def fail(self, error: UploadToolError) -> None:
        """End it with this error; the first one stands."""
        self.error = self.error or error

    def close(self) -> None:
        """Close the file and the journal."""
        if self.source is not None:
            self.source.close()
        if self.journal is not None:
            self.journal.close()

    def _lost_by(self, record: Record) -> dict[int, PartStored]:
        """The parts that the store held until this fact."""
        if isinstance(record, UploadLost):
            return dict(self.state.stored)
        if isinstance(record, PartLost) and record.number in self.state.stored:
            return {record.number: self.state.stored[record.number]}
        return {}
