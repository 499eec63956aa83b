"""A job's outcome, taken into the delivery: facts, events, an end. Only the control thread calls this."""

import heapq
from dataclasses import replace

from tiktok_upload.answers import Absence, NoListing, ObjectSeen, Opened, Seen
from tiktok_upload.checksum import crc_for
from tiktok_upload.delivery import Delivery, Retried
from tiktok_upload.delivery_plan import fall_back, plan_smaller_parts, wanted
from tiktok_upload.delivery_report import (
    NO_RIGHT_TO_LIST,
    NO_RIGHT_TO_LOOK,
    conflict,
    data_error,
    failure_text,
    kept_text,
    plan_notices,
    wrong_object,
)
from tiktok_upload.errors import JournalError, OutcomeUnknownError, TransferError, UploadToolError
from tiktok_upload.events import FileChecked, FilePlanned, PartRetried, PartSaved, Throttled, UploadResumed
from tiktok_upload.faults import Kind, StoreFault, explain
from tiktok_upload.jobs import Compared, ObjectMade, Observed, PartSent, Unsettled
from tiktok_upload.look import Looked
from tiktok_upload.reconcile import NONCE, Existing, Verdict, begin, comparable_etag, is_ours, judge, reconcile
from tiktok_upload.records import Aborted, Completed, Confirmed, Created, Planned, UploadLost
from tiktok_upload.state import Step, fold
from tiktok_upload.stop import Cancelled

_MOST_RESTARTS = 5  # a store that forgets or contradicts itself more often than this will not take the file


def take(delivery: Delivery, step: Step, number: int | None, outcome: object) -> None:
    """Fold one outcome of a step that was under way; `number` is the part's, where it was one."""
    if isinstance(outcome, Cancelled):
        delivery.tally.wasted_bytes += sum(count.value for count in delivery.cut_counts(number))
    if number is not None:
        delivery.in_flight.pop(number, None)
    else:
        delivery.busy = False
        if step is Step.PUT:
            delivery.in_flight.clear()
    try:
        _fold(delivery, step, number, outcome)
        if delivery.refused is not None and not delivery.in_flight:
            fall_back(delivery, delivery.refused)
        if delivery.smaller_parts is not None and not delivery.in_flight:
            plan_smaller_parts(delivery, delivery.smaller_parts)
    except UploadToolError as error:
        delivery.fail(error)


def take_retry(delivery: Delivery, retried: Retried) -> None:
    """A worker told of a retry."""
    fault = retried.fault
    delivery.tally.retries += 1
    delivery.tally.throttles += fault.kind is Kind.THROTTLED
    delivery.tally.seconds_lost += retried.delay_s
    delivery.events.append(PartRetried(delivery.path, retried.doing, retried.attempt, str(fault), retried.delay_s))
    if fault.kind is Kind.THROTTLED:
        delivery.events.append(Throttled(delivery.path, retried.delay_s))


def _fold(delivery: Delivery, step: Step, number: int | None, outcome: object) -> None:  # noqa: C901 - a case an outcome
    match outcome:
        case Looked():
            _looked(delivery, outcome)
        case Observed():
            _observed(delivery, outcome)
        case Compared():
            _compared(delivery, outcome)
        case Opened():
            delivery.write(Created(outcome.upload_id, outcome.kept_until))
            _tell_blindness(delivery)
        case PartSent():
            _part_sent(delivery, outcome)
        case ObjectMade():
            _object_made(delivery, outcome)
        case ObjectSeen() | Absence():
            _confirmed(delivery, outcome)
        case str():
            delivery.write(Aborted(outcome))
        case Unsettled():
            _unsettled(delivery, outcome)
        case BaseException():
            _failed(delivery, step, number, outcome)


# --------------------------------------------------------------------------------------------------------- the file
def _looked(delivery: Delivery, looked: Looked) -> None:
    delivery.source, delivery.facts, delivery.findings = looked.source, looked.facts, looked.findings
    delivery.looked, delivery.unproved = True, looked.unproved
    delivery.events.append(FileChecked(delivery.path, looked.facts, looked.findings, looked.unproved))
    if any(finding.severity == "error" for finding in looked.findings):
        raise data_error(delivery.path, looked.findings)
    if delivery.key is None:
        delivery.decided = "checked"
        return
    _begin(delivery, wanted(delivery, looked.source.fingerprint, delivery.key))


def _begin(delivery: Delivery, planned: Planned) -> None:
    """Read what an earlier run left, and plan."""
    options = delivery.frame.options
    if options.dry_run:
        records = delivery.frame.peek_journal(delivery.path, planned.key)
    else:
        delivery.journal = delivery.frame.open_journal(delivery.path, planned.key)
        records = delivery.journal.records
    try:
        delivery.state = fold(records)
    except ValueError as exc:
        raise JournalError(
            "the state of this upload contradicts itself", hint="begin again with --restart", code="journal_damaged"
        ) from exc
    fell_back = options.may_fall_back and delivery.state.planned and delivery.state.planned.proof == "md5"
    if fell_back and not options.restart:
        planned = replace(planned, proof="md5")
    delivery.write(*begin(delivery.state, planned, restart=options.restart))
    delivery.was_planned = delivery.planned is not planned
    # An earlier run may have sent the whole file and died before it heard the answer.
    delivery.asked_before = delivery.was_planned and delivery.planned.plan.is_single and not delivery.state.completed
    delivery.stage = "sending"


# --------------------------------------------------------------------------------------------- what is at the store
def _observed(delivery: Delivery, observed: Observed) -> None:
    delivery.observed = True
    delivery.is_blind = observed.seen is Absence.FORBIDDEN
    _judged(delivery, observed)
    if delivery.delivered:
        return
    if observed.listing is NoListing.FORBIDDEN:
        delivery.warn(NO_RIGHT_TO_LIST)
    if (observed.seen, observed.listing) == (Absence.FORBIDDEN, NoListing.GONE) and not delivery.state.missing():
        raise OutcomeUnknownError(
            f"whether {delivery.uri} was completed is unknown: the upload is gone, and there is no right to look",
            kept="nothing was sent",
        )
    if observed.listing is not None:
        delivery.write(*reconcile(delivery.state, observed.listing))
    delivery.pending = delivery.state.missing()
    if not delivery.is_plan_told:
        _tell_plan(delivery)


def _judged(delivery: Delivery, observed: Observed) -> None:
    seen, planned = observed.seen, delivery.planned
    match judge(seen, delivery.state, planned.fingerprint):
        case Existing.RECORDED if isinstance(seen, ObjectSeen):
            delivery.delivered, delivery.ends_as = True, "already_there"
            _seen_again(delivery, seen)
        case Existing.UNKNOWN:
            raise OutcomeUnknownError(
                "this file was delivered before, but there is no right to look whether the object is still there",
                kept="nothing was sent",
            )
        case Existing.OTHER if not delivery.frame.options.overwrite:
            raise conflict(delivery)
        case Existing.OURS if isinstance(seen, ObjectSeen):
            _ours(delivery, seen)
        case Existing.COMPARE if isinstance(seen, ObjectSeen):
            delivery.to_compare = seen
        case _ if delivery.state.completed is not None:  # it was delivered, and is gone or replaced: a new upload
            delivery.write(wanted(delivery, planned.fingerprint, planned.key))


def _seen_again(delivery: Delivery, seen: ObjectSeen) -> None:
    """The same content may have been made anew by somebody else: the receipt names the object that is there."""
    known, nonce = delivery.state.confirmed, seen.metadata.get(NONCE)
    if known is not None and nonce not in (None, known.nonce):  # some stores forget what they were told of an object
        delivery.write(replace(known, version_id=seen.version_id, nonce=nonce))


def _ours(delivery: Delivery, seen: ObjectSeen) -> None:
    """This upload made the object: an answer was lost, or a run ended before it was confirmed."""
    if delivery.state.completed is not None:
        delivery.delivered = True
    elif delivery.planned.plan.is_single or delivery.state.missing():
        delivery.to_compare = seen
    else:
        parts = ((part.checksum, part.size) for part in delivery.parts())
        _complete_by(delivery, seen, crc_for(delivery.planned.proof).of_object(parts))


def _complete_by(delivery: Delivery, seen: ObjectSeen, checksum: str) -> None:
    theirs = seen.checksums.get(crc_for(delivery.planned.proof).field)
    if theirs not in (None, checksum):
        raise wrong_object(delivery, "the store names another checksum for it")
    delivery.write(Completed(seen.etag, checksum, theirs is not None, seen.version_id, delivery.frame.now()))
    delivery.delivered = True


def _tell_plan(delivery: Delivery) -> None:
    delivery.is_plan_told = True
    plan, state, uri = delivery.planned.plan, delivery.state, delivery.uri or ""
    delivery.events.append(FilePlanned(delivery.path, uri, plan))
    for text in plan_notices(plan, delivery.frame.options.part_size, resumed=delivery.was_planned):
        delivery.warn(text)
    kept = state.stored | state.doubted
    if kept:
        size = sum(part.size for part in kept.values())
        delivery.events.append(UploadResumed(delivery.path, uri, len(kept), plan.part_count, size))
        delivery.asked_before = not delivery.pending
    if delivery.frame.options.dry_run and delivery.to_compare is None:
        delivery.decided = "planned"


def _compared(delivery: Delivery, compared: Compared) -> None:
    seen, delivery.to_compare = delivery.to_compare, None
    if seen is None:
        return
    delivery.stage = "sending"
    ours = is_ours(seen, delivery.planned)
    # Where nothing can be compared, the nonce, the size and a file that nobody touched must do.
    cannot_be_compared = not seen.checksums and comparable_etag(seen) is None and not delivery.state.is_touched
    if compared.is_same or (ours and cannot_be_compared):
        if delivery.state.upload_id is not None:
            delivery.write(UploadLost())  # open yet, but not needed any more: it is removed at the end
        _complete_by(delivery, seen, compared.checksum)
        delivery.ends_as = "uploaded" if ours else "already_there"
        if not ours and delivery.state.completed is not None:
            delivery.write(_confirmation(seen, is_confirmed=delivery.state.completed.confirmed))
    elif not delivery.frame.options.overwrite:
        # Of a file that was touched since, our object may well be an older version.
        is_wrong = ours and not delivery.state.is_touched
        raise wrong_object(delivery, "its content is another") if is_wrong else conflict(delivery)
    elif delivery.frame.options.dry_run:
        delivery.decided = "planned"
    elif ours or delivery.state.completed is not None:
        delivery.write(wanted(delivery, delivery.planned.fingerprint, delivery.planned.key))
        delivery.pending = delivery.state.missing()


# ------------------------------------------------------------------------------------------------------ parts, object
def _tell_blindness(delivery: Delivery) -> None:
    if delivery.is_blind:
        delivery.warn(NO_RIGHT_TO_LOOK)


def _part_sent(delivery: Delivery, sent: PartSent) -> None:
    stored = sent.stored
    delivery.write(stored)
    _tell_blindness(delivery)
    delivery.tally.wasted_bytes += sent.wasted_bytes
    if sent.reused:
        return
    delivery.tally.sent.add(stored.number)
    count = delivery.planned.plan.part_count
    delivery.events.append(PartSaved(delivery.path, stored.number, stored.size, len(delivery.state.stored), count))


def _object_made(delivery: Delivery, made: ObjectMade) -> None:
    delivery.tally.whole_bytes += made.sent_bytes
    delivery.tally.wasted_bytes += made.wasted_bytes
    answer = made.answer
    if answer.checksum not in (None, made.checksum):
        raise wrong_object(delivery, "the store names another checksum for it")
    is_confirmed = answer.checksum is not None
    delivery.write(Completed(answer.etag, made.checksum, is_confirmed, answer.version_id, delivery.frame.now()))
    delivery.delivered = True
    delivery.stage = "finishing"
    _tell_blindness(delivery)
    if made.sent_bytes:
        delivery.events.append(PartSaved(delivery.path, 1, made.sent_bytes, 1, 1))


def _confirmed(delivery: Delivery, seen: ObjectSeen | Absence) -> None:
    completed, planned = delivery.state.completed, delivery.planned
    if completed is None:
        raise LookupError("nothing to confirm")
    if seen is Absence.ABSENT:
        raise wrong_object(delivery, "it is gone")
    if not isinstance(seen, ObjectSeen):
        delivery.warn(NO_RIGHT_TO_LOOK)
        delivery.write(Confirmed(completed.etag, completed.confirmed, completed.version_id))
        return
    theirs = seen.checksums.get(crc_for(planned.proof).field)
    if seen.size != planned.fingerprint.size_bytes:
        raise wrong_object(delivery, f"it has {seen.size} bytes")
    if theirs not in (None, completed.checksum):
        raise wrong_object(delivery, "the store names another checksum for it")
    if seen.metadata.get(NONCE, planned.nonce) != planned.nonce:
        raise wrong_object(delivery, "somebody replaced it meanwhile")
    is_confirmed = completed.confirmed or theirs is not None
    confirmation = _confirmation(seen, is_confirmed=is_confirmed)
    delivery.write(replace(confirmation, version_id=completed.version_id or seen.version_id))


def _confirmation(seen: ObjectSeen, *, is_confirmed: bool) -> Confirmed:
    return Confirmed(seen.etag, is_confirmed, seen.version_id, seen.metadata.get(NONCE, ""))


# ----------------------------------------------------------------------------------------------------------- failures
def _unsettled(delivery: Delivery, unsettled: Unsettled) -> None:
    verdict, fault = unsettled.verdict, unsettled.fault
    if verdict is Verdict.CONFLICT:
        _contested(delivery, unsettled.seen)
        return
    if verdict is Verdict.UNKNOWN:
        raise OutcomeUnknownError(f"whether {delivery.uri} was made is unknown: the store answered {fault}")
    _count_restart(delivery, fault)
    if delivery.planned.plan.is_single:
        return  # sent again
    if verdict is Verdict.LOST:
        delivery.write(UploadLost())
        delivery.pending = delivery.state.missing()
    else:
        delivery.observed = False


def _contested(delivery: Delivery, seen: Seen | None) -> None:
    """Somebody else was first: with the same content it is already there."""
    if not isinstance(seen, ObjectSeen) or seen.size != delivery.planned.plan.object_size:
        raise conflict(delivery)
    delivery.to_compare = seen


def _failed(delivery: Delivery, step: Step, number: int | None, outcome: BaseException) -> None:
    if number is not None and delivery.smaller_parts is None:
        heapq.heappush(delivery.pending, number)
    if isinstance(outcome, Cancelled):
        return
    if not isinstance(outcome, StoreFault):
        raise outcome
    if _may_fall_back(delivery, step, outcome):
        delivery.refused, delivery.observed = outcome, False
    elif step is Step.ABORT_STALE:
        delivery.tries_aborts = False
        delivery.warn(
            f"an older upload to this key could not be removed ({outcome}); its parts are billed until it is, "
            "uploads list shows it"
        )
    elif step is Step.UPLOAD and outcome.kind is Kind.NO_SUCH_UPLOAD:
        if delivery.observed:
            _count_restart(delivery, outcome)
        delivery.observed = False
    else:
        raise explain(outcome, failure_text(delivery, step, number), kept=kept_text(delivery))


def _may_fall_back(delivery: Delivery, step: Step, fault: StoreFault) -> bool:
    """Whether the store may have refused nothing but the CRC's headers, before it took anything."""
    return (
        fault.kind is Kind.REFUSED
        and step in (Step.CREATE, Step.PUT, Step.UPLOAD)
        and delivery.frame.options.may_fall_back
        and delivery.planned.proof != "md5"
        and not delivery.state.stored
    )


def _count_restart(delivery: Delivery, fault: StoreFault) -> None:
    delivery.restarts += 1
    if delivery.restarts > _MOST_RESTARTS:
        raise TransferError(
            f"the store lost or contradicted the upload {delivery.restarts} times (last: {fault})",
            kept=kept_text(delivery),
        )
