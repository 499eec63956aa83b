"""Many runs, several at a time, each aimed at the cells that were hit least."""

import queue
import shutil
import tempfile
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.torture.cells import CELLS, Coverage
from tests.torture.evidence import BROKEN, Finding
from tests.torture.plan import Case, case_of
from tests.torture.run import Run, Verdict
from tests.torture.shelf import Shelf
from tests.torture.store import StoreProcess

_RUNS_A_STORE: Final = 25
"""Higher: a longer log to look through. Lower: more starts, a third of a second each."""
_AHEAD: Final = 2  # runs that are aimed before the one before them told what it hit, for each that is under way


class Campaign:
    """Runs on stores of their own, in one directory.

    Args:
        jobs: How many runs are under way at once.

    Attributes:
        directory: Holds everything; what is left of it afterwards is of runs with findings.
    """

    def __init__(self, seed: int, *, jobs: int, directory: Path | None = None) -> None:
        self._seed = seed
        self._jobs = jobs
        self.directory = Path(tempfile.mkdtemp(prefix="torture-", dir=directory))
        self.coverage = Coverage()
        self._shelf = Shelf(self.directory / "shelf")
        self._stack = ExitStack()
        self._stores: queue.SimpleQueue[_Lease] = queue.SimpleQueue()
        for number in range(jobs):
            self._stores.put(self._stack.enter_context(_Lease(self.directory / f"store-{number}")))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        for path in (self.directory / "shelf", *self.directory.glob("store-*")):
            shutil.rmtree(path, ignore_errors=True)
        if not any(self.directory.iterdir()):
            self.directory.rmdir()

    def play(self, runs: int, tell: Callable[[Verdict], None] = lambda _: None) -> list[Verdict]:
        """Play so many runs; `tell` hears of each, in the order of their seeds' choice."""
        verdicts: list[Verdict] = []
        with ThreadPoolExecutor(self._jobs, thread_name_prefix="run") as pool:
            for verdict in self._played(pool, runs):
                verdicts.append(verdict)
                tell(verdict)
        return verdicts

    def _played(self, pool: ThreadPoolExecutor, runs: int) -> Iterator[Verdict]:
        """In order, so that the choice of a seed hangs on nothing but the seeds before it and what they hit."""
        under_way: deque[tuple[int, Future[Verdict]]] = deque()
        for number in range(runs):
            if len(under_way) == self._jobs * _AHEAD:
                yield self._taken(under_way.popleft()[1])
            place = self.coverage.least_hit(self._seed, aimed=[CELLS[place] for place, _ in under_way])
            seed = self._seed + number * len(CELLS) + (place - self._seed) % len(CELLS)
            under_way.append((place, pool.submit(self._run, number, seed)))
        while under_way:
            yield self._taken(under_way.popleft()[1])

    def _taken(self, future: Future[Verdict]) -> Verdict:
        verdict = future.result()
        self.coverage.add(verdict.hits)
        return verdict

    def _run(self, number: int, seed: int) -> Verdict:
        lease = self._stores.get()
        try:
            verdict = self._verdict(case_of(seed), lease.store(), self.directory / f"run-{number}-{seed}")
            if any(finding.kind == BROKEN for finding in verdict.findings):
                lease.end()
            return verdict
        finally:
            self._stores.put(lease)

    def _verdict(self, case: Case, store: StoreProcess, directory: Path) -> Verdict:
        try:
            return Run(case, store, self._shelf, directory).play()
        except Exception as exc:  # noqa: BLE001 - one broken run must not end the others
            where = traceback.format_exception(exc)
            return Verdict(case, (Finding(BROKEN, "".join(where)),), kept=directory)


class _Lease:
    """A store for so many runs, then another."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._runs = 0
        self._made = 0
        self._store: StoreProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def store(self) -> StoreProcess:
        """The one for the next run."""
        if self._store is None or self._runs == _RUNS_A_STORE:
            self.end()
            self._made += 1
            self._store = StoreProcess(self._root / str(self._made))
        self._runs += 1
        return self._store

    def end(self) -> None:
        """Drop it; the next run gets another."""
        if self._store is not None:
            self._store.__exit__()
            shutil.rmtree(self._store.root, ignore_errors=True)
            self._store, self._runs = None, 0
