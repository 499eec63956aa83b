"""A bar chart as SVG, written as text; it reads well on a light and on a dark page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from xml.sax.saxutils import escape

Kind = Literal["ours", "peer", "limit"]

_WIDTH: Final = 760
_MARGIN: Final = 24
_BAR_LEFT: Final = 150
_BAR_RIGHT: Final = 640  # the value stands behind the longest bar
_ROW: Final = 26
_BAR: Final = 16
_HEADING: Final = 34
_GAP: Final = 14
_TITLE: Final = 62

# A card of its own colour: GitHub's theme need not be that of the system, which is all that an image is told.
_STYLE: Final = """
  text { font: 13px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .card { fill: #ffffff; stroke: #d1d9e0 }
  .title { font-size: 16px; font-weight: 600 }
  .heading { font-weight: 600 }
  .note { font-size: 12px; fill: #59636e }
  .ours { fill: #0969da }
  .peer { fill: #b1bac4 }
  .limit { fill: none; stroke: #818b98; stroke-dasharray: 4 3 }
  text.of-ours { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .card { fill: #0d1117; stroke: #3d444d }
    .note { fill: #9198a1 }
    .ours { fill: #4493f8 }
    .peer { fill: #59636e }
    .limit { stroke: #9198a1 }
  }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One of them: how long it is, and what stands behind it."""

    name: str
    value: float
    shown: str
    kind: Kind = "peer"


@dataclass(frozen=True, slots=True)
class Group:
    """Bars that share a scale."""

    title: str
    bars: Sequence[Bar]


def draw(title: str, note: str, groups: Sequence[Group]) -> str:
    """The whole image; each group fills the width with its longest bar."""
    lines: list[str] = []
    top = _TITLE
    for group in groups:
        lines += _drawn_group(group, top)
        top += _HEADING + _ROW * len(group.bars) + _GAP
    text = "; ".join(f"{group.title}: {_told(group)}" for group in groups)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_WIDTH}" height="{top}"',
            f'     viewBox="0 0 {_WIDTH} {top}">',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(text)}</desc>",
            f"<style>{_STYLE}</style>",
            f'<rect class="card" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{top - 1}" rx="8"/>',
            _text(_MARGIN, 32, title, "title"),
            _text(_MARGIN, 52, note, "note"),
            *lines,
            "</svg>",
            "",
        ]
    )


def _told(group: Group) -> str:
    """For those who do not see the bars."""
    return ", ".join(f"{bar.name} {bar.shown}" for bar in group.bars)


def _drawn_group(group: Group, top: int) -> Iterator[str]:
    yield _text(_MARGIN, top + _HEADING - 14, group.title, "heading")
    longest = max((bar.value for bar in group.bars), default=0.0) or 1.0
    for number, bar in enumerate(group.bars):
        yield from _drawn_bar(bar, top + _HEADING + _ROW * number, bar.value / longest)


def _drawn_bar(bar: Bar, top: int, share: float) -> Iterator[str]:
    width = max(1, round(share * (_BAR_RIGHT - _BAR_LEFT)))
    base = top + _BAR - 4
    style = "of-ours" if bar.kind == "ours" else ""
    yield _text(_BAR_LEFT - 10, base, bar.name, style, anchor="end")
    yield f'<rect class="{bar.kind}" x="{_BAR_LEFT}" y="{top}" width="{width}" height="{_BAR}" rx="3"/>'
    yield _text(_BAR_LEFT + width + 8, base, bar.shown, style)


def _text(x: int, y: int, content: str, style: str, *, anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(content)}</text>'
