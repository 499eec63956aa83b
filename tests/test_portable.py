"""What POSIX has and what stands in for it elsewhere do the same."""

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tiktok_upload import portable

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX only")
limits_memory = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits a process's memory")


@pytest.fixture(params=["posix", "portable", "no preadv"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "portable":
        monkeypatch.setattr(portable, "POSIX", False)
    elif not portable.POSIX:
        pytest.skip("POSIX only")
    elif request.param == "no preadv":
        monkeypatch.delattr(os, "preadv", raising=False)


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def run(code: str, *arguments: str) -> str:
    """What a Python process of its own prints."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def refuse(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.EIO, "Input/output error")


# -------------------------------------------------------------------------------------------------------------- reading
@pytest.mark.usefixtures("ways")
def test_reading_at_an_offset_fills_what_there_is_and_says_how_much(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123\r\n\x1a789")
    with portable.open_for_reading(path) as file:
        for offset, size, expected in (
            (0, 4, b"0123"),
            (4, 3, b"\r\n\x1a"),
            (7, 9, b"789"),
            (10, 4, b""),
            (99, 1, b""),
        ):
            buffer = bytearray(b"." * size)
            count = portable.read_at(file.fileno(), memoryview(buffer), offset)
            assert buffer == expected + b"." * (size - len(expected))
            assert count == len(expected)


def test_a_path_may_be_text_bytes_or_a_path(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    for given in (path, str(path), os.fsencode(path)):
        with portable.open_for_reading(given) as file:
            assert file.read() == b"content"
            assert not os.get_inheritable(file.fileno())


@posix
def test_opening_a_fifo_waits_for_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with portable.open_for_reading(tmp_path / "fifo") as file:
        assert stat.S_ISFIFO(os.fstat(file.fileno()).st_mode)


# --------------------------------------------------------------------------------------------------------------- memory
LIMIT = """
import sys
from tiktok_upload import portable
taken = portable.limit_memory(1 << 30)
try:
    bytearray(2 << 30)
except MemoryError:
    print(taken, "refused")
else:
    print(taken, "given")
"""

LOW_HARD_LIMIT = """
import resource
from tiktok_upload import portable
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
print(portable.limit_memory(2 << 30), resource.getrlimit(resource.RLIMIT_AS) == (1 << 30, 1 << 30))
"""


@limits_memory
def test_a_process_cannot_take_more_memory_than_its_limit() -> None:
    assert run(LIMIT) == "True refused\n"


@limits_memory
def test_a_limit_that_the_system_has_set_is_not_exceeded() -> None:
    assert run(LOW_HARD_LIMIT) == "True True\n"


def test_a_system_without_such_a_limit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "POSIX", False)
    assert not portable.limit_memory(1)


# ---------------------------------------------------------------------------------------------------------- directories
@posix
def test_a_directory_is_synced_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append((file, os.fstat(file).st_ino)))
    portable.sync_directory(tmp_path)
    ((descriptor, inode),) = synced
    assert inode == tmp_path.stat().st_ino
    assert _is_closed(descriptor)


@posix
def test_a_directory_that_cannot_be_synced_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def fsync(descriptor: int) -> None:
        tried.append(descriptor)
        refuse()

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output error"):
        portable.sync_directory(tmp_path)
    assert [_is_closed(descriptor) for descriptor in tried] == [True]


def _is_closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False


def test_where_names_are_durable_by_themselves_nothing_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "POSIX", False)
    monkeypatch.setattr(os, "open", refuse)
    portable.sync_directory(tmp_path)


@posix
@pytest.mark.usefixtures("umask")
def test_a_private_directory_and_what_leads_to_it_are_for_the_owner_only(tmp_path: Path) -> None:
    portable.make_private_directory(tmp_path / "a" / "b" / "c")
    made = [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"]
    assert [oct(mode(path)) for path in made] == ["0o700"] * 3


def test_a_directory_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "file").write_bytes(b"kept")
    before = mode(there)
    portable.make_private_directory(there)
    assert mode(there) == before
    assert (there / "file").read_bytes() == b"kept"


@pytest.mark.parametrize("below", [".", "below"])
def test_a_file_in_the_place_of_a_directory_is_an_error(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on the system
        portable.make_private_directory(tmp_path / "file" / below)


# -------------------------------------------------------------------------------------------------------- private files
@pytest.mark.usefixtures("umask")
def test_a_private_file_is_made_for_the_owner_only_and_not_inherited(tmp_path: Path) -> None:
    descriptor = portable.open_private(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    try:
        assert not os.get_inheritable(descriptor)
        os.write(descriptor, b"line\n")
    finally:
        os.close(descriptor)
    assert (tmp_path / "file").read_bytes() == b"line\n"
    if portable.POSIX:
        assert mode(tmp_path / "file") == 0o600


def test_opening_a_private_file_again_keeps_its_content(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    os.close(portable.open_private(tmp_path / "file", os.O_WRONLY | os.O_CREAT))
    assert (tmp_path / "file").read_bytes() == b"content"


@posix
@pytest.mark.parametrize("victim_exists", [True, False])
def test_a_private_file_is_never_opened_through_a_link(tmp_path: Path, *, victim_exists: bool) -> None:
    victim = tmp_path / "victim"
    if victim_exists:
        victim.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(victim)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the number is asserted
        portable.open_private(tmp_path / "link", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    assert caught.value.errno == errno.ELOOP
    assert victim.exists() == victim_exists
    assert not victim_exists or victim.read_bytes() == b"precious"


@pytest.mark.usefixtures("umask")
def test_a_file_is_replaced_by_a_private_one_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"first", b"second\r\n", b""):
        portable.write_private(path, content)
        assert path.read_bytes() == content
        if portable.POSIX:
            assert mode(path) == 0o600
            path.chmod(0o644)
    assert list(tmp_path.iterdir()) == [path]


def test_a_replacement_that_fails_leaves_the_old_file_and_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        portable.write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


FULL = """
import resource, signal, sys
from pathlib import Path
from tiktok_upload import portable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    portable.write_private(Path(sys.argv[1]), bytes(100_000))
except OSError:
    print("refused")
"""


@posix
def test_a_full_disk_leaves_the_old_file_and_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    assert run(FULL, str(path)) == "refused\n"
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_a_link_that_was_planted_is_replaced_not_written_through(tmp_path: Path) -> None:
    path, victim = tmp_path / "file", tmp_path / "victim"
    victim.write_bytes(b"precious")
    path.symlink_to(victim)
    portable._beside(path).symlink_to(victim)
    portable.write_private(path, b"new")
    assert victim.read_bytes() == b"precious"
    assert not path.is_symlink()
    assert path.read_bytes() == b"new"


def test_what_a_killed_run_left_beside_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "file"
    portable._beside(path).write_bytes(b"half")
    portable.write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


# -------------------------------------------------------------------------------------------------------------- signals
LISTEN = """
import signal, sys
from tiktok_upload import portable
numbers = (signal.SIGINT, signal.SIGTERM)
before = [signal.getsignal(number) for number in numbers]
with portable.stop_signals(lambda code: print(code, flush=True)):
    print("ready", flush=True)
    sys.stdin.readline()
print([signal.getsignal(number) for number in numbers] == before, flush=True)
"""


@posix
@pytest.mark.parametrize("numbers", [[signal.SIGINT], [signal.SIGTERM], [signal.SIGTERM, signal.SIGINT, signal.SIGINT]])
def test_signals_from_outside_are_told_as_exit_codes_and_the_handlers_come_back(numbers: list[signal.Signals]) -> None:
    command = [sys.executable, "-c", LISTEN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            for number in numbers:
                process.send_signal(number)
                assert process.stdout.readline() == f"{ {signal.SIGINT: 130, signal.SIGTERM: 143}[number] }\n"
            assert process.communicate("go on\n")[0] == "True\n"
            assert process.returncode == 0
        finally:
            process.kill()


def test_signals_are_heard_inside_only_and_handlers_come_back_after_an_error_too() -> None:
    def mine(_number: int, _frame: object) -> None:
        heard.append(0)

    heard: list[int] = []
    first = {number: signal.signal(number, mine) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(ZeroDivisionError):
            _hear_both_and_fail(heard.append)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert heard == [130, 143, 0, 0]
    finally:
        for number, handler in first.items():
            signal.signal(number, handler)


def _hear_both_and_fail(on_signal: Callable[[int], None]) -> NoReturn:
    with portable.stop_signals(on_signal):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        raise ZeroDivisionError


@pytest.mark.skipif(not hasattr(signal, "SIGBREAK"), reason="Windows only")
def test_ctrl_break_stands_for_a_request_to_end() -> None:
    heard: list[int] = []
    with portable.stop_signals(heard.append):
        signal.raise_signal(signal.Signals["SIGBREAK"])
    assert heard == [143]
