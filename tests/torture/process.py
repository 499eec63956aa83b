"""Processes of the tool: started, watched by their events, ended."""

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.torture.evidence import Process

_OUTPUT: Final = ".stdout", ".stderr"

News = queue.SimpleQueue["Tool"]


class Tool:
    """A process of the tool under way.

    Args:
        line: Its command line; the second word is the command.
        place: Where its outputs go: a path without an ending.
        news: Gets this tool for each event that it tells, and once when it told all.

    Attributes:
        counts: Its events so far, by name, and all of them as `any`.
        has_told_all: Its stdout is over.
    """

    def __init__(self, line: list[str], environment: Mapping[str, str], place: Path, machine: int, news: News) -> None:
        self.counts: Counter[str] = Counter()
        self.has_told_all = False
        self._machine = machine
        self._command = line[1]
        self._place = place
        self._news = news
        self._signals: list[str] = []
        self._signalled_at_s: float | None = None
        self._overdue = False
        with place.with_name(place.name + _OUTPUT[1]).open("wb") as stderr:
            self._popen = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, env=environment, cwd=place.parent
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def is_told_to_end(self) -> bool:
        """Whether a signal was sent."""
        return bool(self._signals)

    def send(self, name: str) -> bool:
        """Send a signal, unless it told its result already; whether it was sent."""
        if self.counts["result"] or self.has_told_all:
            return False
        self._signals.append(name)
        self._signalled_at_s = self._signalled_at_s or time.monotonic()
        self._popen.send_signal(signal.Signals[name])
        return True

    def give_up(self) -> None:
        """Kill it, because it does not end."""
        self._overdue = True
        self._popen.kill()

    def end(self) -> Process:
        """Wait for its end."""
        self._popen.wait()
        took_s = None if self._signalled_at_s is None else time.monotonic() - self._signalled_at_s
        self._reader.join()
        stdout, stderr = (self._place.with_name(self._place.name + each).read_bytes() for each in _OUTPUT)
        return Process(
            code=self._popen.returncode,
            stdout=stdout.decode(),
            stderr=stderr.decode(),
            command=self._command,
            machine=self._machine,
            signals=tuple(self._signals),
            stopped_after_s=took_s,
            overdue=self._overdue,
        )

    def _read(self) -> None:
        if self._popen.stdout is None:
            return
        with self._popen.stdout as stdout, self._place.with_name(self._place.name + _OUTPUT[0]).open("wb") as kept:
            for line in stdout:
                kept.write(line)
                self._count(line)
                self._news.put(self)
        self.has_told_all = True
        self._news.put(self)

    def _count(self, line: bytes) -> None:
        try:
            name = str(json.loads(line)["event"])
        except (ValueError, KeyError, TypeError):
            return  # the oracle sees it, too
        if name != "progress":
            self.counts.update((name, "any"))


def line_of(command: str, *arguments: object) -> list[str]:
    """The installed command, told to speak to machines."""
    return [str(Path(sys.executable).with_name("tiktok-upload")), *command.split(), *map(str, arguments), "--json"]
