"""What was seen of a run: values only, so that the oracle can be asked about any of them, invented ones, too."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.torture.cells import Arguments
from tests.torture.plan import Attempt, Deed
from tests.torture.shelf import Content
from tests.torture.store import Holding

DELIVERED = frozenset({"uploaded", "already_there"})


@dataclass(frozen=True, slots=True)
class Told:
    """What a process said of one file.

    Attributes:
        checksum: Algorithm and base64; None where it names none.
        error: The error's code; empty where there is none.
    """

    key: str
    status: str
    checksum: tuple[str, str] | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the tool that ended.

    Attributes:
        machine: Which state directory it had.
        code: Its exit code; negative where a signal ended it.
        signals: What it was sent.
        stopped_after_s: From the first signal to its end; None where it was sent none.
        overdue: It had to be killed because it would not end.
    """

    code: int
    stdout: str = ""
    stderr: str = ""
    command: str = "push"
    machine: int = 0
    signals: tuple[str, ...] = ()
    stopped_after_s: float | None = None
    overdue: bool = False

    def events(self) -> Iterator[dict[str, Any]]:
        """The lines of `--json` that are whole."""
        for line in self.stdout.split("\n")[:-1]:
            yield json.loads(line)

    def result(self) -> dict[str, Any] | None:
        """The last line, where it is the result."""
        *_, last = [{}, *self.events()]
        return last if last.get("event") == "result" else None

    def told(self, prefix: str = "s3://torture/") -> list[Told]:
        """What it said of files that ended, the result's word last."""
        entries = [event for event in self.events() if event["event"] in {"file_done", "file_failed"}]
        result = self.result()
        entries += result["files"] if result else []
        return list(dict.fromkeys(_told(entry, prefix) for entry in entries if entry["uri"]))


def _told(entry: Mapping[str, Any], prefix: str) -> Told:
    checksum, error = entry["checksum"], entry["error"]
    return Told(
        key=entry["uri"].removeprefix(prefix),
        status=entry["status"],
        checksum=(checksum["algorithm"], checksum["value"]) if checksum else None,
        error=error["code"] if error else "",
    )


@dataclass(frozen=True, slots=True)
class Request:
    """A request in the store's log.

    Attributes:
        status: None where no answer was sent.
        faults: Those that acted on it.
    """

    operation: str
    key: str
    part: int | None = None
    upload_id: str | None = None
    began: int = 0
    ended: int | None = None
    status: int | None = 200
    code: str = ""
    faults: tuple[str, ...] = ()
    body_bytes: int = 0

    @property
    def is_plain_success(self) -> bool:
        """Carried out and answered, with no fault in it."""
        return self.status == 200 and not self.faults

    @property
    def may_be_done(self) -> bool:
        """Whether the store may have carried it out."""
        return self.status in {200, 204} or bool(self.faults)


@dataclass(frozen=True, slots=True)
class Episode:
    """An attempt that is over, with all its processes.

    Attributes:
        attempt: As it was planned.
        hits: The planned faults, keys spelt out, and how often each was hit.
        deeds: Those that were done.
        contents: By key, what the file was while the processes lived, in order.
        foreign: By key, the digests of what others wrote there during this attempt.
        log: The store's, of this attempt.
        holding: What the store had at the end.
        receipts: By machine and key, as they lay there at the end.
        listed: Upload ids and keys that `uploads list` told at the end; None where it was not asked.
    """

    attempt: Attempt
    processes: tuple[Process, ...]
    contents: Mapping[str, tuple[Content, ...]]
    holding: Holding
    hits: tuple[tuple[Arguments, int], ...] = ()
    deeds: tuple[Deed, ...] = ()
    foreign: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    log: tuple[Request, ...] = ()
    receipts: Mapping[tuple[int, str], Mapping[str, Any]] = field(default_factory=dict)
    listed: frozenset[str] | None = None

    @property
    def hit(self) -> list[Arguments]:
        """The faults that were hit."""
        return [fault for fault, count in self.hits if count]

    @property
    def is_calm(self) -> bool:
        """Whether nothing disturbed it."""
        changes = any(len(each) > 1 for each in self.contents.values())
        settings = self.attempt.settings or self.attempt.clock_shift_s
        return not (self.hit or self.deeds or self.foreign or changes or settings or len(self.processes) > 1)

    def has_done(self, *what: str) -> bool:
        """Whether such a deed was done."""
        return any(deed.what in what for deed in self.deeds)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be.

    Attributes:
        kind: One of `KINDS_OF_FINDINGS`.
    """

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


WRONG_OBJECT, LOST, FALSE_OK, FALSE_CONFLICT = "wrong object", "lost upload", "false ok", "false conflict"
OVERWRITTEN, SENT_TWICE, LEFT_OPEN = "overwritten", "sent twice", "left open"
EXIT_CODE, OUTPUT, RECEIPT, OVERDUE = "exit code", "output", "receipt", "overdue"
BROKEN = "broken torture"
KINDS_OF_FINDINGS = (
    WRONG_OBJECT,
    LOST,
    FALSE_OK,
    FALSE_CONFLICT,
    OVERWRITTEN,
    SENT_TWICE,
    LEFT_OPEN,
    EXIT_CODE,
    OUTPUT,
    RECEIPT,
    OVERDUE,
    BROKEN,
)
