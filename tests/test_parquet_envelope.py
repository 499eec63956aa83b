"""Both ends of a file tell whether it is whole, and if not, what became of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.parquet_files import Chunk, Group, HandMade

from tiktok_upload.parquet.envelope import EDGE_BYTES, Edges, judge

GOOD = HandMade([Group([Chunk(size_bytes=96)])]).content()
FOOTER_START = 4 + 96
OLD_S, FRESH_S = 3600.0, 5.0


def edges(content: bytes, *, age_s: float = OLD_S) -> Edges:
    return Edges(len(content), content[:EDGE_BYTES], content[-EDGE_BYTES:], age_s)


def rule_of(content: bytes, *, age_s: float = OLD_S) -> str | None:
    finding = judge(edges(content, age_s=age_s))
    return finding.rule if finding else None


def test_a_whole_file_is_let_through_and_tells_where_its_footer_begins() -> None:
    assert judge(edges(GOOD)) is None
    assert edges(GOOD).footer_start == FOOTER_START


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "empty-file"),
        (GOOD[:-1], "cut-short"),
        (GOOD[:20], "cut-short"),
        (b"PAR1", "cut-short"),
        (b"PAR1PAR1", "cut-short"),
        (b"XXXX" + GOOD[4:], "leading-magic"),
        (GOOD[4:], "leading-magic"),
        (GOOD[:-1] + b"E", "encrypted-footer"),
        (b"PARE" + GOOD[4:-4] + b"PARE", "encrypted-footer"),
        (GOOD[:-8] + b"\xff\xff\xff\xff" + GOOD[-4:], "footer-length"),
        (GOOD[:-8] + b"\0\0\0\0" + GOOD[-4:], "footer-length"),
        (GOOD[:-8] + (len(GOOD) - 11).to_bytes(4, "little") + GOOD[-4:], "footer-length"),
        (GOOD + b"\n", "trailing-bytes"),
        (GOOD + b"\0" * 4096, "trailing-bytes"),
        (b"event,value\n1,2\n", "not-parquet"),
        (b"\x1f\x8b" + GOOD, "leading-magic"),
        (b"\x1f\x8b\x08\x00 packed", "not-parquet"),
        (b"\x01\x02\x03", "not-parquet"),
    ],
)
def test_each_kind_of_damage_has_its_own_name(content: bytes, rule: str) -> None:
    assert rule_of(content) == rule


def test_the_number_of_trailing_bytes_is_said() -> None:
    finding = judge(edges(GOOD + b"garbage"))
    assert finding is not None
    assert finding.message.startswith("7 bytes follow the end of the parquet data")


def test_a_magic_inside_the_data_of_a_cut_file_is_not_taken_for_its_end() -> None:
    assert rule_of(b"PAR1" + b"\xff\xff\xff\x7fPAR1" + b"\1" * 50) == "cut-short"


def test_a_cut_file_that_has_just_changed_is_said_to_be_still_written() -> None:
    fresh, old = judge(edges(GOOD[:-1], age_s=FRESH_S)), judge(edges(GOOD[:-1], age_s=OLD_S))
    assert fresh is not None
    assert old is not None
    assert "is it still being written?" in fresh.message
    assert "written?" not in old.message


def test_what_a_foreign_file_looks_like_is_in_the_sentence_and_its_content_is_not() -> None:
    finding = judge(edges(b"email,phone\nbob@example.com,+1415555\n"))
    assert finding is not None
    assert finding.message == ("the file is not parquet, it looks like text in columns (CSV); convert it to parquet")


@given(st.binary(max_size=200), st.sampled_from([b"", b"PAR1"]), st.sampled_from([b"", b"PAR1", b"PARE"]))
def test_any_file_gets_a_verdict_and_a_sane_footer_where_it_passes(middle: bytes, head: bytes, tail: bytes) -> None:
    content = head + middle + tail
    if judge(edges(content)) is None:
        assert 4 <= edges(content).footer_start < len(content) - 8
