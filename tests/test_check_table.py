"""The table of a checked file: aligned, as wide as the screen and no wider, and nothing in it that fools a reader."""

import random
from dataclasses import replace

import pytest

from tiktok_upload.cli.cells import cells, shorten
from tiktok_upload.cli.check_table import check_lines, facts_table
from tiktok_upload.events import FileReport
from tiktok_upload.facts import Column, FileFacts, Finding

UTC = "timestamp[us, tz=UTC]"
EVENTS = FileFacts(
    rows=1_234_567,
    row_groups=12,
    columns=(
        Column("event", "string", nullable=False, nulls=0),
        Column("event_time", UTC, nulls=0, minimum="2026-11-01T00:00:00Z", maximum="2026-11-23T23:59:59.123456Z"),
        Column("value", "decimal128(38, 2)", nulls=1_020, minimum="-0.50", maximum="99999999999999999999.99"),
        Column("is_test", "bool", nulls=0, minimum="false", maximum="false"),
        Column("email_sha256", "string", nulls=7),
        Column("contents", "list<element: struct<content_id: string, price: double, quantity: int64>>"),
        Column(
            "a_name_that_somebody_made_of_all_the_words_that_there_were", "int64", nulls=3, minimum="1", maximum="9"
        ),
        Column("unknown", "int32", nullable=False),
    ),
    codecs=("SNAPPY", "ZSTD"),
    created_by="parquet-mr version 1.12.3 (build 2bb6a1d)",
)

AT_80 = """\
1,234,567 rows, 12 row groups, 8 columns, snappy/zstd, 5 MiB
by parquet-mr version 1.12.3
column                   type                    nulls  range
event                    string                      0
event_time               timestamp[us, tz=UTC]       0  2026-11-01 to 2026-11-23
value                    decimal128(38, 2)       1,020  -0.50 to ~1.00000e+20
is_test                  bool                        0  false
email_sha256             string                      7
contents                 list<eleme..y: int64>>      ?
a_name_that..there_were  int64                       3  1 to 9
unknown                  int32                       0
"""

AT_200 = """\
1,234,567 rows, 12 row groups, 8 columns, snappy/zstd, 5 MiB, by parquet-mr version 1.12.3
column                                                      type                                                                nulls  range
event                                                       string                                                                  0
event_time                                                  timestamp[us, tz=UTC]                                                   0  2026-11-01T00:00:00Z to 2026-11-23T23:59:59.123456Z
value                                                       decimal128(38, 2)                                                   1,020  -0.50 to 99999999999999999999.99
is_test                                                     bool                                                                    0  false
email_sha256                                                string                                                                  7
contents                                                    list<element: struct<content_id:..price: double, quantity: int64>>      ?
a_name_that_somebody_made_of_all_the_words_that_there_were  int64                                                                   3  1 to 9
unknown                                                     int32                                                                   0
"""  # noqa: E501

AT_20 = """\
1,234,567 rows
12 row groups
8 columns
snappy/zstd, 5 MiB
by parque..on 1.12.3
column     type
event      string
even..ime  time..TC]
value      deci.. 2)
is_test    bool
emai..256  string
contents   list..4>>
a_na..ere  int64
unknown    int32
"""


def wide(*names: str) -> FileFacts:
    columns = (Column(name, "int64", nulls=0, minimum="1", maximum="2") for name in names)
    return replace(EVENTS, columns=tuple(columns))


def columns_text(facts: FileFacts, width: int = 200) -> str:
    """What comes under the first lines."""
    lines = facts_table(facts, width)
    return "\n".join(lines[next(number for number, line in enumerate(lines) if line.startswith("column ")) :])


# ----------------------------------------------------------------------------------------------------------- the shape
@pytest.mark.parametrize(("width", "expected"), [(80, AT_80), (200, AT_200), (20, AT_20)])
def test_a_file_at_three_widths(width: int, expected: str) -> None:
    assert facts_table(EVENTS, width, size_bytes=5 << 20) == expected.splitlines()


@pytest.mark.parametrize("width", range(10, 220))
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    lines = facts_table(EVENTS, width, size_bytes=5 << 20)
    assert [line for line in lines if cells(line) > width or line != line.rstrip()] == []
    assert len(lines) >= len(EVENTS.columns) + 2


@pytest.mark.parametrize("width", range(-1, 10))
def test_a_screen_without_room_does_no_harm(width: int) -> None:
    assert facts_table(EVENTS, width, size_bytes=5 << 20)


def test_more_than_200_columns_are_counted() -> None:
    lines = facts_table(wide(*(f"c{number}" for number in range(1_512))), 80)
    assert lines[-2:] == ["c199    int64      0  1 to 2", "and 1,312 columns more"]
    assert len([line for line in lines if "int64" in line]) == 200
    assert facts_table(wide(*(f"c{number}" for number in range(200))), 80)[-1] == lines[-2]


def test_a_file_without_columns_is_told_in_its_first_lines() -> None:
    empty = FileFacts(rows=1, row_groups=1, columns=(), codecs=(), created_by="")
    assert facts_table(empty, 80) == ["1 row, 1 row group, 0 columns, by an unnamed writer"]


def test_rows_that_a_full_check_decoded_are_told() -> None:
    assert facts_table(replace(EVENTS, rows_read=1_234_567), 80)[0].startswith(
        "1,234,567 rows, 1,234,567 decoded, 12 row"
    )


# ----------------------------------------------------------------------------------------------------------- the cells
@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (Column("n", "int64", nulls=0, minimum="5", maximum="5"), "n       int64       0  5"),
        (Column("n", "int64", nulls=1_234_567), "n       int64   1,234,567"),
        (Column("n", "int64"), "n       int64       ?"),
        (Column("n", "int64", nullable=False), "n       int64       0"),
        (Column("", "int64"), '""      int64       ?'),
        (Column("n", "int64", minimum="1"), "n       int64       ?"),
    ],
    ids=["one value", "many nulls", "nothing known", "no nulls allowed", "no name", "half a range"],
)
def test_what_is_known_of_a_column(column: Column, expected: str) -> None:
    line = columns_text(replace(EVENTS, columns=(column,))).splitlines()[1]
    assert line.split() == expected.split()


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", "2026-11-01 to 2026-11-02"),
        ("2026-11-01T00:00:00Z", "2026-11-01T05:00:00Z", "2026-11-01"),
        ("+294247-01-10T04:00:54.775807", "+294248-01-10T04:00:54.775807", "+294247-01-10 to +294248-01-10"),
        ("00:00:00", "23:59:59.999999999", "00:00:00 to 23:59:59"),
        ("-122.41941550000001", "37", "~-122.419 to 37"),
        ("1", "1" + "0" * 75, "1 to ~1.00000e+75"),
        ("-inf", "1.7976931348623157e+308", "-inf to ~1.79769e+308"),
        ("false", "true", "false to true"),
    ],
)
def test_on_a_narrow_screen_values_are_told_roughly(low: str, high: str, expected: str) -> None:
    wider = Column("m", "decimal256(76, 0)", nulls=0, minimum="-" + "9" * 76, maximum="9" * 76)
    facts = replace(EVENTS, columns=(Column("n", UTC, nulls=0, minimum=low, maximum=high), wider))
    assert columns_text(facts, 80).splitlines()[1].partition("  0  ")[2] == expected


# --------------------------------------------------------------------------------------------------- text from the file
def test_text_from_the_file_cannot_steer_the_terminal() -> None:
    facts = replace(wide("a\nb\x1b[31m", "\u202egnirts"), created_by="evil\x1b]0;\x07", codecs=("A\x1bB",))
    facts = replace(
        facts, columns=(*facts.columns, Column("n", "struct<a\x1bb: int64>", minimum="\x1b", maximum="\x1b"))
    )
    text = "\n".join(facts_table(facts, 120))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"a\x0ab\x1b[31m" in text
    assert r"by evil\x1b]0;\x07" in text


def test_wide_and_combined_characters_are_counted_as_they_are_shown() -> None:
    text = columns_text(wide("größe", "gro\u0308ße", "事件时间", "n")).splitlines()
    assert {cells(line.partition("int64")[0]) for line in text[1:]} == {10}


@pytest.mark.parametrize(("text", "expected"), [("abc", 3), ("größe", 5), ("gro\u0308ße", 5), ("事件", 4), ("", 0)])
def test_cells(text: str, expected: int) -> None:
    assert cells(text) == expected


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("advertiser_id", 13, "advertiser_id"),
        ("advertiser_id", 12, "adver..er_id"),
        ("advertiser_id", 3, "a.."),
        ("advertiser_id", 2, ".."),
        ("advertiser_id", 1, "."),
        ("advertiser_id", 0, ""),
        ("事件时间事件时间", 9, "事件..间"),
        ("", 0, ""),
    ],
)
def test_shortening_keeps_both_ends(text: str, width: int, expected: str) -> None:
    assert shorten(text, width) == expected


def test_what_is_shortened_fits_whatever_it_is_made_of() -> None:
    rng = random.Random(0)
    for _ in range(2_000):
        text = "".join(rng.choices("ab_事é\u0301…", k=rng.randrange(40)))
        width = rng.randrange(40)
        assert cells(shorten(text, width)) <= width


# -------------------------------------------------------------------------------------------------------- the findings
def test_findings_stand_under_the_table_and_their_text_is_escaped() -> None:
    odd = Finding("odd", "warning", "is odd\x1b")
    lines = check_lines(FileReport("dir/f\n", None, "checked", facts=wide("n"), findings=(odd,)), 80)
    assert lines[0] == r"dir/f\x0a"
    assert lines[-2:] == ["  n       int64      0  1 to 2", r"  warning: is odd\x1b"]


def test_a_file_too_broken_for_facts_has_its_findings_alone() -> None:
    broken = Finding("cut-short", "error", "is cut short")
    assert check_lines(FileReport("f", None, "failed", findings=(broken,)), 80) == ["f", "  error: is cut short"]


def test_findings_beyond_twenty_are_counted() -> None:
    findings = tuple(Finding("odd", "warning", f"number {number}") for number in range(23))
    lines = check_lines(FileReport("f", None, "checked", findings=findings), 80)
    assert lines[-2:] == ["  warning: number 19", "  and 3 findings more"]
