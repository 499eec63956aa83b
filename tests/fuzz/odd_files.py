"""What a path may lead to that is no ordinary file, and what the installed command makes of it.

A row is a maker of something odd, the command that is pointed at it, and the exit codes that the interface allows.
"""

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.running import Outcome
from tests.fuzz.target import WrongAnswer, demand, demand_safe
from tests.support.command import clean_environment, command_line
from tests.support.parquet_files import write_good

HANGS_AFTER_S = 90.0  # no time limit of a command: only that one that hangs fails
_SECRET_PLACE = "/proc/self/environ"
_CHECK = ("check", "{}", "--json")
_TABLE = ("check", "{}")
_SPARSE_BYTES = 1 << 40

Made = str | bytes
Make = Callable[[Path], AbstractContextManager[Made]]


@dataclass(frozen=True)
class Row:
    """One odd thing.

    Attributes:
        make: Makes it below a directory and says what to name on the command line; undoes what a thread does.
        codes: What the command may exit with.
        command: With `{}` for the name.
        brief: Whether it is among the few of the short form.
    """

    name: str
    make: Make
    codes: Sequence[int]
    command: Sequence[str] = _CHECK
    brief: bool = True


def run(row: Row, root: Path) -> None:
    """Make it, run the command, and hold it to what holds for all of them."""
    root.mkdir(parents=True)
    home = root / "home"
    home.mkdir()
    with row.make(root) as made:
        line = [os.fsencode(word) if word != "{}" else os.fsencode(made) for word in command_line(*row.command)]
        try:
            ended = subprocess.run(
                line, stdin=subprocess.DEVNULL, capture_output=True, timeout=HANGS_AFTER_S, cwd=root,
                env=clean_environment(home), check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            demand(False, f"{row.name}: it hangs")
            return
    told = [stream.decode() for stream in (ended.stdout, ended.stderr)]
    demand(ended.returncode in row.codes, f"{row.name}: exit code {ended.returncode}: {''.join(told)[-600:]}")
    for text in told:
        demand("Traceback" not in text, f"{row.name}: {text}")
        demand_safe(text)
    demand(ended.returncode == 0 or "  hint: " in told[1] or "  hint: " in told[0], f"{row.name}: no hint")


def run_all(rows: Iterable[Row], root: Path) -> Outcome:
    """Each below a directory of its own."""
    outcome = Outcome("odd", "table", 0)
    begun = time.perf_counter()
    for number, row in enumerate(rows):
        outcome.cases += 1
        try:
            run(row, root / str(number))
        except WrongAnswer as exc:
            outcome.add(str(exc), b"", number)
    outcome.seconds = time.perf_counter() - begun
    return outcome


# ----------------------------------------------------------------------------------------------------- what never moves
def made(make: Callable[[Path], object], name: Made = "x.parquet", given: str = "") -> Make:
    """Made at that name below the root; another path may be given to the command."""

    @contextmanager
    def making(root: Path) -> Iterator[Made]:
        path = root / os.fsdecode(name)
        make(path)
        yield given or str(path)

    return making


def named(text: Made) -> Make:
    """Nothing is made."""
    return made(lambda _: None, given=os.fsdecode(text))


def good(path: Path) -> None:
    """A sound file, whatever its directories."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_good(path.parent / "being-made", rows=3, row_groups=1)
    (path.parent / "being-made").replace(path)


def good_at(name: Made, *, given: str = "") -> Make:
    """A sound file of an odd name; its relative name may be given."""
    return made(good, name, given)


def bad_at(name: Made) -> Make:
    """No parquet file, of an odd name."""
    return made(lambda path: path.write_bytes(b"a,b\n1,2\n"), name)


def _socket(path: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as made_socket:
        made_socket.bind(path.name)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _looping_directory(path: Path) -> None:
    good(path / "a.parquet")
    (path / "again.parquet").symlink_to(path, target_is_directory=True)
    (path / "up").symlink_to("..", target_is_directory=True)


def _crowd(path: Path) -> None:
    """A directory with a sound file among odd ones."""
    good(path / "b.parquet")
    os.mkfifo(path / "a.parquet")
    (path / "c.parquet").mkdir()
    (path / "d.parquet").symlink_to("nowhere")


def _odd_names(path: Path) -> None:
    for name in ODD_NAMES:
        good(path / os.fsdecode(name))


def _deep(path: Path) -> None:
    good(path.joinpath(*["d"] * 150, "a.parquet"))


def _sparse(path: Path) -> None:
    """A terabyte of nothing; less where the file system has no such files."""
    for size in (_SPARSE_BYTES, _SPARSE_BYTES >> 8):
        with contextlib.suppress(OSError), path.open("wb") as file:
            file.truncate(size)
            return


def _sparse_with_footer(path: Path) -> None:
    """A sound file, its footer a terabyte away."""
    good(path)
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    _sparse(path)
    with path.open("r+b") as file:
        file.write(content[:start])
        file.seek(0, os.SEEK_END)
        file.write(content[start:])


def _shut(path: Path) -> None:
    good(path)
    path.chmod(0)


ODD_NAMES: tuple[bytes, ...] = (
    b"line\nfeed.parquet", b"esc\x1b[31mred\x1b]0;title\x07.parquet", b"\xff\xfe\x80.parquet",
        "\u202egpj.parquet".encode(),
    "zero\u200bwidth\u2060.parquet".encode(), "line\u2028separator.parquet".encode(), b"-rf.parquet",
        b"--json.parquet", b" .parquet",
    b"~.parquet", b"$(touch x);`id`.parquet", b"*?[a].parquet", b"%s%n{0}.parquet", b"[bold]red[/bold].parquet",
        b"\\x1b.parquet",
    b"a" * 247 + b".parquet", "\U000e0041tag.parquet".encode(), b"tab\tcr\r.parquet", b"'quote\".parquet",
)  # fmt: skip


# ------------------------------------------------------------------------------------------------------ what does move
def moved(move: Callable[[Path], object]) -> Make:
    """A sound file that something is done to again and again while the command runs."""

    @contextmanager
    def making(root: Path) -> Iterator[Made]:
        path, done = root / "x.parquet", threading.Event()
        write_good(path, rows=3_000)

        def work() -> None:
            while not done.is_set():
                with contextlib.suppress(OSError):
                    move(path)

        mover = threading.Thread(target=work)
        mover.start()
        try:
            yield str(path)
        finally:
            done.set()
            mover.join()

    return making


def _vanish(path: Path) -> None:
    away = path.with_name("away")
    path.replace(away)
    away.replace(path)


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0")
    os.truncate(path, path.stat().st_size - 1)


def _shrink(path: Path) -> None:
    content = path.read_bytes()
    os.truncate(path, len(content) // 2)
    path.write_bytes(content)


def _to_fifo(path: Path) -> None:
    away, pipe = path.with_name("away"), path.with_name("pipe")
    os.mkfifo(pipe)
    path.replace(away)
    pipe.replace(path)
    path.unlink()
    away.replace(path)


# ----------------------------------------------------------------------------------------------------------- the table
_ROOT_READS_ALL = os.name == "posix" and os.geteuid() == 0
_MAY_MOVE = (0, 3, 4)
_FIFO: Make = made(os.mkfifo)

FILES: tuple[Row, ...] = (
    Row("dangling link", made(lambda path: path.symlink_to("nowhere")), [4]),
    Row("link to itself", made(_loop), [4]),
    Row("link to /dev/zero", made(lambda path: path.symlink_to("/dev/zero")), [4]),
    Row("fifo", _FIFO, [4]),
    Row("fifo, for people", _FIFO, [4], _TABLE, brief=False),
    Row("/dev/zero", named("/dev/zero"), [4]),
    Row("/dev/null", named("/dev/null"), [4], brief=False),
    Row("/dev/full", named("/dev/full"), [4], brief=False),
    Row("/dev/stdin", named("/dev/stdin"), [4], brief=False),
    Row("socket", made(_socket), [4]),
    Row("environment of the process", named(_SECRET_PLACE), [3, 4], _TABLE),
    Row("memory of the process", named("/proc/self/mem"), [3, 4], brief=False),
    Row("kernel's messages", named("/proc/kmsg"), [3, 4], brief=False),
    Row("directory that loops", made(_looping_directory), [0]),
    Row("directory x.parquet, empty", made(Path.mkdir), [4], brief=False),
    Row("directory x.parquet, with a file", made(lambda path: good(path / "a.parquet")), [0], brief=False),
    Row("directory of odd ones", made(_crowd), [4]),
    Row("directory of odd names", made(_odd_names), [0]),
    Row("directory of odd names, for people", made(_odd_names), [0], _TABLE),
    Row("deep directory", made(_deep), [0], brief=False),
    Row("escape codes in a name, no parquet", bad_at(b"\x1b[2J\n\xff.parquet"), [3], _TABLE),
    Row("bidi override in a name, no parquet", bad_at("\u202egpj.parquet".encode()), [3], brief=False),
    Row("dash in front", good_at("-rf.parquet", given="./-rf.parquet"), [0], brief=False),
    Row("dash in front, as an option", good_at("-rf.parquet", given="-rf.parquet"), [2], brief=False),
    Row("dash in front, after --", good_at("-rf.parquet", given="-rf.parquet"), [0], ("check", "--json", "--", "{}")),
    Row("slash after a file", good_at("x.parquet", given="x.parquet/"), [0, 4], brief=False),
    Row("no name", named(""), [4], brief=False),
    Row("name too long", named("a" * 300 + ".parquet"), [4], brief=False),
    Row("path too long", named("a/" * 5_000), [4]),
    Row("missing, with escape codes", named(b"\x1b]0;x\x07\xff.parquet"), [4], _TABLE),
    Row("glob of nothing, with escape codes", named(b"\x1b[0m*\xff.parquet"), [4], brief=False),
    Row("unreadable", made(_shut), [0] if _ROOT_READS_ALL else [4], brief=False),
    Row("a terabyte of nothing", made(_sparse), [3]),
    Row("a terabyte between pages and footer", made(_sparse_with_footer), [0, 3]),
    Row("vanishes", moved(_vanish), _MAY_MOVE, (*_CHECK, "--check", "full")),
    Row("grows", moved(_grow), _MAY_MOVE, brief=False),
    Row("shrinks", moved(_shrink), _MAY_MOVE),
    Row("becomes a pipe", moved(_to_fifo), _MAY_MOVE, brief=False),
)  # fmt: skip


def _of_options() -> Iterator[Row]:
    """The same odd things where a contract, a configuration, a receipt, a list or a state is named."""
    things: Sequence[tuple[str, Make]] = (
        ("a pipe", _FIFO),
        ("/dev/zero", named("/dev/zero")),
        ("a link to itself", made(_loop)),
        ("a directory", made(Path.mkdir)),
        ("a socket", made(_socket)),
        ("escape codes", bad_at(b"\x1b[2J\xff.yaml")),
        ("a terabyte", made(_sparse)),
    )
    for name, command, codes in (
        ("contract", ("check", "x.parquet", "--contract", "{}"), [2]),
        ("lint", ("contract", "lint", "{}"), [2]),
        ("like", ("check", "x.parquet", "--like", "{}"), [2, 3, 4]),
        ("init", ("contract", "init", "{}"), [2, 3, 4]),
        ("config", ("config", "show", "--config", "{}"), [2]),
        ("receipt", ("verify", "{}"), [2]),
        ("list", ("check", "--files-from", "{}"), [2, 4]),
        ("state", ("uploads", "list", "--state-dir", "{}"), [0, 2, 9]),
    ):
        for what, make in things:
            # A list may come from a pipe that somebody fills: nobody does here, and it is waited for.
            if (name, what) != ("list", "a pipe"):
                yield Row(f"{name}: {what}", make, codes, command, brief=False)


ROWS = (*FILES, *_of_options())
