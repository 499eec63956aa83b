"""How often parts were sent, against how often they may have been."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tests.torture.cells import OPERATIONS, Arguments
from tests.torture.evidence import SENT_TWICE, Episode, Finding, Request
from tests.torture.plan import Case

_LOSES_AN_UPLOAD: Final = frozenset({"lose_upload", "lose_all_uploads"})
_CODES_THAT_LOSE: Final = frozenset(
    {"NoSuchUpload", "NoSuchKey", "InvalidRequest", "NotImplemented", "ConditionalRequestConflict"}
)
_STATUSES_THAT_LOSE: Final = frozenset({404, 409})
_CUTS_NOTHING: Final = frozenset({0, 9, 11})
"""Done, begun by another process, another object there: no part was under way then."""
_NAMES_PARTS: Final = frozenset({"lose_parts", "hide_parts", "invent_parts"})
_LIES_ABOUT_ALL_PARTS: Final = frozenset({"wrong_checksum", "lying_pages"})


def sent_twice(case: Case, episodes: Sequence[Episode]) -> Iterator[Finding]:
    """Parts that were sent again without a cause: more than were in flight at each cut, or than the store lost."""
    for key in episodes[-1].contents:
        most = max(content.parts for episode in episodes for content in episode.contents.get(key, ()))
        surplus = sum(repeated(episodes, key).values())
        allowed = cuts(episodes) * min(case.concurrency, most) + lost_parts(episodes, key, most)
        if surplus > allowed:
            yield Finding(SENT_TWICE, f"{surplus} parts of {key} were sent again, {allowed} may be")
        begun, may_begin = len(uploads_with_parts(episodes, key)), 1 + lost_uploads(episodes, key)
        if begun > may_begin:
            yield Finding(SENT_TWICE, f"{begun} uploads to {key} got parts, {may_begin} may have")


def repeated(episodes: Sequence[Episode], key: str) -> Mapping[tuple[str, int], int]:
    """By upload and part, how often it was sent in vain: again after it was taken and the store said so."""
    counts = Counter(_name(request) for request in _parts(episodes, key) if request.is_plain_success)
    return {name: count - 1 for name, count in counts.items() if count > 1}


def uploads_with_parts(episodes: Sequence[Episode], key: str) -> set[str]:
    """Ids of the uploads that the store took parts for."""
    return {request.upload_id or "" for request in _parts(episodes, key) if request.is_plain_success}


def cuts(episodes: Sequence[Episode]) -> int:
    """How often something ended a process that had not done everything, or all connections of the store."""
    processes = [process for episode in episodes for process in episode.processes]
    ends = sum(process.code not in _CUTS_NOTHING or bool(process.signals) for process in processes)
    outages = sum(count for episode in episodes for fault, count in episode.hits if fault["fault"] == "go_down")
    return ends + outages + sum(episode.has_done("kill_store") for episode in episodes)


def lost_parts(episodes: Sequence[Episode], key: str, most: int) -> int:
    """How many parts the store lost or lied about, or became others with their file, which has `most` of them."""
    return sum(_lost_by(fault, most) for fault in _hits(episodes, key)) + _changes(episodes, key) * most


def _lost_by(fault: Arguments, most: int) -> int:
    if fault["fault"] in _NAMES_PARTS:
        return len(fault.get("parts") or fault.get("sizes", ()))
    is_listing = fault["operation"] == OPERATIONS["list"]
    return most if is_listing and fault["fault"] in _LIES_ABOUT_ALL_PARTS else 0


def lost_uploads(episodes: Sequence[Episode], key: str) -> int:
    """How often there was a cause to begin another upload; what is lost is lost to each machine."""
    losses = sum(_loses_an_upload(fault) for fault in _hits(episodes, key))
    restarts = sum(episode.attempt.restart for episode in episodes)
    replaced = sum(len(episode.foreign.get(key, ())) for episode in episodes)
    others = sum(episode.attempt.twin == "other" for episode in episodes)
    return others + (1 + others) * (losses + restarts + replaced + _changes(episodes, key))


def _loses_an_upload(fault: Arguments) -> bool:
    return (
        fault["fault"] in _LOSES_AN_UPLOAD
        or fault.get("code") in _CODES_THAT_LOSE
        or fault.get("status") in _STATUSES_THAT_LOSE
    )


def _hits(episodes: Sequence[Episode], key: str) -> Iterator[Arguments]:
    """The faults that were hit at this key, once for each time; uploads that were all lost count for every key."""
    for episode in episodes:
        for fault, count in episode.hits:
            if fault["key"] == key or fault["fault"] == "lose_all_uploads":
                yield from [fault] * count


def _changes(episodes: Sequence[Episode], key: str) -> int:
    return sum(len(episode.contents.get(key, ())) - 1 for episode in episodes) + sum(
        before.contents[key][-1].digest != after.contents[key][0].digest
        for before, after in itertools.pairwise(episodes)
        if key in before.contents and key in after.contents
    )


def _parts(episodes: Sequence[Episode], key: str) -> Iterator[Request]:
    for episode in episodes:
        yield from (each for each in episode.log if each.operation == "UploadPart" and each.key == key)


def _name(request: Request) -> tuple[str, int]:
    return request.upload_id or "", request.part or 0
