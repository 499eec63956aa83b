"""What this machine knows of unfinished uploads, and how options survive in a journal."""

import datetime as dt
import json
import os
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.uploads import FINGERPRINT, doubted, planned, stored

from tiktok_upload import Connection, ObjectOptions, PushOptions, Unfinished, uploads
from tiktok_upload.errors import JournalError, UsageError
from tiktok_upload.journal import JournalDirectory
from tiktok_upload.records import Completed, Created, PartStored, Record, UploadLost
from tiktok_upload.unfinished import find, is_soon_gone, known_here, older_than, options_of, state_of

DONE = Completed('"etag"', "crc", confirmed=True, version_id=None, at="2026-11-23T11:00:00Z")
GIB = 1 << 30


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def write(state: Path, name: str, *records: Record, changed_at: float | None = None) -> Path:
    """A journal with these facts, last changed then."""
    with JournalDirectory(state) as journals, journals.open(name) as journal:
        for record in records:
            journal.append(record)
        journal.sync()
    path = state / "uploads" / f"{name}.jsonl"
    if changed_at is not None:
        os.utime(path, (changed_at, changed_at))
    return path


def name_of(beginning: str) -> str:
    return beginning.ljust(32, "0")


def only(state: Path) -> Unfinished:
    (found,) = uploads(state)
    return found


# ----------------------------------------------------------------------------------------------------- what is known
def test_where_nothing_was_ever_begun_there_is_nothing_and_nothing_is_made(state: Path) -> None:
    assert uploads(state) == ()
    assert not state.exists()


def test_an_interrupted_upload_is_described_by_its_journal(state: Path) -> None:
    write(state, name_of("ab"), planned(), Created("up-1"), stored(1), stored(7), changed_at=1_700_000_000)
    assert only(state) == Unfinished(
        id=name_of("ab"),
        path="/data/events.parquet",
        uri="s3://bucket/in/events.parquet",
        standing="interrupted",
        size_bytes=65,
        stored_bytes=15,
        parts=7,
        parts_stored=2,
        begun_at="2026-11-23T10:00:00Z",
        changed_at="2023-11-14T22:13:20Z",
        upload_id="up-1",
    )


def test_parts_that_must_be_compared_with_the_file_first_are_at_the_store_all_the_same(state: Path) -> None:
    write(state, name_of("ab"), planned(), Created("up-1"), stored(1), doubted(2))
    assert (only(state).parts_stored, only(state).stored_bytes) == (2, 20)


def test_parts_of_an_upload_that_was_lost_do_not_count(state: Path) -> None:
    write(state, name_of("ab"), planned(), Created("up-1"), stored(1), UploadLost())
    assert (only(state).parts_stored, only(state).upload_id) == (0, None)


@pytest.mark.parametrize("records", [(), (planned(), Created("up-1"), DONE)], ids=["no facts", "delivered"])
def test_what_is_finished_or_was_never_planned_is_not_listed(state: Path, records: tuple[Record, ...]) -> None:
    write(state, name_of("ab"), *records)
    assert uploads(state) == ()


def test_a_delivered_file_that_is_sent_anew_is_unfinished_again(state: Path) -> None:
    write(state, name_of("ab"), planned(), Created("up-1"), DONE, planned(nonce="second"), Created("up-2"))
    assert only(state).upload_id == "up-2"


def test_the_oldest_change_comes_first(state: Path) -> None:
    for name, changed_at in {"b": 300.0, "a": 200.0, "c": 100.0}.items():
        write(state, name_of(name), planned(), changed_at=changed_at)
    assert [found.id[0] for found in uploads(state)] == ["c", "a", "b"]


def test_one_that_a_process_has_is_running_and_one_that_it_left_is_not(state: Path) -> None:
    write(state, name_of("ab"), planned())
    with JournalDirectory(state) as journals:
        with journals.open(name_of("ab")):
            during = [found.standing for found in known_here(journals)]
        after = [found.standing for found in known_here(journals)]
    assert (during, after) == (["running"], ["interrupted"])


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.replace(b'"up-1"', b'"up-2"'),
        lambda data: b"\n" + data,
        lambda _: b"rubbish\n",
        lambda _: bytes(range(256)) + b"\n",
    ],
    ids=["changed", "shifted", "replaced", "binary"],
)
def test_a_damaged_journal_is_listed_and_not_touched(state: Path, damage: Callable[[bytes], bytes]) -> None:
    path = write(state, name_of("ab"), planned(), Created("up-1"), stored(1))
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    found = only(state)
    assert (found.id, found.standing, found.path, found.uri) == (name_of("ab"), "damaged", "", "")
    assert path.read_bytes() == before


def test_facts_that_contradict_each_other_are_damage(state: Path) -> None:
    write(state, name_of("ab"), stored(1), planned())
    assert only(state).standing == "damaged"
    with JournalDirectory(state) as journals, pytest.raises(JournalError, match="contradicts itself"):
        state_of(journals, name_of("ab"))


def test_a_last_line_that_was_being_written_is_no_damage_and_stays(state: Path) -> None:
    path = write(state, name_of("ab"), planned(), Created("up-1"), stored(1))
    with path.open("ab") as file:
        file.write(b'{"record":"part_sto')
    before = path.read_bytes()
    assert (only(state).standing, only(state).parts_stored) == ("interrupted", 1)
    assert path.read_bytes() == before


def test_one_damaged_journal_hides_no_other(state: Path) -> None:
    write(state, name_of("ab"), planned(), changed_at=100).write_bytes(b"rubbish\n")
    write(state, name_of("cd"), planned())
    assert {found.standing for found in uploads(state)} == {"damaged", "interrupted"}


def test_other_files_in_the_directory_are_no_uploads(state: Path) -> None:
    path = write(state, name_of("ab"), planned())
    path.with_suffix(".damaged").write_bytes(b"set aside")
    path.with_name("notes.txt").write_bytes(b"mine")
    assert [found.id for found in uploads(state)] == [name_of("ab")]


# ----------------------------------------------------------------------------------------------------------- figures
def test_the_share_and_the_cost_follow_the_bytes_that_are_stored(state: Path) -> None:
    large = planned(fingerprint=replace(FINGERPRINT, size_bytes=400 * GIB), part_size=100 * GIB)
    write(state, name_of("ab"), large, Created("up-1"), PartStored(1, 100 * GIB, '"e"', "crc"))
    assert only(state).share == 0.25
    assert only(state).dollars_a_month == pytest.approx(2.3)


def test_an_upload_of_unknown_size_has_no_share(state: Path) -> None:
    write(state, name_of("ab"), planned()).write_bytes(b"rubbish\n")
    assert (only(state).share, only(state).dollars_a_month, only(state).short_id) == (0.0, 0.0, "ab000000")


def test_the_values_cannot_be_changed(state: Path) -> None:
    write(state, name_of("ab"), planned())
    found: Any = only(state)
    with pytest.raises(FrozenInstanceError):
        found.id = "other"


@pytest.mark.parametrize(("age_s", "is_older"), [(59.0, True), (60.0, True), (61.0, False)])
def test_age_is_counted_from_the_last_change(state: Path, age_s: float, *, is_older: bool) -> None:
    write(state, name_of("ab"), planned(), changed_at=1_700_000_000)
    now = dt.datetime.fromtimestamp(1_700_000_060, dt.UTC)
    assert older_than(only(state), age_s, now) is is_older


# --------------------------------------------------------------------------------------------------------------- ids
@pytest.mark.parametrize("wanted", ["ab1", "ab10", "AB1", "ab1".ljust(32, "0")])
def test_any_beginning_that_fits_one_is_enough(state: Path, wanted: str) -> None:
    write(state, name_of("ab1"), planned())
    write(state, name_of("ab2"), planned())
    with JournalDirectory(state) as journals:
        assert find(journals, wanted) == name_of("ab1")


@pytest.mark.parametrize("wanted", ["", "ff", "b1", "ab1".ljust(33, "0"), "*", "../ab1", "ab\x1b[31m"])
def test_what_fits_none_is_a_wrong_option(state: Path, wanted: str) -> None:
    write(state, name_of("ab1"), planned())
    with JournalDirectory(state) as journals, pytest.raises(UsageError, match="there is no upload") as caught:
        find(journals, wanted)
    assert caught.value.message.isprintable()


def test_what_fits_several_names_some_of_them(state: Path) -> None:
    for number in range(9):
        write(state, name_of(f"ab{number}"), planned())
    with JournalDirectory(state) as journals, pytest.raises(UsageError) as caught:
        find(journals, "ab")
    assert caught.value.message.startswith("ab fits 9 uploads: ab0000000000, ab1000000000, ")
    assert caught.value.message.count(",") == 4


# ----------------------------------------------------------------------------------------------------------- options
texts = st.text(min_size=1, max_size=20)
pairs = st.lists(st.tuples(texts, texts), max_size=3).map(tuple)
connections = st.builds(
    Connection,
    profile=st.none() | texts,
    region=st.none() | texts,
    endpoint_url=st.none() | texts,
    addressing=st.sampled_from(["auto", "path", "virtual"]),
    ca_bundle=st.none() | texts,
    accelerate=st.booleans(),
    dualstack=st.booleans(),
    fips=st.booleans(),
)
object_options = st.builds(
    ObjectOptions,
    sse=st.none() | texts,
    kms_key_id=st.none() | texts,
    storage_class=st.none() | texts,
    acl=st.none() | texts,
    expected_bucket_owner=st.none() | texts,
    metadata=pairs,
    tags=pairs,
)
push_options = st.builds(
    PushOptions,
    check=st.sampled_from(["quick", "full", "none"]),
    proof=st.sampled_from(["crc64nvme", "crc32c", "crc32", "md5"]),
    may_fall_back=st.booleans(),
    overwrite=st.booleans(),
    allow_raw_personal_data=st.booleans(),
    part_size=st.none() | st.integers(1, 5 * GIB),
    concurrency=st.integers(1, 512),
    max_bytes_per_s=st.none() | st.integers(1),
    retry_for_s=st.floats(0, 1e6),
    stall_s=st.floats(1, 1e6),
    connection=connections,
    object_options=object_options,
)


@given(push_options)
def test_options_come_back_from_a_journal_as_they_were(options: PushOptions) -> None:
    back = PushOptions.from_json(json.loads(json.dumps(options.to_json())))
    assert back == options
    assert hash(back) == hash(options)


@given(push_options)
def test_what_holds_for_one_run_only_is_not_kept(options: PushOptions) -> None:
    once = replace(options, dry_run=True, restart=True, deadline_s=1.0, include=("a*",), exclude=("b*",))
    assert PushOptions.from_json(once.to_json()) == options
    assert PushOptions.from_json(options.to_json(), dry_run=True) == replace(options, dry_run=True)


@pytest.mark.parametrize("place", [(), ("connection",), ("object_options",)], ids=["top", "connection", "object"])
def test_a_field_of_a_later_version_is_left_out(place: tuple[str, ...]) -> None:
    options = PushOptions(connection=Connection(region="eu-west-1"), object_options=ObjectOptions(sse="AES256"))
    data = options.to_json()
    inner = data
    for name in place:
        inner = inner[name]
    inner["of_a_later_version"] = {"any": ["thing"]}
    assert PushOptions.from_json(data) == options


def test_a_field_that_an_earlier_version_did_not_write_has_its_default() -> None:
    data = PushOptions(stall_s=7.0, overwrite=True).to_json()
    del data["stall_s"]
    assert PushOptions.from_json(data) == PushOptions(overwrite=True)


@pytest.mark.parametrize("run", [{}, {"connection": {}}, {"connection": None, "object_options": {}}])
def test_a_journal_that_does_not_say_how_it_was_begun_is_told_from_a_bug(run: dict[str, Any]) -> None:
    with pytest.raises(JournalError, match="does not say how it was begun") as caught:
        options_of(planned(run=run))
    assert caught.value.name == "journal_damaged"


@pytest.mark.parametrize(
    ("option", "recorded", "expected"),
    [
        (None, "", None),
        (None, "http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000", "http://127.0.0.1:9000/"),
    ],
)
def test_the_store_is_the_one_that_was_reached_also_where_a_variable_named_it(
    option: str | None, recorded: str, expected: str | None
) -> None:
    run = PushOptions(connection=Connection(endpoint_url=option)).to_json()
    assert options_of(planned(run=run, endpoint=recorded)).connection.endpoint_url == expected


@pytest.mark.parametrize(
    ("kept_until", "is_soon"),
    [(None, False), ("2026-11-29T11:59:00Z", True), ("2026-11-29T12:01:00Z", False), ("2026-11-01T00:00:00Z", True)],
)
def test_parts_that_a_rule_removes_within_two_days_are_soon_gone(kept_until: str | None, *, is_soon: bool) -> None:
    moment = "2026-11-20T00:00:00Z"
    found = Unfinished("a" * 64, "f", "s3://b/k", "interrupted", 9, 5, 2, 1, moment, moment, "u", kept_until)
    assert is_soon == is_soon_gone(found, dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC))
