"""Torture by seed: every run is a push that things go wrong with, and must end with the right object, sent once.

    python -m tests.torture [--runs N] [--seed S] [--jobs J] [--directory DIR]

Prints counts and a table of fault by phase in Markdown; what is under way goes to stderr. A run with findings leaves
its directory and is played again by `--seed S --runs 1` with its own seed. Ends with 1 where there were findings.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

from tests.torture.campaign import Campaign
from tests.torture.report import failure_text, report
from tests.torture.run import Verdict

_TELL_EVERY = 25


def main() -> int:
    """Play, and tell what came of it."""
    options = _parser().parse_args()
    # A shell starts what goes on in the background with Ctrl-C ignored, and every process below it would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seed = int(time.time()) if options.seed is None else options.seed
    began_s = time.monotonic()
    told: list[Verdict] = []

    def tell(verdict: Verdict) -> None:
        told.append(verdict)
        if verdict.findings:
            _say(failure_text(verdict))
        if len(told) % _TELL_EVERY == 0:
            _say(f"{len(told)} runs, {time.monotonic() - began_s:.0f} s")

    _say(f"seed {seed}")
    with Campaign(seed, jobs=options.jobs, directory=options.directory) as campaign:
        verdicts = campaign.play(options.runs, tell)
    print(report(verdicts, campaign.coverage, time.monotonic() - began_s))  # noqa: T201 - the result
    return int(any(verdict.findings for verdict in verdicts))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - for whoever waits


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="Torture the tool by seed.")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, help="of the first run; the time if none is given")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once")
    parser.add_argument("--directory", type=Path, help="where everything lies meanwhile; the system's if none is given")
    return parser


if __name__ == "__main__":
    sys.exit(main())
