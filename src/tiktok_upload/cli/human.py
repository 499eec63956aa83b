"""What people see: lines on stderr, and on a terminal a bar for each file in flight."""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tiktok_upload.cli.output import Style, error_text, say
from tiktok_upload.cli.words import facts_text, figures, name, total_text
from tiktok_upload.errors import DataError
from tiktok_upload.events import (
    Event,
    FileChecked,
    FileDone,
    FileFailed,
    FilePlanned,
    FileReport,
    Notice,
    PartRetried,
    PartSaved,
    Progress,
    RunReport,
    Started,
    Throttled,
    UploadResumed,
)
from tiktok_upload.text import escape
from tiktok_upload.units import format_duration, format_size

if TYPE_CHECKING:
    from tiktok_upload.cli.bars import FileBars

_PLAIN_EVERY_S = 30.0  # without a terminal
_MOST_FINDINGS = 20
_MANY = 20  # files, above which each one's success is not worth a line
_MOST_NAMED = 5


class Human:
    """An observer that writes for people.

    Args:
        style: How much.
        clock: Monotonic seconds.
    """

    def __init__(self, style: Style, *, clock: Callable[[], float]) -> None:
        self._style = style
        self._many = False
        self._failed_names: list[str] = []
        self._clock = clock
        self._plain_at = clock() + _PLAIN_EVERY_S
        self._bars = _bars(style) if interactive() and not style.quiet else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Tell it, or not."""
        if isinstance(event, Started):
            self._many = event.files_total > _MANY
        elif isinstance(event, FileFailed):
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
            if self._failed_names:
                more = len(self._failed_names) - _MOST_NAMED
                rest = f" and {more} more" if more > 0 else ""
                self._line(f"failed: {', '.join(self._failed_names[:_MOST_NAMED])}{rest}")

    def stopping(self) -> None:
        """The first signal was heard; written at once, from its handler."""
        if not self._style.quiet:
            say("stopping; what is stored is kept (once more to leave at once)")

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
                self._line(f"{name(event.path)}: {facts_text(event.facts)}")
            case FilePlanned() if not self._many:
                plan = event.plan
                parts = "one part" if plan.is_single else f"{plan.part_count} parts of {format_size(plan.part_size)}"
                self._line(f"  to {escape(event.uri)}: {format_size(plan.object_size)}, {parts}")
            case UploadResumed():
                kept = f"{event.parts_kept} of {event.parts} parts ({format_size(event.bytes_kept)})"
                self._line(f"  resuming {name(event.path)}: {kept} are at the store already")
            case Notice():
                self._line(f"  note: {escape(event.message)}" + (f" ({name(event.path)})" if self._many else ""))
            case PartRetried() if self._style.verbose:
                what = f"{event.doing} of {name(event.path)}"
                self._line(f"  retry: {what}: {event.reason} (attempt {event.attempt}, again in {event.delay_s:.1f} s)")
            case Throttled() if self._style.verbose:
                self._line(f"  the store asks to slow down: everything waits {event.delay_s:.1f} s")
            case PartSaved() if self._style.verbose:
                self._line(f"  part {event.number} of {event.parts} of {name(event.path)} is stored")
            case Progress():
                self._progress(event)

    def _done(self, report: FileReport) -> None:
        words = {"already_there": "already there", "checked": "sound", "planned": "would send"}
        if self._many and report.status != "planned":
            return
        rest = f" {escape(report.uri)}" if report.uri else f" {escape(report.path)}"
        self._line(f"{words.get(report.status, report.status)}:{rest}{figures(report)}")
        self._findings(report)
        if report.receipt is not None and report.status == "uploaded" and not self._many:
            self._line(f"  receipt: {escape(report.receipt)}")

    def _failed(self, report: FileReport) -> None:
        if report.status == "failed":
            self._failed_names.append(escape(report.path))
        if not isinstance(report.error, DataError) or len(report.findings) > 1:  # a single one is in the error
            self._findings(report)
        if report.error is not None and report.status != "interrupted":
            where = "" if escape(report.path) in report.error.message else f" ({name(report.path)})"
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
            self._line(total_text(event, event.bytes_sent / event.seconds if event.seconds else 0.0))

    def _line(self, text: str) -> None:
        if self._bars is not None:
            self._bars.line(text)
        else:
            say(text)


def _bars(style: Style) -> "FileBars":
    from tiktok_upload.cli.bars import FileBars  # noqa: PLC0415 - rich is slow to import

    return FileBars(no_color=style.no_color)


def interactive() -> bool:
    """Whether somebody sees stderr on a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()
