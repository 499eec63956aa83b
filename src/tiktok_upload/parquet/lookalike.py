"""What a file that is no parquet looks like, from its first bytes."""

import codecs
import re

# Each with what to do about it. https://en.wikipedia.org/wiki/List_of_file_signatures and the formats' own pages.
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "a gzip archive", "unpack it first (gunzip)"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook", "unpack it, or export the sheet as parquet"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it first (unzstd)"),
    (b"BZh", "a bzip2 archive", "unpack it first (bunzip2)"),
    (b"\xfd7zXZ\x00", "an xz archive", "unpack it first (unxz)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (b"\x04\x22\x4d\x18", "an LZ4 archive", "unpack it first (unlz4)"),
    (b"\xff\x06\x00\x00sNaPpY", "a framed snappy archive", "unpack it first"),
    (b"ORC", "an ORC file", "convert it to parquet"),
    (b"Obj\x01", "an Avro file", "convert it to parquet"),
    (b"ARROW1", "an Arrow IPC (Feather) file", "convert it to parquet"),
    (b"FEA1", "a Feather file", "convert it to parquet"),
    (b"SQLite format 3\x00", "an SQLite database", "export the table as parquet"),
    (b"\x89HDF", "an HDF5 file", "convert it to parquet"),
    (b"%PDF", "a PDF document", "name the parquet file instead"),
)
_TAR_MARK, _TAR_MARK_AT = b"ustar", 257
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Tab, line feed, form feed, carriage return: the control characters that text has.
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")


def describe(head: bytes) -> tuple[str, str] | None:
    """What the first bytes look like, and what to do; None where they look like nothing known."""
    for signature, looks_like, advice in _SIGNATURES:
        if head.startswith(signature):
            return looks_like, advice
    if head[_TAR_MARK_AT:].startswith(_TAR_MARK):
        return "a tar archive", "unpack it first"
    if head and not head.strip(b"\0"):
        return "nothing but zero bytes", "its content was never written or is lost; write it again"
    return _describe_text(head)


def _describe_text(head: bytes) -> tuple[str, str] | None:
    if head.startswith(_UTF16):
        return "UTF-16 text", "convert it to parquet"
    if not _is_text(head):
        return None
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if start.startswith((b"{", b"[")):
        return "JSON text", "convert it to parquet"
    if start.startswith(b"<"):
        return "HTML or XML text", "if it came by download, it may be an error page: look into it and fetch it again"
    if re.search(rb"[,;\t|]", start.partition(b"\n")[0]):
        return "text in columns (CSV)", "convert it to parquet"
    return "plain text", "convert it to parquet, or name the parquet file instead"


def _is_text(head: bytes) -> bool:
    """Whether it decodes as UTF-8 (a character cut at the end is no matter) without control characters."""
    if not head or _BINARY.search(head):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
