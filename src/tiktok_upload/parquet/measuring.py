"""What a file is and what it holds, counted but not judged. Child only."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, Literal, Self

import pyarrow.parquet as pq

from tiktok_upload.contract import Contract
from tiktok_upload.errors import UsageError
from tiktok_upload.facts import Column, FileFacts, Finding
from tiktok_upload.judging import FOOTER
from tiktok_upload.parquet import column_statistics, evidence, footer
from tiktok_upload.parquet.column_statistics import Statistics
from tiktok_upload.parquet.examiner import Examiner, Terms
from tiktok_upload.parquet.nodes import plain
from tiktok_upload.parquet.outside import emails_in_footer, search_outside
from tiktok_upload.parquet.parser import ParserRefusedError, refusals
from tiktok_upload.parquet.sample import sample
from tiktok_upload.parquet.scan import Beat, Scanned, UnsoundDataError, scan, unpacked_bytes
from tiktok_upload.parquet.structure import TellStatistics, check_structure, open_parquet
from tiktok_upload.parquet.uniqueness import Repeats, RowGroupOf
from tiktok_upload.parquet.units import Leaf, Unit, plan_units
from tiktok_upload.tally import Tally
from tiktok_upload.text import escape


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be found out.

    Attributes:
        depth: `quick`: by the footer and a few rows; `full`: every row, as units for the asker to share out.
        terms: What is looked for.
        workers: How many processes will share the units.
        statistics: Whether those of the footer may be read: some files end the process there.
        text_ranges: Whether the lowest and highest of texts are wanted, too.
    """

    depth: Literal["quick", "full"]
    terms: Terms
    workers: int = 1
    statistics: bool = True
    text_ranges: bool = False

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """As the parent writes it."""
        contract = data["contract"]
        terms = Terms(
            Contract.from_json(contract) if contract else None,
            data["guard"],
            dt.datetime.fromisoformat(data["judged_at"]),
        )
        return cls(data["depth"], terms, data["workers"], data["statistics"], data["text_ranges"])


@dataclass(slots=True)
class Measured:
    """What came out.

    Attributes:
        facts: None where the file is too broken to tell.
        findings: What is wrong with the structure.
        sampled: Counted in the rows that were looked at.
        betrayed: Counted in the footer's statistics; of values that may be among those rows, too.
        outside: By the place, how often each kind of personal data stands where no column is.
        units: What is left to do for a full check.
    """

    facts: FileFacts | None
    findings: tuple[Finding, ...]
    sampled: list[Tally] = field(default_factory=list)
    betrayed: list[Tally] = field(default_factory=list)
    outside: dict[str, dict[str, int]] = field(default_factory=dict)
    units: list[Unit] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, for the parent."""
        return {
            "facts": self.facts and self.facts.to_json_with_ranges(),
            "findings": [finding.to_json() for finding in self.findings],
            "sampled": [tally.to_json() for tally in self.sampled],
            "betrayed": [tally.to_json() for tally in self.betrayed],
            "outside": self.outside,
            "units": [unit.to_json() for unit in self.units],
        }


def _unheard(_done: int, _total: int) -> None:
    """Nobody waits."""


def measure(
    file: BinaryIO, wanted: Wanted, *, size_bytes: int, age_s: float, tell: TellStatistics, beat: Beat = _unheard
) -> Measured:
    """Look at the structure, the statistics, and some rows.

    Args:
        file: Open, readable and seekable; reads of it never come short.
        wanted: What is to be found out.
        size_bytes: Its size.
        age_s: Seconds since it was last changed.
        tell: Hears when statistics are read.
        beat: Hears that it goes on, where it takes long.

    Raises:
        UsageError: A rule of the contract cannot be run on this file.
        MemoryError: The memory allowed is not enough.
        OSError: The file could not be read; with an `errno`.
    """
    structure = check_structure(
        file, size_bytes=size_bytes, age_s=age_s, tell_statistics=tell if wanted.statistics else None
    )
    measured = Measured(structure.facts, structure.findings)
    if structure.parquet is None or structure.facts is None or not structure.is_sound:
        return measured
    try:
        _measure_content(structure.parquet, structure.facts, structure.statistics, wanted, measured)
    except UnsoundDataError as exc:
        measured.findings += (exc.finding,)
    except ParserRefusedError:
        measured.findings += (_UNREADABLE_SCHEMA,)
    if wanted.terms.guard:
        whole = wanted.depth == "full"
        measured.outside = search_outside(file, structure, whole=whole, beat=beat)
        emails = emails_in_footer(file, structure, size_bytes)
        if emails and not _knows_emails(measured):
            measured.outside[FOOTER] = {"email": emails}
    return measured


_UNREADABLE_SCHEMA = Finding(
    rule="schema-unreadable",
    severity="error",
    message="the schema has types that cannot be read here, so the rows cannot be looked at; "
    "write the file with common types",
)


def _measure_content(
    parquet: pq.ParquetFile, facts: FileFacts, statistics: Statistics | None, wanted: Wanted, measured: Measured
) -> None:
    examiner = _examiner(parquet, wanted.terms, facts.columns)
    if statistics is not None:
        columns = column_statistics.describe(statistics, facts.columns, texts=wanted.text_ranges)
        facts = measured.facts = replace(facts, columns=columns)
        if examiner is not None:
            measured.betrayed = evidence.gather(statistics, examiner.wants, examiner.see_values)
    if wanted.depth == "full":
        measured.units = _units(parquet, wanted, facts)
    elif examiner is not None:
        sampled = sample(parquet, examiner.see)
        measured.sampled = sampled.tallies
        measured.facts = replace(facts, rows_sampled=sampled.rows)


def _knows_emails(measured: Measured) -> bool:
    """Whether those in the footer are told of anyway: as statistics, or as metadata."""
    told = {kind for kinds in measured.outside.values() for kind in kinds}
    return not _EMAILS.isdisjoint(told | {tally.rule for tally in measured.betrayed if tally.hits})


_EMAILS = {"email", "hash-email"}


def do_unit(file: BinaryIO, unit: Unit, terms: Terms, beat: Beat) -> dict[str, Any]:
    """One unit of a full check, of a file whose structure is sound: `rows`, `tallies` and `findings` as JSON values.

    Raises:
        MemoryError, OSError: As `measure`.
    """
    parquet = open_parquet(file)
    try:
        scanned = _scan_unit(parquet, unit, terms, beat)
    except UnsoundDataError as exc:
        return {"rows": 0, "tallies": [], "findings": [exc.finding.to_json()]}
    except ParserRefusedError:
        return {"rows": 0, "tallies": [], "findings": [_UNREADABLE_SCHEMA.to_json()]}
    return {"rows": scanned.rows, "tallies": [tally.to_json() for tally in scanned.tallies], "findings": []}


def _scan_unit(parquet: pq.ParquetFile, unit: Unit, terms: Terms, beat: Beat) -> Scanned:
    if unit.unique is not None:
        return _scan_for_repeats(parquet, unit, unit.unique, beat)
    with refusals():
        columns = footer.columns(parquet)
    examiner = _examiner(parquet, terms, columns)
    return scan(parquet, unit, examiner.see if examiner else _see_nothing, beat)


def _examiner(parquet: pq.ParquetFile, terms: Terms, columns: tuple[Column, ...]) -> Examiner | None:
    """None where nothing is looked for. What the examiner itself raises is no fault of the file."""
    if terms.is_empty:
        return None
    with refusals():
        schema = parquet.schema_arrow
    return Examiner(terms, columns, schema)


def _see_nothing(*_: object) -> None:
    """Decoding was all."""


def _units(parquet: pq.ParquetFile, wanted: Wanted, facts: FileFacts) -> list[Unit]:
    metadata = parquet.metadata
    groups = [
        (group.num_rows, unpacked_bytes(group)) for group in map(metadata.row_group, range(metadata.num_row_groups))
    ]
    leaves = _leaves(parquet, len(facts.columns))
    contract = wanted.terms.contract
    names = {column.name: number for number, column in enumerate(facts.columns)}
    rules = contract.rules if contract else ()
    together = [
        frozenset(names[name] for name in rule.columns if name in names)
        for rule in rules
        if rule.kind in ("any-of", "requires")
    ]
    unique = [_unique_unit(groups, leaves, columns, names) for columns in _unique_columns(contract, facts.columns)]
    return [*unique, *plan_units(groups, leaves, together, wanted.workers)]


def _unique_columns(contract: Contract | None, columns: Iterable[Column]) -> list[tuple[str, ...]]:
    """Each column, or several together, whose values may not repeat.

    Raises:
        UsageError: One of them is nested.
    """
    if contract is None:
        return []
    nested = {column.name: bool(column.children) for column in columns}
    wanted: list[tuple[str, ...]] = [
        (one.name,) for one in contract.fields if any(rule.kind == "unique" for rule in one.rules)
    ]
    wanted += [rule.columns for rule in contract.rules if rule.kind == "duplicates"]
    found = [names for names in dict.fromkeys(wanted) if nested.keys() >= set(names)]
    for name in (name for names in found for name in names if nested[name]):
        raise UsageError(
            f'the contract\'s rule duplicates cannot be run on column "{escape(name)}": it is nested',
            hint="leave the column out of the rule",
            code="contract",
        )
    return found


def _unique_unit(
    groups: list[tuple[int, int]], leaves: list[Leaf], columns: tuple[str, ...], names: dict[str, int]
) -> Unit:
    roots = {names[name] for name in columns}
    weight = sum(leaf.weight for leaf in leaves if leaf.root in roots)
    return Unit(0, len(groups), 0, list(columns), weight, unique=list(columns))


def _leaves(parquet: pq.ParquetFile, columns: int) -> list[Leaf]:
    metadata = parquet.metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    counts = column_statistics.leaf_counts(parquet, columns) or [1] * metadata.num_columns
    roots = [number for number, count in enumerate(counts) for _ in range(count)]
    return [
        Leaf(
            path=metadata.schema.column(leaf).path,
            root=root,
            weight=sum(group.column(leaf).total_uncompressed_size for group in groups),
        )
        for leaf, root in enumerate(roots)
    ]


def _scan_for_repeats(parquet: pq.ParquetFile, unit: Unit, columns: list[str], beat: Beat) -> Scanned:
    repeats = Repeats()
    groups = [parquet.metadata.row_group(number).num_rows for number in range(unit.first, unit.end)]

    def see(batch: Any, at: Any, _counts: Any) -> None:
        flat = dict(zip(batch.schema.names, batch.columns, strict=True))
        repeats.add([plain(flat[name]) for name in columns], at.first_row)

    scanned = scan(parquet, unit, see, beat)
    return Scanned(scanned.rows, [repeats.tally(",".join(columns), "unique", RowGroupOf(groups))])
