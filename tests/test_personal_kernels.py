"""Personal data are found in values of every storage, and what only looks like them is not."""

import hashlib
import random
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_upload.contract import HashForm
from tiktok_upload.parquet.leaf_arrays import is_searchable
from tiktok_upload.parquet.personal_kernels import count_hash_like, hash_faults, hits, personal_in_bytes
from tiktok_upload.personal import is_card_number

ALL = frozenset({"email", "phone", "phone-digits", "ip", "ip-low", "card"})
FULL = ALL - {"phone-digits", "ip-low"}
NOTHING = ("", " ", "null", "NULL", "None", "none", "nan", "NaN", "undefined", "N/A", "unknown", "0")

FOUND = {
    "email": (
        "bob@example.com",
        "a@b.cd",
        "BOB@EXAMPLE.COM",
        " bob@example.com ",
        "write to o'brien@mail.example.co.uk, please",
        '{"user": {"e": "bob@example.com", "n": 1}}',
        "<bob+tag@example.museum>",
        "bob@example.com:secret",
        "bob@example.com.",
        "mailto:bob@163.com",
        "a@example.com,b@example.com",
        "https://shop.example/?email=bob%40example.com&page=2",
        "müller@example.de",
        "bob@müller.de",
        "дом@почта.рф",
        "bob@xn--mller-kva.example",
        "a" * 80 + "@example.com",
        "see logo@2x.png and bob@example.com",
    ),
    "phone": (
        "+14155551234",
        "+1 (415) 555-1234",
        "+49 (0)30 1234567",
        "+33 1 23 45 67 89",
        "+44\u00a020 7946 0958",
        "+1.415.555.1234",
        "(415) 555-1234",
        "(415)555-1234",
        "415-555-1234",
        "1-415-555-1234",
        "call 415-555-1234, now",
        "tel:+14155551234",
        "https://shop.example/?phone=%2B14155551234",
        '{"phone":"+14155551234"}',
    ),
    "phone-digits": ("4155551234", "0301234567", " 4155551234 ", "01 23 45 67 89", "0171/1234567"),
    "ip": (
        "203.0.113.9",
        "10.20.30.140",
        "/203.0.113.9",
        "from 203.0.113.9, again",
        "203.0.113.9:443",
        '{"ip":"203.0.113.9"}',
        "::ffff:203.0.113.9",
        "2001:db8::1",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "2A00:1450:4001:0:0:0:0:200E",
        "[2001:db8::1]:443",
        "fe80::1%eth0",
        "fd12:3456:789a::1",
    ),
    "ip-low": ("10.0.0.1", "1.2.3.4", "127.0.0.1", "0.0.0.0", "version 1.2.3.4"),
    "card": (
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        " 4111111111111111 ",
        "4111111111111111.0",
        "378282246310005",
        "3782 822463 10005",
        "30569309025904",
        "4222222222222",
    ),
}
HARMLESS = (
    "",
    "logo@2x.png",
    "icon@1.5x.webp",
    "sprite@hash.css",
    "git@github.com:owner/repository.git",
    "ssh://git@github.com/owner/repository.git",
    "https://user:secret@host.example.com/path",
    "https://medium.com/@some.body",
    "https://unpkg.com/react@18.2.0-rc.next/index.js",
    "@bob@social.example.com",
    "@some.body",
    "bob@host",
    "a@b.c",
    "com.example.Thing@1a2b3c",
    "http://192.168.0.1/",
    "http://203.0.113.9:8080/path",
    "http://[2001:db8::1]/",
    "Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36",
    "192.168.0.0/16",
    "10.0.19041.1",
    "1.2.840.113549.1.1",
    "2.16.840.1.113883.3",
    "1.10.0.7.2.100",
    "1.234.567.890",
    "12:34:56",
    "2026:11:23 12:34:56",
    "00:1b:44:11:3a:b7",
    "00:1b:44:11:3a:b7:00:1b",
    "std::vector",
    "2026-11-23",
    "2026-11-23T04:05:06+01:00",
    "2026-11-23 04:05:06 +0200",
    "05-12-2026",
    "05/12/2026",
    "7300000000000000000",
    "9007199254740993",
    "4111111111111112",
    "1763899200000000",
    "123e4567-e89b-12d3-a456-426614174000",
    "12345678-1234-1234-1234-123456789012",
    "978-3-16-148410-0",
    "112-1234567-1234567",
    "123-45-6789",
    "123-456-7890",
    "49756.53",
    "-74.005974",
    "+40.712776,-74.005974",
    "+1234567.89",
    "1.5E+1000000",
    "C++17, 100 % + 20",
    "R2D2+1234567/abc",
    hashlib.sha256(b"x").hexdigest(),
    "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
)


def found_in(values: Any, wanted: frozenset[str] = ALL) -> dict[str, list[int]]:
    return {kind: indices.to_pylist() for kind, indices in hits(values, wanted)}


# ----------------------------------------------------------------------------------------------------- what is found
@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in FOUND.items() for text in texts])
def test_each_form_is_found_alone_and_among_others(kind: str, text: str) -> None:
    assert found_in(pa.array([text]), frozenset({kind})) == {kind: [0]}
    assert found_in(pa.array(["plain", None, text, ""]), frozenset({kind})) == {kind: [2]}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_looks_like_it_is_not_found(text: str) -> None:
    assert found_in(pa.array([text, f"{text} "]), FULL) == {}
    assert found_in(pa.array([text.encode()]), FULL) == {}


def test_values_that_lie_side_by_side_are_not_read_as_one() -> None:
    values = pa.array(["bob@", "example.com", "203.0.", "113.9", "415-", "555-1234", "4111", "1111 11", "+", "1415"])
    assert found_in(values) == {}


STORAGES: dict[str, Callable[[list[str | None]], Any]] = {
    "string": lambda texts: pa.array(texts, pa.string()),
    "large_string": lambda texts: pa.array(texts, pa.large_string()),
    "string_view": lambda texts: pa.array(texts, pa.string_view()),
    "binary": lambda texts: pa.array(texts, pa.binary()),
    "large_binary": lambda texts: pa.array(texts, pa.large_binary()),
    "binary_view": lambda texts: pa.array(texts, pa.binary_view()),
    "dictionary": lambda texts: pa.array(texts, pa.string()).dictionary_encode(),
    "dictionary of binary": lambda texts: pa.array(texts, pa.binary()).dictionary_encode(),
    "large dictionary": lambda texts: pa.DictionaryArray.from_arrays(
        pa.array([None if text is None else index for index, text in enumerate(texts)], pa.int32()),
        pa.array([*(text or "" for text in texts), *FOUND["email"]]),
    ),
    "dictionary with nulls": lambda texts: pa.DictionaryArray.from_arrays(
        pa.array(range(len(texts)), pa.int8()), pa.array(texts)
    ),
}
MIXED = [None, "plain", *(texts[0] for texts in FOUND.values()), "", None, "bob@example.com", *HARMLESS[:3]]
MIXED_FOUND = {"email": [2, 10], "phone": [3], "phone-digits": [4], "ip": [5], "ip-low": [6], "card": [7]}


@pytest.mark.parametrize("storage", STORAGES)
def test_every_storage_is_searched(storage: str) -> None:
    assert found_in(STORAGES[storage](MIXED)) == MIXED_FOUND


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(("start", "length"), [(1, 9), (2, 20), (10, 1), (11, 3), (0, 0)])
def test_a_slice_counts_from_its_own_start(storage: str, start: int, length: int) -> None:
    expected = {
        kind: [index - start for index in indices if start <= index < start + length]
        for kind, indices in MIXED_FOUND.items()
    }
    values = STORAGES[storage](MIXED).slice(start, length)
    assert found_in(values) == {kind: indices for kind, indices in expected.items() if indices}


@pytest.mark.parametrize("storage", STORAGES)
def test_every_storage_is_known_as_searchable(storage: str) -> None:
    assert is_searchable(STORAGES[storage](MIXED).type)


@pytest.mark.parametrize("kind", [pa.int64(), pa.date32(), pa.bool_(), pa.dictionary(pa.int8(), pa.int64())])
def test_other_types_are_not(kind: Any) -> None:
    assert not is_searchable(kind)


def test_fixed_size_binary_is_searched() -> None:
    values = pa.array([b"bob@example.com", b"no address here", None], pa.binary(15))
    assert found_in(values) == {"email": [0]}
    assert found_in(values.slice(1)) == {}


def test_only_what_is_wanted_is_counted() -> None:
    assert found_in(pa.array(MIXED), frozenset({"ip"})) == {"ip": [5]}
    assert found_in(pa.array(MIXED), frozenset()) == {}


@pytest.mark.parametrize("values", [pa.array([], pa.string()), pa.array([None, None], pa.string()), pa.nulls(3)])
def test_where_there_are_no_values_nothing_is_found(values: Any) -> None:
    assert found_in(values) == {}


@pytest.mark.parametrize(
    "values",
    [
        pa.array([4155551234, None, 12, 4111111111111111], pa.int64()),
        pa.array([4155551234, None, 12, 4111111111111111], pa.uint64()),
        pa.array([4155551234.0, None, 0.5, 4111111111111111.0]),
        pa.array([Decimal(4155551234), None, Decimal(12), Decimal(4111111111111111)], pa.decimal128(20, 0)),
        pa.array([4155551234, None, 12, 4111111111111111]).dictionary_encode(),
    ],
)
def test_numbers_are_searched_for_digits(values: Any) -> None:
    assert found_in(values) == {"phone-digits": [0], "card": [3]}


@pytest.mark.parametrize(
    "values", [pa.array([float("nan"), float("inf"), 1e300]), pa.array([True]), pa.array([1, 2], pa.time32("s"))]
)
def test_numbers_that_are_none_and_other_types_are_left_alone(values: Any) -> None:
    assert found_in(values) == {}


@given(st.lists(st.from_regex(r"\A[2-6][0-9]{12,15}\Z") | st.sampled_from(FOUND["card"][:1]) | st.text(max_size=20)))
def test_cards_are_those_that_the_slow_test_takes(texts: list[str]) -> None:
    expected = [index for index, text in enumerate(texts) if is_card_number(text)]
    assert found_in(pa.array(texts, pa.string()), frozenset({"card"})).get("card", []) == expected


# ----------------------------------------------------------------------------------------------------------- binary
@pytest.mark.parametrize(("width", "mebibytes"), [(8, 4), (16, 8), (1_024, 64), (65_536, 16)])
def test_bytes_at_random_give_no_alarm(width: int, mebibytes: int) -> None:
    data = random.Random(width).randbytes(mebibytes << 20)
    values = pa.Array.from_buffers(pa.binary(width), len(data) // width, [None, pa.py_buffer(data)])
    assert found_in(values) == {}
    assert personal_in_bytes(data) == {}


def test_texts_among_bytes_are_searched_as_texts() -> None:
    blobs = [random.Random(number).randbytes(40) for number in range(5)]
    assert found_in(pa.array([*blobs, b"a@b.cd", b"203.0.113.9"])) == {"email": [5], "ip": [6]}


def test_one_long_address_among_bytes_is_found() -> None:
    blobs = [random.Random(number).randbytes(40) for number in range(500)]
    blobs[77] = b"\xff\x00\x0f" + b"someone@example.com" + b"\x80\xfe"
    assert found_in(pa.array(blobs)) == {"email": [77]}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", {}),
        (b"\x15\x00\x18\x0fbob@example.com\x18\xff", {"email": 1}),
        (b'{"a": "bob@b.cd, al@b.cd", "b": "203.0.113.9"}', {"email": 2, "ip": 1}),
        (b"\xff\x00(415) 555-1234\x00+14155551234\x00", {"phone": 2}),
        (b"\xffparquet-mr version 1.10.99.101 (build 1.2)", {}),
        (b'{"pandas_version": "2.1.0", "creator": "logo@2x.png"}', {}),
        (b"4111111111111111", {}),
    ],
)
def test_bytes_outside_the_columns_are_searched(data: bytes, expected: dict[str, int]) -> None:
    assert personal_in_bytes(data) == expected


# ----------------------------------------------------------------------------------------------------------- hashes
def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def faults_of(values: Any, form: HashForm = "sha256") -> dict[str, list[int]]:
    return {kind: indices.to_pylist() for kind, indices in hash_faults(values, form)}


FAULTY = {
    "": "hash-empty",
    "  ": "hash-empty",
    sha256("x").upper(): "hash-upper-case",
    sha256("x").capitalize().replace("d", "D"): "hash-upper-case",
    md5("x"): "hash-md5",
    md5("x").upper(): "hash-md5",
    f"{sha256('x')} ": "hash-padded",
    f"\t{md5('x')}\n": "hash-padded",
    "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=": "hash-base64",
    "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg": "hash-base64",
    "bob@example.com": "hash-email",
    "+14155551234": "hash-phone",
    "415-555-1234": "hash-phone",
    "4155551234": "hash-phone",
    "null": "hash-other",
    "0x" + sha256("x"): "hash-other",
    sha256("x")[:40]: "hash-other",
    "g" * 64: "hash-other",
    **{sha256(text): "hash-of-nothing" for text in NOTHING},
}


def test_good_hashes_have_no_fault() -> None:
    assert faults_of(pa.array([sha256(str(number)) for number in range(1, 5_000)])) == {}
    assert faults_of(pa.array([md5(str(number)) for number in range(1, 5_000)]), "md5") == {}
    assert faults_of(pa.array([None, sha256("x"), None])) == {}
    assert faults_of(pa.array([], pa.string())) == {}
    assert faults_of(pa.array([None], pa.string())) == {}


@pytest.mark.parametrize(("text", "kind"), FAULTY.items())
def test_each_fault_has_its_kind(text: str, kind: str) -> None:
    assert faults_of(pa.array([sha256("x"), None, text, sha256("y")])) == {kind: [2]}


@pytest.mark.parametrize(
    ("text", "kind"),
    [(sha256("x"), "hash-sha256"), (md5("x").upper(), "hash-upper-case"), (md5(""), "hash-of-nothing")],
)
def test_faults_of_md5(text: str, kind: str) -> None:
    assert faults_of(pa.array([md5("x"), text]), "md5") == {kind: [1]}


@pytest.mark.parametrize("storage", STORAGES)
def test_faults_are_found_in_every_storage_and_slice(storage: str) -> None:
    texts = [sha256("x"), "bob@example.com", None, sha256("y"), "", sha256("z")]
    values = STORAGES[storage](texts)
    assert faults_of(values) == {"hash-email": [1], "hash-empty": [4]}
    assert faults_of(values.slice(2, 3)) == {"hash-empty": [2]}
    assert faults_of(values.slice(5)) == {}
    assert (count_hash_like(values), count_hash_like(values.slice(1, 3))) == (3, 1)


def test_raw_digests_are_a_kind_of_their_own() -> None:
    digests = [hashlib.sha256(bytes([number])).digest() for number in range(9)]
    assert faults_of(pa.array(digests, pa.binary(32))) == {"hash-bytes": list(range(9))}
    assert faults_of(pa.array([sha256("x").encode(), digests[0]])) == {"hash-bytes": [1]}


def test_numbers_are_no_hashes_to_be_looked_at() -> None:
    assert (faults_of(pa.array([1, 2])), count_hash_like(pa.array([1, 2]))) == ({}, 0)


def fault(text: str) -> str | None:
    """The same by Python's `re`, slowly; of addresses and numbers only what the strategy below makes."""
    kinds = (
        ("hash-of-nothing", lambda: text in {sha256(nothing) for nothing in NOTHING}),
        (None, lambda: re.fullmatch("[0-9a-f]{64}", text)),
        ("hash-empty", lambda: not text.strip(" \t\n")),
        ("hash-upper-case", lambda: re.fullmatch("[0-9a-fA-F]{64}", text)),
        ("hash-md5", lambda: re.fullmatch("[0-9a-fA-F]{32}", text)),
        ("hash-padded", lambda: re.fullmatch("[0-9a-fA-F]{64}|[0-9a-fA-F]{32}", text.strip(" \t\n"))),
        ("hash-base64", lambda: re.fullmatch("[A-Za-z0-9+/_-]{43}=?|[A-Za-z0-9+/_-]{22}(==)?", text)),
        ("hash-email", lambda: "@" in text),
        ("hash-phone", lambda: re.fullmatch("[0-9]{7,15}", text)),
    )
    return next((kind for kind, is_of_it in kinds if is_of_it()), "hash-other")


HASHES = st.binary(max_size=4).map(lambda data: hashlib.sha256(data).hexdigest())
SPOILT = st.one_of(
    HASHES,
    st.sampled_from(list(FAULTY)),
    st.builds(lambda text: text[:-1], HASHES),
    st.builds(lambda text, at: text[:at] + text[at:].upper(), HASHES, st.integers(0, 64)),
    st.builds(lambda text, left, right: left + text + right, HASHES, *[st.sampled_from(["", " ", "\t\n", "x"])] * 2),
    st.from_regex(r"\A[0-9a-fA-F]{32}\Z"),
    st.from_regex(r"\A[A-Za-z0-9+/]{43}=\Z"),
    st.from_regex(r"\A[0-9]{5,17}\Z"),
    st.from_regex(r"\A[a-z]{1,9}@[a-z]{2,9}\.com\Z"),
    st.text("ghxyz é", max_size=70),
)


@given(st.lists(st.none() | SPOILT, max_size=30), st.integers(0, 5))
def test_faults_are_those_that_a_slow_search_finds(texts: list[str | None], start: int) -> None:
    texts = [text for text in texts if text not in {"+14155551234", "415-555-1234"}]
    expected: dict[str, list[int]] = {}
    for index, text in enumerate(texts[start:]):
        kind = None if text is None else fault(text)
        if kind:
            expected.setdefault(kind, []).append(index)
    values = pa.array(texts, pa.string()).slice(start)
    assert faults_of(values) == expected
    hash_like = sum(bool(re.fullmatch("[0-9a-fA-F]{64}", text)) for text in texts[start:] if text is not None)
    assert count_hash_like(values) == hash_like
