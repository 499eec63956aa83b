"""A part goes out whole and as announced, or its last piece never does."""

import base64
import hashlib
import io
import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tiktok_upload.answers import Digest
from tiktok_upload.body import ByteCount, RangeBody, blocks, digest_range
from tiktok_upload.checksum import CRC32, CRC32C, CRC64NVME, Crc
from tiktok_upload.errors import SourceChangedError
from tiktok_upload.plan import MIB, Part
from tiktok_upload.source import Source

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX only")

PIECE = 64 << 10
CONTENT = Random(0).randbytes(300_000)
PART = Part(2, 50_001, 200_003)  # three full pieces and a rest
PART_BYTES = CONTENT[PART.offset : PART.offset + PART.size]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "part-0.parquet"
    made.write_bytes(CONTENT)
    return made


@pytest.fixture
def source(path: Path) -> Iterator[Source]:
    with Source(path) as opened:
        yield opened


def open_gate(_size: int) -> None:
    """Nobody waits."""


def announce(content: bytes, crc: Crc = CRC64NVME) -> Digest:
    return Digest(crc.encode(crc.update(content, 0)))


def body_of(
    source: Source,
    part: Part = PART,
    *,
    expected: Digest | None = None,
    gate: Callable[[int], None] = open_gate,
    crc: Crc = CRC64NVME,
) -> RangeBody:
    if expected is None:
        expected = announce(CONTENT[part.offset : part.offset + part.size], crc)
    return RangeBody(source, part, crc, expected=expected, gate=gate, count=ByteCount())


def pieces(body: RangeBody, size: int = -1) -> Iterator[bytes]:
    while piece := body.read(size):
        yield piece


# ------------------------------------------------------------------------------------------------------------ the bytes
@pytest.mark.parametrize("size", [-1, 1_000, 8_192, PIECE, PIECE + 1, 10**9])
@pytest.mark.parametrize("crc", [CRC64NVME, CRC32C, CRC32], ids=lambda crc: crc.name)
def test_a_part_comes_whole_and_exact_in_bounded_pieces(source: Source, crc: Crc, size: int) -> None:
    body = body_of(source, crc=crc)
    read = list(pieces(body, size))
    assert b"".join(read) == PART_BYTES
    assert max(map(len, read)) == (min(size, PIECE) if size > 0 else PIECE)
    assert (body.tell(), body.read(), body.read(size), body.error) == (PART.size, b"", b"", None)


@pytest.mark.parametrize(("offset", "size"), [(0, 1), (299_999, 1), (0, PIECE), (0, PIECE + 1), (0, 300_000)])
def test_a_part_may_lie_anywhere(source: Source, offset: int, size: int) -> None:
    body = body_of(source, Part(1, offset, size))
    assert len(body) == size
    assert b"".join(pieces(body)) == CONTENT[offset : offset + size]


def test_reading_nothing_moves_nothing_and_asks_no_gate(source: Source) -> None:
    asked: list[int] = []
    body = body_of(source, gate=asked.append)
    assert (body.read(0), body.tell(), asked) == (b"", 0, [])
    assert body.read(10) == PART_BYTES[:10]
    assert (body.read(0), body.tell(), asked) == (b"", 10, [10])


@pytest.mark.parametrize("read_before", [0, 1, PIECE, PART.size])
def test_going_back_to_the_start_begins_and_counts_anew(source: Source, read_before: int) -> None:
    count = ByteCount()
    body = RangeBody(source, PART, CRC64NVME, expected=announce(PART_BYTES), gate=open_gate, count=count)
    body.read(read_before)
    for _ in range(2):
        assert (body.seek(0), body.tell(), count.value) == (0, 0, 0)
        assert b"".join(pieces(body)) == PART_BYTES
        assert count.value == PART.size


def test_the_count_follows_every_piece(source: Source) -> None:
    count = ByteCount()
    body = RangeBody(source, PART, CRC64NVME, expected=announce(PART_BYTES), gate=open_gate, count=count)
    sent = 0
    for piece in pieces(body):
        sent += len(piece)
        assert count.value == body.tell() == sent


def test_a_body_stays_where_it_is_or_goes_to_its_start_and_nowhere_else(source: Source) -> None:
    body = body_of(source)
    body.read(100)
    assert body.seek(100) == body.seek(0, io.SEEK_CUR) == body.seek(100 - PART.size, io.SEEK_END) == 100
    for offset, whence in ((99, io.SEEK_SET), (1, io.SEEK_CUR), (0, io.SEEK_END), (-1, io.SEEK_SET)):
        with pytest.raises(io.UnsupportedOperation):
            body.seek(offset, whence)
    assert b"".join(pieces(body)) == PART_BYTES[100:]
    assert body.seek(0, io.SEEK_END) == PART.size
    assert body.seek(-PART.size, io.SEEK_END) == body.tell() == 0


# ------------------------------------------------------------------------------------------------------------- the gate
def test_the_gate_is_asked_for_each_piece_before_it_is_read(source: Source) -> None:
    asked: list[tuple[int, int]] = []
    body = body_of(source, gate=lambda size: asked.append((body.tell(), size)))
    assert b"".join(pieces(body)) == PART_BYTES
    rest = PART.size - 3 * PIECE
    assert asked == [(0, PIECE), (PIECE, PIECE), (2 * PIECE, PIECE), (3 * PIECE, rest)]


class LeaveError(Exception):
    """The gate's."""


@pytest.mark.parametrize("closed_at", [1, 2, 4])
def test_a_gate_may_end_it_and_the_error_is_kept_for_whoever_finds_it_wrapped(source: Source, closed_at: int) -> None:
    asked: list[int] = []

    def gate(size: int) -> None:
        asked.append(size)
        if len(asked) == closed_at:
            raise LeaveError

    body, handed_out = body_of(source, gate=gate), bytearray()
    with pytest.raises(LeaveError) as caught:
        handed_out.extend(b"".join(pieces_into(body, handed_out)))
    assert body.error is caught.value
    assert handed_out == PART_BYTES[: (closed_at - 1) * PIECE]
    assert body.tell() == len(handed_out)
    body.seek(0)
    assert b"".join(pieces(body)) == PART_BYTES


def pieces_into(body: RangeBody, handed_out: bytearray) -> Iterator[bytes]:
    """What a store would have been sent, even if a later piece fails."""
    for piece in pieces(body):
        handed_out += piece
        yield b""


# -------------------------------------------------------------------------------------------------------- mixed content
def sent_before_the_refusal(body: RangeBody, between: Callable[[], None] = lambda: None) -> bytes:
    """What goes out of a body whose file changes after the first piece, and that the rest never does."""
    handed_out = bytearray(body.read(1_000))
    between()
    with pytest.raises(SourceChangedError) as caught:
        handed_out.extend(b"".join(pieces_into(body, handed_out)))
    assert body.error is caught.value
    assert (caught.value.exit_code, caught.value.kept) == (4, "no object was made of the mixed content")
    return bytes(handed_out)


@pytest.mark.parametrize("position", [0, PIECE, PART.size - 1])
def test_the_last_piece_is_held_back_from_bytes_that_were_not_announced(source: Source, position: int) -> None:
    announced = bytearray(PART_BYTES)
    announced[position] ^= 1
    body = body_of(source, expected=announce(bytes(announced)))
    handed_out = sent_before_the_refusal(body)
    assert len(handed_out) < PART.size
    assert PART_BYTES.startswith(handed_out)
    assert body.tell() == len(handed_out)


@pytest.mark.parametrize("size", [1, PIECE])
def test_of_a_part_of_one_piece_nothing_goes_out_unless_it_is_as_announced(source: Source, size: int) -> None:
    body = body_of(source, Part(1, 0, size), expected=announce(b"else"))
    for _ in range(3):
        with pytest.raises(SourceChangedError):
            body.read()
        assert body.tell() == 0


def test_a_refused_last_piece_stays_refused_however_often_it_is_asked_for(source: Source) -> None:
    body = body_of(source, expected=announce(b"else"))
    handed_out = sent_before_the_refusal(body)
    for size in (1, 10, -1, 1):
        with pytest.raises(SourceChangedError):
            handed_out += b"".join(pieces(body, size))
        assert body.tell() < PART.size
    body.seek(0)
    assert sent_before_the_refusal(body) != PART_BYTES


def _rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(CONTENT.swapcase())
    os.utime(path, ns=(1, 1))


def _touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def _cut(path: Path) -> None:
    os.truncate(path, PART.offset + PART.size - 1)


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _replace(path: Path) -> None:
    copy = path.with_name("copy")
    copy.write_bytes(CONTENT)
    copy.replace(path)


@pytest.mark.parametrize("change", [_rewrite, _touch, _cut, _grow, pytest.param(_replace, marks=posix)])
def test_the_last_piece_is_held_back_when_the_file_was_changed_meanwhile(
    path: Path, source: Source, change: Callable[[Path], None]
) -> None:
    body = body_of(source)
    handed_out = sent_before_the_refusal(body, lambda: change(path))
    assert len(handed_out) < PART.size


def test_what_was_announced_of_the_old_content_never_lets_the_new_one_out(path: Path) -> None:
    with Source(path) as source:
        announced = digest_range(source, PART, CRC64NVME, with_md5=False, check=lambda: None)
    _rewrite(path)
    with Source(path) as source:  # its marks are the new content's: only the checksum tells
        assert len(sent_before_the_refusal(body_of(source, expected=announced))) < PART.size


# ------------------------------------------------------------------------------------------------------------ digesting
@pytest.mark.parametrize(
    ("crc", "value"), [(CRC32, "cbf43926"), (CRC32C, "e3069283"), (CRC64NVME, "ae8b14860a799888")], ids=lambda _: ""
)
def test_a_range_is_digested_as_the_catalogue_of_crcs_says(tmp_path: Path, crc: Crc, value: str) -> None:
    (tmp_path / "file").write_bytes(b"...123456789...")
    with Source(tmp_path / "file") as source:
        digest = digest_range(source, Part(1, 3, 9), crc, with_md5=True, check=lambda: None)
    md5 = hashlib.md5(b"123456789", usedforsecurity=False).digest()
    assert digest == Digest(base64.b64encode(bytes.fromhex(value)).decode(), base64.b64encode(md5).decode())


@pytest.mark.parametrize("size", [1, MIB - 1, MIB, MIB + 1, 3 * MIB])
def test_a_range_of_any_size_is_digested_in_blocks_as_in_one(tmp_path: Path, size: int) -> None:
    content = Random(size).randbytes(size)
    (tmp_path / "file").write_bytes(b"before" + content + b"after")
    part, checks = Part(1, 6, size), ByteCount()

    def check() -> None:
        checks.value += 1

    with Source(tmp_path / "file") as source:
        digest = digest_range(source, part, CRC64NVME, with_md5=True, check=check)
        assert digest_range(source, part, CRC64NVME, with_md5=False, check=check).md5 is None
        read = [bytes(block) for block in blocks(source, part)]
    assert digest.checksum == announce(content).checksum
    assert digest.md5 == base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    assert b"".join(read) == content
    assert [len(block) for block in read[:-1]] == [MIB] * (len(read) - 1)
    assert 1 <= len(read[-1]) <= MIB
    assert checks.value == 2 * len(read)


def test_a_stop_is_heard_between_two_blocks(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(3 * MIB))
    checks: list[int] = []

    def check() -> None:
        checks.append(len(checks))
        if len(checks) == 2:
            raise LeaveError

    with Source(tmp_path / "file") as source, pytest.raises(LeaveError):
        digest_range(source, Part(1, 0, 3 * MIB), CRC32, with_md5=False, check=check)
    assert len(checks) == 2


@pytest.mark.parametrize("with_md5", [False, True])
def test_a_file_that_became_shorter_has_no_digest(path: Path, source: Source, *, with_md5: bool) -> None:
    _cut(path)
    with pytest.raises(SourceChangedError, match="it became shorter"):
        digest_range(source, PART, CRC64NVME, with_md5=with_md5, check=lambda: None)


def test_a_part_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    part = Part(1, 0, 64 * MIB)
    with (tmp_path / "file").open("wb") as file:
        file.truncate(part.size)
    with Source(tmp_path / "file") as source:
        tracemalloc.start()
        try:
            digest = digest_range(source, part, CRC64NVME, with_md5=True, check=lambda: None)
            body = body_of(source, part, expected=digest)
            sent = sum(len(piece) for piece in pieces(body))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert sent == part.size
    assert peak < 8 * MIB
