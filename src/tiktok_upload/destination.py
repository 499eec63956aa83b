"""Where a file goes: `--to`, the keys made from it, and two files for one key."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tiktok_upload.errors import UsageError
from tiktok_upload.text import escape

MAX_KEY_BYTES = 1024  # S3: a key is at most 1,024 bytes of UTF-8

# Wider than AWS's own rule (3-63, lower case): other stores take more, and AWS says NoSuchBucket itself.
# An access point's ARN stands for a bucket: s3://arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME/PREFIX/
_ACCESS_POINT = re.compile(r"arn:aws[a-z-]*:s3[a-z-]*:[a-z0-9-]*:[0-9]{12}:accesspoint[/:][A-Za-z0-9.-]+", re.ASCII)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Destination:
    """One key, or a prefix that ends in `/` or is empty.

    Attributes:
        bucket: Its name.
        key: The key or prefix, without a leading slash.
    """

    bucket: str
    key: str

    @property
    def is_prefix(self) -> bool:
        """Whether files keep their names below it."""
        return not self.key or self.key.endswith("/")

    def key_for(self, name: str) -> str:
        """The key of a file with that name (its path below the directory given, with `/`).

        Raises:
            UsageError: The name cannot be a key.
        """
        key = self.key + name if self.is_prefix else self.key
        try:
            size = len(key.encode())
        except UnicodeEncodeError:
            raise UsageError(
                f"the name {escape(name)} is not UTF-8, so it cannot be a key",
                hint="give it a key of its own: --to s3://bucket/key.parquet",
            ) from None
        if size > MAX_KEY_BYTES:
            raise UsageError(f"the key of {escape(name)} has {size} bytes, S3 takes {MAX_KEY_BYTES}", hint="shorten it")
        return key

    def uri_of(self, key: str) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.bucket}/{key}"


def parse_destination(text: str) -> Destination:
    """Read `s3://bucket/prefix/`, `s3://bucket/key` or `s3://bucket`.

    Raises:
        UsageError: It is none of these; the message shows what was expected.
    """
    scheme, separator, rest = text.partition("://")
    access_point = _ACCESS_POINT.match(rest)
    bucket, _, key = rest.partition("/")
    if access_point is not None:
        bucket, key = access_point[0], rest[access_point.end() :]
    if not separator or scheme.lower() != "s3" or not (access_point or _BUCKET.fullmatch(bucket)):
        raise UsageError(
            f"--to {escape(text)} names no bucket", hint="write it as s3://bucket/prefix/ or s3://bucket/key.parquet"
        )
    return Destination(bucket, key.lstrip("/"))


def refuse_collisions(named: Iterable[tuple[str, str]]) -> None:
    """Look at `(path, key)` pairs for two files that would get one key.

    Raises:
        UsageError: There are two; both are named.
    """
    seen: dict[str, str] = {}
    for path, key in named:
        other = seen.setdefault(key, path)
        if other != path:
            raise UsageError(
                f"{escape(other)} and {escape(path)} would both become {escape(key)}",
                hint="push them to two prefixes, or push the directory above them",
            )
