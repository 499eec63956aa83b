"""One column's values as bytes that can be searched, whatever way they are stored. Child only."""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Hits = list[tuple[str, Any]]
"""Kinds with the int64 indices of the values, rising."""

# Searched at once. Lower: more calls. Higher: a copy of it no longer stays in the processor's cache.
_WINDOW_BYTES = 1 << 20
_CONTROLS = bytes({*range(32), 127} - {*b"\t\n\r"})


def is_searchable(leaf_type: Any) -> bool:
    """Whether it holds texts or binary values, also in a dictionary."""
    types = pa.types
    if types.is_dictionary(leaf_type):
        return is_searchable(leaf_type.value_type)
    claims = (types.is_string, types.is_large_string, types.is_string_view, types.is_binary, types.is_large_binary)
    return any(claim(leaf_type) for claim in (*claims, types.is_binary_view, types.is_fixed_size_binary))


def of_dictionary(values: Any, search: Callable[[Any], Hits]) -> Hits:
    """A batch may carry the whole row group's dictionary: then only what it uses is searched."""
    if len(values.dictionary) > len(values):
        return search(values.dictionary.take(values.indices))
    found = search(values.dictionary)
    return [(kind, where(pc.is_in(values.indices, value_set=indices, skip_nulls=True))) for kind, indices in found]


def as_binary(values: Any) -> Any:
    """The same values as bytes, of 32-bit or, where they were, of 64-bit offsets."""
    large = pa.types.is_large_string(values.type) or pa.types.is_large_binary(values.type)
    return values.cast(pa.large_binary() if large else pa.binary())


def is_text(values: Any) -> bool:
    """Whether the type says so, or all bytes are UTF-8."""
    if any(claim(values.type) for claim in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)):
        return True
    try:
        as_binary(values).cast(pa.large_string() if pa.types.is_large_binary(values.type) else pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def is_text_value(value: bytes) -> bool:
    """Whether it is UTF-8 without control characters."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return not _has_controls(value)


def is_text_buffer(buffer: Any) -> bool:
    """The same of a large one, in little memory."""
    return is_text(as_one(buffer)) and not any(map(_has_controls, windows(buffer)))


def _has_controls(value: bytes) -> bool:
    return len(value.translate(None, _CONTROLS)) != len(value)


def windows(buffer: Any) -> Iterator[bytes]:
    """The buffer bit by bit."""
    for start in range(0, buffer.size, _WINDOW_BYTES):
        yield buffer.slice(start, min(_WINDOW_BYTES, buffer.size - start)).to_pybytes()


def as_one(data: Any) -> Any:
    """An array of one value that is this buffer, without a copy."""
    ends = pa.array([0, data.size], pa.int64()).buffers()[1]
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, ends, data])


def data_buffer(data: Any) -> Any:
    """The bytes of all values, one after the other."""
    _, ends, buffer = data.buffers()
    if buffer is None or not len(data):
        return pa.py_buffer(b"")
    width = pa.int64() if pa.types.is_large_binary(data.type) else pa.int32()
    ends = pa.Array.from_buffers(width, len(data) + 1, [None, ends], offset=data.offset)
    start, end = ends[0].as_py(), ends[-1].as_py()
    return buffer.slice(start, end - start)


def where(mask: Any) -> Any:
    """Indices of what is true; null is not."""
    return pc.indices_nonzero(mask).cast(pa.int64())


def union(*parts: Any) -> Any:
    """Indices that stand in any, once, rising."""
    both = pc.unique(pa.concat_arrays(parts))
    return both.take(pc.sort_indices(both))
