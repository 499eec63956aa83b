"""How fast the personal-data guard looks at values that are as they should be: `python -m tests.bench.guard`."""

import hashlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from tiktok_upload.parquet.personal_kernels import count_hash_like, hash_faults, hits, personal_in_bytes
from tiktok_upload.personal import wanted

VALUES = 8_192
ROUNDS, REPEATS = 7, 10
WORDS = ("in stock", "Purchase", "USD", "blue", "web", "Shoes > Running", "TikTok")
TEXT = "A light shoe for long runs: 212 g, drop of 8.5 mm (men's 9), upper of 60 % recycled mesh - made to last."


def columns() -> Iterator[tuple[str, Callable[[Any], Any], Any]]:
    kinds = wanted("note")
    hashes = pa.array([hashlib.sha256(f"person {number}".encode()).hexdigest() for number in range(VALUES)])
    some = pa.array([None if number % 7 == 0 else value for number, value in enumerate(hashes.to_pylist())])
    yield "hash check, good values", lambda values: hash_faults(values, "sha256"), hashes
    yield "hash check, one null in seven", lambda values: hash_faults(values, "sha256"), some
    yield (
        "hash check, all in upper case",
        lambda values: hash_faults(values, "sha256"),
        pa.array([value.upper() for value in hashes.to_pylist()]),
    )
    yield "count of what looks like a hash", count_hash_like, hashes
    yield "search, hashes", lambda values: hits(values, kinds), hashes
    yield (
        "search, ids of 19 digits",
        lambda values: hits(values, kinds),
        pa.array([str(7_300_000_000_000_000_000 + number * 7_919) for number in range(VALUES)]),
    )
    yield (
        "search, ids of 16 digits",
        lambda values: hits(values, kinds),
        pa.array([str(4_300_000_000_000_000 + number * 7_919) for number in range(VALUES)]),
    )
    yield (
        "search, UUIDs",
        lambda values: hits(values, kinds),
        pa.array([f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:32]}" for h in hashes.to_pylist()]),
    )
    yield (
        "search, times",
        lambda values: hits(values, kinds),
        pa.array([f"2026-11-23T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}+01:00" for n in range(VALUES)]),
    )
    words = pa.array([WORDS[number % len(WORDS)] for number in range(VALUES)])
    yield "search, short words", lambda values: hits(values, kinds), words
    yield "search, short words in a dictionary", lambda values: hits(values, kinds), words.dictionary_encode()
    yield "search, free text", lambda values: hits(values, kinds), pa.array([f"{TEXT} {n}" for n in range(VALUES)])
    yield (
        "search, e-mail addresses",
        lambda values: hits(values, kinds),
        pa.array([f"person{number}@example.com" for number in range(VALUES)]),
    )


def million_values_a_second(call: Callable[[], Any], count: int) -> float:
    best = min(seconds(call) for _ in range(ROUNDS))
    return count * REPEATS / best / 1e6


def seconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    for _ in range(REPEATS):
        call()
    return time.perf_counter() - started


def main() -> None:
    for name, call, values in columns():
        speed = million_values_a_second(lambda call=call, values=values: call(values), len(values))  # type: ignore[misc]
        print(f"{name:36} {speed:8.1f} M values/s {speed * values.nbytes / len(values):8.0f} MB/s")  # noqa: T201
    data = b"".join(hashlib.sha512(number.to_bytes(4, "big")).digest() for number in range(1 << 18))
    started = time.perf_counter()
    personal_in_bytes(data)
    print(f"{'bytes at random':36} {len(data) / 1e6 / (time.perf_counter() - started):8.0f} MB/s")  # noqa: T201


if __name__ == "__main__":
    main()
