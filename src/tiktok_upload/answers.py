"""What a store answers, and the contract that every store keeps: values and protocols only."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectSeen:
    """What HEAD says of an object.

    Attributes:
        metadata: Names in lower case: some stores change their case.
        checksums: S3's field name (`ChecksumCRC64NVME`) to base64; only where the answer
            calls it FULL_OBJECT. A store that merely echoes what a client once sent does not
            say so.
        kms: Encrypted so that its ETag is no MD5.
    """

    size: int
    etag: str
    metadata: dict[str, str]
    checksums: dict[str, str]
    version_id: str | None = None
    kms: bool = False


class Absence(Enum):
    """Why HEAD shows no object."""

    ABSENT = auto()
    FORBIDDEN = auto()


Seen = ObjectSeen | Absence


@dataclass(frozen=True, slots=True)
class ListedPart:
    """A part as ListParts shows it; the checksum where the store keeps one."""

    number: int
    size: int
    etag: str
    checksum: str | None


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as ListObjectsV2 shows it."""

    size: int
    etag: str


class NoListing(Enum):
    """Why ListParts shows no parts."""

    GONE = auto()
    FORBIDDEN = auto()


Listing = tuple[ListedPart, ...] | NoListing


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An unfinished upload as the store lists it.

    Attributes:
        begun_at: RFC 3339.
    """

    key: str
    upload_id: str
    begun_at: str


@dataclass(frozen=True, slots=True)
class UploadSurvey:
    """What the store holds of one unfinished upload.

    Attributes:
        kept_until: RFC 3339, where a rule of the bucket removes the parts then.
    """

    parts: int
    size_bytes: int
    kept_until: str | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A multipart upload that was opened.

    Attributes:
        kept_until: RFC 3339, where a rule of the bucket removes its parts then.
    """

    upload_id: str
    kept_until: str | None = None


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """The answer to UploadPart; the checksum where the store echoes it, which it does after verifying."""

    etag: str
    checksum: str | None


@dataclass(frozen=True, slots=True)
class ObjectAnswer:
    """The answer to PutObject or Complete; the checksum where the store names the whole object's."""

    etag: str
    checksum: str | None
    version_id: str | None


@dataclass(frozen=True, slots=True)
class Digest:
    """What proves a body to the store.

    Attributes:
        checksum: Base64 of its CRC.
        md5: Base64 of its MD5; None unless the store shall verify by that instead.
    """

    checksum: str
    md5: str | None = None


class Body(Protocol):
    """A body that is read in bounded pieces, from its start again after `seek(0)`.

    Attributes:
        error: What `read` raised: an HTTP library may wrap it or swallow it.
    """

    error: Exception | None

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a position."""

    def tell(self) -> int:
        """The position."""

    def __len__(self) -> int: ...


class CompletePart(Protocol):
    """What Complete says of each part."""

    @property
    def number(self) -> int:
        """From 1."""

    @property
    def etag(self) -> str:
        """As the store answered."""

    @property
    def checksum(self) -> str:
        """Base64."""


class Store(Protocol):
    """One bucket. Every request is made once: retries are the caller's.

    Raises, all of them:
        StoreFault: The request failed; its kind says what to do. Where it failed because a body's
            `read` raised, the body's `error` is what it raised.
    """

    def head(self, key: str) -> Seen:
        """Look at an object; a missing right is an answer, not a fault."""

    def put_object(
        self, key: str, body: Body, digest: Digest, *, metadata: dict[str, str], overwrite: bool
    ) -> ObjectAnswer:
        """Make an object of one body; unless `overwrite` only where there is none."""

    def create(self, key: str, *, metadata: dict[str, str]) -> Opened:
        """Open a multipart upload."""

    def put_part(self, key: str, upload_id: str, number: int, body: Body, digest: Digest) -> PartAnswer:
        """Store one part; the same number again replaces it."""

    def list_parts(self, key: str, upload_id: str) -> Listing:
        """All parts over all pages; a missing right or upload is an answer, not a fault."""

    def complete(
        self, key: str, upload_id: str, parts: Sequence[CompletePart], *, checksum: str, size: int, overwrite: bool
    ) -> ObjectAnswer:
        """Make the object of its parts; unless `overwrite` only where there is none."""

    def abort(self, key: str, upload_id: str) -> None:
        """Remove an upload and its parts; returns when none is left, or the upload is unknown."""
