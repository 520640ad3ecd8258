"""What is copied into a snapshot, in the form that depends on nothing but what is known.

Two stores that were told the same, in whatever order and at whatever hour, give equal snapshots:

- Rows are written in the order of their keys.
- A facet's number is a hash of what it is, so it is the same tomorrow and in another store. (It
  stands in inode numbers, which have 32 bits for it.) Facets, authors, info hashes and file lists
  that no group has any more are left out.
- Of times it matters which of two is later, and that is all that is kept: 0 or 1. A nightly
  look at rows that have not changed therefore changes nothing. A mount counts from the time at
  which the snapshot was made (`restore_times`), which stands in `meta` and is no knowledge of the
  catalogue.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from biofs.store import fulltext
from biofs.store.details import counts

# In JSON without blanks. A key cannot be mistaken for text: there its quotes have backslashes.
_MARKS: Final = re.compile(
    rb'"(bookmarked|isBookmarked|hasBookmarked|hasSnatched|canUseToken|isPersonalFreeleech)":'
    rb'(true|[1-9][0-9]*|"[^"\\]+")'
)
_FACET_IDS: Final = (1 << 31) - 1  # larger ones take two bytes more in each row
_AN_HOUR: Final = 3600
_RANKS: Final = 1000.0  # a larger time is one, as snapshots had them before

_decode: Final = msgspec.json.Decoder().decode

_PREPARE: Final = """
    CREATE TEMP TABLE facet_ids (old INTEGER PRIMARY KEY, id INTEGER UNIQUE);
    CREATE TEMP TABLE lists (key TEXT PRIMARY KEY, group_id INTEGER) WITHOUT ROWID;
    INSERT INTO temp.lists
        SELECT key, min(group_id) FROM (
            SELECT hex(info_hash) AS key, torrent_id AS id FROM store.hashes
            UNION ALL SELECT 'torrent ' || id, id FROM store.torrents
        ) AS named JOIN store.torrents USING (id)
        WHERE group_id IN (SELECT id FROM store.groups) GROUP BY key;
"""

_COPIES: Final = (
    """
    INSERT INTO main.groups (id, category, name, mtime, line, stable, seen)
    SELECT id, category, name, mtime, without_marks(line), groups.stable,
        CASE WHEN line IS NULL OR group_id IS NULL OR seen <= fetched THEN 0.0
            WHEN details.stable IS NOT NULL AND details.stable IS NOT groups.stable THEN 1.0
            ELSE tells_more(line, answer) END
    FROM store.groups AS groups LEFT JOIN store.details AS details ON group_id = id ORDER BY id
    """,
    """
    INSERT INTO main.details (group_id, stable, fetched, used, answer, description)
    SELECT group_id, CASE WHEN line IS NOT NULL AND groups.seen > fetched
            AND details.stable IS NOT NULL AND details.stable IS NOT groups.stable
            THEN x'00' ELSE groups.stable END,
        0.0, 0.0, without_marks(answer), description
    FROM store.details AS details JOIN store.groups AS groups ON group_id = id ORDER BY group_id
    """,
    """
    INSERT INTO main.torrents (id, group_id, name, mtime)
    SELECT id, group_id, name, mtime FROM store.torrents
    WHERE group_id IN (SELECT id FROM main.groups) ORDER BY id
    """,
    """
    INSERT INTO main.hashes (torrent_id, info_hash)
    SELECT torrent_id, info_hash FROM store.hashes
    WHERE torrent_id IN (SELECT id FROM main.torrents) ORDER BY torrent_id
    """,
    """
    INSERT INTO main.group_facets (facet, group_id)
    SELECT facet_ids.id, group_id FROM store.group_facets JOIN temp.facet_ids ON old = facet
    WHERE group_id IN (SELECT id FROM main.groups) ORDER BY facet_ids.id, group_id
    """,
    """
    INSERT INTO main.facets (id, kind, text, newest)
    SELECT facet_ids.id, kind, text, (
        SELECT max(mtime) FROM main.group_facets JOIN main.groups ON groups.id = group_id
        WHERE facet = facet_ids.id)
    FROM store.facets JOIN temp.facet_ids ON old = facets.id ORDER BY facet_ids.id
    """,
    """
    INSERT INTO main.authors (id, name, title)
    SELECT id, name, title FROM store.authors AS authors WHERE EXISTS
        (SELECT 1 FROM main.facets WHERE kind = 'author' AND text = CAST(authors.id AS TEXT))
    ORDER BY id
    """,
    """
    INSERT INTO main.file_lists (info_hash, group_id, file_path, file_count, list, document_bytes)
    SELECT info_hash, lists.group_id, file_path, file_count, list, document_bytes
    FROM store.file_lists JOIN temp.lists ON key = info_hash ORDER BY info_hash
    """,
    """
    INSERT INTO main.listings (category, checked, walked, whole)
    SELECT category, 0.0, 0.0, whole FROM store.listings ORDER BY category
    """,
    # Not copied: where marks are taken back, rows have other lengths.
    """
    INSERT INTO main.totals (category, groups, bytes)
    SELECT category, count(*), total(length(line)) FROM main.groups GROUP BY category
    """,
)

_USED_FACETS: Final = """
    SELECT id, kind, text FROM store.facets AS facets WHERE EXISTS (
        SELECT 1 FROM store.group_facets JOIN store.groups ON groups.id = group_id
        WHERE facet = facets.id)
    ORDER BY kind, text
"""

_TIMES: Final = {
    "groups": ("seen",),
    "details": ("fetched", "used"),
    "listings": ("checked", "walked"),
}


def copy(connection: sqlite3.Connection) -> None:
    """Fill the tables of `main`, which are new, from the attached database `store`.

    Raises sqlite3.DatabaseError.
    """
    connection.create_function("without_marks", 1, _marked, deterministic=True)
    connection.create_function("tells_more", 2, _tells_more, deterministic=True)
    for statement in filter(str.strip, _PREPARE.split(";")):
        connection.execute(statement)
    used = connection.execute(_USED_FACETS).fetchall()
    connection.executemany("INSERT INTO temp.facet_ids VALUES (?, ?)", _facet_ids(used))
    for statement in _COPIES:
        connection.execute(statement)
    fulltext.copy(connection, "store")


def newest(connection: sqlite3.Connection, now: float) -> float:
    """When the server was last asked about what a store knows, as a whole hour (epoch seconds).

    What the store has in the future is of a clock that was ahead.
    """
    (time,) = connection.execute(
        "SELECT max(time) FROM (SELECT max(seen) AS time FROM groups WHERE seen <= ?"
        " UNION ALL SELECT max(fetched) FROM details WHERE fetched <= ?"
        " UNION ALL SELECT max(checked) FROM listings WHERE checked <= ?)",
        (now, now, now),
    ).fetchone()
    return float((time or 0) // _AN_HOUR * _AN_HOUR)


def restore_times(connection: sqlite3.Connection, made: float) -> None:
    """Have readers see times, where the attached `snapshot` has only which is later.

    A name is looked for in `temp` before all else (sqlite.org/lang_naming.html).
    """
    for table, times in _TIMES.items():
        columns = [row[1] for row in connection.execute(f"PRAGMA snapshot.table_info({table})")]
        shown = [_restored(name, made) if name in times else name for name in columns]
        connection.execute(
            f"CREATE TEMP VIEW {table} AS SELECT {', '.join(shown)}"  # noqa: S608 - our own names
            f" FROM snapshot.{table}"
        )


def _restored(name: str, made: float) -> str:
    time = f"{made - 1!r} + {name}"
    return f"CASE WHEN {name} < {_RANKS} THEN {time} ELSE {name} END AS {name}"


def without_marks(json: bytes) -> bytes:
    """A row or answer as an account sees it that has bookmarked and downloaded nothing."""
    return _MARKS.sub(rb'"\1":false', json)


def _marked(json: bytes | None) -> bytes | None:
    return None if json is None else without_marks(json)


def _tells_more(line: bytes, answer: bytes) -> float:
    """Whether a row that is newer has other counts than its group's detail."""
    try:
        known: list[Any] = _decode(answer)["torrents"]
        told = counts(line)
        return float(any(document | told.get(document["id"], {}) != document for document in known))
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError, AttributeError):
        return 1.0


def _facet_ids(facets: list[tuple[int, str, str]]) -> Iterator[tuple[int, int]]:
    """Each facet's number in the store, and the one that it gets: the same for the same facets."""
    taken: set[int] = set()
    for old, kind, text in facets:
        digest = hashlib.blake2b(f"{kind}\0{text}".encode("utf-8", "surrogatepass"), digest_size=4)
        number = int.from_bytes(digest.digest(), "big") % _FACET_IDS + 1
        while number in taken:
            number = number % _FACET_IDS + 1
        taken.add(number)
        yield old, number
