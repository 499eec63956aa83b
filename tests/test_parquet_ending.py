"""What the end of the child says about the file."""

import signal
import sys

import pytest

from tiktok_upload.errors import SourceError
from tiktok_upload.facts import Finding
from tiktok_upload.parquet.ending import OUT_OF_MEMORY_EXIT, explain_end, out_of_memory

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to die of")


@posix
@pytest.mark.parametrize("name", ["SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE"])
def test_a_crash_is_the_fault_of_the_file(name: str) -> None:
    end = explain_end("f", -getattr(signal, name), b"terminate called")
    assert isinstance(end, Finding)
    assert (end.rule, end.severity) == ("parser-died", "error")
    assert f"({name})" in end.message
    assert "malformed or it has encrypted columns" in end.message


@posix
def test_encrypted_columns_are_named_where_the_parser_named_them() -> None:
    end = explain_end("f", -signal.SIGABRT, b"what(): Cannot decrypt ColumnMetadata. FileDecryption is not setup")
    assert isinstance(end, Finding)
    assert "it has encrypted columns" in end.message
    assert "malformed" not in end.message


@posix
def test_what_the_parser_said_is_never_shown() -> None:
    end = explain_end("f", -signal.SIGABRT, b"what(): bob@example.com")
    assert isinstance(end, Finding)
    assert "bob" not in end.message


@pytest.mark.parametrize(
    ("returncode", "last_words"),
    [
        (-6, b"terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n"),
        (-6, b"what(): Resource temporarily unavailable"),
        (1, b"Traceback ...\nMemoryError\n"),
        (-11, b"Cannot allocate memory"),
        (OUT_OF_MEMORY_EXIT, b""),
    ],
)
def test_a_death_for_want_of_memory_says_nothing_about_the_file(returncode: int, last_words: bytes) -> None:
    assert explain_end("f", returncode, last_words) is None


def test_want_of_memory_names_the_limit() -> None:
    error = out_of_memory("in/a.parquet", 2 << 30)
    assert error.message == "in/a.parquet needs more memory to inspect than is allowed (2,048 MiB)"
    assert error.exit_code == 4


@posix
def test_a_kill_from_outside_is_no_fault_of_the_file() -> None:
    end = explain_end("in/a.parquet", -9, b"")
    assert isinstance(end, SourceError)
    assert "for want of memory" in end.message


@posix
@pytest.mark.parametrize(("returncode", "how"), [(-15, "SIGTERM"), (3, "exit code 3"), (None, "pipes"), (-250, "250")])
def test_any_other_end_is_no_fault_of_the_file(returncode: int | None, how: str) -> None:
    end = explain_end("in/a.parquet", returncode, b"")
    assert isinstance(end, SourceError)
    assert how in end.message


@pytest.mark.parametrize(("returncode", "crash"), [(3, True), (0xC0000005, True), (0xC0000409, True), (1, False)])
def test_windows_tells_a_crash_by_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, returncode: int, *, crash: bool
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert isinstance(explain_end("f", returncode, b""), Finding) == crash
