"""Sizes, rates and durations as people write them, and as a screen shows them."""

import math
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tiktok_upload.units import format_duration, format_rate, format_size, parse_duration, parse_rate, parse_size

KIB, MIB, GIB, TIB = (1 << power for power in (10, 20, 30, 40))
UNITS = ("", "b", "B", "KiB", "MB", "g", "T", "bit", "Mbit/s", "MiB/s", "ps", "/s", "s", "min", "h", "d", "x", "\u212a")
QUANTITIES = st.one_of(
    st.text(st.characters(), max_size=20),
    st.builds("{}{}".format, st.from_regex(r"[0-9]{1,400}(\.[0-9]{1,3})?", fullmatch=True), st.sampled_from(UNITS)),
)
HUGE = "9" * 400


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1024", 1024),
        ("7b", 7),
        ("8MiB", 8 * MIB),
        ("8mib", 8 * MIB),
        ("8 MiB", 8 * MIB),
        (" 8\tMiB ", 8 * MIB),
        ("100 MB", 100_000_000),
        ("5GiB", 5 * GIB),
        ("5GB", 5_000_000_000),
        ("2TiB", 2 * TIB),
        ("2TB", 2 * 10**12),
        ("64K", 64 * KIB),
        ("64M", 64 * MIB),
        ("1G", GIB),
        ("1t", TIB),
        ("3kB", 3_000),
        ("3KiB", 3 * KIB),
        ("1.5MiB", 3 * MIB // 2),
        ("0.5KiB", 512),
        ("007", 7),
    ],
)
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert size == parse_size(text)


NO_SIZES = " |MiB|0|0MiB|0.4|-1|+1|1e3|1,5MB|1.MB|.5MB|1 2MB|8Mbit|8XiB|8MiBs|8MB/s|0x10|nan|inf|90s|8MiB\0|"
ARABIC_ONE = "\N{ARABIC-INDIC DIGIT ONE}"


@pytest.mark.parametrize("text", [*NO_SIZES.split("|"), f"{ARABIC_ONE}MB"], ids=ascii)
def test_what_is_no_size_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size such as 64MiB or 5GB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "bytes_per_s"),
    [
        ("50MB/s", 50_000_000),
        ("50MB", 50_000_000),
        ("20MiB/s", 20 * MIB),
        ("400Mbit/s", 50_000_000),
        ("400mbit", 50_000_000),
        ("1Gbit/s", 125_000_000),
        ("8kbit/s", 1_000),
        ("8bit/s", 1),
        ("1.5Mbit/s", 187_500),
        ("500", 500),
        (" 500 /s", 500),
        ("10 MB/s ", 10_000_000),
        ("1G/s", GIB),
    ],
)
def test_rates_as_people_write_them(text: str, bytes_per_s: int) -> None:
    assert bytes_per_s == parse_rate(text)


@pytest.mark.parametrize(
    "text",
    ["", "/s", "fast", "0", "0MB/s", "0bit/s", "7bit/s", "-5MB/s", "5MB/h", "5MB/s/s", "5Mbits", "5 M B/s", "5MB//s"],
)
def test_what_is_no_rate_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate such as 50MB/s or 400Mbit/s"):
        parse_rate(text)


@pytest.mark.parametrize(("text", "bits"), [("100Mbps", 100 * 10**6), ("50Mb/s", 50 * 10**6), ("1Gbps", 10**9)])
def test_bits_are_never_taken_for_bytes(text: str, bits: int) -> None:
    # «Mbps» is how a line's speed is written: it is read as bits or refused, not sent eight times as fast.
    try:
        bytes_per_s = parse_rate(text)
    except ValueError:
        return
    assert bits // 8 == bytes_per_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("10m", 600.0),
        ("10min", 600.0),
        ("2h", 7_200.0),
        ("1d", 86_400.0),
        ("1.5h", 5_400.0),
        (" 1 D ", 86_400.0),
        ("0.25s", 0.25),
    ],
)
def test_durations_as_people_write_them(text: str, seconds: float) -> None:
    assert seconds == parse_duration(text)


@pytest.mark.parametrize(
    "text", ["", "s", "0", "0s", "0.0h", "-1s", "5 weeks", "1h30m", "1:30", "ten", "5MB", f"{ARABIC_ONE}s"], ids=ascii
)
def test_what_is_no_duration_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration such as 90s, 10m or 2h"):
        parse_duration(text)


@pytest.mark.parametrize("parse", [parse_size, parse_rate, parse_duration], ids=lambda parse: parse.__name__)
@settings(deadline=None, max_examples=200)
@given(text=QUANTITIES)
@example(text=HUGE)
@example(text=HUGE + ".5")
@example(text=HUGE + "bit")
@example(text="9" * 5_000)
def test_any_text_is_a_positive_finite_quantity_or_a_value_error(parse: Callable[[str], float], text: str) -> None:
    try:
        quantity = parse(text)
    except ValueError:
        return
    assert 0 < quantity < math.inf


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1_023, "1023 B"),
        (1_024, "1 KiB"),
        (1_536, "1.5 KiB"),
        (999 * KIB, "999 KiB"),
        (1_000 * KIB, "0.977 MiB"),
        (8 * MIB, "8 MiB"),
        (100_000_000, "95.4 MiB"),
        (2_480_343_613, "2.31 GiB"),
        (TIB, "1 TiB"),
        (53_687_091_200_000, "48.8 TiB"),
    ],
)
def test_sizes_are_shown_with_three_digits_and_a_binary_unit(size: int, shown: str) -> None:
    assert shown == format_size(size)


@settings(deadline=None)
@given(st.integers(0, 10**15))
@example(1_023_500)  # 999.5 KiB
@example(999 * GIB + GIB // 2)
@example(2_000 * TIB)
def test_a_shown_size_is_plain_and_near_the_real_one(size: int) -> None:
    number, unit = format_size(size).split()
    scale = {"B": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB, "TiB": TIB}[unit]
    assert number.replace(".", "", 1).isdigit()
    assert math.isclose(float(number) * scale, size, rel_tol=0.005)


def test_rates_are_sizes_a_second() -> None:
    assert [format_rate(0.2), format_rate(8 * MIB)] == ["0 B/s", "8 MiB/s"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (12.34, "12.3 s"),
        (59.9, "59.9 s"),
        (60, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3_599.4, "59 min 59 s"),
        (3_599.6, "1 h 00 min"),
        (3_900, "1 h 05 min"),
        (47 * 3_600, "47 h 00 min"),
        (48 * 3_600, "2 d 0 h"),
        (100 * 3_600, "4 d 4 h"),
    ],
)
def test_durations_are_shown_by_their_two_largest_units(seconds: float, shown: str) -> None:
    assert shown == format_duration(seconds)


def test_a_duration_that_rounds_up_to_a_minute_is_shown_as_one() -> None:
    assert format_duration(59.96) == "1 min 00 s"
