"""One attempt, carried out: the command starts, things go wrong at their time, and what is there is written down."""

import dataclasses
import hashlib
import itertools
import json
import queue
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.command import clean_environment
from tests.torture.cells import FOREIGN
from tests.torture.evidence import Episode, Process, Request
from tests.torture.plan import SIGNALS, Attempt, Case, Deed
from tests.torture.process import News, Tool, line_of
from tests.torture.sources import Sources
from tests.torture.store import BUCKET, StoreProcess

_POLL_S: Final = 0.02  # of the store, while requests may be stuck in it
_TICK_S: Final = 0.5
_OVERDUE_AFTER_S: Final = 45.0  # all faults are over long before
_THE_END: Final = 1 << 40
_SWALLOWS: Final = frozenset({"black_hole", "stalled_answer"})
_FOREIGN_DIGEST: Final = hashlib.sha256(FOREIGN.encode()).hexdigest()


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """What all attempts of a run share.

    Attributes:
        directory: Of the run.
        prefix: Of its keys.
    """

    case: Case
    store: StoreProcess
    sources: Sources
    directory: Path
    prefix: str

    def home(self, machine: int) -> Path:
        """Where a machine keeps its state."""
        return self.directory / f"machine-{machine}"

    def line(self, attempt: Attempt) -> list[str]:
        """The command line of an attempt."""
        if attempt.command == "resume":
            return line_of("resume")
        case, paths = self.case, self.sources.paths
        wishes = ["--overwrite"] * case.overwrite + ["--restart"] * attempt.restart
        return line_of(
            "push",
            *([self.directory / "in"] if case.as_directory else paths),
            *("--to", f"s3://{BUCKET}/{self.prefix}", "--endpoint-url", self.store.endpoint),
            *("--part-size", "5MiB", "--concurrency", case.concurrency, "--retry-for", attempt.retry_for),
            *wishes,
        )

    def receipts(self) -> dict[tuple[int, str], Any]:
        """By machine and key."""
        found = {}
        for machine in (0, 1):
            for path in (self.home(machine) / "state" / "tiktok-upload" / "receipts").glob("*.json"):
                receipt = json.loads(path.read_text("utf-8"))
                found[machine, receipt["key"]] = receipt
        return found


class Staging:
    """An attempt under way.

    Args:
        number: Of the attempt, for the names of its outputs.
        machine: Whose state the command has.
    """

    def __init__(self, scene: Scene, attempt: Attempt, number: int, machine: int = 0) -> None:
        self._scene = scene
        self._store = scene.store
        self._attempt = attempt
        self._number = number
        self._machine = machine
        self._news: News = queue.SimpleQueue()
        self._to_do = list(attempt.deeds)
        self._done: list[Deed] = []
        self._foreign: dict[str, list[str]] = {}
        self._contents = scene.sources.contents()
        self._faults = [{**fault, "key": scene.sources.key(fault["key"])} for fault in attempt.faults]
        self._hits = [0] * len(self._faults)
        self._log: list[Request] = []
        self._log_from = 0
        self._tools: list[Tool] = []

    def play(self) -> Episode:
        """From the first deed to the last look at the store."""
        self._log_from = self._store.ask("log", since=_THE_END)["next"]
        self._prepare_store([])
        self._do(deed for deed in self._to_do if deed.when == "start")
        self._contents = self._scene.sources.contents()
        self._prepare_store(self._faults)
        self._start()
        self._watch()
        processes = tuple(tool.end() for tool in self._tools)
        self._let_go()
        return self._written_down(processes)

    # ----------------------------------------------------------------------------------------------------- beginning
    def _prepare_store(self, faults: Sequence[dict[str, Any]]) -> None:
        values = {"deny": [], **self._scene.case.settings, **self._attempt.settings}
        self._store.ask("settings", values=values, clock_shift_s=self._attempt.clock_shift_s)
        self._store.ask("script", faults=faults)

    def _start(self) -> None:
        self._tools = [self._tool(self._machine, "")]
        if self._attempt.twin:
            self._tools.append(self._tool(1 if self._attempt.twin == "other" else self._machine, "-twin"))

    def _tool(self, machine: int, suffix: str) -> Tool:
        home = self._scene.home(machine)
        home.mkdir(exist_ok=True)
        place = self._scene.directory / f"attempt-{self._number}{suffix}"
        return Tool(self._scene.line(self._attempt), clean_environment(home), place, machine, self._news)

    # ------------------------------------------------------------------------------------------------------- watching
    def _watch(self) -> None:
        swallows = any(fault["fault"] in _SWALLOWS for fault in self._faults)
        until_s = time.monotonic() + _OVERDUE_AFTER_S
        while not all(tool.has_told_all for tool in self._tools):
            self._wait(_POLL_S if swallows else _TICK_S)
            self._do(deed for deed in self._to_do if self._tools[0].counts[deed.when] >= deed.count)
            if swallows and self._store.ask("stuck"):
                self._free_those_stuck()
            if time.monotonic() > until_s:
                for tool in self._tools:
                    tool.give_up()

    def _wait(self, limit_s: float) -> None:
        try:
            self._news.get(timeout=limit_s)
        except queue.Empty:
            return

    def _free_those_stuck(self) -> None:
        """Let the store answer again, unless the command has to end without."""
        self._do(deed for deed in self._to_do if deed.when == "stuck")
        first = self._tools[0]
        if first.is_told_to_end and not first.has_told_all:
            return
        if not all(tool.has_told_all for tool in self._tools):
            self._store.ask("release", go_on=self._attempt.release == "go_on")

    def _let_go(self) -> None:
        """Wait for the store; what it swallowed may stay until a later attempt, where nobody waits for it any more."""
        stays = self._attempt.release == "later" and self._tools[0].is_told_to_end
        if not stays:
            self._store.ask("release", go_on=False)
        self._store.wait_until_quiet(stays=stays)

    # ---------------------------------------------------------------------------------------------------------- deeds
    def _do(self, deeds: Iterator[Deed]) -> None:
        for deed in list(deeds):
            self._to_do.remove(deed)
            if self._do_one(deed):
                self._done.append(deed)

    def _do_one(self, deed: Deed) -> bool:
        """Whether it could be done."""
        sources, key = self._scene.sources, self._scene.sources.key(deed.file)
        match deed.what:
            case "replace":
                self._contents[key].append(sources.replace(deed.file, deed.choice))
            case "rewrite":
                self._contents[key].append(sources.rewrite(deed.file))
            case "touch":
                sources.touch(deed.file, deed.choice)
            case "foreign":
                path, digest = sources.foreign(deed.file, deed.choice)
                self._store.ask("put", bucket=BUCKET, key=key, path=str(path))
                self._foreign.setdefault(key, []).append(digest)
            case "release":
                self._store.ask("release", go_on=True)
            case "kill_store":
                self._read_store()
                self._store.kill_and_start()
                self._log_from = 0
                self._prepare_store([])
            case name if name in SIGNALS:
                return self._tools[0].send(name)
        return True

    # --------------------------------------------------------------------------------------------------- writing down
    def _read_store(self) -> None:
        """Take in what the store counted and logged since the last time."""
        counts = self._store.ask("hits")  # of no faults at all where nothing was begun, or after the store was killed
        self._hits = [before + now for before, now in itertools.zip_longest(self._hits, counts, fillvalue=0)]
        found = self._store.ask("log", since=self._log_from)
        self._log_from = found["next"]
        entries = [Request(**{**entry, "faults": tuple(entry["faults"])}) for entry in found["entries"]]
        self._log += [entry for entry in entries if entry.key.startswith(self._scene.prefix)]

    def _written_down(self, processes: tuple[Process, ...]) -> Episode:
        self._read_store()
        hits = tuple(zip(self._faults, self._hits, strict=True))
        for fault, count in hits:
            if count and fault["fault"] == "foreign_object":
                self._foreign.setdefault(fault["key"], []).append(_FOREIGN_DIGEST)
        return Episode(
            attempt=self._attempt,
            processes=processes,
            contents={key: tuple(contents) for key, contents in self._contents.items()},
            holding=self._store.holding(self._scene.prefix),
            hits=hits,
            deeds=tuple(self._done),
            foreign={key: tuple(digests) for key, digests in self._foreign.items()},
            log=tuple(self._log),
            receipts=self._scene.receipts(),
        )
