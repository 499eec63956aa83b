"""One request with all that answering it needs, and the questions that many operations ask."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from .bodies import Body
from .checksums import SIZES, header_of
from .errors import S3Error
from .records import StoredObject, StoredPart, Upload
from .routing import Request
from .rules import Rules
from .store import Store

LARGEST_KEY = 1024
LAST_PART = 10_000

EditParts = Callable[[list[StoredPart]], list[StoredPart]]
EditPage = Callable[["PartsPage"], "PartsPage"]


@dataclass(frozen=True, slots=True)
class PartsPage:
    """A page of ListParts.

    Attributes:
        every: All parts of the upload in their order.
        after: The marker that was asked for.
        limit: Entries on a page, at most.
        shown: What this page shows.
        next_marker: None where none is named.
    """

    every: tuple[StoredPart, ...]
    after: int
    limit: int
    shown: tuple[StoredPart, ...]
    is_truncated: bool
    next_marker: int | None


class Stuck(Protocol):
    """Where exchanges wait that nobody answers."""

    def stay(self) -> None:
        """Return when the exchange may go on.

        Raises:
            HangUpError: It may not.
        """

    def pause(self, seconds: float) -> None:
        """Return after so many seconds.

        Raises:
            HangUpError: The server closes.
        """


class DoorKeeper(Protocol):
    """Whoever lets clients in."""

    def shut(self, for_s: float | None = None) -> None:
        """Break every connection and refuse new ones, for so many seconds or for good."""


_KEPT_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-acl",
    "x-amz-storage-class",
    "x-amz-tagging",
)


@dataclass(slots=True)
class Exchange:
    """A request under way.

    Attributes:
        part_edits: What faults do to a listing of parts.
        page_edits: What faults do to a page of it.
    """

    request: Request
    body: Body
    rules: Rules
    store: Store
    stuck: Stuck
    door: DoorKeeper
    part_edits: list[EditParts] = field(default_factory=list)
    page_edits: list[EditPage] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers, names in lower case."""
        return self.request.headers

    def upload(self) -> Upload:
        """The open upload that the request names.

        Raises:
            S3Error: NoSuchUpload.
        """
        upload = self.store.upload(self.request.upload_id)
        if upload is None or (upload.bucket, upload.key) != (self.request.bucket, self.request.key):
            raise no_such_upload()
        return upload

    def check_conditions(self, current: StoredObject | None) -> None:
        """Judge If-Match and If-None-Match of a write by the object that is there."""
        unless, only = self.headers.get("if-none-match"), self.headers.get("if-match")
        if unless not in {None, "*"}:
            raise S3Error("NotImplemented", "A header you provided implies functionality that is not implemented")
        if unless is not None and current is not None:
            raise unmet("If-None-Match")
        if only is not None and current is None:
            raise S3Error("NoSuchKey", "The specified key does not exist.")
        if only is not None and current is not None and only.strip('"') != current.etag.strip('"'):
            raise unmet("If-Match")

    def current(self) -> StoredObject | None:
        """The object of the request's key."""
        return self.store.find(self.request.bucket, self.request.key)

    def metadata(self) -> dict[str, str]:
        """User metadata, names without their prefix."""
        prefix = "x-amz-meta-"
        return {name.removeprefix(prefix): text for name, text in self.headers.items() if name.startswith(prefix)}

    def kept_headers(self) -> dict[str, str]:
        """The headers that an object keeps; without a word on encryption the bucket's own counts."""
        kept = {name: self.headers[name] for name in _KEPT_HEADERS if name in self.headers}
        encoding = [word for word in kept.pop("content-encoding", "").split(",") if word not in {"", "aws-chunked"}]
        if encoding:
            kept["content-encoding"] = ",".join(encoding)
        return {**kept, **(_encryption(self.headers) or default_encryption(self.rules))}

    def claimed_checksum(self) -> tuple[str, str] | None:
        """The algorithm and the value that a header claims, not yet compared with anything.

        Raises:
            S3Error: InvalidRequest, where there are several.
        """
        found = [(name, self.headers[header_of(name)]) for name in SIZES if header_of(name) in self.headers]
        if len(found) > 1:
            message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
            raise S3Error("InvalidRequest", message)
        return found[0] if found else None


def _encryption(headers: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name.startswith("x-amz-server-side-encryption")}


def default_encryption(rules: Rules) -> dict[str, str]:
    """What a bucket does by itself; each has some encryption at AWS."""
    key = {"x-amz-server-side-encryption-aws-kms-key-id": rules.kms_key} if rules.encryption != "AES256" else {}
    return {"x-amz-server-side-encryption": rules.encryption, **key}


def encryption_of(headers: dict[str, str]) -> dict[str, str]:
    """What an answer says of an object's encryption; the customer's own key is not given back."""
    return {name: text for name, text in _encryption(headers).items() if not name.endswith(("-key", "-context"))}


def hides_content(headers: dict[str, str]) -> bool:
    """Whether the encryption makes ETags that are no MD5."""
    return headers.get("x-amz-server-side-encryption", "").startswith("aws:kms")


def no_such_upload() -> S3Error:
    """The upload was never there, is complete, or was aborted."""
    message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted"
    return S3Error("NoSuchUpload", f"{message} or completed.")


def unmet(condition: str) -> S3Error:
    """A condition of the client does not hold."""
    message = "At least one of the pre-conditions you specified did not hold"
    return S3Error("PreconditionFailed", message, extra={"Condition": condition})
