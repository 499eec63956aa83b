"""What a key may hold, as pydantic types that read a `Scalar`; each refusal says what would do."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator
from pydantic.alias_generators import to_camel

from tiktok_upload.contract_file import patterns
from tiktok_upload.contract_file.problems import Wrong, did_you_mean, shown
from tiktok_upload.contract_file.tree import Scalar, Table, Tree, Value, kind_of

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(\.\d{1,6})?", re.ASCII)
_MOMENT = re.compile(rf"{_DATE.pattern}[Tt]{_TIME.pattern}([Zz]|[-+]\d\d:\d\d)?", re.ASCII)
_LOWEST, _HIGHEST = -(1 << 63), (1 << 64) - 1  # of any integer column


def _key(name: str) -> str:
    """As the standard writes it; an underscore at the end keeps a name apart from pydantic's own."""
    return to_camel(name.removesuffix("_"))


class Strict(BaseModel):
    """A mapping that has these keys and no others, written as the standard writes them."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_key, defer_build=True)


# ---------------------------------------------------------------------------------------------------------- the values
def _value(node: Tree, wanted: str) -> Value:
    if not isinstance(node, Scalar) or node.value is None:
        raise Wrong(f"is {kind_of(node)}, not {wanted}", "" if isinstance(node, Scalar) else f"write {wanted} there")
    return node.value


def text(node: Tree) -> str:
    """Text, also what looks like a number or a date."""
    if isinstance(_value(node, "text"), bool) or not isinstance(node, Scalar):
        raise Wrong(f"is {kind_of(node)}, not text", "put it in quotes")
    return node.text


def flag(node: Tree) -> bool:
    """True or false; YAML 1.1's yes and no are texts."""
    value = _value(node, "true or false")
    if not isinstance(value, bool):
        raise Wrong(f"is {kind_of(node)}, not true or false", "write true or false, without quotes")
    return value


def number(node: Tree) -> float:
    """Any finite one."""
    value = _value(node, "a number")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"is {kind_of(node)}, not a number", "write a number, without quotes, such as 0 or 0.5")
    return value if _LOWEST <= value <= _HIGHEST else float(value)


def integer(node: Tree) -> int:
    """One that some column could hold."""
    value = number(node)
    if not isinstance(value, int):
        raise Wrong("is no whole number" if abs(value) <= _HIGHEST else "is beyond any integer column")
    return value


def whole(node: Tree) -> int:
    """A length or a number of things."""
    value = integer(node)
    if value < 0:
        raise Wrong("is less than 0")
    return value


def positive(node: Tree) -> float:
    """More than zero."""
    value = number(node)
    if value <= 0:
        raise Wrong("is not more than 0")
    return value


def choice(*words: str) -> Callable[[Tree], str]:
    """A function that reads one of these words."""

    def one_of(node: Tree) -> str:
        word = text(node)
        if word not in words:
            raise Wrong(f"is {shown(word)}", did_you_mean(word, words) or f"use {_or(words)}")
        return word

    return one_of


def word_of(*words: str) -> PlainValidator:
    """One of these words."""
    return PlainValidator(choice(*words))


def _or(words: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def cannot_run(hint: str) -> PlainValidator:
    """A rule that the standard knows and this tool cannot check: to pass it over would be a promise not kept."""

    def refuse(_node: Tree) -> None:
        raise Wrong("is a rule that cannot be checked here", hint)

    return PlainValidator(refuse)


def cannot_be_true(hint: str) -> PlainValidator:
    """The same of a switch; switched off it asks for nothing."""

    def refuse(node: Tree) -> bool:
        if flag(node):
            raise Wrong("is a rule that cannot be checked here", hint)
        return False

    return PlainValidator(refuse)


def _any_scalar(node: Tree) -> Value:
    if not isinstance(node, Scalar):
        raise Wrong(f"is {kind_of(node)}, not text")
    return node.text


def _listed(node: Tree) -> Tree:
    if isinstance(node, Scalar | Table):
        raise Wrong(f"is {kind_of(node)}, not a list", "write it as a list: [first, second]")
    return node


# ----------------------------------------------------------------------------------------------------------- the times
def date(node: Tree) -> str:
    """As `2026-01-31`."""
    return _checked_time(text(node), _DATE, dt.date.fromisoformat, "a date such as 2026-01-31")


def time(node: Tree) -> str:
    """As `23:59:59`; no zone."""
    return _checked_time(text(node), _TIME, dt.time.fromisoformat, "a time such as 23:59:59")


def moment(node: Tree) -> str:
    """By RFC 3339, whose zone may be left out."""
    return _checked_time(text(node), _MOMENT, dt.datetime.fromisoformat, "a time such as 2026-01-31T23:59:59Z")


def _checked_time(written: str, form: re.Pattern[str], parse: Any, wanted: str) -> str:
    try:
        parse(written.upper())
    except ValueError:
        raise Wrong("is no date or time that there is", f"write {wanted}") from None
    if not form.fullmatch(written):
        raise Wrong("is not written as RFC 3339 has it", f"write {wanted}")
    return written.upper()


def pattern(node: Tree) -> str:
    """A regular expression that can be run."""
    written = text(node)
    fault = patterns.fault(written)
    if fault:
        raise Wrong(*fault)
    return written


Text = Annotated[str, PlainValidator(text)]
Flag = Annotated[bool, PlainValidator(flag)]
Number = Annotated[float, PlainValidator(number)]
Positive = Annotated[float, PlainValidator(positive)]
Whole = Annotated[int, PlainValidator(whole)]
Integer = Annotated[int, PlainValidator(integer)]
Date = Annotated[str, PlainValidator(date)]
Time = Annotated[str, PlainValidator(time)]
Moment = Annotated[str, PlainValidator(moment)]
Pattern = Annotated[str, PlainValidator(pattern)]
Note = Annotated[Any, PlainValidator(_any_scalar)]
"""What is only for people: anything that fits on one line."""
Notes = Annotated[list[Note], BeforeValidator(_listed)]
Anything = Any
"""Looked at later, or by nobody."""
