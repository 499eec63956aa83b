"""The bytes of UploadPart and PutObject on their way: large pieces straight from the file's buffer to the socket.

Signing, endpoints, proxies, TLS, redirects and errors stay botocore's. What changes is how a body is sent: http.client
reads a file in blocks of 16 KiB, each a new object; an iterable's pieces go to `sendall` as they are, which lets other
threads run meanwhile. And a store that takes bodies is not asked before each of them whether it will:
«Expect: 100-continue», botocore's habit, costs a round trip a part. After any refusal it is asked again, so that a
store that slows us down or sends us elsewhere says so before the bytes.
"""

import copy
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from botocore.httpsession import URLLib3Session

_OK = 200


class Piecewise(Protocol):
    """A body that comes in large pieces, each valid until the next one is asked for."""

    def pieces(self) -> Iterator[memoryview]:
        """From where it is to its end."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Back to its start."""


class DataPath:
    """For botocore's `before-send`: the request is signed by now, and not sent yet.

    Attributes:
        is_trusting: Whether bodies go out without asking; the store took the last one.
    """

    def __init__(self, asking: "URLLib3Session") -> None:
        self._asking = asking
        self._straight = _straight(asking)
        self.is_trusting = False

    def __call__(self, request: Any, **_: Any) -> Any:
        """The answer; raises botocore's own exceptions."""
        if hasattr(request.body, "pieces"):
            request.body = _Pieces(request.body)
        session = self._asking
        if self.is_trusting:
            session = self._straight
            del request.headers["Expect"]  # it is not among what is signed
        try:
            response = session.send(request)
        except BaseException:
            self.is_trusting = False
            raise
        self.is_trusting = response.status_code == _OK
        return response

    def close(self) -> None:
        """Close idle connections."""
        self._straight.close()


def _straight(asking: "URLLib3Session") -> "URLLib3Session":
    """The same settings with urllib3's own connections: botocore's add nothing but the wait for the store's consent.

    The authorities are read once for all connections; each of botocore's reads them anew, 40 ms a time.
    """
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager  # noqa: PLC0415 - slow to import

    session: Any = copy.copy(asking)
    classes = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}
    session._pool_classes_by_scheme, session._proxy_managers = classes, {}  # noqa: SLF001 - it has no public way
    authorities = _Authorities(session)
    session._setup_ssl_cert = authorities.require  # noqa: SLF001
    session._get_pool_manager_kwargs = authorities.settings  # noqa: SLF001
    session._manager = PoolManager(**session._get_pool_manager_kwargs())  # noqa: SLF001
    session._manager.pool_classes_by_scheme = classes  # noqa: SLF001
    return session  # type: ignore[no-any-return]


class _Authorities:
    """One TLS context for all pools, proxies' too, that knows whom to trust once it is needed."""

    def __init__(self, session: Any) -> None:
        self._settings: Callable[..., dict[str, Any]] = session._get_pool_manager_kwargs  # noqa: SLF001 - no public way
        self._context = session._get_ssl_context()  # noqa: SLF001
        self._lock = threading.Lock()
        self._are_read = False

    def settings(self, **extra: Any) -> dict[str, Any]:
        """What pools are made with."""
        return {**self._settings(**extra), "ssl_context": self._context}

    def require(self, pool: Any, url: str, verify: Any) -> None:
        """Before each request."""
        from botocore.httpsession import get_cert_path  # noqa: PLC0415 - slow to import

        if not url.lower().startswith("https"):
            return
        with self._lock:
            if not self._are_read:
                self._context.load_verify_locations(get_cert_path(verify))
                self._are_read = True
        pool.cert_reqs, pool.ca_certs = "CERT_REQUIRED", None


class _Pieces:
    """Only an iterable: whatever can be read as a file is sent as one."""

    def __init__(self, body: Piecewise) -> None:
        self._body = body

    def __iter__(self) -> Iterator[memoryview]:
        return self._body.pieces()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Botocore goes back before it sends the same body to another region."""
        return self._body.seek(offset, whence)
