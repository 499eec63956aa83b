"""A child that behaves as a test wants, against what the parent makes of it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tiktok_upload.errors import InterruptedUploadError, SourceChangedError, SourceError, UploadToolError, UsageError
from tiktok_upload.parquet import Inspection, Inspector, Question, process

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")

PRELUDE = """
import json, os, signal, sys
def say(kind, **data):
    sys.stdout.write(json.dumps({"kind": kind, **data}) + "\\n")
    sys.stdout.flush()
def ready():
    say("ready")
    sys.stdin.readline()
def opened():
    say("opened", size_bytes=1, mtime_ns=2, inode=3)
def hang():
    sys.stdin.read()
def die(name, words=""):
    sys.stderr.write(words)
    sys.stderr.flush()
    os.kill(os.getpid(), getattr(signal, name))
def done():
    say("done", facts=None, findings=[])
def planned(*weights):
    facts = {"rows": len(weights), "row_groups": len(weights), "columns": [], "codecs": [], "created_by": ""}
    units = [
        {"first": n, "end": n + 1, "first_row": n, "columns": None, "weight": weight, "unique": None}
        for n, weight in enumerate(weights)
    ]
    say("done", facts=facts, findings=[], units=units)
def unit():
    sys.stdin.readline()
    opened()
def unit_done():
    say("done", rows=1, tallies=[], findings=[])
"""
Script = Callable[[str], None]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Replaces the child's program."""

    def replace(program: str) -> None:
        monkeypatch.setattr(process, "COMMAND", (sys.executable, "-c", PRELUDE + program))

    return replace


def inspect(**options: Any) -> Inspection:
    with Inspector(workers=1) as inspector:
        return inspector.inspect(Path("f"), full=True, **options)


def test_a_child_that_says_nothing_is_ended_after_the_time_given(script: Script) -> None:
    script("ready(); opened(); hang()")
    with Inspector(stall_s=0.05) as inspector:
        inspector.start()
        child = inspector._askers[0].child
        assert child is not None
        with pytest.raises(SourceError, match=r"f could not be inspected within 0\.05 s"):
            inspector.inspect(Path("f"), full=False)
        assert child.has_ended


def test_a_stop_is_heard_while_the_child_works(script: Script) -> None:
    script("ready(); opened(); planned(9); unit(); say('progress', done=1, total=9); hang()")
    seen: list[tuple[int, int]] = []
    with Inspector() as inspector:
        inspector.start()
        child = inspector._askers[0].child
        assert child is not None
        with pytest.raises(InterruptedUploadError) as caught:
            inspector.inspect(
                Path("f"),
                full=True,
                cancelled=lambda: bool(seen),
                on_progress=lambda done, total: seen.append((done, total)),
            )
        assert child.has_ended
    assert seen == [(1, 9)]
    assert caught.value.resumable


def test_a_stop_is_heard_while_the_child_starts(script: Script) -> None:
    script("hang()")
    asked = iter([False, True])
    with pytest.raises(InterruptedUploadError):
        inspect(cancelled=lambda: next(asked))


def test_a_stop_outranks_the_death_that_it_may_have_caused(script: Script, tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    script(f"ready(); open({str(stopped)!r}, 'w').close(); os._exit(3)")
    with pytest.raises(InterruptedUploadError):
        inspect(cancelled=stopped.exists)


def test_progress_is_handed_on(script: Script) -> None:
    script(
        "ready(); opened(); planned(9, 4)\n"
        "unit(); say('progress', done=1, total=9); say('progress', done=5, total=9); unit_done()\n"
        "unit(); say('progress', done=2, total=4); unit_done(); hang()"
    )
    seen: list[tuple[int, int]] = []
    found = inspect(on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 13), (5, 13), (9, 13), (11, 13), (13, 13)]
    assert found.facts is not None
    assert (found.facts.rows_read, found.findings) == (2, ())
    assert (found.size_bytes, found.mtime_ns, found.inode) == (1, 2, 3)


SHARED_OUT = """
say("ready")
for line in sys.stdin:
    unit = json.loads(line).get("unit")
    opened()
    if unit is None:
        planned(9, 4, 4)
    elif unit["first"] == {hanging}:
        hang()
    elif unit["first"] == {failing}:
        say("bug", reason="KeyError at scan.py:7")
    else:
        unit_done()
"""


def test_units_are_shared_out_among_children_that_end_with_the_inspector(script: Script) -> None:
    script(SHARED_OUT.format(hanging=None, failing=None))
    seen: list[tuple[int, int]] = []
    with Inspector(workers=2) as inspector:
        found = inspector.inspect(Path("f"), full=True, on_progress=lambda done, total: seen.append((done, total)))
        children = [asker.child for asker in inspector._askers if asker.child]
    assert found.facts is not None
    assert (found.facts.rows_read, sorted(seen), seen[-1]) == (3, seen, (17, 17))
    assert [child.has_ended for child in children] == [True] * len(children)


def test_one_unit_that_fails_ends_the_others_and_is_the_error_told(script: Script) -> None:
    script(SHARED_OUT.format(hanging=0, failing=1))
    with Inspector(workers=2) as inspector, pytest.raises(UploadToolError, match=r"KeyError at scan\.py:7"):
        inspector.inspect(Path("f"), full=True)


def test_rows_that_nobody_wants_read_any_more_are_not_read(script: Script) -> None:
    script(SHARED_OUT.format(hanging=0, failing=1))
    with Inspector(workers=2) as inspector:
        found = inspector.inspect(Path("f"), full=True, reads_on=lambda facts: facts.rows != 3)
    assert found.facts is not None
    assert (found.facts.rows, found.facts.rows_read) == (3, None)


def test_an_answer_given_just_before_the_end_counts(script: Script) -> None:
    script("ready(); opened(); done(); os._exit(0)")
    assert inspect().findings == ()


@posix
@pytest.mark.parametrize("name", ["SIGABRT", "SIGSEGV"])
def test_a_crash_is_a_finding(script: Script, name: str) -> None:
    script(f"ready(); opened(); die('{name}', 'what(): bob@example.com')")
    found = inspect()
    assert [finding.rule for finding in found.findings] == ["parser-died"]
    assert name in found.findings[0].message
    assert "bob" not in found.findings[0].message
    assert found.size_bytes == 1


@posix
def test_a_crash_over_the_rows_is_a_finding_and_they_do_not_count_as_read(script: Script) -> None:
    script("ready(); opened(); planned(9); unit(); die('SIGSEGV')")
    found = inspect()
    assert [finding.rule for finding in found.findings] == ["parser-died"]
    assert found.facts is not None
    assert (found.facts.rows, found.facts.rows_read) == (1, None)


def test_a_file_that_is_replaced_before_its_rows_are_read_is_refused(script: Script) -> None:
    script(
        "ready(); opened(); planned(9); sys.stdin.readline()\n"
        "say('opened', size_bytes=1, mtime_ns=2, inode=4); unit_done(); hang()"
    )
    with pytest.raises(SourceChangedError):
        inspect()


def test_a_contract_that_does_not_fit_the_file_is_a_wrong_use(script: Script) -> None:
    script("ready(); opened(); say('misfit', reason='no such rule', hint='mend it'); hang()")
    with pytest.raises(UsageError) as caught:
        inspect()
    assert (caught.value.message, caught.value.hint) == ("no such rule (f)", "mend it")


@posix
def test_a_crash_before_the_file_was_opened_is_no_finding_about_it(script: Script) -> None:
    script("ready(); die('SIGSEGV')")
    with pytest.raises(SourceError, match="could not be inspected"):
        inspect()


@posix
def test_a_crash_for_want_of_memory_is_an_error(script: Script) -> None:
    script("ready(); opened(); die('SIGABRT', \"terminate called ... 'std::bad_alloc'\")")
    with pytest.raises(SourceError, match="needs more memory"):
        inspect()


@posix
def test_a_kill_by_the_system_is_an_error(script: Script) -> None:
    script("ready(); opened(); die('SIGKILL')")
    with pytest.raises(SourceError, match="for want of memory"):
        inspect()


def test_the_last_words_are_kept_only_in_part(script: Script) -> None:
    script("say('ready'); opened(); sys.stderr.write('x' * 1_000_000 + 'bad_alloc'); sys.stderr.flush(); os._exit(9)")
    child = process.ChildProcess(1 << 30)
    returncode, tail = child.last_words()
    child.kill()
    assert returncode == 9
    assert tail.endswith(b"xbad_alloc")
    assert len(tail) == process._TAIL_BYTES


def test_want_of_memory_in_a_worn_child_is_decided_by_a_new_one(script: Script, tmp_path: Path) -> None:
    marker = tmp_path / "was here"
    script(
        f"""
say("ready")
for line in sys.stdin:
    opened()
    if not os.path.exists({str(marker)!r}):
        open({str(marker)!r}, "w").close()
        done()
    elif not os.path.exists({str(marker)!r} + "2"):
        open({str(marker)!r} + "2", "w").close()
        say("memory")
    else:
        done()
"""
    )
    with Inspector() as inspector:
        inspector.inspect(Path("first"), full=True)
        worn = inspector._askers[0].child
        assert inspector.inspect(Path("second"), full=True).findings == ()
        assert inspector._askers[0].child is not worn


def test_want_of_memory_in_a_new_child_is_final(script: Script) -> None:
    script("ready(); opened(); say('memory'); hang()")
    with pytest.raises(SourceError, match="needs more memory"):
        inspect()


def test_a_file_that_changed_meanwhile_is_an_error_that_can_be_tried_again(script: Script) -> None:
    script("ready(); opened(); say('changed'); hang()")
    with pytest.raises(SourceChangedError):
        inspect()


def test_a_refusal_is_an_error_with_its_hint(script: Script) -> None:
    script("ready(); say('refused', reason='is a lion', hint='leave it'); hang()")
    with pytest.raises(SourceError) as caught:
        inspect()
    assert (caught.value.message, caught.value.hint) == ("f is a lion", "leave it")


def test_a_bug_in_the_child_is_reported_as_one(script: Script) -> None:
    script("ready(); opened(); say('bug', reason='KeyError at scan.py:7'); hang()")
    with pytest.raises(UploadToolError, match=r"KeyError at scan\.py:7") as caught:
        inspect()
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    "program",
    ["sys.exit(1)", "say('unusable', reason='import')", "import no_such_module"],
    ids=["exits", "says", "fails"],
)
def test_a_parser_that_cannot_be_loaded_is_an_error_that_says_reinstall(script: Script, program: str) -> None:
    script(program)
    with pytest.raises(SourceError) as caught:
        inspect()
    assert "--force-reinstall" in caught.value.hint


def test_a_system_without_processes_left_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(SourceError, match="cannot be started: Resource temporarily unavailable"):
        inspect()


def test_a_child_that_is_gone_cannot_be_asked(script: Script) -> None:
    script("sys.exit(0)")
    child = process.ChildProcess(1 << 30)
    child._process.wait()
    for _ in range(2):
        with pytest.raises(process.ChildGoneError):
            child.receive(60)
    with pytest.raises(process.ChildGoneError):
        child.request(b"f", {})
    child.kill()


def test_a_child_that_does_not_end_when_asked_is_killed(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_END_S", 0.05)
    script("say('ready')\nwhile True: pass")
    child = process.ChildProcess(1 << 30)
    assert child.receive(60) == {"kind": "ready"}
    child.end()
    child._process.wait()
    assert child.has_ended


def test_a_request_is_one_line_whatever_the_name(script: Script) -> None:
    script("say('ready'); say('refused', reason=json.dumps(json.loads(sys.stdin.readline())), hint=''); hang()")
    with Inspector(workers=3) as inspector, pytest.raises(SourceError) as caught:
        inspector.inspect(Path("/line\nfeed"), full=True)
    request = json.loads(caught.value.message.partition(" ")[2])
    expected = {"path": "L2xpbmUKZmVlZA==", "wanted": Question(full=True).to_json(workers=3)}
    assert request == expected or sys.platform == "win32"
