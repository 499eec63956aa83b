"""Makers of an upload's facts, with as little said as a test needs."""

from typing import Any

from tiktok_upload.facts import Fingerprint
from tiktok_upload.records import PartDoubted, PartStored, Planned

PART_SIZE = 10
SIZE = 65  # seven parts, the last of 5 bytes
PARTS = 7
FINGERPRINT = Fingerprint(size_bytes=SIZE, mtime_ns=1_000, ctime_ns=2_000, inode=3, footer_sha256="f00d")


def planned(**changes: Any) -> Planned:
    """A plan of seven parts."""
    values: dict[str, Any] = {
        "path": "/data/events.parquet",
        "bucket": "bucket",
        "key": "in/events.parquet",
        "endpoint": "",
        "fingerprint": FINGERPRINT,
        "part_size": PART_SIZE,
        "proof": "crc64nvme",
        "nonce": "nonce",
        "object_options": {},
        "overwrite": False,
        "checked_at": "2026-11-23T10:00:00Z",
        "tool": "0.1.0",
    }
    return Planned(**{**values, **changes})


def size_of_part(number: int) -> int:
    """Of the plan above."""
    return 5 if number == PARTS else PART_SIZE


def stored(number: int, etag: str = "", checksum: str = "") -> PartStored:
    """A part of that plan."""
    return PartStored(number, size_of_part(number), etag or f'"etag-{number}"', checksum or f"crc-{number}")


def doubted(number: int, etag: str = "", checksum: str = "") -> PartDoubted:
    """The same, to be compared with the file first."""
    part = stored(number, etag, checksum)
    return PartDoubted(part.number, part.size, part.etag, part.checksum)
