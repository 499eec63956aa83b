"""Regular expressions of a contract: what RE2 runs is taken, what it lacks is refused before it gets there."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiktok_upload.contract_file.patterns import MOST_CHARACTERS, fault


def re2_takes(pattern: str) -> bool:
    try:
        pc.match_substring_regex(pa.array(["a"]), pattern)
    except pa.ArrowInvalid:
        return False
    return True


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^[0-9a-f]{64}$",
        r"^\d+(\.\d{1,2})?( [A-Z]{3})?$",
        "^https?://",
        r"^[\w.+-]+@[^\s@]+\.[a-z]{2,}$",
        "(?i)^(add|delete)$",
        "(?P<year>[0-9]{4})-(?:0[1-9]|1[0-2])",
        "a*?b+?c??d{1,2}?",
        "[]a]",
        "[^]a-]",
        r"[\]\\\-\d]",
        r"\x41\n\t\.\_\-\bword\B\A",
        "a{,x}",
        "ä[ö-ü]+😀",
        "a{1000}",
        ".{0,500}",
        "a{0}",
    ],
)
def test_what_re2_runs_is_taken(pattern: str) -> None:
    assert fault(pattern) is None
    assert re2_takes(pattern)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "is no regular expression: missing ), unterminated subpattern"),
        ("*a", "is no regular expression: nothing to repeat"),
        ("[b-a]", "is no regular expression: bad character range b-a"),
        (r"\p{L}", "is no regular expression: bad escape"),
        ("[[:alpha:]]", "is no regular expression: it is ambiguous"),
        ("[a[:alpha:]]", "has a POSIX class"),
        ("(?=a)", "looks ahead or behind"),
        ("(?!a)", "looks ahead or behind"),
        ("(?<=a)b", "looks ahead or behind"),
        ("(?<!a)b", "looks ahead or behind"),
        (r"(a)\1", "refers back to a group"),
        (r"(?P<a>b)(?P=a)", "has (?P=, which RE2 does not know"),
        (r"(a)?(?(1)b)", "has (?(, which RE2 does not know"),
        ("(?>a)", "has (?>, which RE2 does not know"),
        ("(?#a)", "has (?#, which RE2 does not know"),
        ("(?x)a", "has (?x), which RE2 does not know"),
        ("(?a)a", "has (?a), which RE2 does not know"),
        ("a++", "has a possessive repeat"),
        ("a{1,2}+", "has a possessive repeat"),
        (r"a\Z", "has '\\\\Z', which RE2 does not know"),
        (r"\u0041", "has '\\\\u', which RE2 does not know"),
        (r"[\b]", "has '\\\\b', which RE2 does not know"),
        (r"\ä", "has '\\\\\\xe4', which RE2 does not know"),
        ("a{,5}", "has {,n}, which engines read differently"),
        ("a{1001}", "repeats something more than 1000 times"),
        ("(a{100}){11}", "repeats something more than 1000 times"),
        ("(?:[a-z]{2,900}b){2,}", "repeats something more than 1000 times"),
        ("a{99999999999999999999}", "is no regular expression"),
        ("a" * (MOST_CHARACTERS + 1), "has more than 1000 characters"),
    ],
)
def test_what_re2_lacks_or_reads_differently_is_refused(pattern: str, message: str) -> None:
    found = fault(pattern)
    assert found is not None
    assert found[0].startswith(message)
    assert found[1]


PIECES = st.sampled_from(
    [
        *"ab.|()[]^$*+?{},-:!=<>#\\019",
        "\\d",
        "\\b",
        "\\Z",
        "\\1",
        "(?:",
        "(?=",
        "(?i)",
        "(?P<n>",
        "[^",
        "{2}",
        "{,3}",
        "[:",
        "ä",
    ]
)


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_nothing_is_taken_that_re2_refuses(pattern: str) -> None:
    assert fault(pattern) is not None or re2_takes(pattern)
