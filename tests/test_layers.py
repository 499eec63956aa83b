"""Who may import whom: read from the source, whether an import is made at once, lazily or for types only."""

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

import tiktok_upload

PACKAGE = "tiktok_upload"
ROOT = Path(tiktok_upload.__file__).parent

# A name stands for a module or for a package with all its modules, seen from the root; "" is the root itself.
RANKS: Mapping[int, str] = {
    0: (
        "answers checksum column_types contact contract contract_text destination errors events facts faults foresight"
        " judging machine matching pace personal plan policy portable reconcile records retry settings state stop tally"
        " text units version"
    ),
    1: "config contract_file inputs journal parquet pool receipt source store",
    2: "accepting body flight inventory jobs look transfer unfinished wiring",
    3: "api doctor",
    4: "diagnosing resuming verifying",
    5: "cli",
    6: "__main__",
}
RANK_OF = {"": 6} | {name: rank for rank, names in RANKS.items() for name in names.split()}
DELIVERY, DELIVERY_RANK = "deliver", 2  # what begins like this may be cut into any number of modules
MAY_IMPORT_ITS_OWN_RANK = {0, 2}

# Each library has one edge that knows it.
LIBRARIES: Mapping[str, str] = {
    "awscrt": "checksum",
    "boto3": "store",
    "botocore": "store",
    "filelock": "journal",
    "moto": "cli.sandbox",
    "mypy_boto3_s3": "store",
    "platformdirs": "config journal",
    "pyarrow": (
        "parquet.counts parquet.evidence parquet.examiner parquet.footer parquet.guard"
        " parquet.leaf_arrays parquet.measuring parquet.nodes parquet.parser parquet.personal_kernels"
        " parquet.rule_kernels parquet.sample parquet.scan parquet.structure parquet.uniqueness cli.demo"
    ),
    "psutil": "parquet.inspector",
    "pydantic": "contract_file",
    "rich": "cli",
    "tenacity": "retry",
    "typer": "cli",
    "urllib3": "store",
    "werkzeug": "cli.sandbox",
    "yaml": "contract_file",
}
SLOW = ("boto3", "botocore", "moto", "psutil", "pyarrow", "pydantic", "rich.progress", "yaml")

Imports = Mapping[str, frozenset[str]]
"""By module, what it imports: our own modules seen from the root, others by their whole name."""


# -------------------------------------------------------------------------------------------------------- the reading
def name_of(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_imports(sources: Mapping[str, str]) -> tuple[Imports, Imports]:
    """Imports by module of our own modules, and of others."""
    own: dict[str, frozenset[str]] = {}
    others: dict[str, frozenset[str]] = {}
    for module, source in sources.items():
        named = set(imported_names(ast.parse(source), sources.keys()))
        own[module] = frozenset(name.removeprefix(f"{PACKAGE}:") for name in named if name.startswith(f"{PACKAGE}:"))
        others[module] = frozenset(name for name in named if not name.startswith(f"{PACKAGE}:"))
    return own, others


def imported_names(tree: ast.AST, modules: Iterable[str]) -> Iterator[str]:
    """Whatever the place of the import; our own as `tiktok_upload:module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (own_or_other(alias.name, modules) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"line {node.lineno}: a relative import")
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_module = whole.removeprefix(f"{PACKAGE}.") in modules
                yield own_or_other(whole if is_module else node.module or "", modules)


def own_or_other(name: str, modules: Iterable[str]) -> str:
    if name != PACKAGE and not name.startswith(f"{PACKAGE}."):
        return name
    inside = name[len(PACKAGE) + 1 :]
    if inside not in modules:
        raise ValueError(f"{name} is no module")
    return f"{PACKAGE}:{inside}"


def source_files() -> dict[str, str]:
    return {name_of(path, ROOT): path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}


# ---------------------------------------------------------------------------------------------------------- the rules
def edge_of(module: str) -> str:
    """The package that a module is in, or itself."""
    return module.partition(".")[0]


def rank_of(module: str) -> int:
    edge = edge_of(module)
    if edge not in RANK_OF and edge.startswith(DELIVERY):
        return DELIVERY_RANK
    return RANK_OF[edge]


def unknown_modules(modules: Iterable[str]) -> list[str]:
    return [name for name in modules if edge_of(name) not in RANK_OF and not name.startswith(DELIVERY)]


def rank_violations(own: Imports) -> list[str]:
    """Imports of a higher rank, or of another edge of the same rank."""
    return [
        f"{module} ({rank_of(module)}) imports {imported} ({rank_of(imported)})"
        for module, names in own.items()
        for imported in sorted(names)
        if not may_import(module, imported)
    ]


def may_import(module: str, imported: str) -> bool:
    if edge_of(module) == edge_of(imported):
        return True
    rank, imported_rank = rank_of(module), rank_of(imported)
    return imported_rank < rank or (imported_rank == rank and rank in MAY_IMPORT_ITS_OWN_RANK)


def cycle(own: Imports) -> list[str]:
    """One ring of modules that import each other, where there is any."""
    try:
        graphlib.TopologicalSorter(own).prepare()
    except graphlib.CycleError as exc:
        ring: list[str] = exc.args[1]
        return ring
    return []


def library_violations(others: Imports) -> list[str]:
    """Imports of a library by a module that is not its edge."""
    return [
        f"{module} imports {imported}"
        for module, names in others.items()
        for imported in sorted(names)
        if (library := imported.partition(".")[0]) not in sys.stdlib_module_names
        and not is_within(module, LIBRARIES.get(library, ""))
    ]


def is_within(module: str, allowed: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in allowed.split())


def reach(own: Imports, start: str) -> set[str]:
    """All modules that come along with one."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += own[module]
    return found


# ----------------------------------------------------------------------------------------------------------- our code
@pytest.fixture(scope="module")
def own() -> Imports:
    return read_imports(source_files())[0]


@pytest.fixture(scope="module")
def others() -> Imports:
    return read_imports(source_files())[1]


def test_every_module_has_a_rank(own: Imports) -> None:
    assert unknown_modules(own) == []


def test_every_rank_is_of_a_module_that_there_is(own: Imports) -> None:
    assert RANK_OF.keys() - {edge_of(module) for module in own} == set()


def test_a_module_imports_only_lower_ranks_and_no_edge_another(own: Imports) -> None:
    assert rank_violations(own) == []


def test_no_modules_import_each_other_in_a_ring(own: Imports) -> None:
    assert cycle(own) == []


def test_each_library_is_known_to_its_edge_only(others: Imports) -> None:
    assert library_violations(others) == []


def test_what_is_portable_stands_on_nothing_of_ours(own: Imports) -> None:
    assert own["portable"] == frozenset()


def test_pyarrow_is_out_of_reach_of_the_process_that_uploads(own: Imports, others: Imports) -> None:
    # It may abort Python on a malformed file, so only the child process loads it.
    users = {module for module, names in others.items() if any(name.startswith("pyarrow") for name in names)}
    assert reach(own, "api") & users == set()


@pytest.mark.parametrize("module", ["api", "cli"])
def test_slow_libraries_are_not_loaded_before_they_are_used(module: str) -> None:
    program = f"import sys, {PACKAGE}.{module}; print(*sorted(set({SLOW!r}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# -------------------------------------------------------------------------------------- rules that see what they should
def checked(sources: dict[str, str]) -> list[str]:
    """What is wrong with an invented package."""
    own, others = read_imports({"": "", **sources})
    return rank_violations(own) + library_violations(others)


@pytest.mark.parametrize(
    "line",
    [
        "from tiktok_upload.journal import Journal",
        "import tiktok_upload.journal",
        "from tiktok_upload import journal",
        "def later():\n    from tiktok_upload import journal",
        "if TYPE_CHECKING:\n    from tiktok_upload.journal import Journal",
        "try:\n    import tiktok_upload.journal as j\nexcept ImportError:\n    pass",
    ],
)
def test_an_import_of_a_higher_rank_is_seen_wherever_it_stands(line: str) -> None:
    assert checked({"plan": line, "journal": ""}) == ["plan (0) imports journal (1)"]


@pytest.mark.parametrize(
    ("module", "imported", "wrong"),
    [
        ("source", "journal", True),
        ("store.s3", "parquet.inspector", True),
        ("store.s3", "store.connection", False),
        ("store.s3", "plan", False),
        ("api", "cli", True),
        ("jobs", "delivery", False),
        ("delivery_end", "transfer", False),
        ("delivery_end", "api", True),
        ("plan", "units", False),
        ("cli.app", "cli.human", False),
        ("cli.app", "plan", False),
    ],
)
def test_edges_do_not_import_each_other_and_inner_ranks_may(module: str, imported: str, *, wrong: bool) -> None:
    assert wrong == (checked({module: f"import tiktok_upload.{imported}", imported: ""}) != [])


@pytest.mark.parametrize(
    ("module", "line", "wrong"),
    [
        ("store.s3", "import boto3", False),
        ("store.s3", "from botocore import exceptions", False),
        ("api", "import boto3", True),
        ("jobs", "def later():\n    import botocore.config", True),
        ("parquet.structure", "import pyarrow.parquet as pq", False),
        ("parquet.inspector", "import pyarrow", True),
        ("cli.human", "from rich.console import Console", False),
        ("events", "from rich.console import Console", True),
        ("plan", "import requests", True),
        ("plan", "import os.path, json", False),
    ],
)
def test_a_library_outside_its_edge_is_seen(module: str, line: str, *, wrong: bool) -> None:
    assert wrong == (checked({module: line}) != [])


def test_a_module_without_a_rank_is_seen() -> None:
    assert unknown_modules(["plan", "delivery_end", "parquet.scan", "helpers", ""]) == ["helpers"]


def test_a_ring_is_seen_though_one_of_its_imports_is_for_types_only() -> None:
    own, _ = read_imports(
        {
            "plan": "from tiktok_upload.units import x",
            "units": "if TYPE_CHECKING:\n    from tiktok_upload.plan import y",
        }
    )
    assert set(cycle(own)) == {"plan", "units"}


def test_an_import_that_hides_what_it_means_is_refused() -> None:
    with pytest.raises(ValueError, match="a relative import"):
        read_imports({"plan": "from . import units"})
    with pytest.raises(ValueError, match=r"tiktok_upload\.gone is no module"):
        read_imports({"plan": "import tiktok_upload.gone"})
