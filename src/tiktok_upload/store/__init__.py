"""The S3 store: the only place that knows boto3."""

from tiktok_upload.store.connection import Clients
from tiktok_upload.store.s3 import S3Store

__all__ = ["Clients", "S3Store"]
