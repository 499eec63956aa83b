"""Bytes that no column claims hold nothing, padding, or another parquet file."""

import io
from pathlib import Path

import pytest
from tests.support.parquet_files import Chunk, Group, HandMade

from tiktok_upload.facts import Finding
from tiktok_upload.parquet import gaps
from tiktok_upload.parquet.gaps import examine
from tiktok_upload.parquet.layout import Gap

WINDOW = 1 << 20


def examined(content: bytes, *found: Gap, data_end: int | None = None) -> list[Finding]:
    return list(examine(io.BytesIO(content), list(found), len(content) if data_end is None else data_end))


def rules(findings: list[Finding]) -> list[str]:
    return [finding.rule for finding in findings]


def a_file(data: bytes = b"\1" * 96) -> bytes:
    return HandMade([Group([Chunk(size_bytes=len(data))])], data=data).content()


def test_no_gap_is_no_finding() -> None:
    assert examined(a_file()) == []


def test_unexplained_bytes_are_one_warning_that_counts_them() -> None:
    found = examined(b"PAR1" + b"\1" * 96, Gap(4, 10, explained=False), Gap(50, 60, explained=False))
    assert rules(found) == ["unexplained-bytes"]
    assert found[0].severity == "warning"
    assert found[0].message.startswith("16 bytes, the first at byte 4,")


def test_explained_bytes_are_no_finding() -> None:
    assert examined(b"PAR1" + b"\1" * 96, Gap(4, 10, explained=True)) == []


def test_zero_bytes_are_the_padding_that_hadoop_writers_put_between_row_groups() -> None:
    padded = b"PAR1" + b"\1" * 10 + b"\0" * 3 * WINDOW + b"\1" * 10
    assert examined(padded, Gap(14, 14 + 3 * WINDOW, explained=False)) == []
    assert rules(examined(padded, Gap(14, 15 + 3 * WINDOW, explained=False))) == ["unexplained-bytes"]


def test_a_copy_of_metadata_that_nothing_points_to_is_no_finding() -> None:
    copy = bytes.fromhex("150c19051918057661 6c756515001630 16d00216d002260800")
    content = b"PAR1" + b"\1" * 10 + copy
    assert examined(content, Gap(14, 14 + len(copy), explained=False)) == []


def test_a_second_file_behind_the_data_is_an_error_wherever_it_begins() -> None:
    first, second = a_file(b"\1" * 96), a_file(b"\2" * 5_000)
    joined = first + second
    found = examined(joined, Gap(len(first) - 20, len(joined), explained=True))
    assert rules(found) == ["joined-files"]
    assert f"byte {len(first):,}" in found[0].message


@pytest.mark.parametrize("between", [b"", b"\n", b"\r\n"])
def test_a_small_file_before_a_large_one_is_found_although_no_gap_shows_the_seam(between: bytes) -> None:
    first, second = a_file(b"\1" * 96), a_file(b"\2" * 5_000)
    joined = first + between + second
    shift = len(first) + len(between)
    footer_start = shift + 5_004
    found = examined(joined, Gap(5_004, footer_start, explained=False), data_end=footer_start)
    assert rules(found) == ["joined-files"]


def test_a_seam_across_two_reads_is_found() -> None:
    first = a_file(b"\1" * (WINDOW - len(a_file()) + 96 - 2))
    joined = first + a_file()
    assert WINDOW - 8 < len(first) < WINDOW + 8
    assert rules(examined(joined, Gap(4, len(joined), explained=True))) == ["joined-files"]


@pytest.mark.parametrize("text", [b"PAR1PAR1", b"\x05\0\0\0PAR1PAR1", b"\xff\xff\xff\x7fPAR1PAR1"])
def test_text_that_looks_like_a_seam_is_not_taken_for_one(text: bytes) -> None:
    content = b"PAR1" + b"\1" * 40 + text + b"\1" * 40
    assert examined(content, Gap(4, len(content), explained=True)) == []


def test_the_search_ends_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps, "_SEARCH_LIMIT_BYTES", 1_000)
    joined = b"PAR1" + b"\1" * 3_900 + a_file() + a_file()
    third = Gap(3_900, len(joined) - 1, explained=True)
    assert rules(examined(joined, third)) == ["joined-files"]
    assert examined(joined, Gap(2_000, 2_500, explained=True), Gap(2_600, 3_800, explained=True), third) == []


def test_a_gap_too_long_to_be_looked_through_is_not_taken_for_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps, "_SEARCH_LIMIT_BYTES", 1_000)
    content = b"PAR1" + b"\0" * 3_000
    assert examined(content, Gap(4, 1_004, explained=False)) == []
    assert rules(examined(content, Gap(4, 1_005, explained=False))) == ["unexplained-bytes"]


def test_fewer_bytes_come_only_at_the_end_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "some"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        assert [gaps.read(file, 2, 3), gaps.read(file, 8, 5), gaps.read(file, 20, 5)] == [b"234", b"89", b""]
