"""Which operation a request is for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from .wire import Head

UNKNOWN: Final = "NotImplemented"

# Method, the query names that must be there, operation; the first that fits wins.
_SERVICE: Final = (("GET", (), "ListBuckets"),)
_BUCKET: Final = (
    ("PUT", (), "CreateBucket"),
    ("HEAD", (), "HeadBucket"),
    ("GET", ("location",), "GetBucketLocation"),
    ("GET", ("versioning",), "GetBucketVersioning"),
    ("GET", ("encryption",), "GetBucketEncryption"),
    ("GET", ("lifecycle",), "GetBucketLifecycleConfiguration"),
    ("GET", ("uploads",), "ListMultipartUploads"),
    ("GET", ("list-type",), "ListObjectsV2"),
)
_OBJECT: Final = (
    ("PUT", ("partNumber", "uploadId"), "UploadPart"),
    ("PUT", (), "PutObject"),
    ("POST", ("uploads",), "CreateMultipartUpload"),
    ("POST", ("uploadId",), "CompleteMultipartUpload"),
    ("DELETE", ("uploadId",), "AbortMultipartUpload"),
    ("DELETE", (), "DeleteObject"),
    ("GET", ("uploadId",), "ListParts"),
    ("GET", ("tagging",), "GetObjectTagging"),
    ("GET", (), "GetObject"),
    ("HEAD", (), "HeadObject"),
)
# Query names that pick a part of an API that is not here, unless an operation above names them.
_FOREIGN: Final = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "attributes",
        "cors",
        "delete",
        "encryption",
        "inventory",
        "legal-hold",
        "lifecycle",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select",
        "torrent",
        "versions",
        "website",
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as far as its head tells.

    Attributes:
        operation: S3's name for it, for example `UploadPart`; `NotImplemented` where this store has none.
        part: The part number, where the query names one that is a number.
        upload_id: Of the multipart upload, where the query names one.
        query: Decoded; the last of repeated names.
    """

    operation: str
    bucket: str
    key: str
    part: int | None
    upload_id: str | None
    query: dict[str, str]
    head: Head

    @property
    def headers(self) -> dict[str, str]:
        """The headers, names in lower case."""
        return self.head.headers


def route(head: Head) -> Request:
    """Read bucket, key, query and operation from a head, in path style or by the host `BUCKET.localhost`."""
    query = parse_query(head.query)
    bucket, key = _bucket_and_key(head)
    part = query.get("partNumber", "")
    return Request(
        operation=_operation(head, bucket, key, query),
        bucket=bucket,
        key=key,
        part=int(part) if part.isascii() and part.isdigit() else None,
        upload_id=query.get("uploadId"),
        query=query,
        head=head,
    )


def parse_query(raw: str) -> dict[str, str]:
    """Names and values, decoded; a name without a value has an empty one."""
    pairs = (pair.partition("=") for pair in raw.split("&") if pair)
    return {unquote(name): unquote(value) for name, _, value in pairs}


def _bucket_and_key(head: Head) -> tuple[str, str]:
    host = head.headers.get("host", "").partition(":")[0]
    path = unquote(head.path.removeprefix("/"))
    if host.endswith(".localhost"):
        return host.removesuffix(".localhost"), path
    bucket, _, key = path.partition("/")
    return bucket, key


def _operation(head: Head, bucket: str, key: str, query: dict[str, str]) -> str:
    if "x-amz-copy-source" in head.headers:
        return UNKNOWN
    table = _OBJECT if key else _BUCKET if bucket else _SERVICE
    return _first_fit(table, head.method, query)


def _first_fit(table: Iterable[tuple[str, tuple[str, ...], str]], method: str, query: dict[str, str]) -> str:
    for wanted, names, operation in table:
        foreign = (_FOREIGN & query.keys()) - set(names)
        if method == wanted and not foreign and all(name in query for name in names):
            return operation
    return UNKNOWN
