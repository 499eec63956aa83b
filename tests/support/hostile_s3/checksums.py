"""The checksums that S3 knows: running ones, their spelling, and which kinds each may be of."""

import base64
import binascii
import hashlib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

_crt: Any = importlib.import_module("awscrt.checksums")  # it ships no types

FULL_OBJECT: Final = "FULL_OBJECT"
COMPOSITE: Final = "COMPOSITE"

SIZES: Final = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}

KINDS: Final = {
    "CRC32": (COMPOSITE, FULL_OBJECT),
    "CRC32C": (COMPOSITE, FULL_OBJECT),
    "CRC64NVME": (FULL_OBJECT,),
    "SHA1": (COMPOSITE,),
    "SHA256": (COMPOSITE,),
}
"""The types each algorithm may have for a multipart upload, the default first."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """An algorithm in capitals, the value in base64 (`-N` behind it for a composite), and the type."""

    algorithm: str
    value: str
    type: str = FULL_OBJECT

    @property
    def header(self) -> str:
        """The header that carries it."""
        return header_of(self.algorithm)

    @property
    def element(self) -> str:
        """The XML element that carries it."""
        return f"Checksum{self.algorithm}"


class Running(Protocol):
    """A checksum over bytes that come in pieces."""

    def update(self, data: bytes, /) -> None:
        """Take the next piece."""

    def digest(self) -> bytes:
        """The value so far."""


class _RunningCrc:
    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function = function
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


def start(algorithm: str) -> Running:
    """A fresh running checksum."""
    if algorithm.startswith(("SHA", "MD5")):
        return hashlib.new(algorithm.lower(), usedforsecurity=False)
    return _RunningCrc(getattr(_crt, algorithm.lower()), SIZES[algorithm])


def composite(algorithm: str, values: Sequence[str]) -> str:
    """The checksum of the parts' checksums."""
    running = start(algorithm)
    for value in values:
        running.update(base64.b64decode(value))
    return f"{encode(running.digest())}-{len(values)}"


def header_of(algorithm: str) -> str:
    """The header that carries a checksum of this algorithm."""
    return f"x-amz-checksum-{algorithm.lower()}"


def encode(digest: bytes) -> str:
    """Base64 as headers want it."""
    return base64.b64encode(digest).decode("ascii")


def decode(value: str, size: int) -> bytes | None:
    """The digest that a header spells, or None where it spells none of that size in bytes."""
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == size else None
