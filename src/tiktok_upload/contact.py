"""What the doctor learns of the network, of the credentials and of the store: values only."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

from tiktok_upload.faults import StoreFault


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that requests go through.

    Attributes:
        authorization: The header's value, from the user and password in its URL.
    """

    scheme: str
    host: str
    port: int
    authorization: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Way:
    """How requests about the bucket go.

    Attributes:
        is_bypassed: There is a proxy, but NO_PROXY takes this host out.
        trusted: Path of the certificates that are trusted.
        is_chosen_trust: The user named them.
    """

    scheme: str
    host: str
    port: int
    proxy: Proxy | None = None
    is_bypassed: bool = False
    trusted: str = ""
    is_chosen_trust: bool = False


Kinds = Literal["name", "refused", "timeout", "certificate", "tls", "proxy", "network"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why no connection could be made.

    Attributes:
        detail: The library's or the system's words for it; no URL is in them.
    """

    kind: Kinds
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A connection that was made.

    Attributes:
        tls: `TLSv1.3`; empty for plain HTTP.
        issuer: Who signed the certificate.
        ends_at: When the certificate ends, seconds since 1970.
    """

    tls: str = ""
    issuer: str = ""
    ends_at: float | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """The credentials that sign.

    Attributes:
        method: Where botocore found them: `env`, `shared-credentials-file`, `assume-role`, ...
        key_id_end: The last four characters of the access key id.
        is_temporary: There is a session token.
        ends_at: When they end for good, where that is known and nobody renews them.
    """

    method: str
    key_id_end: str
    is_temporary: bool = False
    ends_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """The store's first answer, whichever it was.

    Attributes:
        store_time: By its Date header, seconds since 1970, whole ones.
        own_time: This machine's, halfway between request and answer.
        fault: What the store refused, if it did.
    """

    store_time: float | None
    own_time: float
    fault: StoreFault | None = None


@dataclass(frozen=True, slots=True)
class Encryption:
    """How the bucket encrypts what does not say otherwise.

    Attributes:
        algorithm: `AES256`, `aws:kms`, `aws:kms:dsse`.
        key: Of KMS, where one is named.
    """

    algorithm: str
    key: str | None = None

    @property
    def is_kms(self) -> bool:
        """Whether rights at KMS are needed, too."""
        return self.algorithm.startswith("aws:kms")
