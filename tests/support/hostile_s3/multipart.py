"""The operations on multipart uploads, all but Complete."""

import secrets

from .bucket_settings import abort_headers
from .checksums import KINDS, Checksum
from .documents import Fields, http_date, xml_answer
from .errors import S3Error
from .exchange import LAST_PART, Exchange, PartsPage, encryption_of, no_such_upload
from .intake import Claims, Received, read_claims, received
from .listing import iso_date, page_limit
from .objects import etag_of
from .records import StoredPart, Upload
from .wire import Answer


def create_multipart_upload(exchange: Exchange) -> Answer:
    """Open an upload."""
    algorithm, kind = _algorithm_and_type(exchange.headers)
    upload_id = secrets.token_urlsafe(48)
    upload = Upload(
        id=upload_id,
        bucket=exchange.request.bucket,
        key=exchange.request.key,
        metadata=exchange.metadata(),
        headers=exchange.kept_headers(),
        algorithm=algorithm,
        type=kind,
        started=exchange.rules.clock(),
        folder=exchange.store.upload_folder(upload_id),
    )
    exchange.store.open_upload(upload)
    fields: Fields = [("Bucket", upload.bucket), ("Key", upload.key), ("UploadId", upload.id)]
    return xml_answer("InitiateMultipartUploadResult", fields, _create_headers(exchange, upload))


def _algorithm_and_type(headers: dict[str, str]) -> tuple[str, str]:
    algorithm = headers.get("x-amz-checksum-algorithm", "").upper()
    kind = headers.get("x-amz-checksum-type", "").upper()
    if not algorithm:
        if kind:
            message = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            raise S3Error("InvalidRequest", message)
        return "", ""
    if algorithm not in KINDS:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    if kind and kind not in KINDS[algorithm]:
        message = f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        raise S3Error("InvalidRequest", message)
    return algorithm, kind or KINDS[algorithm][0]


def _create_headers(exchange: Exchange, upload: Upload) -> dict[str, str]:
    named = {"x-amz-checksum-algorithm": upload.algorithm, "x-amz-checksum-type": upload.type}
    headers = encryption_of(upload.headers) | (named if upload.algorithm else {})
    return headers | abort_headers(exchange.rules, upload)


def upload_part(exchange: Exchange) -> Answer:
    """Store a part, in place of an earlier one of its number."""
    number = _part_number(exchange)
    upload = exchange.upload()
    claims = read_claims(exchange)
    _check_algorithm(upload, claims, strict=exchange.rules.parts_need_checksum)
    with received(exchange, claims) as body:
        part = _part_of(exchange, upload, number, body)
        if not exchange.store.keep_part(upload, part, body.path):
            raise no_such_upload()
    return Answer(200, {"ETag": part.etag} | encryption_of(upload.headers) | _part_checksum(exchange, body))


def _part_number(exchange: Exchange) -> int:
    number = exchange.request.part
    if number is None or not 1 <= number <= LAST_PART:
        message = f"Part number must be an integer between 1 and {LAST_PART}, inclusive"
        raise S3Error("InvalidArgument", message, extra={"ArgumentName": "partNumber"})
    return number


def _check_algorithm(upload: Upload, claims: Claims, *, strict: bool) -> None:
    optional = not strict and upload.type == "FULL_OBJECT" and not claims.algorithm
    if upload.algorithm != claims.algorithm and not optional:
        expected, actual = (name.lower() or "null" for name in (upload.algorithm, claims.algorithm))
        message = f"Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"
        raise S3Error("InvalidRequest", message)


def _part_of(exchange: Exchange, upload: Upload, number: int, body: Received) -> StoredPart:
    etag = etag_of(body.md5.hex(), upload.headers, exchange.rules)
    return StoredPart(number, body.size, etag, body.checksum, exchange.rules.clock(), body.crc64nvme)


def _part_checksum(exchange: Exchange, body: Received) -> dict[str, str]:
    default = Checksum("CRC64NVME", body.crc64nvme) if exchange.rules.default_checksum else None
    checksum = body.checksum or default
    return {} if checksum is None else {checksum.header: checksum.value}


def list_parts(exchange: Exchange) -> Answer:
    """List the parts of an upload, a page at a time."""
    upload = exchange.upload()
    after = _number(exchange, "part-number-marker", 0)
    limit = page_limit(exchange, "max-parts")
    page = _page(exchange, tuple(_parts(exchange, upload)), after, limit)
    marker: Fields = [] if page.next_marker is None else [("NextPartNumberMarker", str(page.next_marker))]
    fields: Fields = [
        ("Bucket", upload.bucket),
        ("Key", upload.key),
        ("UploadId", upload.id),
        ("PartNumberMarker", str(after)),
        *marker,
        ("MaxParts", str(limit)),
        ("IsTruncated", str(page.is_truncated).lower()),
        *[("Part", _fields_of(part)) for part in page.shown],
        ("StorageClass", upload.headers.get("x-amz-storage-class", "STANDARD")),
    ]
    if upload.algorithm:
        fields += [("ChecksumAlgorithm", upload.algorithm), ("ChecksumType", upload.type)]
    return xml_answer("ListPartsResult", fields, abort_headers(exchange.rules, upload))


def _page(exchange: Exchange, every: tuple[StoredPart, ...], after: int, limit: int) -> PartsPage:
    later = tuple(part for part in every if part.number > after)
    shown = later[:limit]
    page = PartsPage(every, after, limit, shown, len(later) > limit, shown[-1].number if shown else 0)
    for edit in exchange.page_edits:
        page = edit(page)
    return page


def _parts(exchange: Exchange, upload: Upload) -> list[StoredPart]:
    with upload.lock:
        parts = list(upload.parts.values())
    for edit in exchange.part_edits:
        parts = edit(parts)
    return sorted(parts, key=lambda part: part.number)


def _fields_of(part: StoredPart) -> Fields:
    fields: Fields = [
        ("PartNumber", str(part.number)),
        ("LastModified", iso_date(part.modified)),
        ("ETag", part.etag),
        ("Size", str(part.size)),
    ]
    if part.checksum is not None:
        fields.append((part.checksum.element, part.checksum.value))
    return fields


def _number(exchange: Exchange, name: str, default: int) -> int:
    text = exchange.request.query.get(name) or str(default)
    if not text.isdigit():
        raise S3Error("InvalidArgument", f"Provided {name} not an integer or within integer range")
    return int(text)


def abort_multipart_upload(exchange: Exchange) -> Answer:
    """Drop an upload with its parts."""
    upload = exchange.upload()
    with upload.lock:
        exchange.upload()
        exchange.store.lose_upload(upload.id)
    return Answer(204, {"Date": http_date(exchange.rules.clock())})
