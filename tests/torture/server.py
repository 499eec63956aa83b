"""The hostile S3 as a process that is steered over its stdin, a JSON command a line, each answered by one.

    python -m tests.torture.server ROOT PORT

Beside what the server's own URLs can, this can take a script back, and move the server's clock. It ends with its stdin.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.support.command import CREDENTIALS
from tests.support.hostile_s3 import Fault, HostileS3

_KEPT: Final = ("operation", "key", "part", "upload_id", "began", "ended", "status", "code", "faults", "body_bytes")


def main() -> None:
    """Serve until nobody steers any more."""
    root, port = sys.argv[1:]
    server = HostileS3(Path(root), CREDENTIALS, port=int(port))
    server.start()
    _say(server.port)
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            _say(_COMMANDS[name](server, **arguments))
        except Exception as exc:  # noqa: BLE001 - whoever steers is told
            _say({"failed": f"{type(exc).__name__}: {exc}"})
    server.stop()


def _say(answer: Any) -> None:
    print(json.dumps(answer), flush=True)  # noqa: T201 - the steering's other direction


def _bucket(server: HostileS3, name: str) -> None:
    server.make_bucket(name)


def _script(server: HostileS3, faults: list[dict[str, Any]]) -> None:
    """Put these in the place of all others."""
    script = server.stage.script
    with script._lock:
        script._lines.clear()
    server.script(*(Fault.from_json(fault) for fault in faults))


def _hits(server: HostileS3) -> list[int]:
    """Of the scripted faults, in their order."""
    script = server.stage.script
    with script._lock:
        return [line.hits for line in script._lines]


def _settings(server: HostileS3, values: dict[str, Any], clock_shift_s: float) -> None:
    server.apply(values)
    server.clock = lambda: time.time() + clock_shift_s


def _log(server: HostileS3, since: int) -> dict[str, Any]:
    """The requests from that place on."""
    entries = server.requests
    plain = [{name: getattr(entry, name) for name in _KEPT} for entry in entries[since:]]
    return {"next": len(entries), "entries": plain}


def _under_way(server: HostileS3) -> dict[str, int]:
    """How many requests nobody answers on purpose, and how many are not over yet, those among them."""
    unended = sum(entry.ended is None for entry in server.requests)
    return {"stuck": server.stage.stuck._inside, "unended": unended}


def _stuck(server: HostileS3) -> int:
    return server.stage.stuck._inside


def _release(server: HostileS3, *, go_on: bool) -> None:
    server.release(go_on=go_on)


def _put(server: HostileS3, bucket: str, key: str, path: str) -> int:
    """Store an object behind everybody's back; gives the log's tick of that moment."""
    journal = server.stage.journal
    with journal._lock:
        server.put(bucket, key, Path(path).read_bytes())
        journal._tick += 1
        return journal._tick


def _crashes(server: HostileS3) -> list[str]:
    """What went wrong in the server itself."""
    return [repr(crash) for crash in server.stage.door.crashes]


_COMMANDS: Final[dict[str, Callable[..., Any]]] = {
    "bucket": _bucket,
    "script": _script,
    "hits": _hits,
    "settings": _settings,
    "log": _log,
    "under_way": _under_way,
    "stuck": _stuck,
    "release": _release,
    "put": _put,
    "crashes": _crashes,
}

if __name__ == "__main__":
    main()
