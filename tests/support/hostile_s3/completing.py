"""CompleteMultipartUpload: the parts become an object, if everything the client says of them holds."""

import base64
import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from .checksums import COMPOSITE, FULL_OBJECT, SIZES, Checksum, Running, composite, encode, start
from .documents import Fields, malformed, parse_parts, xml_answer
from .errors import S3Error
from .exchange import LAST_PART, Exchange
from .intake import read_document
from .objects import etag_of, new_version, written
from .records import StoredObject, StoredPart, Upload
from .wire import READ_SIZE, Answer


def complete_multipart_upload(exchange: Exchange) -> Answer:
    """Make an object of the parts; after any refusal the upload and its parts are still there."""
    upload = exchange.upload()
    asked = parse_parts(read_document(exchange))
    with upload.lock:
        exchange.upload()
        parts = _chosen(exchange, upload, asked)
        exchange.check_conditions(exchange.current())
        _check_size(exchange, parts)
        with _joined(exchange, upload, parts) as (path, checksum):
            _check_checksum(exchange, checksum)
            new = _object_of(exchange, upload, parts, path, checksum)
            kept = exchange.store.keep(upload.bucket, new, exchange.check_conditions)
        exchange.store.lose_upload(upload.id)
    return _answer(exchange, upload, kept, checksum)


def _chosen(exchange: Exchange, upload: Upload, asked: list[dict[str, str]]) -> list[StoredPart]:
    """The stored parts that the document names."""
    numbers = [_number(part) for part in asked]
    if numbers != sorted(set(numbers)):
        message = "The list of parts was not in ascending order. Parts must be ordered by part number."
        raise S3Error("InvalidPartOrder", message)
    parts = [_match(upload, number, part) for number, part in zip(numbers, asked, strict=True)]
    if upload.type == COMPOSITE and numbers != list(range(1, len(numbers) + 1)):
        raise S3Error("InternalError", "We encountered an internal error. Please try again.")
    for part in parts[:-1]:
        if part.size < exchange.rules.min_part_size:
            raise _too_small(exchange, part)
    return parts


def _number(asked: dict[str, str]) -> int:
    number = asked.get("PartNumber", "")
    if not number.isdigit() or not 1 <= int(number) <= LAST_PART or "ETag" not in asked:
        raise malformed()
    return int(number)


def _match(upload: Upload, number: int, asked: dict[str, str]) -> StoredPart:
    part = upload.parts.get(number)
    if part is None or part.etag.strip('"') != asked["ETag"].strip('"'):
        raise _no_such_part(upload, number)
    said = {name: value for name, value in asked.items() if name.startswith("Checksum")}
    if upload.type == COMPOSITE and not said:
        message = f"The upload was created using a {upload.algorithm.lower()} checksum. The complete request must"
        raise S3Error(
            "InvalidRequest", f"{message} include the checksum for each part. It was missing for part {number}."
        )
    known = part.checksum if upload.algorithm else Checksum("CRC64NVME", part.crc64nvme)
    if said and (known is None or said != {known.element: known.value}):
        raise _no_such_part(upload, number)
    return part


def _no_such_part(upload: Upload, number: int) -> S3Error:
    message = "One or more of the specified parts could not be found. The part may not have been uploaded, or the"
    extra = {"UploadId": upload.id, "PartNumber": str(number)}
    return S3Error("InvalidPart", f"{message} specified entity tag may not match the part's entity tag.", extra=extra)


def _too_small(exchange: Exchange, part: StoredPart) -> S3Error:
    extra = {
        "ProposedSize": str(part.size),
        "MinSizeAllowed": str(exchange.rules.min_part_size),
        "PartNumber": str(part.number),
        "ETag": part.etag.strip('"'),
    }
    return S3Error("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", extra=extra)


def _check_size(exchange: Exchange, parts: list[StoredPart]) -> None:
    said = exchange.headers.get("x-amz-mp-object-size")
    size = sum(part.size for part in parts)
    if said is not None and said != str(size):
        message = f"The provided 'x-amz-mp-object-size' header value {said} does not match what was computed: {size}"
        raise S3Error("InvalidRequest", message)


@contextlib.contextmanager
def _joined(exchange: Exchange, upload: Upload, parts: list[StoredPart]) -> Iterator[tuple[Path, Checksum]]:
    """A new file with the parts in a row, and the checksum of the whole, computed over those bytes."""
    path = exchange.store.new_file()
    running = start(upload.algorithm or "CRC64NVME")
    try:
        with path.open("wb") as file:
            for part in parts:
                for piece in _pieces(upload.path_of(part.number), running):
                    file.write(piece)
        yield path, _checksum(upload, parts, running)
    finally:
        path.unlink(missing_ok=True)


def _pieces(path: Path, running: Running) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(READ_SIZE):
            running.update(piece)
            yield piece


def _checksum(upload: Upload, parts: list[StoredPart], running: Running) -> Checksum:
    if upload.type != COMPOSITE:
        return Checksum(upload.algorithm or "CRC64NVME", encode(running.digest()), FULL_OBJECT)
    values = [part.checksum.value for part in parts if part.checksum is not None]
    return Checksum(upload.algorithm, composite(upload.algorithm, values), COMPOSITE)


def _check_checksum(exchange: Exchange, computed: Checksum) -> None:
    kind = exchange.headers.get("x-amz-checksum-type", computed.type)
    if kind != computed.type:
        message = f"The upload was created using the {computed.type} checksum mode."
        raise S3Error("InvalidRequest", f"{message} The complete request must use the same checksum mode.")
    claimed = exchange.claimed_checksum()
    if claimed is None:
        return
    algorithm, value = claimed
    if not _is_spelt(algorithm, value):
        raise S3Error("InvalidRequest", f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")
    if algorithm != computed.algorithm or _bare(value) != _bare(computed.value):
        raise S3Error("BadDigest", f"The {algorithm.lower()} you specified did not match the calculated checksum.")


def _bare(value: str) -> str:
    return value.partition("-")[0]


def _is_spelt(algorithm: str, value: str) -> bool:
    try:
        return len(base64.b64decode(_bare(value), validate=True)) == SIZES[algorithm]
    except ValueError:
        return False


def _object_of(
    exchange: Exchange, upload: Upload, parts: list[StoredPart], path: Path, checksum: Checksum
) -> StoredObject:
    return StoredObject(
        key=upload.key,
        path=path,
        size=sum(part.size for part in parts),
        etag=_etag(exchange, upload, parts),
        metadata=upload.metadata,
        # Without an algorithm at Create the store's own checksum is in Complete's answer and nowhere else.
        checksum=checksum if upload.algorithm else None,
        headers=upload.headers,
        parts=tuple(parts),
        version_id=new_version(exchange.rules),
        modified=exchange.rules.clock(),
    )


def _etag(exchange: Exchange, upload: Upload, parts: list[StoredPart]) -> str:
    # The parts' own ETags may be random; those that are no MD5 give one more random value.
    joined = hashlib.md5(usedforsecurity=False)
    for part in parts:
        joined.update(bytes.fromhex(part.etag.strip('"')))
    plain = etag_of(joined.hexdigest(), upload.headers, exchange.rules).strip('"')
    return f'"{plain}-{len(parts)}"'


def _answer(exchange: Exchange, upload: Upload, kept: StoredObject, checksum: Checksum) -> Answer:
    fields: Fields = [
        ("Location", f"http://{exchange.headers.get('host', '')}/{upload.bucket}/{upload.key}"),
        ("Bucket", upload.bucket),
        ("Key", upload.key),
        ("ETag", kept.etag),
    ]
    if upload.algorithm or exchange.rules.default_checksum:
        fields += [(checksum.element, checksum.value), ("ChecksumType", checksum.type)]
    headers = {name: text for name, text in written(kept).items() if name != "ETag"}
    return xml_answer("CompleteMultipartUploadResult", fields, headers)
