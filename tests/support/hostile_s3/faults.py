"""Faults as a test writes them."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypedDict, Unpack

from . import actions, deceptions, pacing
from .actions import Action, Moment
from .deceptions import PageLie
from .errors import STATUS_OF
from .routing import Request

_CODE_OF: Final = {400: "BadRequest", 403: "AccessDenied", 404: "NoSuchKey", 500: "InternalError", 503: "SlowDown"}


class When(TypedDict, total=False):
    """Which requests a fault is for; `operation` goes before.

    Attributes:
        key: Of the object.
        part: The part number.
        where: Judges the request itself.
        times: How many requests it hits; None hits every one, and at least one must come.
        skip: How many requests that fit pass by before the first hit.
    """

    key: str
    part: int
    where: Callable[[Request], bool]
    times: int | None
    skip: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong. Of several that fit a request the first acts, and each `call` and `foreign_object`."""

    name: str
    operation: str
    action: Action
    key: str | None = None
    part: int | None = None
    where: Callable[[Request], bool] | None = None
    times: int | None = 1
    skip: int = 0

    @classmethod
    def _make(cls, name: str, operation: str, action: Action, when: When) -> Self:
        return cls(name=name, operation=operation, action=action, **when)

    @classmethod
    def status(
        cls,
        operation: str,
        status: int,
        *,
        code: str | None = None,
        retry_after: int | None = None,
        after_bytes: int | None = None,
        after_body: bool = False,
        **when: Unpack[When],
    ) -> Self:
        """Refuse: before the body is asked for, after all of it, or amid it and then hang up."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        place = math.inf if after_body else after_bytes
        action = actions.Refuse(code or _CODE_OF.get(status, "InternalError"), status, headers, place)
        return cls._make(f"status {status}", operation, action, when)

    @classmethod
    def error(cls, operation: str, code: str, **when: Unpack[When]) -> Self:
        """Refuse with that code and the status that S3 has for it."""
        return cls._make(code, operation, actions.Refuse(code, STATUS_OF[code]), when)

    @classmethod
    def error_in_200(cls, operation: str, code: str = "InternalError", **when: Unpack[When]) -> Self:
        """Answer 200 with an error in the body; nothing was carried out."""
        return cls._make("error_in_200", operation, actions.Refuse(code, 200, {}, math.inf), when)

    @classmethod
    def expired_token(cls, operation: str, **when: Unpack[When]) -> Self:
        """Say that the session token has expired."""
        return cls.error(operation, "ExpiredToken", **when)

    @classmethod
    def reset(cls, operation: str, *, after_bytes: int | None = 0, **when: Unpack[When]) -> Self:
        """Reset the connection after so many bytes of the body; None lets all of it come."""
        return cls._make("reset", operation, actions.HangUp(_place(after_bytes)), when)

    @classmethod
    def close(cls, operation: str, *, after_bytes: int | None = 0, **when: Unpack[When]) -> Self:
        """End the connection in the ordinary way, without an answer."""
        return cls._make("close", operation, actions.HangUp(_place(after_bytes), reset=False), when)

    @classmethod
    def black_hole(cls, operation: str, *, after_bytes: int | None = 0, **when: Unpack[When]) -> Self:
        """Read so many bytes of the body, None for all, and then do nothing until `release`."""
        return cls._make("black_hole", operation, actions.BlackHole(_place(after_bytes)), when)

    @classmethod
    def lost_answer(cls, operation: str, *, reset: bool = True, **when: Unpack[When]) -> Self:
        """Carry out the operation, then break the connection."""
        return cls._make("lost_answer", operation, actions.LoseAnswer(reset), when)

    @classmethod
    def wrong_etag(cls, operation: str, **when: Unpack[When]) -> Self:
        """Answer another ETag than the one that is stored."""
        return cls._make("wrong_etag", operation, actions.EditAnswer(actions.with_wrong_etag), when)

    @classmethod
    def wrong_checksum(cls, operation: str, **when: Unpack[When]) -> Self:
        """Echo another checksum than the one that was sent."""
        return cls._make("wrong_checksum", operation, actions.EditAnswer(actions.with_wrong_checksum), when)

    @classmethod
    def garbled(cls, operation: str, *, keep: int, **when: Unpack[When]) -> Self:
        """Send so many bytes of the answer's body as if that were all."""
        return cls._make("garbled", operation, actions.EditAnswer(actions.truncated_to(keep)), when)

    @classmethod
    def cut_answer(cls, operation: str, *, keep: int, **when: Unpack[When]) -> Self:
        """Send so many bytes of the answer's body and break the connection."""
        return cls._make("cut_answer", operation, actions.PauseAnswer(keep, for_good=True), when)

    @classmethod
    def stalled_answer(cls, operation: str, *, keep: int, **when: Unpack[When]) -> Self:
        """Send so many bytes of the answer's body and then nothing more until `release`."""
        return cls._make("stalled_answer", operation, actions.PauseAnswer(keep, for_good=False), when)

    @classmethod
    def lose_upload(cls, operation: str, **when: Unpack[When]) -> Self:
        """Forget the upload that the request names, just before it is looked up."""
        return cls._make("lose_upload", operation, actions.LoseUploads(everything=False), when)

    @classmethod
    def lose_all_uploads(cls, operation: str, **when: Unpack[When]) -> Self:
        """Forget every open upload, just before the operation."""
        return cls._make("lose_all_uploads", operation, actions.LoseUploads(everything=True), when)

    @classmethod
    def lose_parts(cls, operation: str, parts: Iterable[int], **when: Unpack[When]) -> Self:
        """Forget some parts of the upload that the request names, just before the operation."""
        return cls._make("lose_parts", operation, actions.LoseParts(frozenset(parts)), when)

    @classmethod
    def hide_parts(cls, parts: Iterable[int], operation: str = "ListParts", **when: Unpack[When]) -> Self:
        """Leave parts out of the listing, though the store has them."""
        return cls._make("hide_parts", operation, actions.EditListing(actions.without_parts(parts)), when)

    @classmethod
    def invent_parts(cls, sizes: Mapping[int, int], operation: str = "ListParts", **when: Unpack[When]) -> Self:
        """List parts, number to size in bytes, that the store does not have."""
        numbers = {int(number): size for number, size in sizes.items()}  # JSON has only names
        return cls._make("invent_parts", operation, actions.EditListing(actions.with_parts(numbers)), when)

    @classmethod
    def call(
        cls, operation: str, function: Callable[[Request], object], moment: Moment = "before", **when: Unpack[When]
    ) -> Self:
        """Call back: before the body, when it has come and nothing is stored, or just before the answer."""
        return cls._make("call", operation, actions.Call(function, moment), when)

    @classmethod
    def go_down(cls, operation: str, for_s: float | None = None, **when: Unpack[When]) -> Self:
        """Break every connection and refuse new ones, for so many seconds or until `listen_again`."""
        return cls._make("go_down", operation, actions.GoDown(for_s), when)

    @classmethod
    def slow_down(cls, operation: str = "*", *, retry_after: int | None = None, **when: Unpack[When]) -> Self:
        """Refuse by SlowDown; with `times=None` until `calm`."""
        return cls.status(operation, 503, retry_after=retry_after, **when)

    @classmethod
    def redirect(cls, operation: str, region: str, *, status: int = 301, **when: Unpack[When]) -> Self:
        """Say that the bucket is in another region, in a header and, but for HEAD, in a body."""
        return cls._make(f"redirect to {region}", operation, deceptions.Redirect(region, status), when)

    @classmethod
    def false_refusal(cls, operation: str, code: str, *, status: int | None = None, **when: Unpack[When]) -> Self:
        """Carry the operation out and answer that error, by its own status or for example 200."""
        action = deceptions.FalseRefusal(code, STATUS_OF[code] if status is None else status)
        return cls._make(f"false {code}", operation, action, when)

    @classmethod
    def truncated_xml(cls, operation: str, **when: Unpack[When]) -> Self:
        """Send the first half of the document as if that were all."""
        return cls._make("truncated_xml", operation, actions.EditAnswer(actions.cut_in_half), when)

    @classmethod
    def web_page(cls, operation: str, status: int = 200, **when: Unpack[When]) -> Self:
        """Carry the operation out and answer a web page, as something between us and the store does."""
        return cls._make("web_page", operation, actions.EditAnswer(actions.with_web_page(status)), when)

    @classmethod
    def slow_answer(cls, operation: str, *, delay_s: float = 1.0, step: int = 1, **when: Unpack[When]) -> Self:
        """Send the answer so many bytes at a time, with a delay before each."""
        return cls._make("slow_answer", operation, pacing.SlowAnswer(delay_s, step), when)

    @classmethod
    def slow_body(cls, operation: str, *, delay_s: float = 1.0, step: int = 1, **when: Unpack[When]) -> Self:
        """Read the request's body so many bytes at a time, with a delay before each."""
        return cls._make("slow_body", operation, pacing.SlowBody(delay_s, step), when)

    @classmethod
    def late(cls, operation: str, delay_s: float, *, done: bool = True, **when: Unpack[When]) -> Self:
        """Keep silent for so long, when all is done or before anything is."""
        return cls._make("late", operation, pacing.Late(delay_s, done), when)

    @classmethod
    def keep_alive(cls, operation: str, *, delay_s: float = 20.0, spaces: int = 15, **when: Unpack[When]) -> Self:
        """Say 200 at once, send spaces with a delay before each, and then what came of it, be it an error."""
        return cls._make("keep_alive", operation, pacing.KeepAlive(delay_s, spaces), when)

    @classmethod
    def foreign_object(
        cls,
        operation: str,
        data: bytes | str = b"theirs",
        *,
        to: str | None = None,
        moment: Moment = "before",
        **when: Unpack[When],
    ) -> Self:
        """Let somebody else write an object, at `to` or the request's key; the moments are those of `call`."""
        content = data.encode() if isinstance(data, str) else data
        return cls._make("foreign_object", operation, deceptions.Plant(content, to, moment), when)

    @classmethod
    def lying_pages(cls, lie: PageLie, operation: str = "ListParts", **when: Unpack[When]) -> Self:
        """Let a page of parts lie; see `deceptions.PAGE_LIES`."""
        action = deceptions.EditPages(deceptions.PAGE_LIES[lie])
        return cls._make(f"{lie} pages", operation, action, when)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """A fault by its name and arguments: `{"fault": "status", "operation": "UploadPart", "status": 503}`."""
        arguments = dict(data)
        name = arguments.pop("fault")
        if name not in BY_NAME:
            raise ValueError(f"no such fault: {name}")
        made = getattr(cls, name)(**arguments)
        assert isinstance(made, cls)
        return made

    def fits(self, request: Request) -> bool:
        """Whether the request is one that this fault is for."""
        return (
            self.operation in {"*", request.operation}
            and self.key in {None, request.key}
            and self.part in {None, request.part}
            and (self.where is None or self.where(request))
        )

    def __str__(self) -> str:
        places = [f"key {self.key}" if self.key else "", f"part {self.part}" if self.part else ""]
        return " ".join([self.name, "at", self.operation, *filter(None, places)])


BY_NAME: Final = frozenset(
    {
        "status",
        "error",
        "error_in_200",
        "expired_token",
        "reset",
        "close",
        "black_hole",
        "lost_answer",
        "wrong_etag",
        "wrong_checksum",
        "garbled",
        "cut_answer",
        "stalled_answer",
        "lose_upload",
        "lose_all_uploads",
        "lose_parts",
        "hide_parts",
        "invent_parts",
        "go_down",
        "slow_down",
        "redirect",
        "false_refusal",
        "truncated_xml",
        "web_page",
        "slow_answer",
        "slow_body",
        "late",
        "keep_alive",
        "foreign_object",
        "lying_pages",
    }
)
"""The faults that a script of another process may name."""


def _place(after_bytes: int | None) -> float:
    return math.inf if after_bytes is None else after_bytes
