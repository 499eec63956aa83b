"""A display for notebooks and scripts: rich draws it, as HTML in Jupyter and as text elsewhere.

with Display() as display:
    push("events.parquet", to="s3://bucket/incoming/", observe=display)
"""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bars

from tiktok_upload.cli.output import error_text
from tiktok_upload.cli.words import done_text
from tiktok_upload.events import Event, FileDone, FileFailed, FilePlanned, Notice, Progress
from tiktok_upload.text import escape


class Display:
    """An observer: a bar for each file under way, a line for each that ended.

    Args:
        console: Where to; by default the notebook, or stdout.
    """

    def __init__(self, console: Console | None = None) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        self._bars = Bars(*columns, console=console or Console(highlight=False))
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Draw it, or not."""
        match event:
            case FilePlanned():
                self._tasks[event.path] = self._bars.add_task(escape(event.path), total=event.plan.object_size)
            case Progress():
                for file in event.files:
                    if file.path in self._tasks:
                        self._bars.update(self._tasks[file.path], completed=file.bytes_stored)
            case FileDone():
                self._ended(event.report.path, done_text(event.report))
            case FileFailed() if event.report.error is not None:
                self._ended(event.report.path, error_text(event.report.error))
            case Notice():
                self._line(f"note: {escape(event.message)}")

    def _ended(self, path: str, text: str) -> None:
        if path in self._tasks:
            self._bars.remove_task(self._tasks.pop(path))
        self._line(text)

    def _line(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False)
