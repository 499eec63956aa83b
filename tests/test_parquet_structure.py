"""Whole files, sound and broken, checked in this process: none of these aborts the parser."""

import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.parquet_files import WRITER, Chunk, Group, HandMade, write_good

from tiktok_upload.facts import Column, FileFacts, Finding
from tiktok_upload.parquet import footer, scan
from tiktok_upload.parquet.structure import Verdict, check_structure

OLD_S = 3600.0


def check(content: bytes | Path, *, full: bool = False, beat: Callable[[int, int], None] | None = None) -> Verdict:
    data = content.read_bytes() if isinstance(content, Path) else content
    return check_structure(
        io.BytesIO(data), size_bytes=len(data), age_s=OLD_S, full=full, beat=beat or (lambda _done, _total: None)
    )


def rules(verdict: Verdict) -> list[tuple[str, str]]:
    return [(finding.severity, finding.rule) for finding in verdict[1]]


def facts_of(verdict: Verdict) -> FileFacts:
    assert verdict[0] is not None
    return verdict[0]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_good(tmp_path / "good.parquet")


@pytest.mark.parametrize("full", [False, True])
def test_a_sound_file_has_facts_and_no_findings(good: Path, *, full: bool) -> None:
    verdict = check(good, full=full)
    assert verdict == (
        FileFacts(
            rows=300,
            row_groups=3,
            columns=(Column("id", "int64"), Column("name", "string")),
            codecs=("ZSTD",),
            created_by=f"parquet-cpp-arrow version {pa.__version__}",
            rows_read=300 if full else None,
        ),
        (),
    )


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
def test_no_way_of_writing_is_held_against_a_file(tmp_path: Path, options: dict[str, Any]) -> None:
    verdict = check(write_good(tmp_path / "f", **options), full=True)
    assert verdict[1] == ()
    assert facts_of(verdict).rows_read == 300


def test_columns_are_the_top_level_ones_in_the_words_of_arrow(tmp_path: Path) -> None:
    schema = pa.schema(
        [
            pa.field("when", pa.timestamp("us", "UTC"), nullable=False),
            pa.field("items", pa.list_(pa.struct([("sku", pa.string())]))),
            pa.field("token", pa.uuid()),
            pa.field("a.b\n", pa.decimal128(18, 2)),
        ]
    )
    pq.write_table(schema.empty_table(), tmp_path / "f", store_schema=False)
    assert facts_of(check(tmp_path / "f")).columns == (
        Column("when", "timestamp[us, tz=UTC]", nullable=False),
        Column("items", "list<element: struct<sku: string>>"),
        Column("token", "fixed_size_binary[16]"),
        Column("a.b\n", "decimal128(18, 2)"),
    )


def test_where_arrow_has_no_schema_the_columns_are_the_leaves_of_parquet(tmp_path: Path) -> None:
    table = pa.table({"s": [{"x": 1, "y": "a"}], "n": pa.array([1.5], pa.float32())})
    pq.write_table(table, tmp_path / "f")

    class WithoutArrow:
        def __init__(self) -> None:
            self.file = pq.ParquetFile(tmp_path / "f")
            self.metadata, self.schema = self.file.metadata, self.file.schema

        @property
        def schema_arrow(self) -> None:
            raise pa.ArrowNotImplementedError("no such type")

    assert footer.facts(WithoutArrow(), set()).columns == (
        Column("s.x", "INT64"),
        Column("s.y", "String"),
        Column("n", "FLOAT"),
    )


def test_a_file_without_rows_is_only_a_warning(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": pa.array([], pa.int64())}), tmp_path / "f")
    verdict = check(tmp_path / "f", full=True)
    assert rules(verdict) == [("warning", "no-rows")]
    assert facts_of(verdict).rows_read == 0


def test_a_file_without_columns_is_let_through_with_a_warning(tmp_path: Path) -> None:
    pq.write_table(pa.table({}), tmp_path / "f")
    assert rules(check(tmp_path / "f", full=True)) == [("warning", "no-rows")]


def test_a_file_that_is_no_parquet_has_no_facts() -> None:
    facts, findings = check(b"event,value\n")
    assert facts is None
    assert [finding.rule for finding in findings] == ["not-parquet"]


def test_a_footer_that_cannot_be_parsed_is_an_error_without_facts(good: Path) -> None:
    data = good.read_bytes()
    length = int.from_bytes(data[-8:-4], "little")
    broken = data[: -8 - length] + b"\xff" * length + data[-8:]
    facts, findings = check(broken)
    assert (facts, [finding.rule for finding in findings]) == (None, ["footer-unreadable"])


def test_joined_files_are_an_error_whichever_is_larger(tmp_path: Path) -> None:
    small = write_good(tmp_path / "small", rows=3, row_groups=1).read_bytes()
    large = write_good(tmp_path / "large", rows=3_000).read_bytes()
    for joined in (small + large, large + small, small + small, small + small + large):
        assert ("error", "joined-files") in rules(check(joined))


def test_joined_files_with_page_indexes_are_an_error_too(tmp_path: Path) -> None:
    small = write_good(tmp_path / "small", rows=3, row_groups=1, write_page_index=True).read_bytes()
    large = write_good(tmp_path / "large", rows=3_000, write_page_index=True).read_bytes()
    for joined in (small + large, large + small):
        assert ("error", "joined-files") in rules(check(joined))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (HandMade([Group([Chunk(size_bytes=96)])]), []),
        (HandMade([Group([Chunk(size_bytes=96, dictionary_at=0)])]), []),
        (HandMade([Group([Chunk(start=50, size_bytes=50, dictionary_at=4)])]), [("warning", "unexplained-bytes")]),
        (HandMade([Group([Chunk(size_bytes=80, index_at=84)])]), []),
        (HandMade([Group([Chunk(size_bytes=80, copy_at=84)])]), []),
        (HandMade([Group([Chunk(start=5, size_bytes=95)])]), [("warning", "unexplained-bytes")]),
        (HandMade([Group([Chunk(size_bytes=95)])]), [("warning", "unexplained-bytes")]),
        (HandMade([Group([Chunk(size_bytes=97)])]), [("error", "chunk-outside")]),
        (HandMade([Group([Chunk(size_bytes=-1)])]), [("error", "chunk-outside")]),
        (HandMade([Group([Chunk(described=False)])]), [("error", "chunk-outside")]),
        (HandMade([Group([Chunk(size_bytes=96)], rows=0)]), [("warning", "no-rows")]),
        (HandMade([Group([Chunk(size_bytes=96)])], rows=2), [("error", "footer-row-count")]),
        (HandMade([Group([Chunk(size_bytes=96)], rows=-1)]), [("error", "row-group-shape")]),
        (HandMade([Group([Chunk(size_bytes=96)])], names=("a", "b")), [("error", "row-group-shape")]),
        (HandMade([Group([Chunk(size_bytes=96, lies_in="other")])]), [("error", "data-elsewhere")]),
        (HandMade([Group([Chunk(size_bytes=96, unpacked_bytes=2 << 30)])]), [("error", "decompression-bomb")]),
        (HandMade([Group([Chunk(size_bytes=96)]), Group([Chunk(size_bytes=96)])]), [("error", "chunk-overlap")]),
    ],
)
def test_what_a_footer_says_is_held_against_the_file(made: HandMade, expected: list[tuple[str, str]]) -> None:
    verdict = check(made.content())
    assert rules(verdict) == expected
    assert facts_of(verdict).created_by == WRITER


def test_an_error_in_the_footer_spares_the_data_the_reading() -> None:
    bomb = HandMade([Group([Chunk(size_bytes=96, unpacked_bytes=2 << 30)])])
    verdict = check(bomb.content(), full=True)
    assert rules(verdict) == [("error", "decompression-bomb")]
    assert facts_of(verdict).rows_read is None


def test_many_findings_of_a_kind_become_one_that_counts_them() -> None:
    made = HandMade([Group([Chunk(start=500 + number)]) for number in range(1_200)])
    (finding,) = check(made.content())[1]
    assert finding.row_group == 0
    assert finding.message.endswith("(and 1,199 more of the kind)")


def flip(path: Path, at: int) -> bytes:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    return bytes(data)


def middle_of_row_group(path: Path, number: int) -> int:
    column = pq.read_metadata(path).row_group(number).column(1)
    return int(column.data_page_offset) + int(column.total_compressed_size) // 2


def test_one_flipped_bit_is_found_by_the_page_checksum_and_its_row_group_named(good: Path) -> None:
    verdict = check(flip(good, middle_of_row_group(good, 1)), full=True)
    (finding,) = verdict[1]
    assert (finding.rule, finding.severity, finding.row_group) == ("page-checksum", "error", 1)
    assert facts_of(verdict).rows_read is None


def test_a_quick_check_does_not_read_the_data(good: Path) -> None:
    assert check(flip(good, middle_of_row_group(good, 1)))[1] == ()


def test_data_that_cannot_be_decoded_are_an_error_that_shows_none_of_them(tmp_path: Path) -> None:
    path = tmp_path / "f"
    table = pa.table({"mail": ["bob@example.com"] * 500})
    pq.write_table(table, path, compression="none", use_dictionary=False)
    data = path.read_bytes().replace(b"\x0f\0\0\0bob", b"\xff\xff\xff\x7fbob")
    (finding,) = check(data, full=True)[1]
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
    assert [finding.rule for finding in check(lying)[1]] == []
    assert [finding.rule for finding in check(lying, full=True)[1]] == ["row-count"]


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
    def refuse(*_args: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", refuse)
    (finding,) = check(good, full=True)[1]
    assert finding.rule == rule
    assert "bob" not in finding.message


def test_batches_far_larger_than_the_footer_says_end_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_BOMB_BYTES", 1 << 20)
    path = tmp_path / "f"
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 4_096, pa.int32()), ["x" * 4_000])
    pq.write_table(pa.table({"text": texts}), path, store_schema=False)
    beats: list[tuple[int, int]] = []
    (finding,) = check(path, full=True, beat=lambda done, total: beats.append((done, total)))[1]
    assert (finding.rule, finding.row_group) == ("decompression-bomb", 0)
    assert beats == []


def test_the_beat_hears_absolute_rows_up_to_the_total(good: Path) -> None:
    beats: list[tuple[int, int]] = []
    check(good, full=True, beat=lambda done, total: beats.append((done, total)))
    assert beats == [(100, 300), (200, 300), (300, 300)]


def test_a_wide_file_is_read_some_columns_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_LEAVES_AT_ONCE", 2)
    table = pa.table({**{f"c{number}": [number] * 10 for number in range(5)}, "s": [{"x": 1, "y": 2, "z": 3}] * 10})
    pq.write_table(pa.table([*table.columns, table["c0"]], names=[*table.column_names, "c0"]), tmp_path / "f")
    asked: list[list[str] | None] = []
    read = pq.ParquetFile.iter_batches

    def watched(file: Any, *args: Any, columns: list[str] | None, **options: Any) -> Any:
        asked.append(columns)
        return read(file, *args, columns=columns, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", watched)
    beats: list[int] = []
    verdict = check(tmp_path / "f", full=True, beat=lambda done, _total: beats.append(done))
    assert facts_of(verdict).rows_read == 10
    assert verdict[1] == ()
    assert asked == [["c0", "c1"], ["c2", "c3"], ["c4", "s.x", "s.y", "s.z"], ["c0"]]
    assert beats == [2, 5, 7, 10]


def test_a_batch_that_does_not_fit_is_tried_again_with_few_rows(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    read = pq.ParquetFile.iter_batches

    def short_of_memory(file: Any, batch_size: int, **options: Any) -> Any:
        sizes.append(batch_size)
        if batch_size > 64:
            raise MemoryError
        return read(file, batch_size, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", short_of_memory)
    assert facts_of(check(good, full=True)).rows_read == 300
    assert sizes == [8_192, 64] * 3


@pytest.mark.parametrize("error", [MemoryError(), OSError("Couldn't deserialize thrift: std::bad_alloc")])
def test_want_of_memory_is_never_held_against_the_file(
    good: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", refuse)
    with pytest.raises(MemoryError):
        check(good, full=True)
    monkeypatch.setattr(pq, "ParquetFile", refuse)
    with pytest.raises(MemoryError):
        check(good)


class FailingDisk(io.BytesIO):
    def __init__(self, data: bytes, *, below: int) -> None:
        super().__init__(data)
        self.below = below

    def read(self, size: int | None = -1) -> bytes:
        if 4 < self.tell() < self.below:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


@pytest.mark.parametrize("full", [False, True])
def test_an_error_of_the_disk_is_never_held_against_the_file(tmp_path: Path, *, full: bool) -> None:
    path = write_good(tmp_path / "f", rows=40_000)
    data = path.read_bytes()
    disk = FailingDisk(data, below=len(data) - 2_000 if full else len(data))
    assert len(data) > 140_000
    with pytest.raises(OSError, match="Input/output"):
        check_structure(disk, size_bytes=len(data), age_s=OLD_S, full=full, beat=lambda _done, _total: None)
