"""The configuration file: found, read, and held to what the options take.

default-target = "lab"          a key here holds for every run
part-size = "64MiB"

[targets.lab]                   a key here holds for --target lab, and outranks the one above
to = "s3://bucket/incoming/"
"""

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import platformdirs

from tiktok_upload import portable
from tiktok_upload.errors import UsageError
from tiktok_upload.text import escape

MOST_BYTES = 256 << 10
"""Lower: a few thousand targets no longer fit. Higher: a file named by mistake takes longer to be refused."""

_MOST_NAMED = 20  # targets in a hint
_MOST_CHARACTERS = 4_096  # of a value: more than a key, a path or a URL has
_BEYOND_ANY = 1 << 100  # Python writes no number of 4,300 digits
_MOST_SHOWN = 60  # characters of a name that the file invented
_TARGET_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)  # what TOML takes without quotes
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_CONSENT = "allow-raw-personal-data"
_ELSEWHERE = {"target": "default-target", "target-name": "default-target", "target-default": "default-target"}

Kind = Literal["text", "number", "flag", "list", "path"]
Value = str | bool | tuple[str, ...]


def _accept(_text: str) -> None:
    """Any text will do."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What one key may hold.

    Attributes:
        kind: A number may be written as text with a unit, too.
        check: Raises ValueError for a text that the option would refuse.
    """

    kind: Kind = "text"
    check: Callable[[str], object] = _accept


@dataclass(frozen=True, slots=True)
class Config:
    """A file that was read. The values are as the options take them: text, a bool, or a tuple of texts.

    Attributes:
        exists: Whether there is such a file; without one all else is empty.
        settings: The keys outside all targets.
    """

    path: Path
    exists: bool = True
    default_target: str | None = None
    settings: Mapping[str, Value] = field(default_factory=dict)
    targets: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)


def default_path() -> Path:
    """In the user's own configuration directory, whether it is there or not."""
    return platformdirs.user_config_path("tiktok-upload", appauthor=False) / "tiktok-upload.toml"


def load(path: Path | None, *, known: Mapping[str, Setting]) -> Config:
    """Read that file, or the user's own, which need not be there.

    Args:
        path: As it was named; `os.devnull` for no settings at all.
        known: By key, what it may hold.

    Raises:
        UsageError: It cannot be read, others can write it, or something in it is wrong.
    """
    file = path or default_path()
    if str(file) == os.devnull:
        return Config(file)
    # Without a home directory the user's own would be looked for below the working directory.
    data = _read(file, needed=path is not None) if path or file.is_absolute() else None
    return Config(file, exists=False) if data is None else parse(data, file, known)


def chosen_target(config: Config, named: str | None, *, default_applies: bool = True) -> str | None:
    """The target that holds: the named one, else the file's default.

    Raises:
        UsageError: There is no such target.
    """
    if named is None:
        return config.default_target if default_applies else None
    if named not in config.targets:
        raise UsageError(
            f"there is no target {_shown(named)} in {_file(config.path)}", hint=_other_target(config, named)
        )
    return named


def resolve(config: Config, target: str | None, *, default_applies: bool = True) -> dict[str, Value]:
    """The defaults of a run, by key: those of the target over those of the file.

    Raises:
        UsageError: There is no such target.
    """
    name = chosen_target(config, target, default_applies=default_applies)
    return {**config.settings, **(config.targets[name] if name else {})}


# ---------------------------------------------------------------------------------------------------------- the bytes
def _read(path: Path, *, needed: bool) -> bytes | None:
    try:
        with portable.open_for_reading(path) as file:
            _refuse_unsafe(os.fstat(file.fileno()), path)
            data = file.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        if not needed:
            return None
        raise UsageError(
            f"there is no configuration file {_file(path)}",
            hint="check --config and TIKTOK_UPLOAD_CONFIG, or write one with tiktok-upload config init",
        ) from None
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or "no file name"
        raise UsageError(
            f"the configuration file {_file(path)} cannot be read: {reason}",
            hint=f"mend that, or go without: --config {os.devnull}",
        ) from exc
    if len(data) > MOST_BYTES:
        raise UsageError(
            f"the configuration file {_file(path)} has more than {MOST_BYTES >> 10} KiB", hint="name the right file"
        )
    return data


def _refuse_unsafe(info: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise UsageError(f"the configuration file {_file(path)} is no regular file", hint="name a file")
    if not portable.POSIX:
        return
    # Who can write it could send the data elsewhere. Root owns containers whose files are mounted from outside.
    if info.st_mode & _WRITABLE_BY_OTHERS:
        raise UsageError(
            f"others can write the configuration file {_file(path)}",
            hint=f"look whether its settings are yours, then: chmod go-w {_file(path)}",
        )
    if os.geteuid() not in {0, info.st_uid} and info.st_uid != 0:
        raise UsageError(f"the configuration file {_file(path)} belongs to somebody else", hint="use one of your own")


def _decoded(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise UsageError(
            f"the configuration file {_file(path)} is not UTF-8 in line {line}", hint="save it as UTF-8"
        ) from None


def _table(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as exc:
        reason = "nested too deep" if isinstance(exc, RecursionError) else escape(str(exc))
        raise UsageError(
            f"the configuration file {_file(path)} is broken: {reason}",
            hint='mend that line; text stands in quotes: to = "s3://bucket/prefix/"',
        ) from exc


# --------------------------------------------------------------------------------------------------------- the values
def parse(data: bytes, path: Path, known: Mapping[str, Setting]) -> Config:
    """The content of the file of that name.

    Raises:
        UsageError: Something in it is wrong; the message names the file and the place.
    """
    table = _table(_decoded(data, path), path)
    reader = _Reader(path, known)
    targets = reader.targets(table.pop("targets", {}))
    default = table.pop("default-target", None)
    config = Config(path, settings=reader.settings(table, ""), targets=targets)
    if default is None:
        return config
    if not isinstance(default, str):
        raise reader.wrong("default-target", "", f"is {_kind_of(default)}, not the name of a target")
    if default not in targets:
        raise reader.wrong(
            "default-target", "", f"is {_shown(default)}, which is no target", _other_target(config, default)
        )
    return Config(path, default_target=default, settings=config.settings, targets=targets)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Values of one file, each held to its setting."""

    path: Path
    known: Mapping[str, Setting]

    def targets(self, tables: Any) -> dict[str, dict[str, Value]]:
        if not isinstance(tables, dict):
            raise self.wrong("targets", "", f"is {_kind_of(tables)}, not a table", "write [targets.NAME]")
        return {name: self._target(name, table) for name, table in tables.items()}

    def _target(self, name: str, table: Any) -> dict[str, Value]:
        where = f"[targets.{_shown(name)}]"
        if not isinstance(table, dict):
            hint = f"write [targets.NAME] above {_shown(name)}"
            raise self.wrong(_shown(name), "[targets]", f"is {_kind_of(table)}, not a target", hint)
        if not is_target_name(name):
            raise self.wrong(where, "", "has a name that cannot be used", NAME_HINT)
        return self.settings(table, where)

    def settings(self, table: Mapping[str, Any], where: str) -> dict[str, Value]:
        return {key: self._value(key, value, where) for key, value in table.items()}

    def _value(self, key: str, value: Any, where: str) -> Value:
        setting = self.known.get(key)
        if setting is None:
            raise self._unknown(key, where)
        try:
            return _read_value(setting, value)
        except ValueError as exc:
            raise self.wrong(key, where, escape(str(exc))) from exc

    def _unknown(self, key: str, where: str) -> UsageError:
        plain = key.lstrip("-").replace("_", "-").lower()
        if plain == _CONSENT:
            return self.wrong(
                _CONSENT, where, "cannot be set in a file", f"give --{_CONSENT} to the command that needs it"
            )
        hint = _did_you_mean(
            _ELSEWHERE.get(plain, plain), [*self.known, *([] if where else ["default-target", "targets"])]
        )
        return self.wrong(
            _shown(key), where, "is not known", hint or "a key is a long option of push without its dashes"
        )

    def wrong(self, name: str, where: str, what: str, hint: str = "") -> UsageError:
        """An error that names the place."""
        place = f"{name} in {where}" if where else name
        return UsageError(
            f"{_file(self.path)}: {place} {what}", hint=hint or "mend the file; see tiktok-upload push --help"
        )


def _read_value(setting: Setting, value: Any) -> Value:
    if setting.kind == "flag":
        _demand(isinstance(value, bool), f"is {_kind_of(value)}, not true or false")
        return bool(value)
    if setting.kind == "list":
        _demand(isinstance(value, list), f"is {_kind_of(value)}, not a list of texts")
        return tuple(_text(setting, item) for item in value)
    return _text(setting, value)


def _text(setting: Setting, value: Any) -> str:
    if setting.kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        _demand(abs(value) < _BEYOND_ANY, "is wrong: no option takes so large a number")
        value = str(value)
    _demand(isinstance(value, str), f"is {_kind_of(value)}, not text in quotes")
    _demand(value != "", "is empty; leave the key out instead")
    _demand("\0" not in value, "holds a NUL")
    _demand(len(value) <= _MOST_CHARACTERS, f"has more than {_MOST_CHARACTERS} characters")
    try:
        setting.check(value)
    except ValueError as exc:
        raise ValueError(f"is wrong: {exc}") from exc
    return _whole_path(value) if setting.kind == "path" else str(value)


def _demand(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - the claim itself
    if not holds:
        raise ValueError(otherwise)


def _whole_path(text: str) -> str:
    """A path that means the same from every working directory; a slash at its end stays."""
    path = os.path.expanduser(text)  # noqa: PTH111 - pathlib drops the slash
    if not Path(path).is_absolute():
        raise ValueError(f"is {text!r}, which depends on the working directory; begin it with / or ~/")
    return path


def _kind_of(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a table"}
    return names.get(type(value), "a date or time")


# ---------------------------------------------------------------------------------------------------------- the words
NAME_HINT = "use up to 64 letters, digits, - and _"


def is_target_name(name: str) -> bool:
    """Whether a target may have that name."""
    return _TARGET_NAME.fullmatch(name) is not None


def _other_target(config: Config, named: str) -> str:
    if not config.targets:
        return "write one with tiktok-upload config init"
    known = ", ".join(list(config.targets)[:_MOST_NAMED])
    guess = _did_you_mean(named, config.targets)
    return f"{guess} known are {known}" if guess else f"known are {known}"


def _did_you_mean(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word[:_MOST_SHOWN], list(words), n=1)
    return f"did you mean {near[0]}?" if near else ""


def _shown(name: str) -> str:
    return escape(name if len(name) <= _MOST_SHOWN else name[:_MOST_SHOWN] + "…")


def _file(path: Path) -> str:
    return escape(str(path))
