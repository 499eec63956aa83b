"""One upload: folded from its journal's facts, and what comes next.

`apply` is the only thing that changes an `UploadState`; the control thread owns it. Nothing
here does I/O, so a first run and a resumed one are the same code.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from tiktok_upload.records import (
    Aborted,
    Completed,
    Confirmed,
    Created,
    PartDoubted,
    PartLost,
    PartStored,
    Planned,
    Record,
    SourceTouched,
    UploadLost,
)


@dataclass(slots=True)
class UploadState:
    """What is known of one upload.

    Attributes:
        planned: The decision that all else refers to; None before the first.
        is_touched: The file's marks changed since it was planned, though its size and footer did not.
        upload_id: The multipart upload that is open at the store, as far as is known.
        kept_until: RFC 3339, where a rule of the bucket removes that upload's parts then.
        stored: Parts that the store holds and that are proved to be the file's; by number.
        doubted: Parts that the store holds but that must be compared with the file first.
            A number is never in both.
        stale: Uploads of this key that were given up and still hold parts, oldest first.
        completed: Set once the object is ours.
        confirmed: What HEAD said of it afterwards.
    """

    planned: Planned | None = None
    is_touched: bool = False
    upload_id: str | None = None
    kept_until: str | None = None
    stored: dict[int, PartStored] = field(default_factory=dict)
    doubted: dict[int, PartStored] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    completed: Completed | None = None
    confirmed: Confirmed | None = None

    def missing(self) -> list[int]:
        """Numbers of the parts that are not stored, lowest first."""
        if self.planned is None:
            return []
        return [number for number in range(1, self.planned.plan.part_count + 1) if number not in self.stored]

    def is_unfinished(self) -> bool:
        """Whether there is something to continue."""
        return self.planned is not None and self.completed is None


def fold(records: Iterable[Record]) -> UploadState:
    """The state after all these facts."""
    state = UploadState()
    for record in records:
        apply(state, record)
    return state


def apply(state: UploadState, record: Record) -> None:  # noqa: C901 - a case for each kind of fact
    """Take one fact into the state.

    Raises:
        ValueError: The fact cannot follow those before it.
    """
    match record:
        case Planned():
            _give_up(state)
            state.planned, state.is_touched = record, False
            state.completed = state.confirmed = None
        case _ if state.planned is None:
            raise ValueError(f"{record.kind} before planned")
        case Created():
            _give_up(state)
            state.upload_id, state.kept_until = record.upload_id, record.kept_until
        case PartStored():
            state.doubted.pop(record.number, None)
            state.stored[record.number] = record
        case PartDoubted():
            state.stored.pop(record.number, None)
            state.doubted[record.number] = PartStored(record.number, record.size, record.etag, record.checksum)
        case PartLost():
            state.stored.pop(record.number, None)
            state.doubted.pop(record.number, None)
        case SourceTouched():
            state.planned, state.is_touched = replace(state.planned, fingerprint=record.fingerprint), True
            state.doubted |= state.stored
            state.stored = {}
        case UploadLost():
            _give_up(state)  # its id is kept for an abort: a store that said so may be wrong, and parts are billed
        case Completed():
            state.completed, state.confirmed, state.upload_id = record, None, None
        case Confirmed():
            state.confirmed = record
        case Aborted():
            state.stale = [upload_id for upload_id in state.stale if upload_id != record.upload_id]


def _give_up(state: UploadState) -> None:
    if state.upload_id is not None:
        state.stale.append(state.upload_id)
    state.upload_id, state.kept_until, state.stored, state.doubted = None, None, {}, {}


class Step(Enum):
    """What to do next for one object."""

    LOOK = auto()
    OBSERVE = auto()
    COMPARE = auto()
    PUT = auto()
    CREATE = auto()
    UPLOAD = auto()
    COMPLETE = auto()
    CONFIRM = auto()
    ABORT_STALE = auto()
    WAIT = auto()
    STOP = auto()
    DONE = auto()


@dataclass(frozen=True, slots=True)
class View:
    """All that the next step depends on.

    Attributes:
        decided: An end was reached: failed, already there, checked or only planned.
        failed: An error ended this object.
        stopping: Somebody asked to stop.
        busy: A step other than UPLOAD is under way.
        looked: The file was inspected.
        observed: The store was asked what it has; cleared when an answer contradicts that.
        to_compare: An object of this size is there and its content must be compared with the file's.
        single: One part only.
        has_upload: An upload is open.
        pending: Parts that nobody sends yet.
        in_flight: Parts under way.
        completed, confirmed, stale: As in the state.
    """

    decided: bool = False
    failed: bool = False
    stopping: bool = False
    busy: bool = False
    looked: bool = False
    observed: bool = False
    to_compare: bool = False
    single: bool = False
    has_upload: bool = False
    pending: int = 0
    in_flight: int = 0
    completed: bool = False
    confirmed: bool = False
    stale: int = 0


def next_step(view: View) -> Step:  # noqa: C901, PLR0911 - a decision table; a line is a row
    """The first row that holds. STOP never aborts anything at the store: the upload stays resumable."""
    if view.busy:
        return Step.WAIT
    if (view.stopping or view.failed or view.decided) and view.in_flight:
        return Step.WAIT
    if view.decided:
        return Step.DONE
    if view.failed:
        return Step.STOP
    if view.stopping:
        return Step.DONE if view.completed and view.confirmed else Step.STOP
    if not view.looked:
        return Step.LOOK
    if view.completed:
        return _after_completion(view)
    if not view.observed:
        return Step.WAIT if view.in_flight else Step.OBSERVE
    if view.to_compare:
        return Step.COMPARE
    if view.single:
        return Step.PUT
    if not view.has_upload:
        return Step.CREATE
    if view.pending:
        return Step.UPLOAD
    return Step.WAIT if view.in_flight else Step.COMPLETE


def _after_completion(view: View) -> Step:
    if view.in_flight:
        return Step.WAIT
    if not view.confirmed:
        return Step.CONFIRM
    return Step.ABORT_STALE if view.stale else Step.DONE
