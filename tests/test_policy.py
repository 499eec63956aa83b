"""A policy gives the rights that are missing, on as little as possible, in any partition."""

from typing import Any

import pytest

from tiktok_upload.policy import bucket_arn, partition_of, policy

ACCESS_POINT = "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/mine"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234"


def statement(*actions: str, resource: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def statements(*arguments: Any, **more: Any) -> list[dict[str, Any]]:
    made = policy(*arguments, **more)
    assert (made["Version"], set(made)) == ("2012-10-17", {"Version", "Statement"})
    found: list[dict[str, Any]] = made["Statement"]
    return found


def test_rights_on_objects_hold_below_the_prefix_only_and_those_on_the_bucket_for_the_bucket() -> None:
    assert statements("bkt", "in/", ["s3:PutObject", "s3:ListBucket", "s3:AbortMultipartUpload", "s3:PutObject"]) == [
        statement("s3:AbortMultipartUpload", "s3:PutObject", resource="arn:aws:s3:::bkt/in/*"),
        statement("s3:ListBucket", resource="arn:aws:s3:::bkt"),
    ]


def test_no_statement_is_empty() -> None:
    assert statements("bkt", "", ["s3:PutObject"]) == [statement("s3:PutObject", resource="arn:aws:s3:::bkt/*")]
    assert statements("bkt", "", []) == []


@pytest.mark.parametrize("bucket", [ACCESS_POINT, ACCESS_POINT.replace("point/", "point:")])
def test_an_access_point_has_its_own_form_and_partition(bucket: str) -> None:
    assert statements(bucket, "in/", ["s3:PutObject", "s3:ListBucketMultipartUploads", "kms:Decrypt"])[:2] == [
        statement("s3:PutObject", resource=f"{ACCESS_POINT}/object/in/*"),
        statement("s3:ListBucketMultipartUploads", resource=ACCESS_POINT),
    ]


def test_a_partition_other_than_aws_is_in_every_arn() -> None:
    made = statements("bkt", "in/", ["s3:PutObject", "s3:ListBucket", "kms:Decrypt"], partition="aws-us-gov")
    assert {one["Resource"].split(":")[1] for one in made} == {"aws-us-gov"}


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-iso-east-1", "aws-iso"),
     ("us-isob-east-1", "aws-iso-b"), (None, "aws"), ("", "aws")],
)  # fmt: skip
def test_a_region_tells_the_partition(region: str | None, partition: str) -> None:
    assert partition_of(region) == partition


def test_signs_that_iam_reads_as_patterns_are_meant_literally() -> None:
    (one,) = statements("bkt", "a*b?c$d/", ["s3:PutObject"])
    assert one["Resource"] == "arn:aws:s3:::bkt/a${*}b${?}c${$}d/*"


def test_a_key_s_arn_is_named_exactly() -> None:
    assert statements("bkt", "", ["kms:Decrypt", "kms:GenerateDataKey"], KEY) == [
        statement("kms:Decrypt", "kms:GenerateDataKey", resource=KEY)
    ]


@pytest.mark.parametrize(
    ("key", "name"),
    [(None, "*"), ("1234", "1234"), ("alias/mine", "*"), ("arn:aws:kms:eu-west-1:123456789012:alias/mine", "*")],
)
def test_a_key_without_an_arn_is_only_usable_through_s3(key: str | None, name: str) -> None:
    (one,) = statements("bkt", "", ["kms:Decrypt"], key)
    assert one["Resource"] == f"arn:aws:kms:*:*:key/{name}"
    assert one["Condition"] == {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com*"}}


def test_a_bucket_s_arn_has_no_region_and_no_account() -> None:
    assert bucket_arn("bkt", "aws-cn") == "arn:aws-cn:s3:::bkt"
