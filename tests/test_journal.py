"""A journal outlives cuts, damage, full disks and rivals, and never guesses."""

import errno
import io
import os
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiktok_upload import journal as journal_module
from tiktok_upload import portable
from tiktok_upload.checksum import PROOFS
from tiktok_upload.errors import JournalError
from tiktok_upload.facts import Fingerprint
from tiktok_upload.journal import Journal, JournalDirectory, default_state_directory, set_aside, upload_name
from tiktok_upload.records import (
    VERSION,
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
)

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX only")
not_as_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="modes hold nobody who is root")

NAME = upload_name("/data/part-0.parquet", "", "bucket", "in/part-0.parquet")
FINGERPRINT = Fingerprint(20_000_000, 1_795_000_000_123_456_789, 1_795_000_000_223_456_789, 1_234_567, "ab" * 32)


def stored(number: int) -> PartStored:
    return PartStored(number, 8 << 20, f'"{number:032x}"', "rosUhgp5mIg=")


REALISTIC: tuple[Record, ...] = (
    Planned(
        path="/data/gr\u00f6\u00dfe \udcff\n.parquet",
        bucket="bucket",
        key="in/part-0.parquet",
        endpoint="https://s3.example",
        fingerprint=FINGERPRINT,
        part_size=8 << 20,
        proof="crc64nvme",
        nonce="0123456789abcdef0123456789abcdef",
        object_options={"sse": "aws:kms", "metadata": [["team", "données"]]},
        overwrite=False,
        checked_at="2026-11-24T02:00:00.000Z",
        tool="0.1.0",
    ),
    Created("2~upload_id.with-signs"),
    stored(1),
    PartDoubted(2, 8 << 20, '"d41d8cd98f00b204e9800998ecf8427e"', "rosUhgp5mIg="),
    PartLost(2),
    SourceTouched(FINGERPRINT),
    UploadLost(),
    Completed('"etag-3"', "rosUhgp5mIg=", confirmed=True, version_id=None, at="2026-11-24T02:01:00.000Z"),
    Confirmed('"etag-3"', confirmed=True, version_id="v1"),
    Aborted("2~upload_id.with-signs"),
)


def file_of(state: Path, name: str = NAME) -> Path:
    return state / "uploads" / f"{name}.jsonl"


def put(path: Path, data: bytes) -> None:
    """Another file: some file systems sync one that is cut to nothing and written again, which costs seconds here."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def write(state: Path, *records: Record, name: str = NAME) -> bytes:
    """The bytes of a sound journal of these records."""
    with Journal(state, name) as journal:
        for record in records:
            journal.append(record)
        journal.sync()
    return file_of(state, name).read_bytes()


def records_of(state: Path, name: str = NAME) -> tuple[Record, ...]:
    with Journal(state, name) as journal:
        return journal.records


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


# ------------------------------------------------------------------------------------------------------------ surviving
def test_what_was_appended_is_there_at_the_next_opening_in_its_order(state: Path) -> None:
    write(state, *REALISTIC[:4])
    write(state, *REALISTIC[4:])
    assert records_of(state) == REALISTIC


def test_a_new_journal_is_empty_and_clean(state: Path) -> None:
    with Journal(state, NAME) as journal:
        assert (journal.records, journal.is_dirty, journal.name) == ((), False, NAME)
        journal.sync()


def test_an_opening_that_appends_nothing_changes_nothing(state: Path) -> None:
    before = write(state, *REALISTIC)
    assert records_of(state) == REALISTIC
    assert file_of(state).read_bytes() == before


def test_a_journal_cut_at_any_byte_keeps_its_whole_lines_and_takes_new_ones(state: Path) -> None:
    whole = write(state, *REALISTIC)
    path, new = file_of(state), stored(77)
    for cut in range(len(whole) + 1):
        put(path, whole[:cut])
        lines = whole[:cut].count(b"\n")
        kept = REALISTIC[: max(lines - 1, 0)]  # the first line is the header
        with Journal(state, NAME) as journal:
            assert journal.records == kept, cut
            journal.append(new)
        assert records_of(state) == (*kept, new), cut


def test_a_tail_of_zero_bytes_as_a_power_cut_leaves_it_is_dropped(state: Path) -> None:
    whole = write(state, *REALISTIC)
    file_of(state).write_bytes(whole + bytes(4096))
    assert records_of(state) == REALISTIC
    assert file_of(state).read_bytes() == whole


def test_a_journal_of_8192_parts_stays_under_4_mb(state: Path) -> None:
    parts = tuple(stored(number) for number in range(1, 8_193))
    assert len(write(state, REALISTIC[0], REALISTIC[1], *parts)) < 4_000_000
    assert records_of(state)[2:] == parts


# Bytes of a name that are not UTF-8 become these surrogates; no other ones come from a file system.
_text = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF))
)
_number = st.integers(0, 1 << 63)
_fingerprints = st.builds(Fingerprint, _number, _number, _number, _number, _text)
_maybe = st.none() | _text
_any_record: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        Planned,
        path=_text,
        bucket=_text,
        key=_text,
        endpoint=_text,
        fingerprint=_fingerprints,
        part_size=_number,
        proof=st.sampled_from(PROOFS),
        nonce=_text,
        object_options=st.dictionaries(_text, _text | st.lists(st.lists(_text, min_size=2, max_size=2))),
        overwrite=st.booleans(),
        checked_at=_text,
        tool=_text,
    ),
    st.builds(Created, _text),
    st.builds(PartStored, _number, _number, _text, _text),
    st.builds(PartDoubted, _number, _number, _text, _text),
    st.builds(PartLost, _number),
    st.builds(SourceTouched, _fingerprints),
    st.just(UploadLost()),
    st.builds(Completed, _text, _text, st.booleans(), _maybe, _text),
    st.builds(Confirmed, _text, st.booleans(), _maybe),
    st.builds(Aborted, _text),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(_any_record, max_size=6), max_size=3))
def test_any_sequence_of_records_over_any_number_of_runs_survives(runs: list[list[Record]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for run in runs:
            write(Path(directory), *run)
        assert records_of(Path(directory)) == tuple(record for run in runs for record in run)


# --------------------------------------------------------------------------------------------------------------- damage
def damaged(state: Path, data: bytes) -> JournalError:
    """The error of opening these bytes; they are left as they are."""
    path = file_of(state)
    put(path, data)
    with pytest.raises(JournalError) as caught:
        Journal(state, NAME)
    assert path.read_bytes() == data
    return caught.value


def sealed(*lines: dict[str, Any]) -> bytes:
    """Lines that are sound as lines, whatever they say."""
    data, chain = b"", 0
    for line in lines:
        one, chain = journal_module._line(line, chain)
        data += one
    return data


def test_a_line_that_was_lost_doubled_or_moved_is_damage(state: Path) -> None:
    lines = write(state, *REALISTIC[:5]).splitlines(keepends=True)
    orders = {
        "lost": [0, 1, 3, 4, 5],
        "doubled": [0, 1, 2, 2, 3, 4, 5],
        "moved": [0, 1, 3, 2, 4, 5],
    }
    for order in orders.values():
        assert damaged(state, b"".join(lines[number] for number in order)).name == "journal_damaged"


def test_any_flipped_bit_is_reported_as_damage(state: Path) -> None:
    whole = write(state, *REALISTIC)
    path = file_of(state)
    with path.open("r+b", buffering=0) as file:
        for position in range(len(whole) - 1):  # without its last line feed the last line is one that was cut
            for bit in range(8):
                file.seek(position)
                file.write(bytes([whole[position] ^ 1 << bit]))
                with pytest.raises(JournalError) as caught:
                    journal_module.read(path)
                assert caught.value.name == "journal_damaged", (position, bit)
            file.seek(position)
            file.write(whole[position : position + 1])
    assert journal_module.read(path)[:2] == (REALISTIC, len(whole))


def test_any_byte_that_became_a_line_feed_or_zero_leaves_a_file_that_is_refused_and_untouched(state: Path) -> None:
    whole = write(state, *REALISTIC[:3])
    for position in range(len(whole) - 1):
        for byte in b"\n\0":
            if whole[position] != byte:
                error = damaged(state, whole[:position] + bytes([byte]) + whole[position + 1 :])
                assert (error.name, error.exit_code) == ("journal_damaged", 9), (position, byte)


def test_damage_says_where_it_is_what_is_safe_and_what_to_do(state: Path) -> None:
    whole = write(state, *REALISTIC[:3])
    error = damaged(state, whole.replace(b'"created"', b'"crEated"'))
    assert error.message == f"the state of this upload is damaged: line 3 of {NAME}.jsonl cannot be read"
    assert error.kept == "nothing was changed, here or at the store"
    assert "--restart" in error.hint


def test_a_damaged_journal_does_not_stay_locked(state: Path) -> None:
    whole = write(state, *REALISTIC[:3])
    errors = [damaged(state, whole[1:]) for _ in range(2)]  # kept, so that nothing is let go by the collector
    assert [error.name for error in errors] == ["journal_damaged"] * 2
    file_of(state).write_bytes(whole)
    assert records_of(state) == REALISTIC[:3]


def test_a_newer_journal_is_not_read_but_named_as_such(state: Path) -> None:
    write(state)
    error = damaged(state, sealed({"journal": VERSION + 1}, {"record": "from the future"}))
    assert (error.name, error.exit_code) == ("journal_newer", 9)
    assert "update" in error.hint


@pytest.mark.parametrize("header", [{}, {"journal": "1"}, {"journal": None}, {"record": "upload_lost"}])
def test_a_first_line_that_names_no_version_is_damage(state: Path, header: dict[str, object]) -> None:
    write(state)
    assert damaged(state, sealed(header)).name == "journal_damaged"


@pytest.mark.parametrize(
    "record",
    [
        {"record": "teleported"},
        {"number": 1},
        {"record": None},
        {"record": ["part_lost"]},
        {"record": "part_lost"},
        {"record": "part_lost", "number": 1, "more": 2},
        {"record": "source_touched", "fingerprint": None},
        {"record": "source_touched", "fingerprint": {"size": 1}},
    ],
    ids=str,
)
def test_a_sealed_line_that_is_no_record_of_this_version_is_damage(state: Path, record: dict[str, object]) -> None:
    write(state)
    lines = sealed({"journal": VERSION}, record)
    assert damaged(state, lines).name == "journal_damaged"


# ---------------------------------------------------------------------------------------------------------------- locks
HOLD = """
import sys
from pathlib import Path
from tiktok_upload.journal import Journal
with Journal(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held_elsewhere(state: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process has the journal."""
    command = [sys.executable, "-c", HOLD, str(state), NAME]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def refused_as_locked(action: Callable[[], object]) -> None:
    with pytest.raises(JournalError) as caught:
        action()
    assert (caught.value.name, caught.value.exit_code, caught.value.resumable) == ("locked", 9, True)


def test_a_second_opening_in_this_process_is_refused_until_the_first_is_closed(state: Path) -> None:
    with Journal(state, NAME) as journal:
        refused_as_locked(lambda: Journal(state, NAME))
        journal.append(REALISTIC[0])
    assert records_of(state) == REALISTIC[:1]


def test_an_opening_from_another_thread_is_refused_too(state: Path) -> None:
    refusals: list[str] = []

    def rival() -> None:
        try:
            Journal(state, NAME).close()
        except JournalError as exc:
            refusals.append(exc.name)

    with Journal(state, NAME):
        thread = threading.Thread(target=rival)
        thread.start()
        thread.join()
    assert refusals == ["locked"]


def test_another_upload_of_the_same_directory_is_not_barred(state: Path) -> None:
    with Journal(state, NAME), Journal(state, "other") as other:
        assert other.records == ()


def test_a_process_that_has_the_journal_bars_others_and_its_death_frees_it(state: Path) -> None:
    write(state, *REALISTIC[:2])
    with held_elsewhere(state) as process:
        refused_as_locked(lambda: Journal(state, NAME))
        refused_as_locked(lambda: set_aside(state, NAME))
        process.kill()  # SIGKILL where there is one: no clean-up of its own
        process.wait()
        assert records_of(state) == REALISTIC[:2]


# -------------------------------------------------------------------------------------------------------------- privacy
@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@posix
@pytest.mark.usefixtures("umask")
def test_only_the_owner_can_enter_or_read_whatever_the_umask(tmp_path: Path) -> None:
    state = tmp_path / "made" / "state"
    write(state, *REALISTIC)
    made = (tmp_path / "made", *(tmp_path / "made").rglob("*"))
    modes = {path.relative_to(tmp_path).as_posix(): oct(stat.S_IMODE(path.stat().st_mode)) for path in made}
    assert modes == {
        "made": "0o700",
        "made/state": "0o700",
        "made/state/uploads": "0o700",
        "made/state/locks": "0o700",
        f"made/state/uploads/{NAME}.jsonl": "0o600",
        f"made/state/locks/{NAME}.lock": "0o600",
    }


@posix
@pytest.mark.parametrize("content", [b"", b"precious", b"precious\n"])
@pytest.mark.parametrize("planted", [f"uploads/{NAME}.jsonl", f"locks/{NAME}.lock"])
def test_nothing_is_written_through_a_planted_link(state: Path, planted: str, content: bytes) -> None:
    victim = state.with_name("victim")
    victim.write_bytes(content)
    (state / planted).parent.mkdir(parents=True)
    (state / planted).symlink_to(victim)
    with pytest.raises(JournalError) as caught:
        write(state, *REALISTIC)
    assert caught.value.exit_code == 9
    assert victim.read_bytes() == content


# ------------------------------------------------------------------------------------------------------------ disk full
class SmallDisk(io.FileIO):
    """A journal's file on a disk that takes no more than `room` bytes."""

    room = 0

    def write(self, data: object, /) -> int:
        assert isinstance(data, bytes)
        if not self.room and data:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = super().write(data[: self.room])
        self.room -= taken
        return taken


@contextmanager
def on_small_disk(state: Path, room: int) -> Iterator[tuple[Journal, SmallDisk]]:
    with Journal(state, NAME) as journal:
        journal._file.close()
        disk = SmallDisk(file_of(state), "ab")
        disk.room = room
        journal.__dict__["_file"] = disk
        yield journal, disk


def test_a_write_that_a_full_disk_cuts_anywhere_is_an_error_and_the_next_opening_drops_it(state: Path) -> None:
    before = write(state, *REALISTIC[:2])
    line = len(write(state, stored(1))) - len(before)
    for room in range(line):
        put(file_of(state), before)
        with on_small_disk(state, room) as (journal, _), pytest.raises(JournalError) as caught:
            journal.append(stored(1))
        assert (caught.value.exit_code, caught.value.resumable) == (9, True)
        assert "No space left on device" in caught.value.message or "part of the line" in caught.value.message
        assert records_of(state) == REALISTIC[:2], room
        assert file_of(state).read_bytes() == before


def test_facts_that_come_after_a_cut_write_do_not_damage_the_journal(state: Path) -> None:
    before = write(state, *REALISTIC[:2])
    line = len(write(state, stored(1))) - len(before)
    for room in range(line):
        put(file_of(state), before)
        with on_small_disk(state, room) as (journal, disk):
            with pytest.raises(JournalError):
                journal.append(stored(1))
            disk.room = 1 << 20  # somebody made room, and another part has landed
            with suppress(JournalError):
                journal.append(stored(2))
        assert records_of(state) in (REALISTIC[:2], (*REALISTIC[:2], stored(2))), room


def test_the_first_fact_of_all_may_be_cut_and_written_again(state: Path) -> None:
    first = len(write(state, REALISTIC[0]))
    for room in range(0, first, 5):
        file_of(state).unlink()
        with on_small_disk(state, room) as (journal, disk):
            with pytest.raises(JournalError):
                journal.append(REALISTIC[0])
            disk.room = 1 << 20
            with suppress(JournalError):
                journal.append(REALISTIC[0])
        assert records_of(state) in ((), REALISTIC[:1]), room


FILL = """
import resource, signal, sys
from pathlib import Path
from tiktok_upload.errors import JournalError
from tiktok_upload.journal import Journal
from tiktok_upload.records import Created
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
journal, written = Journal(Path(sys.argv[1]), sys.argv[2]), 0
try:
    for written in range(100):
        journal.append(Created(f"upload-{written}"))
except JournalError as exc:
    print(written, exc.exit_code)
"""


@posix
def test_a_system_that_refuses_to_let_the_file_grow_leaves_a_journal_that_goes_on(state: Path) -> None:
    command = [sys.executable, "-c", FILL, str(state), NAME]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    written, exit_code = map(int, done.stdout.split())
    assert exit_code == 9
    assert 0 < written < 99
    kept = tuple(Created(f"upload-{number}") for number in range(written))
    assert file_of(state).stat().st_size == 1000  # a part of a line is there
    with Journal(state, NAME) as journal:
        assert journal.records == kept
        journal.append(stored(1))
    assert records_of(state) == (*kept, stored(1))


@pytest.mark.parametrize("taken", ["", "uploads", "locks"])
def test_a_file_in_the_place_of_a_directory_is_an_error_that_says_what_to_do(state: Path, taken: str) -> None:
    (state / taken).parent.mkdir(parents=True, exist_ok=True)
    (state / taken).write_bytes(b"no directory")
    with pytest.raises(JournalError) as caught:
        Journal(state, NAME)
    assert caught.value.exit_code == 9
    assert "--state-dir" in caught.value.hint


@not_as_root
def test_a_state_directory_that_may_not_be_written_is_an_error(state: Path) -> None:
    state.mkdir(mode=0o500)
    with pytest.raises(JournalError, match="could not be opened"):
        Journal(state, NAME)


# -------------------------------------------------------------------------------------------------------- the directory
class Disk:
    """Counts what is synced; `broken` are files whose syncs fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: list[int] = []
        self.directories = 0
        self.broken: set[int] = set()
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self.fsync)

    def fsync(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            self.directories += 1
            return
        self.files.append(found.st_ino)
        if found.st_ino in self.broken:
            raise OSError(errno.EIO, "Input/output error")
        self._fsync(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def journals(state: Path) -> Iterator[JournalDirectory]:
    with JournalDirectory(state) as made:
        yield made


@contextmanager
def opened(journals: JournalDirectory, *names: str) -> Iterator[list[Journal]]:
    made = [journals.open(name) for name in names]
    try:
        yield made
    finally:
        for journal in made:
            journal.close()


def inode(journals: JournalDirectory, name: str) -> int:
    return file_of(journals.directory, name).stat().st_ino


@pytest.mark.parametrize("dirty", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_each_journal_with_waiting_facts_is_synced_once_and_the_others_are_not(
    journals: JournalDirectory, disk: Disk, dirty: list[str]
) -> None:
    with opened(journals, "a", "b", "c", "d") as made:
        for journal in made:
            if journal.name in dirty:
                journal.append(stored(1))
                journal.append(stored(2))
        assert [journal.name for journal in made if journal.is_dirty] == dirty
        assert journals.sync(made) == {}
        assert sorted(disk.files) == sorted(inode(journals, name) for name in dirty)
        assert not any(journal.is_dirty for journal in made)
        assert journals.sync(made) == {}
        assert len(disk.files) == len(dirty)


def test_facts_are_not_synced_one_by_one(journals: JournalDirectory, disk: Disk) -> None:
    with opened(journals, "a") as (journal,):
        for number in range(1, 101):
            journal.append(stored(number))
        assert disk.files == []
        journals.sync([journal])
        assert len(disk.files) == 1


def test_more_journals_than_syncs_at_once_are_all_synced(journals: JournalDirectory, disk: Disk) -> None:
    names = [f"upload-{number}" for number in range(40)]
    with opened(journals, *names) as made:
        for journal in made:
            journal.append(UploadLost())
        assert journals.sync(iter(made)) == {}
        assert sorted(disk.files) == sorted(inode(journals, name) for name in names)


@posix
def test_a_new_name_is_made_durable_once_until_it_is_forgotten(journals: JournalDirectory, disk: Disk) -> None:
    with opened(journals, "a", "b") as (first, second):
        synced: list[int] = []
        for journal in (first, first, second, second):
            journal.append(stored(1))
            journals.sync([first, second])
            synced.append(disk.directories)
        assert synced == [1, 1, 2, 2]
        journals.forget("a")
        first.append(stored(2))
        journals.sync([first, second])
        assert disk.directories == 3


def test_a_file_system_that_cannot_sync_directories_is_no_failure(
    journals: JournalDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(portable, "sync_directory", refuse)
    with opened(journals, "a") as (journal,):
        journal.append(stored(1))
        assert journals.sync([journal]) == {}


@pytest.mark.parametrize("others", [[], ["b", "c"]])
def test_a_sync_that_the_disk_refuses_is_told_of_its_journal_only_and_may_be_tried_again(
    journals: JournalDirectory, disk: Disk, others: list[str]
) -> None:
    with opened(journals, "a", *others) as made:
        for journal in made:
            journal.append(stored(1))
        disk.broken = {inode(journals, "a")}
        failures = journals.sync(made)
        assert {journal.name: error.exit_code for journal, error in failures.items()} == {"a": 9}
        assert "Input/output error" in failures[made[0]].message
        assert [journal.is_dirty for journal in made] == [True] + [False] * len(others)
        disk.broken = set()
        assert journals.sync(made) == {}
        assert not made[0].is_dirty


def test_a_look_needs_no_lock_and_repairs_nothing(journals: JournalDirectory) -> None:
    whole = write(journals.directory, *REALISTIC[:3])
    with opened(journals, NAME) as (journal,):
        assert journals.peek(NAME) == REALISTIC[:3]
        journal.append(stored(9))
        assert journals.peek(NAME) == (*REALISTIC[:3], stored(9))
    file_of(journals.directory).write_bytes(whole[:-3])
    assert journals.peek(NAME) == REALISTIC[:2]
    assert file_of(journals.directory).read_bytes() == whole[:-3]


def test_a_look_at_nothing_finds_nothing_and_makes_nothing(journals: JournalDirectory) -> None:
    assert journals.peek(NAME) == ()
    assert not journals.directory.exists()


def test_a_look_at_a_damaged_journal_is_an_error(journals: JournalDirectory) -> None:
    file_of(journals.directory).parent.mkdir(parents=True)
    file_of(journals.directory).write_bytes(b"rubbish\n")
    with pytest.raises(JournalError) as caught:
        journals.peek(NAME)
    assert caught.value.name == "journal_damaged"


def test_a_look_that_the_disk_refuses_is_an_error(journals: JournalDirectory) -> None:
    file_of(journals.directory).mkdir(parents=True)
    with pytest.raises(JournalError, match="could not be read"):
        journals.peek(NAME)


# ------------------------------------------------------------------------------------------------------------ set aside
def test_what_is_set_aside_is_kept_beside_and_the_upload_begins_anew(state: Path) -> None:
    rubbish = b"rubbish" + write(state, *REALISTIC)
    file_of(state).write_bytes(rubbish)
    set_aside(state, NAME)
    assert file_of(state).with_suffix(".damaged").read_bytes() == rubbish
    assert records_of(state) == ()
    write(state, *REALISTIC)
    assert records_of(state) == REALISTIC


def test_setting_aside_what_is_not_there_changes_nothing(state: Path) -> None:
    set_aside(state, NAME)
    assert records_of(state) == ()


def test_setting_aside_that_the_disk_refuses_is_an_error_and_lets_the_journal_go(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(state, *REALISTIC)

    def refuse(_self: Path, _target: Path) -> Path:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse)
        with pytest.raises(JournalError, match="could not be moved") as caught:
            set_aside(state, NAME)
    assert caught.value.exit_code == 9
    assert records_of(state) == REALISTIC


# ---------------------------------------------------------------------------------------------------------------- names
def test_the_name_of_an_upload_tells_file_endpoint_bucket_and_key_apart() -> None:
    uploads = [("p", "e", "b", "k"), ("P", "e", "b", "k"), ("p", "E", "b", "k"), ("p", "e", "B", "k")]
    uploads += [("p", "e", "b", "K"), ("pe", "", "b", "k"), ("p", "eb", "", "k"), ("p\udcff", "e", "b", "k")]
    names = [upload_name(*upload) for upload in uploads]
    assert len(set(names)) == len(uploads)
    assert names == [upload_name(*upload) for upload in uploads]
    assert all(len(name) == 32 and name.isalnum() for name in names)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG is Linux's")
def test_the_state_lies_where_the_system_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_state_directory() == tmp_path / "tiktok-upload"


@posix
def test_a_child_process_does_not_inherit_the_journal(state: Path) -> None:
    with Journal(state, NAME) as journal:
        assert not os.get_inheritable(journal._file.fileno())
