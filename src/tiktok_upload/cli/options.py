"""Every option, once: its name, its environment variable, its help and how its text is read."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from tiktok_upload.errors import UsageError
from tiktok_upload.text import escape
from tiktok_upload.units import parse_duration, parse_rate, parse_size

if TYPE_CHECKING:
    from tiktok_upload.checksum import Proof


_CHECKING, _SENDING, _OBJECT, _REACHING, _TELLING = (
    "What is checked",
    "How it is sent",
    "What the object is made with",
    "How the store is reached",
    "What is told",
)


def environment_variable(name: str) -> str:
    """`--part-size` → `TIKTOK_UPLOAD_PART_SIZE`."""
    return "TIKTOK_UPLOAD_" + name.lstrip("-").upper().replace("-", "_")


def _option(*names: str, help: str, panel: str, **more: Any) -> Any:  # noqa: A002 - typer's word
    return typer.Option(
        *names,
        help=help,
        rich_help_panel=panel,
        envvar=environment_variable(names[0].partition("/")[0]),
        show_envvar=False,
        **more,
    )


def read_with(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    """A parser for typer: what `parse` refuses becomes a wrong option."""

    def parser(text: Any) -> Any:
        try:
            return parse(text) if isinstance(text, str) else text  # typer sends defaults through, too
        except ValueError as exc:
            raise typer.BadParameter(str(exc)) from exc

    return parser


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise ValueError(f"{text!r} is not written as NAME=VALUE")
    return name, value


def _concurrency(text: str) -> str:
    if text != "auto" and (not text.isdigit() or not 1 <= int(text) <= MOST_CONCURRENCY):
        raise ValueError(f"{text!r} is neither auto nor a number from 1 to {MOST_CONCURRENCY}")
    return text


def one_of(name: str, text: str | None, known: tuple[str, ...]) -> str | None:
    """The text, if it is one of those.

    Raises:
        UsageError: It is not.
    """
    if text is not None and text not in known:
        raise UsageError(f"{name} {escape(text)} is not known", hint=f"use one of {', '.join(known)}")
    return text


def read_proof(text: str) -> "Proof":
    """What `--checksum` names; `auto` is CRC64NVME, which S3 takes for whole objects of any size."""
    one_of("--checksum", text, CHECKSUMS)
    return "crc64nvme" if text == "auto" else cast("Proof", text)


SANDBOX_BUCKET = "sandbox"
PROGRESS = ("auto", "bar", "plain", "none")
CHECKS = ("quick", "full", "none")
CHECKSUMS = ("auto", "crc64nvme", "crc32c", "crc32", "md5")
ADDRESSINGS = ("auto", "path", "virtual")
ACLS = ("bucket-owner-full-control",)
ENCRYPTIONS = ("AES256", "aws:kms", "aws:kms:dsse")
MOST_CONCURRENCY = 512

Paths = Annotated[
    list[str] | None, typer.Argument(metavar="PATH...", help="Files, directories (every *.parquet below) or globs.")
]
To = Annotated[
    str | None,
    _option(
        "--to",
        metavar="s3://BUCKET/PREFIX/",
        panel=_SENDING,
        help="Where to. With a / at its end files keep their names below it; without, it is the key of one file.",
    ),
]
Check = Annotated[
    str,
    _option(
        "--check",
        metavar="quick|full|none",
        panel=_CHECKING,
        help="quick: the footer, its statistics and a sample of rows; full: every row, with page checksums; none: no "
        "rules of a contract. Structure and personal data are always looked at.",
    ),
]
Contract = Annotated[
    str | None,
    _option(
        "--contract",
        metavar="NAME|FILE|none",
        panel=_CHECKING,
        help="What the files must be like: a packaged contract (see contract list) or a file. Without one, the files "
        "of one run must agree with each other; none: they need not.",
    ),
]
Like = Annotated[
    str | None,
    _option(
        "--like",
        metavar="SAMPLE.parquet",
        panel=_CHECKING,
        help="The columns, types and nullability of this accepted file are the contract.",
    ),
]
WithValues = Annotated[
    bool,
    typer.Option(
        "--with-values",
        rich_help_panel=_CHECKING,
        envvar=environment_variable("--with-values"),
        show_envvar=False,
        help="Show the lowest and highest of texts, too: values of your data, on this screen only.",
    ),
]
AllowRaw = Annotated[
    bool,
    typer.Option(
        "--allow-raw-personal-data",
        rich_help_panel=_CHECKING,
        help="Recorded in the receipt; an option only, with no environment variable.",
    ),
]
DryRun = Annotated[bool, _option("--dry-run", panel=_SENDING, help="Check and plan; send nothing.")]
Restart = Annotated[
    bool, _option("--restart", panel=_SENDING, help="Begin anew; what was stored of an interrupted upload is removed.")
]
Overwrite = Annotated[bool, _option("--overwrite", panel=_SENDING, help="Replace another object at the key.")]
PartSize = Annotated[
    int | None,
    _option(
        "--part-size",
        metavar="SIZE",
        panel=_SENDING,
        parser=read_with(parse_size),
        help="5MiB to 5GiB; by default 8 MiB, more for files over 2 GiB.",
    ),
]
Concurrency = Annotated[
    str,
    _option(
        "--concurrency",
        metavar="N|auto",
        panel=_SENDING,
        parser=read_with(_concurrency),
        help="Requests in flight at once; auto finds how many pay.",
    ),
]
MaxBandwidth = Annotated[
    int | None,
    _option(
        "--max-bandwidth",
        metavar="RATE",
        panel=_SENDING,
        parser=read_with(parse_rate),
        help="For the whole process: 50MB/s, 400Mbit/s.",
    ),
]
Checksum = Annotated[
    str,
    _option(
        "--checksum",
        metavar="auto|crc64nvme|crc32c|crc32|md5",
        panel=_SENDING,
        help="What proves each part to the store. md5 is for stores that know no CRC.",
    ),
]
RetryFor = Annotated[
    float,
    _option(
        "--retry-for",
        metavar="DURATION",
        panel=_SENDING,
        parser=read_with(parse_duration),
        help="How long failures may go on with no success between them.",
    ),
]
Deadline = Annotated[
    float | None,
    _option(
        "--deadline",
        metavar="DURATION",
        panel=_SENDING,
        parser=read_with(parse_duration),
        help="Stop after this time; the next run continues.",
    ),
]
Sse = Annotated[
    str | None,
    _option("--sse", metavar="AES256|aws:kms|aws:kms:dsse", panel=_OBJECT, help="Encryption at the store."),
]
KmsKeyId = Annotated[str | None, _option("--kms-key-id", metavar="ID", panel=_OBJECT, help="Key for aws:kms.")]
StorageClass = Annotated[
    str | None, _option("--storage-class", metavar="CLASS", panel=_OBJECT, help="For example STANDARD_IA.")
]
Metadata = Annotated[
    list[Any] | None,
    _option("--metadata", metavar="NAME=VALUE", panel=_OBJECT, parser=read_with(_pair), help="May be repeated."),
]
Tag = Annotated[
    list[Any] | None,
    _option("--tag", metavar="NAME=VALUE", panel=_OBJECT, parser=read_with(_pair), help="May be repeated."),
]
Acl = Annotated[
    str | None, _option("--acl", metavar="bucket-owner-full-control", panel=_OBJECT, help="For buckets with ACLs.")
]
ExpectedBucketOwner = Annotated[
    str | None,
    _option("--expected-bucket-owner", metavar="ACCOUNT", panel=_OBJECT, help="Refuse a bucket of another account."),
]
Profile = Annotated[str | None, _option("--profile", metavar="NAME", panel=_REACHING, help="AWS profile.")]
Region = Annotated[str | None, _option("--region", metavar="REGION", panel=_REACHING, help="The bucket's region.")]
EndpointUrl = Annotated[
    str | None, _option("--endpoint-url", metavar="URL", panel=_REACHING, help="An S3-compatible store.")
]
Addressing = Annotated[
    str,
    _option(
        "--addressing",
        metavar="auto|path|virtual",
        panel=_REACHING,
        help="Where the bucket's name stands in the URL: path suits most compatible stores.",
    ),
]
CaBundle = Annotated[
    str | None, _option("--ca-bundle", metavar="PEM", panel=_REACHING, help="Certificates to trust instead.")
]
Accelerate = Annotated[
    bool, _option("--accelerate", panel=_REACHING, help="S3 Transfer Acceleration; the bucket must allow it.")
]
Dualstack = Annotated[bool, _option("--dualstack", panel=_REACHING, help="Endpoints that speak IPv6, too.")]
Fips = Annotated[bool, _option("--fips", panel=_REACHING, help="FIPS 140 endpoints.")]
FilesFrom = Annotated[
    str | None,
    _option(
        "--files-from",
        metavar="FILE|-",
        panel=_SENDING,
        help="Paths from a file or stdin, one a line or each ended by a NUL.",
    ),
]
Include = Annotated[
    list[str] | None,
    _option("--include", metavar="GLOB", panel=_SENDING, help="Only names that fit; may be repeated."),
]
Exclude = Annotated[
    list[str] | None, _option("--exclude", metavar="GLOB", panel=_SENDING, help="No names that fit; may be repeated.")
]
Sandbox = Annotated[
    bool, _option("--sandbox", panel=_SENDING, help="To a local S3 of its own for this run; gone afterwards.")
]
Progress = Annotated[
    str,
    _option(
        "--progress",
        metavar="auto|bar|plain|none",
        panel=_TELLING,
        help="plain: a line every 30 s and nothing that moves, for screen readers and logs; none: no progress at all.",
    ),
]
StateDir = Annotated[
    Path | None,
    _option("--state-dir", metavar="DIR", panel=_TELLING, help="Where journals and receipts lie, to resume from."),
]
Receipt = Annotated[
    str | None,
    _option("--receipt", metavar="PATH", panel=_TELLING, help="Write the receipt here; a directory ends in /."),
]
Json = Annotated[bool, _option("--json", panel=_TELLING, help="JSON Lines on stdout; the last one is the result.")]
Quiet = Annotated[bool, _option("--quiet", panel=_TELLING, help="Say nothing but errors.")]
Verbose = Annotated[bool, _option("--verbose", panel=_TELLING, help="Tell each part and retry; show tracebacks.")]
LogFile = Annotated[
    Path | None, _option("--log-file", metavar="PATH", panel=_TELLING, help="Append every event, as JSON Lines.")
]
NoColor = Annotated[bool, _option("--no-color", panel=_TELLING, help="As NO_COLOR does.")]

SandboxPort = Annotated[
    int,
    typer.Option(
        "--port", min=0, max=65535, envvar=environment_variable("--port"), show_envvar=False,
        help="Where to listen on 127.0.0.1; 0 takes any that is free.",
    ),
]  # fmt: skip
SandboxBucket = Annotated[
    str,
    typer.Option(
        "--bucket", metavar="NAME", envvar=environment_variable("--bucket"), show_envvar=False, help="The bucket."
    ),
]
SandboxDirectory = Annotated[
    Path | None,
    typer.Option(
        "--dir", metavar="DIR", envvar=environment_variable("--dir"), show_envvar=False,
        help="Keep objects as plain files DIR/BUCKET/KEY; needs rclone.",
    ),
]  # fmt: skip
