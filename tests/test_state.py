"""Facts folded into a state, and the step that follows from it: tables and invariants."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.uploads import FINGERPRINT, PARTS, doubted, planned, stored

from tiktok_upload.records import (
    Aborted,
    Completed,
    Confirmed,
    Created,
    PartDoubted,
    PartLost,
    PartStored,
    Planned,
    Record,
    SourceTouched,
    UploadLost,
)
from tiktok_upload.state import Step, UploadState, View, apply, fold, next_step

COMPLETED = Completed('"etag-7"', "crc", confirmed=True, version_id=None, at="2026-11-23T10:00:00Z")
CONFIRMED = Confirmed('"etag"', confirmed=True, version_id=None)
TOUCHED = SourceTouched(replace(FINGERPRINT, mtime_ns=9_000))
BEGUN: tuple[Record, ...] = (planned(), Created("u1"), stored(1), stored(2))


# -------------------------------------------------------------------------------------------------------------- facts
def test_nothing_is_known_before_the_first_fact() -> None:
    state = fold([])
    assert UploadState() == state
    assert state.missing() == []
    assert not state.is_unfinished()


@pytest.mark.parametrize(
    "record",
    [Created("u1"), stored(1), doubted(1), PartLost(1), TOUCHED, UploadLost(), COMPLETED, CONFIRMED, Aborted("u1")],
    ids=lambda record: record.kind,
)
def test_nothing_can_happen_before_it_was_planned(record: Record) -> None:
    with pytest.raises(ValueError, match=f"{record.kind} before planned"):
        fold([record])


def test_a_plan_is_unfinished_and_misses_all_its_parts() -> None:
    state = fold([planned()])
    assert UploadState(planned=planned()) == state
    assert list(range(1, PARTS + 1)) == state.missing()
    assert state.is_unfinished()


def test_an_open_upload_is_known_by_its_id() -> None:
    assert UploadState(planned=planned(), upload_id="u1") == fold([planned(), Created("u1")])


def test_a_stored_part_is_missed_no_more() -> None:
    state = fold([*BEGUN, stored(7)])
    assert {1: stored(1), 2: stored(2), 7: stored(7)} == state.stored
    assert state.missing() == [3, 4, 5, 6]


def test_a_part_that_is_stored_again_replaces_the_one_before() -> None:
    again = stored(2, etag='"other"')
    assert {1: stored(1), 2: again} == fold([*BEGUN, again]).stored


def test_a_doubted_part_is_missing_until_it_was_compared() -> None:
    state = fold([*BEGUN, doubted(2, etag='"other"')])
    assert ({1: stored(1)}, {2: stored(2, etag='"other"')}) == (state.stored, state.doubted)
    assert state.missing() == [2, 3, 4, 5, 6, 7]


def test_a_doubted_part_that_was_compared_is_stored() -> None:
    state = fold([*BEGUN, doubted(2), stored(2)])
    assert ({1: stored(1), 2: stored(2)}, {}) == (state.stored, state.doubted)


@pytest.mark.parametrize("before", [(), (doubted(2),)], ids=["stored", "doubted"])
def test_a_lost_part_is_forgotten(before: tuple[Record, ...]) -> None:
    state = fold([*BEGUN, *before, PartLost(2)])
    assert ({1: stored(1)}, {}) == (state.stored, state.doubted)


def test_the_loss_of_a_part_that_nobody_has_changes_nothing() -> None:
    assert fold(BEGUN) == fold([*BEGUN, PartLost(6)])


def test_a_touched_file_casts_doubt_on_all_parts_and_keeps_the_upload() -> None:
    state = fold([*BEGUN, doubted(3), TOUCHED])
    assert state.stored == {}
    assert {1: stored(1), 2: stored(2), 3: stored(3)} == state.doubted
    assert ("u1", planned(fingerprint=TOUCHED.fingerprint)) == (state.upload_id, state.planned)


def test_a_lost_upload_has_no_parts_and_is_still_to_be_aborted() -> None:
    state = fold([*BEGUN, doubted(3), UploadLost()])
    assert UploadState(planned=planned(), stale=["u1"]) == state


def test_an_upload_is_lost_once() -> None:
    assert fold([*BEGUN, UploadLost(), UploadLost()]).stale == ["u1"]


def test_a_new_upload_takes_nothing_from_the_one_before() -> None:
    state = fold([*BEGUN, doubted(3), Created("u2")])
    assert UploadState(planned=planned(), upload_id="u2", stale=["u1"]) == state


def test_a_new_plan_gives_up_the_upload_before() -> None:
    new = planned(nonce="new", part_size=20)
    state = fold([*BEGUN, doubted(3), new])
    assert UploadState(planned=new, stale=["u1"]) == state


def test_uploads_that_were_given_up_are_kept_oldest_first() -> None:
    assert fold([*BEGUN, Created("u2"), planned(), Created("u3")]).stale == ["u1", "u2"]


def test_a_completed_upload_is_neither_open_nor_stale() -> None:
    state = fold([*BEGUN, COMPLETED])
    assert (state.completed, state.upload_id, state.stale) == (COMPLETED, None, [])
    assert not state.is_unfinished()


def test_what_head_said_is_kept_beside_what_completion_said() -> None:
    state = fold([*BEGUN, COMPLETED, CONFIRMED])
    assert (state.completed, state.confirmed) == (COMPLETED, CONFIRMED)


def test_an_object_that_was_made_anew_is_confirmed_anew() -> None:
    assert fold([*BEGUN, COMPLETED, CONFIRMED, COMPLETED]).confirmed is None


def test_a_new_plan_after_a_delivery_begins_anew() -> None:
    again = planned(nonce="again")
    assert UploadState(planned=again) == fold([*BEGUN, COMPLETED, CONFIRMED, again])


def test_an_aborted_upload_is_not_aborted_again() -> None:
    facts: list[Record] = [*BEGUN, Created("u2"), Created("u3"), COMPLETED]
    assert fold(facts).stale == ["u1", "u2"]
    assert fold([*facts, Aborted("u1")]).stale == ["u2"]


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    """What may stand in a journal: a plan first, ids that never come twice."""
    numbers = st.integers(1, PARTS)
    etags = st.sampled_from(['"a"', '"b"'])
    kinds = st.one_of(
        st.builds(planned, nonce=st.text(max_size=1)),
        st.just(Created("")),
        st.builds(stored, numbers, etags),
        st.builds(doubted, numbers, etags),
        st.builds(PartLost, numbers),
        st.sampled_from([TOUCHED, UploadLost(), COMPLETED, CONFIRMED]),
        st.builds(Aborted, st.integers(0, 10).map("u{}".format)),
    )
    drawn: list[Record] = [planned(), *draw(st.lists(kinds, max_size=25))]
    return [Created(f"u{place}") if isinstance(record, Created) else record for place, record in enumerate(drawn)]


def states_of(history: list[Record]) -> Iterator[tuple[Record, UploadState]]:
    state = UploadState()
    for record in history:
        apply(state, record)
        yield record, state


@settings(deadline=None)
@given(histories())
def test_a_part_is_never_both_stored_and_doubted(history: list[Record]) -> None:
    for _, state in states_of(history):
        assert set() == state.stored.keys() & state.doubted.keys()
        assert all(number == part.number for number, part in (state.stored | state.doubted).items())


@settings(deadline=None)
@given(histories())
def test_stored_and_missing_parts_are_together_all_parts_once(history: list[Record]) -> None:
    for _, state in states_of(history):
        assert list(range(1, PARTS + 1)) == sorted([*state.stored, *state.missing()])
        assert sorted(state.missing()) == state.missing()


@settings(deadline=None)
@given(histories())
def test_no_upload_that_may_hold_parts_is_ever_forgotten(history: list[Record]) -> None:
    known: set[str] = set()
    for record, state in states_of(history):
        held = set(state.stale) | ({state.upload_id} if state.upload_id else set())
        gone = known - held
        if isinstance(record, Created):
            known.add(record.upload_id)
        if isinstance(record, Aborted):
            gone.discard(record.upload_id)
        assert isinstance(record, Completed) or set() == gone
        assert len(state.stale) == len(set(state.stale))
        assert state.upload_id not in state.stale
        known = held


@settings(deadline=None)
@given(histories())
def test_a_part_is_proved_only_by_its_own_record(history: list[Record]) -> None:
    for record, state in states_of(history):
        if isinstance(record, PartStored):
            assert record == state.stored[record.number]
        elif isinstance(record, PartDoubted | PartLost):
            assert record.number not in state.stored
        elif isinstance(record, Planned | Created | UploadLost | SourceTouched):
            assert state.stored == {}


@settings(deadline=None)
@given(histories(), st.data())
def test_a_run_that_goes_on_from_a_journal_ends_where_one_run_would(history: list[Record], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(history)))
    resumed = fold(history[:cut])
    for record in history[cut:]:
        apply(resumed, record)
    assert fold(history) == resumed


# --------------------------------------------------------------------------------------------------------------- steps
FLAGS = [field.name for field in fields(View) if field.type in (bool, "bool")]


def views() -> Iterator[View]:
    """Every combination of a small world."""
    for truths in product((False, True), repeat=len(FLAGS)):
        for pending, in_flight, stale in product((0, 1, 3), (0, 2), (0, 1)):
            chosen = dict(zip(FLAGS, truths, strict=True))
            yield View(**chosen, pending=pending, in_flight=in_flight, stale=stale)


STEPS = [(view, next_step(view)) for view in views()]
ENDS = {Step.STOP, Step.DONE}
READY = {"looked": True, "observed": True}
SENDING = {**READY, "has_upload": True}
OVER = {**READY, "completed": True}
GONE_ON = {**SENDING, "pending": 3, "in_flight": 2}


@pytest.mark.parametrize(
    ("view", "step"),
    [
        # DESIGN's rows, in their order; what came since is below.
        ({**OVER, "confirmed": True}, Step.DONE),
        ({**OVER, "confirmed": True, "stopping": True}, Step.DONE),
        ({**OVER, "confirmed": True, "decided": True}, Step.DONE),
        ({**GONE_ON, "stopping": True}, Step.WAIT),
        ({**GONE_ON, "stopping": True, "in_flight": 0}, Step.STOP),
        ({**SENDING, "stopping": True}, Step.STOP),
        ({**READY}, Step.CREATE),
        ({**READY, "pending": 7}, Step.CREATE),
        ({**SENDING, "pending": 7}, Step.UPLOAD),
        ({**SENDING, "pending": 1, "in_flight": 2}, Step.UPLOAD),
        ({**SENDING, "in_flight": 1}, Step.WAIT),
        ({**SENDING}, Step.COMPLETE),
        ({**OVER}, Step.CONFIRM),
        # Before sending.
        ({}, Step.LOOK),
        ({"busy": True}, Step.WAIT),
        ({"stopping": True}, Step.STOP),
        ({"stopping": True, "busy": True}, Step.WAIT),
        ({"looked": True}, Step.OBSERVE),
        ({"looked": True, "decided": True}, Step.DONE),
        ({"looked": True, "decided": True, "stopping": True}, Step.DONE),
        ({**READY, "to_compare": True}, Step.COMPARE),
        ({**SENDING, "to_compare": True, "pending": 7}, Step.COMPARE),
        ({**READY, "single": True}, Step.PUT),
        ({**READY, "single": True, "pending": 1}, Step.PUT),
        ({**READY, "single": True, "busy": True}, Step.WAIT),
        # The store contradicted what was observed: parts under way come home first.
        ({**GONE_ON, "observed": False}, Step.WAIT),
        ({**GONE_ON, "observed": False, "in_flight": 0}, Step.OBSERVE),
        # After completion.
        ({**OVER, "in_flight": 1}, Step.WAIT),
        ({**OVER, "stale": 2}, Step.CONFIRM),
        ({**OVER, "confirmed": True, "stale": 2}, Step.ABORT_STALE),
        ({**OVER, "confirmed": True, "stale": 2, "busy": True}, Step.WAIT),
        ({**OVER, "has_upload": True, "pending": 3, "confirmed": True}, Step.DONE),
        ({**SENDING, "stale": 2}, Step.COMPLETE),
        # An end that was decided while parts are under way.
        ({**GONE_ON, "decided": True}, Step.WAIT),
        ({**GONE_ON, "decided": True, "in_flight": 0}, Step.DONE),
    ],
)
def test_the_step_that_follows(view: dict[str, Any], step: Step) -> None:
    assert step is next_step(View(**view))


def offenders(is_wrong: Callable[[View, Step], bool]) -> list[tuple[View, Step]]:
    return [(view, step) for view, step in STEPS if is_wrong(view, step)]


def test_every_step_can_come() -> None:
    assert set(Step) == {step for _, step in STEPS}


def test_nothing_is_begun_while_stopping_or_after_an_end_was_decided() -> None:
    resting = {Step.WAIT, *ENDS}
    assert offenders(lambda view, step: (view.stopping or view.decided) and step not in resting) == []


def test_nothing_is_begun_beside_a_step_that_is_under_way() -> None:
    assert offenders(lambda view, step: view.busy and step is not Step.WAIT) == []


def test_only_parts_are_begun_while_parts_are_in_flight() -> None:
    # An inspection, a comparison and a single PUT come before any part: only their views cannot arise.
    alone = {Step.OBSERVE, Step.COMPLETE, Step.CONFIRM, Step.ABORT_STALE}
    assert offenders(lambda view, step: view.in_flight > 0 and step in alone) == []


def test_nothing_ends_while_anything_is_under_way() -> None:
    assert offenders(lambda view, step: step in ENDS and (view.busy or view.in_flight > 0)) == []


def test_a_wait_is_only_for_something_that_is_under_way() -> None:
    assert offenders(lambda view, step: step is Step.WAIT and not view.busy and view.in_flight == 0) == []


def test_an_upload_is_completed_only_with_every_part_stored() -> None:
    def is_early(view: View, step: Step) -> bool:
        is_sent = view.has_upload and view.pending == 0 and view.in_flight == 0
        return step is Step.COMPLETE and not (is_sent and view.looked and view.observed)

    assert offenders(is_early) == []


def test_bytes_go_out_only_after_the_file_and_the_key_were_looked_at() -> None:
    sends = {Step.CREATE, Step.UPLOAD, Step.PUT, Step.COMPLETE}
    assert (
        offenders(lambda view, step: step in sends and not (view.looked and view.observed and not view.to_compare))
        == []
    )


def test_a_part_is_sent_only_where_there_is_one_and_an_upload_to_take_it() -> None:
    assert (
        offenders(lambda view, step: step is Step.UPLOAD and not (view.pending and view.has_upload and not view.single))
        == []
    )


def test_a_file_of_one_part_never_opens_an_upload() -> None:
    multipart = {Step.CREATE, Step.UPLOAD, Step.COMPLETE}
    assert offenders(lambda view, step: view.single and step in multipart) == []


def test_a_second_upload_is_never_opened_beside_the_first() -> None:
    assert offenders(lambda view, step: step is Step.CREATE and view.has_upload) == []


def test_nothing_is_sent_to_a_key_that_has_the_object() -> None:
    tidying = {Step.LOOK, Step.WAIT, Step.CONFIRM, Step.ABORT_STALE, *ENDS}
    assert offenders(lambda view, step: view.completed and step not in tidying) == []


def test_older_uploads_are_removed_only_once_the_new_object_was_seen() -> None:
    assert offenders(lambda view, step: step is Step.ABORT_STALE and not (view.completed and view.confirmed)) == []


def test_it_is_done_only_with_an_object_that_was_seen_or_an_end_that_was_decided() -> None:
    assert (
        offenders(lambda view, step: step is Step.DONE and not (view.decided or (view.completed and view.confirmed)))
        == []
    )


def after(view: View, step: Step) -> View:
    """What one step brings about where nothing goes wrong."""
    changes: dict[Step, dict[str, Any]] = {
        Step.LOOK: {"looked": True},
        Step.OBSERVE: {"observed": True},
        Step.COMPARE: {"to_compare": False},
        Step.PUT: {"completed": True},
        Step.CREATE: {"has_upload": True},
        Step.UPLOAD: {"pending": view.pending - 1, "in_flight": view.in_flight + 1},
        Step.WAIT: {"in_flight": view.in_flight - 1},
        Step.COMPLETE: {"completed": True, "has_upload": False},
        Step.CONFIRM: {"confirmed": True},
        Step.ABORT_STALE: {"stale": view.stale - 1},
    }
    return replace(view, **changes[step])


def steps_to_the_end(view: View) -> list[Step]:
    steps = [next_step(view)]
    while steps[-1] not in ENDS:
        assert len(steps) < 50
        view = after(view, steps[-1])
        steps.append(next_step(view))
    return steps


LAST = [Step.COMPLETE, Step.CONFIRM, Step.DONE]


@pytest.mark.parametrize(
    ("view", "steps"),
    [
        (
            View(pending=2),
            [Step.LOOK, Step.OBSERVE, Step.CREATE, Step.UPLOAD, Step.UPLOAD, Step.WAIT, Step.WAIT, *LAST],
        ),
        (View(pending=1, has_upload=True), [Step.LOOK, Step.OBSERVE, Step.UPLOAD, Step.WAIT, *LAST]),
        (View(has_upload=True), [Step.LOOK, Step.OBSERVE, *LAST]),
        (View(single=True, pending=1), [Step.LOOK, Step.OBSERVE, Step.PUT, Step.CONFIRM, Step.DONE]),
        (
            View(single=True, to_compare=True, stale=2),
            [Step.LOOK, Step.OBSERVE, Step.COMPARE, Step.PUT, Step.CONFIRM, *[Step.ABORT_STALE] * 2, Step.DONE],
        ),
    ],
    ids=["first run", "one part missing", "only to be completed", "one part", "other object, older uploads"],
)
def test_a_run_without_mishap(view: View, steps: list[Step]) -> None:
    assert steps == steps_to_the_end(view)
