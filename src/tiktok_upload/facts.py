"""What is known of a parquet file, and what was found wrong with it: values only."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Column:
    """One top-level column, or one that is nested in it.

    Attributes:
        name: As the file says it; text from the file, to be escaped for a screen. A list's element is called `[]`.
        type: The Arrow type in words, for example `timestamp[us, tz=UTC]`.
        nullable: Whether the schema allows nulls.
        family: The logical type, whatever way it is stored: `string` (of any width, also as a dictionary), `binary`,
            `integer`, `number`, `boolean`, `timestamp` (with a zone), `naive-timestamp`, `int96`, `date`, `time`,
            `array`, `object`, `map`; an empty string for all others.
        children: Of an `object` its fields, of an `array` its element, of a `map` an element with `key` and `value`.
        nulls: How many there are by the footer's statistics; None where these do not tell.
        minimum, maximum: The lowest and the highest value by the footer's statistics, as text: `-3`, `0.25`, `true`,
            `2026-11-23T04:05:06Z`. Only of numbers, times and booleans, never where they may be somebody's phone or
            card number. They are values of the data: for `check`'s table on a screen, never for machine output,
            receipts, journals, logs or tracebacks.
    """

    name: str
    type: str
    nullable: bool = True
    family: str = ""
    children: tuple["Column", ...] = ()
    nulls: int | None = None
    minimum: str | None = field(default=None, repr=False)
    maximum: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the footer says.

    Attributes:
        rows: Rows by the footer.
        row_groups: Number of row groups.
        columns: The top-level columns in the file's order.
        codecs: Compression codecs in use, sorted: `("SNAPPY",)`.
        created_by: The writer by its own word, or an empty string.
        rows_read: Rows decoded by a full check; None where not all of them were.
        rows_sampled: Rows that a quick check looked at.
    """

    rows: int
    row_groups: int
    columns: tuple[Column, ...]
    codecs: tuple[str, ...]
    created_by: str
    rows_read: int | None = None
    rows_sampled: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, columns as objects: for machines, so without any value of the data."""
        plain = self.to_json_with_ranges()
        plain["columns"] = [_without_range(column) for column in plain["columns"]]
        return plain

    def to_json_with_ranges(self) -> dict[str, Any]:
        """The same with each column's `minimum` and `maximum`: for a process of our own, never to be kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of both; what an older version did not write is None."""
        columns = tuple(map(_column, data["columns"]))
        return cls(**{**data, "columns": columns, "codecs": tuple(data["codecs"])})


def _without_range(column: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in column.items() if name not in ("minimum", "maximum")}
    return {**kept, "children": [_without_range(child) for child in column["children"]]}


def _column(data: dict[str, Any]) -> Column:
    return Column(**{**data, "children": tuple(map(_column, data.get("children", ())))})


def leaves(columns: tuple[Column, ...], above: str = "") -> Iterator[tuple[str, Column]]:
    """The columns that hold values, with their paths: `contents[].price`."""
    for column in columns:
        path = above + column.name if column.name == "[]" or not above else f"{above}.{column.name}"
        if column.children:
            yield from leaves(column.children, path)
        else:
            yield path, column


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or odd, as a sentence: what the file looks like and what to do.

    Never holds a value of the user's data, only its kind and length.

    Attributes:
        rule: A short stable name for machines, for example `footer-row-count`.
        severity: An `error` keeps the file from being sent; a `warning` does not.
        message: The sentence.
        column: The column it concerns, where there is one; nested ones by their path: `contents[].price`.
        row_group: Counted from 0, where there is one.
        row: Counted from 0 in the whole file, where there is one.
        count: How many values or rows it stands for.
        length: Of the value: characters of a text, bytes of a binary value, elements of a list.
        expected, found, advice: What the contract says, what the file has, what to do, each in a few words; for the
            table of differences, where the column itself is not what it should be.
    """

    rule: str
    severity: Severity
    message: str
    column: str | None = None
    row_group: int | None = None
    row: int | None = None
    count: int = 1
    length: int | None = None
    expected: str | None = None
    found: str | None = None
    advice: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells one state of a local file from another.

    Attributes:
        size_bytes: Its size.
        mtime_ns: When its content was last written, by the file system's word.
        ctime_ns: When its content, name or mode last changed; nobody can set it back.
        inode: Its number on its volume.
        footer_sha256: Hex digest of the footer with its length and magic (or of the last
            64 KiB where there is no footer), which in a parquet file names sizes, offsets
            and statistics of all columns.
    """

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    footer_sha256: str

    def may_be_same_content(self, other: Self) -> bool:
        """Whether only the file system's marks differ, so that reading again can tell."""
        return (self.size_bytes, self.footer_sha256) == (other.size_bytes, other.footer_sha256)
