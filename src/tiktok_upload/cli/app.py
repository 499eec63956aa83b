"""The commands: read the options, call `api`, tell what came of it."""

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, NoReturn, cast

import typer

from tiktok_upload.cli import config_commands, contract_commands
from tiktok_upload.cli import config_options as co
from tiktok_upload.cli import options as o
from tiktok_upload.cli.diagnose_command import diagnose
from tiktok_upload.cli.doctor_command import doctor
from tiktok_upload.cli.output import JsonLines, say, say_error, tell_result
from tiktok_upload.cli.telling import connection_of, told, unexpected
from tiktok_upload.cli.uploads_commands import resume, uploads_app
from tiktok_upload.errors import UploadToolError, UsageError
from tiktok_upload.events import Observer, RunReport, summarize
from tiktok_upload.text import escape
from tiktok_upload.version import __version__

if TYPE_CHECKING:
    from tiktok_upload.settings import Check, ObjectOptions
    from tiktok_upload.stop import Stop

_MOST_LIST_BYTES = 256 << 20  # of --files-from: some million paths

app = typer.Typer(
    name="tiktok-upload",
    help="Deliver parquet files of any size to S3: checked first, resumed after any interruption, proved at the end.",
    epilog="Each option but --allow-raw-personal-data has a variable: --part-size is TIKTOK_UPLOAD_PART_SIZE.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> NoReturn:
    """The installed command."""
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            continue
    # Everything is written and closed. Taking the interpreter apart would only cost time, and wait
    # for nobody knows what in libraries that are stuck on a socket.
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit code. With --json the last line of stdout is the result, whatever happens."""
    try:
        code = app(args=list(arguments), standalone_mode=False, prog_name="tiktok-upload")
    except UploadToolError as error:
        return _refused(error, arguments)
    except typer.TyperException as exc:
        return _refused(UsageError(_first_line(exc.format_message()), hint=_usage_hint(exc)), arguments)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except Exception as exc:  # noqa: BLE001 - a bug of ours: no traceback unless it is asked for
        return _refused(unexpected(exc), arguments, cause=exc)
    return int(code or 0)


def _refused(error: UploadToolError, arguments: Sequence[str], cause: Exception | None = None) -> int:
    say_error(error, verbose=False)
    if cause is not None and "--verbose" in arguments:
        say("".join(traceback.format_exception(cause)))
    if "--json" in arguments or os.environ.get(o.environment_variable("--json"), "").lower() in ("1", "true", "yes"):
        tell_result(summarize([], seconds=0.0, counts={}, run_error=error), JsonLines(sys.stdout), None)
    return error.exit_code


def _first_line(message: str) -> str:
    return " ".join(message.split()) or "see --help"


def _usage_hint(exc: typer.TyperException) -> str:
    context = getattr(exc, "ctx", None)
    command = context.command_path if context is not None else "tiktok-upload"
    return f"see {command} --help"


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        typer.echo(f"tiktok-upload {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: tiktok-upload push events.parquet --to s3://bucket/incoming/")
def push(
    paths: o.Paths = None,
    *,
    target: co.Target = None,
    config: co.Config = None,
    to: o.To = None,
    files_from: o.FilesFrom = None,
    include: o.Include = None,
    exclude: o.Exclude = None,
    check: o.Check = "quick",
    contract: o.Contract = None,
    like: o.Like = None,
    allow_raw_personal_data: o.AllowRaw = False,
    dry_run: o.DryRun = False,
    restart: o.Restart = False,
    overwrite: o.Overwrite = False,
    part_size: o.PartSize = None,
    concurrency: o.Concurrency = "auto",
    max_bandwidth: o.MaxBandwidth = None,
    checksum: o.Checksum = "auto",
    retry_for: o.RetryFor = 600.0,
    deadline: o.Deadline = None,
    sse: o.Sse = None,
    kms_key_id: o.KmsKeyId = None,
    storage_class: o.StorageClass = None,
    metadata: o.Metadata = None,
    tag: o.Tag = None,
    acl: o.Acl = None,
    expected_bucket_owner: o.ExpectedBucketOwner = None,
    profile: o.Profile = None,
    region: o.Region = None,
    endpoint_url: o.EndpointUrl = None,
    addressing: o.Addressing = "auto",
    ca_bundle: o.CaBundle = None,
    accelerate: o.Accelerate = False,
    dualstack: o.Dualstack = False,
    fips: o.Fips = False,
    state_dir: o.StateDir = None,
    receipt: o.Receipt = None,
    sandbox: o.Sandbox = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    log_file: o.LogFile = None,
    no_color: o.NoColor = False,
    progress: o.Progress = "auto",
) -> int:
    """Check, upload, verify, write a receipt. Run it again after any interruption: it continues by itself."""
    return _push_or_sandbox(SimpleNamespace(**locals()))


app.command("resume", epilog="Example: tiktok-upload resume --dry-run")(resume)
app.command("doctor", epilog="Example: tiktok-upload doctor --to s3://bucket/incoming/")(doctor)
app.command("diagnose", epilog="Example: tiktok-upload diagnose --log-file push.log")(diagnose)
app.add_typer(uploads_app, name="uploads")
app.add_typer(config_commands.app)
app.add_typer(contract_commands.app)


@app.command(epilog="Example: tiktok-upload check events.parquet --check full")
def check(
    paths: o.Paths = None,
    *,
    target: co.Target = None,
    config: co.Config = None,
    files_from: o.FilesFrom = None,
    include: o.Include = None,
    exclude: o.Exclude = None,
    check: o.Check = "quick",
    contract: o.Contract = None,
    like: o.Like = None,
    allow_raw_personal_data: o.AllowRaw = False,
    with_values: o.WithValues = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    log_file: o.LogFile = None,
    no_color: o.NoColor = False,
    progress: o.Progress = "auto",
) -> int:
    """Everything that push checks, sending nothing."""
    given = SimpleNamespace(**locals())
    from tiktok_upload import api  # noqa: PLC0415 - slow to import
    from tiktok_upload.settings import PushOptions  # noqa: PLC0415

    options = PushOptions(
        check=_check(given.check),
        contract=given.contract,
        like=given.like,
        include=tuple(given.include or ()),
        exclude=tuple(given.exclude or ()),
        allow_raw_personal_data=given.allow_raw_personal_data,
        with_values=given.with_values,
    )
    meant = _paths(given)

    def work(observe: Observer, stop: "Stop") -> RunReport:
        return api.check(meant, options=options, observe=observe, stop=stop)

    from tiktok_upload.cli.check_table import print_check  # noqa: PLC0415 - only here

    return told(work, given, table=None if given.json else print_check)


@app.command(epilog="Example: tiktok-upload verify receipt.json")
def verify(
    receipt: Annotated[Path, typer.Argument(metavar="RECEIPT", help="As --receipt wrote it.")],
    *,
    target: co.ReceiptTarget = None,
    config: co.Config = None,
    profile: o.Profile = None,
    region: o.Region = None,
    endpoint_url: o.EndpointUrl = None,
    addressing: o.Addressing = "auto",
    ca_bundle: o.CaBundle = None,
    accelerate: o.Accelerate = False,
    dualstack: o.Dualstack = False,
    fips: o.Fips = False,
    retry_for: o.RetryFor = 60.0,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    log_file: o.LogFile = None,
    no_color: o.NoColor = False,
    progress: o.Progress = "auto",
) -> int:
    """Is the stored object still the one of this receipt: size, checksum, ETag and version."""
    given = SimpleNamespace(**locals())
    from tiktok_upload.verifying import verify as look_again  # noqa: PLC0415 - slow to import

    def work(observe: Observer, _stop: "Stop") -> RunReport:
        return look_again(given.receipt, connection=connection_of(given), retry_for_s=given.retry_for, observe=observe)

    return told(work, given)


def _push_or_sandbox(given: SimpleNamespace) -> int:
    if not given.sandbox:
        return _push(given)
    from tiktok_upload.cli.sandbox import sandboxed  # noqa: PLC0415 - only here

    with sandboxed(given):
        return _push(given)


def _push(given: SimpleNamespace) -> int:
    """`push` with its options as read, each under its own name."""
    from tiktok_upload import api  # noqa: PLC0415 - slow to import
    from tiktok_upload.settings import PushOptions  # noqa: PLC0415

    if given.to is None:
        raise UsageError(
            "there is no destination",
            hint="add --to s3://bucket/prefix/, or set a default target: tiktok-upload config init",
        )
    options = PushOptions(
        check=_check(given.check),
        contract=given.contract,
        like=given.like,
        proof=o.read_proof(given.checksum),
        may_fall_back=given.checksum == "auto",
        include=tuple(given.include or ()),
        exclude=tuple(given.exclude or ()),
        overwrite=given.overwrite,
        restart=given.restart,
        dry_run=given.dry_run,
        allow_raw_personal_data=given.allow_raw_personal_data,
        part_size=given.part_size,
        concurrency=None if given.concurrency == "auto" else int(given.concurrency),
        max_bytes_per_s=given.max_bandwidth,
        retry_for_s=given.retry_for,
        deadline_s=given.deadline,
        connection=connection_of(given),
        object_options=_object_options(given),
    )

    paths = _paths(given)

    def work(observe: Observer, stop: "Stop") -> RunReport:
        return api.push(
            paths,
            to=given.to,
            options=options,
            state_directory=given.state_dir,
            receipt=given.receipt,
            observe=observe,
            stop=stop,
        )

    return told(work, given)


@app.command("sandbox", epilog="Example: tiktok-upload sandbox --port 9000 --dir ./s3")
def run_sandbox(
    *,
    port: o.SandboxPort = 0,
    bucket: o.SandboxBucket = o.SANDBOX_BUCKET,
    directory: o.SandboxDirectory = None,
    json: o.Json = False,
) -> int:
    """Run an S3 on this machine to try against, until Ctrl-C; needs no account."""
    from tiktok_upload.cli.sandbox import serve  # noqa: PLC0415 - only here

    return serve(port=port, bucket=bucket, directory=directory, json=json)


@app.command(epilog="Example: tiktok-upload demo")
def demo(*, quiet: o.Quiet = False, verbose: o.Verbose = False, no_color: o.NoColor = False) -> int:
    """The whole story without an account: a sample file, a local S3, a push, a cut, a resume, the receipt."""
    from tiktok_upload.cli.demo import show  # noqa: PLC0415 - only here

    return show(quiet=quiet, verbose=verbose, no_color=no_color)


def _object_options(given: SimpleNamespace) -> "ObjectOptions":
    from tiktok_upload.settings import ObjectOptions  # noqa: PLC0415

    return ObjectOptions(
        sse=o.one_of("--sse", given.sse, o.ENCRYPTIONS),
        kms_key_id=given.kms_key_id,
        storage_class=given.storage_class,
        acl=o.one_of("--acl", given.acl, o.ACLS),
        expected_bucket_owner=given.expected_bucket_owner,
        metadata=tuple(given.metadata or ()),
        tags=tuple(given.tag or ()),
    )


def _paths(given: SimpleNamespace) -> list[str]:
    """What is named as arguments and in `--files-from`."""
    from tiktok_upload.inputs import read_list  # noqa: PLC0415 - slow to import

    listed = read_list(_list_of_files(given.files_from)) if given.files_from is not None else []
    paths = [*(given.paths or ()), *listed]
    if not paths:
        raise UsageError("no file is named", hint="give a PATH, or --files-from a list of them")
    return paths


def _list_of_files(source: str) -> bytes:
    try:
        with sys.stdin.buffer if source == "-" else Path(source).open("rb") as file:
            data = file.read(_MOST_LIST_BYTES + 1)
    except (OSError, ValueError, AttributeError) as exc:
        raise UsageError(f"--files-from {escape(source)} cannot be read", hint="check the path") from exc
    if len(data) > _MOST_LIST_BYTES:
        raise UsageError(f"--files-from {escape(source)} is too long", hint="split it, or give the directory")
    return data


def _check(text: str) -> "Check":
    return cast("Check", o.one_of("--check", text, o.CHECKS))
