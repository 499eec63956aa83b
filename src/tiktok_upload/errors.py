"""One tree of errors; each class bears the exit code a script acts on.

    UploadToolError                 1  unexpected
    ├── UsageError                  2  wrong option or setting
    ├── DataError                   3  not sound, or breaks its contract
    ├── SourceError                 4  cannot be read or inspected
    │   └── SourceChangedError      4  changed while it was sent
    ├── CredentialsError            5  none, expired, refused; clock wrong
    ├── StoreRefusedError           6  no bucket, access denied
    ├── TransferError               7  network or store failed after all retries
    │   └── DeadlineError           7  the time given ran out
    ├── WrongObjectError            8  the stored object is not the file sent
    ├── JournalError                9  locked, damaged, disk full
    ├── OutcomeUnknownError        10  the store no longer tells
    ├── ConflictError              11  another object is already there
    └── InterruptedUploadError 130/143  Ctrl-C, SIGTERM

A message says what happened; `kept` says what is safe; `hint` says what to do.
None of them ever holds a secret, a signed URL or a value of the user's data.
"""

from typing import ClassVar


class UploadToolError(Exception):
    """The root: whatever this tool raises on purpose.

    Attributes:
        code: A short stable name for machines.
        exit_code: What the command exits with.
        resumable: Whether running the same command again continues the upload.
        hint: What to do, one sentence.
        kept: What is safe, or an empty string where nothing was begun.
    """

    code: ClassVar[str] = "unexpected"
    exit_code: int = 1
    resumable: ClassVar[bool] = False
    default_hint: ClassVar[str] = "please report this as a bug, with the output of the same command and --verbose"

    def __init__(self, message: str, *, hint: str = "", kept: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint
        self.kept = kept
        self.name = code or self.code


class UsageError(UploadToolError):
    """A wrong option, setting or combination of them."""

    code = "usage"
    exit_code = 2
    default_hint = "see tiktok-upload --help"


class DataError(UploadToolError):
    """The file is no sound parquet file or breaks its contract."""

    code = "data"
    exit_code = 3
    default_hint = "mend the file and run the same command again"


class SourceError(UploadToolError):
    """The file cannot be read, or not be inspected within the limits."""

    code = "source"
    exit_code = 4
    default_hint = "look at the file, then run the same command again"


class SourceChangedError(SourceError):
    """The file changed while it was sent; no object was made of it."""

    code = "source_changed"
    resumable = True
    default_hint = "run the same command again when nothing writes to the file any more"


class CredentialsError(UploadToolError):
    """Credentials are missing, expired or refused, or the clock is wrong."""

    code = "credentials"
    exit_code = 5
    resumable = True
    default_hint = "log in again (for example: aws sso login), then run the same command again"


class StoreRefusedError(UploadToolError):
    """The store says no, and will say so again."""

    code = "refused"
    exit_code = 6
    resumable = True
    default_hint = "ask the bucket's owner for the right, then run the same command again"


class TransferError(UploadToolError):
    """The network or the store failed until the retry budget was used up."""

    code = "transfer"
    exit_code = 7
    resumable = True
    default_hint = "run the same command again to continue"


class DeadlineError(TransferError):
    """The time that --deadline gave ran out."""

    code = "deadline"


class WrongObjectError(UploadToolError):
    """The stored object is not the file that was sent, or it is gone."""

    code = "wrong_object"
    exit_code = 8
    default_hint = "do not use the object; upload the file again with --restart --overwrite"


class JournalError(UploadToolError):
    """The upload's state is locked, damaged or cannot be written."""

    code = "journal"
    exit_code = 9
    resumable = True
    default_hint = "free some space or choose another --state-dir, then run the same command again"


class OutcomeUnknownError(UploadToolError):
    """The store no longer tells whether the object was completed."""

    code = "outcome_unknown"
    exit_code = 10
    default_hint = "look whether the object is there; if it is not, run the same command with --restart"


class ConflictError(UploadToolError):
    """Another object is already at the key."""

    code = "conflict"
    exit_code = 11
    resumable = True
    default_hint = "choose another key, or replace the object with --overwrite"


class InterruptedUploadError(UploadToolError):
    """Somebody stopped the run; what was stored is kept."""

    code = "interrupted"
    exit_code = 130
    resumable = True
    default_hint = "run the same command again to continue"

    def __init__(self, message: str, *, exit_code: int = 130, hint: str = "", kept: str = "") -> None:
        super().__init__(message, hint=hint, kept=kept)
        self.exit_code = exit_code
