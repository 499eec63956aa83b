"""CRCs as S3 writes them, and the object's made of its parts'."""

import base64
import typing
import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiktok_upload.checksum import CRC32, CRC32C, CRC64NVME, PROOFS, Crc, Proof, crc_for

CRCS = (CRC32, CRC32C, CRC64NVME)
EVERY_CRC = pytest.mark.parametrize("crc", CRCS, ids=lambda crc: crc.name)
CHECK = b"123456789"  # the string that catalogues of CRCs give a check value for
LONGEST = 50 * 10**12


@st.composite
def data_in_pieces(draw: st.DrawFn) -> list[bytes]:
    data = draw(st.binary(max_size=2_000))
    cuts = draw(st.lists(st.integers(0, len(data)), max_size=6))
    return [data[start:end] for start, end in pairwise([0, *sorted(cuts), len(data)])]


@pytest.mark.parametrize(
    ("crc", "value"),
    [(CRC32, 0xCBF43926), (CRC32C, 0xE3069283), (CRC64NVME, 0xAE8B14860A799888)],
    ids=lambda value: value.name if isinstance(value, Crc) else "",
)
def test_each_crc_has_its_catalogued_check_value(crc: Crc, value: int) -> None:
    assert value == crc.update(CHECK, 0)
    assert base64.b64encode(value.to_bytes(crc.width, "big")).decode() == crc.encode(value)


@EVERY_CRC
def test_nothing_has_the_value_that_a_new_crc_begins_with(crc: Crc) -> None:
    assert crc.update(b"", 0) == 0


@EVERY_CRC
@settings(deadline=None)
@given(pieces=data_in_pieces())
def test_a_crc_taken_piece_by_piece_is_that_of_the_whole(crc: Crc, pieces: list[bytes]) -> None:
    value = 0
    for piece in pieces:
        value = crc.update(memoryview(piece), value)
    assert crc.update(b"".join(pieces), 0) == value


@EVERY_CRC
@settings(deadline=None)
@given(pieces=data_in_pieces())
def test_the_parts_checksums_make_the_objects(crc: Crc, pieces: list[bytes]) -> None:
    parts = [(crc.encode(crc.update(piece, 0)), len(piece)) for piece in pieces]
    assert crc.encode(crc.update(b"".join(pieces), 0)) == crc.of_object(parts)


@EVERY_CRC
def test_the_order_of_parts_matters(crc: Crc) -> None:
    first, second = ((crc.encode(crc.update(data, 0)), len(data)) for data in (b"first part", b"second"))
    assert crc.of_object([first, second]) != crc.of_object([second, first])


@settings(deadline=None)
@given(st.binary(max_size=2_000))
def test_crc32_is_the_one_that_everybody_else_computes(data: bytes) -> None:
    assert zlib.crc32(data) == CRC32.update(data, 0)


@EVERY_CRC
@settings(deadline=None)
@given(data=st.data())
def test_combining_holds_for_sizes_beyond_what_anybody_would_read(crc: Crc, data: st.DataObject) -> None:
    first, second, third = (data.draw(st.integers(0, (1 << 8 * crc.width) - 1)) for _ in range(3))
    size_2, size_3 = (data.draw(st.integers(1, LONGEST)) for _ in range(2))
    leftwards = crc.combine(crc.combine(first, second, size_2), third, size_3)
    rightwards = crc.combine(first, crc.combine(second, third, size_3), size_2 + size_3)
    assert leftwards == rightwards


@EVERY_CRC
@settings(deadline=None)
@given(data=st.data())
def test_what_is_encoded_is_decoded_to_the_same(crc: Crc, data: st.DataObject) -> None:
    value = data.draw(st.integers(0, (1 << 8 * crc.width) - 1))
    assert value == crc.decode(crc.encode(value))


@EVERY_CRC
def test_leading_zero_bytes_are_written(crc: Crc) -> None:
    assert crc.width == len(base64.b64decode(crc.encode(1)))


@EVERY_CRC
@pytest.mark.parametrize(
    "text", ["", "!!!!", "AAA", "AAAA\n", "AAAAAA==-", "é", "AAAAAAAAAAAAAAAA", "composite-2"], ids=ascii
)
def test_what_is_no_checksum_of_this_width_is_refused(crc: Crc, text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        crc.decode(text)


def test_a_checksum_of_another_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="CRC64NVME has 8 bytes, not 4"):
        CRC64NVME.decode(CRC32C.encode(1))
    with pytest.raises(ValueError, match="CRC32C has 4 bytes, not 8"):
        CRC32C.of_object([(CRC64NVME.encode(1), 1)])


@EVERY_CRC
def test_a_value_that_does_not_fit_is_refused(crc: Crc) -> None:
    for value in (-1, 1 << 8 * crc.width):
        with pytest.raises(OverflowError):
            crc.encode(value)


@pytest.mark.parametrize(
    ("proof", "crc"), [("crc64nvme", CRC64NVME), ("crc32c", CRC32C), ("crc32", CRC32), ("md5", CRC64NVME)]
)
def test_each_proof_has_a_crc_that_our_records_keep(proof: Proof, crc: Crc) -> None:
    assert crc is crc_for(proof)


def test_every_proof_can_be_chosen() -> None:
    assert typing.get_args(Proof) == PROOFS


def test_crcs_have_the_names_that_s3_gives_their_fields() -> None:
    assert [crc.field for crc in CRCS] == ["ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME"]
