"""A file that is no parquet is called what it is."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_upload.parquet.lookalike import describe


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.parquet", b"content")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.parquet"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("head", "looks_like"),
    [
        (gzip.compress(b"PAR1"), "a gzip archive"),
        (bz2.compress(b"PAR1"), "a bzip2 archive"),
        (lzma.compress(b"PAR1"), "an xz archive"),
        (zipped(), "a ZIP archive or an Excel workbook"),
        (tarred(), "a tar archive"),
        (b"\x28\xb5\x2f\xfd\x04", "a zstd archive"),
        (b"ORC\n\x03", "an ORC file"),
        (b"Obj\x01\x04", "an Avro file"),
        (b"ARROW1\0\0", "an Arrow IPC (Feather) file"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"\0" * 4096, "nothing but zero bytes"),
        (json.dumps([{"event": "Purchase"}]).encode(), "JSON text"),
        (b' \n{"event": 1}\n', "JSON text"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "HTML or XML text"),
        (b"event,event_time\nPurchase,1\n", "text in columns (CSV)"),
        (b"event\tevent_time\n", "text in columns (CSV)"),
        (b"\xef\xbb\xbfevent;value\n", "text in columns (CSV)"),
        ("event,größe".encode(), "text in columns (CSV)"),
        ("a;b".encode("utf-16"), "UTF-16 text"),
        (b"hello\n", "plain text"),
    ],
)
def test_the_usual_mistakes_are_recognised(head: bytes, looks_like: str) -> None:
    described = describe(head)
    assert described is not None
    assert described[0] == looks_like


@pytest.mark.parametrize("head", [b"", b"\x01\x02\x03\x04", b"text \x00 then not", b"\xff\xfa\x00", b"caf\xe9,x\n"])
def test_nothing_is_guessed_about_other_bytes(head: bytes) -> None:
    assert describe(head) is None


def test_a_character_cut_by_the_end_of_the_reading_is_still_text() -> None:
    assert describe("größe".encode()[:3]) == (
        "plain text",
        "convert it to parquet, or name the parquet file instead",
    )


@given(st.binary(max_size=600))
def test_any_bytes_are_described_or_not_without_an_error(head: bytes) -> None:
    describe(head)
