"""What the child does with a request, as seen from inside it."""

import base64
import json
import os
import queue
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from tests.support.parquet_files import write_good

from tiktok_upload import portable
from tiktok_upload.errors import UsageError
from tiktok_upload.parquet import Question, child, measuring

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


class Heard(child._Answers):
    """The parent's end of the pipe."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        super().__init__(None)  # type: ignore[arg-type] # nothing is written

    def send(self, kind: str, **data: Any) -> None:
        self.answers.append({"kind": kind, **json.loads(json.dumps(data))})

    @property
    def kinds(self) -> list[str]:
        return [answer["kind"] for answer in self.answers]


def ask(path: Path | bytes, *, full: bool = False) -> Heard:
    heard = Heard()
    child._answer(request(path, full=full), heard)
    return heard


def request(path: Path | bytes, *, full: bool) -> dict[str, Any]:
    wanted = Question(full=full).to_json(workers=1)
    return {"path": base64.b64encode(os.fsencode(path)).decode(), "wanted": wanted}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_good(tmp_path / "good.parquet")


def during_the_check(monkeypatch: pytest.MonkeyPatch, act: Callable[[BinaryIO], Any]) -> None:
    def measure(file: BinaryIO, *_wanted: object, **_options: object) -> measuring.Measured:
        act(file)
        return measuring.Measured(None, ())

    monkeypatch.setattr(measuring, "measure", measure)


def test_the_file_that_was_opened_is_named_before_it_is_parsed(good: Path) -> None:
    heard = ask(good)
    status = good.stat()
    assert heard.answers[0] == {
        "kind": "opened",
        "size_bytes": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "inode": status.st_ino,
    }
    assert heard.kinds == ["opened", "statistics", "statistics", "done"]
    assert heard.answers[-1]["findings"] == []
    assert heard.answers[-1]["facts"]["rows"] == 300


def test_a_full_check_is_planned_in_units_and_each_of_them_is_a_request(good: Path) -> None:
    planned = ask(good, full=True)
    (unit,) = planned.answers[-1]["units"]
    assert planned.answers[-1]["facts"]["rows_read"] is None
    heard = Heard()
    child._answer({**request(good, full=True), "unit": unit}, heard)
    assert list(dict.fromkeys(heard.kinds)) == ["opened", "progress", "done"]
    assert heard.answers[0] == planned.answers[0]
    assert heard.answers[-1] == {"kind": "done", "rows": 300, "tallies": [], "findings": []}


def test_a_contract_that_cannot_be_run_on_the_file_is_told_with_its_hint(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: BinaryIO) -> None:
        raise UsageError("no such rule", hint="mend it")

    during_the_check(monkeypatch, refuse)
    assert ask(good).answers[1:] == [{"kind": "misfit", "reason": "no such rule", "hint": "mend it"}]


def test_a_file_that_is_written_to_meanwhile_gets_no_verdict(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    during_the_check(monkeypatch, lambda _file: good.write_bytes(b"other"))
    assert ask(good).kinds == ["opened", "changed"]


def test_a_beat_is_sent_only_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    heard = Heard()
    for tenth in range(30):
        now[0] = 10 + tenth * child._BEAT_S / 3
        heard.beat(tenth, 30)
    assert [answer["done"] for answer in heard.answers][:3] == [0, 3, 6]
    assert len(heard.answers) <= 11


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (MemoryError(), {"kind": "memory"}),
        (OSError(5, "EIO"), {"kind": "refused", "reason": "cannot be read: EIO", "hint": ""}),
    ],
)
def test_errors_of_the_machine_are_told_apart(
    good: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, answer: dict[str, str]
) -> None:
    def fail(_file: BinaryIO) -> None:
        raise error

    during_the_check(monkeypatch, fail)
    assert ask(good).answers[1:] == [answer]


def test_a_bug_is_reported_by_type_and_place_without_its_text(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_file: BinaryIO) -> None:
        raise KeyError("bob@example.com")

    during_the_check(monkeypatch, fail)
    answer = ask(good).answers[-1]
    assert answer["kind"] == "bug"
    assert answer["reason"].startswith("KeyError at test_parquet_child.py:")
    assert "bob" not in answer["reason"]


def test_a_parent_that_is_gone_is_not_answered_again(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_file: BinaryIO) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    during_the_check(monkeypatch, fail)
    with pytest.raises(BrokenPipeError):
        ask(good)


def test_a_directory_and_a_missing_file_are_refused_in_words(tmp_path: Path) -> None:
    assert ask(tmp_path).answers == [{"kind": "refused", "reason": "is a directory, not a file", "hint": "name a file"}]
    assert ask(tmp_path / "gone").answers[0]["reason"] == "cannot be read: No such file or directory"


@posix
def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert ask(tmp_path / "fifo").answers[0]["reason"] == "is a device, a pipe or a socket, not a file"


@posix
def test_a_device_is_refused() -> None:
    assert ask(Path(os.devnull)).kinds == ["refused"]


def test_a_directory_is_named_as_one_where_the_system_cannot_open_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: bytes) -> BinaryIO:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(portable, "open_for_reading", refuse)
    assert ask(tmp_path).answers[0]["reason"] == "is a directory, not a file"
    assert ask(tmp_path / "file").answers[0]["reason"] == "cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ImportError("libarrow.so: failed to map segment from shared object"), "memory"),
        (ImportError("libarrow.so: cannot allocate memory in static TLS block"), "memory"),
        (MemoryError(), "memory"),
        (ModuleNotFoundError("No module named 'pyarrow'"), "import"),
    ],
)
def test_a_parser_that_cannot_be_loaded_is_told_from_one_that_does_not_fit(error: Exception, reason: str) -> None:
    assert child._is_memory(error) == (reason == "memory")


@posix
def test_the_child_leaves_no_core_dump_with_the_data_of_the_user_in_it() -> None:
    program = (
        "import resource; from tiktok_upload.parquet import child; child._confine(2 << 30);"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"0"


def test_what_native_code_prints_never_reaches_the_parent() -> None:
    program = (
        "import os; from tiktok_upload.parquet import child; pipe = child._take_stdout();"
        "os.write(1, b'noise'); print('more', flush=True); pipe.write(b'answer'); pipe.flush()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"answer"
    assert b"noise" in done.stderr
    assert b"more" in done.stderr


def test_requests_are_read_until_stdin_ends_and_then_the_process_does() -> None:
    program = (
        "import queue, threading; from tiktok_upload.parquet import child; requests = queue.SimpleQueue();"
        "threading.Thread(target=child._read_requests, args=(requests,), daemon=True).start();"
        "print(requests.get()['a'], flush=True); requests.get()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"a": 1}\n')
        process.stdin.flush()
        assert process.stdout.readline().strip() == b"1"
        process.stdin.close()
        assert process.wait(60) == 0


def test_serving_says_when_the_parser_is_there_and_answers_in_turn(good: Path) -> None:
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    for _ in range(2):
        requests.put(request(good, full=True))
    requests.put({})

    class UntilTheBug(Heard):
        def send(self, kind: str, **data: Any) -> None:
            super().send(kind, **data)
            if kind == "bug":
                raise BrokenPipeError

    heard = UntilTheBug()
    with pytest.raises(BrokenPipeError):
        child._serve(requests, heard)
    kinds = [kind for kind in heard.kinds if kind not in ("progress", "statistics")]
    assert kinds == ["ready", "opened", "done", "opened", "done", "bug"]
