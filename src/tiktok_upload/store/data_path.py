"""The bytes of UploadPart and PutObject on their way: large pieces straight from the file's buffer to the socket.

Signing, endpoints, proxies, TLS, redirects and errors stay botocore's, and so does its connection, which hears an
answer that comes before the body's end. Only what it is given to send changes: http.client reads a file in blocks of
16 KiB, each a new object; an iterable's pieces go to `sendall` as they are, which lets other threads run meanwhile.
"""

from collections.abc import Iterator
from typing import Any, Protocol


class Piecewise(Protocol):
    """A body that comes in large pieces, each valid until the next one is asked for."""

    def pieces(self) -> Iterator[memoryview]:
        """From where it is to its end."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Back to its start."""


def send_in_pieces(request: Any, **_: Any) -> None:
    """For botocore's `before-send`: the request is signed by now, and not sent yet."""
    if hasattr(request.body, "pieces"):
        request.body = _Pieces(request.body)


class _Pieces:
    """Only an iterable: whatever can be read as a file is sent as one."""

    def __init__(self, body: Piecewise) -> None:
        self._body = body

    def __iter__(self) -> Iterator[memoryview]:
        return self._body.pieces()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Botocore goes back before it sends the same body to another region."""
        return self._body.seek(offset, whence)
