"""Mutated parquet files through what `check` does: the real inspector, its child process, and the judgement."""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.fuzz.running import Outcome, described
from tests.fuzz.target import demand, demand_safe, demand_speech, scratch
from tests.support.parquet_files import Chunk, Group, HandMade, write_good

from tiktok_upload.contract import Contract
from tiktok_upload.contract_file import load
from tiktok_upload.errors import SourceError, UsageError
from tiktok_upload.events import FileChecked
from tiktok_upload.look import Demands, look
from tiktok_upload.machine import event_json
from tiktok_upload.parquet import Inspector
from tiktok_upload.stop import Stop
from tiktok_upload.text import escape

STALL_S = 10.0
_LONGEST_S = 60.0  # of one file: several silences that are each allowed
_LARGEST_SEED = 512 << 10
_TAIL = 8  # the footer's length and the magic
_NOT_THE_FILE = (
    "could not be inspected within",
    "ended as soon as it was started",
    "ended from outside",
    "cannot be loaded",
)
_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


# ------------------------------------------------------------------------------------------------------------ the seeds
def seeds(corpus: Path | None) -> tuple[bytes, ...]:
    """Files of many kinds made here, and those of that directory."""
    made = [*_generated(), *(hand.content() for hand in _HAND_MADE)]
    files = sorted(corpus.rglob("*.parquet")) if corpus else []
    return (*made, *(path.read_bytes() for path in files if path.stat().st_size <= _LARGEST_SEED))


_HAND_MADE = (
    HandMade([Group([Chunk()])]),
    HandMade([Group([Chunk(), Chunk(start=30, dictionary_at=28, index_at=90)]), Group([Chunk(start=60)])],
        names=("id", "x")),
)  # fmt: skip
_KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"compression": "none", "use_dictionary": False},
    {"compression": "snappy", "data_page_version": "2.0"},
    {"compression": "gzip", "use_deprecated_int96_timestamps": True},
    {"compression": "zstd", "write_page_index": True, "write_page_checksum": True},
    {"compression": "lz4", "write_statistics": False, "row_group_size": 7},
    {"compression": "brotli", "version": "1.0", "store_schema": False},
    {"use_dictionary": False, "column_encoding": {"n": "DELTA_BINARY_PACKED", "price": "BYTE_STREAM_SPLIT",
        "email": "DELTA_BYTE_ARRAY"}},
)  # fmt: skip


def _generated() -> Iterator[bytes]:
    path = scratch() / "seed.parquet"
    for rows in (1, 40):
        for options in _KINDS:
            pq.write_table(_table(rows), path, **options)
            yield path.read_bytes()
    yield write_good(path, rows=20).read_bytes()
    pq.write_table(pa.table({}), path)
    yield path.read_bytes()


def _table(rows: int) -> "pa.Table":
    numbers = range(rows)
    return pa.table(
        {
            "event": ["Purchase" if n % 3 else None for n in numbers],
            "event_time": pa.array([1_700_000_000_000_000 + n for n in numbers], pa.timestamp("us", tz="UTC")),
            "email": [f"{n:064x}" for n in numbers],
            "price": [n / 7 if n % 5 else math.nan for n in numbers],
            "n": pa.array(list(numbers), pa.int64()),
            "amount": pa.array([n * 10 for n in numbers], pa.int32()).cast(pa.decimal128(20, 2)),
            "day": pa.array(list(numbers), pa.date32()),
            "flag": [bool(n % 2) for n in numbers],
            "raw": [bytes([n % 256]) * 3 for n in numbers],
            "fixed": pa.array([b"1234"] * rows, pa.binary(4)),
            "tags": [[str(n)] * (n % 4) for n in numbers],
            "contents": [[{"id": n, "names": ["a", None]}] if n % 2 else [] for n in numbers],
            "pairs": pa.array([[("k", n)] for n in numbers], pa.map_(pa.string(), pa.int16())),
            "word": pa.array([f"w{n % 3}" for n in numbers]).dictionary_encode(),
        }
    )


# ------------------------------------------------------------------------------------------------------- the mutations
def mutated(random: Random, files: Sequence[bytes]) -> bytes:
    """One file with a few things wrong: in its footer, whose length stays true, in its pages, or anywhere."""
    data = bytearray(random.choice(files))
    start, where = _footer_start(data), random.random()
    if start is None or where < 0.2:
        _changed(random, data, files)
        return bytes(data)
    pages, footer = data[:start], data[start:-_TAIL]
    _changed(random, pages if where < 0.5 else footer, files)
    return bytes(pages + footer) + len(footer).to_bytes(4, "little") + bytes(data[-4:])


def _footer_start(data: bytes | bytearray) -> int | None:
    start = len(data) - _TAIL - int.from_bytes(data[-_TAIL:-4], "little")
    return start if data.endswith(b"PAR1") and start >= 0 else None


def _changed(random: Random, data: bytearray, files: Sequence[bytes]) -> None:
    for _ in range(random.choice((1, 1, 1, 1, 1, 1, 2, 3, 8, 30))):
        if data:
            random.choice(_CHANGES)(random, data, files)


def _flip(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _number(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    number, size, at = random.choice(_NUMBERS), random.choice((1, 2, 4)), random.randrange(len(data))
    data[at : at + size] = (number & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def _nudge(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = random.randrange(len(data))
    data[at] = (data[at] + random.choice((-2, -1, 1, 2))) % 256


def _varint(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = random.randrange(len(data))
    data[at : at + random.choice((0, 1, 2, 5))] = random.choice(
        (b"\xff" * 9 + b"\x01", b"\x80\x80\x04", b"\xfe\xff\xff\xff\x0f")
    )


def _cut(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    begin = random.randrange(len(data))
    del data[begin : begin + random.choice((1, 2, 8, 100, len(data)))]


def _double(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    begin, at = random.randrange(len(data)), random.randrange(len(data))
    data[at:at] = data[begin : begin + random.choice((1, 4, 32, 1_000))]


def _splice(random: Random, data: bytearray, files: Sequence[bytes]) -> None:
    other = random.choice(files)
    begin, at = random.randint(0, len(other)), random.randrange(len(data))
    size = random.choice((4, 32, 256, len(other)))
    data[at : at + random.choice((0, size))] = other[begin : begin + size]


def _swap(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    first, second, size = random.randrange(len(data)), random.randrange(len(data)), random.choice((1, 8, 64))
    data[first : first + size], data[second : second + size] = data[second : second + size], data[first : first + size]


_CHANGES: tuple[Callable[[Random, bytearray, Sequence[bytes]], None], ...] = (
    _flip, _flip, _flip, _flip, _nudge, _nudge, _nudge, _number, _varint, _cut, _double, _splice, _swap
)  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ the check
@dataclass
class Checker:
    """Asks one inspector about file after file.

    Attributes:
        ends: How often each kind of end came: the rule of an error, a refusal, sound.
    """

    inspector: Inspector
    contracts: tuple[Contract | None, ...]
    ends: Counter[str] = field(default_factory=Counter)
    _path: Path = field(default_factory=lambda: scratch() / "mutated.parquet")

    def check(self, data: bytes, random: Random) -> None:
        """Findings or a SourceError, in time; raises where anything else comes of the file."""
        self._path.write_bytes(data)
        contract = random.choice(self.contracts)
        demands = Demands(random.random() < 0.5, contract, guard=True, text_ranges=random.random() < 0.5)
        begun = time.monotonic()
        try:
            looked = look(self.inspector, self._path, Stop(), demands, judged_at=lambda _: "2026-11-23T10:00:00+00:00")
        except SourceError as exc:
            self._take_refusal(exc)
        except UsageError as exc:  # a rule that cannot be run on what the schema has become
            demand(contract is not None and exc.name == "contract", f"a usage error: {exc.message}")
            demand_speech(exc)
            self.ends["misfit"] += 1
        else:
            looked.source.close()
            self._take_findings(FileChecked(str(self._path), looked.facts, looked.findings, looked.unproved))
        demand(time.monotonic() - begun < _LONGEST_S, "it took too long")

    def _take_refusal(self, error: SourceError) -> None:
        demand_speech(error)
        for words in _NOT_THE_FILE:
            demand(words not in error.message, f"refused: {error.message}")
        self.ends[f"refused: {error.message.removeprefix(str(self._path))[:40]}"] += 1

    def _take_findings(self, event: FileChecked) -> None:
        for finding in event.findings:
            demand_safe(escape(finding.message))
        json.loads(json.dumps(event_json(event, "at"), allow_nan=False))
        errors = [finding.rule for finding in event.findings if finding.severity == "error"]
        self.ends[errors[0] if errors else "sound"] += 1


def run(
    *, cases: int, seed: int, corpus: Path | None = None, longest_s: float = math.inf
) -> tuple[Outcome, Counter[str]]:
    """So many mutated files, or as many as fit into that time, many for each child; with what became of them."""
    outcome, files = Outcome("parquet", "mutation", seed), seeds(corpus)
    begun = time.perf_counter()
    with Inspector(stall_s=STALL_S, workers=1) as inspector:
        checker = Checker(inspector, (None, load("offline-events"), load("web-events"), load("catalog")))
        for number in range(cases):
            if time.perf_counter() - begun > longest_s:
                break
            random = Random(f"{seed}/parquet/{number}")
            data = mutated(random, files)
            outcome.cases += 1
            try:
                checker.check(data, random)
            except Exception as exc:  # noqa: BLE001 - whatever it is, it is a failure
                outcome.add(described(exc), data, number)
    outcome.seconds = time.perf_counter() - begun
    return outcome, checker.ends


def replay(data: bytes) -> None:
    """One file under every demand, each failure raised."""
    with Inspector(stall_s=STALL_S, workers=1) as inspector:
        for contract in (None, load("offline-events"), load("web-events"), load("catalog")):
            checker = Checker(inspector, (contract,))
            for seed in range(8):
                checker.check(data, Random(seed))
