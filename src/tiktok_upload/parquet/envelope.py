"""What frames a parquet file: `PAR1`, data, footer, the footer's length, `PAR1`."""

from collections.abc import Iterator
from dataclasses import dataclass

from tiktok_upload.facts import Finding
from tiktok_upload.parquet.lookalike import describe

MAGIC = b"PAR1"
_ENCRYPTED_MAGIC = b"PARE"
TRAILER_BYTES = 8  # the footer's length, little-endian, and the magic
_SMALLEST_BYTES = len(MAGIC) + TRAILER_BYTES
# How much is read from each end. Lower: bytes that trail a whole file look like a cut. Higher: a larger read.
EDGE_BYTES = 64 * 1024
_FRESH_S = 60.0


@dataclass(frozen=True, slots=True)
class Edges:
    """Both ends of a file.

    Attributes:
        size_bytes: Of the whole file.
        head: The first bytes, at most `EDGE_BYTES`.
        tail: The last bytes, at most `EDGE_BYTES`; overlaps `head` in a small file.
        age_s: Seconds since the file was last changed.
    """

    size_bytes: int
    head: bytes
    tail: bytes
    age_s: float

    @property
    def footer_start(self) -> int:
        """Where the footer begins by the file's own word; negative where that is impossible."""
        return self.size_bytes - TRAILER_BYTES - _length_before(self.tail, len(self.tail) - len(MAGIC))


def judge(edges: Edges) -> Finding | None:
    """What keeps these ends from being those of a parquet file that can be read; None where nothing does."""
    if not edges.size_bytes:
        return _error("empty-file", "the file is empty (0 bytes); write it again")
    if edges.tail.endswith(_ENCRYPTED_MAGIC):
        return _error(
            "encrypted-footer",
            "the file is parquet with an encrypted footer and cannot be checked without its keys; "
            "write it without parquet encryption (the bucket can encrypt it at rest)",
        )
    if edges.tail.endswith(MAGIC) and edges.size_bytes >= _SMALLEST_BYTES:
        return _judge_framed(edges)
    return _judge_begun(edges) if edges.head.startswith(MAGIC) else _judge_foreign(edges)


def _judge_framed(edges: Edges) -> Finding | None:
    if not edges.head.startswith(MAGIC):
        return _error(
            "leading-magic",
            "the file ends like parquet but does not begin with PAR1: its beginning was overwritten or lost; "
            "write it again",
        )
    if len(MAGIC) <= edges.footer_start < edges.size_bytes - TRAILER_BYTES:
        return None
    return _error(
        "footer-length",
        f"the end of the file is damaged: it gives an impossible length of the footer for a file of "
        f"{edges.size_bytes:,} bytes; copy or write it again",
    )


def _judge_begun(edges: Edges) -> Finding:
    extra = _trailing_bytes(edges)
    if extra:
        return _error(
            "trailing-bytes",
            f"{extra:,} bytes follow the end of the parquet data, and readers look for its footer at the very end; "
            "cut them off, or write the file again",
        )
    if edges.age_s < _FRESH_S:
        return _error(
            "cut-short",
            "the file begins like parquet but its end is missing, and it changed less than a minute ago: "
            "is it still being written? Run the same command again when the writer has finished",
        )
    return _error(
        "cut-short", "the file begins like parquet but its end is missing: it was cut short; copy or write it again"
    )


def _judge_foreign(edges: Edges) -> Finding:
    known = describe(edges.head)
    if known is None:
        return _error(
            "not-parquet",
            f"the file is not parquet: it neither begins nor ends with PAR1 ({edges.size_bytes:,} bytes); "
            "name a parquet file, or write it again",
        )
    looks_like, advice = known
    return _error("not-parquet", f"the file is not parquet, it looks like {looks_like}; {advice}")


def _trailing_bytes(edges: Edges) -> int:
    """How many bytes follow the last whole trailer in the tail; 0 where there is none."""
    tail_start = edges.size_bytes - len(edges.tail)
    for at in _magics_from_the_end(edges.tail):
        length = _length_before(edges.tail, at)
        if 0 < length <= tail_start + at - TRAILER_BYTES:
            return len(edges.tail) - at - len(MAGIC)
    return 0


def _magics_from_the_end(tail: bytes) -> Iterator[int]:
    at = tail.rfind(MAGIC)
    while at >= TRAILER_BYTES:
        yield at
        at = tail.rfind(MAGIC, 0, at)


def _length_before(data: bytes, at: int) -> int:
    return int.from_bytes(data[at - 4 : at], "little")


def _error(rule: str, message: str) -> Finding:
    return Finding(rule=rule, severity="error", message=message)
