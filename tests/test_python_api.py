"""`from tiktok_upload import push, check, verify, resume, uploads`: values in, frozen values out, in any thread."""

import doctest
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.command import CREDENTIALS
from tests.support.hostile_s3 import Fault, HostileS3
from tests.support.parquet_files import write_good
from tests.support.sample import MIB, write_sample
from tests.support.servers import as_server, share_models, use

import tiktok_upload
from tiktok_upload import (
    Connection,
    Event,
    PushOptions,
    RunReport,
    Stop,
    UploadToolError,
    check,
    push,
    resume,
    uploads,
    verify,
)
from tiktok_upload.errors import CredentialsError, InterruptedUploadError, UsageError
from tiktok_upload.events import FileDone, PartSaved

OPTIONS = PushOptions(part_size=5 * MIB, concurrency=1)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two parts of 5 MiB at most."""
    return write_sample(tmp_path_factory.mktemp("sample") / "two.parquet", 6)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_good(tmp_path / "small.parquet")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "state" / "tiktok-upload"


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        server.make_bucket("bkt")
        use(monkeypatch, as_server(server))
        share_models(monkeypatch)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
        yield server


# ----------------------------------------------------------------------------------------------------------- the names
def test_every_public_name_is_there_and_nothing_else() -> None:
    assert sorted(tiktok_upload.__all__) == tiktok_upload.__all__
    for name in tiktok_upload.__all__:
        assert getattr(tiktok_upload, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'pull'"):
        _ = tiktok_upload.pull


def test_every_public_name_is_documented() -> None:
    names = set(tiktok_upload.__all__) - {"Event", "__version__"}  # a union, a text
    assert [name for name in sorted(names) if not getattr(tiktok_upload, name).__doc__] == []


def test_the_examples_of_the_documentation_run() -> None:
    failed, tried = doctest.testmod(tiktok_upload)
    assert (failed, tried > 0) == (0, True)


@pytest.mark.parametrize(
    "line", ["import tiktok_upload", "from tiktok_upload import PushOptions, Stop, UploadToolError"]
)
def test_importing_costs_none_of_the_slow_libraries(line: str) -> None:
    script = f"import sys; {line}; print([name for name in sys.modules if name.partition('.')[0] in {SLOW}])"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


SLOW = ("boto3", "botocore", "moto", "pyarrow", "rich", "typer")


# ------------------------------------------------------------------------------------------------------------ results
def test_a_push_gives_a_report_whose_receipt_verifies(s3: HostileS3, small: Path, state: Path) -> None:
    report = push([str(small)], to="s3://bkt/in/", options=OPTIONS)
    (file,) = report.files
    assert (report.exit_code, report.status, report.error, report.counts) == (0, "ok", None, {"uploaded": 1})
    assert (file.status, file.uri, file.rows) == ("uploaded", "s3://bkt/in/small.parquet", 300)
    assert file.checksum is not None
    assert file.receipt is not None
    assert verify(state / "receipts" / file.receipt).files[0].status == "verified"
    s3.put("bkt", "in/small.parquet", b"another")
    again = verify(state / "receipts" / file.receipt)
    assert (again.exit_code, again.files[0].status) == (8, "failed")


def test_results_are_frozen_all_the_way_down(small: Path) -> None:
    report = check([str(small)])

    def refuse(value: Any) -> None:
        if is_dataclass(value):
            for field in fields(value):
                with pytest.raises(FrozenInstanceError):
                    setattr(value, field.name, None)
                refuse(getattr(value, field.name))
        assert not isinstance(value, list | set)
        if isinstance(value, tuple):
            for inner in value:
                refuse(inner)

    refuse(report)


def test_a_file_that_fails_is_in_the_report_and_raises_nothing(small: Path) -> None:
    report = check([str(small), "no/such/file.parquet"])
    assert ([file.status for file in report.files], report.exit_code) == (["checked", "failed"], 4)
    assert report.error is report.files[1].error
    assert isinstance(report.error, UploadToolError)


def test_a_check_writes_nothing(small: Path, state: Path) -> None:
    check([str(small)])
    assert (state.exists(), list(Path.cwd().iterdir())) == (False, [])


def test_what_was_interrupted_is_listed_and_resumed(s3: HostileS3, sample: Path) -> None:
    s3.script(Fault.error("UploadPart", "AccessDenied", part=2))
    assert push([str(sample)], to="s3://bkt/in/", options=OPTIONS).exit_code == 6
    (waiting,) = uploads()
    assert (waiting.path, waiting.standing, waiting.parts_stored) == (str(sample), "interrupted", 1)
    report = resume(only=[waiting.short_id])
    assert ([file.status for file in report.files], uploads()) == (["uploaded"], ())


def test_the_state_may_lie_anywhere(s3: HostileS3, small: Path, state: Path, tmp_path: Path) -> None:
    push([str(small)], to="s3://bkt/in/", options=OPTIONS, state_directory=tmp_path / "mine", receipt="receipts/")
    assert (state.exists(), len(list(Path("receipts").iterdir())), len(s3.objects("bkt"))) == (False, 1, 1)
    assert uploads(tmp_path / "mine") == ()


# ---------------------------------------------------------------------------------------------------------- arguments
@pytest.mark.parametrize("to", ["", "bkt/in/", "https://bkt/in/", "s3://", "s3:///in/"])
def test_a_destination_that_is_none_is_a_wrong_option(small: Path, to: str) -> None:
    with pytest.raises(UsageError):
        push([str(small)], to=to)


def test_a_run_without_credentials_raises_before_anything_is_looked_at(
    s3: HostileS3, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    seen: list[Event] = []
    with pytest.raises(CredentialsError):
        push([str(small)], to="s3://bkt/in/", observe=seen.append)
    assert (seen, s3.requests) == ([], [])


@pytest.mark.parametrize(
    "call",
    [
        lambda: push(["a.parquet"], to="s3://bkt/", options=PushOptions(connection=Connection(profile="nobody"))),
        lambda: resume(only=["no-such-id"]),
        lambda: verify(Path("no-such-receipt.json")),
    ],
    ids=["push", "resume", "verify"],
)
@pytest.mark.usefixtures("s3")
def test_what_keeps_a_run_from_beginning_is_an_error_of_ours(call: Callable[[], RunReport]) -> None:
    with pytest.raises(UploadToolError) as caught:
        call()
    assert caught.value.exit_code != 1
    assert caught.value.hint


def test_a_path_alone_is_that_file_or_a_wrong_option_but_never_the_working_directory(
    s3: HostileS3, small: Path
) -> None:
    # Taken letter by letter the name holds ".": everything below the working directory.
    Path("private.parquet").write_bytes(small.read_bytes())
    Path("events.parquet").write_bytes(small.read_bytes())
    try:
        report = push("events.parquet", to="s3://bkt/in/", options=OPTIONS)
    except UploadToolError as error:
        assert error.exit_code == 2  # noqa: PT017 - one of two good ends
    else:
        assert [file.path for file in report.files] == ["events.parquet"]
    assert "in/private.parquet" not in s3.objects("bkt")


@pytest.mark.usefixtures("s3")
def test_paths_may_be_path_objects(small: Path) -> None:
    paths: Any = [small, small.parent / "gone-*.parquet"]
    assert [file.status for file in check(paths).files] == ["checked", "failed"]
    assert [file.status for file in push(paths, to="s3://bkt/in/").files] == ["uploaded", "failed"]


# ----------------------------------------------------------------------------------------------------------- observers
def test_events_come_in_the_caller_s_thread(s3: HostileS3, sample: Path) -> None:
    threads: set[int] = set()
    names: list[str] = []

    def observe(event: Event) -> None:
        threads.add(threading.get_ident())
        names.append(event.name)

    s3.script(Fault.status("UploadPart", 500, part=1))
    push([str(sample)], to="s3://bkt/in/", options=PushOptions(part_size=5 * MIB), observe=observe)
    assert threads == {threading.get_ident()}
    assert {"started", "file_checked", "file_planned", "part_stored", "part_retried", "file_done"} <= set(names)


def test_an_observer_that_fails_ends_the_run_and_the_upload_can_go_on(s3: HostileS3, sample: Path) -> None:
    class OwnError(Exception):
        pass

    def observe(event: Event) -> None:
        if isinstance(event, PartSaved):
            raise OwnError

    with pytest.raises(OwnError):
        push([str(sample)], to="s3://bkt/in/", options=OPTIONS, observe=observe)
    assert [upload.standing for upload in uploads()] == ["interrupted"]
    report = resume()
    assert report.files[0].parts_reused >= 1
    assert s3.objects("bkt")["in/two.parquet"].path.read_bytes() == sample.read_bytes()


def test_a_notebook_s_interrupt_leaves_an_upload_that_can_go_on(s3: HostileS3, sample: Path) -> None:
    def observe(event: Event) -> None:
        if isinstance(event, PartSaved):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        push([str(sample)], to="s3://bkt/in/", options=OPTIONS, observe=observe)
    assert resume().files[0].parts_reused >= 1
    assert list(s3.objects("bkt")) == ["in/two.parquet"]


# ------------------------------------------------------------------------------------------------------------- threads
def in_thread(work: Callable[[], RunReport]) -> RunReport:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def test_everything_works_in_a_thread(s3: HostileS3, small: Path, state: Path) -> None:
    seen: list[int] = []
    report = in_thread(
        lambda: push([str(small)], to="s3://bkt/in/", observe=lambda _: seen.append(threading.get_ident()))
    )
    receipt = state / "receipts" / str(report.files[0].receipt)
    assert in_thread(lambda: check([str(small)])).exit_code == 0
    assert in_thread(lambda: verify(receipt)).exit_code == 0
    assert in_thread(resume).exit_code == 0
    assert (report.exit_code, len(set(seen)), len(s3.objects("bkt"))) == (0, 1, 1)
    assert threading.get_ident() not in seen


def test_no_signal_handler_is_touched(s3: HostileS3, small: Path) -> None:
    watched = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in watched]
    during: list[list[Any]] = []
    push([str(small)], to="s3://bkt/", observe=lambda _: during.append([signal.getsignal(n) for n in watched]))
    assert all(handlers == before for handlers in during)
    assert len(s3.objects("bkt")) == 1


def test_two_threads_deliver_two_files_at_once(s3: HostileS3, small: Path) -> None:
    other = small.with_name("other.parquet")
    other.write_bytes(small.read_bytes())
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda path: push([str(path)], to="s3://bkt/in/", options=OPTIONS), (small, other)))
    assert [report.exit_code for report in reports] == [0, 0]
    assert list(s3.objects("bkt")) == ["in/other.parquet", "in/small.parquet"]


def test_two_threads_that_send_one_file_to_one_key_do_not_mix(s3: HostileS3, sample: Path) -> None:
    s3.script(Fault.black_hole("UploadPart", part=2))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(push, [str(sample)], to="s3://bkt/in/", options=OPTIONS)
        s3.wait_until_stuck()
        second = push([str(sample)], to="s3://bkt/in/", options=OPTIONS)
        s3.release(go_on=True)
    assert (second.exit_code, second.error and second.error.name) == (9, "locked")
    assert first.result().exit_code == 0


def test_another_thread_may_stop_a_run(s3: HostileS3, sample: Path) -> None:
    stop = Stop()
    s3.script(Fault.black_hole("UploadPart", part=2))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(push, [str(sample)], to="s3://bkt/in/", options=OPTIONS, stop=stop)
        s3.wait_until_stuck()
        stop.set(InterruptedUploadError("the notebook was closed"))
        report = running.result()
    s3.release()
    assert (report.status, report.exit_code, [file.status for file in report.files]) == (
        "interrupted",
        130,
        ["interrupted"],
    )
    assert report.error is not None
    assert (report.error.message, report.error.kept.partition(",")[0]) == ("the notebook was closed", "1 part")
    assert resume().files[0].parts_reused == 1


def test_a_stop_that_was_set_before_begins_nothing(s3: HostileS3, small: Path) -> None:
    stop = Stop()
    stop.interrupt(143)
    report = push([str(small)], to="s3://bkt/in/", options=OPTIONS, stop=stop)
    assert (report.exit_code, [file.status for file in report.files], s3.requests) == (143, ["interrupted"], [])


def test_the_last_event_of_a_file_has_its_report(s3: HostileS3, small: Path) -> None:
    done: list[Event] = []
    report = push([str(small)], to="s3://bkt/in/", options=OPTIONS, observe=done.append)
    assert done[-1] == FileDone(report.files[0])
    assert list(s3.objects("bkt")) == ["in/small.parquet"]
