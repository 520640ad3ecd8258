"""The tables of the store, and the number by which a store says which tables it has.

| table | holds | a row for each | given up |
| --- | --- | --- | --- |
| `meta` | what is said of the store as a whole, by key | key | never |
| `groups` | name, time, browse row | group | when the server has it no more |
| `totals` | groups, and bytes of index.jsonl (by triggers) | category | never |
| `torrents` | name, time | torrent | with its group |
| `facets` | what groups are found by | kind and text | never |
| `group_facets` | that a group has a facet | facet and group | with its group |
| `facet_kinds` | how far rows are filled with a kind of facet | kind | never |
| `authors` | name | author | never |
| `hashes` | info hash | torrent with a detail | with its torrent |
| `details` | answer and description | group that was looked into | least recently read first |
| `file_lists`, `trees` | file list; its tree if it is long | info hash | with its detail |
| `listings` | when a category was last known whole | category listed whole | never |
| `pages` | pages of an unfinished enumeration | page | when that is finished |
| `answers` | any other answer | document | oldest first |
| `words` | a number for a text, for inode numbers | text | searches: oldest first |
| `notices` | a change, for other processes | change | the newest ten thousand stay |
| `pace` | when a request was sent | request | when its window has passed |
| `texts` | full text of rows and details (`fulltext`) | row; detail | with these |

A column that holds seconds since the epoch is REAL if it is read from this machine's clock, INTEGER
if it is the server's. `category` is the server's number (`tree.names.CATEGORIES`); `info_hash` is
20 or 32 bytes, in `file_lists` and `trees` what names the list (`file_lists.list_key`).

Migrations: how a store of an older version becomes one of today's.

A store says its version by `PRAGMA user_version`. When one is opened for writing, the steps from
its version to `VERSION` run in the transaction that prepares it: all of them or none, so a
process that is killed leaves the old version. That transaction holds SQLite's write lock; another
process waits for it and then finds nothing to do. There is no way back: a newer store is refused.

A step should take less than a second, as others wait. It should add rather than remove: a mount of
an older biofs may have the store open. What takes long is filled in later, in portions
(`facet_fill`).

What a change needs:

- A new column or table: write it into `TABLES` as a new store has it, raise
  `VERSION`, and append a step here that leads there. SQLite keeps the text of a statement,
  and `ALTER TABLE` makes another one of it, so copy the text that it makes into the schema: a
  migrated store has to equal a new one. Make test data of the version before
  (`tests/support/filled_store.py`). A new table has to be copied or left by `snapshot`. If old
  files cannot be read without the step, raise `READABLE_FROM`.
- A new index alone: nothing; `statements` are run whenever a store is opened.
- A new kind of facet: nothing here; rows that are already there are filled in (`facet_fill`).
- A computed field in group.json or torrent.json: nothing, if it is added in `Details.load`. The
  documents are rendered from the stored answer whenever they are read. Stored as computed are only
  `groups.name` and `line` (a line of index.jsonl), `torrents.name`, `details.description`, the
  magnet link and the size of filelist.jsonl in `details.answer`, `file_lists.document_bytes`,
  `facets`, `texts`, `trees`: who changes how these are made needs a step that makes them again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

APPLICATION_ID: Final = 0x62696F66
"""Says "biof" where SQLite has a place for a file's owner (sqlite.org/pragma.html)."""

VERSION: Final = 2
"""Raised with every change of the tables; what else that needs stands above."""

TABLES: Final = """
CREATE TABLE IF NOT EXISTS meta (
    key TEXT PRIMARY KEY,
    value
) WITHOUT ROWID;

-- The index: one row a group, never evicted. `line` is the group's browse row as it stands in
-- index.jsonl (NULL for a group that is known from its detail alone), `stable` a digest of what
-- in that row can only change together with the group's detail.
CREATE TABLE IF NOT EXISTS groups (
    id INTEGER PRIMARY KEY,
    category INTEGER NOT NULL,
    name TEXT NOT NULL,
    mtime INTEGER NOT NULL,
    line BLOB,
    stable BLOB,
    seen REAL NOT NULL
);
-- Has all that a listing needs, so that none has to read the rows, which are large.
CREATE INDEX IF NOT EXISTS groups_by_category ON groups (category, id, name, mtime);
CREATE INDEX IF NOT EXISTS groups_by_time ON groups (category, mtime);

-- How many groups a category has and how many bytes its index.jsonl, so that nobody needs to count.
CREATE TABLE IF NOT EXISTS totals (
    category INTEGER PRIMARY KEY,
    groups INTEGER NOT NULL,
    bytes INTEGER NOT NULL
);
CREATE TRIGGER IF NOT EXISTS group_added AFTER INSERT ON groups BEGIN
    INSERT INTO totals VALUES (new.category, 1, ifnull(length(new.line), 0))
        ON CONFLICT (category) DO UPDATE
        SET groups = groups + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER IF NOT EXISTS group_removed AFTER DELETE ON groups BEGIN
    UPDATE totals SET groups = groups - 1, bytes = bytes - ifnull(length(old.line), 0)
        WHERE category = old.category;
END;
CREATE TRIGGER IF NOT EXISTS group_changed AFTER UPDATE OF category, line ON groups BEGIN
    UPDATE totals SET groups = groups - 1, bytes = bytes - ifnull(length(old.line), 0)
        WHERE category = old.category;
    INSERT INTO totals VALUES (new.category, 1, ifnull(length(new.line), 0))
        ON CONFLICT (category) DO UPDATE
        SET groups = groups + 1, bytes = bytes + excluded.bytes;
END;

CREATE TABLE IF NOT EXISTS torrents (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    mtime INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS torrents_by_group ON torrents (group_id, id);

-- What groups are found by: each tag, year, format and author (`kind`). A year and an author are
-- their number in digits. `newest` is the newest mtime of a group that has or had it.
CREATE TABLE IF NOT EXISTS facets (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    newest INTEGER NOT NULL,
    UNIQUE (kind, text)
);
CREATE INDEX IF NOT EXISTS facets_by_kind ON facets (kind, id);
CREATE INDEX IF NOT EXISTS facets_by_time ON facets (kind, newest);
CREATE TABLE IF NOT EXISTS group_facets (
    facet INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    PRIMARY KEY (facet, group_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS group_facets_by_group ON group_facets (group_id);

-- Which kinds of facets the groups' rows are filled with: up to the group `filled_to`, or all
-- (NULL). A kind that a later biofs adds is filled in after opening (`facet_fill`).
CREATE TABLE IF NOT EXISTS facet_kinds (
    kind TEXT PRIMARY KEY,
    filled_to INTEGER
) WITHOUT ROWID;

-- `title` is the name as it stands in a path, without the id.
CREATE TABLE IF NOT EXISTS authors (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    title TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS authors_by_title ON authors (title, id);

-- Info hashes (20 or 32 bytes), of torrents whose detail was fetched.
CREATE TABLE IF NOT EXISTS hashes (
    torrent_id INTEGER PRIMARY KEY,
    info_hash BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS hashes_by_hash ON hashes (info_hash, torrent_id);

-- A group's answer without its file lists, as JSON (`detail_rows.StoredAnswer`), and what the
-- group's row was like then (`stable`). `used` is when it was last read, about: those not read for
-- longest give way when the store grows too large.
CREATE TABLE IF NOT EXISTS details (
    group_id INTEGER PRIMARY KEY,
    stable BLOB,
    fetched REAL NOT NULL,
    used REAL NOT NULL,
    answer BLOB NOT NULL,
    description BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS details_by_age ON details (fetched);
CREATE INDEX IF NOT EXISTS details_by_use ON details (used);

-- File lists never change for an info hash: they are written once.
CREATE TABLE IF NOT EXISTS file_lists (
    info_hash TEXT PRIMARY KEY,
    group_id INTEGER NOT NULL,
    file_path TEXT NOT NULL,
    file_count INTEGER NOT NULL,
    list BLOB NOT NULL,
    document_bytes INTEGER NOT NULL
);

-- The virtual trees of long file lists (`FileTree.pack`), which take long to make.
CREATE TABLE IF NOT EXISTS trees (
    info_hash TEXT PRIMARY KEY,
    tree BLOB NOT NULL
);
CREATE TRIGGER IF NOT EXISTS file_list_removed AFTER DELETE ON file_lists BEGIN
    DELETE FROM trees WHERE info_hash = old.info_hash;
END;
CREATE INDEX IF NOT EXISTS file_lists_by_group ON file_lists (group_id);

-- One row a category that was ever enumerated whole: when it was last seen to be so (`checked`),
-- and when every page of it was last read (`walked`). Epoch seconds.
CREATE TABLE IF NOT EXISTS listings (
    category INTEGER PRIMARY KEY,
    checked REAL NOT NULL,
    walked REAL NOT NULL,
    whole INTEGER NOT NULL
);

-- The pages of an enumeration that is not finished, so that it can go on where it stopped.
CREATE TABLE IF NOT EXISTS pages (
    category INTEGER NOT NULL,
    number INTEGER NOT NULL,
    read REAL NOT NULL,
    page BLOB NOT NULL,
    PRIMARY KEY (category, number)
) WITHOUT ROWID;

-- Answers that are neither listing nor detail (a user, a collage, a search …), as JSON without
-- secrets. `key` says what was asked.
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    body BLOB NOT NULL,
    fetched REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_by_age ON answers (fetched, length(body));

-- Numbers for texts that stand in inode numbers: tags, formats, searches, info hashes.
CREATE TABLE IF NOT EXISTS words (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (kind, text)
);

-- What a process found changed, for the others that share the store: the newest ten thousand.
CREATE TABLE IF NOT EXISTS notices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    origin TEXT NOT NULL,
    notice BLOB NOT NULL
);

-- When requests of this account reached the server (epoch seconds), whichever process sent them;
-- `pid` and `start` name the process while the request is in flight.
CREATE TABLE IF NOT EXISTS pace (
    slot INTEGER PRIMARY KEY,
    stamp REAL NOT NULL,
    pid INTEGER NOT NULL,
    start TEXT NOT NULL
);
"""


def statements() -> Iterator[str]:
    """The statements of TABLES, one by one: sqlite3 runs several only outside of a transaction."""
    statement = ""
    for line in TABLES.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


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
