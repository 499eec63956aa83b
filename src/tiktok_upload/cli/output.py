"""Where a command's words go: machine output to stdout, human text to stderr, all events to a log."""

import datetime as dt
import json
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from tiktok_upload import portable
from tiktok_upload.errors import UploadToolError, UsageError
from tiktok_upload.events import Event, Progress, RequestMade, RunReport, summarize
from tiktok_upload.machine import event_json, result_json
from tiktok_upload.text import escape

_NOBODY_READS = "warning: nobody reads stdout; the run goes on without its events"


@dataclass(frozen=True, slots=True)
class Style:
    """How much is told, and how."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    log_file: Path | None = None
    progress: str = "auto"


def now() -> str:
    """RFC 3339, UTC, milliseconds."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonLines:
    """JSON Lines on stdout.

    A reader that goes away does not end a delivery: it is said once, and the rest is dropped.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        if stream is None:
            say(_NOBODY_READS)

    def __call__(self, event: Event) -> None:
        """Write an event, but not each request: those are for a log."""
        if not isinstance(event, RequestMade):
            self.write(event_json(event, now()))

    def write(self, data: dict[str, Any]) -> None:
        """Write one line."""
        if self._stream is None:
            return
        try:
            self._stream.write(json.dumps(data, ensure_ascii=True) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None
            silence_stdout()
            say(_NOBODY_READS)


class LogFile:
    """Every event in a file of mode 0600, for whoever looks into a failure later."""

    def __init__(self, path: Path) -> None:
        """Open for appending.

        Raises:
            UsageError: It cannot be written.
        """
        try:
            if path.parent != Path():
                path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = portable.open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        except OSError as exc:
            raise UsageError(
                f"--log-file {escape(str(path))} cannot be written: {exc.strerror}", hint="choose another place"
            ) from exc
        self._file = os.fdopen(descriptor, "a", encoding="ascii")

    def __call__(self, event: Event) -> None:
        """Write an event that tells of a fact."""
        if not isinstance(event, Progress):
            self.write(event_json(event, now()))

    def write(self, data: dict[str, Any]) -> None:
        """Write one line; a full disk does not end a delivery."""
        try:
            self._file.write(json.dumps(data, ensure_ascii=True) + "\n")
            self._file.flush()
        except OSError:
            return

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError:
            return


def say(text: str) -> None:
    """A line on stderr, where there is one."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def say_error(error: UploadToolError, *, verbose: bool) -> None:
    """What happened, what is safe, what to do."""
    say(error_text(error))
    if verbose:
        say("".join(traceback.format_exception(error)))


def error_text(error: UploadToolError) -> str:
    """Three lines at most, readable without colour."""
    lines = [f"error: {escape(error.message)}"]
    if error.kept:
        lines.append(f"  kept: {escape(error.kept)}")
    lines.append(f"  hint: {escape(error.hint)}")
    return "\n".join(lines)


@contextmanager
def opened_log(path: Path | None) -> Iterator[LogFile | None]:
    """The log file, closed at the end; None where none is wanted."""
    log = LogFile(path) if path is not None else None
    try:
        yield log
    finally:
        if log is not None:
            log.close()


def tell_result(report: RunReport, lines: JsonLines | None, log: LogFile | None) -> None:
    """The last line of all machine output."""
    data = result_json(report, now())
    if lines is not None:
        lines.write(data)
    if log is not None:
        log.write(data)


def silence_stdout() -> None:
    """Let nothing that is still buffered fail at the interpreter's end."""
    try:
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, sys.stdout.fileno())
        os.close(descriptor)
    except (OSError, ValueError, AttributeError):
        return


def tell_events(*events: tuple[str, Mapping[str, Any]], error: UploadToolError | None = None) -> None:
    """JSON Lines, with the result as the last."""
    lines = JsonLines(sys.stdout)
    for event, fields in events:
        lines.write({"schema": 1, "event": event, "at": now(), **_escaped(fields)})
    tell_result(summarize([], seconds=0.0, counts={}, run_error=error), lines, None)


def _escaped(value: Any) -> Any:
    """Every text in it without what could fool a terminal."""
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return escape(value) if isinstance(value, str) else value


def print_lines(lines: Iterable[str]) -> None:
    """On stdout, in whatever it can hold; somebody who stops reading is no fault."""
    if sys.stdout is None:
        return
    encoding = sys.stdout.encoding or "utf-8"
    text = "".join(line.rstrip() + "\n" for line in lines)
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except (OSError, ValueError):
        return
