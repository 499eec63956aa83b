"""What a command costs as a whole process: time, CPU, and the peak memory of itself and of its children apart.

    python -m tests.bench.meter COMMAND [ARGUMENT...]

Prints a line of JSON to stderr when the command has ended, and exits as it did. POSIX only.
"""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Self

_PROC = Path("/proc")
# Lower: costs the command time on a small machine. Higher: growth in the last moment before an end is missed.
_SAMPLE_S = 0.02
# Children are looked for once in so many samples: asking each thread of the command costs more than reading a peak.
_SAMPLES_A_SEARCH = 5
_KIB = 1 << 10


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of a command.

    Attributes:
        exit_code: Negative for a signal.
        wall_s: From before its start to its end.
        cpu_s: User and system, with all children that it waited for.
        main_peak_bytes: Peak resident memory of the command's own process; on systems without /proc that of the
            largest process among it and its children, and of ours when it started it.
        child_peak_bytes: The same of its largest descendant; None without /proc, 0 where there was none.
    """

    exit_code: int
    wall_s: float
    cpu_s: float
    main_peak_bytes: int
    child_peak_bytes: int | None


def measure(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdout: IO[bytes] | int | None = None,
    stderr: IO[bytes] | int | None = None,
) -> Measurement:
    """Run a command to its end."""
    begun = time.monotonic()
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
    try:
        with _Peaks(process.pid) as peaks:
            _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait for it, too
    # macOS gives bytes, the others KiB.
    largest = usage.ru_maxrss * (1 if sys.platform == "darwin" else _KIB)
    return Measurement(
        exit_code=process.returncode,
        wall_s=time.monotonic() - begun,
        cpu_s=usage.ru_utime + usage.ru_stime,
        main_peak_bytes=peaks.of_main() or largest,
        child_peak_bytes=peaks.of_children() if _PROC.exists() else None,
    )


class _Peaks:
    """Looks at a process and its descendants, many times a second, while inside.

    Linux keeps the peak itself (VmHWM), and it only grows: the last look at a process tells it. That the last look
    counts and not the largest also forgets what a child showed before its exec, when it had our command's memory.
    """

    def __init__(self, main: int) -> None:
        self._main = main
        self._family = [main]
        self._peaks: dict[int, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-meter")

    def of_main(self) -> int:
        return self._peaks.get(self._main, 0)

    def of_children(self) -> int:
        return max((peak for pid, peak in self._peaks.items() if pid != self._main), default=0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        for sample in itertools.count():
            if sample % _SAMPLES_A_SEARCH == 0:
                self._family = [self._main, *_descendants(self._main)]
            peaks = {pid: _peak_bytes(pid) for pid in self._family}
            self._peaks.update((pid, peak) for pid, peak in peaks.items() if peak)
            if self._ended.wait(_SAMPLE_S):
                return


def _peak_bytes(pid: int) -> int:
    """Peak resident memory so far; 0 where the process is gone or has ended."""
    with contextlib.suppress(OSError), (_PROC / f"{pid}/status").open("rb") as status:
        for line in status:
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * _KIB
    return 0


def _descendants(pid: int) -> list[int]:
    found = []
    for child in _children(pid):
        found += [child, *_descendants(child)]
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError):
        for task in (_PROC / f"{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                children += map(int, (task / "children").read_bytes().split())
    return children


def main() -> None:
    """Measure the command of the command line."""
    measurement = measure(sys.argv[1:])
    sys.stderr.write(json.dumps(asdict(measurement)) + "\n")
    sys.exit(measurement.exit_code)


if __name__ == "__main__":
    main()
