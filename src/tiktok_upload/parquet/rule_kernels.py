"""Which values break a rule, a whole array at once. Child only."""

import datetime as dt
import ipaddress
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tiktok_upload.contract import Rule

_UNITS_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_HEX = "0123456789abcdef"
_HEX_PATTERNS = {"^[0-9a-f]{64}$": 64, "^[a-f0-9]{64}$": 64, "^[0-9a-f]{32}$": 32, "^[a-f0-9]{32}$": 32}
_TINY = 1e-9  # how far from a whole number a quotient of floats may be
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
# Bytes that are UTF-8, as a pattern over bytes.
_UTF8 = (
    r"^(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}"
    r"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}"
    r"|\xf4[\x80-\x8f][\x80-\xbf]{2})*$"
)
FORMS = {
    "uri": r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$",
    "uuid": r"^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$",
    "email": r"^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$",
    "hostname": r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
    "ipv4": rf"^(?:{_OCTET}\.){{3}}{_OCTET}$",
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
    texts, strange = _as_text(values)
    length = _HEX_PATTERNS.get(argument)
    wrong = _not_hex(texts, length) if length else pc.invert(pc.match_substring_regex(texts, argument))
    return _or(wrong, strange)


def _as_text(values: Any) -> tuple[Any, Mask | None]:
    """Bytes as the text that they are, null where they are none; and where that is, if anywhere."""
    if _is_text(values):
        return values, None
    if not _is_bytes(values.type):
        raise TypeError("neither text nor bytes")
    data = values.cast(pa.binary()) if pa.types.is_fixed_size_binary(values.type) else values
    try:
        return data.cast(pa.large_string()), None
    except pa.ArrowInvalid:
        is_text = pc.match_substring_regex(data, _UTF8)
        return pc.if_else(is_text, data, pa.scalar(None, data.type)).cast(pa.large_string()), pc.invert(is_text)


def _or(mask: Mask, other: Mask | None) -> Mask:
    return mask if other is None else pc.or_(pc.fill_null(mask, False), other)


def _not_hex(values: Any, length: int) -> Mask:
    """Three times as fast as a regular expression, and hashes are most of what is checked."""
    wrong_length = pc.not_equal(pc.binary_length(values), length)
    return pc.or_(wrong_length, pc.not_equal(pc.binary_length(pc.ascii_trim(values, _HEX)), 0))


def _is_text(values: Any) -> bool:
    return bool(pa.types.is_string(values.type) or pa.types.is_large_string(values.type))


def _enum(values: Any, argument: Any, _: dt.datetime) -> Mask:
    values = _comparable(values)
    known = [literal for value in argument for literal in _literals(value, values.type)]
    return pc.and_(pc.invert(pc.is_in(values, value_set=pa.array(known, values.type))), pc.is_valid(values))


def _comparable(values: Any) -> Any:
    """Of a width that Arrow can look up, and without a zero that is below another one."""
    if pa.types.is_float16(values.type):
        values = values.cast(pa.float32())
    if pa.types.is_decimal32(values.type) or pa.types.is_decimal64(values.type):
        values = values.cast(pa.decimal128(38, values.type.scale))
    return pc.add(values, pa.scalar(0.0, values.type)) if pa.types.is_floating(values.type) else values


def _literals(value: Any, kind: Any) -> list[Any]:
    """A value of the contract as one of that type; none where no value of the type is equal to it."""
    try:
        scalar = pa.scalar(_exactly(value, kind), kind)
    except (pa.ArrowException, ValueError, OverflowError, TypeError):
        return []
    return [scalar.as_py()]


def _exactly(value: Any, kind: Any) -> Any:
    if isinstance(value, str):
        return value.encode() if _is_bytes(kind) else value
    if pa.types.is_decimal(kind):
        return Decimal(str(value))
    if pa.types.is_integer(kind) and isinstance(value, float):
        if not value.is_integer():
            raise ValueError("no whole number")
        return int(value)
    return value


def _is_bytes(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _form(values: Any, argument: Any, _: dt.datetime) -> Mask:
    texts, strange = _as_text(values)
    if argument == "ipv6":  # no pattern that anybody could read says it
        return _or(pa.array([not _is_ipv6(text) if text is not None else None for text in texts.to_pylist()]), strange)
    return _or(pc.invert(pc.match_substring_regex(texts, FORMS[argument])), strange)


def _is_ipv6(text: str) -> bool:
    try:
        return bool(ipaddress.IPv6Address(text).exploded)
    except ValueError:
        return False


def _characters(values: Any) -> Any:
    """Of bytes that are no text, how many."""
    texts, strange = _as_text(values)
    length = pc.utf8_length(texts).cast(pa.int64())
    return length if strange is None else pc.coalesce(length, pc.binary_length(values).cast(pa.int64()))


def _too_short(values: Any, argument: Any, _: dt.datetime) -> Mask:
    return pc.less(_characters(values), argument)


def _too_long(values: Any, argument: Any, _: dt.datetime) -> Mask:
    return pc.greater(_characters(values), argument)


def _ranged(holds: Callable[[Any, Any], Mask], rounding: str) -> Callable[[Any, Any, dt.datetime], Mask]:
    """What is no number at all (NaN) is in no range.

    Args:
        holds: What a value and the limit must be.
        rounding: To which side a limit goes that lies between two values of the type, so that it parts the same ones.
    """

    def kernel(values: Any, argument: Any, _: dt.datetime) -> Mask:
        if isinstance(argument, str):
            return _outside(_ticks(values), holds, time_limit(argument, values.type))
        if pa.types.is_integer(values.type):
            limit = Decimal(str(argument)).to_integral_value(rounding)
            return _outside(values, holds, int(limit))
        if pa.types.is_decimal(values.type):
            return _outside(values, holds, _to_scale(Decimal(str(argument)), values.type.scale, rounding))
        return pc.invert(holds(_comparable(values), float(argument)))

    return kernel


def _to_scale(limit: Decimal, scale: int, rounding: str) -> Decimal:
    with localcontext(prec=200):
        return limit.quantize(Decimal(1).scaleb(-scale), rounding)


def _outside(values: Any, holds: Callable[[Any, Any], Mask], limit: Any) -> Mask:
    """A limit that the type cannot hold is beyond all of its values."""
    try:
        scalar = pa.scalar(limit, values.type)
    except (pa.ArrowException, OverflowError, ValueError):
        keeps = holds(pa.scalar(0), pa.scalar(1 if limit > 0 else -1)).as_py()
        return pc.and_(pc.is_valid(values), not keeps)
    return pc.invert(holds(values, scalar))


def _ticks(values: Any) -> Any:
    """Times as the whole numbers they are stored as: without a time zone database, and naive ones as UTC."""
    narrow = pa.types.is_date32(values.type) or pa.types.is_time32(values.type)
    return values.cast(pa.int32() if narrow else pa.int64())


def time_limit(text: str, kind: Any) -> int:
    """A date or time in RFC 3339, in the ticks of that type."""
    if pa.types.is_date(kind):
        days = dt.date.fromisoformat(text[:10]).toordinal() - dt.date(1970, 1, 1).toordinal()
        return days if pa.types.is_date32(kind) else days * 86_400_000
    if pa.types.is_time(kind):
        time = dt.time.fromisoformat(text)
        seconds = time.hour * 3_600 + time.minute * 60 + time.second
        return int(seconds * _UNITS_A_SECOND[kind.unit] + time.microsecond * _UNITS_A_SECOND[kind.unit] // 10**6)
    at = dt.datetime.fromisoformat(text)
    return moment(at if at.tzinfo else at.replace(tzinfo=dt.UTC), kind)


def moment(at: dt.datetime, kind: Any) -> int:
    """A time with a zone, in the ticks of that type."""
    since = at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    microseconds = (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds
    if pa.types.is_date(kind):
        return since.days if pa.types.is_date32(kind) else since.days * 86_400_000
    return int(microseconds * _UNITS_A_SECOND[kind.unit] // 10**6)


def _too_old(values: Any, argument: Any, judged_at: dt.datetime) -> Mask:
    limit = moment(judged_at - dt.timedelta(seconds=argument), values.type)
    return _outside(_ticks(values), pc.greater_equal, limit)


def _too_far(values: Any, argument: Any, judged_at: dt.datetime) -> Mask:
    limit = moment(judged_at + dt.timedelta(seconds=argument), values.type)
    return _outside(_ticks(values), pc.less_equal, limit)


def _no_multiple(values: Any, argument: Any, _: dt.datetime) -> Mask:
    if pa.types.is_integer(values.type) and float(argument).is_integer():
        return _no_whole_multiple(values, int(argument))
    kind = values.type
    numbers = _comparable(values).cast(pa.float64())
    quotient = pc.divide(numbers, float(argument))
    away = pc.abs(pc.subtract(quotient, pc.round(quotient)))
    precision = next((one for test, one in _PRECISIONS if test(kind)), _DOUBLE)
    return pc.invert(pc.less_equal(away, pc.add(pc.multiply(pc.abs(quotient), precision), _TINY)))


def _no_whole_multiple(values: Any, of: int) -> Mask:
    try:
        divisor = pa.scalar(of, values.type)
    except (pa.ArrowException, OverflowError):
        return pc.not_equal(values, 0)  # beyond all values of the type, so that nothing but 0 is one
    return pc.not_equal(pc.subtract(values, pc.multiply(pc.divide(values, divisor), divisor)), 0)


# How far from a whole number a quotient may be, of itself: what the type rounds away.
_DOUBLE = 1e-15
_PRECISIONS: tuple[tuple[Callable[[Any], bool], float], ...] = (
    (pa.types.is_float16, 1e-3),
    (pa.types.is_float32, 2e-7),
)


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
    "minimum": _ranged(pc.greater_equal, ROUND_CEILING),
    "maximum": _ranged(pc.less_equal, ROUND_FLOOR),
    "exclusive-minimum": _ranged(pc.greater, ROUND_FLOOR),
    "exclusive-maximum": _ranged(pc.less, ROUND_CEILING),
    "multiple-of": _no_multiple,
    "max-age": _too_old,
    "max-future": _too_far,
    "min-items": _too_few,
    "max-items": _too_many,
}
