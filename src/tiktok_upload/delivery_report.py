"""How a delivery's end is told: counts, report, wording."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tiktok_upload.checksum import Proof, crc_for
from tiktok_upload.errors import DataError, UploadToolError
from tiktok_upload.events import ChecksumReport, FileReport, Status
from tiktok_upload.facts import Finding
from tiktok_upload.plan import S3, UploadPlan
from tiktok_upload.records import PartStored
from tiktok_upload.state import UploadState
from tiktok_upload.text import escape
from tiktok_upload.units import format_size

if TYPE_CHECKING:
    from tiktok_upload.delivery import Delivery


@dataclass(slots=True)
class Tally:
    """What this run did for one file.

    Attributes:
        sent: Numbers of the parts that this run sent and that the store has.
        whole_bytes: Sent as one PutObject.
        wasted_bytes: Sent in vain: failed attempts, and parts that the store lost.
    """

    sent: set[int] = field(default_factory=set)
    whole_bytes: int = 0
    wasted_bytes: int = 0
    retries: int = 0

    def lose(self, parts: dict[int, PartStored]) -> None:
        """The store lost these; what this run had sent of them was in vain."""
        self.wasted_bytes += sum(part.size for number, part in parts.items() if number in self.sent)
        self.sent -= parts.keys()

    def sent_bytes(self, state: UploadState) -> int:
        """Of parts that the store acknowledged and has."""
        return self.whole_bytes + sum(part.size for number, part in state.stored.items() if number in self.sent)

    def reused_bytes(self, state: UploadState) -> int:
        """Of parts that an earlier run had stored."""
        return sum(part.size for number, part in state.stored.items() if number not in self.sent)


def build_report(delivery: "Delivery", status: Status, error: UploadToolError | None, seconds: float) -> FileReport:
    """The `files[]` entry of a delivery that ended."""
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
        seconds=seconds,
        etag=state.completed.etag if state.completed else None,
        version_id=_version(state),
        checksum=_checksum(state),
        findings=delivery.findings,
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
