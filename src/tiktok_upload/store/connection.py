"""How the store is reached: botocore sessions and clients from the user's settings."""

import ipaddress
import os
import ssl
import threading
import urllib.parse
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from tiktok_upload.errors import CredentialsError, UsageError
from tiktok_upload.settings import Connection
from tiktok_upload.store.data_path import DataPath

if TYPE_CHECKING:
    import datetime as dt

    import botocore.session
    from botocore.config import Config
    from mypy_boto3_s3 import S3Client

    from tiktok_upload.store.credentials import FreshCredentials

COMPLETE_S = 900.0  # S3 may take many minutes to join 10,000 parts before it answers


class Clients:
    """The S3 clients of a run, made when first needed.

    Args:
        connection: The user's settings.
        stall_s: How long a request may make no progress.
        connections: How many at once.
        version: Of this tool, for the user agent.

    Attributes:
        region_found: The bucket's region where the store named another than ours.
    """

    def __init__(self, connection: Connection, *, stall_s: float, connections: int, version: str) -> None:
        self._connection = connection
        self._stall_s = stall_s
        self._connections = connections
        self._version = version
        self._lock = threading.RLock()
        self._made: dict[str, S3Client] = {}
        self._paths: list[DataPath] = []
        self._credentials: FreshCredentials | None = None
        self.region_found: str | None = None

    @property
    def quick(self) -> "S3Client":
        """For all but Complete.

        Raises:
            CredentialsError: boto3 finds none.
            UsageError: A profile, endpoint or setting is wrong.
        """
        return self._once("quick", self._stall_s)

    @property
    def patient(self) -> "S3Client":
        """For Complete, which may keep silent for 15 minutes."""
        return self._once("patient", COMPLETE_S)

    @property
    def endpoint(self) -> str:
        """The URL of a store that is not AWS's own; an empty string for AWS, whichever the region."""
        url = self.quick.meta.endpoint_url
        host = urllib.parse.urlsplit(url).hostname or ""
        return "" if host.endswith((".amazonaws.com", ".amazonaws.com.cn")) else url

    @property
    def is_private(self) -> bool:
        """Whether nobody between can read a body: TLS, or this machine itself."""
        return _is_private_way(self.quick.meta.endpoint_url)

    @property
    def credentials_generation(self) -> int:
        """Which credentials a request that begins now is signed with; see `renew_credentials`."""
        return self._credentials.generation if self._credentials else 0

    def renew_credentials(self, generation: int) -> bool:
        """The store says that those have expired: whether there are others by now. One thread asks at a time."""
        from botocore import exceptions as boto  # noqa: PLC0415 - slow to import

        try:
            return self._credentials is not None and self._credentials.renew(generation)
        except (boto.BotoCoreError, boto.ClientError, OSError):
            return False

    @property
    def credentials_end(self) -> "dt.datetime | None":
        """When they end for good, where that is known and nobody renews them."""
        return self._credentials.end() if self._credentials else None

    def close(self) -> None:
        """Close idle connections."""
        for client in self._made.values():
            client.close()
        for path in self._paths:
            path.close()

    def _once(self, name: str, read_timeout_s: float) -> "S3Client":
        with self._lock:
            if name not in self._made:
                self._made[name] = self._make(read_timeout_s)
            return self._made[name]

    @cached_property
    def _session(self) -> "botocore.session.Session":
        # boto3's own Session adds only resources and transfers, and a tenth of a second of imports.
        import botocore.session  # noqa: PLC0415 - slow to import
        from botocore import exceptions as boto  # noqa: PLC0415

        from tiktok_upload.store.credentials import FreshCredentials  # noqa: PLC0415 - it needs botocore

        def make() -> "botocore.session.Session":
            session = botocore.session.Session(profile=self._connection.profile)
            session.set_config_variable("region", self._region_of(session))
            return session

        try:
            session = make()
            credentials = FreshCredentials(session, make)
            if credentials.exist:
                credentials.get_frozen_credentials()  # asks whoever gives them, so that a refusal is told now
        except (boto.ProfileNotFound, boto.ConfigParseError, boto.InvalidConfigError) as exc:
            raise UsageError(
                f"the AWS configuration cannot be used: {type(exc).__name__}",
                hint="check --profile and the files in ~/.aws",
            ) from exc
        except (boto.BotoCoreError, boto.ClientError, OSError) as exc:  # OSError: a missing program or token file
            raise _no_credentials() from exc
        if not credentials.exist:
            raise _no_credentials()
        self._credentials = credentials
        return session

    def _make(self, read_timeout_s: float) -> "S3Client":
        client = self._client(read_timeout_s, sign_payload=False)
        if not _is_private_way(client.meta.endpoint_url):
            client = self._client(read_timeout_s, sign_payload=True)
        client.meta.events.register("needs-retry.s3", self._note_region)
        endpoint: Any = client._endpoint  # type: ignore[attr-defined]  # noqa: SLF001 - it has no public way
        path = DataPath(endpoint.http_session)
        self._paths.append(path)
        for operation in ("UploadPart", "PutObject"):
            client.meta.events.register(f"before-send.s3.{operation}", path)
        return client

    def _client(self, read_timeout_s: float, *, sign_payload: bool) -> "S3Client":
        from botocore import exceptions as boto  # noqa: PLC0415 - slow to import

        session = self._session
        self._check_settings()
        try:
            client = session.create_client(
                "s3",
                region_name=self._region_of(session),
                endpoint_url=self._connection.endpoint_url,
                verify=self._connection.ca_bundle,
                config=self._config(read_timeout_s, sign_payload=sign_payload),
            )
        except (boto.BotoCoreError, ValueError) as exc:
            raise UsageError(
                f"the AWS configuration or the endpoint cannot be used: {type(exc).__name__}",
                hint="check --endpoint-url, the AWS_ variables and the files in ~/.aws",
            ) from exc
        _check_url(client.meta.endpoint_url)  # it may come from a variable or a profile
        return cast("S3Client", client)

    def _config(self, read_timeout_s: float, *, sign_payload: bool) -> "Config":
        from botocore.config import Config  # noqa: PLC0415 - slow to import

        return Config(
            # The retries are ours: botocore knows neither our budget nor a stop.
            retries={"total_max_attempts": 1},
            # urllib3 holds each write of a body to the connect timeout, each read of an answer to the other.
            connect_timeout=self._stall_s,
            read_timeout=read_timeout_s,
            max_pool_connections=self._connections,
            tcp_keepalive=True,
            # Checksums are ours, too: plain headers with their values, which every store understands.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            use_dualstack_endpoint=self._connection.dualstack or None,
            use_fips_endpoint=self._connection.fips or None,
            user_agent_extra=f"tiktok-upload/{self._version}",
            s3={
                "addressing_style": self._connection.addressing,
                "use_accelerate_endpoint": self._connection.accelerate,
                # A CRC of each body is signed anyhow; hashing it once more with SHA-256 costs more than TLS.
                "payload_signing_enabled": sign_payload,
            },
        )

    def _check_settings(self) -> None:
        """What botocore would only notice when it connects, and then take for a network that may come back."""
        bundle = self._connection.ca_bundle or self._session.get_config_variable("ca_bundle")
        try:
            if bundle:
                ssl.create_default_context(cafile=bundle)
        except OSError as exc:
            raise UsageError(
                "the CA bundle cannot be used: it is missing or holds no certificate",
                hint="give --ca-bundle a PEM file's path",
            ) from exc
        _check_url(self._connection.endpoint_url or "https://aws")

    def _region_of(self, session: "botocore.session.Session") -> str:
        # AWS_REGION is the other SDKs' word, botocore knows only AWS_DEFAULT_REGION. A signature needs a
        # region even where the store has none; AWS redirects from this one.
        chosen = self._connection.region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
        return chosen or "us-east-1"

    def _note_region(self, response: Any, **_: Any) -> None:
        if response is None:
            return
        parsed = response[1]
        headers = parsed.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        region = headers.get("x-amz-bucket-region") or parsed.get("Error", {}).get("Region")
        if region and region != self.quick.meta.region_name:
            self.region_found = region


def _no_credentials() -> CredentialsError:
    return CredentialsError(
        "there are no usable AWS credentials",
        kept="nothing was sent",
        hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in and name the --profile",
    )


def _check_url(url: str) -> None:
    if not _is_web_address(url):
        raise UsageError(
            "the endpoint is no URL of a web server, or has a password in it",
            hint="write --endpoint-url as https://host:port",
        )


def _is_web_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and parts.username is None
    except ValueError:
        return False


def _is_private_way(url: str) -> bool:
    """Whether nobody between can change a body: TLS, or this machine itself."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
