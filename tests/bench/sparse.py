"""Parquet files for measuring: of any size without a disk for it, or of noise that no line can compress."""

import os
import random
import shutil
import zlib
from pathlib import Path
from typing import Any

import platformdirs
import pyarrow as pa
import pyarrow.parquet as pq

MIB = 1 << 20
_TRAILER_BYTES = 8  # the footer's length, little-endian, and the magic
_VALUE_BYTES = 8
_NOISE_COLUMNS = 4
# Lower: more row groups. Higher: more memory while the file is made.
_ROW_GROUP_BYTES = 32 * MIB
# Texts stand in the footer four times, as old and new minimum and maximum: hashes make it as heavy as in real files.
_TYPES = (pa.int64(), pa.string(), pa.float64(), pa.string(), pa.timestamp("us", tz="UTC"))


def make_sparse(
    path: Path, size_bytes: int, *, row_groups: int = 8_000, columns: int = 20, cache: Path | None = None
) -> Path:
    """Make a parquet file of exactly that size that takes the disk of its real part only.

    A small real file is opened between its data and its footer by a hole, so every offset stays true. The file system
    must know sparse files and the size: ext4 ends at 16 TiB, XFS, Btrfs and tmpfs far beyond.

    Args:
        path: Replaced if it is there.
        size_bytes: Not less than the real part: 49 MB with 8,000 row groups of 20 columns, of which 24 MB are footer.
        row_groups: Of one row each.
        columns: Integers, texts, doubles and times in turn.
        cache: Where small parts are kept from one call to the next; by default below the user's cache directory.

    Raises:
        ValueError: The size is less than that of the real part.
        OSError: The file system takes no file of this size.
    """
    small = _small_part(cache or platformdirs.user_cache_path("tiktok-upload-bench"), row_groups, columns)
    with small.open("rb") as source, path.open("wb") as target:
        footer_start = _footer_start(small)
        footer_end = small.stat().st_size
        if size_bytes < footer_end:
            raise ValueError(f"{size_bytes} bytes are less than the {footer_end} of the real part")
        _copy(source, target, footer_start)
        target.seek(size_bytes - (footer_end - footer_start))
        shutil.copyfileobj(source, target, MIB)
    return path


def make_real(path: Path, mib: float) -> Path:
    """Make a parquet file of about that many MiB of random numbers, the same each time; some 150 MiB a second."""
    names = [f"noise_{number}" for number in range(_NOISE_COLUMNS)]
    schema = pa.schema([(name, pa.int64()) for name in names])
    rng, left = random.Random(0), int(mib * MIB)
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        while left > 0:
            rows = max(1, min(left, _ROW_GROUP_BYTES) // (_VALUE_BYTES * _NOISE_COLUMNS))
            writer.write_table(pa.table([_noise(rng, rows) for _ in names], schema=schema), row_group_size=rows)
            left -= _ROW_GROUP_BYTES
    return path


def _noise(rng: random.Random, rows: int) -> Any:
    return pa.Array.from_buffers(pa.int64(), rows, [None, pa.py_buffer(rng.randbytes(rows * _VALUE_BYTES))])


def _small_part(cache: Path, row_groups: int, columns: int) -> Path:
    """The real file that the sparse ones are made of."""
    made_by = zlib.crc32(Path(__file__).read_bytes() + pa.__version__.encode())
    kept = cache / f"small-{row_groups}x{columns}-{made_by:08x}.parquet"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        begun = kept.with_suffix(f".{os.getpid()}.tmp")
        pq.write_table(_rows(row_groups, columns), begun, row_group_size=1, compression="none")
        begun.replace(kept)
    return kept


def _rows(rows: int, columns: int) -> Any:
    """Invented rows, the same each time."""
    rng = random.Random(columns)
    numbers = [rng.randrange(1 << 40) for _ in range(rows)]
    of_type = {
        pa.int64(): numbers,
        pa.float64(): [number / 7 for number in numbers],
        pa.string(): [f"{number:064x}" for number in numbers],
        pa.timestamp("us", tz="UTC"): numbers,
    }
    kinds = [_TYPES[number % len(_TYPES)] for number in range(columns)]
    return pa.table({f"column_{number}": pa.array(of_type[kind], kind) for number, kind in enumerate(kinds)})


def _footer_start(path: Path) -> int:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(size - _TRAILER_BYTES)
        return size - _TRAILER_BYTES - int.from_bytes(file.read(4), "little")


def _copy(source: Any, target: Any, size: int) -> None:
    while size > 0:
        size -= target.write(source.read(min(size, MIB)))
