"""What the parser raises is told apart: no to the file, want of memory, an error of the disk."""

import errno

import pyarrow as pa
import pytest

from tiktok_upload.parquet.parser import ParserRefusedError, guarded, refusals


def fail(error: Exception) -> None:
    with refusals():
        raise error


@pytest.mark.parametrize(
    "error",
    [
        pa.ArrowInvalid("bob@example.com"),
        pa.ArrowNotImplementedError(""),
        OSError("Couldn't deserialize thrift: TProtocolException"),
        RuntimeError(""),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bob@example.com"),
    ],
)
def test_a_no_of_the_parser_is_one_error_without_its_words(error: Exception) -> None:
    with pytest.raises(ParserRefusedError) as caught:
        fail(error)
    assert caught.value.__cause__ is error
    assert str(caught.value) == type(error).__name__


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        pa.ArrowMemoryError("malloc of size 1048576 failed"),
        OSError("Couldn't deserialize thrift: std::bad_alloc"),
    ],
)
def test_want_of_memory_is_no_refusal(error: Exception) -> None:
    with pytest.raises(MemoryError):
        fail(error)


def test_an_error_of_the_disk_is_no_refusal() -> None:
    with pytest.raises(OSError, match="Input/output") as caught:
        fail(OSError(errno.EIO, "Input/output error"))
    assert caught.value.errno == errno.EIO


def test_a_bug_of_ours_is_no_refusal() -> None:
    with pytest.raises(AttributeError):
        fail(AttributeError("no such thing"))


def test_what_is_guarded_has_another_value_where_the_parser_refuses() -> None:
    def refuse() -> str:
        raise pa.ArrowInvalid("no")

    assert guarded(refuse, "?") == "?"
    assert guarded(lambda: "yes", "?") == "yes"
