"""What the hostile S3 can be set to: rights, headers, what a bucket tells of itself, credentials that end."""

import datetime as dt
import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import botocore.session
import pytest
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError
from tests.support.hostile_s3 import Fault, HostileS3, connected, refused
from tests.support.hostile_s3.faults import BY_NAME

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HOUR_S = 3600.0


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", min_part_size=4) as server:
        server.make_bucket("bkt")
        yield server


@pytest.fixture
def client(s3: HostileS3) -> Iterator["S3Client"]:
    with connected(s3) as client:
        yield client


def put(client: "S3Client", **more: Any) -> Any:
    return client.put_object(Bucket="bkt", Key="k", Body=io.BytesIO(b"content"), **more)


def create(client: "S3Client", **more: Any) -> str:
    return client.create_multipart_upload(Bucket="bkt", Key="k", **more)["UploadId"]


def send(client: "S3Client", upload_id: str) -> str:
    body = io.BytesIO(b"content")
    return client.upload_part(Bucket="bkt", Key="k", UploadId=upload_id, PartNumber=1, Body=body)["ETag"]


def complete(client: "S3Client", upload_id: str, etag: str) -> Any:
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    return client.complete_multipart_upload(Bucket="bkt", Key="k", UploadId=upload_id, MultipartUpload=parts)


# What a bucket tells


def test_a_bucket_tells_how_it_encrypts(s3: HostileS3, client: "S3Client") -> None:
    def told() -> Any:
        (rule,) = client.get_bucket_encryption(Bucket="bkt")["ServerSideEncryptionConfiguration"]["Rules"]
        return rule["ApplyServerSideEncryptionByDefault"]

    assert told() == {"SSEAlgorithm": "AES256"}
    s3.encryption = "aws:kms"
    assert told() == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": s3.kms_key}
    answer = put(client)
    assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", s3.kms_key)


def test_a_client_s_own_word_on_encryption_goes_before_the_bucket_s(s3: HostileS3, client: "S3Client") -> None:
    s3.encryption = "aws:kms"
    answer = put(client, ServerSideEncryption="AES256")
    assert (answer["ServerSideEncryption"], "SSEKMSKeyId" in answer) == ("AES256", False)


def test_a_bucket_without_a_rule_for_unfinished_uploads_says_so(client: "S3Client") -> None:
    with refused("NoSuchLifecycleConfiguration", 404):
        client.get_bucket_lifecycle_configuration(Bucket="bkt")
    assert "AbortDate" not in client.create_multipart_upload(Bucket="bkt", Key="k")


def test_a_rule_for_unfinished_uploads_is_told_and_dated(s3: HostileS3, client: "S3Client") -> None:
    s3.abort_after_days = 7
    (rule,) = client.get_bucket_lifecycle_configuration(Bucket="bkt")["Rules"]
    assert (rule["ID"], rule["AbortIncompleteMultipartUpload"]) == (s3.abort_rule, {"DaysAfterInitiation": 7})
    answer = client.create_multipart_upload(Bucket="bkt", Key="k")
    listed = client.list_parts(Bucket="bkt", Key="k", UploadId=answer["UploadId"])
    assert (answer["AbortDate"], answer["AbortRuleId"]) == (listed["AbortDate"], listed["AbortRuleId"])
    days = (answer["AbortDate"].timestamp() - time.time()) / 86_400
    assert (answer["AbortDate"].timestamp() % 86_400, 6.9 < days < 8.1) == (0, True)


def test_a_rule_may_be_for_some_keys_only(s3: HostileS3, client: "S3Client") -> None:
    s3.abort_after_days, s3.abort_prefix = 1, "in/"
    assert "AbortRuleId" in client.create_multipart_upload(Bucket="bkt", Key="in/k")
    assert "AbortRuleId" not in client.create_multipart_upload(Bucket="bkt", Key="k")


@pytest.mark.parametrize("name", ["encryption", "lifecycle"])
def test_a_bucket_s_settings_can_only_be_read(s3: HostileS3, client: "S3Client", name: str) -> None:
    calls: dict[str, Callable[[], object]] = {
        "encryption": lambda: client.delete_bucket_encryption(Bucket="bkt"),
        "lifecycle": lambda: client.delete_bucket_lifecycle(Bucket="bkt"),
    }
    with refused("NotImplemented", 501):
        calls[name]()
    assert s3.operations() == ["NotImplemented"]


def test_a_bucket_tells_where_it_is_whatever_the_region_of_the_signature(s3: HostileS3) -> None:
    s3.region = "eu-west-3"
    with connected(s3) as client:
        assert client.get_bucket_location(Bucket="bkt")["LocationConstraint"] == "eu-west-3"
    with connected(s3, region="eu-west-3") as client:
        assert client.head_bucket(Bucket="bkt")["BucketRegion"] == "eu-west-3"


# Rights

READS: dict[str, Callable[["S3Client"], object]] = {
    "GetBucketLocation": lambda client: client.get_bucket_location(Bucket="bkt"),
    "GetBucketVersioning": lambda client: client.get_bucket_versioning(Bucket="bkt"),
    "GetBucketEncryption": lambda client: client.get_bucket_encryption(Bucket="bkt"),
    "GetBucketLifecycleConfiguration": lambda client: client.get_bucket_lifecycle_configuration(Bucket="bkt"),
    "ListMultipartUploads": lambda client: client.list_multipart_uploads(Bucket="bkt"),
    "ListObjectsV2": lambda client: client.list_objects_v2(Bucket="bkt"),
    "CreateMultipartUpload": create,
    "PutObject": put,
}


@pytest.mark.parametrize("operation", READS)
def test_each_operation_can_be_denied_by_itself(s3: HostileS3, client: "S3Client", operation: str) -> None:
    s3.abort_after_days = 1
    s3.deny = {operation}
    for name, call in READS.items():
        if name != operation:
            call(client)
    with refused("AccessDenied", 403):
        READS[operation](client)


def test_a_right_covers_all_operations_that_need_it(s3: HostileS3, client: "S3Client") -> None:
    upload_id = create(client)
    etag = send(client, upload_id)
    s3.deny = {"s3:PutObject"}
    calls: list[Callable[[], object]] = [
        lambda: put(client),
        lambda: create(client),
        lambda: send(client, upload_id),
        lambda: complete(client, upload_id, etag),
    ]
    for call in calls:
        with refused("AccessDenied", 403):
            call()
    client.abort_multipart_upload(Bucket="bkt", Key="k", UploadId=upload_id)


@pytest.mark.parametrize("name", ["ListBucket", "s3:ListBucket"])
def test_without_the_right_to_list_an_absent_key_is_forbidden(s3: HostileS3, client: "S3Client", name: str) -> None:
    s3.deny = {name}
    with refused("403"):
        client.head_object(Bucket="bkt", Key="none")
    with refused("403"):
        client.head_bucket(Bucket="bkt")


@pytest.mark.parametrize(
    ("more", "right"), [({"Tagging": "a=b"}, "s3:PutObjectTagging"), ({"ACL": "private"}, "s3:PutObjectAcl")]
)
def test_tags_and_acls_need_rights_of_their_own(
    s3: HostileS3, client: "S3Client", more: dict[str, str], right: str
) -> None:
    s3.deny = {right}
    put(client)
    with refused("AccessDenied", 403):
        put(client, **more)


def test_without_the_key_s_decryption_a_small_object_works_and_a_large_one_does_not(
    s3: HostileS3, client: "S3Client"
) -> None:
    s3.encryption, s3.deny = "aws:kms", {"kms:Decrypt"}
    put(client)
    upload_id = create(client)
    with refused("AccessDenied", 403):
        send(client, upload_id)


def test_without_a_data_key_nothing_is_begun(s3: HostileS3, client: "S3Client") -> None:
    s3.deny = {"kms:GenerateDataKey"}
    put(client)
    for call in (put, create):
        with refused("AccessDenied", 403):
            call(client, ServerSideEncryption="aws:kms")


# Headers


def test_a_header_that_the_store_does_not_know_is_refused(s3: HostileS3, client: "S3Client") -> None:
    put(client)
    s3.only_headers = set(s3.requests[0].headers) | {"authorization", "x-amz-meta-*"}
    put(client, Metadata={"any": "thing"})
    with refused("InvalidArgument", 400):
        put(client, ChecksumCRC32="2yW9zQ==")
    with refused("InvalidArgument", 400):
        put(client, StorageClass="STANDARD")


# Credentials


def test_a_session_lives_until_its_end(s3: HostileS3) -> None:
    session = s3.issue(lifetime_s=HOUR_S)
    with connected(s3, key_id=session.key_id, secret=session.secret, token=session.token) as client:
        put(client)
        s3.token_ends[session.token] = time.time()
        with refused("ExpiredToken", 400):
            put(client)


def test_a_session_s_key_without_its_token_is_refused(s3: HostileS3) -> None:
    session = s3.issue()
    with connected(s3, key_id=session.key_id, secret=session.secret) as client, refused("InvalidToken", 400):
        put(client)


def test_a_session_can_be_printed_for_a_credential_process(s3: HostileS3) -> None:
    s3.clock = lambda: 1_800_000_000.0
    printed = s3.issue(lifetime_s=HOUR_S).to_json()
    assert printed["Expiration"] == "2027-01-15T09:00:00+00:00"
    assert set(printed) == {"Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}


@dataclass
class Clock:
    """One clock for the client and the server."""

    now: float

    def __call__(self) -> float:
        return self.now

    def as_datetime(self, remove_tzinfo: bool = True) -> dt.datetime:  # noqa: FBT001, FBT002 - botocore's signature
        moment = dt.datetime.fromtimestamp(self.now, dt.UTC)
        return moment.replace(tzinfo=None) if remove_tzinfo else moment


@pytest.fixture
def clock(s3: HostileS3, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(1_800_000_000.0)
    s3.clock = clock
    for signer in ("botocore.auth", "botocore.crt.auth"):
        monkeypatch.setattr(f"{signer}.get_current_datetime", clock.as_datetime)
    return clock


def renewing(s3: HostileS3, clock: Clock, issued: list[float]) -> "S3Client":
    """A client whose credentials live an hour and are renewed as botocore does it."""

    def renew() -> dict[str, Any]:
        session = s3.issue(lifetime_s=HOUR_S)
        issued.append(session.ends)
        ends = dt.datetime.fromtimestamp(session.ends, dt.UTC).isoformat()
        return {"access_key": session.key_id, "secret_key": session.secret, "token": session.token, "expiry_time": ends}

    def now() -> dt.datetime:
        return clock.as_datetime(remove_tzinfo=False)

    long_ago = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    session: Any = botocore.session.Session()
    session._credentials = RefreshableCredentials("", "", "", long_ago, renew, "test", time_fetcher=now)
    made = session.create_client(
        "s3",
        endpoint_url=s3.endpoint,
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    return cast("S3Client", made)


def test_credentials_of_an_hour_carry_through_four_hours_where_they_are_renewed(s3: HostileS3, clock: Clock) -> None:
    issued: list[float] = []
    client = renewing(s3, clock, issued)
    start = clock.now
    while clock.now < start + 4 * HOUR_S:
        put(client)
        clock.now += 300.0
    client.close()
    assert {entry.status for entry in s3.requests} == {200}
    assert [(end - start) / 60 for end in issued] == [60, 110, 160, 210, 260]  # each from 15 to 10 minutes ahead


def test_credentials_of_an_hour_that_nobody_renews_end_after_an_hour(s3: HostileS3, clock: Clock) -> None:
    session = s3.issue(lifetime_s=HOUR_S)
    with connected(s3, key_id=session.key_id, secret=session.secret, token=session.token) as client:
        clock.now += HOUR_S - 1
        put(client)
        clock.now += 1
        with pytest.raises(ClientError, match="ExpiredToken"):
            put(client)


@pytest.mark.parametrize("off_by_s", [-901, 901])
def test_a_date_that_is_more_than_a_quarter_of_an_hour_off_is_refused(
    s3: HostileS3, client: "S3Client", clock: Clock, off_by_s: int
) -> None:
    put(client)
    skewed = Clock(clock.now + off_by_s)
    s3.clock = skewed
    with refused("RequestTimeTooSkewed", 403):
        put(client)


# By another process


def ask(s3: HostileS3, command: str, data: Any) -> Any:
    with urllib.request.urlopen(f"{s3.endpoint}/_hostile/{command}", json.dumps(data).encode()) as answer:
        return json.load(answer)


def test_another_process_may_set_and_end_what_a_test_may(s3: HostileS3) -> None:
    settings = {"only_headers": ["host"], "token_ends": {"old": 0.0}, "abort_after_days": 3, "encryption": "aws:kms"}
    ask(s3, "script", {"settings": settings, "faults": [{"fault": "slow_down", "times": None, "operation": "*"}]})
    assert (s3.only_headers, s3.token_ends["old"], s3.abort_after_days) == ({"host"}, 0.0, 3)
    ask(s3, "script", {"settings": {"only_headers": None}})
    issued = ask(s3, "issue", {"lifetime_s": 60})
    who = {"key_id": issued["AccessKeyId"], "secret": issued["SecretAccessKey"], "token": issued["SessionToken"]}
    with connected(s3, **who) as client:
        with refused("SlowDown"):
            put(client)
        ask(s3, "calm", None)
        assert put(client)["ServerSideEncryption"] == "aws:kms"


def test_another_process_may_have_connections_refused_for_a_while(s3: HostileS3, client: "S3Client") -> None:
    ask(s3, "turn_away", {"count": 1})
    with pytest.raises((EndpointConnectionError, HTTPClientError)):
        put(client)
    with pytest.raises((urllib.error.URLError, ConnectionError)):  # the connection that asks breaks, too
        ask(s3, "refuse", {"for_s": 3600})
    with pytest.raises(EndpointConnectionError):
        put(client)


def test_every_fault_that_a_script_may_name_is_there() -> None:
    assert all(callable(getattr(Fault, name)) for name in BY_NAME)
    made = Fault.from_json({"fault": "lying_pages", "lie": "backwards", "times": 2})
    assert str(made) == "backwards pages at ListParts"
