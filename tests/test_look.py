"""The look before sending never passes one file's findings off as another's, and leaves nothing open."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.parquet_files import write_good

from tiktok_upload.contract import Contract, Family, Field
from tiktok_upload.errors import InterruptedUploadError, SourceChangedError, SourceError
from tiktok_upload.facts import Column, FileFacts, Finding
from tiktok_upload.look import Agreement, Demands, Looked, look
from tiktok_upload.parquet import Inspection, Inspector, Question
from tiktok_upload.parquet.inspector import always, never
from tiktok_upload.source import Source
from tiktok_upload.stop import Cancelled, Stop
from tiktok_upload.tally import Place, Tally

FACTS = FileFacts(3, 1, (Column("id", "int64", family="integer"),), ("SNAPPY",), "a writer")
FINDING = Finding("footer-row-count", "error", "it has other rows than it says")


class FakeInspector(Inspector):
    """Answers what it is told to; remembers how it was asked."""

    def __init__(self, answer: Callable[[Path], Inspection]) -> None:
        super().__init__()
        self._answer = answer
        self.asked: list[tuple[Path, Question | None, bool]] = []
        self.reads_on: list[bool] = []

    def inspect(
        self,
        path: Path,
        question: Question | None = None,
        *,
        full: bool = False,  # noqa: ARG002 - the question says it
        reads_on: Callable[[FileFacts], bool] = always,
        cancelled: Callable[[], bool] = never,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Inspection:
        self.asked.append((path, question, cancelled()))
        if on_progress:
            on_progress(1, 3)
        found = self._answer(path)
        self.reads_on += [reads_on(found.facts)] if found.facts else []
        return found


def honest(path: Path) -> Inspection:
    found = path.stat()
    return Inspection(FACTS, (FINDING,), found.st_size, found.st_mtime_ns, found.st_ino)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "part\u202e.parquet"
    made.write_bytes(b"some rows")
    return made


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Source]:
    """All sources that were opened."""
    sources: list[Source] = []

    def open_source(path: Path) -> Source:
        sources.append(Source(path))
        return sources[-1]

    monkeypatch.setattr("tiktok_upload.look.Source", open_source)
    return sources


NOW = "2026-11-23T12:00:00+00:00"


def look_at(
    inspector: Inspector,
    path: Path,
    *,
    stop: Stop | None = None,
    full: bool = False,
    demands: Demands | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Looked:
    return look(
        inspector,
        path,
        stop or Stop(),
        demands or Demands(full=full),
        judged_at=lambda _fingerprint: NOW,
        on_progress=on_progress,
    )


def is_closed(sources: list[Source]) -> list[bool]:
    return [source._file.closed for source in sources]


def test_a_look_gives_the_open_file_with_its_facts_and_findings(path: Path, opened: list[Source]) -> None:
    looked = look_at(FakeInspector(honest), path)
    with looked.source:
        assert (looked.facts, looked.findings) == (FACTS, (FINDING,))
        assert opened == [looked.source]
        assert is_closed(opened) == [False]


def test_a_file_whose_structure_cannot_be_told_has_findings_only(path: Path) -> None:
    inspector = FakeInspector(lambda path: replace(honest(path), facts=None))
    looked = look_at(inspector, path)
    looked.source.close()
    assert (looked.facts, looked.findings) == (None, (FINDING,))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("stopped", [False, True])
def test_the_inspector_is_asked_as_was_wished_and_can_ask_whether_to_stop(
    path: Path, *, full: bool, stopped: bool
) -> None:
    inspector, stop, progress = FakeInspector(honest), Stop(), list[tuple[int, int]]()
    if stopped:
        stop.interrupt(130)
    looked = look_at(
        inspector, path, stop=stop, full=full, on_progress=lambda done, total: progress.append((done, total))
    )
    looked.source.close()
    assert inspector.asked == [(path, Question(full=full, judged_at=NOW), stopped)]
    assert progress == [(1, 3)]


@pytest.mark.parametrize("mark", ["inode", "size_bytes", "mtime_ns"])
def test_an_inspection_of_another_file_is_refused(path: Path, opened: list[Source], mark: str) -> None:
    def other(path: Path) -> Inspection:
        found = honest(path)
        return replace(found, **{mark: getattr(found, mark) + 1})

    with pytest.raises(SourceChangedError) as caught:
        look_at(FakeInspector(other), path)
    assert caught.value.message == f"{path.parent}{os.sep}part\\u202e.parquet changed while it was inspected"
    assert (caught.value.exit_code, caught.value.kept) == (4, "nothing was sent")
    assert is_closed(opened) == [True]


@pytest.mark.skipif(os.name != "posix", reason="POSIX only")
def test_a_file_that_is_replaced_between_opening_and_inspecting_is_refused(path: Path, opened: list[Source]) -> None:
    def replaced(path: Path) -> Inspection:
        copy = path.with_name("copy")
        copy.write_bytes(path.read_bytes())
        os.utime(copy, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
        copy.replace(path)
        return honest(path)

    with pytest.raises(SourceChangedError):
        look_at(FakeInspector(replaced), path)
    assert is_closed(opened) == [True]


def test_an_interrupted_inspection_is_a_cancelled_look(path: Path, opened: list[Source]) -> None:
    interruption = InterruptedUploadError("stopped by Ctrl-C")

    def interrupted(_path: Path) -> Inspection:
        raise interruption

    with pytest.raises(Cancelled) as caught:
        look_at(FakeInspector(interrupted), path)
    assert caught.value.__cause__ is interruption
    assert is_closed(opened) == [True]


@pytest.mark.parametrize("error", [SourceError("cannot be inspected"), MemoryError(), KeyboardInterrupt()], ids=repr)
def test_whatever_else_the_inspector_raises_goes_on_and_the_file_is_closed(
    path: Path, opened: list[Source], error: BaseException
) -> None:
    def failing(_path: Path) -> Inspection:
        raise error

    with pytest.raises(type(error)) as caught:
        look_at(FakeInspector(failing), path)
    assert caught.value is error
    assert is_closed(opened) == [True]


def test_a_missing_file_is_not_inspected(path: Path) -> None:
    inspector = FakeInspector(honest)
    with pytest.raises(SourceError) as caught:
        look_at(inspector, path.with_name("no-such"))
    assert (caught.value.name, inspector.asked) == ("no_such_file", [])


def test_the_real_inspector_sees_the_file_that_was_opened(tmp_path: Path) -> None:
    good = write_good(tmp_path / "good.parquet")
    with Inspector() as inspector:
        looked = look_at(inspector, good, full=True)
    with looked.source:
        assert looked.facts is not None
        assert (looked.facts.rows, looked.findings) == (300, ())


def test_the_real_inspector_leaves_a_stopped_run(tmp_path: Path, opened: list[Source]) -> None:
    stop = Stop()
    stop.interrupt(143)
    with Inspector() as inspector, pytest.raises(Cancelled):
        look_at(inspector, write_good(tmp_path / "good.parquet"), stop=stop, full=True)
    assert is_closed(opened) == [True]


# ------------------------------------------------------------------------------------------------- what is demanded
def of_columns(*columns: Column) -> Callable[[Path], Inspection]:
    return lambda path: replace(honest(path), facts=replace(FACTS, columns=columns), findings=())


def rules(looked: Looked) -> list[str]:
    looked.source.close()
    return [finding.rule for finding in looked.findings]


@pytest.mark.parametrize(("family", "fits"), [("integer", True), ("string", False)])
def test_the_rows_of_a_file_whose_columns_break_the_contract_need_not_be_read(
    path: Path, family: Family, *, fits: bool
) -> None:
    contract = Contract("mine", "1", "", (Field("id", family),))
    inspector = FakeInspector(of_columns(*FACTS.columns))
    looked = look_at(inspector, path, demands=Demands(full=True, contract=contract))
    assert (inspector.reads_on, rules(looked) == []) == ([fits], fits)


def test_without_a_contract_the_first_file_s_columns_are_those_of_all(path: Path) -> None:
    demands = Demands(agreement=Agreement())
    first = look_at(FakeInspector(of_columns(*FACTS.columns)), path, demands=demands)
    other = look_at(FakeInspector(of_columns(Column("id", "string", family="string"))), path, demands=demands)
    third = look_at(FakeInspector(of_columns(*FACTS.columns)), path, demands=demands)
    assert (rules(first), rules(other), rules(third)) == ([], ["files-disagree"], [])


def test_what_the_guard_finds_counts_only_where_it_is_asked_for(path: Path) -> None:
    tally = Tally("id", "email", seen=3, hits=1, places=(Place(0, 2, 15),))
    inspector = FakeInspector(lambda path: replace(honest(path), findings=(), counted=(tally,)))
    unasked = look_at(inspector, path, demands=Demands(guard=False))
    asked = look_at(inspector, path, demands=Demands(guard=True))
    assert (rules(unasked), len(rules(asked))) == ([], 1)
    assert (asked.findings[0].severity, asked.findings[0].row) == ("error", 2)


def test_only_a_quick_look_says_what_it_does_not_prove(path: Path) -> None:
    inspector = FakeInspector(of_columns(*FACTS.columns))
    quick, full = look_at(inspector, path), look_at(inspector, path, full=True)
    assert (rules(quick), rules(full)) == ([], [])
    assert (quick.unproved, full.unproved) == (("that every page is whole",), ())
