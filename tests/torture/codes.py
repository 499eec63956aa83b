"""Which exit codes may come of what went wrong; all others are wrong, and without a cause only 0 is right."""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.torture.cells import Arguments
from tests.torture.evidence import Episode, Process

_CREDENTIALS, _REFUSED, _TRANSFER, _WRONG_OBJECT = 5, 6, 7, 8
_STATE, _UNKNOWN, _CONFLICT, _SOURCE = 9, 10, 11, 4

_BY_CODE: Final[Mapping[str, frozenset[int]]] = {
    "AccessDenied": frozenset({_REFUSED}),
    "NoSuchBucket": frozenset({_REFUSED}),
    "InvalidRequest": frozenset({_REFUSED}),
    "NotImplemented": frozenset({_REFUSED}),
    "NoSuchKey": frozenset({_REFUSED, _TRANSFER, _WRONG_OBJECT}),
    "RequestTimeTooSkewed": frozenset({_CREDENTIALS}),
    "SignatureDoesNotMatch": frozenset({_CREDENTIALS}),
    "ExpiredToken": frozenset({_CREDENTIALS}),
    "BadDigest": frozenset({_TRANSFER, _WRONG_OBJECT}),
    "PreconditionFailed": frozenset({_TRANSFER, _UNKNOWN, _CONFLICT}),
    "ConditionalRequestConflict": frozenset({_TRANSFER, _UNKNOWN, _CONFLICT}),
}
_BY_STATUS: Final[Mapping[int, str]] = {403: "AccessDenied", 404: "NoSuchKey"}
_BY_FAULT: Final[Mapping[str, frozenset[int]]] = {
    "expired_token": frozenset({_CREDENTIALS}),
    "redirect": frozenset({_REFUSED, _TRANSFER}),
    "wrong_checksum": frozenset({_TRANSFER, _WRONG_OBJECT}),
    "wrong_etag": frozenset({_TRANSFER, _WRONG_OBJECT}),
    "foreign_object": frozenset({_CONFLICT, _WRONG_OBJECT}),
    "lying_pages": frozenset({_TRANSFER, _WRONG_OBJECT}),
}
_HIDES: Final = frozenset(
    {"AccessDenied", "NoSuchKey", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "ExpiredToken"}
)
_ONE_HOUR_S: Final = 3600.0
# One that comes when all is done and told is no longer listened to: a shell shows the same two numbers for it.
_BY_SIGNAL: Final = {"SIGKILL": {-9}, "SIGTERM": {143, -15}, "SIGINT": {130, -2}}
_CHANGES: Final = frozenset({"replace", "rewrite", "touch"})


def allowed_codes(process: Process, episodes: Sequence[Episode]) -> frozenset[int]:
    """The exit codes that this process of the last episode may have."""
    episode = episodes[-1]
    allowed = {0}.union(*(_BY_SIGNAL[name] for name in process.signals))
    for fault in episode.hit:
        allowed |= _of_fault(fault)
    if episode.has_done("kill_store", "release"):
        allowed.add(_TRANSFER)
    if abs(episode.attempt.clock_shift_s) >= _ONE_HOUR_S:
        allowed |= {_CREDENTIALS, _UNKNOWN}
    if episode.attempt.settings.get("deny"):
        allowed |= {_UNKNOWN, _CONFLICT}
    if any(deed.what in _CHANGES and deed.when != "start" for deed in episode.deeds):
        allowed.add(_SOURCE)
    if len(episode.processes) > 1:
        allowed |= {_STATE} if episode.attempt.twin == "same" else {_WRONG_OBJECT}
    if any(episode.foreign.values()):
        allowed.add(_WRONG_OBJECT)
    if may_conflict(episodes):
        allowed.add(_CONFLICT)
    return frozenset(allowed)


def may_conflict(episodes: Sequence[Episode]) -> bool:
    """Whether another object may be, or have been, at one of the keys: somebody else's, or an older version's."""
    if any(episode.foreign or episode.attempt.twin == "other" for episode in episodes):
        return True
    return any(len(_versions(episodes, key)) > 1 for key in episodes[-1].contents)


def _versions(episodes: Sequence[Episode], key: str) -> set[str]:
    return {content.digest for episode in episodes for content in episode.contents.get(key, ())}


def _of_fault(fault: Arguments) -> frozenset[int]:
    code = str(fault.get("code") or _BY_STATUS.get(fault.get("status", 0), ""))
    if fault["fault"] == "expired_token":
        code = "ExpiredToken"
    codes = _BY_FAULT.get(fault["fault"]) or _BY_CODE.get(code) or frozenset({_TRANSFER})
    # HEAD has no body: what it hides comes out later, or never.
    hides = fault["operation"] == "HeadObject" and (code in _HIDES or fault.get("status") in {400, 403, 404})
    return codes | ({_UNKNOWN, _WRONG_OBJECT, _CONFLICT} if hides else set())
