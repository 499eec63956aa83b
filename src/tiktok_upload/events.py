"""What observers are told while a run goes on, and what they get at its end: values only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from tiktok_upload.errors import InterruptedUploadError, UploadToolError
from tiktok_upload.facts import FileFacts, Finding
from tiktok_upload.plan import UploadPlan

Stage = Literal["checking", "comparing", "sending", "finishing"]
Status = Literal["uploaded", "already_there", "checked", "verified", "failed", "interrupted", "planned"]


@dataclass(frozen=True, slots=True)
class ChecksumReport:
    """The whole object's checksum.

    Attributes:
        algorithm: As S3 names it.
        value: Base64.
        confirmed_by_store: The store itself named this value as the whole object's.
    """

    algorithm: str
    value: str
    confirmed_by_store: bool


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file's outcome; the `files[]` entry of the result and the body of a receipt.

    Attributes:
        path: As given, bytes that are not UTF-8 as surrogates.
        uri: Where it goes; None where nothing is sent.
        rows: By the footer; None where it could not be read.
        part_size, parts: Of the plan; None before there is one.
        contract: Label of the one that was used, `offline-events@1.0.0`.
        unproved: What a quick check could not prove, as clauses.
        parts_reused, bytes_reused: What an earlier run had stored.
        bytes_sent: What went over the wire for parts acknowledged in this run.
        bytes_resent: What went over it in vain.
        throttles: How many of the retries the store had asked to slow down for.
        seconds_lost: Waits before retries, added up over all parts, which may wait at the same time.
        warnings: Sentences about the delivery (findings are about the file).
    """

    path: str
    uri: str | None
    status: Status
    size_bytes: int | None = None
    rows: int | None = None
    part_size: int | None = None
    parts: int | None = None
    parts_reused: int = 0
    bytes_sent: int = 0
    bytes_reused: int = 0
    bytes_resent: int = 0
    retries: int = 0
    throttles: int = 0
    seconds_lost: float = 0.0
    seconds: float = 0.0
    etag: str | None = None
    version_id: str | None = None
    checksum: ChecksumReport | None = None
    contract: str | None = None
    findings: tuple[Finding, ...] = ()
    unproved: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    receipt: str | None = None
    facts: FileFacts | None = None
    error: UploadToolError | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """All files are found, none is looked at yet; bytes as far as they can be seen."""

    name: ClassVar[str] = "started"
    files_total: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class FileChecked:
    """The file was looked at; errors among the findings keep it from being sent."""

    name: ClassVar[str] = "file_checked"
    path: str
    facts: FileFacts | None
    findings: tuple[Finding, ...]
    unproved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FilePlanned:
    """How the file will be sent."""

    name: ClassVar[str] = "file_planned"
    path: str
    uri: str
    plan: UploadPlan


@dataclass(frozen=True, slots=True)
class UploadResumed:
    """An earlier run's upload goes on.

    Attributes:
        parts_kept: How many parts the store still has, those to be compared with the file included.
        bytes_kept: Their bytes.
    """

    name: ClassVar[str] = "upload_resumed"
    path: str
    uri: str
    parts_kept: int
    parts: int
    bytes_kept: int


@dataclass(frozen=True, slots=True)
class PartSaved:
    """A part is at the store, and the journal's record of it is durable."""

    name: ClassVar[str] = "part_stored"
    path: str
    number: int
    size: int
    parts_stored: int
    parts: int


@dataclass(frozen=True, slots=True)
class PartRetried:
    """A request failed and is tried again.

    Attributes:
        doing: `part 37`, `complete`, ...
        attempt: The one that failed, from 1.
        reason: `503 SlowDown`, `connection reset`, ...
    """

    name: ClassVar[str] = "part_retried"
    path: str
    doing: str
    attempt: int
    reason: str
    delay_s: float


@dataclass(frozen=True, slots=True)
class Throttled:
    """The store asked to slow down; every request waits."""

    name: ClassVar[str] = "throttled"
    path: str
    delay_s: float


@dataclass(frozen=True, slots=True)
class RequestMade:
    """One request to the store ended; for a log, not for machines that follow a run.

    Attributes:
        operation: As boto3 names it: `upload_part`.
        part: Its number, where there is one.
        attempt: 1 for the first try.
        status: HTTP's; 0 where no answer came.
        code: The store's word for what went wrong, or a short one for a network failure; empty where nothing did.
        request_id: The store's, by which its owner finds the request.
        milliseconds: From before the request to its answer.
    """

    name: ClassVar[str] = "request"
    operation: str
    key: str
    part: int | None
    attempt: int
    status: int
    code: str
    request_id: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class FileProgress:
    """One file in flight.

    Attributes:
        bytes_stored: Acknowledged by the store, reused ones included.
        bytes_in_flight: Sent for parts that are not acknowledged yet.
        stage: What is being done.
        kept_until: RFC 3339, where a rule of the bucket removes its parts then.
        bytes_checked, bytes_to_check: Of a full check, as the footer counts them; 0 where there is none.
    """

    path: str
    size_bytes: int
    bytes_stored: int
    bytes_reused: int
    bytes_in_flight: int
    parts_in_flight: int
    retries: int
    stage: Stage
    bytes_checked: int = 0
    bytes_to_check: int = 0
    kept_until: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """At most one a second.

    Attributes:
        files: Those in flight.
        files_done: How many ended, however.
        files_total: How many there are.
        bytes_total: Of all files, as far as they can be seen.
        bytes_stored: Of the whole run, reused ones included.
        bytes_sent: In this run, acknowledged or in flight.
    """

    name: ClassVar[str] = "progress"
    files: tuple[FileProgress, ...]
    files_done: int
    files_total: int
    bytes_total: int
    bytes_stored: int
    bytes_sent: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know that is no error: an adjusted setting, a right that is missing."""

    name: ClassVar[str] = "notice"
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class FileDone:
    """A file ended well."""

    name: ClassVar[str] = "file_done"
    report: FileReport


@dataclass(frozen=True, slots=True)
class FileFailed:
    """A file ended otherwise; its error says how."""

    name: ClassVar[str] = "file_failed"
    report: FileReport


Event = (
    Started
    | FileChecked
    | FilePlanned
    | UploadResumed
    | PartSaved
    | PartRetried
    | Throttled
    | RequestMade
    | Progress
    | Notice
    | FileDone
    | FileFailed
)
Observer = Callable[[Event], None]

RunStatus = Literal["ok", "failed", "interrupted"]
MOST_LISTED = 1_000  # above this many files a result lists the failures only


@dataclass(frozen=True, slots=True)
class RunReport:
    """What became of all files.

    Attributes:
        status: `ok` only where every file ended well.
        exit_code: Of the first file, in the order given, that failed.
        files: All of them up to `MOST_LISTED`, above that the failures only.
        counts: How many files ended in each status.
        files_omitted: How many are not in `files`.
        error: Of that first file, or of the run.
    """

    status: RunStatus
    exit_code: int
    seconds: float
    files: tuple[FileReport, ...]
    counts: dict[str, int]
    files_omitted: int = 0
    error: UploadToolError | None = None


def summarize(
    reports: list[FileReport],
    *,
    seconds: float,
    counts: dict[str, int],
    run_error: UploadToolError | None = None,
) -> RunReport:
    """The run's report.

    Args:
        reports: In the order given; above `MOST_LISTED` files those of failures suffice.
        seconds: From the run's start.
        counts: How many files ended in each status.
        run_error: What ended the whole run: it outranks the files' own errors.
    """
    total = sum(counts.values())
    error = run_error or next((report.error for report in reports if report.error is not None), None)
    listed = reports if total <= MOST_LISTED else [report for report in reports if report.error is not None]
    failed: RunStatus = "interrupted" if isinstance(error, InterruptedUploadError) else "failed"
    return RunReport(
        status=failed if error else "ok",
        exit_code=error.exit_code if error else 0,
        seconds=seconds,
        files=tuple(listed),
        counts=counts,
        files_omitted=total - len(listed),
        error=error,
    )
