"""`verify`: is the stored object still the one of a receipt."""

import time
from dataclasses import replace
from pathlib import Path

from tiktok_upload.answers import Absence, ObjectSeen, Seen
from tiktok_upload.api import nobody
from tiktok_upload.checksum import CRC32, CRC32C, CRC64NVME
from tiktok_upload.errors import StoreRefusedError, UploadToolError, WrongObjectError
from tiktok_upload.events import ChecksumReport, FileDone, FileFailed, FileReport, Observer, RunReport, summarize
from tiktok_upload.faults import StoreFault, explain
from tiktok_upload.receipt import Receipt, read_receipt
from tiktok_upload.settings import Connection, PushOptions
from tiktok_upload.stop import Stop
from tiktok_upload.store import S3Store
from tiktok_upload.wiring import clients_for, tools_for

_UNVERSIONED = "null"  # what S3 calls the version of an object in a bucket that keeps none


def verify(
    receipt: Path, *, connection: Connection | None = None, retry_for_s: float = 60.0, observe: Observer = nobody
) -> RunReport:
    """Whether the stored object is still the one of this receipt: size, checksum, ETag, version.

    Raises:
        UploadToolError: The receipt cannot be read, or the store not be reached.
    """
    started_s = time.monotonic()
    proof = read_receipt(receipt)
    connection = connection or Connection()
    options = PushOptions(
        connection=replace(connection, endpoint_url=connection.endpoint_url or proof.endpoint or None),
        retry_for_s=retry_for_s,
    )
    clients = clients_for(options, connections=2)
    tools = tools_for(
        options, S3Store(clients, proof.bucket, proof=options.proof, options=options.object_options), Stop()
    )
    try:
        seen = tools.retries.call(lambda: tools.store.head(proof.key), lambda *_: None)
    except StoreFault as fault:
        raise explain(fault, f"s3://{proof.bucket}/{proof.key} could not be looked at") from fault
    report = _verified(proof, seen, time.monotonic() - started_s)
    observe(FileDone(report) if report.error is None else FileFailed(report))
    return summarize([report], seconds=report.seconds, counts={report.status: 1})


def _verified(proof: Receipt, seen: Seen, seconds: float) -> FileReport:
    uri = f"s3://{proof.bucket}/{proof.key}"
    error = _difference(proof, seen, uri)
    algorithm, value = proof.checksum
    names_it = isinstance(seen, ObjectSeen) and seen.checksums.get(f"Checksum{algorithm}") == value
    return FileReport(
        path=proof.path,
        uri=uri,
        status="failed" if error else "verified",
        size_bytes=proof.size_bytes,
        rows=proof.rows,
        seconds=seconds,
        etag=seen.etag if isinstance(seen, ObjectSeen) else None,
        version_id=seen.version_id if isinstance(seen, ObjectSeen) else None,
        checksum=ChecksumReport(algorithm, value, names_it),
        error=error,
    )


def _difference(proof: Receipt, seen: Seen, uri: str) -> UploadToolError | None:
    if seen is Absence.FORBIDDEN:
        return StoreRefusedError(f"there is no right to look at {uri}", hint="ask the bucket's owner for s3:GetObject")
    if not isinstance(seen, ObjectSeen):
        return WrongObjectError(f"{uri} is gone")
    known = {crc.name: crc.field for crc in (CRC64NVME, CRC32C, CRC32)}
    theirs = seen.checksums.get(known.get(proof.checksum[0], ""))
    differences = {
        f"it has {seen.size} bytes, the receipt says {proof.size_bytes}": seen.size != proof.size_bytes,
        "its checksum is not the receipt's": theirs not in (None, proof.checksum[1]),
        "it was written again, its ETag is not the receipt's": seen.etag != proof.etag,
        "its version is not the receipt's": proof.version_id not in (None, seen.version_id or _UNVERSIONED),
    }
    how = next((text for text, differs in differences.items() if differs), None)
    return WrongObjectError(f"{uri} is not the object of this receipt: {how}") if how else None
