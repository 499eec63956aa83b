"""README's table of faults is what the installed command really says to them, and what it does when run again.

UPDATE_README=1 writes the table anew.
"""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from tests.support.command import CREDENTIALS, Command, Outcome
from tests.support.fault_rows import ROWS, Row
from tests.support.hostile_s3 import Fault, HostileS3
from tests.support.parquet_files import write_good
from tests.support.sample import write_sample

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- faults: made by tests/test_fault_table.py -->\n", "\n<!-- end of faults -->"
HEAD = "| at | the store | the command says | code | run again when all is well |\n| --- | --- | --- | --- | --- |"

# One part after the other, so that what is kept does not depend on chance; and no patience.
OPTIONS = ("--part-size", "5MiB", "--concurrency", "1", "--retry-for", "0.1s", "--check", "none")
# The same fault is noticed while sending or while reading, as it happens.
SAME = ((re.compile(r"the connection was closed|the connection broke"), "the connection broke"),)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("faults")
    files = {True: write_sample(folder / "big.parquet", 11), False: write_good(folder / "small.parquet")}
    with ThreadPoolExecutor(4) as pool:  # they wait more than they work
        lines = pool.map(lambda pair: line_of(pair[1], files[pair[1].big], folder / str(pair[0])), enumerate(ROWS))
        return "\n".join([HEAD, *lines])


def line_of(row: Row, file: Path, root: Path) -> str:
    with HostileS3(root / "s3", CREDENTIALS) as s3:
        s3.make_bucket("bkt")
        command = Command(root, s3.endpoint, **row.variables)
        if row.resumes:
            cut_off(s3, command, file)
        before = settings_of(s3)
        row.does(s3)
        first = command.push(file, *OPTIONS, *row.options, to=row.to)
        mend(s3, before, row)
        again = said(command.push(file, *OPTIONS, to=row.to)) if first.code else ""
        return f"| {row.step} | {row.fault} | {said(first)} | {first.code} | {again} |"


def settings_of(s3: HostileS3) -> dict[str, Any]:
    return {field.name: copy(getattr(s3, field.name)) for field in fields(HostileS3)}


def mend(s3: HostileS3, settings: dict[str, Any], row: Row) -> None:
    """All is well again."""
    s3.listen_again()
    s3.calm()
    s3.apply(settings)
    s3.make_bucket(row.to.split("/")[2])


def cut_off(s3: HostileS3, command: Command, file: Path) -> None:
    """A run that stored all parts and was refused at the end."""
    s3.script(Fault.error("CompleteMultipartUpload", "AccessDenied"))
    assert command.push(file, *OPTIONS).code == 6


def said(outcome: Outcome) -> str:
    """The first line of the error, or how it ended well, without what differs from run to run."""
    if outcome.code:
        return plain(outcome.error["message"])
    file = outcome.file
    told = [file["status"].replace("_", " ")]
    if file["parts_reused"]:
        told.append(f"{file['parts_reused']} of {file['parts']} parts reused")
    return "; ".join([*told, *map(plain, file["warnings"])])


def plain(text: str) -> str:
    for pattern, word in SAME:
        text = pattern.sub(word, text)
    return text.replace("|", "\\|")


def test_the_table_of_faults_is_what_the_command_does(table: str) -> None:
    text = README.read_text(encoding="utf-8")
    start = text.index(BEGIN) + len(BEGIN)
    stop = text.index(END)
    if os.environ.get("UPDATE_README"):
        README.write_text(text[:start] + table + text[stop:], encoding="utf-8")
        return
    assert text[start:stop] == table
