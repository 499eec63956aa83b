"""Contracts on real files, by the installed command: what passes, what does not, and what is said of it."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.command import CREDENTIALS, Command, Outcome, run_here
from tests.support.hostile_s3 import Fault, HostileS3
from tests.support.sample import MIB
from tests.support.servers import as_server, share_models, use

from tiktok_upload import Connection, PushOptions, api, check, push
from tiktok_upload.contract_file import packaged

EMAIL = "bob@example.com"
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
DAY = dt.timedelta(days=1)
DIGEST = hashlib.sha256(b"person").hexdigest()
STAMP = pa.timestamp("us", "UTC")
Checked = dict[str, dict[str, Any]]
"""The entries of files by their names without the suffix."""
FINDING_FIELDS = {
    "rule", "severity", "message", "column", "row_group", "row", "count", "length", "expected", "found", "advice",
}  # fmt: skip


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        server.make_bucket("bkt")
        yield server


def write(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)
    return path


def by_name(ended: Outcome) -> Checked:
    return {Path(file["path"]).stem: file for file in ended.files}


def rules_of(file: dict[str, Any]) -> set[tuple[str, str | None]]:
    return {(finding["rule"], finding["column"]) for finding in file["findings"]}


# ------------------------------------------------------------------------------------------------ every kind of rule
@dataclass(frozen=True)
class Case:
    """A column of the contract with values of five rows that keep its rule, and some that break it."""

    yaml: str
    kind: Any
    good: list[Any]
    bad: list[Any]
    rule: str
    where: str = ""


A, B, C, D, E = "abcde"
COLUMNS: dict[str, Case] = {
    "present": Case("required: true", None, [1, 2, 3, 4, 5], [1, None, 3, 4, 5], "required"),
    "once": Case("logicalType: string, unique: true", None, [A, B, C, None, None], [A, B, A, C, D], "unique"),
    "shape": Case("logicalType: string, logicalTypeOptions: {pattern: '^[a-e]$'}", None, [A, B, C, D, E],
                  [A, B, "ee", D, E], "pattern"),
    "form": Case("logicalType: string, logicalTypeOptions: {format: uri}", None,
                 ["https://a.example/b", "x:y", None, None, None], ["nothing"] * 5, "format"),
    "few": Case("logicalType: string, enum: [{value: a}, {value: b}]", pa.dictionary(pa.int8(), pa.string()),
                [A, B, A, None, B], [A, B, C, None, B], "enum"),
    "whole": Case("logicalType: integer, enum: [{value: 1}, {value: 1000}]", pa.int8(), [1] * 5, [2] * 5, "enum"),
    "yes": Case("logicalType: boolean, enum: [{value: true}]", None, [True] * 5, [True, False] * 2 + [True], "enum"),
    "long": Case("logicalType: string, logicalTypeOptions: {minLength: 2}", None, ["aé"] * 5, ["é"] * 5, "min-length"),
    "short": Case("logicalType: string, logicalTypeOptions: {maxLength: 2}", pa.binary(), [b"ab"] * 5, [b"abc"] * 5,
                  "max-length"),
    "low": Case("logicalType: integer, logicalTypeOptions: {minimum: 0}", pa.uint64(), [0, 1, 2, 3, 2**64 - 1], [], ""),
    "least": Case("logicalType: number, logicalTypeOptions: {minimum: 0.5}", pa.float32(), [0.5, 1, 2, 3, None],
                  [0.25, 1, 2, 3, 4], "minimum"),
    "most": Case("logicalType: number, logicalTypeOptions: {maximum: 9.99}", pa.decimal128(10, 2), [9, 1, 2, 3, 4],
                 [10, 1, 2, 3, 4], "maximum"),
    "above": Case("logicalType: integer, logicalTypeOptions: {exclusiveMinimum: 0}", None, [1] * 5, [1, 0, 1, 1, 1],
                  "exclusive-minimum"),
    "below": Case("logicalType: date, logicalTypeOptions: {exclusiveMaximum: '2030-01-01'}", None,
                  [dt.date(2029, 12, 31)] * 5, [dt.date(2030, 1, 1)] * 5, "exclusive-maximum"),
    "clock": Case("logicalType: time, logicalTypeOptions: {minimum: '09:00:00'}", None, [dt.time(9)] * 5,
                  [dt.time(8, 59)] * 5, "minimum"),
    "cents": Case("logicalType: number, logicalTypeOptions: {multipleOf: 0.01}", None, [0.01, 0.07, 1234567.89, 1, 2],
                  [0.015, 1, 2, 3, 4], "multiple-of"),
    "ids": Case("logicalType: integer, logicalTypeOptions: {multipleOf: 2}", None, [2**60] * 5, [2**60 + 1] * 5,
                "multiple-of"),
    "since": Case("logicalType: timestamp, customProperties: [{property: maxAge, value: 28d}]", STAMP,
                  [NOW - 27 * DAY] * 5, [NOW - 29 * DAY] + [NOW] * 4, "max-age"),
    "until": Case("logicalType: timestamp, customProperties: [{property: maxFuture, value: 1h}]", STAMP, [NOW] * 5,
                  [NOW + DAY] * 5, "max-future"),
    "some": Case("logicalType: array, logicalTypeOptions: {minItems: 1}, items: {logicalType: string}", None,
                 [[A], [B, C], None, [D], [E]], [[A], [], [B], [C], [D]], "min-items"),
    "two": Case("logicalType: array, logicalTypeOptions: {maxItems: 2}, items: {logicalType: string}",
                pa.large_list(pa.string()), [[A, B], [], None, [C], [D]], [[A, B, C]] * 5, "max-items"),
    "inner": Case("logicalType: array, items: {logicalType: object, properties: [{name: id, logicalType: string, "
                  "required: true}]}", pa.list_(pa.struct([("id", pa.string())])),
                  [[{"id": A}], None, [], [{"id": B}], [{"id": C}]], [[{"id": A}, {"id": None}]] * 5, "required",
                  "[].id"),
    "pairs": Case("logicalType: map, map: {key: {logicalType: string, logicalTypeOptions: {pattern: '^[a-e]$'}}, "
                  "value: {logicalType: integer}}", pa.map_(pa.string(), pa.int64()),
                  [[(A, 1)], None, [], [(B, 2)], [(C, 3)]], [[(A, 1), ("zz", 2)]] * 5, "pattern", "[].key"),
    "half": Case("logicalType: string, quality: [{metric: nullValues, mustBeLessOrEqualTo: 40, unit: percent}]", None,
                 [A, None, None, B, C], [A, None, None, None, B], "required"),
    "left": Case("logicalType: string", pa.string(), [A, None, C, None, None], [None] * 5, "any-of"),
    "right": Case("logicalType: string", None, [None, B, None, D, E], [], ""),
    "worth": Case("logicalType: number", pa.float64(), [1, None, 2, None, None], [1, 2, None, None, None], "requires"),
    "money": Case("logicalType: string", None, [A, None, C, D, None], [], ""),
    "first": Case("logicalType: string", None, [A, A, B, None, B], [A, A, A, B, C], "duplicates"),
    "second": Case("logicalType: integer", None, [1, 2, 1, None, 3], [], ""),
}  # fmt: skip
OF_ROWS = {"any-of", "requires", "duplicates"}
QUALITY = """\
    quality:
      - {type: custom, engine: tiktok-upload, implementation: {anyOf: [left, right, gone]}}
      - {type: custom, engine: tiktok-upload, implementation: {requires: {worth: money}}}
      - {metric: duplicateValues, arguments: {properties: [first, second]}, mustBe: 0}
      - {metric: rowCount, mustBeBetween: [1, 5]}
"""
CHANGES: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], tuple[str, str | None]]] = {
    "more-rows": (lambda table: {name: pa.concat_arrays([one, one.slice(3, 1)]) for name, one in table.items()},
                  ("row-count", None)),
    "more-columns": (lambda table: {**table, "extra": [1] * 5}, ("unlisted-column", "extra")),
    "fewer-columns": (lambda table: {name: one for name, one in table.items() if name != "present"},
                      ("missing-column", "present")),
    "other-type": (lambda table: {**table, "low": ["1"] * 5}, ("column-type", "low")),
    "no-zone": (lambda table: {**table, "until": pa.array([NOW.replace(tzinfo=None)] * 5)}, ("column-type", "until")),
}  # fmt: skip
BAD = [name for name, case in COLUMNS.items() if case.bad]
HEAD = "apiVersion: v3.2.0\nkind: DataContract\nid: tests/every\nversion: 2.0.0\nschema:\n  - name: rows\n"


def contract_file(path: Path, columns: dict[str, str], quality: str = "") -> Path:
    lines = [f"      - {{name: {name}, {yaml}}}\n" for name, yaml in columns.items()]
    path.write_text(f"{HEAD}    properties:\n{''.join(lines)}{quality}")
    return path


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    """Full checks of a file that keeps all rules, and of one for each rule that breaks only that one."""
    root = tmp_path_factory.mktemp("everything")
    good = {name: pa.array(case.good, case.kind) for name, case in COLUMNS.items()}
    tables = {"good": good}
    tables |= {name: {**good, name: pa.array(COLUMNS[name].bad, COLUMNS[name].kind)} for name in BAD}
    tables |= {name: change(good) for name, (change, _) in CHANGES.items()}
    files = [write(root / f"{name}.parquet", table, row_group_size=2) for name, table in tables.items()]
    columns = {name: case.yaml for name, case in COLUMNS.items()} | {"gone": "logicalType: string"}
    rules = contract_file(root / "every.yaml", columns, QUALITY)
    found: Checked = {}
    for few in (files[:18], files[18:]):  # of more, not every error is told on stderr
        found |= by_name(Command(root).run("check", *few, "--check", "full", "--contract", rules, "--json"))
    return found


def test_a_file_that_keeps_every_rule_passes(everything: Checked) -> None:
    good = everything["good"]
    assert (good["status"], good["findings"], good["error"]) == ("checked", [], None)
    assert (good["contract"], good["unproved"]) == ("every@2.0.0", [])


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_breaks_one_rule_is_refused_for_that_one(everything: Checked, name: str) -> None:
    file, case = everything[name], COLUMNS[name]
    assert (file["status"], file["error"]["code"]) == ("failed", case.rule)
    assert rules_of(file) == {(case.rule, None if case.rule in OF_ROWS else name + case.where)}
    assert all(finding["severity"] == "error" for finding in file["findings"])


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_of_other_columns_or_rows_is_refused(everything: Checked, name: str) -> None:
    assert CHANGES[name][1] in rules_of(everything[name])


def test_a_finding_has_the_same_fields_whatever_it_is_about(everything: Checked) -> None:
    findings = [finding for file in everything.values() for finding in file["findings"]]
    assert {frozenset(finding) for finding in findings} == {frozenset(FINDING_FIELDS)}
    (shape,) = everything["shape"]["findings"]
    assert (shape["row_group"], shape["row"], shape["count"], shape["length"]) == (1, 2, 1, 2)
    (kind,) = everything["other-type"]["findings"]
    assert (kind["expected"], kind["found"], kind["advice"]) == (
        "integer",
        "string",
        "parse the text and write integers",
    )


# -------------------------------------------------------------------------------------------------- packaged contracts
EVENT = {
    "event": ["Purchase"],
    "event_time": pa.array([NOW - DAY], STAMP),
    "event_id": ["e1"],
    "event_source_id": ["s1"],
}
ITEM = {
    "sku_id": ["s1"], "title": ["Shoe"], "description": ["A shoe"], "availability": ["in stock"], "condition": ["new"],
    "price": ["19.99 EUR"], "link": ["https://shop.example/s1"], "image_link": ["https://shop.example/s1.png"],
    "brand": ["Shop"],
}  # fmt: skip
SAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, str | None]]] = {
    "catalog": (ITEM, {"price": ["19,99 EUR"]}, ("pattern", "price")),
    "custom-audience": (
        {
            "email_sha256": [hashlib.sha256(b"person %d" % row).hexdigest() for row in range(1_000)],
            "action": ["add"] * 1_000,
        },
        {"action": ["remove"] * 1_000},
        ("enum", "action"),
    ),
    "offline-events": (
        {**EVENT, "event_source": ["crm"], "email": [DIGEST], "value": [1.5], "currency": ["EUR"]},
        {"event_time": pa.array([NOW - 29 * DAY], STAMP)},
        ("max-age", "event_time"),
    ),
    "web-events": (
        {**EVENT, "page_url": ["https://shop.example/"], "ip": ["203.0.113.9"], "user_agent": ["Mozilla/5.0"]},
        {"email": [EMAIL]},
        ("raw-email", "email"),
    ),
}


@pytest.mark.parametrize("name", packaged())
def test_each_packaged_contract_lets_a_sound_file_pass_and_refuses_a_broken_one(
    command: Command, tmp_path: Path, name: str
) -> None:
    good, change, expected = SAMPLES[name]
    files = [write(tmp_path / "good.parquet", good), write(tmp_path / "bad.parquet", {**good, **change})]
    ended = command.run("check", *files, "--contract", name, "--check", "full", "--json")
    found = by_name(ended)
    assert (found["good"]["status"], found["good"]["findings"]) == ("checked", [])
    assert rules_of(found["bad"]) == {expected}
    assert EMAIL not in ended.stdout + ended.stderr


# ------------------------------------------------------------------------------------------------- without a contract
def test_like_takes_a_twin_and_refuses_another(command: Command, tmp_path: Path) -> None:
    must = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("email", pa.string())])
    accepted = tmp_path / "accepted.parquet"
    pq.write_table(pa.table({"id": [1], "email": [DIGEST]}, schema=must), accepted)
    twin = write(tmp_path / "twin.parquet", {"email": pa.array([DIGEST], pa.large_string()), "id": [2]})
    null = write(tmp_path / "null.parquet", {"id": pa.array([None], pa.int64()), "email": [DIGEST]})
    short = write(tmp_path / "short.parquet", {"id": pa.array([1], pa.int32()), "email": [DIGEST]})
    raw = write(tmp_path / "raw.parquet", {"id": [1], "email": [EMAIL]})
    ended = command.run("check", twin, null, short, raw, "--like", accepted, "--json")
    found = by_name(ended)
    assert (found["twin"]["status"], found["twin"]["findings"]) == ("checked", [])
    assert found["twin"]["contract"] == "accepted.parquet@1.0.0"
    assert rules_of(found["null"]) == {("required", "id")}
    assert rules_of(found["short"]) == {("column-type", "id")}
    assert rules_of(found["raw"]) == {("raw-email", "email")}


def test_files_of_one_run_must_agree_unless_that_is_not_wanted(command: Command, tmp_path: Path) -> None:
    files = [write(tmp_path / "a.parquet", {"n": [1]}), write(tmp_path / "b.parquet", {"n": ["1"]})]
    ended = command.run("check", *files, "--json")
    assert (ended.code, ended.statuses) == (3, ["checked", "failed"])
    assert rules_of(ended.files[1]) == {("files-disagree", "n")}
    assert command.run("check", *files, "--contract", "none").code == 0
    assert command.run("check", *files, "--check", "none").code == 0


def test_a_contract_and_an_accepted_file_are_one_too_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "a.parquet", {"n": [1]})
    ended = run_here(capsys, "check", file, "--contract", "catalog", "--like", file)
    assert (ended.code, len(ended.errors)) == (2, 1)


# ------------------------------------------------------------------------------------------------------ personal data
def people(path: Path) -> Path:
    return write(
        path, {"n": list(range(4)), "note": ["a", "b", f"write to {EMAIL}", "d"], "phone": ["+14155551234"] * 4}
    )


def everything_written(command: Command, ended: Outcome, *more: Path) -> str:
    """All that a run said and left behind but the file itself."""
    files = [path for root in (command.home, *more) for path in ([root] if root.is_file() else root.rglob("*"))]
    return ended.stdout + ended.stderr + "".join(path.read_text() for path in files if path.is_file())


@pytest.mark.parametrize("depth", ["none", "quick", "full"])
def test_raw_personal_data_is_refused_at_every_depth_and_never_repeated(
    command: Command, tmp_path: Path, depth: str
) -> None:
    log = tmp_path / "log.jsonl"
    file = people(tmp_path / "people.parquet")
    for form in (["--json"], ["--verbose"]):
        ended = command.run("check", file, "--check", depth, "--log-file", log, *form)
        assert ended.code == 3
        left = everything_written(command, ended, log)
        assert ("raw-email" in left, EMAIL in left, "4155551234" in left) == (True, False, False)


def test_what_is_allowed_in_is_recorded_in_the_receipt_without_a_value(tmp_path: Path, s3: HostileS3) -> None:
    command = Command(tmp_path, s3.endpoint)
    file, receipt, log = people(tmp_path / "people.parquet"), tmp_path / "receipt.json", tmp_path / "log.jsonl"
    refused = command.push(file, "--receipt", receipt)
    assert (refused.code, receipt.exists(), s3.objects("bkt")) == (3, False, {})
    ended = command.push(file, "--receipt", receipt, "--allow-raw-personal-data", "--log-file", log)
    assert (ended.code, list(s3.objects("bkt"))) == (0, ["in/people.parquet"])
    assert json.loads(receipt.read_text())["raw_personal_data_allowed"] is True
    left = everything_written(command, ended, receipt, log)
    assert (EMAIL in left, "4155551234" in left) == (False, False)
    sound = write(tmp_path / "sound.parquet", {"n": [1]})
    assert command.push(sound, "--receipt", tmp_path / "other.json", "--contract", "none").code == 0
    assert json.loads((tmp_path / "other.json").read_text())["raw_personal_data_allowed"] is False


def test_a_contract_stands_in_the_receipt_by_its_label_and_digest(tmp_path: Path, s3: HostileS3) -> None:
    command, receipt = Command(tmp_path, s3.endpoint), tmp_path / "receipt.json"
    rules = contract_file(tmp_path / "mine.yaml", {"n": "logicalType: integer"})
    ended = command.push(write(tmp_path / "a.parquet", {"n": [1]}), "--contract", rules, "--receipt", receipt)
    told = json.loads(receipt.read_text())
    assert (ended.code, ended.file["contract"], told["file"]["contract"]) == (0, "every@2.0.0", "every@2.0.0")
    assert told["contract_digest"] == hashlib.sha256(rules.read_bytes()).hexdigest()


# ---------------------------------------------------------------------------------------------------------- the clock
def test_an_upload_that_was_begun_in_time_may_end_later(
    tmp_path: Path, s3: HostileS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, as_server(s3))
    share_models(monkeypatch)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    noise = pa.array([hashlib.shake_128(b"%d" % row).digest(MIB) for row in range(6)])
    file = write(
        tmp_path / "a.parquet", {"at": pa.array([NOW - 27 * DAY] * 6, STAMP), "noise": noise}, compression="none"
    )
    rules = contract_file(
        tmp_path / "mine.yaml",
        {"at": COLUMNS["since"].yaml, "noise": "physicalType: binary"},
    )
    options = PushOptions(contract=str(rules), part_size=5 * MIB, concurrency=1, allow_raw_personal_data=True,
                          connection=Connection(endpoint_url=s3.endpoint))  # fmt: skip
    s3.script(Fault.error("UploadPart", "AccessDenied", part=2))
    assert push([str(file)], to="s3://bkt/in/", options=options).exit_code == 6
    later = (NOW + 10 * DAY).isoformat().replace("+00:00", "Z")
    monkeypatch.setattr(api, "_now", lambda: later)
    (refused,) = check([str(file)], options=options).files
    assert {finding.rule for finding in refused.findings} == {"max-age"}
    other = push([str(file)], to="s3://bkt/other/", options=options)
    assert (other.exit_code, len(s3.objects("bkt"))) == (3, 0)
    report = push([str(file)], to="s3://bkt/in/", options=options)
    assert (report.exit_code, report.files[0].parts_reused, len(s3.objects("bkt"))) == (0, 1, 1)


# ------------------------------------------------------------------------------------------------ the command contract
def test_the_contracts_that_come_along_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    listed = run_here(capsys, "contract", "list")
    assert [line.split("@")[0] for line in listed.stdout.splitlines()] == list(packaged())
    for name in packaged():
        assert run_here(capsys, "contract", "show", name).stdout.startswith("# ")
    ended = run_here(capsys, "contract", "show", "catalgo")
    assert (ended.code, ended.stdout) == (2, "")


def test_lint_tells_every_fault_by_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = contract_file(tmp_path / "sound.yaml", {"n": "logicalType: integer"})
    wrong = contract_file(
        tmp_path / "wrong.yaml", {"n": "logicalType: integer, requird: true", "m": "logicalType: text"}
    )
    ended = run_here(capsys, "contract", "lint", sound)
    assert (ended.code, ended.stdout) == (0, f"{sound}: every@2.0.0 is sound, 1 columns\n")
    ended = run_here(capsys, "contract", "lint", sound, wrong)
    assert ended.code == 2
    assert [line for line in (8, 9) if f"{wrong}:{line}: " in ended.stdout] == [8, 9]


def test_a_contract_made_of_a_file_lints_clean_and_takes_that_file_and_its_like(
    tmp_path: Path, command: Command
) -> None:
    columns = {name: pa.array(case.good, case.kind) for name, case in COLUMNS.items() if name != "form"}
    file = write(tmp_path / "mine.parquet", {**columns, "email": [DIGEST] * 5, 'note: "x"': ["secret-note"] * 5})
    rules = tmp_path / "mine.yaml"
    assert command.run("contract", "init", file, "--output", rules).code == 0
    assert command.run("contract", "init", file, "--output", rules).code == 2
    assert command.run("contract", "lint", rules).code == 0
    assert command.run("check", file, "--check", "full", "--contract", rules, "--json").file["findings"] == []
    text = rules.read_text()
    assert ("hashed-pii" in text, "secret-note" in text, DIGEST in text) == (True, False, False)
