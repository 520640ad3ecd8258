"""A small store, filled with the same answers every time.

`tests/data/stores/vN.sqlite` are such stores, each made with the last code whose schema had version
N. To make the one of today's schema, before `schema.VERSION` is raised:

    python -m tests.support.filled_store tests/data/stores/v2.sqlite
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import trio
import trio.testing

from biofs.catalogue.documents import users
from biofs.demo.app import create_app
from biofs.demo.embedded import embedded
from tests.support.catalogues import EPOCH, Patient, running

CATEGORY = 1
GROUPS = (1, 2, 3)
"""Groups whose details and file lists are in it."""

SEARCH = "yeast genome"


async def _fill(path: Path) -> None:
    async with running(create_app(embedded(), clock=lambda: EPOCH), path) as catalogue:
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
