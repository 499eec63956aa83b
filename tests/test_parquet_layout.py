"""Where a footer says that its columns lie, against where they can lie."""

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_upload.facts import Finding
from tiktok_upload.parquet.layout import BOMB_BYTES, BOMB_RATIO, COPY_LIMIT_BYTES, ColumnChunk, Gap, Layout, RowGroup

DATA_END = 1_000


def chunk(start: int, end: int, *, column: str = "c", unpacked: int = 0, copied: bool = False) -> ColumnChunk:
    return ColumnChunk(column, start, end, unpacked_bytes=unpacked, copy_at=end if copied else 0)


def groups(*chunks_of_groups: Iterable[ColumnChunk]) -> list[RowGroup]:
    made = [tuple(chunks) for chunks in chunks_of_groups]
    return [RowGroup(number, 10, len(chunks), chunks) for number, chunks in enumerate(made)]


def lay_out(row_groups: Iterable[RowGroup], data_end: int = DATA_END) -> tuple[list[Finding], list[Gap]]:
    layout = Layout(data_end)
    findings = [finding for group in row_groups for finding in layout.add(group)]
    gaps, clashes = layout.finish()
    return findings + clashes, gaps


def rules(findings: Iterable[Finding]) -> list[str]:
    return [finding.rule for finding in findings]


def test_chunks_that_fill_the_data_leave_nothing_to_say() -> None:
    assert lay_out(groups([chunk(4, 300), chunk(300, 600)], [chunk(600, DATA_END)])) == ([], [])


def test_the_order_of_columns_and_row_groups_does_not_matter() -> None:
    assert lay_out(groups([chunk(700, DATA_END), chunk(600, 700)], [chunk(300, 600), chunk(4, 300)])) == ([], [])


@pytest.mark.parametrize(("start", "end"), [(0, 1_000), (3, 1_000), (4, 1_001), (900, 2_000), (10, 5), (-9, 20)])
def test_a_chunk_outside_the_data_is_an_error_that_names_it(start: int, end: int) -> None:
    findings, _ = lay_out(groups([chunk(start, end, column="e\nmail")]))
    assert rules(findings) == ["chunk-outside"]
    assert (findings[0].column, findings[0].row_group, findings[0].severity) == ("e\nmail", 0, "error")
    assert '"e\\x0amail"' in findings[0].message


def test_chunks_that_overlap_in_a_row_group_are_an_error() -> None:
    findings, _ = lay_out(groups([chunk(4, 500), chunk(499, DATA_END)]))
    assert rules(findings) == ["chunk-overlap"]


def test_row_groups_that_overlap_are_an_error_in_the_later_one() -> None:
    findings, _ = lay_out(groups([chunk(4, 500)], [chunk(400, DATA_END)]))
    assert [(finding.rule, finding.row_group) for finding in findings] == [("chunk-overlap", 1)]


def test_two_row_groups_at_one_place_are_an_error() -> None:
    findings, _ = lay_out(groups([chunk(4, DATA_END)], [chunk(4, DATA_END)]))
    assert rules(findings) == ["chunk-overlap"]


def test_a_chunk_inside_another_one_does_not_hide_what_follows() -> None:
    findings, gaps = lay_out(groups([chunk(4, 900), chunk(100, 200), chunk(800, DATA_END)]))
    assert rules(findings) == ["chunk-overlap", "chunk-overlap"]
    assert gaps == []


def test_bytes_that_no_chunk_claims_are_gaps() -> None:
    _, gaps = lay_out(groups([chunk(10, 300), chunk(320, 600)], [chunk(600, 990)]))
    assert gaps == [Gap(4, 10, explained=False), Gap(300, 320, explained=False), Gap(990, DATA_END, explained=False)]


def test_a_file_without_chunks_is_one_gap() -> None:
    assert lay_out([]) == ([], [Gap(4, DATA_END, explained=False)])


def test_the_copies_of_metadata_that_older_writers_leave_explain_gaps() -> None:
    old = groups([chunk(4, 300, copied=True), chunk(350, 600, copied=True)], [chunk(650, 950, copied=True)])
    assert lay_out(old) == ([], [Gap(950, DATA_END, explained=True)])


def test_a_gap_too_long_for_such_a_copy_stays_unexplained() -> None:
    end = 300 + COPY_LIMIT_BYTES + 1
    _, gaps = lay_out(groups([chunk(4, 300, copied=True)]), data_end=end)
    assert gaps == [Gap(300, end, explained=False)]


def test_a_page_index_somewhere_explains_every_gap() -> None:
    indexed = ColumnChunk("c", 4, 300, unpacked_bytes=0, indexed=True)
    _, gaps = lay_out(groups([indexed, chunk(400, 900)]))
    assert gaps == [Gap(300, 400, explained=True), Gap(900, DATA_END, explained=True)]


def test_the_offsets_of_a_row_group_without_rows_mean_nothing() -> None:
    empty = RowGroup(0, 0, 1, (chunk(0, 14),))
    findings, gaps = lay_out([empty, *groups([], [chunk(4, DATA_END)])[1:]])
    assert (findings, gaps) == ([], [])


def test_data_in_another_file_are_an_error() -> None:
    elsewhere = ColumnChunk("c", 4, 300, unpacked_bytes=0, elsewhere=True)
    findings, _ = lay_out(groups([elsewhere]))
    assert rules(findings) == ["data-elsewhere"]


@pytest.mark.parametrize(
    ("packed", "unpacked", "refused"),
    [
        (900, BOMB_BYTES + 1, True),
        (0, BOMB_BYTES + 1, True),
        (900, BOMB_BYTES, False),
        (900, 900 * BOMB_RATIO, False),
        (2 << 20, (2 << 20) * 181, False),
        (2 << 20, (2 << 20) * BOMB_RATIO, False),
        (2 << 20, (2 << 20) * BOMB_RATIO + 1, True),
    ],
)
def test_a_chunk_is_a_bomb_only_where_both_size_and_ratio_are_beyond_honest_ones(
    packed: int, unpacked: int, *, refused: bool
) -> None:
    findings, _ = lay_out(groups([chunk(4, 4 + packed, unpacked=unpacked)]), data_end=4 + packed)
    assert rules(findings) == (["decompression-bomb"] if refused else [])


@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=30),
    random=st.randoms(use_true_random=False),
    lose_one=st.booleans(),
)
def test_whatever_lies_end_to_end_is_sound_and_whatever_is_missing_is_a_gap(
    sizes: list[int], random: Random, *, lose_one: bool
) -> None:
    starts = [4 + sum(sizes[:number]) for number in range(len(sizes))]
    chunks = [chunk(start, start + size) for start, size in zip(starts, sizes, strict=True)]
    lost = chunks.pop(len(chunks) // 2) if lose_one else None
    random.shuffle(chunks)
    findings, gaps = lay_out(groups(*[[one] for one in chunks]), data_end=4 + sum(sizes))
    assert findings == []
    assert gaps == ([Gap(lost.start, lost.end, explained=False)] if lost else [])
