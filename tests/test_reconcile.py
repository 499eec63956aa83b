"""The journal meets the store and the file: every row of the design's table that is decided here."""

import json
from collections import Counter
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.uploads import FINGERPRINT, PARTS, SIZE, doubted, planned, size_of_part, stored

from tiktok_upload.answers import Absence, ListedPart, NoListing, ObjectSeen, Seen
from tiktok_upload.facts import Fingerprint
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.plan import plan_upload
from tiktok_upload.reconcile import (
    LOOK_AFTER,
    NONCE,
    RESERVED_METADATA,
    Existing,
    Verdict,
    begin,
    comparable_etag,
    delivered_before,
    is_ours,
    judge,
    reconcile,
    settle,
)
from tiktok_upload.records import (
    Completed,
    Confirmed,
    Created,
    PartDoubted,
    PartLost,
    Planned,
    Record,
    SourceTouched,
    UploadLost,
    from_json,
    to_json,
)
from tiktok_upload.settings import ObjectOptions
from tiktok_upload.state import Step, UploadState, View, apply, fold, next_step

MD5 = "0123456789abcdef0123456789abcdef"
BEGUN: tuple[Record, ...] = (planned(), Created("u1"), stored(1), stored(2))
SENT: tuple[Record, ...] = (planned(), Created("u1"), *(stored(number) for number in range(1, PARTS + 1)))
COMPLETED = Completed('"at-completion"', "crc", confirmed=True, version_id=None, at="2026-11-23T10:00:00Z")
CONFIRMED = Confirmed('"by-head"', confirmed=True, version_id=None)
DELIVERED: tuple[Record, ...] = (*SENT, COMPLETED, CONFIRMED)
TOUCHED = [replace(FINGERPRINT, mtime_ns=9), replace(FINGERPRINT, ctime_ns=9), replace(FINGERPRINT, inode=9)]
OTHER_CONTENT = [replace(FINGERPRINT, footer_sha256="beef"), replace(FINGERPRINT, size_bytes=SIZE + 1)]


def seen(**changes: Any) -> ObjectSeen:
    """An object of the file's size that nobody knows."""
    values: dict[str, Any] = {"size": SIZE, "etag": '"unknown"', "metadata": {}, "checksums": {}}
    return ObjectSeen(**{**values, **changes})


OURS = seen(metadata={NONCE: "nonce", "colour": "red"})
OTHER = seen(size=1, metadata={NONCE: "somebody's"})


# --------------------------------------------------------------------------------------------- the file, the options
@pytest.mark.parametrize("facts", [(), BEGUN, SENT, DELIVERED], ids=["nothing", "begun", "sent", "delivered"])
def test_restart_plans_anew_whatever_there_is(facts: tuple[Record, ...]) -> None:
    wanted = planned(nonce="new")
    assert (wanted,) == begin(fold(facts), wanted, restart=True)


def test_the_first_run_plans() -> None:
    wanted = planned()
    assert (wanted,) == begin(UploadState(), wanted, restart=False)


@pytest.mark.parametrize("facts", [(planned(),), BEGUN, SENT, DELIVERED], ids=["planned", "begun", "sent", "delivered"])
@pytest.mark.parametrize(
    "changes", [{}, {"part_size": 20}, {"overwrite": True}, {"tool": "9"}, {"checked_at": "2027-01-01T00:00:00Z"}]
)
def test_the_same_file_with_the_same_object_options_goes_on_as_it_was(
    facts: tuple[Record, ...], changes: dict[str, Any]
) -> None:
    assert begin(fold(facts), planned(nonce="new", **changes), restart=False) == ()


@pytest.mark.parametrize(
    "changes",
    [{"proof": "md5"}, {"object_options": {"sse": "aws:kms"}}, {"object_options": {"metadata": [["a", "b"]]}}],
)
def test_what_s3_fixes_at_create_needs_a_new_upload_when_it_changes(changes: dict[str, Any]) -> None:
    wanted = planned(nonce="new", **changes)
    assert (wanted,) == begin(fold(BEGUN), wanted, restart=False)


@pytest.mark.parametrize(
    "options",
    [
        ObjectOptions(),
        ObjectOptions(sse="aws:kms", kms_key_id="key", storage_class="STANDARD_IA"),
        ObjectOptions(metadata=(("team", "ads"), ("run", "7"))),
        ObjectOptions(tags=(("team", "ads"),)),
    ],
    ids=["none", "words", "metadata", "tags"],
)
def test_an_upload_goes_on_with_the_object_options_it_was_begun_with(options: ObjectOptions) -> None:
    wanted = planned(object_options=options.to_json())
    journal = [from_json(json.loads(json.dumps(to_json(record)))) for record in (wanted, *BEGUN[1:])]
    assert begin(fold(journal), wanted, restart=False) == ()


@pytest.mark.parametrize("now", TOUCHED, ids=["mtime", "ctime", "inode"])
def test_parts_of_a_file_with_new_marks_only_are_compared_and_not_thrown_away(now: Fingerprint) -> None:
    state = fold(BEGUN)
    records = begin(state, planned(nonce="new", fingerprint=now), restart=False)
    assert (SourceTouched(now),) == records
    apply(state, records[0])
    assert ({}, {1: stored(1), 2: stored(2)}, "u1") == (state.stored, state.doubted, state.upload_id)


@pytest.mark.parametrize("now", TOUCHED, ids=["mtime", "ctime", "inode"])
def test_a_delivered_file_with_new_marks_is_a_new_upload(now: Fingerprint) -> None:
    wanted = planned(nonce="new", fingerprint=now)
    assert (wanted,) == begin(fold(DELIVERED), wanted, restart=False)


@pytest.mark.parametrize("now", OTHER_CONTENT, ids=["footer", "size"])
def test_a_file_of_other_content_is_a_new_upload_and_the_old_one_is_removed_at_the_end(now: Fingerprint) -> None:
    state = fold(BEGUN)
    wanted = planned(nonce="new", fingerprint=now)
    assert (wanted,) == begin(state, wanted, restart=False)
    apply(state, wanted)
    assert (state.stale, state.upload_id, state.stored) == (["u1"], None, {})
    completed = View(looked=True, observed=True, completed=True, confirmed=True, stale=len(state.stale))
    assert Step.ABORT_STALE is next_step(completed)
    assert Step.ABORT_STALE is not next_step(replace(completed, completed=False, confirmed=False))


@pytest.mark.parametrize(
    ("facts", "now", "was"),
    [
        ((), FINGERPRINT, False),
        (SENT, FINGERPRINT, False),
        (DELIVERED, FINGERPRINT, True),
        ((*SENT, COMPLETED), FINGERPRINT, True),
        ((*DELIVERED, planned(nonce="new")), FINGERPRINT, False),
        *((DELIVERED, now, False) for now in TOUCHED + OTHER_CONTENT),
    ],
)
def test_only_our_record_of_this_very_file_unchanged_says_it_was_delivered(
    facts: tuple[Record, ...], now: Fingerprint, *, was: bool
) -> None:
    assert was == delivered_before(fold(facts), now)


# ------------------------------------------------------------------------------------------------- an existing object
@pytest.mark.parametrize(
    ("facts", "answer", "meaning"),
    [
        ((planned(),), Absence.ABSENT, Existing.NONE),
        (DELIVERED, Absence.ABSENT, Existing.NONE),
        # A 403 on HEAD says nothing about the key.
        ((planned(),), Absence.FORBIDDEN, Existing.NONE),
        (SENT, Absence.FORBIDDEN, Existing.NONE),
        (DELIVERED, Absence.FORBIDDEN, Existing.UNKNOWN),
        # Our record, and the object is still that one.
        (DELIVERED, seen(etag='"by-head"'), Existing.RECORDED),
        (DELIVERED, seen(etag='"at-completion"'), Existing.OTHER),
        ((*SENT, COMPLETED), seen(etag='"at-completion"'), Existing.OTHER),
        ((*SENT, CONFIRMED), seen(etag='"by-head"'), Existing.OTHER),
        # The nonce.
        (DELIVERED, OURS, Existing.OTHER),  # looked at once; metadata can be copied onto other content
        ((*SENT, COMPLETED), OURS, Existing.OURS),
        (SENT, OURS, Existing.OURS),
        ((planned(),), OURS, Existing.OURS),
        ((planned(nonce="new"),), OURS, Existing.OTHER),
        (SENT, replace(OURS, size=SIZE - 1), Existing.OTHER),
        # Size is no evidence; content is, where there is something to hold it against.
        ((planned(),), seen(), Existing.OTHER),
        ((planned(),), seen(checksums={"ChecksumCRC32": "AAAAAA=="}), Existing.COMPARE),
        ((planned(),), seen(checksums={"ChecksumCRC32": "AAAAAA=="}, size=1), Existing.OTHER),
        ((planned(),), seen(etag=f'"{MD5}"'), Existing.COMPARE),
        ((planned(),), seen(etag=f'"{MD5}-7"'), Existing.COMPARE),
        ((planned(),), seen(etag=f'"{MD5}"', size=1), Existing.OTHER),
        ((planned(),), seen(etag=f'"{MD5}"', kms=True), Existing.OTHER),
        ((planned(),), seen(etag=f'"{MD5}"', kms=True, checksums={"ChecksumCRC32": "AAAAAA=="}), Existing.COMPARE),
        (DELIVERED, seen(etag=f'"{MD5}"'), Existing.COMPARE),
    ],
)
def test_what_an_object_at_the_key_means(facts: tuple[Record, ...], answer: Seen, meaning: Existing) -> None:
    assert meaning is judge(answer, fold(facts), FINGERPRINT)


@pytest.mark.parametrize("now", TOUCHED + OTHER_CONTENT)
def test_a_record_of_delivering_another_file_is_no_evidence(now: Fingerprint) -> None:
    answer = seen(etag='"by-head"', size=now.size_bytes)
    assert Existing.OTHER is judge(answer, fold(DELIVERED), now)


@pytest.mark.parametrize(
    ("answer", "plan", "ours"),
    [
        (OURS, planned(), True),
        (OURS, None, False),
        (OURS, planned(nonce="new"), False),
        (replace(OURS, size=SIZE + 1), planned(), False),
        (seen(), planned(), False),
        (seen(metadata={"Tu-Nonce": "nonce"}), planned(), False),
        (Absence.ABSENT, planned(), False),
        (Absence.FORBIDDEN, planned(), False),
    ],
)
def test_an_object_is_ours_by_its_nonce_and_size(answer: Seen, plan: Planned | None, *, ours: bool) -> None:
    assert ours == is_ours(answer, plan)


def test_no_user_can_give_an_object_the_nonce_by_its_metadata() -> None:
    assert NONCE in RESERVED_METADATA


@pytest.mark.parametrize(
    ("etag", "digest"),
    [
        (f'"{MD5}"', (MD5, 0)),
        (MD5, (MD5, 0)),
        (f'"{MD5}-1"', (MD5, 1)),
        (f'"{MD5}-10000"', (MD5, 10_000)),
        (f'"{MD5}-100000"', None),
        (f'"{MD5}-"', None),
        (f'"{MD5}-x"', None),
        (f'"{MD5[:-1]}"', None),
        (f'"{MD5}0"', None),
        (f'"{MD5.upper()}"', None),
        (f'"{MD5}"\n', None),
        ('"anything"', None),
        ("", None),
    ],
)
def test_an_etag_can_be_compared_where_it_is_an_md5(etag: str, digest: tuple[str, int] | None) -> None:
    assert digest == comparable_etag(seen(etag=etag))


def test_under_kms_an_etag_is_no_md5_though_it_looks_like_one() -> None:
    assert comparable_etag(seen(etag=f'"{MD5}"', kms=True)) is None


# ------------------------------------------------------------------------------------------------------ listed parts
def listed(number: int, **changes: Any) -> ListedPart:
    """A part as the store would list it after `stored(number)`."""
    values: dict[str, Any] = {
        "number": number,
        "size": size_of_part(number),
        "etag": f'"etag-{number}"',
        "checksum": f"crc-{number}",
    }
    return ListedPart(**{**values, **changes})


UNKNOWN_PARTS = [listed(0), listed(-1), listed(PARTS + 1), listed(10_000), listed(3, size=9), listed(7, size=10)]


@pytest.mark.parametrize("facts", [BEGUN, SENT])
def test_an_upload_that_the_store_does_not_know_is_lost(facts: tuple[Record, ...]) -> None:
    assert (UploadLost(),) == reconcile(fold(facts), NoListing.GONE)


@pytest.mark.parametrize("facts", [BEGUN, SENT, (*BEGUN, doubted(3))])
def test_the_journal_is_trusted_where_listing_is_forbidden(facts: tuple[Record, ...]) -> None:
    assert reconcile(fold(facts), NoListing.FORBIDDEN) == ()


def test_a_list_of_what_the_journal_has_changes_nothing() -> None:
    assert reconcile(fold(BEGUN), (listed(1), listed(2))) == ()
    assert reconcile(fold([*BEGUN, doubted(3)]), (listed(1), listed(2), listed(3))) == ()


def test_a_list_without_checksums_is_trusted_by_its_etags() -> None:
    assert reconcile(fold(BEGUN), (listed(1, checksum=None), listed(2, checksum=None))) == ()


def test_parts_the_store_no_longer_lists_are_lost_lowest_first() -> None:
    state = fold([*BEGUN, doubted(3), stored(7)])
    assert (PartLost(1), PartLost(3), PartLost(7)) == reconcile(state, (listed(2),))
    assert (PartLost(1), PartLost(2), PartLost(3), PartLost(7)) == reconcile(state, ())


def test_a_part_that_only_the_store_knows_is_compared_where_it_has_a_checksum() -> None:
    listing = (listed(1), listed(2), listed(5), listed(4, checksum=None))
    assert (doubted(5),) == reconcile(fold(BEGUN), listing)


@pytest.mark.parametrize("invented", UNKNOWN_PARTS, ids=lambda part: f"{part.number} of {part.size}")
def test_a_part_that_is_none_of_the_plans_is_passed_over(invented: ListedPart) -> None:
    assert reconcile(fold(BEGUN), (listed(1), listed(2), invented)) == ()


def test_a_part_of_ours_that_is_listed_with_another_size_is_sent_again() -> None:
    assert (PartLost(2),) == reconcile(fold(BEGUN), (listed(1), listed(2, size=9)))


def test_a_part_that_is_listed_with_another_etag_is_compared_with_the_file() -> None:
    other = listed(2, etag='"other"', checksum="other")
    assert (PartDoubted(2, 10, '"other"', "other"),) == reconcile(fold(BEGUN), (listed(1), other))


def test_a_part_that_is_listed_with_another_etag_and_nothing_to_compare_is_sent_again() -> None:
    assert (PartLost(2),) == reconcile(fold(BEGUN), (listed(1), listed(2, etag='"other"', checksum=None)))


def test_nothing_is_said_of_parts_before_there_is_a_plan() -> None:
    assert reconcile(UploadState(), (listed(1),)) == ()


@st.composite
def listings(draw: st.DrawFn) -> tuple[ListedPart, ...]:
    numbers = draw(st.lists(st.integers(-1, PARTS + 2), unique=True))
    return tuple(
        listed(
            number,
            size=draw(st.sampled_from([size_of_part(number), 3])),
            etag=draw(st.sampled_from([f'"etag-{number}"', '"other"'])),
            checksum=draw(st.sampled_from([f"crc-{number}", None])),
        )
        for number in numbers
    )


@st.composite
def begun_states(draw: st.DrawFn) -> UploadState:
    parts = [stored(number) for number in draw(st.sets(st.integers(1, PARTS)))]
    doubts = [doubted(number) for number in draw(st.sets(st.integers(1, PARTS)))]
    return fold([planned(), Created("u1"), *parts, *doubts])


@settings(deadline=None)
@given(begun_states(), listings())
def test_after_any_list_the_state_has_only_parts_that_the_store_listed(
    state: UploadState, listing: tuple[ListedPart, ...]
) -> None:
    before = dict(state.stored)
    for record in reconcile(state, listing):
        apply(state, record)
    at_store = {(part.number, part.size, part.etag) for part in listing}
    assert {(part.number, part.size, part.etag) for part in (state.stored | state.doubted).values()} <= at_store
    assert state.stored.items() <= before.items()
    assert reconcile(state, listing) == ()
    assert state.upload_id == "u1"


def test_a_real_list_of_ten_thousand_parts_is_taken_whole() -> None:
    size = 10_000 * (5 << 20)
    plan = plan_upload(size, preferred_part_size=5 << 20)
    facts = planned(fingerprint=replace(FINGERPRINT, size_bytes=size), part_size=plan.part_size)
    listing = tuple(ListedPart(part.number, part.size, "etag", "crc") for part in plan.parts())
    assert len(reconcile(fold([facts, Created("u1")]), listing)) == 10_000


# ------------------------------------------------------------------------------------------- an answer that was lost
EITHER = (False, True)
YES, NO = (True,), (False,)
GONE_OR_RACED = (Kind.NO_SUCH_UPLOAD, Kind.RACE)
SETTLED = [
    # fault, what HEAD showed, --overwrite, asked before, verdict
    (tuple(LOOK_AFTER), OURS, EITHER, EITHER, Verdict.COMPLETED),
    ((Kind.TRANSIENT,), OTHER, EITHER, EITHER, Verdict.RETRY),
    ((Kind.TRANSIENT,), Absence.ABSENT, EITHER, EITHER, Verdict.RETRY),
    ((Kind.TRANSIENT,), Absence.FORBIDDEN, EITHER, EITHER, Verdict.RETRY),
    ((Kind.PRECONDITION,), OTHER, EITHER, EITHER, Verdict.CONFLICT),
    ((Kind.PRECONDITION,), Absence.ABSENT, EITHER, EITHER, Verdict.RETRY),
    ((Kind.PRECONDITION,), Absence.FORBIDDEN, EITHER, NO, Verdict.CONFLICT),
    ((Kind.PRECONDITION,), Absence.FORBIDDEN, EITHER, YES, Verdict.UNKNOWN),
    (GONE_OR_RACED, OTHER, NO, EITHER, Verdict.CONFLICT),
    (GONE_OR_RACED, OTHER, YES, EITHER, Verdict.LOST),
    (GONE_OR_RACED, Absence.ABSENT, EITHER, EITHER, Verdict.LOST),
    (GONE_OR_RACED, Absence.FORBIDDEN, EITHER, NO, Verdict.LOST),
    (GONE_OR_RACED, Absence.FORBIDDEN, EITHER, YES, Verdict.UNKNOWN),
]
ROWS = [
    (kind, answer, overwrite, asked, verdict)
    for kinds, answer, overwrites, askeds, verdict in SETTLED
    for kind in kinds
    for overwrite in overwrites
    for asked in askeds
]


def test_the_table_of_lost_answers_has_every_case_once() -> None:
    cases = Counter((kind, str(answer), overwrite, asked) for kind, answer, overwrite, asked, _ in ROWS)
    answers = map(str, (OURS, OTHER, *Absence))
    assert Counter(product(LOOK_AFTER, answers, EITHER, EITHER)) == cases


@pytest.mark.parametrize(("kind", "answer", "overwrite", "asked", "verdict"), ROWS)
def test_what_became_of_a_request_whose_outcome_was_open(
    kind: Kind, answer: Seen, verdict: Verdict, *, overwrite: bool, asked: bool
) -> None:
    fault = StoreFault(kind, 404, "NoSuchUpload") if kind is Kind.NO_SUCH_UPLOAD else StoreFault(kind)
    assert verdict is settle(fault, answer, planned(overwrite=overwrite), asked_before=asked)


@pytest.mark.parametrize("code", ["", "NoSuchKey"])
@pytest.mark.parametrize("overwrite", EITHER)
def test_any_other_404_may_be_anybody_s_and_the_parts_are_asked_for_first(code: str, *, overwrite: bool) -> None:
    fault = StoreFault(Kind.NO_SUCH_UPLOAD, 404, code)
    assert settle(fault, Absence.ABSENT, planned(overwrite=overwrite), asked_before=False) is Verdict.RELIST


@pytest.mark.parametrize("kind", sorted(LOOK_AFTER))
def test_an_object_of_another_size_is_not_ours_whatever_its_nonce(kind: Kind) -> None:
    cut = replace(OURS, size=SIZE - 1)
    assert Verdict.COMPLETED is not settle(StoreFault(kind), cut, planned(), asked_before=True)


def test_a_request_is_looked_after_where_it_may_have_been_carried_out() -> None:
    assert {Kind.TRANSIENT, Kind.NO_SUCH_UPLOAD, Kind.PRECONDITION, Kind.RACE} == LOOK_AFTER
