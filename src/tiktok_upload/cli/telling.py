"""A command's work with everybody listening: machine output, log, people, signals."""

import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from tiktok_upload.cli import options as o
from tiktok_upload.cli.output import JsonLines, Style, opened_log, say, tell_result
from tiktok_upload.errors import UploadToolError
from tiktok_upload.events import Event, FileReport, Observer, RunReport, summarize

if TYPE_CHECKING:
    from tiktok_upload.cli.human import Human
    from tiktok_upload.settings import Addressing, Connection
    from tiktok_upload.stop import Stop


def told(
    work: Callable[[Observer, "Stop"], RunReport],
    given: SimpleNamespace,
    *,
    table: Callable[[FileReport], None] | None = None,
) -> int:
    """Do the work and tell of it as the options say, each file's facts by `table` if there is one; the exit code."""
    from tiktok_upload.cli.human import Human  # noqa: PLC0415 - slow to import
    from tiktok_upload.portable import stop_signals  # noqa: PLC0415
    from tiktok_upload.stop import Stop  # noqa: PLC0415

    style, stop = _style(given), Stop()
    with ExitStack() as stack:
        log = stack.enter_context(opened_log(style.log_file))
        human = stack.enter_context(Human(style, clock=time.monotonic, progress=style.progress, table=table))
        lines = JsonLines(sys.stdout) if style.json else None
        listeners = [listener for listener in (lines, log, human) if listener is not None]

        def observe(event: Event) -> None:
            for listener in listeners:
                listener(event)

        stack.enter_context(stop_signals(lambda code: _on_signal(stop, code, human)))
        report = _worked(work, observe, stop, verbose=style.verbose)
        human.result(report)
        if report.error is not None and (not report.files or report.status == "interrupted"):
            human.error(report.error)
        tell_result(report, lines, log)
    return report.exit_code


def unexpected(exc: Exception) -> UploadToolError:
    """The error of a bug of ours: where, but not with which values."""
    frames = traceback.extract_tb(exc.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return UploadToolError(f"unexpected {type(exc).__name__} in {where}: a bug of this tool")


def connection_of(given: SimpleNamespace) -> "Connection":
    """The connection options, checked."""
    from tiktok_upload.settings import Connection  # noqa: PLC0415 - slow to import

    addressing = cast("Addressing", o.one_of("--addressing", given.addressing, o.ADDRESSINGS))
    return Connection(
        given.profile,
        given.region,
        given.endpoint_url,
        addressing,
        given.ca_bundle,
        accelerate=given.accelerate,
        dualstack=given.dualstack,
        fips=given.fips,
    )


def _worked(
    work: Callable[[Observer, "Stop"], RunReport], observe: Observer, stop: "Stop", *, verbose: bool
) -> RunReport:
    try:
        return work(observe, stop)
    except UploadToolError as error:
        return summarize([], seconds=0.0, counts={}, run_error=error)
    except Exception as exc:  # noqa: BLE001 - a bug of ours: no traceback unless it is asked for
        if verbose:
            say(traceback.format_exc())
        return summarize([], seconds=0.0, counts={}, run_error=unexpected(exc))


def _on_signal(stop: "Stop", exit_code: int, human: "Human") -> None:
    if (
        stop.error is not None
    ):  # known from the first moment of a stop: a second signal may come while this one is heard
        os._exit(exit_code)
    stop.interrupt(exit_code)
    human.stopping()


def _style(given: SimpleNamespace) -> Style:
    progress = cast("str", o.one_of("--progress", getattr(given, "progress", "auto"), o.PROGRESS))
    return Style(given.json, given.quiet, given.verbose, given.no_color, given.log_file, progress)
