"""The footer as pyarrow gives it, turned into values. Child only: a malformed footer may abort the process here."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tiktok_upload.contract import ELEMENT
from tiktok_upload.facts import Column, FileFacts
from tiktok_upload.parquet.column_statistics import Statistics
from tiktok_upload.parquet.layout import ColumnChunk, RowGroup
from tiktok_upload.parquet.nodes import is_list
from tiktok_upload.parquet.parser import guarded

_LOOKED_AT = 1_000  # row groups whose codecs are asked for; nobody changes them in the middle of a file


def facts(file: pq.ParquetFile, codecs: set[str]) -> FileFacts:
    """What the footer says; `codecs` is what `row_groups` has gathered."""
    metadata = file.metadata
    return FileFacts(
        rows=metadata.num_rows,
        row_groups=metadata.num_row_groups,
        columns=columns(file),
        codecs=tuple(sorted({codec.upper() for codec in codecs})),
        created_by=guarded(lambda: str(metadata.created_by or ""), ""),
    )


def row_groups(metadata: pq.FileMetaData, codecs: set[str], statistics: Statistics | None = None) -> Iterator[RowGroup]:
    """One row group after the other, never all at once.

    Args:
        metadata: Of the file.
        codecs: The codecs in use are added: of the first thousand row groups, then of every thousandth.
        statistics: Takes those of each row group, in the same pass, for making chunks' objects takes as long as reading
            what they say.
    """
    names = [_leaf_name(metadata.schema, number) for number in range(metadata.num_columns)]
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = [group.column(column) for column in range(group.num_columns)]
        if number < _LOOKED_AT or number % _LOOKED_AT == 0:
            codecs.update([chunk.compression for chunk in chunks])
        if statistics is not None:
            statistics.take(number, group.num_rows, chunks)
        yield RowGroup(number, group.num_rows, group.num_columns, tuple(map(_chunk, names, chunks)))


def _leaf_name(schema: Any, number: int) -> str:
    return guarded(lambda: str(schema.column(number).path), f"number {number}")


def _chunk(name: str, chunk: Any) -> ColumnChunk:
    """One chunk's place and size. A dictionary's offset of 0 means none (parquet-mr 1.12 wrote it)."""
    start = chunk.data_page_offset
    dictionary = chunk.dictionary_page_offset
    if dictionary and dictionary < start:
        start = dictionary
    place = (
        name,
        start,
        start + chunk.total_compressed_size,
        chunk.total_uncompressed_size,
        chunk.file_offset,
        bool(chunk.has_offset_index or chunk.has_column_index or chunk.bloom_filter_offset),
        bool(chunk.file_path),
    )
    return ColumnChunk._make(place)


def columns(file: pq.ParquetFile) -> tuple[Column, ...]:
    """The top-level columns in Arrow's words; where Arrow has none for them, the leaves in parquet's."""
    by_arrow = guarded(lambda: _arrow_columns(file), None)
    if by_arrow is not None:
        return by_arrow
    return tuple(_leaf_column(file.schema, number) for number in range(len(file.schema)))


def _arrow_columns(file: pq.ParquetFile) -> tuple[Column, ...]:
    leaves = [file.schema.column(number).physical_type == "INT96" for number in range(len(file.schema))]
    is_int96 = iter(leaves)
    columns = tuple(_arrow_column(field, is_int96) for field in file.schema_arrow)
    fits = next(is_int96, None) is None
    return columns if fits else tuple(_arrow_column(field, itertools.repeat(False)) for field in file.schema_arrow)


def _arrow_column(field: Any, is_int96: Iterator[bool], name: str | None = None) -> Column:
    """With what is nested in it; takes as many of `is_int96` as it has leaves."""
    children = tuple(_arrow_column(child, is_int96, name) for child, name in _children(field.type))
    family = _family(field.type)
    if not children and next(is_int96, False) and family == "naive-timestamp":
        family = "int96"
    return Column(
        name=field.name if name is None else name,
        type=str(field.type),
        nullable=field.nullable,
        family=family,
        children=children,
    )


def _children(kind: Any) -> list[tuple[Any, str | None]]:
    """The fields below, with the names that a contract gives them where those differ from the file's."""
    if pa.types.is_struct(kind):
        return [(kind.field(number), None) for number in range(kind.num_fields)]
    if pa.types.is_map(kind):
        entry = pa.struct([pa.field("key", kind.key_type, nullable=False), pa.field("value", kind.item_type)])
        return [(pa.field(ELEMENT, entry, nullable=False), ELEMENT)]
    return [(kind.value_field, ELEMENT)] if is_list(kind) else []


def _family(kind: Any) -> str:
    """As `Column.family` says."""
    if pa.types.is_dictionary(kind):
        return _family(kind.value_type)
    if pa.types.is_timestamp(kind):
        return "timestamp" if kind.tz else "naive-timestamp"
    return next((family for family, is_it in _FAMILIES if any(test(kind) for test in is_it)), "")


_FAMILIES: tuple[tuple[str, tuple[Callable[[Any], bool], ...]], ...] = (
    ("string", (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)),
    (
        "binary",
        (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary),
    ),
    ("integer", (pa.types.is_integer,)),
    ("number", (pa.types.is_floating, pa.types.is_decimal)),
    ("boolean", (pa.types.is_boolean,)),
    ("date", (pa.types.is_date,)),
    ("time", (pa.types.is_time,)),
    ("map", (pa.types.is_map,)),
    ("array", (is_list,)),
    ("object", (pa.types.is_struct,)),
)


def _leaf_column(schema: Any, number: int) -> Column:
    leaf = schema.column(number)
    logical = guarded(lambda: str(leaf.logical_type), "None")
    return Column(
        name=_leaf_name(schema, number),
        type=guarded(lambda: str(leaf.physical_type), "?") if logical == "None" else logical,
        nullable=leaf.max_definition_level > 0,
    )
