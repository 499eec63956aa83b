"""Where files go: forms of `--to`, keys, and two files for one key."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiktok_upload.destination import MAX_KEY_BYTES, Destination, parse_destination, refuse_collisions
from tiktok_upload.errors import UsageError

NOT_UTF_8 = os.fsdecode(b"caf\xe9.parquet")
PREFIX = Destination("bucket", "in/")


@pytest.mark.parametrize(
    ("text", "destination", "is_prefix"),
    [
        ("s3://bucket", Destination("bucket", ""), True),
        ("s3://bucket/", Destination("bucket", ""), True),
        ("s3://bucket/in/", Destination("bucket", "in/"), True),
        ("s3://bucket/a/b/", Destination("bucket", "a/b/"), True),
        ("s3://bucket/in/x.parquet", Destination("bucket", "in/x.parquet"), False),
        ("s3://bucket/x", Destination("bucket", "x"), False),
        ("s3://b/x", Destination("b", "x"), False),
        ("S3://bucket/x", Destination("bucket", "x"), False),
        ("s3://bucket//x", Destination("bucket", "x"), False),
        ("s3://my.bucket-1_x/x", Destination("my.bucket-1_x", "x"), False),
        ("s3://bucket/a b?c#d%20e://f", Destination("bucket", "a b?c#d%20e://f"), False),
        ("s3://bucket/東京/", Destination("bucket", "東京/"), True),
    ],
)
def test_forms_of_a_destination(text: str, destination: Destination, *, is_prefix: bool) -> None:
    parsed = parse_destination(text)
    assert (destination, is_prefix) == (parsed, parsed.is_prefix)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bucket",
        "bucket/key",
        "/bucket/key",
        "s3:",
        "s3:/bucket/key",
        "s3://",
        "s3:///key",
        "s3://-bucket/key",
        "s3://buc ket/key",
        "s3://bücket/key",
        "https://bucket/key",
        "gs://bucket/key",
        "s3://bucket\n/key",
        "s3://bucket:80/key",
        "s3://user@bucket/key",
        " s3://bucket/key",
        "s3://" + "b" * 256,
    ],
)
def test_what_names_no_bucket_is_a_wrong_option_that_says_how_to_write_it(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_destination(text)
    assert refused.value.hint == "write it as s3://bucket/prefix/ or s3://bucket/key.parquet"


def test_a_message_shows_what_was_given_without_its_control_characters() -> None:
    with pytest.raises(UsageError) as refused:
        parse_destination("\x1b[31m")
    assert str(refused.value) == r"--to \x1b[31m names no bucket"


@settings(deadline=None)
@given(st.text(st.characters()))
def test_any_text_is_a_destination_or_a_wrong_option(text: str) -> None:
    try:
        parsed = parse_destination(text)
    except UsageError as refused:
        str(refused).encode()
    else:
        assert not parsed.key.startswith("/")


@pytest.mark.parametrize(
    ("destination", "name", "key"),
    [
        (Destination("bucket", ""), "x.parquet", "x.parquet"),
        (Destination("bucket", "in/"), "x.parquet", "in/x.parquet"),
        (Destination("bucket", "in/"), "dt=2026-11-23/part-0.parquet", "in/dt=2026-11-23/part-0.parquet"),
        (Destination("bucket", "in/y.parquet"), "x.parquet", "in/y.parquet"),
        (Destination("bucket", "in/y.parquet"), NOT_UTF_8, "in/y.parquet"),
    ],
)
def test_a_file_keeps_its_name_below_a_prefix_only(destination: Destination, name: str, key: str) -> None:
    assert key == destination.key_for(name)


@pytest.mark.parametrize("letter", ["a", "é", "東", "🦆"])
def test_the_limit_of_a_key_is_counted_in_bytes(letter: str) -> None:
    room = (MAX_KEY_BYTES - len(PREFIX.key)) // len(letter.encode())
    longest = letter * room
    assert PREFIX.key + longest == PREFIX.key_for(longest)
    with pytest.raises(UsageError, match=r"the key of .+ has 10\d\d bytes, S3 takes 1024"):
        PREFIX.key_for(longest + letter)


def test_a_key_that_is_given_whole_has_the_same_limit() -> None:
    assert Destination("bucket", "k" * MAX_KEY_BYTES).key_for("x") == "k" * MAX_KEY_BYTES
    with pytest.raises(UsageError):
        Destination("bucket", "k" * (MAX_KEY_BYTES + 1)).key_for("x")


def test_a_name_that_is_not_utf_8_cannot_be_a_key_and_the_error_says_what_to_do() -> None:
    with pytest.raises(UsageError) as refused:
        PREFIX.key_for(NOT_UTF_8)
    assert str(refused.value) == r"the name caf\udce9.parquet is not UTF-8, so it cannot be a key"
    assert refused.value.hint == "give it a key of its own: --to s3://bucket/key.parquet"


def test_the_uri_of_a_key() -> None:
    assert PREFIX.uri_of("in/x.parquet") == "s3://bucket/in/x.parquet"


def test_files_with_keys_of_their_own_pass() -> None:
    refuse_collisions([("a/x", "in/a/x"), ("b/x", "in/b/x"), ("a/X", "in/a/X")])


def test_two_files_for_one_key_are_both_named() -> None:
    with pytest.raises(UsageError) as refused:
        refuse_collisions([("other", "in/other"), ("a/x", "in/x"), ("b/x\n", "in/x")])
    assert str(refused.value) == r"a/x and b/x\x0a would both become in/x"
    assert refused.value.hint


def test_one_file_that_is_named_twice_is_no_collision() -> None:
    refuse_collisions([("a/x", "in/x"), ("a/x", "in/x")])
