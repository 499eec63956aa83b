"""Rows read and decoded in this process, as a full check does it: none of these files aborts the parser."""

import datetime as dt
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.parquet_files import Chunk, Group, HandMade, write_good
from tests.test_parquet_structure import OLD_S, FailingDisk

from tiktok_upload.facts import FileFacts, Finding
from tiktok_upload.parquet import scan, units
from tiktok_upload.parquet.examiner import Terms
from tiktok_upload.parquet.measuring import Measured, Wanted, do_unit, measure

NOTHING = Terms(None, guard=False, judged_at=dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
GUARD = replace(NOTHING, guard=True)
Verdict = tuple[FileFacts | None, tuple[Finding, ...]]
Beat = Callable[[int, int], None]


def quick(file: BinaryIO, size_bytes: int, terms: Terms = NOTHING) -> Measured:
    return measure(file, Wanted("quick", terms), size_bytes=size_bytes, age_s=OLD_S, tell=ignore)


def ignore(*, reading: bool) -> None:
    """Nobody asks whose fault it would be."""


def check(content: bytes | Path, *, terms: Terms = NOTHING, beat: Beat | None = None, workers: int = 1) -> Verdict:
    """A full check, put together as the parent does it."""
    data = content.read_bytes() if isinstance(content, Path) else content
    wanted = Wanted("full", terms, workers)
    measured = measure(io.BytesIO(data), wanted, size_bytes=len(data), age_s=OLD_S, tell=ignore)
    assert (measured.sampled, measured.facts and measured.facts.rows_read) == ([], None)
    answers = [do_unit(io.BytesIO(data), unit, terms, beat or (lambda _done, _total: None)) for unit in measured.units]
    findings = [Finding(**finding) for answer in answers for finding in answer["findings"]]
    facts = measured.facts
    if facts is not None and answers and not findings:
        assert sum(answer["rows"] for answer, unit in zip(answers, measured.units, strict=True)) >= facts.rows
        facts = replace(facts, rows_read=facts.rows)
    return facts, (*measured.findings, *findings)


def rules(verdict: Verdict) -> list[tuple[str, str]]:
    return [(finding.severity, finding.rule) for finding in verdict[1]]


def facts_of(verdict: Verdict) -> FileFacts:
    assert verdict[0] is not None
    return verdict[0]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_good(tmp_path / "good.parquet")


def test_a_sound_file_is_read_to_its_end(good: Path) -> None:
    facts, findings = check(good)
    assert facts is not None
    assert (facts.rows_read, findings) == (300, ())


@pytest.mark.parametrize(
    "options",
    [
        {"write_page_index": True},
        {"use_dictionary": False, "data_page_version": "2.0"},
        {"bloom_filter_options": {"name": {"ndv": 300, "fpp": 0.05}}},
        {"compression": "none", "row_groups": 30},
        {"write_statistics": False, "compression": {"id": "snappy", "name": "gzip"}},
        {"use_deprecated_int96_timestamps": True, "version": "1.0", "flavor": "spark"},
    ],
    ids="-".join,
)
def test_no_way_of_writing_is_held_against_the_rows(tmp_path: Path, options: dict[str, Any]) -> None:
    verdict = check(write_good(tmp_path / "f", **options))
    assert verdict[1] == ()
    assert facts_of(verdict).rows_read == 300


def test_a_file_without_rows_is_read_though_there_is_nothing_to_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": pa.array([], pa.int64())}), tmp_path / "f")
    assert rules(check(tmp_path / "f")) == [("warning", "no-rows")]


def test_a_file_without_columns_is_let_through_with_a_warning(tmp_path: Path) -> None:
    pq.write_table(pa.table({}), tmp_path / "f")
    assert rules(check(tmp_path / "f")) == [("warning", "no-rows")]


def test_an_error_in_the_footer_spares_the_data_the_reading() -> None:
    bomb = HandMade([Group([Chunk(size_bytes=96, unpacked_bytes=2 << 30)])])
    verdict = check(bomb.content())
    assert rules(verdict) == [("error", "decompression-bomb")]
    assert facts_of(verdict).rows_read is None


def flip(path: Path, at: int) -> bytes:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    return bytes(data)


def middle_of_row_group(path: Path, number: int) -> int:
    column = pq.read_metadata(path).row_group(number).column(1)
    return int(column.data_page_offset) + int(column.total_compressed_size) // 2


def test_one_flipped_bit_is_found_by_the_page_checksum_and_its_row_group_named(good: Path) -> None:
    verdict = check(flip(good, middle_of_row_group(good, 1)))
    (finding,) = verdict[1]
    assert (finding.rule, finding.severity, finding.row_group) == ("page-checksum", "error", 1)
    assert facts_of(verdict).rows_read is None


def test_a_quick_check_that_looks_for_nothing_does_not_read_the_data(good: Path) -> None:
    data = flip(good, middle_of_row_group(good, 1))
    measured = quick(io.BytesIO(data), len(data))
    assert (measured.findings, measured.facts and measured.facts.rows_sampled) == ((), None)


def test_a_quick_check_that_looks_for_something_finds_damage_in_the_rows_that_it_reads(good: Path) -> None:
    data = flip(good, middle_of_row_group(good, 1))
    (finding,) = quick(io.BytesIO(data), len(data), GUARD).findings
    assert (finding.rule, finding.severity, finding.row_group) == ("page-checksum", "error", 1)


def test_data_that_cannot_be_decoded_are_an_error_that_shows_none_of_them(tmp_path: Path) -> None:
    path = tmp_path / "f"
    table = pa.table({"mail": ["bob@example.com"] * 500})
    pq.write_table(table, path, compression="none", use_dictionary=False)
    data = path.read_bytes().replace(b"\x0f\0\0\0bob", b"\xff\xff\xff\x7fbob")
    (finding,) = check(data)[1]
    assert finding == Finding(
        "undecodable",
        "error",
        "row group 0 cannot be decoded: its data are damaged or are not what the footer says; "
        "copy or write the file again",
        row_group=0,
    )


def test_row_groups_with_fewer_rows_than_promised_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "f"
    pq.write_table(pa.table({"id": pa.array([7] * 1_000)}), path, compression="none", write_statistics=False)
    data = path.read_bytes()
    footer_start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    thousand, more = b"\x16\xd0\x0f", b"\x16\xd8\x0f"
    lying = data[:footer_start] + data[footer_start:].replace(thousand, more)
    assert quick(io.BytesIO(lying), len(lying)).findings == ()
    assert rules(check(lying)) == [("error", "row-count")]


@pytest.mark.parametrize(
    ("error", "rule"),
    [
        (pa.ArrowNotImplementedError("Codec type LZO not supported"), "unsupported-data"),
        (OSError("Unknown encoding type: not yet implemented"), "unsupported-data"),
        (OSError("CRC checksum verification failed for page_ordinal 0"), "page-checksum"),
        (pa.ArrowInvalid("bob@example.com is no number"), "undecodable"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bob@example.com"), "undecodable"),
    ],
)
def test_every_refusal_of_the_decoder_becomes_a_finding_in_our_own_words(
    good: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, rule: str
) -> None:
    def refuse(*_args: object, **_options: object) -> Iterator[None]:
        yield from ()
        raise error

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", refuse)
    (finding,) = check(good)[1]
    assert finding.rule == rule
    assert "bob" not in finding.message


def test_batches_far_larger_than_the_footer_says_end_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_BOMB_BYTES", 1 << 20)
    path = tmp_path / "f"
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 4_096, pa.int32()), ["x" * 4_000])
    pq.write_table(pa.table({"text": texts}), path, store_schema=False)
    beats: list[tuple[int, int]] = []
    (finding,) = check(path, beat=lambda done, total: beats.append((done, total)))[1]
    assert (finding.rule, finding.row_group) == ("decompression-bomb", 0)
    assert beats == []


def test_the_beat_hears_the_bytes_done_up_to_the_unit_s_total(good: Path) -> None:
    metadata = pq.read_metadata(good)
    total = sum(
        metadata.row_group(number).column(column).total_uncompressed_size for number in range(3) for column in range(2)
    )
    beats: list[tuple[int, int]] = []
    check(good, beat=lambda done, total: beats.append((done, total)))
    assert list(dict.fromkeys(beats)) == [(total // 3, total), (total * 2 // 3, total), (total, total)]


def test_a_wide_file_is_read_some_columns_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "LEAVES_AT_ONCE", 2)
    table = pa.table({**{f"c{number}": [number] * 10 for number in range(5)}, "s": [{"x": 1, "y": 2, "z": 3}] * 10})
    pq.write_table(pa.table([*table.columns, table["c0"]], names=[*table.column_names, "c0"]), tmp_path / "f")
    asked: list[list[str] | None] = []
    read = pq.ParquetFile.iter_batches

    def watched(file: Any, *args: Any, columns: list[str] | None, **options: Any) -> Any:
        asked.append(columns)
        return read(file, *args, columns=columns, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", watched)
    verdict = check(tmp_path / "f")
    assert facts_of(verdict).rows_read == 10
    assert verdict[1] == ()
    assert sorted(path for columns in asked for path in columns or []) == [
        "c0", "c1", "c2", "c3", "c4", "s.x", "s.y", "s.z"
    ]  # fmt: skip
    assert ["c0"] in asked, "with its namesake, so that two leaves are read"
    assert [columns for columns in asked if len(columns or []) > 2] == [["s.x", "s.y", "s.z"]]


def test_a_batch_that_does_not_fit_is_tried_again_with_few_rows(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    read = pq.ParquetFile.iter_batches

    def short_of_memory(file: Any, batch_size: int, **options: Any) -> Any:
        sizes.append(batch_size)
        if batch_size > 64:
            raise MemoryError
        return read(file, batch_size, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", short_of_memory)
    assert facts_of(check(good)).rows_read == 300
    assert sizes == [8_192, 64] * 3


@pytest.mark.parametrize("error", [MemoryError(), OSError("Couldn't deserialize thrift: std::bad_alloc")])
def test_want_of_memory_is_never_held_against_the_file(
    good: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", refuse)
    with pytest.raises(MemoryError):
        check(good)
    with pytest.raises(MemoryError):
        quick(io.BytesIO(good.read_bytes()), good.stat().st_size, GUARD)


@pytest.mark.parametrize("terms", [NOTHING, GUARD], ids=["decoded", "looked at"])
def test_an_error_of_the_disk_is_never_held_against_the_file(tmp_path: Path, terms: Terms) -> None:
    data = write_good(tmp_path / "f", rows=40_000).read_bytes()
    assert len(data) > 140_000
    (unit,) = measure(io.BytesIO(data), Wanted("full", terms), size_bytes=len(data), age_s=OLD_S, tell=ignore).units
    disk = FailingDisk(data, below=len(data) - 2_000)
    with pytest.raises(OSError, match="Input/output"):
        do_unit(disk, unit, terms, lambda _done, _total: None)
    with pytest.raises(OSError, match="Input/output"):
        quick(disk, len(data), GUARD)
