"""Searching what is known: groups, or files in them, as facts for people and programs.

It needs only a connection, so that a command without a mount loads little.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from biofs.store import detail_rows, file_lists, fulltext
from biofs.store.database.files import StoreError
from biofs.tree.layout import FileTree

_MOST_GROUPS: Final = 1000
"""Groups whose file names are looked through."""

_MOST_NODES: Final = 2 * fulltext.MOST_NAMES
"""Of a torrent's tree: files, and the directories they are in."""


class Damaged(Exception):  # noqa: N818 - says what the store is
    """What the store has of a group is damaged; the message says of which."""


class FoundFile(NamedTuple):
    """A file that was found: its path in the torrent's directory, and its size in bytes."""

    torrent_id: int
    path: str
    size: int


def files_in(
    connection: sqlite3.Connection, group_id: int, words: Sequence[str]
) -> Iterator[FoundFile]:
    """The files of a group in whose paths all words occur, torrent by torrent.

    Of a torrent, the files that `fulltext` searches are looked at. Raises StoreError for a
    damaged store.
    """
    row = connection.execute(
        "SELECT answer FROM details WHERE group_id = ?", (group_id,)
    ).fetchone()
    names = dict(
        connection.execute("SELECT id, name FROM torrents WHERE group_id = ?", (group_id,))
    )
    for torrent in detail_rows.decode(row[0]).about if row else ():
        files = file_lists.of(connection, torrent.list_key)
        if files is None or torrent.id not in names:
            continue
        tree = FileTree.build(files.entries(), files.top, max_nodes=_MOST_NODES)
        paths = (
            (node, tree.path(node).decode())
            for node in range(1, len(tree))
            if not tree.is_dir(node)
        )
        for node in fulltext.matching(paths, words):
            path = f"{names[torrent.id]}/files/{tree.path(node).decode()}"
            yield FoundFile(torrent.id, path, tree.size(node))


def _groups(
    connection: sqlite3.Connection, words: Sequence[str], limit: int
) -> Iterator[dict[str, Any]]:
    for hit in fulltext.find(connection, words, limit):
        yield {"path": hit.path, "group": hit.group_id}


def _files(connection: sqlite3.Connection, words: Sequence[str]) -> Iterator[dict[str, Any]]:
    for hit in fulltext.find(connection, words, _MOST_GROUPS, files=True):
        try:
            for file in files_in(connection, hit.group_id, words):
                yield {
                    "path": f"{hit.path}/{file.path}",
                    "group": hit.group_id,
                    "torrent": file.torrent_id,
                    "size": file.size,
                }
        except StoreError as error:
            raise Damaged(f"{hit.path}: {error}") from None


def hits(
    connection: sqlite3.Connection, words: Sequence[str], limit: int, *, files: bool
) -> Iterator[dict[str, Any]]:
    """What has all the words, `limit` at most, the best first; paths are from a mount's root.

    Raises sqlite3.DatabaseError, and Damaged.
    """
    return islice(_files(connection, words) if files else _groups(connection, words, limit), limit)
