"""Bare httpx: asks for each URL of a file, so many at once, and reads the answers.

`python -m scripts.benchmarks.processes.bare FILE CONCURRENCY`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import trio


async def _main(urls: list[str], concurrency: int) -> None:
    rest = iter(urls)
    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(trust_env=False, limits=limits) as client,
        trio.open_nursery() as nursery,
    ):
        for _ in range(concurrency):
            nursery.start_soon(_work, client, rest)


async def _work(client: httpx.AsyncClient, urls: Iterator[str]) -> None:
    for url in urls:
        answer = await client.get(url)
        answer.raise_for_status()


if __name__ == "__main__":
    trio.run(_main, Path(sys.argv[1]).read_text().splitlines(), int(sys.argv[2]))
