"""Sizes, rates and durations: what a user writes, and what a screen shows.

Own code: the kept libraries read either sizes or durations, none reads rates, and none
tells MiB from Mbit; two tables and a pattern do.
"""

import re

_BYTES = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40,
    "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}  # fmt: skip
_BITS = {"bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9}
_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}
# Fifteen digits are more than any store holds; more would overflow.
_NUMBER = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([A-Za-z]*)\s*", re.ASCII)


def parse_size(text: str) -> int:
    """Bytes of `8MiB`, `100 MB`, `5GiB` or a plain number; K, M, G, T alone are binary.

    Raises:
        ValueError: It is no size, or zero.
    """
    return _positive(_scaled(text, _BYTES), text, "a size such as 64MiB or 5GB")


def parse_rate(text: str) -> int:
    """Bytes a second of `50MB/s`, `400Mbit/s`, `400Mbps` or `20MiB/s`; `/s` may be left out.

    Raises:
        ValueError: It is no rate, or zero; `50Mb/s` is refused, since it may mean bits or bytes.
    """
    amount = text.strip().removesuffix("/s")
    if amount.endswith("bps"):
        amount = amount.removesuffix("bps") + "bit"
    elif amount.endswith("b") and not amount[:-1].strip().isdigit():
        amount = ""
    bits = _scaled(amount, _BITS)
    return _positive(bits / 8 if bits else _scaled(amount, _BYTES), text, "a rate such as 50MB/s or 400Mbit/s")


def parse_duration(text: str) -> float:
    """Seconds of `90s`, `10m`, `2h`, `1d` or a plain number.

    Raises:
        ValueError: It is no duration, or zero.
    """
    seconds = _scaled(text, _SECONDS)
    if not seconds:
        raise ValueError(f"{text!r} is no duration such as 90s, 10m or 2h")
    return float(seconds)


def _scaled(text: str, units: dict[str, int]) -> float | None:
    match = _NUMBER.fullmatch(text)
    if match is None or match[2].lower() not in units:
        return None
    number = match[1]
    return (float(number) if "." in number else int(number)) * units[match[2].lower()]


def _positive(amount: float | None, text: str, expected: str) -> int:
    if amount is None or amount < 1:
        raise ValueError(f"{text!r} is not {expected}")
    return int(amount)


def format_size(size_bytes: float) -> str:
    """Three significant digits with a binary unit: `2.31 GiB`; plain bytes below 1 KiB."""
    if size_bytes < 1024:  # noqa: PLR2004 - the unit's own base
        return f"{size_bytes:.0f} B"
    amount = float(size_bytes)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        amount /= 1024
        if amount < 999.5:  # noqa: PLR2004 - beyond, three digits do not hold it
            return f"{amount:.3g} {unit}"
    return f"{amount:.0f} TiB"


def format_rate(bytes_per_s: float) -> str:
    """As `format_size`, a second."""
    return f"{format_size(bytes_per_s)}/s"


def format_duration(seconds: float) -> str:
    """The two largest units: `1 h 05 min`, `3 min 20 s`, `12.3 s`."""
    if seconds < 59.95:  # noqa: PLR2004 - what one decimal shows as a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:  # noqa: PLR2004 - two days
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"
