"""The journal meets the store and the file: who is right, and what follows. Pure decisions.

The store outranks the journal; the file as read now outranks both; nothing but evidence of
content makes an object «ours» or «the same».
"""

import re
from collections.abc import Iterable
from enum import Enum, auto

from tiktok_upload.answers import Absence, ListedPart, Listing, NoListing, ObjectSeen, Seen
from tiktok_upload.facts import Fingerprint
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.records import (
    PartDoubted,
    PartLost,
    PartStored,
    Planned,
    Record,
    SourceTouched,
    UploadLost,
)
from tiktok_upload.state import UploadState

NONCE = "tu-nonce"
ROWS = "tu-rows"
TOOL = "tu-version"
CHECKED_AT = "tu-processed-at"
RESERVED_METADATA = frozenset({NONCE, ROWS, TOOL, CHECKED_AT})

_MD5_ETAG = re.compile(r'"?([0-9a-f]{32})(?:-([0-9]{1,5}))?"?', re.ASCII)


# --------------------------------------------------------------------------------------------- the file, the options
def begin(state: UploadState, wanted: Planned, *, restart: bool) -> tuple[Record, ...]:
    """What to write down before sending: nothing to continue as it was, or a new plan.

    Args:
        state: As read from the journal.
        wanted: What would be planned now, with the file's fingerprint of now.
        restart: Whether the user wants to begin again.
    """
    planned = state.planned
    if planned is None or restart or not _same_object_options(planned, wanted):
        return (wanted,)
    if planned.fingerprint == wanted.fingerprint:
        return ()
    touched = planned.fingerprint.may_be_same_content(wanted.fingerprint)
    if touched and not state.completed:
        return (SourceTouched(wanted.fingerprint),)
    return (wanted,)


def _same_object_options(planned: Planned, wanted: Planned) -> bool:
    # S3 fixes these at Create; the wish to overwrite is only said on Complete.
    return (planned.object_options, planned.proof) == (wanted.object_options, wanted.proof)


def delivered_before(state: UploadState, fingerprint: Fingerprint) -> bool:
    """Whether our own record says that this very file, unchanged since, was delivered."""
    return state.completed is not None and state.planned is not None and state.planned.fingerprint == fingerprint


# ------------------------------------------------------------------------------------------------- an existing object
class Existing(Enum):
    """What an object that is already at the key means."""

    NONE = auto()
    OURS = auto()  # this upload made it, and nobody looked at it since; the answer was lost
    RECORDED = auto()  # our record of delivering this file, and the object is still that one
    COMPARE = auto()  # same size, and the store gives something to compare the content with
    OTHER = auto()
    UNKNOWN = auto()  # delivered by our record, and the store does not let us look


def judge(seen: Seen, state: UploadState, fingerprint: Fingerprint) -> Existing:
    """What is at the key before anything is sent."""
    recorded = delivered_before(state, fingerprint)
    if seen is Absence.FORBIDDEN:
        return Existing.UNKNOWN if recorded else Existing.NONE
    if not isinstance(seen, ObjectSeen):
        return Existing.NONE
    if recorded and state.confirmed is not None and seen.etag == state.confirmed.etag:
        return Existing.RECORDED
    if state.confirmed is None and is_ours(seen, state.planned):
        return Existing.OURS
    if seen.size == fingerprint.size_bytes and (seen.checksums or comparable_etag(seen)):
        return Existing.COMPARE
    return Existing.OTHER


def is_ours(seen: Seen, planned: Planned | None) -> bool:
    """Whether this upload made the object: a random nonce that nobody else knows, and the size."""
    return (
        planned is not None
        and isinstance(seen, ObjectSeen)
        and seen.metadata.get(NONCE) == planned.nonce
        and seen.size == planned.fingerprint.size_bytes
    )


def comparable_etag(seen: ObjectSeen) -> tuple[str, int] | None:
    """The ETag as `(hex digest, parts)`, parts 0 for a plain MD5; None where it is no MD5."""
    match = _MD5_ETAG.fullmatch(seen.etag)
    if match is None or seen.kms:
        return None
    return match[1], int(match[2] or 0)


# ------------------------------------------------------------------------------------------------------ listed parts
def reconcile(state: UploadState, listing: Listing) -> tuple[Record, ...]:
    """What the store's list of parts changes in the journal's.

    A part the journal has is kept where the list shows its ETag; one that the list shows otherwise,
    or that only the list knows, is doubted where it bears a checksum to compare the file with.
    """
    if listing is NoListing.GONE:
        return (UploadLost(),)
    if isinstance(listing, NoListing) or state.planned is None:
        return ()
    plan = state.planned.plan
    listed = {
        part.number: part
        for part in listing
        if 1 <= part.number <= plan.part_count and part.size == plan.part(part.number).size
    }
    known = state.stored | state.doubted
    records: list[Record] = [PartLost(number) for number in sorted(known.keys() - listed.keys())]
    records += _doubts((part for _, part in sorted(listed.items())), known)
    return tuple(records)


def _doubts(listed: Iterable[ListedPart], known: dict[int, PartStored]) -> Iterable[Record]:
    for part in listed:
        mine = known.get(part.number)
        if mine is not None and mine.etag == part.etag and part.checksum in (None, mine.checksum):
            continue
        if part.checksum is not None:
            yield PartDoubted(part.number, part.size, part.etag, part.checksum)
        elif mine is not None:
            yield PartLost(part.number)


# ------------------------------------------------------------------------------------------- an answer that was lost
class Verdict(Enum):
    """What a failed PutObject or Complete means, once the key was looked at."""

    COMPLETED = auto()
    RETRY = auto()
    LOST = auto()  # the upload is gone and the object is not ours: send again
    RELIST = auto()  # the store disagrees about parts: look what it has
    CONFLICT = auto()
    UNKNOWN = auto()


LOOK_AFTER = frozenset({Kind.TRANSIENT, Kind.NO_SUCH_UPLOAD, Kind.PRECONDITION, Kind.RACE})
"""After these the request may have been carried out, now or by an earlier try whose answer was lost."""


def settle(fault: StoreFault, seen: Seen, planned: Planned, *, asked_before: bool) -> Verdict:
    """Decide what became of PutObject or Complete after one of the faults in `LOOK_AFTER`.

    Args:
        fault: What the request met.
        seen: What HEAD showed after it.
        planned: The upload's plan, with the nonce.
        asked_before: An earlier request of this kind may have been carried out.
    """
    if is_ours(seen, planned):
        return Verdict.COMPLETED
    if fault.kind is Kind.PRECONDITION:
        return _after_precondition(seen, asked_before=asked_before)
    if fault.kind is Kind.TRANSIENT:
        return Verdict.RETRY
    if isinstance(seen, ObjectSeen) and not planned.overwrite:
        return Verdict.CONFLICT
    if seen is Absence.FORBIDDEN and asked_before:
        return Verdict.UNKNOWN
    # A 404 of any other name may be anybody's: the parts are asked for first.
    is_sure = fault.kind is not Kind.NO_SUCH_UPLOAD or fault.code == "NoSuchUpload"
    return Verdict.LOST if is_sure else Verdict.RELIST


def _after_precondition(seen: Seen, *, asked_before: bool) -> Verdict:
    if isinstance(seen, ObjectSeen):
        return Verdict.CONFLICT
    if seen is Absence.ABSENT:  # deleted in the meantime
        return Verdict.RETRY
    return Verdict.UNKNOWN if asked_before else Verdict.CONFLICT
