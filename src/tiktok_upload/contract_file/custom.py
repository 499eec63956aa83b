"""`customProperties` that this tool acts on; those of other vendors are left to them."""

from collections.abc import Iterator

from tiktok_upload.contract_file.documentation import CustomProperty
from tiktok_upload.contract_file.problems import Spot, did_you_mean, shown
from tiktok_upload.contract_file.reading import read

_VENDOR = "tiktok-upload"
_PLACES = {
    "additionalColumns": "of the whole contract",
    "maxAge": "of a timestamp or date column",
    "maxFuture": "of a timestamp or date column",
    "severity": "of a column",
}


def own(spot: Spot, *known: str) -> dict[str, Spot]:
    """The values of the known ones, by name; any other without a vendor is reported, for it may be a rule misspelt."""
    found: dict[str, Spot] = {}
    custom = spot.find("customProperties")
    for item in _of_nobody_else(custom) if custom else ():
        name_spot = item.at("property")
        name = getattr(name_spot.node, "text", "")
        if name not in known:
            name_spot.report(f"{shown(name)} is not known here", _hint(name, known))
        elif name in found:
            name_spot.report(f"{name} is there twice", "keep one of them")
        else:
            found[name] = item.at("value")
    return found


def _of_nobody_else(custom: Spot) -> Iterator[Spot]:
    for item in custom.rows():
        model = read(CustomProperty, item)
        if model and (model.vendor is None or model.vendor == _VENDOR):
            yield item


def _hint(name: str, known: tuple[str, ...]) -> str:
    if name in _PLACES:
        return f"{name} stands in the customProperties {_PLACES[name]}"
    guess = did_you_mean(name, known)
    return guess or "say whose it is (vendor: NAME), or leave it out"
