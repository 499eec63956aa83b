"""Parquet files that are made once and copied for each run, with all that the oracle must know of their content."""

import base64
import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.hostile_s3.checksums import encode, start
from tests.support.sample import write_sample
from tests.torture.cells import MIB

PART_SIZE: Final = 5 * MIB

SHAPES: Final[Mapping[str, int]] = {"one": 1, "brim": 4, "two": 5, "three": 10, "four": 15, "five": 20, "six": 25}
"""MiB by name. A file has a little more than that: `brim` stays just below one part, `two` goes just above."""
VARIANTS: Final = 2
"""Files of one shape have the same size and the same footer, and other bytes."""


@dataclass(frozen=True, slots=True)
class Content:
    """The whole of a file at one time.

    Attributes:
        digest: SHA-256 in hex.
        checksums: Base64 by algorithm.
    """

    digest: str
    size: int
    checksums: Mapping[str, str]

    @property
    def parts(self) -> int:
        """How many an upload has."""
        return -(-self.size // PART_SIZE)


def content_of(data: bytes) -> Content:
    """What is known of these bytes."""
    checksums = {}
    for name in ("CRC64NVME", "CRC32C", "CRC32"):
        running = start(name)
        running.update(data)
        checksums[name] = encode(running.digest())
    checksums["MD5"] = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    return Content(hashlib.sha256(data).hexdigest(), len(data), checksums)


class Shelf:
    """Files by shape and variant, made when they are first asked for; safe from several threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], tuple[Path, Content]] = {}

    def take(self, shape: str, variant: int) -> tuple[Path, Content]:
        """The file, not to be changed, and its content."""
        with self._lock:
            if (shape, variant) not in self._known:
                path = self._directory / f"{shape}-{variant}.parquet"
                write_sample(path, SHAPES[shape], seed=variant + 1)
                self._known[shape, variant] = path, content_of(path.read_bytes())
            return self._known[shape, variant]
