"""What is known of a parquet file, and what was found wrong with it: values only."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Column:
    """One top-level column.

    Attributes:
        name: As the file says it; text from the file, to be escaped for a screen.
        type: The Arrow type in words, for example `timestamp[us, tz=UTC]`.
        nullable: Whether the schema allows nulls.
        nulls: How many there are by the footer's statistics; None where these do not tell.
        minimum, maximum: The lowest and the highest value by the footer's statistics, as text: `-3`, `0.25`, `true`,
            `2026-11-23T04:05:06Z`. Only of numbers, times and booleans, never where they may be somebody's phone or
            card number. They are values of the data: for `check`'s table on a screen, never for machine output,
            receipts, journals, logs or tracebacks.
    """

    name: str
    type: str
    nullable: bool = True
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
        rows_read: Rows decoded by a full check; None where only the footer was read.
    """

    rows: int
    row_groups: int
    columns: tuple[Column, ...]
    codecs: tuple[str, ...]
    created_by: str
    rows_read: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, columns as objects: for machines, so without any value of the data."""
        plain = self.to_json_with_ranges()
        for column in plain["columns"]:
            del column["minimum"], column["maximum"]
        return plain

    def to_json_with_ranges(self) -> dict[str, Any]:
        """The same with each column's `minimum` and `maximum`: for a process of our own, never to be kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of both; what an older version did not write is None."""
        columns = tuple(Column(**column) for column in data["columns"])
        return cls(**{**data, "columns": columns, "codecs": tuple(data["codecs"])})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or odd, as a sentence: what the file looks like and what to do.

    Never holds a value of the user's data, only its kind and length.

    Attributes:
        rule: A short stable name for machines, for example `footer-row-count`.
        severity: An `error` keeps the file from being sent; a `warning` does not.
        message: The sentence.
        column: The column it concerns, where there is one.
        row_group: Counted from 0, where there is one.
        row: Counted from 0 in the whole file, where there is one.
    """

    rule: str
    severity: Severity
    message: str
    column: str | None = None
    row_group: int | None = None
    row: int | None = None

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
