"""What may stand between a client and a store: a proxy that tunnels, with a password or not; TLS by a private CA."""

import base64
import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_BLOCK = 1 << 16


def write_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A PEM file that signed itself for 127.0.0.1, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    path, both = folder / "ca.pem", folder / "both.pem"
    text = _certified("store", "store", key, key, is_ca=True)
    path.write_bytes(text)
    both.write_bytes(text + _secret(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return path, context


def write_chain(folder: Path) -> tuple[Path, Path]:
    """The certificate of an authority, and one of 127.0.0.1 that it signed, with its key.

    rustls takes no certificate of an authority as a server's own.
    """
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    path, both = folder / "authority.pem", folder / "server.pem"
    path.write_bytes(_certified("authority", "authority", authority, authority, is_ca=True))
    both.write_bytes(_certified("store", "authority", key, authority, is_ca=False) + _secret(key))
    return path, both


def _certified(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *, is_ca: bool
) -> bytes:
    by, of = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (issuer, subject))
    now = dt.datetime.now(dt.UTC)
    serial, begin, end = x509.random_serial_number(), now - dt.timedelta(days=1), now + dt.timedelta(days=3)
    made = (
        x509.CertificateBuilder(by, of, key.public_key(), serial, begin, end)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def _secret(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Relay:
    """Hands connections on to a port; behind TLS, or asked for by CONNECT.

    Attributes:
        accepted: How many connections came.
        greeted: Heads of the CONNECT requests.
    """

    def __init__(
        self, to: int, *, tls: ssl.SSLContext | None = None, is_proxy: bool = False, password: str = ""
    ) -> None:
        self._to = to
        self._tls = tls
        self._is_proxy = is_proxy
        self._wanted = f"Basic {base64.b64encode(password.encode()).decode()}" if password else ""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.accepted = 0
        self.greeted: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection that is open, as a firewall does to idle ones: without a word."""
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            inner = self._tls.wrap_socket(client, server_side=True) if self._tls else client
            if self._is_proxy and not self._greet(inner):
                inner.close()
                return
            store = socket.create_connection(("127.0.0.1", self._to))
            self._open += [inner, store]
            back = threading.Thread(target=_copy, args=(store, inner), daemon=True)
            back.start()
            _copy(inner, store)
            back.join()

    def _greet(self, client: socket.socket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(_BLOCK)
        text = head.decode("latin-1")
        self.greeted.append(text)
        if self._wanted and f"Proxy-Authorization: {self._wanted}".lower() not in text.lower():
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return False
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return True


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(_BLOCK):
            target.sendall(block)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def relaying(to: int, **options: object) -> Iterator[Relay]:
    """A relay while inside."""
    relay = Relay(to, **options)  # type: ignore[arg-type]
    try:
        yield relay
    finally:
        relay.close()
