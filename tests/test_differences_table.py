"""The table of differences: aligned, no wider than the screen, nothing of the advice cut off."""

import random

import pytest

from tiktok_upload.cli.cells import cells
from tiktok_upload.cli.differences_table import differences_lines
from tiktok_upload.facts import Finding, Severity


def finding(
    column: str | None, expected: str | None, found: str | None, advice: str | None, severity: Severity = "error"
) -> Finding:
    return Finding("column-type", severity, "said", column=column, expected=expected, found=found, advice=advice)


FOUND = (
    finding(
        "event_time",
        "timestamp with zone",
        "int64, looks like milliseconds since 1970",
        "write a timestamp with zone UTC",
    ),
    finding("when", "timestamp with zone", "INT96, counts as UTC", "write a timestamp with zone UTC", "warning"),
    finding("Event-ID", "no such column", "string", 'rename it to "event_id"'),
    finding("事件时间", "no such column", "int64", "remove it, or add it to the contract"),
    finding("contents[].price", "number", "string", "parse the text and write numbers"),
)

AT_200 = """\
column            expected             found                                      what to do
event_time        timestamp with zone  int64, looks like milliseconds since 1970  write a timestamp with zone UTC
when              timestamp with zone  INT96, counts as UTC                       warning: write a timestamp with zone UTC
Event-ID          no such column       string                                     rename it to "event_id"
事件时间          no such column       int64                                      remove it, or add it to the contract
contents[].price  number               string                                     parse the text and write numbers
"""  # noqa: E501

AT_80 = """\
column            expected             found                 what to do
event_time        timestamp with zone  int64, looks like     write a timestamp
                                       milliseconds since    with zone UTC
                                       1970
when              timestamp with zone  INT96, counts as UTC  warning: write a
                                                             timestamp with zone
                                                             UTC
Event-ID          no such column       string                rename it to
                                                             "event_id"
事件时间          no such column       int64                 remove it, or add
                                                             it to the contract
contents[].price  number               string                parse the text and
                                                             write numbers
"""

AT_40 = """\
column      event_time
expected    timestamp with zone
found       int64, looks like
            milliseconds since 1970
what to do  write a timestamp with zone
            UTC

column      when
expected    timestamp with zone
found       INT96, counts as UTC
what to do  warning: write a timestamp
            with zone UTC

column      Event-ID
expected    no such column
found       string
what to do  rename it to "event_id"

column      事件时间
expected    no such column
found       int64
what to do  remove it, or add it to the
            contract

column      contents[].price
expected    number
found       string
what to do  parse the text and write
            numbers
"""


@pytest.mark.parametrize(("width", "expected"), [(200, AT_200), (80, AT_80), (40, AT_40)])
def test_differences_at_three_widths(width: int, expected: str) -> None:
    assert differences_lines(FOUND, width) == expected.splitlines()


def test_narrow_cells_need_no_wide_screen() -> None:
    assert differences_lines([finding("a", "string", "int64", "add it")], 40) == [
        "column  expected  found  what to do",
        "a       string    int64  add it",
    ]


@pytest.mark.parametrize(
    "other",
    [
        finding("a", None, "int64", "add it"),
        finding("a", "string", None, "add it"),
        finding("a", "string", "int64", None),
    ],
)
def test_findings_that_are_no_differences_are_left_out(other: Finding) -> None:
    assert differences_lines([other], 80) == []
    assert differences_lines([other, FOUND[2], other], 80) == differences_lines(FOUND[2:3], 80)
    assert differences_lines([], 80) == []


@pytest.mark.parametrize("width", range(12, 220))
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    lines = differences_lines(FOUND, width)
    assert [line for line in lines if cells(line) > max(width, 14) or line != line.rstrip()] == []


@pytest.mark.parametrize("width", range(22, 220))
def test_all_of_the_advice_can_be_read(width: int) -> None:
    text = "\n".join(differences_lines(FOUND[:1], width))
    if text.startswith("column      event_time"):
        told = text.partition("what to do  ")[2]
    else:
        header, *lines = text.splitlines()
        told = " ".join(line[header.index("what to do") :] for line in lines)
    assert told.split() == (FOUND[0].advice or "").split()


@pytest.mark.parametrize("width", range(-1, 12))
def test_a_screen_without_room_does_no_harm(width: int) -> None:
    assert differences_lines(FOUND, width)


def test_a_word_that_is_too_long_goes_on_in_the_next_line() -> None:
    long = "y" * 60
    lines = differences_lines([finding("a", "string", "no such column", f"rename {long}")], 60)
    assert sum(line.count("y") for line in lines) == 60
    assert max(map(cells, lines)) <= 60
    wide = "事" * 60
    lines = differences_lines([finding("a", "string", "no such column", wide)], 30)
    assert sum(line.count("事") for line in lines) == 60
    assert max(map(cells, lines)) <= 30


def test_long_names_and_types_are_cut_in_their_middle() -> None:
    long = "a" + "b" * 5_000 + "c"
    lines = differences_lines([finding(long, f"struct<{long}: int64>", long, "add it")], 200)
    assert lines[1].startswith("abb")
    assert sum(line.count("b") for line in lines) < 300


def test_text_from_the_file_cannot_steer_the_terminal() -> None:
    odd = finding("a\x1b[31m\n", "\u202ea", "struct<\x07: int64>", 'rename "\x1b"')
    text = "".join(differences_lines([odd], 200))
    assert {"\x1b", "\n", "\u202e", "\x07"} & set(text) == set()
    assert r"a\x1b[31m\x0a" in text
    assert r'rename "\x1b"' in text


@pytest.mark.parametrize("column", ["", None])
def test_a_column_without_a_name_has_a_cell(column: str | None) -> None:
    assert differences_lines([finding(column, "string", "int64", "add it")], 80)[1].startswith('""')


def test_more_than_200_rows_are_counted() -> None:
    lines = differences_lines([finding(f"c{number}", "string", "int64", "add it") for number in range(1_512)], 80)
    assert len(lines) == 202
    assert lines[-2:] == ["c199    string    int64  add it", "and 1,312 differences more"]


def test_whatever_the_cells_hold_fits() -> None:
    rng = random.Random(0)
    for _ in range(500):
        name, expected, found, advice = ("".join(rng.choices("ab_ 事é\u0301…", k=rng.randrange(60))) for _ in range(4))
        width = rng.randrange(16, 120)
        lines = differences_lines([finding(name, expected, found, advice)], width)
        assert [line for line in lines if cells(line) > width] == []
