"""What this store is strict about; a test may change any of it while the server runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

MIB = 1 << 20
GIB = 1 << 30


@dataclass(slots=True)
class Rules:
    """The settings, with AWS's values as defaults.

    Attributes:
        credentials: Secret by key id.
        session_tokens: The token that a key id must carry, where it has one; other tokens are not looked at.
        expired_tokens: Session tokens that are answered by ExpiredToken.
        check_signatures: Whether requests must be signed.
        region: Where all buckets live.
        wrong_region: What a request signed for another region gets: `redirect` is 301 PermanentRedirect,
            `malformed` is 400 AuthorizationHeaderMalformed.
        owner: The account of all buckets.
        deny: Operations that answer 403; `ListBucket` also hides that a key is absent.
        min_part_size: Of every part but the last, in bytes.
        max_part_size: Of a part and of a PutObject, in bytes.
        list_page_size: Entries on a page of any listing, at most.
        random_etags: ETags that say nothing of the content (always so under SSE-KMS).
        versioning: Whether each object gets a version id and old versions stay readable.
        default_checksum: Whether the store computes CRC64NVME where the client names no checksum.
        parts_need_checksum: Whether each part of an upload with an algorithm must carry its checksum. AWS
            lets parts go without under FULL_OBJECT; the stricter answer catches a client that forgets it.
        clock: Seconds since 1970 as this server sees them.
    """

    credentials: dict[str, str] = field(default_factory=lambda: {"AKIDEXAMPLE": "secret"})
    session_tokens: dict[str, str] = field(default_factory=dict)
    expired_tokens: set[str] = field(default_factory=set)
    check_signatures: bool = True
    region: str = "us-east-1"
    wrong_region: Literal["redirect", "malformed"] = "redirect"
    owner: str = "123456789012"
    deny: set[str] = field(default_factory=set)
    min_part_size: int = 5 * MIB
    max_part_size: int = 5 * GIB
    list_page_size: int = 1000
    random_etags: bool = False
    versioning: bool = False
    default_checksum: bool = True
    parts_need_checksum: bool = True
    clock: Callable[[], float] = time.time

    def apply(self, settings: dict[str, Any]) -> None:
        """Set what plain JSON says; a name that is no setting is an error."""
        for name, value in settings.items():
            before = getattr(self, name)
            setattr(self, name, set(value) if isinstance(before, set) else value)
