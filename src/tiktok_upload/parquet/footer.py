"""The footer as pyarrow gives it, turned into values. Child only: a malformed footer may abort the process here."""

from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq

from tiktok_upload.facts import Column, FileFacts
from tiktok_upload.parquet.layout import ColumnChunk, RowGroup
from tiktok_upload.parquet.parser import guarded


def facts(file: pq.ParquetFile, codecs: set[str]) -> FileFacts:
    """What the footer says; `codecs` is what `row_groups` has gathered."""
    metadata = file.metadata
    return FileFacts(
        rows=metadata.num_rows,
        row_groups=metadata.num_row_groups,
        columns=_columns(file),
        codecs=tuple(sorted(codecs)),
        created_by=guarded(lambda: str(metadata.created_by or ""), ""),
    )


def row_groups(metadata: pq.FileMetaData, codecs: set[str]) -> Iterator[RowGroup]:
    """One row group after the other, never all at once; adds the codecs in use to `codecs`."""
    names = [_leaf_name(metadata.schema, number) for number in range(metadata.num_columns)]
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = [group.column(column) for column in range(group.num_columns)]
        codecs.update(chunk.compression.upper() for chunk in chunks)
        yield RowGroup(number, group.num_rows, group.num_columns, tuple(map(_chunk, names, chunks)))


def _leaf_name(schema: Any, number: int) -> str:
    return guarded(lambda: str(schema.column(number).path), f"number {number}")


def _chunk(name: str, chunk: Any) -> ColumnChunk:
    """One chunk's place and size. A dictionary's offset of 0 means none (parquet-mr 1.12 wrote it)."""
    start = chunk.data_page_offset
    dictionary = chunk.dictionary_page_offset
    if dictionary:
        start = min(start, dictionary)
    return ColumnChunk(
        column=name,
        start=start,
        end=start + chunk.total_compressed_size,
        unpacked_bytes=chunk.total_uncompressed_size,
        copy_at=chunk.file_offset,
        indexed=bool(chunk.has_offset_index or chunk.has_column_index or chunk.bloom_filter_offset),
        elsewhere=bool(chunk.file_path),
    )


def _columns(file: pq.ParquetFile) -> tuple[Column, ...]:
    """The top-level columns in Arrow's words; where Arrow has none for them, the leaves in parquet's."""
    by_arrow = guarded(lambda: tuple(map(_arrow_column, file.schema_arrow)), None)
    if by_arrow is not None:
        return by_arrow
    return tuple(_leaf_column(file.schema, number) for number in range(len(file.schema)))


def _arrow_column(field: Any) -> Column:
    return Column(name=field.name, type=str(field.type), nullable=field.nullable)


def _leaf_column(schema: Any, number: int) -> Column:
    leaf = schema.column(number)
    logical = guarded(lambda: str(leaf.logical_type), "None")
    return Column(
        name=_leaf_name(schema, number),
        type=guarded(lambda: str(leaf.physical_type), "?") if logical == "None" else logical,
        nullable=leaf.max_definition_level > 0,
    )
