"""--config and --target: what the file says becomes the default of each option that was not given.

click looks an option up on the command line, then in its variable, then in the context's
`default_map`, then at its default, and remembers where it found it. So the file is a `default_map`.
"""

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import typer
from typer.models import OptionInfo

from tiktok_upload import config as c
from tiktok_upload.cli import options as o
from tiktok_upload.errors import UploadToolError, UsageError

STORE_KEYS = (
    "profile",
    "region",
    "endpoint-url",
    "addressing",
    "accelerate",
    "dualstack",
    "fips",
    "ca-bundle",
    "gateway",
)
"""Keys that say which store is meant, and how it is reached."""

_CHOICES = {
    "--check": o.CHECKS,
    "--checksum": o.CHECKSUMS,
    "--addressing": o.ADDRESSINGS,
    "--acl": o.ACLS,
    "--sse": o.ENCRYPTIONS,
}
_PATHS = {
    "--ca-bundle",
    "--files-from",
    "--like",
    "--receipt",
}  # text to typer, since - or a slash at the end means something


@dataclass(frozen=True, slots=True)
class Policy:
    """What of the file a command uses.

    Attributes:
        default_target: Whether the file's default target holds where none is named and no --to is given.
        left_out: Keys that hold only when they stand in a target that was named.
    """

    default_target: bool = True
    left_out: frozenset[str] = frozenset()


def known_settings(context: typer.Context) -> dict[str, c.Setting]:
    """By key, each setting: an option of `push` that has a variable."""
    push = context.find_root().command.commands["push"]  # type: ignore[attr-defined] # the root is a group
    declared = inspect.signature(push.callback).parameters
    options = [
        parameter for parameter in push.params if parameter.envvar and parameter.name not in {"config", "target"}
    ]
    return {key_of(option): _setting(option.opts[0], declared[option.name].annotation) for option in options}


def key_of(parameter: Any) -> str:
    """`--part-size` → `part-size`."""
    return str(parameter.opts[0]).lstrip("-")


def _setting(name: str, annotation: Any) -> c.Setting:
    """What the option takes, from its declaration in `cli.options`."""
    kind, info = get_args(annotation)[:2]
    inner = next(part for part in (get_args(kind) if _is_union(kind) else (kind,)) if part is not types.NoneType)
    if inner is bool:
        return c.Setting("flag")
    if get_origin(inner) is list:
        return c.Setting("list", _check(name, info))
    if inner is Path or name in _PATHS:
        return c.Setting("path")
    return c.Setting("number" if info.parser else "text", _check(name, info))


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in {Union, types.UnionType}


def _check(name: str, info: OptionInfo) -> Callable[[str], object]:
    """What the option would say of a text, as a ValueError."""

    def check(text: str) -> None:
        try:
            if info.parser is not None:
                info.parser(text)
            if name in _CHOICES:
                o.one_of(name, text, _CHOICES[name])
        except typer.BadParameter as exc:
            raise ValueError(exc.message) from exc
        except UsageError as exc:
            raise ValueError(f"{exc.message}; {exc.hint}") from exc

    return check


class FileDefaults(dict[str, Any]):
    """A `default_map` that reads the file when the first option asks, so the order of --config and --target is free.

    Attributes:
        file: What was read.
        chosen: The target that holds.
    """

    def __init__(self, context: typer.Context, policy: Policy) -> None:
        super().__init__()
        self._context = context
        self._policy = policy
        self._known = known_settings(context)
        self._keys = {
            parameter.name: key
            for parameter in context.command.params
            if parameter.param_type_name == "option" and (key := key_of(parameter)) in self._known
        }
        self._values: dict[str, c.Value] | None = None
        self.file: c.Config
        self.chosen: str | None = None

    def get(self, name: str, default: Any = None) -> Any:
        """The file's value for the parameter of that name."""
        key = self._keys.get(name)
        return default if key is None else self.read().get(key, default)

    def read(self) -> Mapping[str, c.Value]:
        """All values, by key.

        Raises:
            UsageError: The file is wrong, or has no such target.
        """
        if self._values is None:
            named = self._context.params.get("target")
            self.file = c.load(self._context.params.get("config"), known=self._known)
            applies = self._policy.default_target and not self._has_destination()
            self.chosen = c.chosen_target(self.file, named, default_applies=applies)
            values = c.resolve(self.file, named, default_applies=applies)
            own = self.file.targets[named] if named else {}
            self._values = {
                key: value for key, value in values.items() if key in own or key not in self._policy.left_out
            }
        return self._values

    def _has_destination(self) -> bool:
        """Whether --to is given: the default target stands in for one, and is not mixed with another."""
        # What stands on the command line is processed before any option that does not, so its source is known here.
        source = self._context.get_parameter_source("to")
        parameters = [parameter for parameter in self._context.command.params if parameter.name == "to"]
        from_variable = any(parameter.resolve_envvar_value(self._context) for parameter in parameters)
        return from_variable or (source is not None and source.name == "COMMANDLINE")


def target_option(policy: Policy) -> Any:
    """--target, for a command that uses so much of the file."""

    def use_file(context: typer.Context, value: str | None) -> str | None:
        if not context.resilient_parsing:
            context.default_map = FileDefaults(context, policy)
        return value

    return typer.Option(
        "--target",
        metavar="NAME",
        envvar=o.environment_variable("--target"),
        show_envvar=False,
        is_eager=True,
        callback=use_file,
        autocompletion=_targets,
        rich_help_panel="What is read from the configuration",
        help="A destination that the configuration file names.",
    )


def _targets(context: typer.Context, incomplete: str) -> list[str]:
    """For the shell: names that begin like this, or none where the file is wrong."""
    try:
        file = c.load(context.params.get("config"), known=known_settings(context))
    except UploadToolError:
        return []
    return [name for name in file.targets if name.startswith(incomplete)]


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar=o.environment_variable("--config"),
        show_envvar=False,
        is_eager=True,
        rich_help_panel="What is read from the configuration",
        help="Instead of tiktok-upload.toml in the user's configuration directory.",
    ),
]
Target = Annotated[str | None, target_option(Policy())]
"""For `push` and `check`: without --to and --target the file's default target holds."""

ReceiptTarget = Annotated[str | None, target_option(Policy(default_target=False, left_out=frozenset({"endpoint-url"})))]
"""For `verify`: the receipt names the store, so only a target that was named says another."""

JournalTarget = Annotated[
    str | None, target_option(Policy(default_target=False, left_out=frozenset({"to", *STORE_KEYS})))
]
"""For `resume` and `uploads`: the journals say how their uploads were started."""
