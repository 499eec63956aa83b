"""The operations on buckets, most of which list something a page at a time."""

import base64
import re
import time
from typing import Final
from urllib.parse import quote

from .documents import Fields, xml_answer
from .errors import S3Error
from .exchange import Exchange
from .intake import read_document
from .records import StoredObject
from .wire import Answer

_BUCKET_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def create_bucket(exchange: Exchange) -> Answer:
    """Make a bucket."""
    read_document(exchange)
    bucket = exchange.request.bucket
    if not _BUCKET_NAME.fullmatch(bucket):
        raise S3Error("InvalidBucketName", "The specified bucket is not valid.")
    if bucket in exchange.store.buckets():
        raise S3Error("BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded.")
    exchange.store.make_bucket(bucket)
    return Answer(200, {"Location": f"/{bucket}"})


def head_bucket(exchange: Exchange) -> Answer:
    """Say that the bucket is there, and where."""
    return Answer(200, {"x-amz-bucket-region": exchange.rules.region, "Content-Length": "0"})


def list_buckets(exchange: Exchange) -> Answer:
    """List all buckets."""
    buckets: Fields = [("Bucket", [("Name", name)]) for name in exchange.store.buckets()]
    return xml_answer("ListAllMyBucketsResult", [("Buckets", buckets)])


def list_objects(exchange: Exchange) -> Answer:
    """List objects, in the second version of that operation."""
    query = exchange.request.query
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    token = query.get("continuation-token", "")
    after = _from_token(token) if token else query.get("start-after", "")
    limit = page_limit(exchange, "max-keys")
    entries = _entries(exchange.store.objects(exchange.request.bucket), prefix, delimiter)
    later = [(name, found) for name, found in entries.items() if name.encode() > after.encode()]
    page = later[:limit]
    fields: Fields = [
        ("Name", exchange.request.bucket),
        ("Prefix", _spelt(exchange, prefix)),
        ("KeyCount", str(len(page))),
        ("MaxKeys", str(limit)),
        ("IsTruncated", str(len(later) > limit).lower()),
    ]
    if delimiter:
        fields.append(("Delimiter", _spelt(exchange, delimiter)))
    if len(later) > limit and page:
        fields.append(("NextContinuationToken", _token(page[-1][0])))
    fields += _encoding(exchange)
    fields += [_contents(exchange, found) for _, found in page if found is not None]
    fields += [("CommonPrefixes", [("Prefix", _spelt(exchange, name))]) for name, found in page if found is None]
    return xml_answer("ListBucketResult", fields)


def _entries(objects: dict[str, StoredObject], prefix: str, delimiter: str) -> dict[str, StoredObject | None]:
    """What a listing shows: objects by key, and None by the common prefix of several."""
    entries: dict[str, StoredObject | None] = {}
    for key, found in objects.items():
        if not key.startswith(prefix):
            continue
        head, mark, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if mark:
            entries[prefix + head + mark] = None
        else:
            entries[key] = found
    return entries


def _contents(exchange: Exchange, stored: StoredObject) -> tuple[str, Fields]:
    fields: Fields = [
        ("Key", _spelt(exchange, stored.key)),
        ("LastModified", iso_date(stored.modified)),
        ("ETag", stored.etag),
        ("Size", str(stored.size)),
        ("StorageClass", stored.headers.get("x-amz-storage-class", "STANDARD")),
    ]
    if stored.checksum is not None:
        fields += [("ChecksumAlgorithm", stored.checksum.algorithm), ("ChecksumType", stored.checksum.type)]
    return "Contents", fields


def list_uploads(exchange: Exchange) -> Answer:
    """List the open multipart uploads of a bucket."""
    query = exchange.request.query
    limit = page_limit(exchange, "max-uploads")
    prefix, marker = query.get("prefix", ""), query.get("key-marker", "")
    uploads = [found for found in exchange.store.uploads(exchange.request.bucket) if found.key.startswith(prefix)]
    ids = [found.id for found in uploads]
    last = query.get("upload-id-marker", "")
    later = (
        uploads[ids.index(last) + 1 :] if last in ids else [up for up in uploads if up.key.encode() > marker.encode()]
    )
    page = later[:limit]
    fields: Fields = [
        ("Bucket", exchange.request.bucket),
        ("KeyMarker", _spelt(exchange, marker)),
        ("UploadIdMarker", last),
        ("Prefix", _spelt(exchange, prefix)),
        ("MaxUploads", str(limit)),
        ("IsTruncated", str(len(later) > limit).lower()),
    ]
    if len(later) > limit and page:
        fields += [("NextKeyMarker", _spelt(exchange, page[-1].key)), ("NextUploadIdMarker", page[-1].id)]
    fields += _encoding(exchange)
    for upload in page:
        entry: Fields = [("Key", _spelt(exchange, upload.key)), ("UploadId", upload.id)]
        fields.append(("Upload", [*entry, ("Initiated", iso_date(upload.started))]))
    return xml_answer("ListMultipartUploadsResult", fields)


def page_limit(exchange: Exchange, name: str) -> int:
    """How many entries the page has: what the client wants, what S3 gives at most, or what the test set."""
    text = exchange.request.query.get(name) or "1000"
    if not text.isdigit():
        raise S3Error("InvalidArgument", f"Provided {name} not an integer or within integer range")
    return min(int(text), 1000, exchange.rules.list_page_size)


def iso_date(seconds: float) -> str:
    """The form of dates in documents."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def _spelt(exchange: Exchange, text: str) -> str:
    return quote(text, safe="/") if exchange.request.query.get("encoding-type") == "url" else text


def _encoding(exchange: Exchange) -> Fields:
    return [("EncodingType", "url")] if exchange.request.query.get("encoding-type") == "url" else []


def _token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode("ascii")


def _from_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode("ascii")).decode()
    except ValueError as exc:
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from exc
