"""A strict S3 server that tests script to misbehave."""

from .checksums import Checksum
from .clients import connected, refused
from .faults import Fault
from .journal import Entry
from .records import OpenUpload, StoredObject, StoredPart
from .routing import Request
from .server import HostileS3
from .sessions import Session

__all__ = [
    "Checksum",
    "Entry",
    "Fault",
    "HostileS3",
    "OpenUpload",
    "Request",
    "Session",
    "StoredObject",
    "StoredPart",
    "connected",
    "refused",
]
