"""The tables of a snapshot that hold the catalogue: what identity and deltas are made of.

All but `meta`, which says things of the file. `texts` is the full text, of which the columns are
compared and not the index (`biofs.store.fulltext`).
"""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple


class Table(NamedTuple):
    """A table, its columns with the primary key's first, and how many these are.

    `unique`: other columns have to be unique, too.
    """

    name: str
    columns: tuple[str, ...]
    keys: int = 1
    unique: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        return self.columns[: self.keys]

    def select(self, database: str = "main") -> str:
        """The statement that reads all rows."""
        return f"SELECT {', '.join(self.columns)} FROM {database}.{self.name}"  # noqa: S608 - ours


TEXTS: Final = Table(
    "texts",
    ("rowid", "title", "accession", "organism", "strain", "authors", "tags", "about", "files"),
)
TABLES: Final = (
    Table("groups", ("id", "category", "name", "mtime", "line", "stable", "seen")),
    Table("totals", ("category", "groups", "bytes")),
    Table("torrents", ("id", "group_id", "name", "mtime")),
    Table("facets", ("id", "kind", "text", "newest"), unique=True),
    Table("group_facets", ("facet", "group_id"), 2),
    Table("authors", ("id", "name", "title")),
    Table("hashes", ("torrent_id", "info_hash")),
    Table("details", ("group_id", "stable", "fetched", "used", "answer", "description")),
    Table(
        "file_lists",
        ("info_hash", "group_id", "file_path", "file_count", "list", "document_bytes"),
    ),
    Table("listings", ("category", "checked", "walked", "whole")),
    TEXTS,
)
"""In an order that is part of the formats: a new table goes to the end."""


def present(connection: sqlite3.Connection, database: str = "main") -> tuple[Table, ...]:
    """Those that a snapshot has: one that a Python without FTS5 wrote has no `texts`."""
    row = connection.execute(
        f"SELECT 1 FROM {database}.sqlite_master WHERE type = 'table' AND name = 'texts'"  # noqa: S608
    ).fetchone()
    return TABLES if row else tuple(table for table in TABLES if table is not TEXTS)
