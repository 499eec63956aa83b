"""How pyarrow refuses: a dozen exception types, turned into one. Child only."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import pyarrow as pa

T = TypeVar("T")

# A footer that does not fit: «Couldn't deserialize thrift: std::bad_alloc», an OSError.
_MEMORY_SIGNS = ("bad_alloc", "malloc of size", "out of memory")
_REFUSALS = (pa.ArrowException, OSError, RuntimeError, ValueError, TypeError, KeyError, IndexError)


class ParserRefusedError(Exception):
    """The parser says no. Its own words are the cause's; they may hold values of the data, so they are never shown."""


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """While inside, what the parser raises becomes a `ParserRefusedError`.

    Want of memory and the disk's errors (those with an `errno`) say nothing about the file and pass unchanged.
    """
    try:
        yield
    except MemoryError:
        raise
    except _REFUSALS as exc:
        if isinstance(exc, OSError) and exc.errno:
            raise
        if any(sign in str(exc) for sign in _MEMORY_SIGNS):
            raise MemoryError from exc
        raise ParserRefusedError(type(exc).__name__) from exc


def guarded(get: Callable[[], T], otherwise: T) -> T:
    """What `get` gives, or the other where the parser refuses: odd text and odd types must not stop a check."""
    try:
        with refusals():
            return get()
    except ParserRefusedError:
        return otherwise
