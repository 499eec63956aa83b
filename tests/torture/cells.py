"""Fault by phase: what can be made to go wrong where, and how often it was.

A phase is one operation of the store. A cell is a fault in a phase; those that cannot be (an answer without a body
has nothing to garble) are not in `CELLS`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

MIB: Final = 1 << 20

OPERATIONS: Final[Mapping[str, str]] = {
    "create": "CreateMultipartUpload",
    "part": "UploadPart",
    "list": "ListParts",
    "complete": "CompleteMultipartUpload",
    "put": "PutObject",
    "head": "HeadObject",
    "abort": "AbortMultipartUpload",
}
PHASES: Final = tuple(OPERATIONS)

_EVERYWHERE: Final = " ".join(PHASES)
_DOCUMENTS: Final = "create list complete"
_OF_AN_UPLOAD: Final = "part list complete abort"
_NAMES_CONTENT: Final = "part list complete put head"
_TAKES_A_BODY: Final = "part complete put"

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault in one phase."""

    fault: str
    phase: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault that the store offers.

    Attributes:
        phases: Where it can be.
        arguments: Draws the rest of what it needs, for a phase and a file of so many parts.
    """

    phases: tuple[str, ...]
    arguments: Callable[[Random, str, int], Arguments]


_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "create": (
        "AccessDenied",
        "InternalError",
        "InvalidRequest",
        "NotImplemented",
        "NoSuchBucket",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    ),
    "part": ("AccessDenied", "BadDigest", "IncompleteBody", "InternalError", "InvalidRequest", "NoSuchUpload"),
    "list": ("AccessDenied", "InternalError", "NoSuchUpload", "SlowDown"),
    "complete": (
        "AccessDenied",
        "BadDigest",
        "InternalError",
        "InvalidPart",
        "InvalidPartOrder",
        "NoSuchUpload",
        "PreconditionFailed",
    ),
    "put": ("AccessDenied", "BadDigest", "InternalError", "InvalidRequest", "NotImplemented", "PreconditionFailed"),
    "head": ("AccessDenied", "InternalError", "NoSuchKey", "SlowDown"),
    "abort": ("AccessDenied", "InternalError", "NoSuchUpload"),
}
"""Refusals that S3 gives, or that something before it makes up."""

_STATUSES: Final[Mapping[str, tuple[int, ...]]] = {
    "create": (403, 429, 500, 502, 503),
    "part": (400, 403, 404, 429, 500, 502, 503),
    "list": (403, 404, 500, 503),
    "complete": (403, 404, 409, 412, 500, 503, 504),
    "put": (403, 409, 412, 500, 503),
    "head": (400, 403, 404, 500, 503),
    "abort": (403, 404, 500, 503),
}
_STATUS_CODES: Final = {
    400: "RequestTimeout",
    409: "ConditionalRequestConflict",
    412: "PreconditionFailed",
    429: "TooManyRequests",
    502: "BadGateway",
    504: "GatewayTimeout",
}
_PAGE_LIES: Final = ("repeated", "no_marker", "backwards", "skipping", "foreign")


def _nothing(_rng: Random, _phase: str, _parts: int) -> Arguments:
    return {}


def _code(rng: Random, phase: str, _parts: int) -> Arguments:
    return {"code": rng.choice(_CODES[phase])}


def _status(rng: Random, phase: str, _parts: int) -> Arguments:
    status = rng.choice(_STATUSES[phase])
    named = {"code": _STATUS_CODES[status]} if status in _STATUS_CODES else {}
    if phase not in _TAKES_A_BODY.split() or rng.random() < 0.4:
        return {"status": status, **named}
    place = {"after_body": True} if rng.random() < 0.5 else {"after_bytes": _place(rng, phase) or 1}
    return {"status": status, **named, **place}


def _place(rng: Random, phase: str) -> int | None:
    if phase not in _TAKES_A_BODY.split():
        return 0
    return rng.choice((0, 1, 200, None) if phase == "complete" else (0, 1, 64 << 10, MIB, None))


def _after(rng: Random, phase: str, _parts: int) -> Arguments:
    return {"after_bytes": _place(rng, phase)}


def _keep(rng: Random, phase: str, _parts: int) -> Arguments:
    return {"keep": rng.choice((0, 10, 60, 150, 250)) if phase in _DOCUMENTS.split() else 0}


def _numbers(rng: Random, _phase: str, parts: int) -> Arguments:
    return {"parts": sorted(rng.sample(range(1, parts + 1), rng.randint(1, max(1, parts - 1))))}


def _sizes(rng: Random, _phase: str, parts: int) -> Arguments:
    return {"sizes": {str(rng.randint(1, parts + 1)): rng.choice((1, 5 * MIB))}}


def _slow(_rng: Random, phase: str, _parts: int) -> Arguments:
    return {"delay_s": 0.01, "step": 100 if phase in _DOCUMENTS.split() else 512 << 10}


def _foreign(rng: Random, phase: str, _parts: int) -> Arguments:
    moments = ("before", "body", "after") if phase in _TAKES_A_BODY.split() else ("before", "after")
    return {"data": FOREIGN, "moment": rng.choice(moments)}


FOREIGN: Final = "an object of somebody else"
"""What the store's own fault puts at a key."""

KINDS: Final[Mapping[str, Kind]] = {
    name: Kind(tuple(phases.split()), arguments)
    for name, phases, arguments in (
        ("status", _EVERYWHERE, _status),
        ("error", _EVERYWHERE, _code),
        ("error_in_200", _EVERYWHERE, _nothing),
        ("expired_token", _EVERYWHERE, _nothing),
        ("reset", _EVERYWHERE, _after),
        ("close", _EVERYWHERE, _after),
        ("black_hole", _EVERYWHERE, _after),
        ("lost_answer", _EVERYWHERE, lambda rng, *_: {"reset": rng.random() < 0.5}),
        ("wrong_etag", _NAMES_CONTENT, _nothing),
        ("wrong_checksum", _NAMES_CONTENT, _nothing),
        ("garbled", _DOCUMENTS, _keep),
        ("truncated_xml", _DOCUMENTS, _nothing),
        ("cut_answer", _EVERYWHERE, _keep),
        ("stalled_answer", _EVERYWHERE, _keep),
        ("lose_upload", _OF_AN_UPLOAD, _nothing),
        ("lose_all_uploads", _EVERYWHERE, _nothing),
        ("lose_parts", _OF_AN_UPLOAD, _numbers),
        ("hide_parts", "list", _numbers),
        ("invent_parts", "list", _sizes),
        ("lying_pages", "list", lambda rng, *_: {"lie": rng.choice(_PAGE_LIES)}),
        ("go_down", _EVERYWHERE, lambda *_: {"for_s": 0.2}),
        ("slow_down", _EVERYWHERE, lambda rng, *_: {"retry_after": 1} if rng.random() < 0.1 else {}),
        ("redirect", _EVERYWHERE, lambda rng, *_: {"region": "eu-west-1", "status": rng.choice((301, 307))}),
        ("false_refusal", _EVERYWHERE, _code),
        ("web_page", _EVERYWHERE, lambda rng, *_: {"status": rng.choice((200, 403, 502))}),
        ("slow_answer", _EVERYWHERE, lambda *_: {"delay_s": 0.01, "step": 60}),
        ("slow_body", _TAKES_A_BODY, _slow),
        ("late", _EVERYWHERE, lambda rng, *_: {"delay_s": 0.2, "done": rng.random() < 0.5}),
        ("keep_alive", _EVERYWHERE, lambda *_: {"delay_s": 0.02, "spaces": 4}),
        ("foreign_object", _EVERYWHERE, _foreign),
    )
}
"""By the name that the store knows it by."""

CELLS: Final = tuple(Cell(name, phase) for name, kind in KINDS.items() for phase in kind.phases)


def fault_at(cell: Cell, rng: Random, *, key: str, parts: int) -> Arguments:
    """The fault as the store takes it from JSON, for one key; `parts` says how many the file has."""
    drawn = KINDS[cell.fault].arguments(rng, cell.phase, parts)
    return {"fault": cell.fault, "operation": OPERATIONS[cell.phase], "key": key, **drawn}


def cell_of(fault: Arguments) -> Cell:
    """Where a fault belongs."""
    phase = next(phase for phase, operation in OPERATIONS.items() if operation == fault["operation"])
    return Cell(fault["fault"], phase)


class Coverage:
    """How often each cell was hit, and which one is next.

    Attributes:
        hits: By cell, as the store counted them.
    """

    def __init__(self) -> None:
        self.hits: Counter[Cell] = Counter()

    def add(self, cells: Iterable[Cell]) -> None:
        """Count these, one for each time that a cell comes."""
        self.hits.update(cells)

    def least_hit(self, first: int, *, aimed: Iterable[Cell] = ()) -> int:
        """The place in `CELLS` of the cell to aim at next: the first of the least hit from place `first` on.

        Args:
            first: Where to begin to look, and where to go on from the end.
            aimed: Cells that runs are under way for; they count as hit.
        """
        under_way = Counter(aimed)
        places = [(first + step) % len(CELLS) for step in range(len(CELLS))]
        return min(places, key=lambda place: self.hits[CELLS[place]] + under_way[CELLS[place]])

    def lowest(self) -> int:
        """How often the least hit cell was hit."""
        return min(self.hits[cell] for cell in CELLS)

    def table(self) -> str:
        """In Markdown; a dash marks what cannot be."""
        lines = [f"| fault | {' | '.join(PHASES)} |", "| --- |" + " --- |" * len(PHASES)]
        lines += [f"| {name} | {' | '.join(self._shown(name, phase) for phase in PHASES)} |" for name in KINDS]
        return "\n".join(lines)

    def _shown(self, name: str, phase: str) -> str:
        return str(self.hits[Cell(name, phase)]) if phase in KINDS[name].phases else "\N{EN DASH}"
