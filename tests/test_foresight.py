"""What ends before the upload does is told once, in time, and only where it is known."""

import datetime as dt
from collections.abc import Callable

import pytest

from tiktok_upload.events import Event, FileProgress, Notice, Progress, Started
from tiktok_upload.foresight import Foresight, credentials_text, parts_text, seconds_needed

NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
GIB = 1 << 30


def progress(
    *, seconds: float = 60.0, sent: int = GIB, total: int = 241 * GIB, kept_until: str | None = None
) -> Progress:
    file = FileProgress("data/a.parquet", total, sent, 0, 0, 4, 0, "sending", kept_until=kept_until)
    return Progress((file,), 0, 1, total, sent, sent, seconds)


def told(
    *events: Event, end: Callable[[], dt.datetime | None] = lambda: None, bytes_per_s: int | None = None
) -> list[str]:
    heard: list[Event] = []
    foresight = Foresight(heard.append, credentials_end=end, bytes_per_s=bytes_per_s, now=lambda: NOW)
    for event in events:
        foresight(event)
    assert [event for event in heard if event in events] == list(events)
    return [event.message for event in heard if isinstance(event, Notice)]


def test_credentials_that_end_before_the_upload_are_told_as_soon_as_the_rate_is_known() -> None:
    lines = told(Started(1, 240 * GIB), progress(), progress(), end=lambda: NOW + 58 * HOUR / 60)
    (line,) = lines
    assert line == (
        "the credentials last 58 min 00 s, this upload needs about 4 h 00 min: it will stop then, keep what is stored,"
        " and go on with fresh ones"
    )


def test_a_rate_that_the_user_set_tells_it_at_the_start() -> None:
    (line,) = told(Started(1, 240 * GIB), end=lambda: NOW + HOUR, bytes_per_s=GIB // 60)
    assert line.startswith("the credentials last 1 h 00 min, this upload needs about 4 h 00 min")


@pytest.mark.parametrize("end", [None, NOW + 5 * HOUR])
def test_credentials_that_last_or_renew_themselves_are_not_worth_a_word(end: dt.datetime | None) -> None:
    assert told(Started(1, 240 * GIB), progress(), end=lambda: end) == []


def test_the_first_seconds_are_no_measure() -> None:
    assert seconds_needed(progress(seconds=19.0)) is None
    assert seconds_needed(progress(sent=0)) is None
    assert seconds_needed(progress()) == 240 * 60.0
    assert told(progress(seconds=19.0), end=lambda: NOW) == []


def test_parts_that_a_rule_removes_before_the_end_are_told_once_a_file() -> None:
    soon = "2026-11-27T15:00:00Z"
    (line,) = told(progress(kept_until=soon), progress(kept_until=soon))
    assert line.startswith(f"a rule of the bucket removes the stored parts in 3 h 00 min ({soon}), before")
    assert line.endswith("(a.parquet)")


@pytest.mark.parametrize(
    ("kept_until", "needed_s", "is_told"),
    [
        ("2026-11-27T12:59:00Z", None, True),
        ("2026-11-27T13:01:00Z", None, False),
        ("2026-11-28T12:00:00Z", 90_000.0, True),
        ("2026-11-28T12:00:00Z", 80_000.0, False),
        ("2026-11-27T11:00:00Z", 1.0, True),
    ],
)
def test_parts_are_soon_gone_within_the_hour_or_within_the_time_needed(
    kept_until: str, needed_s: float | None, *, is_told: bool
) -> None:
    assert is_told == (parts_text(kept_until, NOW, needed_s) != "")


def test_credentials_that_have_ended_last_no_time_at_all() -> None:
    assert credentials_text(NOW - HOUR, NOW, 60.0).startswith(
        "the credentials last 0.0 s, this upload needs about 1 min"
    )
