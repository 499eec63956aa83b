"""What every store keeps of `answers.Store`: the one in memory, and S3Store against servers."""

import contextlib
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from tests.support import servers
from tests.support.memory_store import BytesBody, MemoryStore, digest_of
from tests.support.servers import BLIND_TO, Duty, Server

from tiktok_upload.answers import Absence, Digest, ListedPart, NoListing, ObjectAnswer, ObjectSeen, Store
from tiktok_upload.checksum import Proof, crc_for
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.settings import Connection, ObjectOptions
from tiktok_upload.store import Clients, S3Store

MIN_PART = 1024
FIRST, LAST = b"a" * MIN_PART, b"the end"
KEY = "incoming/dt=2026-11-23/part-0.parquet"
OTHER = digest_of(b"something else")
PAGE = 3  # parts; servers have 1,000, which would take a thousand requests to fill


class Named(NamedTuple):
    """A part as Complete names it."""

    number: int
    etag: str
    checksum: str


@dataclass(frozen=True)
class Place:
    """A fresh bucket, a store that uses it, one whose bucket is not there, and what really lies in it."""

    server: str
    proof: Proof
    store: Store
    absent: Store
    stored: Callable[[str], bytes | None]

    def must(self, duty: Duty) -> None:
        """Leave the test where the server is known not to do that."""
        if duty in BLIND_TO[self.server]:
            pytest.skip(f"{self.server}: {BLIND_TO[self.server][duty]}")

    def digest(self, data: bytes) -> Digest:
        return digest_of(data, self.proof)

    def put(
        self,
        data: bytes = b"content",
        key: str = KEY,
        *,
        overwrite: bool = False,
        metadata: dict[str, str] | None = None,
    ) -> ObjectAnswer:
        body, digest = BytesBody(data), self.digest(data)
        return self.store.put_object(key, body, digest, metadata=metadata or {}, overwrite=overwrite)

    def send(self, upload_id: str, number: int, data: bytes, key: str = KEY) -> Named:
        digest = self.digest(data)
        answer = self.store.put_part(key, upload_id, number, BytesBody(data), digest)
        return Named(number, answer.etag, digest.checksum)

    def create_with(self, *bodies: bytes, metadata: dict[str, str] | None = None) -> tuple[str, list[Named]]:
        """An upload with these parts from number 1."""
        upload_id = self.store.create(KEY, metadata=metadata or {}).upload_id
        return upload_id, [self.send(upload_id, number, data) for number, data in enumerate(bodies, 1)]

    def complete(self, upload_id: str, parts: list[Named], data: bytes, *, overwrite: bool = False) -> ObjectAnswer:
        """Complete with the truth about the object."""
        checksum = self.digest(data).checksum
        return self.store.complete(KEY, upload_id, parts, checksum=checksum, size=len(data), overwrite=overwrite)

    def seen(self, key: str = KEY) -> ObjectSeen:
        found = self.store.head(key)
        assert isinstance(found, ObjectSeen)
        return found


Opens = Callable[[Proof], Place]


STORES = ["memory", "hostile", "moto", "rclone", *(["localstack"] if servers.LOCALSTACK in os.environ else [])]


@pytest.fixture(scope="module", params=STORES)
def opens(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opens]:
    """Makes a place of its own for each test."""
    if request.param == "memory":
        yield _in_memory
        return
    root = tmp_path_factory.mktemp(request.param)
    running = {
        "hostile": lambda: servers.hostile_server(root, min_part_size=MIN_PART),
        "moto": lambda: servers.moto_server(min_part_size=MIN_PART),
        "rclone": lambda: servers.rclone_server(root),
        "localstack": servers.localstack_server,
    }
    with running[request.param]() as server, pytest.MonkeyPatch.context() as patch:
        servers.use(patch, server)
        connection = Connection(endpoint_url=server.endpoint, addressing="path")
        clients = Clients(connection, stall_s=30.0, connections=8, version="0")
        with contextlib.closing(clients):
            events: Any = clients.quick.meta.events
            events.register("provide-client-params.s3.ListParts", _ask_for_small_pages)
            names = (f"bucket-{number}" for number in itertools.count())
            yield lambda proof: _on(server, clients, next(names), proof)


def _ask_for_small_pages(params: dict[str, Any], **_: object) -> dict[str, Any]:
    return {**params, "MaxParts": PAGE}


def _in_memory(proof: Proof) -> Place:
    store = MemoryStore(proof=proof, min_part_size=MIN_PART)
    absent = MemoryStore(proof=proof, has_bucket=False)
    return Place("memory", proof, store, absent, lambda key: getattr(store.objects.get(key), "data", None))


def _on(server: Server, clients: Clients, bucket: str, proof: Proof) -> Place:
    server.make_bucket(bucket)
    store = S3Store(clients, bucket, proof=proof, options=ObjectOptions())
    absent = S3Store(clients, "no-such-bucket", proof=proof, options=ObjectOptions())
    return Place(server.name, proof, store, absent, lambda key: server.look(bucket, key))


@pytest.fixture
def place(opens: Opens) -> Place:
    return opens("crc64nvme")


@contextlib.contextmanager
def fault(*kinds: Kind) -> Iterator[None]:
    with pytest.raises(StoreFault) as caught:
        yield
    assert caught.value.kind in kinds, caught.value


# Objects of one body


@pytest.mark.parametrize("size", [0, 1, 300_001])
def test_an_object_is_the_bytes_that_were_sent(place: Place, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    place.put(data)
    assert (place.stored(KEY), place.seen().size) == (data, size)


def test_head_shows_the_etag_that_put_answered_and_goes_on_showing_it(place: Place) -> None:
    answer = place.put()
    assert answer.etag == place.seen().etag == place.seen().etag


def test_an_etag_follows_the_content(place: Place) -> None:
    assert place.put(b"one", "one").etag == place.put(b"one", "two").etag != place.put(b"three", "three").etag


def test_metadata_come_back_with_names_in_lower_case(place: Place) -> None:
    place.put(metadata={"tu-nonce": "5f2b", "Source": "a b, c=d"})
    assert place.seen().metadata == {"tu-nonce": "5f2b", "source": "a b, c=d"}


def test_metadata_may_be_none(place: Place) -> None:
    place.put()
    assert place.seen().metadata == {}


@pytest.mark.parametrize(
    "key",
    [
        "dt=2026-11-23/part-0.parquet",
        "with space.parquet",
        " both ends ",
        "a+b",
        "50%.parquet",
        "%41%2F",
        "what?.parquet",
        "a#b",
        "a&b=c;d",
        "größe/日本語/🙂.parquet",
        "e\u0301 and \u00e9",
        "quote'\"`<tag>$(x)[0]{1}|~^@!,:\\",
        "a/very/deep/path/to/a/file",
        "tab\tbed",
        "line\nfeed",
        "k" * 200,
    ],
)
def test_any_name_is_kept_as_it_is(place: Place, key: str) -> None:
    if "\n" in key:
        place.must(Duty.LINE_FEED_IN_KEY)
    place.put(key.encode(), key)
    upload_id = place.store.create(f"{key}.2", metadata={}).upload_id
    part = place.send(upload_id, 1, b"x", f"{key}.2")
    assert isinstance(place.store.list_parts(f"{key}.2", upload_id), tuple)
    place.store.complete(f"{key}.2", upload_id, [part], checksum=part.checksum, size=1, overwrite=False)
    assert (place.stored(key), place.stored(f"{key}.2")) == (key.encode(), b"x")
    assert (place.seen(key).size, place.seen(f"{key}.2").size) == (len(key.encode()), 1)


def test_the_verified_checksum_is_answered_and_shown(place: Place) -> None:
    place.must(Duty.CRC_IN_ANSWER)
    answer = place.put(b"content")
    expected = place.digest(b"content").checksum
    assert (answer.checksum, place.seen().checksums) == (expected, {"ChecksumCRC64NVME": expected})


def test_a_key_that_was_never_written_is_absent(place: Place) -> None:
    assert place.store.head("never") is Absence.ABSENT


def test_an_object_is_not_replaced_unless_that_is_asked_for(place: Place) -> None:
    place.must(Duty.CONDITION)
    place.put(b"first")
    with fault(Kind.PRECONDITION):
        place.put(b"second")
    assert place.stored(KEY) == b"first"


def test_an_object_is_replaced_where_that_is_asked_for(place: Place) -> None:
    place.put(b"first", metadata={"note": "1"})
    place.put(b"second", metadata={"note": "2"}, overwrite=True)
    assert (place.stored(KEY), place.seen().metadata) == (b"second", {"note": "2"})


def test_overwrite_needs_no_object_to_be_there(place: Place) -> None:
    place.put(b"first", overwrite=True)
    assert place.stored(KEY) == b"first"


def test_a_body_that_was_damaged_on_its_way_makes_no_object(place: Place) -> None:
    place.must(Duty.CRC_OF_BODY)
    with fault(Kind.TRANSIENT):
        place.store.put_object(KEY, BytesBody(b"content"), OTHER, metadata={}, overwrite=False)
    assert place.stored(KEY) is None


# Multipart uploads


def test_an_object_is_made_of_its_parts_in_their_order(place: Place) -> None:
    upload_id, parts = place.create_with(FIRST, FIRST[:-1] + b"b", LAST, metadata={"Tu-Nonce": "5f2b"})
    assert place.stored(KEY) is None
    place.complete(upload_id, parts, FIRST + FIRST[:-1] + b"b" + LAST)
    assert place.stored(KEY) == FIRST + FIRST[:-1] + b"b" + LAST
    assert (place.seen().size, place.seen().metadata) == (2 * MIN_PART + len(LAST), {"tu-nonce": "5f2b"})


def test_parts_may_come_in_any_order_and_at_once(place: Place) -> None:
    bodies = [bytes([number]) * MIN_PART for number in range(1, 13)]
    upload_id = place.store.create(KEY, metadata={}).upload_id
    together = threading.Barrier(4)

    def send(numbers: range) -> list[Named]:
        together.wait()
        return [place.send(upload_id, number, bodies[number - 1]) for number in numbers]

    with ThreadPoolExecutor(4) as pool:
        sent = pool.map(send, [range(10, 13), range(7, 10), range(4, 7), range(1, 4)])
        parts = sorted(itertools.chain.from_iterable(sent))
    place.complete(upload_id, parts, b"".join(bodies))
    assert place.stored(KEY) == b"".join(bodies)


def test_numbers_may_have_gaps(place: Place) -> None:
    place.must(Duty.PART_GAPS)
    upload_id = place.store.create(KEY, metadata={}).upload_id
    parts = [place.send(upload_id, 2, FIRST), place.send(upload_id, 7, LAST)]
    place.complete(upload_id, parts, FIRST + LAST)
    assert place.stored(KEY) == FIRST + LAST


def test_head_shows_the_etag_that_complete_answered_and_goes_on_showing_it(place: Place) -> None:
    place.must(Duty.ETAG_OF_COMPLETE)
    upload_id, parts = place.create_with(FIRST, LAST)
    answer = place.complete(upload_id, parts, FIRST + LAST)
    assert answer.etag == place.seen().etag == place.seen().etag
    assert answer.etag.endswith('-2"')


def test_the_verified_checksum_of_a_part_is_answered(place: Place) -> None:
    place.must(Duty.CRC_IN_ANSWER)
    upload_id = place.store.create(KEY, metadata={}).upload_id
    answer = place.store.put_part(KEY, upload_id, 1, BytesBody(LAST), place.digest(LAST))
    assert answer.checksum == place.digest(LAST).checksum


def test_the_verified_checksum_of_the_whole_is_answered_and_shown(place: Place) -> None:
    place.must(Duty.CRC_IN_ANSWER)
    upload_id, parts = place.create_with(FIRST, LAST)
    answer = place.complete(upload_id, parts, FIRST + LAST)
    expected = place.digest(FIRST + LAST).checksum
    assert (answer.checksum, place.seen().checksums) == (expected, {"ChecksumCRC64NVME": expected})


def test_a_new_upload_lists_no_parts(place: Place) -> None:
    assert place.store.list_parts(KEY, place.store.create(KEY, metadata={}).upload_id) == ()


def test_parts_are_listed_in_order_with_what_was_answered(place: Place) -> None:
    upload_id = place.store.create(KEY, metadata={}).upload_id
    second, first = place.send(upload_id, 2, LAST), place.send(upload_id, 1, FIRST)
    listing = place.store.list_parts(KEY, upload_id)
    assert isinstance(listing, tuple)
    assert [(part.number, part.size, part.etag) for part in listing] == [
        (1, len(FIRST), first.etag),
        (2, len(LAST), second.etag),
    ]


def test_the_listing_shows_the_parts_checksums(place: Place) -> None:
    place.must(Duty.CRC_IN_LISTING)
    upload_id, [part] = place.create_with(LAST)
    assert place.store.list_parts(KEY, upload_id) == (ListedPart(1, len(LAST), part.etag, part.checksum),)


@pytest.mark.parametrize("count", [PAGE, PAGE + 1, 2 * PAGE, 3 * PAGE - 1])
def test_each_part_is_listed_once_over_all_pages(place: Place, count: int) -> None:
    upload_id, _ = place.create_with(*[b"x"] * count)
    listing = place.store.list_parts(KEY, upload_id)
    assert isinstance(listing, tuple)
    assert [part.number for part in listing] == list(range(1, count + 1))


def test_the_same_part_may_be_sent_again(place: Place) -> None:
    upload_id, [part] = place.create_with(LAST)
    assert place.send(upload_id, 1, LAST).etag == part.etag
    place.complete(upload_id, [part], LAST)
    assert place.stored(KEY) == LAST


def test_a_part_sent_again_replaces_the_one_of_its_number(place: Place) -> None:
    place.must(Duty.PART_REPLACED)
    upload_id, _ = place.create_with(b"was wrong and is longer")
    part = place.send(upload_id, 1, LAST)
    listing = place.store.list_parts(KEY, upload_id)
    assert isinstance(listing, tuple)
    assert [(listed.size, listed.etag) for listed in listing] == [(len(LAST), part.etag)]
    place.complete(upload_id, [part], LAST)
    assert place.stored(KEY) == LAST


def test_two_uploads_of_one_key_know_nothing_of_each_other(place: Place) -> None:
    mine, [part] = place.create_with(LAST)
    theirs, _ = place.create_with(FIRST)
    place.store.abort(KEY, theirs)
    place.complete(mine, [part], LAST)
    assert place.stored(KEY) == LAST


def test_an_upload_belongs_to_its_key(place: Place) -> None:
    place.must(Duty.KEY_OF_UPLOAD)
    upload_id, _ = place.create_with(LAST)
    assert place.store.list_parts("another", upload_id) is NoListing.GONE
    with fault(Kind.NO_SUCH_UPLOAD):
        place.send(upload_id, 2, LAST, "another")


# Refusals of Complete


def test_complete_refuses_a_part_that_the_store_has_not(place: Place) -> None:
    upload_id, [part] = place.create_with(FIRST)
    with fault(Kind.INVALID_PART):
        place.complete(upload_id, [part, part._replace(number=2)], FIRST + FIRST)
    assert place.stored(KEY) is None


def test_complete_refuses_a_part_that_is_another_than_the_one_named(place: Place) -> None:
    upload_id, [part] = place.create_with(LAST)
    with fault(Kind.INVALID_PART):
        place.complete(upload_id, [part._replace(etag=f'"{"0" * 32}"')], LAST)
    assert place.stored(KEY) is None


def test_complete_refuses_a_part_with_another_checksum_than_the_one_named(place: Place) -> None:
    place.must(Duty.CRC_OF_WHOLE)
    upload_id, [part] = place.create_with(LAST)
    with fault(Kind.INVALID_PART):
        place.complete(upload_id, [part._replace(checksum=OTHER.checksum)], LAST)


def test_complete_refuses_parts_out_of_order(place: Place) -> None:
    place.must(Duty.PART_ORDER)
    upload_id, parts = place.create_with(FIRST, FIRST)
    with fault(Kind.INVALID_PART):
        place.complete(upload_id, parts[::-1], FIRST + FIRST)


def test_complete_refuses_a_whole_with_another_checksum(place: Place) -> None:
    place.must(Duty.CRC_OF_WHOLE)
    upload_id, parts = place.create_with(FIRST, LAST)
    size = len(FIRST + LAST)
    with fault(Kind.WRONG_CONTENT):
        place.store.complete(KEY, upload_id, parts, checksum=OTHER.checksum, size=size, overwrite=False)
    assert place.stored(KEY) is None


def test_complete_refuses_a_whole_of_another_size(place: Place) -> None:
    place.must(Duty.SIZE_OF_WHOLE)
    upload_id, parts = place.create_with(FIRST, LAST)
    checksum = place.digest(FIRST + LAST).checksum
    with fault(Kind.REFUSED, Kind.WRONG_CONTENT):
        place.store.complete(KEY, upload_id, parts, checksum=checksum, size=len(FIRST), overwrite=False)
    assert place.stored(KEY) is None


def test_complete_refuses_a_small_part_that_is_not_the_last(place: Place) -> None:
    place.must(Duty.SMALL_PART)
    upload_id, parts = place.create_with(LAST, FIRST)
    with fault(Kind.REFUSED):
        place.complete(upload_id, parts, LAST + FIRST)


def test_complete_does_not_replace_an_object_unless_that_is_asked_for(place: Place) -> None:
    place.must(Duty.CONDITION)
    place.put(b"first")
    upload_id, parts = place.create_with(FIRST, LAST)
    with fault(Kind.PRECONDITION):
        place.complete(upload_id, parts, FIRST + LAST)
    assert place.stored(KEY) == b"first"
    place.complete(upload_id, parts, FIRST + LAST, overwrite=True)
    assert place.stored(KEY) == FIRST + LAST


def test_complete_replaces_an_object_where_that_is_asked_for(place: Place) -> None:
    place.put(b"first")
    upload_id, parts = place.create_with(FIRST, LAST)
    place.complete(upload_id, parts, FIRST + LAST, overwrite=True)
    assert place.stored(KEY) == FIRST + LAST


def test_a_refused_complete_leaves_the_upload_and_its_parts(place: Place) -> None:
    place.must(Duty.UPLOAD_AFTER_REFUSAL)
    upload_id, [part] = place.create_with(LAST)
    before = place.store.list_parts(KEY, upload_id)
    with fault(Kind.INVALID_PART):
        place.complete(upload_id, [part._replace(number=2)], LAST)
    assert place.store.list_parts(KEY, upload_id) == before
    place.complete(upload_id, [part], LAST)
    assert place.stored(KEY) == LAST


def test_a_part_that_was_damaged_on_its_way_is_not_listed(place: Place) -> None:
    place.must(Duty.CRC_OF_BODY)
    upload_id = place.store.create(KEY, metadata={}).upload_id
    with fault(Kind.TRANSIENT):
        place.store.put_part(KEY, upload_id, 1, BytesBody(b"content"), OTHER)
    assert place.store.list_parts(KEY, upload_id) == ()


# Uploads that are not there


def test_an_upload_ends_when_it_is_complete(place: Place) -> None:
    upload_id, [part] = place.create_with(LAST)
    place.complete(upload_id, [part], LAST)
    assert place.store.list_parts(KEY, upload_id) is NoListing.GONE
    place.store.abort(KEY, upload_id)
    assert place.stored(KEY) == LAST


def test_a_second_complete_finds_no_upload(place: Place) -> None:
    place.must(Duty.UPLOAD_ENDS)
    upload_id, [part] = place.create_with(LAST)
    place.complete(upload_id, [part], LAST)
    with fault(Kind.NO_SUCH_UPLOAD):
        place.complete(upload_id, [part], LAST)


def test_an_aborted_upload_is_gone_with_its_parts(place: Place) -> None:
    upload_id, _ = place.create_with(LAST)
    place.store.abort(KEY, upload_id)
    assert place.store.list_parts(KEY, upload_id) is NoListing.GONE
    assert place.stored(KEY) is None


def test_an_aborted_upload_takes_nothing_more(place: Place) -> None:
    place.must(Duty.NO_UPLOAD)
    upload_id, [part] = place.create_with(LAST)
    place.store.abort(KEY, upload_id)
    with fault(Kind.NO_SUCH_UPLOAD):
        place.send(upload_id, 1, LAST)
    with fault(Kind.NO_SUCH_UPLOAD):
        place.complete(upload_id, [part], LAST)


def test_an_unknown_upload_takes_nothing(place: Place) -> None:
    place.must(Duty.NO_UPLOAD)
    with fault(Kind.NO_SUCH_UPLOAD):
        place.send("never-created", 1, LAST)
    with fault(Kind.NO_SUCH_UPLOAD):
        place.complete("never-created", [Named(1, f'"{"0" * 32}"', OTHER.checksum)], LAST)


def test_an_unknown_upload_lists_nothing(place: Place) -> None:
    assert place.store.list_parts(KEY, "never-created") is NoListing.GONE


def test_to_abort_an_unknown_upload_is_no_fault(place: Place) -> None:
    place.store.abort(KEY, "never-created")
    upload_id = place.store.create(KEY, metadata={}).upload_id
    place.store.abort(KEY, upload_id)
    place.store.abort(KEY, upload_id)


# A bucket that is not there


def test_an_absent_bucket_shows_no_object(place: Place) -> None:
    assert place.absent.head(KEY) is Absence.ABSENT


def test_an_absent_bucket_takes_no_object(place: Place) -> None:
    with fault(Kind.NO_BUCKET):
        place.absent.put_object(KEY, BytesBody(LAST), place.digest(LAST), metadata={}, overwrite=False)


def test_an_absent_bucket_takes_no_upload(place: Place) -> None:
    with fault(Kind.NO_BUCKET):
        place.absent.create(KEY, metadata={})


# Other proofs


@pytest.mark.parametrize("proof", ["crc32c", "crc32", "md5"])
def test_every_proof_makes_the_same_object(opens: Opens, proof: Proof) -> None:
    place = opens(proof)
    place.put(LAST, "small")
    upload_id, parts = place.create_with(FIRST, LAST)
    place.complete(upload_id, parts, FIRST + LAST)
    assert (place.stored("small"), place.stored(KEY)) == (LAST, FIRST + LAST)


@pytest.mark.parametrize("proof", ["crc32c", "crc32"])
def test_every_crc_is_answered_under_its_own_name(opens: Opens, proof: Proof) -> None:
    place = opens(proof)
    place.must(Duty.CRC_IN_ANSWER)
    upload_id, parts = place.create_with(FIRST, LAST)
    expected = place.digest(FIRST + LAST).checksum
    assert place.complete(upload_id, parts, FIRST + LAST).checksum == expected
    assert place.seen().checksums == {crc_for(proof).field: expected}


def test_content_md5_proves_a_body_where_it_is_chosen(opens: Opens) -> None:
    place = opens("md5")
    place.must(Duty.MD5)
    with fault(Kind.TRANSIENT):
        place.store.put_object(KEY, BytesBody(LAST), place.digest(FIRST), metadata={}, overwrite=False)
    upload_id = place.store.create(KEY, metadata={}).upload_id
    with fault(Kind.TRANSIENT):
        place.store.put_part(KEY, upload_id, 1, BytesBody(LAST), place.digest(FIRST))
    assert place.stored(KEY) is None
    assert place.store.list_parts(KEY, upload_id) in {(), NoListing.GONE}


def test_no_checksum_is_listed_where_md5_proves_the_parts(opens: Opens) -> None:
    place = opens("md5")
    upload_id, [part] = place.create_with(LAST)
    assert place.store.list_parts(KEY, upload_id) == (ListedPart(1, len(LAST), part.etag, None),)


# Bodies that fail


class BrokenDiskError(OSError):
    """What a source raises amid a body."""


class BrokenBody(BytesBody):
    """Fails at its second piece."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise BrokenDiskError
        return super().read(min(size or 0, 1024) if size != -1 else 1024)


def test_a_body_that_breaks_off_makes_nothing(place: Place) -> None:
    data = bytes(100_000)
    with pytest.raises((BrokenDiskError, StoreFault)):
        place.store.put_object(KEY, BrokenBody(data), place.digest(data), metadata={}, overwrite=False)
    upload_id = place.store.create(KEY, metadata={}).upload_id
    with pytest.raises((BrokenDiskError, StoreFault)):
        place.store.put_part(KEY, upload_id, 1, BrokenBody(data), place.digest(data))
    assert (place.store.head(KEY), place.store.list_parts(KEY, upload_id)) == (Absence.ABSENT, ())
