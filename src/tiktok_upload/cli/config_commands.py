"""`config show`, `config path`, `config init`."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from tiktok_upload import config as c
from tiktok_upload.cli import options as o
from tiktok_upload.cli.config_init import NewTarget, ask_for, is_interactive, write_target
from tiktok_upload.cli.config_options import Config, FileDefaults, Target, key_of, known_settings
from tiktok_upload.cli.output import print_lines, say, tell_events
from tiktok_upload.errors import UsageError
from tiktok_upload.text import escape
from tiktok_upload.units import format_duration, format_rate, format_size

MASK = "***"

_SECRETIVE = r"(?:secret|passw|pwd|token|signature|credential|private-?key|api-?key|access-?key)"
_SECRET_NAME = re.compile(_SECRETIVE, re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/?#\s]*@")
_SECRET_QUERY = re.compile(rf"([?&][^=&#\s]*{_SECRETIVE}[^=&#\s]*=)[^&#\s]+", re.IGNORECASE)
_UNITS: Mapping[str, Callable[[float], str]] = {
    "part-size": format_size,
    "max-bandwidth": format_rate,
    "retry-for": format_duration,
    "deadline": format_duration,
}

app = typer.Typer(
    name="config", help="Show or write the settings that are used where no option is given.", no_args_is_help=True
)


# --------------------------------------------------------------------------------------------------------------- show
@dataclass(frozen=True, slots=True)
class Shown:
    """A setting of `push`, safe to show.

    Attributes:
        origin: option, environment, file or default.
        variable: Its name, where the value came from one.
        target: The one in the file that it came from, if any.
    """

    name: str
    value: Any
    origin: str
    variable: str | None = None
    target: str | None = None

    @property
    def where(self) -> str:
        """The origin, for people."""
        if self.target is not None:
            return f"file, target {self.target}"
        return self.variable or self.origin


@app.command(
    epilog="Example: tiktok-upload config show --target lab --part-size 64MiB",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def show(context: typer.Context, *, config: Config = None, target: Target = None, json: o.Json = False) -> int:
    """Each setting of push, its value and where it comes from. Options of push may follow, to see what they change."""
    pushing = _context_of_push(context, config, target)
    defaults = pushing.default_map
    assert isinstance(defaults, FileDefaults)  # noqa: S101 - push has --target
    defaults.read()
    settings = list(_shown_settings(pushing, defaults))
    head = {
        "file": str(defaults.file.path),
        "file_exists": defaults.file.exists,
        "target": defaults.chosen,
        "target_origin": _target_origin(pushing, defaults),
        "credentials": _credentials(settings, os.environ),
    }
    if json:
        tell_events(("config", head), *(("setting", asdict(setting)) for setting in settings))
    else:
        print_lines(_page(head, settings))
    return 0


def _context_of_push(context: typer.Context, config: Path | None, target: str | None) -> typer.Context:
    """What `push` would see with these arguments; nothing of it is begun."""
    root = context.find_root()
    given = [*context.args]
    given += [] if config is None or _from_variable(context, "config") else ["--config", str(config)]
    given += [] if target is None or _from_variable(context, "target") else ["--target", target]
    push = root.command.commands["push"]  # type: ignore[attr-defined] # the root is a group
    made: typer.Context = push.make_context("push", [*given, "--", "PATH"], parent=root)
    return made


def _from_variable(context: typer.Context, name: str) -> bool:
    return _origin(context, name) == "environment"


def _origin(context: typer.Context, name: str) -> str:
    source = context.get_parameter_source(name)
    words = {"COMMANDLINE": "option", "ENVIRONMENT": "environment", "DEFAULT_MAP": "file"}
    return words.get(source.name if source is not None else "", "default")


def _shown_settings(context: typer.Context, defaults: FileDefaults) -> Iterable[Shown]:
    names = {key_of(parameter): parameter.name for parameter in context.command.params}
    of_target = defaults.file.targets[defaults.chosen] if defaults.chosen else {}
    for key in known_settings(context):
        origin = _origin(context, names[key])
        yield Shown(
            key,
            masked(key, _plain(context.params[names[key]])),
            origin,
            variable=o.environment_variable(key) if origin == "environment" else None,
            target=defaults.chosen if origin == "file" and key in of_target else None,
        )


def _plain(value: Any) -> Any:
    """As JSON has it; pairs are NAME=VALUE again."""
    if isinstance(value, list | tuple):
        return ["=".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in value] or None
    return str(value) if isinstance(value, Path) else value


def masked(name: str, value: Any) -> Any:
    """The value without what nobody should see: of a secret's name, in a pair, in a URL."""
    if isinstance(value, list):
        return [masked(name, item) for item in value]
    if not isinstance(value, str):
        return value
    if _SECRET_NAME.search(name):
        return MASK
    pair, separator, _ = value.partition("=")
    if separator and "://" not in pair and _SECRET_NAME.search(pair):
        return f"{pair}={MASK}"
    return _SECRET_QUERY.sub(rf"\g<1>{MASK}", _USERINFO.sub(f"{MASK}@", value))


def _target_origin(context: typer.Context, defaults: FileDefaults) -> str | None:
    if defaults.chosen is None:
        return None
    origin = _origin(context, "target")
    return {"environment": o.environment_variable("--target"), "default": "default-target"}.get(origin, origin)


def _credentials(settings: Iterable[Shown], environment: Mapping[str, str]) -> str:
    """Where boto3 will begin to look, in its own order."""
    profile = next((setting for setting in settings if setting.name == "profile" and setting.value), None)
    if profile is not None:
        return f"profile {profile.value} ({profile.where})"
    if environment.get("AWS_ACCESS_KEY_ID"):
        return "environment (AWS_ACCESS_KEY_ID)"
    for variable in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE"):
        if environment.get(variable):
            return f"profile {environment[variable]} ({variable})"
    return "the default profile, else what the machine provides"


def _page(head: Mapping[str, Any], settings: Iterable[Shown]) -> list[str]:
    target = f"{head['target']} ({head['target_origin']})" if head["target"] else "none"
    rows = [(setting.name, _text(setting), setting.where) for setting in settings]
    name_width, value_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [
        f"file: {escape(head['file'])}{'' if head['file_exists'] else ' (not there)'}",
        f"target: {escape(target)}",
        f"credentials: {escape(head['credentials'])}",
        "",
        *(f"{name:<{name_width}}  {value:<{min(value_width, 40)}}  {where}" for name, value, where in rows),
    ]


def _text(setting: Shown) -> str:
    value = setting.value
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return escape(", ".join(value))
    unit = _UNITS.get(setting.name)
    return unit(value) if unit and isinstance(value, int | float) else escape(str(value))


# --------------------------------------------------------------------------------------------------------------- path
@app.command(epilog='Example: "$EDITOR" "$(tiktok-upload config path)"')
def path(*, config: Config = None, json: o.Json = False) -> int:
    """Where the configuration file is looked for."""
    file = config or c.default_path()
    if json:
        tell_events(("config", {"file": str(file), "file_exists": file.exists()}))
        return 0
    print_lines([os.fspath(file)])
    if not file.exists():
        say("note: it is not there yet; tiktok-upload config init writes one")
    return 0


# --------------------------------------------------------------------------------------------------------------- init
@app.command(epilog="Example: tiktok-upload config init --name lab --to s3://bucket/incoming/ --profile lab")
def init(
    context: typer.Context,
    *,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Of the target; main if not given.")
    ] = None,
    to: o.To = None,
    profile: o.Profile = None,
    region: o.Region = None,
    endpoint_url: o.EndpointUrl = None,
    default: Annotated[
        bool | None,
        typer.Option("--default/--no-default", help="Use it where no --to is given; the first one of a new file is."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write a new file; the old one is kept beside it.")] = False,
    config: Config = None,
) -> int:
    """Write a destination into the configuration file; on a terminal it asks. What is in the file stays as it is."""
    given = {"to": to, "profile": profile, "region": region, "endpoint-url": endpoint_url}
    if to is None and is_interactive():
        target = ask_for(name, given)
    elif to is None:
        raise UsageError("there is no destination to write", hint="add --to s3://bucket/prefix/")
    else:
        target = NewTarget.checked("main" if name is None else name, given)
    refuse_secrets(target)
    file = config or c.default_path()
    written = write_target(file, target, default=default, force=force, known=known_settings(context))
    _say_written(target, written, config)
    return 0


def refuse_secrets(target: NewTarget) -> None:
    """Keep them out of the file.

    Raises:
        UsageError: There is one among the values.
    """
    for key, value in target.settings.items():
        if masked(key, value) != value:
            raise UsageError(f"--{key} holds a secret, which has no place in the file", hint="use an AWS profile")


def _say_written(target: NewTarget, written: c.Config, config: Path | None) -> None:
    file = escape(str(written.path))
    is_default = written.default_target == target.name
    say(f"{file}: target {target.name} is {escape(target.settings['to'])}{', the default' if is_default else ''}")
    options = "" if is_default else f" --target {target.name}"
    options += f" --config {file}" if config is not None else ""
    say(f"  next: tiktok-upload push file.parquet{options}")
