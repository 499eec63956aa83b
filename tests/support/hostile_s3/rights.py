"""Who may do what: `deny` by operation and by right, and the headers that a request may have."""

from typing import Final

from .errors import S3Error
from .exchange import Exchange, hides_content

RIGHT_OF: Final = {
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "CompleteMultipartUpload": "s3:PutObject",
    "CreateBucket": "s3:CreateBucket",
    "CreateMultipartUpload": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "GetBucketLocation": "s3:GetBucketLocation",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "GetObject": "s3:GetObject",
    "GetObjectTagging": "s3:GetObjectTagging",
    "HeadBucket": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "ListBuckets": "s3:ListAllMyBuckets",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "ListObjectsV2": "s3:ListBucket",
    "ListParts": "s3:ListMultipartUploadParts",
    "PutObject": "s3:PutObject",
    "UploadPart": "s3:PutObject",
}
"""The right that S3 asks for; an upload's operations share one with PutObject."""

# S3 needs the key to begin an object, and once more to go on with what it encrypted before.
_KMS_RIGHT_OF: Final = {
    "CompleteMultipartUpload": "kms:Decrypt",
    "CreateMultipartUpload": "kms:GenerateDataKey",
    "ListParts": "kms:Decrypt",
    "PutObject": "kms:GenerateDataKey",
    "UploadPart": "kms:Decrypt",
}


def check_denials(exchange: Exchange) -> None:
    """Refuse what `deny` names.

    Raises:
        S3Error: AccessDenied.
    """
    denied = {"s3:ListBucket" if name == "ListBucket" else name for name in exchange.rules.deny}
    operation = exchange.request.operation
    needed = {operation, RIGHT_OF[operation], *_tagging_and_acl(exchange), *_key_rights(exchange)}
    if denied & needed:
        raise S3Error("AccessDenied", "Access Denied")


def hides_absence(exchange: Exchange) -> bool:
    """Whether a key that is not there is answered as one that may not be seen."""
    return bool(exchange.rules.deny & {"ListBucket", "s3:ListBucket"})


def check_headers(exchange: Exchange) -> None:
    """Refuse a header that this store does not know.

    Raises:
        S3Error: InvalidArgument, as stores that know few headers have it.
    """
    known = exchange.rules.only_headers
    if known is None:
        return
    beginnings = tuple(name.removesuffix("*") for name in known if name.endswith("*"))
    odd = [name for name in exchange.headers if name not in known and not name.startswith(beginnings or ("\n",))]
    if odd:
        raise S3Error("InvalidArgument", f"Unknown header: {odd[0]}", extra={"ArgumentName": odd[0]})


def _tagging_and_acl(exchange: Exchange) -> set[str]:
    needs = {"x-amz-tagging": "s3:PutObjectTagging", "x-amz-acl": "s3:PutObjectAcl"}
    return {right for header, right in needs.items() if header in exchange.headers}


def _key_rights(exchange: Exchange) -> set[str]:
    right = _KMS_RIGHT_OF.get(exchange.request.operation)
    upload = exchange.store.upload(exchange.request.upload_id)
    headers = exchange.kept_headers() if upload is None else upload.headers
    return {right} if right is not None and hides_content(headers) else set()
