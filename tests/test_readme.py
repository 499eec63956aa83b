"""The README tells the truth: what can be made from the code is made from it, the rest is held against it.

UPDATE_README=1 writes the generated blocks anew.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main

from tiktok_upload import errors
from tiktok_upload.cli import app as cli
from tiktok_upload.events import Event

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")


def commands(group: Any = None, name: str = "tiktok-upload") -> dict[str, Any]:
    """Every command by the words that call it."""
    found: dict[str, Any] = {}
    group = group or typer.main.get_command(cli.app)
    for word, command in group.commands.items():
        full = f"{name} {word}"
        found.update(commands(command, full) if hasattr(command, "commands") else {full: command})
    return found


def options_table() -> str:
    """A row an option, with the commands that take it."""
    rows: dict[str, tuple[str, str, list[str]]] = {}
    for name, command in commands().items():
        for parameter in command.params:
            if (
                not parameter.name
                or not getattr(parameter, "opts", [""])[0].startswith("--")
                or parameter.name == "help"
            ):
                continue
            option = parameter.opts[0]
            value = "" if getattr(parameter, "is_flag", False) else f" {parameter.metavar or parameter.name.upper()}"
            row = rows.setdefault(option, (f"`{option}{value}`".replace("|", "\\|"), parameter.help or "", []))
            row[2].append(name.removeprefix("tiktok-upload "))
    everywhere = len(commands())
    lines = ["| option | does | of |", "| --- | --- | --- |"]
    for shown, text, users in rows.values():
        of = ", ".join(users) if len(users) < everywhere else "all"
        lines.append(f"| {shown} | {text.replace('|', '/')} | {of} |")
    return "\n".join(lines)


BLOCKS = {"options": options_table}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_generated_block_is_what_the_code_says(name: str) -> None:
    begin, end = f"<!-- {name}: made by tests/test_readme.py -->\n", f"\n<!-- end of {name} -->"
    start = TEXT.index(begin) + len(begin)
    stop = TEXT.index(end)
    made = BLOCKS[name]()
    if os.environ.get("UPDATE_README"):
        README.write_text(TEXT[:start] + made + TEXT[stop:], encoding="utf-8")
        return
    assert TEXT[start:stop] == made


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_readme_and_its_help_has_an_example(command: str) -> None:
    assert f"`{command}" in TEXT
    example = commands()[command].epilog or ""
    assert example.startswith("Example: ")
    assert command in example


def exit_codes() -> set[int]:
    classes = [errors.UploadToolError]
    for kind in classes:
        classes += kind.__subclasses__()
    return {kind.exit_code for kind in classes} | {0}


def test_every_exit_code_is_in_the_readme() -> None:
    told = {int(code) for row in re.findall(r"^\| ([0-9, ]+) \|", TEXT, re.MULTILINE) for code in row.split(",")}
    assert told == exit_codes() | {143}


@pytest.mark.parametrize("event", [kind.name for kind in get_args(Event)] + ["result"])
def test_every_event_is_in_the_readme(event: str) -> None:
    assert f"`{event}`" in TEXT


# ------------------------------------------------------------------------------------------------------------- recipes
def block_after(heading: str, language: str) -> str:
    match = re.search(rf"^#+ {heading}\n.*?^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert match is not None, heading
    return match[1]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(0, "done"), (7, "retry"), (9, "retry"), (130, "retry"), (143, "retry"), (3, "fail"), (2, "fail"), (11, "fail"),
     (8, "fail"), (10, "fail"), (5, "fail"), (6, "fail"), (4, "fail"), (1, "fail")],
)  # fmt: skip
def test_the_airflow_recipe_retries_what_may_pass_and_fails_what_will_not(
    code: int, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AirflowFailException(Exception):  # noqa: N818 - Airflow's name
        """As in airflow.exceptions: no more tries."""

    def run(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        lines = [{"event": "started"}, {"event": "result", "exit_code": code, "error": {"message": "so"}}]
        return subprocess.CompletedProcess([], code, stdout="\n".join(map(json.dumps, lines)))

    fake = type(sys)("airflow.exceptions")
    fake.__dict__["AirflowFailException"] = AirflowFailException
    monkeypatch.setitem(sys.modules, "airflow", type(sys)("airflow"))
    monkeypatch.setitem(sys.modules, "airflow.exceptions", fake)
    monkeypatch.setattr(subprocess, "run", run)
    recipe: dict[str, Any] = {}
    exec(compile(block_after("Airflow", "python"), "README.md", "exec"), recipe)
    if outcome == "done":
        assert recipe["deliver"]("events.parquet", "s3://bucket/in/")["exit_code"] == 0
        return
    with pytest.raises(Exception, match="so") as caught:
        recipe["deliver"]("events.parquet", "s3://bucket/in/")
    assert isinstance(caught.value, AirflowFailException) == (outcome == "fail")


def test_the_python_example_is_sound() -> None:
    compile(block_after("From Python", "python"), "README.md", "exec")


def test_the_first_block_is_the_two_lines_that_ci_runs() -> None:
    match = re.search(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert match is not None
    lines = match[1].splitlines()
    assert len(lines) == 2
    assert "tiktok-upload demo" in lines[0]
    assert "pytest" in lines[1]
