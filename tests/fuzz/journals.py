"""Journals: mutated real ones, forged ones with right seals, torn tails."""

import functools
import zlib
from pathlib import Path

from tests.fuzz.target import Target, demand, demand_speech, scratch
from tests.support.uploads import doubted, planned, stored

from tiktok_upload.errors import JournalError
from tiktok_upload.facts import Fingerprint
from tiktok_upload.journal import Journal, JournalDirectory, read
from tiktok_upload.records import (
    Aborted,
    Completed,
    Confirmed,
    Created,
    PartLost,
    Record,
    SourceTouched,
    UploadLost,
)
from tiktok_upload.state import fold

_STORIES: tuple[tuple[Record, ...], ...] = (
    (planned(), Created("id-1"), *(stored(number) for number in range(1, 8)), Completed('"e"', "crc", True, None,
        "at")),
    (planned(path="/d/\udcff\n.parquet", key="in/größe"), Created("id-2"), stored(1), doubted(2), PartLost(1),
        UploadLost()),
    (planned(), SourceTouched(Fingerprint(65, 1, 2, 3, "f00d")), Created("id-3"), Aborted("id-1"), stored(3)),
    (planned(overwrite=True), Completed('"e"', "crc", False, "v1", "at"), Confirmed('"e"', True, "v1")),
    (planned(),),
)  # fmt: skip
_MARK = Created("written after the repair")


@functools.cache
def _made() -> tuple[bytes, ...]:
    return tuple(_journal_of(story) for story in _STORIES)


def _journal_of(story: tuple[Record, ...]) -> bytes:
    with Journal(scratch() / "made", "story") as journal:
        for record in story:
            journal.append(record)
        content = _path("made").read_bytes()
        journal.remove()
    return content


def _path(directory: str, name: str = "story") -> Path:
    return scratch() / directory / "uploads" / f"{name}.jsonl"


def _written(data: bytes) -> Path:
    path = _path("mutated")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def check_mutated(data: bytes) -> None:
    """Records or a JournalError; what is read was written, in that order, from the first on."""
    path = _written(data)
    try:
        records, sound_size, _ = read(path)
    except JournalError as exc:
        demand_speech(exc)
        return
    demand(any(records == story[: len(records)] for story in _STORIES), "records that nobody wrote")
    demand(sound_size <= len(data) and data[:sound_size].endswith(b"\n") == (sound_size > 0), "a wrong sound size")
    demand(JournalDirectory(scratch() / "mutated").peek("story") == records, "peek differs from read")


def check_sealed(data: bytes) -> None:
    """Lines of anything, with right seals: records or a JournalError, and these fold or contradict each other."""
    chain, content = 0, b""
    for line in data.split(b"\n"):
        chain = zlib.crc32(line, chain)
        content += line + f',"crc32":"{chain:08x}"}}\n'.encode()
    try:
        records, _, _ = read(_written(content))
    except JournalError as exc:
        demand_speech(exc)
        return
    try:
        fold(records)
    except ValueError:
        return


def check_tail(data: bytes) -> None:
    """A journal cut anywhere, with anything after it but a line's end: repaired, and it can be gone on with."""
    choice, garbage = int.from_bytes(data[:4], "little"), data[4:].replace(b"\n", b"")
    number, cut = choice % len(_STORIES), choice // len(_STORIES)
    whole = _made()[number]
    kept = whole[: cut % (len(whole) + 1)]
    _written(kept + garbage)
    expected = _STORIES[number][: max(kept.count(b"\n") - 1, 0)]
    with Journal(scratch() / "mutated", "story") as journal:
        demand(journal.records == expected, "another beginning than what was written")
        journal.append(_MARK)
        journal.sync()
    demand(read(_path("mutated"))[0] == (*expected, _MARK), "the next record was not written in its place")


def _bodies(content: bytes) -> bytes:
    return b"\n".join(line.rpartition(b',"crc32"')[0] for line in content.splitlines())


def targets() -> tuple[Target, ...]:
    """Those of this module."""
    tokens = (b'"record":"', b"part_stored", b'"number":', b'{"journal":1', b',"crc32":"', b'"}\n', b'"fingerprint":{')
    tails = tuple(bytes([number, 1, 0, 0]) + b'{"record":"created","upload_id"' for number in range(5))
    return (
        Target("journal", check_mutated, _made(), tokens, is_guided=False),
        Target("journal-sealed", check_sealed, tuple(map(_bodies, _made())), tokens),
        Target("journal-tail", check_tail, tails, tokens),
    )
