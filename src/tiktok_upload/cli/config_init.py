"""A new target in the configuration file: asked for, written as TOML, added without touching what is there."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import typer

from tiktok_upload import config as c
from tiktok_upload import portable
from tiktok_upload.destination import parse_destination
from tiktok_upload.errors import UsageError
from tiktok_upload.text import escape

_MOST_TRIES = 3  # of one question

_HEAD = """\
# Settings of tiktok-upload. A key is a long option of `tiktok-upload push` without its dashes:
#   part-size = "64MiB"
#   max-bandwidth = "400Mbit/s"
#   metadata = ["team=events"]
# Above all tables it holds for every run; in [targets.NAME] with --target NAME. An option outranks a
# variable (TIKTOK_UPLOAD_PART_SIZE), a variable this file. No credentials here: name an AWS profile.
"""
_EXAMPLES = {
    "profile": '# profile = "NAME"',
    "region": '# region = "eu-central-1"',
    "endpoint-url": '# endpoint-url = "https://s3.example.com"',
}


@dataclass(frozen=True, slots=True)
class NewTarget:
    """What is to be written.

    Attributes:
        settings: By key; `to` is among them.
    """

    name: str
    settings: Mapping[str, str]

    @classmethod
    def checked(cls, name: str, given: Mapping[str, str | None]) -> Self:
        """One that the command could use.

        Raises:
            UsageError: The name, the destination or the endpoint is wrong.
        """
        check_name(name)
        settings = {key: value for key, value in given.items() if value}
        parse_destination(settings.get("to", ""))
        check_endpoint(settings.get("endpoint-url", ""))
        return cls(name, settings)


def check_name(name: str) -> None:
    """Refuse what TOML takes in quotes only."""
    if not c.is_target_name(name):
        raise UsageError(f"--name {escape(name) or repr(name)} cannot be used", hint=c.NAME_HINT)


def check_endpoint(url: str) -> None:
    """Refuse what is no web address."""
    if url and not url.startswith(("https://", "http://")):
        raise UsageError(f"--endpoint-url {escape(url)} is no web address", hint="begin it with https:// or http://")


# ------------------------------------------------------------------------------------------------------------- asking
def is_interactive() -> bool:
    """Whether somebody is there to answer."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask_for(name: str | None, given: Mapping[str, str | None]) -> NewTarget:
    """Ask for what was not given; Enter leaves out what may be left out.

    Raises:
        UsageError: No answer to a question would do.
    """
    chosen = name or _ask("Name of the destination", check_name, preset="main")
    questions: dict[str, tuple[str, Callable[[str], object]]] = {
        "to": ("Where to (s3://bucket/prefix/)", parse_destination),
        "profile": ("AWS profile (Enter for none)", str),
        "region": ("Region (Enter for the profile's)", str),
        "endpoint-url": ("Endpoint (Enter for AWS)", check_endpoint),
    }
    answers = {key: given[key] or _ask(text, check) for key, (text, check) in questions.items()}
    return NewTarget.checked(chosen, answers)


def _ask(question: str, check: Callable[[str], object], preset: str = "") -> str:
    for _ in range(_MOST_TRIES):
        answer = str(typer.prompt(question, default=preset, show_default=bool(preset), err=True)).strip()
        try:
            check(answer)
        except UsageError as error:
            typer.echo(f"  {error.message}; {error.hint}", err=True)
        else:
            return answer
    raise UsageError(f"no answer would do: {question}", hint="give the options instead; see config init --help")


# ------------------------------------------------------------------------------------------------------------ writing
def write_target(
    file: Path, target: NewTarget, *, default: bool | None, force: bool, known: Mapping[str, c.Setting]
) -> c.Config:
    """Write a new file, or add the target to the one that is there; returns what the file says then.

    With `default` None it becomes the default target of a new file only. With `force` the file is new in any
    case; the old one is kept beside it, with `.old` after its name.

    Raises:
        UsageError: There is such a target, it cannot be added, or the file not be written.
    """
    if not file.is_absolute() and file == c.default_path():
        raise UsageError("there is no home directory for a configuration file", hint="name a file with --config")
    place = Path(os.path.realpath(file))  # a symbolic link stays one
    try:
        before = _content(place)
        if before is None or force:
            text = new_text(target, default=default is not False)
        else:
            text = added_text(before, c.load(file, known=known), target, default=default is True, known=known)
        data = text.encode()
        config = c.parse(data, file, known)
        portable.make_private_directory(place.parent)
        if before is not None and force:
            portable.write_private(place.with_name(f"{place.name}.old"), before)
        portable.write_private(place, data)
    except (OSError, UnicodeError) as exc:
        reason = getattr(exc, "strerror", None) or "a value is not UTF-8"
        raise UsageError(f"{escape(str(file))} cannot be written: {reason}", hint="choose another --config") from exc
    return config


def _content(place: Path) -> bytes | None:
    """What is there, if anything is."""
    if not os.path.lexists(place):
        return None
    if not place.is_file() or place.stat().st_size > c.MOST_BYTES:
        raise UsageError(f"{escape(str(place))} is no configuration file", hint="choose another --config")
    return place.read_bytes()


def new_text(target: NewTarget, *, default: bool) -> str:
    """A whole file, with comments on what else it may hold."""
    chosen = f"\n{_default_line(target)}" if default else ""
    rest = [comment for key, comment in _EXAMPLES.items() if key not in target.settings]
    return f"{_HEAD}{chosen}\n{_table(target)}" + "".join(f"{line}\n" for line in rest)


def added_text(
    before: bytes, config: c.Config, target: NewTarget, *, default: bool, known: Mapping[str, c.Setting]
) -> str:
    """The file's text with the target at its end, and `default-target` above all else if that is asked for.

    Raises:
        UsageError: There is one already, or the file's form does not let it be added so.
    """
    file = escape(str(config.path))
    if target.name in config.targets:
        raise UsageError(f"there is a target {target.name} in {file}", hint="choose another --name, or edit the file")
    if default and config.default_target is not None:
        hint = "leave --default out, or edit the file"
        raise UsageError(f"{file} has a default target, {config.default_target}", hint=hint)
    text = before.decode("utf-8-sig")
    ending = "" if not text or text.endswith("\n") else "\n"
    first = f"{_default_line(target)}\n" if default else ""
    whole = f"{first}{text}{ending}\n{_table(target)}"
    if not _adds_only(whole, config, target, known):
        hint = "write its targets as [targets.NAME], or add this one by hand"
        raise UsageError(f"the target cannot be added to {file} as that is written", hint=hint)
    return whole


def _adds_only(whole: str, config: c.Config, target: NewTarget, known: Mapping[str, c.Setting]) -> bool:
    """Whether the text says what the file said, and the target."""
    try:
        after = c.parse(whole.encode(), config.path, known)
    except UsageError:
        return False
    return after.settings == config.settings and after.targets == {**config.targets, target.name: target.settings}


def _default_line(target: NewTarget) -> str:
    return f"# Used where neither --to nor --target is given.\ndefault-target = {quoted(target.name)}\n"


def _table(target: NewTarget) -> str:
    lines = [f"[targets.{target.name}]", *(f"{key} = {quoted(value)}" for key, value in target.settings.items())]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """A TOML string: as JSON's, but for DEL, which TOML has escaped, too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
