"""A bundle for support: what this machine, its settings and its unfinished uploads are like, and nobody's data.

What is let through is named here; all else is left out or stands as an alias such as `#1f0c22ab`: a hash whose salt is
made for one bundle and kept nowhere, so that equal names are equal within a bundle and tell nothing outside it.
"""

import ast
import contextlib
import dataclasses
import functools
import hashlib
import importlib.metadata
import importlib.resources
import json
import os
import re
import secrets
import stat
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from tiktok_upload import events, facts, portable
from tiktok_upload.errors import UploadToolError
from tiktok_upload.journal import JournalDirectory
from tiktok_upload.plan import UploadPlan
from tiktok_upload.text import escape
from tiktok_upload.unfinished import Unfinished, known_here

MASK, LEFT_OUT = "***", "(left out: it looks like a secret)"
_TAIL_BYTES, _TAIL_LINES, _LINE_BYTES = 512 << 10, 2_000, 64 << 10
_MOST_UPLOADS, _MOST_NAMED = 1_000, 200
_SHORTEST_NAME = 3
_SHORTEST_SECRET = 6  # characters; a shorter value stands for itself in too many places


@dataclass(frozen=True, slots=True)
class Asked:
    """What the bundle is made of.

    Attributes:
        settings: As `config show --json` tells them, secrets masked; what kept them from being told, where it did.
        environment: All variables; only some names are told, and few values.
        machine: What is told of it as it is.
        with_names: Buckets and keys as they are.
        at: When, RFC 3339.
    """

    settings: Sequence[Mapping[str, Any]] | UploadToolError
    environment: Mapping[str, str]
    state_directory: Path
    machine: Mapping[str, Any]
    log_files: tuple[Path, ...] = ()
    with_names: bool = False
    at: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the bundle; `what` says what it holds."""

    name: str
    what: str
    content: bytes


def gather(asked: Asked) -> tuple[Member, ...]:
    """All of it; what cannot be had says why, and keeps nothing else from being told."""
    redactor = Redactor(secret_values(asked.environment), tuple(_names_here(asked.state_directory)))
    members = [*_documents(asked, redactor), *_logs(asked, redactor)]
    index = {"bundle": "tiktok-upload diagnose", "at": asked.at, "members": {one.name: one.what for one in members}}
    return (Member("index.json", "what is in here", _json(index)), *members)


def _documents(asked: Asked, redactor: "Redactor") -> Iterator[Member]:
    names = "as they are" if asked.with_names else "as aliases"
    makers: Mapping[str, tuple[str, Callable[[], Any]]] = {
        "machine": ("versions of this tool, Python, the system, the libraries; limits", lambda: asked.machine),
        "settings": ("settings of push, and where they came from", lambda: _settings(asked, redactor)),
        "environment": ("names of variables, values masked", lambda: environment(asked.environment)),
        "uploads": (f"unfinished uploads, buckets and keys {names}", lambda: _uploads(asked, redactor)),
        "journals": ("of each journal how many records of each kind", lambda: _journals(asked, redactor)),
    }
    for name, (what, make) in makers.items():
        yield Member(f"{name}.json", what, _json(redactor.without_secrets(_tried(make, redactor))))


def _logs(asked: Asked, redactor: "Redactor") -> Iterator[Member]:
    for number, path in enumerate(asked.log_files, start=1):
        lines = (redactor.without_secrets(line) + "\n" for line in _log_tail(path, redactor))
        content = "".join(lines).encode("utf-8", "backslashreplace")
        yield Member(f"logs/{number}.txt", "the end of a log, with the words of this tool only", content)


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=True) + "\n").encode()


def _tried(make: Callable[[], Any], redactor: "Redactor") -> Any:
    try:
        return make()
    except UploadToolError as exc:
        return {"error": exc.name, "message": redactor.told(exc.message)}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        return {"error": type(exc).__name__}


# ------------------------------------------------------------------------------------------------------- the redaction
_LOOKS_SECRET = re.compile(
    r"(AKIA|ASIA|AIDA|AROA)[A-Z0-9]{8,}|X-Amz-|AWSAccessKeyId|-----BEGIN|\bBearer\s|\bAWS4-HMAC|\bauthorization[\"']?\s*:"
    r"|(secret|passw|pwd|token|signature|credential|api.?key|access.?key)[^\s=:]{0,40}[\"']?\s*[=:]\s*[\"']?"
    r"(?=\S*[0-9+/=])\S{6,}",  # a value; what is only words explains an error
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\S+")
_AROUND = "\"'«»“”\u2018\u2019()[]{}<>,;:.!?"
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9:_'-]{0,39}")
_AS_IT_IS = re.compile(
    r"[-+]?[0-9]{1,6}(,[0-9]{3}){0,4}(\.[0-9]{1,6})?%?|[0-9.]{1,6}(s|ms|B|KiB|MiB|GiB|TiB)(/s)?"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[-+][0-9]{2}:[0-9]{2})?"
    r"|[0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]{1,6})?|[A-Z][A-Za-z]{2,40}(Error|Exception|Warning)|[-=+*/|→…]{1,3}",
)
_COMMON = frozenset(
    ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "Traceback", "line", "in", "File", "most", "recent", "call"]
)
_ALIAS = re.compile("#[0-9a-f]{8}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]{2,10}){1,3}-[0-9]{1,2}", re.ASCII)


@functools.cache
def vocabulary() -> frozenset[str]:
    """Every word in a text of this tool's own source: what its messages are made of, and nobody's name."""
    return _COMMON | {
        word for source in _sources(importlib.resources.files("tiktok_upload")) for word in _words_of(source)
    }


def _sources(directory: Any) -> Iterator[str]:
    for entry in directory.iterdir():
        if entry.is_dir():
            yield from _sources(entry)
        elif entry.name.endswith(".py"):
            yield entry.read_text(encoding="utf-8")


def _words_of(source: str) -> Iterator[str]:
    nodes = list(ast.walk(ast.parse(source)))
    documentation = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            cores = (token.strip(_AROUND) for token in _TOKEN.findall(node.value))
            yield from (core for core in cores if _WORD.fullmatch(core))


@dataclass(frozen=True)
class Redactor:
    """Keeps out what is somebody's.

    Attributes:
        secrets: Values that are in no member, whatever stands around them.
        names: Aliases in sentences, though they be words of this tool's own.
    """

    secrets: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    _salt: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)

    def alias(self, text: str) -> str:
        """The same for the same text in this bundle."""
        data = text.encode("utf-8", "surrogatepass")
        return "#" + hashlib.blake2b(data, key=self._salt, digest_size=4).hexdigest()

    def told(self, text: str, names: Iterable[str] = ()) -> str:
        """A sentence with its own words, small numbers and times; every other word is an alias, those names first."""
        if _LOOKS_SECRET.search(text):
            return LEFT_OUT
        pattern = _any_of(frozenset((*names, *self.names)))
        text = pattern.sub(lambda match: self.alias(match[0]), text) if pattern else text
        return escape(_TOKEN.sub(lambda match: self._token(match[0]), text))

    def _token(self, token: str) -> str:
        core = token.strip(_AROUND)
        if not core or _ALIAS.fullmatch(core) or _AS_IT_IS.fullmatch(core):
            return token
        if {core, core.removesuffix("s")} & vocabulary():  # a plural's s may be made apart
            return token
        return token.replace(core, self.alias(core), 1)

    def without_secrets(self, value: Any) -> Any:
        """The last look: no text with a known secret or the shape of one, at any depth."""
        if isinstance(value, Mapping):
            return {self.without_secrets(name): self.without_secrets(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.without_secrets(inner) for inner in value]
        if not isinstance(value, str):
            return value
        return LEFT_OUT if _LOOKS_SECRET.search(value) or any(one in value for one in self.secrets) else value


@functools.lru_cache(maxsize=4)
def _any_of(names: frozenset[str]) -> re.Pattern[str] | None:
    """The longest first; a name of two characters is a word of many sentences."""
    listed = sorted((re.escape(name) for name in names if len(name) >= _SHORTEST_NAME), key=len, reverse=True)
    return re.compile(rf"(?<![\w#])(?:{'|'.join(listed)})(?!\w)") if listed else None


# ----------------------------------------------------------------------------------------------------- the environment
_MATTERS = re.compile(r"(AWS|TIKTOK_UPLOAD|BOTO)_[A-Z0-9_]{1,60}|(HTTPS?|ALL|NO)_PROXY", re.IGNORECASE | re.ASCII)
_REGIONS = frozenset({"AWS_REGION", "AWS_DEFAULT_REGION", "TIKTOK_UPLOAD_REGION"})
_FLAGS = frozenset({"", "0", "1", "true", "false", "yes", "no"})


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Those that steer this tool or boto3, by name; the value of a region and a switch, and of a proxy the host."""
    return {
        name: _shown_variable(name.upper(), variables[name]) for name in sorted(variables) if _MATTERS.fullmatch(name)
    }


def _shown_variable(name: str, value: str) -> str:
    if value.lower() in _FLAGS or (name in _REGIONS and _REGION.fullmatch(value)):
        return value
    return _proxy(value) if name.endswith("_PROXY") and name != "NO_PROXY" else MASK


def _proxy(text: str) -> str:
    """Scheme, host and port; no credentials, no path."""
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return MASK
    if not parts.scheme.isalnum() or not re.fullmatch(r"[A-Za-z0-9.:-]{1,255}", host or ""):
        return MASK
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def secret_values(variables: Mapping[str, str]) -> tuple[str, ...]:
    """What must not be in any member: values that are masked, a proxy's credentials, the home directory."""
    masked = [
        value
        for name, value in variables.items()
        if _MATTERS.fullmatch(name) and environment({name: value})[name] == MASK
    ]
    proxies = [value for name, value in variables.items() if name.upper().endswith("_PROXY")]
    masked += [part for value in proxies for part in value.rpartition("@")[0].rpartition("/")[2].split(":")]
    masked += [variables.get("HOME", "")]
    return tuple(value for value in masked if len(value) >= _SHORTEST_SECRET and value.lower() not in _FLAGS)


# -------------------------------------------------------------------------------------------------------- the settings
_PLAIN_SETTINGS = frozenset(
    ["check", "checksum", "addressing", "sse", "acl", "storage-class", "progress", "concurrency"]
)


def _settings(asked: Asked, redactor: Redactor) -> Any:
    if isinstance(asked.settings, UploadToolError):
        raise asked.settings
    return [_setting(told, redactor) for told in asked.settings if told.get("event") in ("config", "setting")]


def _setting(told: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    kept = {name: told[name] for name in ("name", "origin", "variable", "file_exists") if name in told}
    if told["event"] == "config":
        kept["credentials"] = redactor.told(str(told["credentials"]))
        kept["target_origin"] = redactor.told(told["target_origin"] or "none")
    else:
        kept["value"] = _setting_value(str(told["name"]), told["value"], redactor)
    return {**kept, "target": redactor.alias(told["target"]) if told["target"] else None}


def _setting_value(name: str, value: Any, redactor: Redactor) -> Any:
    """Numbers, switches and choices as they are."""
    if isinstance(value, list):
        return [_setting_value(name, item, redactor) for item in value]
    if not isinstance(value, str) or value == MASK or (name == "region" and _REGION.fullmatch(value)):
        return value
    return value if name in _PLAIN_SETTINGS and value in vocabulary() else redactor.alias(value)


# --------------------------------------------------------------------------------------------------------- the uploads
def _uploads(asked: Asked, redactor: Redactor) -> list[dict[str, Any]]:
    with JournalDirectory(asked.state_directory) as journals:
        return [_upload(found, asked, redactor) for found in known_here(journals)[-_MOST_UPLOADS:]]


def _names_here(state_directory: Path) -> Iterator[str]:
    """What the unfinished uploads call their files and places."""
    with (
        contextlib.suppress(UploadToolError, OSError, ValueError, TypeError),
        JournalDirectory(state_directory) as journals,
    ):
        for found in known_here(journals)[-_MOST_NAMED:]:
            yield from (*_parts_of(found.path), *_parts_of(found.uri))


def _parts_of(path: str) -> tuple[str, ...]:
    """The whole, its last part, and of a URI the bucket and the key."""
    bucket, _, key = path.removeprefix("s3://").partition("/") if path.startswith("s3://") else ("", "", "")
    return path, re.split(r"[/\\]", path)[-1], bucket, key


def _upload(found: Unfinished, asked: Asked, redactor: Redactor) -> dict[str, Any]:
    bucket, _, key = found.uri.removeprefix("s3://").partition("/")
    names = {"bucket": bucket, "key": key}
    whole = dataclasses.asdict(found)
    kept = ["standing", "size_bytes", "stored_bytes", "parts", "parts_stored", "begun_at", "changed_at"]
    return {
        "id": found.short_id,
        **{name: escape(text) if asked.with_names else text and redactor.alias(text) for name, text in names.items()},
        "path": found.path and redactor.alias(found.path),
        **{name: whole[name] for name in kept},
    }


def _journals(asked: Asked, redactor: Redactor) -> dict[str, Any]:
    with JournalDirectory(asked.state_directory) as journals:
        names = journals.names()
        return {name[:8]: _tried(lambda name=name: _kinds(journals, name), redactor) for name in names[-_MOST_UPLOADS:]}  # type: ignore[misc]


def _kinds(journals: JournalDirectory, name: str) -> dict[str, int]:
    return dict(Counter(record.kind for record in journals.peek(name)))


# ------------------------------------------------------------------------------------------------------------ the logs
_DROPPED = frozenset(
    ["etag", "version_id", "checksum", "value", "path_b64", "nonce", "upload_id", "minimum", "maximum"]
)
_NAMES = frozenset(["path", "uri", "column", "name", "receipt", "contract", "created_by", "type"])


@functools.cache
def _known_keys() -> frozenset[str]:
    """Of events and results."""
    kinds = (*get_args(events.Event), events.FileReport, events.FileProgress, events.RunReport, events.ChecksumReport)
    kinds = (*kinds, facts.FileFacts, facts.Column, facts.Finding, UploadPlan)
    own = {one.name for kind in kinds for one in dataclasses.fields(kind)}
    errors = {"error", "code", "message", "kept", "hint", "resumable"}
    return frozenset({*own, *errors, *get_args(events.Status), "schema", "event", "at", "exit_code"} - _DROPPED)


def _log_tail(path: Path, redactor: Redactor) -> list[str]:
    try:
        data = _tail(path)
    except (OSError, ValueError) as exc:
        return [f"({type(exc).__name__}: this log cannot be read)"]
    return [_log_line(line, redactor) for line in data.splitlines()[-_TAIL_LINES:]]


def _tail(path: Path) -> bytes:
    """Whole lines."""
    with portable.open_for_reading(path) as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise ValueError("no regular file")
        start = max(0, info.st_size - _TAIL_BYTES)
        file.seek(start)
        data = file.read(_TAIL_BYTES)
    return data.partition(b"\n")[2] if start else data


def _log_line(line: bytes, redactor: Redactor) -> str:
    if len(line) > _LINE_BYTES:
        return f"(left out: a line of {len(line)} bytes)"
    with contextlib.suppress(ValueError, RecursionError):
        data = json.loads(line)
        if isinstance(data, dict):
            return json.dumps(_event(data, tuple(_names_in(data)), redactor), ensure_ascii=True)
    return redactor.told(line.decode("utf-8", "replace"))


def _names_in(value: Any, key: str = "") -> Iterator[str]:
    """What a line calls a path, a place or a column, to be found in its sentences."""
    if isinstance(value, str):
        yield from _parts_of(value) if key in _NAMES else ()
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield from _names_in(inner, name)
    for inner in value if isinstance(value, list) else ():
        yield from _names_in(inner, key)


def _event(value: Any, names: tuple[str, ...], redactor: Redactor, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _event(inner, names, redactor, name) for name, inner in value.items() if name in _known_keys()}
    if isinstance(value, list):
        return [_event(inner, names, redactor, key) for inner in value]
    if not isinstance(value, str):
        return value
    return redactor.alias(value) if key in _NAMES else redactor.told(value, names)
