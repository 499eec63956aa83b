"""What a race says at its end: Markdown, and the bars of its chart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.chart import Bar, Group, Kind
from tests.bench.figures import MIB, Course, Figures, Goal, NoFiguresError, Outcome, Results
from tests.bench.peers import LIMIT, OURS
from tests.bench.spine import Row


@dataclass(frozen=True, slots=True)
class Report:
    """All that is told.

    Attributes:
        setting: A line: the command, the machine, the sources.
        titles: Of the courses.
        results: What was measured.
        contestants: Name, version and defaults of each.
        timed: Courses whose time is compared and not their throughput.
    """

    setting: str
    titles: Mapping[str, str]
    results: Results
    contestants: Sequence[tuple[str, str, str]]
    timed: frozenset[str]

    def markdown(self, goals: Sequence[Goal], *, chart: str) -> str:
        """The whole page; `chart` is the image's name."""
        parts = [
            "# Measured against others",
            self.setting,
            f"![{OURS.name} beside others]({chart})",
            self.summary(),
            "## Goals",
            _table(("figure", "measured", "goal", "met"), judge(goals, self.results, self.titles)),
        ]
        for name, course in self.results.items():
            parts += [f"## {self.titles[name]}", course_table(course, is_timed=name in self.timed)]
        parts += ["## Who took part", _table(("contestant", "version", "its defaults"), map(_row, self.contestants))]
        return "\n\n".join(parts) + "\n"

    def summary(self) -> str:
        """One table of all that was compared with others."""
        compared = {name: course for name, course in self.results.items() if len(course) > 1 and name != "huge"}
        names = list(dict.fromkeys(label for course in compared.values() for label in course))
        rows = (_row((label, *(self._cell(name, label) for name in compared))) for label in names)
        return _table(("", *(self.titles[name] for name in compared)), rows)

    def groups(self) -> list[Group]:
        """The bars of the courses whose throughput is compared."""
        return [
            Group(self.titles[name], list(_bars(course)))
            for name, course in self.results.items()
            if name not in self.timed and name != "huge"
        ]

    def _cell(self, course: str, label: str) -> str:
        outcome = self.results[course].get(label)
        if not isinstance(outcome, Figures):
            return outcome or ""
        peak = f"{outcome.main_peak_bytes / MIB:,.0f} MiB"
        if course in self.timed:
            return f"{outcome.wall_s:.2f} s · {peak}"
        return f"{outcome.mib_a_second:,.0f} MiB/s · {outcome.cpu_s_a_gib:.2f} CPU s/GiB · {peak}"


def judge(goals: Sequence[Goal], results: Results, titles: Mapping[str, str]) -> Iterator[Row]:
    """A line for each goal of a course that was run."""
    for goal in goals:
        if goal.course and goal.course not in results:
            continue
        what = f"{titles[goal.course]}: {goal.what}" if goal.course else f"all of these: {goal.what}"
        try:
            measured = goal.measure(results)
        except NoFiguresError as exc:
            yield Row(what, f"not measured: no figures of {exc}", str(goal))
        else:
            yield Row(what, goal.shown(measured), str(goal), goal.is_met(measured))


def course_table(course: Course, *, is_timed: bool) -> str:
    """All figures of one course; where time is compared, most of it is no transfer, and nothing is told per byte."""
    speed = () if is_timed else ("throughput",)
    head = ("contestant", "time", *speed, "client CPU", "peak memory: itself, its largest child", "runs")
    rows = (_row((label, *_cells(outcome, is_timed=is_timed))) for label, outcome in course.items())
    return _table(head, rows)


def _cells(outcome: Outcome, *, is_timed: bool) -> tuple[str, ...]:
    if not isinstance(outcome, Figures):
        return (outcome, *[""] * (3 if is_timed else 4))
    rates = (f"{outcome.mib_a_second:,.0f} MiB/s", f"{outcome.cpu_s_a_gib:.2f} s/GiB")
    peaks = ", ".join(f"{peak / MIB:,.0f} MiB" for peak in (outcome.main_peak_bytes, outcome.child_peak_bytes) if peak)
    return (
        f"{outcome.wall_s:,.2f} s",
        *((f"{outcome.cpu_s:.2f} s",) if is_timed else rates),
        peaks,
        str(outcome.runs),
    )


def _bars(course: Course) -> Iterator[Bar]:
    for label, outcome in course.items():
        if isinstance(outcome, Figures):
            shown = f"{outcome.mib_a_second:,.0f} MiB/s"
            yield Bar(label, outcome.mib_a_second, shown, _kind(label))


def _kind(label: str) -> Kind:
    return "ours" if label.startswith(OURS.name) else "limit" if label == LIMIT.name else "peer"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _table(head: Sequence[str], rows: Iterator[Row] | Iterator[str]) -> str:
    return "\n".join([_row(head), _row(["---"] * len(head)), *map(str, rows)])
