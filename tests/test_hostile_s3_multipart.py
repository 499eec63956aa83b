"""The hostile S3 makes objects of parts by S3's rules."""

import base64
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from awscrt import checksums
from tests.support.hostile_s3 import Checksum, HostileS3, connected, refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PARTS = (b"first part ", b"second part ", b"end")
WHOLE = b"".join(PARTS)


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", min_part_size=5) as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def client(s3: HostileS3) -> Iterator["S3Client"]:
    with connected(s3) as client:
        yield client


def crc64nvme(data: bytes) -> str:
    return base64.b64encode(checksums.crc64nvme(data).to_bytes(8, "big")).decode()


def crc32(data: bytes) -> str:
    return base64.b64encode(checksums.crc32(data).to_bytes(4, "big")).decode()


def sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def create(client: "S3Client", **more: Any) -> str:
    return client.create_multipart_upload(Bucket="bkt", Key="k", **more)["UploadId"]


def send(client: "S3Client", upload_id: str, number: int, data: bytes, **more: Any) -> Any:
    body = io.BytesIO(data)
    answer: Any = client.upload_part(Bucket="bkt", Key="k", UploadId=upload_id, PartNumber=number, Body=body, **more)
    kept = {name: answer[name] for name in answer if name == "ETag" or name.startswith("Checksum")}
    return {"PartNumber": number, **kept}


def complete(client: "S3Client", upload_id: str, parts: list[Any], **more: Any) -> Any:
    return client.complete_multipart_upload(
        Bucket="bkt", Key="k", UploadId=upload_id, MultipartUpload={"Parts": parts}, **more
    )


def sent(client: "S3Client", **more: Any) -> tuple[str, list[Any]]:
    """An upload with all parts, and no algorithm."""
    upload_id = create(client, **more)
    return upload_id, [send(client, upload_id, number, data) for number, data in enumerate(PARTS, 1)]


def sent_with_crc64nvme(client: "S3Client") -> tuple[str, list[Any]]:
    upload_id = create(client, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT")
    numbered = enumerate(PARTS, 1)
    return upload_id, [send(client, upload_id, n, data, ChecksumCRC64NVME=crc64nvme(data)) for n, data in numbered]


def test_parts_become_an_object(s3: HostileS3, client: "S3Client") -> None:
    upload_id, parts = sent(client, Metadata={"nonce": "n"}, StorageClass="GLACIER", ContentType="text/plain")
    answer = complete(client, upload_id, parts)
    stored = s3.objects("bkt")["k"]
    etags = b"".join(hashlib.md5(data).digest() for data in PARTS)
    assert answer["ETag"] == stored.etag == f'"{hashlib.md5(etags).hexdigest()}-3"'
    assert stored.path.read_bytes() == WHOLE
    assert [part.size for part in stored.parts] == [len(data) for data in PARTS]
    head = client.head_object(Bucket="bkt", Key="k")
    assert (head["Metadata"], head["StorageClass"], head["ContentType"]) == ({"nonce": "n"}, "GLACIER", "text/plain")
    assert s3.uploads("bkt") == {}


def test_a_whole_object_checksum_is_confirmed(s3: HostileS3, client: "S3Client") -> None:
    upload_id, parts = sent_with_crc64nvme(client)
    answer = complete(
        client,
        upload_id,
        parts,
        ChecksumCRC64NVME=crc64nvme(WHOLE),
        ChecksumType="FULL_OBJECT",
        MpuObjectSize=len(WHOLE),
    )
    assert (answer["ChecksumCRC64NVME"], answer["ChecksumType"]) == (crc64nvme(WHOLE), "FULL_OBJECT")
    assert s3.objects("bkt")["k"].checksum == Checksum("CRC64NVME", crc64nvme(WHOLE), "FULL_OBJECT")
    head = client.head_object(Bucket="bkt", Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == (crc64nvme(WHOLE), "FULL_OBJECT")


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ({"ChecksumCRC64NVME": crc64nvme(b"other")}, "BadDigest"),
        ({"ChecksumCRC64NVME": "nonsense"}, "InvalidRequest"),
        ({"ChecksumCRC32": crc32(WHOLE)}, "BadDigest"),
        ({"MpuObjectSize": len(WHOLE) - 1}, "InvalidRequest"),
        ({"ChecksumType": "COMPOSITE"}, "InvalidRequest"),
    ],
    ids=["wrong", "malformed", "other algorithm", "size", "type"],
)
def test_a_wrong_claim_about_the_whole_leaves_the_upload_as_it_was(
    s3: HostileS3, client: "S3Client", claim: dict[str, Any], code: str
) -> None:
    upload_id, parts = sent_with_crc64nvme(client)
    with refused(code, 400):
        complete(client, upload_id, parts, **claim)
    assert s3.objects("bkt") == {}
    complete(client, upload_id, parts)


def test_a_crc_may_be_of_the_whole_object_or_of_its_parts(client: "S3Client") -> None:
    whole = create(client, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    parts = [send(client, whole, n, data, ChecksumCRC32=crc32(data)) for n, data in enumerate(PARTS, 1)]
    assert complete(client, whole, parts, ChecksumCRC32=crc32(WHOLE))["ChecksumCRC32"] == crc32(WHOLE)
    composite = create(client, ChecksumAlgorithm="CRC32")
    parts = [send(client, composite, n, data, ChecksumCRC32=crc32(data)) for n, data in enumerate(PARTS, 1)]
    answer = complete(client, composite, parts)
    joined = b"".join(base64.b64decode(crc32(data)) for data in PARTS)
    assert (answer["ChecksumCRC32"], answer["ChecksumType"]) == (f"{crc32(joined)}-3", "COMPOSITE")


@pytest.mark.parametrize(("algorithm", "kind"), [("CRC64NVME", "COMPOSITE"), ("SHA256", "FULL_OBJECT")])
def test_not_every_algorithm_has_both_types(client: "S3Client", algorithm: str, kind: str) -> None:
    with refused("InvalidRequest", 400):
        create(client, ChecksumAlgorithm=algorithm, ChecksumType=kind)


def test_a_part_must_carry_the_checksum_that_was_agreed(s3: HostileS3, client: "S3Client") -> None:
    upload_id = create(client, ChecksumAlgorithm="CRC64NVME")
    with refused("InvalidRequest", 400):
        send(client, upload_id, 1, b"content")
    with refused("InvalidRequest", 400):
        send(client, upload_id, 1, b"content", ChecksumCRC32=crc32(b"content"))
    assert s3.uploads("bkt")[upload_id].parts == {}


def test_a_part_must_not_carry_a_checksum_that_was_not_agreed(client: "S3Client") -> None:
    with refused("InvalidRequest", 400):
        send(client, create(client), 1, b"content", ChecksumCRC32=crc32(b"content"))


def test_a_part_with_a_wrong_checksum_leaves_the_earlier_one(s3: HostileS3, client: "S3Client") -> None:
    upload_id = create(client, ChecksumAlgorithm="CRC64NVME")
    first = send(client, upload_id, 1, b"content", ChecksumCRC64NVME=crc64nvme(b"content"))
    with refused("BadDigest", 400):
        send(client, upload_id, 1, b"damaged", ChecksumCRC64NVME=crc64nvme(b"content"))
    assert s3.uploads("bkt")[upload_id].parts[1].etag == first["ETag"]


def test_a_composite_needs_each_part_s_checksum_and_numbers_without_gaps(client: "S3Client") -> None:
    upload_id = create(client, ChecksumAlgorithm="SHA256")
    parts = [send(client, upload_id, n, b"content", ChecksumSHA256=sha256(b"content")) for n in (1, 3)]
    with refused("InvalidRequest", 400):
        complete(client, upload_id, [{"PartNumber": 1, "ETag": parts[0]["ETag"]}])
    with refused("InternalError", 500):
        complete(client, upload_id, parts)
    with refused("InvalidPart", 400):
        complete(client, upload_id, [{**parts[0], "ChecksumSHA256": sha256(b"other")}])


@pytest.mark.parametrize("number", [0, 10_001])
def test_part_numbers_go_from_1_to_10000(client: "S3Client", number: int) -> None:
    with refused("InvalidArgument", 400):
        send(client, create(client), number, b"content")


def test_the_same_part_number_again_replaces_the_part(s3: HostileS3, client: "S3Client") -> None:
    upload_id = create(client)
    send(client, upload_id, 1, b"earlier")
    part = send(client, upload_id, 1, b"later")
    complete(client, upload_id, [part])
    assert s3.objects("bkt")["k"].path.read_bytes() == b"later"


def test_only_the_last_part_may_be_small(s3: HostileS3, client: "S3Client") -> None:
    upload_id, parts = sent(client)
    s3.min_part_size = 12
    with refused("EntityTooSmall", 400):
        complete(client, upload_id, parts)
    s3.min_part_size = 11
    complete(client, upload_id, parts)


def test_a_part_over_the_limit_is_refused(s3: HostileS3, client: "S3Client") -> None:
    s3.max_part_size = 3
    with refused("EntityTooLarge", 400):
        send(client, create(client), 1, b"four")


def test_the_parts_must_ascend_and_be_there(client: "S3Client") -> None:
    upload_id, parts = sent(client)
    with refused("InvalidPartOrder", 400):
        complete(client, upload_id, parts[::-1])
    with refused("InvalidPart", 400):
        complete(client, upload_id, [{**parts[0], "ETag": '"00000000000000000000000000000000"'}, *parts[1:]])
    with refused("InvalidPart", 400):
        complete(client, upload_id, [*parts, {**parts[0], "PartNumber": 4}])
    with refused("MalformedXML", 400):
        complete(client, upload_id, [])


def test_an_upload_is_gone_after_complete_and_after_abort(client: "S3Client") -> None:
    upload_id, parts = sent(client)
    complete(client, upload_id, parts)
    with refused("NoSuchUpload", 404):
        complete(client, upload_id, parts)
    other = create(client)
    client.abort_multipart_upload(Bucket="bkt", Key="k", UploadId=other)
    with refused("NoSuchUpload", 404):
        send(client, other, 1, b"content")
    with refused("NoSuchUpload", 404):
        client.list_parts(Bucket="bkt", Key="k", UploadId=other)
    with refused("NoSuchUpload", 404):
        client.abort_multipart_upload(Bucket="bkt", Key="k", UploadId=other)


def test_an_upload_belongs_to_its_key(client: "S3Client") -> None:
    with refused("NoSuchUpload", 404):
        client.list_parts(Bucket="bkt", Key="other", UploadId=create(client))


def test_an_object_that_is_there_stops_complete_and_leaves_the_upload(s3: HostileS3, client: "S3Client") -> None:
    upload_id, parts = sent(client)
    there = s3.put("bkt", "k", b"somebody else's")
    with refused("PreconditionFailed", 412):
        complete(client, upload_id, parts, IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        complete(client, upload_id, parts, IfMatch='"other"')
    assert len(s3.uploads("bkt")[upload_id].parts) == 3
    complete(client, upload_id, parts, IfMatch=there.etag)
    assert s3.objects("bkt")["k"].path.read_bytes() == WHOLE


def test_parts_are_listed_in_pages(s3: HostileS3, client: "S3Client") -> None:
    s3.list_page_size = 2
    upload_id, parts = sent_with_crc64nvme(client)
    pages = list(client.get_paginator("list_parts").paginate(Bucket="bkt", Key="k", UploadId=upload_id))
    listed = [{name: found[name] for name in parts[0]} for page in pages for found in page["Parts"]]  # type: ignore[literal-required]
    assert listed == parts
    assert [len(page["Parts"]) for page in pages] == [2, 1]
    assert (pages[0]["ChecksumAlgorithm"], pages[0]["ChecksumType"]) == ("CRC64NVME", "FULL_OBJECT")


def test_a_listing_of_parts_goes_on_after_a_marker(client: "S3Client") -> None:
    upload_id, _ = sent(client)
    page = client.list_parts(Bucket="bkt", Key="k", UploadId=upload_id, PartNumberMarker=1, MaxParts=1)
    assert ([part["PartNumber"] for part in page["Parts"]], page["IsTruncated"]) == ([2], True)


def test_open_uploads_are_listed_in_pages(s3: HostileS3, client: "S3Client") -> None:
    s3.list_page_size = 2
    ids = {create(client) for _ in range(3)}
    pages = list(client.get_paginator("list_multipart_uploads").paginate(Bucket="bkt", Prefix="k"))
    assert {found["UploadId"] for page in pages for found in page["Uploads"]} == ids
    assert [len(page["Uploads"]) for page in pages] == [2, 1]


def test_without_an_algorithm_the_store_s_own_checksum_is_in_the_answers_only(
    s3: HostileS3, client: "S3Client"
) -> None:
    upload_id = create(client)
    part = send(client, upload_id, 1, b"content")
    answer = complete(client, upload_id, [{"PartNumber": 1, "ETag": part["ETag"]}])
    assert (part["ChecksumCRC64NVME"], answer["ChecksumCRC64NVME"]) == (crc64nvme(b"content"),) * 2
    assert s3.objects("bkt")["k"].checksum is None


def test_parts_and_uploads_can_be_lost(s3: HostileS3, client: "S3Client") -> None:
    upload_id, parts = sent(client)
    s3.lose_parts(upload_id, {2})
    assert sorted(s3.uploads("bkt")[upload_id].parts) == [1, 3]
    with refused("InvalidPart", 400):
        complete(client, upload_id, parts)
    s3.lose_upload(upload_id)
    with refused("NoSuchUpload", 404):
        complete(client, upload_id, parts)


def test_random_etags_are_asked_back_at_complete(s3: HostileS3, client: "S3Client") -> None:
    s3.random_etags = True
    upload_id, parts = sent(client)
    assert complete(client, upload_id, parts)["ETag"] == s3.objects("bkt")["k"].etag


def test_a_version_is_answered_at_complete(s3: HostileS3, client: "S3Client") -> None:
    s3.versioning = True
    upload_id, parts = sent(client)
    assert complete(client, upload_id, parts)["VersionId"] == s3.objects("bkt")["k"].version_id


def test_a_full_object_upload_may_let_parts_go_without_checksum_as_aws_does(s3: HostileS3, client: "S3Client") -> None:
    s3.parts_need_checksum = False
    upload_id = create(client, ChecksumAlgorithm="CRC64NVME")
    part = send(client, upload_id, 1, b"content")
    answer = complete(client, upload_id, [{"PartNumber": 1, "ETag": part["ETag"]}])
    assert answer["ChecksumCRC64NVME"] == crc64nvme(b"content")
