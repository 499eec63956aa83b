"""The hostile S3's script: which requests a fault is for, and what happens to faults that none came for."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import HTTPClientError
from tests.support.hostile_s3 import Fault, HostileS3, Request, connected, refused

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


def send(client: "S3Client", upload_id: str, number: int = 1, **more: Any) -> Any:
    body = io.BytesIO(b"content")
    return client.upload_part(Bucket="bkt", Key="k", UploadId=upload_id, PartNumber=number, Body=body, **more)


# Which requests


def test_a_fault_may_be_for_one_part_or_one_key(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.status("UploadPart", 503, part=2), Fault.status("PutObject", 503, key="other"))
    upload_id = create(client)
    send(client, upload_id, 1)
    with refused("SlowDown"):
        send(client, upload_id, 2)
    put(client)
    with refused("SlowDown"):
        put(client, key="other")


def test_a_fault_may_let_some_go_first(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.status("PutObject", 503, skip=2))
    put(client)
    put(client)
    with refused("SlowDown"):
        put(client)


def test_a_fault_may_judge_the_request_itself(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.status("*", 503, where=lambda request: request.headers.get("x-amz-meta-n") == "2"))
    put(client, Metadata={"n": "1"})
    with refused("SlowDown"):
        put(client, Metadata={"n": "2"})


def test_a_fault_may_last_for_ever(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.status("PutObject", 503, times=None))
    for _ in range(3):
        with refused("SlowDown"):
            put(client)
    assert s3.unhit() == []


def test_faults_act_one_after_the_other(s3: HostileS3, client: "S3Client") -> None:
    s3.script(Fault.status("PutObject", 503), Fault.status("PutObject", 500))
    with refused("SlowDown"):
        put(client)
    with refused("InternalError"):
        put(client)
    assert [entry.faults for entry in s3.requests] == [("status 503",), ("status 500",)]


# The end


def test_a_fault_that_was_not_hit_fails_the_test(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"not hit: status 503 at UploadPart part 3 \(2 more\)"):
        run(tmp_path, Fault.status("UploadPart", 503, part=3, times=2), lambda _: None)


def test_the_test_s_own_failure_goes_before_faults_that_were_not_hit(tmp_path: Path) -> None:
    def fail(_: "S3Client") -> None:
        raise KeyError

    with pytest.raises(KeyError):
        run(tmp_path, Fault.status("UploadPart", 503), fail)


def test_a_callback_that_fails_fails_the_test(tmp_path: Path) -> None:
    def fail(_: Request) -> None:
        raise ValueError("not as expected")

    with pytest.raises(AssertionError, match="not as expected"):
        run(tmp_path, Fault.call("PutObject", fail), break_off)


def test_a_fault_in_a_body_that_never_came_was_not_hit(tmp_path: Path) -> None:
    def refused_before(client: "S3Client") -> None:
        with refused("NoSuchBucket"):
            client.put_object(Bucket="other", Key="k", Body=io.BytesIO(b"content"))

    with pytest.raises(AssertionError, match="not hit: reset"):
        run(tmp_path, Fault.reset("PutObject", after_bytes=3), refused_before)


def run(tmp_path: Path, fault: Fault, test: Callable[["S3Client"], None]) -> None:
    """What a test does with the server, from its start to its end."""
    with HostileS3(tmp_path / "s3") as s3, connected(s3) as client:
        s3.make_bucket("bkt")
        s3.script(fault)
        test(client)


def break_off(client: "S3Client") -> None:
    with pytest.raises(HTTPClientError):
        put(client)
