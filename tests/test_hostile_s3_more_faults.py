"""The hostile S3 refuses connections, takes its time and tells lies about what was done."""

import io
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError
from tests.support.hostile_s3 import Fault, HostileS3, connected, refused
from tests.support.hostile_s3.deceptions import PAGE_LIES, PageLie

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", min_part_size=4) as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def client(s3: HostileS3) -> Iterator["S3Client"]:
    with connected(s3) as client:
        yield client


def put(client: "S3Client", data: bytes = b"content", key: str = "k", **more: Any) -> Any:
    return client.put_object(Bucket="bkt", Key=key, Body=io.BytesIO(data), **more)


def create(client: "S3Client", **more: Any) -> str:
    return client.create_multipart_upload(Bucket="bkt", Key="k", **more)["UploadId"]


def send(client: "S3Client", upload_id: str, number: int = 1, **more: Any) -> str:
    body = io.BytesIO(b"content")
    return client.upload_part(Bucket="bkt", Key="k", UploadId=upload_id, PartNumber=number, Body=body, **more)["ETag"]


def complete(client: "S3Client", upload_id: str, etag: str, **more: Any) -> Any:
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    return client.complete_multipart_upload(Bucket="bkt", Key="k", UploadId=upload_id, MultipartUpload=parts, **more)


def page(client: "S3Client", upload_id: str, after: int = 0) -> dict[str, Any]:
    return dict(client.list_parts(Bucket="bkt", Key="k", UploadId=upload_id, PartNumberMarker=after))


def numbers(answer: dict[str, Any]) -> list[int]:
    return [part["PartNumber"] for part in answer.get("Parts", ())]


# No way in


def test_connections_are_refused_meanwhile_and_taken_afterwards(s3: HostileS3, client: "S3Client") -> None:
    put(client)
    with s3.refusing():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", s3.port))
        with pytest.raises(EndpointConnectionError):  # the connection that it still had is broken, too
            put(client)
    put(client)
    assert s3.operations() == ["PutObject", "PutObject"]


def test_to_refuse_or_to_listen_twice_is_no_error(s3: HostileS3, client: "S3Client") -> None:
    s3.refuse()
    s3.refuse()
    s3.listen_again()
    s3.listen_again()
    put(client)


def test_a_server_may_end_while_it_refuses(tmp_path: Path) -> None:
    with HostileS3(tmp_path / "s3") as s3:
        s3.refuse()
    s3.listen_again()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", s3.port))


def test_so_many_connections_are_reset_as_soon_as_they_are_made(s3: HostileS3, client: "S3Client") -> None:
    s3.turn_away(2)
    for _ in range(2):
        with pytest.raises((EndpointConnectionError, HTTPClientError)):  # as soon as it notices
            put(client)
    put(client)
    assert s3.operations() == ["PutObject"]


def test_connections_to_be_turned_away_that_never_come_fail_the_test(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"turn_away \(1 more\)"), HostileS3(tmp_path / "s3") as s3:
        s3.turn_away(1)


def test_a_request_may_bring_the_server_down_until_the_test_has_it_listen_again(
    s3: HostileS3, client: "S3Client"
) -> None:
    s3.script(Fault.go_down("PutObject"))
    with pytest.raises(HTTPClientError):
        put(client)
    with pytest.raises(EndpointConnectionError):
        put(client)
    s3.listen_again()
    put(client)


def test_a_request_may_bring_the_server_down_for_a_while(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.go_down("PutObject", 0.01))
    with pytest.raises(HTTPClientError):
        put(client)
    assert any(is_stored(client) for _ in range(10_000))
    assert list(s3.objects("bkt")) == ["k"]


def is_stored(client: "S3Client") -> bool:
    try:
        put(client)
    except EndpointConnectionError:
        return False
    return True


# Refusals that last


def test_slow_down_may_last_until_the_test_has_it_end(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.slow_down(times=None, retry_after=7))
    for call in (put, create):
        with pytest.raises(ClientError) as caught:
            call(client)
        answer: Any = caught.value.response
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"]) == ("SlowDown", "7")
    s3.calm()
    put(client)


def test_what_is_calmed_before_it_was_hit_is_still_told(tmp_path: Path) -> None:
    s3 = HostileS3(tmp_path / "s3")
    s3.script(Fault.slow_down(times=None))
    s3.calm()
    with pytest.raises(AssertionError, match="not hit: status 503"):
        s3.check()


def test_what_comes_so_many_times_is_not_calmed(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.slow_down("PutObject"))
    s3.calm()
    with refused("SlowDown"):
        put(client)


@pytest.mark.parametrize("status", [403, 503])
def test_an_error_in_the_middle_of_a_body_is_heard_before_the_rest_is_sent(s3: HostileS3, status: int) -> None:
    s3.check_signatures = False
    s3.script(Fault.status("PutObject", status, after_bytes=3))
    with socket.create_connection(("127.0.0.1", s3.port)) as sock:
        sock.sendall(b"PUT /bkt/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nabc")
        answer = b"".join(iter(lambda: sock.recv(4096), b""))
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert (s3.requests[0].body_bytes, s3.objects("bkt")) == (3, {})


# Answers that take their time


def test_an_answer_may_come_a_few_bytes_at_a_time(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.slow_answer("CreateMultipartUpload", delay_s=0.0001, step=7))
    assert create(client) in s3.uploads("bkt")


def test_an_answer_that_trickles_keeps_a_reader_waiting_without_end(s3: HostileS3) -> None:
    s3.check_signatures = False
    s3.script(Fault.slow_answer("HeadBucket", delay_s=0.0001))
    with socket.create_connection(("127.0.0.1", s3.port)) as sock:
        sock.sendall(b"HEAD /bkt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        pieces = list(iter(lambda: sock.recv(4096), b""))
    assert b"".join(pieces).startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(pieces) > 10


def test_a_trickle_ends_with_the_server(tmp_path: Path) -> None:
    with HostileS3(tmp_path / "s3", check_signatures=False) as s3:
        s3.script(Fault.slow_answer("ListBuckets", delay_s=3600.0))
        with socket.create_connection(("127.0.0.1", s3.port)) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while not s3.requests or s3.requests[0].ended is None:
                pass
            s3.stop()
            with pytest.raises(ConnectionResetError):
                sock.recv(1)


def test_a_body_may_be_read_a_few_bytes_at_a_time(s3: HostileS3, client: "S3Client") -> None:
    seen: list[int] = []
    s3.script(Fault.slow_body("PutObject", delay_s=0.0001, step=1))
    s3.script(Fault.call("PutObject", lambda _: seen.append(1), "body"))
    put(client, b"1234567")
    assert (s3.objects("bkt")["k"].path.read_bytes(), seen) == (b"1234567", [1])


def test_a_place_in_a_slow_body_is_met_exactly(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.slow_body("PutObject", delay_s=0.0, step=1000))
    put(client, bytes(2500))
    assert s3.requests[0].body_bytes == 2500


@pytest.mark.parametrize(("done", "stored"), [(True, 1), (False, 0)])
def test_silence_may_come_before_the_operation_or_after_it(s3: HostileS3, *, done: bool, stored: int) -> None:
    s3.script(Fault.late("CreateMultipartUpload", 0.2, done=done))
    with connected(s3, read_timeout=0.05) as impatient, pytest.raises(HTTPClientError):
        create(impatient)
    assert len(s3.uploads("bkt")) == stored


# Complete


def test_complete_may_send_spaces_for_a_long_time_and_then_its_result(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.keep_alive("CompleteMultipartUpload", delay_s=0.001, spaces=5))
    upload_id = create(client)
    answer = complete(client, upload_id, send(client, upload_id))
    assert answer["ETag"] == s3.objects("bkt")["k"].etag
    put(client)  # the connection is still good


def test_complete_may_send_spaces_and_then_an_error(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.keep_alive("CompleteMultipartUpload", delay_s=0.001, spaces=5))
    upload_id = create(client)
    send(client, upload_id)
    with refused("InvalidPart", 500):  # botocore's word for an error in a 200
        complete(client, upload_id, '"other"')
    assert (s3.requests[-1].status, s3.requests[-1].code) == (200, "InvalidPart")


def test_spaces_keep_an_impatient_client_waiting(s3: HostileS3) -> None:
    s3.script(Fault.keep_alive("CompleteMultipartUpload", delay_s=0.02, spaces=10))
    with connected(s3, read_timeout=0.1) as client:
        upload_id = create(client)
        complete(client, upload_id, send(client, upload_id))


@pytest.mark.parametrize(
    ("code", "status", "heard"),
    [
        ("InternalError", 200, 500),  # botocore's word for an error in a 200
        ("PreconditionFailed", None, 412),
        ("ConditionalRequestConflict", None, 409),
        ("NoSuchUpload", None, 404),
        ("SlowDown", None, 503),
    ],
)
def test_complete_may_have_succeeded_and_say_otherwise(
    s3: HostileS3, client: "S3Client", code: str, status: int | None, heard: int
) -> None:
    s3.script(Fault.false_refusal("CompleteMultipartUpload", code, status=status))
    upload_id = create(client)
    with refused(code, heard):
        complete(client, upload_id, send(client, upload_id))
    assert (list(s3.objects("bkt")), s3.uploads("bkt")) == (["k"], {})


def test_what_is_refused_in_truth_is_answered_so(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.false_refusal("CompleteMultipartUpload", "InternalError"))
    with refused("NoSuchUpload", 404):
        complete(client, "none", '"etag"')


@pytest.mark.parametrize("operation", ["PutObject", "CompleteMultipartUpload"])
@pytest.mark.parametrize("moment", ["before", "body"])
def test_somebody_else_may_be_first(s3: HostileS3, client: "S3Client", operation: str, moment: Any) -> None:
    s3.script(Fault.foreign_object(operation, moment=moment))
    calls: dict[str, Callable[[], object]] = {
        "PutObject": lambda: put(client, IfNoneMatch="*"),
        "CompleteMultipartUpload": lambda: complete(client, upload_id, send(client, upload_id), IfNoneMatch="*"),
    }
    upload_id = create(client)
    with refused("PreconditionFailed", 412):
        calls[operation]()
    assert s3.objects("bkt")["k"].path.read_bytes() == b"theirs"


def test_somebody_else_may_write_between_head_and_complete(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.foreign_object("HeadObject", b"late", moment="after"), Fault.error("HeadObject", "NoSuchKey"))
    with refused("404"):
        client.head_object(Bucket="bkt", Key="k")
    assert s3.objects("bkt")["k"].path.read_bytes() == b"late"


def test_somebody_else_may_write_at_another_key(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.foreign_object("PutObject", to="beside"))
    put(client)
    assert [found.size for found in s3.objects("bkt").values()] == [6, 7]


# Documents


def test_a_document_may_end_in_its_middle(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.truncated_xml("CreateMultipartUpload"))
    with refused("500"):  # so boto3 calls what it cannot parse
        create(client)
    assert len(s3.uploads("bkt")) == 1


@pytest.mark.parametrize("status", [200, 403, 502])
def test_a_web_page_may_come_instead(s3: HostileS3, client: "S3Client", status: int) -> None:
    s3.script(Fault.web_page("CreateMultipartUpload", status))
    with pytest.raises((ClientError, KeyError)):
        create(client)


def sent(client: "S3Client", count: int) -> str:
    upload_id = create(client)
    for number in range(1, count + 1):
        send(client, upload_id, number)
    return upload_id


@pytest.mark.parametrize(
    ("lie", "after", "shown", "marker"),
    [
        ("repeated", 2, [1, 2], 2),
        ("repeated", 4, [1, 2], 2),
        ("no_marker", 0, [1, 2], None),
        ("no_marker", 4, [5], None),
        ("backwards", 2, [3, 4], 1),
        ("backwards", 0, [1, 2], 0),
        ("skipping", 0, [3, 4], 2),
        ("foreign", 2, [1, 2], 4),
    ],
)
def test_pages_of_parts_may_lie(  # noqa: PLR0917 - a case
    s3: HostileS3, client: "S3Client", lie: PageLie, after: int, shown: list[int], marker: int | None
) -> None:
    s3.list_page_size = 2
    upload_id = sent(client, 5)
    s3.script(Fault.lying_pages(lie))
    found = page(client, upload_id, after)
    assert (found["IsTruncated"], numbers(found), found.get("NextPartNumberMarker")) == (True, shown, marker)
    assert numbers(page(client, upload_id, after)) == [number for number in range(1, 6) if number > after][:2]


def test_every_lie_about_pages_can_be_named() -> None:
    assert set(get_args(PageLie)) == set(PAGE_LIES)


# Elsewhere


@pytest.mark.parametrize("status", [301, 307])
def test_a_bucket_may_be_in_another_region(s3: HostileS3, status: int) -> None:
    s3.script(Fault.redirect("PutObject", "eu-west-3", status=status, times=None))
    s3.check_signatures = False
    with socket.create_connection(("127.0.0.1", s3.port)) as sock:
        sock.sendall(b"PUT /bkt/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: sock.recv(4096), b"")).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert "x-amz-bucket-region: eu-west-3\r\n" in answer
    assert "<Endpoint>bkt.s3.eu-west-3.amazonaws.com</Endpoint>" in answer


def test_a_redirect_of_head_has_a_header_and_no_body(s3: HostileS3) -> None:
    s3.script(Fault.redirect("HeadObject", "eu-west-3"))
    s3.check_signatures = False
    with socket.create_connection(("127.0.0.1", s3.port)) as sock:
        sock.sendall(b"HEAD /bkt/k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: sock.recv(4096), b"")).decode()
    assert answer.startswith("HTTP/1.1 301 ")
    assert "x-amz-bucket-region: eu-west-3\r\n" in answer
    assert answer.endswith("\r\n\r\n")
