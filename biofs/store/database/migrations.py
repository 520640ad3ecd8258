"""Migrations: how a store of an older version becomes one of today's.

A store says its version by `PRAGMA user_version`. When one is opened for writing, the steps from
its version to `schema.VERSION` run in the transaction that prepares it: all of them or none, so a
process that is killed leaves the old version. That transaction holds SQLite's write lock; another
process waits for it and then finds nothing to do. There is no way back: a newer store is refused.

A step should take less than a second, as others wait. It should add rather than remove: a mount of
an older biofs may have the store open. What takes long is filled in later, in portions
(`facet_fill`).

What a change needs:

- A new column or table: write it into `schema.TABLES` as a new store has it, raise
  `schema.VERSION`, and append a step here that leads there. SQLite keeps the text of a statement,
  and `ALTER TABLE` makes another one of it, so copy the text that it makes into the schema: a
  migrated store has to equal a new one. Make test data of the version before
  (`tests/support/filled_store.py`). A new table has to be copied or left by `snapshot`. If old
  files cannot be read without the step, raise `READABLE_FROM`.
- A new index alone: nothing; `schema.statements` are run whenever a store is opened.
- A new kind of facet: nothing here; rows that are already there are filled in (`facet_fill`).
- A computed field in group.json or torrent.json: nothing, if it is added in `Details.load`. The
  documents are rendered from the stored answer whenever they are read. Stored as computed are only
  `groups.name` and `line` (a line of index.jsonl), `torrents.name`, `details.description`, the
  magnet link and the size of filelist.jsonl in `details.answer`, `file_lists.document_bytes`,
  `facets`, `texts`, `trees`: who changes how these are made needs a step that makes them again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

READABLE_FROM: Final = 1
"""The oldest version whose file can be read as it is, without a step: a store that is opened only
to read, and a snapshot."""


def _to_2(connection: sqlite3.Connection) -> None:
    """Version 2 records which kinds of facets the rows are filled with: those of version 1 are."""
    connection.execute("""CREATE TABLE facet_kinds (
    kind TEXT PRIMARY KEY,
    filled_to INTEGER
) WITHOUT ROWID""")
    connection.executemany(
        "INSERT INTO facet_kinds (kind, filled_to) VALUES (?, NULL)",
        [("tag",), ("year",), ("format",), ("author",)],
    )


STEPS: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (_to_2,)
"""The first leads from version 1 to 2, and so on."""


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Lead a store of `version` (1 or more) to today's, in the caller's transaction."""
    for step in STEPS[version - 1 :]:
        step(connection)
