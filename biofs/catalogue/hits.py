"""What a search finds, as facts for people and programs: groups, or files in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from biofs.catalogue import fulltext

_MOST_GROUPS: Final = 1000
"""Groups whose file names are looked through."""


class Damaged(Exception):  # noqa: N818 - says what the store is
    """What the store has of a group makes no sense; the message says of which."""


def hits(
    connection: sqlite3.Connection, words: Sequence[str], limit: int, *, files: bool
) -> Iterator[dict[str, Any]]:
    """What has all the words, `limit` at most, the best first; paths are from a mount's root.

    Raises sqlite3.DatabaseError, and Damaged.
    """
    return islice(_files(connection, words) if files else _groups(connection, words, limit), limit)


def _groups(
    connection: sqlite3.Connection, words: Sequence[str], limit: int
) -> Iterator[dict[str, Any]]:
    for hit in fulltext.find(connection, words, limit):
        yield {"path": hit.path, "group": hit.group_id}


def _files(connection: sqlite3.Connection, words: Sequence[str]) -> Iterator[dict[str, Any]]:
    from biofs.catalogue.file_search import files_in  # noqa: PLC0415 - imports trio
    from biofs.catalogue.store import StoreError  # noqa: PLC0415

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
