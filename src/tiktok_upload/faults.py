"""What can go wrong at the store, sorted by what to do about it; no library's types.

The store raises `StoreFault`; the transfer decides by its `kind`; `explain` words it for a user.
"""

from dataclasses import dataclass
from enum import StrEnum

from tiktok_upload import errors


class Kind(StrEnum):
    """What a fault means for the request that met it."""

    TRANSIENT = "transient"  # try again: the network, 500, a body damaged on its way
    THROTTLED = "throttled"  # try again, later, and everybody else later, too
    NOT_FOUND = "not_found"  # HEAD's 404: the key, or the bucket; it does not say which
    NO_SUCH_UPLOAD = "no_such_upload"
    INVALID_PART = "invalid_part"  # Complete names a part that the store has not, or has otherwise
    PRECONDITION = "precondition"  # 412: an object is already there
    RACE = "race"  # 409: another request changed the key at the same moment
    WRONG_CONTENT = "wrong_content"  # Complete: the whole object is not what we say it is
    DENIED = "denied"
    NO_BUCKET = "no_bucket"
    CREDENTIALS = "credentials"
    EXPIRED = "expired"
    CLOCK = "clock"
    REGION = "region"
    UNREACHABLE = "unreachable"  # try again: no connection could be made
    REFUSED = "refused"  # any other 4xx


RETRYABLE = frozenset({Kind.TRANSIENT, Kind.THROTTLED, Kind.UNREACHABLE})

_BY_CODE = {
    "SlowDown": Kind.THROTTLED,
    "Throttling": Kind.THROTTLED,
    "ThrottlingException": Kind.THROTTLED,
    "RequestLimitExceeded": Kind.THROTTLED,
    "TooManyRequests": Kind.THROTTLED,
    "NoSuchUpload": Kind.NO_SUCH_UPLOAD,
    "InvalidPart": Kind.INVALID_PART,
    "InvalidPartOrder": Kind.INVALID_PART,
    "PreconditionFailed": Kind.PRECONDITION,
    "ConditionalRequestConflict": Kind.RACE,
    "NoSuchBucket": Kind.NO_BUCKET,
    "ExpiredToken": Kind.EXPIRED,
    "ExpiredTokenException": Kind.EXPIRED,
    "RequestExpired": Kind.EXPIRED,
    "TokenRefreshRequired": Kind.EXPIRED,
    "InvalidAccessKeyId": Kind.CREDENTIALS,
    "InvalidToken": Kind.CREDENTIALS,
    "SignatureDoesNotMatch": Kind.CREDENTIALS,
    "InvalidSecurity": Kind.CREDENTIALS,
    "NotSignedUp": Kind.CREDENTIALS,
    "RequestTimeTooSkewed": Kind.CLOCK,
    "PermanentRedirect": Kind.REGION,
    "AuthorizationHeaderMalformed": Kind.REGION,
    "IllegalLocationConstraintException": Kind.REGION,
    # The store closed a slow connection, or the body was damaged on its way: the same bytes again.
    "RequestTimeout": Kind.TRANSIENT,
    "BadDigest": Kind.TRANSIENT,
    "XAmzContentChecksumMismatch": Kind.TRANSIENT,
    "XAmzContentSHA256Mismatch": Kind.TRANSIENT,
    "IncompleteBody": Kind.TRANSIENT,
    "InternalError": Kind.TRANSIENT,
    "OperationAborted": Kind.TRANSIENT,
}
_BY_STATUS = {
    301: Kind.REGION,
    307: Kind.TRANSIENT,
    401: Kind.CREDENTIALS,
    403: Kind.DENIED,
    404: Kind.NOT_FOUND,
    408: Kind.TRANSIENT,
    409: Kind.RACE,
    412: Kind.PRECONDITION,
    423: Kind.DENIED,
    429: Kind.THROTTLED,
    501: Kind.REFUSED,
    503: Kind.THROTTLED,
}


@dataclass(eq=False)
class StoreFault(Exception):  # noqa: N818 - one answer of the store; our errors are made of it
    """One request's failure.

    Attributes:
        kind: What to do about it.
        status: HTTP status; 0 where no answer came.
        code: The store's code (`SlowDown`), or a short word for a network failure.
        retry_after_s: How long the store asks to wait, where it does.
        region: The bucket's region, where the store names it.
        credentials: Which generation of them the request was signed with.
        request_id: The store's, by which its owner finds the request.
    """

    kind: Kind
    status: int = 0
    code: str = ""
    retry_after_s: float | None = None
    region: str | None = None
    credentials: int = 0
    request_id: str = ""

    def __str__(self) -> str:
        """For a message: `503 SlowDown`, or the network failure's word."""
        return " ".join(filter(None, (str(self.status) if self.status else "", self.code)))

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.kind in RETRYABLE


def classify(status: int, code: str) -> Kind:
    """By the code; where it is unknown by the status; 5xx may pass, any other 4xx will not.

    A 200 with an error in its body has only the code.
    """
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Kind.REFUSED if 400 <= status < 500 else Kind.TRANSIENT  # noqa: PLR2004 - HTTP's classes


def explain(fault: StoreFault, doing: str, *, kept: str = "") -> errors.UploadToolError:
    """The error to show for a fault that no retry or reconciliation helped.

    Args:
        fault: The last one met.
        doing: What was tried, as a clause: `part 37 of 112 was not stored`.
        kept: What is safe.
    """
    kind, wording = _EXPLAINED.get(fault.kind, (errors.StoreRefusedError, ""))
    message = f"{doing}: the store answered {fault}" if fault.status else f"{doing}: {fault}"
    if fault.kind is Kind.REGION and fault.region:
        wording = f"the bucket is in {fault.region}: add --region {fault.region}"
    return kind(message, hint=wording, kept=kept, code=fault.kind.value)


_RIGHTS = (
    "ask the bucket's owner for s3:PutObject, s3:AbortMultipartUpload and s3:ListMultipartUploadParts on this key"
    " (and kms:GenerateDataKey, kms:Decrypt where the bucket is encrypted with KMS)"
)
_EXPLAINED: dict[Kind, tuple[type[errors.UploadToolError], str]] = {
    Kind.TRANSIENT: (errors.TransferError, ""),
    Kind.THROTTLED: (errors.TransferError, "the store is overloaded: run the same command again later to continue"),
    Kind.UNREACHABLE: (
        errors.TransferError,
        "check the network, the proxy and --endpoint-url, then run the same command again",
    ),
    Kind.NO_SUCH_UPLOAD: (errors.TransferError, "the store forgets uploads: run the same command again"),
    Kind.INVALID_PART: (errors.TransferError, "run the same command again; if it fails again, add --restart"),
    Kind.WRONG_CONTENT: (errors.WrongObjectError, "run the same command again with --restart; nothing was stored"),
    Kind.PRECONDITION: (errors.ConflictError, ""),
    Kind.RACE: (errors.ConflictError, "somebody else writes to this key: choose another, or run the command again"),
    Kind.DENIED: (
        errors.StoreRefusedError,
        _RIGHTS,
    ),
    Kind.NO_BUCKET: (errors.StoreRefusedError, "check the bucket's name in --to, and --endpoint-url"),
    Kind.NOT_FOUND: (errors.StoreRefusedError, "check the bucket's name in --to, and --endpoint-url"),
    Kind.CREDENTIALS: (
        errors.CredentialsError,
        "check the access key, its secret and --profile, then run the same command again",
    ),
    Kind.EXPIRED: (errors.CredentialsError, ""),
    Kind.CLOCK: (errors.CredentialsError, "set this machine's clock (the store allows 15 minutes), then run again"),
    Kind.REFUSED: (
        errors.StoreRefusedError,
        "check what the store is asked for: --storage-class, --sse, --kms-key-id, --acl, --tag, --checksum",
    ),
    Kind.REGION: (errors.StoreRefusedError, "find the bucket's region and add --region"),
}
