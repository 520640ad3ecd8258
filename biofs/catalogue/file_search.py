"""Searching the names of files: from a group that has them to where they stand in its tree."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from biofs.catalogue import file_lists, fulltext
from biofs.catalogue.details import decode_kept
from biofs.tree.layout import FileTree

_MOST_NODES: Final = 2 * fulltext.MOST_NAMES  # files, and the directories they are in


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
    for torrent in decode_kept(row[0]).about if row else ():
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
