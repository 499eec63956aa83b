"""`tiktok-upload demo`: the main job on an S3 of this machine's own, nothing left behind."""

import logging
import os
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tiktok_upload.cli.output import say
from tiktok_upload.errors import UsageError

_BUCKET = "demo"
_ROWS = 1 << 18
_ROW_GROUPS = 4


def show(push: Callable[[list[str], str, str, Path], int]) -> int:
    """Make a sample, start the store, push, show the receipt; returns the push's exit code.

    Args:
        push: Called with the paths, the destination, the endpoint and a directory for state and receipt.

    Raises:
        UsageError: The extra `sandbox` is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="tiktok-upload-demo-") as name, sandbox() as endpoint_url:
        directory = Path(name)
        sample = directory / "events.parquet"
        make_sample(sample)
        say(f"demo: a sample file, {sample.stat().st_size:,} bytes; an S3 on {endpoint_url}, gone when this ends")
        code = push([str(sample)], f"s3://{_BUCKET}/incoming/", endpoint_url, directory)
        receipt = directory / "receipt.json"
        if receipt.exists():
            say("demo: the receipt it wrote:")
            say(receipt.read_text())
        return code


@contextmanager
def sandbox() -> Iterator[str]:
    """Moto's server on loopback with one bucket; gives its URL.

    Raises:
        UsageError: moto is not installed.
    """
    try:
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - an extra
    except ImportError as exc:
        raise UsageError("the demo needs the extra sandbox", hint="pip install 'tiktok-upload[sandbox]'") from exc
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    _use_demo_credentials()
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint_url = f"http://{host}:{port}"
        _make_bucket(endpoint_url)
        yield endpoint_url
    finally:
        server.stop()


def make_sample(path: Path) -> None:
    """An events file of some 16 MiB with hashed identifiers; no person's data."""
    import hashlib  # noqa: PLC0415 - only here

    import pyarrow as pa  # noqa: PLC0415 - slow to import
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = pa.schema([("event", pa.string()), ("event_id", pa.int64()), ("email", pa.string())])
    rows = _ROWS // _ROW_GROUPS
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in range(_ROW_GROUPS):
            ids = range(group * rows, (group + 1) * rows)
            hashed = [hashlib.sha256(b"%d" % number).hexdigest() for number in ids]
            writer.write_table(pa.table([["Purchase"] * rows, ids, hashed], schema=schema))


def _use_demo_credentials() -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_ACCESS_KEY_ID="demo", AWS_SECRET_ACCESS_KEY="demo", AWS_REGION="us-east-1")  # noqa: S106 - moto takes any


def _make_bucket(endpoint_url: str) -> None:
    request = urllib.request.Request(f"{endpoint_url}/{_BUCKET}", method="PUT")  # noqa: S310 - on loopback
    with urllib.request.urlopen(request):  # noqa: S310
        pass
