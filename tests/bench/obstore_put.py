"""What a user of obstore, which is a library, writes to send a file or a folder: its defaults, and nothing else.

    python -m tests.bench.obstore_put ENDPOINT KEY PATH | --version

The credentials are those of the environment.
"""

import asyncio
import importlib.metadata
import sys
from pathlib import Path
from typing import Any, Final

import obstore
from obstore.store import S3Store

# How many files are on their way is left to its user; so many are the parts of one file that it sends at once.
_FILES_AT_ONCE: Final = 12


def main() -> None:
    """Send what the command line names."""
    if sys.argv[1:] == ["--version"]:
        print(importlib.metadata.version("obstore"))  # noqa: T201 - what was asked for
        return
    endpoint, key, path = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    store = S3Store("bench", endpoint=endpoint, client_options={"allow_http": endpoint.startswith("http:")})
    if path.is_dir():
        asyncio.run(_put_all(store, key, list(path.iterdir())))
    else:
        obstore.put(store, key, path)


async def _put_all(store: Any, key: str, paths: list[Path]) -> None:
    turns = asyncio.Semaphore(_FILES_AT_ONCE)

    async def put(path: Path) -> None:
        async with turns:
            await obstore.put_async(store, f"{key}/{path.name}", path)

    await asyncio.gather(*map(put, paths))


if __name__ == "__main__":
    main()
