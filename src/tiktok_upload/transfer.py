"""The loop: decide, act, write the fact, sync, tell.

One control thread owns all deliveries, their journals and the events; workers run jobs and put
outcomes into one inbox. Any number of files goes through with only so many open at once; a push
of one file is a push of many.
"""

import queue
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from tiktok_upload.delivery import Delivery, Retried
from tiktok_upload.delivery_jobs import look_job, part_job, step_job
from tiktok_upload.delivery_outcomes import take, take_retry
from tiktok_upload.delivery_report import finish
from tiktok_upload.errors import UploadToolError
from tiktok_upload.events import (
    MOST_LISTED,
    FileDone,
    FileFailed,
    FileReport,
    Observer,
    Progress,
    RequestMade,
    RunReport,
    Started,
    Status,
    summarize,
)
from tiktok_upload.flight import Flight
from tiktok_upload.inputs import Input, size_of
from tiktok_upload.journal import JournalDirectory
from tiktok_upload.look import Looked
from tiktok_upload.pace import Bounds
from tiktok_upload.pool import DaemonPool
from tiktok_upload.retry import Clock
from tiktok_upload.state import Step, next_step
from tiktok_upload.stop import Stop

_TICK_S = 0.5  # of the loop while nothing happens; a lower one costs wake-ups, a higher one a jerky display
_FIRST_TICKS_S = 0.05  # while the number in flight is found
_PROGRESS_S = 1.0  # INTERFACE: at most one progress event a second
# How long a stop waits for workers to leave by themselves; the rest are left behind in their
# daemon threads. A signal must end the command within two seconds.
_GRACE_S = 1.2

_ENDS = {Step.DONE, Step.STOP}
_NOTHING_TO_BEGIN = _ENDS | {Step.WAIT}


@dataclass(frozen=True, slots=True)
class _Message:
    delivery: Delivery
    step: Step
    number: int | None
    outcome: object


class Transfer:
    """A run over many files.

    Args:
        inputs: In the order given, with the key each goes to (None where nothing is sent).
        start: Makes a delivery of an input.
        look: The job that looks at a file; runs apart from the workers that send.
        settle: Called with an ended delivery and its report (to write a receipt); returns the report to tell.
        journals: Where facts are synced.
        observe: Told of events, after the facts behind them are durable.
        stop: Ends the run.
        bounds: How many requests are in flight at once.
        clock: Monotonic seconds.
        requests: Where workers put what they asked the store.
    """

    def __init__(
        self,
        inputs: list[tuple[Input, str | None]],
        *,
        start: Callable[[int, Input, str | None, Callable[[Delivery, Retried], None]], Delivery],
        look: Callable[[Delivery], Looked],
        settle: Callable[[Delivery, FileReport], FileReport],
        journals: JournalDirectory,
        observe: Observer,
        stop: Stop,
        bounds: Bounds,
        clock: Clock,
        requests: "queue.SimpleQueue[RequestMade] | None" = None,
    ) -> None:
        self._inputs = inputs
        self._waiting: Iterator[tuple[int, tuple[Input, str | None]]] = enumerate(inputs)
        self._start = start
        self._look = look
        self._settle = settle
        self._journals = journals
        self._observe = observe
        self._stop = stop
        self._bounds = bounds
        self._flight = Flight(bounds, clock())
        self._clock = clock
        self._requests = requests
        self._inbox: queue.SimpleQueue[_Message | None] = queue.SimpleQueue()
        self._active: list[Delivery] = []
        self._reports: dict[int, FileReport] = {}
        self._counts: Counter[str] = Counter()
        self._bytes_total = sum(size_of(item.path) for item, _ in inputs)
        self._bytes_ended = self._bytes_sent_ended = 0
        self._started_s = self._told_s = clock()
        self._left_at_s: float | None = None

    def run(self) -> RunReport:
        """Take every file to its end, or to a stop."""
        self._stop.wake = lambda: self._inbox.put(None)
        workers = DaemonPool(self._bounds.most, "worker")
        looker = DaemonPool(1, "look")
        self._observe(Started(len(self._inputs), self._bytes_total))
        try:
            while self._admit():
                self._dispatch(workers, looker)
                self._end_those_done()
                if self._active:
                    self._take_all()
                    self._flight.look(self._active, self._clock())
                    self._sync_and_tell(self._active)
                    self._tell_progress()
        finally:
            for pool in (workers, looker):
                pool.shutdown(wait=False, cancel_futures=True)
            for delivery in self._active:
                delivery.close()
        return self._report()

    # ------------------------------------------------------------------------------------------------------- deciding
    def _admit(self) -> bool:
        """Open as many files as may have requests in flight; whether any is open."""
        while len(self._active) < self._bounds.most and not self._stop.is_set():
            index, (item, key) = next(self._waiting, (None, (None, None)))
            if index is None or item is None:
                break
            delivery = self._start(index, item, key, self._retried)
            if item.error is not None:
                delivery.fail(item.error)
            self._active.append(delivery)
        return bool(self._active)

    def _dispatch(self, workers: DaemonPool, looker: DaemonPool) -> None:
        """Fill the free slots, earlier files first."""
        for delivery in self._active:
            while (step := self._next(delivery)) not in _NOTHING_TO_BEGIN:
                if step is Step.LOOK:
                    self._submit(looker, delivery, step, None, look_job(delivery, self._look))
                    continue
                if not self._flight.has_room(step):
                    break
                number, job = part_job(delivery) if step is Step.UPLOAD else (None, step_job(delivery, step))
                self._flight.begun(step)
                self._submit(workers, delivery, step, number, job)
        self._flight.filled(self._clock())

    def _next(self, delivery: Delivery) -> Step:
        view = delivery.view(stopping=self._stop.is_set())
        # A worker that is stuck on a socket is left behind: to whoever waits, nothing is under way any more.
        return next_step(replace(view, busy=False, in_flight=0) if self._is_over() else view)

    def _is_over(self) -> bool:
        """Whether a stop has waited long enough for the workers."""
        if not self._stop.is_set():
            return False
        if self._left_at_s is None:
            self._left_at_s = self._clock() + _GRACE_S
        return self._clock() >= self._left_at_s

    def _submit(
        self, pool: DaemonPool, delivery: Delivery, step: Step, number: int | None, job: Callable[[], Any]
    ) -> None:
        def landed(future: Future[Any]) -> None:
            if not future.cancelled():
                self._inbox.put(_Message(delivery, step, number, future.exception() or future.result()))

        pool.submit(job).add_done_callback(landed)

    def _retried(self, delivery: Delivery, retried: Retried) -> None:
        self._inbox.put(_Message(delivery, Step.WAIT, None, retried))

    # --------------------------------------------------------------------------------------------------- what happened
    def _take_all(self) -> None:
        """Wait for one outcome, then take all that wait: their facts are synced together."""
        tick_s = _FIRST_TICKS_S if self._clock() - self._started_s < 1.0 else _TICK_S
        wait_s = tick_s if self._left_at_s is None else min(tick_s, max(0.0, self._left_at_s - self._clock()))
        try:
            message = self._inbox.get(timeout=wait_s)
            while True:
                self._take(message)
                message = self._inbox.get_nowait()
        except queue.Empty:
            return

    def _take(self, message: _Message | None) -> None:
        if message is None:
            return
        if message.step not in (Step.WAIT, Step.LOOK):
            self._flight.landed(message.step, message.outcome, self._clock())
        if isinstance(message.outcome, Retried):
            self._flight.retried(message.outcome, self._clock())
            take_retry(message.delivery, message.outcome)
        else:
            take(message.delivery, message.step, message.number, message.outcome)

    def _sync_and_tell(self, deliveries: Iterable[Delivery]) -> None:
        """Make the waiting facts durable, then tell of them; what could not be made durable is not told."""
        by_journal = {delivery.journal: delivery for delivery in deliveries if delivery.journal is not None}
        failures = self._journals.sync(by_journal)
        self._tell_requests()
        for journal, error in failures.items():
            by_journal[journal].events.clear()
            by_journal[journal].fail(error)
        for delivery in deliveries:
            events, delivery.events = delivery.events, []
            for event in events:
                self._observe(event)

    def _tell_requests(self) -> None:
        while self._requests is not None and not self._requests.empty():
            self._observe(self._requests.get())

    def _tell_progress(self) -> None:
        now = self._clock()
        if now - self._told_s < _PROGRESS_S:
            return
        self._told_s = now
        files = tuple(delivery.progress() for delivery in self._active)
        self._observe(
            Progress(
                files=files,
                files_done=sum(self._counts.values()),
                files_total=len(self._inputs),
                bytes_total=self._bytes_total,
                bytes_stored=self._bytes_ended + sum(file.bytes_stored for file in files),
                bytes_sent=self._bytes_sent_ended
                + sum(file.bytes_stored - file.bytes_reused + file.bytes_in_flight for file in files),
                seconds=now - self._started_s,
            )
        )

    # --------------------------------------------------------------------------------------------------------- the end
    def _end_those_done(self) -> None:
        ending = {delivery: step for delivery in self._active if (step := self._next(delivery)) in _ENDS}
        for delivery, step in ending.items():
            self._end(delivery, None if step is Step.DONE else self._status_of(delivery))
        self._active = [delivery for delivery in self._active if delivery not in ending]

    def _status_of(self, delivery: Delivery) -> Status:
        return "failed" if delivery.error is not None else self._stopped_status()

    def _stopped_status(self) -> Status:
        error = self._stop.error
        return "interrupted" if error is not None and error.code == "interrupted" else "failed"

    def _end(self, delivery: Delivery, status: Status | None) -> None:
        error = self._stop.error if status is not None else None
        report = finish(delivery, status, error, self._clock() - delivery.started_s)
        if report.error is None:
            report = self._settle(delivery, report)
        self._sync_and_tell([delivery])
        delivery.close()
        if delivery.journal is not None:
            self._journals.forget(delivery.journal.name)
        self._keep(delivery.index, report)
        self._observe(FileDone(report) if report.error is None else FileFailed(report))

    def _keep(self, index: int, report: FileReport) -> None:
        self._counts[report.status] += 1
        self._bytes_ended += report.bytes_sent + report.bytes_reused
        self._bytes_sent_ended += report.bytes_sent
        if len(self._inputs) <= MOST_LISTED or report.error is not None:
            self._reports[index] = report

    def _report(self) -> RunReport:
        if self._stop.error is not None:
            for index, (item, key) in self._waiting:  # never begun
                delivery = self._start(index, item, key, self._retried)
                self._keep(index, finish(delivery, self._stopped_status(), self._stop.error, 0.0))
        reports = [report for _, report in sorted(self._reports.items())]
        return summarize(
            reports,
            seconds=self._clock() - self._started_s,
            counts=dict(self._counts),
            run_error=self._run_error(reports),
        )

    def _run_error(self, reports: list[FileReport]) -> UploadToolError | None:
        """What cut the run, with what the first file that it cut keeps; a stop that came too late changes nothing."""
        reason = self._stop.error
        if reason is None:
            return None
        return next((report.error for report in reports if report.error and report.error.name == reason.name), None)
