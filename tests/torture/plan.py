"""What one run will be put through: drawn from its seed alone, before anything happens."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final, Literal

from tests.torture.cells import CELLS, Arguments, Cell, fault_at
from tests.torture.shelf import SHAPES, VARIANTS

What = Literal[
    "SIGKILL",
    "SIGTERM",
    "SIGINT",
    "foreign",  # somebody else writes an object at the file's key
    "replace",  # another content gets the file's name
    "rewrite",  # another content is written over the file's bytes
    "touch",  # only its time changes
    "kill_store",
    "release",  # requests that were stuck since an earlier attempt are carried out now
]
SIGNALS: Final[tuple[What, ...]] = ("SIGKILL", "SIGTERM", "SIGINT")
SINGLE: Final = ("one", "brim")
MULTIPART: Final = tuple(shape for shape in SHAPES if shape not in SINGLE)

_MOST_EVENTS: Final = 7
_RIGHTS: Final = ("HeadObject", "ListParts", "AbortMultipartUpload")
"""Those that a tool can do without."""
_ONE_HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that is done to a run.

    Attributes:
        when: `start`, before the command; `stuck`, when a request is swallowed; else the name of an event of
            `--json`, or `any` of them.
        count: The how-manieth event.
        file: Whose.
        choice: Which of several: the kind of foreign object, the next content, the time.
    """

    what: What
    when: str = "start"
    count: int = 1
    file: int = 0
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start of the command.

    Attributes:
        faults: As the store takes them, the key as the number of its file.
        twin: Another process with the same command at the same time: of this machine, or of another one.
        release: What becomes of a request that is stuck and that no signal ended: it goes on, is reset, or stays so
            until a later attempt.
        settings: Of the store, beside the run's.
    """

    command: Literal["push", "resume"] = "push"
    faults: tuple[Arguments, ...] = ()
    deeds: tuple[Deed, ...] = ()
    twin: Literal["", "same", "other"] = ""
    release: Literal["go_on", "reset", "later"] = "reset"
    settings: Mapping[str, Any] = field(default_factory=dict)
    clock_shift_s: float = 0.0
    retry_for: str = "5s"
    restart: bool = False


CALM: Final = Attempt()
"""Nothing goes wrong."""


@dataclass(frozen=True, slots=True)
class Case:
    """One run.

    Attributes:
        aim: The cell that it is for.
        files: Their shapes; contents change by deeds.
        as_directory: Whether the command names their directory.
        settings: Of the store, through the whole run.
    """

    seed: int
    aim: Cell
    files: tuple[str, ...]
    as_directory: bool
    overwrite: bool
    concurrency: int
    settings: Mapping[str, Any]
    attempts: tuple[Attempt, ...]


def case_of(seed: int) -> Case:
    """The run of that seed; the seed's rest by the number of cells is the cell that it aims at."""
    rng = Random(seed)
    aim = CELLS[seed % len(CELLS)]
    files = _files(rng, aim)
    overwrite = rng.random() < 0.08
    attempts = [*_before(rng, aim, files), _main(rng, aim, files), *_after(rng, files)]
    if overwrite:  # a request that is carried out later than its run could then undo what a later run did
        attempts = [replace(each, release="reset") if each.release == "later" else each for each in attempts]
    return Case(
        seed=seed,
        aim=aim,
        files=files,
        as_directory=rng.random() < 0.4,
        overwrite=overwrite,
        concurrency=rng.choice((1, 2, 2, 3, 4, 16)),
        settings=_settings(rng, aim),
        attempts=tuple(_released(attempts)),
    )


def _files(rng: Random, aim: Cell) -> tuple[str, ...]:
    """The first one suits the aim."""
    count = rng.choices((1, 2, 3, 4), (60, 25, 10, 5))[0]
    wants_single = aim.phase == "put" or (aim.phase == "head" and rng.random() < 0.4)
    first = _single(rng) if wants_single else _multipart(rng)
    return first, *(_single(rng) if rng.random() < 0.6 else _multipart(rng) for _ in range(count - 1))


def _single(rng: Random) -> str:
    return rng.choices(SINGLE, (80, 20))[0]


def _multipart(rng: Random) -> str:
    return rng.choices(MULTIPART, (40, 30, 16, 8, 6))[0]


def _settings(rng: Random, aim: Cell) -> dict[str, Any]:
    pages = 1 if aim.fault == "lying_pages" else rng.choice((1, 2, 1000, 1000, 1000))
    return {"versioning": rng.random() < 0.3, "random_etags": rng.random() < 0.2, "list_page_size": pages}


# ---------------------------------------------------------------------------------------------------- what leads there
def _before(rng: Random, aim: Cell, files: Sequence[str]) -> Iterator[Attempt]:
    """A listing and an abort need an upload that an earlier attempt left."""
    if aim.phase in {"list", "abort"}:
        yield _unfinished(rng, files)


def _unfinished(rng: Random, files: Sequence[str]) -> Attempt:
    """An attempt that leaves the first file's upload open, with parts."""
    parts = parts_of(files[0])
    signal = rng.choice(SIGNALS)
    stuck = Deed(signal, "stuck")
    last = {"key": 0, "part": parts}
    hole = {"fault": "black_hole", "after_bytes": rng.choice((0, 1 << 20, None))}
    match rng.choice(("refused", "part", "complete", "counted")):
        case "refused":
            refusal = {"fault": "error", "operation": "UploadPart", "code": "AccessDenied", **last}
            return Attempt(faults=(refusal,))
        case "part":
            release: Literal["reset", "later"] = "later" if rng.random() < 0.3 else "reset"
            return Attempt(faults=({**hole, "operation": "UploadPart", **last},), deeds=(stuck,), release=release)
        case "complete":
            # Not carried out later: the upload has to stay open for what comes next.
            return Attempt(faults=({**hole, "operation": "CompleteMultipartUpload", "key": 0},), deeds=(stuck,))
        case _:
            return Attempt(deeds=(Deed(signal, "part_stored", rng.randint(1, parts - 1)),))


def _main(rng: Random, aim: Cell, files: Sequence[str]) -> Attempt:
    """The attempt in which the aim is to be hit."""
    faults = [_aimed(rng, aim, 0, files)]
    faults += [_at_random(rng, files) for _ in range(rng.choices((0, 1, 2, 3), (20, 40, 30, 10))[0])]
    if aim.phase == "abort" and rng.random() < 0.7:  # which is followed by a listing
        listings = [cell for cell in CELLS if cell.phase == "list"]
        faults.append(_aimed(rng, rng.choice(listings), 0, files))
    attempt = Attempt(
        faults=tuple(faults),
        deeds=tuple(_deeds(rng, files, aim)),
        twin=rng.choices(("", "same", "other"), (84, 11, 5))[0],
        release=rng.choices(("go_on", "reset", "later"), (40, 40, 20))[0],
        settings={"deny": [rng.choice(_RIGHTS)]} if _one_in(rng, 30) else {},
        clock_shift_s=rng.choice((-_ONE_HOUR_S, -600.0, 600.0, _ONE_HOUR_S)) if _one_in(rng, 25) else 0.0,
    )
    return _leading_there(rng, aim, attempt)


def _leading_there(rng: Random, aim: Cell, attempt: Attempt) -> Attempt:
    """Where an abort is aimed at, something gives it a reason."""
    if aim.phase == "list":
        return replace(attempt, command="resume") if _one_in(rng, 4) else attempt
    if aim.phase != "abort":
        return attempt
    match rng.choice(("changed", "changed", "restart", "denied")):
        case "changed":
            return replace(attempt, deeds=(Deed("replace", choice=1), *attempt.deeds))
        case "restart":
            return replace(attempt, restart=True)
        case _:
            lie = {"fault": "error", "operation": "ListParts", "code": "NoSuchUpload", "key": 0}
            return replace(attempt, faults=(*attempt.faults, lie))


def _aimed(rng: Random, cell: Cell, file: int, files: Sequence[str]) -> Arguments:
    fault = {**fault_at(cell, rng, key="", parts=parts_of(files[file])), "key": file}
    if cell.phase == "part" and rng.random() < 0.5:
        fault["part"] = rng.randint(1, parts_of(files[file]))
    elif cell.phase == "head" and _one_in(rng, 2):
        fault["skip"] = 1  # not when the key is looked at, but when the object is confirmed
    if cell.fault in _MAY_LAST and _one_in(rng, 8):
        fault["times"] = 2
    return fault


_MAY_LAST: Final = frozenset({"status", "reset", "close", "lost_answer", "slow_down", "garbled", "web_page", "late"})


def _at_random(rng: Random, files: Sequence[str]) -> Arguments:
    """Any fault in any phase that a first attempt has, for any file."""
    file = rng.randrange(len(files))
    phases = {"head", "put"} if files[file] in SINGLE else {"head", "create", "part", "complete"}
    cells = [cell for cell in CELLS if cell.phase in phases and cell.fault != "foreign_object"]
    return _aimed(rng, rng.choice(cells), file, files)


# ---------------------------------------------------------------------------------------------------- what else happens
def _deeds(rng: Random, files: Sequence[str], aim: Cell) -> Iterator[Deed]:
    holes = aim.fault in {"black_hole", "stalled_answer"}
    file = rng.randrange(len(files))
    if rng.random() < (0.5 if holes else 0.3):
        yield _at_some_time(rng, Deed(rng.choice(SIGNALS)), holes=holes)
    if _one_in(rng, 12):
        yield _at_some_time(rng, Deed("foreign", file=file, choice=rng.randrange(3)), holes=holes)
    if _one_in(rng, 12):
        yield _at_some_time(rng, Deed("replace", file=file, choice=rng.randrange(4)), holes=holes)
    if _one_in(rng, 20):
        yield _at_some_time(rng, Deed("rewrite", file=file), holes=holes)
    if _one_in(rng, 15):
        yield _at_some_time(rng, Deed("touch", file=file, choice=rng.randrange(4)), holes=holes)
    if _one_in(rng, 25):
        yield _at_some_time(rng, Deed("kill_store"), holes=False)


def _at_some_time(rng: Random, deed: Deed, *, holes: bool) -> Deed:
    if holes and rng.random() < 0.7:
        return replace(deed, when="stuck")
    if deed.what not in SIGNALS and rng.random() < 0.3:
        return deed
    if rng.random() < 0.4:
        return replace(deed, when="part_stored", count=rng.randint(1, 3))
    return replace(deed, when="any", count=rng.randint(1, _MOST_EVENTS))


def _after(rng: Random, files: Sequence[str]) -> Iterator[Attempt]:
    """Sometimes the next attempt has troubles of its own."""
    if rng.random() < 0.3:
        faults = tuple(_at_random(rng, files) for _ in range(rng.randint(0, 2)))
        deeds = tuple(deed for deed in _deeds(rng, files, Cell("", "")) if deed.what != "rewrite")
        yield Attempt("resume" if rng.random() < 0.5 else "push", faults, deeds)
    elif rng.random() < 0.2:
        yield Attempt("resume")


def _released(attempts: Sequence[Attempt]) -> Iterator[Attempt]:
    """Requests that are left stuck are carried out while the next attempt is at work."""
    late = False
    for attempt in (*attempts, *([CALM] if attempts[-1].release == "later" else [])):
        release = Deed("release", "any", 3)
        yield replace(attempt, deeds=(*attempt.deeds, release)) if late else attempt
        late = attempt.release == "later"


def parts_of(shape: str) -> int:
    """How many an upload of such a file has."""
    return max(1, -(-(SHAPES[shape] + 1) // 5))


def next_content(shape: str, variant: int, choice: int) -> tuple[str, int]:
    """What a file becomes: mostly the same shape with other bytes, which only reading it can tell."""
    if choice < 3:
        return shape, (variant + 1) % VARIANTS
    return ("two", 0) if shape != "two" else ("one", 0)


def _one_in(rng: Random, count: int) -> bool:
    return rng.randrange(count) == 0
