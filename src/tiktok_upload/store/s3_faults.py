"""botocore's exceptions, told as faults of the store."""

import contextlib
from collections.abc import Iterator
from typing import Any

from tiktok_upload.faults import Kind, StoreFault, classify


@contextlib.contextmanager
def faults(*, on_complete: bool = False) -> Iterator[None]:
    """Turn botocore's exceptions into `StoreFault`."""
    from botocore import exceptions as boto  # noqa: PLC0415 - botocore is slow to import

    try:
        yield
    except boto.ClientError as exc:
        raise _answered(exc.response, on_complete=on_complete) from exc
    except boto.BotoCoreError as exc:
        raise _unanswered(exc) from exc
    except (KeyError, ValueError) as exc:  # a field is missing, or is no number or date
        raise StoreFault(Kind.TRANSIENT, code="an answer that is not S3's") from exc


def _answered(response: Any, *, on_complete: bool) -> StoreFault:
    error, meta = response.get("Error", {}), response.get("ResponseMetadata", {})
    headers = meta.get("HTTPHeaders", {})
    code, status = str(error.get("Code", "")), int(meta.get("HTTPStatusCode", 0))
    kind = classify(status, code)
    if on_complete and code in ("BadDigest", "InvalidDigest"):
        kind = Kind.WRONG_CONTENT
    return StoreFault(
        kind,
        status,
        "" if code == str(status) else code,
        _retry_after(headers.get("retry-after", "")),
        headers.get("x-amz-bucket-region") or error.get("Region"),
        request_id=str(meta.get("RequestId", "")),
    )


def _retry_after(text: str) -> float | None:
    # S3 and its kin send seconds; the date form is not worth a guess at another machine's clock.
    return min(float(text), 300.0) if text.isdigit() else None


def _unanswered(exc: Exception) -> StoreFault:
    from botocore import exceptions as boto  # noqa: PLC0415 - botocore is slow to import

    no_contact = (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError, boto.SSLError)
    no_credentials = (
        boto.NoCredentialsError,
        boto.PartialCredentialsError,
        boto.CredentialRetrievalError,
        boto.TokenRetrievalError,
        boto.SSOError,
    )
    if isinstance(exc, no_credentials):
        return StoreFault(Kind.CREDENTIALS, code="no usable credentials")
    if isinstance(exc, no_contact):
        return StoreFault(Kind.UNREACHABLE, code=_network_word(exc))
    if isinstance(exc, boto.ParamValidationError):
        return StoreFault(Kind.REFUSED, code="a parameter that S3 does not take")
    if isinstance(exc, _wrong_settings()):
        return StoreFault(Kind.REFUSED, code="settings of the connection that exclude each other")
    return StoreFault(Kind.TRANSIENT, code=_network_word(exc))


def _wrong_settings() -> tuple[type[Exception], ...]:
    from botocore import exceptions as boto  # noqa: PLC0415 - botocore is slow to import

    return (
        boto.EndpointProviderError,
        boto.NoRegionError,
        boto.UnsupportedS3ConfigurationError,
        boto.UnsupportedS3AccesspointConfigurationError,
    )


def _network_word(exc: Exception) -> str:
    """A word for the failure; botocore's own text holds URLs."""
    words = {
        "EndpointConnectionError": "no connection could be made",
        "ConnectTimeoutError": "no connection within the time limit",
        "ProxyConnectionError": "the proxy cannot be reached",
        "SSLError": "TLS failed (is the certificate's authority known? --ca-bundle)",
        "ReadTimeoutError": "no answer within the time limit",
        "ConnectionClosedError": "the connection was closed",
        "ResponseParserError": "an answer that is not S3's",
    }
    return words.get(type(exc).__name__, "the connection broke")
