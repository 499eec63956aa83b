"""The store's process as the runs hold it, and what it has by its own files."""

import contextlib
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from tests.support.hostile_s3 import StoredObject

BUCKET: Final = "torture"

_QUIET_AFTER_S: Final = 10.0
_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class ObjectThere:
    """An object by the store's own files.

    Attributes:
        digest: SHA-256 of its bytes, in hex.
        nonce: What this tool put into its metadata; empty where somebody else made it.
    """

    digest: str
    size: int
    etag: str
    nonce: str


@dataclass(frozen=True, slots=True)
class UploadThere:
    """An open multipart upload by the store's own files."""

    id: str
    key: str
    parts: int


@dataclass(frozen=True, slots=True)
class Holding:
    """What the store has below one prefix."""

    objects: Mapping[str, ObjectThere]
    uploads: tuple[UploadThere, ...] = ()


class StoreProcess:
    """A hostile S3 on a root directory of its own.

    Attributes:
        endpoint: Stays the same when the process is killed and started again.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._port = 0
        self._start()
        self.ask("bucket", name=BUCKET)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end(kill=False)

    @property
    def endpoint(self) -> str:
        """The URL."""
        return f"http://127.0.0.1:{self._port}"

    def ask(self, command: str, **arguments: Any) -> Any:
        """Have a command carried out; see `server`."""
        self._stdin.write(json.dumps([command, arguments]).encode() + b"\n")
        self._stdin.flush()
        answer = json.loads(self._stdout.readline())
        if isinstance(answer, dict) and "failed" in answer:
            raise RuntimeError(f"the store's {command}: {answer['failed']}")
        return answer

    def kill_and_start(self) -> None:
        """Kill it as a power cut would, and start it again on the same files and port; its log begins anew."""
        self._end(kill=True)
        self._start()

    def wait_until_quiet(self, *, stays: bool) -> None:
        """Return when no request is under way, except for those that are stuck where these may stay so."""
        until = time.monotonic() + _QUIET_AFTER_S
        while time.monotonic() < until:
            found = self.ask("under_way")
            if found["unended"] <= (found["stuck"] if stays else 0):
                return
            time.sleep(0.01)
        raise RuntimeError("requests at the store do not end")

    def holding(self, prefix: str) -> Holding:
        """What its files say below a prefix of the bucket."""
        own = self.root / ".hostile"
        found = [StoredObject.from_json(_read(path)) for path in (own / "objects" / BUCKET).glob("*.json")]
        objects = {each.key: _object_there(each) for each in found if each.key.startswith(prefix)}
        uploads = [_upload_there(path) for path in (own / "uploads").glob("*/upload.json")]
        return Holding(objects, tuple(each for each in uploads if each.key.startswith(prefix)))

    def _start(self) -> None:
        line = [sys.executable, "-m", "tests.torture.server", str(self.root), str(self._port)]
        self._process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT)
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("no pipes")
        self._stdin: IO[bytes] = self._process.stdin
        self._stdout: IO[bytes] = self._process.stdout
        self._port = int(self._stdout.readline())

    def _end(self, *, kill: bool) -> None:
        if kill:
            self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        self._process.wait()
        self._stdout.close()


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _object_there(stored: StoredObject) -> ObjectThere:
    with stored.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ObjectThere(digest, stored.path.stat().st_size, stored.etag, stored.metadata.get("tu-nonce", ""))


def _upload_there(path: Path) -> UploadThere:
    upload = _read(path)
    return UploadThere(upload["id"], upload["key"], sum(1 for _ in path.parent.glob("0*.json")))
