"""Holds a part of the file to a model, and turns what pydantic finds into problems with lines."""

from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from tiktok_upload.contract_file.problems import Spot, Wrong, did_you_mean, shown
from tiktok_upload.contract_file.tree import Scalar, Table, kind_of
from tiktok_upload.contract_file.values import Strict

M = TypeVar("M", bound=Strict)


def read(model: type[M], spot: Spot) -> M | None:
    """The mapping that is there; all that is wrong with it is reported, and then there is none."""
    if isinstance(spot.node, Scalar):
        spot.report(f"is {kind_of(spot.node)}, not a mapping", "write key: value below it")
        return None
    try:
        return model.model_validate(spot.node)
    except ValidationError as exc:
        for error in exc.errors(include_url=False, include_input=False):
            _report(_keys(model, error["loc"]), spot, error["type"], error["loc"], error.get("ctx", {}).get("error"))
        return None


def _report(known: list[str], spot: Spot, kind: str, loc: tuple[int | str, ...], wrong: object) -> None:
    within, missing = _followed(spot, loc)
    if kind == "extra_forbidden":
        within.report("is not known", did_you_mean(str(loc[-1]), known) or _listed(known))
    elif kind == "missing":
        within.report(f"lacks {missing}", f"add {missing}: to it")
    elif isinstance(wrong, Wrong):
        within.report_wrong(wrong)
    else:
        wanted = "a list" if kind == "list_type" else "a mapping"
        within.report(f"is {kind_of(within.node)}, not {wanted}", "look at its indentation, and at - before list items")


def _followed(spot: Spot, loc: tuple[int | str, ...]) -> tuple[Spot, str]:
    """As far as the file goes along it, and what comes next by name.

    A step that is not there may also be pydantic's own, such as the one into a single item made a list.
    """
    missing = ""
    for step in loc:
        missing = str(step)
        if _has(spot, step):
            spot = spot.at(step)
    return spot, missing


def _has(spot: Spot, step: int | str) -> bool:
    if isinstance(step, int):
        return isinstance(spot.node, list) and step < len(spot.node)
    return isinstance(spot.node, Table) and step in spot.node


def _keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys that are known where the last of `loc` is not."""
    for step in loc[:-1]:
        inner = next((_model_in(f.annotation) for f in model.model_fields.values() if f.alias == step), None)
        model = inner or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _listed(known: list[str]) -> str:
    if len(known) > 12:  # noqa: PLR2004 - more fill a screen
        return "the Open Data Contract Standard has no such key there"
    return f"known are {', '.join(map(shown, sorted(known)))}" if known else "leave it out"
