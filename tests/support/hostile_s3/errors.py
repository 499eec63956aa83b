"""How an exchange ends when it does not end well."""

from typing import Final

STATUS_OF: Final = {
    "AccessDenied": 403,
    "AuthorizationHeaderMalformed": 400,
    "BadDigest": 400,
    "BucketAlreadyOwnedByYou": 409,
    "ConditionalRequestConflict": 409,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "ExpiredToken": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidDigest": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidToken": 400,
    "KeyTooLongError": 400,
    "MalformedTrailerError": 400,
    "MalformedXML": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchLifecycleConfiguration": 404,
    "NoSuchUpload": 404,
    "NoSuchVersion": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "OperationAborted": 409,
    "PermanentRedirect": 301,
    "PreconditionFailed": 412,
    "RequestTimeTooSkewed": 403,
    "RequestTimeout": 400,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "XAmzContentSHA256Mismatch": 400,
}


class S3Error(Exception):
    """An answer that refuses.

    Attributes:
        code: S3's word for it.
        status: The HTTP status; S3 now and then puts an error into a 200.
        message: For people.
        extra: Further elements of the error document.
        headers: Further headers.
        hang_up: Whether the connection ends at once, with the rest of the body unread.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        status: int | None = None,
        extra: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        hang_up: bool = False,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message or f"The request was refused: {code}."
        self.status = STATUS_OF.get(code, 400) if status is None else status
        self.extra = extra or {}
        self.headers = headers or {}
        self.hang_up = hang_up


class HangUpError(Exception):
    """The connection ends here without an answer; `reset` says by RST."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


class PeerGoneError(Exception):
    """The client closed or broke the connection."""
