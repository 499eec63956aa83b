"""The command `tiktok-upload`."""

import gc
import sys
from collections.abc import Sequence
from typing import NoReturn

_LOOKING = ("push", "check")
_ASKING = {"--help", "--version"}
# Lower: imports alone set off dozens of collections, 5 % of a short run. Higher: cycles live longer.
_GARBAGE = 20_000

__all__ = ["main", "run"]


def main() -> NoReturn:
    """The installed command. A child that looks into files loads its parser while this process loads the rest."""
    gc.set_threshold(_GARBAGE)
    if sys.argv[1:2] and sys.argv[1] in _LOOKING and _ASKING.isdisjoint(sys.argv):
        from tiktok_upload.parquet.process import start_ahead  # noqa: PLC0415 - only then

        start_ahead()
    from tiktok_upload.cli import app  # noqa: PLC0415 - slow to import

    app.main()


def run(arguments: Sequence[str]) -> int:
    """As `app.run`: for a caller in the same process."""
    from tiktok_upload.cli import app  # noqa: PLC0415 - slow to import

    return app.run(arguments)
