"""What the checks cost: `full` against the same kernels run bare, memory, one huge row group, `quick` on a wide footer.

    python -m tests.bench.checking [--gib 2] [--directory DIR]

Prints a Markdown table. Run it on a machine that does nothing else; the ratios hold within one run.
"""

import argparse
import datetime as dt
import hashlib
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.bench.meter import Measurement, measure
from tests.bench.rig import find_tool
from tests.bench.sparse import make_sparse

GIB, MIB = 1 << 30, 1 << 20
_ROUNDS = 3
_ROWS = 65_536  # of one piece, made once and written again and again
_BATCH_ROWS = 8_192
_CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: bench/events
version: 1.0.0
status: active
schema:
  - name: events
    logicalType: object
    physicalType: parquet
    properties:
      - {name: event, logicalType: string, required: true, logicalTypeOptions: {minLength: 1}}
      - name: event_time
        logicalType: timestamp
        required: true
        logicalTypeOptions: {timezone: true}
        customProperties: [{property: maxAge, value: 28d}, {property: maxFuture, value: 1h}]
      - {name: event_id, logicalType: string, required: true, logicalTypeOptions: {minLength: 1}}
      - {name: event_source, logicalType: string, required: true, enum: [{value: web}, {value: offline}]}
      - {name: event_source_id, logicalType: string, required: true}
      - name: email
        logicalType: string
        classification: hashed-pii
        logicalTypeOptions: {pattern: '^[0-9a-f]{64}$'}
      - name: phone
        logicalType: string
        classification: hashed-pii
        logicalTypeOptions: {pattern: '^[0-9a-f]{64}$'}
      - {name: order_id, logicalType: string}
      - {name: value, logicalType: number, logicalTypeOptions: {minimum: 0}}
      - {name: currency, logicalType: string, logicalTypeOptions: {pattern: '^[A-Z]{3}$'}}
    quality:
      - name: somebody to match
        type: custom
        engine: tiktok-upload
        implementation: {anyOf: [email, phone]}
      - name: a value has its currency
        type: custom
        engine: tiktok-upload
        implementation: {requires: {value: currency}}
"""


# ----------------------------------------------------------------------------------------------------------- the files
def piece() -> Any:
    """Events, the same each time but for the time they are made at."""
    now = int(time.time() * 1e6)
    hashes = [hashlib.sha256(f"user-{number}".encode()).hexdigest() for number in range(2 * _ROWS)]
    return pa.table(
        {
            "event": pa.array([("Purchase", "Lead", "AddToCart")[number % 3] for number in range(_ROWS)]),
            "event_time": pa.array([now - number * 1_000_003 for number in range(_ROWS)], pa.timestamp("us", "UTC")),
            "event_id": pa.array([f"ord-{number:012d}" for number in range(_ROWS)]),
            "event_source": pa.array(["offline"] * _ROWS),
            "event_source_id": pa.array(["7654321098765432109"] * _ROWS),
            "email": pa.array(hashes[:_ROWS]),
            "phone": pa.array(hashes[_ROWS:]),
            "order_id": pa.array([str(10_000_000 + number) for number in range(_ROWS)]),
            "value": pa.array([number % 90_000 / 100 for number in range(_ROWS)]),
            "currency": pa.array(["USD"] * _ROWS),
        }
    )


def make_events(path: Path, size: int, *, one_group: bool) -> Path:
    """About that many bytes of events, not compressed; in row groups of 64 MiB, or all in one."""
    table = piece()
    each = table.nbytes
    count = max(1, size // each)
    rows_a_group = _ROWS * count if one_group else max(1, 64 * MIB // each) * _ROWS
    options: dict[str, Any] = {
        "compression": "none",
        "use_dictionary": ["event", "event_source", "event_source_id", "currency"],
    }
    with pq.ParquetWriter(path, table.schema, **options) as writer:
        if one_group:
            writer.write_table(pa.concat_tables([table] * count), row_group_size=rows_a_group)
        else:
            for first in range(0, count, rows_a_group // _ROWS):
                pieces = min(rows_a_group // _ROWS, count - first)
                writer.write_table(pa.concat_tables([table] * pieces), row_group_size=rows_a_group)
    return path


# ------------------------------------------------------------------------------------------------------------- bare
def run_bare(path: Path, contract: Path, part: int, parts: int) -> None:
    """The same scan with the same kernels and nothing else: every so-manieth row group, or so many of the columns."""
    from tiktok_upload.contract_file import load  # noqa: PLC0415 - in the child only
    from tiktok_upload.parquet.counts import At, Counts  # noqa: PLC0415
    from tiktok_upload.parquet.examiner import Examiner, Terms  # noqa: PLC0415
    from tiktok_upload.parquet.footer import facts  # noqa: PLC0415
    from tiktok_upload.parquet.structure import open_parquet  # noqa: PLC0415

    with path.open("rb") as raw:
        file = open_parquet(raw)
        terms = Terms(load(str(contract)), guard=True, judged_at=dt.datetime.now(dt.UTC))
        examiner, counts = Examiner(terms, facts(file, set()).columns, file.schema_arrow), Counts()
        groups = range(file.metadata.num_row_groups)
        columns = None
        if len(groups) == 1:
            columns = (
                [
                    ("email", "phone", "value", "currency"),
                    tuple(
                        name for name in file.schema_arrow.names if name not in ("email", "phone", "value", "currency")
                    ),
                ][part]
                if parts == 2
                else None
            )
        mine = [number for number in groups if columns or number % parts == part]
        for batch in file.iter_batches(_BATCH_ROWS, row_groups=mine, columns=columns, use_threads=False):
            examiner.see(batch, At(0, 0), counts)


def bare_s(path: Path, contract: Path, workers: int) -> float:
    """Seconds of the bare scan, processes and all."""
    begun = time.monotonic()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=run_bare, args=(path, contract, part, workers)) for part in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("the bare scan failed")
    return time.monotonic() - begun


# ------------------------------------------------------------------------------------------------------------ the table
def check(path: Path, *options: str) -> Measurement:
    """One run of the command."""
    command = [*find_tool(), "check", str(path), "--quiet", *options]
    measured = measure(command)
    if measured.exit_code:
        raise RuntimeError(f"exit {measured.exit_code}: {command}")
    return measured


def rows(directory: Path, size: int) -> Iterator[tuple[str, str]]:
    """What was measured, and how much."""
    contract = directory / "bench.odcs.yaml"
    contract.write_text(_CONTRACT)
    workers = len(os.sched_getaffinity(0))
    for name, one_group in (("row groups of 64 MiB", False), ("one row group", True)):
        path = make_events(directory / "events.parquet", size, one_group=one_group)
        pairs = [
            (bare_s(path, contract, workers), check(path, "--check", "full", "--contract", str(contract)))
            for _ in range(_ROUNDS)
        ]
        bare = statistics.median(pair[0] for pair in pairs)
        ours = statistics.median(pair[1].wall_s for pair in pairs)
        ratio = statistics.median(pair[0] / pair[1].wall_s for pair in pairs)
        real = path.stat().st_size
        yield (
            f"full, {real / GIB:.2f} GiB, {name}: bare / ours / speed",
            (f"{bare:.2f} s / {ours:.2f} s ({real / ours / MIB:,.0f} MiB/s) / {ratio:.0%}"),
        )
        yield (
            "  peak memory: command / largest child",
            (
                f"{max(pair[1].main_peak_bytes for pair in pairs) / MIB:.0f} / "
                f"{max(pair[1].child_peak_bytes or 0 for pair in pairs) / MIB:.0f} MiB"
            ),
        )
        path.unlink()
    wide = make_sparse(directory / "wide.parquet", 60_000_000)
    walls = [check(wide).wall_s for _ in range(2 * _ROUNDS + 1)]
    yield "quick, 8,000 row groups of 20 columns: median, best", f"{statistics.median(walls):.2f} s, {min(walls):.2f} s"


def main() -> None:
    """Make the files, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=2.0)
    parser.add_argument("--directory", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        sys.stdout.write("| what | measured |\n| --- | --- |\n")
        for what, figure in rows(Path(directory), int(options.gib * GIB)):
            sys.stdout.write(f"| {what} | {figure} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
