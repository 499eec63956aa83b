"""The short form of `python -m tests.fuzz`: what the readers must keep, on a few thousand cases of fixed seeds."""

import os
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from tests.fuzz import __main__ as command
from tests.fuzz import guided, mutation, odd_files, parquets, running
from tests.fuzz.registry import targets
from tests.fuzz.target import Target, WrongAnswer, clean_up, demand, scratch

from tiktok_upload.errors import JournalError
from tiktok_upload.journal import read
from tiktok_upload.parquet.column_statistics import logical_type

pytestmark = pytest.mark.skipif(os.name != "posix", reason="timers and pipes of POSIX")

CASES = 400
PARQUET_CASES = 150
AT_ONCE = 3


@pytest.fixture(scope="module", autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    yield
    clean_up()
    scratch.cache_clear()


# ----------------------------------------------------------------------------------------------------------- the cases
@pytest.mark.parametrize("name", targets())
def test_a_reader_gives_a_right_answer_or_the_right_error(name: str) -> None:
    outcome = running.run(targets()[name], cases=CASES, seed=2026)
    assert [str(failure) for failure in outcome.failures.values()] == []
    assert outcome.cases == CASES


@pytest.mark.parametrize("name", targets())
def test_a_seed_is_read_without_a_word(name: str) -> None:
    target = targets()[name]
    for seed in target.seeds:
        target.check(seed)


def test_mutated_parquet_ends_in_findings_or_a_refusal() -> None:
    outcome, ends = parquets.run(cases=PARQUET_CASES, seed=2026)
    assert [str(failure) for failure in outcome.failures.values()] == []
    assert ends.total() == PARQUET_CASES
    assert len(ends) >= 5  # they fail in many ways, not all at the door


# ------------------------------------------------------------------------------------------------- what was found by it
OF_ANOTHER_TYPE = (
    '"number":{"a":1},"size":1,"etag":"e","checksum":"c"',
    '"number":1,"size":"x","etag":"e","checksum":"c"',
)


@pytest.mark.parametrize("body", OF_ANOTHER_TYPE)
def test_a_sealed_record_with_a_field_of_another_type_is_damage(tmp_path: Path, body: str) -> None:
    content, chain = b"", 0
    for line in ('{"journal":1', f'{{"record":"part_stored",{body}'):
        chain = zlib.crc32(line.encode(), chain)
        content += f'{line},"crc32":"{chain:08x}"}}\n'.encode()
    path = tmp_path / "sealed.jsonl"
    path.write_bytes(content)
    with pytest.raises(JournalError, match="line 2 of"):
        read(path)


def test_a_logical_type_that_is_no_utf_8_is_none() -> None:
    """As of a GEOMETRY whose reference system holds a damaged byte."""

    def to_json() -> str:
        return b"\xa2".decode()

    assert logical_type(SimpleNamespace(logical_type=SimpleNamespace(to_json=to_json))) == {}


# ----------------------------------------------------------------------------------------------------------- odd files
def test_no_odd_file_brings_the_command_to_a_traceback_a_hang_or_a_raw_character(tmp_path: Path) -> None:
    rows = [row for row in odd_files.ROWS if row.brief]

    def failure(numbered: tuple[int, odd_files.Row]) -> str | None:
        number, row = numbered
        try:
            odd_files.run(row, tmp_path / str(number))
        except WrongAnswer as exc:
            return str(exc)
        return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert [said for said in pool.map(failure, enumerate(rows)) if said] == []


def test_the_names_of_odd_files_are_unlike() -> None:
    names = [row.name for row in odd_files.ROWS]
    assert len(set(names)) == len(names)


# ---------------------------------------------------------------------------------------------------------- the fuzzer
def wrong_at(word: bytes) -> Target:
    """A reader that fails on a word."""

    def check(data: bytes) -> None:
        demand(word not in data, f"it holds {word!r}")

    return Target("made-up", check, (b"some text: value\n",), (word,))


def test_a_reader_that_fails_is_seen_and_its_case_comes_again() -> None:
    target = wrong_at(b"boom")
    first, second = (running.run(target, cases=500, seed=3) for _ in range(2))
    (failure,) = first.failures.values()
    assert first.failed == second.failed > 1
    assert b"boom" in failure.data
    assert mutation.case(Random(f"3/made-up/{failure.number}"), target.seeds, target.tokens) == failure.data
    assert "--replay" in str(failure)


def test_a_reader_that_hangs_is_seen() -> None:
    def check(_: bytes) -> None:
        while True:
            time.sleep(0.001)

    outcome = running.run(Target("made-up", check, (b"x",), limit_s=0.02), cases=2, seed=1)
    assert [failure.what.partition(" ")[0] for failure in outcome.failures.values()] == ["Hang"]
    assert outcome.failed == 2


def test_mutated_footers_keep_their_length() -> None:
    files = parquets.seeds(None)
    cases = [parquets.mutated(Random(number), files) for number in range(200)]
    whole = [case for case in cases if case.endswith(b"PAR1") and len(case) >= 12]
    assert len(whole) > 100
    assert sum(len(case) - 8 - int.from_bytes(case[-8:-4], "little") >= 0 for case in whole) > 0.8 * len(whole)


def test_the_command_tells_each_target_and_the_sum(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["units", "files-from", "--cases", "50", "--engine", "mutation"]) == 0
    assert command.main(["units", "--replay", "OE1pQg=="]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told] == ["units", "files-from", "100", "nothing"]


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(SystemExit, match="there is no target unit"):
        command.main(["unit"])


@pytest.mark.skipif(not guided.is_available(), reason="atheris is not installed")
def test_cases_led_by_coverage_are_counted() -> None:
    outcome = guided.run("units", cases=300, seed=5)
    assert (outcome.cases, outcome.failed) == (300, 0)
