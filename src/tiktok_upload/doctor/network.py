"""Names and connections, as the doctor tries them: sockets and TLS, each once, within a time limit."""

import http.client
import ipaddress
import socket
import ssl
from typing import Any

from tiktok_upload.contact import Kinds, Line, Trouble, Way

_LIMIT_S = 10.0  # a handshake over half the world takes one


def resolve(host: str, port: int) -> tuple[str, ...] | Trouble:
    """All addresses of a name; the system's own time limit holds."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        return Trouble("name", _words(exc))
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_address(host: str) -> bool:
    """Whether it is an address already."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def connect(way: Way, *, limit_s: float = _LIMIT_S) -> Line | Trouble:
    """Connect, through the proxy where there is one, and end it again."""
    try:
        return _plain(way, limit_s) if way.scheme == "http" else _tls(way, limit_s)
    except ssl.SSLCertVerificationError as exc:
        return Trouble("certificate", exc.verify_message)
    except ssl.SSLError as exc:
        return Trouble("tls", exc.reason or "the other side speaks no TLS")
    except TimeoutError:
        return Trouble("timeout")
    except (OSError, http.client.HTTPException) as exc:
        return Trouble(_kind(way, exc), _words(exc))


def _plain(way: Way, limit_s: float) -> Line:
    first = way.proxy or way
    socket.create_connection((first.host, first.port), limit_s).close()
    return Line()


def _tls(way: Way, limit_s: float) -> Line:
    context = ssl.create_default_context(cafile=way.trusted or None)
    first = way.proxy or way
    connection = http.client.HTTPSConnection(first.host, first.port, timeout=limit_s, context=context)
    if way.proxy is not None:
        headers = {"Proxy-Authorization": way.proxy.authorization} if way.proxy.authorization else {}
        connection.set_tunnel(way.host, way.port, headers)
    try:
        connection.connect()
        return _line(connection.sock)
    finally:
        connection.close()


def _line(sock: Any) -> Line:
    certificate = sock.getpeercert() or {}
    named = {name: text for group in certificate.get("issuer", ()) for name, text in group}
    end = certificate.get("notAfter")
    return Line(
        tls=sock.version() or "TLS",
        issuer=named.get("organizationName") or named.get("commonName", ""),
        ends_at=float(ssl.cert_time_to_seconds(end)) if end else None,
    )


def _kind(way: Way, exc: Exception) -> Kinds:
    if way.proxy is not None:
        return "proxy"
    if isinstance(exc, socket.gaierror):
        return "name"
    return "refused" if isinstance(exc, ConnectionRefusedError) else "network"


def _words(exc: Exception) -> str:
    return (getattr(exc, "strerror", None) or str(exc) or type(exc).__name__).lower()
