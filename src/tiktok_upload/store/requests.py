"""One request at a time, timed and told of."""

import time
from collections.abc import Callable
from typing import Any

from tiktok_upload.events import RequestMade
from tiktok_upload.faults import StoreFault
from tiktok_upload.retry import ATTEMPT
from tiktok_upload.store.connection import Clients
from tiktok_upload.store.s3_faults import faults

_COMPLETE = "complete_multipart_upload"

Trace = Callable[[RequestMade], None]


def untold(_: RequestMade) -> None:
    """Nobody writes it down."""


class Requests:
    """Calls operations of boto3 by their names.

    Args:
        clients: Made once and used by all threads.
        trace: Told of every request, in the thread that made it.
    """

    def __init__(self, clients: Clients, trace: Trace) -> None:
        self._clients = clients
        self._trace = trace

    def __call__(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The answer.

        Raises:
            StoreFault: The request failed.
        """
        client = self._clients.patient if operation == _COMPLETE else self._clients.quick
        generation, begun = self._clients.credentials_generation, time.monotonic()
        try:
            with faults(on_complete=operation == _COMPLETE):
                answer: dict[str, Any] = dict(getattr(client, operation)(**parameters))
        except StoreFault as fault:
            fault.credentials = generation
            self._tell(operation, parameters, begun, (fault.status, str(fault.code), fault.request_id))
            raise
        meta = answer.get("ResponseMetadata", {})
        outcome = (int(meta.get("HTTPStatusCode", 0)), "", str(meta.get("RequestId", "")))
        self._tell(operation, parameters, begun, outcome)
        return answer

    def _tell(self, operation: str, parameters: dict[str, Any], begun: float, outcome: tuple[int, str, str]) -> None:
        self._trace(
            RequestMade(
                operation,
                str(parameters.get("Key", "")),
                parameters.get("PartNumber"),
                max(1, ATTEMPT.get()),
                *outcome,
                milliseconds=round(1_000 * (time.monotonic() - begun)),
            )
        )
