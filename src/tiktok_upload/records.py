"""The facts that a journal holds: what happened, never what is to be done.

    Planned ─▶ Created ─▶ PartStored ... ─▶ Completed ─▶ Aborted (an older upload of the key)
                   └─▶ UploadLost ─▶ Created ...

`to_json` and `from_json` are inverses; a journal of a newer `VERSION` is not read.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from tiktok_upload.checksum import Proof
from tiktok_upload.facts import Fingerprint
from tiktok_upload.plan import UploadPlan

VERSION = 1


@dataclass(frozen=True, slots=True)
class Planned:
    """A new upload of this file to this key was decided; an unfinished one before it is given up.

    Attributes:
        path: The file's absolute path, bytes that are not UTF-8 as surrogates.
        endpoint: Where the store is; an empty string for AWS's own.
        fingerprint: Of the file as it was looked at.
        part_size: Frozen for this upload.
        proof: How each part is proved to the store.
        nonce: In the object's metadata, tells our object from any other.
        object_options: As made of `ObjectOptions.to_json`; S3 fixes them at Create.
        overwrite: Whether an object already there may be replaced.
        checked_at: When the file was first checked, RFC 3339.
        tool: Version of this tool.
        run: As made of `PushOptions.to_json`, to go on in the same way.
    """

    kind: ClassVar[str] = "planned"
    path: str
    bucket: str
    key: str
    endpoint: str
    fingerprint: Fingerprint
    part_size: int
    proof: Proof
    nonce: str
    object_options: dict[str, Any]
    overwrite: bool
    checked_at: str
    tool: str
    run: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def plan(self) -> UploadPlan:
        """The parts."""
        return UploadPlan(self.fingerprint.size_bytes, self.part_size)


@dataclass(frozen=True, slots=True)
class Created:
    """The store opened a multipart upload.

    Attributes:
        kept_until: RFC 3339, where a rule of the bucket removes its parts then.
    """

    kind: ClassVar[str] = "created"
    upload_id: str
    kept_until: str | None = None


@dataclass(frozen=True, slots=True)
class PartStored:
    """The store holds this part; its bytes had this checksum when they were sent.

    Attributes:
        etag: As the store answered, with its quotes.
        checksum: Base64 of the CRC that goes with the plan's proof.
    """

    kind: ClassVar[str] = "part_stored"
    number: int
    size: int
    etag: str
    checksum: str


@dataclass(frozen=True, slots=True)
class PartDoubted:
    """The store lists a part that is reused only once the file's own bytes have its checksum."""

    kind: ClassVar[str] = "part_doubted"
    number: int
    size: int
    etag: str
    checksum: str


@dataclass(frozen=True, slots=True)
class PartLost:
    """The store no longer has this part, or has another in its place."""

    kind: ClassVar[str] = "part_lost"
    number: int


@dataclass(frozen=True, slots=True)
class SourceTouched:
    """The file has new marks, yet its size and footer are the same: all parts are doubted."""

    kind: ClassVar[str] = "source_touched"
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class UploadLost:
    """The store no longer knows the upload, and the object is not ours."""

    kind: ClassVar[str] = "upload_lost"


@dataclass(frozen=True, slots=True)
class Completed:
    """The object is there and is ours.

    Attributes:
        etag: As the store answered to the request that made the object.
        checksum: The object's, base64.
        confirmed: Whether the store itself named this checksum as the whole object's.
        version_id: Where the bucket keeps versions.
        at: When, RFC 3339.
    """

    kind: ClassVar[str] = "completed"
    etag: str
    checksum: str
    confirmed: bool
    version_id: str | None
    at: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """HEAD shows the object; some stores give another ETag there than on completion.

    Attributes:
        etag: HEAD's, by which a later run knows that the object is still this one.
        nonce: As HEAD showed it, empty where it showed none; None where there was no right to look.
    """

    kind: ClassVar[str] = "confirmed"
    etag: str
    confirmed: bool
    version_id: str | None
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Aborted:
    """An upload that was given up holds no parts any more."""

    kind: ClassVar[str] = "aborted"
    upload_id: str


Record = (
    Planned
    | Created
    | PartStored
    | PartDoubted
    | PartLost
    | SourceTouched
    | UploadLost
    | Completed
    | Confirmed
    | Aborted
)
_KINDS: dict[str, type[Record]] = {
    kind.kind: kind
    for kind in (
        Planned,
        Created,
        PartStored,
        PartDoubted,
        PartLost,
        SourceTouched,
        UploadLost,
        Completed,
        Confirmed,
        Aborted,
    )
}


def to_json(record: Record) -> dict[str, Any]:
    """Plain JSON values, the kind first."""
    if isinstance(record, Planned | SourceTouched):
        return {"record": record.kind, **dataclasses.asdict(record)}
    # The same without its copies in depth: there is a record for each part.
    return {"record": record.kind, **{name: getattr(record, name) for name in type(record).__slots__}}


def from_json(data: dict[str, Any]) -> Record:
    """The inverse of `to_json`.

    Raises:
        ValueError: It is no record of this version: an unknown kind, a field too many or too few.
    """
    fields = dict(data)
    name = fields.pop("record", None)
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError("unknown kind of record")
    try:
        if "fingerprint" in fields:
            fields["fingerprint"] = Fingerprint(**fields["fingerprint"])
        return kind(**fields)
    except TypeError as exc:
        raise ValueError(f"not a {kind.kind} record") from exc
