"""Facts survive the way through a journal's text; what is no fact is refused."""

import json
import os
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.uploads import FINGERPRINT, planned

from tiktok_upload.checksum import PROOFS
from tiktok_upload.facts import Fingerprint
from tiktok_upload.plan import Part
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
    from_json,
    to_json,
)

EXAMPLES: dict[str, Record] = {
    "planned": planned(),
    "created": Created("upload"),
    "part_stored": PartStored(1, 10, '"etag"', "crc"),
    "part_doubted": PartDoubted(1, 10, '"etag"', "crc"),
    "part_lost": PartLost(1),
    "source_touched": SourceTouched(FINGERPRINT),
    "upload_lost": UploadLost(),
    "completed": Completed('"etag-1"', "crc", confirmed=True, version_id=None, at="2026-11-23T10:00:00Z"),
    "confirmed": Confirmed('"etag"', confirmed=False, version_id="v1"),
    "aborted": Aborted("upload"),
}
WITH_FIELDS = [name for name in EXAMPLES if name != "upload_lost"]

WORDS = st.text(max_size=20)
COUNTS = st.integers(0, 2**63)
PATHS = st.binary(max_size=20).map(os.fsdecode)  # any bytes: those that are not UTF-8 become surrogates
FINGERPRINTS = st.builds(Fingerprint, COUNTS, COUNTS, COUNTS, COUNTS, WORDS)
PLANS = st.builds(
    Planned,
    path=PATHS,
    bucket=WORDS,
    key=WORDS,
    endpoint=WORDS,
    fingerprint=FINGERPRINTS,
    part_size=COUNTS,
    proof=st.sampled_from(PROOFS),
    nonce=WORDS,
    object_options=st.dictionaries(WORDS, WORDS | st.none() | st.lists(st.lists(WORDS, max_size=2), max_size=2)),
    overwrite=st.booleans(),
    checked_at=WORDS,
    tool=WORDS,
)
RECORDS: st.SearchStrategy[Record] = st.one_of(
    PLANS,
    st.builds(Created, WORDS),
    st.builds(PartStored, COUNTS, COUNTS, WORDS, WORDS),
    st.builds(PartDoubted, COUNTS, COUNTS, WORDS, WORDS),
    st.builds(PartLost, COUNTS),
    st.builds(SourceTouched, FINGERPRINTS),
    st.builds(UploadLost),
    st.builds(Completed, WORDS, WORDS, confirmed=st.booleans(), version_id=WORDS | st.none(), at=WORDS),
    st.builds(Confirmed, WORDS, confirmed=st.booleans(), version_id=WORDS | st.none()),
    st.builds(Aborted, WORDS),
)


def through_text(record: Record) -> Record:
    return from_json(json.loads(json.dumps(to_json(record), ensure_ascii=True).encode("ascii")))


def test_there_is_an_example_of_every_kind() -> None:
    assert {kind.kind for kind in get_args(Record)} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_kind_names_itself_first(name: str) -> None:
    assert ("record", name) == next(iter(to_json(EXAMPLES[name]).items()))


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_kind_comes_back_from_its_text(name: str) -> None:
    assert EXAMPLES[name] == through_text(EXAMPLES[name])


@settings(deadline=None)
@given(RECORDS)
def test_whatever_a_fact_holds_comes_back_from_its_text(record: Record) -> None:
    assert record == through_text(record)


@pytest.mark.parametrize("name", [b"caf\xe9.parquet", b"\xff\xfe\x80", "東京.parquet".encode()])
def test_a_path_keeps_its_bytes_though_they_are_no_utf_8(name: bytes) -> None:
    again = through_text(planned(path=os.fsdecode(name)))
    assert isinstance(again, Planned)
    assert name == os.fsencode(again.path)


@pytest.mark.parametrize("name", EXAMPLES)
def test_reading_a_fact_leaves_its_data_as_they_were(name: str) -> None:
    data = to_json(EXAMPLES[name])
    before = json.dumps(data)
    from_json(data)
    assert before == json.dumps(data)


@pytest.mark.parametrize(
    "data", [{}, {"record": ""}, {"record": "deleted"}, {"record": None}, {"record": []}, {"number": 1}], ids=json.dumps
)
def test_a_kind_that_nobody_knows_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="unknown kind of record"):
        from_json(data)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_field_that_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"not a {name} record"):
        from_json({**to_json(EXAMPLES[name]), "colour": "red"})


@pytest.mark.parametrize("name", WITH_FIELDS)
def test_a_fact_without_one_of_its_fields_is_refused(name: str) -> None:
    data = to_json(EXAMPLES[name])
    for missing in data.keys() - {"record", "run", "kept_until", "nonce"}:
        with pytest.raises(ValueError, match=f"not a {name} record"):
            from_json({field: value for field, value in data.items() if field != missing})


def test_a_confirmation_of_a_version_that_knew_no_other_nonce_is_read() -> None:
    data = {"record": "confirmed", "etag": "e", "confirmed": True, "version_id": None}
    assert from_json(data) == Confirmed("e", confirmed=True, version_id=None, nonce=None)


def test_an_upload_of_which_nobody_said_how_long_it_is_kept_is_read() -> None:
    assert from_json({"record": "created", "upload_id": "u"}) == Created("u", kept_until=None)


def test_a_plan_that_does_not_say_how_it_was_started_is_read() -> None:
    data = to_json(planned())
    del data["run"]
    assert from_json(data) == planned(run={})


@pytest.mark.parametrize("fingerprint", [None, 5, "f00d", {}, {"size_bytes": 1}, {"colour": "red"}], ids=json.dumps)
def test_what_is_no_fingerprint_is_refused(fingerprint: Any) -> None:
    with pytest.raises(ValueError, match="not a source_touched record"):
        from_json({"record": "source_touched", "fingerprint": fingerprint})


def test_a_plan_has_the_parts_of_its_file() -> None:
    assert [Part(1, 0, 40), Part(2, 40, 25)] == list(planned(part_size=40).plan.parts())


@pytest.mark.parametrize(
    ("change", "may_be"),
    [
        ({}, True),
        ({"mtime_ns": 9}, True),
        ({"ctime_ns": 9}, True),
        ({"inode": 9}, True),
        ({"size_bytes": 9}, False),
        ({"footer_sha256": "beef"}, False),
    ],
)
def test_only_the_file_systems_marks_may_differ_where_content_may_be_the_same(
    change: dict[str, Any], *, may_be: bool
) -> None:
    other = Fingerprint(**{**to_json(SourceTouched(FINGERPRINT))["fingerprint"], **change})
    assert may_be == FINGERPRINT.may_be_same_content(other)
