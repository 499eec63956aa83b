"""What machines read: events, results and receipts as plain JSON values, schema 1."""

import base64
import os
from dataclasses import asdict, fields
from typing import Any

from tiktok_upload.errors import UploadToolError
from tiktok_upload.events import (
    Event,
    FileChecked,
    FileDone,
    FileFailed,
    FilePlanned,
    FileProgress,
    FileReport,
    Progress,
    RequestMade,
    RunReport,
    Started,
)
from tiktok_upload.text import escape

SCHEMA = 1


def event_json(event: Event, at: str) -> dict[str, Any]:
    """One line of `--json`."""
    plain = {"schema": SCHEMA, "event": event.name, "at": at, **_body(event)}
    return {name: clean_json(value) for name, value in plain.items()}


def _body(event: Event) -> dict[str, Any]:
    match event:
        case FileDone() | FileFailed():
            return file_json(event.report)
        case FileChecked():
            findings = [finding.to_json() for finding in event.findings]
            return {
                **path_json(event.path),
                "facts": event.facts.to_json() if event.facts else None,
                "findings": findings,
                "unproved": list(event.unproved),
            }
        case FilePlanned():
            plan = event.plan
            sizes = {"size_bytes": plan.object_size, "part_size": plan.part_size, "parts": plan.part_count}
            return {**path_json(event.path), "uri": event.uri, **sizes}
        case Started() | RequestMade():
            return _fields_of(event)
        case Progress():
            files = [{**path_json(file.path), **_without_path(_fields_of(file))} for file in event.files]
            return {**_fields_of(event), "files": files}
        case _:
            return {**path_json(event.path), **_without_path(_fields_of(event))}


def _fields_of(event: Event | FileProgress) -> dict[str, Any]:
    """As `asdict`, which copies in depth and is slow: there is an event for each part."""
    return {name: getattr(event, name) for name in type(event).__slots__}


def result_json(report: RunReport, at: str) -> dict[str, Any]:
    """The last line of `--json`."""
    plain = {
        "schema": SCHEMA,
        "event": "result",
        "at": at,
        "status": report.status,
        "exit_code": report.exit_code,
        "seconds": round(report.seconds, 3),
        "error": error_json(report.error),
        "counts": report.counts,
        "files_omitted": report.files_omitted,
        "files": [file_json(file) for file in report.files],
    }
    return {name: clean_json(value) for name, value in plain.items()}


def file_json(report: FileReport) -> dict[str, Any]:
    """One `files[]` entry; the file's facts are in its `file_checked` event and in the receipt."""
    plain = {
        field.name: getattr(report, field.name)
        for field in fields(report)
        if field.name not in {"path", "uri", "checksum", "findings", "error", "facts", "seconds"}
    }
    entry = {
        **path_json(report.path),
        "uri": report.uri,
        **plain,
        "seconds": round(report.seconds, 3),
        "checksum": asdict(report.checksum) if report.checksum else None,
        "findings": [finding.to_json() for finding in report.findings],
        "error": error_json(report.error),
    }
    return {name: clean_json(value) for name, value in entry.items()}


def error_json(error: UploadToolError | None) -> dict[str, Any] | None:
    """An `error` object."""
    if error is None:
        return None
    return {
        "code": error.name,
        "message": error.message,
        "kept": error.kept or None,
        "hint": error.hint,
        "resumable": error.resumable,
    }


def path_json(path: str) -> dict[str, Any]:
    """The path; one that is not UTF-8 is escaped, and its bytes are beside it."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return {"path": escape(path), "path_b64": base64.b64encode(os.fsencode(path)).decode("ascii")}
    return {"path": path}


def clean_json(value: Any) -> Any:
    """Plain JSON values with text that is not UTF-8 escaped, at any depth: a strict reader would refuse it."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {clean_json(name): clean_json(inner) for name, inner in value.items()}
    return [clean_json(inner) for inner in value] if isinstance(value, list | tuple) else value


def _without_path(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "path"}
