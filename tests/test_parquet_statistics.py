"""Nulls and ranges from the footer's statistics: of every type, never of texts, and never at the cost of a verdict."""

import datetime as dt
import json
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import parquet_files as by_hand
from tests.support.parquet_files import write_good
from tests.test_parquet_scripted_child import PRELUDE

from tiktok_upload.facts import Column, FileFacts
from tiktok_upload.parquet import Inspection, Inspector, Question, process
from tiktok_upload.parquet.asker import Order
from tiktok_upload.parquet.inspector import never
from tiktok_upload.parquet.ranges import kind_of
from tiktok_upload.personal import has_telling_name, is_card_number

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "parquet-testing"
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
CARD, ANOTHER_CARD = 4111111111111111, 5555555555554444  # numbers that card issuers give out for tests


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    with Inspector() as made:
        yield made


def columns_of(inspector: Inspector, path: Path) -> dict[str, Column]:
    facts = inspector.inspect(path, full=False).facts
    assert facts is not None
    return {column.name: column for column in facts.columns}


def column_of(inspector: Inspector, path: Path, array: Any, name: str = "n", **options: Any) -> Column:
    """The only column of a file of those values, one in each row group."""
    pq.write_table(pa.table({name: array}), path, **{"row_group_size": 1, **options})
    return columns_of(inspector, path)[name]


def told(column: Column) -> tuple[int | None, str | None, str | None]:
    return column.nulls, column.minimum, column.maximum


# ------------------------------------------------------------------------------------------------------ types of values
UTC, HERE = "UTC", "America/New_York"
NOON_UTC = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
NOON = NOON_UTC.replace(tzinfo=None)
MOMENT = NOON_UTC.replace(microsecond=250_000)
RANGES: Mapping[str, tuple[Any, str, str]] = {
    "int8": (pa.array([-128, None, 127], pa.int8()), "-128", "127"),
    "int64": (pa.array([None, 3, -(2**63)]), str(-(2**63)), "3"),
    "uint8": (pa.array([200, None, 0], pa.uint8()), "0", "200"),
    "uint32": (pa.array([2**32 - 1, None, 7], pa.uint32()), "7", "4294967295"),
    "uint64": (pa.array([2**64 - 1, None, 7], pa.uint64()), "7", "18446744073709551615"),
    "half": (pa.array([1.5, None, -2.25], pa.float16()), "-2.25", "1.5"),
    "float": (pa.array([0.1, None, 16777216], pa.float32()), "0.1", "16777216.0"),
    "double": (pa.array([0.1, None, -1e300]), "-1e+300", "0.1"),
    "infinite": (pa.array([float("inf"), None, 1.0]), "1.0", "inf"),
    "decimal32": (pa.array([Decimal("-0.05"), None, Decimal("1.25")], pa.decimal32(5, 2)), "-0.05", "1.25"),
    "decimal64": (pa.array([Decimal(-7), None, Decimal(12)], pa.decimal64(15, 0)), "-7", "12"),
    "decimal128": (pa.array([Decimal("-9.9"), None, Decimal("0.1")], pa.decimal128(38, 1)), "-9.9", "0.1"),
    "decimal256": (pa.array([Decimal(10) ** 70, None, Decimal(2)], pa.decimal256(75, 0)), "2", f"1{'0' * 70}"),
    "date": (pa.array([dt.date(2026, 11, 23), None, dt.date(1969, 12, 31)]), "1969-12-31", "2026-11-23"),
    "date beyond year 9999": (
        pa.array([2**31 - 1, None, 0]).cast(pa.int32()).cast(pa.date32()),
        "1970-01-01",
        "+5881580-07-11",
    ),
    "date before year 0": (
        pa.array([-(2**31), None, 0]).cast(pa.int32()).cast(pa.date32()),
        "-5877641-06-23",
        "1970-01-01",
    ),
    "time32": (pa.array([dt.time(1, 2, 3), None, dt.time(1, 2, 3, 4000)], pa.time32("ms")), "01:02:03", "01:02:03.004"),
    "time64": (pa.array([0, None, 86_399_999_999_999]).cast(pa.time64("ns")), "00:00:00", "23:59:59.999999999"),
    "timestamp without zone": (
        pa.array([NOON, None, NOON.replace(1, 1, 1)], pa.timestamp("us")),
        "0001-01-01T12:00:00",
        "2026-11-23T12:00:00",
    ),
    "timestamp in s": (
        pa.array([NOON_UTC, None], pa.timestamp("s", UTC)),
        "2026-11-23T12:00:00Z",
        "2026-11-23T12:00:00Z",
    ),
    "timestamp in ms": (
        pa.array([NOON_UTC, None, MOMENT], pa.timestamp("ms", HERE)),
        "2026-11-23T12:00:00Z",
        "2026-11-23T12:00:00.250Z",
    ),
    "timestamp in us": (
        pa.array([NOON_UTC, None, MOMENT], pa.timestamp("us", UTC)),
        "2026-11-23T12:00:00Z",
        "2026-11-23T12:00:00.250000Z",
    ),
    "timestamp in ns": (
        pa.array([0, None, -1]).cast(pa.timestamp("ns", UTC)),
        "1969-12-31T23:59:59.999999999Z",
        "1970-01-01T00:00:00Z",
    ),
    "timestamp beyond year 9999": (
        pa.array([2**63 - 1, None]).cast(pa.timestamp("us")),
        "+294247-01-10T04:00:54.775807",
        "+294247-01-10T04:00:54.775807",
    ),
    "duration": (pa.array([5, None, 60]).cast(pa.duration("ms")), "5", "60"),
    "boolean": (pa.array([True, None, False]), "false", "true"),
    "one boolean": (pa.array([True, None, True]), "true", "true"),
    "dictionary of numbers": (pa.array([5, None, 7]).dictionary_encode(), "5", "7"),
}


@pytest.mark.parametrize("kind", RANGES)
def test_numbers_times_and_booleans_have_a_range(inspector: Inspector, tmp_path: Path, kind: str) -> None:
    array, low, high = RANGES[kind]
    assert told(column_of(inspector, tmp_path / "f", array)) == (1, low, high)


WITHOUT_RANGE: Mapping[str, Any] = {
    "text": pa.array(["bob@example.com", None, "zoe"]),
    "large text": pa.array(["bob@example.com", None], pa.large_string()),
    "dictionary": pa.array(["bob@example.com", None]).dictionary_encode(),
    "text of digits": pa.array(["1", None, "2"]),
    "binary": pa.array([b"bob", None]),
    "fixed binary": pa.array([b"bob", None], pa.binary(3)),
    "two fixed bytes": pa.array([b"bo", None], pa.binary(2)),
    "uuid": pa.array([b"a" * 16, None], pa.uuid()),
    "json": pa.array(["{}", None], pa.json_()),
}


@pytest.mark.parametrize("kind", WITHOUT_RANGE)
def test_texts_and_bytes_have_nulls_but_no_range(inspector: Inspector, tmp_path: Path, kind: str) -> None:
    assert told(column_of(inspector, tmp_path / "f", WITHOUT_RANGE[kind])) == (1, None, None)


def test_the_oldest_timestamps_have_no_range(inspector: Inspector, tmp_path: Path) -> None:
    array = pa.array([NOON], pa.timestamp("ns"))
    column = column_of(inspector, tmp_path / "f", array, use_deprecated_int96_timestamps=True)
    assert told(column)[1:] == (None, None)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([float("nan")]),
        pa.array([1.0, float("nan")]),
        pa.array([90_000_000, 0], pa.int32()).cast(pa.time32("ms")),
        pa.array([-1, 0], pa.int32()).cast(pa.time32("ms")),
    ],
    ids=["not a number", "not a number in one row group", "a time after the day's end", "a time before its begin"],
)
def test_a_row_group_whose_values_have_no_order_takes_the_range_away(
    inspector: Inspector, tmp_path: Path, array: Any
) -> None:
    assert told(column_of(inspector, tmp_path / "f", array)) == (0, None, None)


def test_not_a_number_among_numbers_does_not_count(inspector: Inspector, tmp_path: Path) -> None:
    array = pa.array([float("nan"), 2.0, 1.0])
    assert told(column_of(inspector, tmp_path / "f", array, row_group_size=3)) == (0, "1.0", "2.0")


def test_nulls_alone_have_no_range(inspector: Inspector, tmp_path: Path) -> None:
    assert told(column_of(inspector, tmp_path / "f", pa.nulls(3, pa.int64()))) == (3, None, None)


def test_without_statistics_nothing_is_known(inspector: Inspector, tmp_path: Path) -> None:
    column = column_of(inspector, tmp_path / "f", pa.array([1, None]), write_statistics=False)
    assert told(column) == (None, None, None)


def test_without_rows_there_are_no_nulls(inspector: Inspector, tmp_path: Path) -> None:
    assert told(column_of(inspector, tmp_path / "f", pa.array([], pa.int64()))) == (0, None, None)


def test_nested_columns_are_left_alone_and_their_neighbours_are_not(inspector: Inspector, tmp_path: Path) -> None:
    table = pa.table(
        {
            "before": [1],
            "struct": [{"x": 2, "y": {"z": 3}}],
            "list": [[4, 5]],
            "map": pa.array([[("k", 6)]], pa.map_(pa.string(), pa.int64())),
            "a.b": [7],
            "structs": [[{"x": 8, "y": 9}]],
            "after": [10],
        }
    )
    pq.write_table(table, tmp_path / "f")
    found = {name: told(column) for name, column in columns_of(inspector, tmp_path / "f").items()}
    nothing = (None, None, None)
    assert found == {
        "before": (0, "1", "1"),
        "struct": nothing,
        "list": nothing,
        "map": nothing,
        "a.b": (0, "7", "7"),
        "structs": nothing,
        "after": (0, "10", "10"),
    }


def test_columns_of_one_name_keep_their_own(inspector: Inspector, tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array(["x"]), pa.array([None], pa.int64())], ["n", "n", "n"])
    pq.write_table(table, tmp_path / "f")
    facts = inspector.inspect(tmp_path / "f", full=False).facts
    assert facts is not None
    assert [told(column) for column in facts.columns] == [(0, "1", "1"), (0, None, None), (1, None, None)]


# ------------------------------------------------------------------------------------------------- footers made by hand
def binary(data: bytes) -> tuple[int, bytes]:
    return by_hand._BINARY, bytes([len(data)]) + data


def statistics(low: bytes | None = None, high: bytes | None = None, nulls: int | None = 0) -> Any:
    return by_hand._STRUCT, by_hand._struct(
        {
            3: by_hand._i64(nulls),
            5: None if high is None else binary(high),
            6: None if low is None else binary(low),
        }
    )


NONE_AT_ALL = None
INT32, INT64, FIXED = 1, 2, 7


def write_by_hand(path: Path, *chunks: Any, physical: int = INT32, described_as: int | None = None) -> Path:
    """A file of one column, a row group for each of the statistics given, its values lying where nobody looks."""
    groups = []
    for number, chunk in enumerate(chunks):
        metadata = by_hand._struct(
            {
                1: by_hand._i32(physical if described_as is None else described_as),
                2: by_hand._list(by_hand._I32, [by_hand._zigzag(0)]),
                3: by_hand._list(by_hand._BINARY, [by_hand._binary("n")]),
                4: by_hand._i32(0),
                5: by_hand._i64(1),
                6: by_hand._i64(20),
                7: by_hand._i64(20),
                9: by_hand._i64(4 + 20 * number),
                12: chunk,
            }
        )
        column = by_hand._struct({2: by_hand._i64(0), 3: (by_hand._STRUCT, metadata)})
        groups.append(
            by_hand._struct({1: by_hand._list(by_hand._STRUCT, [column]), 2: by_hand._i64(20), 3: by_hand._i64(1)})
        )
    optional, length = 1, 4 if physical == FIXED else None
    leaf = {1: by_hand._i32(physical), 2: by_hand._i32(length), 3: by_hand._i32(optional), 4: by_hand._text("n")}
    root = by_hand._struct({4: by_hand._text("schema"), 5: by_hand._i32(1)})
    order = by_hand._struct({1: (by_hand._STRUCT, b"\0")})
    footer = by_hand._struct(
        {
            1: by_hand._i32(1),
            2: by_hand._list(by_hand._STRUCT, [root, by_hand._struct(leaf)]),
            3: by_hand._i64(len(chunks)),
            4: by_hand._list(by_hand._STRUCT, groups),
            6: by_hand._text(by_hand.WRITER),
            7: by_hand._list(by_hand._STRUCT, [order]),
        }
    )
    data = b"\1" * 20 * len(chunks)
    path.write_bytes(by_hand.MAGIC + data + footer + len(footer).to_bytes(4, "little") + by_hand.MAGIC)
    return path


def int32(value: int) -> bytes:
    return value.to_bytes(4, "little", signed=True)


ONE = statistics(int32(1), int32(1))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (statistics(int32(-5), int32(9)), (0, "-5", "9")),
        (statistics(int32(-5), int32(9), nulls=None), (None, "-5", "9")),
        (statistics(int32(-5), int32(9), nulls=-1), (None, "-5", "9")),
        (statistics(int32(-5), int32(9), nulls=2), (None, "-5", "9")),
        (statistics(nulls=1), (1, "1", "1")),
        (statistics(nulls=0), (0, None, None)),
        (statistics(nulls=None), (None, None, None)),
        (statistics(int32(-5), nulls=0), (0, None, None)),
        (statistics(int32(9), int32(-5)), (0, None, None)),
        (NONE_AT_ALL, (None, None, None)),
    ],
    ids=[
        "a wider range",
        "no null count",
        "a negative one",
        "more nulls than rows",
        "nulls alone",
        "values, no range",
        "nothing told",
        "half a range",
        "a range turned round",
        "no statistics",
    ],
)
def test_what_one_row_group_does_not_tell_is_not_known_of_the_column(
    inspector: Inspector, tmp_path: Path, other: Any, expected: tuple[int | None, str | None, str | None]
) -> None:
    path = write_by_hand(tmp_path / "f", ONE, other, ONE)
    assert told(columns_of(inspector, path)["n"]) == expected


DEADLY: Mapping[str, Any] = {
    "too short": ((statistics(b"\1", b"\2"),), {}),
    "empty": ((statistics(b"", b""),), {}),
    "too short for eight bytes": ((statistics(int32(1), int32(2)),), {"physical": INT64}),
    "too short for fixed bytes": ((statistics(b"\1", b"\2"),), {"physical": FIXED}),
    "in the last row group": ((ONE, ONE, statistics(b"", b"")), {}),
    "of another type": ((ONE,), {"described_as": INT64}),
}


@pytest.mark.parametrize("kind", DEADLY)
def test_statistics_that_kill_the_parser_do_not_make_a_file_unsound(
    inspector: Inspector, tmp_path: Path, kind: str
) -> None:
    chunks, options = DEADLY[kind]
    found = inspector.inspect(write_by_hand(tmp_path / "f", *chunks, **options), full=False)
    assert found.findings == ()
    assert found.facts is not None
    assert (found.facts.rows, [told(column) for column in found.facts.columns]) == (len(chunks), [(None, None, None)])
    assert column_of(inspector, tmp_path / "next", pa.array([1])).minimum == "1"


# ----------------------------------------------------------------------------------------------- the parent's judgement
def scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> Inspection:
    """What becomes of a file whose child runs this; `asked` is the request, and requests pile up in a file."""
    noted = f"""
def asked():
    say("ready")
    request = json.loads(sys.stdin.readline())
    with open({str(tmp_path / "requests")!r}, "a") as file:
        file.write(json.dumps(request) + "\\n")
    opened()
    return request["wanted"]["statistics"]
"""
    monkeypatch.setattr(process, "COMMAND", (sys.executable, "-c", PRELUDE + noted + program))
    with Inspector() as inspector:
        return inspector.inspect(Path("f"), full=True)


def requests(tmp_path: Path) -> list[bool]:
    """Of each request, whether it was for the statistics, too."""
    lines = (tmp_path / "requests").read_text().splitlines()
    return [json.loads(line)["wanted"]["statistics"] for line in lines]


READING = "statistics = asked()\nif statistics: say('statistics', reading=True)\n"


@posix
@pytest.mark.parametrize("end", ["die('SIGABRT')", "die('SIGSEGV')", "die('SIGABRT', 'bad_alloc')", "os._exit(71)"])
def test_a_death_over_the_statistics_is_followed_by_a_check_without_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, end: str
) -> None:
    found = scripted(monkeypatch, tmp_path, f"{READING}\nif statistics: {end}\ndone(); hang()")
    assert (found.findings, found.inode, requests(tmp_path)) == ((), 3, [True, False])


@posix
@pytest.mark.parametrize(
    "program",
    [f"{READING}die('SIGABRT')", "asked(); say('statistics', reading=True); die('SIGABRT')"],
    ids=["without being asked to read them", "whatever it was asked"],
)
def test_a_child_that_dies_without_them_as_well_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str
) -> None:
    found = scripted(monkeypatch, tmp_path, program)
    assert [finding.rule for finding in found.findings] == ["parser-died"]
    assert requests(tmp_path) == [True, False]


@posix
def test_a_death_after_the_statistics_is_not_theirs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = scripted(monkeypatch, tmp_path, f"{READING}say('statistics', reading=False); die('SIGABRT')")
    assert [finding.rule for finding in found.findings] == ["parser-died"]
    assert requests(tmp_path) == [True]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not here")
def test_no_file_of_many_writers_is_judged_otherwise_for_its_statistics(inspector: Inspector) -> None:
    files = [path for path in CORPUS.rglob("*.parquet*") if path.suffix in (".parquet", ".encrypted")]
    assert len(files) >= 60
    for path in files:
        order = Order(path, Question().to_json(workers=1), never)
        found = inspector._askers[0].ask(order).found
        without = inspector._askers[0].ask(order.without_statistics).found
        assert (path.name, found["findings"]) == (path.name, without["findings"])
        assert (found["facts"] and found["facts"]["rows"]) == (without["facts"] and without["facts"]["rows"])


# ---------------------------------------------------------------------------------------------------- personal numbers
@pytest.mark.parametrize(
    "name",
    [
        "phone",
        "phone_number",
        "homePhoneNo",
        "PHONE2",
        "telefono",
        "mobile_no",
        "cell",
        "msisdn",
        "card",
        "cardNumber",
        "CREDIT_CARD",
        "cc",
        "user_cc",
        "pan",
        "PAN",
        "ssn",
        "customerSSN",
        "tin",
        "iban",
        "passport_no",
        "ip",
        "ip_address",
        "dob",
        "birth_date",
        "birthYear",
        "tel",
        "fax",
        "nationalId",
        "tax_id",
        "account_number",
        "imei",
    ],
)
def test_names_that_tell_of_persons(name: str) -> None:
    assert has_telling_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "id",
        "price",
        "event_time",
        "company",
        "japan",
        "span_ms",
        "hotel",
        "telemetry",
        "cancelled",
        "excellent",
        "quantity",
        "zip",
        "ship_date",
        "account_id",
        "business",
        "martini",
        "dobby",
        "größe",
        "column_1",
        "click_id",
    ],
)
def test_names_that_do_not(name: str) -> None:
    assert not has_telling_name(name)


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111",
        "4222222222222",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "6200000000000005",
        "4111111111111111.00",
        "4111111111111111.0",
    ],
)
def test_numbers_that_are_cards(text: str) -> None:
    assert is_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "1000",
        "4111111111111112",
        "1763899200000",
        "1763899200000000",
        "9999999999999999",
        "41111111111111111",
        "-0.5",
        "4111111111111111.5",
        "1e+16",
        "inf",
        "",
    ],
)
def test_numbers_that_are_not(text: str) -> None:
    assert not is_card_number(text)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([CARD, ANOTHER_CARD]),
        pa.array([0, CARD]),
        pa.array([CARD, 2**62]),
        pa.array([float(CARD), float(ANOTHER_CARD)]),
        pa.array([Decimal(CARD), Decimal(ANOTHER_CARD)], pa.decimal128(18, 2)),
    ],
    ids=["cards", "up to a card", "from a card", "as doubles", "as decimals"],
)
def test_a_range_that_begins_or_ends_with_a_card_is_not_told(inspector: Inspector, tmp_path: Path, array: Any) -> None:
    assert told(column_of(inspector, tmp_path / "f", array, name="number")) == (0, None, None)


@pytest.mark.parametrize("name", ["phone", "card", "ssn", "dob"])
def test_no_range_is_told_of_what_is_named_like_a_persons_number(
    inspector: Inspector, tmp_path: Path, name: str
) -> None:
    assert told(column_of(inspector, tmp_path / "f", pa.array([14155550123, None]), name=name)) == (1, None, None)


def test_a_yes_or_no_about_a_phone_is_told(inspector: Inspector, tmp_path: Path) -> None:
    assert told(column_of(inspector, tmp_path / "f", pa.array([True, False]), name="has_phone")) == (0, "false", "true")


# -------------------------------------------------------------------------------------------------------------- words
@given(st.dates())
def test_a_date_of_four_digit_years_is_written_as_everybody_writes_it(date: dt.date) -> None:
    kind = kind_of("INT32", {"Type": "Date"})
    assert kind is not None
    assert kind.text((date - dt.date(1970, 1, 1)).days) == date.isoformat()


@given(st.integers(-(2**31), 2**31 - 1))
def test_a_date_400_years_later_has_the_same_month_and_day(days: int) -> None:
    kind = kind_of("INT32", {"Type": "Date"})
    assert kind is not None
    assert kind.text(days)[-6:] == kind.text(days + 146_097)[-6:]


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_a_timestamp_is_written_in_utc(moment: dt.datetime) -> None:
    kind = kind_of("INT64", {"Type": "Timestamp", "isAdjustedToUTC": True, "timeUnit": "microseconds"})
    assert kind is not None
    stored = (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    assert kind.text(stored) == moment.isoformat().replace("+00:00", "Z")


@given(st.integers(-(10**38), 10**38), st.integers(0, 38))
def test_a_decimal_keeps_every_digit(unscaled: int, scale: int) -> None:
    kind = kind_of("FIXED_LEN_BYTE_ARRAY", {"Type": "Decimal", "precision": 39, "scale": scale})
    assert kind is not None
    text = kind.text(kind.value(unscaled.to_bytes(17, "big", signed=True)))
    assert "e" not in text.lower()
    assert (int(text.replace(".", "")), len(text.partition(".")[2])) == (unscaled, scale)


@given(st.floats(width=32, allow_nan=False))
def test_a_float_is_written_so_that_it_can_be_read_back(value: float) -> None:
    kind = kind_of("FLOAT", {"Type": "None"})
    assert kind is not None
    assert pa.scalar(float(kind.text(value)), pa.float32()).as_py() == value


@pytest.mark.parametrize(
    ("physical", "logical"),
    [("FIXED_LEN_BYTE_ARRAY", {"Type": "Float16"}), ("BYTE_ARRAY", {"Type": "Decimal", "scale": 0})],
)
@pytest.mark.parametrize("stored", [b"", b"x" * 33])
def test_bytes_of_the_wrong_length_are_no_number(physical: str, logical: dict[str, Any], stored: bytes) -> None:
    kind = kind_of(physical, logical)
    assert kind is not None
    with pytest.raises(ValueError, match="no "):
        kind.value(stored)


@pytest.mark.parametrize(
    ("physical", "logical"),
    [
        ("INT96", {"Type": "None"}),
        ("INT32", {"Type": "Null"}),
        ("BYTE_ARRAY", {"Type": "None"}),
        ("BYTE_ARRAY", {"Type": "String"}),
        ("INT64", {"Type": "Timestamp", "timeUnit": "unknown"}),
        ("INT64", {"Type": "of tomorrow"}),
        ("INT64", {}),
    ],
)
def test_other_types_have_no_range(physical: str, logical: dict[str, Any]) -> None:
    assert kind_of(physical, logical) is None


# ------------------------------------------------------------------------------------------------ where ranges may go
FACTS = FileFacts(
    2, 1, (Column("n", "int64", family="integer", nulls=1, minimum="314159", maximum="271828"),), ("ZSTD",), "a writer"
)


def test_machines_get_nulls_and_no_ranges() -> None:
    columns = json.loads(json.dumps(FACTS.to_json()))["columns"]
    assert columns == [
        {"name": "n", "type": "int64", "nullable": True, "family": "integer", "children": [], "nulls": 1}
    ]
    assert FileFacts.from_json(FACTS.to_json()).columns == (Column("n", "int64", family="integer", nulls=1),)


def test_our_own_process_gets_both() -> None:
    assert FileFacts.from_json(json.loads(json.dumps(FACTS.to_json_with_ranges()))) == FACTS


def test_a_traceback_shows_no_range() -> None:
    assert "314159" not in repr(FACTS)
    assert "271828" not in repr(FACTS)


def test_facts_written_by_an_older_version_are_read() -> None:
    old = FACTS.to_json()
    for name in ("nulls", "family", "children"):
        del old["columns"][0][name]
    del old["rows_read"], old["rows_sampled"]
    assert FileFacts.from_json(old).columns == (Column("n", "int64"),)


def test_no_value_of_a_text_leaves_the_child(tmp_path: Path) -> None:
    child = process.ChildProcess(2 << 30)
    try:
        wanted = Question(full=True, guard=True).to_json(workers=1)
        child.request(str(write_good(tmp_path / "f")).encode(), wanted)
        answers = []
        while (answer := child.receive(60)) is not None:
            answers.append(answer)
            if answer["kind"] == "done":
                break
        assert answers[-1]["facts"]["columns"][0]["maximum"] == "299"
        assert "name-00" not in json.dumps(answers)
    finally:
        child.kill()
