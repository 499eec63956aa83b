"""`tiktok-upload check`, installed: everything that `push` checks, sending nothing."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.support.command import Command
from tests.support.parquet_files import write_encrypted, write_good


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def flipped(path: Path, row_group: int) -> Path:
    """The file with one bit of a row group's data changed."""
    column = pq.read_metadata(path).row_group(row_group).column(0)
    content = bytearray(path.read_bytes())
    content[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    path.write_bytes(content)
    return path


def test_sound_files_are_told_with_their_facts_and_nothing_is_written(command: Command, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    good = write_good(tmp_path / "data" / "good.parquet")
    ended = command.run("check", tmp_path / "data", "--json", AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    (checked,) = ended.told("file_checked")
    assert (ended.code, ended.names) == (0, ["started", "file_checked", "file_done", "result"])
    assert (ended.file["status"], ended.file["rows"], ended.file["uri"]) == ("checked", 300, None)
    assert ended.file["path"] == str(good)
    assert checked["facts"]["columns"][1] == {
        "name": "name",
        "type": "string",
        "nullable": True,
        "family": "string",
        "children": [],
        "nulls": 0,
    }
    assert (checked["facts"]["rows"], checked["facts"]["row_groups"], checked["findings"]) == (300, 3, [])
    assert ended.stderr.splitlines()[-1].startswith(f"sound: {good} (")
    assert [path for path in command.home.rglob("*") if path.is_file()] == []


def test_without_json_stdout_holds_the_table_and_stderr_the_verdict(command: Command, tmp_path: Path) -> None:
    good = write_good(tmp_path / "good.parquet")
    ended = command.run("check", good)
    assert (ended.code, ended.stdout.splitlines()[0]) == (0, str(good))
    (verdict,) = ended.stderr.splitlines()
    assert verdict.startswith(f"sound: {good} (")


def test_quiet_says_nothing_of_sound_files(command: Command, tmp_path: Path) -> None:
    ended = command.run("check", write_good(tmp_path / "good.parquet"), "--quiet")
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")


def test_every_file_is_judged_and_the_first_bad_one_in_order_gives_the_code(command: Command, tmp_path: Path) -> None:
    good = write_good(tmp_path / "good.parquet")
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(b"")
    locked = write_encrypted(tmp_path / "locked.parquet", plaintext_footer=False)
    ended = command.run("check", good, tmp_path / "missing.parquet", bad, locked, "--json")
    codes = [file["error"]["code"] for file in ended.files if file["error"]]
    assert (ended.code, ended.result["status"]) == (4, "failed")
    assert ended.statuses == ["checked", "failed", "failed", "failed"]
    assert codes == ["no_such_file", "empty-file", "encrypted-footer"]
    assert len(ended.errors) == 3
    counts, failed = ended.stderr.splitlines()[-2:]
    assert counts.startswith("1 checked, 3 failed; ")
    assert failed.startswith("failed: ")


@pytest.mark.parametrize(("depth", "code"), [("quick", 0), ("full", 3)])
def test_only_a_full_check_reads_every_page(command: Command, tmp_path: Path, depth: str, code: int) -> None:
    damaged = flipped(write_good(tmp_path / "damaged.parquet", row_groups=5), 1)  # 0, 2 and 4 are the sample
    ended = command.run("check", damaged, "--check", depth, "--json")
    assert (ended.code, len(ended.errors)) == (code, 1 if code else 0)
    assert [finding["severity"] for finding in ended.file["findings"]] == (["error"] if code else [])


def test_a_finding_names_its_rule_and_keeps_the_data_to_itself(command: Command, tmp_path: Path) -> None:
    private = tmp_path / "people.parquet"
    private.write_text("email,name\nbob@example.com,Bob\n")
    ended = command.run("check", private, "--json")
    (finding,) = ended.file["findings"]
    assert (ended.code, finding["rule"], finding["severity"]) == (3, "not-parquet", "error")
    assert "CSV" in finding["message"]
    assert "bob@example.com" not in ended.stdout + ended.stderr
