"""The command `tiktok-upload`."""

from tiktok_upload.cli.app import main, run

__all__ = ["main", "run"]
