"""Stubs: groups known by title only, because another answer names them.

A collage or a top list names groups with title and category. That is enough for a link to lead
to its place under `categories/`; what is in the group is asked for when somebody looks into it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from biofs.store import fulltext
from biofs.store.database.store import Store
from biofs.store.group_rows import mtime_of
from biofs.tree import names


class Stub(NamedTuple):
    """A group's id, category, title (HTML-escaped) and time (epoch seconds, 0 if unknown)."""

    group_id: int
    category: int
    name: str
    time: int


async def add(store: Store, stubs: Sequence[Stub], now: float) -> None:
    """Add groups that are not known; what is known of others stays as it is.

    `now` is when the answer came (epoch seconds). A snapshot stays as it is.
    """
    rows = [
        (_row(each, now), fulltext.of_title(each.name))
        for each in stubs
        if each.category in names.CATEGORIES
    ]

    def change(connection: sqlite3.Connection) -> None:
        for row, texts in rows:
            new = connection.execute(
                "INSERT OR IGNORE INTO groups (id, category, name, mtime, seen)"
                " VALUES (?, ?, ?, ?, ?)",
                row,
            )
            if new.rowcount:
                fulltext.write_row(connection, row[0], texts)

    if rows and not store.read_only:
        await store.write(change)


def _row(each: Stub, now: float) -> tuple[int, int, str, int, float]:
    name = names.group_dirname(each.name, each.group_id)
    return each.group_id, each.category, name, mtime_of(each.time), now
