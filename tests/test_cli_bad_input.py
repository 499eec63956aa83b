"""What can be wrong with files, options, rights, network and disk: one clear error each, and nothing is lost."""

import base64
import gzip
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from tests.support.command import CREDENTIALS, Command, Outcome, run_here
from tests.support.hostile_s3 import Fault, HostileS3
from tests.support.parquet_files import Chunk, Group, HandMade, write_encrypted, write_good
from tests.support.sample import write_sample
from tests.support.uploads import planned

from tiktok_upload import journal
from tiktok_upload.records import VERSION

TOO_LARGE = 10_000 * (5 << 30) + 1
OF_TWO_KINDS = ("--contract", "none")
"""The small file and the big one need not agree."""


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "big.parquet", 12)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_good(tmp_path / "small.parquet")


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def command(tmp_path: Path, s3: HostileS3) -> Command:
    return Command(tmp_path, s3.endpoint)


def old(path: Path, content: bytes) -> Path:
    """A file that nobody has written to for an hour."""
    path.write_bytes(content)
    os.utime(path, (time.time() - 3_600,) * 2)
    return path


# ------------------------------------------------------------------------------------------------------------- files
MAKERS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "csv": lambda path: path.write_text("id,name\n1,x\n"),
    "gzip": lambda path: path.write_bytes(gzip.compress(b"something")),
    "cut": lambda path: old(path, write_good(path).read_bytes()[:-100]),
    "being written": lambda path: path.write_bytes(write_good(path).read_bytes()[:-100]),
    "encrypted": lambda path: write_encrypted(path, plaintext_footer=False),
    "missing": lambda _: None,
    "fifo": os.mkfifo,
    "no parquet below": Path.mkdir,
}


@pytest.mark.parametrize(
    ("kind", "exit_code", "code", "said"),
    [
        ("empty", 3, "empty-file", "the file is empty (0 bytes)"),
        ("csv", 3, "not-parquet", "it looks like text in columns (CSV)"),
        ("gzip", 3, "not-parquet", "it looks like a gzip archive"),
        ("cut", 3, "cut-short", "it was cut short"),
        ("being written", 3, "cut-short", "is it still being written?"),
        ("encrypted", 3, "encrypted-footer", "parquet with an encrypted footer"),
        ("missing", 4, "no_such_file", "there is no file"),
        ("fifo", 4, "source", "is no regular file"),
        ("no parquet below", 4, "no_such_file", "there is no *.parquet file below"),
    ],
)
def test_what_is_no_sound_parquet_file_is_not_sent(
    s3: HostileS3, command: Command, tmp_path: Path, *, kind: str, exit_code: int, code: str, said: str
) -> None:
    path = tmp_path / "input.parquet"
    MAKERS[kind](path)
    ended = command.push(path)
    assert (ended.code, ended.error["code"], ended.statuses) == (exit_code, code, ["failed"])
    assert s3.requests == []
    assert len(ended.errors) == 1
    assert said in ended.errors[0]
    assert str(path) in ended.errors[0]


def test_a_device_is_no_file(s3: HostileS3, command: Command) -> None:
    ended = command.push("/dev/null")
    assert (ended.code, ended.error["code"], s3.requests) == (4, "source", [])
    assert ended.errors == ["error: /dev/null is no regular file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_not_sent(s3: HostileS3, command: Command, small: Path) -> None:
    small.chmod(0)
    ended = command.push(small)
    assert (ended.code, ended.error["code"], s3.requests) == (4, "source", [])
    assert "Permission denied" in ended.errors[0]


def test_a_file_larger_than_any_object_is_not_sent(s3: HostileS3, command: Command, tmp_path: Path) -> None:
    path = next((place / "huge.parquet" for place in (tmp_path, Path("/dev/shm")) if sparse(place)), None)
    if path is None:
        pytest.skip("no file system here takes a file that large")
    try:
        write_huge(path)
        ended = command.push(path, "--allow-raw-personal-data")  # no row of it can be looked at
    finally:
        path.unlink(missing_ok=True)
    assert (ended.code, ended.error["code"], s3.operations()) == (4, "too_large", [])
    assert ended.errors == ["error: the file has 48.8 TiB, more than a store takes as one object (huge.parquet)"]


def sparse(place: Path) -> bool:
    """Whether the file system takes a file that large."""
    trial = place / f"trial-{os.getpid()}"
    try:
        with trial.open("wb") as file:
            file.truncate(TOO_LARGE)
    except OSError:
        return False
    finally:
        trial.unlink(missing_ok=True)
    return True


def write_huge(path: Path) -> None:
    """One chunk of nothing, and a footer that tells of it truly."""
    chunk = Chunk(size_bytes=TOO_LARGE, unpacked_bytes=TOO_LARGE)
    content = HandMade([Group([chunk])], data=b"").content()
    with path.open("wb") as file:
        file.write(content[:4])
        file.seek(4 + TOO_LARGE)
        file.write(content[4:])


# ------------------------------------------------------------------------------------------------------------- names
def test_odd_names_are_kept_as_keys_and_cannot_break_a_line(s3: HostileS3, command: Command, tmp_path: Path) -> None:
    names = ["with space.parquet", "new\nline.parquet", "übergröße+%41.parquet", "\x1b[31mred.parquet"]
    (tmp_path / "odd").mkdir()
    for name in names:
        write_good(tmp_path / "odd" / name)
    ended = command.push(tmp_path / "odd")
    assert (ended.code, ended.statuses, sorted(s3.objects("bkt"))) == (
        0,
        ["uploaded"] * 4,
        sorted(f"in/{name}" for name in names),
    )
    assert sorted(Path(file["path"]).name for file in ended.files) == sorted(names)
    assert r"uploaded: s3://bkt/in/new\x0aline.parquet" in ended.stderr
    assert r"uploaded: s3://bkt/in/\x1b[31mred.parquet" in ended.stderr


def test_a_name_that_is_not_utf_8_is_refused_as_a_key_and_the_others_are_sent(
    s3: HostileS3, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "odd").mkdir()
    write_good(tmp_path / "odd" / "a.parquet")
    write_good(tmp_path / "b").rename(tmp_path / "odd" / os.fsdecode(b"b-\xff.parquet"))
    write_good(tmp_path / "odd" / "c.parquet")
    ended = command.push(tmp_path / "odd")
    refused = ended.files[1]
    assert (ended.code, ended.statuses) == (2, ["uploaded", "failed", "uploaded"])
    assert sorted(s3.objects("bkt")) == ["in/a.parquet", "in/c.parquet"]
    assert refused["path"] == rf"{tmp_path}/odd/b-\udcff.parquet"
    assert base64.b64decode(refused["path_b64"]) == os.fsencode(tmp_path) + b"/odd/b-\xff.parquet"
    assert r"b-\udcff.parquet is not UTF-8" in ended.errors[0]


def test_a_name_that_is_not_utf_8_can_have_a_key_of_its_own(s3: HostileS3, command: Command, tmp_path: Path) -> None:
    source = write_good(tmp_path / "b").rename(tmp_path / os.fsdecode(b"\xff.parquet"))
    ended = command.push(source, "--receipt", "receipt.json", to="s3://bkt/key.parquet")
    assert (ended.code, ended.errors, ended.statuses) == (0, [], ["uploaded"])
    assert s3.objects("bkt")["key.parquet"].path.read_bytes() == source.read_bytes()
    assert {event["path_b64"] for event in ended.events[1:-1]} == {base64.b64encode(os.fsencode(source)).decode()}
    assert command.verify(tmp_path / "receipt.json").code == 0


# ----------------------------------------------------------------------------------------------------------- options
@pytest.mark.parametrize(
    "to",
    ["", "bkt", "/in/", "s3:/bkt/in/", "s3://", "s3:///in/", "http://bkt/in/", "s3://-bkt/", "s3://b kt/in/",
     "S4://bkt/in/", "s3://bkt?x=1/", "file:///in/", "s3://user@bkt/in/"],
)  # fmt: skip
def test_a_destination_that_names_no_bucket_is_refused(capsys: pytest.CaptureFixture[str], to: str) -> None:
    ended = run_here(capsys, "push", "x.parquet", "--to", to, "--json")
    assert (ended.code, ended.error["code"], ended.files) == (2, "usage", [])
    assert len(ended.errors) == 1
    assert ended.error["hint"] == "write it as s3://bucket/prefix/ or s3://bucket/key.parquet"


@pytest.mark.parametrize(
    "options",
    [
        ("--part-size", "banana"), ("--part-size", "0"), ("--part-size", "-5MiB"), ("--part-size", "5 parsecs"),
        ("--concurrency", "0"), ("--concurrency", "many"), ("--concurrency", "513"), ("--concurrency", "1.5"),
        ("--max-bandwidth", "fast"), ("--max-bandwidth", "0MB/s"), ("--max-bandwidth", "5MB/h"),
        ("--checksum", "sha0"), ("--check", "some"), ("--sse", "rot13"), ("--addressing", "up"),
        ("--retry-for", "soon"), ("--retry-for", "0"), ("--deadline", "-1s"), ("--deadline", "tomorrow"),
        ("--metadata", "novalue"), ("--metadata", "=x"), ("--tag", "novalue"), ("--metadata", "tu-nonce=x"),
        ("--metadata", "TU-Rows=1"), ("--no-such-option",), ("--part-size",), ("--json=maybe",),
        ("--profile", "nobody"), ("--endpoint-url", "nonsense"), ("--ca-bundle", "/no/such.pem"),
        ("--region", "not a region"), ("--acl", "public-read"),
        ("--log-file", "/dev/null/log"),
    ],
    ids="=".join,
)  # fmt: skip
def test_a_bad_value_of_an_option_is_refused_before_anything_is_looked_at(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    s3: HostileS3,
    options: tuple[str, ...],
) -> None:
    monkeypatch.setattr(os, "environ", os.environ | Command(tmp_path).environment)
    ended = push_here(
        capsys, tmp_path, *([] if "--endpoint-url" in options else ["--endpoint-url", s3.endpoint]), *options
    )
    assert (ended.code, ended.error["code"], ended.files) == (2, "usage", [])
    assert len(ended.errors) == 1
    assert s3.requests == []


def push_here(capsys: pytest.CaptureFixture[str], tmp_path: Path, *options: object) -> Outcome:
    """A push of a file that is not there."""
    push = ["push", tmp_path / "x.parquet", "--to", "s3://bkt/in/", "--state-dir", tmp_path / "state", "--json"]
    return run_here(capsys, *push, *options)


def test_a_contract_that_is_not_there_is_refused_before_anything_is_looked_at(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, s3: HostileS3
) -> None:
    monkeypatch.setattr(os, "environ", os.environ | Command(tmp_path).environment)
    (tmp_path / "x.parquet").touch()
    ended = push_here(capsys, tmp_path, "--endpoint-url", s3.endpoint, "--contract", "mine")
    assert (ended.code, ended.error["code"], ended.files) == (2, "contract", [])
    assert len(ended.errors) == 1
    assert s3.requests == []


def test_a_push_without_a_destination_says_how_to_name_one(capsys: pytest.CaptureFixture[str]) -> None:
    ended = run_here(capsys, "push", "x.parquet", "--json")
    assert (ended.code, ended.error["message"]) == (2, "there is no destination")
    assert ended.stderr.splitlines() == ["error: there is no destination", f"  hint: {ended.error['hint']}"]


def test_a_usage_error_without_json_leaves_stdout_empty(command: Command) -> None:
    ended = command.run("push", "x.parquet", "--to", "s3://bkt/", "--part-size", "banana")
    assert (ended.code, ended.stdout) == (2, "")
    assert "--part-size" in ended.errors[0]
    assert "'banana' is not a size such as 64MiB or 5GB" in ended.errors[0]


# ------------------------------------------------------------------------------------------------ the store says no
def test_a_bucket_that_is_not_there(s3: HostileS3, command: Command, small: Path, big: Path) -> None:
    ended = command.push(small, big, *OF_TWO_KINDS, to="s3://nowhere/in/")
    assert (ended.code, ended.statuses) == (6, ["failed", "failed"])
    assert [file["error"]["code"] for file in ended.files] == ["no_bucket", "no_bucket"]
    assert ended.error["hint"] == "check the bucket's name in --to, and --endpoint-url"
    assert set(s3.operations()) == {"HeadObject", "PutObject", "CreateMultipartUpload"}


def test_without_the_right_to_write_nothing_is_sent_and_the_rights_are_named(
    s3: HostileS3, command: Command, small: Path, big: Path
) -> None:
    s3.deny = {"PutObject", "CreateMultipartUpload"}
    ended = command.push(small, big, *OF_TWO_KINDS)
    assert (ended.code, ended.statuses, s3.objects("bkt")) == (6, ["failed", "failed"], {})
    assert [file["error"]["code"] for file in ended.files] == ["denied", "denied"]
    assert "s3:PutObject" in ended.error["hint"]
    assert "403 AccessDenied" in ended.errors[0]


def test_without_the_right_to_look_files_are_delivered_with_one_warning_each(
    s3: HostileS3, command: Command, small: Path, big: Path
) -> None:
    s3.deny = {"HeadObject", "ListBucket"}
    ended = command.push(small, big, *OF_TWO_KINDS)
    warning = "there is no right to look at objects (s3:GetObject): what is at the key is known only by writing to it"
    assert (ended.code, ended.statuses, len(s3.objects("bkt"))) == (0, ["uploaded", "uploaded"], 2)
    assert [file["warnings"] for file in ended.files] == [[warning], [warning]]
    assert [file["checksum"]["confirmed_by_store"] for file in ended.files] == [True, True]
    assert ended.notes == [f"  note: {warning}"] * 2


def test_without_the_right_to_list_parts_an_upload_is_resumed_by_the_journal_with_one_warning(
    s3: HostileS3, command: Command, big: Path
) -> None:
    s3.script(Fault.error("CompleteMultipartUpload", "AccessDenied"))
    cut = command.push(big, "--part-size", "5MiB")
    s3.deny = {"ListParts"}
    ended = command.push(big, "--part-size", "5MiB")
    assert (cut.code, ended.code, ended.file["parts_reused"], ended.file["bytes_sent"]) == (6, 0, 3, 0)
    assert s3.objects("bkt")["in/big.parquet"].path.read_bytes() == big.read_bytes()
    assert [warning for warning in ended.file["warnings"] if "list" in warning] == ended.file["warnings"]
    assert len(ended.file["warnings"]) == 1
    assert len(ended.notes) == 1


@pytest.mark.parametrize("answer", ["redirect", "malformed"])
def test_a_bucket_in_another_region_is_followed_and_that_is_said(
    s3: HostileS3, command: Command, small: Path, big: Path, answer: Literal["redirect", "malformed"]
) -> None:
    s3.region, s3.wrong_region = "eu-central-1", answer
    ended = command.push(small, big, *OF_TWO_KINDS)
    notices = [event["message"] for event in ended.told("notice")]
    assert (ended.code, ended.statuses, len(s3.objects("bkt"))) == (0, ["uploaded", "uploaded"], 2)
    assert notices == [
        "the bucket is in eu-central-1; it was followed there, --region eu-central-1 saves the way round"
    ]
    assert ended.notes == [f"  note: {notices[0]}"]


# ------------------------------------------------------------------------------------------------------- credentials
def test_without_credentials_nothing_is_begun(s3: HostileS3, command: Command, small: Path) -> None:
    ended = command.push(small, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    assert (ended.code, ended.error["code"], ended.error["kept"], s3.requests) == (
        5,
        "credentials",
        "nothing was sent",
        [],
    )
    assert ended.errors == ["error: there are no usable AWS credentials"]


def test_a_wrong_secret_is_told_from_a_missing_right(s3: HostileS3, command: Command, small: Path) -> None:
    ended = command.push(small, AWS_SECRET_ACCESS_KEY="another-secret-that-must-not-leak")
    assert (ended.code, ended.error["code"], s3.objects("bkt")) == (5, "credentials", {})
    assert "SignatureDoesNotMatch" in ended.errors[0]
    assert "another-secret" not in ended.stdout + ended.stderr


def test_a_clock_that_is_wrong_is_named(s3: HostileS3, command: Command, small: Path) -> None:
    s3.clock = lambda: time.time() + 3_600
    ended = command.push(small)
    assert (ended.code, ended.error["code"], s3.objects("bkt")) == (5, "clock", {})
    assert ended.error["hint"].startswith("set this machine's clock")
    assert len(ended.errors) == 1


def test_an_expired_token_says_that_the_run_can_be_continued(s3: HostileS3, command: Command, small: Path) -> None:
    s3.expired_tokens = {"old-token"}
    ended = command.push(small, AWS_SESSION_TOKEN="old-token")
    assert (ended.code, ended.error["code"], ended.error["resumable"]) == (5, "expired", True)
    assert ended.error["hint"].startswith("log in again")
    assert "old-token" not in ended.stdout + ended.stderr


# ----------------------------------------------------------------------------------------------------------- network
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://store.invalid"])
def test_a_store_that_cannot_be_reached_is_told_soon(command: Command, small: Path, endpoint: str) -> None:
    command.endpoint = endpoint
    ended = command.push(small, "--retry-for", "0.2s")
    assert (ended.code, ended.error["code"], ended.error["resumable"]) == (7, "unreachable", True)
    assert ended.error["hint"].startswith("check the network, the proxy and --endpoint-url")
    assert len(ended.errors) == 1


# ------------------------------------------------------------------------------------------------------------- state
# No file grows beyond so many bytes: a write to the journal fails as on a full disk.
FULL_DISK = (
    "import os, resource, sys;"
    " resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, resource.RLIM_INFINITY)); os.execv(sys.argv[1], sys.argv[1:])"
)


def journal_of(command: Command) -> Path:
    """The only one."""
    (path,) = (command.state / "uploads").glob("*.jsonl")
    return path


def test_a_state_directory_that_cannot_be_made(s3: HostileS3, command: Command, small: Path, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in its place")
    ended = command.push(small, "--state-dir", tmp_path / "state")
    assert (ended.code, ended.error["code"], s3.objects("bkt")) == (9, "journal", {})
    assert "--state-dir" in ended.error["hint"]
    assert len(ended.errors) == 1


def test_a_full_disk_ends_the_run_and_what_was_recorded_is_resumed(s3: HostileS3, command: Command, big: Path) -> None:
    s3.script(Fault.error("UploadPart", "AccessDenied", part=2))
    options = ("--part-size", "5MiB", "--concurrency", "1")
    begun = command.push(big, *options)
    room = journal_of(command).stat().st_size + 10

    full = command.push(big, *options, shell=f'exec {sys.executable} -c "{FULL_DISK.format(room)}" "$@"')
    assert (begun.code, full.code, full.error["code"], full.error["resumable"]) == (6, 9, "journal", True)
    assert (len(begun.told("part_stored")), full.told("part_stored")) == (1, [])
    assert len(full.errors) == 1
    ended = command.push(big, *options)
    assert (ended.code, ended.errors) == (0, [])
    assert ended.file["parts_reused"] >= 1
    assert s3.objects("bkt")["in/big.parquet"].path.read_bytes() == big.read_bytes()


def test_the_state_of_a_newer_version_is_left_alone(
    s3: HostileS3, command: Command, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "VERSION", VERSION + 1)
    name = journal.upload_name(str(small), s3.endpoint, "bkt", "in/small.parquet")
    with journal.JournalDirectory(command.state) as directory, directory.open(name) as newer:
        newer.append(planned())
    before = journal_of(command).read_bytes()
    ended = command.push(small)
    assert (ended.code, ended.error["code"], s3.objects("bkt")) == (9, "journal_newer", {})
    assert ended.error["hint"] == "update tiktok-upload, or begin again with --restart"
    assert journal_of(command).read_bytes() == before
    assert len(ended.errors) == 1


def test_a_damaged_state_is_never_guessed_at_and_restart_delivers(s3: HostileS3, command: Command, small: Path) -> None:
    s3.script(Fault.error("PutObject", "AccessDenied"))
    refused = command.push(small)
    content = journal_of(command).read_bytes()
    journal_of(command).write_bytes(content[:5] + b"#" + content[6:])
    damaged = command.push(small)
    assert (refused.code, damaged.code, damaged.error["code"]) == (6, 9, "journal_damaged")
    assert damaged.error["kept"] == "nothing was changed, here or at the store"
    assert s3.objects("bkt") == {}
    anew = command.push(small, "--restart")
    assert (anew.code, anew.statuses, list(s3.objects("bkt"))) == (0, ["uploaded"], ["in/small.parquet"])
    assert journal_of(command).with_suffix(".damaged").exists()


def test_a_second_process_on_the_same_upload_leaves_it_alone(s3: HostileS3, command: Command, big: Path) -> None:
    s3.script(Fault.black_hole("UploadPart", part=2))
    with command.start_push(big, "--part-size", "5MiB") as first:
        first.until("part_stored", 2)
        s3.wait_until_stuck()
        second = command.push(big, "--part-size", "5MiB")
        s3.release(go_on=True)
        ended = first.end()
    assert (second.code, second.error["code"], second.error["kept"]) == (9, "locked", "what it has stored is safe")
    assert second.errors == ["error: another process is sending this file to this key (big.parquet)"]
    assert (ended.code, ended.file["parts_reused"]) == (0, 0)
    assert s3.objects("bkt")["in/big.parquet"].path.read_bytes() == big.read_bytes()


# -------------------------------------------------------------------------------------------------- closed streams
def test_a_reader_that_goes_away_does_not_end_the_delivery(s3: HostileS3, command: Command, big: Path) -> None:
    s3.script(Fault.black_hole("UploadPart", part=2))
    with command.start_push(big, "--part-size", "5MiB") as running:
        running.until("file_checked")
        s3.wait_until_stuck()
        running.stop_reading()
        s3.release(go_on=True)
        ended = running.end_unchecked()
    assert (ended.code, ended.stderr.count("nobody reads stdout")) == (0, 1)
    assert "Traceback" not in ended.stderr
    assert s3.objects("bkt")["in/big.parquet"].path.read_bytes() == big.read_bytes()


def test_a_closed_stdout_does_not_end_the_delivery_and_is_said_once(
    s3: HostileS3, command: Command, small: Path, big: Path
) -> None:
    ended = command.push(small, big, *OF_TWO_KINDS, shell='exec "$@" >&-')
    assert (ended.code, ended.stdout) == (0, "")
    assert s3.objects("bkt")["in/big.parquet"].path.read_bytes() == big.read_bytes()
    assert s3.objects("bkt")["in/small.parquet"].path.read_bytes() == small.read_bytes()
    assert len([line for line in ended.notes if "stdout" in line]) == 1


def test_a_closed_stderr_does_not_end_the_delivery(s3: HostileS3, command: Command, small: Path, big: Path) -> None:
    ended = command.push(small, big, *OF_TWO_KINDS, "--verbose", shell='exec "$@" 2>&-')
    assert (ended.code, ended.statuses, ended.stderr) == (0, ["uploaded", "uploaded"], "")
    assert s3.objects("bkt")["in/big.parquet"].path.read_bytes() == big.read_bytes()


def test_no_stream_at_all_does_not_end_the_delivery(s3: HostileS3, command: Command, small: Path, big: Path) -> None:
    ended = command.push(small, big, *OF_TWO_KINDS, shell='exec "$@" <&- >&- 2>&-')
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")
    assert s3.objects("bkt")["in/big.parquet"].path.read_bytes() == big.read_bytes()
    assert s3.objects("bkt")["in/small.parquet"].path.read_bytes() == small.read_bytes()
