"""Cases led by coverage (atheris, libFuzzer): a process of its own, for libFuzzer never returns.

Started as `python -m tests.fuzz.guided TARGET CASES SEED`; the outcome is one line of JSON on stdout.
"""

import base64
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzz.running import Outcome

_MARK = "fuzz-outcome "
_START_S = 120.0  # loading and instrumenting
_SLOWEST = 200  # cases a second


def is_available() -> bool:
    """Whether atheris can be loaded."""
    return importlib.util.find_spec("atheris") is not None


def run(target: str, *, cases: int, seed: int) -> "Outcome":
    """So many cases in another process."""
    from tests.fuzz.running import Outcome  # noqa: PLC0415 - the other process instruments it first

    outcome = Outcome(target, "atheris", seed)
    command = [sys.executable, "-m", "tests.fuzz.guided", target, str(cases), str(seed)]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_START_S + cases / _SLOWEST
        )
    except subprocess.TimeoutExpired:
        outcome.add("Hang at atheris: the process did not end", b"", -1)
        return outcome
    lines = [line for line in ended.stdout.splitlines() if line.startswith(_MARK)]
    if not lines:
        outcome.add(f"Died at atheris: exit code {ended.returncode}: {ended.stderr[-500:]}", b"", -1)
        return outcome
    told = json.loads(lines[-1].removeprefix(_MARK))
    outcome.cases, outcome.seconds = told["cases"], told["seconds"]
    for what, data in told["failures"]:
        outcome.add(what, base64.b64decode(data), -1)
    outcome.failed = told["failed"]
    return outcome


def main() -> None:
    """Instrument, fuzz, tell, end."""
    name, cases, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["tiktok_upload"]):
        from tests.fuzz.registry import targets  # noqa: PLC0415 - only now, to be instrumented
    from tests.fuzz.running import Outcome, failure_of, hangs_noticed  # noqa: PLC0415
    from tests.fuzz.target import clean_up  # noqa: PLC0415

    target = targets()[name]
    outcome = Outcome(name, "atheris", seed)
    begun = time.perf_counter()

    def one(data: bytes) -> None:
        what = failure_of(target.check, data, target.limit_s)
        outcome.cases += 1
        if what is not None:
            outcome.add(what, data, -1)
        if outcome.cases >= cases:
            outcome.seconds = time.perf_counter() - begun
            _tell(outcome)
            clean_up()
            os._exit(0)

    with tempfile.TemporaryDirectory() as directory, hangs_noticed():
        corpus, words = Path(directory, "corpus"), Path(directory, "words")
        corpus.mkdir()
        for number, content in enumerate(target.seeds):
            (corpus / str(number)).write_bytes(content)
        words.write_text("".join(f'"{_quoted(token)}"\n' for token in target.tokens))
        options = ["-timeout=0", "-handle_alrm=0", "-max_len=8192", "-verbosity=0", "-rss_limit_mb=0"]
        atheris.Setup(["fuzz", f"-seed={seed}", f"-dict={words}", *options, str(corpus)], one)
        atheris.Fuzz()


def _quoted(token: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in token)


def _tell(outcome: "Outcome") -> None:
    failures = [(failure.what, base64.b64encode(failure.data).decode()) for failure in outcome.failures.values()]
    told = {"cases": outcome.cases, "seconds": outcome.seconds, "failures": failures, "failed": outcome.failed}
    print(_MARK + json.dumps(told), flush=True)  # noqa: T201 - the way to the parent


if __name__ == "__main__":
    main()
