"""The server as a process of its own, so that a test can kill or pause it.

    python -m tests.support.hostile_s3 --root DIR --bucket NAME --port 0 --script faults.json

Prints one line, the port, when it listens. A script is a JSON list of faults or an object with `faults`, `settings`
and `buckets`. Below `/_hostile/`, unsigned: GET `unhit`, `requests`, `objects`, `uploads`; POST `script` with such a
script, `release` with `{"go_on": true}` or nothing, `wait_until_stuck` with `{"count": 1}`, `calm`, `refuse` with
`{"for_s": 0.5}`, `turn_away` with `{"count": 2}`, `issue` with `{"lifetime_s": 3600}`, which answers what a
`credential_process` prints.
"""

import argparse
import json
import signal
import threading
from pathlib import Path

from . import control
from .server import HostileS3


def main() -> None:
    """Serve until the process is stopped."""
    options = _parser().parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    credentials = dict(pair.split(":", 1) for pair in options.credentials) or None
    server = HostileS3(options.root, credentials, port=options.port)
    for bucket in options.bucket:
        server.make_bucket(bucket)
    if options.script is not None:
        control.load(server.stage, json.loads(options.script.read_text("utf-8")))
    server.start()
    try:
        print(server.port, flush=True)  # noqa: T201 - the caller waits for it
        while not stop.wait(1.0):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.support.hostile_s3", description="A strict, hostile S3.")
    parser.add_argument("--root", type=Path, required=True, help="where buckets, parts and records lie")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--bucket", action="append", default=[], help="make this bucket")
    parser.add_argument("--script", type=Path, help="JSON with faults, settings and buckets")
    parser.add_argument("--credentials", action="append", default=[], metavar="ID:SECRET")
    return parser


if __name__ == "__main__":
    main()
