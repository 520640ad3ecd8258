"""That the server speaks an API which biofs cannot use: kept, so that the next mount can say so.

A mount asks nothing when it starts; what the last one was told is all that it knows.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from biofs.store.database.files import StoreError
from biofs.store.database.read_only import open_read_only
from biofs.store.database.store import Store

_KEY: Final = "server unfit"  # a key of `meta`: why, in a line
_QUERY: Final = "SELECT value FROM meta WHERE key = ?"


def load(store: Store) -> str:
    """Why the server is unfit; "" if it is not known to be."""
    return _text(store.one(_QUERY, _KEY))


def load_from(path: Path) -> str:
    """As `load`, from a store's file; "" if that cannot be read, too."""
    try:
        with closing(open_read_only(path, foreign=False)) as connection:
            return _text(connection.execute(_QUERY, (_KEY,)).fetchone())
    except (StoreError, sqlite3.DatabaseError):
        return ""


def keep(store: Store, why: str) -> None:
    """Write down why the server is unfit; "" that it is not."""

    def change(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM meta WHERE key = ?", (_KEY,))
        if why:
            connection.execute("INSERT INTO meta VALUES (?, ?)", (_KEY, why))

    if not store.read_only:
        store.write_now(change)


def _text(row: tuple[object, ...] | None) -> str:
    return row[0] if row is not None and isinstance(row[0], str) else ""
