"""Uploads that were begun and not finished: what this machine knows of them, and what can be done.

This machine's journals say what is ours. What else is unfinished at the store belongs to somebody
unknown, and is shown but never touched.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tiktok_upload.answers import NoListing, UploadSurvey
from tiktok_upload.errors import JournalError, UsageError
from tiktok_upload.faults import StoreFault, explain
from tiktok_upload.journal import JournalDirectory, default_state_directory
from tiktok_upload.records import Aborted, Planned
from tiktok_upload.settings import PushOptions
from tiktok_upload.state import UploadState, fold
from tiktok_upload.store import Clients, S3Store
from tiktok_upload.text import escape

Standing = Literal["interrupted", "running", "damaged", "given up", "unknown owner"]

# S3 Standard in us-east-1, first 50 TB, as AWS lists it: an estimate of what parts cost that nobody removes.
DOLLARS_A_GIB_MONTH = 0.023
_SHOWN = 8  # characters of an id; any unique beginning of it will do


@dataclass(frozen=True, slots=True)
class Unfinished:
    """One unfinished upload.

    Attributes:
        id: Of this machine's journal; empty where only the store knows the upload.
        path: The file's absolute path; empty where it is not known.
        standing: `running` while another process has its lock; `given up` where the file is delivered, and an
            older upload of it could not be removed yet.
        size_bytes: Of the whole object; None where it is not known.
        stored_bytes: Of the parts that are stored, by the journal, or by the store where it was asked.
        begun_at, changed_at: RFC 3339.
        kept_until: When a rule of the bucket removes the parts; known only where the store was asked.
        given_up: Older uploads of the file that are to be removed, by the store's ids.
        dollars_a_month: What the stored parts cost, about.
    """

    id: str
    path: str
    uri: str
    standing: Standing
    size_bytes: int | None
    stored_bytes: int
    parts: int | None
    parts_stored: int
    begun_at: str
    changed_at: str
    upload_id: str | None
    kept_until: str | None = None
    given_up: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """How much of it is stored, 0 to 1."""
        return self.stored_bytes / self.size_bytes if self.size_bytes else 0.0

    @property
    def dollars_a_month(self) -> float:
        """At S3 Standard's price."""
        return self.stored_bytes / (1 << 30) * DOLLARS_A_GIB_MONTH

    @property
    def short_id(self) -> str:
        """Enough of the id to name it."""
        return self.id[:_SHOWN]


def uploads(state_directory: Path | None = None) -> tuple[Unfinished, ...]:
    """Every unfinished upload that this machine knows of, oldest change first; asks nobody else."""
    with JournalDirectory(state_directory or default_state_directory()) as journals:
        return tuple(known_here(journals))


def known_here(journals: JournalDirectory) -> list[Unfinished]:
    """Every unfinished upload of this machine's journals, oldest change first."""
    return [found for name in journals.names() if (found := _known(journals, name)) is not None]


def state_of(journals: JournalDirectory, name: str) -> UploadState:
    """An upload's state by its journal.

    Raises:
        JournalError: It is damaged, or of a newer version.
    """
    try:
        return fold(journals.peek(name))
    except ValueError as exc:
        raise JournalError("the state of this upload contradicts itself", code="journal_damaged") from exc


def find(journals: JournalDirectory, wanted: str) -> str:
    """The full name of the one upload that begins like this.

    Raises:
        UsageError: There is none, or more than one.
    """
    found = [name for name in journals.names() if wanted and name.startswith(wanted.lower())]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"there is no upload {escape(wanted)}", hint="see tiktok-upload uploads list")
    fits = ", ".join(name[: _SHOWN + 4] for name in found[:5])
    raise UsageError(f"{escape(wanted)} fits {len(found)} uploads: {fits}", hint="write more of the one that is meant")


def options_of(planned: Planned, **changes: Any) -> PushOptions:
    """The options that an upload was begun with.

    Raises:
        JournalError: The journal does not say them.
    """
    try:
        options = PushOptions.from_json(planned.run, **changes)
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise JournalError("the state of this upload does not say how it was begun", code="journal_damaged") from exc
    url = options.connection.endpoint_url or planned.endpoint or None
    return replace(options, connection=replace(options.connection, endpoint_url=url))


def store_of(planned: Planned, clients: Clients) -> S3Store:
    """The store that an upload goes to, asked in the same way."""
    options = options_of(planned)
    return S3Store(clients, planned.bucket, proof=planned.proof, options=options.object_options)


def with_survey(found: Unfinished, planned: Planned, clients: Clients) -> Unfinished:
    """The same by the store's own word.

    Raises:
        UploadToolError: The store cannot be asked.
    """
    if found.upload_id is None:
        return found
    try:
        survey = store_of(planned, clients).survey(planned.key, found.upload_id)
    except StoreFault as fault:
        raise explain(fault, f"the parts of {found.uri} could not be listed") from fault
    if survey is NoListing.GONE:
        return replace(found, stored_bytes=0, parts_stored=0)
    if not isinstance(survey, UploadSurvey):
        return found
    return replace(found, stored_bytes=survey.size_bytes, parts_stored=survey.parts, kept_until=survey.kept_until)


def at_store(store: S3Store, bucket: str, prefix: str, ours: Iterable[Unfinished]) -> Iterator[Unfinished]:
    """Unfinished uploads below a prefix that no journal of this machine knows.

    Raises:
        UploadToolError: The store cannot be asked.
    """
    known = {upload_id for found in ours for upload_id in (found.upload_id, *found.given_up)}
    try:
        for found in store.open_uploads(prefix):
            if found.upload_id not in known:
                survey = store.survey(found.key, found.upload_id)
                yield _unknown(bucket, found.key, found.upload_id, found.begun_at, survey)
    except StoreFault as fault:
        raise explain(fault, f"the uploads below s3://{bucket}/{escape(prefix)} could not be listed") from fault


def abort(journals: JournalDirectory, name: str, clients: Clients) -> Unfinished:
    """Remove what the store has of an upload, then forget it here; that a file was delivered is not forgotten.

    Raises:
        UploadToolError: Another process is at work on it, or the store refuses; nothing is forgotten then.
    """
    with journals.open(name) as journal:
        state = fold(journal.records)
        if not is_open(state):
            raise UsageError(f"the upload {name[:_SHOWN]} is finished", hint="nothing is left to remove")
        found = _described(journals, name, state, "interrupted")
        planned = state.planned
        if planned is not None:
            store = store_of(planned, clients)
            for upload_id in [*state.stale, *([state.upload_id] if state.upload_id else [])]:
                _abort_at(store, planned, upload_id)
                journal.append(Aborted(upload_id))
        if state.is_unfinished():
            journal.remove()
        else:
            journal.sync()
    return found


def is_open(state: UploadState) -> bool:
    """Whether the store may hold parts of it that nobody will make an object of, or has not yet."""
    return state.is_unfinished() or bool(state.stale)


def _abort_at(store: S3Store, planned: Planned, upload_id: str) -> None:
    try:
        store.abort(planned.key, upload_id)
    except StoreFault as fault:
        raise explain(
            fault, f"the upload to s3://{planned.bucket}/{escape(planned.key)} could not be removed"
        ) from fault


def _known(journals: JournalDirectory, name: str) -> Unfinished | None:
    try:
        state = state_of(journals, name)
    except JournalError:
        changed = _moment(journals.last_change(name))
        return Unfinished(name, "", "", "damaged", None, 0, None, 0, changed, changed, None)
    if not is_open(state):
        return None
    return _described(journals, name, state, "running" if journals.is_locked(name) else "interrupted")


def _described(journals: JournalDirectory, name: str, state: UploadState, standing: Standing) -> Unfinished:
    planned, plan = state.planned, state.planned.plan if state.planned and not state.completed else None
    kept = state.stored | state.doubted
    changed = _moment(journals.last_change(name))
    return Unfinished(
        id=name,
        path=planned.path if planned else "",
        uri=f"s3://{planned.bucket}/{planned.key}" if planned else "",
        standing="given up" if state.completed and standing == "interrupted" else standing,
        size_bytes=plan.object_size if plan else None,
        stored_bytes=sum(part.size for part in kept.values()),
        parts=plan.part_count if plan else None,
        parts_stored=len(kept),
        begun_at=planned.checked_at if planned else changed,
        changed_at=changed,
        upload_id=state.upload_id or (state.stale[-1] if state.completed and state.stale else None),
        kept_until=state.kept_until,
        given_up=tuple(state.stale),
    )


def _unknown(bucket: str, key: str, upload_id: str, begun_at: str, survey: object) -> Unfinished:
    parts, size, until = 0, 0, None
    if isinstance(survey, UploadSurvey):
        parts, size, until = survey.parts, survey.size_bytes, survey.kept_until
    uri = f"s3://{bucket}/{key}"
    return Unfinished("", "", uri, "unknown owner", None, size, None, parts, begun_at, begun_at, upload_id, until)


def older_than(found: Unfinished, age_s: float, now: dt.datetime) -> bool:
    """Whether nothing was written for so long."""
    return (now - dt.datetime.fromisoformat(found.changed_at)).total_seconds() >= age_s


_SOON_S = 2 * 86_400.0


def is_soon_gone(found: Unfinished, now: dt.datetime) -> bool:
    """Whether a rule of the bucket removes its parts within two days, as far as is known."""
    if found.kept_until is None:
        return False
    return (dt.datetime.fromisoformat(found.kept_until) - now).total_seconds() < _SOON_S


def _moment(timestamp: float) -> str:
    return dt.datetime.fromtimestamp(timestamp, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
