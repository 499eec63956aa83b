"""The composition root: what the command does, callable from Python.

report = push(["events.parquet"], to="s3://bucket/in/")
report.exit_code, report.files[0].checksum
"""

import contextlib
import datetime as dt
import functools
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tiktok_upload.accepting import contract_for, settled
from tiktok_upload.contract import Contract
from tiktok_upload.delivery import Delivery, Frame, Retried
from tiktok_upload.destination import Destination, parse_destination, refuse_collisions
from tiktok_upload.errors import (
    DeadlineError,
    JournalError,
    UsageError,
)
from tiktok_upload.events import (
    FileReport,
    Notice,
    Observer,
    RequestMade,
    RunReport,
)
from tiktok_upload.facts import Fingerprint
from tiktok_upload.foresight import OPEN_WAY, Foresight
from tiktok_upload.inputs import Input, find_inputs, names_one_file, selected
from tiktok_upload.inventory import Inventory
from tiktok_upload.jobs import Tools
from tiktok_upload.journal import Journal, JournalDirectory, default_state_directory, set_aside, upload_name
from tiktok_upload.look import Agreement, Demands, Looked, look
from tiktok_upload.pace import Bounds
from tiktok_upload.parquet import Inspector
from tiktok_upload.receipt import receipt_json, receipt_path, write_receipt
from tiktok_upload.reconcile import RESERVED_METADATA
from tiktok_upload.records import Record
from tiktok_upload.settings import PushOptions
from tiktok_upload.state import fold
from tiktok_upload.stop import Stop
from tiktok_upload.store import Clients, S3Store
from tiktok_upload.text import escape
from tiktok_upload.transfer import Transfer
from tiktok_upload.units import format_duration
from tiktok_upload.version import __version__
from tiktok_upload.wiring import bounds_for, clients_for, tools_for

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""Files, directories and globs: one, or several."""


def nobody(_: object) -> None:
    """An observer that does not listen."""


def push(
    paths: Paths,
    *,
    to: str,
    options: PushOptions | None = None,
    state_directory: Path | None = None,
    receipt: str | None = None,
    observe: Observer = nobody,
    stop: Stop | None = None,
) -> RunReport:
    """Check, send, verify and write receipts; continues what an earlier run began.

    Args:
        paths: Files, directories and globs.
        to: `s3://bucket/prefix/`, or one key for one file.
        options: How.
        state_directory: Where journals and receipts lie; the user's state directory if None.
        receipt: A file, or a directory if it is one or ends in `/`.
        observe: Told of events.
        stop: Ends the run early; what is stored stays to be continued.

    Returns:
        The report, also where files failed; their errors are in it.

    Raises:
        UploadToolError: Nothing could be begun: a wrong setting, no credentials, no state directory.
    """
    options = options or PushOptions()
    inputs = _named(_texts(paths), parse_destination(to), options)
    _refuse_reserved(options)
    directory = state_directory or default_state_directory()
    run = Run(options, directory, receipt, observe, stop or Stop())
    with Inspector() as inspector, JournalDirectory(directory) as journals:
        inspector.start()  # takes as long as connecting: both at once
        run = replace(run, contract=contract_for(options, inspector), options=settled(options))
        return run.push(inputs, parse_destination(to).bucket, inspector, journals)


def check(
    paths: Paths,
    *,
    options: PushOptions | None = None,
    observe: Observer = nobody,
    stop: Stop | None = None,
) -> RunReport:
    """Everything that `push` checks, sending nothing and writing nothing."""
    run = Run(options or PushOptions(), default_state_directory(), None, observe, stop or Stop())
    with Inspector() as inspector, JournalDirectory(default_state_directory()) as journals:
        inspector.start()
        inputs = selected(find_inputs(_texts(paths)), run.options.include, run.options.exclude)
        run = replace(run, contract=contract_for(run.options, inspector))
        return run.check(inputs, inspector, journals)


@dataclass(frozen=True)
class Run:
    """The settings of one run, and the parts that are put together for it.

    Attributes:
        directory: The state directory.
        receipt: As the user gave it.
        contract: What the files are held against; None for nothing.
    """

    options: PushOptions
    directory: Path
    receipt: str | None
    observe: Observer
    stop: Stop
    contract: Contract | None = None

    def push(
        self,
        inputs: list[tuple[Input, str]],
        bucket: str,
        inspector: Inspector,
        journals: JournalDirectory,
        *,
        begun_at: str | None = None,
    ) -> RunReport:
        """Connect and deliver.

        Args:
            inputs: Each file with its key.
            bucket: Where to.
            inspector: Looks into the files.
            journals: Of the state directory.
            begun_at: The endpoint that an earlier run had; another one now is refused.

        Raises:
            UploadToolError: Nothing can be begun.
        """
        receipt_path(self.receipt, self.directory, "", "", several=len(inputs) > 1)  # refuse before anything is sent
        clients = clients_for(self.options, connections=self._bounds.most + 2)
        if begun_at is not None and clients.endpoint != begun_at:
            raise UsageError(
                "these uploads were begun at another store than the settings lead to now",
                hint="set the endpoint as it was (AWS_ENDPOINT_URL_S3, the profile), or drop them: uploads abort ID",
            )
        requests: queue.SimpleQueue[RequestMade] = queue.SimpleQueue()
        make = functools.partial(S3Store, clients, bucket, options=self.options.object_options, trace=requests.put)
        store = make(proof=self.options.proof)
        tools = tools_for(self.options, store, self.stop, clients)
        if self.options.may_fall_back:
            tools = replace(tools, lax_store=make(proof="md5"))
        inventory = Inventory([key for item, key in inputs if item.error is None], store.objects, time.monotonic)
        frame = self.frame(journals, bucket, clients.endpoint, replace(tools, inventory=inventory))
        observe = self._foreseeing(clients)
        with _deadline(self.options.deadline_s, self.stop):
            try:
                if not clients.is_private:
                    observe(Notice("", OPEN_WAY))
                told = replace(self, observe=observe)
                report = told.transfer(list(inputs), frame, inspector, journals, requests).run()
                if clients.region_found:
                    observe(Notice("", _region_notice(clients.region_found)))
                return report
            finally:
                clients.close()

    def check(self, inputs: list[Input], inspector: Inspector, journals: JournalDirectory) -> RunReport:
        """Look at all files."""
        keyless = [(item, None) for item in inputs]
        return self.transfer(list(keyless), self.frame(journals, "", "", None), inspector, journals).run()

    def transfer(
        self,
        inputs: Sequence[tuple[Input, str | None]],
        frame: Frame,
        inspector: Inspector,
        journals: JournalDirectory,
        requests: "queue.SimpleQueue[RequestMade] | None" = None,
    ) -> Transfer:
        """The loop over these files, put together."""

        def start(index: int, item: Input, key: str | None, tell: Callable[[Delivery, Retried], None]) -> Delivery:
            return Delivery(frame, index, item, key, time.monotonic(), tell)

        demands = self._demands()

        def look_at(delivery: Delivery) -> Looked:
            def heard(done: int, total: int) -> None:
                delivery.checking = (done, total)

            judged_at = functools.partial(_judged_at, frame, delivery)
            return look(inspector, delivery.input.path, self.stop, demands, judged_at=judged_at, on_progress=heard)

        def settle(delivery: Delivery, report: FileReport) -> FileReport:
            return self._with_receipt(delivery, report, several=len(inputs) > 1)

        return Transfer(
            list(inputs),
            start=start,
            look=look_at,
            settle=settle,
            journals=journals,
            observe=self.observe,
            stop=self.stop,
            bounds=self._bounds,
            clock=time.monotonic,
            requests=requests,
        )

    def _foreseeing(self, clients: Clients) -> Observer:
        return Foresight(
            self.observe,
            credentials_end=lambda: clients.credentials_end,
            bytes_per_s=self.options.max_bytes_per_s,
            now=lambda: dt.datetime.now(dt.UTC),
        )

    def frame(self, journals: JournalDirectory, bucket: str, endpoint: str, tools: Tools | None) -> Frame:
        """What the deliveries share."""

        def name(path: str, key: str) -> str:
            return upload_name(str(Path(path).absolute()), endpoint, bucket, key)

        def open_journal(path: str, key: str) -> Journal:
            if self.options.restart:
                _set_aside_unreadable(journals, self.directory, name(path, key))
            return journals.open(name(path, key))

        def peek(path: str, key: str) -> tuple[Record, ...]:
            return journals.peek(name(path, key))

        return Frame(
            options=self.options,
            bucket=bucket,
            endpoint=endpoint,
            tools=tools,
            open_journal=open_journal,
            peek_journal=peek,
            now=_now,
            nonce=lambda: os.urandom(16).hex(),
            version=__version__,
            contract=self.contract,
        )

    @functools.cached_property
    def _bounds(self) -> Bounds:
        return bounds_for(self.options)

    def _demands(self) -> Demands:
        options = self.options
        is_alone = options.contract is None and options.like is None and options.check != "none"
        return Demands(
            full=options.check == "full",
            contract=self.contract,
            guard=not options.allow_raw_personal_data,
            text_ranges=options.with_values,
            agreement=Agreement() if is_alone else None,
        )

    def _with_receipt(self, delivery: Delivery, report: FileReport, *, several: bool) -> FileReport:
        """Write the receipt of what is delivered; one that the user asked for by name must be written."""
        confirmed, journal = delivery.state.confirmed, delivery.journal
        if confirmed is None or journal is None or delivery.key is None:
            return report
        path = receipt_path(self.receipt, self.directory, journal.name, delivery.key, several=several)
        # What a receipt says of itself has no path above the given one; people and scripts are told all of it.
        named = replace(report, receipt=path.name if self.receipt is None else str(path))
        report = replace(report, receipt=str(path))
        content = receipt_json(
            named,
            delivery.planned,
            confirmed=confirmed,
            delivered_at=_now(),
            raw_personal_data=self.options.allow_raw_personal_data,
            contract_digest=self.contract.digest if self.contract else None,
        )
        try:
            write_receipt(path, content)
        except JournalError as error:
            if self.receipt is not None:
                return replace(report, receipt=None, error=error)
            return replace(report, receipt=None, warnings=(*report.warnings, error.message))
        return report


def _texts(paths: Paths) -> list[str]:
    """As texts; a single path is one path, not a sequence of its letters."""
    return [os.fspath(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]


def _named(paths: Sequence[str], destination: Destination, options: PushOptions) -> list[tuple[Input, str]]:
    """Each file with its key; no two share one."""
    inputs = selected(find_inputs(paths), options.include, options.exclude)
    if not destination.is_prefix and (len(inputs) > 1 or not names_one_file(paths)):
        raise UsageError(
            f"--to s3://{destination.bucket}/{escape(destination.key)} is one key, but there may be several files",
            hint="end it with / for a prefix",
        )
    named: list[tuple[Input, str]] = []
    for item in inputs:
        try:
            named.append((item, destination.key_for(item.name)))
        except UsageError as error:  # this one cannot go; the others can
            named.append((replace(item, error=error), ""))
    refuse_collisions((str(item.path), key) for item, key in named if item.error is None)
    return named


def _refuse_reserved(options: PushOptions) -> None:
    reserved = [name for name, _ in options.object_options.metadata if name.lower() in RESERVED_METADATA]
    if reserved:
        raise UsageError(f"--metadata {escape(reserved[0])} is this tool's own", hint="choose another name")


def _judged_at(frame: Frame, delivery: Delivery, fingerprint: Fingerprint) -> str:
    """When the file was first checked, if an upload of it was begun: it does not grow too old on the way."""
    if delivery.key is not None and not frame.options.restart:
        with contextlib.suppress(JournalError, ValueError):
            planned = fold(frame.peek_journal(delivery.path, delivery.key)).planned
            if planned is not None and planned.fingerprint.may_be_same_content(fingerprint):
                return planned.checked_at
    return frame.now()


@contextlib.contextmanager
def _deadline(deadline_s: float | None, stop: Stop) -> Iterator[None]:
    if deadline_s is None:
        yield
        return
    error = DeadlineError(f"the deadline of {format_duration(deadline_s)} came")
    timer = threading.Timer(deadline_s, stop.set, (error,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _set_aside_unreadable(journals: JournalDirectory, directory: Path, name: str) -> None:
    try:
        journals.peek(name)
    except JournalError:
        set_aside(directory, name)


def _region_notice(region: str) -> str:
    return f"the bucket is in {region}; it was followed there, --region {region} saves the way round"


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
