"""The command `tiktok-upload`."""

import sys
from collections.abc import Sequence
from typing import NoReturn

_LOOKING = ("push", "check")
_ASKING = {"--help", "--version"}

__all__ = ["main", "run"]


def main() -> NoReturn:
    """The installed command. A child that looks into files loads its parser while this process loads the rest."""
    if sys.argv[1:2] and sys.argv[1] in _LOOKING and _ASKING.isdisjoint(sys.argv):
        from tiktok_upload.parquet.process import start_ahead  # noqa: PLC0415 - only then

        start_ahead()
    from tiktok_upload.cli import app  # noqa: PLC0415 - slow to import

    app.main()


def run(arguments: Sequence[str]) -> int:
    """As `app.run`: for a caller in the same process."""
    from tiktok_upload.cli import app  # noqa: PLC0415 - slow to import

    return app.run(arguments)
