"""What is different in one snapshot from another: the ids of groups, and categories.

Everything is compared inside SQLite, in the order of the ids, so memory holds eight bytes for each
group that differs and no row. Compared is what a mount shows, not when it was fetched.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from biofs.store.database.files import StoreError
from biofs.store.database.read_only import check_ours, uri
from biofs.store.database.snapshot import connect
from biofs.store.group_rows import Before, before_of

_FRESH: Final = "fresh"

# Of two details with the same answer the counts can differ: those of a later row are shown.
_CHANGED: Final = """
    SELECT old.id FROM snapshot.groups AS old
    CROSS JOIN fresh.groups AS new ON new.id = old.id
    LEFT JOIN snapshot.details AS old_detail ON old_detail.group_id = old.id
    LEFT JOIN fresh.details AS new_detail ON new_detail.group_id = old.id
    WHERE new.name IS NOT old.name OR new.category IS NOT old.category
    OR new.mtime IS NOT old.mtime OR new.line IS NOT old.line
    OR new_detail.answer IS NOT old_detail.answer
    OR new_detail.description IS NOT old_detail.description
    OR (new.seen > new_detail.fetched) IS NOT (old.seen > old_detail.fetched)
    ORDER BY old.id
"""
_TORRENTS: Final = """
    SELECT old.group_id FROM snapshot.torrents AS old
    LEFT JOIN fresh.torrents AS new ON new.id = old.id
    WHERE new.id IS NULL OR new.group_id IS NOT old.group_id
    OR new.name IS NOT old.name OR new.mtime IS NOT old.mtime
    UNION
    SELECT new.group_id FROM fresh.torrents AS new
    LEFT JOIN snapshot.torrents AS old ON old.id = new.id WHERE old.id IS NULL
    AND new.group_id IN (SELECT id FROM snapshot.groups)
"""
_GONE: Final = """
    SELECT old.id FROM snapshot.groups AS old
    WHERE NOT EXISTS (SELECT 1 FROM fresh.groups AS new WHERE new.id = old.id) ORDER BY old.id
"""
_ADDED: Final = """
    SELECT count(*), category FROM fresh.groups AS new
    WHERE NOT EXISTS (SELECT 1 FROM snapshot.groups AS old WHERE old.id = new.id) GROUP BY category
"""
_LISTED: Final = """
    SELECT new.category FROM fresh.listings AS new
    LEFT JOIN snapshot.listings AS old ON old.category = new.category
    WHERE new.whole IS NOT old.whole
    UNION
    SELECT old.category FROM snapshot.listings AS old
    LEFT JOIN fresh.listings AS new ON old.category = new.category WHERE new.category IS NULL
"""
_CATEGORY: Final = "SELECT category FROM {}.groups WHERE id = ?"


class Difference(NamedTuple):
    """Groups that look different, groups that are gone, how many came, and every category whose
    listing or index.jsonl is another one."""

    changed: array[int]
    gone: array[int]
    added: int
    categories: frozenset[int]

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone or self.categories)


def between(old: Path, new: Path) -> Difference:
    """What is different in the snapshot `new` from `old` (for a thread: it reads both whole).

    Raises StoreError for files that are not what they have to be.
    """
    try:
        with closing(connect(old)) as connection:
            connection.execute(f"ATTACH ? AS {_FRESH}", (uri(new, "mode=ro&immutable=1"),))
            check_ours(connection, new, _FRESH, foreign=True)
            return _between(connection)
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{new}: {error}") from None


def _between(connection: sqlite3.Connection) -> Difference:
    changed = _ids(connection, _CHANGED)
    gone = _ids(connection, _GONE)
    seen, lost = set(changed), set(gone)
    changed.extend(i for i in _ids(connection, _TORRENTS) if i not in seen and i not in lost)
    categories = set(_ids(connection, _LISTED))
    added = 0
    for count, category in connection.execute(_ADDED):
        if isinstance(category, int):
            added += count
            categories.add(category)
    for ident in (*changed, *gone):
        for database in ("snapshot", _FRESH):
            row = connection.execute(_CATEGORY.format(database), (ident,)).fetchone()
            if row is not None and isinstance(row[0], int):
                categories.add(row[0])
    return Difference(changed, gone, added, frozenset(categories))


def _ids(connection: sqlite3.Connection, query: str) -> array[int]:
    # A snapshot may come from anybody: what is not a number is no id.
    with closing(connection.execute(query)) as rows:
        return array("q", (ident for (ident,) in rows if isinstance(ident, int)))


def befores(connection: sqlite3.Connection, ids: Sequence[int]) -> list[Before]:
    """How groups looked in the snapshot to which `snapshot.connect` led."""
    return [before for ident in ids for before in before_of(connection, ident)]
