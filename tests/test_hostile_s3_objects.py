"""The hostile S3 stores whole objects by S3's rules."""

import base64
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from tests.support.hostile_s3 import Checksum, HostileS3, connected, refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHECKSUMS = {
    "ChecksumCRC32": "DUoRhQ==",
    "ChecksumCRC32C": "yZRlqg==",
    "ChecksumCRC64NVME": "jSnVw/bqjr4=",
    "ChecksumSHA1": "Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
    "ChecksumSHA256": "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
}
"""Of `hello world`."""


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3") as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def client(s3: HostileS3) -> Iterator["S3Client"]:
    with connected(s3) as client:
        yield client


def test_what_was_put_is_given_back_with_all_that_was_said_of_it(s3: HostileS3, client: "S3Client") -> None:
    client.put_object(
        Bucket="bkt",
        Key="k",
        Body=io.BytesIO(b"hello world"),
        Metadata={"Nonce": "n"},
        ContentType="application/vnd.apache.parquet",
        StorageClass="STANDARD_IA",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId="key-1",
        Tagging="a=1&b=2",
    )
    head = client.head_object(Bucket="bkt", Key="k")
    assert head["ContentLength"] == 11
    assert head["Metadata"] == {"nonce": "n"}
    assert head["ContentType"] == "application/vnd.apache.parquet"
    assert head["StorageClass"] == "STANDARD_IA"
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "key-1")
    assert client.get_object_tagging(Bucket="bkt", Key="k")["TagSet"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b", "Value": "2"},
    ]
    assert s3.objects("bkt")["k"].etag == head["ETag"]


@pytest.mark.parametrize(
    ("asked", "given"),
    [("bytes=0-4", b"hello"), ("bytes=6-", b"world"), ("bytes=-3", b"rld"), ("lines=1", b"hello world")],
)
def test_ranges_of_an_object_can_be_read(s3: HostileS3, client: "S3Client", asked: str, given: bytes) -> None:
    s3.put("bkt", "k", b"hello world")
    with client.get_object(Bucket="bkt", Key="k", Range=asked)["Body"] as body:
        assert body.read() == given


def test_a_range_behind_the_end_is_refused(s3: HostileS3, client: "S3Client") -> None:
    s3.put("bkt", "k", b"hello")
    with refused("InvalidRange", 416):
        client.get_object(Bucket="bkt", Key="k", Range="bytes=5-")


def test_the_etag_is_the_md5_unless_it_is_to_say_nothing(s3: HostileS3, client: "S3Client") -> None:
    plain = client.put_object(Bucket="bkt", Key="k", Body=b"hello world")["ETag"]
    hidden = client.put_object(Bucket="bkt", Key="k", Body=b"hello world", ServerSideEncryption="aws:kms")["ETag"]
    s3.random_etags = True
    random = client.put_object(Bucket="bkt", Key="k", Body=b"hello world")["ETag"]
    assert plain == f'"{hashlib.md5(b"hello world").hexdigest()}"'
    assert len({plain, hidden, random}) == 3


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_right_checksum_is_echoed_and_kept(client: "S3Client", name: Any) -> None:
    value: Any = {name: CHECKSUMS[name]}
    answer: Any = client.put_object(Bucket="bkt", Key="k", Body=io.BytesIO(b"hello world"), **value)
    head: Any = client.head_object(Bucket="bkt", Key="k", ChecksumMode="ENABLED")
    assert (answer[name], head[name], head["ChecksumType"]) == (CHECKSUMS[name], CHECKSUMS[name], "FULL_OBJECT")
    assert name not in client.head_object(Bucket="bkt", Key="k")


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_wrong_checksum_is_refused_and_nothing_is_stored(s3: HostileS3, client: "S3Client", name: Any) -> None:
    value: Any = {name: CHECKSUMS[name]}
    with refused("BadDigest", 400):
        client.put_object(Bucket="bkt", Key="k", Body=io.BytesIO(b"hello"), **value)
    assert s3.objects("bkt") == {}


def test_a_checksum_that_can_be_none_is_refused(client: "S3Client") -> None:
    with refused("InvalidRequest", 400):
        client.put_object(Bucket="bkt", Key="k", Body=b"hello", ChecksumCRC32="short")


def test_two_checksums_at_once_are_refused(client: "S3Client") -> None:
    with refused("InvalidRequest", 400):
        client.put_object(Bucket="bkt", Key="k", Body=b"hello", ChecksumCRC32="AAAAAA==", ChecksumCRC32C="AAAAAA==")


def test_without_a_checksum_the_store_computes_one(s3: HostileS3, client: "S3Client") -> None:
    answer = client.put_object(Bucket="bkt", Key="k", Body=b"hello world")
    assert answer["ChecksumCRC64NVME"] == CHECKSUMS["ChecksumCRC64NVME"]
    s3.default_checksum = False
    assert "ChecksumCRC64NVME" not in client.put_object(Bucket="bkt", Key="k", Body=b"hello world")


@pytest.mark.parametrize(
    ("value", "code"),
    [("AAAA", "InvalidDigest"), (base64.b64encode(bytes(16)).decode(), "BadDigest")],
    ids=["malformed", "wrong"],
)
def test_content_md5_is_checked(client: "S3Client", value: str, code: str) -> None:
    with refused(code, 400):
        client.put_object(Bucket="bkt", Key="k", Body=b"hello", ContentMD5=value)


def test_a_right_content_md5_is_taken(client: "S3Client") -> None:
    value = base64.b64encode(hashlib.md5(b"hello").digest()).decode()
    client.put_object(Bucket="bkt", Key="k", Body=b"hello", ContentMD5=value)


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_checksum_that_trails_the_body_is_checked_and_kept(s3: HostileS3, client: "S3Client", name: str) -> None:
    algorithm: Any = name.removeprefix("Checksum")
    client.meta.events.register("before-call.s3.PutObject", as_over_https)
    client.put_object(Bucket="bkt", Key="k", Body=io.BytesIO(b"hello world"), ChecksumAlgorithm=algorithm)
    stored = s3.objects("bkt")["k"]
    assert stored.path.read_bytes() == b"hello world"
    assert stored.checksum == Checksum(algorithm, CHECKSUMS[name])
    assert "content-encoding" not in stored.headers


def test_a_wrong_trailing_checksum_is_refused(s3: HostileS3, client: "S3Client") -> None:
    def damage(request: AWSPreparedRequest, **_: Any) -> None:
        body: Any = request.body
        request.body = io.BytesIO(body.read().replace(b"hello", b"HELLO"))

    client.meta.events.register("before-call.s3.PutObject", as_over_https)
    client.meta.events.register("before-send.s3.PutObject", damage)
    with refused("BadDigest", 400):
        client.put_object(Bucket="bkt", Key="k", Body=io.BytesIO(b"hello world"), ChecksumAlgorithm="CRC32")
    assert s3.objects("bkt") == {}


def as_over_https(params: dict[str, Any], **_: Any) -> None:
    """Let boto3 frame the body and put the checksum behind it."""
    params["context"]["checksum"]["request_algorithm"]["in"] = "trailer"


def test_a_write_on_condition_that_nothing_is_there(s3: HostileS3, client: "S3Client") -> None:
    client.put_object(Bucket="bkt", Key="k", Body=b"first", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        client.put_object(Bucket="bkt", Key="k", Body=b"second", IfNoneMatch="*")
    assert s3.objects("bkt")["k"].path.read_bytes() == b"first"


def test_a_write_on_condition_of_an_etag(client: "S3Client") -> None:
    with refused("NoSuchKey", 404):
        client.put_object(Bucket="bkt", Key="k", Body=b"second", IfMatch='"any"')
    etag = client.put_object(Bucket="bkt", Key="k", Body=b"first")["ETag"]
    client.put_object(Bucket="bkt", Key="k", Body=b"second", IfMatch=etag)
    with refused("PreconditionFailed", 412):
        client.put_object(Bucket="bkt", Key="k", Body=b"third", IfMatch=etag)


def test_a_read_on_condition_of_an_etag(s3: HostileS3, client: "S3Client") -> None:
    etag = s3.put("bkt", "k", b"content").etag
    with refused("412", 412):
        client.head_object(Bucket="bkt", Key="k", IfMatch='"other"')
    with refused("304", 304):
        client.get_object(Bucket="bkt", Key="k", IfNoneMatch=etag)


def test_a_bucket_that_is_not_there(client: "S3Client") -> None:
    with refused("NoSuchBucket", 404):
        client.put_object(Bucket="other", Key="k", Body=b"content")
    with refused("404", 404):
        client.head_bucket(Bucket="other")


def test_buckets_are_made_once(client: "S3Client") -> None:
    client.create_bucket(Bucket="fresh")
    client.head_bucket(Bucket="fresh")
    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["bkt", "fresh"]
    with refused("BucketAlreadyOwnedByYou", 409):
        client.create_bucket(Bucket="fresh")


def test_keys_have_1024_bytes_at_most(client: "S3Client") -> None:
    client.put_object(Bucket="bkt", Key="k" * 1024, Body=b"content")
    with refused("KeyTooLongError", 400):
        client.put_object(Bucket="bkt", Key="ä" * 513, Body=b"content")


def test_a_body_over_the_limit_is_refused_before_it_is_sent(s3: HostileS3, client: "S3Client") -> None:
    s3.max_part_size = 4
    with refused("EntityTooLarge", 400):
        client.put_object(Bucket="bkt", Key="k", Body=io.BytesIO(b"12345"))
    assert s3.requests[0].body_bytes == 0


def test_another_owner_of_the_bucket_than_expected(client: "S3Client") -> None:
    client.put_object(Bucket="bkt", Key="k", Body=b"content", ExpectedBucketOwner="123456789012")
    with refused("AccessDenied", 403):
        client.put_object(Bucket="bkt", Key="k", Body=b"content", ExpectedBucketOwner="000000000000")


def test_denied_operations(s3: HostileS3, client: "S3Client") -> None:
    s3.deny = {"HeadObject", "PutObject"}
    with refused("403", 403):
        client.head_object(Bucket="bkt", Key="k")
    with refused("AccessDenied", 403):
        client.put_object(Bucket="bkt", Key="k", Body=b"content")


def test_without_the_right_to_list_an_absent_key_is_forbidden(s3: HostileS3, client: "S3Client") -> None:
    with refused("404", 404):
        client.head_object(Bucket="bkt", Key="k")
    s3.deny = {"ListBucket"}
    with refused("403", 403):
        client.head_object(Bucket="bkt", Key="k")
    with refused("AccessDenied", 403):
        client.list_objects_v2(Bucket="bkt")


@pytest.mark.parametrize("kind", ["redirect", "malformed"])
def test_boto3_follows_to_the_right_region(s3: HostileS3, client: "S3Client", kind: Any) -> None:
    s3.region, s3.wrong_region = "eu-west-1", kind
    client.put_object(Bucket="bkt", Key="k", Body=io.BytesIO(b"content"))
    assert [entry.status for entry in s3.requests] == [301 if kind == "redirect" else 400, 200]
    assert client.get_bucket_location(Bucket="bkt")["LocationConstraint"] == "eu-west-1"


def test_boto3_follows_a_head_to_the_right_region(s3: HostileS3, client: "S3Client") -> None:
    s3.put("bkt", "k", b"content")
    s3.region = "eu-west-1"
    assert client.head_object(Bucket="bkt", Key="k")["ContentLength"] == 7
    assert [entry.status for entry in s3.requests] == [301, 200]


def test_versions_stay_readable(s3: HostileS3, client: "S3Client") -> None:
    s3.versioning = True
    first = client.put_object(Bucket="bkt", Key="k", Body=b"first")["VersionId"]
    second = client.put_object(Bucket="bkt", Key="k", Body=b"second!")["VersionId"]
    assert client.head_object(Bucket="bkt", Key="k")["VersionId"] == second
    assert client.head_object(Bucket="bkt", Key="k", VersionId=first)["ContentLength"] == 5
    with refused("404", 404):
        client.head_object(Bucket="bkt", Key="k", VersionId="none")


def test_a_deleted_object_is_gone(s3: HostileS3, client: "S3Client") -> None:
    path = s3.put("bkt", "k", b"content").path
    client.delete_object(Bucket="bkt", Key="k")
    client.delete_object(Bucket="bkt", Key="k")
    with refused("NoSuchKey", 404):
        client.get_object(Bucket="bkt", Key="k")
    assert not path.exists()


def test_objects_are_listed_in_pages_by_the_bytes_of_their_keys(s3: HostileS3, client: "S3Client") -> None:
    s3.list_page_size = 2
    keys = ["Z", "a b", "a/1", "a/2", "ä&<", "z"]
    for key in keys:
        s3.put("bkt", key, b"content")
    pages = list(client.get_paginator("list_objects_v2").paginate(Bucket="bkt"))
    assert [found["Key"] for page in pages for found in page["Contents"]] == sorted(keys, key=str.encode)
    assert [page["KeyCount"] for page in pages] == [2, 2, 2]


def test_a_listing_can_be_of_a_prefix_and_fold_what_is_below(s3: HostileS3, client: "S3Client") -> None:
    for key in ("p/1", "p/sub/1", "p/sub/2", "q"):
        s3.put("bkt", key, b"content")
    page = client.list_objects_v2(Bucket="bkt", Prefix="p/", Delimiter="/")
    assert [found["Key"] for found in page["Contents"]] == ["p/1"]
    assert [found["Prefix"] for found in page["CommonPrefixes"]] == ["p/sub/"]


@pytest.mark.parametrize("key", ["a", "a/b", "a//b", "dir/", ".hidden", "con.txt", "n" * 300, "ä/ö", "x." * 3])
def test_any_key_can_be_stored(s3: HostileS3, client: "S3Client", key: str) -> None:
    s3.put("bkt", "a", b"in the way")
    client.put_object(Bucket="bkt", Key=key, Body=b"content")
    with client.get_object(Bucket="bkt", Key=key)["Body"] as body:
        assert body.read() == b"content"


def test_an_object_is_a_plain_file_below_its_bucket(s3: HostileS3, tmp_path: Path) -> None:
    s3.put("bkt", "dt=2026-11-23/part-0.parquet", b"content")
    assert (tmp_path / "s3" / "bkt" / "dt=2026-11-23" / "part-0.parquet").read_bytes() == b"content"


def test_what_this_store_does_not_have_is_not_implemented(client: "S3Client") -> None:
    with refused("NotImplemented", 501):
        client.get_bucket_cors(Bucket="bkt")
    with refused("NotImplemented", 501):
        client.copy_object(Bucket="bkt", Key="k", CopySource="bkt/other")


def test_a_named_algorithm_without_its_checksum_is_refused(client: "S3Client") -> None:
    def drop(request: AWSRequest, **_: Any) -> None:
        request.headers["x-amz-sdk-checksum-algorithm"] = "CRC32"

    with refused("InvalidRequest", 400):
        client.meta.events.register("before-sign.s3", drop)
        client.put_object(Bucket="bkt", Key="k", Body=b"content")
