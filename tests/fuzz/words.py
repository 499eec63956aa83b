"""Single texts: sizes, rates, durations, destinations, and what makes text safe to show."""

import json
import math
import os
import re
from typing import Any

from tests.fuzz.target import Target, demand, demand_safe, demand_speech

from tiktok_upload.destination import MAX_KEY_BYTES, parse_destination
from tiktok_upload.errors import UsageError
from tiktok_upload.events import FileFailed, FileReport, Notice
from tiktok_upload.facts import Finding
from tiktok_upload.machine import clean_json, event_json
from tiktok_upload.text import escape
from tiktok_upload.units import format_duration, format_rate, format_size, parse_duration, parse_rate, parse_size

_SIZE = re.compile(r"[0-9.e+]+ (B|KiB|MiB|GiB|TiB)(/s)?")


def check_units(data: bytes) -> None:
    """A positive finite number that can be shown, or a ValueError whose text is safe."""
    text = os.fsdecode(data)
    for parse, shown in ((parse_size, format_size), (parse_rate, format_rate), (parse_duration, format_duration)):
        try:
            amount = parse(text)
        except ValueError as exc:
            demand_safe(str(exc))
            continue
        demand(amount > 0 and math.isfinite(amount), f"{parse.__name__} gives {amount}")
        told = shown(amount)
        demand(shown is format_duration or _SIZE.fullmatch(told) is not None, f"{amount} is shown as {told}")


def check_destination(data: bytes) -> None:
    """A bucket and a key that are written in the same way again, or a UsageError."""
    text = os.fsdecode(data)
    try:
        found = parse_destination(text)
    except UsageError as exc:
        demand_speech(exc)
        return
    demand(bool(found.bucket) and not found.key.startswith("/"), "no bucket, or a key with a slash before it")
    demand(parse_destination(found.uri_of(found.key)) == found, "its own URI is another destination")
    for name in ("a.parquet", "dt=1/\udcff.parquet"):
        try:
            key = found.key_for(name)
        except UsageError as exc:
            demand_speech(exc)
            continue
        demand(0 < len(key.encode()) <= MAX_KEY_BYTES, "a key that S3 does not take")


def check_escape(data: bytes) -> None:
    """Nothing unseen is left, nothing that can be seen is changed, and twice is as good as once."""
    whole = data[: len(data) // 2 * 2]
    for text in (os.fsdecode(data), whole.decode("utf-16-le", "surrogatepass")):
        told = escape(text)
        demand_safe(told)
        demand("\n" not in told and escape(told) == told, "it changes again")
        told.encode()


def check_events(data: bytes) -> None:
    """Whatever text is in an event, its line is one of strict JSON in UTF-8, and gives the same values back."""
    text = os.fsdecode(data)
    pieces = [os.fsdecode(piece) for piece in data.split(b"\n")]
    value = clean_json(_nested(pieces))
    demand(json.loads(json.dumps(value, ensure_ascii=False).encode()) == value, "JSON that gives other values")
    finding = Finding("rule", "error", pieces[-1], column=text)
    report = FileReport(text, pieces[0], "failed", findings=(finding,), warnings=tuple(pieces))
    for event in (FileFailed(report), Notice(text, pieces[-1])):
        line = json.dumps(event_json(event, "at"), ensure_ascii=True)
        demand("\n" not in line and line.isascii(), "more than a line")
        json.dumps(json.loads(line), ensure_ascii=False).encode()


def _nested(pieces: list[str]) -> Any:
    value: Any = pieces
    for piece in pieces[:20]:
        value = {piece: value} if len(piece) % 2 else [value, piece]
    return value


def targets() -> tuple[Target, ...]:
    """Those of this module."""
    units = (
        b"MiB",
        b"MB/s",
        b"Mbit/s",
        b"bps",
        b"h",
        b"min",
        b"d",
        b".",
        b"1",
        b"0",
        b"999999999999999",
        b" ",
        b"k",
        b"b",
    )
    arn = b"s3://arn:aws:s3:eu-central-1:123456789012:accesspoint/mine/in/"
    words = (
        b"s3://",
        b"S3://",
        b"/",
        b"//",
        b"arn:aws:s3:",
        b":accesspoint/",
        b"..",
        b"?versionId=1",
        b"#",
        b"a" * 300,
        b"%2f",
    )
    odd = ("a\u202eb\u200b".encode(), b"\xff\xfe\x80", "größe\x1b[0m".encode(), b"plain", "\U000e0041".encode())
    return (
        Target("units", check_units, (b"64MiB", b"50MB/s", b"400Mbit/s", b"10m", b"1.5 GB", b"8", b"20mbps"), units),
        Target("destination", check_destination, (b"s3://bucket/in/", b"s3://b/k.parquet", b"s3://b", arn), words),
        Target("escape", check_escape, odd, odd),
        Target("events", check_events, odd, (b"\n", *odd)),
    )  # fmt: skip
