"""`resume` and `uploads`: what was begun on this machine and not finished."""

import datetime as dt
import sys
from contextlib import contextmanager
from dataclasses import asdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiktok_upload.cli import config_options as co
from tiktok_upload.cli import options as o
from tiktok_upload.cli.output import JsonLines, now, say, say_error
from tiktok_upload.cli.telling import connection_of, told
from tiktok_upload.errors import JournalError, UploadToolError, UsageError
from tiktok_upload.events import Observer, RunReport, summarize
from tiktok_upload.machine import clean_json, path_json, result_json
from tiktok_upload.text import escape
from tiktok_upload.units import format_duration, format_size, parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tiktok_upload.journal import JournalDirectory
    from tiktok_upload.settings import Connection
    from tiktok_upload.stop import Stop
    from tiktok_upload.store import Clients
    from tiktok_upload.unfinished import Unfinished

uploads_app = typer.Typer(no_args_is_help=True, help="Unfinished uploads: list them, look at one, drop what is stale.")

_STALE_S = 7 * 86_400.0


def complete_id(incomplete: str) -> list[tuple[str, str]]:
    """Ids that begin like this, for a shell; says nothing where the state cannot be read."""
    from tiktok_upload.unfinished import uploads  # noqa: PLC0415 - slow to import

    try:
        return [(found.short_id, found.uri) for found in uploads() if found.id.startswith(incomplete)]
    except (UploadToolError, OSError):
        return []


Id = Annotated[str, typer.Argument(metavar="ID", help="The beginning of an id is enough.", autocompletion=complete_id)]
Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID...]", help="Only these; the beginning of an id is enough.", autocompletion=complete_id),
]
Remote = Annotated[bool, typer.Option("--remote", help="Ask the store what it holds, and until when.")]
Below = Annotated[
    str | None,
    typer.Option("--to", metavar="s3://BUCKET/PREFIX/", help="Also what the store lists there, whoever began it."),
]
OlderThan = Annotated[
    float,
    typer.Option("--older-than", metavar="DURATION", parser=o.read_with(parse_duration), help="Since its last change."),
]


def resume(
    ids: Ids = None,
    *,
    target: co.JournalTarget = None,
    config: co.Config = None,
    dry_run: o.DryRun = False,
    state_dir: o.StateDir = None,
    receipt: o.Receipt = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    log_file: o.LogFile = None,
    no_color: o.NoColor = False,
    progress: o.Progress = "auto",
) -> int:
    """Continue every interrupted upload that this machine knows of, each as it was begun."""
    given = SimpleNamespace(**locals())
    from tiktok_upload.resuming import resume as go_on  # noqa: PLC0415 - slow to import

    def announce(waiting: "list[Unfinished]") -> None:
        if not given.quiet:
            say(f"resuming {_count(len(waiting))}" if waiting else "there is nothing to resume")
            for found in waiting:
                say(f"  {_line(found)}")

    def work(observe: Observer, stop: "Stop") -> RunReport:
        return go_on(
            only=given.ids or (),
            dry_run=given.dry_run,
            state_directory=given.state_dir,
            receipt=given.receipt,
            announce=announce,
            observe=observe,
            stop=stop,
        )

    return told(work, given)


@uploads_app.command("list", epilog="Example: tiktok-upload uploads list --remote")
def list_uploads(
    *,
    target: co.JournalTarget = None,
    config: co.Config = None,
    remote: Remote = False,
    to: Below = None,
    state_dir: o.StateDir = None,
    profile: o.Profile = None,
    region: o.Region = None,
    endpoint_url: o.EndpointUrl = None,
    addressing: o.Addressing = "auto",
    ca_bundle: o.CaBundle = None,
    accelerate: o.Accelerate = False,
    dualstack: o.Dualstack = False,
    fips: o.Fips = False,
    json: o.Json = False,
) -> int:
    """What is unfinished: size, share done, age, where to."""
    given = SimpleNamespace(**locals())
    with _journals(given) as journals:
        found = _found(journals, given)
    _tell(found, given)
    return 0


@uploads_app.command("show", epilog="Example: tiktok-upload uploads show 4f0c")
def show_upload(
    wanted: Id,
    *,
    target: co.JournalTarget = None,
    config: co.Config = None,
    remote: Remote = False,
    state_dir: o.StateDir = None,
    json: o.Json = False,
) -> int:
    """All that is known of one."""
    given = SimpleNamespace(**locals(), to=None)
    from tiktok_upload.unfinished import find, known_here  # noqa: PLC0415 - slow to import

    with _journals(given) as journals:
        name = find(journals, wanted)
        found = [upload for upload in known_here(journals) if upload.id == name]
        if not found:
            raise UsageError(f"{escape(wanted)} is finished", hint="its receipt tells the rest")
        if remote:
            found = [_asked(journals, upload) for upload in found]
    if json:
        _tell(found, given)
    else:
        for field, value in _fields(found[0]).items():
            typer.echo(f"{field:<12} {value}")
    return 0


@uploads_app.command("abort", epilog="Example: tiktok-upload uploads abort 4f0c")
def abort_upload(
    wanted: Id,
    *,
    target: co.JournalTarget = None,
    config: co.Config = None,
    state_dir: o.StateDir = None,
    json: o.Json = False,
) -> int:
    """Remove what the store has of one upload, and forget it. The file stays, of course."""
    given = SimpleNamespace(**locals())
    from tiktok_upload.unfinished import find  # noqa: PLC0415 - slow to import

    with _journals(given) as journals:
        aborted = [_abort(journals, find(journals, wanted))]
    _tell_aborted(aborted, given)
    return 0


@uploads_app.command("clean", epilog="Example: tiktok-upload uploads clean --older-than 3d --to s3://bucket/incoming/")
def clean_uploads(
    *,
    target: co.JournalTarget = None,
    config: co.Config = None,
    older_than: OlderThan = _STALE_S,
    to: Below = None,
    dry_run: o.DryRun = False,
    state_dir: o.StateDir = None,
    profile: o.Profile = None,
    region: o.Region = None,
    endpoint_url: o.EndpointUrl = None,
    addressing: o.Addressing = "auto",
    ca_bundle: o.CaBundle = None,
    accelerate: o.Accelerate = False,
    dualstack: o.Dualstack = False,
    fips: o.Fips = False,
    json: o.Json = False,
) -> int:
    """Drop this machine's stale uploads that nobody works on. What others began is listed, never touched."""
    given = SimpleNamespace(**locals(), remote=False)
    from tiktok_upload.unfinished import older_than as is_older  # noqa: PLC0415 - slow to import

    moment = dt.datetime.now(dt.UTC)
    with _journals(given) as journals:
        found = _found(journals, given)
        stale = [
            upload
            for upload in found
            if upload.standing in ("interrupted", "given up") and is_older(upload, older_than, moment)
        ]
        aborted, errors = (stale, []) if dry_run else _abort_all(journals, stale)
    gone = {upload.id for upload in aborted}
    kept = [upload for upload in found if not upload.id or upload.id not in gone]
    first = errors[0] if errors else None
    _tell_aborted(aborted, given, kept=kept, error=first)
    return first.exit_code if first else 0


# ------------------------------------------------------------------------------------------------------- what is done
@contextmanager
def _journals(given: SimpleNamespace) -> "Iterator[JournalDirectory]":
    from tiktok_upload.journal import JournalDirectory, default_state_directory  # noqa: PLC0415 - slow to import

    with JournalDirectory(given.state_dir or default_state_directory()) as journals:
        yield journals


def _found(journals: "JournalDirectory", given: SimpleNamespace) -> "list[Unfinished]":
    from tiktok_upload.unfinished import known_here  # noqa: PLC0415 - slow to import

    found = known_here(journals)
    if given.remote:
        found = [_asked(journals, upload) for upload in found]
    return found if given.to is None else [*found, *_strangers(given.to, connection_of(given), found)]


def _strangers(to: str, connection: "Connection", ours: "list[Unfinished]") -> "list[Unfinished]":
    from tiktok_upload.destination import parse_destination  # noqa: PLC0415 - slow to import
    from tiktok_upload.settings import ObjectOptions  # noqa: PLC0415
    from tiktok_upload.store import S3Store  # noqa: PLC0415
    from tiktok_upload.unfinished import at_store  # noqa: PLC0415

    place = parse_destination(to)
    with _clients(connection) as clients:
        store = S3Store(clients, place.bucket, proof="crc64nvme", options=ObjectOptions())
        return list(at_store(store, place.bucket, place.key, ours))


def _asked(journals: "JournalDirectory", upload: "Unfinished") -> "Unfinished":
    from tiktok_upload.unfinished import options_of, state_of, with_survey  # noqa: PLC0415 - slow to import

    planned = None if upload.standing == "damaged" else state_of(journals, upload.id).planned
    if planned is None:
        return upload
    with _clients(options_of(planned).connection) as clients:
        return with_survey(upload, planned, clients)


def _abort(journals: "JournalDirectory", name: str) -> "Unfinished":
    from tiktok_upload.unfinished import abort, options_of, state_of  # noqa: PLC0415 - slow to import

    planned = state_of(journals, name).planned
    if planned is None:
        raise JournalError("nothing was planned for this upload", code="journal_damaged")
    with _clients(options_of(planned).connection) as clients:
        return abort(journals, name, clients)


def _abort_all(
    journals: "JournalDirectory", stale: "list[Unfinished]"
) -> "tuple[list[Unfinished], list[UploadToolError]]":
    """One that cannot be removed does not keep the others."""
    aborted, errors = [], []
    for upload in stale:
        try:
            aborted.append(_abort(journals, upload.id))
        except UploadToolError as error:
            say_error(error, verbose=False)
            errors.append(error)
    return aborted, errors


@contextmanager
def _clients(connection: "Connection") -> "Iterator[Clients]":
    from tiktok_upload.store import Clients  # noqa: PLC0415 - slow to import
    from tiktok_upload.version import __version__  # noqa: PLC0415

    clients = Clients(connection, stall_s=60.0, connections=2, version=__version__)
    try:
        yield clients
    finally:
        clients.close()


# ------------------------------------------------------------------------------------------------------- what is told
def _tell(found: "list[Unfinished]", given: SimpleNamespace) -> None:
    from tiktok_upload.unfinished import is_soon_gone  # noqa: PLC0415 - slow to import

    if given.json:
        _tell_json(found)
    elif not found:
        typer.echo("there are no unfinished uploads")
    else:
        for upload in found:
            typer.echo(_line(upload))
            if is_soon_gone(upload, dt.datetime.now(dt.UTC)):
                say(f"warning: a rule of the bucket removes the parts of {_name(upload)} {_soon(upload)}")
        cost = sum(upload.dollars_a_month for upload in found)
        typer.echo(f"{_count(len(found))}, about ${cost:.2f} a month for the parts (S3 Standard)")


def _tell_aborted(
    aborted: "list[Unfinished]",
    given: SimpleNamespace,
    kept: "list[Unfinished] | None" = None,
    error: UploadToolError | None = None,
) -> None:
    if given.json:
        _tell_json(aborted, error, kept=[_json_of(upload) for upload in kept or []])
        return
    verb = "would remove" if getattr(given, "dry_run", False) else "removed"
    for upload in aborted:
        typer.echo(f"{verb} {_line(upload)}")
    for upload in kept or []:
        typer.echo(f"kept {_line(upload)}")
    if not aborted:
        typer.echo("nothing was removed")


def _tell_json(found: "list[Unfinished]", error: UploadToolError | None = None, **more: Any) -> None:
    report = summarize([], seconds=0.0, counts={}, run_error=error)
    data = result_json(report, now()) | {"uploads": [_json_of(upload) for upload in found]} | more
    JsonLines(sys.stdout).write(clean_json(data))


def _json_of(upload: "Unfinished") -> dict[str, Any]:
    return {
        **asdict(upload),
        **path_json(upload.path),
        "share": round(upload.share, 4),
        "dollars_a_month": round(upload.dollars_a_month, 4),
    }


def _line(upload: "Unfinished") -> str:
    stored = format_size(upload.stored_bytes)
    size = f"{stored} of {format_size(upload.size_bytes)}, {upload.share:.0%}" if upload.size_bytes else stored
    until = f", kept until {upload.kept_until}" if upload.kept_until else ""
    where = escape(upload.uri or upload.path)
    return f"{upload.short_id or '-':<8}  {upload.standing:<13}  {size}, {_age(upload)} old{until}  {where}"


def _name(upload: "Unfinished") -> str:
    return upload.short_id or escape(upload.uri)


def _soon(upload: "Unfinished") -> str:
    left_s = (dt.datetime.fromisoformat(upload.kept_until or "") - dt.datetime.now(dt.UTC)).total_seconds()
    when = f"in {format_duration(left_s)}" if left_s > 0 else "by now"
    return f"{when}; to keep what is stored: tiktok-upload resume {upload.short_id}".rstrip()


def _fields(upload: "Unfinished") -> dict[str, str]:
    return {
        "id": upload.id,
        "file": escape(upload.path),
        "to": escape(upload.uri),
        "standing": upload.standing,
        "size": format_size(upload.size_bytes or 0),
        "stored": f"{format_size(upload.stored_bytes)} in {_parts(upload)}",
        "begun": upload.begun_at,
        "last change": upload.changed_at,
        "kept until": upload.kept_until or "not known (--remote asks the store)",
        "costs": f"about ${upload.dollars_a_month:.2f} a month",
    }


def _parts(upload: "Unfinished") -> str:
    return f"{upload.parts_stored} parts" if upload.parts is None else f"{upload.parts_stored} of {upload.parts} parts"


def _age(upload: "Unfinished") -> str:
    seconds = (dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(upload.changed_at)).total_seconds()
    return format_duration(max(0.0, seconds))


def _count(number: int) -> str:
    return "1 upload" if number == 1 else f"{number} uploads"
