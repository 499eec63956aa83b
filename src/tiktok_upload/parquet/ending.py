"""What it means that the child ended in the middle of a file: decisions only."""

import signal
import sys

from tiktok_upload.errors import SourceError
from tiktok_upload.facts import Finding

# What the child exits with where memory is too short even for an answer.
OUT_OF_MEMORY_EXIT = 71
_CRASHES = ("SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP")
# Windows: abort() exits with 3, an access violation and its like with an NTSTATUS of the class «error».
_WINDOWS_ABORT, _WINDOWS_ERRORS = 3, 0xC0000000
# The last words of a C++ or Python runtime that the limit stopped; a thread that cannot be started is one case of it.
_MEMORY_SIGNS = (b"bad_alloc", b"MemoryError", b"annot allocate memory", b"Resource temporarily unavailable")


def explain_end(name: str, returncode: int | None, last_words: bytes) -> Finding | SourceError | None:
    """A finding where the file killed the parser, an error where something else did; None where memory was too short.

    Args:
        name: The file's, as it is shown.
        returncode: As `Popen` has it: negative for a signal; None where the child is still there without its pipes.
        last_words: The end of its stderr; searched for signs, never shown.
    """
    if returncode == OUT_OF_MEMORY_EXIT or any(sign in last_words for sign in _MEMORY_SIGNS):
        return None
    how = _how(returncode)
    if _is_crash(returncode, how):
        return _parser_died(how, encrypted=b"ecrypt" in last_words)
    if how == "SIGKILL":
        return SourceError(
            f"{name} could not be inspected: the system killed the inspector, most likely for want of memory",
            hint="free some memory, then run the same command again",
        )
    return SourceError(f"{name} could not be inspected: the inspector was ended from outside ({how})")


def out_of_memory(name: str, memory_bytes: int) -> SourceError:
    """The file may be sound, but takes more than the inspector may use."""
    return SourceError(
        f"{name} needs more memory to inspect than is allowed ({memory_bytes / (1 << 20):,.0f} MiB)",
        hint="write it with fewer or smaller row groups, or with smaller pages",
    )


def _parser_died(how: str, *, encrypted: bool) -> Finding:
    if encrypted:
        cause = (
            "it has encrypted columns, which cannot be checked without their keys; write it without parquet encryption"
        )
    else:
        cause = "its footer is malformed or it has encrypted columns; write it again with a current writer"
    return Finding(
        rule="parser-died", severity="error", message=f"the parquet parser died on the file ({how}): {cause}"
    )


def _how(returncode: int | None) -> str:
    if returncode is None:
        return "its pipes are closed"
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"


def _is_crash(returncode: int | None, how: str) -> bool:
    if sys.platform == "win32":
        return returncode is not None and (returncode == _WINDOWS_ABORT or returncode >= _WINDOWS_ERRORS)
    return how in _CRASHES
