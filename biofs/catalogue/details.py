"""Details: what `torrentgroup` tells of a group, kept as its answer and read as documents.

One answer fills everything it contains: the group's and the torrents' documents, the description
as text, and every file list. File lists are kept apart from the rest (`file_lists`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Final, NamedTuple

import msgspec

from biofs.api.models import GroupAnswer, Torrent, TorrentAnswer
from biofs.catalogue import eviction, facets, file_lists, fulltext
from biofs.catalogue.index import Before, before_of, forget_group, mtime_of, replace_torrents
from biofs.catalogue.store import Store
from biofs.tree import names, render
from biofs.tree.text import unescape

_encode: Final = msgspec.json.encode
_decode: Final = msgspec.json.Decoder().decode


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
    """

    group_id: int
    json: bytes
    description: bytes
    torrents: Mapping[int, TorrentDetail]
    confirmed: float
    outdated: bool

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

    def note_read(self, group_id: int) -> None:
        """The group was read; that is written down with the next change of the store."""
        if not self._store.read_only:
            self._read.add(group_id)

    def flush(self, now: float) -> None:
        """Write down what was read."""
        if self._read:
            self._store.write_now(partial(self._note_use, now=now))

    def _note_use(self, connection: sqlite3.Connection, now: float) -> None:
        read, self._read = self._read, set()
        eviction.note_use(connection, read, now)

    def load(self, group_id: int) -> Detail | None:
        """The documents of a group whose answer is in the store, with all its file lists.

        Without one of them it is none: an eviction can end between two of the reads, and a list
        that stands in two groups goes with the first of them. A snapshot is as it is.
        Counts of seeders and the like are those of the group's browse row where that is newer.
        """
        row = self._store.one(
            "SELECT answer, description, fetched, details.stable, groups.stable, seen, line"
            " FROM details LEFT JOIN groups ON id = group_id WHERE group_id = ?",
            group_id,
        )
        if row is None:
            return None
        answer, description, fetched, stable, row_stable, seen, line = row
        assert isinstance(answer, bytes)  # noqa: S101 - what `save` wrote
        assert isinstance(description, bytes)  # noqa: S101
        assert isinstance(fetched, float)  # noqa: S101
        parts = _decode(answer)
        counts: dict[object, dict[str, object]] = {}
        confirmed, outdated = fetched, False
        if isinstance(line, bytes) and isinstance(seen, float) and seen > fetched:
            outdated = stable is not None and stable != row_stable
            confirmed = fetched if stable is None else seen
            counts = _counts(line)
        torrents = {}
        for raw in parts["torrents"]:
            raw.update(counts.get(raw.get("id"), {}))
            torrent = Torrent.from_json(raw)
            documents = self._torrent(torrent)
            if documents is None:
                return None
            torrents[torrent.id] = documents
        group = render.group_json(parts["group"])
        return Detail(group_id, group, description, torrents, confirmed, outdated)

    def _torrent(self, torrent: Torrent) -> TorrentDetail | None:
        key = file_lists.list_key(torrent)
        row = self._store.one("SELECT document_bytes FROM file_lists WHERE info_hash = ?", key)
        if row is None and not self._store.read_only:
            return None
        document_bytes = max(row[0], 0) if row and isinstance(row[0], int) else 0
        title = unescape(torrent.file_path) or names.torrent_dirname(
            torrent.format, torrent.platform, torrent.scope, torrent.id
        )
        return TorrentDetail(
            torrent.id,
            render.torrent_json(torrent.raw),
            render.magnet(torrent.info_hash, title, torrent.size),
            key,
            document_bytes,
            torrent.file_count,
            torrent.size,
        )

    def file_list(self, key: str) -> file_lists.FileList | None:
        """The file list kept under `key`. Raises StoreError for a damaged one."""
        return file_lists.of_row(self._store.one(file_lists.QUERY, key))

    async def save(self, answer: GroupAnswer, now: float, stable: bytes | None) -> list[Before]:
        """Take up a group's answer, whole.

        `now` is when it was asked for (epoch seconds), and `stable` the digest of the group's
        browse row at that moment, None without one. Returns how the group looked before, if
        something was known of it that is not so now.
        """

        def change(connection: sqlite3.Connection) -> tuple[list[Before], list[int]]:
            self._note_use(connection, now)
            before = _save(connection, answer, now, stable)
            return before, eviction.evict(connection, self._most_bytes, answer.group.id)

        before, evicted = await self._store.write(change)
        if evicted:
            await self._store.shrink()
        return before

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
        if isinstance(torrent, dict)
    }


def _save(
    connection: sqlite3.Connection, answer: GroupAnswer, now: float, stable: bytes | None
) -> list[Before]:
    group = answer.group
    before = before_of(connection, group.id)
    known = connection.execute(
        "SELECT answer FROM details WHERE group_id = ?", (group.id,)
    ).fetchone()
    group_mtime = mtime_of(render.api_time(group.time) or 0)
    torrents = []
    rows: list[tuple[object, ...]] = []
    newest = group_mtime
    for torrent in answer.torrents:
        torrents.append({k: v for k, v in torrent.raw.items() if k != "fileList"})
        mtime = mtime_of(render.api_time(torrent.time) or group_mtime)
        newest = max(newest, mtime)
        name = names.torrent_dirname(torrent.format, torrent.platform, torrent.scope, torrent.id)
        rows.append((torrent.id, group.id, name, mtime))
        file_lists.save(connection, group.id, torrent)
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
    encoded = _encode({"group": group.raw, "torrents": torrents})
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
