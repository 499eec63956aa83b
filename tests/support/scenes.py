"""A display before a terminal in memory, and the scenes whose snapshots are kept: scripted events, no store."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from rich.console import Console
from tests.support.screen import Terminal

from tiktok_upload.cli.bars import Screen
from tiktok_upload.cli.frame import Script
from tiktok_upload.cli.human import Human
from tiktok_upload.cli.output import Style
from tiktok_upload.errors import InterruptedUploadError, TransferError
from tiktok_upload.events import (
    ChecksumReport,
    Event,
    FileChecked,
    FileDone,
    FileFailed,
    FilePlanned,
    FileProgress,
    FileReport,
    PartRetried,
    Progress,
    RunReport,
    Stage,
    Started,
    Throttled,
    UploadResumed,
    summarize,
)
from tiktok_upload.facts import Column, FileFacts
from tiktok_upload.plan import UploadPlan

UPDATING = bool(os.environ.get("UPDATE_SNAPSHOTS"))
MIB = 1 << 20
SIZE = 400 * MIB
PATH, URI = "data/events-2026-11-23.parquet", "s3://partner-inbox/offline/events-2026-11-23.parquet"
RECEIPT = "receipts/4f0c1a2b3c4d5e6f708192a3b4c5d6e7.json"
KEPT = "22 parts, 176 MiB; they stay at the store until a rule of the bucket removes them"
FACTS = FileFacts(
    3_145_728, 24, tuple(Column(f"c{n}", "int64") for n in range(12)), ("ZSTD",), "parquet-cpp-arrow version 26.0.0"
)
PLAN = UploadPlan(SIZE, 8 * MIB)
DONE = FileReport(
    PATH, URI, "uploaded", size_bytes=SIZE, part_size=8 * MIB, parts=50, bytes_sent=SIZE, seconds=10.4,
    checksum=ChecksumReport("CRC64NVME", "6h0dPOx0Tgw=", confirmed_by_store=True), receipt=RECEIPT,
)  # fmt: skip


# ---------------------------------------------------------------------------------------------------------- the stage
@dataclass(frozen=True)
class Moment:
    """What a person saw, as rows and as a picture."""

    when: str
    rows: list[str]
    svg: str


@dataclass
class Stageplay:
    """A display before a terminal in memory, with a clock of its own."""

    width: int = 80
    height: int = 24
    style: Style = field(default_factory=Style)
    encoding: str = "utf-8"
    progress: str = "auto"
    title: str = ""

    def __post_init__(self) -> None:
        self.now = 0.0
        self.terminal = Terminal(width=self.width, height=self.height, encoding_name=self.encoding)
        console = Console(
            file=self.terminal, width=self.width, height=self.height, force_terminal=True, color_system="standard",
            legacy_windows=False, highlight=False, markup=False, emoji=False,
        )  # fmt: skip
        self.screen = Screen(console, Script(self.encoding))
        self.human = Human(self.style, clock=lambda: self.now, screen=self.screen, progress=self.progress)
        self.moments: list[Moment] = []

    def tell(self, *events: Event) -> None:
        for event in events:
            if isinstance(event, Progress):
                self.now = event.seconds
            self.human(event)

    def look(self, when: str) -> None:
        svg = self.terminal.picture(f"{self.title} ({self.width} columns)") if UPDATING else ""
        self.moments.append(Moment(when, self.terminal.screen, svg))

    def end(self, report: RunReport) -> None:
        self.human.result(report)
        if report.status == "interrupted" and report.error is not None:
            self.human.error(report.error)
        self.look("at the end")


def sending(
    stored: int, seconds: float, *, sent: int | None = None, reused: int = 0, retries: int = 0, stage: Stage = "sending"
) -> Progress:
    on_its_way = min(64 * MIB, SIZE - stored)
    file = FileProgress(PATH, SIZE, stored, reused, on_its_way, 8 if on_its_way else 0, retries, stage)
    return Progress((file,), 0, 1, SIZE, stored, stored - reused + on_its_way if sent is None else sent, seconds)


def beginning() -> Iterator[Event]:
    yield Started(1, SIZE)
    yield FileChecked(PATH, FACTS, ())
    yield FilePlanned(PATH, URI, PLAN)


def steadily(until_s: int) -> Iterator[Progress]:
    return (sending(40 * MIB * second - 64 * MIB if second > 1 else 0, second) for second in range(1, until_s + 1))


# ------------------------------------------------------------------------------------------------------- the snapshots
def push(play: Stageplay) -> None:
    play.tell(*beginning(), *steadily(6))
    play.look("after 6 s")
    play.tell(sending(SIZE, 10.0, stage="finishing"))
    play.look("after 10 s")
    play.tell(FileDone(DONE))
    play.end(summarize([DONE], seconds=10.4, counts={"uploaded": 1}))


def retry(play: Stageplay) -> None:
    play.tell(*beginning(), *steadily(5))
    for number in (17, 18, 21):
        play.tell(PartRetried(PATH, f"part {number}", 1, "503 SlowDown", 7.6), Throttled(PATH, 7.6))
    play.tell(sending(136 * MIB, 6.0, retries=3))
    play.look("after 6 s")
    play.tell(sending(200 * MIB, 14.0, retries=3))
    play.look("after 14 s, when nothing waits any more")
    done = replace(DONE, retries=3, seconds=19.7)
    play.tell(FileDone(done))
    play.end(summarize([done], seconds=19.7, counts={"uploaded": 1}))


def resume(play: Stageplay) -> None:
    play.tell(*beginning(), UploadResumed(PATH, URI, 22, 50, 176 * MIB))
    play.tell(sending(176 * MIB, 1.0, reused=176 * MIB, stage="comparing"))
    play.look("after 1 s")
    play.tell(*(sending((176 + 40 * n) * MIB, 1.0 + n, reused=176 * MIB) for n in range(1, 4)))
    play.look("after 4 s")
    done = replace(DONE, bytes_sent=224 * MIB, bytes_reused=176 * MIB, seconds=7.1)
    play.tell(FileDone(done))
    play.end(summarize([done], seconds=7.1, counts={"uploaded": 1}))


def failure(play: Stageplay) -> None:
    play.tell(*beginning(), *steadily(6))
    error = TransferError("part 37 of 50 was not stored after 8 attempts (503 SlowDown)", kept=KEPT)
    failed = replace(DONE, status="failed", error=error, receipt=None)
    play.tell(FileFailed(failed))
    play.end(summarize([failed], seconds=612.0, counts={"failed": 1}))


def dry_run(play: Stageplay) -> None:
    play.tell(*beginning())
    planned = replace(DONE, status="planned", checksum=None, receipt=None, bytes_sent=0)
    play.tell(FileDone(planned))
    play.end(summarize([planned], seconds=0.2, counts={"planned": 1}))


def five_hundred(play: Stageplay) -> None:
    """497 arrive, 3 do not."""
    paths = [f"data/dt=2026-11-{n // 25 + 1:02}/part-{n % 25}.parquet" for n in range(500)]
    play.tell(Started(500, 500 * 25 * MIB))
    ended: list[FileReport] = []
    for index, path in enumerate(paths):
        ended.append(one_of_many(index, path))
        play.tell(FileFailed(ended[-1]) if ended[-1].error else FileDone(ended[-1]))
        if index in (211, 212):
            play.tell(in_flight(paths[index + 1 : index + 17], index + 1, seconds=float(index)))
        if index == 212:
            play.look("after 212 s")
    counts = {"uploaded": 497, "failed": 3}
    play.end(summarize(ended, seconds=312.5, counts=counts))


def one_of_many(index: int, path: str) -> FileReport:
    uri, size = f"s3://partner-inbox/offline/{path.removeprefix('data/')}", 25 * MIB
    if index in (17, 130, 480):
        error = TransferError(f"{uri} was not stored after 8 attempts (500 InternalError)", kept="")
        return FileReport(path, uri, "failed", size_bytes=size, retries=7, error=error)
    return FileReport(path, uri, "uploaded", size_bytes=size, bytes_sent=size, receipt=f"receipts/{index}.json")


def in_flight(paths: list[str], done: int, *, seconds: float) -> Progress:
    files = tuple(
        FileProgress(path, 25 * MIB, (15 - n) * MIB, 0, 8 * MIB, 1, 0, "checking" if n == 15 else "sending")
        for n, path in enumerate(paths)
    )
    sent = (done - 2) * 25 * MIB + sum(file.bytes_stored + file.bytes_in_flight for file in files)
    stored = (done - 2) * 25 * MIB + sum(file.bytes_stored for file in files)
    return Progress(files, done, 500, 500 * 25 * MIB, stored, sent, seconds)


def interruption(play: Stageplay) -> None:
    play.tell(*beginning(), *steadily(6))
    play.terminal.echo("^C")
    play.human.stopping()
    play.look("after Ctrl-C")
    error = InterruptedUploadError("stopped by Ctrl-C", kept=KEPT)
    stopped = replace(DONE, status="interrupted", error=error, receipt=None)
    play.tell(FileFailed(stopped))
    play.end(summarize([stopped], seconds=6.2, counts={"interrupted": 1}, run_error=error))


SCENES: tuple[Callable[[Stageplay], None], ...] = (push, retry, resume, failure, dry_run, five_hundred, interruption)
PICTURED = {"push": 0, "retry": 0, "resume": 1, "five_hundred": 0}  # the moment worth a picture; else the end
