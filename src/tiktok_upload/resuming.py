"""`resume`: go on with every interrupted upload of this machine, each as it was begun."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tiktok_upload.accepting import contract_for
from tiktok_upload.api import Run, nobody
from tiktok_upload.errors import JournalError, UploadToolError
from tiktok_upload.events import FileFailed, FileReport, Observer, RunReport, summarize
from tiktok_upload.inputs import Input
from tiktok_upload.journal import JournalDirectory, default_state_directory
from tiktok_upload.parquet import Inspector
from tiktok_upload.records import Planned
from tiktok_upload.settings import PushOptions
from tiktok_upload.stop import Stop
from tiktok_upload.unfinished import Unfinished, find, known_here, options_of, state_of

Inputs = list[tuple[Input, str]]
Group = tuple[str, str, PushOptions]
"""Files that go to one bucket of one endpoint in one way."""


def resume(
    *,
    only: Sequence[str] = (),
    dry_run: bool = False,
    state_directory: Path | None = None,
    receipt: str | None = None,
    announce: Callable[[list[Unfinished]], None] = lambda _: None,
    observe: Observer = nobody,
    stop: Stop | None = None,
) -> RunReport:
    """Continue interrupted uploads with the options they were begun with.

    Args:
        only: Beginnings of ids; all interrupted uploads if empty.
        dry_run: Look and plan; send nothing.
        state_directory: Where journals lie; the user's state directory if None.
        receipt: As for `push`.
        announce: Told what will be continued, before anything is.
        observe: Told of events.
        stop: Ends the run early.

    Raises:
        UploadToolError: An id fits none or several.
    """
    started_s = time.monotonic()
    directory, stop = state_directory or default_state_directory(), stop or Stop()
    reports: list[FileReport] = []
    with JournalDirectory(directory) as journals, Inspector() as inspector:
        waiting = _waiting(journals, only)
        announce(waiting)
        groups, damaged = _grouped(journals, waiting, dry_run=dry_run)
        reports += damaged
        for report in damaged:
            observe(FileFailed(report))
        for (bucket, endpoint, options), inputs in groups.items():
            # Uploads that were begun one by one need not agree with each other.
            begun = options if options.contract or options.like else replace(options, contract="none")
            run = Run(begun, directory, receipt, observe, stop)

            def push(
                run: Run = run, inputs: Inputs = inputs, bucket: str = bucket, begun_at: str = endpoint
            ) -> RunReport:
                held = replace(run, contract=contract_for(run.options, inspector))
                return held.push(inputs, bucket, inspector, journals, begun_at=begun_at)

            reports += _delivered(push, run, inputs, bucket)
    order = {upload.uri or upload.id: place for place, upload in enumerate(waiting)}
    reports.sort(key=lambda report: order.get(report.uri or report.path, len(order)))
    counts = Counter[str](report.status for report in reports)
    run_error = next((report.error for report in reports if report.status == "interrupted"), None)
    return summarize(reports, seconds=time.monotonic() - started_s, counts=dict(counts), run_error=run_error)


def _waiting(journals: JournalDirectory, only: Sequence[str]) -> list[Unfinished]:
    names = {find(journals, wanted) for wanted in only}
    found = known_here(journals)
    return [
        upload for upload in found if (upload.id in names if names else upload.standing not in ("running", "given up"))
    ]


def _grouped(
    journals: JournalDirectory, waiting: list[Unfinished], *, dry_run: bool
) -> tuple[dict[Group, list[tuple[Input, str]]], list[FileReport]]:
    """Uploads that can go together, in the order given; and the reports of those that cannot go at all."""
    groups: dict[Group, list[tuple[Input, str]]] = {}
    damaged: list[FileReport] = []
    for upload in waiting:
        try:
            planned = _planned(journals, upload)
            options = options_of(planned, dry_run=dry_run)
        except UploadToolError as error:
            damaged.append(FileReport(upload.path or upload.id, upload.uri or None, "failed", error=error))
            continue
        path = Path(planned.path)
        groups.setdefault((planned.bucket, planned.endpoint, options), []).append((Input(path, path.name), planned.key))
    return groups, damaged


def _planned(journals: JournalDirectory, upload: Unfinished) -> Planned:
    planned = state_of(journals, upload.id).planned
    if planned is None:
        raise JournalError("nothing was planned for this upload", hint=f"drop it: uploads abort {upload.short_id}")
    return planned


def _delivered(
    push: Callable[[], RunReport], run: Run, inputs: list[tuple[Input, str]], bucket: str
) -> Sequence[FileReport]:
    """The reports of one group; what keeps it from beginning at all is each file's error."""
    try:
        return push().files
    except UploadToolError as error:
        reports = [FileReport(str(item.path), f"s3://{bucket}/{key}", "failed", error=error) for item, key in inputs]
        for report in reports:
            run.observe(FileFailed(replace(report)))
        return reports
