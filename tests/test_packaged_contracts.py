"""The contracts that come along: sound by the standard itself, and what they ask for."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import open_data_contract_standard
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from tiktok_upload import contract_file as cf
from tiktok_upload.contract import Contract, Field, Rule, walk

NAMES = ("catalog", "custom-audience", "offline-events", "web-events")
EVENTS = ("offline-events", "web-events")


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = Path(open_data_contract_standard.__file__).with_name("schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft201909Validator(json.loads(schema))


def column(contract: Contract, name: str) -> Field:
    return next(field for field in contract.fields if field.name == name)


def test_these_come_along() -> None:
    assert cf.packaged() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_is_sound_by_the_standards_own_schema(name: str, validator: Any) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(cf.packaged_text(name)))] == []


@pytest.mark.parametrize("name", NAMES)
def test_each_is_read_by_the_standards_own_package(name: str) -> None:
    model = OpenDataContractStandard.from_string(cf.packaged_text(name))
    assert model.schema_ is not None
    assert {one.name for one in model.schema_[0].properties or []} == {field.name for field in cf.load(name).fields}


@pytest.mark.parametrize("name", NAMES)
def test_each_is_read_without_a_problem_under_its_own_name(name: str) -> None:
    assert cf.lint(cf.packaged_text(name).encode(), name) == []
    assert cf.load(name).label == f"{name}@1.0.0"
    assert cf.load(name).closed


@pytest.mark.parametrize("name", NAMES)
def test_each_goes_to_another_process_and_back(name: str) -> None:
    contract = cf.load(name)
    assert Contract.from_json(json.loads(json.dumps(contract.to_json()))) == contract


@pytest.mark.parametrize("name", NAMES)
def test_each_is_explained_by_comments_of_readable_width(name: str) -> None:
    lines = cf.packaged_text(name).splitlines()
    assert lines[0].startswith("# ")
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_recent_and_bears_a_time_zone(name: str) -> None:
    assert column(cf.load(name), "event_time") == Field(
        "event_time",
        "timestamp",
        required=True,
        zone=True,
        rules=(Rule("required"), Rule("max-age", 28 * 86_400.0), Rule("max-future", 3_600.0)),
    )


@pytest.mark.parametrize("name", EVENTS)
def test_an_unknown_event_is_a_warning_and_older_names_are_known(name: str) -> None:
    (rule,) = (rule for rule in column(cf.load(name), "event").rules if rule.kind == "enum")
    assert rule.severity == "warning"
    assert isinstance(rule.argument, tuple)
    assert {"Purchase", "ViewContent", "CompletePayment", "ClickButton"} < set(rule.argument)
    assert len(rule.argument) == 22


@pytest.mark.parametrize("name", EVENTS)
def test_a_value_needs_a_currency_that_tiktok_takes(name: str) -> None:
    contract = cf.load(name)
    (rule,) = column(contract, "currency").rules
    assert (rule.kind, len(rule.argument)) == ("enum", 62)  # type: ignore[arg-type]
    assert ("value", "currency") in [rule.columns for rule in contract.rules if rule.kind == "requires"]


@pytest.mark.parametrize("name", NAMES)
def test_personal_data_are_hashed_and_only_an_address_is_raw(name: str) -> None:
    found = {path: field for path, field in walk(cf.load(name).fields) if field.hashed or field.raw}
    assert {path for path, field in found.items() if field.raw} == ({"ip"} if name == "web-events" else set())
    assert {path for path, field in found.items() if field.hashed} == {
        "catalog": set(),
        "custom-audience": {
            "email_sha256", "phone_sha256", "idfa_sha256", "gaid_sha256", "idfa_md5", "gaid_md5",
        },
    }.get(name, {"email", "phone", "external_id"})  # fmt: skip


def test_an_identifier_hashed_by_md5_is_known_as_such() -> None:
    contract = cf.load("custom-audience")
    assert {field.hashed for field in contract.fields if field.name.endswith("_md5")} == {"md5"}


@pytest.mark.parametrize("name", [*EVENTS, "custom-audience"])
def test_every_row_has_somebody_to_match(name: str) -> None:
    (rule,) = (rule for rule in cf.load(name).rules if rule.kind == "any-of")
    assert rule.severity == "error"
    assert rule.columns[0].startswith("email")
