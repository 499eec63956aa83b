"""Receipts: what was delivered, in one JSON file an object; written at the end, read by `verify`."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiktok_upload import portable
from tiktok_upload.errors import JournalError, UsageError
from tiktok_upload.events import FileReport
from tiktok_upload.machine import SCHEMA, file_json
from tiktok_upload.records import Confirmed, Planned
from tiktok_upload.text import escape

_MOST_READABLE = 80
_MOST_BYTES = 64 << 20  # a receipt of 100,000 columns has some 10 MB


@dataclass(frozen=True, slots=True)
class Receipt:
    """What `verify` needs of one.

    Attributes:
        endpoint: An empty string for AWS's own.
        etag: HEAD's at the time of delivery.
        checksum: `(algorithm, base64)`.
        confirmed: Whether the store had named that checksum itself.
    """

    path: str
    bucket: str
    key: str
    endpoint: str
    size_bytes: int
    etag: str
    version_id: str | None
    checksum: tuple[str, str]
    confirmed: bool
    rows: int | None


def receipt_json(
    report: FileReport,
    planned: Planned,
    *,
    confirmed: Confirmed,
    delivered_at: str,
    raw_personal_data: bool,
    contract_digest: str | None = None,
) -> dict[str, Any]:
    """All that a receipt says; no secret, no data value, no path above the given one."""
    fingerprint = planned.fingerprint
    return {
        "schema": SCHEMA,
        "receipt": "tiktok-upload",
        "tool_version": planned.tool,
        "delivered_at": delivered_at,
        "checked_at": planned.checked_at,
        "bucket": planned.bucket,
        "key": planned.key,
        "endpoint": planned.endpoint,
        "head_etag": confirmed.etag,
        "encryption": {name: planned.object_options.get(name) for name in ("sse", "kms_key_id")},
        "object_options": planned.object_options,
        "source": {
            "size_bytes": fingerprint.size_bytes,
            "mtime_ns": fingerprint.mtime_ns,
            "footer_sha256": fingerprint.footer_sha256,
        },
        "parquet": report.facts.to_json() if report.facts else None,
        "contract_digest": contract_digest,
        "raw_personal_data_allowed": raw_personal_data,
        "nonce": (planned.nonce if confirmed.nonce is None else confirmed.nonce) or None,
        "proof": planned.proof,
        "file": file_json(report),
    }


def receipt_path(chosen: str | None, state_directory: Path, upload: str, key: str, *, several: bool) -> Path:
    """Where a receipt goes: the path given, below the directory given, or in the state directory.

    Args:
        chosen: `--receipt`: a directory if it is one or ends in a slash.
        state_directory: Of the tool.
        upload: The upload's name: no two keys share one, so no two receipts do.
        key: Its last part names the receipt for people.
        several: More than one file is delivered, so one path will not do.

    Raises:
        UsageError: One path was given for several files.
    """
    if chosen is None:
        return state_directory / "receipts" / f"{upload}.json"
    target = Path(chosen)
    if chosen.endswith(("/", "\\")) or target.is_dir():
        return target / f"{_readable(key)}.{upload}.receipt.json"
    if several:
        raise UsageError(
            f"--receipt {escape(chosen)} is one file, but there are several to deliver",
            hint="end it with / for a directory",
        )
    return target


def _readable(key: str) -> str:
    """The end of a key, of characters that every file system takes, and short enough for its limits."""
    return re.sub(r"[^A-Za-z0-9._=-]", "_", key.rpartition("/")[2])[-_MOST_READABLE:]


def write_receipt(path: Path, content: dict[str, Any]) -> None:
    """Write it in one step, mode 0600.

    Raises:
        JournalError: The disk refused.
    """
    try:
        portable.make_private_directory(path.parent)
        portable.write_private(path, (json.dumps(content, indent=2, ensure_ascii=True) + "\n").encode())
    except OSError as exc:
        raise JournalError(
            f"the receipt {escape(path.name)} could not be written: {exc.strerror or 'the disk refused'}",
            kept="the object is delivered and verified",
            hint="run the same command again: it finds the object and writes the receipt",
            code="receipt",
        ) from exc


def read_receipt(path: Path) -> Receipt:
    """Read one.

    Raises:
        UsageError: It is no receipt, or there is none.
    """
    try:
        with portable.open_for_reading(path) as file:
            data = json.loads(file.read(_MOST_BYTES))
        return _receipt(data)
    except OSError as exc:
        raise UsageError(
            f"the receipt {escape(str(path))} cannot be read: {exc.strerror}", hint="check the path"
        ) from exc
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as exc:
        raise UsageError(
            f"{escape(str(path))} is no receipt of tiktok-upload", hint="give the file that --receipt wrote"
        ) from exc


def _receipt(data: dict[str, Any]) -> Receipt:
    if data["receipt"] != "tiktok-upload" or data["schema"] != SCHEMA:
        raise ValueError("something else, or of another version")
    file = data["file"]
    os.fsencode(file["path"])  # a lone surrogate that stands for no byte is no path
    if not isinstance(file["rows"], int | None) or not isinstance(file["version_id"], str | None):
        raise TypeError("of another type")
    return Receipt(
        path=str(file["path"]),
        bucket=str(data["bucket"]),
        key=str(data["key"]),
        endpoint=str(data["endpoint"]),
        size_bytes=int(data["source"]["size_bytes"]),
        etag=str(data["head_etag"]),
        version_id=file["version_id"],
        checksum=(str(file["checksum"]["algorithm"]), str(file["checksum"]["value"])),
        confirmed=bool(file["checksum"]["confirmed_by_store"]),
        rows=file["rows"],
    )
