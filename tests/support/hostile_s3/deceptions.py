"""Faults that lie about what was done, what is there and who wrote it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal

from .actions import Action, Moment
from .documents import error_answer
from .errors import S3Error
from .exchange import EditPage, Exchange, PartsPage
from .objects import planted
from .wire import Answer

PageLie = Literal["repeated", "no_marker", "backwards", "skipping", "foreign"]


@dataclass(frozen=True, slots=True)
class FalseRefusal(Action):
    """Carry the operation out and say that it was refused; what was refused in truth is answered as it is."""

    code: str
    status: int

    def after(self, exchange: Exchange, answer: Answer) -> Answer:
        if answer.code:
            return answer
        error = S3Error(self.code, "A scripted fault.", status=self.status)
        return error_answer(error, exchange.request.head.path)


@dataclass(frozen=True, slots=True)
class Redirect(Action):
    """Say that the bucket is in another region."""

    region: str
    status: int

    def before(self, exchange: Exchange) -> None:
        host = f"{exchange.request.bucket}.s3.{self.region}.amazonaws.com"
        extra = {"Endpoint": host, "Bucket": exchange.request.bucket, "Region": self.region}
        code = "PermanentRedirect" if self.status == 301 else "TemporaryRedirect"
        message = "The bucket you are attempting to access must be addressed using the specified endpoint."
        headers = {"x-amz-bucket-region": self.region}
        raise S3Error(code, message, status=self.status, extra=extra, headers=headers)


@dataclass(frozen=True, slots=True)
class Plant(Action):
    """Put an object of somebody else at a key, the request's own unless another is named."""

    goes_along: ClassVar[bool] = True
    data: bytes
    key: str | None
    moment: Moment

    def before(self, exchange: Exchange) -> None:
        if self.moment == "before":
            self._plant(exchange)
        elif self.moment == "body":
            exchange.body.set_trap(lambda: self._plant(exchange), owner=self)

    def after(self, exchange: Exchange, answer: Answer) -> Answer:
        if self.moment == "after":
            self._plant(exchange)
        return answer

    def _plant(self, exchange: Exchange) -> None:
        request = exchange.request
        planted(exchange.store, exchange.rules, request.bucket, self.key or request.key, data=self.data, metadata={})


@dataclass(frozen=True, slots=True)
class EditPages(Action):
    """Let the pages of a listing of parts lie."""

    edit: EditPage

    def before(self, exchange: Exchange) -> None:
        exchange.page_edits.append(self.edit)


def _repeated(page: PartsPage) -> PartsPage:
    """The first page, whatever the marker, and always one more to come."""
    shown = page.every[: page.limit]
    return replace(page, shown=shown, is_truncated=True, next_marker=shown[-1].number if shown else 0)


def _no_marker(page: PartsPage) -> PartsPage:
    """One more page to come, and no word on where it begins."""
    return replace(page, is_truncated=True, next_marker=None)


def _backwards(page: PartsPage) -> PartsPage:
    """One more page to come, which begins before this one."""
    return replace(page, is_truncated=True, next_marker=max(0, page.after - 1))


def _skipping(page: PartsPage) -> PartsPage:
    """The parts of the page after this one, under this one's marker."""
    later = tuple(part for part in page.every if part.number > page.after)
    return replace(page, shown=later[page.limit : 2 * page.limit])


def _foreign(page: PartsPage) -> PartsPage:
    """The parts of the page before this one, with their sizes grown: no part that was ever asked for."""
    before = tuple(part for part in page.every if part.number <= page.after)[-page.limit :]
    return replace(page, shown=tuple(replace(part, size=part.size + 1) for part in before))


PAGE_LIES: Final[dict[PageLie, Callable[[PartsPage], PartsPage]]] = {
    "repeated": _repeated,
    "no_marker": _no_marker,
    "backwards": _backwards,
    "skipping": _skipping,
    "foreign": _foreign,
}
