"""Bars on a terminal; imported only where there is one, since rich takes a while to import."""

from collections import deque

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from tiktok_upload.cli.words import file_text, name, short, time_left, total_text
from tiktok_upload.events import Progress
from tiktok_upload.units import format_rate

_ALL = ""  # the key of the bar for all files; no path is empty
_SPEED_OVER = 8  # progress events, one a second


class FileBars:
    """A bar a file in flight, as many as fit, and one for all."""

    def __init__(self, *, no_color: bool) -> None:
        # None leaves it to NO_COLOR.
        console = Console(stderr=True, no_color=no_color or None, highlight=False, soft_wrap=True)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}", markup=False),
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
        for path in self._tasks.keys() - shown.keys() - {_ALL}:
            self._bars.remove_task(self._tasks.pop(path))
        for path, file in shown.items():
            self._update(path, name(path), file.bytes_stored, file.size_bytes, file_text(file))
        if event.files_total > 1 or not event.files:
            self._update(_ALL, "all files", event.bytes_stored, event.bytes_total, total_text(event, self._speed()))
        elif self._tasks:
            file = event.files[0]
            left = time_left(file.size_bytes - file.bytes_stored, self._speed())
            text = f"{file_text(file)} · {format_rate(self._speed())}{left}"
            self._update(file.path, name(file.path), file.bytes_stored, file.size_bytes, text)
        self._bars.refresh()

    def line(self, text: str) -> None:
        """A line above the bars."""
        self._console.print(text, markup=False)

    def stop(self) -> None:
        """Take the bars away."""
        if self._is_on:
            self._bars.stop()
            self._is_on = False

    def _update(self, key: str, label: str, done: int, total: int, text: str) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(short(label), total=total or None, text="")
        self._bars.update(self._tasks[key], completed=done, total=total or None, text=text)

    def _speed(self) -> float:
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        return max(0.0, (last - first) / (last_s - first_s)) if last_s > first_s else 0.0
