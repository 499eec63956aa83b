"""What people see: lines on stderr, and on a terminal a bar for each file in flight."""

import os
import sys
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from tiktok_upload.cli.output import Style, error_text
from tiktok_upload.events import (
    Event,
    FileChecked,
    FileDone,
    FileFailed,
    FilePlanned,
    FileProgress,
    FileReport,
    Notice,
    PartRetried,
    PartSaved,
    Progress,
    RunReport,
    Throttled,
    UploadResumed,
)
from tiktok_upload.facts import FileFacts
from tiktok_upload.text import escape
from tiktok_upload.units import format_duration, format_rate, format_size

_PLAIN_EVERY_S = 30.0  # without a terminal
_SPEED_OVER = 8  # progress events, one a second
_MOST_FINDINGS = 20


class Human:
    """An observer that writes for people.

    Args:
        style: How much.
        many: Whether so many files go that each one's success is not worth a line.
        clock: Monotonic seconds.
    """

    def __init__(self, style: Style, *, many: bool, clock: Callable[[], float]) -> None:
        color = None if not (style.no_color or "NO_COLOR" in os.environ) else True
        self._console = Console(stderr=True, no_color=color, highlight=False, soft_wrap=True)
        self._style = style
        self._many = many
        self._clock = clock
        self._plain_at = clock() + _PLAIN_EVERY_S
        self._bars = _FileBars(self._console) if self._console.is_terminal and not style.quiet else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Tell it, or not."""
        if isinstance(event, FileFailed):
            self._failed(event.report)
        elif not self._style.quiet:
            self._tell(event)

    def result(self, report: RunReport) -> None:
        """The last words."""
        if self._bars is not None:
            self._bars.stop()
        if not self._style.quiet and sum(report.counts.values()) > 1:
            counts = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(report.counts.items()))
            self._line(f"{counts}; {format_duration(report.seconds)}")

    def leave_terminal(self) -> None:
        """Give the cursor back, without waiting for anybody: the process is about to end."""
        if self._bars is not None and interactive():
            sys.stderr.write("\x1b[?25h\n")
            sys.stderr.flush()

    def _tell(self, event: Event) -> None:
        match event:
            case FileDone():
                self._done(event.report)
            case FileChecked() if event.facts is not None and not self._many:
                self._line(f"{_name(event.path)}: {_facts_text(event.facts)}")
            case FilePlanned() if not self._many:
                plan = event.plan
                parts = "one part" if plan.is_single else f"{plan.part_count} parts of {format_size(plan.part_size)}"
                self._line(f"  to {escape(event.uri)}: {format_size(plan.object_size)}, {parts}")
            case UploadResumed():
                kept = f"{event.parts_kept} of {event.parts} parts ({format_size(event.bytes_kept)})"
                self._line(f"  resuming {_name(event.path)}: {kept} are at the store already")
            case Notice():
                self._line(f"  note: {escape(event.message)}" + (f" ({_name(event.path)})" if self._many else ""))
            case PartRetried() if self._style.verbose:
                what = f"{event.doing} of {_name(event.path)}"
                self._line(f"  retry: {what}: {event.reason} (attempt {event.attempt}, again in {event.delay_s:.1f} s)")
            case Throttled() if self._style.verbose:
                self._line(f"  the store asks to slow down: everything waits {event.delay_s:.1f} s")
            case PartSaved() if self._style.verbose:
                self._line(f"  part {event.number} of {event.parts} of {_name(event.path)} is stored")
            case Progress():
                self._progress(event)

    def _done(self, report: FileReport) -> None:
        words = {"already_there": "already there", "checked": "sound", "planned": "would send"}
        if self._many and report.status != "planned":
            return
        rest = f" {escape(report.uri)}" if report.uri else f" {escape(report.path)}"
        self._line(f"{words.get(report.status, report.status)}:{rest}{_figures(report)}")
        self._findings(report)
        if report.receipt is not None and report.status == "uploaded" and not self._many:
            self._line(f"  receipt: {escape(report.receipt)}")

    def _failed(self, report: FileReport) -> None:
        self._findings(report)
        if report.error is not None and report.status != "interrupted":
            where = "" if escape(report.path) in report.error.message else f" ({_name(report.path)})"
            first, _, rest = error_text(report.error).partition("\n")
            self._line(f"{first}{where}\n{rest}")

    def _findings(self, report: FileReport) -> None:
        for finding in report.findings[:_MOST_FINDINGS]:
            if finding.severity == "error" or not self._style.quiet:
                self._line(f"  {finding.severity}: {escape(finding.message)}")
        if len(report.findings) > _MOST_FINDINGS:
            self._line(f"  and {len(report.findings) - _MOST_FINDINGS} findings more")

    def _progress(self, event: Progress) -> None:
        if self._bars is not None:
            self._bars.show(event)
        elif self._clock() >= self._plain_at:
            self._plain_at = self._clock() + _PLAIN_EVERY_S
            self._line(_total_text(event, event.bytes_sent / event.seconds if event.seconds else 0.0))

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False)


class _FileBars:
    """A bar a file in flight, as many as fit, and one for all."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}"),
        )
        self._bars = Bars(*columns, console=console, transient=True, auto_refresh=False)
        self._tasks: dict[str, TaskID] = {}
        self._samples: deque[tuple[float, int]] = deque(maxlen=_SPEED_OVER)
        self._console = console
        self._is_on = False

    def show(self, event: Progress) -> None:
        """Draw what is in flight now."""
        if not self._is_on:
            self._bars.start()
            self._is_on = True
        self._samples.append((event.seconds, event.bytes_sent))
        room = max(1, self._console.height - 4)
        shown = {file.path: file for file in event.files[:room]}
        for path in self._tasks.keys() - shown.keys():
            self._bars.remove_task(self._tasks.pop(path))
        for path, file in shown.items():
            self._update(path, _name(path), file.bytes_stored, file.size_bytes, _file_text(file))
        if event.files_total > 1 or not event.files:
            self._update("", "all files", event.bytes_stored, event.bytes_total, _total_text(event, self._speed()))
        elif self._tasks:
            file = event.files[0]
            left = _time_left(file.size_bytes - file.bytes_stored, self._speed())
            text = f"{_file_text(file)} · {format_rate(self._speed())}{left}"
            self._update(file.path, _name(file.path), file.bytes_stored, file.size_bytes, text)
        self._bars.refresh()

    def stop(self) -> None:
        """Take the bars away."""
        if self._is_on:
            self._bars.stop()
            self._is_on = False

    def _update(self, key: str, name: str, done: int, total: int, text: str) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(_short(name), total=total or None, text="")
        self._bars.update(self._tasks[key], completed=done, total=total or None, text=text)

    def _speed(self) -> float:
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        return max(0.0, (last - first) / (last_s - first_s)) if last_s > first_s else 0.0


def _file_text(file: FileProgress) -> str:
    if file.stage != "sending":
        return file.stage
    parts = [f"{format_size(file.bytes_stored)} of {format_size(file.size_bytes)}", f"{file.parts_in_flight} in flight"]
    if file.bytes_reused:
        parts.append(f"{format_size(file.bytes_reused)} reused")
    if file.retries:
        parts.append(f"{file.retries} retries")
    return " · ".join(parts)


def _total_text(event: Progress, bytes_per_s: float) -> str:
    left = _time_left(event.bytes_total - event.bytes_stored, bytes_per_s)
    files = f"{event.files_done} of {event.files_total} files, " if event.files_total > 1 else ""
    size = f"{format_size(event.bytes_stored)} of {format_size(event.bytes_total)}"
    return f"{files}{size}, {format_rate(bytes_per_s)}{left}"


def _time_left(size_bytes: int, bytes_per_s: float) -> str:
    return f", {format_duration(size_bytes / bytes_per_s)} left" if bytes_per_s > 0 and size_bytes > 0 else ""


def _figures(report: FileReport) -> str:
    parts = [format_size(report.size_bytes)] if report.size_bytes is not None else []
    if report.status == "uploaded":
        parts.append(f"in {format_duration(report.seconds)}")
        parts += [f"{format_size(report.bytes_reused)} reused"] if report.bytes_reused else []
    if report.checksum is not None:
        by = "confirmed by the store" if report.checksum.confirmed_by_store else "not confirmed by the store"
        parts.append(f"{report.checksum.algorithm} {report.checksum.value} {by}")
    if report.status == "planned" and report.parts is not None and report.part_size is not None:
        parts.append(f"{report.parts} parts of {format_size(report.part_size)}")
    return f" ({', '.join(parts)})" if parts else ""


def _facts_text(facts: FileFacts) -> str:
    shape = f"{facts.rows:,} rows, {facts.row_groups} row groups, {len(facts.columns)} columns"
    codecs = "/".join(facts.codecs).lower()
    return f"{shape}, {codecs}, by {escape(facts.created_by) or 'an unnamed writer'}"


def _name(path: str) -> str:
    return escape(os.path.basename(path))  # noqa: PTH119 - text that may not be this system's path


def _short(name: str, most: int = 32) -> str:
    return name if len(name) <= most else f"{name[: most - 12]}…{name[-11:]}"


def interactive() -> bool:
    """Whether somebody sees stderr on a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()
