"""The tables of the store, and the number by which a store says which tables it has."""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x62696F66
"""Says "biof" where SQLite has a place for a file's owner (sqlite.org/pragma.html)."""

VERSION: Final = 1

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
CREATE INDEX IF NOT EXISTS groups_by_category ON groups (category, id, mtime, length(line));

CREATE TABLE IF NOT EXISTS torrents (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    mtime INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS torrents_by_group ON torrents (group_id, id);

-- A group's answer without its file lists, as JSON of {"group": …, "torrents": […]}. `used` is when
-- it was last read, about: those not read for longest give way when the store grows too large.
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
CREATE INDEX IF NOT EXISTS answers_by_age ON answers (fetched);

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
