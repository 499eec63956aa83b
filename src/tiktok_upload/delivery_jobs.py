"""The step that comes next, as a job for a worker; the delivery counts it as under way."""

import functools
import heapq
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tiktok_upload import jobs
from tiktok_upload.body import ByteCount
from tiktok_upload.delivery import Delivery, Retried
from tiktok_upload.faults import StoreFault
from tiktok_upload.jobs import Work
from tiktok_upload.look import Looked
from tiktok_upload.reconcile import CHECKED_AT, NONCE, ROWS, TOOL
from tiktok_upload.state import Step

Job = Callable[[], Any]


def look_job(delivery: Delivery, look: Callable[[Delivery], Looked]) -> Job:
    """The job that looks at the file."""
    delivery.busy = True
    return functools.partial(look, delivery)


def part_job(delivery: Delivery) -> tuple[int, Job]:
    """The lowest pending part's number, and the job that sends it."""
    number = heapq.heappop(delivery.pending)
    count = delivery.in_flight[number] = ByteCount()
    delivery.stage = "sending"
    part, doubted = delivery.planned.plan.part(number), delivery.state.doubted.get(number)
    return number, functools.partial(jobs.send_part, _work(delivery), _upload_id(delivery), part, doubted, count)


def step_job(delivery: Delivery, step: Step) -> Job:
    """The job of any other step that the store has a part in."""
    delivery.busy = True
    return _JOBS[step](delivery, _work(delivery))


def _observe(delivery: Delivery, work: Work) -> Job:
    state, inventory = delivery.state, work.tools.inventory
    known_etag = state.confirmed.etag if state.completed and state.confirmed else None
    # Only the first time, and not of an upload that was begun: what happened since is not in the listing.
    is_listed = not delivery.is_plan_told and (known_etag is not None or not delivery.was_planned)
    if inventory is not None and is_listed:
        return functools.partial(jobs.observe_listed, work, inventory, known_etag)
    return functools.partial(jobs.observe, work, state.upload_id)


def _compare(delivery: Delivery, work: Work) -> Job:
    delivery.stage = "comparing"
    if delivery.to_compare is None:
        raise LookupError("no object to compare with")
    return functools.partial(jobs.compare, work, delivery.to_compare)


def _create(delivery: Delivery, work: Work) -> Job:
    return functools.partial(jobs.create, work, _metadata(delivery))


def _put(delivery: Delivery, work: Work) -> Job:
    delivery.stage = "sending"
    count = delivery.in_flight[1] = ByteCount()
    asked_before, delivery.asked_before = delivery.asked_before, True
    return functools.partial(jobs.put_object, work, _metadata(delivery), count, asked_before=asked_before)


def _complete(delivery: Delivery, work: Work) -> Job:
    delivery.stage = "finishing"
    asked_before, delivery.asked_before = delivery.asked_before, True
    return functools.partial(jobs.complete, work, _upload_id(delivery), delivery.parts(), asked_before=asked_before)


def _confirm(_delivery: Delivery, work: Work) -> Job:
    return functools.partial(jobs.confirm, work)


def _abort_stale(delivery: Delivery, work: Work) -> Job:
    return functools.partial(jobs.abort, work, delivery.state.stale[0])


_JOBS: dict[Step, Callable[[Delivery, Work], Job]] = {
    Step.OBSERVE: _observe,
    Step.COMPARE: _compare,
    Step.CREATE: _create,
    Step.PUT: _put,
    Step.COMPLETE: _complete,
    Step.CONFIRM: _confirm,
    Step.ABORT_STALE: _abort_stale,
}


def _work(delivery: Delivery) -> Work:
    tools, source = delivery.frame.tools, delivery.source
    if tools is None or source is None:
        raise LookupError("nothing can be sent")

    def tell(doing: str, attempt: int, fault: StoreFault, delay_s: float) -> None:
        delivery.tell(delivery, Retried(doing, attempt, fault, delay_s))

    # The wish to overwrite is this run's, whatever an earlier one was started with.
    planned, overwrite = delivery.planned, delivery.frame.options.overwrite
    if planned.overwrite != overwrite:
        planned = replace(planned, overwrite=overwrite)
    return Work(tools, source, planned, ended=lambda: delivery.error is not None, tell=tell)


def _upload_id(delivery: Delivery) -> str:
    if delivery.state.upload_id is None:
        raise LookupError("no upload is open")
    return delivery.state.upload_id


def _metadata(delivery: Delivery) -> dict[str, str]:
    planned = delivery.planned
    rows = delivery.facts.rows if delivery.facts else 0
    return {NONCE: planned.nonce, ROWS: str(rows), TOOL: planned.tool, CHECKED_AT: planned.checked_at}
