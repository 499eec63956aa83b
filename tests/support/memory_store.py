"""A bucket in memory that is as strict as AWS and keeps the contract of `answers.Store`.

Ids, ETags and versions are the same in every run. It passes the same conformance suite as S3Store
against servers. Requests are atomic: a body is read first, then the state changes at once, so a
crash between two requests is a crash between two states.
"""

import base64
import hashlib
import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

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
    Opened,
    PartAnswer,
    Seen,
)
from tiktok_upload.checksum import Crc, Proof, crc_for
from tiktok_upload.faults import Kind, StoreFault, classify

_PIECE = 64 << 10
_LAST_PART = 10_000
_LONGEST_KEY = 1024  # bytes of UTF-8


@dataclass(frozen=True, slots=True)
class MemoryObject:
    """An object as it lies in the store; `checksum` is what HEAD gives, if it gives one."""

    data: bytes
    etag: str
    metadata: dict[str, str]
    checksum: str | None
    version_id: str | None


@dataclass(frozen=True, slots=True)
class MemoryPart:
    """A part as it lies in the store; `checksum` is the CRC that came with it and was right."""

    data: bytes
    etag: str
    checksum: str


@dataclass(slots=True)
class MemoryUpload:
    """An open multipart upload."""

    key: str
    metadata: dict[str, str]
    parts: dict[int, MemoryPart] = field(default_factory=dict)


class BytesBody(io.BytesIO):
    """A body over bytes, for any store."""

    error: Exception | None = None

    def __len__(self) -> int:
        return len(self.getbuffer())


def digest_of(data: bytes, proof: Proof = "crc64nvme") -> Digest:
    """What truly proves these bytes."""
    crc = crc_for(proof)
    return Digest(crc.encode(crc.update(data, 0)), _base64_md5(data) if proof == "md5" else None)


class MemoryStore:
    """One bucket; safe from several threads.

    Args:
        proof: What proves a body, as in `S3Store`. With `md5` no CRC comes to the store, so neither
            the whole object's checksum nor its size is verified on `complete`.
        min_part_size: Of every part but the last, in bytes; AWS has 5 MiB.
        versioning: Whether each object gets a version id.
        has_bucket: False makes every request fail as one to a bucket that is not there.

    Attributes:
        objects: By key; a test may change them.
        uploads: The open ones by id; a test may change them.
        replaced: Objects that another one took the place of, oldest first.
    """

    def __init__(
        self, *, proof: Proof = "crc64nvme", min_part_size: int = 1, versioning: bool = False, has_bucket: bool = True
    ) -> None:
        self.objects: dict[str, MemoryObject] = {}
        self.uploads: dict[str, MemoryUpload] = {}
        self.replaced: list[tuple[str, MemoryObject]] = []
        self._crc: Crc = crc_for(proof)
        self._sends_crc = proof != "md5"
        self._min_part_size = min_part_size
        self._versioning = versioning
        self._has_bucket = has_bucket
        self._created = 0
        self._written = 0
        self._lock = threading.RLock()

    # ---------------------------------------------------------------------------------------------------- objects
    def head(self, key: str) -> Seen:
        """Look at an object."""
        with self._lock:
            found = self.objects.get(key)
        if found is None:
            return Absence.ABSENT
        checksums = {self._crc.field: found.checksum} if found.checksum is not None else {}
        return ObjectSeen(len(found.data), found.etag, dict(found.metadata), checksums, found.version_id)

    def put_object(
        self, key: str, body: Body, digest: Digest, *, metadata: dict[str, str], overwrite: bool
    ) -> ObjectAnswer:
        """Make an object of one body."""
        self._check_request(key, metadata)
        self._check_condition(key, overwrite=overwrite)
        data = self._read(body, digest)
        with self._lock:
            self._check_condition(key, overwrite=overwrite)
            return self._keep(key, data, f'"{_md5(data).hex()}"', metadata, self._crc_of(data))

    # --------------------------------------------------------------------------------------------------- multipart
    def create(self, key: str, *, metadata: dict[str, str]) -> Opened:
        """Open a multipart upload: `upload-1`, `upload-2` and so on."""
        self._check_request(key, metadata)
        with self._lock:
            self._created += 1
            upload_id = f"upload-{self._created}"
            self.uploads[upload_id] = MemoryUpload(key, dict(metadata))
        return Opened(upload_id)

    def put_part(self, key: str, upload_id: str, number: int, body: Body, digest: Digest) -> PartAnswer:
        """Store one part, unless the upload is gone before or after its body has come."""
        self._check_request(key)
        if not 1 <= number <= _LAST_PART:
            raise _refusal(400, "InvalidArgument")
        with self._lock:
            self._upload(key, upload_id)
        data = self._read(body, digest)
        part = MemoryPart(data, f'"{_md5(data).hex()}"', self._crc_of(data))
        with self._lock:
            self._upload(key, upload_id).parts[number] = part
        return PartAnswer(part.etag, part.checksum)

    def list_parts(self, key: str, upload_id: str) -> Listing:
        """All parts in the order of their numbers."""
        self._check_request(key)
        with self._lock:
            upload = self.uploads.get(upload_id)
            if upload is None or upload.key != key:
                return NoListing.GONE
            parts = sorted(upload.parts.items())
        return tuple(
            ListedPart(number, len(part.data), part.etag, part.checksum if self._sends_crc else None)
            for number, part in parts
        )

    def complete(
        self, key: str, upload_id: str, parts: Sequence[CompletePart], *, checksum: str, size: int, overwrite: bool
    ) -> ObjectAnswer:
        """Make the object of its parts; after any refusal the upload and its parts are still there."""
        self._check_request(key)
        with self._lock:
            upload = self._upload(key, upload_id)
            chosen = self._chosen(upload, parts)
            self._check_condition(key, overwrite=overwrite)
            data = b"".join(part.data for part in chosen)
            self._check_whole(data, checksum, size)
            del self.uploads[upload_id]
            etag = f'"{_md5(b"".join(_md5(part.data) for part in chosen)).hex()}-{len(chosen)}"'
            shown = self._crc_of(data) if self._sends_crc else None
            kept = self._keep(key, data, etag, upload.metadata, shown)
        return ObjectAnswer(kept.etag, self._crc_of(data), kept.version_id)

    def abort(self, key: str, upload_id: str) -> None:
        """Remove an upload and its parts, if it is there."""
        self._check_request(key)
        with self._lock:
            if upload_id in self.uploads and self.uploads[upload_id].key == key:
                del self.uploads[upload_id]

    # ------------------------------------------------------------------------------------------------------ checks
    def _check_request(self, key: str, metadata: dict[str, str] | None = None) -> None:
        if not self._has_bucket:
            raise _refusal(404, "NoSuchBucket")
        if len(key.encode()) > _LONGEST_KEY:
            raise _refusal(400, "KeyTooLongError")
        if not all((name + value).isascii() for name, value in (metadata or {}).items()):
            raise _refusal(0, "a parameter that S3 does not take", like=400)

    def _check_condition(self, key: str, *, overwrite: bool) -> None:
        with self._lock:
            if not overwrite and key in self.objects:
                raise _refusal(412, "PreconditionFailed")

    def _upload(self, key: str, upload_id: str) -> MemoryUpload:
        upload = self.uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise _refusal(404, "NoSuchUpload")
        return upload

    def _read(self, body: Body, digest: Digest) -> bytes:
        data = b"".join(iter(lambda: body.read(_PIECE), b""))
        if len(data) != len(body):
            raise _refusal(400, "IncompleteBody")
        proven, claimed = (self._crc_of(data), digest.checksum) if self._sends_crc else (_base64_md5(data), digest.md5)
        if proven != claimed:
            raise _refusal(400, "BadDigest")
        return data

    def _chosen(self, upload: MemoryUpload, asked: Sequence[CompletePart]) -> list[MemoryPart]:
        numbers = [part.number for part in asked]
        if not numbers:
            raise _refusal(400, "MalformedXML")
        if numbers != sorted(set(numbers)):
            raise _refusal(400, "InvalidPartOrder")
        chosen = [self._match(upload, part) for part in asked]
        if any(len(part.data) < self._min_part_size for part in chosen[:-1]):
            raise _refusal(400, "EntityTooSmall")
        return chosen

    def _match(self, upload: MemoryUpload, asked: CompletePart) -> MemoryPart:
        part = upload.parts.get(asked.number)
        if part is None or part.etag != asked.etag or (self._sends_crc and part.checksum != asked.checksum):
            raise _refusal(400, "InvalidPart")
        return part

    def _check_whole(self, data: bytes, checksum: str, size: int) -> None:
        if not self._sends_crc:
            return
        if size != len(data):
            raise _refusal(400, "InvalidRequest")
        if checksum != self._crc_of(data):
            raise _refusal(400, "BadDigest", on_complete=True)

    # ------------------------------------------------------------------------------------------------------- state
    def _keep(self, key: str, data: bytes, etag: str, metadata: dict[str, str], checksum: str | None) -> ObjectAnswer:
        if key in self.objects:
            self.replaced.append((key, self.objects[key]))
        self._written += 1
        version_id = f"version-{self._written}" if self._versioning else None
        lowered = {name.lower(): value for name, value in metadata.items()}
        self.objects[key] = MemoryObject(data, etag, lowered, checksum, version_id)
        return ObjectAnswer(etag, checksum, version_id)

    def _crc_of(self, data: bytes) -> str:
        return self._crc.encode(self._crc.update(data, 0))


def _refusal(status: int, code: str, *, like: int | None = None, on_complete: bool = False) -> StoreFault:
    """The fault that S3Store makes of such an answer; `like` is the status to judge by where none came."""
    kind = Kind.WRONG_CONTENT if on_complete else classify(status if like is None else like, code)
    return StoreFault(kind, status, code)


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _base64_md5(data: bytes) -> str:
    return base64.b64encode(_md5(data)).decode("ascii")
