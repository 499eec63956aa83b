"""Cases from seeds: bits, bytes, blocks, numbers and words put where nobody expects them."""

import re
from collections.abc import Callable, Sequence
from random import Random

MOST_BYTES = 1 << 16
_CHANGES_OF_A_CASE = (1, 1, 1, 2, 3, 6)
_ODD = (
    b"\0", b"\n", b"\r\n", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", "\u202e".encode(), "\u2028".encode(), b"\x1b[31m",
    "٣".encode(), "é".encode(), "\U0001f600".encode(), b"\\ud800", b"-1", b"0", b"1e999", b"nan", b"true", b"null",
    b"{}", b"[]", b'"',
    b"'", b"\\", b"/", b"%s", b"99999999999999999999999", b"18446744073709551615", b"-9223372036854775809",
)  # fmt: skip
# What stands for a value in JSON, YAML and TOML alike, and what may be put in its place.
_VALUE = re.compile(rb'"(?:[^"\\\n]|\\.){0,80}"|[-+\w.]{1,80}')
_VALUES = (
    b"null", b"true", b"false", b"0", b"-1", b"1.5", b"1e400", b"-0.0", b"NaN", b"9" * 30, b"9" * 5_000, b'""',
    b'"0"', b'"x"', b"[]", b"{}",
    b"[[]]", b'{"a":1}', b'[null,"a"]', b'"\\ud800"', b'"\\u0000"', b'"\\u202e\\u001b"', b'"\\n"', b'"/"',
    b"2026-01-01", b"0x10", b"inf", b"~",
    b"'it''s'", "größe".encode(), b'"' + b"a" * 300 + b'"',
)  # fmt: skip


def case(random: Random, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """One case: mostly a seed with a few changes, now and then words in a row."""
    words = (*tokens, *_ODD)
    if random.random() < 0.15:
        return b"".join(random.choices(words, k=random.randint(1, 12)))
    data = bytearray(random.choice(seeds))
    for _ in range(random.choice(_CHANGES_OF_A_CASE)):
        random.choice(_CHANGES)(random, data, seeds, words)
    return bytes(data[:MOST_BYTES])


def _place(random: Random, data: bytearray) -> int:
    return random.randint(0, len(data))


def _block(random: Random, data: bytes | bytearray) -> tuple[int, int]:
    begin = random.randint(0, len(data))
    return begin, min(len(data), begin + random.choice((1, 2, 4, 8, 64, 512)))


def _flip(random: Random, data: bytearray, *_: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _overwrite(random: Random, data: bytearray, *_: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))


def _cut(random: Random, data: bytearray, *_: Sequence[bytes]) -> None:
    del data[_place(random, data) :]


def _delete(random: Random, data: bytearray, *_: Sequence[bytes]) -> None:
    begin, end = _block(random, data)
    del data[begin:end]


def _double(random: Random, data: bytearray, *_: Sequence[bytes]) -> None:
    begin, end = _block(random, data)
    at = _place(random, data)
    data[at:at] = data[begin:end] * random.choice((1, 1, 1, 2, 50))


def _insert_word(random: Random, data: bytearray, _: Sequence[bytes], words: Sequence[bytes]) -> None:
    at = _place(random, data)
    data[at:at] = random.choice(words)


def _overwrite_word(random: Random, data: bytearray, _: Sequence[bytes], words: Sequence[bytes]) -> None:
    word, at = random.choice(words), _place(random, data)
    data[at : at + len(word)] = word


def _swap_value(random: Random, data: bytearray, *_: Sequence[bytes]) -> None:
    places = [match.span() for match in _VALUE.finditer(data)]
    if places:
        begin, end = random.choice(places)
        other = bytes(data[slice(*random.choice(places))])
        data[begin:end] = random.choice((*_VALUES, other, other, other))


def _splice(random: Random, data: bytearray, seeds: Sequence[bytes], _: Sequence[bytes]) -> None:
    other = random.choice(seeds)
    at = _place(random, data)
    data[at:] = other[random.randint(0, len(other)) :]


def _swap_lines(random: Random, data: bytearray, *_: Sequence[bytes]) -> None:
    lines = bytes(data).split(b"\n")
    first, second = random.randrange(len(lines)), random.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    data[:] = b"\n".join(lines)


def _double_line(random: Random, data: bytearray, *_: Sequence[bytes]) -> None:
    lines = bytes(data).split(b"\n")
    at = random.randrange(len(lines))
    lines.insert(random.randrange(len(lines)), lines[at])
    data[:] = b"\n".join(lines)


def _drop_line(random: Random, data: bytearray, *_: Sequence[bytes]) -> None:
    lines = bytes(data).split(b"\n")
    del lines[random.randrange(len(lines))]
    data[:] = b"\n".join(lines)


def _nest(random: Random, data: bytearray, *_: Sequence[bytes]) -> None:
    at = _place(random, data)
    data[at:at] = random.choice((b"[", b'{"a":', b"(", b"- ")) * random.choice((3, 40, 3_000))


_CHANGES: tuple[Callable[..., None], ...] = (
    _flip, _flip, _overwrite, _overwrite, _cut, _delete, _double, _insert_word, _insert_word, _overwrite_word,
    _swap_value, _swap_value, _swap_value, _swap_value, _swap_value, _swap_value, _splice, _swap_lines, _double_line,
    _drop_line, _nest,
)  # fmt: skip
