"""The wish to stop, heard by everybody: set once, by a signal, a deadline or a caller."""

import threading
from collections.abc import Callable

from tiktok_upload.errors import InterruptedUploadError, UploadToolError


class Cancelled(Exception):  # noqa: N818 - no error: what a worker leaves by when the run is stopped
    """The run or this file is stopped; whoever meets this leaves at once."""


class Stop:
    """Set from any thread or signal handler; workers ask it between two pieces of work.

    Args:
        wake: Called when it is set, so that whoever waits for something else looks up.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._event = threading.Event()
        self.wake = wake
        self.error: UploadToolError | None = None

    def set(self, error: UploadToolError) -> None:
        """Stop, for this reason; the first one stands."""
        if self.error is None:
            self.error = error
        self._event.set()
        self.wake()

    def interrupt(self, exit_code: int) -> None:
        """Stop because of a signal: 130 for Ctrl-C, 143 for SIGTERM."""
        by = "Ctrl-C" if exit_code == 130 else "a request to end"  # noqa: PLR2004 - the shell's number for SIGINT
        self.set(InterruptedUploadError(f"stopped by {by}", exit_code=exit_code))

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Go on, or leave.

        Raises:
            Cancelled: To leave.
        """
        if self._event.is_set():
            raise Cancelled

    def sleep(self, delay_s: float) -> None:
        """Wait, but leave at once when stopped.

        Raises:
            Cancelled: It was stopped before or meanwhile.
        """
        if self._event.wait(delay_s):
            raise Cancelled
