"""How a delivery's end is told: counts, report, wording."""

import copy

from tiktok_upload.checksum import Proof, crc_for
from tiktok_upload.delivery import Delivery
from tiktok_upload.errors import ConflictError, DataError, UploadToolError, WrongObjectError
from tiktok_upload.events import ChecksumReport, FileReport, Status
from tiktok_upload.facts import Finding
from tiktok_upload.plan import S3, UploadPlan
from tiktok_upload.state import Step, UploadState
from tiktok_upload.text import escape
from tiktok_upload.units import format_size


def finish(delivery: Delivery, status: Status | None, run_error: UploadToolError | None, seconds: float) -> FileReport:
    """How it ended, in the `files[]` form.

    Args:
        delivery: One that has no job under way, or whose jobs were left behind.
        status: Where the end was not decided: `interrupted` or `failed`; None where all is done.
        run_error: Of the run, where it ended this.
        seconds: Since it was begun.
    """
    ends_as = status or delivery.decided or delivery.ends_as
    confirmed = delivery.state.confirmed
    if ends_as in ("uploaded", "already_there") and confirmed is not None and not confirmed.confirmed:
        delivery.warn(unconfirmed_warning(delivery.planned.proof))
    error = delivery.error or run_error
    if error is not None and error.resumable and not error.kept:
        error = _with_kept(error, kept_text(delivery))
    return _report(delivery, ends_as, error, seconds)


def _with_kept(error: UploadToolError, kept: str) -> UploadToolError:
    """A copy: a run's error is shared by its files."""
    mine = copy.copy(error)
    mine.kept = kept
    return mine


def _report(delivery: Delivery, status: Status, error: UploadToolError | None, seconds: float) -> FileReport:
    state, tally = delivery.state, delivery.tally
    plan = state.planned.plan if state.planned else None
    source = delivery.source
    is_already_there = status == "already_there"
    return FileReport(
        path=delivery.path,
        uri=delivery.uri,
        status=status,
        size_bytes=source.fingerprint.size_bytes if source else None,
        rows=delivery.facts.rows if delivery.facts else None,
        part_size=plan.part_size if plan else None,
        parts=plan.part_count if plan else None,
        parts_reused=0 if is_already_there else len(state.stored.keys() - tally.sent),
        bytes_sent=tally.sent_bytes(state),
        bytes_reused=0 if is_already_there else tally.reused_bytes(state),
        bytes_resent=tally.wasted_bytes,
        retries=tally.retries,
        throttles=tally.throttles,
        seconds_lost=round(tally.seconds_lost, 3),
        seconds=seconds,
        etag=state.completed.etag if state.completed else None,
        version_id=_version(state),
        checksum=_checksum(state),
        contract=delivery.frame.contract.label if delivery.frame.contract and delivery.looked else None,
        findings=delivery.findings,
        unproved=delivery.unproved,
        warnings=tuple(delivery.warnings),
        facts=delivery.facts,
        error=error,
    )


def _version(state: UploadState) -> str | None:
    known = state.confirmed or state.completed
    return known.version_id if known else None


def _checksum(state: UploadState) -> ChecksumReport | None:
    if state.completed is None or state.planned is None:
        return None
    known = state.confirmed or state.completed
    return ChecksumReport(crc_for(state.planned.proof).name, state.completed.checksum, known.confirmed)


_DATE = len("2026-11-30")

NO_RIGHT_TO_LIST = "there is no right to list parts (s3:ListMultipartUploadParts): this machine's record is trusted"
NO_RIGHT_TO_LOOK = (
    "there is no right to look at objects (s3:GetObject): what is at the key is known only by writing to it"
)


def kept_text(delivery: Delivery) -> str:
    """What an interrupted upload keeps at the store; empty where there is nothing to continue."""
    kept = delivery.state.stored
    if not kept or delivery.delivered:
        return ""
    size = format_size(sum(part.size for part in kept.values()))
    until = delivery.state.kept_until
    end = f"until {until[:_DATE]}" if until else "until a rule of the bucket removes them"
    return f"{_parts(len(kept))}, {size}; they stay at the store {end}"


def _parts(count: int) -> str:
    return f"{count} part" if count == 1 else f"{count} parts"


def failure_text(delivery: Delivery, step: Step, number: int | None) -> str:
    """What was not done, as a clause."""
    if number is not None:
        return f"part {number} of {delivery.planned.plan.part_count} was not stored"
    return {
        Step.OBSERVE: f"{delivery.uri} could not be looked at",
        Step.CREATE: f"no upload to {delivery.uri} could be begun",
        Step.PUT: f"{delivery.uri} was not stored",
        Step.COMPLETE: f"the upload to {delivery.uri} could not be completed",
        Step.CONFIRM: f"the object at {delivery.uri} was stored but could not be looked at",
    }.get(step, f"{delivery.uri} failed")


def conflict(delivery: Delivery) -> ConflictError:
    """Another object is at the key."""
    kept = kept_text(delivery)
    return ConflictError(f"another object is already at {delivery.uri}", kept=kept or "nothing was sent or changed")


def wrong_object(delivery: Delivery, how: str) -> WrongObjectError:
    """What is at the key is not what was sent."""
    return WrongObjectError(f"the object at {delivery.uri} is not the file that was sent: {how}")


def data_error(path: str, findings: tuple[Finding, ...]) -> DataError:
    """The error of a file that is not sent because of what was found in it."""
    errors = [finding for finding in findings if finding.severity == "error"]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return DataError(f"{escape(path)}: {errors[0].message}{more}", kept="nothing was sent", code=errors[0].rule)


def plan_notices(plan: UploadPlan, asked: int | None, *, resumed: bool) -> list[str]:
    """What the user should know of the plan: a part size that was adjusted."""
    if asked is None or asked == plan.part_size:
        return []
    size = format_size(plan.part_size)
    if resumed:
        return [f"the interrupted upload goes on with its parts of {size}; --restart begins anew with another size"]
    limits = f"{format_size(S3.min_part_size)} to {format_size(S3.max_part_size)}, at most {S3.max_parts} parts"
    return [f"--part-size was moved from {format_size(asked)} to {size} to keep the store's limits ({limits})"]


def unconfirmed_warning(proof: Proof) -> str:
    """What it means that the store did not name the object's checksum."""
    if proof == "md5":
        return "the store was asked to verify each part by its MD5; it names no checksum of the whole object"
    return (
        "the store did not confirm the checksum: that it stored what was sent is its word alone;"
        " --checksum md5 has each part verified there"
    )
