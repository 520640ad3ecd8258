"""What the data of each torrent are called on a disk: its top directory, or its only file.

All torrents whose details are known are read at once, so of their file lists no more is unpacked
than the first entry takes, and only where a torrent has no top directory. A name that is not found
here says nothing: it is a quick way to the few torrents at which it is worth looking more closely.
"""

from __future__ import annotations

import sqlite3
import zlib
from typing import Final, NamedTuple

from biofs.store.database.snapshot import ATTACHED
from biofs.tree import filelist
from biofs.tree.names import stand_in
from biofs.tree.printable import unescape

_BEGINNING: Final = 4 << 10
"""Bytes of a list as it is kept that are read; a file's name has 255, or somewhat more escaped."""
_UNPACKED: Final = 16 << 10

# `hashes` has a row for each torrent with a detail. CROSS JOIN: see `browsing.Browsing`. A blob is
# read whole, however little of it is used, so long ones are left to `blobopen`.
_QUERY: Final = f"""
    SELECT torrent_id, file_lists.info_hash, file_path, file_count, file_lists.rowid,
        CASE WHEN file_path = '' AND length(list) <= {_BEGINNING} THEN list END
    FROM hashes
    CROSS JOIN file_lists ON file_lists.info_hash = hex(hashes.info_hash)
    ORDER BY torrent_id
"""  # noqa: S608 - a constant


class Top(NamedTuple):
    """A torrent, and the names that its data may have: several if the first cannot be held."""

    torrent_id: int
    info_hash: str
    """In hexadecimal digits, upper case."""
    names: tuple[bytes, ...]


def read(connection: sqlite3.Connection) -> list[Top]:
    """The tops of all torrents that have one, by id (for a thread). Skips what is damaged."""
    found: list[Top] = []
    database = _database(connection)
    for torrent_id, info_hash, file_path, file_count, row, packed in connection.execute(_QUERY):
        if not isinstance(file_path, str) or not isinstance(file_count, int):
            continue
        if len(file_path) > _BEGINNING:  # no disk has such a name
            continue
        name: str | None = unescape(file_path)
        if not name:
            name = first_name(_beginning(connection, database, row, packed), file_count)
        if name is not None:
            found.append(Top(torrent_id, info_hash, _names(name)))
    return found


def _database(connection: sqlite3.Connection) -> str:
    """Which one has the file lists: a mounted snapshot is attached to a database in memory."""
    attached = [row[1] for row in connection.execute("PRAGMA database_list")]
    return ATTACHED if ATTACHED in attached else "main"


def _beginning(connection: sqlite3.Connection, database: str, row: int, packed: object) -> bytes:
    if isinstance(packed, bytes):
        return packed
    try:
        with connection.blobopen("file_lists", "list", row, readonly=True, name=database) as blob:
            return blob.read(_BEGINNING)
    except sqlite3.Error:
        return b""  # no blob, or it went meanwhile


def _names(name: str) -> tuple[bytes, ...]:
    shown = stand_in(name).encode()
    true = name.encode(errors="replace")
    return (shown,) if shown == true else (shown, true)


def first_name(packed: bytes, file_count: int) -> str | None:
    """Where a torrent without a top directory begins: the first component of its first file's path.

    `packed` is the beginning of the list as it is kept (`file_lists`). None if it does not hold
    the entry whole, or is damaged.
    """
    text = _text(packed)
    end = text.find("}}}|||") + len("}}}")
    whole = text.endswith("}}}")
    if file_count != 1 and end >= len("}}}"):
        text, whole = text[:end], True
    if not whole or not text:
        return None
    entry = next(filelist.iterate(text, 1), None)
    return None if entry is None else entry.path.lstrip("/").split("/", 1)[0] or None


def _text(packed: bytes) -> str:
    body = packed[1:]
    try:
        unpacked = body if packed[:1] == b"p" else zlib.decompressobj().decompress(body, _UNPACKED)
    except zlib.error:
        return ""
    return unpacked.decode(errors="ignore")
