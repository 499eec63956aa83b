"""A whole run: its attempts, then calm ones until it is over, and what the oracle has to say."""

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.support.command import clean_environment
from tests.torture import oracle
from tests.torture.attempt import Scene, Staging
from tests.torture.cells import Cell, cell_of
from tests.torture.evidence import BROKEN, Episode, Finding
from tests.torture.plan import CALM, Attempt, Case
from tests.torture.process import line_of
from tests.torture.sending import cuts, repeated
from tests.torture.shelf import Shelf
from tests.torture.sources import Sources
from tests.torture.store import BUCKET, StoreProcess

_LISTS_WITHIN_S: Final = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a run.

    Attributes:
        hits: A cell for each time that it was hit.
        codes: Exit codes of all processes.
        cuts: How often something ended a process, or the store, before its time.
        parts: How many were sent.
        twice: How many of them the store had already, allowed or not.
        orphans: Uploads that are left and that the tool cannot know of.
        kept: Where everything lies, of a run with findings.
    """

    case: Case
    findings: tuple[Finding, ...]
    hits: tuple[Cell, ...] = ()
    codes: tuple[int, ...] = ()
    cuts: int = 0
    parts: int = 0
    twice: int = 0
    orphans: int = 0
    kept: Path | None = None


class Run:
    """One case, played.

    Args:
        directory: Of this run; gone afterwards, unless there are findings.
    """

    def __init__(self, case: Case, store: StoreProcess, shelf: Shelf, directory: Path) -> None:
        directory.mkdir(parents=True)
        prefix = f"{directory.name}/"
        sources = Sources(shelf, directory / "in", case.files, prefix, keeps_paths=case.as_directory)
        self._case = case
        self._store = store
        self._scene = Scene(case, store, sources, directory, prefix)
        self._episodes: list[Episode] = []
        self._findings: list[Finding] = []

    def play(self) -> Verdict:
        """To its end, or to the first attempt after which something is wrong."""
        for attempt, machine in self._attempts():
            self._play_one(attempt, machine)
            if self._findings:
                return self._verdict()
        self._list_what_is_open()
        self._findings += oracle.judge_end(self._case, self._episodes)
        self._findings += [Finding(BROKEN, f"the store failed: {crash}") for crash in self._store.ask("crashes")]
        return self._verdict()

    def _attempts(self) -> list[tuple[Attempt, int]]:
        planned = self._case.attempts
        other = [(CALM, 1)] if any(attempt.twin == "other" for attempt in planned) else []
        return [*((attempt, 0) for attempt in planned), *other, (CALM, 0)]

    def _play_one(self, attempt: Attempt, machine: int) -> None:
        staging = Staging(self._scene, attempt, len(self._episodes), machine)
        self._episodes.append(staging.play())
        self._findings += oracle.judge(self._case, self._episodes)

    def _list_what_is_open(self) -> None:
        """Ask the tool what it knows to be unfinished, where something is."""
        last = self._episodes[-1]
        if all(oracle.is_orphan(upload, self._episodes) for upload in last.holding.uploads):
            return
        listed: set[str] = set()
        for machine in (0, 1):
            listed |= self._listed(self._scene.home(machine))
        self._episodes[-1] = dataclasses.replace(last, listed=frozenset(listed))

    def _listed(self, home: Path) -> set[str]:
        if not home.exists():
            return set()
        ended = subprocess.run(
            line_of("uploads list"),
            capture_output=True,
            env=clean_environment(home),
            timeout=_LISTS_WITHIN_S,
            check=True,
        )
        uploads = json.loads(ended.stdout.decode().splitlines()[-1])["uploads"]
        keys = {each["uri"].removeprefix(f"s3://{BUCKET}/") for each in uploads}
        return keys | {each["upload_id"] for each in uploads if each["upload_id"]}

    def _verdict(self) -> Verdict:
        episodes, directory = self._episodes, self._scene.directory
        keys = self._scene.sources.contents()
        sent = [each for episode in episodes for each in episode.log if each.operation == "UploadPart"]
        if self._findings:
            _write_down(directory, self._case, episodes, self._findings)
        else:
            shutil.rmtree(directory)
        return Verdict(
            case=self._case,
            findings=tuple(self._findings),
            hits=tuple(cell_of(fault) for each in episodes for fault, count in each.hits for _ in range(count)),
            codes=tuple(process.code for episode in episodes for process in episode.processes),
            cuts=cuts(episodes),
            parts=len(sent),
            twice=sum(sum(repeated(episodes, key).values()) for key in keys),
            orphans=sum(oracle.is_orphan(upload, episodes) for upload in episodes[-1].holding.uploads),
            kept=directory if self._findings else None,
        )


def _write_down(directory: Path, case: Case, episodes: list[Episode], findings: list[Finding]) -> None:
    """Beside the outputs and the files: what was planned, what was found, what the store saw."""
    lines = [f"seed {case.seed}", *map(str, findings), "", repr(case), ""]
    for number, episode in enumerate(episodes):
        lines += [f"--- attempt {number}: {episode.attempt}", f"deeds: {episode.deeds}", f"hits: {episode.hits}"]
        lines += [f"ended: {[(each.machine, each.code, each.signals) for each in episode.processes]}"]
        lines += [f"holds: {episode.holding}", *map(str, episode.log), ""]
    (directory / "findings.txt").write_text("\n".join(lines), "utf-8")
