"""Files that people write or carry: contracts, configurations, receipts, lists of files."""

import contextlib
import functools
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import typer.main
from tests.fuzz.target import Target, demand, demand_safe, demand_speech, scratch
from tests.support.uploads import planned

from tiktok_upload import config as c
from tiktok_upload.cli.app import app
from tiktok_upload.cli.config_options import known_settings
from tiktok_upload.contract import Contract
from tiktok_upload.contract_file import lint, packaged, packaged_text, parse, patterns
from tiktok_upload.errors import UsageError
from tiktok_upload.events import ChecksumReport, FileReport
from tiktok_upload.inputs import read_list
from tiktok_upload.machine import file_json
from tiktok_upload.receipt import Receipt, read_receipt, receipt_json
from tiktok_upload.records import Confirmed

_CONFIG = b"""default-target = "lab"
part-size = "64MiB"
overwrite = true
metadata = ["a=b"]
retry-for = 600

[targets.lab]
to = "s3://bucket/in/"
region = "eu-central-1"
state-dir = "/var/lib/state"

[targets.other]
to = "s3://other/"
max-bandwidth = "50MB/s"
"""
_CONTRACT = b"""apiVersion: v3.2.0
kind: DataContract
id: urn:contract:events
version: 1.0.0
status: active
schema:
  - name: events
    properties:
      - name: email
        logicalType: string
        required: true
        logicalTypeOptions: {pattern: '^[0-9a-f]{64}$', minLength: 64}
        quality:
          - {type: library, metric: nullValues, mustBeLessThan: 5, unit: percent}
      - name: price
        logicalType: number
        logicalTypeOptions: {minimum: 0, maximum: 1e6}
      - name: contents
        logicalType: array
        items: {logicalType: object, properties: [{name: id, logicalType: integer}]}
    quality:
      - {type: library, metric: duplicateValues, mustBe: 0, arguments: {properties: [email]}}
"""
_LINE_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # YAML's


# ---------------------------------------------------------------------------------------------------------- contracts
def check_contract(data: bytes) -> None:
    """A contract without problems, or problems with lines that there are and a UsageError; it survives its own JSON."""
    problems = lint(data, "fuzzed.yaml")
    lines = len(_LINE_BREAKS.findall(data.decode("utf-8", "replace"))) + 1
    for problem in problems:
        demand(1 <= problem.line <= lines + 1, f"line {problem.line} of {lines}")
        demand_safe(f"{problem} {problem.hint}")
        demand("\n" not in str(problem), "a problem of more than one line")
    try:
        contract = parse(data, "fuzzed.yaml")
    except UsageError as exc:
        demand(bool(problems), "lint finds nothing, parse refuses")
        demand_speech(exc)
        return
    demand(not problems, "lint finds something, parse nothing")
    demand(Contract.from_json(json.loads(json.dumps(contract.to_json()))) == contract, "its JSON is another contract")


def check_pattern(data: bytes) -> None:
    """A pattern that is let through is one that the engine, RE2, runs."""
    import pyarrow as pa  # noqa: PLC0415 - only here
    import pyarrow.compute as pc  # noqa: PLC0415

    text = data.decode("utf-8", "replace")
    fault = patterns.fault(text)
    if fault is not None:
        demand_safe(fault[1])
        return
    pc.match_substring_regex(pa.array(["a text"]), text)


# ------------------------------------------------------------------------------------------------------ configuration
@functools.cache
def _known() -> Mapping[str, c.Setting]:
    return known_settings(typer.Context(typer.main.get_command(app)))


def check_config(data: bytes) -> None:
    """A configuration whose values have the kinds of its settings, or a UsageError."""
    try:
        config = c.parse(data, Path("/fuzzed.toml"), _known())
        values = [*config.settings.items(), *(item for target in config.targets.values() for item in target.items())]
    except UsageError as exc:
        demand_speech(exc)
        return
    for key, value in values:
        wanted = {"flag": bool, "list": tuple}.get(_known()[key].kind, str)
        demand(isinstance(value, wanted), f"{key} is a {type(value).__name__}")
    for target in (None, *config.targets):
        c.resolve(config, target)


# ----------------------------------------------------------------------------------------------------------- receipts
def _receipt(version: str | None) -> bytes:
    checksum = ChecksumReport("CRC64NVME", "rosUhgp5mIg=", confirmed_by_store=True)
    report = FileReport(
        "data/a.parquet", "s3://b/a.parquet", "uploaded", size_bytes=65, rows=3, version_id=version, checksum=checksum
    )
    made = receipt_json(
        report,
        planned(),
        confirmed=Confirmed('"e"', confirmed=True, version_id=version),
        delivered_at="2026-11-23T10:00:00Z",
        raw_personal_data=False,
    )
    return json.dumps(made).encode()


def check_receipt(data: bytes) -> None:
    """A receipt that can be told of, or a UsageError."""
    path = scratch() / "receipt.json"
    path.write_bytes(data)
    try:
        found = read_receipt(path)
    except UsageError as exc:
        demand_speech(exc)
        return
    for text in (found.path, found.bucket, found.key, found.endpoint, found.etag, *found.checksum):
        demand(isinstance(text, str), "a field that is no text")
    with contextlib.suppress(UnicodeEncodeError):
        os.fsencode(found.path)  # what no file can be called is not asked to be told of
        json.loads(json.dumps(file_json(_told(found))))


def _told(found: Receipt) -> FileReport:
    checksum = ChecksumReport(*found.checksum, confirmed_by_store=found.confirmed)
    uri = f"s3://{found.bucket}/{found.key}"
    return FileReport(found.path, uri, "verified", size_bytes=found.size_bytes, etag=found.etag, checksum=checksum)


# ---------------------------------------------------------------------------------------------------------- file lists
def check_list(data: bytes) -> None:
    """Paths that stand in the list, in their order, or a UsageError."""
    try:
        paths = read_list(data)
    except UsageError as exc:
        demand_speech(exc)
        return
    demand(bool(paths), "no path")
    at = 0
    for path in paths:
        name = os.fsencode(path)
        demand(bool(name) and b"\0" not in name, "a path that no file can have")
        found = data.find(name, at)
        demand(found >= 0, "a path that is not in the list, or not in its order")
        at = found + len(name)


def targets() -> tuple[Target, ...]:
    """Those of this module."""
    contracts = (_CONTRACT, *(packaged_text(name).encode() for name in packaged()))
    keys = (
        b"required: true",
        b"- name: ",
        b"logicalType: ",
        b"quality:",
        b"&a ",
        b"*a",
        b"!!binary ",
        b"<<: ",
        b"--- ",
        b"? ",
        b"|\n",
    )
    toml = (
        b"[targets.x]\n",
        b"[[targets]]\n",
        b' = """',
        b"2026-01-01",
        b"0x7f",
        b"inf",
        b"{a=1}",
        *(f"{key} = ".encode() for key in _known()),
    )
    json_words = (
        b'"version_id":',
        b'"rows":',
        b'"checksum":',
        b'"receipt": "tiktok-upload"',
        b'"path": "\\ud800"',
        b"NaN",
        b'"\\udcff"',
    )
    regex = (
        b"(?:",
        b"{1,1000}",
        b"{2}",
        b"[^a]",
        b"\\d",
        b"\\p{L}",
        b"(?i)",
        b"|",
        b"$",
        b"\\Z",
        b"(?P<a>",
        b"*?",
        b"[[:alpha:]]",
        b"\\x{41}",
        b"\\Q",
        b"[\\]]",
    )
    lists = (
        b"a.parquet\nb/c.parquet\n",
        b"a\0b c\0\xff\0",
        "\ufeffa\r\nb\r\n".encode(),
        "a\nb\n".encode("utf-16"),
        b"PAR1",
    )
    return (
        Target("contract", check_contract, contracts, keys, limit_s=10.0),
        Target("pattern", check_pattern, (b"^[0-9a-f]{64}$", b"(a|b)*c+?", b"\\w+@\\w+[.]\\w{2,}",
            b"(?i:x)[^\\s-]{0,5}"), regex),
        Target("config", check_config, (_CONFIG,), toml),
        Target("receipt", check_receipt, (_receipt(None), _receipt("v1")), json_words),
        Target("files-from", check_list, lists, (b"\n", b"\0", b"\r\n", b"PAR1", b"/", b"..")),
    )  # fmt: skip
