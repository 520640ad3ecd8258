"""A small store, filled with the same answers every time.

`tests/data/stores/vN.sqlite` are such stores, each made with the last code whose schema had version
N. To make the one of today's schema, before `schema.VERSION` is raised:

    python -m tests.support.filled_store tests/data/stores/v2.sqlite
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import trio
import trio.testing

from biofs.catalogue.documents import users
from biofs.demo.memory import Memory
from biofs.demo.model import Group
from biofs.demo.query import Query
from biofs.demo.server.app import create_app
from biofs.demo.written.community import community
from biofs.demo.written.embedded import embedded
from tests.support.catalogues import EPOCH, Patient, running

CATEGORY = 1
GROUPS = (1, 2, 3)
"""Groups whose details and file lists are in it."""

SEARCH = "yeast genome"

_HASHES = {
    1: "189DD39C44E33C047615569C1ADF02887EC97AF3",
    2: "B9F2C173A1A2CBDBB43D38623FDBCDF4C74D22F1",
    3: "15EB5B038CCF2CAD6FC8788617F73E1985A89333",
}
"""By torrent: the kept stores are older than the contents that these info hashes are of now."""


def _groups() -> Iterator[Group]:
    for group in embedded().page(Query(), 0, 1000):
        torrents = [replace(t, stated_hash=_HASHES.get(t.id)) for t in group.torrents]
        yield replace(group, torrents=torrents)


async def _fill(path: Path) -> None:
    async with running(
        create_app(Memory(_groups, community()), clock=lambda: EPOCH), path
    ) as catalogue:
        await catalogue.listings.listed(CATEGORY, Patient())
        for group in GROUPS:
            await catalogue.groups.get(group, Patient())
        source = users.user(catalogue.freshness, 2)
        caller = Patient()
        await caller.result(catalogue.answers.start(source.key, source.fetch, caller))
        catalogue.text_ids.add("search", SEARCH)


def fill(path: Path) -> None:
    """Fill a new store at `path`; it is one file when this returns."""
    # A clock that stands still: all ages are the same each time.
    trio.run(_fill, path, clock=trio.testing.MockClock())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


if __name__ == "__main__":
    fill(Path(sys.argv[1]))
