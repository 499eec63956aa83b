"""Personal data in values: how many there are, and which. Child only; no value comes out.

All matching is on bytes: texts are taken as UTF-8, in which whatever is not ASCII is a letter. First the whole batch's
data are searched for what each kind cannot do without, for in most columns there is none of it.
"""

import functools
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tiktok_upload.contract import HashForm
from tiktok_upload.parquet import personal_patterns as patterns
from tiktok_upload.parquet.leaf_arrays import (
    Hits,
    as_binary,
    as_one,
    data_buffer,
    is_searchable,
    is_text,
    is_text_buffer,
    is_text_value,
    of_dictionary,
    union,
    where,
    windows,
)
from tiktok_upload.personal import CARD

# With what may stand between the digits and around them.
_CARD_LENGTHS = (13, 23)
_PHONE_DIGITS_LENGTHS = (7, 32)
_CARD_DIGIT_LENGTHS = (13, _CARD_DIGITS := 16)
# Of values that could hold an address, this share must be text before short ones are believed. At random, one value
# of 8 bytes in 3,000 is text.
_TEXT_SHARE = 1 / 16
_SHORTEST_EMAIL_BYTES = 6
# Looked at first. Where a sixteenth is text, one sample in ten million has none.
_SAMPLE = 256


def hits(values: Any, wanted: frozenset[str]) -> Hits:
    """Which values of one leaf array are, or hold, something personal; a kind without any is left out.

    Args:
        values: Of texts, binary values, or a dictionary of those; or numbers, where `wanted` is about digits.
        wanted: Of `email`, `phone`, `phone-digits`, `ip`, `ip-low`, `card`; see `personal.wanted`.
    """
    if pa.types.is_dictionary(values.type):
        return of_dictionary(values, lambda distinct: hits(distinct, wanted))
    if not is_searchable(values.type):
        return _of_numbers(values, wanted)
    data = as_binary(values)
    if len(data) == data.null_count:
        return []
    if is_text(values):
        return _text_hits(data, wanted)
    return _binary_hits(data, wanted)


def _of_numbers(values: Any, wanted: frozenset[str]) -> Hits:
    digits = wanted & {"card", "phone-digits"}
    if not digits:
        return []
    if pa.types.is_float32(values.type) or pa.types.is_float64(values.type):
        whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), 1e16))
        values = pc.if_else(pc.fill_null(whole, False), values, pa.scalar(None, values.type)).cast(pa.int64())
    elif not (pa.types.is_integer(values.type) or pa.types.is_decimal(values.type)):
        return []
    return _text_hits(values.cast(pa.string()).cast(pa.binary()), digits)


# --------------------------------------------------------------------------------------------------- text and binary
def _text_hits(data: Any, wanted: frozenset[str]) -> Hits:
    possible = _possible(data, wanted)
    found = [(kind, _SEARCHES[kind](data)) for kind in _SEARCHES if kind in possible]
    return [(kind, indices) for kind, indices in found if len(indices)]


def _binary_hits(data: Any, wanted: frozenset[str]) -> Hits:
    """Values that are text as texts; long addresses in all of them."""
    text = _texts(data)
    found = {kind: text.take(indices) for kind, indices in _text_hits(data.take(text), wanted)} if len(text) else {}
    if "email" in wanted and _holds(as_one(data_buffer(data)), patterns.EMAIL_IN_BYTES_CORE):
        long = where(pc.match_substring_regex(data, patterns.EMAIL_IN_BYTES))
        found["email"] = union(found.get("email", long), long)
    return [(kind, indices) for kind, indices in found.items() if len(indices)]


def _texts(data: Any) -> Any:
    """Indices of the values that are text; none where they are so few that they may be chance."""
    step = len(data) // _SAMPLE + 1
    if not _text_numbers(data.take(_every(step, (len(data) - 1) // step + 1)).to_pylist()):
        return _every(1, 0)
    values = data.to_pylist()
    text = _text_numbers(values)
    long = [len(value) >= _SHORTEST_EMAIL_BYTES for value in values if value]
    long_texts = sum(len(values[number]) >= _SHORTEST_EMAIL_BYTES for number in text)
    return pa.array(text if long_texts > sum(long) * _TEXT_SHARE else [], pa.int64())


def _text_numbers(values: list[bytes | None]) -> list[int]:
    return [number for number, value in enumerate(values) if value and is_text_value(value)]


def _possible(data: Any, wanted: frozenset[str]) -> frozenset[str]:
    """The kinds that the data may hold, by what they cannot do without: searched as if they were one value."""
    one = as_one(data_buffer(data))
    found = {kind for kind in wanted & patterns.CORES.keys() if any(_holds(one, core) for core in patterns.CORES[kind])}
    return wanted & {"card", "phone-digits"} | found


def _holds(one: Any, pattern: str) -> bool:
    found: bool = pc.match_substring_regex(one, pattern)[0].as_py()
    return found


# ------------------------------------------------------------------------------------------------------ single kinds
def _search(pattern: str) -> Callable[[Any], Any]:
    return lambda data: where(pc.match_substring_regex(data, pattern))


def _emails(data: Any) -> Any:
    found = where(pc.match_substring_regex(data, patterns.EMAIL))
    return found.take(where(pc.match_substring_regex(_without_look_alikes(data.take(found)), patterns.EMAIL)))


def _without_look_alikes(data: Any) -> Any:
    return pc.replace_substring_regex(data, pattern=patterns.NO_EMAIL, replacement=" ")


def _addresses(data: Any) -> Any:
    return union(
        where(pc.match_substring_regex(data, patterns.IP)), where(pc.match_substring_regex(data, patterns.IPV6))
    )


def _low_addresses(data: Any) -> Any:
    found = where(pc.match_substring_regex(data, patterns.ANY_QUAD))
    return found.filter(pc.invert(pc.is_in(found, value_set=_addresses(data)))) if len(found) else found


@functools.lru_cache(maxsize=4)
def _every(step: int, count: int) -> Any:
    """0, step, 2 step, ...: making it takes longer than all else, and most batches are of one size."""
    return pa.array(range(0, count * step, step), pa.int64())


def _of_length(data: Any, shortest: int, longest: int) -> Any:
    lengths = pc.binary_length(data)
    return where(pc.and_(pc.greater_equal(lengths, shortest), pc.less_equal(lengths, longest)))


def _phone_digits(data: Any) -> Any:
    found = _of_length(data, *_PHONE_DIGITS_LENGTHS)
    return found.take(where(pc.match_substring_regex(data.take(found), patterns.PHONE_DIGITS)))


def _cards(data: Any) -> Any:
    found = _of_length(data, *_CARD_LENGTHS)
    digits = data.take(found)
    if data_buffer(digits).to_pybytes().isdigit():
        plain = _of_length(digits, *_CARD_DIGIT_LENGTHS)
        found, digits = found.take(plain), digits.take(plain)
    else:
        found = found.take(where(pc.match_substring_regex(digits, patterns.CARD_WRITTEN)))
        digits = pc.replace_substring_regex(data.take(found), pattern=patterns.NO_CARD_DIGIT, replacement="")
    issued = where(pc.match_substring_regex(digits, rf"^(?:{CARD.pattern})$"))
    return found.take(issued).filter(_passes_luhn(digits.take(issued)))


_DIGIT = bytes(max(0, min(code - ord("0"), 9)) for code in range(256))
_DOUBLED = bytes(sum(divmod(2 * digit, 10)) for digit in _DIGIT)
_IS_TENFOLD = bytes(total % 10 == 0 for total in range(256))


def _passes_luhn(digits: Any) -> Any:
    """Of numbers of up to 16 digits: each place of all of them at once."""
    padded = pc.ascii_lpad(digits.cast(pa.string()), _CARD_DIGITS, "0").cast(pa.binary())
    data = data_buffer(padded).to_pybytes()
    places = [
        _small_numbers(data[place::_CARD_DIGITS].translate(_DIGIT if place % 2 else _DOUBLED))
        for place in range(_CARD_DIGITS)
    ]
    total = functools.reduce(pc.add, places).buffers()[1].slice(0, len(digits)).to_pybytes()
    return pc.equal(_small_numbers(total.translate(_IS_TENFOLD)), 1)


def _small_numbers(data: bytes) -> Any:
    return pa.Array.from_buffers(pa.uint8(), len(data), [None, pa.py_buffer(data)])


_SEARCHES: Mapping[str, Callable[[Any], Any]] = {
    "email": _emails,
    "phone": _search(patterns.PHONE),
    "phone-digits": _phone_digits,
    "ip": _addresses,
    "ip-low": _low_addresses,
    "card": _cards,
}

# ----------------------------------------------------------------------------------------------------------- hashes
_NOTHING = ("", " ", "null", "NULL", "None", "none", "nan", "NaN", "undefined", "N/A", "unknown", "0")
_HEX_DIGITS = b"0123456789abcdef"
_ANY_HEX_DIGITS = b"0123456789abcdefABCDEF"
_LENGTHS: Mapping[HashForm, int] = {"sha256": 64, "md5": 32}
_HASHES_OF_NOTHING: Mapping[HashForm, Any] = {
    "sha256": pa.array([hashlib.sha256(text.encode()).hexdigest().encode() for text in _NOTHING], pa.binary()),
    "md5": pa.array([hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().encode() for text in _NOTHING]),
}
_WORD_BYTES = 8
_HEX_FORMS: Mapping[HashForm, str] = {"sha256": "[0-9a-fA-F]{64}", "md5": "[0-9a-fA-F]{32}"}
_BASE64_FORMS: Mapping[HashForm, str] = {"sha256": "[A-Za-z0-9+/_-]{43}=?", "md5": "[A-Za-z0-9+/_-]{22}(?:==)?"}


def hash_faults(values: Any, form: HashForm) -> Hits:
    """Which values of one leaf array are no such hash, or one of nothing; each under one kind, nulls never."""
    if pa.types.is_dictionary(values.type):
        return of_dictionary(values, lambda distinct: hash_faults(distinct, form))
    if not is_searchable(values.type):
        return []
    data = as_binary(values)
    present = where(data.is_valid()) if data.null_count else None
    data = data.drop_null()
    if not len(data) or _is_all_good(data, form):
        return []
    bad = _bad(data, form)
    faults = _classified(data.take(bad), form)
    at = bad if present is None else present.take(bad)
    return [(kind, at.take(indices)) for kind, indices in faults]


def count_hash_like(values: Any) -> int:
    """How many are 64 hexadecimal digits, in lower or upper case."""
    return sum(len(indices) for _, indices in hash_like(values))


def hash_like(values: Any) -> Hits:
    """Which they are, as the kind `hash-like`."""
    if pa.types.is_dictionary(values.type):
        return of_dictionary(values, hash_like)
    if not is_searchable(values.type):
        return []
    data = as_binary(values)
    found = _of_length(data, _LENGTHS["sha256"], _LENGTHS["sha256"])
    long = data.take(found)
    if not _has_only(data_buffer(long), _ANY_HEX_DIGITS):
        found = found.take(where(pc.match_substring_regex(long, rf"^{_HEX_FORMS['sha256']}$")))
    return [("hash-like", found)] if len(found) else []


def _is_all_good(data: Any, form: HashForm) -> bool:
    lengths = pc.min_max(pc.binary_length(data)).as_py()
    if lengths != {"min": _LENGTHS[form], "max": _LENGTHS[form]}:
        return False
    buffer = data_buffer(data)
    return _has_only(buffer, _HEX_DIGITS) and not pc.any(_begin_as_nothing(buffer, len(data), form)).as_py()


def _has_only(buffer: Any, allowed: bytes) -> bool:
    return not any(window.translate(None, allowed) for window in windows(buffer))


def _begin_as_nothing(buffer: Any, count: int, form: HashForm) -> Any:
    """Whether the first 8 of the digits are those of a hash of nothing, as numbers, which is faster."""
    step = _LENGTHS[form] // _WORD_BYTES
    words = pa.Array.from_buffers(pa.int64(), count * step, [None, buffer])
    firsts = words.take(_every(step, count))
    known = [int.from_bytes(known.as_py()[:_WORD_BYTES], "little") for known in _HASHES_OF_NOTHING[form]]
    return pc.is_in(firsts, value_set=pa.array(known, pa.int64()))


def _bad(data: Any, form: HashForm) -> Any:
    """What is not of the form, or is a hash of nothing."""
    good = pc.match_substring_regex(data, f"^[0-9a-f]{{{_LENGTHS[form]}}}$")
    nothing = pc.is_in(data, value_set=_HASHES_OF_NOTHING[form].cast(data.type))
    return where(pc.or_(pc.invert(good), nothing))


def _classified(data: Any, form: HashForm) -> Hits:
    """Every value under the first kind that it is of."""
    left = pa.array(range(len(data)), pa.int64())
    faults: Hits = []
    for kind, is_of_it in _faults(form):
        if not len(left):
            break
        mask = pc.fill_null(is_of_it(data.take(left)), False)
        faults.append((kind, left.filter(mask)))
        left = left.filter(pc.invert(mask))
    return [(kind, indices) for kind, indices in (*faults, ("hash-other", left)) if len(indices)]


def _faults(form: HashForm) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    other: HashForm = "md5" if form == "sha256" else "sha256"
    return (
        ("hash-empty", _matches(r"^\s*$")),
        ("hash-of-nothing", lambda data: pc.is_in(data, value_set=_HASHES_OF_NOTHING[form].cast(data.type))),
        ("hash-upper-case", _matches(f"^{_HEX_FORMS[form]}$")),
        (f"hash-{other}", _matches(f"^{_HEX_FORMS[other]}$")),
        ("hash-padded", _matches(rf"^\s*(?:{_HEX_FORMS['sha256']}|{_HEX_FORMS['md5']})\s*$")),
        ("hash-base64", _matches(f"^(?:{_BASE64_FORMS['sha256']}|{_BASE64_FORMS['md5']})$")),
        ("hash-email", lambda data: _is_one_of(_emails(data), len(data))),
        ("hash-phone", lambda data: _is_one_of(union(_SEARCHES["phone"](data), _phone_digits(data)), len(data))),
        ("hash-bytes", _are_digests),
    )


def _matches(pattern: str) -> Callable[[Any], Any]:
    return lambda data: pc.match_substring_regex(data, pattern)


def _is_one_of(indices: Any, count: int) -> Any:
    return pc.is_in(pa.array(range(count), pa.int64()), value_set=indices)


def _are_digests(data: Any) -> Any:
    lengths = [length // 2 for length in _LENGTHS.values()]
    return pa.array([len(value) in lengths and not is_text_value(value) for value in data.to_pylist()], pa.bool_())


# -------------------------------------------------------------------------------------------------- bytes of no rows
IN_BYTES = frozenset({"email", "phone", "ip"})


def personal_in_bytes(data: bytes, kinds: frozenset[str] = IN_BYTES) -> dict[str, int]:
    """How often each of these kinds stands in bytes that belong to no column; for up to 64 MiB at once.

    Text is searched as values are. In all else an address must be longer, or end in `.com` or the like, so that chance
    makes none. Card numbers are not sought: one long number in ten passes the test, and no column says what it is.
    """
    buffer = pa.py_buffer(data)
    email = patterns.EMAIL if is_text_buffer(buffer) else patterns.EMAIL_IN_BYTES
    sought = {"email": email, "phone": patterns.PHONE, "ip": patterns.IP}
    one = as_one(buffer)
    found = {kind: _count(one, kind, sought[kind]) for kind in _possible(one, kinds)}
    return {kind: count for kind, count in found.items() if count}


def _count(one: Any, kind: str, pattern: str) -> int:
    """Look-alikes are cut out only where something was found, for it takes a copy."""
    count: int = pc.count_substring_regex(one, pattern=pattern)[0].as_py()
    if count and kind != "phone":
        cut = patterns.NO_EMAIL if kind == "email" else patterns.VERSION
        one = pc.replace_substring_regex(one, pattern=cut, replacement=" ")
        count = pc.count_substring_regex(one, pattern=pattern)[0].as_py()
    return count
