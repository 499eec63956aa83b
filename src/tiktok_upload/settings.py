"""What a user may choose, as values; where each came from is the command's business."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from tiktok_upload.checksum import Proof

Addressing = Literal["auto", "path", "virtual"]
Check = Literal["quick", "full", "none"]


@dataclass(frozen=True, slots=True)
class Connection:
    """How the store is reached; None leaves it to boto3's own variables and profiles."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    addressing: Addressing = "auto"
    ca_bundle: str | None = None
    accelerate: bool = False
    dualstack: bool = False
    fips: bool = False


@dataclass(frozen=True, slots=True)
class ObjectOptions:
    """What the object is made with; S3 fixes them when an upload is created.

    Attributes:
        metadata, tags: Pairs in the order given.
    """

    sse: str | None = None
    kms_key_id: str | None = None
    storage_class: str | None = None
    acl: str | None = None
    expected_bucket_owner: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What was chosen, as plain JSON values: equal to what a journal gives back."""
        chosen = {name: value for name, value in asdict(self).items() if value}
        return {
            name: [list(pair) for pair in value] if isinstance(value, tuple) else value
            for name, value in chosen.items()
        }


@dataclass(frozen=True, slots=True)
class PushOptions:
    """What a push does beside its paths and destination.

    Attributes:
        contract: Name of a packaged one, or path of a file; `none` for none. Without any, the files of one push must
            agree with each other.
        like: Path of an accepted file whose columns are the contract.
        may_fall_back: A store that refuses the CRC's headers is asked once more with Content-MD5 instead.
        include, exclude: Globs over the names that files keep; none for all of them.
        with_values: Ranges of texts are shown, too: values of the data.
        part_size: Bytes; None for the default.
        concurrency: Requests in flight at once; None for as many as pay, within what the machine allows.
        max_bytes_per_s: For the whole process; None for no limit.
        retry_for_s: How long failures may go on with no success between them.
        deadline_s: When the run gives up, counted from its start; None for never.
    """

    check: Check = "quick"
    contract: str | None = None
    like: str | None = None
    proof: Proof = "crc64nvme"
    may_fall_back: bool = True
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    overwrite: bool = False
    restart: bool = False
    dry_run: bool = False
    allow_raw_personal_data: bool = False
    with_values: bool = False
    part_size: int | None = None
    concurrency: int | None = None
    max_bytes_per_s: int | None = None
    retry_for_s: float = 600.0
    stall_s: float = 60.0
    deadline_s: float | None = None
    connection: Connection = Connection()
    object_options: ObjectOptions = ObjectOptions()

    def to_json(self) -> dict[str, Any]:
        """What a later `resume` needs to go on in the same way, as plain JSON values; no secret is among it."""
        kept = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in _OF_ONE_RUN}
        return {**kept, "connection": asdict(self.connection), "object_options": self.object_options.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any], **changes: Any) -> Self:
        """The inverse of `to_json`, with changes; what a later version added is left out.

        Raises:
            TypeError, KeyError: It is something else.
        """
        known = {field.name for field in fields(cls)} - _OF_ONE_RUN
        kept = {name: value for name, value in data.items() if name in known}
        pairs = {name: tuple(map(tuple, data["object_options"].get(name, ()))) for name in ("metadata", "tags")}
        kept["connection"] = Connection(**_known(Connection, data["connection"]))
        kept["object_options"] = ObjectOptions(**{**_known(ObjectOptions, data["object_options"]), **pairs})
        return cls(**{**kept, **changes})


def _known(kind: type[Connection | ObjectOptions], data: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in data.items() if name in names}


_OF_ONE_RUN = {"dry_run", "restart", "deadline_s", "include", "exclude", "with_values"}
