"""The local file is read whole or not at all, and whatever happens to it meanwhile is noticed."""

import errno
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from tiktok_upload import portable
from tiktok_upload.errors import SourceChangedError, SourceError
from tiktok_upload.source import Source

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX only")
any_bytes = pytest.mark.skipif(sys.platform == "darwin", reason="macOS takes only UTF-8")

FOOTER = b"what a parquet writer says of its columns"
MTIME_NS = 1_700_000_000_000_000_000


def parquet(data: bytes, footer: bytes = FOOTER, *, claimed: int | None = None) -> bytes:
    """Bytes in the shape of a parquet file; its footer's length may lie."""
    length = len(footer) if claimed is None else claimed
    return b"PAR1" + data + footer + length.to_bytes(4, "little") + b"PAR1"


@pytest.fixture(params=["posix", "portable"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to read."""
    if request.param == "portable":
        monkeypatch.setattr(portable, "POSIX", False)
    elif not portable.POSIX:
        pytest.skip("POSIX only")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "part-0.parquet"
    made.write_bytes(parquet(b"some rows"))
    os.utime(made, ns=(MTIME_NS, MTIME_NS))
    return made


def digest_of(path: Path) -> str:
    with Source(path) as source:
        return source.fingerprint.footer_sha256


# ---------------------------------------------------------------------------------------------------------- fingerprint
@pytest.mark.usefixtures("ways")
def test_the_fingerprint_is_what_the_file_system_says_and_the_footers_digest(path: Path) -> None:
    status = path.stat()
    with Source(path) as source:
        found = source.fingerprint
    assert (found.size_bytes, found.mtime_ns, found.ctime_ns, found.inode) == (
        status.st_size,
        MTIME_NS,
        status.st_ctime_ns,
        status.st_ino,
    )
    ending = FOOTER + len(FOOTER).to_bytes(4, "little") + b"PAR1"
    assert found.footer_sha256 == hashlib.sha256(ending).hexdigest()


def test_the_fingerprint_is_the_same_each_time_and_under_each_name(path: Path) -> None:
    with Source(path) as first, Source(path.parent / "." / path.name) as second:
        assert first.fingerprint == second.fingerprint


def test_another_time_of_writing_is_another_fingerprint_of_what_may_be_the_same_content(path: Path) -> None:
    with Source(path) as source:
        before = source.fingerprint
    os.utime(path, ns=(MTIME_NS, MTIME_NS + 1_000))
    with Source(path) as source:
        assert source.fingerprint != before
        assert source.fingerprint.may_be_same_content(before)


def test_a_copy_in_its_place_is_another_fingerprint_of_what_may_be_the_same_content(path: Path) -> None:
    with Source(path) as source:
        before = source.fingerprint
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    os.utime(copy, ns=(MTIME_NS, MTIME_NS))
    copy.replace(path)
    with Source(path) as source:
        assert source.fingerprint.inode != before.inode
        assert source.fingerprint.mtime_ns == before.mtime_ns
        assert source.fingerprint.may_be_same_content(before)


@pytest.mark.parametrize("content", [parquet(b"more rows than before"), parquet(b"some rows", FOOTER.upper())])
def test_another_size_or_footer_cannot_be_the_same_content(path: Path, content: bytes) -> None:
    with Source(path) as source:
        before = source.fingerprint
    path.write_bytes(content)
    os.utime(path, ns=(MTIME_NS, MTIME_NS))
    with Source(path) as source:
        assert not source.fingerprint.may_be_same_content(before)


@posix
def test_a_rewritten_file_whose_time_was_set_back_has_another_fingerprint(path: Path) -> None:
    with Source(path) as source:
        before = source.fingerprint
    _rewrite_with_the_same_mtime(path)
    with Source(path) as source:
        assert source.fingerprint.mtime_ns == before.mtime_ns
        assert source.fingerprint != before


def _rewrite_with_the_same_mtime(path: Path) -> None:
    """Until the file system's clock has ticked: it is as coarse as 10 ms."""
    first, content = path.stat().st_ctime_ns, path.read_bytes()
    for _ in range(1_000_000):
        with path.open("r+b") as file:
            file.write(content)
        os.utime(path, ns=(MTIME_NS, MTIME_NS))
        if path.stat().st_ctime_ns != first:
            return
    pytest.fail("the file system's clock stands still")


@pytest.mark.parametrize("size", [0, 1, 7, 8, 11, 12, 65_535, 65_536])
def test_a_small_file_that_is_no_parquet_file_is_digested_whole(path: Path, size: int) -> None:
    content = Random(size).randbytes(size)
    path.write_bytes(content)
    assert digest_of(path) == hashlib.sha256(content).hexdigest()


def test_of_a_large_file_that_is_no_parquet_file_the_last_64_kib_are_digested(path: Path) -> None:
    content = Random(1).randbytes(200_000)
    path.write_bytes(content)
    assert digest_of(path) == hashlib.sha256(content[-65_536:]).hexdigest()


def test_a_footer_of_several_mib_is_digested_whole(path: Path) -> None:
    footer = Random(2).randbytes((2 << 20) + 12_345)
    path.write_bytes(parquet(b"some rows", footer))
    assert digest_of(path) == hashlib.sha256(footer + len(footer).to_bytes(4, "little") + b"PAR1").hexdigest()


@pytest.mark.parametrize("beyond", [-1, 0, 1, 2, 3, 4, 5, 1 << 20, (1 << 32) - 1])
def test_a_footer_that_lies_about_its_length_makes_nobody_read_outside_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, beyond: int
) -> None:
    body = b"rows" * 20_000
    # With `beyond` 0 the footer would begin with the first byte after the magic.
    claimed = min(len(body) + beyond, (1 << 32) - 1)
    content = parquet(body, b"", claimed=claimed)
    path.write_bytes(content)
    ranges: list[tuple[int, int]] = []
    read_at = portable.read_at

    def watched(descriptor: int, buffer: memoryview, offset: int) -> int:
        ranges.append((offset, offset + len(buffer)))
        return read_at(descriptor, buffer, offset)

    monkeypatch.setattr(portable, "read_at", watched)
    digest = digest_of(path)
    assert all(0 <= start < end <= len(content) for start, end in ranges)
    digested = content[-8 - claimed :] if beyond <= 0 else content[-65_536:]
    assert digest == hashlib.sha256(digested).hexdigest()


def test_an_empty_footer_is_its_length_and_magic(path: Path) -> None:
    path.write_bytes(parquet(b"some rows", b""))
    assert digest_of(path) == hashlib.sha256(bytes(4) + b"PAR1").hexdigest()


# -------------------------------------------------------------------------------------------------------------- opening
def refusal(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        Source(path)
    assert caught.value.exit_code == 4
    return caught.value


def test_a_missing_file_has_a_code_of_its_own_and_its_name_is_escaped(tmp_path: Path) -> None:
    error = refusal(tmp_path / "no\u202esuch")
    assert error.name == "no_such_file"
    assert error.message == f"there is no file {tmp_path}{os.sep}no\\u202esuch"
    assert error.hint == "check the path"


@pytest.mark.parametrize("name", ["part-0.parquet/below", "x" * 300, "zero\0byte"], ids=["file", "long", "zero"])
def test_a_path_that_can_name_no_file_is_refused(path: Path, name: str) -> None:
    refusal(path.parent / name)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path)


@posix
@pytest.mark.parametrize("kind", ["directory", "fifo", "missing", "unreadable"])
def test_a_refused_path_leaves_nothing_open(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / kind
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "unreadable":
        path.write_bytes(b"some rows")
        monkeypatch.setattr(portable, "read_at", _io_error)
    lowest_free = _lowest_free_descriptor()
    error = refusal(path)
    assert _lowest_free_descriptor() == lowest_free, error


def _lowest_free_descriptor() -> int:
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def _io_error(_descriptor: int, _buffer: memoryview, _offset: int) -> int:
    raise OSError(errno.EIO, "Input/output error")


@posix
@pytest.mark.usefixtures("ways")
def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.parquet")
    assert "is no regular file" in refusal(tmp_path / "fifo.parquet").message


@posix
def test_a_device_is_refused() -> None:
    assert "is no regular file" in refusal(Path(os.devnull)).message


@posix
@pytest.mark.parametrize("name", [b"with space", b"line\nfeed", pytest.param(b"latin-\xff", marks=any_bytes), b"-n"])
def test_any_name_will_do(path: Path, name: bytes) -> None:
    renamed = path.with_name(os.fsdecode(name))
    path.rename(renamed)
    with Source(renamed) as source:
        source.check_unchanged()


def test_leaving_closes_the_file(path: Path) -> None:
    with Source(path) as source:
        assert source.path == path
    assert source._file.closed


# -------------------------------------------------------------------------------------------------------------- reading
def read(source: Source, offset: int, size: int) -> bytes:
    buffer = bytearray(size)
    source.read_at(memoryview(buffer), offset)
    return bytes(buffer)


@pytest.mark.usefixtures("ways")
def test_threads_that_read_at_once_get_their_own_bytes(path: Path) -> None:
    content = Random(3).randbytes(1 << 20)
    path.write_bytes(content)
    together = threading.Barrier(8)

    def work(seed: int) -> bool:
        random = Random(seed)
        together.wait()
        ranges = [(random.randrange(len(content)), random.randrange(1, 5_000)) for _ in range(300)]
        clipped = [(offset, min(size, len(content) - offset)) for offset, size in ranges]
        return all(read(source, offset, size) == content[offset : offset + size] for offset, size in clipped)

    with Source(path) as source, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [True] * 8


@pytest.mark.usefixtures("ways")
def test_a_system_that_gives_a_few_bytes_at_a_time_is_asked_until_the_buffer_is_full(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_at = portable.read_at
    monkeypatch.setattr(portable, "read_at", lambda file, buffer, offset: read_at(file, buffer[:7], offset))
    content = path.read_bytes()
    with Source(path) as source:
        assert read(source, 1, len(content) - 1) == content[1:]


def test_nothing_is_read_for_an_empty_buffer(path: Path) -> None:
    with Source(path) as source:
        assert read(source, 10**9, 0) == b""


@pytest.mark.usefixtures("ways")
def test_a_file_that_became_shorter_is_an_error_not_a_short_read(path: Path) -> None:
    content = path.read_bytes()
    with Source(path) as source:
        os.truncate(path, 10)
        assert read(source, 0, 10) == content[:10]
        for offset, size in ((0, 11), (9, 2), (10, 1), (len(content) - 1, 1)):
            with pytest.raises(SourceChangedError, match="it became shorter") as caught:
                read(source, offset, size)
            assert (caught.value.exit_code, caught.value.resumable) == (4, True)


def test_a_disk_that_fails_is_an_error_that_names_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Source(path) as source:
        monkeypatch.setattr(portable, "read_at", _io_error)
        with pytest.raises(SourceError, match=r"part-0\.parquet cannot be read: Input/output error"):
            read(source, 0, 1)


# -------------------------------------------------------------------------------------------------------------- changes
def test_a_file_that_nobody_touched_is_unchanged(path: Path) -> None:
    with Source(path) as source:
        read(source, 0, 10)
        path.read_bytes()
        source.check_unchanged()


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _shrink(path: Path) -> None:
    os.truncate(path, 10)


def _rewrite(path: Path) -> None:
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.write(content.swapcase())
    os.utime(path, ns=(MTIME_NS, MTIME_NS + 1_000))


@pytest.mark.parametrize("touch", [_grow, _shrink, _rewrite, pytest.param(_rewrite_with_the_same_mtime, marks=posix)])
def test_a_file_that_something_wrote_to_has_changed(path: Path, touch: Callable[[Path], None]) -> None:
    with Source(path) as source:
        touch(path)
        with pytest.raises(SourceChangedError, match="something writes to it") as caught:
            source.check_unchanged()
    assert caught.value.exit_code == 4
    assert caught.value.kept == "no object was made of the mixed content"


@posix
def test_a_file_that_was_replaced_by_another_has_changed_even_if_it_is_a_copy(path: Path) -> None:
    content = path.read_bytes()
    copy = path.with_name("copy")
    copy.write_bytes(content)
    os.utime(copy, ns=(MTIME_NS, MTIME_NS))
    with Source(path) as source:
        copy.replace(path)
        with pytest.raises(SourceChangedError):
            source.check_unchanged()
        assert read(source, 0, len(content)) == content  # the one that was opened is still read


@posix
def test_a_path_that_names_another_file_now_has_changed(path: Path) -> None:
    link, other = path.with_name("link"), path.with_name("other")
    other.write_bytes(path.read_bytes())
    link.symlink_to(path)
    with Source(link) as source:
        source.check_unchanged()
        link.unlink()
        link.symlink_to(other)
        with pytest.raises(SourceChangedError, match="another file was put in its place"):
            source.check_unchanged()


@posix
def test_a_file_that_was_removed_is_missing(path: Path) -> None:
    with Source(path) as source:
        path.unlink()
        with pytest.raises(SourceError) as caught:
            source.check_unchanged()
    assert caught.value.name == "no_such_file"
