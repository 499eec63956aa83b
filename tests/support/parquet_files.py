"""Makers of parquet files, good ones by pyarrow and odd ones by hand."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

MAGIC = b"PAR1"
WRITER = "made by hand"


def write_good(path: Path, *, rows: int = 300, row_groups: int = 3, **options: Any) -> Path:
    """Whole numbers and texts, with page checksums unless told otherwise."""
    table = pa.table({"id": list(range(rows)), "name": [f"name-{row:05d}" for row in range(rows)]})
    options = {"compression": "zstd", "write_page_checksum": True, **options}
    pq.write_table(table, path, row_group_size=max(rows // row_groups, 1), **options)
    return path


def write_encrypted(path: Path, *, plaintext_footer: bool) -> Path:
    """One encrypted column, under a footer that is encrypted too or is not."""
    table = pa.table({"id": [1, 2, 3], "secret": ["a", "b", "c"]})
    factory = pe.CryptoFactory(lambda _config: _ClearKeys())
    properties = factory.file_encryption_properties(
        pe.KmsConnectionConfig(),
        pe.EncryptionConfiguration(
            footer_key="footer", column_keys={"column": ["secret"]}, plaintext_footer=plaintext_footer
        ),
    )
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    return path


class _ClearKeys(pe.KmsClient):  # type: ignore[misc] # pyarrow ships no types
    """A key service that keeps nothing secret."""

    def __init__(self) -> None:
        pe.KmsClient.__init__(self)

    def wrap_key(self, key_bytes: bytes, _master_key_identifier: str) -> bytes:
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: bytes, _master_key_identifier: str) -> bytes:
        return base64.b64decode(wrapped_key)


@dataclass(frozen=True)
class Chunk:
    """One column chunk as a footer made by hand describes it; every row is an INT32.

    A `deadly` one aborts the process that asks pyarrow about it.
    """

    start: int = 4
    size_bytes: int = 20
    unpacked_bytes: int = 20
    rows: int = 1
    dictionary_at: int | None = None
    copy_at: int = 0
    index_at: int | None = None
    lies_in: str | None = None
    described: bool = True
    deadly: bool = False

    def thrift(self, name: str) -> bytes:
        """A ColumnChunk."""
        return _struct(
            {
                1: _text(self.lies_in),
                2: _i64(self.copy_at),
                3: self._metadata(name) if self.described else None,
                4: _i64(self.index_at),
                5: _i32(None if self.index_at is None else 10),
            }
        )

    def _metadata(self, name: str) -> tuple[int, bytes]:
        plain, uncompressed = 0, 0
        return _STRUCT, _struct(
            {
                1: _i32(1),
                2: _list(_I32, [_zigzag(plain)]),
                3: _list(_BINARY, [_binary(name)]),
                4: _i32(uncompressed),
                5: _i64(self.rows),
                6: _i64(self.unpacked_bytes),
                7: _i64(self.size_bytes),
                9: _i64(self.start),
                11: _i64(self.dictionary_at),
                16: _DEADLY if self.deadly else None,
            }
        )


@dataclass(frozen=True)
class Group:
    """One row group of a footer made by hand."""

    chunks: Sequence[Chunk]
    rows: int = 1

    def thrift(self, names: Sequence[str]) -> bytes:
        """A RowGroup."""
        columns = [chunk.thrift(names[min(number, len(names) - 1)]) for number, chunk in enumerate(self.chunks)]
        return _struct({1: _list(_STRUCT, columns), 2: _i64(100), 3: _i64(self.rows)})


@dataclass(frozen=True)
class HandMade:
    """A file whose footer says what a test wants; its data are `data`, that may be no pages at all."""

    groups: Sequence[Group]
    rows: int | None = None
    data: bytes = b"\1" * 96
    names: Sequence[str] = field(default=("id",))

    def content(self) -> bytes:
        """The whole file."""
        footer = self.footer()
        return MAGIC + self.data + footer + len(footer).to_bytes(4, "little") + MAGIC

    def write(self, path: Path) -> Path:
        """The file at that path."""
        path.write_bytes(self.content())
        return path

    def footer(self) -> bytes:
        """A FileMetaData."""
        leaves = [_struct({1: _i32(1), 3: _i32(0), 4: _text(name)}) for name in self.names]
        root = _struct({4: _text("schema"), 5: _i32(len(leaves))})
        rows = sum(group.rows for group in self.groups) if self.rows is None else self.rows
        return _struct(
            {
                1: _i32(1),
                2: _list(_STRUCT, [root, *leaves]),
                3: _i64(rows),
                4: _list(_STRUCT, [group.thrift(self.names) for group in self.groups]),
                6: _text(WRITER),
            }
        )


# Thrift's compact protocol, as little of it as is needed:
# https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
_LONG_LIST = 15
_Field = tuple[int, bytes] | None


def _struct(fields: dict[int, _Field]) -> bytes:
    data, before = b"", 0
    for number, content in fields.items():
        if content is not None:
            kind, value = content
            data += bytes([(number - before) << 4 | kind]) + value
            before = number
    return data + b"\0"


def _i32(value: int | None) -> _Field:
    return None if value is None else (_I32, _zigzag(value))


def _i64(value: int | None) -> _Field:
    return None if value is None else (_I64, _zigzag(value))


def _text(value: str | None) -> _Field:
    return None if value is None else (_BINARY, _binary(value))


def _list(kind: int, items: Sequence[bytes]) -> _Field:
    short = len(items) < _LONG_LIST
    head = bytes([len(items) << 4 | kind]) if short else bytes([_LONG_LIST << 4 | kind]) + _varint(len(items))
    return _LIST, head + b"".join(items)


def _binary(value: str) -> bytes:
    data = value.encode("utf-8", "surrogateescape")
    return _varint(len(data)) + data


def _zigzag(value: int) -> bytes:
    return _varint(value << 1 if value >= 0 else (-value << 1) - 1)


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


# SizeStatistics with a histogram of more levels than the column has.
_DEADLY = (_STRUCT, _struct({2: _list(_I64, [_zigzag(1)] * 3)}))
