"""The figures that this tool promises, measured with the installed command against the sink.

    python -m tests.bench.spine [--full | --size 64GiB] [--folder DIR] [--holes DIR] [--only NAME]...

Prints a Markdown table, row by row, and exits with 1 where a goal is not met. The command is that of `TIKTOK_UPLOAD` or
`tiktok-upload` on PATH, the one it is compared with that of `AWS` or `aws` on PATH: name the program itself, for a shim
of a version manager costs time of its own. The sparse file has a TiB with `--full` only, and is sent one and a half
times: 25 minutes at 1 GiB/s. A smaller one is cut into as many parts, down to 40 GiB.
"""

import argparse
import contextlib
import itertools
import json
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.meter import Measurement
from tests.bench.rig import Rig, RunFailedError, find_aws, find_holes, find_tool
from tests.bench.sink import running_sink
from tests.bench.sparse import make_real, make_sparse

from tiktok_upload.units import format_size, parse_size

MIB: Final = 1 << 20
_FULL: Final = 1 << 40
_PARTS: Final = 8_192
_SMALLEST_PART: Final = 5 * MIB
_KILLED_AFTER: Final = _PARTS // 2
_SMALL_MIB: Final = 113 / 1024
_RUNS: Final = 7
_JOURNAL_LOOK_S: Final = 0.1

_MAIN_GOAL_MIB: Final = 150
_CHILD_GOAL_MIB: Final = 250
_JOURNAL_GOAL_MB: Final = 4
_RESUME_GOAL_S: Final = 3.0
_HELP_GOAL_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; `met` is None where it has no goal or could not be taken."""

    what: str
    measured: str
    goal: str = ""
    met: bool | None = None

    def __str__(self) -> str:
        met = {True: "yes", False: "**no**", None: ""}[self.met]
        return f"| {self.what} | {self.measured} | {self.goal} | {met} |"


def measure_real(rig: Rig, _size: int) -> Iterator[Row]:
    """A push of 1 GiB that lies on the disk."""
    path = make_real(rig.folder / "real.parquet", 1024)
    yield from _rows_of_push(rig, path, "real", "1 GiB of noise")
    path.unlink()


def measure_sparse(rig: Rig, size: int) -> Iterator[Row]:
    """A push of a file with a heavy footer, and its journal."""
    path = make_sparse(rig.holes / "sparse.parquet", size)
    with _largest_journal(rig, "sparse") as largest:
        yield from _rows_of_push(rig, path, "sparse", f"{format_size(size)} sparse", *_part_size(size))
    parts = -(-size // int(_part_size(size)[1]))
    megabytes = largest() / 1e6 * _PARTS / parts
    what = f"journal of {_PARTS:,} parts" + ("" if parts == _PARTS else f" (scaled up from {parts:,})")
    yield Row(what, f"{megabytes:.2f} MB", f"< {_JOURNAL_GOAL_MB} MB", 0 < megabytes < _JOURNAL_GOAL_MB)


def measure_resume(rig: Rig, size: int) -> Iterator[Row]:
    """A push that was killed, from its new start to the first part stored."""
    command = rig.push(make_sparse(rig.holes / "sparse.parquet", size), "resume", *_part_size(size))
    with rig.events(command) as events:
        stored = (event for _, event in events if event["event"] == "part_stored")
        seen = sum(1 for _ in itertools.islice(stored, min(_KILLED_AFTER, size // int(_part_size(size)[1]) // 2)))
    with rig.events(command) as events:
        kept, seconds = _first_part_after_resume(events)
    what = f"resume of {format_size(size)} after kill -9: first part ({kept:,} kept of {seen:,} seen)"
    yield Row(what, f"{seconds:.2f} s", f"<= {_RESUME_GOAL_S:g} s", seconds <= _RESUME_GOAL_S and kept >= seen)


def measure_small(rig: Rig, _size: int) -> Iterator[Row]:
    """One small file, beside the AWS command line, in turns."""
    path = make_real(rig.folder / "small.parquet", _SMALL_MIB)
    what = f"{path.stat().st_size / 1e3:.0f} KB, median of {_RUNS}"
    ours, theirs = [], []
    for number in range(_RUNS + 1):
        ours.append(rig.run(rig.push(path, f"small-{number}"))[0].wall_s)
        if rig.aws:
            theirs.append(rig.run(rig.copy(path, f"copied-{number}"))[0].wall_s)
    median = _median(ours)
    if not theirs:
        yield Row(f"{what}; no aws to compare with", f"{median:.2f} s")
        return
    yield Row(what, f"{median:.2f} s", f"<= aws s3 cp: {_median(theirs):.2f} s", median <= _median(theirs))


def measure_help(rig: Rig, _size: int) -> Iterator[Row]:
    """How long the first word takes."""
    median = _median([rig.run([*rig.tool, "--help"])[0].wall_s for _ in range(_RUNS + 1)])
    yield Row(f"--help, median of {_RUNS}", f"{median:.3f} s", f"< {_HELP_GOAL_S} s", median < _HELP_GOAL_S)


MEASURES: Final[dict[str, Callable[[Rig, int], Iterator[Row]]]] = {
    "help": measure_help,
    "small": measure_small,
    "real": measure_real,
    "sparse": measure_sparse,
    "resume": measure_resume,
}


def _median(seconds: list[float]) -> float:
    """Without the first, which filled the caches."""
    return statistics.median(seconds[1:])


def _part_size(size: int) -> tuple[str, str]:
    """The option that cuts a file of this size into as many parts as a TiB has."""
    return "--part-size", str(max(_SMALLEST_PART, -(-size // _PARTS)))


def _rows_of_push(rig: Rig, path: Path, key: str, what: str, *options: str) -> Iterator[Row]:
    measurement, output = rig.run(rig.push(path, key, *options))
    result: dict[str, Any] = json.loads(output.splitlines()[-1])["files"][0]
    if result["bytes_sent"] != path.stat().st_size:
        raise RunFailedError(f"{result['bytes_sent']} bytes were sent of {path.stat().st_size}")
    yield from _memory_rows(f"{what}, {result['parts']:,} parts", measurement)
    speed, cpu = result["size_bytes"] / MIB / measurement.wall_s, measurement.cpu_s / (result["size_bytes"] / (1 << 30))
    yield Row(f"{what}: whole run", f"{measurement.wall_s:.1f} s, {speed:,.0f} MiB/s, {cpu:.2f} CPU s/GiB")


def _memory_rows(what: str, measurement: Measurement) -> Iterator[Row]:
    yield _memory_row(f"{what}: peak of the command", measurement.main_peak_bytes, _MAIN_GOAL_MIB)
    if measurement.child_peak_bytes is not None:
        yield _memory_row(f"{what}: peak of its child", measurement.child_peak_bytes, _CHILD_GOAL_MIB)


def _memory_row(what: str, peak_bytes: int, goal_mib: int) -> Row:
    return Row(what, f"{peak_bytes / MIB:.0f} MiB", f"< {goal_mib} MiB", peak_bytes < goal_mib * MIB)


@contextlib.contextmanager
def _largest_journal(rig: Rig, key: str) -> Iterator[Callable[[], int]]:
    """Watches the journal's size while inside, for it may be gone at the end."""
    sizes, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(_JOURNAL_LOOK_S):
            with contextlib.suppress(OSError):
                sizes[0] = max(sizes[0], rig.journal_bytes(key))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: max(sizes[0], rig.journal_bytes(key))
    finally:
        ended.set()
        thread.join()


def _first_part_after_resume(events: Iterator[tuple[float, dict[str, Any]]]) -> tuple[int, float]:
    """How many parts were kept, and when the first one after them was stored."""
    kept = 0
    for seconds, event in events:
        if event["event"] == "upload_resumed":
            kept = event["parts_kept"]
        elif event["event"] == "part_stored":
            return kept, seconds
    raise RunFailedError("the second run stored no part")


def main() -> None:
    """Measure, print, and exit with 1 where a goal is not met."""
    options = _parser().parse_args()
    with contextlib.ExitStack() as until_done:
        folder, holes = (
            Path(until_done.enter_context(tempfile.TemporaryDirectory(dir=where)))
            for where in (options.folder, options.holes)
        )
        rig = Rig(find_tool(), find_aws(), folder, holes, until_done.enter_context(running_sink("--echo-checksums")))
        chosen = [MEASURES[name] for name in options.only or MEASURES]
        try:
            met = _print_table(row for measure in chosen for row in measure(rig, options.size))
        except RunFailedError as exc:
            sys.exit(f"error: {exc}")
    sys.exit(0 if met else 1)


def _print_table(rows: Iterator[Row]) -> bool:
    """Each row when it is there; whether all goals are met."""
    print("| figure | measured | goal | met |\n| --- | --- | --- | --- |", flush=True)  # noqa: T201 - the table
    all_met = True
    for row in rows:
        print(row, flush=True)  # noqa: T201 - the table
        all_met &= row.met is not False
    return all_met


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.spine", description="Measure the promised figures.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--size", type=parse_size, default=parse_size("64GiB"), help="of the sparse file")
    size.add_argument("--full", dest="size", action="store_const", const=_FULL, help="the sparse file has 1 TiB")
    parser.add_argument("--folder", type=Path, help="where files and state lie meanwhile; needs 1.1 GiB")
    parser.add_argument("--holes", type=Path, default=find_holes(), help="where the sparse file lies; tmpfs is best")
    parser.add_argument("--only", action="append", choices=MEASURES, help="measure this alone; may be repeated")
    return parser


if __name__ == "__main__":
    main()
