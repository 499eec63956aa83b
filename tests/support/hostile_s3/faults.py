"""Faults as a test writes them, and the script that hands them out."""

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypedDict, Unpack

from . import actions
from .actions import Action, Moment
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
    """Something that goes wrong. Of several that fit a request the first acts, and each `call`."""

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
    }
)
"""The faults that a script of another process may name."""


def _place(after_bytes: int | None) -> float:
    return math.inf if after_bytes is None else after_bytes


@dataclass(slots=True)
class _Line:
    fault: Fault
    seen: int = 0
    hits: int = 0

    def take(self) -> bool:
        """Count a request that fits; says whether it is hit, if nothing before it was."""
        self.seen += 1
        return self.seen > self.fault.skip and (self.fault.times is None or self.hits < self.fault.times)

    @property
    def missing(self) -> int:
        return (1 if self.fault.times is None else self.fault.times) - self.hits


class Script:
    """The faults that are still to come; safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[_Line] = []

    def add(self, *faults: Fault) -> None:
        """Put faults at the script's end."""
        with self._lock:
            self._lines += [_Line(fault) for fault in faults]

    def take(self, request: Request) -> list[Fault]:
        """The faults that act on this request: every call, and then the first of the others."""
        with self._lock:
            fitting = [line for line in self._lines if line.fault.fits(request) and line.take()]
            calls = [line for line in fitting if _is_call(line.fault)]
            others = [line for line in fitting if not _is_call(line.fault)]
            for line in (taken := calls + others[:1]):
                line.hits += 1
        return [line.fault for line in taken]

    def give_back(self, faults: Iterable[Fault]) -> None:
        """Say that these did not happen after all: the request ended before."""
        with self._lock:
            for fault in faults:
                next(line for line in self._lines if line.fault is fault).hits -= 1

    def unhit(self) -> list[str]:
        """What was scripted and did not happen, in words."""
        with self._lock:
            return [f"{line.fault} ({line.missing} more)" for line in self._lines if line.missing > 0]


def _is_call(fault: Fault) -> bool:
    return isinstance(fault.action, actions.Call)
