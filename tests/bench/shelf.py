"""What the sink knows of objects and uploads: sizes, names and checksums, never content."""

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from itertools import pairwise
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, unquote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from tests.bench.wire import Answer, Body, Head

PAGE: Final = 1_000  # parts or keys in one answer, as at S3
_CHECKSUM: Final = "x-amz-checksum-"
_SIZE_BYTES: Final = 8
_KINDS_OF_CHECKSUM: Final = ("crc64nvme", "crc32c", "crc32", "sha256", "sha1")
_KEPT_HEADERS: Final = ("x-amz-meta-", "content-type", "x-amz-storage-class", "x-amz-server-side-encryption")


class S3Error(Exception):
    """A refusal, by S3's status and code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """A head, taken apart.

    Attributes:
        operation: Method, `bucket` or `key`, and the query name that tells it from others: `PUT key uploadId`.
        name: Bucket and key with a slash between; of a bucket, its name alone.
        headers: Names in lower case; a checksum that came behind the body is among them.
    """

    operation: str
    name: str
    query: dict[str, str]
    headers: dict[str, str]

    @property
    def checksum(self) -> tuple[str, str] | None:
        """Kind and base64 value of the checksum that came along."""
        found = ((kind, self.headers.get(_CHECKSUM + kind)) for kind in _KINDS_OF_CHECKSUM)
        return next(((kind, value) for kind, value in found if value), None)

    @property
    def content_md5(self) -> bytes:
        """The MD5 that came along; empty where none did."""
        return base64.b64decode(self.headers.get("content-md5", ""))

    def kept_headers(self) -> dict[str, str]:
        """Those that HEAD gives back."""
        return {name: value for name, value in self.headers.items() if name.startswith(_KEPT_HEADERS)}


class StoredObject(NamedTuple):
    """An object without its content."""

    size: int
    etag: str
    stored_at: float
    headers: dict[str, str]
    checksum: tuple[str, str] | None


@dataclass(slots=True)
class Upload:
    """A multipart upload; each part is one bytes object of its size and checksum, some 110 bytes with its place."""

    id: str
    name: str
    headers: dict[str, str]
    checksum_kind: str
    parts: dict[int, bytes] = field(default_factory=dict)

    def add(self, number: int, size: int, checksum: str) -> None:
        """Take a part, or another one of its number."""
        self.parts[number] = size.to_bytes(_SIZE_BYTES, "big") + base64.b64decode(checksum)

    def size_of(self, number: int) -> int:
        """A part's bytes."""
        return int.from_bytes(self.parts[number][:_SIZE_BYTES], "big")

    def checksum_of(self, number: int) -> str:
        """A part's checksum in base64; empty where it had none."""
        return base64.b64encode(self.parts[number][_SIZE_BYTES:]).decode()

    def etag_of(self, number: int) -> str:
        """Invented: the same for every content."""
        return _etag(f"{self.id}/{number}")


def read_request(head: Head, trailers: dict[str, str]) -> Request:
    """What is asked for; `trailers` are headers that came behind the body."""
    path, _, raw_query = head.target.partition("?")
    name = unquote(path).removeprefix("/")
    query = dict(parse_qsl(raw_query, keep_blank_values=True))
    kind = "key" if name.partition("/")[2] else "bucket" if name else "service"
    sign = next((word for word in ("uploadId", "uploads", "list-type", "location") if word in query), "")
    operation = f"{head.method} {kind} {sign}".rstrip()
    return Request(operation, name.rstrip("/") if kind == "bucket" else name, query, head.headers | trailers)


class Shelf:
    """All objects and uploads; safe to ask from several threads.

    Args:
        echo_checksums: Give the checksums of requests back as if they had been verified.
    """

    def __init__(self, *, echo_checksums: bool = False) -> None:
        self._echo = echo_checksums
        self._objects: dict[str, StoredObject] = {}
        self._uploads: dict[str, Upload] = {}
        self._made = 0
        self._lock = threading.Lock()
        self._operations: dict[str, Callable[[Request, Body], Answer]] = {
            "PUT key": self._put_object,
            "HEAD key": self._head_object,
            "DELETE key": self._delete_object,
            "POST key uploads": self._create,
            "PUT key uploadId": self._put_part,
            "GET key uploadId": self._list_parts,
            "POST key uploadId": self._complete,
            "DELETE key uploadId": self._abort,
            "PUT bucket": _accept,
            "HEAD bucket": _accept,
            "GET bucket": self._list_objects,
            "GET bucket list-type": self._list_objects,
            "GET bucket location": _locate,
        }

    def answer(self, request: Request, body: Body) -> Answer:
        """Do what a request asks for, its body having gone by."""
        try:
            with self._lock:
                return self._operations.get(request.operation, _refuse)(request, body)
        except S3Error as exc:
            refusal = exc
        except ValueError:
            refusal = S3Error(400, "InvalidArgument")
        answer = _document("Error", _fields(Code=refusal.code, Message=refusal.code))
        return replace(answer, status=refusal.status, body=b"" if request.operation.startswith("HEAD") else answer.body)

    # ----------------------------------------------------------------------------------------------------- objects
    def _put_object(self, request: Request, body: Body) -> Answer:
        self._check_condition(request)
        made = self._keep(
            request.name, body.size, request.kept_headers(), request.checksum, parts=0, md5=request.content_md5
        )
        return Answer(headers={"ETag": made.etag, **self._checksum_headers(made.checksum, whole=True)})

    def _head_object(self, request: Request, _body: Body) -> Answer:
        found = self._objects.get(request.name)
        if found is None:
            raise S3Error(404, "NoSuchKey")
        about = {
            "Content-Length": str(found.size),
            "ETag": found.etag,
            "Last-Modified": formatdate(found.stored_at, usegmt=True),
        }
        asked = request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
        return Answer(
            headers=about | found.headers | (self._checksum_headers(found.checksum, whole=True) if asked else {})
        )

    def _delete_object(self, request: Request, _body: Body) -> Answer:
        self._objects.pop(request.name, None)
        return Answer(204)

    def _list_objects(self, request: Request, _body: Body) -> Answer:
        query, start = request.query, f"{request.name}/"
        after = query.get("continuation-token") or query.get("start-after", "")
        keys = sorted(
            name.removeprefix(start) for name in self._objects if name.startswith(start + query.get("prefix", ""))
        )
        left = [key for key in keys if key > after]
        page = left[: min(PAGE, int(query.get("max-keys", PAGE)))]
        shown = quote if query.get("encoding-type") == "url" else escape
        content = _fields(
            Name=request.name, KeyCount=len(page), MaxKeys=PAGE, IsTruncated=_truth(len(left) > len(page))
        )
        content += "<EncodingType>url</EncodingType>" if shown is quote else ""
        content += _fields(NextContinuationToken=page[-1]) if 0 < len(page) < len(left) else ""
        content += "".join(_listed(shown(key), self._objects[start + key]) for key in page)
        return _document("ListBucketResult", content)

    # ----------------------------------------------------------------------------------------------------- uploads
    def _create(self, request: Request, _body: Body) -> Answer:
        kind = request.headers.get("x-amz-checksum-algorithm", "crc64nvme").lower()
        upload = Upload(secrets.token_hex(16), request.name, request.kept_headers(), kind)
        self._uploads[upload.id] = upload
        bucket, _, key = request.name.partition("/")
        return _document("InitiateMultipartUploadResult", _fields(Bucket=bucket, Key=key, UploadId=upload.id))

    def _put_part(self, request: Request, body: Body) -> Answer:
        upload = self._upload(request)
        number = int(request.query["partNumber"])
        checksum = request.headers.get(_CHECKSUM + upload.checksum_kind, "")
        upload.add(number, body.size, checksum)
        return Answer(headers={"ETag": upload.etag_of(number), **self._checksum_headers(request.checksum, whole=False)})

    def _list_parts(self, request: Request, _body: Body) -> Answer:
        upload = self._upload(request)
        marker = int(request.query.get("part-number-marker", "0"))
        left = sorted(number for number in upload.parts if number > marker)
        page = left[: min(PAGE, int(request.query.get("max-parts", PAGE)))]
        bucket, _, key = upload.name.partition("/")
        content = _fields(Bucket=bucket, Key=key, UploadId=upload.id, PartNumberMarker=marker, MaxParts=PAGE)
        content += _fields(NextPartNumberMarker=page[-1] if page else 0, IsTruncated=_truth(len(left) > len(page)))
        tag = f"Checksum{upload.checksum_kind.upper()}"
        return _document("ListPartsResult", content + "".join(_part(upload, number, tag) for number in page))

    def _complete(self, request: Request, body: Body) -> Answer:
        upload = self._upload(request)
        numbers = _checked_numbers(upload, body.kept)
        size = sum(map(upload.size_of, numbers))
        if request.headers.get("x-amz-mp-object-size", str(size)) != str(size):
            raise S3Error(400, "InvalidRequest")
        self._check_condition(request)
        del self._uploads[upload.id]
        made = self._keep(upload.name, size, upload.headers, request.checksum, parts=len(numbers))
        bucket, _, key = upload.name.partition("/")
        content = _fields(Location=f"/{upload.name}", Bucket=bucket, Key=key, ETag=made.etag)
        if self._echo and made.checksum:
            content += _fields(
                **{f"Checksum{made.checksum[0].upper()}": made.checksum[1], "ChecksumType": "FULL_OBJECT"}
            )
        return _document("CompleteMultipartUploadResult", content)

    def _abort(self, request: Request, _body: Body) -> Answer:
        del self._uploads[self._upload(request).id]
        return Answer(204)

    # ------------------------------------------------------------------------------------------------------ common
    def _upload(self, request: Request) -> Upload:
        upload = self._uploads.get(request.query["uploadId"])
        if upload is None or upload.name != request.name:
            raise S3Error(404, "NoSuchUpload")
        return upload

    def _check_condition(self, request: Request) -> None:
        if request.headers.get("if-none-match") == "*" and request.name in self._objects:
            raise S3Error(412, "PreconditionFailed")

    def _keep(
        self,
        name: str,
        size: int,
        headers: dict[str, str],
        checksum: tuple[str, str] | None,
        *,
        parts: int,
        md5: bytes = b"",
    ) -> StoredObject:
        self._made += 1
        # rclone holds the ETag of a small object against the MD5 that it sent.
        etag = f'"{md5.hex()}"' if md5 else _etag(f"{name}#{self._made}", suffix=f"-{parts}" if parts else "")
        self._objects[name] = StoredObject(size, etag, time.time(), headers, checksum)
        return self._objects[name]

    def _checksum_headers(self, checksum: tuple[str, str] | None, *, whole: bool) -> dict[str, str]:
        if not self._echo or checksum is None:
            return {}
        return {_CHECKSUM + checksum[0]: checksum[1], **({"x-amz-checksum-type": "FULL_OBJECT"} if whole else {})}


def _checked_numbers(upload: Upload, document: bytes) -> list[int]:
    """The numbers of the parts that Complete lists, each known by number and ETag."""
    try:
        listed = [(int(_text(part, "PartNumber")), _text(part, "ETag")) for part in _parts_of(ET.fromstring(document))]
    except (ET.ParseError, ValueError) as exc:
        raise S3Error(400, "MalformedXML") from exc
    if not listed:
        raise S3Error(400, "MalformedXML")
    if any(
        number not in upload.parts or etag.strip('"') != upload.etag_of(number).strip('"') for number, etag in listed
    ):
        raise S3Error(400, "InvalidPart")
    if any(first >= second for (first, _), (second, _) in pairwise(listed)):
        raise S3Error(400, "InvalidPartOrder")
    return [number for number, _ in listed]


def _parts_of(root: ET.Element) -> Iterable[ET.Element]:
    return root.iterfind("{*}Part")


def _text(element: ET.Element, name: str) -> str:
    return (element.findtext(f"{{*}}{name}") or "").strip()


def _etag(seed: str, suffix: str = "") -> str:
    return f'"{hashlib.md5(seed.encode(), usedforsecurity=False).hexdigest()}{suffix}"'


def _part(upload: Upload, number: int, tag: str) -> str:
    checksum = upload.checksum_of(number)
    content = _fields(PartNumber=number, Size=upload.size_of(number), ETag=upload.etag_of(number), LastModified=_EPOCH)
    return f"<Part>{content}{_fields(**{tag: checksum}) if checksum else ''}</Part>"


def _listed(key: str, found: StoredObject) -> str:
    stored_at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(found.stored_at))
    content = _fields(LastModified=stored_at, ETag=found.etag, Size=found.size, StorageClass="STANDARD")
    return f"<Contents><Key>{key}</Key>{content}</Contents>"


_EPOCH: Final = "1970-01-01T00:00:00.000Z"


def _truth(claim: object) -> str:
    return "true" if claim else "false"


def _fields(**values: object) -> str:
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items())


def _document(name: str, content: str) -> Answer:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}>{content}</{name}>'
    return Answer(headers={"Content-Type": "application/xml"}, body=text.encode())


def _accept(_request: Request, _body: Body) -> Answer:
    return Answer(headers={"x-amz-bucket-region": "us-east-1"})


def _locate(_request: Request, _body: Body) -> Answer:
    return _document("LocationConstraint", "")


def _refuse(_request: Request, _body: Body) -> Answer:
    raise S3Error(501, "NotImplemented")
