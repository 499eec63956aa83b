"""Bodies that come in: streamed to a file, and refused unless they are what their headers say."""

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .bodies import AwsChunked, Source, incomplete
from .checksums import SIZES, Checksum, Running, decode, encode, header_of, start
from .errors import S3Error
from .exchange import Exchange
from .signature import UNSIGNED_PAYLOAD, UNSIGNED_TRAILER
from .wire import READ_SIZE

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LARGEST_DOCUMENT: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Claims:
    """What a request's head says of its body.

    Attributes:
        md5: The digest that Content-MD5 spells.
        sha256: In hex, where the payload was signed.
        algorithm: Of the checksum, in capitals; empty where there is none.
        value: Of the checksum, in base64; empty where it follows as a trailer.
        size: Of the content in bytes.
        framed: Whether the content comes as `aws-chunked`.
    """

    md5: bytes | None
    sha256: str | None
    algorithm: str
    value: str
    size: int
    framed: bool


@dataclass(frozen=True, slots=True)
class Received:
    """A body that was what it claimed to be, in a file of its own.

    Attributes:
        checksum: The one that the client sent.
        crc64nvme: Of the content, in base64.
    """

    path: Path
    size: int
    md5: bytes
    checksum: Checksum | None
    crc64nvme: str


def read_claims(exchange: Exchange) -> Claims:
    """Read what the head says of the body, before any of it is asked for.

    Raises:
        S3Error: A digest that cannot be one, no length, or too large a body.
    """
    framed = _is_framed(exchange.headers)
    algorithm, value = exchange.claimed_checksum() or (_trailing(exchange.headers), "")
    size = _size(exchange, framed=framed)
    _check_spelling(exchange.headers, algorithm, value)
    if size > exchange.rules.max_part_size:
        raise S3Error("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
    return Claims(_md5(exchange.headers), _sha256(exchange.headers), algorithm, value, size, framed)


@contextlib.contextmanager
def received(exchange: Exchange, claims: Claims) -> Iterator[Received]:
    """Take the body in and check it; the file is gone afterwards, unless it was moved away.

    Raises:
        S3Error: The body is not what was claimed, or ended early.
    """
    path = exchange.store.new_file()
    try:
        yield _take(exchange, claims, path)
    finally:
        path.unlink(missing_ok=True)


def read_document(exchange: Exchange) -> bytes:
    """Take in a small body, checked against its signature and Content-MD5."""
    if not exchange.body.said_length:
        raise no_length()
    if (exchange.body.length or 0) > _LARGEST_DOCUMENT:
        raise S3Error("EntityTooLarge")
    data = b"".join(iter(exchange.body.read, b""))
    _compare_payload(_sha256(exchange.headers), hashlib.sha256(data).hexdigest())
    _compare_md5(_md5(exchange.headers), hashlib.md5(data, usedforsecurity=False).digest())
    return data


def no_length() -> S3Error:
    """S3 wants to know beforehand."""
    return S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.")


def _take(exchange: Exchange, claims: Claims, path: Path) -> Received:
    sums = _Sums(claims)
    source: Source = AwsChunked(exchange.body) if claims.framed else exchange.body
    with path.open("wb") as file:
        while data := source.read(READ_SIZE):
            sums.update(data)
            file.write(data)
    if sums.size != claims.size:
        raise incomplete()
    trailers = source.trailers if isinstance(source, AwsChunked) else {}
    return sums.judge(path, trailers)


class _Sums:
    """Everything that is computed over a body as it passes."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self.size = 0
        self._running: dict[str, Running] = {"MD5": hashlib.md5(usedforsecurity=False), "CRC64NVME": start("CRC64NVME")}
        if claims.sha256 is not None:
            self._running["SHA256"] = start("SHA256")
        if claims.algorithm:
            self._running.setdefault(claims.algorithm, start(claims.algorithm))

    def update(self, data: bytes) -> None:
        self.size += len(data)
        for running in self._running.values():
            running.update(data)

    def judge(self, path: Path, trailers: dict[str, str]) -> Received:
        """What was received, or the refusal that it earned."""
        digests = {name: running.digest() for name, running in self._running.items()}
        claims = self._claims
        _compare_payload(claims.sha256, digests.get("SHA256", b"").hex())
        _compare_md5(claims.md5, digests["MD5"])
        checksum = _verified(claims, digests, trailers) if claims.algorithm else None
        return Received(path, self.size, digests["MD5"], checksum, encode(digests["CRC64NVME"]))


def _verified(claims: Claims, digests: dict[str, bytes], trailers: dict[str, str]) -> Checksum:
    name = claims.algorithm
    value = claims.value or trailers.get(header_of(name), "")
    if not value:
        raise S3Error("MalformedTrailerError", "The request contained trailing data that was not well-formed.")
    if decode(value, SIZES[name]) != digests[name]:
        raise S3Error("BadDigest", f"The {name} you specified did not match the calculated checksum.")
    return Checksum(name, value)


def _compare_payload(claimed: str | None, computed: str) -> None:
    if claimed is not None and claimed != computed:
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise S3Error("XAmzContentSHA256Mismatch", message)


def _compare_md5(claimed: bytes | None, computed: bytes) -> None:
    if claimed is not None and claimed != computed:
        raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")


def _is_framed(headers: dict[str, str]) -> bool:
    return headers.get("x-amz-content-sha256", "") == UNSIGNED_TRAILER


def _md5(headers: dict[str, str]) -> bytes | None:
    if "content-md5" not in headers:
        return None
    digest = decode(headers["content-md5"], 16)
    if digest is None:
        raise S3Error("InvalidDigest", "The Content-MD5 you specified was invalid.")
    return digest


def _sha256(headers: dict[str, str]) -> str | None:
    value = headers.get("x-amz-content-sha256", UNSIGNED_PAYLOAD)
    if value in {UNSIGNED_PAYLOAD, UNSIGNED_TRAILER}:
        return None
    if value.startswith("STREAMING-"):
        raise S3Error("NotImplemented", "A header you provided implies functionality that is not implemented")
    if not _SHA256.fullmatch(value):
        message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        raise S3Error("InvalidArgument", f"{message} or a valid sha256 value.")
    return value


def _trailing(headers: dict[str, str]) -> str:
    """The algorithm of the checksum that will follow the body, or nothing."""
    name = headers.get("x-amz-trailer", "").lower()
    if not name:
        return ""
    algorithm = name.removeprefix("x-amz-checksum-").upper()
    if algorithm not in SIZES or not _is_framed(headers):
        raise S3Error("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
    return algorithm


def _check_spelling(headers: dict[str, str], algorithm: str, value: str) -> None:
    if value and decode(value, SIZES[algorithm]) is None:
        raise S3Error("InvalidRequest", f"Value for {header_of(algorithm)} header is invalid.")
    named = headers.get("x-amz-sdk-checksum-algorithm", "").upper()
    if named and not algorithm:
        message = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer"
        raise S3Error("InvalidRequest", f"{message} headers were found.")
    if named and named != algorithm:
        raise S3Error("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")


def _size(exchange: Exchange, *, framed: bool) -> int:
    length = exchange.headers.get("x-amz-decoded-content-length" if framed else "content-length", "")
    if not length.isdigit() or (exchange.body.length is None and not framed):
        raise no_length()
    return int(length)
