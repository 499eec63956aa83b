"""One long-lived child answers for many files, and its end is understood."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.parquet_files import Chunk, Group, HandMade, write_encrypted, write_good

from tiktok_upload.errors import SourceError
from tiktok_upload.parquet import Inspector, process

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
limits_memory = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits a process's memory")


@pytest.fixture
def inspector() -> Iterator[Inspector]:
    with Inspector() as made:
        yield made


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_good(tmp_path / "good.parquet")


def child_of(inspector: Inspector) -> process.ChildProcess:
    """The one that is asked about every file."""
    child = inspector._askers[0].child
    assert child is not None
    return child


def pid_of(inspector: Inspector) -> int:
    return child_of(inspector).pid


def test_a_sound_file_has_facts_no_findings_and_the_identity_of_the_file(inspector: Inspector, good: Path) -> None:
    found = inspector.inspect(good, full=True)
    status = good.stat()
    assert found.facts is not None
    assert (found.facts.rows, found.facts.rows_read, found.findings) == (300, 300, ())
    assert [column.name for column in found.facts.columns] == ["id", "name"]
    assert (found.size_bytes, found.mtime_ns, found.inode) == (status.st_size, status.st_mtime_ns, status.st_ino)


def test_one_child_serves_many_files_good_bad_and_missing(inspector: Inspector, good: Path) -> None:
    inspector.inspect(good, full=False)
    first = pid_of(inspector)
    (good.parent / "empty").touch()
    assert [finding.rule for finding in inspector.inspect(good.parent / "empty", full=False).findings] == ["empty-file"]
    with pytest.raises(SourceError):
        inspector.inspect(good.parent / "missing", full=False)
    inspector.inspect(good, full=True)
    assert pid_of(inspector) == first


def test_a_file_that_kills_the_parser_is_a_finding_and_the_next_file_is_inspected(
    inspector: Inspector, good: Path
) -> None:
    deadly = write_encrypted(good.parent / "deadly", plaintext_footer=True)
    found = inspector.inspect(deadly, full=False)
    assert found.facts is None
    (finding,) = found.findings
    assert (finding.rule, finding.severity) == ("parser-died", "error")
    assert "it has encrypted columns" in finding.message
    assert (found.size_bytes, found.inode) == (deadly.stat().st_size, deadly.stat().st_ino)
    assert inspector.inspect(good, full=False).findings == ()


def test_a_malformed_footer_that_kills_the_parser_is_called_malformed(inspector: Inspector, tmp_path: Path) -> None:
    path = HandMade([Group([Chunk(size_bytes=96, deadly=True)])]).write(tmp_path / "f")
    (finding,) = inspector.inspect(path, full=False).findings
    assert finding.rule == "parser-died"
    assert "its footer is malformed" in finding.message


def test_an_encrypted_footer_is_a_finding(inspector: Inspector, tmp_path: Path) -> None:
    path = write_encrypted(tmp_path / "f", plaintext_footer=False)
    assert [finding.rule for finding in inspector.inspect(path, full=False).findings] == ["encrypted-footer"]


@posix
@pytest.mark.parametrize("name", [b"with space", b"line\nfeed", b"latin-\xff", "größe".encode(), b"-n", b'q"\\uote'])
def test_any_name_will_do(inspector: Inspector, good: Path, name: bytes) -> None:
    path = good.with_name(os.fsdecode(name))
    good.rename(path)
    assert inspector.inspect(path, full=False).findings == ()


def test_a_relative_path_is_that_of_the_caller(
    inspector: Inspector, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspector.start()
    monkeypatch.chdir(good.parent)
    assert inspector.inspect(Path(good.name), full=False).findings == ()


def test_a_missing_file_is_an_error_that_escapes_its_name(inspector: Inspector, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        inspector.inspect(tmp_path / "no\x1bsuch", full=False)
    assert caught.value.message == f"{tmp_path}{os.sep}no\\x1bsuch cannot be read: No such file or directory"
    assert caught.value.exit_code == 4


def test_a_directory_is_an_error(inspector: Inspector, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a directory, not a file"):
        inspector.inspect(tmp_path, full=False)


@posix
def test_a_fifo_does_not_block(inspector: Inspector, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(SourceError, match="not a file"):
        inspector.inspect(tmp_path / "fifo", full=False)


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_child_leaves_stop_signals_to_its_parent(inspector: Inspector, good: Path, name: str) -> None:
    inspector.inspect(good, full=False)
    first = pid_of(inspector)
    os.kill(first, getattr(signal, name))
    inspector.inspect(good, full=False)
    assert pid_of(inspector) == first


@posix
def test_a_child_that_was_killed_between_two_files_is_replaced(inspector: Inspector, good: Path) -> None:
    inspector.inspect(good, full=False)
    child_of(inspector)._process.kill()
    child_of(inspector)._process.wait()
    assert inspector.inspect(good, full=False).findings == ()


def test_a_pyarrow_in_the_working_directory_is_not_loaded(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (good.parent / "pyarrow.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(good.parent)
    with Inspector() as inspector:
        assert inspector.inspect(good, full=False).findings == ()


def test_closing_ends_the_child_and_a_later_file_starts_another(good: Path) -> None:
    inspector = Inspector()
    inspector.inspect(good, full=False)
    child = child_of(inspector)
    inspector.close()
    inspector.close()
    assert child._process.returncode == 0
    assert inspector.inspect(good, full=False).findings == ()
    inspector.close()


def test_a_child_started_ahead_is_the_one_that_answers(inspector: Inspector, good: Path) -> None:
    inspector.start()
    first = pid_of(inspector)
    inspector.start()
    inspector.inspect(good, full=False)
    assert pid_of(inspector) == first


def test_callers_from_several_threads_take_turns(inspector: Inspector, good: Path) -> None:
    sizes: list[int] = []
    copies = [good.with_name(f"copy-{number}") for number in range(8)]
    for number, copy in enumerate(copies):
        write_good(copy, rows=100 + number)
    threads = [
        threading.Thread(target=lambda copy=copy: sizes.append(inspector.inspect(copy, full=True).size_bytes))
        for copy in copies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sizes) == sorted(copy.stat().st_size for copy in copies)


def test_the_parent_never_loads_the_parser() -> None:
    program = "import sys, tiktok_upload.parquet; sys.exit('pyarrow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_secrets_of_the_environment_are_kept_from_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalr")
    monkeypatch.setenv("TIKTOK_UPLOAD_GATEWAY_TOKEN", "token")
    monkeypatch.setenv("OTHER", "kept")
    environment = process._environment()
    assert {"AWS_SECRET_ACCESS_KEY", "TIKTOK_UPLOAD_GATEWAY_TOKEN"}.isdisjoint(environment)
    assert environment["OTHER"] == "kept"


def write_long_text(path: Path, *, text_bytes: int, rows: int) -> Path:
    """One text, stored once, that stands in every row."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * text_bytes])
    pq.write_table(
        pa.table({"text": texts}), path, store_schema=False, compression="zstd", dictionary_pagesize_limit=1 << 30
    )
    return path


@limits_memory
def test_a_full_check_that_needs_more_memory_than_allowed_says_so_and_names_the_limit(tmp_path: Path) -> None:
    path = write_long_text(tmp_path / "f", text_bytes=16 << 20, rows=64)
    with Inspector(memory_bytes=512 << 20) as inspector:
        with pytest.raises(SourceError, match=r"needs more memory to inspect than is allowed \(512 MiB\)"):
            inspector.inspect(path, full=True)
        assert inspector.inspect(path, full=False).findings == ()


@limits_memory
def test_long_texts_that_do_not_fit_a_batch_are_read_a_few_rows_at_a_time(tmp_path: Path) -> None:
    path = write_long_text(tmp_path / "f", text_bytes=256 << 10, rows=4_096)
    with Inspector(memory_bytes=512 << 20) as inspector:
        found = inspector.inspect(path, full=True)
    assert found.findings == ()
    assert found.facts is not None
    assert found.facts.rows_read == 4_096


@limits_memory
def test_a_limit_too_low_for_the_parser_itself_is_no_broken_installation(good: Path) -> None:
    with (
        Inspector(memory_bytes=100 << 20) as inspector,
        pytest.raises(SourceError, match=r"needs more memory to inspect than is allowed \(100 MiB\)"),
    ):
        inspector.inspect(good, full=False)
