"""boto3 as the tests use it against this server: one attempt, no checksums of its own, path style."""

import contextlib
import functools
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

    from .server import HostileS3


@functools.cache
def _session() -> boto3.Session:
    """One session for all tests: reading botocore's models takes longer than most of them."""
    return boto3.Session()


@contextlib.contextmanager
def connected(
    s3: "HostileS3",
    *,
    region: str = "us-east-1",
    key_id: str = "AKIDEXAMPLE",
    secret: str = "secret",
    token: str | None = None,
    payload_signed: bool = False,
    **config: Any,
) -> "Iterator[S3Client]":
    """A client of that server; its connections are closed in the end. `config` goes into botocore's Config."""
    settings: dict[str, Any] = {
        "retries": {"total_max_attempts": 1},
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "s3": {"addressing_style": "path", "payload_signing_enabled": payload_signed},
        **config,
    }
    client = _session().client(
        "s3",
        endpoint_url=s3.endpoint,
        region_name=region,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(**settings),
    )
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def refused(code: str, status: int | None = None) -> "Iterator[None]":
    """Whatever happens inside must be answered by that error; HEAD has no code but its status."""
    with pytest.raises(ClientError) as caught:
        yield
    answer: Any = caught.value.response
    found = answer["Error"].get("Code"), answer["ResponseMetadata"]["HTTPStatusCode"]
    assert found == (code, found[1] if status is None else status), answer
