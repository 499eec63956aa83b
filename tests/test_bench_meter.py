import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.bench.meter import _Peaks, measure
from tests.bench.rig import Rig, RunFailedError
from tests.bench.spine import Row, _first_part_after_resume

pytestmark = pytest.mark.skipif(os.name != "posix", reason="wait4 is POSIX")

# Both hold still, the child at its largest, until their stdin ends.
CHILD = "import sys; held = bytearray(64 << 20); print(flush=True); sys.stdin.read()"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(flush=True)
sys.stdin.read()
child.communicate()
"""


def rig(folder: Path) -> Rig:
    return Rig((sys.executable,), None, folder, folder, "http://127.0.0.1:1")


def test_the_exit_code_of_the_command_is_kept() -> None:
    assert measure([sys.executable, "-c", "raise SystemExit(3)"]).exit_code == 3


def test_a_command_that_is_killed_has_a_negative_code() -> None:
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert measure([sys.executable, "-c", kill]).exit_code == -9


def test_time_and_memory_are_more_than_nothing() -> None:
    found = measure([sys.executable, "-c", "sum(range(10**6))"], stdout=subprocess.DEVNULL)
    assert min(found.wall_s, found.cpu_s, found.main_peak_bytes) > 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell the processes apart")
def test_the_memory_of_a_child_is_told_apart() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with _Peaks(process.pid) as peaks:
            pass
        process.communicate()
    assert 0 < peaks.of_main() < 64 << 20 < peaks.of_children() < 128 << 20


def test_the_output_of_a_command_is_given(tmp_path: Path) -> None:
    _, said = rig(tmp_path).run([sys.executable, "-c", "print('yes')"])
    assert said.split() == [b"yes"]


def test_a_command_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(RunFailedError, match="no such luck"):
        rig(tmp_path).run([sys.executable, "-c", "raise SystemExit('no such luck')"])


def test_the_largest_journal_counts_and_none_is_nothing(tmp_path: Path) -> None:
    assert rig(tmp_path).journal_bytes("k") == 0
    for name, size in (("a.jsonl", 10), ("b.jsonl", 30), ("c.json", 90)):
        path = rig(tmp_path).state("k") / "uploads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    assert rig(tmp_path).journal_bytes("k") == 30


def test_the_first_part_after_a_resume_is_found() -> None:
    events: list[tuple[float, dict[str, Any]]] = [
        (0.1, {"event": "file_planned"}),
        (0.2, {"event": "upload_resumed", "parts_kept": 9}),
        (0.3, {"event": "part_stored"}),
    ]
    assert _first_part_after_resume(iter(events)) == (9, 0.3)


@pytest.mark.parametrize(("met", "end"), [(True, "| yes |"), (False, "| **no** |"), (None, "|  |")])
def test_a_row_says_whether_its_goal_is_met(met: bool | None, end: str) -> None:  # noqa: FBT001 - a case of the table
    assert str(Row("a", "1 s", "< 2 s", met)) == f"| a | 1 s | < 2 s {end}"
