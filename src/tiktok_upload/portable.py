"""What POSIX has and other systems lack, in one place, with a portable way beside each.

`POSIX` may be set to False by a test, so that the portable ways are taken on Linux, too.
"""

import contextlib
import os
import signal
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import BinaryIO

POSIX = os.name == "posix"

_seek_lock = threading.Lock()


def open_for_reading(path: str | bytes | Path) -> BinaryIO:
    """Open a file without blocking on a FIFO that was put in its place, and without Python's buffer."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags)
    try:
        return os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:  # a directory, which POSIX lets us open
        os.close(descriptor)
        raise


def read_at(descriptor: int, buffer: memoryview, offset: int) -> int:
    """Read into `buffer` from `offset`; returns how many bytes came, 0 at the end of the file.

    Safe from several threads at once. Without `os.preadv` the threads take turns.
    """
    if POSIX and hasattr(os, "preadv"):
        return os.preadv(descriptor, [buffer], offset)
    with _seek_lock:
        os.lseek(descriptor, offset, os.SEEK_SET)
        data = os.read(descriptor, len(buffer))
    buffer[: len(data)] = data
    return len(data)


def most_open_files() -> int:
    """How many files this process may have open; where the system names no limit, a number that every system gives."""
    if not POSIX:
        return 2_048  # of the C library's, at most 8,192; sockets do not count there
    import resource  # noqa: PLC0415 - POSIX only

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 16 if soft == resource.RLIM_INFINITY else soft


def free_memory() -> int | None:
    """Bytes that programs may still take, the file cache's among them; None where the system does not just say it.

    psutil knows it everywhere, but its import takes longer than a small file takes to be sent.
    """
    with contextlib.suppress(OSError, ValueError), Path("/proc/meminfo").open(encoding="ascii") as lines:
        return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), None)
    return None


def limit_memory(limit_bytes: int) -> bool:
    """Cap this process's address space; returns False where the system has no such cap."""
    if not POSIX or sys.platform == "darwin":  # macOS takes the call and ignores it
        return False
    import resource  # noqa: PLC0415 - POSIX only

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    return True


def leave_no_core_dump() -> None:
    """Let a crash of this process leave no copy of its memory, and open no window."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - Windows only

        msvcrt.SetErrorMode(msvcrt.SEM_FAILCRITICALERRORS | msvcrt.SEM_NOGPFAULTERRORBOX)
    else:
        import resource  # noqa: PLC0415 - POSIX only

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable; Windows does that by itself."""
    if not POSIX:
        return
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_directory(path: Path) -> None:
    """Make a directory, with what is missing on the way to it, that only its owner can enter."""
    if not path.parent.exists():
        make_private_directory(path.parent)  # mkdir's own parents would get the umask's mode
    path.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path, flags: int) -> int:
    """Open or make a file of mode 0600; never through a symbolic link that somebody planted."""
    extra = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    # A FIFO that nobody reads is refused, not waited for.
    descriptor = os.open(path, flags | extra | getattr(os, "O_NONBLOCK", 0), 0o600)
    if POSIX:
        os.set_blocking(descriptor, True)
    return descriptor


def write_private(path: Path, data: bytes) -> None:
    """Replace a file's content in one step by a file of mode 0600; a killed process leaves the old or the new one."""
    beside = _beside(path)
    with contextlib.suppress(FileNotFoundError):
        beside.unlink()
    try:
        with os.fdopen(open_private(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            file.write(data)
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _beside(path: Path) -> Path:
    """Short whatever the name: a long one with a suffix may be more than the file system takes."""
    return path.with_name(f".{zlib.crc32(os.fsencode(path.name)):08x}.{os.getpid()}.tmp")


@contextlib.contextmanager
def stop_signals(on_signal: Callable[[int], None]) -> Iterator[None]:
    """While inside, Ctrl-C and SIGTERM call `on_signal` with the exit code, 130 or 143.

    Windows has no SIGTERM from outside; Ctrl-Break stands for it.
    """
    codes = {signal.SIGINT: 130, signal.SIGTERM: 143}
    if hasattr(signal, "SIGBREAK"):
        codes[signal.SIGBREAK] = 143

    def heard(number: int, _frame: FrameType | None) -> None:
        on_signal(codes[signal.Signals(number)])

    before = {number: signal.signal(number, heard) for number in codes}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
