"""Parquet files, looked into by a child process: a malformed footer aborts the process that reads it."""

from tiktok_upload.parquet.inspector import Inspection, Inspector, Question

__all__ = ["Inspection", "Inspector", "Question"]
