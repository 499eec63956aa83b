"""IAM policies that give exactly the rights that are missing, to be copied."""

from collections.abc import Iterable
from typing import Any

Policy = dict[str, Any]

# What is asked of the bucket itself; everything else of S3 is asked of an object.
_OF_THE_BUCKET = frozenset(
    {
        "s3:GetBucketVersioning",
        "s3:GetEncryptionConfiguration",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
    }
)
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b"}


def policy(
    bucket: str, prefix: str, actions: Iterable[str], kms_key: str | None = None, *, partition: str = "aws"
) -> Policy:
    """A policy for an identity that allows these actions below a prefix, and nothing else.

    Args:
        bucket: Its name, or an access point's ARN, whose partition is its own.
        prefix: Every key that begins like this; empty for all.
        actions: `s3:PutObject`, `kms:Decrypt`, ...
        kms_key: An ARN or a key's id; without one, every key, but only as S3 uses it.
        partition: `aws`, `aws-cn`, ...
    """
    wanted = sorted(set(actions))
    keys = [action for action in wanted if action.startswith("kms:")]
    bucket_s = [action for action in wanted if action in _OF_THE_BUCKET]
    objects = [action for action in wanted if action not in {*keys, *bucket_s}]
    place = bucket_arn(bucket, partition)
    statements = [
        _statement(objects, object_arn(place, prefix)),
        _statement(bucket_s, place),
        _kms_statement(keys, kms_key, place.split(":")[1]),
    ]
    return {"Version": "2012-10-17", "Statement": [one for one in statements if one["Action"]]}


def partition_of(region: str | None) -> str:
    """`cn-north-1` → `aws-cn`."""
    return next((name for start, name in _PARTITIONS.items() if (region or "").startswith(start)), "aws")


def bucket_arn(bucket: str, partition: str = "aws") -> str:
    """The ARN as IAM writes it: an access point has a slash before its name."""
    if not bucket.startswith("arn:"):
        return f"arn:{partition}:s3:::{bucket}"
    return bucket.replace(":accesspoint:", ":accesspoint/")


def object_arn(place: str, prefix: str) -> str:
    """All objects below a prefix of that bucket or access point."""
    separator = "/object/" if ":accesspoint/" in place else "/"
    return f"{place}{separator}{_literal(prefix)}*"


def _literal(text: str) -> str:
    """IAM reads `*`, `?` and `$` as patterns unless they are written like this."""
    return "".join(f"${{{sign}}}" if sign in "*?$" else sign for sign in text)


def _statement(actions: list[str], resource: str) -> Policy:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _kms_statement(actions: list[str], key: str | None, partition: str) -> Policy:
    if key is not None and key.startswith("arn:") and ":key/" in key:
        return _statement(actions, key)
    # An alias cannot stand in a policy, nor can what is not known.
    name = "*" if key is None or "alias/" in key else key
    statement = _statement(actions, f"arn:{partition}:kms:*:*:key/{name}")
    return {**statement, "Condition": {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com*"}}}
