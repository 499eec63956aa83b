"""The words and figures that people are shown, as pure functions of what is told."""

import os

from tiktok_upload.events import FileProgress, FileReport, Progress
from tiktok_upload.facts import FileFacts
from tiktok_upload.text import escape
from tiktok_upload.units import format_duration, format_rate, format_size


def file_text(file: FileProgress) -> str:
    """Beside a file's bar."""
    if file.stage != "sending":
        return file.stage
    parts = [f"{format_size(file.bytes_stored)} of {format_size(file.size_bytes)}", f"{file.parts_in_flight} in flight"]
    if file.bytes_reused:
        parts.append(f"{format_size(file.bytes_reused)} reused")
    if file.retries:
        parts.append(f"{file.retries} retries")
    return " · ".join(parts)


def total_text(event: Progress, bytes_per_s: float) -> str:
    """Of all files."""
    left = time_left(event.bytes_total - event.bytes_stored, bytes_per_s)
    files = f"{event.files_done} of {event.files_total} files, " if event.files_total > 1 else ""
    size = f"{format_size(event.bytes_stored)} of {format_size(event.bytes_total)}"
    return f"{files}{size}, {format_rate(bytes_per_s)}{left}"


def time_left(size_bytes: int, bytes_per_s: float) -> str:
    """How long it takes yet; nothing where that is not known."""
    return f", {format_duration(size_bytes / bytes_per_s)} left" if bytes_per_s > 0 and size_bytes > 0 else ""


def figures(report: FileReport) -> str:
    """What a file that ended well came to, in brackets."""
    parts = [format_size(report.size_bytes)] if report.size_bytes is not None else []
    if report.status == "uploaded":
        parts.append(f"in {format_duration(report.seconds)}")
        parts += [f"{format_size(report.bytes_reused)} reused"] if report.bytes_reused else []
    if report.checksum is not None:
        by = "confirmed by the store" if report.checksum.confirmed_by_store else "not confirmed by the store"
        parts.append(f"{report.checksum.algorithm} {report.checksum.value} {by}")
    if report.status == "planned" and report.parts is not None and report.part_size is not None:
        parts.append(f"{report.parts} parts of {format_size(report.part_size)}")
    return f" ({', '.join(parts)})" if parts else ""


def facts_text(facts: FileFacts) -> str:
    """A parquet file in one line."""
    shape = f"{facts.rows:,} rows, {facts.row_groups} row groups, {len(facts.columns)} columns"
    codecs = "/".join(facts.codecs).lower()
    return f"{shape}, {codecs}, by {escape(facts.created_by) or 'an unnamed writer'}"


def name(path: str) -> str:
    """A path's last part, safe to show."""
    return escape(os.path.basename(path))  # noqa: PTH119 - text that may not be this system's path


def short(text: str, most: int = 32) -> str:
    """A long name with its middle left out."""
    return text if len(text) <= most else f"{text[: most - 12]}…{text[-11:]}"
