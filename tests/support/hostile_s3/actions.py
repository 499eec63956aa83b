"""What a fault does to an exchange: before the operation, at a place in the body, or to its answer."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Literal

from .errors import HangUpError, S3Error
from .exchange import Exchange
from .records import StoredPart
from .routing import Request
from .wire import Answer

WRONG_ETAG: Final = '"00000000000000000000000000000000"'

Moment = Literal["before", "body", "after"]


class Action:
    """One kind of misbehaviour; this one does nothing.

    Attributes:
        goes_along: Whether it acts beside the fault that the script has for the same request.
    """

    goes_along: ClassVar[bool] = False

    def before(self, exchange: Exchange) -> None:
        """Act when the head was accepted and before any of the body is asked for."""

    def after(self, exchange: Exchange, answer: Answer) -> Answer:
        """Act when the operation was carried out or refused; gives the answer to be sent."""
        del exchange
        return answer


@dataclass(frozen=True, slots=True)
class Refuse(Action):
    """Answer an error: before the body, after so many bytes of it (then hang up), or after all of it."""

    code: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    after_bytes: float | None = None

    def before(self, exchange: Exchange) -> None:
        if self.after_bytes is None:
            raise self._error(hang_up=False)
        exchange.body.set_trap(self._spring, self.after_bytes, self)

    def _spring(self) -> None:
        raise self._error(hang_up=self.after_bytes != math.inf)

    def _error(self, *, hang_up: bool) -> S3Error:
        headers = dict(self.headers)
        return S3Error(self.code, "A scripted fault.", status=self.status, headers=headers, hang_up=hang_up)


@dataclass(frozen=True, slots=True)
class HangUp(Action):
    """Break the connection after so many bytes of the body."""

    after_bytes: float
    reset: bool = True

    def before(self, exchange: Exchange) -> None:
        exchange.body.set_trap(self._spring, self.after_bytes, self)

    def _spring(self) -> None:
        raise HangUpError(reset=self.reset)


@dataclass(frozen=True, slots=True)
class GoDown(Action):
    """Break every connection and refuse new ones, for so many seconds or until the test opens the door again."""

    for_s: float | None

    def before(self, exchange: Exchange) -> None:
        exchange.door.shut(self.for_s)
        raise HangUpError(reset=True)


@dataclass(frozen=True, slots=True)
class BlackHole(Action):
    """Read so many bytes of the body, then nothing more, and answer nothing."""

    after_bytes: float

    def before(self, exchange: Exchange) -> None:
        exchange.body.set_trap(exchange.stuck.stay, self.after_bytes, self)


@dataclass(frozen=True, slots=True)
class LoseAnswer(Action):
    """Carry the operation out and break the connection instead of answering."""

    reset: bool = True

    def after(self, exchange: Exchange, answer: Answer) -> Answer:
        del exchange, answer
        raise HangUpError(reset=self.reset)


@dataclass(frozen=True, slots=True)
class EditAnswer(Action):
    """Change the answer of an operation that was carried out."""

    edit: Callable[[Answer], Answer]

    def after(self, exchange: Exchange, answer: Answer) -> Answer:
        del exchange
        return self.edit(answer)


@dataclass(frozen=True, slots=True)
class PauseAnswer(Action):
    """Send so many bytes of the answer's body, and then break the connection, or nothing more until `release`."""

    keep: int
    for_good: bool

    def after(self, exchange: Exchange, answer: Answer) -> Answer:
        return replace(answer, pause_after=self.keep, pause=self._break if self.for_good else exchange.stuck.stay)

    def _break(self) -> None:
        raise HangUpError(reset=True)


@dataclass(frozen=True, slots=True)
class EditListing(Action):
    """Let a listing of parts lie."""

    edit: Callable[[list[StoredPart]], list[StoredPart]]

    def before(self, exchange: Exchange) -> None:
        exchange.part_edits.append(self.edit)


@dataclass(frozen=True, slots=True)
class LoseUploads(Action):
    """Forget the upload that the request names, or all of them, before the operation sees it."""

    everything: bool

    def before(self, exchange: Exchange) -> None:
        every = [upload.id for upload in exchange.store.uploads()]
        for upload_id in every if self.everything else [exchange.request.upload_id or ""]:
            exchange.store.lose_upload(upload_id)


@dataclass(frozen=True, slots=True)
class LoseParts(Action):
    """Forget some parts of the upload that the request names, before the operation sees it."""

    numbers: frozenset[int]

    def before(self, exchange: Exchange) -> None:
        if exchange.store.upload(exchange.request.upload_id) is not None:
            exchange.store.lose_parts(exchange.request.upload_id or "", self.numbers)


@dataclass(frozen=True, slots=True)
class Call(Action):
    """Let the test do something at this very moment, in the server's thread."""

    goes_along: ClassVar[bool] = True
    function: Callable[[Request], object]
    moment: Moment

    def before(self, exchange: Exchange) -> None:
        if self.moment == "before":
            self.function(exchange.request)
        elif self.moment == "body":
            exchange.body.set_trap(lambda: self.function(exchange.request), owner=self)

    def after(self, exchange: Exchange, answer: Answer) -> Answer:
        if self.moment == "after":
            self.function(exchange.request)
        return answer


def with_wrong_etag(answer: Answer) -> Answer:
    """Answer the ETag of something else."""
    if "ETag" in answer.headers:
        answer.headers["ETag"] = WRONG_ETAG
    body = re.sub(rb"<ETag>[^<]*</ETag>", f"<ETag>{WRONG_ETAG}</ETag>".encode(), answer.body)
    return replace(answer, body=body)


def with_wrong_checksum(answer: Answer) -> Answer:
    """Echo checksums whose first bytes are others."""
    for name, value in answer.headers.items():
        if name.startswith("x-amz-checksum-") and name != "x-amz-checksum-type":
            answer.headers[name] = _twisted(value)
    body = re.sub(rb"(<Checksum(?:CRC|SHA)\w+>)([^<]*)", lambda m: m[1] + _twisted(m[2].decode()).encode(), answer.body)
    return replace(answer, body=body)


def _twisted(value: str) -> str:
    return ("B" if value.startswith("A") else "A") + value[1:]


def cut_in_half(answer: Answer) -> Answer:
    """Cut a document in its middle, with a Content-Length that fits."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def with_web_page(status: int) -> Callable[[Answer], Answer]:
    """Put a web page there, as a proxy or a login portal between does."""
    page = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please <b>log in<br></body></html>"
    return lambda _: Answer(status, {"Content-Type": "text/html"}, page)


def truncated_to(count: int) -> Callable[[Answer], Answer]:
    """Cut the body, with a Content-Length that fits."""
    return lambda answer: replace(answer, body=answer.body[:count])


def without_parts(numbers: Iterable[int]) -> Callable[[list[StoredPart]], list[StoredPart]]:
    """Leave these parts out of the listing."""
    hidden = frozenset(numbers)
    return lambda parts: [part for part in parts if part.number not in hidden]


def with_parts(sizes: Mapping[int, int]) -> Callable[[list[StoredPart]], list[StoredPart]]:
    """Put these parts, number to size in bytes, into the listing, though nobody ever sent them."""
    invented = [StoredPart(number, size, WRONG_ETAG, None, 0.0) for number, size in sizes.items()]
    return lambda parts: [*(part for part in parts if part.number not in sizes), *invented]
