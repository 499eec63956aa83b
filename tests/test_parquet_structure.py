"""Whole files, sound and broken, judged by their footers in this process: none of these aborts the parser."""

import errno
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.parquet_files import WRITER, Chunk, Group, HandMade, write_good

from tiktok_upload.facts import Column, FileFacts
from tiktok_upload.parquet import footer
from tiktok_upload.parquet.structure import Structure, check_structure

OLD_S = 3600.0


def check(content: bytes | Path) -> Structure:
    data = content.read_bytes() if isinstance(content, Path) else content
    return check_structure(io.BytesIO(data), size_bytes=len(data), age_s=OLD_S)


def rules(structure: Structure) -> list[tuple[str, str]]:
    return [(finding.severity, finding.rule) for finding in structure.findings]


def facts_of(structure: Structure) -> FileFacts:
    assert structure.facts is not None
    return structure.facts


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_good(tmp_path / "good.parquet")


def test_a_sound_file_has_facts_and_no_findings(good: Path) -> None:
    structure = check(good)
    assert (structure.facts, structure.findings) == (
        FileFacts(
            rows=300,
            row_groups=3,
            columns=(Column("id", "int64", family="integer"), Column("name", "string", family="string")),
            codecs=("ZSTD",),
            created_by=f"parquet-cpp-arrow version {pa.__version__}",
        ),
        (),
    )
    assert structure.is_sound
    assert structure.parquet is not None


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
    structure = check(write_good(tmp_path / "f", **options))
    assert (structure.findings, facts_of(structure).rows) == ((), 300)


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
        Column("when", "timestamp[us, tz=UTC]", nullable=False, family="timestamp"),
        Column(
            "items",
            "list<element: struct<sku: string>>",
            family="array",
            children=(
                Column(
                    "[]",
                    "struct<sku: string>",
                    family="object",
                    children=(Column("sku", "string", family="string"),),
                ),
            ),
        ),
        Column("token", "fixed_size_binary[16]", family="binary"),
        Column("a.b\n", "decimal128(18, 2)", family="number"),
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
    structure = check(tmp_path / "f")
    assert rules(structure) == [("warning", "no-rows")]
    assert structure.is_sound


def test_a_file_without_columns_is_let_through_with_a_warning(tmp_path: Path) -> None:
    pq.write_table(pa.table({}), tmp_path / "f")
    assert rules(check(tmp_path / "f")) == [("warning", "no-rows")]


def test_a_file_that_is_no_parquet_has_no_facts() -> None:
    structure = check(b"event,value\n")
    assert (structure.parquet, structure.facts, rules(structure)) == (None, None, [("error", "not-parquet")])
    assert not structure.is_sound


def test_a_footer_that_cannot_be_parsed_is_an_error_without_facts(good: Path) -> None:
    data = good.read_bytes()
    length = int.from_bytes(data[-8:-4], "little")
    broken = data[: -8 - length] + b"\xff" * length + data[-8:]
    structure = check(broken)
    assert (structure.parquet, structure.facts, rules(structure)) == (None, None, [("error", "footer-unreadable")])


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
    structure = check(made.content())
    assert rules(structure) == expected
    assert structure.is_sound == ("error" not in {severity for severity, _ in expected})
    assert facts_of(structure).created_by == WRITER


def test_many_findings_of_a_kind_become_one_that_counts_them() -> None:
    made = HandMade([Group([Chunk(start=500 + number)]) for number in range(1_200)])
    (finding,) = check(made.content()).findings
    assert finding.row_group == 0
    assert finding.message.endswith("(and 1,199 more of the kind)")


def test_the_data_are_not_read(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", refuse)
    assert check(good).findings == ()


@pytest.mark.parametrize("error", [MemoryError(), OSError("Couldn't deserialize thrift: std::bad_alloc")])
def test_want_of_memory_is_never_held_against_the_file(
    good: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise error

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


def test_an_error_of_the_disk_is_never_held_against_the_file(tmp_path: Path) -> None:
    data = write_good(tmp_path / "f", rows=40_000).read_bytes()
    assert len(data) > 140_000
    disk = FailingDisk(data, below=len(data))
    with pytest.raises(OSError, match="Input/output"):
        check_structure(disk, size_bytes=len(data), age_s=OLD_S)
