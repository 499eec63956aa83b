"""How the doctor goes from check to check: what failed early is not asked again, and no fault ends the visit."""

import time
from collections.abc import Callable
from typing import TypeVar

from tiktok_upload.doctor.report import Check, failed, skipped
from tiktok_upload.errors import UploadToolError
from tiktok_upload.faults import StoreFault
from tiktok_upload.pace import HoldOff
from tiktok_upload.retry import Budget, Retries, RetryPolicy
from tiktok_upload.stop import Cancelled, Stop

T = TypeVar("T")

_PATIENCE_S = 10.0  # for failures that may pass; lower calls a busy store broken, higher keeps people waiting
_GATES = ("dns", "connection", "clock", "credentials", "region", "bucket")  # without these nothing else makes sense


class Visit:
    """The checks so far.

    Args:
        observe: Told of each check at once.
        stop: Ends the visit between two requests.
    """

    def __init__(self, observe: Callable[[Check], None], stop: Stop) -> None:
        self._observe = observe
        self._stop = stop
        self._retries = _retries(stop.sleep)
        self._last_retries = _retries(time.sleep)
        self.checks: list[Check] = []

    def check(
        self,
        name: str,
        judge: Callable[[], Check],
        *,
        needs: tuple[str, ...] = (),
        is_cleaning: bool = False,
        needs_nothing: bool = False,
    ) -> Check:
        """Make a check and tell of it.

        Args:
            name: Of the check.
            judge: Asks and judges; whatever it raises is the check's failure.
            needs: Checks that must have been made and not failed, beside those that everything needs.
            is_cleaning: Made though the visit was stopped.
            needs_nothing: Made whatever failed.

        Raises:
            Cancelled: The visit was stopped.
        """
        if not is_cleaning:
            self._stop.check()
        broken = "" if needs_nothing else self._broken((*_GATES, *needs))
        return self._told(skipped(name, f"not tried: {broken}") if broken else _judged(name, judge))

    def skip_after(self, earlier: str, name: str) -> None:
        """Tell that there was nothing to do, because the earlier check came to nothing; if it was made at all."""
        if any(check.name == earlier for check in self.checks):
            self._told(skipped(name, f"not tried: {self._broken((*_GATES, earlier))}"))

    def _told(self, check: Check) -> Check:
        self.checks.append(check)
        self._observe(check)
        return check

    def heard(self, request: Callable[[], T], *, is_cleaning: bool = False) -> T | StoreFault:
        """The answer, or why there is none; what may pass is asked again for some seconds."""
        retries = self._last_retries if is_cleaning else self._retries
        try:
            return retries.call(request, lambda *_: None)
        except StoreFault as fault:
            return fault

    def _broken(self, needed: tuple[str, ...]) -> str:
        """Which of them stands in the way, in words; empty for none."""
        statuses = {check.name: check.status for check in self.checks}
        bad = [name for name in needed if statuses.get(name) in _in_the_way(name)]
        if not bad:
            return ""
        verb = "failed" if statuses[bad[0]] == "failed" else "was skipped"
        return f"{bad[0].replace('_', ' ')} {verb}"


def _in_the_way(name: str) -> tuple[str, ...]:
    # A clock or a region that the store does not tell is no obstacle.
    return ("failed",) if name in _GATES else ("failed", "skipped")


def _judged(name: str, judge: Callable[[], Check]) -> Check:
    try:
        return judge()
    except Cancelled:
        raise
    except UploadToolError as error:
        return failed(name, error)
    except Exception as exc:  # noqa: BLE001 - a bug of ours spoils one check, not the visit
        return failed(name, UploadToolError(f"unexpected {type(exc).__name__}: a bug of this tool"))


def _retries(sleep: Callable[[float], None]) -> Retries:
    policy = RetryPolicy(budget_s=_PATIENCE_S)
    budget = Budget(policy, time.monotonic)
    return Retries(policy, budget=budget, hold_off=HoldOff(), clock=time.monotonic, sleep=sleep)
