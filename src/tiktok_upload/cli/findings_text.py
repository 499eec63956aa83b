"""What was found in a file, in lines for people."""

from collections.abc import Sequence

from tiktok_upload.cli.differences_table import differences_lines
from tiktok_upload.events import FileReport
from tiktok_upload.facts import Finding
from tiktok_upload.text import escape


def findings_lines(findings: Sequence[Finding], width: int, *, most: int) -> list[str]:
    """The differences as a table, then all others as sentences, which are left to the terminal to wrap.

    Args:
        findings: Errors come first.
        width: Of the screen, in cells.
        most: So many sentences; the rest is counted.
    """
    told = [finding for finding in findings if not is_difference(finding)]
    told.sort(key=lambda finding: finding.severity != "error")
    lines = differences_lines(findings, width)
    lines += [f"{finding.severity}: {escape(finding.message)}" for finding in told[:most]]
    if len(told) > most:
        lines.append(f"and {len(told) - most:,} findings more")
    return lines


def is_difference(finding: Finding) -> bool:
    """Whether it is told in the table."""
    return None not in (finding.expected, finding.found, finding.advice)


def unproved_text(report: FileReport) -> str:
    """The last words of a quick check."""
    sampled = report.facts.rows_sampled if report.facts else None
    rows = f"{sampled:,} of {report.rows:,} rows were" if sampled is not None else "the footer was"
    *first, last = report.unproved
    series = f"{', '.join(first)} and {last}" if first else last
    return f"quick check: {rows} looked at; only --check full proves {series}"
