"""Details: what `torrentgroup` tells of a group, kept as its answer and read as documents.

One answer fills everything it contains: the group's and the torrents' documents, the description
as text, and every file list. File lists are kept apart from the rest (`file_lists`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import trio

from biofs.api.models import GroupAnswer, Torrent, TorrentAnswer
from biofs.store import facets, file_lists, fulltext
from biofs.store.errors import StoreError
from biofs.store.groups import Before, before_of, forget_group, mtime_of, replace_torrents
from biofs.store.store import Store
from biofs.tree import names, render
from biofs.tree.text import unescape

T = TypeVar("T")


class _About(msgspec.Struct, array_like=True, frozen=True):
    """What `TorrentDetail` has of a torrent beside its JSON."""

    id: int
    list_key: str
    filelist_size: int
    file_count: int
    size: int
    magnet: str


class Kept(msgspec.Struct, frozen=True):
    """A group's answer as the store keeps it: what its documents show, texts decoded, without the
    file lists. `about` has an entry for each of the torrents."""

    group: Any
    torrents: list[dict[str, Any]]
    about: list[_About]


_MOST_READ: Final = 16_384
_encode: Final = msgspec.json.encode
_decode: Final = msgspec.json.Decoder().decode
decode_kept: Final = msgspec.json.Decoder(Kept).decode
"""Reads `details.answer`."""


class TorrentDetail(NamedTuple):
    """The documents of a torrent. `list_key` names its file list, `filelist_size` is in bytes."""

    id: int
    json: bytes
    magnet: bytes
    list_key: str
    filelist_size: int
    file_count: int
    size: int


class Detail(NamedTuple):
    """The documents of a group and of its torrents, ready to be read.

    `confirmed` is when the group was last seen to be as the detail says (epoch seconds): when it
    was fetched, or when its browse row was last seen unchanged. `outdated`: its row has changed.
    `changes` is the store's number of changes when this was read from it.
    """

    group_id: int
    json: bytes
    description: bytes
    torrents: Mapping[int, TorrentDetail]
    confirmed: float
    outdated: bool
    changes: int

    def nbytes(self) -> int:
        """What the documents take in memory, about."""
        own = len(self.json) + len(self.description) + 512
        return own + sum(
            len(torrent.json) + len(torrent.magnet) + 512 for torrent in self.torrents.values()
        )

    def good_until(self, ttl: float) -> float:
        """Until when (epoch seconds) nothing needs to be asked about the group."""
        return float("-inf") if self.outdated else self.confirmed + ttl


class Details:
    """Reads and writes of the tables `details` and `file_lists`."""

    def __init__(self, store: Store, most_bytes: int) -> None:
        self._store = store
        self._most_bytes = most_bytes
        self._read: set[int] = set()

    @property
    def changes(self) -> int:
        """See Store.changes."""
        return self._store.changes

    def note_read(self, group_id: int) -> None:
        """The group was read; that is written down with the next change of the store."""
        if self._store.read_only:
            return
        if len(self._read) >= _MOST_READ:
            # Somebody walks over everything, which tells nothing of what is worth keeping.
            self._read.clear()
        self._read.add(group_id)

    def flush(self, now: float) -> None:
        """Write down what was read."""
        if self._read:
            self._store.write_now(partial(self._note_use, now=now))

    def _note_use(self, connection: sqlite3.Connection, now: float) -> None:
        read, self._read = self._read, set()
        note_use(connection, read, now)

    def load(self, group_id: int) -> Detail | None:
        """The documents of a group whose answer is in the store.

        Counts of seeders and the like are those of the group's browse row where that is newer.
        Raises StoreError for a damaged one: a snapshot may come from anybody.
        """
        changes = self.changes
        row = self._store.one(
            "SELECT answer, description, fetched, details.stable, groups.stable, seen, line"
            " FROM details LEFT JOIN groups ON id = group_id WHERE group_id = ?",
            group_id,
        )
        if row is None:
            return None
        answer, description, fetched, stable, row_stable, seen, line = row
        if not (
            isinstance(answer, bytes)
            and isinstance(description, bytes)
            and isinstance(fetched, float)
        ):
            raise StoreError("a detail in the store is damaged")
        kept = _kept(answer)
        counts: dict[object, dict[str, object]] = {}
        confirmed, outdated = fetched, False
        if isinstance(line, bytes) and isinstance(seen, float) and seen > fetched:
            outdated = stable is not None and stable != row_stable
            confirmed = fetched if stable is None else seen
            counts = _counts(line)
        torrents = {}
        for shown, about in zip(kept.torrents, kept.about, strict=True):
            shown.update(counts.get(about.id, {}))
            torrents[about.id] = TorrentDetail(
                about.id,
                render.document(shown),
                about.magnet.encode(),
                about.list_key,
                max(about.filelist_size, 0),
                about.file_count,
                about.size,
            )
        group = render.document(kept.group)
        return Detail(group_id, group, description, torrents, confirmed, outdated, changes)

    def file_list(self, key: str) -> file_lists.FileList | None:
        """The file list kept under `key`. Raises StoreError for a damaged one."""
        return file_lists.of_row(self._store.one(file_lists.QUERY, key))

    async def scan(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """See Store.scan."""
        return await self._store.scan(read)

    async def save(self, answer: GroupAnswer, now: float, stable: bytes | None) -> list[Before]:
        """Take up a group's answer, whole.

        `now` is when it was asked for (epoch seconds), and `stable` the digest of the group's
        browse row at that moment, None without one. Returns how the group looked before, if
        something was known of it that is not so now.
        """
        # What takes seconds is done before the store is locked.
        long = [torrent for torrent in answer.torrents if file_lists.is_long(torrent)]
        ready: dict[str, file_lists.Ready] = {}
        if long:
            ready = await trio.to_thread.run_sync(self._prepare, long)

        def change(connection: sqlite3.Connection) -> tuple[list[Before], list[int]]:
            self._note_use(connection, now)
            before = _save(connection, answer, now, stable, ready)
            return before, evict(connection, self._most_bytes, answer.group.id)

        before, evicted = await self._store.write(change)
        if evicted:
            await self._store.shrink()
        return before

    def _prepare(self, torrents: Sequence[Torrent]) -> dict[str, file_lists.Ready]:
        known = "SELECT 1 FROM file_lists WHERE info_hash = ?"
        return {
            key: file_lists.prepare(torrent)
            for torrent in torrents
            if self._store.one(known, key := file_lists.list_key(torrent)) is None
        }

    async def save_torrent(self, answer: TorrentAnswer, now: float) -> None:
        """Take up what the answer about one torrent tells of the index: it and its group."""
        group, torrent = answer.group, answer.torrent
        mtime = mtime_of(render.api_time(torrent.time) or 0)
        newest = max(mtime, mtime_of(render.api_time(group.time) or 0))
        dirname = names.group_dirname(group.name, group.id)
        title = names.torrent_dirname(torrent.format, torrent.platform, torrent.scope, torrent.id)

        def change(connection: sqlite3.Connection) -> None:
            new = connection.execute(
                "INSERT OR IGNORE INTO groups (id, category, name, mtime, seen)"
                " VALUES (?, ?, ?, ?, ?)",
                (group.id, group.category_id, dirname, newest, now),
            )
            if new.rowcount:
                facts = facets.of_group(group, [torrent])
                facets.write(connection, [facets.Found(group.id, newest, facts)])
                description = render.description_text(group.description)
                texts = fulltext.of_detail(group, [torrent], description)
                fulltext.write_row(connection, group.id, texts)
            connection.execute(
                "INSERT OR IGNORE INTO torrents (id, group_id, name, mtime) VALUES (?, ?, ?, ?)",
                (torrent.id, group.id, title, mtime),
            )
            facets.write_hashes(connection, [torrent])

        await self._store.write(change)

    async def forget(self, group_id: int) -> list[Before]:
        """The server says that there is no such group (any more). Returns how it looked."""

        def change(connection: sqlite3.Connection) -> list[Before]:
            before = before_of(connection, group_id)
            forget_group(connection, group_id)
            return before

        return await self._store.write(change)


def _kept(answer: bytes) -> Kept:
    try:
        kept = decode_kept(answer)
    except (msgspec.MsgspecError, ValueError):
        kept = None
    if kept is None or len(kept.about) != len(kept.torrents):
        raise StoreError("a detail in the store is damaged")
    return kept


def _counts(line: bytes) -> dict[object, dict[str, object]]:
    """What a browse row knows better of its torrents, by id, under torrentgroup's names."""
    return {
        torrent.get("torrentId"): {
            name: torrent[source]
            for name, source in (
                ("seeders", "seeders"),
                ("leechers", "leechers"),
                ("snatched", "snatches"),
            )
            if source in torrent
        }
        for torrent in _decode(line).get("torrents") or []
        if isinstance(torrent, dict) and isinstance(torrent.get("torrentId"), int)
    }


def _save(
    connection: sqlite3.Connection,
    answer: GroupAnswer,
    now: float,
    stable: bytes | None,
    ready: Mapping[str, file_lists.Ready],
) -> list[Before]:
    group = answer.group
    before = before_of(connection, group.id)
    known = connection.execute(
        "SELECT answer FROM details WHERE group_id = ?", (group.id,)
    ).fetchone()
    group_mtime = mtime_of(render.api_time(group.time) or 0)
    torrents, about = [], []
    rows: list[tuple[object, ...]] = []
    newest = group_mtime
    for torrent in answer.torrents:
        torrents.append(render.torrent_shown(torrent.raw))
        mtime = mtime_of(render.api_time(torrent.time) or group_mtime)
        newest = max(newest, mtime)
        name = names.torrent_dirname(torrent.format, torrent.platform, torrent.scope, torrent.id)
        rows.append((torrent.id, group.id, name, mtime))
        list_key, filelist_size = file_lists.save(connection, group.id, torrent, ready)
        magnet = render.magnet(
            torrent.info_hash, unescape(torrent.file_path) or name, torrent.size
        ).decode()
        about.append(
            _About(
                torrent.id,
                list_key,
                filelist_size,
                torrent.file_count,
                torrent.size,
                magnet,
            )
        )
    replace_torrents(connection, group.id, rows)
    # The listing's row, if there is one, stays: the detail knows nothing of lab and location.
    connection.execute(
        "INSERT INTO groups (id, category, name, mtime, seen) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET category = excluded.category, name = excluded.name,"
        " mtime = excluded.mtime",
        (group.id, group.category_id, names.group_dirname(group.name, group.id), newest, now),
    )
    facts = facets.of_group(group, answer.torrents)
    facets.write(connection, [facets.Found(group.id, newest, facts)])
    facets.write_hashes(connection, answer.torrents)
    encoded = _encode(
        {"group": render.group_shown(group.raw), "torrents": torrents, "about": about}
    )
    description = render.description_text(group.description)
    if known is None or known[0] != encoded:
        texts = fulltext.of_detail(group, answer.torrents, description)
        fulltext.write_detail(connection, group.id, texts)
    connection.execute(
        "INSERT OR REPLACE INTO details (group_id, answer, description, stable, fetched, used)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            group.id,
            encoded,
            description,
            stable,
            now,
            now,
        ),
    )
    if known is None:
        # The first time: only names can be other than the kernel thinks.
        return [] if before == before_of(connection, group.id) else before
    return [] if known[0] == encoded else before


# The store's bound: details that nobody has read for longest give way, the index never.


_LOW_WATER: Final = 0.9  # an eviction frees down to this part of the bound, so that it is rare
_BATCH: Final = 64


def used_bytes(connection: sqlite3.Connection) -> int:
    """What the store holds, in bytes: its pages but for free ones (sqlite.org/pragma.html)."""
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(size) * (int(pages) - int(free))


def note_use(connection: sqlite3.Connection, groups: Iterable[int], now: float) -> None:
    """Details of these groups were read (`now` in epoch seconds)."""
    connection.executemany(
        "UPDATE details SET used = ? WHERE group_id = ?", [(now, group) for group in groups]
    )


def evict(connection: sqlite3.Connection, most: int, keep: int) -> list[int]:
    """Forget details and their file lists, least recently read first, if there are too many.

    `most` is the bound in bytes; the group `keep`, which was just fetched, stays even if it alone
    is larger: somebody waits for it. Returns the groups whose detail went.
    """
    if used_bytes(connection) <= most:
        return []
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
