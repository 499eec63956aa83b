"""URLs below `/_hostile/` by which another process steers this server, without a signature."""

import json
from collections.abc import Callable
from typing import Any, Final

from .bodies import Body
from .faults import Fault
from .sessions import issue
from .stage import Stage
from .wire import Answer, Head

_PREFIX: Final = "/_hostile/"


def is_for_us(head: Head) -> bool:
    """Whether the request is no S3 request; no bucket can have that name."""
    return head.path.startswith(_PREFIX)


def answer(head: Head, body: Body, stage: Stage) -> Answer:
    """Carry out a command; always JSON."""
    data = b"".join(iter(body.read, b""))
    command = _COMMANDS.get((head.method, head.path.removeprefix(_PREFIX)))
    if command is None:
        return _json(404, {"commands": [" ".join(pair) for pair in _COMMANDS]})
    try:
        return _json(200, command(stage, json.loads(data or b"null")))
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        return _json(400, {"error": str(exc)})


def load(stage: Stage, script: Any) -> None:
    """Take in a script: a list of faults, or an object with `faults`, `settings` and `buckets`."""
    parts: dict[str, Any] = {"faults": script} if isinstance(script, list) else script
    for bucket in parts.get("buckets", ()):
        stage.store.make_bucket(bucket)
    stage.rules.apply(parts.get("settings", {}))
    stage.script.add(*(Fault.from_json(fault) for fault in parts.get("faults", ())))


def _requests(stage: Stage, _data: Any) -> Any:
    return [entry.to_json() for entry in stage.journal.entries()]


def _unhit(stage: Stage, _data: Any) -> Any:
    return stage.script.unhit()


def _release(stage: Stage, data: Any) -> Any:
    stage.stuck.release(go_on=bool((data or {}).get("go_on", False)))


def _calm(stage: Stage, _data: Any) -> Any:
    stage.script.calm()


def _refuse(stage: Stage, data: Any) -> Any:
    """Only for a time: nobody could open the door again through it."""
    stage.door.shut(float(data["for_s"]))


def _turn_away(stage: Stage, data: Any) -> Any:
    stage.door.turn_away(int(data["count"]))


def _issue(stage: Stage, data: Any) -> Any:
    return issue(stage.rules, float((data or {}).get("lifetime_s", 3600))).to_json()


def _wait_until_stuck(stage: Stage, data: Any) -> Any:
    return stage.stuck.wait_for(int((data or {}).get("count", 1)), limit_s=30.0)


def _objects(stage: Stage, _data: Any) -> Any:
    every = {bucket: stage.store.objects(bucket).values() for bucket in stage.store.buckets()}
    return {bucket: [found.to_json() for found in objects] for bucket, objects in every.items()}


def _uploads(stage: Stage, _data: Any) -> Any:
    return [{**upload.to_json(), "parts": sorted(upload.parts)} for upload in stage.store.uploads()]


_COMMANDS: Final[dict[tuple[str, str], Callable[[Stage, Any], Any]]] = {
    ("GET", "unhit"): _unhit,
    ("GET", "requests"): _requests,
    ("GET", "objects"): _objects,
    ("GET", "uploads"): _uploads,
    ("POST", "script"): load,
    ("POST", "release"): _release,
    ("POST", "wait_until_stuck"): _wait_until_stuck,
    ("POST", "calm"): _calm,
    ("POST", "refuse"): _refuse,
    ("POST", "turn_away"): _turn_away,
    ("POST", "issue"): _issue,
}


def _json(status: int, data: Any) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(data).encode())
