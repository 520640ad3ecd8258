"""A group's answer as rows: how it is kept (`details.answer`), written, and given up for room.

What the server sent is kept whole, so a document can be rendered again from it at any time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from biofs.api.models import Group, GroupAnswer, Torrent
from biofs.store import facets, file_lists, fulltext
from biofs.store.database.files import StoreError
from biofs.store.group_rows import (
    CLOCK_SLACK,
    Before,
    KnownGroup,
    before_of,
    fill_bare_line,
    mtime_of,
    replace_torrents,
    torrents_of,
)
from biofs.tree import names, render
from biofs.tree.printable import unescape


class TorrentFacts(msgspec.Struct, array_like=True, frozen=True):
    """What is computed of a torrent once, when its answer comes: see `details.TorrentDetail`."""

    id: int
    list_key: str
    filelist_size: int
    file_count: int
    size: int
    magnet: str


class StoredAnswer(msgspec.Struct, frozen=True):
    """The group and its torrents as the server sent them, texts decoded, without the file lists.

    `about` has an entry for each of the torrents.
    """

    group: Any
    torrents: list[dict[str, Any]]
    about: list[TorrentFacts]


_decode: Final = msgspec.json.Decoder(StoredAnswer).decode


def encode(group: object, torrents: Sequence[object], about: Sequence[TorrentFacts]) -> bytes:
    """The members of a `StoredAnswer` as they are stored."""
    return msgspec.json.encode({"group": group, "torrents": torrents, "about": about})


def decode(stored: bytes) -> StoredAnswer:
    """Read what is stored. Raises StoreError if it is damaged: a file may come from anybody."""
    try:
        answer = _decode(stored)
    except (msgspec.MsgspecError, ValueError, TypeError):
        answer = None
    if answer is None or len(answer.about) != len(answer.torrents):
        raise StoreError("a detail in the store is damaged")
    return answer


# Writing details: a group's answer taken apart into rows, and details given up for room.
#
# Everything here runs inside the transaction of the caller. When the store grows too large, details
# that nobody has read for longest give way, with their file lists; groups and torrents never do.


_LOW_WATER: Final = 0.9  # an eviction frees down to this part of the bound, so that it is rare
_BATCH: Final = 64


class Saved(NamedTuple):
    """How a group looked `before`, if something was known of it that is not so now, and whether the
    detail has filled in what its browse row did not tell (`group_rows`)."""

    before: list[Before]
    row_filled: bool


class _TorrentRows(NamedTuple):
    """What is written of a group's torrents: rows of the table, and members of `StoredAnswer`.

    `newest` is the newest mtime of the group and its torrents (epoch seconds).
    """

    rows: list[tuple[object, ...]]
    documents: list[object]
    facts: list[TorrentFacts]
    newest: int


def write_answer(
    connection: sqlite3.Connection,
    answer: GroupAnswer,
    now: float,
    stable: bytes | None,
    ready: Mapping[str, file_lists.Ready],
) -> Saved:
    """Take up a group's answer; the parameters are those of `Details.save`.

    `ready` has the file lists that are prepared, by key.
    """
    group = answer.group
    before = before_of(connection, group.id)
    known = connection.execute(
        "SELECT answer FROM details WHERE group_id = ?", (group.id,)
    ).fetchone()
    torrents = _torrent_rows(connection, answer, ready)
    names_differ = _write_index(connection, group, torrents, before, now)
    filled = fill_bare_line(connection, group)
    found = facets.Found(group.id, torrents.newest, facets.of_group(group, answer.torrents))
    facets.write(connection, [found])
    facets.write_hashes(connection, answer.torrents)
    stored = encode(render.group_shown(group.raw), torrents.documents, torrents.facts)
    description = render.description_text(group.description)
    changed = known is None or known[0] != stored
    if changed:  # the full text is what takes longest to write
        texts = fulltext.of_detail(group, answer.torrents, description)
        fulltext.write_detail(connection, group.id, texts)
    connection.execute(
        "INSERT OR REPLACE INTO details (group_id, answer, description, stable, fetched, used)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (group.id, stored, description, stable, now, now),
    )
    if known is None:
        # The first time: only names can be other than the kernel thinks.
        changed = names_differ and before != before_of(connection, group.id)
    return Saved(before if changed else [], filled)


def _torrent_rows(
    connection: sqlite3.Connection, answer: GroupAnswer, ready: Mapping[str, file_lists.Ready]
) -> _TorrentRows:
    """The rows of a group's torrents. Their file lists, which they refer to, are written here."""
    group_mtime = mtime_of(render.api_time(answer.group.time) or 0)
    rows: list[tuple[object, ...]] = []
    documents: list[object] = []
    facts: list[TorrentFacts] = []
    newest = group_mtime
    for torrent in answer.torrents:
        mtime = mtime_of(render.api_time(torrent.time) or group_mtime)
        newest = max(newest, mtime)
        name = names.torrent_dirname(torrent.format, torrent.platform, torrent.scope, torrent.id)
        rows.append((torrent.id, answer.group.id, name, mtime))
        documents.append(render.torrent_shown(torrent.raw))
        list_key, filelist_size = file_lists.save(connection, answer.group.id, torrent, ready)
        facts.append(_facts_of(torrent, name, list_key, filelist_size))
    return _TorrentRows(rows, documents, facts, newest)


def _facts_of(torrent: Torrent, name: str, list_key: str, filelist_size: int) -> TorrentFacts:
    # Where the torrent has no name of its own, its directory's name is as good.
    magnet = render.magnet(torrent.info_hash, unescape(torrent.file_path) or name, torrent.size)
    return TorrentFacts(
        torrent.id, list_key, filelist_size, torrent.file_count, torrent.size, magnet.decode()
    )


def _write_index(
    connection: sqlite3.Connection,
    group: Group,
    torrents: _TorrentRows,
    before: Sequence[Before],
    now: float,
) -> bool:
    """Write the group's row and its torrents', if they are not as `before`: whether any was.

    What is there of its browse row stays, and so does `seen`, which is of that row: the detail need
    not know of lab and location.
    """
    name = names.group_dirname(group.name, group.id)
    row = KnownGroup(group.id, name, torrents.newest, group.category_id)
    known = before[0].torrents if before else torrents_of(connection, group.id)
    replaced = replace_torrents(connection, group.id, torrents.rows, known)
    if before and before[0].group == row:
        return replaced
    connection.execute(
        "INSERT INTO groups (id, name, mtime, category, seen) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET category = excluded.category, name = excluded.name,"
        " mtime = excluded.mtime",
        (*row, now),
    )
    return True


def used_bytes(connection: sqlite3.Connection) -> int:
    """What the store holds, in bytes: its pages but for free ones (sqlite.org/pragma.html)."""
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(size) * (int(pages) - int(free))


def write_use(connection: sqlite3.Connection, groups: Iterable[int], now: float) -> None:
    """Write down that details of these groups were read at `now` (epoch seconds)."""
    connection.executemany(
        "UPDATE details SET used = ? WHERE group_id = ?", [(now, group) for group in groups]
    )


def evict(connection: sqlite3.Connection, most: int, keep: int, now: float) -> list[int]:
    """Forget details and their file lists, least recently read first, if there are too many.

    `most` is the bound in bytes, `now` the time in epoch seconds. The group `keep`, which was just
    fetched, stays even if it alone is larger: somebody waits for it. Returns the groups whose
    detail went.
    """
    if used_bytes(connection) <= most:
        return []
    # Read while the clock was ahead: or they would count as the last read for years.
    connection.execute("UPDATE details SET used = 0 WHERE used > ?", (now + CLOCK_SLACK,))
    gone: list[int] = []
    while used_bytes(connection) > most * _LOW_WATER:
        oldest = connection.execute(
            "SELECT group_id FROM details WHERE group_id != ? ORDER BY used LIMIT ?", (keep, _BATCH)
        ).fetchall()
        if not oldest:
            break  # what is left is the index
        for (group,) in oldest:
            connection.execute("DELETE FROM details WHERE group_id = ?", (group,))
            connection.execute("DELETE FROM file_lists WHERE group_id = ?", (group,))
            fulltext.forget_detail(connection, group)
            gone.append(group)
    return gone
