"""`diagnose`: a bundle to send along with a question, with nobody's data in it."""

import contextlib
import datetime as dt
import importlib.metadata
import io
import json as json_lines
import os
import platform
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiktok_upload import portable
from tiktok_upload.cli import config_commands
from tiktok_upload.cli import config_options as co
from tiktok_upload.cli import options as o
from tiktok_upload.cli.output import now, print_lines, tell_events
from tiktok_upload.errors import UploadToolError, UsageError
from tiktok_upload.text import escape
from tiktok_upload.units import format_size
from tiktok_upload.version import __version__

if TYPE_CHECKING:
    from tiktok_upload.diagnosing import Member

_PACKAGES = (
    "boto3 botocore awscrt s3transfer urllib3 pyarrow rich typer click filelock platformdirs psutil pydantic pyyaml"
    " tenacity moto certifi"
)

Told = Sequence[Mapping[str, Any]]

Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE.zip", help="Write it there; by default beside you, named by the time."
    ),
]
Logs = Annotated[
    list[Path] | None,
    typer.Option("--log-file", metavar="PATH", help="Add the end of this log, redacted; may be repeated."),
]
WithNames = Annotated[
    bool, typer.Option("--with-names", help="Tell buckets and keys of unfinished uploads as they are.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


def diagnose(
    context: typer.Context,
    *,
    output: Output = None,
    config: co.Config = None,
    state_dir: o.StateDir = None,
    log_file: Logs = None,
    with_names: WithNames = False,
    force: Force = False,
    json: o.Json = False,
) -> int:
    """Write a bundle for support: versions, settings, unfinished uploads, logs; without secrets, names or data."""
    from tiktok_upload import diagnosing  # noqa: PLC0415 - slow to import
    from tiktok_upload.journal import default_state_directory  # noqa: PLC0415

    settings = _settings(context, config)
    state = state_dir or _path_setting(settings, "state-dir") or default_state_directory()
    logs = log_file or [log for log in [_path_setting(settings, "log-file")] if log]
    machine = {**_versions(), **_limits(state)}
    asked = diagnosing.Asked(settings, os.environ, state, machine, tuple(logs), with_names, now())
    members = diagnosing.gather(asked)
    path = output or Path(f"tiktok-upload-diagnosis-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}.zip")
    data = _archive(members)
    _write(path, data, force=force)
    if json:
        listed = [{"name": one.name, "what": one.what, "size_bytes": len(one.content)} for one in members]
        fields = {"path": str(path), "size_bytes": len(data), "with_names": with_names, "members": listed}
        tell_events(("bundle", fields))
    else:
        print_lines(_page(path, len(data), members, with_names=with_names))
    return 0


# --------------------------------------------------------------------------------------------------------- the settings
def _settings(context: typer.Context, config: Path | None) -> Told | UploadToolError:
    """What `config show --json` says, or why it says nothing."""
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told):
            config_commands.show(context, config=config, json=True)
    except UploadToolError as error:
        return error
    except typer.TyperException as exc:
        return UsageError(exc.format_message())
    return [json_lines.loads(line) for line in told.getvalue().splitlines()]


def _path_setting(settings: Told | UploadToolError, name: str) -> Path | None:
    if isinstance(settings, UploadToolError):
        return None
    values = (setting["value"] for setting in settings if setting.get("name") == name)
    return next((Path(value) for value in values if value), None)


# ---------------------------------------------------------------------------------------------------------- the machine
def _versions() -> dict[str, Any]:
    """Of everything that may matter; no name of the machine or its user."""
    import ssl  # noqa: PLC0415 - slow to import

    installed = {name: _version_of(name) for name in _PACKAGES.split()}
    return {
        "tiktok-upload": __version__,
        "python": sys.version,
        "system": platform.platform(),
        "machine": platform.machine(),
        "openssl": ssl.OPENSSL_VERSION,
        "encodings": {"files": sys.getfilesystemencoding(), "stdout": getattr(sys.stdout, "encoding", None)},
        "packages": installed,
    }


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _limits(state_directory: Path) -> dict[str, Any]:
    """Bytes that are free, and what the system allows this process."""
    places = {"state": state_directory, "temporary": Path(tempfile.gettempdir()), "working": Path()}
    return {
        "disk": {name: _disk(path) for name, path in places.items()},
        "limits": _process_limits(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def _disk(path: Path) -> dict[str, int] | None:
    """Of the nearest directory that there is."""
    for directory in (path.absolute(), *path.absolute().parents):
        with contextlib.suppress(OSError, ValueError):
            usage = shutil.disk_usage(directory)
            return {"total_bytes": usage.total, "free_bytes": usage.free}
    return None


def _process_limits() -> dict[str, list[int | None]]:
    """By name the soft and the hard one; None for no limit. Nothing where the system has none."""
    try:
        import resource  # noqa: PLC0415 - POSIX only
    except ImportError:
        return {}
    names = ("NOFILE", "AS", "DATA", "FSIZE", "NPROC", "CORE")
    kinds = {name: getattr(resource, f"RLIMIT_{name}", None) for name in names}
    found = {name: resource.getrlimit(kind) for name, kind in kinds.items() if kind is not None}
    return {name: [None if one == resource.RLIM_INFINITY else one for one in pair] for name, pair in found.items()}


# ------------------------------------------------------------------------------------------------------------- the file
def _archive(members: "Iterable[Member]") -> bytes:
    """A zip of them, each of mode 0600."""
    import zipfile  # noqa: PLC0415 - slow to import

    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file:
        for member in members:
            info = zipfile.ZipInfo(member.name)
            info.external_attr = (stat.S_IFREG | 0o600) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, member.content)
    return whole.getvalue()


def _write(path: Path, data: bytes, *, force: bool) -> None:
    """Write it, mode 0600; never through a symbolic link, and over nothing unless forced.

    Raises:
        UsageError: Something is there already, or it cannot be written.
    """
    try:
        if force:
            portable.write_private(path, data)
            return
        with os.fdopen(portable.open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            file.write(data)
    except FileExistsError as exc:
        raise UsageError(f"{escape(str(path))} is there already", hint="choose another name, or --force") from exc
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or "no file name"
        raise UsageError(f"{escape(str(path))} cannot be written: {reason}", hint="choose another --output") from exc


def _page(path: Path, size_bytes: int, members: "Sequence[Member]", *, with_names: bool) -> list[str]:
    width = max(len(member.name) for member in members)
    names = "The buckets and keys of unfinished uploads are in it; beside them" if with_names else "In it are"
    return [
        f"{escape(str(path))}: {format_size(size_bytes)}, readable by you alone",
        *(f"  {member.name:<{width}}  {member.what}" for member in members),
        f"{names} no secret, no value of your data, and no name of a file, bucket, key or column.",
        "Look into it before you send it; nothing was sent.",
    ]
