"""What a bucket tells of itself: where it is, and what it does to what comes in."""

from typing import Final

from .documents import Fields, http_date, xml_answer
from .errors import S3Error
from .exchange import Exchange
from .records import Upload
from .rules import Rules
from .wire import Answer

_DAY_S: Final = 24 * 60 * 60


def get_bucket_location(exchange: Exchange) -> Answer:
    """Say where the bucket is; the oldest region has no name here."""
    region = exchange.rules.region
    return xml_answer("LocationConstraint", "" if region == "us-east-1" else region)


def get_bucket_versioning(exchange: Exchange) -> Answer:
    """Say whether versions are kept."""
    return xml_answer("VersioningConfiguration", [("Status", "Enabled")] if exchange.rules.versioning else [])


def get_bucket_encryption(exchange: Exchange) -> Answer:
    """Say what happens to an object that comes without a word on encryption."""
    rules = exchange.rules
    default: Fields = [("SSEAlgorithm", rules.encryption)]
    if rules.encryption != "AES256":
        default.append(("KMSMasterKeyID", rules.kms_key))
    rule: Fields = [("ApplyServerSideEncryptionByDefault", default), ("BucketKeyEnabled", "false")]
    return xml_answer("ServerSideEncryptionConfiguration", [("Rule", rule)])


def get_bucket_lifecycle_configuration(exchange: Exchange) -> Answer:
    """Say when unfinished uploads are removed, if they are.

    Raises:
        S3Error: NoSuchLifecycleConfiguration.
    """
    rules = exchange.rules
    if rules.abort_after_days is None:
        raise S3Error("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
    days: Fields = [("DaysAfterInitiation", str(rules.abort_after_days))]
    rule: Fields = [
        ("ID", rules.abort_rule),
        ("Filter", [("Prefix", rules.abort_prefix)]),
        ("Status", "Enabled"),
        ("AbortIncompleteMultipartUpload", days),
    ]
    return xml_answer("LifecycleConfiguration", [("Rule", rule)])


def abort_headers(rules: Rules, upload: Upload) -> dict[str, str]:
    """When that upload is removed and by which rule; S3 rounds up to the next midnight UTC."""
    if rules.abort_after_days is None or not upload.key.startswith(rules.abort_prefix):
        return {}
    day = -(-(upload.started + rules.abort_after_days * _DAY_S) // _DAY_S)
    return {"x-amz-abort-date": http_date(day * _DAY_S), "x-amz-abort-rule-id": rules.abort_rule}
