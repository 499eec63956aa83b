"""What files are held against: the contract that was named, or one made of a file that was accepted."""

from dataclasses import replace
from pathlib import Path

from tiktok_upload.contract import Contract, HashForm
from tiktok_upload.contract_text import contract_from, contract_yaml
from tiktok_upload.errors import DataError, UsageError
from tiktok_upload.facts import FileFacts
from tiktok_upload.parquet import Inspection, Inspector, Question
from tiktok_upload.personal import hash_form_by_name
from tiktok_upload.settings import PushOptions
from tiktok_upload.text import escape


def contract_for(options: PushOptions, inspector: Inspector) -> Contract | None:
    """What the files are held against: the contract named, or one made of an accepted file.

    Raises:
        UsageError: It is wrong, or both were named.
        SourceError: The accepted file cannot be read.
    """
    named = options.contract if options.contract != "none" else None
    if named and options.like:
        raise UsageError("--contract and --like are two contracts", hint="give one of them")
    if options.check == "none":
        return None
    if options.like:
        return accepted(Path(options.like), inspector)
    if not named:
        return None
    from tiktok_upload.contract_file import load  # noqa: PLC0415 - pydantic and YAML are slow to import

    return load(named)


def settled(options: PushOptions) -> PushOptions:
    """With a contract's file named so that a later `resume` finds it from elsewhere."""
    if options.contract in (None, "none"):
        return options
    from tiktok_upload.contract_file import whole_name  # noqa: PLC0415 - pydantic and YAML are slow to import

    return replace(options, contract=whole_name(str(options.contract)))


def accepted(path: Path, inspector: Inspector) -> Contract:
    """What other files must be like, exactly: the types and the nullability of this one.

    Raises:
        SourceError: It cannot be read.
        DataError: It is no sound parquet file.
    """
    facts, hashed = _look(path, inspector)
    return contract_from(facts.columns, name=path.name, hashed=hashed)


def written(path: Path, inspector: Inspector) -> str:
    """The text of a contract to begin with, in YAML; raises as `accepted` does."""
    facts, hashed = _look(path, inspector)
    return contract_yaml(facts.columns, name=path.stem, hashed=hashed)


def _look(path: Path, inspector: Inspector) -> tuple[FileFacts, dict[str, HashForm]]:
    found = inspector.inspect(path, Question(guard=True))
    broken = next((finding for finding in found.findings if finding.severity == "error"), None)
    if broken is not None or found.facts is None:
        raise DataError(f"{escape(str(path))}: {broken.message if broken else 'cannot be read'}")
    return found.facts, _hashed(found)


def _hashed(found: Inspection) -> dict[str, HashForm]:
    """By the name, or because every value that was looked at is one."""
    assert found.facts is not None  # noqa: S101 - asked for by the caller
    by_value: dict[str, HashForm] = {
        tally.column: "sha256" for tally in found.counted if tally.rule == "hash-like" and 0 < tally.seen == tally.hits
    }
    by_name = {tally.column: hash_form_by_name(tally.column) for tally in found.counted}
    return {**by_value, **{column: form for column, form in by_name.items() if form}}
