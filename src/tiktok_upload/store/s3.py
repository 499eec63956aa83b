"""S3 through boto3: one request a call, S3's answers as values, its errors as `StoreFault`."""

import contextlib
import datetime as dt
import urllib.parse
from collections.abc import Iterator, Sequence
from typing import Any

from tiktok_upload.answers import (
    Absence,
    Body,
    CompletePart,
    Digest,
    ListedObject,
    ListedPart,
    Listing,
    NoListing,
    ObjectAnswer,
    ObjectSeen,
    Opened,
    OpenUpload,
    PartAnswer,
    Seen,
    UploadSurvey,
)
from tiktok_upload.checksum import Proof, crc_for
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.settings import ObjectOptions
from tiktok_upload.store.connection import Clients
from tiktok_upload.store.requests import Requests, Trace, untold
from tiktok_upload.store.s3_faults import faults

_CONTENT_TYPE = "application/vnd.apache.parquet"  # registered with IANA
_MOST_ABORTS = 10  # parts in flight during an abort may survive it; S3 says to repeat until none is listed
_BAD_REQUEST = 400
_MOST_PAGES = 1_000  # of ListParts; 10,000 parts are 10 pages at S3, a store may use smaller ones


class S3Store:
    """One bucket of an S3 store; see `answers.Store` for what each request promises.

    Args:
        clients: boto3 clients, made once and used by all threads.
        bucket: Its name.
        proof: Which header proves a body.
        options: What objects are made with.
        trace: Told of every request, in the thread that made it.
    """

    def __init__(
        self,
        clients: Clients,
        bucket: str,
        *,
        proof: Proof,
        options: ObjectOptions,
        trace: Trace = untold,
    ) -> None:
        self._clients = clients
        self._ask = Requests(clients, trace)
        self._bucket = bucket
        self._proof = proof
        self._crc = crc_for(proof)
        self._options = options
        self._owner = {"ExpectedBucketOwner": options.expected_bucket_owner} if options.expected_bucket_owner else {}

    def head(self, key: str) -> Seen:
        """Look at an object; a 403 has no body, and without the right to list it stands for a 404, too."""
        try:
            return self._head(key, {"ChecksumMode": "ENABLED"})
        except StoreFault as fault:
            if fault.kind in (Kind.NOT_FOUND, Kind.NO_BUCKET):
                return Absence.ABSENT
            # No body names a HEAD's error: a bare 400 is an expired token, say, which the next request will tell.
            if fault.status == _BAD_REQUEST and self._clients.renew_credentials(fault.credentials):
                return self.head(key)
            if fault.kind is Kind.DENIED or fault.status == _BAD_REQUEST:
                return Absence.FORBIDDEN
            raise _of_a_look(fault) from fault

    def _head(self, key: str, mode: dict[str, Any]) -> ObjectSeen:
        """Once more without the wish for checksums where a store does not know it."""
        try:
            answer = self._ask("head_object", **self._at(key), **mode)
            with faults():  # an answer in chunks has no size
                return _object_seen(answer)
        except StoreFault as fault:
            if fault.kind is Kind.REFUSED and mode:
                return self._head(key, {})
            raise

    def put_object(
        self, key: str, body: Body, digest: Digest, *, metadata: dict[str, str], overwrite: bool
    ) -> ObjectAnswer:
        """Make an object of one body."""
        return self._object_answer(
            self._ask(
                "put_object",
                **self._at(key),
                **self._object_parameters(metadata),
                **self._proof_of(digest),
                **_unless(overwrite),
                Body=body,
                ContentLength=len(body),
            )
        )

    def create(self, key: str, *, metadata: dict[str, str]) -> Opened:
        """Open a multipart upload."""
        answer = self._ask(
            "create_multipart_upload",
            **self._at(key),
            **self._object_parameters(metadata),
            **self._announced_checksum(),
        )
        return Opened(_required(answer, "UploadId"), _abort_date(answer))

    def put_part(self, key: str, upload_id: str, number: int, body: Body, digest: Digest) -> PartAnswer:
        """Store one part."""
        with _of_an_upload():
            answer = self._ask(
                "upload_part",
                **self._at(key),
                **self._proof_of(digest),
                UploadId=upload_id,
                PartNumber=number,
                Body=body,
                ContentLength=len(body),
            )
        return PartAnswer(_required(answer, "ETag"), answer.get(self._crc.field))

    def list_parts(self, key: str, upload_id: str) -> Listing:
        """All parts over all pages."""
        try:
            with faults():
                return tuple(self._pages_of_parts(key, upload_id))
        except StoreFault as fault:
            if fault.kind in (Kind.NO_SUCH_UPLOAD, Kind.NOT_FOUND):
                return NoListing.GONE
            if fault.kind is Kind.DENIED:
                return NoListing.FORBIDDEN
            raise _of_a_look(fault) from fault

    def complete(
        self, key: str, upload_id: str, parts: Sequence[CompletePart], *, checksum: str, size: int, overwrite: bool
    ) -> ObjectAnswer:
        """Make the object of its parts; may take many minutes, so it has a client of its own patience."""
        proof: dict[str, Any] = {}
        if self._sends_crc:
            proof = {self._crc.field: checksum, "ChecksumType": "FULL_OBJECT", "MpuObjectSize": size}
        with _of_an_upload():
            answer = self._ask(
                "complete_multipart_upload",
                **self._at(key),
                **proof,
                **_unless(overwrite),
                UploadId=upload_id,
                MultipartUpload={"Parts": [self._named(part) for part in parts]},
            )
        return self._object_answer(answer)

    def abort(self, key: str, upload_id: str) -> None:
        """Remove an upload and its parts, again and again until the store lists none."""
        for _ in range(_MOST_ABORTS):
            try:
                self._ask("abort_multipart_upload", **self._at(key), UploadId=upload_id)
            except StoreFault as fault:
                if fault.kind in (Kind.NO_SUCH_UPLOAD, Kind.NOT_FOUND):
                    return
                raise
            if not isinstance(self.list_parts(key, upload_id), tuple):
                return
        raise StoreFault(Kind.TRANSIENT, code="parts outlive the abort")

    def open_uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """All unfinished uploads below a prefix, over all pages.

        Raises:
            StoreFault: The request failed; DENIED without `s3:ListBucketMultipartUploads`.
        """
        markers: dict[str, Any] = {}
        for _ in range(_MOST_PAGES):
            asked = {"Bucket": self._bucket, "Prefix": prefix, **self._owner, **markers}
            page = self._ask("list_multipart_uploads", **asked)
            with faults():
                listed = [
                    OpenUpload(found["Key"], found["UploadId"], _rfc3339(found["Initiated"]))
                    for found in page.get("Uploads", ())
                ]
            yield from listed
            if not page.get("IsTruncated") or not page.get("NextKeyMarker"):
                return
            markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page.get("NextUploadIdMarker", "")}

    def objects(self, prefix: str, most_pages: int) -> dict[str, ListedObject] | None:
        """All objects below a prefix; None without `s3:ListBucket`, or where there are more than so many pages.

        Raises:
            StoreFault: The request failed.
        """
        found: dict[str, ListedObject] = {}
        asked: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix, **self._owner}
        for _ in range(most_pages):
            try:
                page = self._ask("list_objects_v2", **asked)
            except StoreFault as fault:
                if fault.is_retryable:
                    raise
                return None
            with faults():
                found |= {one["Key"]: ListedObject(one["Size"], one["ETag"]) for one in page.get("Contents", ())}
            if not page.get("IsTruncated"):
                return found
            if not page.get("NextContinuationToken"):
                return None
            asked["ContinuationToken"] = page["NextContinuationToken"]
        return None

    def survey(self, key: str, upload_id: str) -> UploadSurvey | NoListing:
        """How much the store holds of an upload, and until when."""
        listing = self.list_parts(key, upload_id)
        if not isinstance(listing, tuple):
            return listing
        first = self._ask("list_parts", **self._at(key), UploadId=upload_id, MaxParts=1)
        return UploadSurvey(len(listing), sum(part.size for part in listing), _abort_date(first))

    # ------------------------------------------------------------------------------------------------ parameters
    @property
    def _sends_crc(self) -> bool:
        return self._proof != "md5"

    def _at(self, key: str) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": key, **self._owner}

    def _proof_of(self, digest: Digest) -> dict[str, Any]:
        return {self._crc.field: digest.checksum} if self._sends_crc else {"ContentMD5": digest.md5}

    def _announced_checksum(self) -> dict[str, Any]:
        return {"ChecksumAlgorithm": self._crc.name, "ChecksumType": "FULL_OBJECT"} if self._sends_crc else {}

    def _named(self, part: CompletePart) -> dict[str, Any]:
        checksum = {self._crc.field: part.checksum} if self._sends_crc else {}
        return {"PartNumber": part.number, "ETag": part.etag, **checksum}

    def _object_parameters(self, metadata: dict[str, str]) -> dict[str, Any]:
        options = self._options
        chosen = {
            "ServerSideEncryption": options.sse,
            "SSEKMSKeyId": options.kms_key_id,
            "StorageClass": options.storage_class,
            "ACL": options.acl,
            "Tagging": urllib.parse.urlencode(options.tags),
        }
        return {
            "ContentType": _CONTENT_TYPE,
            "Metadata": {**dict(options.metadata), **metadata},
            **{name: value for name, value in chosen.items() if value},
        }

    # --------------------------------------------------------------------------------------------------- answers
    def _object_answer(self, answer: dict[str, Any]) -> ObjectAnswer:
        return ObjectAnswer(_required(answer, "ETag"), answer.get(self._crc.field), answer.get("VersionId"))

    def _pages_of_parts(self, key: str, upload_id: str) -> Iterator[ListedPart]:
        marker = 0
        for _ in range(_MOST_PAGES):
            page = self._ask("list_parts", **self._at(key), UploadId=upload_id, PartNumberMarker=marker)
            _required(page, "UploadId")
            # Some stores begin a page with the marker itself, some give back the marker they were sent.
            parts = [part for part in page.get("Parts", ()) if part["PartNumber"] > marker]
            yield from (
                ListedPart(part["PartNumber"], part["Size"], _required(part, "ETag"), part.get(self._crc.field))
                for part in parts
            )
            if page.get("IsTruncated") and page.get("Parts") and not parts:
                # Not to be taken for the whole: what is not listed would be sent again.
                raise StoreFault(Kind.TRANSIENT, code="a list of parts that does not go on")
            if not page.get("IsTruncated") or not parts:
                return
            marker = max(part["PartNumber"] for part in parts)


@contextlib.contextmanager
def _of_an_upload() -> Iterator[None]:
    """What is not found is the upload, whatever a store calls it: the key comes to be with Complete."""
    try:
        yield
    except StoreFault as fault:
        if fault.kind is Kind.NOT_FOUND:
            fault.kind = Kind.NO_SUCH_UPLOAD
        raise


def _of_a_look(fault: StoreFault) -> StoreFault:
    """A look writes nothing: what would be a conflict of a write is a store that answers nonsense."""
    if fault.kind in (Kind.PRECONDITION, Kind.RACE, Kind.INVALID_PART):
        fault.kind = Kind.REFUSED
    return fault


def _abort_date(answer: dict[str, Any]) -> str | None:
    until = answer.get("AbortDate")
    return _rfc3339(until) if isinstance(until, dt.datetime) else None


def _rfc3339(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _object_seen(answer: dict[str, Any]) -> ObjectSeen:
    checksums = {
        name: value for name, value in answer.items() if name.startswith("Checksum") and name != "ChecksumType"
    }
    return ObjectSeen(
        size=answer["ContentLength"],
        etag=_required(answer, "ETag"),
        metadata={name.lower(): value for name, value in answer.get("Metadata", {}).items()},
        checksums=checksums if answer.get("ChecksumType") == "FULL_OBJECT" else {},
        version_id=answer.get("VersionId"),
        kms=str(answer.get("ServerSideEncryption", "")).startswith("aws:kms"),
    )


def _required(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        # An answer without its main field was cut short, or an error in disguise: its outcome is open.
        raise StoreFault(Kind.TRANSIENT, code=f"an answer without {name}")
    return value


def _unless(overwrite: bool) -> dict[str, Any]:  # noqa: FBT001 - the name is the sentence
    return {} if overwrite else {"IfNoneMatch": "*"}
