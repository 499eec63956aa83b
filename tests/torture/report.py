"""What came of all runs, as Markdown."""

from collections import Counter
from collections.abc import Sequence

from tests.torture.cells import CELLS, Coverage
from tests.torture.evidence import KINDS_OF_FINDINGS
from tests.torture.run import Verdict


def report(verdicts: Sequence[Verdict], coverage: Coverage, seconds: float) -> str:
    """Counts, failures with the way to play them again, coverage."""
    failed = [verdict for verdict in verdicts if verdict.findings]
    return "\n\n".join(
        [
            _counts(verdicts, seconds),
            *([_failures(failed)] if failed else []),
            f"{len(CELLS)} cells, each hit at least {coverage.lowest()} times:",
            coverage.table(),
        ]
    )


def _counts(verdicts: Sequence[Verdict], seconds: float) -> str:
    findings = Counter(finding.kind for verdict in verdicts for finding in verdict.findings)
    codes = Counter(code for verdict in verdicts for code in verdict.codes)
    rows = [
        ("runs", f"{len(verdicts)} in {seconds:.0f} s"),
        ("processes, by exit code", ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))),
        ("faults hit", sum(len(verdict.hits) for verdict in verdicts)),
        ("cuts", sum(verdict.cuts for verdict in verdicts)),
        ("parts sent", sum(verdict.parts for verdict in verdicts)),
        ("of them sent twice, allowed after cuts and losses", sum(verdict.twice for verdict in verdicts)),
        (
            "uploads left by a lost Create, or a false answer to Abort",
            sum(verdict.orphans for verdict in verdicts),
        ),
        *((f"**{kind}**", findings[kind]) for kind in KINDS_OF_FINDINGS),
    ]
    return "\n".join(["| count | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)])


def _failures(failed: Sequence[Verdict]) -> str:
    return "\n".join(failure_text(verdict) for verdict in failed)


def failure_text(verdict: Verdict) -> str:
    """One run's findings, and how to play it again."""
    seed = verdict.case.seed
    lines = [f"seed {seed}: {finding}" for finding in verdict.findings]
    return "\n".join([*lines, f"  again: python -m tests.torture --seed {seed} --runs 1", f"  kept: {verdict.kept}"])
