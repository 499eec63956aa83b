"""What stands below the text on a terminal while files are sent: lines that fit, as pure functions of what is told."""

from dataclasses import dataclass, field
from typing import Literal

from rich.cells import cell_len, chop_cells

from tiktok_upload.cli.words import bytes_to_send, counted, percent, share, time_left
from tiktok_upload.events import FileProgress, Progress
from tiktok_upload.text import escape
from tiktok_upload.units import format_rate, format_size

Tone = Literal["plain", "ok", "warning", "error", "hint", "bar", "sent", "rest"]
Span = tuple[str, Tone]
Line = tuple[Span, ...]

_GAP = "  "
_PERCENT = len("100 %")
_SHARE = len("9.99 of 9.99 GiB")
_RATE = len("38.1 MiB/s")
_LEFT = len("3 min 20 s left")
_LEAST_BAR, _MOST_BAR = 6, 40  # cells; wider ones tell no more
_LEAST_NAME = 20
_MOST_FILES = 10  # more lines that move are no display any more
_STAGES = {
    "checking": "checking the file",
    "comparing": "comparing with what is stored",
    "sending": "",
    "finishing": "finishing",
}


@dataclass(frozen=True, slots=True)
class Script:
    """What the terminal can show.

    Attributes:
        encoding: Of its stream; what it does not hold is written as an escape.
        full, sent, rest: Of a bar: what the store acknowledged, what is on its way, what waits.
        cut: Stands for what was left out.
        dot: Between figures.
    """

    encoding: str = "utf-8"
    full: str = field(init=False)
    sent: str = field(init=False)
    rest: str = field(init=False)
    cut: str = field(init=False)
    dot: str = field(init=False)

    def __post_init__(self) -> None:
        wanted = "━╍─…·"
        glyphs = ("━", "╍", "─", "…", " · ") if self.shown(wanted) == wanted else ("#", "=", "-", "...", ", ")
        for attribute, glyph in zip(("full", "sent", "rest", "cut", "dot"), glyphs, strict=True):
            object.__setattr__(self, attribute, glyph)

    def shown(self, text: str) -> str:
        """The text as the stream will write it."""
        return text.encode(self.encoding, "backslashreplace").decode(self.encoding)


@dataclass(frozen=True, slots=True)
class View:
    """What there is to show.

    Attributes:
        bytes_done: Of all files: stored, or in need of no sending.
        bytes_per_s: By what left this machine in the last seconds.
        checked_per_s: Bytes a second of the full check under way.
        waiting: Which retries are waited for, and why; empty if none.
        retries: Of the whole run.
        shared: Leading directories that all files have in common; names are shown without.
    """

    progress: Progress
    bytes_done: int
    bytes_per_s: float
    waiting: str = ""
    retries: int = 0
    shared: str = ""
    checked_per_s: float = 0.0


def frame(view: View, width: int, height: int, script: Script) -> list[Line]:
    """The lines: for each file in flight where there are several, for all, for what is waited for.

    Args:
        view: What there is to show.
        width: Cells; no line is wider.
        height: Of the terminal; a line is left for the cursor.
        script: What it can show.
    """
    foot = _headline(view, width, script)
    if view.waiting:
        foot.append(((fit(_GAP + script.shown(view.waiting), width, script), "warning"),))
    room = min(_MOST_FILES, height // 2, height - 1 - len(foot))
    files = view.progress.files if view.progress.files_total > 1 else ()
    lines = [*_files(files, view.shared, max(0, room), width, script), *foot]
    return [_cropped(line, width, script) for line in lines[: max(1, height - 1)]]


# ----------------------------------------------------------------------------------------------------------- all files
def _headline(view: View, width: int, script: Script) -> list[Line]:
    """The line for all; several short ones where it does not fit."""
    event = view.progress
    label = f"{event.files_done:,} of {event.files_total:,} files" if event.files_total > 1 else ""
    if event.files_total > 1 and not view.bytes_done and not event.bytes_sent:
        return [((fit(label, width, script), "plain"),)]
    stage = _STAGES[event.files[0].stage] if len(event.files) == 1 == event.files_total else ""
    if stage and event.files[0].bytes_to_check:
        return [_checking(event.files[0], view.checked_per_s, width, script)]
    if stage:
        return [((fit(_GAP + stage, width, script), "plain"),)]
    return _one_line(view, label, width, script) or _flowed(view, label, width, script)


def _checking(file: FileProgress, bytes_per_s: float, width: int, script: Script) -> Line:
    """A full check's bar, with speed and time left; bytes as the footer counts them, not compressed."""
    done, total = file.bytes_checked, file.bytes_to_check
    parts = [share(done, total).rjust(2 * len(format_size(total)) - len("MiB"))]
    parts += [format_rate(bytes_per_s), time_left(total - done, bytes_per_s)] if bytes_per_s > 0 else []
    head = f"{_GAP}checking every row{_GAP}"
    tail = f"{percent(done, total).rjust(_PERCENT)}{_GAP}{script.dot.join(part for part in parts if part)}"
    bar = min(_MOST_BAR, width - len(head) - len(_GAP) - max(len(tail), _PERCENT + _SHARE + _RATE + _LEFT))
    if bar < _LEAST_BAR:
        return ((fit(head + tail, width, script), "plain"),)
    return ((head, "plain"), *_bar(done, 0, total, bar, script), (_GAP + tail, "plain"))


def _one_line(view: View, label: str, width: int, script: Script) -> list[Line]:
    """Label, bar, figures; nothing where there is no room for these."""
    event = view.progress
    head = f"{label}{_GAP}" if label else _GAP
    needed = len(head) + _PERCENT + _SHARE + _RATE + _LEFT + len(_GAP) + 2 * len(script.dot)
    bar = min(_MOST_BAR, width - needed - len(_GAP))
    figures = _figures(view, script)
    percentage = percent(view.bytes_done, event.bytes_total).rjust(_PERCENT)
    tail = f"{percentage}{_GAP}{figures}{_extras(view, width - needed - bar - len(_GAP), script)}"
    if bar >= _LEAST_BAR:
        on_its_way = sum(file.bytes_in_flight for file in event.files)
        drawn = _bar(view.bytes_done, on_its_way, event.bytes_total, bar, script)
        return [((head, "plain"), *drawn, (_GAP + tail, "plain"))]
    line = f"{head.lstrip()}{tail.lstrip() if not label else tail}"
    return [((line, "plain"),)] if cell_len(line) <= width else []


def _figures(view: View, script: Script) -> str:
    event = view.progress
    done = share(view.bytes_done, event.bytes_total).rjust(2 * len(format_size(event.bytes_total)) - len("MiB"))
    left = time_left(bytes_to_send(event, view.bytes_done), view.bytes_per_s)
    return script.dot.join(part for part in (done, format_rate(view.bytes_per_s).rjust(_RATE), left) if part)


def _extras(view: View, room: int, script: Script) -> str:
    """What is nice to know: as much as there is room for."""
    files, text = view.progress.files, ""
    reused, in_flight = sum(file.bytes_reused for file in files), sum(file.parts_in_flight for file in files)
    for wanted in (
        f"{format_size(reused)} reused" if reused else "",
        counted(view.retries, "retry", "retries") if view.retries and not view.waiting else "",
        f"{counted(in_flight, 'part', 'parts')} in flight" if in_flight else "",
    ):
        if wanted and len(text) + len(script.dot) + len(wanted) <= room:
            text += script.dot + wanted
    return text


def _flowed(view: View, label: str, width: int, script: Script) -> list[Line]:
    """The figures alone, as many in a line as fit."""
    event = view.progress
    amount = share(view.bytes_done, event.bytes_total)
    short_label = label if width > 2 * len(label) else label.removesuffix(" files")
    pieces = [short_label, percent(view.bytes_done, event.bytes_total), amount, format_rate(view.bytes_per_s)]
    pieces.append(time_left(bytes_to_send(event, view.bytes_done), view.bytes_per_s))
    lines: list[str] = []
    for piece in (fit(piece, width, script) for piece in pieces if piece):
        if lines and len(lines[-1]) + len(_GAP) + len(piece) <= width:
            lines[-1] += _GAP + piece
        else:
            lines.append(piece)
    return [((line, "plain"),) for line in lines]


# ----------------------------------------------------------------------------------------------------------- each file
def _files(files: tuple[FileProgress, ...], shared: str, room: int, width: int, script: Script) -> list[Line]:
    """A line a file; where there are more than fit, the last one counts the others."""
    shown = files if len(files) <= room else files[: max(0, room - 1)]
    lines = _rows(shown, shared, width, script)
    if len(shown) < len(files) and room:
        more = counted(len(files) - len(shown), "file", "files")
        lines.append(((fit(f"{_GAP}and {more} more", width, script), "plain"),))
    return lines


def _rows(files: tuple[FileProgress, ...], shared: str, width: int, script: Script) -> list[Line]:
    names = [script.shown(escape(file.path.removeprefix(shared))) for file in files]
    widest = max(map(cell_len, names), default=0)
    figures = len(_GAP) + _PERCENT
    with_share = figures + len(_GAP) + _SHARE
    has_share = width - len(_GAP) - with_share >= _LEAST_NAME
    tail = with_share if has_share else figures
    space = width - len(_GAP) - tail  # for the name and the bar
    bar = min(_MOST_BAR, max(space - widest, space // 3) - len(_GAP))
    bar = bar if bar >= _LEAST_BAR else 0
    for_name = min(widest, space - (bar + len(_GAP) if bar else 0))
    return [
        _row(file, label, for_name, bar, script, has_share=has_share)
        for file, label in zip(files, _labels(names, for_name, script), strict=True)
    ]


def _labels(names: list[str], width: int, script: Script) -> list[str]:
    """The names, cut where they differ least: in their middle, or at their ends where only directories differ."""
    if max(map(cell_len, names), default=0) > width and len({name.rpartition("/")[2] for name in names}) == 1:
        names = [f"{name.rpartition('/')[0]}/{script.cut}" if "/" in name else name for name in names]
    return [fit(name, width, script, middle=True) for name in names]


def _row(
    file: FileProgress, label: str, label_width: int, bar_width: int, script: Script, *, has_share: bool
) -> Line:  # fmt: skip
    padded = _GAP + label + " " * (label_width - cell_len(label) + len(_GAP))
    if file.stage in ("checking", "comparing"):
        of_all = f" {percent(file.bytes_checked, file.bytes_to_check)}" if file.bytes_to_check else ""
        room = bar_width + len(_GAP) + _PERCENT + (len(_GAP) + _SHARE if has_share else 0)
        return ((padded, "plain"), (fit(file.stage + of_all, room, script), "plain"))
    bar = _bar(file.bytes_stored, file.bytes_in_flight, file.size_bytes, bar_width, script) if bar_width else ()
    tail = (_GAP if bar_width else "") + percent(file.bytes_stored, file.size_bytes).rjust(_PERCENT)
    if has_share:
        tail += _GAP + ("finishing" if file.stage == "finishing" else share(file.bytes_stored, file.size_bytes))
    return ((padded, "plain"), *bar, (tail, "plain"))


def _bar(done: int, on_its_way: int, total: int, width: int, script: Script) -> Line:
    full = width * min(done, total) // total if total > 0 else 0
    sent = width * min(done + on_its_way, total) // total - full if total > 0 else 0
    rest = width - full - sent
    return ((script.full * full, "bar"), (script.sent * sent, "sent"), (script.rest * rest, "rest"))


def _cropped(line: Line, width: int, script: Script) -> Line:
    """The line, if it fits; all else is made to fit, but for screens of a few cells."""
    text = "".join(text for text, _ in line)
    return line if cell_len(text) <= width else ((fit(text, width, script), "plain"),)


def fit(text: str, width: int, script: Script, *, middle: bool = False) -> str:
    """The text in so many cells: what is too long loses its end, or its middle, where names differ least."""
    if cell_len(text) <= width:
        return text
    room = width - cell_len(script.cut)
    if room < 0:
        return _head(text, max(0, width))
    tail = _head(text[::-1], room * 2 // 3)[::-1] if middle else ""
    return _head(text, room - cell_len(tail)) + script.cut + tail


def _head(text: str, width: int) -> str:
    """As much of its beginning as so many cells hold."""
    return chop_cells(text, width)[0] if text and width > 1 else text[:width] if cell_len(text[:1]) <= width else ""
