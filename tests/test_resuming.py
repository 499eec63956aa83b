"""`tiktok-upload resume`: every interrupted upload of this machine goes on as it was begun."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.httpsession
import pytest
from tests.support.command import CREDENTIALS, KEY_ID, SECRET, Command, run_here
from tests.support.hostile_s3 import Fault, HostileS3
from tests.support.sample import MIB, write_sample
from tests.support.servers import as_server, share_models, use
from tests.support.uploads import planned

from tiktok_upload import Connection, ObjectOptions, PushOptions, RunReport, Stop, Unfinished, push, resume, uploads
from tiktok_upload.errors import UsageError
from tiktok_upload.events import Event, UploadResumed
from tiktok_upload.journal import JournalDirectory
from tiktok_upload.records import Record

CLOSED = "http://127.0.0.1:9"
"""Nobody listens there: what would leave this machine ends at once."""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two parts of 5 MiB at most."""
    return write_sample(tmp_path_factory.mktemp("sample") / "two.parquet", 6)


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def state(tmp_path: Path, s3: HostileS3, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state directory of this process, which has the server's credentials and a directory of its own."""
    use(monkeypatch, as_server(s3))
    share_models(monkeypatch)
    for name in ("XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home" / "tiktok-upload"


def begin(s3: HostileS3, source: Path, name: str, *, to: str = "s3://bkt/in/", **options: Any) -> Path:
    """A copy of the sample, of which the store took the first part and refused the second."""
    path = Path(name)
    shutil.copy(source, path)
    s3.script(Fault.error("UploadPart", "AccessDenied", part=2, key=f"{to.split('/', 3)[3]}{path.name}"))
    connection = replace(options.pop("connection", Connection()), endpoint_url=s3.endpoint)
    report = push([str(path)], to=to, options=options_of(connection=connection, **options))
    assert (report.exit_code, report.files[0].bytes_sent) == (6, 5 * MIB)
    return path.absolute()


def options_of(**changes: Any) -> PushOptions:
    return PushOptions(part_size=5 * MIB, concurrency=1, **changes)


def journal_of(state: Path, path: Path) -> Path:
    """The journal of the upload of this file."""
    (found,) = [upload.id for upload in uploads(state) if upload.path == str(path)]
    return state / "uploads" / f"{found}.jsonl"


def age(path: Path, days: float) -> None:
    """Make a journal the older the more days."""
    os.utime(path, (1_700_000_000 - days * 86_400,) * 2)


def write_journal(state: Path, name: str, *records: Record) -> None:
    with JournalDirectory(state) as journals, journals.open(name) as journal:
        for record in records:
            journal.append(record)
        journal.sync()


def sent(s3: HostileS3, begun: int) -> list[str]:
    return [entry.operation for entry in s3.requests[begun:] if entry.operation not in {"HeadObject", "ListParts"}]


def statuses(report: RunReport) -> list[str]:
    return [file.status for file in report.files]


# ------------------------------------------------------------------------------------------------- as it was begun
def test_a_killed_push_goes_on_from_another_directory_with_all_that_it_was_begun_with(
    s3: HostileS3, tmp_path: Path, sample: Path
) -> None:
    command = Command(tmp_path, s3.endpoint)
    for name in ("data", "elsewhere"):
        (tmp_path / name).mkdir()
    shutil.copy(sample, tmp_path / "data" / "two.parquet")
    s3.put("bkt", "in/two.parquet", b"theirs, to be replaced")
    s3.script(Fault.black_hole("UploadPart", part=2))
    begun_with = (
        "--part-size", "5MiB", "--concurrency", "1", "--overwrite", "--checksum", "crc32c",
        "--allow-raw-personal-data", "--metadata", "team=ads", "--tag", "day=1", "--storage-class", "STANDARD_IA",
    )  # fmt: skip
    with command.start_push("data/two.parquet", *begun_with) as running:
        running.until("part_stored")
        s3.wait_until_stuck()
        running.kill()
    s3.release()
    begun = len(s3.requests)
    ended = command.run("resume", "--json", shell='cd elsewhere && exec "$@"')
    found, source = s3.objects("bkt")["in/two.parquet"], tmp_path / "data" / "two.parquet"
    (receipt,) = (command.state / "receipts").iterdir()
    assert (ended.code, ended.file["status"], ended.file["parts_reused"]) == (0, "uploaded", 1)
    assert found.path.read_bytes() == source.read_bytes()
    assert (found.metadata["team"], found.headers["x-amz-storage-class"]) == ("ads", "STANDARD_IA")
    assert found.headers["x-amz-tagging"] == "day=1"
    assert ended.file["checksum"]["algorithm"] == "CRC32C"
    assert json.loads(receipt.read_text())["raw_personal_data_allowed"] is True
    assert sent(s3, begun) == ["UploadPart", "CompleteMultipartUpload"]
    assert ended.stderr.splitlines()[0] == "resuming 1 upload"
    assert (list((tmp_path / "elsewhere").iterdir()), ended.names[-1]) == ([], "result")


@pytest.mark.usefixtures("state")
def test_a_certificate_bundle_that_was_named_from_another_directory_is_found(
    s3: HostileS3, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(Path(botocore.httpsession.__file__).with_name("cacert.pem"), "ca.pem")
    begin(s3, sample, "two.parquet", connection=Connection(ca_bundle="ca.pem"))
    monkeypatch.chdir(tmp_path)
    report = resume()
    assert (report.exit_code, statuses(report)) == (0, ["uploaded"]), report.error


@pytest.mark.usefixtures("state")
def test_an_upload_to_aws_never_goes_to_another_store_that_the_environment_names_by_now(
    s3: HostileS3, state: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", CLOSED)
    run = options_of(retry_for_s=0.0).to_json()
    write_journal(state, "a" * 32, planned(path=str(sample), bucket="bkt", endpoint="", run=run))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.endpoint)
    report = resume()
    assert s3.requests == []
    assert statuses(report) == ["failed"]


def test_uploads_to_several_stores_and_buckets_all_go_on(
    s3: HostileS3, state: Path, sample: Path, tmp_path: Path
) -> None:
    s3.make_bucket("other")
    with HostileS3(tmp_path / "second", CREDENTIALS) as second:
        second.make_bucket("bkt")
        begin(s3, sample, "a.parquet")
        begin(s3, sample, "b.parquet", to="s3://other/x/")
        begin(second, sample, "c.parquet", to="s3://bkt/x/")
        begin(s3, sample, "d.parquet", overwrite=True)
        report = resume()
        keys = {name: list(server.objects(name)) for server, name in ((s3, "bkt"), (s3, "other"))}
        assert list(second.objects("bkt")) == ["x/c.parquet"]
    assert (report.exit_code, statuses(report), report.counts) == (0, ["uploaded"] * 4, {"uploaded": 4})
    assert keys == {"bkt": ["in/a.parquet", "in/d.parquet"], "other": ["x/b.parquet"]}
    assert {file.bytes_reused for file in report.files} == {5 * MIB}
    assert uploads(state) == ()


@pytest.mark.usefixtures("state")
def test_what_will_go_on_is_told_before_the_store_is_asked_anything(s3: HostileS3, sample: Path) -> None:
    path = begin(s3, sample, "two.parquet")
    begun = len(s3.requests)
    told: list[tuple[list[str], int]] = []

    def announce(waiting: list[Unfinished]) -> None:
        told.append(([upload.path for upload in waiting], len(s3.requests)))

    assert resume(announce=announce).exit_code == 0
    assert told == [([str(path)], begun)]


def test_neither_a_secret_nor_a_token_is_written_down(
    s3: HostileS3, state: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "TOKEN-THAT-MUST-NOT-LEAK")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:PROXYWORD@127.0.0.1:9")
    options = ObjectOptions(metadata=(("team", "ads"),))
    journal = journal_of(state, begin(s3, sample, "two.parquet", object_options=options)).read_text()
    assert "ads" in journal
    assert not any(word in journal for word in (SECRET, KEY_ID, "MUST-NOT-LEAK", "PROXYWORD"))


def test_a_password_in_an_endpoint_of_the_environment_is_written_nowhere(
    s3: HostileS3, state: Path, sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://me:PASSWORD@127.0.0.1:{s3.port}")
    ended = run_here(capsys, "push", sample, "--to", "s3://bkt/in/", "--json", "--retry-for", "1s")
    written = {path.name for path in state.rglob("*") if path.is_file() and b"PASSWORD" in path.read_bytes()}
    assert (written, "PASSWORD" in ended.stdout + ended.stderr) == (set(), False)
    assert ended.code != 2 or "endpoint" in ended.error["message"]


# --------------------------------------------------------------------------------------------- what cannot go on
def test_one_that_cannot_go_on_does_not_stop_the_others(
    s3: HostileS3, state: Path, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone, broken, hurt, sound = (begin(s3, sample, f"{name}.parquet") for name in ("gone", "broken", "hurt", "sound"))
    damaged = journal_of(state, hurt)
    gone.unlink()
    broken.write_bytes(b"no parquet file any more")
    damaged.write_bytes(damaged.read_bytes().replace(b'"created"', b'"crxated"'))
    before = damaged.read_bytes()
    ended = run_here(capsys, "resume", "--json")
    by_name = {Path(file["path"]).name: file for file in ended.files}
    found = {name: file["error"] and file["error"]["code"] for name, file in by_name.items()}
    assert found == {
        "gone.parquet": "no_such_file",
        "broken.parquet": "not-parquet",
        damaged.stem: "journal_damaged",
        "sound.parquet": None,
    }
    assert ended.result["counts"] == {"uploaded": 1, "failed": 3}
    assert s3.objects("bkt")["in/sound.parquet"].path.read_bytes() == sound.read_bytes()
    assert len(s3.uploads("bkt")) == 3
    assert damaged.read_bytes() == before


def test_the_code_is_that_of_the_first_that_failed_in_the_order_announced(
    s3: HostileS3, state: Path, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone, hurt = begin(s3, sample, "gone.parquet"), begin(s3, sample, "hurt.parquet")
    oldest, damaged = journal_of(state, gone), journal_of(state, hurt)
    gone.unlink()
    damaged.write_bytes(damaged.read_bytes().replace(b'"created"', b'"crxated"'))
    age(oldest, 2)
    age(damaged, 1)
    ended = run_here(capsys, "resume", "--json")
    assert [line.split()[0] for line in ended.stderr.splitlines()[1:3]] == [oldest.stem[:8], damaged.stem[:8]]
    assert [file["error"]["code"] for file in ended.files] == ["no_such_file", "journal_damaged"]
    assert ended.code == 4


def test_a_file_that_is_another_sound_one_by_now_is_sent_anew_and_its_old_parts_are_removed(
    s3: HostileS3, state: Path, sample: Path
) -> None:
    path = begin(s3, sample, "two.parquet")
    write_sample(path, 6, seed=2)
    report = resume()
    assert (report.exit_code, report.files[0].bytes_reused) == (0, 0)
    assert s3.objects("bkt")["in/two.parquet"].path.read_bytes() == path.read_bytes()
    assert (s3.uploads("bkt"), uploads(state)) == ({}, ())


@pytest.mark.usefixtures("state")
def test_where_another_object_came_meanwhile_it_stays_and_so_do_the_parts(s3: HostileS3, sample: Path) -> None:
    begin(s3, sample, "two.parquet")
    s3.put("bkt", "in/two.parquet", b"theirs")
    report = resume()
    assert (report.exit_code, s3.objects("bkt")["in/two.parquet"].path.read_bytes()) == (11, b"theirs")
    assert len(s3.uploads("bkt")) == 1


def test_a_store_that_cannot_be_begun_with_is_the_error_of_its_files_only(
    s3: HostileS3, state: Path, sample: Path
) -> None:
    begin(s3, sample, "two.parquet")
    run = options_of(connection=Connection(profile="nobody")).to_json()
    lost = planned(path=str(sample), bucket="bkt", key="in/lost.parquet", endpoint=s3.endpoint, run=run)
    write_journal(state, "a" * 32, lost)
    report = resume()
    found = {file.uri: (file.status, file.error and file.error.exit_code) for file in report.files}
    assert found == {"s3://bkt/in/two.parquet": ("uploaded", None), "s3://bkt/in/lost.parquet": ("failed", 2)}
    assert report.exit_code == 2


def test_an_upload_that_somebody_works_on_is_left_alone(
    s3: HostileS3, state: Path, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = journal_of(state, begin(s3, sample, "two.parquet")).stem
    begun = len(s3.requests)
    with JournalDirectory(state) as journals, journals.open(name):
        everything = run_here(capsys, "resume", "--json")
        this_one = run_here(capsys, "resume", name, "--json")
    assert (everything.code, everything.files) == (0, [])
    assert (this_one.code, this_one.file["error"]["code"]) == (9, "locked")
    assert sent(s3, begun) == []


# ------------------------------------------------------------------------------------------------- what is chosen
def test_the_beginning_of_an_id_chooses(s3: HostileS3, state: Path, sample: Path) -> None:
    first, second = begin(s3, sample, "first.parquet"), begin(s3, sample, "second.parquet")
    report = resume(only=[journal_of(state, second).stem[:8]])
    assert [file.path for file in report.files] == [str(second)]
    assert [upload.path for upload in uploads(state)] == [str(first)]


@pytest.mark.parametrize(
    ("wanted", "said"), [("ab", "fits 2 uploads"), ("ff", "there is no upload"), ("", "no upload")]
)
def test_an_id_that_fits_two_or_none_is_a_wrong_option(
    s3: HostileS3, state: Path, wanted: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ab1", "ab2"):
        write_journal(state, name.ljust(32, "0"), planned())
    ended = run_here(capsys, "resume", wanted, "--json")
    assert (ended.code, ended.error["code"], ended.files) == (2, "usage", [])
    assert said in ended.error["message"]
    assert s3.requests == []


def test_several_ids_one_of_them_wrong_begin_nothing(s3: HostileS3, state: Path, sample: Path) -> None:
    name = journal_of(state, begin(s3, sample, "two.parquet")).stem
    begun = len(s3.requests)
    with pytest.raises(UsageError):
        resume(only=[name, "zz"])
    assert s3.requests[begun:] == []


@pytest.mark.usefixtures("state")
def test_where_nothing_is_to_resume_it_says_so(s3: HostileS3, capsys: pytest.CaptureFixture[str]) -> None:
    ended = run_here(capsys, "resume", "--json")
    assert (ended.code, ended.names, ended.files, ended.result["status"]) == (0, ["result"], [], "ok")
    assert ended.stderr == "there is nothing to resume\n"
    assert s3.requests == []


@pytest.mark.usefixtures("state")
def test_quiet_announces_nothing(s3: HostileS3, sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin(s3, sample, "two.parquet")
    ended = run_here(capsys, "resume", "--quiet")
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")
    assert list(s3.objects("bkt")) == ["in/two.parquet"]


def test_a_dry_run_shows_what_would_go_on_and_sends_nothing(
    s3: HostileS3, state: Path, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = journal_of(state, begin(s3, sample, "two.parquet"))
    before, begun = journal.read_bytes(), len(s3.requests)
    ended = run_here(capsys, "resume", "--dry-run", "--json")
    assert (ended.code, ended.file["status"]) == (0, "planned")
    assert [event["parts_kept"] for event in ended.told("upload_resumed")] == [1]
    assert sent(s3, begun) == []
    assert (journal.read_bytes(), s3.objects("bkt")) == (before, {})


@pytest.mark.usefixtures("state")
def test_a_receipt_goes_where_the_user_says(s3: HostileS3, sample: Path) -> None:
    begin(s3, sample, "two.parquet")
    report = resume(receipt="receipts/")
    assert [report.files[0].receipt] == [str(path) for path in Path("receipts").iterdir()]


# ------------------------------------------------------------------------------------------------- what interrupts
def test_a_ctrl_c_ends_it_with_130_and_tells_what_is_kept(s3: HostileS3, state: Path, sample: Path) -> None:
    begin(s3, sample, "two.parquet")
    command = Command(state.parent.parent, s3.endpoint)
    s3.script(Fault.black_hole("UploadPart", part=2))
    with command.start("resume", "--json", "--state-dir", state) as running:
        running.until("upload_resumed")
        s3.wait_until_stuck()
        running.send(signal.SIGINT)
        ended = running.end()
    s3.release()
    assert (ended.code, ended.result["status"], ended.statuses) == (130, "interrupted", ["interrupted"])
    assert len(s3.uploads("bkt")) == 1
    assert ended.file["error"]["kept"].startswith("1 part, 5 MiB;")
    assert ended.error["kept"] == ended.file["error"]["kept"]


def test_a_stop_reaches_the_uploads_of_every_store(s3: HostileS3, state: Path, sample: Path) -> None:
    s3.make_bucket("other")
    begin(s3, sample, "a.parquet")
    begin(s3, sample, "b.parquet", to="s3://other/x/")
    stop = Stop()

    def observe(event: Event) -> None:
        if isinstance(event, UploadResumed):
            stop.interrupt(143)

    report = resume(observe=observe, stop=stop)
    assert (report.exit_code, report.status, statuses(report)) == (143, "interrupted", ["interrupted"] * 2)
    assert [upload.standing for upload in uploads(state)] == ["interrupted"] * 2
    assert resume().exit_code == 0
