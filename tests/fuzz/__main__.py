"""`python -m tests.fuzz`: every reader of what comes from outside, against bytes that nobody meant.

Ends with 1 where a case failed. A failure is told once a kind, with the line that shows it again.
"""

import argparse
import base64
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.fuzz import guided, running
from tests.fuzz.registry import targets
from tests.fuzz.running import Outcome

PARQUET, ODD = "parquet", "odd"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, tell, and say whether all was well."""
    given = _options().parse_args(arguments)
    if given.replay is not None:
        return _replayed(given.targets, base64.b64decode(given.replay))
    failed = 0
    total = 0
    for outcome in _outcomes(given):
        _say(str(outcome))
        for failure in outcome.failures.values():
            _say(str(failure))
        failed += outcome.failed
        total += outcome.cases
    _say(f"{total:,} cases, {failed} failed")
    return 1 if failed else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"all but {PARQUET} and {ODD} if none: {', '.join(_names())}"
    )
    parser.add_argument("--cases", type=int, default=1_000, help="of each target")
    parser.add_argument("--seconds", type=float, default=math.inf, help=f"the longest that {PARQUET} goes on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, help="a directory with more parquet files to begin with")
    parser.add_argument("--engine", choices=("both", "mutation", "atheris"), default="both")
    parser.add_argument("--replay", metavar="BASE64", help="one case of one target, with its traceback")
    return parser


def _names() -> list[str]:
    return [*targets(), PARQUET, ODD]


def _outcomes(given: argparse.Namespace) -> Iterator[Outcome]:
    known = targets()
    for name in given.targets or known:
        if name == PARQUET:
            yield _of_parquet(given)
        elif name == ODD:
            yield _of_odd_files()
        elif name not in known:
            raise SystemExit(f"there is no target {name}; known are {', '.join(_names())}")
        else:
            yield from _of_target(name, given)


def _of_parquet(given: argparse.Namespace) -> Outcome:
    from tests.fuzz import parquets  # noqa: PLC0415 - loads pyarrow

    outcome, ends = parquets.run(cases=given.cases, seed=given.seed, corpus=given.corpus, longest_s=given.seconds)
    for end, count in ends.most_common():
        _say(f"  {count:>7,} {end}")
    return outcome


def _of_odd_files() -> Outcome:
    from tests.fuzz import odd_files  # noqa: PLC0415 - loads pyarrow

    with tempfile.TemporaryDirectory(prefix="odd-") as root:
        return odd_files.run_all(odd_files.ROWS, Path(root))


def _of_target(name: str, given: argparse.Namespace) -> Iterator[Outcome]:
    """Half of the cases by mutation, half led by coverage, as far as there are both."""
    target = targets()[name]
    is_guided = target.is_guided and given.engine != "mutation" and guided.is_available()
    by_coverage = 0 if not is_guided else given.cases // (2 if given.engine == "both" else 1)
    if given.cases > by_coverage:
        yield running.run(target, cases=given.cases - by_coverage, seed=given.seed)
    if by_coverage:
        yield guided.run(name, cases=by_coverage, seed=given.seed)


def _replayed(names: Sequence[str], data: bytes) -> int:
    if names == [PARQUET]:
        from tests.fuzz import parquets  # noqa: PLC0415 - loads pyarrow

        parquets.replay(data)
    else:
        targets()[names[0]].check(data)
    _say("nothing is wrong with it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
