"""The store's bound: details that nobody has read for longest give way, the index never."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from biofs.catalogue import fulltext

_LOW_WATER: Final = 0.9  # an eviction frees down to this part of the bound, so that it is rare
_BATCH: Final = 64


def used_bytes(connection: sqlite3.Connection) -> int:
    """What the store holds, in bytes: its pages but for free ones (sqlite.org/pragma.html)."""
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(size) * (int(pages) - int(free))


def note_use(connection: sqlite3.Connection, groups: Iterable[int], now: float) -> None:
    """Details of these groups were read (`now` in epoch seconds)."""
    connection.executemany(
        "UPDATE details SET used = ? WHERE group_id = ?", [(now, group) for group in groups]
    )


def evict(connection: sqlite3.Connection, most: int, keep: int) -> list[int]:
    """Forget details and their file lists, least recently read first, if there are too many.

    `most` is the bound in bytes; the group `keep`, which was just fetched, stays even if it alone
    is larger: somebody waits for it. Returns the groups whose detail went.
    """
    if used_bytes(connection) <= most:
        return []
    gone: list[int] = []
    while used_bytes(connection) > most * _LOW_WATER:
        oldest = connection.execute(
            "SELECT group_id FROM details WHERE group_id != ? ORDER BY used LIMIT ?", (keep, _BATCH)
        ).fetchall()
        if not oldest:
            break  # what is left is the index
        for (group,) in oldest:
            connection.execute("DELETE FROM details WHERE group_id = ?", (group,))
            connection.execute("DELETE FROM file_lists WHERE group_id = ?", (group,))
            fulltext.forget_detail(connection, group)
            gone.append(group)
    return gone
