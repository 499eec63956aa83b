"""The short form of the torture, and its oracle held against situations that nobody should ever see."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.support.command import SECRET
from tests.support.hostile_s3 import Fault
from tests.support.hostile_s3.faults import BY_NAME
from tests.torture import oracle
from tests.torture.campaign import Campaign
from tests.torture.cells import CELLS, KINDS, OPERATIONS, Cell, Coverage, cell_of, fault_at
from tests.torture.codes import allowed_codes
from tests.torture.evidence import Episode, Finding, Process, Request
from tests.torture.plan import CALM, MULTIPART, SINGLE, Attempt, Case, Deed, case_of, next_content, parts_of
from tests.torture.report import report
from tests.torture.run import Verdict
from tests.torture.sending import lost_uploads, sent_twice
from tests.torture.shelf import SHAPES, Content, Shelf, content_of
from tests.torture.sources import Sources
from tests.torture.store import Holding, ObjectThere, UploadThere

SEED = 1
KEY = "run/f0.parquet"
OLD, NEW, THEIRS = content_of(b"old" * 3_000_000), content_of(b"new" * 3_000_000), content_of(b"theirs")
NONCE = "nonce"
CASE = replace(case_of(SEED), overwrite=False, concurrency=2)


def test_a_few_runs_end_with_the_right_objects_whatever_goes_wrong(tmp_path: Path) -> None:
    with Campaign(SEED, jobs=2, directory=tmp_path) as campaign:
        verdicts = campaign.play(25)
    assert [(verdict.case.seed, str(finding)) for verdict in verdicts for finding in verdict.findings] == []
    assert len({cell for verdict in verdicts for cell in verdict.hits}) >= 25
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------------------ the plan
def test_every_fault_that_the_store_offers_is_in_the_table() -> None:
    assert KINDS.keys() == BY_NAME


def test_the_store_takes_every_fault_that_may_be_drawn() -> None:
    for cell, seed in itertools.product(CELLS, range(20)):
        drawn = fault_at(cell, Random(seed), key=KEY, parts=3)
        assert Fault.from_json(json.loads(json.dumps(drawn))).operation == OPERATIONS[cell.phase]
        assert cell_of(drawn) == cell


def test_a_run_is_its_seed_s_alone() -> None:
    assert [case_of(seed) for seed in range(300)] == [case_of(seed) for seed in range(300)]


def test_the_seed_s_rest_is_the_cell_and_a_fault_of_it_is_scripted_for_a_file_that_has_it() -> None:
    for seed in range(10 * len(CELLS)):
        case = case_of(seed)
        assert case.aim == CELLS[seed % len(CELLS)]
        files = [fault["key"] for attempt in case.attempts for fault in attempt.faults if cell_of(fault) == case.aim]
        kinds = {"put": SINGLE, "head": (*SINGLE, *MULTIPART)}.get(case.aim.phase, MULTIPART)
        assert any(case.files[file] in kinds for file in files)


def test_no_request_is_carried_out_late_where_it_could_undo_what_a_later_run_overwrote() -> None:
    overwriting = [case for case in map(case_of, range(2_000)) if case.overwrite]
    assert len(overwriting) > 50
    assert all(attempt.release != "later" for case in overwriting for attempt in case.attempts)


def test_shapes_have_the_parts_that_are_told_and_variants_differ_in_bytes_only(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for shape in ("one", "brim", "two"):
        (_, first), (_, second) = shelf.take(shape, 0), shelf.take(shape, 1)
        assert (first.parts, first.size, first.size // (1 << 20)) == (parts_of(shape), second.size, SHAPES[shape])
        assert first.digest != second.digest
    assert next_content("two", 0, 0) == ("two", 1)
    assert next_content("two", 1, 3) == ("one", 0)


def test_files_change_as_they_are_told_to(tmp_path: Path) -> None:
    sources = Sources(Shelf(tmp_path / "shelf"), tmp_path / "in", ("one", "one"), "p/", keeps_paths=True)
    (first, second), before = sources.paths, sources.contents()
    inode = first.stat().st_ino
    assert list(before) == ["p/f0.parquet", "p/dt=1/f1.parquet"]
    assert sources.rewrite(0) == content_of(first.read_bytes()) != before["p/f0.parquet"][0]
    assert first.stat().st_ino == inode
    assert sources.replace(1, 3) == content_of(second.read_bytes())
    sources.touch(0, 1)
    assert first.stat().st_mtime_ns == 1_000_000_000
    for choice in range(3):
        path, digest = sources.foreign(0, choice)
        is_same = path.read_bytes() == first.read_bytes()
        assert (content_of(path.read_bytes()).digest, is_same) == (digest, choice == 2)


# ------------------------------------------------------------------------------------------------------------ coverage
def test_the_least_hit_cell_comes_next_the_seed_s_own_first() -> None:
    coverage = Coverage()
    assert coverage.least_hit(7) == 7
    assert coverage.least_hit(7, aimed=[CELLS[7]]) == 8
    coverage.add(cell for cell in CELLS if cell != CELLS[3])
    assert coverage.least_hit(len(CELLS) - 1) == 3
    assert (coverage.lowest(), coverage.hits[CELLS[4]]) == (0, 1)


def test_the_table_shows_each_cell_and_marks_those_that_cannot_be() -> None:
    coverage = Coverage()
    coverage.add([Cell("garbled", "list")] * 3)
    assert "| garbled | 0 | \N{EN DASH} | 3 | 0 | \N{EN DASH} | \N{EN DASH} | \N{EN DASH} |" in coverage.table()


def test_the_report_counts_findings_and_says_how_to_play_a_run_again() -> None:
    verdict = Verdict(CASE, (Finding("lost upload", "gone"),), codes=(0, 7), kept=Path("kept"))
    text = report([verdict], Coverage(), 2.0)
    assert "| **lost upload** | 1 |" in text
    assert f"seed {SEED}: lost upload: gone\n  again: python -m tests.torture --seed {SEED} --runs 1" in text


# ---------------------------------------------------------------------------------------------------------- the oracle
def there(content: Content, nonce: str = NONCE) -> ObjectThere:
    return ObjectThere(content.digest, content.size, f'"{content.digest[:8]}"', nonce)


def said(status: str = "uploaded", content: Content = NEW, *, code: int = 0, error: str = "", **more: Any) -> Process:
    """A process that tells one file and its result."""
    entry = {
        "uri": f"s3://torture/{KEY}",
        "status": status,
        "checksum": {"algorithm": "CRC64NVME", "value": content.checksums["CRC64NVME"]},
        "error": {"code": error} if error else None,
    }
    result = {"event": "result", "exit_code": code, "files": [entry]}
    stderr = "error: something\n  hint: do something\n" if code else ""
    return Process(code, json.dumps(result) + "\n", **{"stderr": stderr, **more})


def receipt(content: Content = NEW) -> dict[str, Any]:
    checksum = {"algorithm": "CRC64NVME", "value": content.checksums["CRC64NVME"]}
    return {
        "source": {"size_bytes": content.size},
        "head_etag": there(content).etag,
        "nonce": NONCE,
        "file": {"checksum": checksum},
    }


def episode(process: Process | None = None, **changes: Any) -> Episode:
    """A calm push that delivered the file."""
    values: dict[str, Any] = {
        "attempt": CALM,
        "processes": (process or said(),),
        "contents": {KEY: (NEW,)},
        "holding": Holding({KEY: there(NEW)}),
        "receipts": {(0, KEY): receipt()},
    }
    return Episode(**{**values, **changes})


def kinds(findings: Sequence[Finding]) -> set[str]:
    return {finding.kind for finding in findings}


def judged(*episodes: Episode, case: Case = CASE) -> set[str]:
    return kinds([*oracle.judge(case, episodes), *oracle.judge_end(case, episodes)])


NOTHING = Holding({})
INTERRUPTED = episode(Process(-9, signals=("SIGKILL",)), deeds=(Deed("SIGKILL", "any"),), holding=NOTHING, receipts={})
CONFLICT = said("failed", code=11, error="conflict")


def test_a_delivery_is_nothing_to_complain_of() -> None:
    assert judged(episode()) == set()
    assert judged(INTERRUPTED, episode()) == set()


def test_an_object_of_mixed_content_is_a_wrong_object() -> None:
    mixed = Holding({KEY: there(content_of(b"old and new"))})
    assert "wrong object" in judged(replace(INTERRUPTED, holding=mixed), episode(holding=mixed))
    assert "wrong object" in judged(episode(holding=Holding({KEY: there(NEW), "run/other": there(NEW)})))


def test_an_older_version_is_no_wrong_object_but_must_not_be_called_the_new_one() -> None:
    delivered_old = episode(said(content=OLD), contents={KEY: (OLD,)}, holding=Holding({KEY: there(OLD)}))
    still_old = Holding({KEY: there(OLD)})
    assert kinds(oracle.judge(CASE, [replace(delivered_old, receipts={(0, KEY): receipt(OLD)})])) == set()
    assert "false ok" in judged(delivered_old, episode(holding=still_old))
    assert judged(delivered_old, episode(CONFLICT, holding=still_old, receipts={})) == set()


def test_an_ok_without_an_object_is_a_false_ok_and_a_lost_upload() -> None:
    assert {"false ok", "lost upload"} <= judged(episode(holding=NOTHING))


def test_an_ok_for_other_bytes_than_the_file_s_is_a_false_ok() -> None:
    assert "false ok" in judged(episode(holding=Holding({KEY: there(OLD)})))
    assert "false ok" in judged(episode(said(content=OLD)))


def test_what_a_killed_process_had_told_before_must_hold_too() -> None:
    entry = {"event": "file_done", **json.loads(said().stdout)["files"][0]}
    killed = Process(-9, json.dumps(entry) + "\n", signals=("SIGKILL",))
    assert "false ok" in judged(replace(INTERRUPTED, processes=(killed,)))


def test_an_upload_that_never_gets_there_is_lost() -> None:
    failed = said("failed", code=7, error="transfer")
    assert {"lost upload", "exit code"} <= judged(INTERRUPTED, episode(failed, holding=NOTHING, receipts={}))
    assert "lost upload" in judged(INTERRUPTED)


def test_a_conflict_needs_another_object_there() -> None:
    assert judged(episode(CONFLICT, receipts={})) == {"false conflict", "exit code"}
    twins = episode(processes=(said(), CONFLICT), attempt=replace(CALM, twin="other"))
    assert kinds(oracle.judge(CASE, [twins])) == {"false conflict"}
    lied = ({"fault": "wrong_checksum", "operation": "HeadObject", "key": KEY}, 1)
    assert kinds(oracle.judge(CASE, [replace(twins, hits=(lied,))])) == set()
    absent = ({"fault": "error", "operation": "HeadObject", "key": KEY, "code": "NoSuchKey"}, 1)
    assert kinds(oracle.judge(CASE, [replace(twins, hits=(absent,))])) == {"false conflict"}
    foreign = episode(foreign={KEY: (THEIRS.digest,)}, holding=Holding({KEY: there(THEIRS)}), processes=(CONFLICT,))
    calm = episode(CONFLICT, holding=Holding({KEY: there(THEIRS)}), receipts={})
    assert judged(foreign, calm) == set()
    assert "lost upload" in judged(foreign, calm, case=replace(CASE, overwrite=True))


def test_what_somebody_else_wrote_must_stay() -> None:
    foreign = episode(CONFLICT, foreign={KEY: (THEIRS.digest,)}, holding=Holding({KEY: there(THEIRS)}), receipts={})
    assert "overwritten" in judged(foreign, episode())
    assert "overwritten" in judged(replace(foreign, holding=Holding({KEY: there(NEW)})))
    assert "overwritten" not in judged(foreign, episode(), case=replace(CASE, overwrite=True))


def test_what_somebody_else_was_to_write_after_a_request_that_broke_off_may_not_be_there() -> None:
    fault: dict[str, Any] = {"fault": "foreign_object", "operation": "HeadObject", "key": KEY}
    promised = episode(foreign={KEY: (THEIRS.digest,)})
    assert "overwritten" in kinds(oracle.judge(CASE, [replace(promised, hits=(({**fault, "moment": "before"}, 1),))]))
    assert kinds(oracle.judge(CASE, [replace(promised, hits=(({**fault, "moment": "after"}, 1),))])) == set()


def test_an_object_that_is_made_once_more_is_overwritten() -> None:
    assert "overwritten" in judged(episode(), episode(holding=Holding({KEY: there(NEW, "another nonce")})))
    assert judged(episode(), episode(said("already_there"))) == set()


def test_an_ok_is_true_though_somebody_else_replaced_the_object_at_once() -> None:
    made = Request("CompleteMultipartUpload", KEY)
    changes: dict[str, Any] = {"foreign": {KEY: (THEIRS.digest,)}, "holding": Holding({KEY: there(THEIRS)})}
    assert "false ok" not in judged(episode(log=(made,), **changes))
    assert "false ok" in judged(episode(log=(replace(made, status=412),), **changes))
    twice_foreign = {**changes, "foreign": {KEY: (NEW.digest, THEIRS.digest)}}
    assert "false ok" not in judged(episode(said("already_there"), **twice_foreign))


def test_uploads_must_be_listed_unless_their_create_was_lost() -> None:
    upload = UploadThere("id", KEY, 2)
    holding = Holding({KEY: there(NEW)}, (upload,))
    create = Request("CreateMultipartUpload", KEY)
    lost = replace(create, status=None, faults=("lost_answer",))
    part = Request("UploadPart", KEY, 1, "id")
    assert judged(episode(holding=holding, log=(create,))) == {"left open"}
    assert judged(episode(holding=holding, log=(lost, part))) == {"left open"}
    assert judged(episode(holding=holding, log=(lost,))) == set()
    assert judged(episode(holding=holding, log=(create,), listed=frozenset({"id"}))) == set()


def test_an_upload_that_the_store_denied_cannot_be_removed() -> None:
    holding = Holding({KEY: there(NEW)}, (UploadThere("id", KEY, 2),))
    denied = Request("AbortMultipartUpload", KEY, upload_id="id", status=404, faults=("status 404",))
    assert judged(episode(holding=holding, log=(denied,))) == set()
    assert judged(episode(holding=holding, log=(replace(denied, status=500),))) == {"left open"}


# --------------------------------------------------------------------------------------------------------- sent twice
def part(number: int, upload: str = "id", **more: Any) -> Request:
    return Request("UploadPart", KEY, number, upload, **more)


def twice(*episodes: Episode) -> set[str]:
    return kinds(list(sent_twice(CASE, episodes)))


def test_a_part_is_sent_again_only_after_a_failure_or_a_cut() -> None:
    assert twice(episode(log=(part(1), part(2)))) == set()
    assert twice(episode(log=(part(1), part(1)))) == {"sent twice"}
    assert twice(episode(log=(part(1, status=503), part(1)))) == set()
    assert twice(episode(log=(part(1, faults=("lost_answer",), status=None), part(1)))) == set()
    cut = replace(INTERRUPTED, log=(part(1), part(2)))
    assert twice(cut, episode(log=(part(1), part(2)))) == set()
    assert twice(cut, episode(log=(part(1), part(2), part(2)))) == {"sent twice"}
    outage = ({"fault": "go_down", "operation": "UploadPart", "key": KEY}, 1)
    assert twice(episode(log=(part(1), part(1)), hits=(outage,))) == set()


def test_parts_that_the_store_lied_about_may_be_sent_again() -> None:
    hidden: dict[str, Any] = {"fault": "hide_parts", "operation": "ListParts", "key": KEY, "parts": [1]}
    lied = {"fault": "wrong_checksum", "operation": "ListParts", "key": KEY}
    log = (part(1), part(2), part(3), part(1), part(2), part(3))
    assert twice(episode(log=(part(1), part(1)), hits=((hidden, 1),))) == set()
    assert twice(episode(log=log, hits=((hidden, 1),))) == {"sent twice"}
    assert twice(episode(log=log, hits=(({**lied, "operation": "UploadPart"}, 1),))) == {"sent twice"}
    assert twice(episode(log=log, contents={KEY: (content_of(bytes(16 << 20)),)}, hits=((lied, 1),))) == set()


def test_another_upload_is_begun_only_where_the_first_one_was_lost() -> None:
    again = episode(log=(part(1), part(1, "another")))
    lost = ({"fault": "lose_upload", "operation": "UploadPart", "key": KEY}, 1)
    assert twice(again) == {"sent twice"}
    assert twice(replace(again, hits=(lost,))) == set()
    assert twice(replace(again, hits=((lost[0], 0),))) == {"sent twice"}


def test_a_file_that_changed_is_a_cause_to_begin_another() -> None:
    before = episode(contents={KEY: (OLD,)})
    assert lost_uploads([before, episode()], KEY) == 1
    assert lost_uploads([before, episode(contents={KEY: (OLD, NEW, OLD)})], KEY) == 2
    assert lost_uploads([episode(), episode()], KEY) == 0
    assert lost_uploads([episode(attempt=replace(CALM, restart=True))], KEY) == 1
    assert lost_uploads([episode(attempt=replace(CALM, restart=True, twin="other"))], KEY) == 3


# ---------------------------------------------------------------------------------------------------- codes and output
def allowed(*episodes: Episode) -> set[int]:
    return set(allowed_codes(episodes[-1].processes[0], episodes))


def faulty(**fault: Any) -> Episode:
    return episode(hits=(({"operation": "UploadPart", "key": KEY, **fault}, 1),))


def test_without_a_cause_there_is_only_success() -> None:
    assert allowed(episode()) == {0}
    assert allowed(INTERRUPTED, episode()) == {0}
    assert allowed(episode(hits=(({"fault": "reset", "operation": "UploadPart", "key": KEY}, 0),))) == {0}


@pytest.mark.parametrize(
    ("cause", "codes"),
    [
        (faulty(fault="reset"), {7}),
        (faulty(fault="error", code="AccessDenied"), {6}),
        (faulty(fault="status", status=403), {6}),
        (faulty(fault="expired_token"), {5}),
        (faulty(fault="expired_token", operation="HeadObject"), {5, 8, 10, 11}),
        (episode(Process(143, signals=("SIGTERM",))), {143, -15}),
        (episode(Process(130, signals=("SIGINT",))), {130, -2}),
        (episode(Process(-9, signals=("SIGKILL",))), {-9}),
        (episode(attempt=replace(CALM, clock_shift_s=3600.0)), {5, 10}),
        (episode(deeds=(Deed("touch", "any"),)), {4}),
        (episode(deeds=(Deed("touch", "start"),)), set()),
        (episode(deeds=(Deed("kill_store", "any"),)), {7}),
        (episode(processes=(said(), said()), attempt=replace(CALM, twin="same")), {9}),
        (episode(contents={KEY: (OLD, NEW)}), {11}),
        (episode(foreign={KEY: ("digest",)}), {8, 11}),
    ],
)
def test_each_cause_allows_its_own_codes(cause: Episode, codes: set[int]) -> None:
    assert allowed(cause) == {0} | codes


@pytest.mark.parametrize("code", [1, 2, 3, 9, 99])
def test_other_codes_are_found(code: int) -> None:
    assert "exit code" in judged(episode(said("failed", code=code, error="x")))


@pytest.mark.parametrize(
    "process",
    [
        said(stderr="Traceback (most recent call last):"),
        said(stderr=f"the secret is {SECRET}"),
        replace(said(), stdout="\x1b[1m" + said().stdout),
        replace(said(), stdout="no JSON\n" + said().stdout),
        replace(said(), stdout=said().stdout + '{"event": "progress"}\n'),
        replace(said(), stdout=""),
        replace(said(), stdout=said(code=7).stdout),
        replace(CONFLICT, stderr=""),
    ],
)
def test_output_that_tells_too_much_or_too_little_is_found(process: Process) -> None:
    assert "output" in kinds(list(oracle.bad_output(process)))


def test_half_a_line_of_a_killed_process_is_no_fault_of_its_output() -> None:
    killed = Process(-9, '{"event": "started"}\n{"event": "file_ch', signals=("SIGKILL",))
    assert list(oracle.bad_output(killed)) == []


def test_a_signal_that_came_while_the_interpreter_began_is_no_fault_of_its_output() -> None:
    words = 'Traceback (most recent call last):\n  File "/bin/tool", line 3\nKeyboardInterrupt\n'
    stopped = Process(1, "", stderr=words, signals=("SIGINT",))
    assert judged(episode(stopped)) <= {"lost upload"}
    ours = words.replace("/bin/tool", "/lib/tiktok_upload/transfer.py")
    assert "output" in judged(episode(replace(stopped, stderr=ours)))


def test_a_process_that_does_not_stop_is_overdue() -> None:
    assert "overdue" in judged(episode(replace(said(), overdue=True)))
    assert "overdue" in judged(episode(replace(said(), signals=("SIGTERM",), stopped_after_s=30.0)))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {(0, KEY): receipt(OLD)},
        {(1, KEY): receipt()},
        {(0, KEY): {**receipt(), "nonce": "another"}},
        {(0, KEY): {**receipt(), "head_etag": '"another"'}},
    ],
)
def test_a_receipt_that_does_not_fit_is_found(wrong: dict[tuple[int, str], Any]) -> None:
    assert judged(episode(receipts=wrong)) == {"receipt"}


def test_an_attempt_is_calm_only_where_nothing_was_done_to_it() -> None:
    assert episode().is_calm
    disturbed = [
        INTERRUPTED,
        faulty(fault="reset"),
        episode(foreign={KEY: ("x",)}),
        episode(contents={KEY: (OLD, NEW)}),
    ]
    disturbed += [episode(attempt=Attempt(settings={"deny": ["HeadObject"]})), episode(processes=(said(), said()))]
    assert not any(each.is_calm for each in disturbed)
