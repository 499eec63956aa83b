import contextlib
import http.client
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
import pyarrow.parquet as pq
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.bench.shelf import PAGE, Request, Shelf
from tests.bench.sink import running_sink
from tests.bench.sparse import MIB, make_real, make_sparse
from tests.bench.wire import Answer, Body

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CRC = "AAECAwQFBgc="  # eight bytes in base64; the sink takes any
PART = b"x" * 20_000
Attempt = contextlib.AbstractContextManager["pytest.ExceptionInfo[ClientError]"]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with running_sink() as url:
        yield url


@pytest.fixture(scope="module")
def s3(endpoint: str) -> Iterator["S3Client"]:
    with contextlib.closing(client_for(endpoint)) as client:
        yield client


def client_for(endpoint: str) -> "S3Client":
    config = Config(
        retries={"total_max_attempts": 1},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"},
    )
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="id",
        aws_secret_access_key="secret",
        config=config,
    )


def refused(code: str) -> Attempt:
    return pytest.raises(ClientError, match=rf"\({code}\)")


def begin(s3: "S3Client", key: str, numbers: tuple[int, ...], crc: str = CRC) -> tuple[str, list[str]]:
    upload_id = s3.create_multipart_upload(
        Bucket="b", Key=key, Metadata={"Nonce": "n1"}, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT"
    )["UploadId"]
    return upload_id, [
        s3.upload_part(Bucket="b", Key=key, UploadId=upload_id, PartNumber=number, Body=PART, ChecksumCRC64NVME=crc)[
            "ETag"
        ]
        for number in numbers
    ]


def complete(s3: "S3Client", key: str, upload_id: str, parts: list[tuple[int, str]], size: int) -> str:
    named = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
    return s3.complete_multipart_upload(
        Bucket="b",
        Key=key,
        UploadId=upload_id,
        MultipartUpload={"Parts": named},  # type: ignore[typeddict-item]
        ChecksumCRC64NVME=CRC,
        MpuObjectSize=size,
    )["ETag"]


# -------------------------------------------------------------------------------------------------------------- objects
def test_an_object_that_was_put_is_seen_with_its_size_etag_and_metadata(s3: "S3Client") -> None:
    put = s3.put_object(Bucket="b", Key="put/ä b", Body=PART, Metadata={"Nonce": "n1"}, ContentType="text/x")
    seen = s3.head_object(Bucket="b", Key="put/ä b")
    assert (seen["ContentLength"], seen["ETag"], seen["Metadata"], seen["ContentType"]) == (
        20_000,
        put["ETag"],
        {"nonce": "n1"},
        "text/x",
    )


def test_the_etag_of_an_object_is_the_md5_that_came_along(s3: "S3Client") -> None:
    put = s3.put_object(Bucket="b", Key="md5", Body=b"data", ContentMD5="jXd/OF0+wF+ZoU6Y5A8yfw==")
    assert put["ETag"] == s3.head_object(Bucket="b", Key="md5")["ETag"] == '"8d777f385d3ec05f99a14e98e40f327f"'


def test_an_object_that_was_not_put_is_not_there(s3: "S3Client") -> None:
    with refused("404"):
        s3.head_object(Bucket="b", Key="never")


def test_an_empty_object_and_a_bucket_are_taken(s3: "S3Client") -> None:
    s3.create_bucket(Bucket="fresh")
    s3.head_bucket(Bucket="fresh")
    s3.put_object(Bucket="fresh", Key="empty", Body=b"")
    assert s3.head_object(Bucket="fresh", Key="empty")["ContentLength"] == 0


def test_a_second_object_of_the_key_is_refused_if_none_may_be_there(s3: "S3Client") -> None:
    s3.put_object(Bucket="b", Key="once", Body=PART, IfNoneMatch="*")
    with refused("PreconditionFailed"):
        s3.put_object(Bucket="b", Key="once", Body=PART, IfNoneMatch="*")


def test_a_body_sent_in_chunks_counts_without_its_frames(endpoint: str, s3: "S3Client") -> None:
    framed = b"3\r\nabc\r\n0\r\nx-amz-checksum-crc64nvme:" + CRC.encode() + b"\r\n\r\n"
    upload_id, _ = begin(s3, "framed", ())
    with contextlib.closing(http.client.HTTPConnection(urlsplit(endpoint).netloc)) as connection:
        path = f"/b/framed?partNumber=1&uploadId={upload_id}"
        headers = {
            "Transfer-Encoding": "chunked",
            "x-amz-decoded-content-length": "3",
            "Content-Encoding": "aws-chunked",
        }
        connection.request("PUT", path, iter([framed[:5], framed[5:]]), headers, encode_chunked=True)
        assert connection.getresponse().read() == b""
    (listed,) = s3.list_parts(Bucket="b", Key="framed", UploadId=upload_id)["Parts"]
    assert (listed["Size"], listed["ChecksumCRC64NVME"]) == (3, CRC)


def test_objects_are_listed_by_prefix_over_pages(s3: "S3Client") -> None:
    for key in ("in/c", "in/a b", "in/ä", "out/x"):
        s3.put_object(Bucket="listed", Key=key, Body=PART)
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket="listed", Prefix="in/", PaginationConfig={"PageSize": 2}
    )
    assert [[found["Key"] for found in page["Contents"]] for page in pages] == [["in/a b", "in/c"], ["in/ä"]]


def test_what_the_sink_does_not_know_is_refused(s3: "S3Client") -> None:
    with refused("NotImplemented"):
        s3.get_object(Bucket="b", Key="k")


# -------------------------------------------------------------------------------------------------------------- uploads
def test_parts_are_listed_over_pages_with_size_etag_and_checksum(s3: "S3Client") -> None:
    upload_id, etags = begin(s3, "paged", (1, 2, 5))
    pages = s3.get_paginator("list_parts").paginate(
        Bucket="b", Key="paged", UploadId=upload_id, PaginationConfig={"PageSize": 2}
    )
    found = [
        [(part["PartNumber"], part["Size"], part["ETag"], part["ChecksumCRC64NVME"]) for part in page["Parts"]]
        for page in pages
    ]
    assert found == [[(1, 20_000, etags[0], CRC), (2, 20_000, etags[1], CRC)], [(5, 20_000, etags[2], CRC)]]


def test_a_page_of_parts_holds_a_thousand() -> None:
    shelf = Shelf()
    created = ask(shelf, "POST key uploads").body.decode()
    query = {"uploadId": created.partition("<UploadId>")[2].partition("<")[0]}
    for number in range(1, PAGE + 2):
        ask(shelf, "PUT key uploadId", query={**query, "partNumber": str(number)})
    first = ask(shelf, "GET key uploadId", query=query).body
    second = ask(shelf, "GET key uploadId", query={**query, "part-number-marker": "1000"}).body
    assert (first.count(b"<Part>"), b"<IsTruncated>true<" in first) == (PAGE, True)
    assert b"<NextPartNumberMarker>1000<" in first
    assert (second.count(b"<Part>"), b"<IsTruncated>false<" in second) == (1, True)


def ask(shelf: Shelf, operation: str, *, query: dict[str, str] | None = None) -> Answer:
    return shelf.answer(Request(operation, "b/k", query or {}, {}), Body(7, b"", {}))


def test_a_completed_upload_is_an_object_and_no_upload_any_more(s3: "S3Client") -> None:
    upload_id, etags = begin(s3, "whole", (1, 2))
    etag = complete(s3, "whole", upload_id, [(1, etags[0]), (2, etags[1])], 40_000)
    seen = s3.head_object(Bucket="b", Key="whole")
    assert (seen["ContentLength"], seen["ETag"], seen["Metadata"]) == (40_000, etag, {"nonce": "n1"})
    with refused("NoSuchUpload"):
        s3.list_parts(Bucket="b", Key="whole", UploadId=upload_id)


def test_an_upload_is_not_completed_of_parts_that_are_unknown_or_out_of_order(s3: "S3Client") -> None:
    upload_id, (first, second) = begin(s3, "odd", (1, 2))
    with refused("InvalidPart"):
        complete(s3, "odd", upload_id, [(1, first), (3, second)], 40_000)
    with refused("InvalidPart"):
        complete(s3, "odd", upload_id, [(1, second)], 20_000)
    with refused("InvalidPartOrder"):
        complete(s3, "odd", upload_id, [(2, second), (1, first)], 40_000)
    with refused("MalformedXML"):
        complete(s3, "odd", upload_id, [], 0)


def test_an_upload_is_not_completed_with_another_size(s3: "S3Client") -> None:
    upload_id, (etag,) = begin(s3, "short", (1,))
    with refused("InvalidRequest"):
        complete(s3, "short", upload_id, [(1, etag)], 19_999)


def test_an_aborted_upload_is_gone(s3: "S3Client") -> None:
    upload_id, _ = begin(s3, "aborted", (1,))
    s3.abort_multipart_upload(Bucket="b", Key="aborted", UploadId=upload_id)
    with refused("NoSuchUpload"):
        s3.upload_part(Bucket="b", Key="aborted", UploadId=upload_id, PartNumber=2, Body=PART)


def test_a_checksum_that_is_no_base64_is_refused(s3: "S3Client") -> None:
    with refused("InvalidArgument"):
        begin(s3, "bad", (1,), crc="x")


def test_checksums_are_confirmed_only_where_that_was_asked_for(s3: "S3Client") -> None:
    assert "ChecksumCRC64NVME" not in s3.put_object(Bucket="b", Key="quiet", Body=PART, ChecksumCRC64NVME=CRC)
    with running_sink("--echo-checksums") as endpoint, contextlib.closing(client_for(endpoint)) as echoing:
        assert echoing.put_object(Bucket="b", Key="k", Body=PART, ChecksumCRC64NVME=CRC)["ChecksumCRC64NVME"] == CRC
        upload_id, (etag,) = begin(echoing, "k", (1,))
        complete(echoing, "k", upload_id, [(1, etag)], 20_000)
        seen = echoing.head_object(Bucket="b", Key="k", ChecksumMode="ENABLED")
        assert (seen["ChecksumCRC64NVME"], seen["ChecksumType"]) == (CRC, "FULL_OBJECT")


# ---------------------------------------------------------------------------------------------------------------- files
def test_a_sparse_file_has_its_size_and_the_rows_of_its_real_part(tmp_path: Path) -> None:
    path = make_sparse(tmp_path / "sparse.parquet", 64 * MIB, row_groups=7, columns=6, cache=tmp_path / "cache")
    (small,) = (tmp_path / "cache").iterdir()
    with pq.ParquetFile(path) as sparse, pq.ParquetFile(small) as real:
        facts = sparse.metadata
        assert (facts.num_row_groups, facts.num_columns, facts.num_rows) == (7, 6, 7)
        assert sparse.read().equals(real.read())
    assert path.stat().st_size == 64 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="file systems elsewhere decide for themselves what a hole is")
def test_a_sparse_file_takes_no_more_disk_than_its_real_part(tmp_path: Path) -> None:
    path = make_sparse(tmp_path / "sparse.parquet", 1 << 40, row_groups=7, columns=6, cache=tmp_path / "cache")
    assert path.stat().st_blocks * 512 < MIB


def test_the_real_part_of_a_sparse_file_is_made_once(tmp_path: Path) -> None:
    first = make_sparse(tmp_path / "1", MIB, row_groups=2, columns=3, cache=tmp_path / "cache").read_bytes()
    (small,) = (tmp_path / "cache").iterdir()
    os.utime(small, (0, 0))
    assert make_sparse(tmp_path / "2", MIB, row_groups=2, columns=3, cache=tmp_path / "cache").read_bytes() == first
    assert [(path, path.stat().st_mtime) for path in (tmp_path / "cache").iterdir()] == [(small, 0)]


def test_a_sparse_file_is_not_smaller_than_its_real_part(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="real part"):
        make_sparse(tmp_path / "sparse.parquet", 100, row_groups=1, columns=1, cache=tmp_path / "cache")


@pytest.mark.parametrize("mib", [0.1, 3])
def test_a_real_file_has_about_the_size_asked_for(tmp_path: Path, mib: float) -> None:
    path = make_real(tmp_path / "real.parquet", mib)
    with pq.ParquetFile(path) as file:
        assert file.metadata.num_columns == 4
    assert path.stat().st_size == pytest.approx(mib * MIB, rel=0.05)
