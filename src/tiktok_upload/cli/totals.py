"""A run as far as it is known, added up from its events for the display."""

from collections import deque
from collections.abc import Callable

from tiktok_upload.cli.words import common_directory
from tiktok_upload.events import FileReport, PartRetried, Progress
from tiktok_upload.text import escape

_SPEED_OVER = 15  # progress events, one a second; fewer flicker, more hide a line that broke


def bytes_sent(event: Progress) -> int:
    """What left this machine."""
    return event.bytes_sent


def bytes_checked(event: Progress) -> int:
    """What was read of the files that are checked in full."""
    return sum(file.bytes_checked for file in event.files)


class Speed:
    """Bytes a second, by the last seconds.

    Args:
        amount: Of which bytes.
    """

    def __init__(self, amount: Callable[[Progress], int] = bytes_sent) -> None:
        self._amount = amount
        self._samples: deque[tuple[float, int]] = deque(maxlen=_SPEED_OVER)

    def take(self, event: Progress) -> float:
        """The speed as of this event."""
        amount = self._amount(event)
        if self._samples and _is_another_run((event.seconds, amount), self._samples[-1]):
            self._samples.clear()
        self._samples.append((event.seconds, amount))
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        if last_s > first_s:
            return max(0.0, (last - first) / (last_s - first_s))
        return amount / event.seconds if event.seconds > 0 else 0.0


def _is_another_run(sample: tuple[float, int], before: tuple[float, int]) -> bool:
    """`resume` makes several; and the next file begins at none."""
    return sample[0] < before[0] or sample[1] < before[1]


class Totals:
    """Sums over the files of a run.

    Attributes:
        sent, reused: Bytes of the files that ended.
        settled: Bytes of files that ended and that neither counts: they need no more sending.
        retries: Of all files, those in flight included.
        shared: Leading directories that all files have in common, as far as they are known.
        failed: Paths of the files that failed.
        warned: How many files that ended well have warnings.
        uploaded: Reports of the first two files delivered: whether there is one, and one only.
    """

    def __init__(self) -> None:
        self.sent = self.reused = self.settled = self.retries = self.warned = 0
        self.shared: str | None = None
        self.failed: list[str] = []
        self.uploaded: list[FileReport] = []
        self._reason, self._wait_until, self._show_until = "", 0.0, 0.0

    def begin(self) -> None:
        """Another run begins whose progress counts from zero."""
        self.settled = 0

    def see(self, *paths: str) -> None:
        """These files are in the run."""
        for path in paths:
            if self.shared is None:
                self.shared = common_directory([path])
            elif not path.startswith(self.shared):
                self.shared = common_directory([self.shared, path])

    def end(self, report: FileReport) -> None:
        """A file ended."""
        self.see(report.path)
        self.sent += report.bytes_sent
        self.reused += report.bytes_reused
        self.settled += max(0, (report.size_bytes or 0) - report.bytes_sent - report.bytes_reused)
        if report.status == "failed":
            self.failed.append(report.path)
        elif report.findings or report.warnings:
            self.warned += 1
        if report.status == "uploaded" and len(self.uploaded) < 2:  # noqa: PLR2004 - one, or several
            self.uploaded.append(report)

    def retry(self, event: PartRetried, now: float, *, shown_s: float) -> None:
        """A request failed; told for as long as it waits, and long enough to be read."""
        self.retries += 1
        self._reason = event.reason
        self._wait_until = max(self._wait_until, now + event.delay_s)
        self._show_until = max(self._wait_until, now + shown_s)

    def waiting(self, now: float) -> tuple[float, str] | None:
        """For how long requests wait yet, and why; None where there is nothing to tell any more."""
        return (max(0.0, self._wait_until - now), escape(self._reason)) if now < self._show_until else None
