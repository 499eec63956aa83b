"""The look before sending: open the file, take its fingerprint, have its structure inspected."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tiktok_upload.errors import InterruptedUploadError, SourceChangedError
from tiktok_upload.facts import FileFacts, Finding
from tiktok_upload.parquet import Inspection, Inspector
from tiktok_upload.source import Source
from tiktok_upload.stop import Cancelled, Stop
from tiktok_upload.text import escape


@dataclass(frozen=True, slots=True)
class Looked:
    """An open file and what was found in it.

    Attributes:
        facts: None where the structure is too broken to tell.
    """

    source: Source
    facts: FileFacts | None
    findings: tuple[Finding, ...]


def look(
    inspector: Inspector, path: Path, stop: Stop, *, full: bool, on_progress: Callable[[int, int], None] | None = None
) -> Looked:
    """Open and inspect; the source is the caller's to close.

    Raises:
        SourceError: The file cannot be read, or not be inspected within the limits.
        Cancelled: The run was stopped.
    """
    source = Source(path)
    try:
        found = inspector.inspect(path, full=full, cancelled=stop.is_set, on_progress=on_progress)
        _refuse_another_file(source, found)
    except InterruptedUploadError as exc:
        source.close()
        raise Cancelled from exc
    except BaseException:
        source.close()
        raise
    return Looked(source, found.facts, found.findings)


def _refuse_another_file(source: Source, found: Inspection) -> None:
    mine = source.fingerprint
    if (found.size_bytes, found.mtime_ns, found.inode) != (mine.size_bytes, mine.mtime_ns, mine.inode):
        raise SourceChangedError(f"{escape(str(source.path))} changed while it was inspected", kept="nothing was sent")
