"""Which values break a rule, a whole array at once. Child only."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tiktok_upload.contract import Rule

_UNITS_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_HEX = "0123456789abcdef"
_HEX_PATTERNS = {"^[0-9a-f]{64}$": 64, "^[a-f0-9]{64}$": 64, "^[0-9a-f]{32}$": 32, "^[a-f0-9]{32}$": 32}
_TINY = 1e-9  # how far from a whole number a quotient of floats may be
FORMS = {
    "uri": r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$",
    "uuid": r"^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$",
    "email": r"^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$",
    "hostname": r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
    "ipv4": r"^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.|$)){4}$",
    "ipv6": r"^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$",
}

Mask = Any
"""Booleans, one a value: true where it breaks the rule; null or false where it does not."""


def broken(rule: Rule, values: Any, judged_at: dt.datetime) -> Mask:
    """Where the values break the rule; nulls break none.

    Args:
        rule: Any that holds for each value by itself: neither `required` nor `unique`.
        values: As `nodes` gives them, of a type that the rule fits.
        judged_at: When it is, for `max-age` and `max-future`.

    Raises:
        pyarrow.ArrowException: The rule does not fit the type.
    """
    return _KERNELS[rule.kind](values, rule.argument, judged_at)


def _pattern(values: Any, argument: Any, _: dt.datetime) -> Mask:
    length = _HEX_PATTERNS.get(argument)
    if length and _is_text(values):
        return _not_hex(values, length)
    return pc.invert(pc.match_substring_regex(values, argument))


def _not_hex(values: Any, length: int) -> Mask:
    """Three times as fast as a regular expression, and hashes are most of what is checked."""
    wrong_length = pc.not_equal(pc.binary_length(values), length)
    return pc.or_(wrong_length, pc.not_equal(pc.binary_length(pc.ascii_trim(values, _HEX)), 0))


def _is_text(values: Any) -> bool:
    return bool(pa.types.is_string(values.type) or pa.types.is_large_string(values.type))


def _enum(values: Any, argument: Any, _: dt.datetime) -> Mask:
    known = pa.array([_literal(value, values.type) for value in argument]).cast(values.type)
    return pc.and_(pc.invert(pc.is_in(values, value_set=known)), pc.is_valid(values))


def _literal(value: Any, kind: Any) -> Any:
    if pa.types.is_decimal(kind):
        return Decimal(str(value))
    return value.encode() if isinstance(value, str) and _is_bytes(kind) else value


def _is_bytes(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _form(values: Any, argument: Any, _: dt.datetime) -> Mask:
    return pc.invert(pc.match_substring_regex(values, FORMS[argument]))


def _characters(values: Any) -> Any:
    return pc.utf8_length(values) if _is_text(values) else pc.binary_length(values)


def _too_short(values: Any, argument: Any, _: dt.datetime) -> Mask:
    return pc.less(_characters(values), argument)


def _too_long(values: Any, argument: Any, _: dt.datetime) -> Mask:
    return pc.greater(_characters(values), argument)


def _ranged(holds: Callable[[Any, Any], Mask]) -> Callable[[Any, Any, dt.datetime], Mask]:
    """What is no number at all (NaN) is in no range."""

    def kernel(values: Any, argument: Any, _: dt.datetime) -> Mask:
        if isinstance(argument, str):
            return pc.invert(holds(_ticks(values), time_limit(argument, values.type)))
        limit = pa.scalar(Decimal(str(argument))) if pa.types.is_decimal(values.type) else argument
        return pc.invert(holds(values, limit))

    return kernel


def _ticks(values: Any) -> Any:
    """Times as the whole numbers they are stored as: without a time zone database, and naive ones as UTC."""
    narrow = pa.types.is_date32(values.type) or pa.types.is_time32(values.type)
    return values.cast(pa.int32() if narrow else pa.int64())


def time_limit(text: str, kind: Any) -> float:
    """A date or time in RFC 3339, in the ticks of that type."""
    if pa.types.is_date(kind):
        days = dt.date.fromisoformat(text[:10]).toordinal() - dt.date(1970, 1, 1).toordinal()
        return days if pa.types.is_date32(kind) else days * 86_400_000
    if pa.types.is_time(kind):
        time = dt.time.fromisoformat(text)
        seconds = time.hour * 3_600 + time.minute * 60 + time.second
        return seconds * _UNITS_A_SECOND[kind.unit] + time.microsecond * _UNITS_A_SECOND[kind.unit] // 10**6
    at = dt.datetime.fromisoformat(text)
    return moment(at if at.tzinfo else at.replace(tzinfo=dt.UTC), kind)


def moment(at: dt.datetime, kind: Any) -> float:
    """A time with a zone, in the ticks of that type."""
    since = at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    microseconds = (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds
    if pa.types.is_date(kind):
        return since.days if pa.types.is_date32(kind) else since.days * 86_400_000
    return microseconds * _UNITS_A_SECOND[kind.unit] // 10**6


def _too_old(values: Any, argument: Any, judged_at: dt.datetime) -> Mask:
    return pc.less(_ticks(values), moment(judged_at - dt.timedelta(seconds=argument), values.type))


def _too_far(values: Any, argument: Any, judged_at: dt.datetime) -> Mask:
    return pc.greater(_ticks(values), moment(judged_at + dt.timedelta(seconds=argument), values.type))


def _no_multiple(values: Any, argument: Any, _: dt.datetime) -> Mask:
    quotient = pc.divide(values.cast(pa.float64()), float(argument))
    return pc.invert(pc.less_equal(pc.abs(pc.subtract(quotient, pc.round(quotient))), _TINY))


def _too_few(values: Any, argument: Any, _: dt.datetime) -> Mask:
    return pc.less(pc.list_value_length(values), argument)


def _too_many(values: Any, argument: Any, _: dt.datetime) -> Mask:
    return pc.greater(pc.list_value_length(values), argument)


_KERNELS: dict[str, Callable[[Any, Any, dt.datetime], Mask]] = {
    "pattern": _pattern,
    "enum": _enum,
    "format": _form,
    "min-length": _too_short,
    "max-length": _too_long,
    "minimum": _ranged(pc.greater_equal),
    "maximum": _ranged(pc.less_equal),
    "exclusive-minimum": _ranged(pc.greater),
    "exclusive-maximum": _ranged(pc.less),
    "multiple-of": _no_multiple,
    "max-age": _too_old,
    "max-future": _too_far,
    "min-items": _too_few,
    "max-items": _too_many,
}
