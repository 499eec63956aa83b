"""A maker of parquet files of a given size."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

MIB = 1 << 20
_ROW_BYTES = 1024


def write_sample(path: Path, mib: int, *, seed: int = 1) -> Path:
    """A sound file of `mib` MiB and a little more that does not compress; a row group each MiB."""
    noise = random.Random(seed)
    blob = pa.binary(_ROW_BYTES)
    schema = pa.schema([("id", pa.int64()), ("blob", blob)])
    rows = MIB // _ROW_BYTES
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False, write_statistics=False) as writer:
        for group in range(mib):
            ids = pa.array(range(group * rows, (group + 1) * rows), pa.int64())
            blobs = pa.FixedSizeBinaryArray.from_buffers(blob, rows, [None, pa.py_buffer(noise.randbytes(MIB))])
            writer.write_table(pa.table([ids, blobs], schema=schema))
    return path
