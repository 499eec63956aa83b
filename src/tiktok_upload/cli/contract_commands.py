"""`contract list`, `contract show`, `contract lint`, `contract init`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tiktok_upload import portable
from tiktok_upload.cli import options as o
from tiktok_upload.cli.output import error_text, print_lines, say, tell_events
from tiktok_upload.errors import UsageError
from tiktok_upload.text import escape

_MOST_LISTED = 200  # a file that is no contract at all has as many problems as lines

app = typer.Typer(
    name="contract", help="What files must be like: the contracts that come along, and your own.", no_args_is_help=True
)


@app.command("list", epilog="Example: tiktok-upload contract list")
def list_contracts(*, json: o.Json = False) -> int:
    """The contracts that come along."""
    from tiktok_upload.contract_file import load, packaged  # noqa: PLC0415 - slow to import

    contracts = [load(name) for name in packaged()]
    if json:
        shown = [
            {"name": one.name, "version": one.version, "columns": len(one.fields), "digest": one.digest}
            for one in contracts
        ]
        tell_events(*(("contract", fields) for fields in shown))
        return 0
    width = max(len(one.label) for one in contracts)
    print_lines(f"{one.label:<{width}}  {len(one.fields):>3} columns  {_purpose(one.name)}" for one in contracts)
    return 0


def _purpose(name: str) -> str:
    from tiktok_upload.contract_file import purpose  # noqa: PLC0415 - slow to import

    return escape(purpose(name))


@app.command(epilog="Example: tiktok-upload contract show offline-events > my-events.odcs.yaml")
def show(name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A packaged contract, or a file.")]) -> int:
    """The text of a contract, to be read, or to be copied and edited."""
    from tiktok_upload.contract_file import load, read_bytes  # noqa: PLC0415 - slow to import

    load(name)  # what is no contract is not shown as one
    print_lines(_shown(read_bytes(name)))
    return 0


def _shown(data: bytes) -> Iterator[str]:
    return (escape(line) for line in data.decode().splitlines())


@app.command(epilog="Example: tiktok-upload contract lint my-events.odcs.yaml")
def lint(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Contracts of your own.")],
    *,
    json: o.Json = False,
) -> int:
    """Everything that is wrong with a contract, line by line."""
    from tiktok_upload.contract_file import lint as problems_of  # noqa: PLC0415 - slow to import
    from tiktok_upload.contract_file import parse, read_bytes  # noqa: PLC0415

    wrong: list[dict[str, Any]] = []
    for file in files:
        data = read_bytes(file)
        found = [
            {"file": file, "line": one.line, "message": f"{one.place} {one.message}", "hint": one.hint}
            for one in problems_of(data, file)
        ]
        wrong += found
        if not found and not json:
            contract = parse(data, file)
            print_lines([f"{escape(file)}: {contract.label} is sound, {len(contract.fields)} columns"])
    error = UsageError(_count(len(wrong)), hint="mend those lines", code="contract") if wrong else None
    if json:
        tell_events(*(("problem", fields) for fields in wrong), error=error)
    else:
        print_lines(line for fields in wrong[:_MOST_LISTED] for line in _lines(fields))
        if error:
            say(error_text(error))
    return error.exit_code if error else 0


def _lines(fields: dict[str, Any]) -> Iterator[str]:
    yield f"{escape(fields['file'])}:{fields['line']}: {fields['message']}"
    if fields["hint"]:
        yield f"  hint: {fields['hint']}"


def _count(number: int) -> str:
    return f"{number:,} problem{'' if number == 1 else 's'}"


@app.command(epilog="Example: tiktok-upload contract init accepted.parquet --output my-events.odcs.yaml")
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A parquet file that was accepted.")],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="Write it there; to stdout if not given.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> int:
    """Write a contract from an accepted file: its columns and types, hashed columns recognised, ready to be edited."""
    from tiktok_upload.accepting import written  # noqa: PLC0415 - slow to import
    from tiktok_upload.parquet import Inspector  # noqa: PLC0415

    if output is not None and output.exists() and not force:
        raise UsageError(f"{escape(str(output))} is there already", hint="choose another name, or --force")
    with Inspector() as inspector:
        text = written(file, inspector)
    if output is None:
        sys.stdout.write(text)
        return 0
    _write(output, text)
    say(f"{escape(str(output))}: written; edit it, then: tiktok-upload contract lint {escape(str(output))}")
    return 0


def _write(path: Path, text: str) -> None:
    try:
        portable.write_private(path, text.encode())
    except OSError as exc:
        raise UsageError(f"{escape(str(path))} cannot be written: {exc.strerror}", hint="choose another place") from exc
