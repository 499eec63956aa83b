"""What only the doctor asks: where requests go, who signs them, what the bucket is like."""

import base64
import time
import urllib.parse
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tiktok_upload.contact import Contact, Encryption, Proxy, Signer, Way
from tiktok_upload.errors import UsageError
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.store.connection import Clients
from tiktok_upload.store.s3 import S3Store
from tiktok_upload.store.s3_faults import faults

if TYPE_CHECKING:
    import botocore.session

_NO_ENCRYPTION = "ServerSideEncryptionConfigurationNotFoundError"
_PORTS = {"http": 80, "https": 443}


class _Caught(Exception):  # noqa: N818 - no error: how a request is held back that was only to be looked at
    def __init__(self, url: str) -> None:
        self.url = url


class UnsignedClients(Clients):
    """Knows where requests would go, though there may be no credentials yet. Never sends any."""

    @cached_property
    def _session(self) -> "botocore.session.Session":
        import botocore.session  # noqa: PLC0415 - slow to import
        from botocore import exceptions as boto  # noqa: PLC0415

        try:
            session = botocore.session.Session(profile=self._connection.profile)
            session.get_scoped_config()  # reads the profile, which may not be there
            session.set_config_variable("region", self._region_of(session))
        except (boto.ProfileNotFound, boto.ConfigParseError, boto.InvalidConfigError) as exc:
            raise UsageError(
                f"the AWS configuration cannot be used: {type(exc).__name__}",
                hint="check --profile and the files in ~/.aws",
            ) from exc
        session.set_credentials("nobody", "nothing")
        return session

    def way(self, bucket: str) -> Way:
        """How a request about the bucket goes.

        Raises:
            StoreFault: There is no such way: settings exclude each other, the name can be no bucket's.
            UsageError: A profile, endpoint or setting is wrong.
        """
        from botocore.httpsession import get_cert_path  # noqa: PLC0415 - slow to import
        from botocore.utils import get_environ_proxies  # noqa: PLC0415

        url = urllib.parse.urlsplit(self._url(bucket))
        general = self.quick.meta.endpoint_url  # botocore asks NO_PROXY about this one, which has no bucket in it
        proxy = get_environ_proxies(general).get(url.scheme)
        chosen = self._connection.ca_bundle or self._session.get_config_variable("ca_bundle")
        return Way(
            scheme=url.scheme,
            host=url.hostname or "",
            port=url.port or _PORTS[url.scheme],
            proxy=_proxy(proxy) if proxy else None,
            is_bypassed=proxy is None and _is_proxied(url.scheme),
            trusted=str(chosen or get_cert_path(verify=True)),
            is_chosen_trust=bool(chosen),
        )

    def _url(self, bucket: str) -> str:
        def catch(request: Any, **_: Any) -> None:
            raise _Caught(request.url)

        self.quick.meta.events.register("before-send.s3", catch)
        try:
            with faults():
                self.quick.head_bucket(Bucket=bucket)
        except _Caught as caught:
            return caught.url
        raise StoreFault(Kind.REFUSED, code="no request came of it")


def _is_proxied(scheme: str) -> bool:
    from urllib.request import getproxies  # noqa: PLC0415 - as botocore reads them

    return scheme in getproxies()


def _proxy(text: str) -> Proxy:
    """As botocore reads it."""
    url = urllib.parse.urlsplit(text if text.startswith(("http:", "https:")) else f"http://{text.removeprefix('//')}")
    authorization = ""
    if url.username and url.password:
        pair = f"{urllib.parse.unquote(url.username)}:{urllib.parse.unquote(url.password)}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Proxy(url.scheme, url.hostname or "", url.port or _PORTS[url.scheme], authorization)


class SignedClients(Clients):
    """Knows who signs."""

    @property
    def signer(self) -> Signer:
        """The credentials that are used.

        Raises:
            CredentialsError: There are none.
            UsageError: A profile, endpoint or setting is wrong.
        """
        _ = self.quick
        credentials: Any = self._session.get_credentials()
        frozen = credentials.get_frozen_credentials()
        return Signer(credentials.method, frozen.access_key[-4:], bool(frozen.token), self.credentials_end)

    @property
    def signed_region(self) -> str:
        """The one that requests are signed for at first."""
        return str(self.quick.meta.region_name)


class Probe(S3Store):
    """A bucket, asked also for what no upload needs."""

    def contact(self, prefix: str) -> Contact:
        """The first answer; to a request whose refusal has a body that says why, which HEAD's has not.

        Raises:
            StoreFault: No answer came, or one that may pass.
        """
        began = time.time()
        fault = None
        try:
            answer = self._ask(
                "list_multipart_uploads", Bucket=self._bucket, Prefix=prefix, MaxUploads=1, **self._owner
            )
        except StoreFault as exc:
            if exc.is_retryable:
                raise
            fault, answer = exc, _response_of(exc)
        return Contact(_date(_headers(answer).get("date", "")), (began + time.time()) / 2, fault)

    def bucket_region(self) -> str | None:
        """HeadBucket: where the bucket is, as far as the store says.

        Raises:
            StoreFault: The request failed; DENIED without `s3:ListBucket`.
        """
        answer = self._ask("head_bucket", Bucket=self._bucket, **self._owner)
        return _headers(answer).get("x-amz-bucket-region")

    def versioning(self) -> str:
        """`Enabled`, `Suspended`, or empty where it never was on.

        Raises:
            StoreFault: The request failed; DENIED without `s3:GetBucketVersioning`.
        """
        return str(self._ask("get_bucket_versioning", Bucket=self._bucket, **self._owner).get("Status", ""))

    def encryption(self) -> Encryption:
        """The bucket's default; an empty algorithm where it has none.

        Raises:
            StoreFault: The request failed; DENIED without `s3:GetEncryptionConfiguration`.
        """
        try:
            answer = self._ask("get_bucket_encryption", Bucket=self._bucket, **self._owner)
        except StoreFault as fault:
            if fault.code == _NO_ENCRYPTION:
                return Encryption("")
            raise
        rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules") or [{}]
        default = rules[0].get("ApplyServerSideEncryptionByDefault", {})
        return Encryption(default.get("SSEAlgorithm", ""), default.get("KMSMasterKeyID"))

    def delete(self, key: str, version_id: str | None) -> None:
        """Remove an object, or one version of it.

        Raises:
            StoreFault: The request failed; DENIED without `s3:DeleteObject` or `s3:DeleteObjectVersion`.
        """
        version = {"VersionId": version_id} if version_id else {}
        self._ask("delete_object", **self._at(key), **version)


def said(fault: StoreFault) -> str:
    """The store's own sentence; it may name the user's ARN, so it is to be searched and not to be shown."""
    return str(_response_of(fault).get("Error", {}).get("Message", ""))


def _response_of(fault: StoreFault) -> dict[str, Any]:
    found: dict[str, Any] = getattr(fault.__cause__, "response", None) or {}
    return found


def _headers(answer: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return found


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
