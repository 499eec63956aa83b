"""Personal data planted in real files: found at every depth, in every type, encoding and corner, at either check."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tiktok_upload import judging, personal
from tiktok_upload.contract import Contract, Field
from tiktok_upload.facts import Finding
from tiktok_upload.parquet.examiner import Terms
from tiktok_upload.parquet.measuring import Measured, Wanted, do_unit, measure
from tiktok_upload.parquet.outside import GAPS, METADATA
from tiktok_upload.tally import Tally, merged

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
EMAIL = "bob@example.com"
PLANTED = {"raw-email": EMAIL, "raw-phone": "+14155551234", "raw-ip": "203.0.113.9", "raw-card": "4111111111111111"}
ROWS, AT_ROW, GROUP_ROWS = 30, 29, 10
"""Of a small file, the row with the planted value, and the rows of a row group."""

Depth = Literal["quick", "full"]
DEPTHS = pytest.mark.parametrize("depth", ["quick", "full"])


def nothing(*_: object, **_more: object) -> None:
    """Nobody listens."""


def measured(path: Path, depth: Depth, contract: Contract | None = None) -> tuple[Measured, list[Tally]]:
    """What the child finds in a file under the guard; no value is in what it answers."""
    terms = Terms(contract, guard=True, judged_at=NOW)
    with path.open("rb") as file:
        size_bytes = path.stat().st_size
        found = measure(file, Wanted(depth, terms), size_bytes=size_bytes, age_s=3_600.0, tell=nothing)
        done = [do_unit(file, unit, terms, nothing) for unit in found.units]
    answers = json.dumps([{**found.to_json(), "facts": None}, *done])
    assert not any(value in answers for value in PLANTED.values())
    return found, merged([*found.sampled, *(Tally.from_json(tally) for one in done for tally in one["tallies"])])


def told(path: Path, depth: Depth, contract: Contract | None = None) -> list[Finding]:
    """The guard's findings, as `look` has them."""
    found, counted = measured(path, depth, contract)
    assert found.facts is not None
    assert [finding for finding in found.findings if finding.severity == "error"] == []
    tallies = judging.known(judging.Counted(depth, found.facts, counted, found.betrayed))
    fields = {field.name: field for field in contract.fields} if contract else {}
    in_columns = personal.judge(tallies, fields=fields, depth=depth)
    return [*in_columns, *judging.judge_outside(found.outside, known={finding.rule for finding in in_columns})]


def written(path: Path, columns: Any, **options: Any) -> Path:
    path = path / "written.parquet"
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pq.write_table(table, path, **{"row_group_size": GROUP_ROWS, **options})
    return path


# ------------------------------------------------------------------------------------------------- every depth and type
TEXT = pa.string()
ITEM = pa.struct([("v", TEXT)])
PLACES: dict[str, tuple[str, Any, Callable[[str], Any]]] = {
    "string": ("c", TEXT, str),
    "large_string": ("c", pa.large_string(), str),
    "string_view": ("c", pa.string_view(), str),
    "binary": ("c", pa.binary(), str.encode),
    "large_binary": ("c", pa.large_binary(), str.encode),
    "binary_view": ("c", pa.binary_view(), str.encode),
    "fixed_size_binary": ("c", pa.binary(24), lambda text: text.ljust(24).encode()),
    "dictionary": ("c", pa.dictionary(pa.int32(), TEXT), str),
    "dictionary of binary": ("c", pa.dictionary(pa.int32(), pa.binary()), str.encode),
    "struct": ("c.v", ITEM, lambda text: {"v": text}),
    "struct in a struct": ("c.w.v", pa.struct([("w", ITEM)]), lambda text: {"w": {"v": text}}),
    "list": ("c[]", pa.list_(TEXT), lambda text: ["x", text]),
    "large_list": ("c[]", pa.large_list(pa.large_string()), lambda text: ["x", text]),
    "list_view": ("c[]", pa.list_view(TEXT), lambda text: ["x", text]),
    "large_list_view": ("c[]", pa.large_list_view(pa.string_view()), lambda text: ["x", text]),
    "fixed_size_list": ("c[]", pa.list_(TEXT, 2), lambda text: ["x", text]),
    "list of dictionaries": ("c[]", pa.list_(pa.dictionary(pa.int32(), TEXT)), lambda text: ["x", text]),
    "list of lists": ("c[][]", pa.list_(pa.list_(TEXT)), lambda text: [[], ["x", text]]),
    "list of structs": ("c[].v", pa.list_(ITEM), lambda text: [{"v": "x"}, {"v": text}]),
    "list in a struct in a list": (
        "c[].v[]",
        pa.list_(pa.struct([("v", pa.list_(TEXT))])),
        lambda text: [{"v": ["x"]}, {"v": ["y", text]}],
    ),
    "values of a map": ("c[].value", pa.map_(TEXT, TEXT), lambda text: [("k", "x"), ("l", text)]),
    "keys of a map": ("c[].key", pa.map_(TEXT, pa.int64()), lambda text: [("k", 1), (text, 2)]),
    "structs of a map": ("c[].value.v", pa.map_(TEXT, ITEM), lambda text: [("k", {"v": text})]),
    "lists of a map": ("c[].value[]", pa.map_(TEXT, pa.list_(TEXT)), lambda text: [("k", ["x", text])]),
}


@DEPTHS
@pytest.mark.parametrize("rule", ["raw-email", "raw-phone", "raw-ip"])
@pytest.mark.parametrize("place", PLACES)
def test_a_planted_value_is_found_with_its_row_wherever_it_lies(
    tmp_path: Path, place: str, rule: str, depth: Depth
) -> None:
    column, kind, wrap = PLACES[place]
    values = [wrap(f"filler {row}") if row % 5 else None for row in range(ROWS)]
    values[AT_ROW] = wrap(PLANTED[rule])
    path = written(tmp_path, {"n": list(range(ROWS)), "c": pa.array(values, kind)})
    (finding,) = told(path, depth)
    assert (finding.rule, finding.severity, finding.column) == (rule, "error", column)
    assert (finding.row_group, finding.row, finding.count) == (AT_ROW // GROUP_ROWS, AT_ROW, 1)
    assert finding.length == (24 if place == "fixed_size_binary" else len(PLANTED[rule]))


@DEPTHS
@pytest.mark.parametrize("place", ["string", "binary", "dictionary", "list", "values of a map", "list of structs"])
def test_card_numbers_are_found_where_half_of_the_values_are_some(tmp_path: Path, place: str, depth: Depth) -> None:
    column, kind, wrap = PLACES[place]
    values = pa.array([wrap(PLANTED["raw-card"])] * 4 + [None], kind)
    found = told(written(tmp_path, {"c": values}), depth)
    assert {(finding.rule, finding.column) for finding in found} == {("raw-card", column)}
    assert sum(finding.count for finding in found) == 4


@DEPTHS
@pytest.mark.parametrize("kind", [pa.string(), pa.int64(), pa.decimal128(16, 0), pa.float64()])
def test_a_single_card_number_is_found_in_a_column_that_is_named_so(tmp_path: Path, kind: Any, depth: Depth) -> None:
    numbers = pa.array([str(number) for number in (*range(20), PLANTED["raw-card"])]).cast(kind)
    (finding,) = told(written(tmp_path, {"card_number": numbers}), depth)
    assert (finding.rule, finding.row) == ("raw-card", 20)
    assert told(written(tmp_path, {"order": numbers}), depth) == []


@DEPTHS
@pytest.mark.parametrize("value", [PLANTED["raw-card"], "10.0.0.1"])
def test_half_of_the_values_means_of_all_that_were_looked_at(tmp_path: Path, value: str, depth: Depth) -> None:
    texts = [f"filler {row}" for row in range(2 * GROUP_ROWS)]
    assert told(written(tmp_path, {"c": [*texts, value]}), depth) == []
    assert len(told(written(tmp_path, {"c": [*texts, *[value] * 20]}), depth)) > 0


@DEPTHS
def test_a_few_hashes_make_no_column_of_hashes(tmp_path: Path, depth: Depth) -> None:
    digest = hashlib.sha256(b"person").hexdigest()
    path = written(tmp_path, {"external_id": [*[f"member {row}" for row in range(2 * GROUP_ROWS)], digest, "member"]})
    assert told(path, depth) == []


# ------------------------------------------------------------------------------------------------------------ encodings
ENCODINGS = ("PLAIN", "DICTIONARY", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY")
CODECS = ("NONE", "SNAPPY", "GZIP", "ZSTD", "LZ4", "BROTLI")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_planted_value_is_found_in_every_encoding_and_codec(
    tmp_path: Path, encoding: str, codec: str, version: str
) -> None:
    texts = [f"filler-{row:05d}" for row in range(ROWS)]
    texts[AT_ROW] = EMAIL
    chosen: dict[str, Any] = {"use_dictionary": True}
    if encoding != "DICTIONARY":
        chosen = {"use_dictionary": False, "column_encoding": {"c": encoding, "l.list.element": encoding}}
    columns = {"c": texts, "l": [[text] for text in texts]}
    path = written(tmp_path, columns, compression=codec, data_page_version=version, **chosen)
    used = pq.ParquetFile(path).metadata.row_group(0).column(0).encodings
    assert any(encoding.replace("DICTIONARY", "RLE_DICTIONARY") == one for one in used)
    for depth in ("quick", "full"):
        assert [(one.column, one.row) for one in told(path, depth)] == [("c", AT_ROW), ("l[]", AT_ROW)]


# --------------------------------------------------------------------------------------------------- beyond the sample
def large(planted: str) -> dict[str, Any]:
    """A column of which a quick check does not see the row in the middle."""
    texts = ["l", "n"] * 20_000
    texts[15_000] = planted
    return {"c": texts}


def test_what_the_sample_leaves_out_is_found_by_a_full_check(tmp_path: Path) -> None:
    path = written(tmp_path, large(f"m {EMAIL}"), row_group_size=50_000)
    assert told(path, "quick") == []
    assert [(one.rule, one.row) for one in told(path, "full")] == [("raw-email", 15_000)]


@pytest.mark.parametrize("planted", ["00.bob@example.com", "zz.bob@example.com"])
def test_as_the_lowest_or_the_highest_text_it_is_betrayed_by_the_statistics(tmp_path: Path, planted: str) -> None:
    path = written(tmp_path, large(planted), row_group_size=20_000)
    (finding,) = told(path, "quick")
    assert (finding.rule, finding.column, finding.count, finding.row) == ("raw-email", "c", 1, None)
    assert [(one.column, one.row) for one in told(path, "full")] == [("c", 15_000)]


def test_the_statistics_of_nested_columns_betray_it_as_bytes_of_the_footer(tmp_path: Path) -> None:
    texts = large("00.bob@example.com")["c"]
    path = written(tmp_path, {"s": [{"v": [text]} for text in texts]}, row_group_size=50_000)
    (finding,) = told(path, "quick")
    assert (finding.rule, finding.column) == ("raw-email", None)
    assert finding.message.startswith("the footer: ")
    assert [(one.column, one.row) for one in told(path, "full")] == [("s.v[]", 15_000)]


def test_a_page_index_betrays_it_too(tmp_path: Path) -> None:
    texts = [[text] for text in large("00.bob@example.com")["c"]]
    path = written(tmp_path, {"c": texts}, row_group_size=50_000, write_page_index=True)
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).has_column_index
    found, counted = measured(path, "quick")
    assert list(found.outside) == [GAPS]
    assert [tally for tally in counted if tally.hits] == []


# ---------------------------------------------------------------------------------------------------- outside the rows
@DEPTHS
@pytest.mark.parametrize("rule", ["raw-email", "raw-phone", "raw-ip"])
def test_key_value_metadata_are_searched_keys_and_values(tmp_path: Path, rule: str, depth: Depth) -> None:
    table = pa.table({"c": [1]})
    for metadata in ({"by": PLANTED[rule]}, {PLANTED[rule]: "by"}, {"pandas": json.dumps({"who": PLANTED[rule]})}):
        (finding,) = told(written(tmp_path, table.replace_schema_metadata(metadata)), depth)
        assert (finding.rule, finding.column) == (rule, None)
        assert finding.message.startswith(METADATA)


NOTE = {"note": EMAIL}
NOTED = {
    "top": pa.field("c", pa.int64(), metadata=NOTE),
    "struct": pa.field("c", pa.struct([pa.field("v", pa.int64(), metadata=NOTE)])),
    "list": pa.field("c", pa.list_(pa.field("element", pa.int64(), metadata=NOTE))),
    "list of structs": pa.field(
        "c", pa.list_(pa.field("element", pa.struct([pa.field("v", pa.int64(), metadata=NOTE)])))
    ),
    "map": pa.field("c", pa.map_(pa.string(), pa.field("value", pa.int64(), metadata=NOTE))),
    "dictionary": pa.field("c", pa.dictionary(pa.int8(), pa.string()), metadata=NOTE),
}


@DEPTHS
@pytest.mark.parametrize("place", NOTED)
def test_what_a_writer_noted_at_a_field_is_searched_at_every_depth(tmp_path: Path, place: str, depth: Depth) -> None:
    schema = pa.schema([NOTED[place]])
    path = written(tmp_path, pa.table([pa.array([None], NOTED[place].type)], schema=schema))
    (finding,) = told(path, depth)
    assert (finding.rule, finding.message.partition(":")[0]) == ("raw-email", METADATA)


def with_gap(path: Path, content: bytes) -> Path:
    """The file with bytes before its footer that no column claims."""
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    path.write_bytes(data[:footer] + content + data[footer:])
    return path


@DEPTHS
@pytest.mark.parametrize("rule", ["raw-email", "raw-phone", "raw-ip"])
@pytest.mark.parametrize("padding", [0, (4 << 20) - 8, 5 << 20])
def test_bytes_that_no_column_covers_are_searched_also_over_the_edges_of_windows(
    tmp_path: Path, padding: int, rule: str, depth: Depth
) -> None:
    content = b" " * padding + PLANTED[rule].encode() + b" \n"
    path = with_gap(written(tmp_path, {"c": [1]}), content)
    found = told(path, depth)
    assert {(finding.rule, finding.message.partition(":")[0]) for finding in found} == {(rule, GAPS)}


@DEPTHS
def test_a_file_with_nothing_personal_has_no_findings(tmp_path: Path, depth: Depth) -> None:
    columns = {
        "email": [hashlib.sha256(f"person {row}".encode()).hexdigest() for row in range(ROWS)],
        "name@2x.png": [f"https://shop.example/a/{row}@2x.png" for row in range(ROWS)],
        "version": ["1.2.3.4"] * ROWS,
        "order_id": [4_111_111_111_111_111 + row for row in range(ROWS)],
        "noise": [hashlib.sha256(str(row).encode()).digest() for row in range(ROWS)],
    }
    table = pa.table(columns).replace_schema_metadata({"writer": "shop 1.2.3.4"})
    assert told(written(tmp_path, table), depth) == []


# ----------------------------------------------------------------------------------------------------- with a contract
@DEPTHS
def test_in_a_column_of_hashes_every_kind_of_what_is_no_hash_is_told_with_its_row(tmp_path: Path, depth: Depth) -> None:
    good = hashlib.sha256(b"person").hexdigest()
    odd = {1: EMAIL, 4: "+14155551234", 7: good.upper(), 12: good[:32], 15: "", 18: hashlib.sha256(b"").hexdigest()}
    texts = [odd.get(row, good) for row in range(20)]
    wanted = Contract("c", "1", "d1", (Field("who", "string", hashed="sha256"),))
    found = told(written(tmp_path, {"who": texts}), depth, wanted)
    assert sorted((finding.row, finding.rule) for finding in found if finding.row is not None) == [
        (1, "raw-email"), (4, "raw-phone"), (7, "hash-form"), (12, "hash-form"), (15, "hash-form"),
        (18, "hash-of-nothing"),
    ]  # fmt: skip


@DEPTHS
def test_addresses_of_machines_are_let_through_where_the_contract_says_so_and_nothing_else_is(
    tmp_path: Path, depth: Depth
) -> None:
    path = written(tmp_path, {"ip": ["203.0.113.9", EMAIL], "other": ["x", "203.0.113.9"]})
    wanted = Contract("c", "1", "d1", (Field("ip", "string", raw=True), Field("other", "string")))
    assert [(one.rule, one.column) for one in told(path, depth, wanted)] == [("raw-email", "ip"), ("raw-ip", "other")]
