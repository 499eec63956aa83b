"""All readers that are fuzzed in this process."""

from tests.fuzz import documents, journals, redaction, words
from tests.fuzz.target import Target


def targets() -> dict[str, Target]:
    """By name."""
    return {target.name: target for module in (journals, documents, words, redaction) for target in module.targets()}
