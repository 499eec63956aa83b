"""The operations on whole objects."""

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .checksums import Checksum, encode, start
from .documents import Fields, http_date, xml_answer
from .errors import S3Error
from .exchange import Exchange, encryption_of, hides_content
from .intake import Received, read_claims, received
from .records import StoredObject
from .rights import hides_absence
from .routing import parse_query
from .rules import Rules
from .store import Store
from .wire import READ_SIZE, Answer

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


def put_object(exchange: Exchange) -> Answer:
    """Store a body as an object."""
    claims = read_claims(exchange)
    exchange.check_conditions(exchange.current())
    with received(exchange, claims) as body:
        new = _object_of(exchange, body)
        kept = exchange.store.keep(exchange.request.bucket, new, exchange.check_conditions)
    return Answer(200, written(kept) | checksum_headers(kept.checksum))


def _object_of(exchange: Exchange, body: Received) -> StoredObject:
    headers = exchange.kept_headers()
    default = Checksum("CRC64NVME", body.crc64nvme) if exchange.rules.default_checksum else None
    return StoredObject(
        key=exchange.request.key,
        path=body.path,
        size=body.size,
        etag=etag_of(body.md5.hex(), headers, exchange.rules),
        metadata=exchange.metadata(),
        checksum=body.checksum or default,
        headers=headers,
        parts=(),
        version_id=new_version(exchange.rules),
        modified=exchange.rules.clock(),
    )


def planted(
    store: Store, rules: Rules, bucket: str, key: str, *, data: bytes, metadata: Mapping[str, str]
) -> StoredObject:
    """An object that is there without any request."""
    path = store.new_file()
    path.write_bytes(data)
    running, md5 = start("CRC64NVME"), start("MD5")
    running.update(data)
    md5.update(data)
    new = StoredObject(
        key=key,
        path=path,
        size=len(data),
        etag=etag_of(md5.digest().hex(), {}, rules),
        metadata=dict(metadata),
        checksum=Checksum("CRC64NVME", encode(running.digest())) if rules.default_checksum else None,
        headers={},
        parts=(),
        version_id=new_version(rules),
        modified=rules.clock(),
    )
    return store.keep(bucket, new, lambda _: None)


def etag_of(content: str, headers: dict[str, str], rules: Rules) -> str:
    """The ETag with its quotes: that of the content, or one that says nothing."""
    if rules.random_etags or hides_content(headers):
        content = secrets.token_hex(16)
    return f'"{content}"'


def new_version(rules: Rules) -> str:
    """A version id, or nothing where versioning is off."""
    return secrets.token_urlsafe(24) if rules.versioning else ""


def written(stored: StoredObject) -> dict[str, str]:
    """The headers that an answer to a write carries."""
    version = {"x-amz-version-id": stored.version_id} if stored.version_id else {}
    return {"ETag": stored.etag} | encryption_of(stored.headers) | version


def checksum_headers(checksum: Checksum | None) -> dict[str, str]:
    """The checksum and its type."""
    return {} if checksum is None else {checksum.header: checksum.value, "x-amz-checksum-type": checksum.type}


def head_object(exchange: Exchange) -> Answer:
    """Describe an object."""
    stored = _wanted(exchange)
    return Answer(200, _description(exchange, stored) | {"Content-Length": str(stored.size)})


def get_object(exchange: Exchange) -> Answer:
    """Give an object's bytes, or a range of them."""
    stored = _wanted(exchange)
    span = _span(exchange.headers.get("range", ""), stored.size)
    headers = _description(exchange, stored) | {"Content-Length": str(span.length)}
    if span.partial:
        headers["Content-Range"] = f"bytes {span.first}-{span.first + span.length - 1}/{stored.size}"
        headers = {name: text for name, text in headers.items() if not name.startswith("x-amz-checksum-")}
    return Answer(206 if span.partial else 200, headers, stream=_pieces(stored.path, span))


def delete_object(exchange: Exchange) -> Answer:
    """Take an object away; that there is none is no error."""
    exchange.store.remove(exchange.request.bucket, exchange.request.key)
    marker = {"x-amz-delete-marker": "true", "x-amz-version-id": new_version(exchange.rules)}
    return Answer(204, marker if exchange.rules.versioning else {})


def get_object_tagging(exchange: Exchange) -> Answer:
    """List an object's tags."""
    tags = parse_query(_wanted(exchange).headers.get("x-amz-tagging", ""))
    fields: Fields = [("Tag", [("Key", name), ("Value", value)]) for name, value in tags.items()]
    return xml_answer("Tagging", [("TagSet", fields)])


def _wanted(exchange: Exchange) -> StoredObject:
    version = exchange.request.query.get("versionId", "")
    stored = exchange.store.find(exchange.request.bucket, exchange.request.key, version)
    if stored is None:
        raise _absent(exchange, version)
    only, unless = exchange.headers.get("if-match"), exchange.headers.get("if-none-match")
    if only is not None and only.strip('"') != stored.etag.strip('"'):
        raise S3Error("PreconditionFailed")
    if unless is not None and unless.strip('"') in {"*", stored.etag.strip('"')}:
        raise S3Error("NotModified")
    return stored


def _absent(exchange: Exchange, version: str) -> S3Error:
    if hides_absence(exchange):
        return S3Error("AccessDenied", "Access Denied")
    if version:
        return S3Error("NoSuchVersion", "The specified version does not exist.")
    return S3Error("NoSuchKey", "The specified key does not exist.")


def _description(exchange: Exchange, stored: StoredObject) -> dict[str, str]:
    headers = {
        "Last-Modified": http_date(stored.modified),
        "Accept-Ranges": "bytes",
        "Content-Type": "binary/octet-stream",
        **written(stored),
        **{f"x-amz-meta-{name}": text for name, text in stored.metadata.items()},
        **{_NAMES.get(name, name): text for name, text in stored.headers.items() if name in _SHOWN},
    }
    tags = parse_query(stored.headers.get("x-amz-tagging", ""))
    if tags:
        headers["x-amz-tagging-count"] = str(len(tags))
    if exchange.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers |= checksum_headers(stored.checksum)
    return headers


_NAMES: Final = {"content-type": "Content-Type"}
_SHOWN: Final = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
        "x-amz-storage-class",
    }
)


@dataclass(frozen=True, slots=True)
class _Span:
    first: int
    length: int
    partial: bool


def _span(asked: str, size: int) -> _Span:
    """The bytes that a Range header asks for; a header that is none is passed over, as HTTP has it."""
    found = _RANGE.fullmatch(asked)
    if found is None or not (found[1] or found[2]):
        return _Span(0, size, partial=False)
    if found[1]:
        first, last = int(found[1]), min(int(found[2] or size), size - 1)
    else:
        first, last = max(0, size - int(found[2])), size - 1
    if first > last:
        raise S3Error("InvalidRange", "The requested range is not satisfiable", extra={"ActualObjectSize": str(size)})
    return _Span(first, last - first + 1, partial=True)


def _pieces(path: Path, span: _Span) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(span.first)
        left = span.length
        while left and (piece := file.read(min(left, READ_SIZE))):
            left -= len(piece)
            yield piece
