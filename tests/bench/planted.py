"""What the personal-data guard finds: each kind, planted once at every depth and in every encoding, quick and full.

    python -m tests.bench.planted

Prints a Markdown table. A file has 5 row groups of 1,000 rows; the planted value stands in a row that a quick check
samples, or in one that it does not.
"""

import base64
import hashlib
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tiktok_upload.look import Demands, look
from tiktok_upload.parquet import Inspector
from tiktok_upload.stop import Stop

_ROWS, _GROUP = 5_000, 1_000
_SAMPLED, _ELSEWHERE = 10, 1_700
_SHA = hashlib.sha256(b"somebody@example.com").hexdigest()
KINDS: dict[str, tuple[str, str]] = {
    "e-mail address": ("note", "please call anna.b@example.org today"),
    "phone, international": ("note", "+49 151 23456789"),
    "phone, formatted": ("note", "(415) 555-0123"),
    "IPv4 address": ("note", "seen from 203.0.113.77"),
    "IPv6 address": ("note", "2001:db8:85a3::8a2e:370:7334"),
    "card number": ("cc", "4111 1111 1111 1111"),
    "upper-case hash": ("email_sha256", _SHA.upper()),
    "MD5 for SHA-256": ("email_sha256", hashlib.md5(b"x", usedforsecurity=False).hexdigest()),
    "base64 hash": ("email_sha256", base64.b64encode(bytes.fromhex(_SHA)).decode()),
    "raw e-mail among hashes": ("email_sha256", "zoe@example.com"),
    "raw phone among hashes": ("phone_sha256", "+4915123456789"),
    "hash of nothing": ("email_sha256", hashlib.sha256(b"").hexdigest()),
}


def _struct(values: Any, name: str) -> Any:
    return pa.StructArray.from_arrays([values], [name])


def _list(values: Any, _name: str) -> Any:
    return pa.ListArray.from_arrays(pa.array(range(len(values) + 1), pa.int32()), values)


def _map(values: Any, _name: str) -> Any:
    keys = pa.array(["k"] * len(values))
    return pa.MapArray.from_arrays(pa.array(range(len(values) + 1), pa.int32()), keys, values)


DEPTHS: dict[str, Callable[[Any, str], Any]] = {
    "top level": lambda values, _: values,
    "large text": lambda values, _: values.cast(pa.large_string()),
    "dictionary": lambda values, _: values.dictionary_encode(),
    "binary": lambda values, _: values.cast(pa.binary()),
    "object": _struct,
    "list": _list,
    "map": _map,
    "list of objects": lambda values, name: _list(_struct(values, name), name),
    "object in list in object": lambda values, name: _struct(_list(_struct(values, name), name), name),
}
ENCODINGS: dict[str, dict[str, Any]] = {
    "dictionary pages": {"use_dictionary": True},
    "PLAIN": {"use_dictionary": False},
    "DELTA_BYTE_ARRAY, zstd": {"use_dictionary": False, "encoding": "DELTA_BYTE_ARRAY", "compression": "zstd"},
    "DELTA_LENGTH_BYTE_ARRAY": {"use_dictionary": False, "encoding": "DELTA_LENGTH_BYTE_ARRAY"},
    "no statistics": {"write_statistics": False},
}


def harmless(name: str) -> list[str]:
    """Values of a column with nothing wrong."""
    if name.endswith("sha256"):
        return [hashlib.sha256(f"person-{number}".encode()).hexdigest() for number in range(_ROWS)]
    return [f"item {number}" for number in range(_ROWS)]


def write(path: Path, name: str, values: list[str], depth: str, encoding: str) -> None:
    """A file of one column beside an id."""
    options = dict(ENCODINGS[encoding])
    column = DEPTHS[depth](pa.array(values), name)
    table = pa.table({"id": pa.array(range(_ROWS)), name: column})
    wanted = options.pop("encoding", None)
    if wanted:
        leaf = pq.ParquetFile(_probe(table)).schema.column(table.num_columns - 1 + (depth == "map")).path
        options["column_encoding"] = {leaf: wanted}
    pq.write_table(table, path, row_group_size=_GROUP, **options)


def _probe(table: Any) -> Any:
    sink = pa.BufferOutputStream()
    pq.write_table(table.slice(0, 1), sink)
    return pa.BufferReader(sink.getvalue())


def is_found(inspector: Inspector, path: Path, *, full: bool) -> bool:
    """Whether the guard refuses the file."""
    looked = look(inspector, path, Stop(), Demands(full=full, guard=True), judged_at=lambda _: "2026-01-01T00:00:00Z")
    looked.source.close()
    return any(finding.rule.startswith(("raw-", "hash-")) for finding in looked.findings)


def rows(inspector: Inspector, path: Path) -> Iterator[str]:
    """A line a kind: in how many of the depths and encodings it is found."""
    cases = list(itertools.product(DEPTHS, ENCODINGS))
    for kind, (name, planted) in KINDS.items():
        found = dict.fromkeys(("sampled", "elsewhere", "full"), 0)
        clean = harmless(name)
        for depth, encoding in cases:
            for where, row in (("sampled", _SAMPLED), ("elsewhere", _ELSEWHERE)):
                write(path, name, [*clean[:row], planted, *clean[row + 1 :]], depth, encoding)
                found[where] += is_found(inspector, path, full=False)
                found["full"] += where == "elsewhere" and is_found(inspector, path, full=True)
        of = len(cases)
        yield f"| {kind} | {found['sampled']} of {of} | {found['elsewhere']} of {of} | {found['full']} of {of} |"


def main() -> None:
    """Make the files, look at them, print."""
    for name, cases in (("depths", DEPTHS), ("encodings", ENCODINGS)):
        sys.stdout.write(f"{len(cases)} {name}: {'; '.join(cases)}\n\n")
    sys.stdout.write("| kind | quick, in a sampled row | quick, in another row | full |\n| --- | --- | --- | --- |\n")
    with tempfile.TemporaryDirectory() as directory, Inspector() as inspector:
        for row in rows(inspector, Path(directory) / "planted.parquet"):
            sys.stdout.write(row + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
