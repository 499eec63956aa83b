"""Files of many writers, good and bad, and samples that are each broken in one named way."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tiktok_upload.parquet import Inspection, Inspector, Question

SHARED = Path(__file__).parents[2] / "shared"
CORPUS = SHARED / "corpus" / "parquet-testing"
# pyarrow reads it, and so does every other reader; its fault is in a run length that is longer than need be.
READABLE_ALL_THE_SAME = "ARROW-GH-43605.parquet"

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not here")


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    with Inspector() as made:
        yield made


def errors(found: Inspection) -> list[str]:
    return [finding.rule for finding in found.findings if finding.severity == "error"]


def test_sound_files_pass_and_broken_ones_do_not(inspector: Inspector) -> None:
    files = sorted(path for path in CORPUS.rglob("*.parquet*") if path.suffix in (".parquet", ".encrypted"))
    found = {path: errors(inspector.inspect(path, full=True)) for path in files}
    assert sum(not rules for rules in found.values()) >= 60
    passed = [path.name for path, rules in found.items() if path.parent.name == "bad_data" and not rules]
    assert passed == [READABLE_ALL_THE_SAME]
    assert all(rules for path, rules in found.items() if path.suffix == ".encrypted")


def test_no_writer_is_warned_of_its_habits(inspector: Inspector) -> None:
    """But for the one file that a writer's bug has robbed of a few bytes of its dictionaries."""
    warned = {
        path.name
        for path in sorted(CORPUS.glob("data/**/*.parquet"))
        for finding in inspector.inspect(path, full=False).findings
        if finding.severity == "warning" and finding.rule != "no-rows"
    }
    assert warned == {"nation.dict-malformed.parquet"}


@pytest.mark.parametrize("full", [False, True])
def test_a_look_at_the_values_makes_no_sound_file_unsound(inspector: Inspector, *, full: bool) -> None:
    for path in sorted(CORPUS.rglob("*.parquet")):
        found, decoded = inspector.inspect(path, Question(full=full, guard=True)), inspector.inspect(path, full=True)
        assert set(errors(found)) <= set(errors(decoded)), path.name
        assert full <= (errors(found) == errors(decoded)), path.name


@pytest.mark.parametrize("path", sorted((SHARED / "data").glob("*.parquet")), ids=lambda path: path.name)
@pytest.mark.parametrize("full", [False, True])
def test_real_files_pass_without_findings(inspector: Inspector, path: Path, *, full: bool) -> None:
    found = inspector.inspect(path, full=full)
    assert found.findings == ()
    assert found.facts is not None
    assert (found.facts.rows, found.facts.rows_read) == (1_000, 1_000 if full else None)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("samples")
    subprocess.run(
        [sys.executable, SHARED / "tools" / "make_samples.py", directory], check=True, stdout=subprocess.PIPE
    )
    return directory


def test_of_the_samples_just_those_with_a_broken_structure_fail(inspector: Inspector, samples: Path) -> None:
    found = {path.stem: inspector.inspect(path, full=True) for path in samples.glob("*.parquet")}
    assert {name: errors(inspection) for name, inspection in found.items() if errors(inspection)} == {
        "cut-short": ["cut-short"],
        "two-files-joined": ["joined-files"],
        "first-magic-wrong": ["leading-magic"],
        "one-bit-flipped-with-page-crc": ["page-checksum"],
    }
    assert found["ok"].findings == ()
    assert [finding.rule for finding in found["empty"].findings] == ["no-rows"]
