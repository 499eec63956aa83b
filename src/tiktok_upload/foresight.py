"""What will end before the upload does: credentials that nobody renews, and parts that a rule of the bucket removes.

An observer between a run and whoever listens: it hands on every event and adds a notice, once for each.
"""

import datetime as dt
from collections.abc import Callable
from pathlib import PurePath

from tiktok_upload.events import Event, Notice, Observer, Progress, Started
from tiktok_upload.text import escape
from tiktok_upload.units import format_duration

# Lower: the first seconds, which are no measure, make false alarms. Higher: less time is left to do something.
_SURE_AFTER_S = 20.0
_SOON_S = 3_600.0
OPEN_WAY = (
    "the endpoint is http:// on another machine: whoever is on the way can read the file; the payload is signed, so"
    " that nobody can change it unseen"
)
"""For a store that is reached without TLS."""


class Foresight:
    """Tells what comes to an end too early.

    Args:
        observe: Who listens.
        credentials_end: When they end for good, where that is known; asked now and then.
        bytes_per_s: The rate that the user allowed, by which the need is known from the start.
        now: With a zone.
    """

    def __init__(
        self,
        observe: Observer,
        *,
        credentials_end: Callable[[], dt.datetime | None],
        bytes_per_s: int | None,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._observe = observe
        self._credentials_end = credentials_end
        self._bytes_per_s = bytes_per_s
        self._now = now
        self._told: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Hand it on, and tell what follows from it."""
        self._observe(event)
        if isinstance(event, Started) and self._bytes_per_s:
            self._judge_credentials(event.bytes_total / self._bytes_per_s)
        elif isinstance(event, Progress):
            self._judge(event)

    def _judge(self, event: Progress) -> None:
        needed_s = seconds_needed(event)
        if needed_s is not None:
            self._judge_credentials(needed_s)
        for file in event.files:
            if file.kept_until is not None:
                text = parts_text(file.kept_until, self._now(), needed_s)
                self._tell(f"parts {file.path}", file.path, text)

    def _judge_credentials(self, needed_s: float) -> None:
        if "credentials" not in self._told:
            self._tell("credentials", "", credentials_text(self._credentials_end(), self._now(), needed_s))

    def _tell(self, what: str, path: str, text: str) -> None:
        if text and what not in self._told:
            self._told.add(what)
            where = f" ({escape(PurePath(path).name)})" if path else ""
            self._observe(Notice(path, text + where))


def seconds_needed(event: Progress) -> float | None:
    """How long the rest takes at the speed so far; None where that is no measure yet."""
    if event.seconds < _SURE_AFTER_S or event.bytes_sent <= 0:
        return None
    return max(0, event.bytes_total - event.bytes_stored) * event.seconds / event.bytes_sent


def credentials_text(end: dt.datetime | None, now: dt.datetime, needed_s: float) -> str:
    """A warning where they end before the work; else nothing."""
    left_s = (end - now).total_seconds() if end is not None else needed_s
    if left_s >= needed_s:
        return ""
    return (
        f"the credentials last {format_duration(max(0.0, left_s))}, this upload needs about"
        f" {format_duration(needed_s)}: it will stop then, keep what is stored, and go on with fresh ones"
    )


def parts_text(kept_until: str, now: dt.datetime, needed_s: float | None) -> str:
    """A warning where a rule of the bucket removes the parts before the work is done, or soon; else nothing."""
    left_s = (dt.datetime.fromisoformat(kept_until) - now).total_seconds()
    if left_s >= max(_SOON_S, needed_s or 0.0):
        return ""
    when = f"in {format_duration(left_s)}" if left_s > 0 else "by now"
    return (
        f"a rule of the bucket removes the stored parts {when} ({kept_until}), before the upload is complete:"
        " ask the bucket's owner for more days, or send it faster"
    )
