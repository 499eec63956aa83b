"""What `Pace` makes of simulated links, as a picture: requests in flight and throughput over time.

    python -m tests.bench.pace_plots [--seconds 60] [--write]

Prints a line for each link; `--write` keeps the picture in `tests/bench/results/pace.svg`.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from tests.bench.links import LINKS, MIB, Link, Sample, Trip, simulate

from tiktok_upload.pace import auto_bounds

_PICTURE: Final = Path(__file__).parent / "results" / "pace.svg"
_COLUMNS: Final = 2
_WIDTH, _HEIGHT = 370, 150  # of one plot, its title and margin with it
_LEFT, _TOP, _PLOT_WIDTH, _PLOT_HEIGHT = 16, 44, 340, 86
_STYLE: Final = """
  text { font: 12px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .card { fill: #ffffff; stroke: #d1d9e0 }
  .frame { fill: none; stroke: #d1d9e0 }
  .heading { font-weight: 600 }
  polyline { fill: none; stroke-width: 1.5 }
  .flight { stroke: #9a6700 } .rate { stroke: #0969da }
  text.flight { fill: #9a6700; stroke: none } text.rate { fill: #0969da; stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .card { fill: #0d1117; stroke: #3d444d }
    .frame { stroke: #3d444d }
    .flight { stroke: #d29922 } .rate { stroke: #4493f8 }
    text.flight { fill: #d29922 } text.rate { fill: #4493f8 }
  }
"""


def draw(trips: Sequence[tuple[Link, Trip]]) -> str:
    """All plots in a grid."""
    rows = -(-len(trips) // _COLUMNS)
    width, height = _WIDTH * _COLUMNS + 20, _HEIGHT * rows + 20
    plots = "\n".join(
        f'<g transform="translate({10 + _WIDTH * (number % _COLUMNS)} {10 + _HEIGHT * (number // _COLUMNS)})">\n'
        + "\n".join(_plot(link, trip))
        + "\n</g>"
        for number, (link, trip) in enumerate(trips)
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" width="{width}">',
            "<title>Requests in flight and throughput over simulated links</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
            plots,
            "</svg>",
            "",
        ]
    )


def _plot(link: Link, trip: Trip) -> Iterator[str]:
    most, rates = max(sample.allowed for sample in trip.samples), _rates(trip.samples)
    yield f'<text class="heading" x="{_LEFT}" y="18">{escape(link.name)}</text>'
    yield f'<text class="flight" x="{_LEFT}" y="36">in flight, up to {most}</text>'
    fastest = max(rate for _, rate in rates)
    shown = f"{fastest / MIB:,.0f}" if fastest >= 10 * MIB else f"{fastest / MIB:.2g}"
    yield (
        f'<text class="rate" x="{_LEFT + _PLOT_WIDTH}" y="36" text-anchor="end">throughput, up to {shown} MiB/s</text>'
    )
    yield f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{_PLOT_WIDTH}" height="{_PLOT_HEIGHT}"/>'
    last_s = trip.samples[-1].at_s
    place = _scale(last_s)
    yield _line("rate", [place(at_s, rate / fastest) for at_s, rate in rates])
    yield _line("flight", [place(sample.at_s, sample.allowed / most) for sample in trip.samples])
    yield f'<text x="{_LEFT + _PLOT_WIDTH}" y="{_TOP + _PLOT_HEIGHT + 14}" text-anchor="end">{last_s:.0f} s</text>'


def _scale(last_s: float) -> Callable[[float, float], str]:
    def place(at_s: float, share: float) -> str:
        return f"{_LEFT + at_s / last_s * _PLOT_WIDTH:.1f},{_TOP + (1 - share) * _PLOT_HEIGHT:.1f}"

    return place


def _line(style: str, points: Sequence[str]) -> str:
    return f'<polyline class="{style}" points="{" ".join(points)}"/>'


def _rates(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """Bytes a second, each over the second before."""
    return [
        (later.at_s, max(0.0, (later.out - earlier.out) / (later.at_s - earlier.at_s)))
        for earlier, later in zip(samples, samples[10:], strict=False)
    ]


def main() -> None:
    """Simulate, print, draw."""
    options = _parser().parse_args()
    bounds = auto_bounds(open_files=1_024, memory_bytes=None)
    trips = [(link, simulate(link, bounds=bounds, seconds=options.seconds)) for link in LINKS]
    for link, trip in trips:
        told = f"{trip.rate() / MIB:8,.1f} of {link.most / MIB:8,.1f} MiB/s, {trip.samples[-1].allowed:3} in flight"
        sys.stdout.write(f"{link.name:32} {told}, {trip.throttled} slowed down, {trip.cut} cut\n")
    if options.write:
        _PICTURE.parent.mkdir(exist_ok=True)
        _PICTURE.write_text(draw(trips), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pace_plots", description="Pace over simulated links.")
    parser.add_argument("--seconds", type=float, default=60.0, help="that each link is looked at")
    parser.add_argument("--write", action="store_true", help=f"keep the picture in {_PICTURE.name}")
    return parser


if __name__ == "__main__":
    main()
