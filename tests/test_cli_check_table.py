"""`check` for people: the table on stdout; and no value of the data anywhere else."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.command import Command, clean_environment
from tests.support.parquet_files import write_good

from tiktok_upload import api
from tiktok_upload.cli.check_table import print_check
from tiktok_upload.events import FileReport
from tiktok_upload.settings import PushOptions

LOW, HIGH, EMAIL = 271828, 314159, "bob@example.com"


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Two numbers of a range, texts that are somebody's, and a number that is somebody's, too."""
    path = tmp_path / "people.parquet"
    columns = {"score": [LOW, HIGH], "email": [EMAIL, None], "phone": [14155550123, 14155550124], "größe": [1.5, 2.5]}
    pq.write_table(pa.table(columns), path)
    return path


def checked(path: Path) -> FileReport:
    (report,) = api.check([str(path)], options=PushOptions(allow_raw_personal_data=True)).files
    return report


def test_the_table_goes_to_stdout(
    people: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_check(checked(people))
    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.splitlines()[0] == str(people)
    assert told.out.splitlines()[-6:] == [
        "  column  type    nulls  range",
        "  score   int64       0  271828 to 314159",
        "  email   string      1",
        "  phone   int64       0",
        "  größe   double      0  1.5 to 2.5",
        "  quick check: the footer was looked at; only --check full proves that every page is whole",
    ]


def test_a_file_that_was_not_looked_into_has_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_check(FileReport("f", None, "interrupted"))
    assert capsys.readouterr() == ("", "")


def test_a_terminal_of_few_letters_gets_the_others_escaped(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    monkeypatch.setattr(sys, "stdout", stdout)
    print_check(checked(people))
    stdout.seek(0)
    assert r"gr\xf6\xdfe" in stdout.read()


def test_a_process_without_stdout_does_not_care(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    print_check(FileReport("f", None, "checked"))


def test_a_reader_that_went_away_is_no_error(people: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from tiktok_upload import api; from tiktok_upload.settings import PushOptions\n"
        "from tiktok_upload.cli.check_table import print_check\n"
        "(report,) = api.check([sys.argv[1]], options=PushOptions()).files\n"
        "print_check(report); print_check(report)"
    )
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", program, people],
            stdout=writing,
            stderr=subprocess.PIPE,
            env=clean_environment(tmp_path),
            check=False,
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("depth", ["quick", "full"])
def test_events_and_logs_hold_nulls_and_no_value(command: Command, people: Path, tmp_path: Path, depth: str) -> None:
    log = tmp_path / "log.jsonl"
    ended = command.run("check", people, "--json", "--verbose", "--log-file", log, "--check", depth)
    (event,) = ended.told("file_checked")
    assert event["facts"]["columns"][1] == {
        "name": "email",
        "type": "string",
        "nullable": True,
        "family": "string",
        "children": [],
        "nulls": 1,
    }
    said = ended.stdout + ended.stderr + log.read_text()
    assert [value for value in (LOW, HIGH, EMAIL, 14155550123, "minimum", "maximum") if str(value) in said] == []


def test_the_event_is_read_back_as_json_of_version_1(command: Command, tmp_path: Path) -> None:
    ended = command.run("check", write_good(tmp_path / "good.parquet"), "--json")
    (event,) = ended.told("file_checked")
    assert {tuple(column) for column in json.loads(json.dumps(event))["facts"]["columns"]} == {
        ("name", "type", "nullable", "family", "children", "nulls")
    }


# ---------------------------------------------------------------------------------------------------- the whole command
def test_check_prints_the_table_on_stdout_and_the_verdict_on_stderr(command: Command, people: Path) -> None:
    ended = command.run("check", people, "--allow-raw-personal-data", COLUMNS="80")
    assert ended.stdout.splitlines()[0] == str(people)
    assert "  score   int64       0  271828 to 314159" in ended.stdout.splitlines()
    assert [value for value in (EMAIL, "14155550123") if value in ended.stdout + ended.stderr] == []
    (verdict,) = ended.stderr.splitlines()
    assert verdict.startswith(f"sound: {people} (")


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_no_table_is_printed_for_machines_or_when_quiet(command: Command, people: Path, option: str) -> None:
    assert "271828" not in command.run("check", people, "--allow-raw-personal-data", option).stdout


def test_a_broken_file_has_its_finding_once_and_its_error_on_stderr(command: Command, tmp_path: Path) -> None:
    good = write_good(tmp_path / "good.parquet")
    (tmp_path / "cut.parquet").write_bytes(good.read_bytes()[:-9])
    ended = command.run("check", good, tmp_path / "cut.parquet")
    assert ended.code == 3
    assert (ended.stdout + ended.stderr).count("\n  error: ") == 1
    assert f"{tmp_path / 'cut.parquet'}\n  error: " in ended.stdout
