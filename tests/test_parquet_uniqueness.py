"""Values that repeat: exactly while they fit in memory, then by hashes in files that nobody can open or read."""

import datetime as dt
import os
import tempfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiktok_upload.parquet import uniqueness
from tiktok_upload.parquet.uniqueness import Repeats, RowGroupOf
from tiktok_upload.tally import MOST_PLACES, Place, Tally

Row = tuple[Any, ...]

BATCH = 7


def tally(rows: Sequence[Row], kinds: Sequence[Any], *, most_bytes: int = 16 << 20) -> Tally:
    """Of rows that came in small batches; row groups have ten rows each."""
    repeats = Repeats(most_bytes=most_bytes)
    for start in range(0, len(rows), BATCH):
        batch = list(zip(*rows[start : start + BATCH], strict=True))
        repeats.add([pa.array(values, kind) for values, kind in zip(batch, kinds, strict=True)], start)
    return repeats.tally("c", "unique", RowGroupOf([10] * (len(rows) // 10 + 1)))


def spilled(rows: Sequence[Row], kinds: Sequence[Any], *, most_bytes: int = 0, part_bytes: int = 16 << 20) -> Tally:
    """The same by hashes, every one of them through a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uniqueness, "_FLUSH_RECORDS", 1)
        patch.setattr(uniqueness, "MOST_BYTES", part_bytes)
        return tally(rows, kinds, most_bytes=most_bytes)


def repeating(rows: Sequence[Row]) -> list[int]:
    """Which rows repeat an earlier one's values, as slow Python finds them."""
    seen: set[Row] = set()
    found = []
    for number, row in enumerate(rows):
        if None in row:
            continue
        if row in seen:
            found.append(number)
        seen.add(row)
    return found


def assert_right(found: Tally, rows: Sequence[Row]) -> None:
    expected = repeating(rows)
    assert (found.hits, found.seen) == (len(expected), sum(None not in row for row in rows))
    where = [place.row for place in found.places]
    assert set(where) <= set(expected)
    assert where == sorted(set(where))  # type: ignore[type-var]
    assert bool(where) == bool(expected)
    assert len(where) <= MOST_PLACES
    assert all(place == Place((place.row or 0) // 10, place.row) for place in found.places)


SHORT = st.none() | st.text("ab", max_size=3)
ROWS = st.lists(st.tuples(SHORT, SHORT), max_size=60)
TEXTS = (pa.string(), pa.string())


@given(rows=ROWS)
def test_rows_of_several_columns_that_repeat_are_counted_exactly_with_a_place(rows: list[Row]) -> None:
    assert_right(tally(rows, TEXTS), rows)


@settings(max_examples=50, deadline=None)
@given(rows=ROWS, most_bytes=st.sampled_from([0, 100, 400]))
def test_by_hashes_the_answer_is_the_same(rows: list[Row], most_bytes: int) -> None:
    assert spilled(rows, TEXTS, most_bytes=most_bytes) == tally(rows, TEXTS)


@settings(max_examples=20, deadline=None)
@given(rows=ROWS, records=st.integers(0, 4))
def test_parts_that_are_still_too_large_are_shared_out_again_down_to_the_last(rows: list[Row], records: int) -> None:
    assert_right(spilled(rows, TEXTS, part_bytes=records * uniqueness._RECORD_BYTES), rows)


def test_one_value_over_and_over_is_counted_where_sharing_out_does_not_help() -> None:
    rows = [("a",)] * 50 + [(str(number),) for number in range(50)]
    found = spilled(rows, [pa.string()], part_bytes=24)
    assert (found.hits, found.seen) == (49, 100)
    assert [place.row for place in found.places] == [1, 2, 3]


def test_texts_that_run_together_are_told_apart() -> None:
    rows = [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", "")]
    assert spilled(rows, TEXTS).hits == 0
    assert tally(rows, TEXTS).hits == 0


VALUES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "string": (pa.string(), st.text(max_size=2)),
    "large_string": (pa.large_string(), st.text(max_size=2)),
    "binary": (pa.binary(), st.binary(max_size=1)),
    "large_binary": (pa.large_binary(), st.binary(max_size=1)),
    "fixed_size_binary": (pa.binary(1), st.binary(min_size=1, max_size=1)),
    "int8": (pa.int8(), st.integers(-128, 127)),
    "uint64": (pa.uint64(), st.integers(2**64 - 20, 2**64 - 1)),
    "float64": (
        pa.float64(),
        st.sampled_from([0.1, 0.1 + 2**-54, 1e300, float("inf"), -1.5, 0.30000000000000004, 0.3]),
    ),
    "float32": (pa.float32(), st.floats(0, 1, width=16)),
    "float16": (pa.float16(), st.floats(0, 1, width=16)),
    "decimal": (pa.decimal128(38, 2), st.decimals(0, 1, places=2)),
    "bool": (pa.bool_(), st.booleans()),
    "date": (pa.date32(), st.dates(dt.date(1969, 12, 20), dt.date(1970, 1, 5))),
    "time": (pa.time64("us"), st.sampled_from([dt.time(0), dt.time(0, 0, 0, 1), dt.time(1)])),
    "timestamp": (pa.timestamp("us", "UTC"), st.sampled_from([-1, 0, 1, 10**15, 10**15 + 1])),
    "timestamp in a zone": (pa.timestamp("ns", "Europe/Berlin"), st.sampled_from([-1, 0, 1, 10**18])),
    "naive timestamp": (pa.timestamp("ns"), st.sampled_from([-1, 0, 1, 10**18, 10**18 + 1])),
}


@settings(max_examples=10, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", VALUES)
def test_values_of_every_type_are_the_same_by_hashes_as_in_memory(name: str, data: st.DataObject) -> None:
    kind, values = VALUES[name]
    rows = [(value,) for value in data.draw(st.lists(st.none() | values, max_size=40))]
    found = tally(rows, [kind])
    assert spilled(rows, [kind]) == found
    assert_right(
        found, [(str(Decimal(value)) if name == "decimal" and value is not None else value,) for (value,) in rows]
    )


def test_in_memory_and_by_hashes_the_two_zeros_and_what_is_no_number_are_treated_alike() -> None:
    rows = [(value,) for value in (0.0, -0.0, float("nan"), float("nan"), 1.0)]
    assert spilled(rows, [pa.float64()]) == tally(rows, [pa.float64()])


@pytest.mark.parametrize("find", [tally, spilled])
def test_times_in_the_hour_that_a_clock_shows_twice_are_two(find: Any) -> None:
    autumn = int(dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC).timestamp())
    assert find([(autumn,), (autumn + 3_600,)], [pa.timestamp("s", "Europe/Berlin")]).hits == 0


@pytest.mark.parametrize("find", [tally, spilled])
def test_a_row_with_a_null_repeats_nothing(find: Any) -> None:
    rows = [("a", None), ("a", None), (None, None), (None, None), ("a", "b")]
    assert find(rows, TEXTS) == Tally("c", "unique", 1)


@pytest.mark.parametrize("find", [tally, spilled])
def test_of_no_rows_none_repeats(find: Any) -> None:
    assert find([], TEXTS) == Tally("c", "unique", 0)


def test_no_more_places_are_kept_than_are_shown_and_they_are_the_first() -> None:
    rows = [(str(number % 20),) for number in range(40)]
    for found in (tally(rows, [pa.string()]), spilled(rows, [pa.string()])):
        assert found.hits == 20
        assert found.places == (Place(2, 20), Place(2, 21), Place(2, 22))


# ---------------------------------------------------------------------------------------------------- what is on disk
@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go; every record is written at once."""
    monkeypatch.setattr(uniqueness, "_FLUSH_RECORDS", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def written(repeats: Repeats) -> Iterator[int]:
    """The descriptors of the files that it keeps."""
    assert repeats._spill is not None
    yield from (file.fileno() for file in repeats._spill._parts._files if file is not None)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a temporary file has a name until it is closed")
def test_its_files_have_no_name_and_are_its_users_only_and_are_closed_at_the_end(directory: Path) -> None:
    repeats = Repeats(most_bytes=0)
    repeats.add([pa.array([f"person-{number}" for number in range(100)])], 0)
    files = list(written(repeats))
    states = [os.fstat(file) for file in files]
    assert len(states) > 1
    assert {(state.st_nlink, state.st_mode & 0o777) for state in states} == {(0, 0o600)}
    assert list(directory.iterdir()) == []
    assert repeats.tally("c", "unique", RowGroupOf([100])).hits == 0
    assert list(directory.iterdir()) == []
    for file in files:
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(file)


@pytest.mark.skipif(os.name != "posix", reason="reads by descriptor")
def test_neither_a_value_nor_the_key_is_written_and_two_runs_write_nothing_alike(directory: Path) -> None:
    contents = []
    for _ in range(2):
        repeats = Repeats(most_bytes=0)
        repeats.add([pa.array([f"person-{number}" for number in range(50)])], 0)
        assert repeats._spill is not None
        content = [os.pread(file, 1 << 20, 0) for file in written(repeats)]
        assert sum(map(len, content)) == 50 * uniqueness._RECORD_BYTES
        assert not any(b"person" in part or repeats._spill._key in part for part in content)
        contents.append({part[at : at + 16] for part in content for at in range(0, len(part), 24)})
        repeats.tally("c", "unique", RowGroupOf([50]))
    assert len(contents[0]) == len(contents[1]) == 50
    assert contents[0].isdisjoint(contents[1])
    assert list(directory.iterdir()) == []


def test_what_fits_in_memory_writes_nothing(directory: Path) -> None:
    repeats = Repeats()
    repeats.add([pa.array(["a", "a"])], 0)
    assert (repeats._spill, list(directory.iterdir())) == (None, [])


# --------------------------------------------------------------------------------------------------------- row groups
def test_a_row_is_in_the_row_group_that_holds_it_and_empty_ones_hold_none() -> None:
    where = RowGroupOf([2, 0, 3])
    assert [where(row) for row in range(5)] == [0, 0, 2, 2, 2]
    with pytest.raises(LookupError):
        where(5)
