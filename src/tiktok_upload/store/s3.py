"""S3 through boto3: one request a call, S3's answers as values, its errors as `StoreFault`."""

import contextlib
import datetime as dt
import urllib.parse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from tiktok_upload.answers import (
    Absence,
    Body,
    CompletePart,
    Digest,
    ListedPart,
    Listing,
    NoListing,
    ObjectAnswer,
    ObjectSeen,
    OpenUpload,
    PartAnswer,
    Seen,
    UploadSurvey,
)
from tiktok_upload.checksum import Proof, crc_for
from tiktok_upload.faults import Kind, StoreFault, classify
from tiktok_upload.settings import ObjectOptions
from tiktok_upload.store.connection import Clients

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

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
    """

    def __init__(self, clients: Clients, bucket: str, *, proof: Proof, options: ObjectOptions) -> None:
        self._clients = clients
        self._bucket = bucket
        self._proof = proof
        self._crc = crc_for(proof)
        self._options = options
        self._owner = {"ExpectedBucketOwner": options.expected_bucket_owner} if options.expected_bucket_owner else {}

    def head(self, key: str) -> Seen:
        """Look at an object; a 403 has no body, and without the right to list it stands for a 404, too."""
        try:
            return self._head(key, {"ChecksumMode": "ENABLED"} if self._sends_crc else {})
        except StoreFault as fault:
            if fault.kind in (Kind.NOT_FOUND, Kind.NO_BUCKET):
                return Absence.ABSENT
            # No body names a HEAD's error: a bare 400 is an expired token, say, which the next request will tell.
            if fault.kind is Kind.DENIED or fault.status == _BAD_REQUEST:
                return Absence.FORBIDDEN
            raise

    def _head(self, key: str, mode: dict[str, Any]) -> ObjectSeen:
        """Once more without the wish for checksums where a store does not know it."""
        try:
            with _faults():
                return _object_seen(dict(self._client.head_object(**self._at(key), **mode)))
        except StoreFault as fault:
            if fault.kind is Kind.REFUSED and mode:
                return self._head(key, {})
            raise

    def put_object(
        self, key: str, body: Body, digest: Digest, *, metadata: dict[str, str], overwrite: bool
    ) -> ObjectAnswer:
        """Make an object of one body."""
        with _faults():
            answer = self._client.put_object(
                **self._at(key),
                **self._object_parameters(metadata),
                **self._proof_of(digest),
                **_unless(overwrite),
                Body=body,  # type: ignore[arg-type]
                ContentLength=len(body),
            )
        return self._object_answer(dict(answer))

    def create(self, key: str, *, metadata: dict[str, str]) -> str:
        """Open a multipart upload."""
        with _faults():
            answer = self._client.create_multipart_upload(
                **self._at(key), **self._object_parameters(metadata), **self._announced_checksum()
            )
            return _required(dict(answer), "UploadId")

    def put_part(self, key: str, upload_id: str, number: int, body: Body, digest: Digest) -> PartAnswer:
        """Store one part."""
        with _faults():
            answer = self._client.upload_part(
                **self._at(key),
                **self._proof_of(digest),
                UploadId=upload_id,
                PartNumber=number,
                Body=body,  # type: ignore[arg-type]
                ContentLength=len(body),
            )
        found: dict[str, Any] = dict(answer)
        return PartAnswer(_required(found, "ETag"), found.get(self._crc.field))

    def list_parts(self, key: str, upload_id: str) -> Listing:
        """All parts over all pages."""
        try:
            with _faults():
                return tuple(self._pages_of_parts(key, upload_id))
        except StoreFault as fault:
            if fault.kind in (Kind.NO_SUCH_UPLOAD, Kind.NOT_FOUND):
                return NoListing.GONE
            if fault.kind is Kind.DENIED:
                return NoListing.FORBIDDEN
            raise

    def complete(
        self, key: str, upload_id: str, parts: Sequence[CompletePart], *, checksum: str, size: int, overwrite: bool
    ) -> ObjectAnswer:
        """Make the object of its parts; may take many minutes, so it has a client of its own patience."""
        proof: dict[str, Any] = {}
        if self._sends_crc:
            proof = {self._crc.field: checksum, "ChecksumType": "FULL_OBJECT", "MpuObjectSize": size}
        with _faults(on_complete=True):
            answer = self._clients.patient.complete_multipart_upload(
                **self._at(key),
                **proof,
                **_unless(overwrite),
                UploadId=upload_id,
                MultipartUpload={"Parts": cast("list[CompletedPartTypeDef]", [self._named(part) for part in parts])},
            )
        return self._object_answer(dict(answer))

    def abort(self, key: str, upload_id: str) -> None:
        """Remove an upload and its parts, again and again until the store lists none."""
        for _ in range(_MOST_ABORTS):
            try:
                with _faults():
                    self._client.abort_multipart_upload(**self._at(key), UploadId=upload_id)
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
            with _faults():
                asked: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix, **self._owner, **markers}
                page: dict[str, Any] = dict(self._client.list_multipart_uploads(**asked))
            for found in page.get("Uploads", ()):
                yield OpenUpload(found["Key"], found["UploadId"], _rfc3339(found["Initiated"]))
            if not page.get("IsTruncated") or not page.get("NextKeyMarker"):
                return
            markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page.get("NextUploadIdMarker", "")}

    def survey(self, key: str, upload_id: str) -> UploadSurvey | NoListing:
        """How much the store holds of an upload, and until when."""
        listing = self.list_parts(key, upload_id)
        if not isinstance(listing, tuple):
            return listing
        with _faults():
            first: dict[str, Any] = dict(self._client.list_parts(**self._at(key), UploadId=upload_id, MaxParts=1))
        until = first.get("AbortDate")
        return UploadSurvey(len(listing), sum(part.size for part in listing), _rfc3339(until) if until else None)

    # ------------------------------------------------------------------------------------------------ parameters
    @property
    def _client(self) -> "S3Client":
        return self._clients.quick

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
            page: dict[str, Any] = dict(
                self._client.list_parts(**self._at(key), UploadId=upload_id, PartNumberMarker=marker)
            )
            _required(page, "UploadId")
            # Some stores begin a page with the marker itself, some give back the marker they were sent.
            parts = [part for part in page.get("Parts", ()) if part["PartNumber"] > marker]
            yield from (
                ListedPart(part["PartNumber"], part["Size"], _required(part, "ETag"), part.get(self._crc.field))
                for part in parts
            )
            if not page.get("IsTruncated") or not parts:
                return
            marker = max(part["PartNumber"] for part in parts)


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


# ------------------------------------------------------------------------------------------------------------ faults
@contextlib.contextmanager
def _faults(*, on_complete: bool = False) -> Iterator[None]:
    """Turn botocore's exceptions into `StoreFault`."""
    from botocore import exceptions as boto  # noqa: PLC0415 - botocore is slow to import

    try:
        yield
    except boto.ClientError as exc:
        raise _answered(exc.response, on_complete=on_complete) from exc
    except boto.BotoCoreError as exc:
        raise _unanswered(exc) from exc
    except (KeyError, ValueError) as exc:  # a field is missing, or is no number or date
        raise StoreFault(Kind.TRANSIENT, code="an answer that is not S3's") from exc


def _answered(response: Any, *, on_complete: bool) -> StoreFault:
    error, meta = response.get("Error", {}), response.get("ResponseMetadata", {})
    headers = meta.get("HTTPHeaders", {})
    code, status = str(error.get("Code", "")), int(meta.get("HTTPStatusCode", 0))
    kind = classify(status, code)
    if on_complete and code in ("BadDigest", "InvalidDigest"):
        kind = Kind.WRONG_CONTENT
    return StoreFault(
        kind,
        status,
        "" if code == str(status) else code,
        _retry_after(headers.get("retry-after", "")),
        headers.get("x-amz-bucket-region") or error.get("Region"),
    )


def _retry_after(text: str) -> float | None:
    # S3 and its kin send seconds; the date form is not worth a guess at another machine's clock.
    return min(float(text), 300.0) if text.isdigit() else None


def _unanswered(exc: Exception) -> StoreFault:
    from botocore import exceptions as boto  # noqa: PLC0415 - botocore is slow to import

    no_contact = (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError, boto.SSLError)
    no_credentials = (
        boto.NoCredentialsError,
        boto.PartialCredentialsError,
        boto.CredentialRetrievalError,
        boto.TokenRetrievalError,
        boto.SSOError,
    )
    if isinstance(exc, no_credentials):
        return StoreFault(Kind.CREDENTIALS, code="no usable credentials")
    if isinstance(exc, no_contact):
        return StoreFault(Kind.UNREACHABLE, code=_network_word(exc))
    if isinstance(exc, boto.ParamValidationError):
        return StoreFault(Kind.REFUSED, code="a parameter that S3 does not take")
    if isinstance(exc, _wrong_settings()):
        return StoreFault(Kind.REFUSED, code="settings of the connection that exclude each other")
    return StoreFault(Kind.TRANSIENT, code=_network_word(exc))


def _wrong_settings() -> tuple[type[Exception], ...]:
    from botocore import exceptions as boto  # noqa: PLC0415 - botocore is slow to import

    return (
        boto.EndpointProviderError,
        boto.NoRegionError,
        boto.UnsupportedS3ConfigurationError,
        boto.UnsupportedS3AccesspointConfigurationError,
    )


def _network_word(exc: Exception) -> str:
    """A word for the failure; botocore's own text holds URLs."""
    words = {
        "EndpointConnectionError": "no connection could be made",
        "ConnectTimeoutError": "no connection within the time limit",
        "ProxyConnectionError": "the proxy cannot be reached",
        "SSLError": "TLS failed (is the certificate's authority known? --ca-bundle)",
        "ReadTimeoutError": "no answer within the time limit",
        "ConnectionClosedError": "the connection was closed",
        "ResponseParserError": "an answer that is not S3's",
    }
    return words.get(type(exc).__name__, "the connection broke")
