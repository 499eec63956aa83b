"""What people see: lines on stderr, and on a terminal a frame below them that moves."""

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tiktok_upload.cli.findings_text import findings_lines, unproved_text
from tiktok_upload.cli.output import Style, error_text, say
from tiktok_upload.cli.totals import Speed, Totals, bytes_checked, bytes_sent
from tiktok_upload.cli.words import (
    counted,
    counts_text,
    done_text,
    facts_text,
    listed,
    name,
    plan_text,
    retry_text,
    shell_word,
    total_text,
    work_text,
)
from tiktok_upload.errors import DataError, UploadToolError
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
from tiktok_upload.units import format_size

if TYPE_CHECKING:
    from tiktok_upload.cli.bars import Screen
    from tiktok_upload.cli.frame import Tone

_PLAIN_EVERY_S = 30.0  # without a terminal
_READ_S = 4.0  # what is told of a retry stays so long
_MOST_FINDINGS = 20
_WIDTH_OF_A_PIPE = 120
_MOST_ERRORS = 20  # told in full; a wrong bucket must not fill a log a thousand times
_MANY = 20  # files, above which each one's success is not worth a line
_DUMB = ("dumb", "unknown")


class Human:
    """An observer that writes for people.

    Args:
        style: How much.
        clock: Monotonic seconds.
        progress: `auto`, `bar`, `plain` (a line every 30 s, nothing that moves) or `none`.
        screen: Of a test; else stderr, if it is a terminal.
        table: For `check`: prints a file's facts on stdout, so that they are not told here.
    """

    def __init__(
        self,
        style: Style,
        *,
        clock: Callable[[], float],
        progress: str = "auto",
        screen: "Screen | None" = None,
        table: Callable[[FileReport], None] | None = None,
    ) -> None:
        self._style = style
        self._clock = clock
        self._progress_as = progress
        self._table = None if style.quiet else table
        self._screen = screen or (_screen(style) if moves(progress) and not style.quiet else None)
        self._plain_at, self._retry_at = clock() + _PLAIN_EVERY_S, clock()
        self._files = 0
        self._speed, self._totals = Speed(bytes_sent), Totals()
        self._check_speed = Speed(bytes_checked)
        self._told_notices: set[str] = set()
        self._has_told_unproved = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._screen is not None:
            self._screen.stop()

    def __call__(self, event: Event) -> None:
        """Tell it, or not."""
        if isinstance(event, Started):
            self._files = event.files_total
            self._totals.begin()
        elif isinstance(event, FileFailed):
            self._totals.end(event.report)
            self._failed(event.report)
        elif not self._style.quiet:
            self._tell(event)

    def result(self, report: RunReport) -> None:
        """The last words, but for the error of the whole run."""
        if self._screen is not None:
            self._screen.stop()
        if not self._style.quiet and sum(report.counts.values()) > 1:
            self._summarize(report)
        if not self._style.quiet and self._screen is not None and report.status != "interrupted":
            self._next_step(report)

    def error(self, error: UploadToolError) -> None:
        """What happened, what is safe, what to do."""
        self._line(error_text(error), "error")

    def stopping(self) -> None:
        """The first signal was heard; written at once, from its handler."""
        if not self._style.quiet:
            with suppress(RuntimeError):  # the signal came in the middle of a write to the same stream
                self._line("stopping; what is stored is kept (once more to leave at once)")

    def _tell(self, event: Event) -> None:
        match event:
            case FileDone():
                self._totals.end(event.report)
                self._done(event.report)
            case FileChecked() if event.facts is not None and self._table is None and self._is_detailed:
                self._line(f"{self._name(event.path)}: {facts_text(event.facts)}")
            case FilePlanned() if self._is_detailed:
                self._line(f"  {plan_text(event.uri, event.plan)}")
            case UploadResumed() if not self._many:
                kept = f"{event.parts_kept} of {event.parts} parts ({format_size(event.bytes_kept)})"
                self._line(f"  resuming {self._name(event.path)}: {kept} are at the store already")
            case Notice():
                self._notice(event)
            case PartRetried():
                self._retried(event)
            case Throttled() if self._style.verbose:
                self._line(f"  the store asks to slow down: everything waits {event.delay_s:.1f} s")
            case PartSaved() if self._style.verbose:
                self._line(f"  part {event.number} of {event.parts} of {self._name(event.path)} is stored")
            case Progress():
                self._progress(event)

    def _notice(self, event: Notice) -> None:
        """Of many files that have the same, the first one is named."""
        is_known = event.message in self._told_notices
        self._told_notices.add(event.message)
        if not (self._many and is_known):
            where = f" ({self._name(event.path)})" if self._many and event.path else ""
            self._line(f"  note: {escape(event.message)}{where}", "warning")

    def _retried(self, event: PartRetried) -> None:
        """Calmly: on a terminal in the frame, else in a line every 30 s at most."""
        self._totals.retry(event, self._clock(), shown_s=_READ_S)
        what = f"  retry: {event.doing} of {self._name(event.path)}: {escape(event.reason)}"
        again = f"again in {event.delay_s:.1f} s"
        if self._style.verbose:
            self._line(f"{what} (attempt {event.attempt}, {again})", "warning")
        elif self._screen is None and self._clock() >= self._retry_at:
            self._retry_at = self._clock() + _PLAIN_EVERY_S
            so_far = f"; {self._totals.retries} so far" if self._totals.retries > 1 else ""
            self._line(f"{what} ({again}{so_far})")

    def _progress(self, event: Progress) -> None:
        bytes_per_s = self._speed.take(event)
        done = min(event.bytes_total, event.bytes_stored + self._totals.settled)
        if self._screen is not None:
            self._show(self._screen, event, done, bytes_per_s)
        elif self._progress_as != "none" and self._clock() >= self._plain_at:
            self._plain_at = self._clock() + _PLAIN_EVERY_S
            self._line(total_text(event, done, bytes_per_s, self._totals.retries))

    def _show(self, screen: "Screen", event: Progress, done: int, bytes_per_s: float) -> None:
        from tiktok_upload.cli.frame import View  # noqa: PLC0415 - it needs rich

        if self._progress_as == "none":
            return
        self._totals.see(*(file.path for file in event.files))
        waiting = self._totals.waiting(self._clock())
        told = retry_text(self._totals.retries, *waiting) if waiting else ""
        checked_per_s = self._check_speed.take(event)
        shared = self._totals.shared or ""
        screen.show(View(event, done, bytes_per_s, told, self._totals.retries, shared, checked_per_s))

    # -------------------------------------------------------------------------------------------------- a file's end
    def _done(self, report: FileReport) -> None:
        self._tabulate(report)
        if self._many and report.status != "planned":
            return
        self._line(done_text(report), "ok")
        if self._table is None:
            self._findings(report)
            self._unproved(report)
        if report.receipt is not None and report.status == "uploaded":
            self._line(f"  receipt: {shell_word(report.receipt, _home())}")

    def _unproved(self, report: FileReport) -> None:
        """Once for all files."""
        if report.unproved and not self._has_told_unproved and report.status in ("uploaded", "planned"):
            self._has_told_unproved = True
            self._line(f"  note: {unproved_text(report)}")

    def _failed(self, report: FileReport) -> None:
        self._tabulate(report)
        if report.error is None or report.status == "interrupted" or len(self._totals.failed) > _MOST_ERRORS:
            return
        if self._table is None and (not isinstance(report.error, DataError) or len(report.findings) > 1):
            if self._files > 1 and report.findings:
                self._line(f"{escape(report.path)}:")
            self._findings(report)  # a single one is in the error
        where = "" if escape(report.path) in report.error.message else f" ({self._name(report.path)})"
        first, _, rest = error_text(report.error).partition("\n")
        self._line(f"{first}{where}\n{rest}", "error")

    def _tabulate(self, report: FileReport) -> None:
        if self._table is None:
            return
        if self._screen is None:
            self._table(report)
        else:
            with self._screen.aside():
                self._table(report)

    def _findings(self, report: FileReport) -> None:
        told = [one for one in report.findings if one.severity == "error" or not self._style.quiet]
        for line in findings_lines(
            told, shutil.get_terminal_size((_WIDTH_OF_A_PIPE, 24)).columns - 2, most=_MOST_FINDINGS
        ):
            tone: Tone = "error" if line.startswith("error") else "warning" if line.startswith("warning") else "plain"
            self._line(f"  {line}", tone)

    # ---------------------------------------------------------------------------------------------------- the run's end
    def _summarize(self, report: RunReport) -> None:
        totals = self._totals
        warned = f", {counted(totals.warned, 'file', 'files')} with warnings" if self._many and totals.warned else ""
        work = work_text(totals.sent, totals.reused, totals.retries, report.seconds)
        self._line(f"{counts_text(report.counts)}; {work}{warned}")
        if totals.failed:
            names = [escape(path.removeprefix(totals.shared or "")) for path in totals.failed]
            self._line(f"failed: {listed(names)}", "error")

    def _next_step(self, report: RunReport) -> None:
        """A hint, on a terminal only: scripts know what they do next."""
        totals = self._totals
        if len(totals.failed) > 1:
            self._hint("run the same command again when that is mended; what is delivered is not sent again")
        elif report.counts.get("planned") and not totals.failed:
            self._hint("nothing was sent; the same command without --dry-run sends it")
        elif totals.uploaded and totals.uploaded[0].receipt and not totals.failed:
            receipt = totals.uploaded[0].receipt
            if len(totals.uploaded) == 1:
                self._hint(f"tiktok-upload verify {shell_word(receipt, _home())}")
            elif os.path.dirname(receipt):  # noqa: PTH120 - text that may not be this system's path
                self._hint(f"the receipts, for tiktok-upload verify, are in {_directory(receipt)}")

    def _hint(self, text: str) -> None:
        self._line(f"  hint: {text}", "hint")

    # ----------------------------------------------------------------------------------------------------------- lines
    @property
    def _many(self) -> bool:
        return self._files > _MANY

    @property
    def _is_detailed(self) -> bool:
        """Of several files the lines would mix, and hide how these end."""
        return self._files <= 1 or self._style.verbose

    def _name(self, path: str) -> str:
        """What tells the file from the others: of several its path, since names below directories are often alike."""
        return name(path) if self._files <= 1 else escape(path)

    def _line(self, text: str, tone: "Tone" = "plain") -> None:
        if self._screen is not None:
            self._screen.line(text, tone)
        else:
            say(text.rstrip("\n"))


def _home() -> str:
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home raises where there is none
    return home if home.startswith(("/", "\\")) or home[1:2] == ":" else ""


def _directory(path: str) -> str:
    return shell_word(os.path.dirname(path), _home())  # noqa: PTH120 - text that may not be this system's path


def _screen(style: Style) -> "Screen":
    from tiktok_upload.cli.bars import terminal  # noqa: PLC0415 - rich is slow to import

    return terminal(no_color=style.no_color)


def moves(progress: str) -> bool:
    """Whether stderr may be drawn on: a terminal that can, and where nobody chose otherwise, no log of a CI."""
    if progress == "plain" or not interactive() or os.environ.get("TERM", "").lower() in _DUMB:
        return False
    return progress != "auto" or not os.environ.get("CI")


def interactive() -> bool:
    """Whether somebody sees stderr on a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()
