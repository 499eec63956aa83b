"""What the personal-data guard counts in one column. Child only."""

from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from tiktok_upload.contract import Field, HashForm
from tiktok_upload.parquet.leaf_arrays import Hits, is_searchable
from tiktok_upload.parquet.personal_kernels import hash_faults, hash_like, hits
from tiktok_upload.personal import hash_form_by_name, may_be_hashed, wanted

_IP_KINDS = {"ip", "ip-low"}
_SHARES = frozenset({"card", "phone-digits", "ip-low"})
_NOWHERE: Any = pa.array([], pa.int64())


@dataclass(frozen=True, slots=True)
class Guard:
    """Of one column.

    Attributes:
        kinds: Of personal data to look for.
        form: What its values must be hashes in; None where they need not be.
        counts_hashes: Whether it may be a column of hashes, so that the majority of its values decides.
    """

    kinds: frozenset[str]
    form: HashForm | None = None
    counts_hashes: bool = False

    @classmethod
    def of(cls, path: str, kind: Any, field: Field | None) -> Self | None:
        """The guard of a column of that type; None where its values can hold nothing personal.

        Args:
            path: Of the column.
            kind: Its Arrow type.
            field: The contract's, whose word beats the column's name; None where there is none.
        """
        if not is_searchable(kind):
            kinds = wanted(path, numeric=True) if _is_number(kind) else frozenset()
            return cls(kinds) if kinds else None
        form = field.hashed if field else hash_form_by_name(path)
        if form:
            return cls(frozenset(), form)
        kinds = wanted(path) - (_IP_KINDS if field and field.raw else set())
        if field is None and may_be_hashed(path):
            return cls(kinds, "sha256", counts_hashes=True)
        return cls(kinds)

    def hits(self, values: Any) -> Hits:
        """The places of the values that are of each kind.

        A kind of which the share decides comes from every batch, also where there is none of it: all values count.
        """
        found = dict.fromkeys(self.kinds & _SHARES, _NOWHERE)
        found |= hits(values, self.kinds) if self.kinds else []
        if self.form:
            found |= hash_faults(values, self.form)
        if self.counts_hashes:
            found |= {"hash-like": _NOWHERE} | dict(hash_like(values))
        return list(found.items())


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
