"""Uploads' facts on disk: append-only JSON Lines, one file for each upload, in one directory.

Each line is a JSON object whose last field, `crc32`, is taken over it and all lines before, so that
a line that was damaged, lost or doubled is told from one that was cut short. A last line without its
newline was being written when the machine stopped: it is dropped. Anything else that cannot be read
is reported, never guessed at.
"""

import contextlib
import errno
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import filelock
import platformdirs

from tiktok_upload import portable
from tiktok_upload.errors import JournalError
from tiktok_upload.records import VERSION, Record, from_json, to_json

_SEAL = ',"crc32":"'
_SEALED_TAIL = len(_SEAL) + 8 + len('"}')
# One sync costs some 2.6 ms; side by side the file system commits them together.
_SYNCS_AT_ONCE = 16
_NUMBERS, _TEXTS = ("number", "size", "part_size"), ("path", "bucket", "key", "endpoint", "upload_id")


def default_state_directory() -> Path:
    """The user's state directory by the system's rules (`XDG_STATE_HOME`, `~/Library`, `%LOCALAPPDATA%`)."""
    return platformdirs.user_state_path("tiktok-upload", appauthor=False)


def upload_name(path: str, endpoint: str, bucket: str, key: str) -> str:
    """The name of an upload's journal: the same for the same file to the same key."""
    parts = (path, endpoint, bucket, key)
    return hashlib.sha256(b"\0".join(part.encode("utf-8", "surrogatepass") for part in parts)).hexdigest()[:32]


class Journal:
    """One upload's journal, locked for this process until it is closed.

    A lock dies with its process, so a killed run never bars the next one.

    Attributes:
        records: What it held when it was opened.
        name: Of the upload.
        is_dirty: Whether facts wait for a sync.
    """

    def __init__(self, directory: Path, name: str) -> None:
        """Lock, read and repair.

        Raises:
            JournalError: Another process has it, it is damaged or of a newer version, or the
                directory cannot be written.
        """
        self.name = name
        self.is_dirty = False
        self._path = directory / "uploads" / f"{name}.jsonl"
        with _disk_errors("opened", self._path):
            portable.make_private_directory(self._path.parent)
            self._lock = _lock(directory / "locks", name)
            try:
                self.records, self._sound_size, self._chain = read(self._path)
                self._file = os.fdopen(portable.open_private(self._path, os.O_WRONLY | os.O_CREAT), "wb", buffering=0)
                self._file.truncate(self._sound_size)
                self._is_at_end = False
            except BaseException:
                self._lock.release()
                raise

    def append(self, record: Record) -> None:
        """Add one fact; it is durable after the next `sync`.

        Raises:
            JournalError: The disk refused the write. The line may be partly written; the next one is
                written in its place.
        """
        lines = [{"journal": VERSION}, to_json(record)] if self._sound_size == 0 else [to_json(record)]
        data, chain = b"", self._chain
        for line in lines:
            sealed, chain = _line(line, chain)
            data += sealed
        with _disk_errors("written", self._path):
            if not self._is_at_end:
                self._file.truncate(self._sound_size)
                self._file.seek(self._sound_size)
            self._is_at_end = False
            if self._file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._is_at_end = True
        self._sound_size += len(data)
        self._chain = chain
        self.is_dirty = True

    def sync(self) -> None:
        """Make all facts durable.

        Raises:
            JournalError: The disk refused.
        """
        if not self.is_dirty:
            return
        with _disk_errors("synced", self._path):
            os.fsync(self._file.fileno())
        self.is_dirty = False

    def close(self) -> None:
        """Let others have it."""
        self._file.close()
        self._lock.release()

    def remove(self) -> None:
        """Forget the upload; close afterwards.

        Raises:
            JournalError: The disk refused.
        """
        self._file.close()  # Windows removes no open file
        with _disk_errors("removed", self._path):
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class JournalDirectory:
    """All journals of a state directory.

    Args:
        directory: The state directory; made when the first journal is opened.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._pool: ThreadPoolExecutor | None = None
        self._named: set[str] = set()

    def open(self, name: str) -> Journal:
        """Lock and read one; raises as `Journal`."""
        return Journal(self.directory, name)

    def names(self) -> list[str]:
        """All uploads that there are journals of, oldest change first; empty where there are none."""
        found = [(_changed_at(path), path.stem) for path in (self.directory / "uploads").glob("*.jsonl")]
        return [name for _, name in sorted(found)]

    def last_change(self, name: str) -> float:
        """When the journal was last written, in seconds since 1970; 0 where it is gone."""
        return _changed_at(self.directory / "uploads" / f"{name}.jsonl")

    def is_locked(self, name: str) -> bool:
        """Whether another process is at work on it."""
        try:
            _lock(self.directory / "locks", name).release()
        except JournalError:
            return True
        return False

    def peek(self, name: str) -> tuple[Record, ...]:
        """What it holds, without a lock or a repair; nothing where there is none.

        Raises:
            JournalError: It is damaged or of a newer version.
        """
        path = self.directory / "uploads" / f"{name}.jsonl"
        with _disk_errors("read", path):
            return read(path)[0]

    def sync(self, journals: Iterable[Journal]) -> dict[Journal, JournalError]:
        """Make all facts of these durable, together, new names in the directory, too; returns what the disk refused."""
        waiting = [journal for journal in journals if journal.is_dirty]
        if len(waiting) > 1:
            self._pool = self._pool or ThreadPoolExecutor(_SYNCS_AT_ONCE, thread_name_prefix="journal-sync")
            outcomes = self._pool.map(_try_sync, waiting)
        else:
            outcomes = map(_try_sync, waiting)
        failures = {journal: error for journal, error in zip(waiting, outcomes, strict=True) if error is not None}
        self._sync_names({journal.name for journal in waiting})
        return failures

    def _sync_names(self, names: set[str]) -> None:
        if names <= self._named:
            return
        with contextlib.suppress(OSError):  # the lines themselves are durable; not every file system syncs directories
            portable.sync_directory(self.directory / "uploads")
        self._named |= names

    def forget(self, name: str) -> None:
        """The upload ended; keeps what is held here flat however many files a run has."""
        self._named.discard(name)

    def close(self) -> None:
        """End the threads that sync."""
        if self._pool is not None:
            self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _try_sync(journal: Journal) -> JournalError | None:
    try:
        journal.sync()
    except JournalError as exc:
        return exc
    return None


def read(path: Path) -> tuple[tuple[Record, ...], int, int]:
    """The facts of a journal, the size of its sound lines and the last one's checksum; nothing where there is no file.

    Raises:
        JournalError: It is damaged before its last line, or of a newer version.
        OSError: It cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return (), 0, 0
    sound_size = data.rfind(b"\n") + 1
    lines = data[:sound_size].split(b"\n")[:-1]
    if not lines:
        return (), 0, 0
    header, chain = _open_line(path, 1, lines[0], 0)
    _refuse_other_versions(path, header)
    records: list[Record] = []
    for number, line in enumerate(lines[1:], start=2):
        fields, chain = _open_line(path, number, line, chain)
        try:
            _refuse_other_types(fields)
            records.append(from_json(fields))
        except ValueError as exc:
            raise _damaged(path, number) from exc
    return tuple(records), sound_size, chain


def _line(data: dict[str, Any], chain: int) -> tuple[bytes, int]:
    body = json.dumps(data, separators=(",", ":"), ensure_ascii=True)[:-1].encode()
    chain = zlib.crc32(body, chain)
    return body + _seal(chain) + b"\n", chain


def _open_line(path: Path, number: int, line: bytes, chain: int) -> tuple[dict[str, Any], int]:
    body, tail = line[:-_SEALED_TAIL], line[-_SEALED_TAIL:]
    chain = zlib.crc32(body, chain)
    if tail != _seal(chain):
        raise _damaged(path, number)
    try:
        data = json.loads(body + b"}")
    except (ValueError, RecursionError) as exc:
        raise _damaged(path, number) from exc
    if not isinstance(data, dict):
        raise _damaged(path, number)
    return data, chain


def _seal(chain: int) -> bytes:
    return f'{_SEAL}{chain:08x}"}}'.encode()


def _refuse_other_versions(path: Path, header: dict[str, Any]) -> None:
    version = header.get("journal")
    if not isinstance(version, int):
        raise _damaged(path, 1)
    if version > VERSION:
        raise JournalError(
            f"the state of this upload ({path.name}) was written by a newer tiktok-upload (format {version})",
            hint="update tiktok-upload, or begin again with --restart",
            code="journal_newer",
        )


def _refuse_other_types(fields: dict[str, Any]) -> None:
    """A line may be sealed and yet be none of ours; the state is built from numbers and texts."""
    for names, kind in ((_NUMBERS, int), (_TEXTS, str)):
        if not all(isinstance(fields[name], kind) for name in names if name in fields):
            raise ValueError("a field of another type")


def _damaged(path: Path, number: int) -> JournalError:
    return JournalError(
        f"the state of this upload is damaged: line {number} of {path.name} cannot be read",
        kept="nothing was changed, here or at the store",
        hint="begin again with --restart; what the store has of the upload stays until its abort rule removes it",
        code="journal_damaged",
    )


def set_aside(directory: Path, name: str) -> None:
    """Put a journal that cannot be read out of the way; it is kept beside for whoever wants to look.

    Raises:
        JournalError: The disk refused, or another process has it.
    """
    path = directory / "uploads" / f"{name}.jsonl"
    with _disk_errors("moved", path):
        lock = _lock(directory / "locks", name)
        try:
            with contextlib.suppress(FileNotFoundError):
                path.replace(path.with_suffix(".damaged"))
        finally:
            lock.release()


def _lock(directory: Path, name: str) -> filelock.FileLock:
    portable.make_private_directory(directory)
    lock = filelock.FileLock(directory / f"{name}.lock", mode=0o600, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise JournalError(
            "another process is sending this file to this key",
            kept="what it has stored is safe",
            hint="wait for it to end, then run the same command again",
            code="locked",
        ) from None
    return lock


@contextlib.contextmanager
def _disk_errors(verb: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise JournalError(
            f"the upload's state could not be {verb}: {exc.strerror or 'the disk refused'} ({path.parent.name})",
            kept="parts that were reported as stored",
        ) from exc
