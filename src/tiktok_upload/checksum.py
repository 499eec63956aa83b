"""Checksums of parts and of the object they make, as S3 writes them.

A CRC of each part is always computed here, and the parts' combine into the object's without
reading anything again. Which header carries a part's proof to the store is the `Proof`:
the CRC itself, or Content-MD5 for a store that knows no CRC.
"""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from awscrt import checksums as crt

Proof = Literal["crc64nvme", "crc32c", "crc32", "md5"]
PROOFS: tuple[Proof, ...] = ("crc64nvme", "crc32c", "crc32", "md5")


@dataclass(frozen=True, slots=True)
class Crc:
    """One CRC that S3 knows for a whole object.

    Attributes:
        name: As in S3's `ChecksumAlgorithm`, for example `CRC64NVME`.
        width: Bytes of its value.
        update: `(data, so far) -> value`; takes anything with a buffer.
        combine: `(first, second, size of the second) -> value of both joined`.
    """

    name: str
    width: int
    update: Callable[[bytes | memoryview, int], int]
    combine: Callable[[int, int, int], int]

    @property
    def field(self) -> str:
        """The name of its field in S3's requests and answers."""
        return f"Checksum{self.name}"

    def encode(self, value: int) -> str:
        """Base64 of the big-endian bytes, as S3 writes it."""
        return base64.b64encode(value.to_bytes(self.width, "big")).decode("ascii")

    def decode(self, text: str) -> int:
        """The inverse of `encode`.

        Raises:
            ValueError: The text is no base64 or has another width.
        """
        raw = base64.b64decode(text, validate=True)
        if len(raw) != self.width:
            raise ValueError(f"{self.name} has {self.width} bytes, not {len(raw)}")
        return int.from_bytes(raw, "big")

    def of_object(self, parts: Iterable[tuple[str, int]]) -> str:
        """The object's checksum from its parts' `(checksum, size)` in their order."""
        total = 0
        for text, size in parts:
            total = self.combine(total, self.decode(text), size)
        return self.encode(total)


# awscrt ships these as C with SIMD: 15 GiB/s and more, where pure Python has none for NVME.
CRC64NVME = Crc("CRC64NVME", 8, crt.crc64nvme, crt.combine_crc64nvme)
CRC32C = Crc("CRC32C", 4, crt.crc32c, crt.combine_crc32c)
CRC32 = Crc("CRC32", 4, crt.crc32, crt.combine_crc32)

_BY_PROOF: dict[Proof, Crc] = {"crc64nvme": CRC64NVME, "crc32c": CRC32C, "crc32": CRC32, "md5": CRC64NVME}


def crc_for(proof: Proof) -> Crc:
    """The CRC that is computed where `proof` is sent; beside MD5 it is CRC64NVME, for our own records."""
    return _BY_PROOF[proof]
