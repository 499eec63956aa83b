"""This tool beside others, as whole processes with their defaults, against the sink.

    python -m tests.bench.race [--only NAME]... [--runs 3] [--big 8GiB] [--huge 1TiB] [--write]

Prints Markdown and exits with 1 where a goal is not met. The contestants take turns in each round, so that what else
the machine does falls on all of them; `pip install -e '.[sandbox,test,bench]'` brings the others. Large files are
sparse, in tmpfs where there is one: reading costs as little as it can, and the same for everybody. What each run has
sent is asked of the sink. The largest file is sent once, by this tool alone: a quarter of an hour at 1 GiB/s.
"""

import argparse
import contextlib
import datetime as dt
import os
import platform
import shutil
import ssl
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from tests.bench.chart import draw
from tests.bench.figures import GIB, MIB, Course, Outcome, goals, summarize
from tests.bench.meter import Measurement
from tests.bench.peers import LIMIT, OURS, PEERS, Contestant, Errand
from tests.bench.report import Report, course_table, judge
from tests.bench.rig import Rig, RunFailedError, find_holes
from tests.bench.sink import running_sink
from tests.bench.sparse import make_real, make_sparse
from tests.support.ways import write_chain

from tiktok_upload.units import format_size, parse_size

_RESULTS: Final = Path(__file__).parent / "results"
_SMALL_BYTES: Final = 113_000
_FRAME_BYTES: Final = 1_900  # what a parquet file of one row group has beside its values
# As in files that are large for a reason; 1 TiB has a footer of 24 MB then.
_ROW_GROUP_BYTES: Final = 128 * MIB
_DELAY: Final = ("--delay", "0.03")
_AGAIN: Final = f"{OURS.name}, second run"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is sent: bytes, and `many` files."""

    big: int = 8 * GIB
    huge: int = 1024 * GIB
    slow: int = 2 * GIB
    many: int = 2_000


@dataclass(frozen=True, slots=True)
class Entrant:
    """A contestant on a course.

    Attributes:
        label: Its name in the tables.
        place: A part of its keys: those with the same one send to the same key in the same round.
    """

    label: str
    contestant: Contestant
    source: Path
    place: str


@dataclass(frozen=True, slots=True)
class Setup:
    """How a course is laid out.

    Attributes:
        manners: The sink's options, but for TLS.
        is_timed: The time is compared, not the throughput.
        most_rounds: However many are asked for.
    """

    title: Callable[[Sizes], str]
    line_up: Callable[[Path, Sizes], list[Entrant]]
    manners: tuple[str, ...] = ()
    tls: bool = False
    is_timed: bool = False
    most_rounds: int = sys.maxsize


def _everybody(source: Path) -> list[Entrant]:
    return [Entrant(one.name, one, source, one.name.replace(" ", "-")) for one in (OURS, *PEERS)]


def _sparse(folder: Path, size_bytes: int) -> Path:
    groups = max(1, size_bytes // _ROW_GROUP_BYTES)
    return make_sparse(folder / f"{size_bytes}.parquet", size_bytes, row_groups=groups, cache=folder / "small")


def _small(path: Path) -> Path:
    return make_real(path, (_SMALL_BYTES - _FRAME_BYTES) / MIB)


def _line_up_big(folder: Path, sizes: Sizes) -> list[Entrant]:
    source = _sparse(folder, sizes.big)
    return [*_everybody(source), Entrant(LIMIT.name, LIMIT, source, "limit")]


def _line_up_slow(folder: Path, sizes: Sizes) -> list[Entrant]:
    return _everybody(_sparse(folder, sizes.slow))


def _line_up_many(folder: Path, sizes: Sizes) -> list[Entrant]:
    """The second run has the place of the first, hence its key and its state."""
    source = folder / "many"
    source.mkdir()
    first = _small(source / "0000.parquet")
    for number in range(1, sizes.many):
        shutil.copyfile(first, source / f"{number:04}.parquet")
    ours, *others = _everybody(source)
    return [ours, replace(ours, label=_AGAIN), *others]


def _line_up_one(folder: Path, _sizes: Sizes) -> list[Entrant]:
    return _everybody(_small(folder / "one.parquet"))


def _line_up_huge(folder: Path, sizes: Sizes) -> list[Entrant]:
    return [
        Entrant(f"{OURS.name}, {format_size(size)}", OURS, _sparse(folder, size), str(size))
        for size in (sizes.big, sizes.huge)
    ]


COURSES: Final[dict[str, Setup]] = {
    "https": Setup(lambda sizes: f"{format_size(sizes.big)}, HTTPS", _line_up_big, tls=True),
    "http": Setup(lambda sizes: f"{format_size(sizes.big)}, HTTP", _line_up_big),
    "slow": Setup(
        lambda sizes: f"{format_size(sizes.slow)}, 20 MiB/s a connection, 30 ms",
        _line_up_slow,
        ("--rate", str(20 * MIB), *_DELAY),
    ),
    "many": Setup(
        lambda sizes: f"{sizes.many:,} files of {_SMALL_BYTES // 1000} KB, 30 ms", _line_up_many, _DELAY, is_timed=True
    ),
    "one": Setup(lambda _sizes: f"one file of {_SMALL_BYTES // 1000} KB, 30 ms", _line_up_one, _DELAY, is_timed=True),
    "huge": Setup(lambda sizes: f"{format_size(sizes.huge)}, HTTP", _line_up_huge, most_rounds=1),
}


@dataclass(frozen=True, slots=True)
class Stadium:
    """Where races are run.

    Attributes:
        rig: Its folder and holes are thrown away at the end.
        authority, certificate: PEM files for TLS.
    """

    rig: Rig
    authority: Path
    certificate: Path

    @contextlib.contextmanager
    def track(self, setup: Setup, sizes: Sizes) -> Iterator["Track"]:
        """A course with a sink and sources of its own while inside."""
        tls = ("--tls", str(self.certificate), str(self.certificate)) if setup.tls else ()
        with (
            tempfile.TemporaryDirectory(dir=self.rig.holes) as folder,
            running_sink("--echo-checksums", *setup.manners, *tls) as endpoint,
        ):
            entrants = setup.line_up(Path(folder), sizes)
            yield Track(replace(self.rig, endpoint=endpoint), self.authority if setup.tls else None, entrants)


@dataclass(frozen=True, slots=True)
class Track:
    """One course while it is run."""

    rig: Rig
    ca: Path | None
    entrants: list[Entrant]
    taken: dict[str, list[Measurement]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def run_round(self, number: int) -> None:
        """Each entrant's turn; one that failed has no more."""
        for entrant in self.entrants:
            if entrant.label in self.failed:
                continue
            try:
                measurement = self._run(entrant, number)
            except RunFailedError as exc:
                self._note_failure(entrant, exc)
            else:
                _tell(f"round {number + 1}, {entrant.label}: {measurement.wall_s:.2f} s")
                self.taken.setdefault(entrant.label, []).append(measurement)

    def outcomes(self) -> Course:
        """In the order of the turns."""
        return {entrant.label: self._outcome(entrant) for entrant in self.entrants}

    def _outcome(self, entrant: Entrant) -> Outcome:
        reason = self.failed.get(entrant.label)
        return reason or summarize(self.taken[entrant.label], _size_of(entrant.source))

    def _run(self, entrant: Entrant, number: int) -> Measurement:
        program = entrant.contestant.find()
        if program is None:
            raise RunFailedError("not installed")
        # A fresh place in each round: what is there already is not sent.
        place = f"{entrant.place}-{number}"
        errand = Errand(self.rig, entrant.source, place, self.ca)
        command = [*program, *entrant.contestant.arguments(errand)]
        measurement, _ = self.rig.run(command, environment=entrant.contestant.variables(errand))
        stored, wanted = stored_bytes(self.rig.endpoint, place, self.ca), _size_of(entrant.source)
        if stored != wanted:
            raise RunFailedError(f"{stored:,} of {wanted:,} bytes arrived")
        return measurement

    def _note_failure(self, entrant: Entrant, failure: RunFailedError) -> None:
        if entrant.contestant is OURS:
            raise failure
        _tell(f"{entrant.label}: {failure}")
        self.failed[entrant.label] = str(failure).strip().rpartition("\n")[2]


def stored_bytes(endpoint: str, key: str, ca: Path | None) -> int:
    """What the sink holds at a key and below it."""
    tls = ssl.create_default_context(cafile=ca) if ca else None
    total, query = 0, {"list-type": "2", "prefix": key}
    while True:
        with urllib.request.urlopen(f"{endpoint}/bench?{urlencode(query)}", context=tls) as answer:
            listed = ET.fromstring(answer.read())
        for found in listed.iterfind("Contents"):
            name = found.findtext("Key", "")
            total += int(found.findtext("Size", "0")) if name == key or name.startswith(f"{key}/") else 0
        if listed.findtext("IsTruncated") != "true":
            return total
        query["continuation-token"] = listed.findtext("NextContinuationToken", "")


def _size_of(source: Path) -> int:
    return sum(path.stat().st_size for path in (source.iterdir() if source.is_dir() else [source]))


def run_course(stadium: Stadium, setup: Setup, sizes: Sizes, runs: int) -> Course:
    """All rounds of one course."""
    with stadium.track(setup, sizes) as track:
        for number in range(min(runs, setup.most_rounds)):
            track.run_round(number)
        return track.outcomes()


@contextlib.contextmanager
def built_stadium(folder: Path | None, holes: Path) -> Iterator[Stadium]:
    """A stadium while inside.

    Raises:
        RunFailedError: Our own command is not installed.
    """
    tool = OURS.find()
    if tool is None:
        raise RunFailedError(f"{OURS.name} is neither beside {sys.executable} nor on PATH")
    with tempfile.TemporaryDirectory(dir=folder) as kept, tempfile.TemporaryDirectory(dir=holes) as memory:
        yield Stadium(Rig(tool, None, Path(kept), Path(memory), ""), *write_chain(Path(kept)))


def main() -> None:
    """Run what was chosen, tell, and exit with 1 where a goal is not met."""
    options = _parser().parse_args()
    sizes = Sizes(options.big, options.huge, options.slow, options.many)
    try:
        report = _race(options, sizes)
    except RunFailedError as exc:
        sys.exit(f"error: {exc}")
    held = goals(OURS.name, _AGAIN, LIMIT.name, [peer.name for peer in PEERS])
    page = report.markdown(held, chart="peers.svg")
    print(page)  # noqa: T201 - the result
    if options.write:
        _write(report, page)
    sys.exit(0 if all(row.met is not False for row in judge(held, report.results, report.titles)) else 1)


def _race(options: argparse.Namespace, sizes: Sizes) -> Report:
    chosen = {name: setup for name, setup in COURSES.items() if not options.only or name in options.only}
    titles = {name: setup.title(sizes) for name, setup in chosen.items()}
    results: dict[str, Course] = {}
    with built_stadium(options.folder, options.holes) as stadium:
        contestants = [(one.name, one.version(), one.defaults) for one in (OURS, *PEERS, LIMIT)]
        for name, setup in chosen.items():
            _tell(titles[name])
            results[name] = run_course(stadium, setup, sizes, options.runs)
            _tell(course_table(results[name], is_timed=setup.is_timed))
    timed = frozenset(name for name, setup in chosen.items() if setup.is_timed)
    return Report(_setting(options), titles, results, contestants, timed)


def _setting(options: argparse.Namespace) -> str:
    where = "tmpfs" if options.holes == Path("/dev/shm") else "a file system of the machine's"
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return (
        f"`python -m tests.bench.race --runs {options.runs}`, {dt.datetime.now(dt.UTC):%Y-%m-%d}: {machine}; sink and"
        " clients on the same machine over loopback, each contestant a whole process with its defaults, medians."
        f" Large files are sparse parquet files in {where},"
        " so reading costs nearly nothing; small ones are real."
        f" {OURS.name} with journal, checksums and receipt on; the sink confirms every checksum unseen."
    )


def _write(report: Report, page: str) -> None:
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / "peers.md").write_text(page, encoding="utf-8")
    note = "MiB/s of the whole process; longer is better; each group has a scale of its own"
    image = draw("Upload throughput, with each program's defaults", note, report.groups())
    (_RESULTS / "peers.svg").write_text(image, encoding="utf-8")


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - what happens meanwhile


def _parser() -> argparse.ArgumentParser:
    sizes = Sizes()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.race", description="This tool beside others.")
    parser.add_argument("--only", action="append", choices=COURSES, help="run this course alone; may be repeated")
    parser.add_argument("--runs", type=int, default=3, help="rounds that the medians are of")
    parser.add_argument("--big", type=parse_size, default=sizes.big, help="of the file over HTTP and HTTPS")
    parser.add_argument("--huge", type=parse_size, default=sizes.huge, help="of the largest file")
    parser.add_argument("--slow", type=parse_size, default=sizes.slow, help="of the file over the slow line")
    parser.add_argument("--many", type=int, default=sizes.many, help="how many small files")
    parser.add_argument("--folder", type=Path, help="where state lies meanwhile")
    parser.add_argument("--holes", type=Path, default=find_holes(), help="where sources lie; tmpfs is best")
    parser.add_argument("--write", action="store_true", help="write peers.md and peers.svg into tests/bench/results")
    return parser


if __name__ == "__main__":
    main()
