"""What the doctor says: checks, and what they add up to."""

from dataclasses import dataclass
from typing import Any, Literal

from tiktok_upload.errors import UploadToolError
from tiktok_upload.policy import Policy

CheckStatus = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: Stable, for machines: `send_part`.
        message: What was found and what it means.
        hint: What to do; empty where nothing is.
        actions: Rights to ask the administrator for: `s3:PutObject`, ...
        error: Only where it failed.
    """

    name: str
    status: CheckStatus
    message: str
    hint: str = ""
    actions: tuple[str, ...] = ()
    error: UploadToolError | None = None

    def to_json(self) -> dict[str, Any]:
        """The body of a `check` event."""
        return {
            "name": self.name,
            "status": self.status,
            "message": self.message,
            "hint": self.hint or None,
            "actions": list(self.actions),
        }


def ok(name: str, message: str) -> Check:
    """All is well."""
    return Check(name, "ok", message)


def warning(name: str, message: str, hint: str, actions: tuple[str, ...] = ()) -> Check:
    """An upload works, but not as well as it could."""
    return Check(name, "warning", message, hint, actions)


def failed(name: str, error: UploadToolError, actions: tuple[str, ...] = ()) -> Check:
    """An upload will not work, or cannot be resumed."""
    return Check(name, "failed", error.message, error.hint, actions, error)


def skipped(name: str, message: str) -> Check:
    """Nothing is known, and nothing is wrong by that."""
    return Check(name, "skipped", message)


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """What all checks found.

    Attributes:
        policy: An IAM policy with the rights that are missing; None where none is.
        error: Of the first check that failed, or of whoever stopped the run.
    """

    checks: tuple[Check, ...]
    seconds: float
    policy: Policy | None = None
    error: UploadToolError | None = None

    @property
    def exit_code(self) -> int:
        """As the command ends with."""
        return self.error.exit_code if self.error else 0

    @property
    def counts(self) -> dict[str, int]:
        """How many checks ended in each status, where any did."""
        statuses = [check.status for check in self.checks]
        every: tuple[CheckStatus, ...] = ("ok", "warning", "failed", "skipped")
        return {status: statuses.count(status) for status in every if status in statuses}


def first_error(checks: tuple[Check, ...]) -> UploadToolError | None:
    """That of the first check that failed, which the others may only follow from."""
    return next((check.error for check in checks if check.error is not None), None)


def missing_actions(checks: tuple[Check, ...]) -> tuple[str, ...]:
    """All rights to ask for, each once."""
    return tuple(dict.fromkeys(action for check in checks for action in check.actions))
