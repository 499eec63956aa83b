"""`tiktok-upload uploads list | show | abort | clean`: seen and dropped, and what is others' stays."""

import base64
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.command import Outcome, run_here
from tests.support.hostile_s3 import Fault, HostileS3, connected
from tests.support.hostile_s3.actions import EditAnswer
from tests.support.hostile_s3.wire import Answer
from tests.support.servers import as_server, share_models, use
from tests.support.uploads import FINGERPRINT, planned

from tiktok_upload import Connection, PushOptions
from tiktok_upload.cli.uploads_commands import complete_id
from tiktok_upload.journal import JournalDirectory
from tiktok_upload.records import Completed, Created, PartStored, Planned, Record, UploadLost

PART = 1_000
"""Bytes; the last of three parts is as long."""
DAY_S = 86_400.0
DONE = Completed('"etag"', "crc", confirmed=True, version_id=None, at="2026-11-23T11:00:00Z")
KEYS = ("in/a.parquet", "in/b.parquet")


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3") as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def state(tmp_path: Path, s3: HostileS3, monkeypatch: pytest.MonkeyPatch) -> Path:
    use(monkeypatch, as_server(s3))
    share_models(monkeypatch)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "tiktok-upload"


def name_of(key: str) -> str:
    """A journal's, by the letter of its key."""
    return key[3].ljust(32, "0")


def plan_of(s3: HostileS3, key: str = KEYS[0], **changes: Any) -> Planned:
    """Of three parts."""
    run = PushOptions(connection=Connection(addressing="path")).to_json()
    values = {"path": f"/data/{key}", "key": key, "bucket": "bkt", "endpoint": s3.endpoint, "part_size": PART}
    return planned(**{**values, "fingerprint": replace(FINGERPRINT, size_bytes=3 * PART), "run": run, **changes})


def write(state: Path, key: str, *records: Record, days: float = 0.0) -> Path:
    """A journal that was last changed so many days ago."""
    with JournalDirectory(state) as journals, journals.open(name_of(key)) as journal:
        for record in records:
            journal.append(record)
        journal.sync()
    path = state / "uploads" / f"{name_of(key)}.jsonl"
    changed_at = time.time() - days * DAY_S
    os.utime(path, (changed_at, changed_at))
    return path


def open_upload(s3: HostileS3, key: str, parts: int = 2) -> str:
    """At the store, with so many parts."""
    with connected(s3) as client:
        upload_id = client.create_multipart_upload(Bucket="bkt", Key=key)["UploadId"]
        for number in range(1, parts + 1):
            client.upload_part(Bucket="bkt", Key=key, UploadId=upload_id, PartNumber=number, Body=b"x" * PART)
    return upload_id


def begin(s3: HostileS3, state: Path, key: str = KEYS[0], *, days: float = 0.0, **changes: Any) -> Path:
    """An interrupted upload, two of its three parts at the store; returns its journal."""
    upload_id = open_upload(s3, key)
    parts = [PartStored(number, PART, '"etag"', "crc") for number in (1, 2)]
    return write(state, key, plan_of(s3, key, **changes), Created(upload_id), *parts, days=days)


def asked(s3: HostileS3, begun: int) -> list[str]:
    return s3.operations()[begun:]


def listed(ended: Outcome, field: str = "id") -> list[Any]:
    return [upload[field] for upload in ended.result["uploads"]]


# -------------------------------------------------------------------------------------------------------------- list
@pytest.mark.usefixtures("state")
def test_where_nothing_is_unfinished_the_list_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    people, machine = run_here(capsys, "uploads", "list"), run_here(capsys, "uploads", "list", "--json")
    assert (people.code, people.stdout, people.stderr) == (0, "there are no unfinished uploads\n", "")
    assert (machine.code, machine.names, machine.result["uploads"]) == (0, ["result"], [])
    assert machine.stderr == ""


def test_a_line_for_each_says_id_standing_share_age_and_where_to(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(s3, state, KEYS[0], days=2)
    write(state, KEYS[1], plan_of(s3, KEYS[1]), days=1)
    begun = len(s3.requests)
    ended = run_here(capsys, "uploads", "list")
    first, second, total = ended.stdout.splitlines()
    assert (ended.code, ended.stderr) == (0, "")
    assert first.startswith("a0000000  interrupted    ")
    assert "67%" in first
    assert first.endswith(" old  s3://bkt/in/a.parquet")
    assert "0%" in second
    assert total == "2 uploads, about $0.00 a month for the parts (S3 Standard)"
    assert asked(s3, begun) == []


def test_the_list_needs_no_credentials(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(state, KEYS[0], plan_of(s3))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert run_here(capsys, "uploads", "list").code == 0


def test_machines_get_every_field(s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin(s3, state)
    (upload_id,) = s3.uploads("bkt")
    ended = run_here(capsys, "uploads", "list", "--json")
    (found,) = ended.result["uploads"]
    assert (ended.code, ended.names, ended.files) == (0, ["result"], [])
    assert found.pop("changed_at").endswith("Z")
    assert found == {
        "id": name_of(KEYS[0]),
        "path": "/data/in/a.parquet",
        "uri": "s3://bkt/in/a.parquet",
        "standing": "interrupted",
        "size_bytes": 3 * PART,
        "stored_bytes": 2 * PART,
        "parts": 3,
        "parts_stored": 2,
        "begun_at": "2026-11-23T10:00:00Z",
        "upload_id": upload_id,
        "kept_until": None,
        "given_up": [],
        "share": 0.6667,
        "dollars_a_month": 0.0,
    }


def test_running_and_damaged_ones_are_told_apart(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(state, KEYS[0], plan_of(s3), days=1)
    write(state, KEYS[1], plan_of(s3)).write_bytes(b"rubbish\n")
    with JournalDirectory(state) as journals, journals.open(name_of(KEYS[0])):
        ended = run_here(capsys, "uploads", "list", "--json")
        lines = run_here(capsys, "uploads", "list").stdout.splitlines()
    assert (ended.code, listed(ended, "standing")) == (0, ["running", "damaged"])
    assert [line.split()[1] for line in lines[:2]] == ["running", "damaged"]


def test_control_characters_in_a_name_reach_no_terminal(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(state, KEYS[0], plan_of(s3, key="in/\x1b[31mred\n.parquet", path="/data/\x1b[2J"))
    shown = run_here(capsys, "uploads", "list").stdout + run_here(capsys, "uploads", "show", "a0").stdout
    assert "\\x1b[31mred\\x0a.parquet" in shown
    assert all(line.isprintable() for line in shown.splitlines())


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="this system takes only Unicode names")
def test_a_path_that_is_not_utf_8_has_its_bytes_beside_it(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(state, KEYS[0], plan_of(s3, path=os.fsdecode(b"/data/\xff.parquet")))
    ended = run_here(capsys, "uploads", "list", "--json")
    (found,) = ended.result["uploads"]
    assert "\\udcff" not in ended.stdout.replace("\\\\", "")
    assert base64.b64decode(found["path_b64"]) == b"/data/\xff.parquet"


# ---------------------------------------------------------------------------------------------- what the store says
def test_the_store_s_own_word_is_asked_for_on_request(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(s3, state)
    (upload_id,) = s3.uploads("bkt")
    s3.lose_parts(upload_id, {2})
    ended = run_here(capsys, "uploads", "list", "--remote", "--json")
    assert (listed(ended, "parts_stored"), listed(ended, "stored_bytes")) == ([1], [PART])


def test_until_when_a_rule_of_the_bucket_keeps_the_parts_is_shown(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def with_rule(answer: Answer) -> Answer:
        date = {"x-amz-abort-date": "Mon, 30 Nov 2026 00:00:00 GMT", "x-amz-abort-rule-id": "rule"}
        return replace(answer, headers={**answer.headers, **date})

    begin(s3, state)
    s3.script(Fault(name="abort date", operation="ListParts", action=EditAnswer(with_rule), times=None))
    machine = run_here(capsys, "uploads", "list", "--remote", "--json")
    people = run_here(capsys, "uploads", "list", "--remote").stdout
    shown = run_here(capsys, "uploads", "show", "a", "--remote").stdout
    assert listed(machine, "kept_until") == ["2026-11-30T00:00:00Z"]
    assert ", kept until 2026-11-30T00:00:00Z  s3://" in people
    assert "kept until   2026-11-30T00:00:00Z\n" in shown


def test_an_upload_that_the_store_has_no_more_has_no_parts_there(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(s3, state)
    s3.lose_upload(next(iter(s3.uploads("bkt"))))
    ended = run_here(capsys, "uploads", "list", "--remote", "--json")
    assert (ended.code, listed(ended, "parts_stored"), listed(ended, "stored_bytes")) == (0, [0], [0])


def test_a_store_that_refuses_to_list_parts_leaves_the_journal_s_word(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(s3, state)
    s3.deny.add("ListParts")
    ended = run_here(capsys, "uploads", "list", "--remote", "--json")
    assert (ended.code, listed(ended, "parts_stored")) == (0, [2])


def test_a_store_that_refuses_the_key_id_is_an_error_with_a_result(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(s3, state)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    ended = run_here(capsys, "uploads", "list", "--to", "s3://bkt/", "--endpoint-url", s3.endpoint, "--json")
    assert (ended.code, ended.names, ended.error["code"]) == (5, ["result"], "credentials")


def test_damaged_ones_are_listed_where_the_store_is_asked_too(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(s3, state).write_bytes(b"rubbish\n")
    assert listed(run_here(capsys, "uploads", "list", "--remote", "--json"), "standing") == ["damaged"]


def test_what_others_began_below_a_prefix_is_listed_as_of_an_unknown_owner(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(s3, state)
    theirs = open_upload(s3, "in/theirs.parquet", parts=3)
    open_upload(s3, "elsewhere/x.parquet")
    where = ("--to", "s3://bkt/in/", "--endpoint-url", s3.endpoint)
    ended = run_here(capsys, "uploads", "list", *where, "--json")
    people = run_here(capsys, "uploads", "list", *where).stdout.splitlines()
    ours, stranger = ended.result["uploads"]
    assert (ours["standing"], stranger["standing"]) == ("interrupted", "unknown owner")
    assert (stranger["upload_id"], stranger["uri"]) == (theirs, "s3://bkt/in/theirs.parquet")
    assert (stranger["id"], stranger["stored_bytes"], stranger["parts_stored"]) == ("", 3 * PART, 3)
    assert people[1].startswith("-         unknown owner  ")


def test_strangers_are_listed_over_all_pages(s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    s3.list_page_size = 2
    keys = [f"in/{number}" for number in range(5)]
    for key in keys:
        open_upload(s3, key, parts=0)
    ended = run_here(capsys, "uploads", "list", "--to", "s3://bkt", "--endpoint-url", s3.endpoint, "--json")
    assert listed(ended, "uri") == [f"s3://bkt/{key}" for key in keys]
    assert not state.exists()


def test_without_the_right_to_list_uploads_the_error_says_so(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    s3.deny.add("ListMultipartUploads")
    ended = run_here(capsys, "uploads", "list", "--to", "s3://bkt/in/", "--endpoint-url", s3.endpoint, "--json")
    assert (ended.code, ended.error["code"], state.exists()) == (6, "denied", False)
    assert "s3://bkt/in/ could not be listed" in ended.error["message"]


# -------------------------------------------------------------------------------------------------------------- show
@pytest.mark.parametrize("wanted", ["a", "a000", "A0", "a".ljust(32, "0")])
def test_the_beginning_of_an_id_is_enough_to_show_one(
    s3: HostileS3, state: Path, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(state, KEYS[0], plan_of(s3))
    write(state, KEYS[1], plan_of(s3, KEYS[1]))
    ended = run_here(capsys, "uploads", "show", wanted, "--json")
    assert (ended.code, listed(ended, "uri")) == (0, ["s3://bkt/in/a.parquet"])


def test_all_that_is_known_of_one_is_shown(s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin(s3, state)
    ended = run_here(capsys, "uploads", "show", "a")
    shown = {line[:12].strip(): line[13:] for line in ended.stdout.splitlines()}
    assert ended.code == 0
    assert shown["id"] == name_of(KEYS[0])
    assert (shown["file"], shown["to"]) == ("/data/in/a.parquet", "s3://bkt/in/a.parquet")
    assert shown["stored"].endswith(" in 2 of 3 parts")
    assert shown["kept until"] == "not known (--remote asks the store)"


@pytest.mark.parametrize("verb", ["show", "abort"])
@pytest.mark.parametrize("wanted", ["zz", "c"])
def test_an_id_that_fits_none_or_two_is_a_wrong_option(
    s3: HostileS3, state: Path, verb: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with JournalDirectory(state) as journals:
        for name in ("c1", "c2"):
            with journals.open(name.ljust(32, "0")) as journal:
                journal.append(plan_of(s3))
    ended = run_here(capsys, "uploads", verb, wanted, "--json")
    assert (ended.code, ended.names, ended.error["code"]) == (2, ["result"], "usage")
    assert (s3.requests, len(list((state / "uploads").iterdir()))) == ([], 2)


def test_one_that_is_delivered_is_not_shown_as_unfinished(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(state, KEYS[0], plan_of(s3), Created("up-1"), DONE)
    ended = run_here(capsys, "uploads", "show", "a", "--json")
    assert (ended.code, ended.error["message"]) == (2, "a is finished")


def test_a_shell_is_offered_the_ids_that_begin_so(s3: HostileS3, state: Path) -> None:
    write(state, KEYS[0], plan_of(s3))
    write(state, KEYS[1], plan_of(s3, KEYS[1]))
    assert complete_id("b") == [("b0000000", "s3://bkt/in/b.parquet")]
    assert [name for name, _ in complete_id("")] == ["a0000000", "b0000000"]


def test_a_shell_is_offered_nothing_where_the_state_cannot_be_read(state: Path) -> None:
    state.write_bytes(b"a file, no directory")
    assert complete_id("") == []


# ------------------------------------------------------------------------------------------------------------- abort
def test_abort_removes_the_parts_and_the_record_of_that_one_only(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal, other = begin(s3, state, KEYS[0]), begin(s3, state, KEYS[1])
    ended = run_here(capsys, "uploads", "abort", "a", "--json")
    assert (ended.code, ended.names, listed(ended, "uri")) == (0, ["result"], ["s3://bkt/in/a.parquet"])
    assert [upload.key for upload in s3.uploads("bkt").values()] == [KEYS[1]]
    assert (journal.exists(), other.exists()) == (False, True)


def test_people_are_told_what_was_removed(s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin(s3, state)
    ended = run_here(capsys, "uploads", "abort", "a0")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith("removed a0000000  interrupted ")


def test_abort_removes_what_was_given_up_before_as_well(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given_up, current = open_upload(s3, KEYS[0]), open_upload(s3, KEYS[0])
    write(state, KEYS[0], plan_of(s3), Created(given_up), UploadLost(), Created(current))
    assert run_here(capsys, "uploads", "abort", "a").code == 0
    assert s3.uploads("bkt") == {}


def test_an_older_upload_of_a_delivered_file_is_listed_until_it_is_removed(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = open_upload(s3, KEYS[0])
    journal = write(state, KEYS[0], plan_of(s3), Created(older), plan_of(s3), Created("up-2"), DONE)
    found = run_here(capsys, "uploads", "list", "--json", "--to", "s3://bkt/in/", "--endpoint-url", s3.endpoint)
    assert [listed(found, field) for field in ("standing", "upload_id", "given_up")] == [
        ["given up"],
        [older],
        [[older]],
    ]
    assert run_here(capsys, "resume", "--json").result["files"] == []
    assert run_here(capsys, "uploads", "show", "a").stdout.count("given up") == 1
    assert run_here(capsys, "uploads", "abort", "a").stdout.startswith("removed a0000000  given up ")
    assert (s3.uploads("bkt"), journal.exists()) == ({}, True)  # that the file was delivered is not forgotten
    assert listed(run_here(capsys, "uploads", "list", "--json")) == []


def test_clean_removes_older_uploads_of_delivered_files(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = open_upload(s3, KEYS[0])
    write(state, KEYS[0], plan_of(s3), Created(older), plan_of(s3), Created("up-2"), DONE, days=8)
    assert listed(run_here(capsys, "uploads", "clean", "--json")) == [name_of(KEYS[0])]
    assert s3.uploads("bkt") == {}


def test_what_was_planned_only_is_forgotten_without_a_request(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = write(state, KEYS[0], plan_of(s3))
    assert run_here(capsys, "uploads", "abort", "a").code == 0
    assert (journal.exists(), s3.requests) == (False, [])


def test_one_that_the_store_forgot_is_forgotten_here_too(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = begin(s3, state)
    s3.lose_upload(next(iter(s3.uploads("bkt"))))
    assert run_here(capsys, "uploads", "abort", "a").code == 0
    assert not journal.exists()


def test_a_running_upload_cannot_be_aborted(s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = begin(s3, state)
    before, begun = journal.read_bytes(), len(s3.requests)
    with JournalDirectory(state) as journals, journals.open(name_of(KEYS[0])):
        ended = run_here(capsys, "uploads", "abort", "a", "--json")
    assert (ended.code, ended.names, ended.error["code"]) == (9, ["result"], "locked")
    assert (journal.read_bytes(), asked(s3, begun), len(s3.uploads("bkt"))) == (before, [], 1)


@pytest.mark.parametrize("operation", ["AbortMultipartUpload", "ListParts"])
def test_where_the_store_refuses_the_record_stays(
    s3: HostileS3, state: Path, operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = begin(s3, state)
    before = journal.read_bytes()
    s3.script(Fault.status(operation, 400, code="InvalidRequest", times=None))
    # Whether parts outlived the abort is only known from a listing.
    ended = run_here(capsys, "uploads", "abort", "a", "--json")
    assert (ended.code, ended.error["code"]) == (6, "refused")
    assert "s3://bkt/in/a.parquet could not be removed" in ended.error["message"]
    assert journal.read_bytes() == before


def test_a_damaged_record_is_not_aborted_and_stays(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = begin(s3, state)
    journal.write_bytes(b"rubbish\n")
    ended = run_here(capsys, "uploads", "abort", "a", "--json")
    assert (ended.code, ended.error["code"]) == (9, "journal_damaged")
    assert (journal.read_bytes(), len(s3.uploads("bkt"))) == (b"rubbish\n", 1)


def test_the_record_of_a_delivery_is_no_upload_to_abort(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = write(state, KEYS[0], plan_of(s3), Created("up-1"), DONE)
    ended = run_here(capsys, "uploads", "abort", "a", "--json")
    assert (ended.code, journal.exists()) == (2, True)


# ------------------------------------------------------------------------------------------------------------- clean
def test_clean_drops_what_is_stale_and_keeps_the_rest(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"stale": "in/a", "fresh": "in/b", "running": "in/c", "damaged": "in/d", "done": "in/e"}
    ages = {"stale": 8, "fresh": 6, "running": 30, "damaged": 30}
    paths = {what: begin(s3, state, names[what], days=days) for what, days in ages.items()}
    paths["done"] = write(state, names["done"], plan_of(s3), Created("up-1"), DONE, days=30)
    paths["damaged"].write_bytes(b"rubbish\n")
    os.utime(paths["damaged"], (0, 0))
    open_upload(s3, "in/theirs")
    with JournalDirectory(state) as journals, journals.open(name_of(names["running"])):
        where = ("--to", "s3://bkt/in/", "--endpoint-url", s3.endpoint)
        ended = run_here(capsys, "uploads", "clean", *where, "--json")
    kept = {(upload["uri"].rpartition("/")[2], upload["standing"]) for upload in ended.result["kept"]}
    assert (ended.code, ended.names, listed(ended, "uri")) == (0, ["result"], ["s3://bkt/in/a"])
    # Whose parts a damaged record stands for cannot be told: they are nobody's that is known.
    assert kept == {
        ("b", "interrupted"), ("c", "running"), ("", "damaged"), ("d", "unknown owner"), ("theirs", "unknown owner"),
    }  # fmt: skip
    assert sorted(upload.key for upload in s3.uploads("bkt").values()) == ["in/b", "in/c", "in/d", "in/theirs"]
    assert [what for what, path in paths.items() if not path.exists()] == ["stale"]


def test_how_old_is_stale_may_be_said(s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin(s3, state, KEYS[0], days=2)
    begin(s3, state, KEYS[1], days=4)
    ended = run_here(capsys, "uploads", "clean", "--older-than", "3d", "--json")
    assert (ended.code, listed(ended, "uri")) == (0, ["s3://bkt/in/b.parquet"])


def test_a_dry_run_only_says_what_would_go(s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stale, fresh = begin(s3, state, KEYS[0], days=30), begin(s3, state, KEYS[1])
    begun = len(s3.requests)
    ended = run_here(capsys, "uploads", "clean", "--dry-run")
    assert [line.split("  ")[0] for line in ended.stdout.splitlines()] == ["would remove a0000000", "kept b0000000"]
    assert (ended.code, asked(s3, begun), stale.exists(), fresh.exists()) == (0, [], True, True)


def test_where_nothing_is_stale_nothing_is_removed(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(s3, state)
    ended = run_here(capsys, "uploads", "clean")
    assert (ended.code, ended.stdout.splitlines()[-1]) == (0, "nothing was removed")
    assert len(s3.uploads("bkt")) == 1


def test_one_that_cannot_be_removed_does_not_keep_the_others(
    s3: HostileS3, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused, removed = begin(s3, state, KEYS[0], days=30), begin(s3, state, KEYS[1], days=20)
    s3.script(Fault.error("AbortMultipartUpload", "AccessDenied", key=KEYS[0]))
    ended = run_here(capsys, "uploads", "clean", "--json")
    assert (ended.code, ended.error["code"]) == (6, "denied")
    assert (refused.exists(), removed.exists()) == (True, False)


@pytest.mark.parametrize("text", ["soon", "-1d", ""])
def test_an_age_that_is_no_duration_is_a_wrong_option(
    s3: HostileS3, state: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = begin(s3, state, days=30)
    ended = run_here(capsys, "uploads", "clean", "--older-than", text, "--json")
    assert (ended.code, journal.exists()) == (2, True)
