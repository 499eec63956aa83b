"""`--files-from`, `--include`, `--exclude`, and results of more files than a result lists."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.command import CREDENTIALS, Command, run_here
from tests.support.hostile_s3 import HostileS3
from tests.support.parquet_files import write_good
from tests.support.servers import as_server, share_models, use

from tiktok_upload.cli import app
from tiktok_upload.errors import UsageError
from tiktok_upload.inputs import Input, find_inputs, read_list, selected

MOST_LISTED = 1_000

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX only")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_good(tmp_path_factory.mktemp("sample") / "small.parquet", rows=3)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "here"


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        server.make_bucket("bkt")
        use(monkeypatch, as_server(server))
        share_models(monkeypatch)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
        yield server


def make(small: Path, *names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(small.read_bytes())


# ------------------------------------------------------------------------------------------------------ what is a list
@pytest.mark.parametrize(
    ("data", "paths"),
    [
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"\n\na\n  \n\r\nb\n\n", ["a", "b"]),
        (b" a b \n", [" a b "]),
        (b"a\0b\0", ["a", "b"]),
        (b"a\0b", ["a", "b"]),
        (b"a\0b\0\n", ["a", "b"]),
        (b"new\nline\0car\rriage\0end\r\0", ["new\nline", "car\rriage", "end\r"]),
        ("über/日.parquet\n".encode(), ["über/日.parquet"]),
        (b"#a\n-b\n", ["#a", "-b"]),
        (b"PAR\nPAR2\n", ["PAR", "PAR2"]),
    ],
)
def test_a_list_names_one_path_a_line_or_each_ended_by_a_nul(data: bytes, paths: list[str]) -> None:
    assert read_list(data) == paths


@posix
def test_a_name_that_is_not_utf_8_is_kept_byte_for_byte() -> None:
    assert [os.fsencode(path) for path in read_list(b"\xff\xe9.parquet\n")] == [b"\xff\xe9.parquet"]


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n \n", b"\0\0"])
def test_a_list_of_nothing_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="names no file"):
        read_list(data)


@pytest.mark.parametrize(
    "data", [b"\x01\x02\x03\n", b"\x7fELF\x02\x01\x01", b"\x1f\x8b\x08 gzip\n", b"a\nb\x1b[2J\n", b"x" * 40_000]
)
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="is no list of paths"):
        read_list(data)


def test_a_parquet_file_given_as_a_list_is_told_from_one(small: Path) -> None:
    with pytest.raises(UsageError, match="is a parquet file") as caught:
        read_list(small.read_bytes())
    assert caught.value.hint == "give the file itself as PATH"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_list_in_two_bytes_a_character_never_stands_for_the_working_directory(encoding: str) -> None:
    # Split at its NULs such a list is full of the paths "." and "/": everything below would be sent.
    with pytest.raises(UsageError):
        read_list("/data/a.parquet\r\nb.parquet\r\n".encode(encoding))


def test_the_mark_of_an_encoding_is_no_part_of_the_first_name() -> None:
    assert read_list("a.parquet\nb.parquet\n".encode("utf-8-sig")) == ["a.parquet", "b.parquet"]


names = st.lists(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30), min_size=1, max_size=9)


@given(names=names, end=st.sampled_from(["\n", "\r\n", "\0"]), is_ended=st.booleans())
def test_every_name_comes_back(names: list[str], end: str, *, is_ended: bool) -> None:
    paths = [f"./{name}" for name in names]
    data = end.join(paths) + (end if is_ended else "")
    assert read_list(data.encode()) == paths


@given(st.binary(max_size=300))
def test_no_bytes_at_all_are_more_than_a_list_or_a_wrong_option(data: bytes) -> None:
    with contextlib.suppress(UsageError):
        paths = read_list(data)
        assert paths
        assert all(paths)


# -------------------------------------------------------------------------------------------------- the command's list
def test_files_of_a_list_come_after_those_of_the_command_line(
    here: Path, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(small, "a.parquet", "b.parquet", "d/c.parquet", "e.parquet")
    (here / "list").write_bytes(b"b.parquet\r\n\r\nd\r\ne.parq*\r\na.parquet\r\n")
    ended = run_here(capsys, "check", "a.parquet", "--files-from", "list", "--json")
    assert (ended.code, [file["path"] for file in ended.files]) == (
        0,
        ["a.parquet", "b.parquet", "d/c.parquet", "e.parquet"],
    )


@posix
def test_a_list_on_stdin_may_hold_names_with_line_feeds(tmp_path: Path, small: Path) -> None:
    command = Command(tmp_path)
    (tmp_path / "in\ntwo.parquet").write_bytes(small.read_bytes())
    (tmp_path / "b.parquet").write_bytes(small.read_bytes())
    (tmp_path / "list").write_bytes(b"in\ntwo.parquet\0b.parquet\0")
    ended = command.run("check", "--files-from", "-", "--json", shell='exec "$@" <list')
    assert (ended.code, [file["path"] for file in ended.files]) == (0, ["in\ntwo.parquet", "b.parquet"])


def test_one_missing_file_of_a_list_does_not_stop_the_others(
    here: Path, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(small, "b.parquet")
    (here / "list").write_text("gone.parquet\nb.parquet\n")
    ended = run_here(capsys, "check", "--files-from", "list", "--json")
    assert (ended.code, ended.statuses) == (4, ["failed", "checked"])


@pytest.mark.parametrize("what", ["empty", "binary", "parquet", "missing", "a directory"])
@pytest.mark.parametrize("verb", ["check", "push"])
def test_a_list_that_is_none_is_a_wrong_option(
    here: Path, small: Path, verb: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "empty").touch()
    (here / "binary").write_bytes(bytes(range(1, 32)))
    make(small, "parquet", "a directory/x.parquet")
    to = ["--to", "s3://bkt/in/"] if verb == "push" else []
    ended = run_here(capsys, verb, "--files-from", what, *to, "--json")
    assert (ended.code, ended.names, ended.error["code"], ended.files) == (2, ["result"], "usage", [])
    assert ended.error["message"].startswith("--files-from ")


@pytest.mark.usefixtures("here")
def test_without_any_path_or_list_the_command_says_what_to_give(capsys: pytest.CaptureFixture[str]) -> None:
    ended = run_here(capsys, "check", "--json")
    assert (ended.code, ended.error["message"]) == (2, "no file is named")
    assert "--files-from" in ended.error["hint"]


def test_a_list_that_is_longer_than_can_be_read_is_refused_and_not_cut(
    here: Path, small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(small, "a.parquet", "b.parquet")
    monkeypatch.setattr(app, "_MOST_LIST_BYTES", len("a.parquet\n"))
    (here / "list").write_text("a.parquet\nb.parquet\n")
    ended = run_here(capsys, "check", "--files-from", "list", "--json")
    assert (ended.code, ended.files) == (2, [])


def test_a_list_is_sent_under_a_prefix(
    here: Path, small: Path, s3: HostileS3, capsys: pytest.CaptureFixture[str]
) -> None:
    make(small, "x/a.parquet", "set/dt=1/p.parquet")
    (here / "list").write_text("x/a.parquet\nset\n")
    ended = run_here(capsys, "push", "--files-from", "list", "--to", "s3://bkt/in/", "--json")
    assert (ended.code, list(s3.objects("bkt"))) == (0, ["in/a.parquet", "in/dt=1/p.parquet"])


def test_two_files_of_a_list_for_one_key_are_refused_before_anything_is_sent(
    here: Path, small: Path, s3: HostileS3, capsys: pytest.CaptureFixture[str]
) -> None:
    make(small, "x/a.parquet", "y/a.parquet")
    (here / "list").write_text("x/a.parquet\ny/a.parquet\n")
    ended = run_here(capsys, "push", "--files-from", "list", "--to", "s3://bkt/in/", "--json")
    assert (ended.code, ended.error["code"], s3.requests) == (2, "usage", [])


# -------------------------------------------------------------------------------------------------- include, exclude
def kept(include: list[str], exclude: list[str], *given_paths: str) -> list[str]:
    """The names that are left."""
    found = selected(find_inputs(given_paths), include, exclude)
    assert [item.error for item in found] == [None] * len(found)
    return [item.name for item in found]


TREE = ("d/dt=1/a.parquet", "d/dt=1/b.parquet", "d/dt=2/a.parquet", "d/top.parquet")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("include", "exclude", "left"),
    [
        ([], [], ["top.parquet", "dt=1/a.parquet", "dt=1/b.parquet", "dt=2/a.parquet"]),
        (["dt=1/*"], [], ["dt=1/a.parquet", "dt=1/b.parquet"]),
        (["a.*"], [], ["dt=1/a.parquet", "dt=2/a.parquet"]),
        (["a.*", "top*"], [], ["top.parquet", "dt=1/a.parquet", "dt=2/a.parquet"]),
        ([], ["dt=*"], ["top.parquet"]),
        ([], ["a.parquet", "top.parquet"], ["dt=1/b.parquet"]),
        (["dt=*"], ["*/a.parquet"], ["dt=1/b.parquet"]),
        (["*"], ["[!t]*"], ["top.parquet"]),
        (["TOP*", "b.*"], [], ["dt=1/b.parquet"]),
    ],
)
def test_globs_choose_among_the_names_that_files_keep(
    small: Path, include: list[str], exclude: list[str], left: list[str]
) -> None:
    make(small, *TREE)
    assert kept(include, exclude, "d") == left


@pytest.mark.usefixtures("here")
def test_globs_choose_among_files_that_are_named_one_by_one(small: Path) -> None:
    make(small, *TREE)
    assert kept(["a.*"], [], *TREE) == ["a.parquet", "a.parquet"]
    assert kept([], ["dt=*"], *TREE) == ["a.parquet", "b.parquet", "a.parquet", "top.parquet"]


@pytest.mark.usefixtures("here")
def test_what_could_not_be_found_is_told_whatever_the_globs() -> None:
    (found,) = selected(find_inputs(["no/such/*.parquet"]), ["a*"], ["*"])
    assert found.error is not None


def test_nothing_given_leaves_nothing() -> None:
    nothing: list[Input] = []
    assert selected(nothing, ["a"], ["b"]) == []


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("verb", ["check", "push"])
def test_where_the_globs_leave_nothing_there_is_no_file(
    small: Path, s3: HostileS3, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make(small, *TREE)
    to = ["--to", "s3://bkt/in/"] if verb == "push" else []
    ended = run_here(capsys, verb, "d", "--include", "*.csv", "--exclude", "top*", *to, "--json")
    assert (ended.code, ended.error["code"]) == (4, "no_such_file")
    assert ended.error["message"] == "none of 4 files is left by --include and --exclude"
    assert s3.objects("bkt") == {}


@pytest.mark.usefixtures("here")
def test_only_what_is_chosen_is_sent(small: Path, s3: HostileS3, capsys: pytest.CaptureFixture[str]) -> None:
    make(small, *TREE)
    options = ("--include", "dt=*", "--exclude", "b.*", "--exclude", "dt=2/*")
    ended = run_here(capsys, "push", "d", *options, "--to", "s3://bkt/in/", "--json")
    assert (ended.code, list(s3.objects("bkt"))) == (0, ["in/dt=1/a.parquet"])


# -------------------------------------------------------------------------------------------------------- many files
def test_above_a_thousand_files_the_result_lists_the_failures_and_counts_the_rest(
    here: Path, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = small.read_bytes()
    for number in range(MOST_LISTED + 1):
        (here / f"{number:04}.parquet").write_bytes(data if number % 500 else b"no parquet file")
    ended = run_here(capsys, "check", ".", "--json")
    failed = ["0000.parquet", "0500.parquet", "1000.parquet"]
    assert (ended.code, [file["path"] for file in ended.files]) == (3, failed)
    assert ended.result["counts"] == {"checked": MOST_LISTED - 2, "failed": 3}
    assert ended.result["files_omitted"] == MOST_LISTED - 2
    told = Counter(event["event"] for event in ended.events if event["event"].startswith("file_"))
    assert told == {"file_checked": MOST_LISTED + 1, "file_done": MOST_LISTED - 2, "file_failed": 3}
    entry = ended.told("file_failed")[0]
    assert {name: entry[name] for name in ended.files[0]} == ended.files[0]
