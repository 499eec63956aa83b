"""`tiktok-upload demo`: the main job on an S3 of this machine's own, cut in the middle; nothing is left behind.

Every step is looked at: the demo ends with 0 only where each kept its promise.
"""

import array
import hashlib
import http.client
import json
import os
import shlex
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tiktok_upload.cli.output import Style, say
from tiktok_upload.cli.sandbox import Sandbox, sandbox
from tiktok_upload.errors import InterruptedUploadError, SourceError, UploadToolError
from tiktok_upload.portable import stop_signals
from tiktok_upload.text import escape
from tiktok_upload.units import format_duration, format_size

if TYPE_CHECKING:
    import pyarrow as pa

_BUCKET, _SAMPLE, _RECEIPT, _CONFIG, _FIRST_WORDS = "demo", "events.parquet", "receipt.json", "empty.toml", "first.txt"
_ROW_GROUPS, _ROWS = 12, 1 << 17  # a row group; some 104 MiB in all, since random hashes hardly shrink
# Lower: the demo takes longer. Higher: nothing is seen, and the cut may come too late on a slow machine.
_RATE = "24MiB/s"
_PARTS_AT_ONCE = 4  # of 21; with all in flight none would be stored before the last third
_CUT_AFTER = 3  # a third of the parts
_HANGS_AFTER_S = 300.0  # far above what a slow machine takes; a command that hangs must not hang a CI job


def show(*, quiet: bool, verbose: bool, no_color: bool) -> int:
    """Tell the whole story; returns 0 where every step kept its promise.

    Raises:
        UsageError: The extra `sandbox` is not installed.
        SourceError: The sample could not be written.
        UploadToolError: A step went otherwise than promised.
        InterruptedUploadError: Ctrl-C or SIGTERM; nothing is left then either.
    """
    began_s = time.monotonic()
    with stop_signals(_leave), _temporary_directory() as directory, sandbox(bucket=_BUCKET) as box:
        story = _Story(directory, box, Style(quiet=quiet, verbose=verbose, no_color=no_color))
        story.sample()
        stored = story.push_and_kill()
        story.push_again(stored)
        story.look_at_receipt()
        story.verify()
    story.say(f"demo: every step as promised, in {format_duration(time.monotonic() - began_s)}; nothing is left of it")
    story.say("  next: tiktok-upload push YOUR.parquet --to s3://BUCKET/PREFIX/")
    return 0


@dataclass(frozen=True, slots=True)
class _Story:
    """The steps, in their order.

    Attributes:
        directory: Of all files of the demo; the pushes run in it.
        box: The store.
        style: How much is told.
    """

    directory: Path
    box: Sandbox
    style: Style

    def sample(self) -> None:
        """Make the file."""
        self.say("demo 1 of 5: a sample of events; its identifiers are random hashes, nobody's data")
        path = self.directory / _SAMPLE
        try:
            make_sample(path)
            (self.directory / _CONFIG).touch()
        except OSError as exc:
            raise SourceError(
                f"the sample could not be written: {exc.strerror}", hint="free 500 MB, or let TMPDIR name another disk"
            ) from exc
        self.say(f"  {_SAMPLE}: {format_size(path.stat().st_size)}, {_ROWS * _ROW_GROUPS:,} rows")

    def push_and_kill(self) -> list[int]:
        """Push, and kill that process in the middle; returns the numbers of the parts that it told were stored."""
        line = ["push", _SAMPLE, "--to", f"s3://{_BUCKET}/incoming/", *self._push_options()]
        self.say(f"demo 2 of 5: push to a local S3, no faster than {_RATE} so that there is time to cut it")
        self.say(_typed(line))
        words = self.directory / _FIRST_WORDS
        with words.open("wb") as stderr, self._run(line, stderr) as (process, lines):
            parts = list(_until_cut(lines))
            process.kill()
            parts += [event for event in _events(lines) if event["event"] in ("part_stored", "result")]
        told = words.read_text(encoding="utf-8", errors="replace")
        _promise("the first push is cut in the middle", all(event["event"] == "part_stored" for event in parts), told)
        _promise("the first push stores a third of its parts", bool(parts), told)
        size = format_size(sum(event["size"] for event in parts))
        self.say(f"  killed without a warning, after it had told of {len(parts)} of {parts[0]['parts']} parts, {size}")
        return [event["number"] for event in parts]

    def push_again(self, stored: list[int]) -> None:
        """The same line again, to its end, with its own display."""
        self.say("demo 3 of 5: the same line again")
        line = ["push", _SAMPLE, "--to", f"s3://{_BUCKET}/incoming/", *self._push_options(), *self._display_options()]
        with self._run(line, None) as (_, lines):
            events = list(_events(lines))
        file = _file_of(events, "uploaded")
        sent = {event["number"] for event in events if event["event"] == "part_stored"}
        _promise("no part that was told to be stored is sent again", sent.isdisjoint(stored))
        _promise("only the others are sent", len(sent) == file["parts"] - file["parts_reused"])
        self.say(
            f"  {file['parts_reused']} of {file['parts']} parts reused ({format_size(file['bytes_reused'])}), "
            f"only {format_size(file['bytes_sent'])} sent"
        )

    def look_at_receipt(self) -> None:
        """What it says, and whether that is so: the object is read back and compared with the file."""
        self.say("demo 4 of 5: the receipt")
        receipt = json.loads((self.directory / _RECEIPT).read_bytes())
        file, rows = receipt["file"], receipt["parquet"]["rows"]
        self.say(f"  {escape(file['uri'])}: {file['size_bytes']:,} bytes, {rows:,} rows, {receipt['delivered_at']}")
        self.say(f"  {file['checksum']['algorithm']} {file['checksum']['value']}, ETag {escape(file['etag'])}")
        same = _sha256_of_object(self.box, receipt["key"]) == _sha256_of_file(self.directory / _SAMPLE)
        _promise("the object is the file, byte for byte", same)
        self.say("  the object, read back here, is the file byte for byte")

    def verify(self) -> None:
        """Ask the store by the receipt, as anybody may at any later time."""
        self.say("demo 5 of 5: is the stored object still the one of the receipt?")
        self.say(_typed(["verify", _RECEIPT]))
        with self._run(["verify", _RECEIPT, *self._display_options()], None) as (_, lines):
            _file_of(list(_events(lines)), "verified")

    def say(self, text: str) -> None:
        """A line, unless --quiet."""
        if not self.style.quiet:
            say(text)

    def _push_options(self) -> list[str]:
        reaching = ["--endpoint-url", self.box.endpoint, "--state-dir", "state", "--receipt", _RECEIPT]
        return [*reaching, "--part-size", "5MiB", "--concurrency", str(_PARTS_AT_ONCE), "--max-bandwidth", _RATE]

    def _display_options(self) -> list[str]:
        chosen = {"--quiet": self.style.quiet, "--verbose": self.style.verbose, "--no-color": self.style.no_color}
        return [name for name, is_on in chosen.items() if is_on]

    @contextmanager
    def _run(
        self, arguments: list[str], stderr: IO[bytes] | None
    ) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
        """The installed command as a process; gives it and its stdout, and lets it not live on."""
        settings = {name: text for name, text in os.environ.items() if not name.startswith("TIKTOK_UPLOAD_")}
        settings["TIKTOK_UPLOAD_CONFIG"] = str(self.directory / _CONFIG)  # the user's own may name a profile, a key...
        with subprocess.Popen(  # noqa: S603 - this very command
            [sys.executable, "-P", "-m", "tiktok_upload", *arguments, "--json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, env=settings, cwd=self.directory,
        ) as process:  # fmt: skip
            if process.stdout is None:
                raise AssertionError
            guard = threading.Timer(_HANGS_AFTER_S, process.kill)
            guard.daemon = True
            guard.start()
            try:
                yield process, process.stdout
            finally:
                guard.cancel()
                process.kill()  # nothing where it has ended


def _typed(arguments: list[str]) -> str:
    """As one would type it, no line longer than a terminal of 80 columns."""
    words = shlex.join(["tiktok-upload", *arguments])
    return textwrap.fill(
        words, 76, initial_indent="  $ ", subsequent_indent="      ", break_long_words=False, break_on_hyphens=False
    ).replace("\n", " \\\n")


def make_sample(path: Path) -> None:
    """An events file of some 104 MiB with hashed identifiers; no person's data."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = pa.schema(
        [
            ("event", pa.string()), ("event_id", pa.int64()), ("event_time", pa.int64()),
            ("email", pa.string()), ("phone", pa.string()),
        ]
    )  # fmt: skip
    now_s = int(time.time())
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=["event"]) as writer:
        for group in range(_ROW_GROUPS):
            ids = range(group * _ROWS, (group + 1) * _ROWS)
            columns = [["Purchase"] * _ROWS, ids, [now_s] * _ROWS, _random_hashes(_ROWS), _random_hashes(_ROWS)]
            writer.write_table(pa.table(columns, schema=schema))


def _random_hashes(count: int) -> "pa.StringArray":
    """What SHA-256 of addresses looks like, without any: 64 hex digits each."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import

    digits = os.urandom(count * 32).hex().encode()
    offsets = array.array("i", range(0, count * 64 + 1, 64))
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets.tobytes()), pa.py_buffer(digits))


def _events(lines: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Of `--json`; a line that a killed process began is dropped."""
    for line in lines:
        if line.endswith(b"\n"):
            yield json.loads(line)


def _until_cut(lines: IO[bytes]) -> Iterator[dict[str, Any]]:
    """The parts stored until a third of them is; the result where the push ended before."""
    stored = 0
    for event in _events(lines):
        if event["event"] in ("part_stored", "result"):
            yield event
            stored += 1
        if event["event"] == "part_stored" and stored * _CUT_AFTER >= event["parts"]:
            return


def _file_of(events: list[dict[str, Any]], status: str) -> dict[str, Any]:
    """The only entry of a run's result, which must have ended so."""
    result = events[-1] if events and events[-1]["event"] == "result" else {"files": [], "error": None}
    error = result["error"]
    ended_so = [file["status"] for file in result["files"]] == [status]
    _promise(f"the file is {status}", ended_so, error["message"] if error else "the command told no result")
    file: dict[str, Any] = result["files"][0]
    return file


def _promise(what: str, kept: bool, told: str = "") -> None:  # noqa: FBT001 - the claim and whether it holds
    """Go on where it holds.

    Raises:
        UploadToolError: It does not.
    """
    if not kept:
        words = f" ({escape(told.strip())})" if told.strip() else ""
        raise UploadToolError(f"the demo did not go as promised: {what}, but not here{words}")


def _sha256_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256_of_object(box: Sandbox, key: str) -> str:
    """Of what the store gives back, without any code of the upload between."""
    # moto wants a signature's form, and verifies none.
    signed_by = f"AWS4-HMAC-SHA256 Credential={box.credentials['AWS_ACCESS_KEY_ID']}/20260101/us-east-1/s3/aws4_request"
    address = urlsplit(box.endpoint).netloc
    digest = hashlib.sha256()
    with closing(http.client.HTTPConnection(address, timeout=_HANGS_AFTER_S)) as connection:
        connection.request("GET", f"/{box.bucket}/{key}", headers={"Authorization": signed_by})
        answer = connection.getresponse()
        while piece := answer.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


@contextmanager
def _temporary_directory() -> Iterator[Path]:
    # Windows keeps files of a killed process for a moment.
    with tempfile.TemporaryDirectory(prefix="tiktok-upload-demo-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _leave(exit_code: int) -> None:
    raise InterruptedUploadError(
        "the demo was stopped", exit_code=exit_code, hint="nothing is left of it; run it again"
    )
