"""S3Store against a server that misbehaves: each answer becomes the right value or fault, and each request is one."""

import contextlib
import email.utils
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.support import servers
from tests.support.hostile_s3 import Fault, HostileS3
from tests.support.hostile_s3.actions import Action, EditAnswer, Refuse
from tests.support.hostile_s3.wire import Answer
from tests.support.memory_store import BytesBody, digest_of

from tiktok_upload.answers import Absence, NoListing, ObjectSeen, Store
from tiktok_upload.checksum import Proof
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.settings import Connection, ObjectOptions
from tiktok_upload.store import Clients, S3Store

KEY = "incoming/part-0.parquet"
DATA = b"content"
LARGE = bytes(4 << 20)  # more than the sockets' buffers hold
METADATA = {"tu-nonce": "5f2b"}


class Named(NamedTuple):
    """A part as Complete names it."""

    number: int
    etag: str
    checksum: str


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", min_part_size=4) as server:
        server.make_bucket(servers.BUCKET)
        yield server


class Opens:
    """Makes stores and their clients, and closes them."""

    def __init__(self, s3: HostileS3, stack: contextlib.ExitStack, patch: pytest.MonkeyPatch) -> None:
        self._s3 = s3
        self._stack = stack
        self._patch = patch
        servers.use(patch, servers.as_server(s3))
        servers.share_models(patch)

    def clients(
        self, *, stall_s: float = 30.0, endpoint: str | None = None, key_id: str = "", secret: str = ""
    ) -> Clients:
        if key_id or secret:
            self._patch.setenv("AWS_ACCESS_KEY_ID", key_id or "AKIDEXAMPLE")
            self._patch.setenv("AWS_SECRET_ACCESS_KEY", secret or "secret")
        connection = Connection(endpoint_url=endpoint or self._s3.endpoint, addressing="path")
        clients = Clients(connection, stall_s=stall_s, connections=2, version="9.9")
        self._stack.callback(clients.close)
        return clients

    def store(
        self,
        clients: Clients | None = None,
        *,
        proof: Proof = "crc64nvme",
        bucket: str = servers.BUCKET,
        **options: Any,
    ) -> S3Store:
        return S3Store(clients or self.clients(), bucket, proof=proof, options=ObjectOptions(**options))


@pytest.fixture
def opens(s3: HostileS3, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opens]:
    with contextlib.ExitStack() as stack:
        yield Opens(s3, stack, monkeypatch)


@pytest.fixture
def store(opens: Opens) -> S3Store:
    return opens.store()


def put(store: Store, data: bytes = DATA, *, overwrite: bool = False) -> Any:
    return store.put_object(KEY, BytesBody(data), digest_of(data), metadata=METADATA, overwrite=overwrite)


def create(store: Store) -> str:
    return store.create(KEY, metadata=METADATA).upload_id


def send(store: Store, upload_id: str, number: int = 1, data: bytes = DATA) -> Named:
    answer = store.put_part(KEY, upload_id, number, BytesBody(data), digest_of(data))
    return Named(number, answer.etag, digest_of(data).checksum)


def complete(store: Store, upload_id: str, part: Named, *, overwrite: bool = False) -> Any:
    checksum = digest_of(DATA).checksum
    return store.complete(KEY, upload_id, [part], checksum=checksum, size=len(DATA), overwrite=overwrite)


def put_and_complete(store: Store) -> None:
    """Every request that there is, once."""
    put(store)
    store.head(KEY)
    upload_id = create(store)
    part = send(store, upload_id)
    store.list_parts(KEY, upload_id)
    complete(store, upload_id, part, overwrite=True)
    store.abort(KEY, create(store))


Act = Callable[[Store], object]


def _completing(store: Store) -> object:
    upload_id = create(store)
    return complete(store, upload_id, send(store, upload_id))


ACTS: dict[str, Act] = {
    "HeadObject": lambda store: store.head(KEY),
    "PutObject": put,
    "CreateMultipartUpload": create,
    "UploadPart": lambda store: send(store, create(store)),
    "ListParts": lambda store: store.list_parts(KEY, create(store)),
    "CompleteMultipartUpload": _completing,
    "AbortMultipartUpload": lambda store: store.abort(KEY, create(store)),
}
WRITES = ["PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"]


def fault_of(act: Act, store: Store) -> StoreFault:
    with pytest.raises(StoreFault) as caught:
        act(store)
    return caught.value


def facts(fault: StoreFault) -> tuple[Kind, int, str, float | None]:
    return fault.kind, fault.status, fault.code, fault.retry_after_s


def with_action(operation: str, action: Action, **when: Any) -> Fault:
    return Fault(name="scripted", operation=operation, action=action, **when)


def edit(pattern: bytes, text: bytes) -> EditAnswer:
    return EditAnswer(lambda answer: replace(answer, body=re.sub(pattern, text, answer.body)))


# Errors that the store answers


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.status("*", 500), (Kind.TRANSIENT, 500, "InternalError", None)),
        (Fault.status("*", 502, code="BadGateway"), (Kind.TRANSIENT, 502, "BadGateway", None)),
        (Fault.status("*", 503), (Kind.THROTTLED, 503, "SlowDown", None)),
        (Fault.status("*", 503, retry_after=7), (Kind.THROTTLED, 503, "SlowDown", 7.0)),
        (Fault.status("*", 503, retry_after=86_400), (Kind.THROTTLED, 503, "SlowDown", 300.0)),
        (Fault.status("*", 503, code="ServiceUnavailable"), (Kind.THROTTLED, 503, "ServiceUnavailable", None)),
        (Fault.status("*", 429, code="TooManyRequests"), (Kind.THROTTLED, 429, "TooManyRequests", None)),
        (Fault.status("*", 403), (Kind.DENIED, 403, "AccessDenied", None)),
        (Fault.status("*", 403, code="RequestTimeTooSkewed"), (Kind.CLOCK, 403, "RequestTimeTooSkewed", None)),
        (Fault.expired_token("*"), (Kind.EXPIRED, 400, "ExpiredToken", None)),
        (Fault.status("*", 400, code="TokenRefreshRequired"), (Kind.EXPIRED, 400, "TokenRefreshRequired", None)),
        (Fault.error("*", "InvalidToken"), (Kind.CREDENTIALS, 400, "InvalidToken", None)),
        (Fault.error("*", "NoSuchBucket"), (Kind.NO_BUCKET, 404, "NoSuchBucket", None)),
        (Fault.error("*", "PreconditionFailed"), (Kind.PRECONDITION, 412, "PreconditionFailed", None)),
        (
            Fault.status("*", 409, code="ConditionalRequestConflict"),
            (Kind.RACE, 409, "ConditionalRequestConflict", None),
        ),
        (Fault.status("*", 400, code="RequestTimeout"), (Kind.TRANSIENT, 400, "RequestTimeout", None)),
        (Fault.error("*", "IncompleteBody"), (Kind.TRANSIENT, 400, "IncompleteBody", None)),
        (Fault.error("*", "BadDigest"), (Kind.TRANSIENT, 400, "BadDigest", None)),
        (Fault.error("*", "EntityTooLarge"), (Kind.REFUSED, 400, "EntityTooLarge", None)),
        (Fault.error("*", "NotImplemented"), (Kind.REFUSED, 501, "NotImplemented", None)),
        (Fault.status("*", 418, code="Teapot"), (Kind.REFUSED, 418, "Teapot", None)),
    ],
    ids=lambda value: str(value).replace(" at *", "") if isinstance(value, Fault) else value[2],
)
def test_an_answered_error_keeps_its_status_code_and_delay(
    s3: HostileS3, store: S3Store, fault: Fault, expected: tuple[Kind, int, str, float | None]
) -> None:
    s3.script(fault)
    assert facts(fault_of(put, store)) == expected
    assert s3.operations() == ["PutObject"]


def test_a_date_as_retry_after_is_not_guessed_at(s3: HostileS3, store: S3Store) -> None:
    headers = {"Retry-After": email.utils.formatdate(usegmt=True)}
    s3.script(with_action("PutObject", Refuse("SlowDown", 503, headers)))
    assert facts(fault_of(put, store)) == (Kind.THROTTLED, 503, "SlowDown", None)


@pytest.mark.parametrize("operation", ACTS)
@pytest.mark.parametrize("fault", [500, 503])
def test_no_request_is_repeated_after_an_error(s3: HostileS3, store: S3Store, operation: str, fault: int) -> None:
    s3.script(Fault.status(operation, fault))
    assert fault_of(ACTS[operation], store).status == fault
    assert s3.operations().count(operation) == 1


@pytest.mark.parametrize("operation", ACTS)
def test_no_request_is_repeated_after_a_broken_connection(s3: HostileS3, store: S3Store, operation: str) -> None:
    s3.script(Fault.reset(operation))
    assert facts(fault_of(ACTS[operation], store)) == (Kind.TRANSIENT, 0, "the connection was closed", None)
    assert s3.operations().count(operation) == 1


def test_a_refusal_before_the_body_spares_the_body(s3: HostileS3, store: S3Store) -> None:
    s3.script(Fault.status("PutObject", 503, retry_after=1))
    assert facts(fault_of(lambda store: put(store, LARGE), store)) == (Kind.THROTTLED, 503, "SlowDown", 1.0)
    assert s3.requests[0].body_bytes == 0


@pytest.mark.parametrize("status", [403, 503])
def test_a_refusal_amid_the_body_is_heard_as_what_it_is(s3: HostileS3, store: S3Store, status: int) -> None:
    s3.script(Fault.status("PutObject", status, after_bytes=1 << 20))
    assert fault_of(lambda store: put(store, LARGE), store).status == status


def test_a_part_that_was_damaged_on_its_way_may_be_sent_again(s3: HostileS3, store: S3Store) -> None:
    s3.script(Fault.error("UploadPart", "BadDigest"))
    assert facts(fault_of(ACTS["UploadPart"], store)) == (Kind.TRANSIENT, 400, "BadDigest", None)


def test_a_whole_that_is_not_what_we_say_is_no_transient_fault(store: S3Store) -> None:
    upload_id = create(store)
    part = send(store, upload_id)
    with pytest.raises(StoreFault) as caught:
        store.complete(KEY, upload_id, [part], checksum=digest_of(b"x").checksum, size=len(DATA), overwrite=False)
    assert facts(caught.value) == (Kind.WRONG_CONTENT, 400, "BadDigest", None)


# Errors in the credentials, the clock and the rights


def test_a_wrong_secret_is_a_matter_of_credentials(opens: Opens) -> None:
    fault = fault_of(put, opens.store(opens.clients(secret="another")))
    assert facts(fault) == (Kind.CREDENTIALS, 403, "SignatureDoesNotMatch", None)


def test_an_unknown_key_id_is_a_matter_of_credentials(opens: Opens) -> None:
    fault = fault_of(put, opens.store(opens.clients(key_id="AKIDUNKNOWN")))
    assert facts(fault) == (Kind.CREDENTIALS, 403, "InvalidAccessKeyId", None)


def test_a_wrong_clock_is_a_matter_of_the_clock(s3: HostileS3, store: S3Store) -> None:
    s3.clock = lambda: time.time() + 3600
    assert facts(fault_of(put, store)) == (Kind.CLOCK, 403, "RequestTimeTooSkewed", None)


def test_a_session_token_that_expired(s3: HostileS3, opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "old")
    s3.expired_tokens = {"old"}
    assert facts(fault_of(put, opens.store())) == (Kind.EXPIRED, 400, "ExpiredToken", None)


def test_head_cannot_tell_why_it_is_refused(opens: Opens) -> None:
    assert opens.store(opens.clients(secret="another")).head(KEY) is Absence.FORBIDDEN


def test_head_with_an_expired_token_is_refused_without_a_reason_too(
    s3: HostileS3, opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "old")
    s3.expired_tokens = {"old"}
    assert opens.store().head(KEY) is Absence.FORBIDDEN


@pytest.mark.parametrize("denied", ["HeadObject", "ListBucket"])
def test_head_without_the_right_is_an_answer(s3: HostileS3, store: S3Store, denied: str) -> None:
    s3.deny = {denied}
    assert store.head(KEY) is Absence.FORBIDDEN


def test_a_listing_without_the_right_is_an_answer(s3: HostileS3, store: S3Store) -> None:
    s3.deny = {"ListParts"}
    assert store.list_parts(KEY, create(store)) is NoListing.FORBIDDEN


@pytest.mark.parametrize("operation", [*WRITES, "AbortMultipartUpload"])
def test_a_write_without_the_right_is_denied(s3: HostileS3, store: S3Store, operation: str) -> None:
    s3.deny = {operation}
    assert facts(fault_of(ACTS[operation], store)) == (Kind.DENIED, 403, "AccessDenied", None)


@pytest.mark.parametrize("operation", ["PutObject", "CreateMultipartUpload"])
def test_an_absent_bucket_is_told_from_an_absent_key(opens: Opens, operation: str) -> None:
    fault = fault_of(ACTS[operation], opens.store(bucket="no-such-bucket"))
    assert facts(fault) == (Kind.NO_BUCKET, 404, "NoSuchBucket", None)


def test_another_owner_than_the_expected_one_is_denied(opens: Opens) -> None:
    store = opens.store(expected_bucket_owner="999999999999")
    assert facts(fault_of(put, store)) == (Kind.DENIED, 403, "AccessDenied", None)


# Regions


@pytest.mark.parametrize("answer", ["redirect", "malformed"])
@pytest.mark.parametrize("operation", ["PutObject", "CreateMultipartUpload", "HeadObject"])
def test_the_bucket_s_own_region_is_followed_and_noted(
    s3: HostileS3, opens: Opens, answer: Any, operation: str
) -> None:
    s3.region, s3.wrong_region = "eu-central-1", answer
    clients = opens.clients()
    ACTS[operation](opens.store(clients))
    assert clients.region_found == "eu-central-1"
    assert [entry.status for entry in s3.requests if entry.operation == operation][1:] in ([200], [404])


def test_the_region_is_followed_while_a_body_is_sent(s3: HostileS3, store: S3Store) -> None:
    s3.region = "eu-central-1"
    put(store, LARGE)
    assert s3.objects(servers.BUCKET)[KEY].size == len(LARGE)


def test_no_region_is_noted_where_ours_was_right(opens: Opens) -> None:
    clients = opens.clients()
    put_and_complete(opens.store(clients))
    assert clients.region_found is None


# Connections that break


@pytest.mark.parametrize("after_bytes", [0, 1 << 20, None])
@pytest.mark.parametrize("kind", [Fault.reset, Fault.close])
def test_a_connection_that_breaks_amid_a_body_is_transient(
    s3: HostileS3, store: S3Store, kind: Callable[..., Fault], after_bytes: int | None
) -> None:
    s3.script(kind("PutObject", after_bytes=after_bytes))
    fault = fault_of(lambda store: put(store, LARGE), store)
    assert (fault.kind, fault.status) == (Kind.TRANSIENT, 0)
    assert s3.operations() == ["PutObject"]


@pytest.mark.parametrize("after_bytes", [0, None])
def test_a_store_that_falls_silent_is_given_up_after_the_stall_time(
    s3: HostileS3, opens: Opens, after_bytes: int | None
) -> None:
    s3.script(Fault.black_hole("PutObject", after_bytes=after_bytes))
    fault = fault_of(put, opens.store(opens.clients(stall_s=0.2)))
    assert facts(fault) == (Kind.TRANSIENT, 0, "no answer within the time limit", None)


def test_a_store_that_stops_taking_a_body_is_given_up_after_the_stall_time(s3: HostileS3, opens: Opens) -> None:
    s3.script(Fault.black_hole("PutObject", after_bytes=1 << 20))
    store = opens.store(opens.clients(stall_s=0.2))
    fault = fault_of(lambda store: put(store, bytes(32 << 20)), store)
    assert (fault.kind, fault.status) == (Kind.TRANSIENT, 0)


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "ListParts"])
def test_an_answer_that_stops_amid_its_body_is_given_up_after_the_stall_time(
    s3: HostileS3, opens: Opens, operation: str
) -> None:
    s3.script(Fault.stalled_answer(operation, keep=10))
    fault = fault_of(ACTS[operation], opens.store(opens.clients(stall_s=0.2)))
    assert (fault.kind, fault.status) == (Kind.TRANSIENT, 0)


@pytest.mark.parametrize("operation", ACTS)
def test_an_answer_that_is_lost_is_transient(s3: HostileS3, store: S3Store, operation: str) -> None:
    s3.script(Fault.lost_answer(operation))
    fault = fault_of(ACTS[operation], store)
    assert (fault.kind, fault.status) == (Kind.TRANSIENT, 0)
    assert s3.operations().count(operation) == 1


def test_what_was_stored_stays_though_its_answer_was_lost(s3: HostileS3, store: S3Store) -> None:
    s3.script(Fault.lost_answer("PutObject"), Fault.lost_answer("CompleteMultipartUpload"))
    fault_of(put, store)
    assert isinstance(store.head(KEY), ObjectSeen)
    upload_id = create(store)
    part = send(store, upload_id)
    fault_of(lambda store: complete(store, upload_id, part, overwrite=True), store)
    assert fault_of(lambda store: complete(store, upload_id, part), store).kind is Kind.NO_SUCH_UPLOAD


def test_a_store_that_does_not_listen_is_unreachable(opens: Opens) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        store = opens.store(opens.clients(endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}"))
        fault = fault_of(put, store)
    assert facts(fault) == (Kind.UNREACHABLE, 0, "no connection could be made", None)


# Answers that are not whole


@pytest.mark.parametrize("code", ["InternalError", "SlowDown", "NoSuchUpload", "BadDigest", "InvalidPart"])
def test_an_error_in_a_200_of_complete_is_an_error(s3: HostileS3, store: S3Store, code: str) -> None:
    s3.script(Fault.error_in_200("CompleteMultipartUpload", code))
    fault = fault_of(ACTS["CompleteMultipartUpload"], store)
    kinds = {
        "InternalError": Kind.TRANSIENT,
        "SlowDown": Kind.THROTTLED,
        "NoSuchUpload": Kind.NO_SUCH_UPLOAD,
        "BadDigest": Kind.WRONG_CONTENT,
        "InvalidPart": Kind.INVALID_PART,
    }
    assert (fault.kind, fault.code) == (kinds[code], code)


@pytest.mark.parametrize("operation", WRITES)
def test_an_error_in_a_200_is_never_taken_for_success(s3: HostileS3, store: S3Store, operation: str) -> None:
    s3.script(Fault.error_in_200(operation))
    assert fault_of(ACTS[operation], store).kind is Kind.TRANSIENT


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "ListParts", "CompleteMultipartUpload"])
@pytest.mark.parametrize("keep", [0, 60, 120])
def test_a_document_that_ends_early_is_transient(s3: HostileS3, store: S3Store, operation: str, keep: int) -> None:
    s3.script(Fault.garbled(operation, keep=keep))
    assert fault_of(ACTS[operation], store).kind is Kind.TRANSIENT


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "ListParts", "CompleteMultipartUpload"])
@pytest.mark.parametrize("text", [b"<html><body>Welcome to Hotel WiFi</body></html>", b"It works!", b"\xff\xfe\x00"])
def test_an_answer_of_somebody_else_is_transient(s3: HostileS3, store: S3Store, operation: str, text: bytes) -> None:
    s3.script(with_action(operation, EditAnswer(lambda answer: replace(answer, body=text))))
    assert fault_of(ACTS[operation], store).kind is Kind.TRANSIENT


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "ListParts", "CompleteMultipartUpload"])
def test_a_connection_that_breaks_amid_an_answer_is_transient(s3: HostileS3, store: S3Store, operation: str) -> None:
    s3.script(Fault.cut_answer(operation, keep=10))
    fault = fault_of(ACTS[operation], store)
    assert (fault.kind, fault.status) == (Kind.TRANSIENT, 0)


def test_a_head_without_a_size_is_transient(s3: HostileS3, store: S3Store) -> None:
    put(store)
    s3.script(Fault.keep_alive("HeadObject", delay_s=0.0, spaces=1))
    assert fault_of(ACTS["HeadObject"], store).kind is Kind.TRANSIENT


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload"])
def test_a_404_is_of_the_upload(s3: HostileS3, store: S3Store, operation: str) -> None:
    s3.script(Fault.status(operation, 404))
    assert fault_of(ACTS[operation], store).kind is Kind.NO_SUCH_UPLOAD


# -------------------------------------------------------------------------------------------------------- many objects
def test_all_objects_below_a_prefix_are_listed_over_all_pages(s3: HostileS3, store: S3Store) -> None:
    s3.list_page_size = 2
    for name in ("a", "b c", "d/e", "f\u00e9", "g"):
        s3.put(servers.BUCKET, f"in/{name}", DATA)
    s3.put(servers.BUCKET, "in2/elsewhere", DATA)
    found = store.objects("in/", most_pages=3)
    assert found is not None
    assert {key: listed.size for key, listed in found.items()} == dict.fromkeys(
        ["in/a", "in/b c", "in/d/e", "in/f\u00e9", "in/g"], len(DATA)
    )
    assert found["in/a"].etag == s3.objects(servers.BUCKET)["in/a"].etag


def test_more_objects_than_is_worth_a_listing_are_not_listed(s3: HostileS3, store: S3Store) -> None:
    s3.list_page_size = 1
    for name in ("a", "b", "c"):
        s3.put(servers.BUCKET, f"in/{name}", DATA)
    assert store.objects("in/", most_pages=2) is None
    assert s3.operations()[-2:] == ["ListObjectsV2"] * 2


def test_without_the_right_to_list_no_objects_are_known(s3: HostileS3, store: S3Store) -> None:
    s3.deny = {"ListObjectsV2"}
    assert store.objects("", most_pages=2) is None


def test_a_listing_that_breaks_is_a_fault_that_passes(s3: HostileS3, store: S3Store) -> None:
    s3.script(Fault.status("ListObjectsV2", 503))
    with pytest.raises(StoreFault) as caught:
        store.objects("", most_pages=2)
    assert caught.value.is_retryable


def _without_etag(answer: Answer) -> Answer:
    answer.headers.pop("ETag", None)
    return replace(answer, body=re.sub(rb"<ETag>[^<]*</ETag>", b"", answer.body))


@pytest.mark.parametrize("operation", ["PutObject", "UploadPart", "CompleteMultipartUpload"])
def test_an_answer_without_an_etag_proves_nothing(s3: HostileS3, store: S3Store, operation: str) -> None:
    s3.script(with_action(operation, EditAnswer(_without_etag)))
    assert facts(fault_of(ACTS[operation], store)) == (Kind.TRANSIENT, 0, "an answer without ETag", None)


def test_a_head_without_an_etag_proves_nothing(s3: HostileS3, store: S3Store) -> None:
    put(store)
    s3.script(with_action("HeadObject", EditAnswer(_without_etag)))
    assert facts(fault_of(ACTS["HeadObject"], store)) == (Kind.TRANSIENT, 0, "an answer without ETag", None)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (rb"<ETag>[^<]*</ETag>", b""),
        (rb"<Size>[^<]*</Size>", b""),
        (rb"<PartNumber>[^<]*</PartNumber>", b""),
        (rb"<Size>[^<]*<", b"<Size>many<"),
        (rb"<PartNumber>[^<]*<", b"<PartNumber><"),
    ],
)
def test_a_listed_part_that_is_not_whole_is_transient(
    s3: HostileS3, store: S3Store, pattern: bytes, text: bytes
) -> None:
    upload_id = create(store)
    send(store, upload_id)
    s3.script(with_action("ListParts", edit(pattern, text)))
    assert fault_of(lambda store: store.list_parts(KEY, upload_id), store).kind is Kind.TRANSIENT


def test_a_head_with_a_date_that_is_none_is_no_crash(s3: HostileS3, store: S3Store) -> None:
    put(store)
    odd = EditAnswer(lambda answer: replace(answer, headers={**answer.headers, "Last-Modified": "yesterday"}))
    s3.script(with_action("HeadObject", odd))
    with contextlib.suppress(StoreFault):
        assert isinstance(store.head(KEY), ObjectSeen)


def test_a_checksum_that_the_store_answers_is_handed_on_as_it_is(s3: HostileS3, store: S3Store) -> None:
    s3.script(Fault.wrong_checksum("PutObject"))
    assert put(store).checksum not in {None, digest_of(DATA).checksum}


# Bodies


class SourceGoneError(Exception):
    """What a source of ours raises."""


class FailingBody(BytesBody):
    """Raises once so many bytes were read, and keeps what it raised."""

    def __init__(self, data: bytes, error: Exception, after: int) -> None:
        super().__init__(data)
        self._error = error
        self._after = after
        self.error: Exception | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self._after:
            self.error = self._error
            raise self._error
        return super().read(min(size, 1 << 16) if size is not None and size > 0 else 1 << 16)


@pytest.mark.parametrize("error", [SourceGoneError(), OSError(5, "Input/output error")], ids=["ours", "OSError"])
@pytest.mark.parametrize("after", [0, 1 << 20])
@pytest.mark.parametrize("operation", ["PutObject", "UploadPart"])
def test_what_reading_a_body_raised_stays_known(
    s3: HostileS3, store: S3Store, error: Exception, after: int, operation: str
) -> None:
    body = FailingBody(LARGE, error, after)
    upload_id = create(store)
    acts: dict[str, Act] = {
        "PutObject": lambda store: store.put_object(KEY, body, digest_of(LARGE), metadata={}, overwrite=False),
        "UploadPart": lambda store: store.put_part(KEY, upload_id, 1, body, digest_of(LARGE)),
    }
    with pytest.raises((StoreFault, type(error))):
        acts[operation](store)
    assert body.error is error
    assert s3.objects(servers.BUCKET) == {}
    assert s3.uploads(servers.BUCKET)[upload_id].parts == {}
    assert s3.operations().count(operation) == 1


def test_a_body_that_is_shorter_than_announced_makes_no_object(s3: HostileS3, opens: Opens) -> None:
    class ShortBody(BytesBody):
        def __len__(self) -> int:
            return len(LARGE) + 1

    store = opens.store(opens.clients(stall_s=0.2))
    with pytest.raises(StoreFault):
        store.put_object(KEY, ShortBody(LARGE), digest_of(LARGE), metadata={}, overwrite=False)
    assert s3.objects(servers.BUCKET) == {}


# What arrives


def sent(s3: HostileS3, operation: str) -> dict[str, str]:
    return next(entry.headers for entry in s3.requests if entry.operation == operation)


def test_every_request_of_a_life_is_made_once(s3: HostileS3, store: S3Store) -> None:
    put_and_complete(store)
    assert s3.operations() == [
        "PutObject",
        "HeadObject",
        "CreateMultipartUpload",
        "UploadPart",
        "ListParts",
        "CompleteMultipartUpload",
        "CreateMultipartUpload",
        "AbortMultipartUpload",
        "ListParts",
    ]
    assert [entry.status for entry in s3.requests] == [200, 200, 200, 200, 200, 200, 200, 204, 404]


@pytest.mark.parametrize("operation", ["PutObject", "CreateMultipartUpload"])
def test_an_object_s_options_arrive(s3: HostileS3, opens: Opens, operation: str) -> None:
    store = opens.store(
        sse="AES256",
        storage_class="STANDARD_IA",
        acl="bucket-owner-full-control",
        metadata=(("Source", "crm"), ("run", "17")),
        tags=(("team", "growth & co"), ("größe", "a=b")),
    )
    ACTS[operation](store)
    headers = sent(s3, operation)
    expected = {
        "content-type": "application/vnd.apache.parquet",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-acl": "bucket-owner-full-control",
        "x-amz-meta-source": "crm",
        "x-amz-meta-run": "17",
        "x-amz-meta-tu-nonce": "5f2b",
        "x-amz-tagging": "team=growth+%26+co&gr%C3%B6%C3%9Fe=a%3Db",
    }
    assert {name: headers.get(name) for name in expected} == expected


@pytest.mark.parametrize("operation", ["PutObject", "CreateMultipartUpload"])
def test_nothing_is_said_of_options_that_were_not_chosen(s3: HostileS3, store: S3Store, operation: str) -> None:
    ACTS[operation](store)
    chosen = {"x-amz-server-side-encryption", "x-amz-storage-class", "x-amz-acl", "x-amz-tagging"}
    assert chosen & sent(s3, operation).keys() == set()


def test_encryption_by_a_key_arrives_and_is_seen(s3: HostileS3, opens: Opens) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/5c0b7573"
    store = opens.store(sse="aws:kms", kms_key_id=key)
    put_and_complete(store)
    for operation in ("PutObject", "CreateMultipartUpload"):
        headers = sent(s3, operation)
        assert headers["x-amz-server-side-encryption"] == "aws:kms"
        assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == key
    seen = store.head(KEY)
    assert isinstance(seen, ObjectSeen)
    assert seen.kms


def test_an_etag_is_an_md5_where_no_key_encrypts(store: S3Store) -> None:
    put(store)
    seen = store.head(KEY)
    assert isinstance(seen, ObjectSeen)
    assert not seen.kms


def test_the_expected_owner_goes_with_every_request(s3: HostileS3, opens: Opens) -> None:
    put_and_complete(opens.store(expected_bucket_owner=s3.owner))
    assert {entry.headers.get("x-amz-expected-bucket-owner") for entry in s3.requests} == {s3.owner}


def test_metadata_that_no_header_can_carry_are_refused_before_anything_is_sent(s3: HostileS3, opens: Opens) -> None:
    store = opens.store(metadata=(("city", "Köln"),))
    assert fault_of(put, store).kind is Kind.REFUSED
    assert s3.requests == []


def test_bodies_go_out_plain_with_our_checksum_and_no_other(s3: HostileS3, store: S3Store) -> None:
    put_and_complete(store)
    for operation in ("PutObject", "UploadPart"):
        headers = sent(s3, operation)
        assert {name for name in headers if "checksum" in name} == {"x-amz-checksum-crc64nvme"}
        assert headers["x-amz-checksum-crc64nvme"] == digest_of(DATA).checksum
        assert headers["content-length"] == str(len(DATA))
        assert headers.keys() & {"content-encoding", "transfer-encoding", "x-amz-trailer", "content-md5"} == set()
        assert headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"


def test_an_upload_announces_a_checksum_of_the_whole_and_complete_gives_it(s3: HostileS3, store: S3Store) -> None:
    put_and_complete(store)
    created, completed = sent(s3, "CreateMultipartUpload"), sent(s3, "CompleteMultipartUpload")
    assert (created["x-amz-checksum-algorithm"], created["x-amz-checksum-type"]) == ("CRC64NVME", "FULL_OBJECT")
    assert completed["x-amz-checksum-crc64nvme"] == digest_of(DATA).checksum
    assert (completed["x-amz-checksum-type"], completed["x-amz-mp-object-size"]) == ("FULL_OBJECT", str(len(DATA)))


@pytest.mark.parametrize("proof", ["crc32c", "crc32"])
def test_another_crc_is_named_as_itself(s3: HostileS3, opens: Opens, proof: Proof) -> None:
    digest = digest_of(DATA, proof)
    store = opens.store(proof=proof)
    store.put_object(KEY, BytesBody(DATA), digest, metadata={}, overwrite=False)
    assert sent(s3, "PutObject")[f"x-amz-checksum-{proof}"] == digest.checksum


def test_md5_goes_without_any_header_of_checksums(s3: HostileS3, opens: Opens) -> None:
    store = opens.store(proof="md5")
    digest = digest_of(DATA, "md5")
    upload_id = create(store)
    answer = store.put_part(KEY, upload_id, 1, BytesBody(DATA), digest)
    part = Named(1, answer.etag, digest.checksum)
    store.complete(KEY, upload_id, [part], checksum=digest.checksum, size=len(DATA), overwrite=False)
    assert [name for entry in s3.requests for name in entry.headers if "checksum" in name] == []
    assert sent(s3, "UploadPart")["content-md5"] == digest.md5


def test_a_condition_is_sent_unless_the_object_may_be_replaced(s3: HostileS3, store: S3Store) -> None:
    put(store)
    put(store, overwrite=True)
    assert [entry.headers.get("if-none-match") for entry in s3.requests] == ["*", None]
    for overwrite in (True, False):
        upload_id = create(store)
        part = send(store, upload_id)
        with contextlib.suppress(StoreFault):
            complete(store, upload_id, part, overwrite=overwrite)
    found = [entry.headers.get("if-none-match") for entry in s3.requests if entry.operation.startswith("Complete")]
    assert found == [None, "*"]


def test_head_asks_for_checksums(s3: HostileS3, store: S3Store) -> None:
    store.head(KEY)
    assert sent(s3, "HeadObject")["x-amz-checksum-mode"] == "ENABLED"


def test_requests_say_which_tool_sent_them(s3: HostileS3, store: S3Store) -> None:
    store.head(KEY)
    assert "tiktok-upload/9.9" in sent(s3, "HeadObject")["user-agent"]


def test_only_a_checksum_of_the_whole_object_counts_as_one(s3: HostileS3, store: S3Store) -> None:
    def as_composite(answer: Answer) -> Answer:
        return replace(answer, headers={**answer.headers, "x-amz-checksum-type": "COMPOSITE"})

    put(store)
    s3.script(with_action("HeadObject", EditAnswer(as_composite)))
    seen = store.head(KEY)
    assert isinstance(seen, ObjectSeen)
    assert seen.checksums == {}


def test_versions_are_answered_and_seen(s3: HostileS3, store: S3Store) -> None:
    s3.versioning = True
    version = put(store).version_id
    seen = store.head(KEY)
    assert isinstance(seen, ObjectSeen)
    assert version == seen.version_id == s3.objects(servers.BUCKET)[KEY].version_id


# Listings over several pages


def upload_of(store: Store, count: int) -> str:
    upload_id = create(store)
    for number in range(1, count + 1):
        send(store, upload_id, number)
    return upload_id


def numbers(store: Store, upload_id: str) -> list[int]:
    listing = store.list_parts(KEY, upload_id)
    assert isinstance(listing, tuple)
    return [part.number for part in listing]


def markers(s3: HostileS3) -> list[str]:
    return [entry.query.get("part-number-marker", "0") for entry in s3.requests if entry.operation == "ListParts"]


def test_all_pages_of_a_listing_are_read(s3: HostileS3, store: S3Store) -> None:
    s3.list_page_size = 2
    assert numbers(store, upload_of(store, 5)) == [1, 2, 3, 4, 5]
    assert markers(s3) == ["0", "2", "4"]


def test_a_store_that_gives_the_marker_back_as_it_was_does_not_lead_in_circles(s3: HostileS3, store: S3Store) -> None:
    s3.list_page_size = 2
    same = edit(
        rb"(?s)<PartNumberMarker>(\d+)(.*)<NextPartNumberMarker>\d+<",
        rb"<PartNumberMarker>\1\2<NextPartNumberMarker>\1<",
    )
    s3.script(with_action("ListParts", same, times=None))
    assert numbers(store, upload_of(store, 5)) == [1, 2, 3, 4, 5]
    assert markers(s3) == ["0", "2", "4"]


def test_a_page_that_begins_with_the_marker_itself_repeats_no_part(s3: HostileS3, store: S3Store) -> None:
    s3.list_page_size = 2
    upload_id = upload_of(store, 3)
    second = re.compile(rb"(?s)(<IsTruncated>)")
    part = b'<Part><PartNumber>2</PartNumber><ETag>"x"</ETag><Size>7</Size></Part>'
    repeated = EditAnswer(lambda answer: replace(answer, body=second.sub(part + rb"\1", answer.body)))
    s3.script(with_action("ListParts", repeated, skip=1))
    assert numbers(store, upload_id) == [1, 2, 3]


def test_a_listing_that_never_ends_is_left(s3: HostileS3, store: S3Store) -> None:
    endless = edit(rb"<IsTruncated>false<", rb"<IsTruncated>true<")
    s3.script(with_action("ListParts", endless, times=None))
    assert numbers(store, upload_of(store, 3)) == [1, 2, 3]
    assert len(markers(s3)) <= 2


def test_a_fault_amid_the_pages_gives_no_half_listing(s3: HostileS3, store: S3Store) -> None:
    s3.list_page_size = 2
    upload_id = upload_of(store, 5)
    s3.script(Fault.status("ListParts", 503, skip=1))
    assert fault_of(lambda store: store.list_parts(KEY, upload_id), store).kind is Kind.THROTTLED


def test_an_upload_that_ends_amid_the_pages_is_gone(s3: HostileS3, store: S3Store) -> None:
    s3.list_page_size = 2
    upload_id = upload_of(store, 5)
    s3.script(Fault.lose_upload("ListParts", skip=1))
    assert store.list_parts(KEY, upload_id) is NoListing.GONE


# Aborts


def test_an_abort_is_repeated_until_nothing_is_listed(s3: HostileS3, store: S3Store) -> None:
    upload_id = upload_of(store, 2)
    s3.script(with_action("AbortMultipartUpload", Refuse("NotYet", 204), times=2))
    store.abort(KEY, upload_id)
    assert s3.uploads(servers.BUCKET) == {}
    assert s3.operations()[3:] == ["AbortMultipartUpload", "ListParts"] * 3


def test_parts_that_no_abort_removes_are_no_success(s3: HostileS3, store: S3Store) -> None:
    upload_id = upload_of(store, 1)
    s3.script(with_action("AbortMultipartUpload", Refuse("Never", 204), times=None))
    with pytest.raises(StoreFault):
        store.abort(KEY, upload_id)
    assert 2 <= s3.operations().count("AbortMultipartUpload") <= 20


def test_an_abort_without_the_right_to_list_is_done_once(s3: HostileS3, store: S3Store) -> None:
    upload_id = create(store)
    s3.deny = {"ListParts"}
    store.abort(KEY, upload_id)
    assert s3.operations().count("AbortMultipartUpload") == 1


def test_a_list_of_parts_that_does_not_go_on_is_no_whole_list(s3: HostileS3, store: S3Store) -> None:
    upload_id = create(store)
    s3.list_page_size = 1
    for number in (1, 2):
        send(store, upload_id, number)
    s3.script(Fault.lying_pages("repeated", times=None))
    with pytest.raises(StoreFault) as caught:
        store.list_parts(KEY, upload_id)
    assert caught.value.is_retryable


@pytest.mark.parametrize(("operation", "look"), [("HeadObject", "head"), ("ListParts", "list")])
def test_a_conflict_is_none_where_nothing_is_written(s3: HostileS3, store: S3Store, operation: str, look: str) -> None:
    upload_id = create(store)
    s3.script(Fault.status(operation, 412, code="PreconditionFailed"))
    with pytest.raises(StoreFault) as caught:
        store.head(KEY) if look == "head" else store.list_parts(KEY, upload_id)
    assert caught.value.kind is Kind.REFUSED
