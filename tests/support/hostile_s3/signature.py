"""AWS Signature Version 4 in the Authorization header, checked as S3 checks it."""

import calendar
import hashlib
import hmac
import math
import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from .errors import S3Error
from .rules import Rules
from .wire import Head

UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
UNSIGNED_TRAILER: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

ALGORITHM: Final = "AWS4-HMAC-SHA256"
LARGEST_SKEW_S: Final = 15 * 60

_FORM: Final = re.compile(
    rf"{ALGORITHM} Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<names>[^,\s]+),"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Authorization:
    """The Authorization header, taken apart."""

    key_id: str
    date: str
    region: str
    names: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        """What the signing key is bound to."""
        return f"{self.date}/{self.region}/s3/aws4_request"


def check(head: Head, rules: Rules) -> Authorization:
    """Prove that the head was signed by somebody we know, now.

    Raises:
        S3Error: With the code that S3 has for each thing that can be wrong.
    """
    authorization = parse(head)
    secret = rules.credentials.get(authorization.key_id)
    if secret is None:
        raise S3Error("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    _check_token(head, authorization.key_id, rules)
    stamp = _timestamp(head, rules)
    _check_names(head, authorization)
    expected = sign(head, authorization, stamp, secret)
    if not hmac.compare_digest(expected, authorization.signature) or stamp[:8] != authorization.date:
        message = "The request signature we calculated does not match the signature you provided."
        raise S3Error("SignatureDoesNotMatch", f"{message} Check your key and signing method.")
    return authorization


def parse(head: Head) -> Authorization:
    """Take the Authorization header apart, without judging who wrote it."""
    raw = head.headers.get("authorization")
    if raw is None:
        raise S3Error("AccessDenied", "Access Denied")
    found = _FORM.fullmatch(raw)
    fields = found["credential"].rsplit("/", 4) if found else []
    if found is None or len(fields) != 5 or fields[3:] != ["s3", "aws4_request"]:
        raise S3Error("AuthorizationHeaderMalformed", "The authorization header is malformed.")
    return Authorization(fields[0], fields[1], fields[2], tuple(found["names"].split(";")), found["signature"])


def sign(head: Head, authorization: Authorization, stamp: str, secret: str) -> str:
    """The signature that this head should carry."""
    digest = hashlib.sha256(_canonical(head, authorization.names)).hexdigest()
    text = f"{ALGORITHM}\n{stamp}\n{authorization.scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for piece in (*authorization.scope.split("/"), text):
        key = hmac.new(key, piece.encode(), hashlib.sha256).digest()
    return key.hex()


def _check_token(head: Head, key_id: str, rules: Rules) -> None:
    token = head.headers.get("x-amz-security-token", "")
    if token in rules.expired_tokens or rules.clock() >= rules.token_ends.get(token, math.inf):
        raise S3Error("ExpiredToken", "The provided token has expired.")
    if rules.session_tokens.get(key_id, token) != token:
        raise S3Error("InvalidToken", "The provided token is malformed or otherwise invalid.")


def _timestamp(head: Head, rules: Rules) -> str:
    stamp = head.headers.get("x-amz-date") or _stamp_of_date(head.headers.get("date", ""))
    try:
        seconds = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError as exc:
        raise S3Error("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header") from exc
    if abs(rules.clock() - seconds) > LARGEST_SKEW_S:
        message = "The difference between the request time and the current time is too large."
        raise S3Error("RequestTimeTooSkewed", message, extra={"RequestTime": stamp})
    return stamp


def _stamp_of_date(date: str) -> str:
    try:
        return parsedate_to_datetime(date).strftime("%Y%m%dT%H%M%SZ")
    except ValueError:
        return ""


def _check_names(head: Head, authorization: Authorization) -> None:
    must = {"host", *(name for name in head.headers if name.startswith("x-amz-"))}
    unsigned = must - set(authorization.names)
    if unsigned:
        message = "There were headers present in the request which were not signed"
        raise S3Error("AccessDenied", message, extra={"HeadersNotSigned": ", ".join(sorted(unsigned))})


def _canonical(head: Head, names: tuple[str, ...]) -> bytes:
    lines = [f"{name}:{' '.join(head.headers.get(name, '').split())}" for name in names]
    body = head.headers.get("x-amz-content-sha256", "")
    fields = [
        head.method,
        _encode(head.path, safe="/"),
        _canonical_query(head.query),
        *lines,
        "",
        ";".join(names),
        body,
    ]
    return "\n".join(fields).encode("latin-1")


def _canonical_query(raw: str) -> str:
    pairs = (pair.partition("=") for pair in raw.split("&") if pair)
    return "&".join(f"{name}={value}" for name, value in sorted((_encode(n), _encode(v)) for n, _, v in pairs))


def _encode(raw: str, safe: str = "") -> str:
    return quote(unquote_to_bytes(raw.encode("latin-1")), safe=f"{safe}-_.~")
