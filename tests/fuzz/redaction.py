"""Logs on their way into a bundle for support: whatever stands around a secret or a name, it does not come through."""

import json

from tests.fuzz.target import Target, demand, demand_safe

from tiktok_upload.diagnosing import Redactor, _log_line

_PLANTED = (
    b"AKIAIOSFODNN7EXAMPLE",
    b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    b"acme-advertiser-prod",
    b"customers_q3.parquet",
    b"bob@example.org",
    b"/home/alice/export",
    "größe".encode(),
)


def check_log_line(data: bytes) -> None:
    """One of them put anywhere into any line is not in what is told, and nothing unseen is."""
    planted = _PLANTED[sum(data) % len(_PLANTED)]
    at = (len(data) * 7 + sum(data[:4])) % (len(data) + 1)
    line = (data[:at] + planted + data[at:]).replace(b"\n", b" ")
    told = _log_line(line, Redactor())
    demand_safe(told)
    demand(planted.decode() not in told, "a name or a secret comes through")
    demand(json.dumps(planted.decode())[1:-1] not in told, "a name or a secret comes through, escaped")


def targets() -> tuple[Target, ...]:
    """Those of this module."""
    event = {
        "schema": 1, "event": "file_failed", "at": "2026-11-23T10:00:00.000Z", "path": "data/a.parquet", "uri": "s3://b/a.parquet",
        "error": {"code": "transfer", "message": "part 37 was not stored after 8 attempts (503 SlowDown)"},
        "findings": [
            {"rule": "raw-email", "severity": "error", "message": "raw e-mail, 15 characters", "column": "email"},
        ],
    }  # fmt: skip
    text = (
        b"2026-11-23 10:00:00,123 DEBUG GET https://b.s3.amazonaws.com/k?X-Amz-Signature=0f1e HTTP/1.1 ReadTimeoutError"
    )
    words = (
        b'"message": "',
        b'"path": "',
        b'"column": "',
        b'{"event": "',
        b"Error",
        b"#0011aabb",
        b" = ",
        b": ",
        b'", "',
        b"part ",
        b"'",
    )
    return (Target("log-line", check_log_line, (json.dumps(event).encode(), text), words),)
