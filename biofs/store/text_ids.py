"""Numbers for texts, so that a tag or a search can stand in an inode number; kept in the store."""

from __future__ import annotations

import sqlite3
from typing import Final

from biofs.store.database.store import Store

MAX_WORDS: Final = 1_000_000
"""Of one kind; a mount whose user looks up ever new names must not fill the disk."""


class TextIds:
    """Reads and writes of the table `words`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def number(self, kind: str, text: str) -> int | None:
        """The number of a text that has one."""
        return self._store.integer("SELECT id FROM words WHERE kind = ? AND text = ?", kind, text)

    def text(self, kind: str, number: int) -> str | None:
        """The text with this number."""
        row = self._store.one("SELECT text FROM words WHERE id = ? AND kind = ?", number, kind)
        return str(row[0]) if row else None

    def known(self, kind: str) -> list[tuple[int, str]]:
        """All numbers and texts of a kind, in the order of the texts."""
        query = "SELECT id, text FROM words WHERE kind = ? ORDER BY text"
        return self._store.records(_numbered, query, kind)

    def add(self, kind: str, text: str) -> int | None:
        """The number of a text, a new one if it has none; None if there are too many of its kind.

        A point write in the event loop: it is rare, and a lookup that needs it must not wait.
        """
        known = self.number(kind, text)
        if known is not None:
            return known

        def change(connection: sqlite3.Connection) -> int | None:
            return None if _count(connection, kind) >= MAX_WORDS else _add(connection, kind, text)

        return self._store.write_now(change)

    def add_recent(self, kind: str, text: str, most: int) -> int:
        """As `add`, for a kind of which only `most` are kept: the oldest give way.

        A number is not given to another text: each is larger than all that there are.
        """
        known = self.number(kind, text)
        if known is not None:
            return known

        def change(connection: sqlite3.Connection) -> int:
            number = _add(connection, kind, text)
            connection.execute(
                "DELETE FROM words WHERE id IN"
                " (SELECT id FROM words WHERE kind = ? ORDER BY id DESC LIMIT -1 OFFSET ?)",
                (kind, most),
            )
            return number

        return self._store.write_now(change)


def _numbered(number: int, text: str) -> tuple[int, str]:
    return number, text


def _count(connection: sqlite3.Connection, kind: str) -> int:
    (count,) = connection.execute("SELECT count(*) FROM words WHERE kind = ?", (kind,)).fetchone()
    return int(count)


def _add(connection: sqlite3.Connection, kind: str, text: str) -> int:
    connection.execute("INSERT OR IGNORE INTO words (kind, text) VALUES (?, ?)", (kind, text))
    (number,) = connection.execute(
        "SELECT id FROM words WHERE kind = ? AND text = ?", (kind, text)
    ).fetchone()
    return int(number)
