"""The words and figures that people are shown, as pure functions of what is told."""

import itertools
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from tiktok_upload.events import FileProgress, FileReport, Progress
from tiktok_upload.facts import FileFacts
from tiktok_upload.plan import UploadPlan
from tiktok_upload.text import escape
from tiktok_upload.units import format_duration, format_rate, format_size, parse_size

_DONE_AS = {"already_there": "already there", "checked": "sound", "planned": "would send"}
_ORDER = ("uploaded", "already_there", "planned", "checked", "verified", "failed", "interrupted")
_MOST_NAMED = 5
_FINE_S = 600  # below, seconds matter to whoever waits; above, they only flicker
_NEEDS_NO_QUOTES = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


# ---------------------------------------------------------------------------------------------------------- on the way
def total_text(event: Progress, bytes_done: int, bytes_per_s: float, retries: int = 0) -> str:
    """Of all files, for a log: a line that is complete in itself."""
    parts = [f"{event.files_done} of {event.files_total} files"] if event.files_total > 1 else []
    if bytes_done or event.bytes_sent:
        parts += [percent(bytes_done, event.bytes_total), share(bytes_done, event.bytes_total)]
        parts += [format_rate(bytes_per_s), time_left(bytes_to_send(event, bytes_done), bytes_per_s)]
    elif event.files:
        parts.append(_stage_text(event.files[0]))
    return ", ".join(part for part in [*parts, counted(retries, "retry", "retries") if retries else ""] if part)


def _stage_text(file: FileProgress) -> str:
    if not file.bytes_to_check:
        return file.stage
    return f"{file.stage}, {percent(file.bytes_checked, file.bytes_to_check)}"


def bytes_to_send(event: Progress, bytes_done: int) -> int:
    """What must still leave this machine: neither stored nor on its way."""
    return max(0, event.bytes_total - bytes_done - sum(file.bytes_in_flight for file in event.files))


def percent(done: int, total: int) -> str:
    """Rounded down: 100 % is all of it, and nothing less."""
    return f"{100 * min(done, total) // total} %" if total > 0 else "0 %"


def share(done: int, total: int) -> str:
    """`180 of 400 MiB`, both in the unit of the whole."""
    number, unit = format_size(total).split(" ")
    amount = done / parse_size(f"1{unit}")
    text = f"{amount:.3g}" if 1 <= amount < 999.5 else f"{amount:.2f}" if 0 < amount < 1 else f"{amount:.0f}"  # noqa: PLR2004 - three digits
    return f"{text} of {number} {unit}"


def time_left(size_bytes: int, bytes_per_s: float) -> str:
    """How long it takes yet, in steps that do not flicker; nothing where that is not known."""
    if bytes_per_s <= 0 or size_bytes <= 0:
        return ""
    seconds = size_bytes / bytes_per_s
    if seconds < 59.5:  # noqa: PLR2004 - what rounds to a minute
        return f"{max(1, round(seconds))} s left"
    if seconds < _FINE_S or seconds >= 3_570:  # noqa: PLR2004 - what rounds to an hour
        return f"{format_duration(round(seconds))} left"
    return f"{round(seconds / 60)} min left"


def retry_text(retries: int, delay_s: float, reason: str) -> str:
    """What is waited for, and why."""
    wait = f", waiting {max(1, round(delay_s))} s" if delay_s > 0 else ""
    return f"{counted(retries, 'retry', 'retries')}{wait}: {escape(reason)}"


# ------------------------------------------------------------------------------------------------------------ one file
def facts_text(facts: FileFacts) -> str:
    """A parquet file in one line."""
    groups = counted(facts.row_groups, "row group", "row groups")
    shape = f"{counted(facts.rows, 'row', 'rows')}, {groups}, {counted(len(facts.columns), 'column', 'columns')}"
    codecs = "/".join(facts.codecs).lower()
    return f"{shape}, {codecs}, by {escape(facts.created_by) or 'an unnamed writer'}"


def plan_text(uri: str, plan: UploadPlan) -> str:
    """Where to, and how."""
    parts = "one part" if plan.is_single else _parts(plan.part_count, plan.part_size)
    return f"to {escape(uri)}: {format_size(plan.object_size)}, {parts}"


def done_text(report: FileReport) -> str:
    """A file that ended well: how, where, and what it came to."""
    where = escape(report.uri or report.path)
    return f"{_DONE_AS.get(report.status, report.status)}: {where}{_figures(report)}"


def _figures(report: FileReport) -> str:
    parts = [format_size(report.size_bytes)] if report.size_bytes is not None else []
    if report.status == "uploaded":
        parts += _sending(report)
    if report.checksum is not None:
        by = "confirmed by the store" if report.checksum.confirmed_by_store else "not confirmed by the store"
        parts.append(f"{report.checksum.algorithm} {report.checksum.value} {by}")
    if report.status == "planned" and report.parts is not None and report.part_size is not None:
        parts.append("one part" if report.parts == 1 else _parts(report.parts, report.part_size))
    return f" ({', '.join(parts)})" if parts else ""


def _sending(report: FileReport) -> list[str]:
    rate = f", {format_rate(report.bytes_sent / report.seconds)}" if report.seconds >= 1 and report.bytes_sent else ""
    parts = [f"in {format_duration(report.seconds)}{rate}"]
    parts += [f"{format_size(report.bytes_reused)} reused"] if report.bytes_reused else []
    return parts + ([counted(report.retries, "retry", "retries")] if report.retries else [])


def _parts(count: int, size: int) -> str:
    return f"{count} parts of {format_size(size)}"


# ----------------------------------------------------------------------------------------------------------- many files
def counts_text(counts: Mapping[str, int]) -> str:
    """How many files ended how, the good ends first."""
    known = [status for status in _ORDER if counts.get(status)]
    others = sorted(status for status in counts.keys() - set(_ORDER) if counts[status])
    return ", ".join(f"{counts[status]:,} {status.replace('_', ' ')}" for status in [*known, *others])


def work_text(sent: int, reused: int, retries: int, seconds: float) -> str:
    """What a run of several files did."""
    parts = [f"{format_size(sent)} sent in {format_duration(seconds)}" if sent else format_duration(seconds)]
    parts += [f"{format_rate(sent / seconds)}"] if sent and seconds >= 1 else []
    parts += [f"{format_size(reused)} reused"] if reused else []
    return ", ".join(parts + ([counted(retries, "retry", "retries")] if retries else []))


def listed(names: list[str]) -> str:
    """The first few of them."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def counted(number: int, one: str, several: str) -> str:
    """`1 retry`, `3 retries`."""
    return f"{number:,} {one if number == 1 else several}"


# --------------------------------------------------------------------------------------------------------------- names
def name(path: str) -> str:
    """A path's last part, safe to show."""
    return escape(os.path.basename(path))  # noqa: PTH119 - text that may not be this system's path


def common_directory(paths: Iterable[str]) -> str:
    """The leading directories that all of them share, with a slash at the end; an empty string where there are none."""
    directories = [path.replace(os.sep, "/").split("/")[:-1] for path in paths]
    shared = itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*directories, strict=False))
    return "".join(f"{parts[0]}/" for parts in shared)


def shell_word(path: str, home: str) -> str:
    """The path as a shell takes it, short where it lies below the home directory."""
    below = PurePath(path).is_relative_to(home) if home else False
    short = os.path.join("~", PurePath(path).relative_to(home)) if below else path  # noqa: PTH118 - ~ is the shell's
    return short if _NEEDS_NO_QUOTES.fullmatch(short.removeprefix("~")) else escape(shlex.quote(path))
