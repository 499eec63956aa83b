"""The hostile S3 proves who asks, as S3 does."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from tests.support.hostile_s3 import HostileS3, connected, refused


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3") as server:
        server.make_bucket("bkt")
        yield server


def put(s3: HostileS3, **who: Any) -> None:
    with connected(s3, **who) as client:
        client.put_object(
            Bucket="bkt", Key="a file/ä+b.parquet", Body=io.BytesIO(b"content"), Metadata={"Nonce": "1 2"}
        )


@pytest.mark.parametrize("payload_signed", [False, True])
def test_a_request_that_is_signed_rightly_is_let_in(s3: HostileS3, *, payload_signed: bool) -> None:
    put(s3, payload_signed=payload_signed)
    assert s3.objects("bkt")["a file/ä+b.parquet"].path.read_bytes() == b"content"


def test_a_wrong_secret_is_a_signature_that_does_not_match(s3: HostileS3) -> None:
    with refused("SignatureDoesNotMatch", 403):
        put(s3, secret="another")


def test_an_unknown_key_id_is_named_so(s3: HostileS3) -> None:
    with refused("InvalidAccessKeyId", 403):
        put(s3, key_id="AKIDOTHER")


def test_a_request_without_signature_is_denied(s3: HostileS3) -> None:
    with refused("AccessDenied", 403), connected(s3, signature_version=_unsigned()) as client:
        client.get_object(Bucket="bkt", Key="any")


def _unsigned() -> Any:
    from botocore import UNSIGNED  # noqa: PLC0415 - it has no type

    return UNSIGNED


def test_signatures_can_be_left_unchecked(s3: HostileS3) -> None:
    s3.check_signatures = False
    put(s3, secret="another")
    assert len(s3.objects("bkt")) == 1


@pytest.mark.parametrize("off_by_s", [-16 * 60, 16 * 60])
def test_a_clock_that_is_a_quarter_of_an_hour_off_is_refused(s3: HostileS3, off_by_s: int) -> None:
    s3.clock = lambda: time.time() + off_by_s
    with refused("RequestTimeTooSkewed", 403):
        put(s3)


def test_an_expired_session_token_is_named_so(s3: HostileS3) -> None:
    s3.expired_tokens.add("old")
    with refused("ExpiredToken", 400):
        put(s3, token="old")
    put(s3, token="new")


def test_a_key_id_may_have_a_token_of_its_own(s3: HostileS3) -> None:
    s3.session_tokens["AKIDEXAMPLE"] = "right"
    with refused("InvalidToken", 400):
        put(s3, token="wrong")
    put(s3, token="right")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"x-amz-meta-nonce": "tampered"}, "SignatureDoesNotMatch"),
        ({"x-amz-acl": "public-read"}, "AccessDenied"),
        ({"Authorization": "AWS4-HMAC-SHA256 nonsense"}, "AuthorizationHeaderMalformed"),
        ({"X-Amz-Content-SHA256": "0" * 64}, "SignatureDoesNotMatch"),
    ],
    ids=["tampered", "unsigned", "malformed", "payload"],
)
def test_headers_that_were_not_signed_so_are_refused(s3: HostileS3, change: dict[str, str], code: str) -> None:
    def tamper(request: AWSPreparedRequest, **_: Any) -> None:
        for name, value in change.items():
            request.headers[name] = value

    with connected(s3) as client, refused(code):
        client.meta.events.register("before-send.s3", tamper)
        client.put_object(Bucket="bkt", Key="k", Body=b"content", Metadata={"nonce": "1"})


def test_a_body_that_is_not_the_signed_one_is_refused(s3: HostileS3) -> None:
    def swap(request: AWSPreparedRequest, **_: Any) -> None:
        request.body = b"CONTENT"

    with connected(s3, payload_signed=True) as client, refused("XAmzContentSHA256Mismatch", 400):
        client.meta.events.register("before-send.s3", swap)
        client.put_object(Bucket="bkt", Key="k", Body=b"content")
    assert s3.objects("bkt") == {}


def test_no_secret_gets_into_the_log(s3: HostileS3) -> None:
    put(s3, token="a-token")
    assert {"authorization", "x-amz-security-token"}.isdisjoint(s3.requests[0].headers)
