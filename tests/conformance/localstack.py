"""The conformance suite against LocalStack's S3, which gets an environment of its own.

    python -m tests.conformance.localstack [--venv DIR] [PYTEST OPTIONS]

The first time it installs LocalStack, some 200 MB, in the user's cache directory; its dependencies clash with ours.
It ends as pytest does.
"""

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import platformdirs
from tests.support.servers import LOCALSTACK

ROOT: Final = Path(__file__).resolve().parents[2]
SUITE: Final = "tests/test_store_conformance.py"
# 4.9.2 is the newest that runs on Python 3.11; it takes any cbor2, of which newer ones lack what it imports.
REQUIREMENTS: Final = ("localstack-core[base-runtime]==4.9.2", "cbor2<5.8")
SMALLEST_PART: Final = 1024
"""What the suite sends as a whole part, in bytes."""
_STARTS_WITHIN_S: Final = 120.0
_QUIET: Final = {"DISABLE_EVENTS": "1", "SKIP_SSL_CERT_DOWNLOAD": "1", "LS_LOG": "error", "EAGER_SERVICE_LOADING": "0"}


def main(arguments: list[str]) -> int:
    """Install what is missing, start the server, run the suite; pytest's exit code."""
    options, for_pytest = _parser().parse_known_args(arguments)
    python = installed(options.venv)
    with serving(python) as endpoint:
        _tell(f"LocalStack's S3 listens at {endpoint}")
        command = [sys.executable, "-m", "pytest", SUITE, "-k", "localstack", *(for_pytest or ["-q"])]
        return subprocess.run(command, cwd=ROOT, env={**os.environ, LOCALSTACK: endpoint}, check=False).returncode


def _parser() -> argparse.ArgumentParser:
    cache = platformdirs.user_cache_path("tiktok-upload-tests") / "localstack-4.9.2"
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.localstack")
    parser.add_argument("--venv", type=Path, default=cache, metavar="DIR", help=f"default: {cache}")
    return parser


def installed(folder: Path) -> Path:
    """The Python of an environment that has LocalStack; made where it is not there or was made for another version."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "requirements.txt"
    wanted = "\n".join(REQUIREMENTS)
    if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
        _tell(f"installing {' '.join(REQUIREMENTS)} in {folder}")
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS]
        subprocess.run(command, check=True)
        stamp.write_text(wanted, "utf-8")
    return python


@contextlib.contextmanager
def serving(python: Path) -> Iterator[str]:
    """The server in a process of its own; gives its URL."""
    port = _free_port()
    script = Path(__file__).with_name("serve_localstack.py")
    with tempfile.TemporaryDirectory() as folder, _Log(Path(folder) / "log.txt") as log:
        environment = {**os.environ, **_QUIET, "FILESYSTEM_ROOT": folder, "HOME": folder, "TMPDIR": folder}
        # Isolated: the folder of the script holds a module of LocalStack's name, this one.
        command = [str(python), "-I", str(script), str(port), str(SMALLEST_PART)]
        process = subprocess.Popen(command, stdout=log.file, stderr=log.file, cwd=folder, env=environment)
        try:
            _wait_for(port, process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


class _Log(contextlib.AbstractContextManager["_Log"]):
    """What the server says; shown only where it does not start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.file = path.open("wb")

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def text(self) -> str:
        return self._path.read_text("utf-8", "replace")


def _wait_for(port: int, process: subprocess.Popen[bytes], log: _Log) -> None:
    end = time.monotonic() + _STARTS_WITHIN_S
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"LocalStack did not start:\n{log.text()}")
        time.sleep(0.2)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError as error:  # any answer will do
        error.close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
