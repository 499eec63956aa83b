"""What the store remembers of objects, parts and uploads, in memory and as JSON beside the bytes."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

from .checksums import Checksum


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part that the store has.

    Attributes:
        etag: With its quotes, as the answers carry it.
        checksum: The one that the client sent and that was right.
        modified: Seconds since 1970.
        crc64nvme: What the store itself computed, in base64; empty where it has none.
    """

    number: int
    size: int
    etag: str
    checksum: Checksum | None
    modified: float
    crc64nvme: str = ""

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {**_fields(self), "checksum": _checksum_to_json(self.checksum)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**{**data, "checksum": _checksum_from_json(data["checksum"])})


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that can be read.

    Attributes:
        path: The file with its bytes.
        etag: With its quotes, as the answers carry it.
        metadata: User metadata, names in lower case without `x-amz-meta-`.
        checksum: The one that HEAD gives.
        headers: Content type, storage class, encryption, tagging and the like, as sent.
        parts: The parts it was made of; none where it came in one piece.
        version_id: Empty where versioning was off.
        modified: Seconds since 1970.
    """

    key: str
    path: Path
    size: int
    etag: str
    metadata: dict[str, str]
    checksum: Checksum | None
    headers: dict[str, str]
    parts: tuple[StoredPart, ...]
    version_id: str
    modified: float

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        parts = [part.to_json() for part in self.parts]
        checksum = _checksum_to_json(self.checksum)
        return {**_fields(self), "path": str(self.path), "checksum": checksum, "parts": parts}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        parts = tuple(StoredPart.from_json(part) for part in data["parts"])
        checksum = _checksum_from_json(data["checksum"])
        return cls(**{**data, "path": Path(data["path"]), "checksum": checksum, "parts": parts})


@dataclass(slots=True)
class Upload:
    """A multipart upload that is open.

    Attributes:
        algorithm: Named at Create; empty where none was.
        type: The checksum's type; empty where no algorithm was named.
        started: Seconds since 1970.
        folder: Holds the parts' bytes.
        lock: Held while the set of parts changes or is made into an object.
    """

    id: str
    bucket: str
    key: str
    metadata: dict[str, str]
    headers: dict[str, str]
    algorithm: str
    type: str
    started: float
    folder: Path
    parts: dict[int, StoredPart] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def path_of(self, number: int) -> Path:
        """The file with a part's bytes."""
        return self.folder / f"{number:05}.part"

    def to_json(self) -> dict[str, Any]:
        """What Create said, as plain JSON values; the parts have records of their own."""
        fields = _fields(self)
        return {name: fields[name] for name in fields if name not in {"folder", "parts", "lock"}}


class OpenUpload(NamedTuple):
    """A multipart upload as tests look at it."""

    key: str
    parts: dict[int, StoredPart]


def _fields(record: StoredPart | StoredObject | Upload) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def _checksum_to_json(checksum: Checksum | None) -> list[str] | None:
    return None if checksum is None else [checksum.algorithm, checksum.value, checksum.type]


def _checksum_from_json(data: list[str] | None) -> Checksum | None:
    return None if data is None else Checksum(*data)
