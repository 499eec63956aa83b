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
        token_ends: When a session token ends, in seconds since 1970 by `clock`; ExpiredToken from then on.
        check_signatures: Whether requests must be signed.
        region: Where all buckets live.
        wrong_region: What a request signed for another region gets: `redirect` is 301 PermanentRedirect,
            `malformed` is 400 AuthorizationHeaderMalformed.
        owner: The account of all buckets.
        deny: What answers 403: operations by their name, or rights, which cover several of them, as in a policy:
            `s3:PutObject`, `kms:Decrypt`. `ListBucket`, with or without `s3:`, also hides that a key is absent.
        only_headers: Headers that a request may have, in lower case, `x-amz-meta-*` for all that begin so; any
            other is answered 400. None lets all pass.
        min_part_size: Of every part but the last, in bytes.
        max_part_size: Of a part and of a PutObject, in bytes.
        list_page_size: Entries on a page of any listing, at most.
        random_etags: ETags that say nothing of the content (always so under SSE-KMS).
        encryption: What the bucket does by itself: `AES256`, `aws:kms` or `aws:kms:dsse`.
        kms_key: Of the bucket's own encryption.
        abort_after_days: The rule that removes unfinished uploads; None has no rule.
        abort_rule: Its id.
        abort_prefix: The keys that it is for.
        versioning: Whether each object gets a version id and old versions stay readable.
        default_checksum: Whether the store computes CRC64NVME where the client names no checksum.
        parts_need_checksum: Whether each part of an upload with an algorithm must carry its checksum. AWS
            lets parts go without under FULL_OBJECT; the stricter answer catches a client that forgets it.
        clock: Seconds since 1970 as this server sees them.
    """

    credentials: dict[str, str] = field(default_factory=lambda: {"AKIDEXAMPLE": "secret"})
    session_tokens: dict[str, str] = field(default_factory=dict)
    expired_tokens: set[str] = field(default_factory=set)
    token_ends: dict[str, float] = field(default_factory=dict)
    check_signatures: bool = True
    region: str = "us-east-1"
    wrong_region: Literal["redirect", "malformed"] = "redirect"
    owner: str = "123456789012"
    deny: set[str] = field(default_factory=set)
    only_headers: set[str] | None = None
    min_part_size: int = 5 * MIB
    max_part_size: int = 5 * GIB
    list_page_size: int = 1000
    random_etags: bool = False
    encryption: str = "AES256"
    kms_key: str = "arn:aws:kms:us-east-1:123456789012:key/11112222-3333-4444-5555-666677778888"
    abort_after_days: int | None = None
    abort_rule: str = "abort-incomplete"
    abort_prefix: str = ""
    versioning: bool = False
    default_checksum: bool = True
    parts_need_checksum: bool = True
    clock: Callable[[], float] = time.time

    def apply(self, settings: dict[str, Any]) -> None:
        """Set what plain JSON says; a name that is no setting is an error."""
        for name, value in settings.items():
            is_set = name == "only_headers" or isinstance(getattr(self, name), set)
            setattr(self, name, set(value) if is_set and value is not None else value)
