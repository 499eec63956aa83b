"""The rows of README's table of faults: what a store does at which step of a push, scripted on the hostile S3."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.support.hostile_s3 import Fault, HostileS3, Request

Prepare = Callable[[HostileS3], object]

LAST_PART: Final = 3
EVER: Final[Any] = {"times": None}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A push that meets a fault, and the push after it when all is well again.

    Attributes:
        step: Of the push.
        fault: In a reader's words.
        does: Scripts it.
        big: Whether the file is sent in parts.
        resumes: Whether an earlier run had stored all parts and was cut off before Complete.
        to: Of both pushes; the bucket is there for the second one at the latest.
        options: Of the first push alone.
    """

    step: str
    fault: str
    does: Prepare
    big: bool = True
    resumes: bool = False
    to: str = "s3://bkt/in/"
    options: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


def _faults(*faults: Fault) -> Prepare:
    return lambda s3: s3.script(*faults)


def _set(**settings: Any) -> Prepare:
    return lambda s3: s3.apply(settings)


def _both(*prepares: Prepare) -> Prepare:
    return lambda s3: [prepare(s3) for prepare in prepares]


def _names_crc(request: Request) -> bool:
    return any(name.startswith(("x-amz-checksum-", "x-amz-sdk-checksum")) for name in request.headers)


def _late(s3: HostileS3) -> None:
    """Let the server's clock be an hour ahead."""
    clock = s3.clock
    s3.clock = lambda: clock() + 3600.0


_CONNECTING: Final = (
    Row(step="connect", fault="the connection is refused", does=lambda s3: s3.refuse()),
    Row(step="connect", fault="wrong secret", does=_set(credentials={"AKIDEXAMPLE": "another"})),
    Row(step="connect", fault="this machine's clock is an hour slow", does=_late),
    Row(step="look (HEAD)", fault="403", does=_set(deny=["s3:GetObject"])),
    Row(step="look (HEAD)", fault="301 to another region", does=_set(region="eu-west-3")),
    Row(step="look (HEAD)", fault="500, again and again", does=_faults(Fault.status("HeadObject", 500, **EVER))),
)

_CREATE: Final = "CreateMultipartUpload"
_CREATING: Final = (
    Row(step="create", fault="404, there is no such bucket", does=_set(), to="s3://missing/in/"),
    Row(
        step="create",
        fault="403 for want of kms:GenerateDataKey",
        does=_set(encryption="aws:kms", deny=["kms:GenerateDataKey"]),
    ),
    Row(step="create", fault="carried out, the answer lost", does=_faults(Fault.lost_answer(_CREATE))),
    Row(step="create", fault="a login page of something between", does=_faults(Fault.web_page(_CREATE, **EVER))),
    Row(
        step="create",
        fault="400, the CRC's headers are unknown",
        does=_faults(Fault.status("*", 400, code="InvalidArgument", where=_names_crc, **EVER)),
    ),
)

_SENDING: Final = (
    Row(step="part", fault="500 once", does=_faults(Fault.status("UploadPart", 500, part=2))),
    Row(
        step="part",
        fault="the connection is reset in its middle, again and again",
        does=_faults(Fault.reset("UploadPart", part=LAST_PART, after_bytes=1000, **EVER)),
    ),
    Row(
        step="part",
        fault="503 SlowDown, again and again",
        does=_faults(Fault.slow_down("UploadPart", part=LAST_PART, **EVER)),
    ),
    Row(
        step="part",
        fault="403 in its middle",
        does=_faults(Fault.status("UploadPart", 403, part=LAST_PART, after_bytes=1000, **EVER)),
    ),
    Row(
        step="part",
        fault="the session token has expired",
        does=_faults(Fault.expired_token("UploadPart", part=LAST_PART, **EVER)),
        variables={"AWS_SESSION_TOKEN": "token"},
    ),
    Row(
        step="part", fault="404, the upload is forgotten", does=_faults(Fault.lose_upload("UploadPart", part=LAST_PART))
    ),
    Row(
        step="part",
        fault="another checksum in each answer",
        does=_faults(Fault.wrong_checksum("UploadPart", part=LAST_PART, **EVER)),
    ),
)

_LISTING: Final = (
    Row(step="list", fault="403", does=_set(deny=["s3:ListMultipartUploadParts"]), resumes=True),
    Row(step="list", fault="a part is missing in it", does=_faults(Fault.hide_parts({2})), resumes=True),
    Row(step="list", fault="404, the upload is forgotten", does=_faults(Fault.lose_upload("ListParts")), resumes=True),
    Row(
        step="list",
        fault="the first page over and over",
        does=_both(_set(list_page_size=1), _faults(Fault.lying_pages("repeated", **EVER))),
        resumes=True,
    ),
)

_COMPLETE: Final = "CompleteMultipartUpload"
_COMPLETING: Final = (
    Row(step="complete", fault="an error in a 200, once", does=_faults(Fault.error_in_200(_COMPLETE))),
    Row(
        step="complete",
        fault="spaces for a while, then the result",
        does=_faults(Fault.keep_alive(_COMPLETE, delay_s=0.01, spaces=10)),
    ),
    Row(step="complete", fault="carried out, the answer lost", does=_faults(Fault.lost_answer(_COMPLETE))),
    Row(
        step="complete",
        fault="carried out, then 404 NoSuchUpload",
        does=_faults(Fault.false_refusal(_COMPLETE, "NoSuchUpload")),
    ),
    Row(
        step="complete",
        fault="carried out, then 412",
        does=_faults(Fault.false_refusal(_COMPLETE, "PreconditionFailed")),
    ),
    Row(
        step="complete",
        fault="the answer lost, then 404, and no right to look",
        does=_both(_set(deny=["s3:GetObject"]), _faults(Fault.lost_answer(_COMPLETE))),
    ),
    Row(step="complete", fault="412, somebody else was first", does=_faults(Fault.foreign_object(_COMPLETE))),
    Row(step="complete", fault="400, a part was lost", does=_faults(Fault.lose_parts(_COMPLETE, {2}))),
    Row(step="complete", fault="400 BadDigest of the whole", does=_faults(Fault.error(_COMPLETE, "BadDigest", **EVER))),
    Row(
        step="confirm (HEAD)",
        fault="somebody replaced the object just now",
        does=_faults(Fault.foreign_object(_COMPLETE, moment="after")),
    ),
    Row(step="put", fault="carried out, the answer lost", does=_faults(Fault.lost_answer("PutObject")), big=False),
    Row(step="put", fault="412, somebody else was first", does=_faults(Fault.foreign_object("PutObject")), big=False),
    Row(
        step="abort",
        fault="403, with `--restart`",
        does=_set(deny=["s3:AbortMultipartUpload"]),
        resumes=True,
        options=("--restart",),
    ),
)

ROWS: Final = (*_CONNECTING, *_CREATING, *_SENDING, *_LISTING, *_COMPLETING)
