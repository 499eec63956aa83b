"""What scripts read: every event and the result, field by field as the interface names them."""

import base64
import json
import os
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiktok_upload.errors import ConflictError, DataError, InterruptedUploadError, TransferError, UploadToolError
from tiktok_upload.events import (
    MOST_LISTED,
    ChecksumReport,
    Event,
    FileChecked,
    FileDone,
    FileFailed,
    FilePlanned,
    FileProgress,
    FileReport,
    Notice,
    PartRetried,
    PartSaved,
    Progress,
    RequestMade,
    RunReport,
    Started,
    Throttled,
    UploadResumed,
    summarize,
)
from tiktok_upload.facts import Column, FileFacts, Finding
from tiktok_upload.machine import error_json, event_json, file_json, path_json, result_json
from tiktok_upload.plan import UploadPlan

AT = "2026-11-23T10:00:00.000Z"
PATH = "data/events.parquet"
URI = "s3://bucket/in/events.parquet"
RAW = b"data/caf\xe9.parquet"
NOT_UTF_8 = os.fsdecode(RAW)
FACTS = FileFacts(
    rows=3,
    row_groups=1,
    columns=(
        Column("id", "int64", nullable=False, family="integer"),
        Column("names", "list<element: string>", family="array", children=(Column("[]", "string", family="string"),)),
    ),
    codecs=("SNAPPY", "ZSTD"),
    created_by="parquet-cpp-arrow version 26.0.1",
    rows_sampled=3,
)
FINDING = Finding("raw-email", "error", "raw e-mail, 15 characters", column="email", row_group=4, row=321, length=15)
FINDING_JSON = {
    "rule": "raw-email",
    "severity": "error",
    "message": "raw e-mail, 15 characters",
    "column": "email",
    "row_group": 4,
    "row": 321,
    "count": 1,
    "length": 15,
    "expected": None,
    "found": None,
    "advice": None,
}
UPLOADED = FileReport(
    path=PATH,
    uri=URI,
    status="uploaded",
    size_bytes=25,
    rows=3,
    part_size=10,
    parts=3,
    parts_reused=1,
    bytes_sent=15,
    bytes_reused=10,
    bytes_resent=5,
    retries=2,
    seconds=1.23456,
    etag='"etag-3"',
    version_id="v1",
    checksum=ChecksumReport("CRC64NVME", "AAAAAAAAAAA=", confirmed_by_store=True),
    findings=(FINDING,),
    warnings=("the store lost 1 parts (10 B); they are sent again",),
    receipt="receipts/events.json",
    facts=FACTS,
)
LOST = TransferError(
    "part 37 of 112 was not stored: the store answered 503 SlowDown", kept="36 parts", code="throttled"
)
LOST_JSON = {
    "code": "throttled",
    "message": "part 37 of 112 was not stored: the store answered 503 SlowDown",
    "kept": "36 parts",
    "hint": "run the same command again to continue",
    "resumable": True,
}
FAILED = FileReport(path=PATH, uri=URI, status="failed", error=LOST)
REQUEST = RequestMade("upload_part", "in/events.parquet", 2, 1, 503, "SlowDown", "4442587FB7D0A2F9", 1_203)
PROGRESS = FileProgress(
    path=PATH,
    size_bytes=25,
    bytes_stored=10,
    bytes_reused=10,
    bytes_in_flight=5,
    parts_in_flight=1,
    retries=0,
    stage="sending",
)
PROGRESS_JSON = {
    "size_bytes": 25,
    "bytes_stored": 10,
    "bytes_reused": 10,
    "bytes_in_flight": 5,
    "parts_in_flight": 1,
    "retries": 0,
    "stage": "sending",
    "bytes_checked": 0,
    "bytes_to_check": 0,
    "kept_until": None,
}

# What the interface promises of a file; more may be added, nothing renamed or left out.
FILE_FIELDS = {
    "path",
    "uri",
    "status",
    "size_bytes",
    "rows",
    "part_size",
    "parts",
    "parts_reused",
    "bytes_sent",
    "bytes_reused",
    "bytes_resent",
    "retries",
    "seconds",
    "etag",
    "version_id",
    "checksum",
    "contract",
    "findings",
    "error",
}
RESULT_FIELDS = {"schema", "event", "status", "exit_code", "seconds", "error", "files"}
EVENT_NAMES = {
    "file_checked",
    "file_planned",
    "upload_resumed",
    "part_stored",
    "part_retried",
    "throttled",
    "progress",
    "file_done",
    "file_failed",
}


def progress(path: str) -> Progress:
    """Of one file in flight."""
    one = FileProgress(path, 25, 10, 10, 5, 1, 0, "sending")
    return Progress((one,), files_done=2, files_total=9, bytes_total=99, bytes_stored=10, bytes_sent=5, seconds=3.5)


def events(path: str, uri: str) -> list[Event]:
    """One of each kind."""
    return [
        Started(files_total=2, bytes_total=99),
        FileChecked(path, FACTS, (FINDING,), ("that every page is whole",)),
        FilePlanned(path, uri, UploadPlan(25, 10)),
        UploadResumed(path, uri, parts_kept=1, parts=3, bytes_kept=10),
        PartSaved(path, number=2, size=10, parts_stored=2, parts=3),
        PartRetried(path, "part 2", attempt=1, reason="503 SlowDown", delay_s=0.5),
        Throttled(path, delay_s=0.5),
        REQUEST,
        progress(path),
        Notice(path, "there is no right to look"),
        FileDone(FileReport(path=path, uri=uri, status="uploaded")),
        FileFailed(FileReport(path=path, uri=uri, status="failed", error=LOST)),
    ]


BODIES: dict[str, dict[str, Any]] = {
    "file_checked": {
        "facts": {
            "rows": 3,
            "row_groups": 1,
            "columns": [
                {
                    "name": "id",
                    "type": "int64",
                    "nullable": False,
                    "family": "integer",
                    "children": [],
                    "nulls": None,
                },
                {
                    "name": "names",
                    "type": "list<element: string>",
                    "nullable": True,
                    "family": "array",
                    "children": [
                        {
                            "name": "[]",
                            "type": "string",
                            "nullable": True,
                            "family": "string",
                            "children": [],
                            "nulls": None,
                        }
                    ],
                    "nulls": None,
                },
            ],
            "codecs": ["SNAPPY", "ZSTD"],
            "created_by": "parquet-cpp-arrow version 26.0.1",
            "rows_read": None,
            "rows_sampled": 3,
        },
        "findings": [FINDING_JSON],
        "unproved": ["that every page is whole"],
    },
    "file_planned": {"uri": URI, "size_bytes": 25, "part_size": 10, "parts": 3},
    "upload_resumed": {"uri": URI, "parts_kept": 1, "parts": 3, "bytes_kept": 10},
    "part_stored": {"number": 2, "size": 10, "parts_stored": 2, "parts": 3},
    "part_retried": {"doing": "part 2", "attempt": 1, "reason": "503 SlowDown", "delay_s": 0.5},
    "throttled": {"delay_s": 0.5},
    "notice": {"message": "there is no right to look"},
}


def as_read(data: dict[str, Any]) -> dict[str, Any]:
    """What a strict reader of JSON in UTF-8 makes of it: a lone surrogate would not even be written."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf-8").decode("utf-8")
    read: dict[str, Any] = json.loads(text)
    return read


# -------------------------------------------------------------------------------------------------------------- events
def test_there_is_an_example_of_every_event() -> None:
    kinds = [type(event) for event in events(PATH, URI)]
    assert list(get_args(Event)) == kinds
    assert EVENT_NAMES | {"notice", "request", "started"} == {kind.name for kind in kinds}


@pytest.mark.parametrize("event", events(PATH, URI), ids=lambda event: event.name)
def test_every_line_says_what_it_is_and_when(event: Event) -> None:
    line = as_read(event_json(event, AT))
    assert {"schema": 1, "event": event.name, "at": AT}.items() <= line.items()
    assert list(line)[:3] == ["schema", "event", "at"]


@pytest.mark.parametrize("event", [event for event in events(PATH, URI) if event.name in BODIES], ids=lambda e: e.name)
def test_the_fields_of_each_event(event: Event) -> None:
    line = {"schema": 1, "event": event.name, "at": AT, "path": PATH, **BODIES[event.name]}
    assert line == as_read(event_json(event, AT))


def test_progress_has_each_file_in_flight_and_the_whole_run() -> None:
    line = as_read(event_json(progress(PATH), AT))
    assert line["files"] == [{"path": PATH, **PROGRESS_JSON}]
    totals = {
        "files_done": 2,
        "files_total": 9,
        "bytes_total": 99,
        "bytes_stored": 10,
        "bytes_sent": 5,
        "seconds": 3.5,
    }
    assert totals.items() <= line.items()


@pytest.mark.parametrize("kind", [FileDone, FileFailed])
def test_the_end_of_a_file_has_its_whole_entry(kind: type[FileDone] | type[FileFailed]) -> None:
    for report in (UPLOADED, FAILED):
        assert file_json(report).items() <= event_json(kind(report), AT).items()


def test_a_file_that_could_not_be_looked_into_has_no_facts() -> None:
    assert event_json(FileChecked(PATH, None, ()), AT)["facts"] is None


WITH_PATH = [event for event in events(NOT_UTF_8, URI) if event.name not in ("started", "request")]


@pytest.mark.parametrize("event", WITH_PATH, ids=lambda event: event.name)
def test_a_path_that_is_not_utf_8_is_escaped_and_has_its_bytes_beside_it(event: Event) -> None:
    line = as_read(event_json(event, AT))
    entry = line["files"][0] if event.name == "progress" else line
    assert (entry["path"], base64.b64decode(entry["path_b64"])) == (r"data/caf\udce9.parquet", RAW)


@pytest.mark.parametrize("event", events(PATH, f"s3://bucket/{NOT_UTF_8}"), ids=lambda event: event.name)
def test_a_uri_that_is_not_utf_8_is_written_as_text_that_any_reader_takes(event: Event) -> None:
    line = as_read(event_json(event, AT))
    assert line.get("uri", "") in ("", r"s3://bucket/data/caf\udce9.parquet")


@settings(deadline=None)
@given(st.binary())
def test_the_bytes_of_any_path_can_be_had_back(raw: bytes) -> None:
    said = as_read(path_json(os.fsdecode(raw)))
    again = base64.b64decode(said["path_b64"]) if "path_b64" in said else said["path"].encode()
    assert raw == again


@settings(deadline=None)
@given(st.text())
def test_a_path_that_is_utf_8_stands_as_it_is(path: str) -> None:
    assert {"path": path} == path_json(path)


@settings(deadline=None)
@given(st.text(st.characters()))
def test_any_text_is_made_fit_for_json_and_good_text_is_left_alone(text: str) -> None:
    line = as_read(event_json(Notice("", text), AT))
    assert (line["message"] == text) == (text.encode("utf-8", "replace").decode() == text)


# --------------------------------------------------------------------------------------------------------------- files
def test_the_entry_of_a_file_that_was_uploaded() -> None:
    expected = {
        "path": PATH,
        "uri": URI,
        "status": "uploaded",
        "size_bytes": 25,
        "rows": 3,
        "part_size": 10,
        "parts": 3,
        "parts_reused": 1,
        "bytes_sent": 15,
        "bytes_reused": 10,
        "bytes_resent": 5,
        "retries": 2,
        "seconds": 1.235,
        "etag": '"etag-3"',
        "version_id": "v1",
        "checksum": {"algorithm": "CRC64NVME", "value": "AAAAAAAAAAA=", "confirmed_by_store": True},
        "contract": None,
        "findings": [FINDING_JSON],
        "error": None,
    }
    entry = as_read(file_json(UPLOADED))
    assert expected.keys() == FILE_FIELDS
    assert expected == {name: value for name, value in entry.items() if name in FILE_FIELDS}
    assert {"warnings": list(UPLOADED.warnings), "receipt": UPLOADED.receipt}.items() <= entry.items()


def test_the_entry_of_a_file_that_was_never_begun_has_every_field_all_the_same() -> None:
    entry = as_read(file_json(FileReport(path=PATH, uri=None, status="interrupted")))
    assert entry.keys() >= FILE_FIELDS
    unknown = {"uri", "size_bytes", "rows", "part_size", "parts", "etag", "version_id", "checksum", "contract", "error"}
    assert {name for name in FILE_FIELDS if entry[name] is None} == unknown


def test_a_receipt_at_a_path_that_is_not_utf_8_does_not_spoil_the_line() -> None:
    report = FileReport(path=PATH, uri=URI, status="uploaded", receipt=NOT_UTF_8)
    assert as_read(file_json(report))["receipt"] == r"data/caf\udce9.parquet"


def test_an_error_says_what_happened_what_is_safe_and_what_to_do() -> None:
    assert error_json(LOST) == LOST_JSON
    assert as_read(file_json(FAILED))["error"] == LOST_JSON


def test_an_error_without_anything_kept_says_so_with_null() -> None:
    said = error_json(UploadToolError("a bug"))
    assert said is not None
    assert (said["kept"], said["resumable"], said["code"]) == (None, False, "unexpected")


def test_no_error_is_null() -> None:
    assert error_json(None) is None


# -------------------------------------------------------------------------------------------------------------- result
def test_the_result_has_the_fields_that_the_interface_names() -> None:
    report = RunReport("failed", 7, 12.34567, (UPLOADED, FAILED), {"uploaded": 1, "failed": 1}, error=LOST)
    line = as_read(result_json(report, AT))
    expected = {
        "schema": 1,
        "event": "result",
        "status": "failed",
        "exit_code": 7,
        "seconds": 12.346,
        "error": LOST_JSON,
        "files": [as_read(file_json(UPLOADED)), as_read(file_json(FAILED))],
    }
    assert expected.keys() == RESULT_FIELDS
    assert expected == {name: value for name, value in line.items() if name in RESULT_FIELDS}
    assert {"at": AT, "counts": {"uploaded": 1, "failed": 1}, "files_omitted": 0}.items() <= line.items()


def test_a_result_without_an_error_has_null_in_its_place() -> None:
    assert result_json(RunReport("ok", 0, 0.0, (), {}), AT)["error"] is None


def failed_by(error: UploadToolError) -> FileReport:
    return FileReport(path=PATH, uri=URI, status="failed", error=error)


def test_all_files_well_is_ok() -> None:
    report = summarize([UPLOADED, UPLOADED], seconds=1.0, counts={"uploaded": 2})
    assert RunReport("ok", 0, 1.0, (UPLOADED, UPLOADED), {"uploaded": 2}) == report


def test_the_exit_code_is_that_of_the_first_file_that_failed_in_the_order_given() -> None:
    data, conflict = DataError("not sound"), ConflictError("another object")
    files = [UPLOADED, failed_by(conflict), failed_by(data)]
    report = summarize(files, seconds=1.0, counts={"uploaded": 1, "failed": 2})
    assert ("failed", 11, conflict) == (report.status, report.exit_code, report.error)


@pytest.mark.parametrize("exit_code", [130, 143])
def test_an_interruption_of_the_run_outranks_its_files_errors(exit_code: int) -> None:
    stop = InterruptedUploadError("stopped", exit_code=exit_code)
    report = summarize([failed_by(DataError("not sound"))], seconds=1.0, counts={"failed": 1}, run_error=stop)
    assert ("interrupted", exit_code, stop) == (report.status, report.exit_code, report.error)


def test_up_to_a_thousand_files_are_all_listed() -> None:
    files = [UPLOADED] * MOST_LISTED
    report = summarize(files, seconds=1.0, counts={"uploaded": MOST_LISTED})
    assert (MOST_LISTED, len(report.files), report.files_omitted) == (1_000, MOST_LISTED, 0)


def test_of_more_than_a_thousand_files_only_those_that_failed_are_listed() -> None:
    files = [*[UPLOADED] * MOST_LISTED, FAILED]
    report = summarize(files, seconds=1.0, counts={"uploaded": MOST_LISTED, "failed": 1})
    assert (report.files, report.files_omitted) == ((FAILED,), MOST_LISTED)


# --------------------------------------------------------------------------------------------------------------- facts
@pytest.mark.parametrize("rows_read", [None, 3])
def test_the_facts_of_a_file_come_back_from_their_text(rows_read: int | None) -> None:
    facts = FileFacts(3, 1, FACTS.columns, FACTS.codecs, "", rows_read)
    assert facts == FileFacts.from_json(json.loads(json.dumps(facts.to_json())))
