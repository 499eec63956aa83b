"""Lowest and highest values as the footer stores them, compared and put into words: decisions only."""

import datetime as dt
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_UNIT_DIGITS = {"milliseconds": 3, "microseconds": 6, "nanoseconds": 9}
_DAY_S = 86_400
_CYCLE_DAYS = 146_097  # the Gregorian calendar repeats itself every 400 years
_CYCLE_YEARS = 400
_EPOCH = dt.date(1970, 1, 1).toordinal()
_LAST_YEAR_OF_FOUR_DIGITS = 9_999
_WIDEST_DECIMAL_BYTES = 32  # 76 digits, the most that Arrow has
_ENOUGH_DIGITS_OF_FLOAT32 = 9

Value = int | float | str


@dataclass(frozen=True, slots=True)
class Kind:
    """How one column's lowest and highest are read.

    Attributes:
        value: What the footer stores, made comparable; raises a ValueError where it is no such value.
        text: A value in words.
        numeric: Whether it counts or measures, so that its digits may be somebody's number.
    """

    value: Callable[[Any], Value]
    text: Callable[[Any], str]
    numeric: bool = True


def _text_value(stored: Any) -> str:
    text: str = stored.decode()  # a UnicodeDecodeError is a ValueError
    return text


TEXT = Kind(_text_value, str, numeric=False)
"""Of texts: shown only to whoever asked for values of the data."""


def kind_of(physical: str, logical: dict[str, Any]) -> Kind | None:
    """The kind of a column, or None where its values are never to be shown or mean nothing: texts, bytes, INT96.

    Args:
        physical: `INT32`, `FIXED_LEN_BYTE_ARRAY`, ...
        logical: The logical type as pyarrow's JSON: `{"Type": "Int", "bitWidth": 8, "isSigned": true}`.
    """
    if physical == "BOOLEAN":
        return Kind(_same, _boolean_text, numeric=False)
    return _number_kind(physical, logical) or _time_kind(physical, logical)


def _number_kind(physical: str, logical: dict[str, Any]) -> Kind | None:
    match logical.get("Type"), physical:
        case "None", "FLOAT":
            return Kind(_same, _float32_text)
        case "None", "DOUBLE":
            return Kind(_same, _float_text)
        case "Float16", "FIXED_LEN_BYTE_ARRAY":
            return Kind(_float16, _float_text)
        case "None" | "Int", "INT32" | "INT64":
            return Kind(_same if logical.get("isSigned", True) else _unsigned(physical), str)
        case "Decimal", "INT32" | "INT64" | "FIXED_LEN_BYTE_ARRAY" | "BYTE_ARRAY":
            return _decimal_kind(int(logical["scale"]), stored_as_bytes=physical.endswith("ARRAY"))
    return None


def _time_kind(physical: str, logical: dict[str, Any]) -> Kind | None:
    digits = _UNIT_DIGITS.get(logical.get("timeUnit", ""), 0)
    match logical.get("Type"), physical:
        case "Date", "INT32":
            return Kind(_same, _date_text, numeric=False)
        case "Time", "INT32" | "INT64" if digits:
            return Kind(_within_day(digits), lambda value: _time_text(value, digits), numeric=False)
        case "Timestamp", "INT64" if digits:
            zone = "Z" if logical.get("isAdjustedToUTC") else ""
            return Kind(_same, lambda value: _timestamp_text(value, digits) + zone, numeric=False)
    return None


def _decimal_kind(scale: int, *, stored_as_bytes: bool) -> Kind:
    return Kind(_big_endian if stored_as_bytes else _same, lambda value: _decimal_text(value, scale))


def _same(stored: Any) -> Value:
    value: Value = stored
    return value


def _unsigned(physical: str) -> Callable[[int], int]:
    mask = 0xFFFF_FFFF if physical == "INT32" else 0xFFFF_FFFF_FFFF_FFFF
    return lambda stored: stored & mask


def _float_text(value: float) -> str:
    """Writers give -0.0 for the lowest where it is 0.0, since the two are equal."""
    return repr(value + 0.0)


def _float16(stored: bytes) -> float:
    if len(stored) != struct.calcsize("<e"):
        raise ValueError("no half float")
    value: float = struct.unpack("<e", stored)[0]
    return value


def _big_endian(stored: bytes) -> int:
    if not 0 < len(stored) <= _WIDEST_DECIMAL_BYTES:
        raise ValueError("no decimal")
    return int.from_bytes(stored, "big", signed=True)


def _within_day(digits: int) -> Callable[[int], int]:
    end = _DAY_S * 10**digits

    def value(stored: int) -> int:
        if not 0 <= stored < end:
            raise ValueError("no time of a day")
        return stored

    return value


def _boolean_text(value: bool) -> str:  # noqa: FBT001 - the value itself
    return "true" if value else "false"


def _float32_text(value: float) -> str:
    """As few digits as tell it from its neighbours: 0.1, not 0.10000000149011612."""
    short = (float(f"{value:.{digits}g}") for digits in range(6, _ENOUGH_DIGITS_OF_FLOAT32))
    return _float_text(next((text for text in short if _as_float32(text) == value), value))


def _as_float32(value: float) -> float | None:
    try:
        same: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return None
    return same


def _decimal_text(value: int, scale: int) -> str:
    digits = f"{abs(value):0{scale + 1}d}"
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}" if scale else sign + digits


def _date_text(days: int) -> str:
    """ISO 8601; a year of more than four digits, or before 0, bears its sign."""
    cycles, day = divmod(days, _CYCLE_DAYS)
    date = dt.date.fromordinal(_EPOCH + day)
    year = date.year + cycles * _CYCLE_YEARS
    years = f"{year:04d}" if 0 <= year <= _LAST_YEAR_OF_FOUR_DIGITS else f"{year:+05d}"
    return f"{years}-{date.month:02d}-{date.day:02d}"


def _time_text(value: int, digits: int) -> str:
    seconds, rest = divmod(value, 10**digits)
    minutes, second = divmod(seconds, 60)
    fraction = f".{rest:0{digits}d}" if rest else ""
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}{fraction}"


def _timestamp_text(value: int, digits: int) -> str:
    days, rest = divmod(value, _DAY_S * 10**digits)
    return f"{_date_text(days)}T{_time_text(rest, digits)}"
