"""Faults that take their time: a byte a second, silence before an answer, spaces that keep a connection alive."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from .actions import Action
from .exchange import Exchange
from .wire import Answer

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True)
class SlowAnswer(Action):
    """Send the answer, its head too, a few bytes at a time."""

    delay_s: float
    step: int

    def after(self, exchange: Exchange, answer: Answer) -> Answer:
        return replace(answer, pace=_pause(exchange, self.delay_s), step=self.step)


@dataclass(frozen=True, slots=True)
class SlowBody(Action):
    """Read the request's body a few bytes at a time."""

    delay_s: float
    step: int

    def before(self, exchange: Exchange) -> None:
        exchange.body.pace, exchange.body.step = _pause(exchange, self.delay_s), self.step


@dataclass(frozen=True, slots=True)
class Late(Action):
    """Keep silent before the operation, or between it and its answer."""

    delay_s: float
    done: bool

    def before(self, exchange: Exchange) -> None:
        if not self.done:
            exchange.stuck.pause(self.delay_s)

    def after(self, exchange: Exchange, answer: Answer) -> Answer:
        if self.done:
            exchange.stuck.pause(self.delay_s)
        return answer


@dataclass(frozen=True, slots=True)
class KeepAlive(Action):
    """Say 200 at once, send spaces, and only then what came of it, be it an error."""

    delay_s: float
    spaces: int

    def after(self, exchange: Exchange, answer: Answer) -> Answer:
        headers = {name: text for name, text in answer.headers.items() if name != "Content-Length"}
        pieces = self._pieces(answer.body, _pause(exchange, self.delay_s))
        return Answer(200, headers | {"Transfer-Encoding": "chunked"}, stream=pieces, code=answer.code)

    def _pieces(self, body: bytes, pause: Callable[[], None]) -> Iterator[bytes]:
        yield _chunk(_DECLARATION)
        for _ in range(self.spaces):
            pause()
            yield _chunk(b" ")
        yield _chunk(body.removeprefix(_DECLARATION)) + _chunk(b"")


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _pause(exchange: Exchange, delay_s: float) -> Callable[[], None]:
    return lambda: exchange.stuck.pause(delay_s)
