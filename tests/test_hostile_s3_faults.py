"""The hostile S3 misbehaves as it is told."""

import io
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError, ResponseStreamingError
from tests.support.hostile_s3 import Fault, HostileS3, Request, connected, refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WRONG_ETAG = '"00000000000000000000000000000000"'


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", min_part_size=4) as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def client(s3: HostileS3) -> Iterator["S3Client"]:
    with connected(s3) as client:
        yield client


@pytest.fixture
def elsewhere() -> Iterator[Callable[..., Future[Any]]]:
    """Run a call in a thread of its own."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit


def put(client: "S3Client", data: bytes = b"content", key: str = "k", **more: Any) -> Any:
    return client.put_object(Bucket="bkt", Key=key, Body=io.BytesIO(data), **more)


def create(client: "S3Client", **more: Any) -> str:
    return client.create_multipart_upload(Bucket="bkt", Key="k", **more)["UploadId"]


def send(client: "S3Client", upload_id: str, number: int = 1, **more: Any) -> Any:
    body = io.BytesIO(b"content")
    return client.upload_part(Bucket="bkt", Key="k", UploadId=upload_id, PartNumber=number, Body=body, **more)


def complete(client: "S3Client", upload_id: str, etag: str) -> Any:
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    return client.complete_multipart_upload(Bucket="bkt", Key="k", UploadId=upload_id, MultipartUpload=parts)


def list_parts(client: "S3Client", upload_id: str) -> list[int]:
    return [part["PartNumber"] for part in client.list_parts(Bucket="bkt", Key="k", UploadId=upload_id)["Parts"]]


# Refusals


def test_a_status_comes_as_often_as_was_said_and_before_the_body(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.status("PutObject", 503, times=2, retry_after=1))
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            put(client)
        answer: Any = caught.value.response
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"]) == ("SlowDown", "1")
    put(client)
    assert [(entry.status, entry.body_bytes) for entry in s3.requests] == [(503, 0), (503, 0), (200, 7)]


def test_a_status_may_wait_for_the_body(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.status("PutObject", 500, after_body=True))
    with refused("InternalError", 500):
        put(client)
    assert (s3.requests[0].body_bytes, s3.objects("bkt")) == (7, {})


@pytest.mark.parametrize("code", ["ExpiredToken", "AccessDenied", "NoSuchUpload", "RequestTimeTooSkewed"])
def test_any_error_of_s3_can_be_answered(s3: HostileS3, client: "S3Client", code: str) -> None:
    s3.script(Fault.error("CreateMultipartUpload", code))
    with refused(code):
        create(client)
    assert s3.uploads("bkt") == {}


def test_a_conflict_can_be_answered_by_status_and_code(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.status("PutObject", 409, code="ConditionalRequestConflict"))
    with refused("ConditionalRequestConflict", 409):
        put(client)


def test_an_expired_token(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.expired_token("UploadPart"))
    with refused("ExpiredToken", 400):
        send(client, create(client))


def test_complete_may_answer_200_with_an_error_and_leave_the_upload(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.error_in_200("CompleteMultipartUpload"))
    upload_id = create(client)
    etag = send(client, upload_id)["ETag"]
    with pytest.raises(ClientError, match="InternalError"):
        complete(client, upload_id, etag)
    assert [entry.status for entry in s3.requests if entry.operation == "CompleteMultipartUpload"] == [200]
    complete(client, upload_id, etag)


# Broken connections


@pytest.mark.parametrize("after_bytes", [0, 100_000, None])
def test_a_reset_after_so_many_bytes_stores_nothing(s3: HostileS3, client: "S3Client", after_bytes: int | None) -> None:
    s3.script(Fault.reset("PutObject", after_bytes=after_bytes))
    with pytest.raises(HTTPClientError):
        put(client, bytes(300_000))
    assert s3.objects("bkt") == {}
    put(client)
    assert [entry.status for entry in s3.requests] == [None, 200]
    assert s3.requests[0].body_bytes == (300_000 if after_bytes is None else after_bytes)


def test_a_connection_may_just_end(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.close("CreateMultipartUpload"))
    with pytest.raises(HTTPClientError):
        create(client)


@pytest.mark.parametrize("after_bytes", [0, 3, None])
def test_a_black_hole_lets_nothing_out_until_it_is_released(
    s3: HostileS3, client: "S3Client", elsewhere: Callable[..., Future[Any]], after_bytes: int | None
) -> None:
    s3.script(Fault.black_hole("PutObject", after_bytes=after_bytes))
    waiting = elsewhere(put, client)
    s3.wait_until_stuck()
    assert (s3.requests[0].status, s3.requests[0].ended) == (None, None)
    s3.release()
    with pytest.raises(HTTPClientError):
        waiting.result()
    assert s3.objects("bkt") == {}


def test_what_was_stuck_may_go_on_as_if_nothing_had_been(
    s3: HostileS3, client: "S3Client", elsewhere: Callable[..., Future[Any]]
) -> None:
    s3.script(Fault.black_hole("PutObject", after_bytes=None))
    waiting = elsewhere(put, client)
    s3.wait_until_stuck()
    assert s3.objects("bkt") == {}
    s3.release(go_on=True)
    assert waiting.result()["ETag"] == s3.objects("bkt")["k"].etag


def test_the_end_of_the_server_lets_everything_out(tmp_path: Path, elsewhere: Callable[..., Future[Any]]) -> None:
    with HostileS3(tmp_path / "s3") as s3, connected(s3) as client:
        s3.make_bucket("bkt")
        s3.script(Fault.black_hole("PutObject"))
        waiting = elsewhere(put, client)
        s3.wait_until_stuck()
    with pytest.raises(HTTPClientError):
        waiting.result()


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "AbortMultipartUpload", "CompleteMultipartUpload"])
def test_an_answer_may_be_lost_after_an_upload_s_operation(s3: HostileS3, client: "S3Client", operation: str) -> None:
    upload_id = create(client)
    etag = send(client, upload_id)["ETag"]
    s3.script(Fault.lost_answer(operation))
    calls: dict[str, Callable[[], object]] = {
        "CreateMultipartUpload": lambda: create(client),
        "AbortMultipartUpload": lambda: client.abort_multipart_upload(Bucket="bkt", Key="k", UploadId=upload_id),
        "CompleteMultipartUpload": lambda: complete(client, upload_id, etag),
    }
    with pytest.raises(HTTPClientError):
        calls[operation]()
    assert len(s3.uploads("bkt")) == {"CreateMultipartUpload": 2}.get(operation, 0)
    assert len(s3.objects("bkt")) == {"CompleteMultipartUpload": 1}.get(operation, 0)


def test_an_answer_may_be_lost_after_a_body_was_stored(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.lost_answer("PutObject"), Fault.lost_answer("UploadPart", reset=False))
    with pytest.raises(HTTPClientError):
        put(client)
    upload_id = create(client)
    with pytest.raises(HTTPClientError):
        send(client, upload_id)
    assert s3.objects("bkt")["k"].size == s3.uploads("bkt")[upload_id].parts[1].size == 7


# Answers that lie


def test_another_etag_may_be_answered_than_was_stored(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.wrong_etag("UploadPart"), Fault.wrong_etag("CompleteMultipartUpload"))
    upload_id = create(client)
    assert send(client, upload_id)["ETag"] == WRONG_ETAG
    stored = s3.uploads("bkt")[upload_id].parts[1].etag
    assert complete(client, upload_id, stored)["ETag"] == WRONG_ETAG
    assert WRONG_ETAG not in {stored, s3.objects("bkt")["k"].etag}


def test_another_checksum_may_be_echoed_than_was_sent(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.wrong_checksum("PutObject"), Fault.wrong_checksum("CompleteMultipartUpload"))
    stored = s3.put("bkt", "same", b"content").checksum
    assert stored is not None
    assert put(client)["ChecksumCRC64NVME"] != stored.value
    upload_id = create(client)
    etag = send(client, upload_id)["ETag"]
    answer = complete(client, upload_id, etag)
    assert (answer["ChecksumCRC64NVME"] != stored.value, answer["ChecksumType"]) == (True, "FULL_OBJECT")


def test_a_listing_may_lack_parts_or_have_too_many(s3: HostileS3, client: "S3Client") -> None:
    upload_id = create(client)
    for number in (1, 2, 3):
        send(client, upload_id, number)
    s3.script(Fault.hide_parts({2}), Fault.invent_parts({4: 5 << 20}))
    assert list_parts(client, upload_id) == [1, 3]
    assert list_parts(client, upload_id) == [1, 2, 3, 4]
    assert list_parts(client, upload_id) == [1, 2, 3]


def test_a_document_may_come_without_its_end(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.garbled("CreateMultipartUpload", keep=60))
    with refused("500"):  # so boto3 calls what it cannot parse
        create(client)


def test_an_answer_may_break_off(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.cut_answer("CreateMultipartUpload", keep=60))
    with pytest.raises((HTTPClientError, ResponseStreamingError)):
        create(client)
    assert len(s3.uploads("bkt")) == 1


def test_an_answer_may_stall_and_go_on(
    s3: HostileS3, client: "S3Client", elsewhere: Callable[..., Future[Any]]
) -> None:
    s3.script(Fault.stalled_answer("CreateMultipartUpload", keep=60))
    waiting = elsewhere(create, client)
    s3.wait_until_stuck()
    (upload_id,) = s3.uploads("bkt")
    s3.release(go_on=True)
    assert waiting.result() == upload_id


# Losses


def test_an_upload_may_be_lost(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.lose_upload("UploadPart"))
    kept, lost = create(client), create(client)
    with refused("NoSuchUpload", 404):
        send(client, lost)
    assert list(s3.uploads("bkt")) == [kept]


def test_all_uploads_may_be_lost(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.lose_all_uploads("HeadObject"))
    s3.put("bkt", "k", b"content")
    upload_id = create(client)
    client.head_object(Bucket="bkt", Key="k")
    with refused("NoSuchUpload"):
        list_parts(client, upload_id)


def test_parts_may_be_lost(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.lose_parts("CompleteMultipartUpload", {1}))
    upload_id = create(client)
    etag = send(client, upload_id)["ETag"]
    with refused("InvalidPart", 400):
        complete(client, upload_id, etag)
    assert list(s3.uploads("bkt")[upload_id].parts) == []


# Callbacks


@pytest.mark.parametrize(
    ("moment", "bytes_then", "stored_then"), [("before", 0, False), ("body", 7, False), ("after", 7, True)]
)
def test_a_test_may_act_at_a_moment_of_its_choice(
    s3: HostileS3, client: "S3Client", moment: Any, bytes_then: int, *, stored_then: bool
) -> None:
    seen: list[tuple[str, bool]] = []

    def look(request: Request) -> None:
        seen.append((request.key, "k" in s3.objects("bkt")))

    s3.script(Fault.call("PutObject", look, moment))
    put(client)
    assert seen == [("k", stored_then)]
    assert s3.requests[0].body_bytes >= bytes_then


def test_a_callback_takes_nothing_from_another_fault(s3: HostileS3, client: "S3Client") -> None:
    heard: list[str] = []
    s3.script(
        Fault.status("PutObject", 503), Fault.call("PutObject", lambda request: heard.append(request.key), times=2)
    )
    with refused("SlowDown"):
        put(client, key="first")
    put(client, key="second")
    assert heard == ["first", "second"]


def test_somebody_else_may_write_just_before_complete(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.call("CompleteMultipartUpload", lambda _: s3.put("bkt", "k", b"theirs"), "body"))
    upload_id = create(client)
    etag = send(client, upload_id)["ETag"]
    with refused("PreconditionFailed", 412):
        client.complete_multipart_upload(
            Bucket="bkt",
            Key="k",
            UploadId=upload_id,
            IfNoneMatch="*",
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]},
        )
    assert s3.objects("bkt")["k"].path.read_bytes() == b"theirs"
