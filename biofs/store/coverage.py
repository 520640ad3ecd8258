"""Coverage: how much of the catalogue is known, and what is missing.

Counts groups without reading one: no query here touches more than an index and a row's head.
"""

from __future__ import annotations

import math
import sqlite3
from typing import Final, NamedTuple

import msgspec

from biofs.api.requests import PageRead
from biofs.store.database.store import Store

_decode_page: Final = msgspec.json.Decoder(PageRead).decode

# A detail is as new as the last row of its group that shows it unchanged, as in `Details.load`.
# Its parameters are the times between which it must have been right, three times.
_KNOWN: Final = """
    EXISTS (SELECT 1 FROM details WHERE group_id = groups.id AND CASE
        WHEN line IS NULL OR seen <= fetched OR details.stable IS NULL
            THEN fetched > ? AND fetched <= ?
        ELSE details.stable = groups.stable
            AND ((seen > ? AND seen <= ?) OR (fetched > ? AND fetched <= ?)) END)
"""


class Period(NamedTuple):
    """A time, in epoch seconds: after `since`, and not after `until`."""

    since: float
    until: float


EVER: Final = Period(-math.inf, math.inf)


class CategoryCoverage(NamedTuple):
    """What is known of a category.

    `checked` is when its listing was last verified and `walked` when every page of it was last
    read, in epoch seconds, None if it was never listed whole. `details` counts the groups whose
    detail is known, however old.
    """

    category: int
    groups: int
    details: int
    checked: float | None
    walked: float | None


class Coverage(NamedTuple):
    """What a store holds. `newest` and `oldest` are when details were fetched (epoch seconds)."""

    categories: list[CategoryCoverage]
    groups: int
    details: int
    file_lists: int
    oldest: float | None
    newest: float | None


def measure(connection: sqlite3.Connection) -> Coverage:
    """Count what a store holds; for `Store.scan`: a million groups take a second."""
    listings = {
        category: (checked, walked)
        for category, checked, walked in connection.execute(
            "SELECT category, checked, walked FROM listings"
        )
    }
    counted = {
        category: (groups, details)
        for category, groups, details in connection.execute(
            "SELECT category, count(*), count(group_id) FROM groups"
            " LEFT JOIN details ON group_id = id GROUP BY category"
        )
    }
    categories = [
        CategoryCoverage(
            category, *counted.get(category, (0, 0)), *listings.get(category, (None, None))
        )
        for category in sorted(listings.keys() | counted.keys())
    ]
    details, oldest, newest = connection.execute(
        "SELECT count(*), min(fetched), max(fetched) FROM details"
    ).fetchone()
    (file_lists,) = connection.execute("SELECT count(*) FROM file_lists").fetchone()
    groups = sum(category.groups for category in categories)
    return Coverage(categories, groups, details, file_lists, oldest, newest)


class Gaps:
    """Which groups' details are missing, changed, or were not known to be right in a period, and
    how much of a listing was read."""

    def __init__(self, store: Store) -> None:
        self._store: Final = store

    def after(self, category: int, group_id: int, right: Period, limit: int) -> list[int]:
        """The ids of the next such groups of a category behind an id, in their order."""
        return self._store.integers(
            "SELECT id FROM groups WHERE category = ? AND id > ?"  # noqa: S608 - a constant
            f" AND NOT {_KNOWN} ORDER BY id LIMIT ?",
            *(category, group_id, *right * 3, limit),
        )

    async def count(self, category: int, right: Period) -> int:
        """How many there are."""

        def read(connection: sqlite3.Connection) -> int:
            query = f"SELECT count(*) FROM groups WHERE category = ? AND NOT {_KNOWN}"  # noqa: S608
            (count,) = connection.execute(query, (category, *right * 3)).fetchone()
            return int(count)

        return await self._store.scan(read)

    def has(self, group_id: int, right: Period) -> bool:
        """Whether the group is one of them; False for a group that is not there any more."""
        query = f"SELECT 1 FROM groups WHERE id = ? AND NOT {_KNOWN}"  # noqa: S608
        return self._store.one(query, group_id, *right * 3) is not None

    def pages(self, category: int) -> tuple[int, int | None]:
        """How many pages of an unfinished enumeration were read, and how many there are.

        The second is None before the first page was read.
        """
        read = self._store.integer("SELECT count(*) FROM pages WHERE category = ?", category)
        first = self._store.blob(
            "SELECT page FROM pages WHERE category = ? ORDER BY number LIMIT 1", category
        )
        return (0, None) if first is None else (read or 0, _decode_page(first).pages)
