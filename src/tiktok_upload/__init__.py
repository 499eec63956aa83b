"""Upload parquet files of any size to S3: checked first, resumed after any interruption, proved at the end.

    >>> from tiktok_upload import push
    >>> report = push(["events.parquet"], to="s3://bucket/incoming/")  # doctest: +SKIP
    >>> report.exit_code, report.files[0].status                       # doctest: +SKIP
    (0, 'uploaded')

Each function returns a frozen `RunReport`, also where files failed: their errors are in it. What keeps a
run from beginning at all is raised as an `UploadToolError`. `observe=` is called with each event,
in the thread that called the function: a `Display` draws them, in a notebook, too. `stop=` takes
a `Stop`, which any thread may set.

    >>> from tiktok_upload import PushOptions, check
    >>> check(["no-such-file.parquet"], options=PushOptions(check="full")).exit_code
    4
"""

from typing import TYPE_CHECKING, Any

from tiktok_upload.version import __version__

if TYPE_CHECKING:
    from tiktok_upload.api import check, push
    from tiktok_upload.cli.notebook import Display
    from tiktok_upload.errors import UploadToolError
    from tiktok_upload.events import Event, FileReport, RunReport
    from tiktok_upload.resuming import resume
    from tiktok_upload.settings import Connection, ObjectOptions, PushOptions
    from tiktok_upload.stop import Stop
    from tiktok_upload.unfinished import Unfinished, uploads
    from tiktok_upload.verifying import verify

__all__ = [
    "Connection",
    "Display",
    "Event",
    "FileReport",
    "ObjectOptions",
    "PushOptions",
    "RunReport",
    "Stop",
    "Unfinished",
    "UploadToolError",
    "__version__",
    "check",
    "push",
    "resume",
    "uploads",
    "verify",
]

_HOMES = {
    "api": ("check", "push"),
    "cli.notebook": ("Display",),
    "errors": ("UploadToolError",),
    "events": ("Event", "FileReport", "RunReport"),
    "resuming": ("resume",),
    "settings": ("Connection", "ObjectOptions", "PushOptions"),
    "stop": ("Stop",),
    "unfinished": ("Unfinished", "uploads"),
    "verifying": ("verify",),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: the command line starts without most of them."""
    from importlib import import_module  # noqa: PLC0415 - at hand only where it is needed

    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"tiktok_upload.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
