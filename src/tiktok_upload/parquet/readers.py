"""The units of a full check, shared out among child processes as each gets free."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tiktok_upload.errors import InterruptedUploadError, SourceChangedError
from tiktok_upload.parquet.asker import Asker, Order

Json = dict[str, Any]


def read_units(
    askers: Sequence[Asker],
    order: Order,
    units: Sequence[Json],
    identity: dict[str, int],
    on_progress: Callable[[int, int], None] | None,
) -> list[Json]:
    """Have all units done; returns what was found, in their order.

    Args:
        askers: One thread each.
        order: The question that the units came from.
        units: As the child planned them, the longest first.
        identity: Of the file that it planned them for.
        on_progress: Hears the bytes done of all units.

    Raises:
        SourceChangedError: Another file is there now.
        UploadToolError: As `Asker.ask`; the first one stands, and ends the others.
    """
    work = _Work(order, units, identity, on_progress)
    threads = [threading.Thread(target=work.serve, args=(asker,), name="parquet-reader") for asker in askers[1:]]
    for thread in threads:
        thread.start()
    work.serve(askers[0])
    for thread in threads:
        thread.join()
    if work.errors:
        raise work.errors[0]
    return [work.found[number] for number in range(len(units))]


class _Work:
    """What is left, and what was found. Its lists and counters are only touched under the lock, or by one thread."""

    def __init__(
        self,
        order: Order,
        units: Sequence[Json],
        identity: dict[str, int],
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        self._order = order
        self._left = deque(enumerate(units))
        self._identity = identity
        self._on_progress = on_progress
        self._total = sum(unit["weight"] for unit in units)
        self._done: dict[int, int] = {}
        self._lock = threading.Lock()
        self.found: dict[int, Json] = {}
        self.errors: list[Exception] = []

    def serve(self, asker: Asker) -> None:
        """Do units until there are none."""
        while not self.errors:
            with self._lock:
                if not self._left:
                    return
                number, unit = self._left.popleft()
            try:
                self._do(asker, number, unit)
            except Exception as exc:  # noqa: BLE001 - raised by whoever waits for all
                self._fail(exc)

    def _do(self, asker: Asker, number: int, unit: Json) -> None:
        def heard(done: int, _total: int) -> None:
            with self._lock:
                self._done[number] = done
                if self._on_progress:
                    self._on_progress(sum(self._done.values()), self._total)

        order = replace(self._order, unit=unit, on_progress=heard, cancelled=self._cancelled)
        answer = asker.ask(order)
        if answer.identity != self._identity:
            raise SourceChangedError(f"{order.name} changed while it was inspected")
        self.found[number] = answer.found
        heard(unit["weight"], unit["weight"])

    def _cancelled(self) -> bool:
        return bool(self.errors) or self._order.cancelled()

    def _fail(self, exc: Exception) -> None:
        """Keep the cause; that the others stop is its consequence."""
        with self._lock:
            if not self.errors or isinstance(self.errors[0], InterruptedUploadError):
                self.errors.insert(0, exc)
