"""What is counted in real files: rules held against every row, a few rows, and the footer's statistics."""

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tiktok_upload.contract import Contract, Family, Field, Rule, RuleKind, TableRule
from tiktok_upload.errors import UsageError
from tiktok_upload.facts import FileFacts, Finding
from tiktok_upload.parquet import Question, evidence, units
from tiktok_upload.parquet.column_statistics import LeafStatistics
from tiktok_upload.parquet.counts import At, Counts
from tiktok_upload.parquet.examiner import Examiner, Terms
from tiktok_upload.parquet.measuring import Wanted, do_unit, measure
from tiktok_upload.parquet.sample import sample
from tiktok_upload.parquet.scan import scan
from tiktok_upload.parquet.structure import open_parquet
from tiktok_upload.parquet.units import Unit
from tiktok_upload.tally import MOST_PLACES, Place, Tally, merged

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Seen:
    """What came out of a file, as the parent gets it."""

    facts: FileFacts | None
    findings: tuple[Finding, ...]
    counted: dict[tuple[str, str], Tally]
    betrayed: dict[tuple[str, str], Tally]

    def hits(self, column: str, rule: str) -> int | None:
        """In the rows; None where nothing was counted."""
        tally = self.counted.get((column, rule))
        return None if tally is None else tally.hits

    def rows(self, column: str, rule: str) -> list[tuple[int, int | None]]:
        """Where the first of them are."""
        return [(place.row_group, place.row) for place in self.counted[column, rule].places]


def nothing(*_: object, **_more: object) -> None:
    """Nobody listens."""


def looked(path: Path, contract: Contract | None, depth: Literal["quick", "full"] = "full", workers: int = 1) -> Seen:
    question = Question(full=depth == "full", contract=contract, judged_at=NOW.isoformat())
    wanted = Wanted.from_json(json.loads(json.dumps(question.to_json(workers))))
    with path.open("rb") as file:
        found = measure(file, wanted, size_bytes=path.stat().st_size, age_s=3_600.0, tell=nothing)
        done = [do_unit(file, unit, wanted.terms, nothing) for unit in found.units]
    findings = [Finding(**finding) for one in done for finding in one["findings"]]
    tallies = merged([*found.sampled, *(Tally.from_json(tally) for one in done for tally in one["tallies"])])
    return Seen(
        found.facts,
        (*found.findings, *findings),
        {(tally.column, tally.rule): tally for tally in tallies},
        {(tally.column, tally.rule): tally for tally in found.betrayed},
    )


def written(path: Path, columns: dict[str, Any], *, row_group_size: int = 10, **options: Any) -> Path:
    path = path / "written.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=row_group_size, **options)
    return path


def contract(*fields: Field, rules: Sequence[TableRule] = ()) -> Contract:
    return Contract("events", "1", "d1", fields, tuple(rules), closed=False)


def one(kind: RuleKind, argument: Any = None, family: Family | None = None, name: str = "c") -> Contract:
    return contract(Field(name, family, rules=(Rule(kind, argument),)))


# ---------------------------------------------------------------------------------------------------------- every row
def test_every_row_is_seen_once_over_batches_and_row_groups_and_the_places_are_the_right_rows(tmp_path: Path) -> None:
    values: list[int | None] = [1] * 50_000
    for row in (8_191, 8_192, 19_999, 20_000, 49_999):
        values[row] = -1
    values[7] = None
    path = written(tmp_path, {"c": pa.array(values)}, row_group_size=20_000)
    found = looked(path, one("minimum", 0))
    assert found.counted["c", "minimum=0"] == Tally(
        "c", "minimum=0", 49_999, 5, (Place(0, 8_191), Place(0, 8_192), Place(0, 19_999))
    )
    assert found.findings == ()


def test_at_any_number_of_processes_and_parts_the_counts_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {name: pa.array([number % 3 or None for number in range(100)]) for name in "abcdef"}
    path = written(tmp_path, columns, row_group_size=50)
    rules = (TableRule("any-of", ("a", "f")), TableRule("requires", ("b", "c", "gone")))
    wanted = contract(*(Field(name, rules=(Rule("minimum", 2), Rule("required"))) for name in "abcdef"), rules=rules)
    alone = looked(path, wanted)
    monkeypatch.setattr(units, "_LEAST_UNIT_BYTES", 1)
    assert looked(path, wanted, workers=3).counted == alone.counted
    assert alone.hits("d", "required") == alone.hits("a,f", "any-of") == 34
    assert alone.hits("b,c,gone", "requires") == 66


def test_no_more_places_are_kept_than_are_shown_and_lengths_are_of_the_right_values(tmp_path: Path) -> None:
    texts = ["ok", "a", "bcd", "ok", "éfgh", "ijklm"]
    path = written(tmp_path, {"c": texts, "b": [text.encode() for text in texts], "l": [list(text) for text in texts]})
    fields = [Field(name, rules=(Rule("pattern", "^ok$"),)) for name in "cb"]
    found = looked(path, contract(*fields, Field("l", "array", rules=(Rule("max-items", 2),))))
    assert found.counted["c", "pattern='^ok$'"].places == (Place(0, 1, 1), Place(0, 2, 3), Place(0, 4, 4))
    assert [place.length for place in found.counted["b", "pattern='^ok$'"].places] == [1, 3, 5]
    assert found.counted["l", "max-items=2"].places == (Place(0, 2, 3), Place(0, 4, 4), Place(0, 5, 5))
    assert MOST_PLACES == 3


# ------------------------------------------------------------------------------------------------------- rules of rows
ROWS = {"a": [1, None, None, 4], "b": [None, 2, None, 4], "s": [{"x": 1}, None, {"x": None}, None]}


@pytest.mark.parametrize(
    ("kind", "columns", "expected"),
    [
        ("any-of", ("a", "b"), [2]),
        ("any-of", ("a",), [1, 2]),
        ("any-of", ("a", "gone"), [1, 2]),
        ("any-of", ("b", "s"), []),
        ("requires", ("a", "b"), [0]),
        ("requires", ("b", "a"), [1]),
        ("requires", ("a", "a2"), [0, 3]),
        ("requires", ("a", "b", "s"), [0, 3]),
        ("requires", ("a", "b", "gone"), [0, 3]),
    ],
)
def test_rows_that_lack_a_value_are_counted_and_a_column_that_is_not_there_is_null(
    tmp_path: Path, kind: Any, columns: tuple[str, ...], expected: list[int]
) -> None:
    path = written(tmp_path, ROWS, row_group_size=2)
    for depth in ("full", "quick"):
        found = looked(path, contract(rules=[TableRule(kind, columns)]), depth)
        key = ",".join(columns)
        assert found.hits(key, kind) == len(expected)
        assert [row for _, row in found.rows(key, kind)] == expected[:MOST_PLACES]
        assert all(group == (row or 0) // 2 for group, row in found.rows(key, kind))


@pytest.mark.parametrize(("kind", "columns"), [("any-of", ("gone", "lost")), ("requires", ("gone", "a"))])
def test_a_rule_about_absent_columns_only_counts_nothing(tmp_path: Path, kind: Any, columns: tuple[str, ...]) -> None:
    assert looked(written(tmp_path, ROWS), contract(rules=[TableRule(kind, columns)])).counted == {}


def test_values_and_rows_that_repeat_are_counted_over_all_row_groups(tmp_path: Path) -> None:
    texts = pa.array(["x", "y", "x", None, None, "y"]).dictionary_encode()
    path = written(tmp_path, {"a": texts, "b": [1, 1, 1, 2, 2, 3]}, row_group_size=2)
    wanted = contract(Field("a", rules=(Rule("unique"),)), rules=[TableRule("duplicates", ("a", "b"))])
    found = looked(path, wanted)
    assert found.counted["a", "unique"] == Tally("a", "unique", 4, 2, (Place(1, 2), Place(2, 5)))
    assert found.counted["a,b", "unique"] == Tally("a,b", "unique", 4, 1, (Place(1, 2),))
    assert looked(path, wanted, "quick").counted == {}


# ------------------------------------------------------------------------------------------------------------- required
def test_a_required_column_that_is_nested_misses_a_value_only_where_its_parent_has_one(tmp_path: Path) -> None:
    item = pa.struct([("id", pa.string()), ("tags", pa.list_(pa.string()))])
    rows = [[{"id": "a", "tags": ["x", None]}, None], None, [], [{"id": None, "tags": None}], [{"id": "b"}]]
    path = written(tmp_path, {"c": pa.array(rows, pa.list_(item))}, row_group_size=3)
    required = (Rule("required"),)
    tags = Field("tags", "array", rules=required, children=(Field("[]", rules=required),))
    inner = Field("[]", "object", rules=required, children=(Field("id", rules=required), tags))
    found = looked(path, contract(Field("c", "array", rules=required, children=(inner,))))
    assert {key[0]: found.rows(*key) for key in found.counted} == {
        "c": [(0, 1)],
        "c[]": [(0, 0)],
        "c[].id": [(1, 3)],
        "c[].tags": [(1, 3), (1, 4)],
        "c[].tags[]": [(0, 0)],
    }


def test_a_required_field_of_a_struct_that_is_null_is_excused(tmp_path: Path) -> None:
    rows = [{"x": {"y": 1}}, None, {"x": None}, {"x": {"y": None}}]
    path = written(tmp_path, {"c": pa.array(rows, pa.struct([("x", pa.struct([("y", pa.int64())]))]))})
    y = Field("y", rules=(Rule("required"),))
    found = looked(path, contract(Field("c", "object", children=(Field("x", "object", children=(y,)),))))
    assert found.rows("c.x.y", "required") == [(0, 3)]


# -------------------------------------------------------------------------------------------------- too little memory
def test_a_row_group_that_is_read_again_for_want_of_memory_is_counted_once(tmp_path: Path) -> None:
    path = written(tmp_path, {"c": [-1] * 30_000}, row_group_size=15_000)
    terms = Terms(one("minimum", 0), guard=False, judged_at=NOW)
    refused = [At(0, 8_192), At(1, 15_000)]
    with path.open("rb") as file:
        parquet = open_parquet(file)
        seen = look(path, terms)

        def see(batch: Any, at: At, counts: Counts) -> None:
            seen(batch, at, counts)
            if at in refused:
                refused.remove(at)
                raise MemoryError

        found = scan(parquet, Unit(0, 2, 0, None, 100), see, nothing)
    assert refused == []
    assert found.rows == 30_000
    assert found.tallies == [Tally("c", "minimum=0", 30_000, 30_000, (Place(0, 0), Place(0, 1), Place(0, 2)))]


def test_where_a_few_rows_are_too_many_as_well_the_caller_hears_of_it(tmp_path: Path) -> None:
    path = written(tmp_path, {"c": [1]})

    def see(*_: object) -> None:
        raise MemoryError

    with path.open("rb") as file, pytest.raises(MemoryError):
        scan(open_parquet(file), Unit(0, 1, 0, None, 100), see, nothing)


def look(path: Path, terms: Terms) -> Callable[[Any, At, Counts], None]:
    """An examiner of that file."""
    with path.open("rb") as file:
        wanted = Wanted("quick", Terms(None, guard=False, judged_at=NOW))
        facts = measure(file, wanted, size_bytes=path.stat().st_size, age_s=3_600.0, tell=nothing).facts
    assert facts is not None
    return Examiner(terms, facts.columns, pq.read_schema(path)).see


# ------------------------------------------------------------------------------------------------------------- a sample
def sampled(path: Path) -> tuple[int, list[At], set[str]]:
    """How many rows a quick check looks at, where the batches begin, and the columns that it saw."""
    begun: list[At] = []
    names: set[str] = set()

    def see(batch: Any, at: At, _counts: Counts) -> None:
        begun.append(at)
        names.update(batch.schema.names)

    with path.open("rb") as file:
        return sample(open_parquet(file), see).rows, begun, names


def test_a_sample_is_of_the_first_the_middle_and_the_last_row_group(tmp_path: Path) -> None:
    path = written(tmp_path, {"c": list(range(50_000))}, row_group_size=10_000)
    rows, begun, _ = sampled(path)
    assert (rows, begun) == (9_999, [At(0, 0), At(2, 20_000), At(4, 40_000)])


@pytest.mark.parametrize(("rows", "seen"), [(0, 0), (1, 1), (7, 7), (30_000, 10_000)])
def test_a_small_file_is_looked_at_whole_and_of_a_large_row_group_the_beginning(
    tmp_path: Path, rows: int, seen: int
) -> None:
    path = written(tmp_path, {"c": pa.array(range(rows), pa.int64())}, row_group_size=100_000)
    assert sampled(path)[0] == seen
    facts = looked(path, one("minimum", 0), "quick").facts
    assert facts is not None
    assert (facts.rows_sampled, facts.rows_read) == (seen, None)


def test_of_many_columns_every_one_is_sampled_and_the_rows_count_once(tmp_path: Path) -> None:
    columns = {f"c{number}": [number] * 5 for number in range(150)}
    rows, begun, names = sampled(written(tmp_path, columns))
    assert (rows, len(begun), names) == (5, 3, set(columns))


def test_what_lies_beyond_the_sample_is_seen_by_a_full_check_only(tmp_path: Path) -> None:
    values = [1] * 40_000
    values[35_000] = 3
    path = written(tmp_path, {"c": [0, *values, 9]}, row_group_size=50_000)
    wanted = one("enum", (0, 1, 9))
    assert (
        looked(path, wanted, "quick").hits("c", "enum=(0, 1, 9)"),
        looked(path, wanted).hits("c", "enum=(0, 1, 9)"),
    ) == (0, 1)


# ---------------------------------------------------------------------------------------------------------- statistics
STAMP = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
BETRAYED: list[tuple[Any, Any, Any, RuleKind, Any]] = [
    (pa.string(), "b", "~~", "max-length", 1),
    (pa.string(), "b", "B", "pattern", "^[a-z]$"),
    (pa.binary(), b"b", b"B", "enum", ("b",)),
    (pa.int32(), 5, 500, "maximum", 9),
    (pa.int64(), 5, -500, "exclusive-minimum", 0),
    (pa.float32(), 0.1, 0.3, "enum", (0.1,)),
    (pa.float64(), 0.5, float("-inf"), "minimum", 0.0),
    (pa.decimal128(12, 2), Decimal("1.50"), Decimal("9.99"), "maximum", 2.0),
    (pa.bool_(), False, True, "enum", (False,)),
    (pa.date32(), dt.date(2026, 2, 20), dt.date(2020, 1, 1), "max-age", 28 * 86_400.0),
    (pa.timestamp("us", "UTC"), STAMP, dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "minimum", "2021-01-01T00:00:00Z"),
    (pa.timestamp("ms", "UTC"), STAMP, dt.datetime(2030, 1, 1, tzinfo=dt.UTC), "max-future", 3_600.0),
]


@pytest.mark.parametrize("case", BETRAYED, ids=lambda case: f"{case[0]}-{case[3]}")
def test_the_lowest_or_highest_value_of_a_row_group_betrays_a_row_that_was_not_looked_at(
    tmp_path: Path, case: tuple[Any, Any, Any, RuleKind, Any]
) -> None:
    kind, good, bad, rule, argument = case
    values = [good] * 80_000
    values[25_000] = bad
    path = written(tmp_path, {"c": pa.array(values, kind)}, row_group_size=20_000)
    found = looked(path, one(rule, argument), "quick")
    (key,) = found.counted
    assert found.counted[key].hits == 0
    assert (found.betrayed[key].hits, found.betrayed[key].places[0][:2]) == (1, (1, None))


SOUND: list[tuple[Any, list[Any], RuleKind, Any]] = [
    (pa.float32(), [0.1, 0.3], "enum", (0.1, 0.3)),
    (pa.float64(), [0.0, 0.5], "enum", (0.0, 0.5)),
    (pa.float64(), [-0.0, 0.0], "enum", (0.0,)),
    (pa.decimal128(12, 2), [Decimal("1.50"), Decimal("2.50")], "enum", (1.5, 2.5, 1_000.0)),
    (pa.decimal128(12, 2), [Decimal("1.50"), Decimal("2.50")], "minimum", 0.125),
    (pa.int64(), [2**60, 2**60 + 2], "multiple-of", 2),
    (pa.int64(), [2**60, 2**60 + 1], "minimum", 0.0),
    (pa.uint64(), [2**63 + 1, 2**64 - 1], "minimum", 1),
    (pa.uint8(), [1, 200], "maximum", 1_000),
    (pa.string(), ["é" * 60, "🙂" * 30], "max-length", 60),
    (pa.string(), ["x" * 200 + ".jpg", "y" * 65 + ".jpg"], "pattern", r"\.jpg$"),
    (pa.dictionary(pa.int8(), pa.string()), ["a", "b"], "enum", ("a", "b")),
    (pa.timestamp("ns", "UTC"), [STAMP], "maximum", "9999-12-31T23:59:59Z"),
]


@pytest.mark.parametrize(("kind", "values", "rule", "argument"), SOUND, ids=lambda value: str(value)[:20])
def test_statistics_betray_nothing_of_which_the_rows_are_innocent(
    tmp_path: Path, kind: Any, values: list[Any], rule: RuleKind, argument: Any
) -> None:
    path = written(tmp_path, {"c": pa.array([*values, None], kind)})
    found = looked(path, one(rule, argument), "quick")
    assert found.findings == ()
    (tally,) = found.counted.values()
    assert tally.hits == sum(tally.hits for tally in found.betrayed.values()) == 0


def held_against(texts: list[bytes]) -> list[Any]:
    """Those lowest values that are held against the rules, as if a footer had told them."""
    schema = pq.ParquetFile(pa.BufferReader(_parquet_of_one_text())).schema
    statistics = LeafStatistics(0, schema.column(0))
    statistics.lows, statistics.highs, statistics.groups = texts, texts, list(range(len(texts)))
    seen: list[Any] = []
    evidence.gather([statistics], lambda _: True, lambda node, _at, _counts: seen.extend(node.values.to_pylist()))
    return sorted(set(seen))


def _parquet_of_one_text() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"c": ["a"]}), sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def test_texts_that_a_writer_may_have_cut_short_are_held_against_no_rule() -> None:
    digest = b"0123456789abcdef" * 4
    assert held_against([b"a" * 63, digest, b"x" * 64, b"y" * 65, b"z" * 4_000]) == [digest.decode(), "a" * 63]
    assert held_against([b"a\xff", "é".encode()[:1]]) == [b"a\xff", b"\xc3"]


# --------------------------------------------------------------------------------------------------- what cannot be run
@pytest.mark.parametrize("depth", ["quick", "full"])
def test_a_rule_that_cannot_be_run_on_the_type_is_the_contracts_fault_and_told_before_any_row(
    tmp_path: Path, depth: Literal["quick", "full"]
) -> None:
    path = written(tmp_path, {"c": [True]})
    with pytest.raises(UsageError, match='rule pattern of column "c" cannot be run on bool') as caught:
        looked(path, one("pattern", "^a$"), depth)
    assert caught.value.name == "contract"


@pytest.mark.parametrize("value", [[1], {"x": 1}], ids=["list", "struct"])
def test_rows_with_nested_values_cannot_be_told_to_repeat_and_that_is_no_fault_of_the_file(
    tmp_path: Path, value: Any
) -> None:
    path = written(tmp_path, {"c": [value, value], "d": [1, 1]})
    with pytest.raises(UsageError, match="duplicates"):
        looked(path, contract(rules=[TableRule("duplicates", ("c", "d"))]))
