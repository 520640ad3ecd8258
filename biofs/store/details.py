"""Details: what `torrentgroup` tells of a group, kept as its answer and read as documents.

One answer fills everything it contains: the group's and the torrents' documents, the description
as text, and every file list. File lists are kept apart from the rest (`file_lists`). The documents
are rendered from the stored answer whenever they are read, so a computed field in them is added in
`Details.load` and is there at once in stores that exist.

Three clocks (epoch seconds) say how old a detail is:

| clock | of | is when |
| --- | --- | --- |
| `details.fetched` | the detail | the group's answer was asked for |
| `groups.seen` | the browse row | the row was last read, changed or not |
| `Detail.confirmed` | computed from both | the group was last known to be as the detail says |

| `seen`, `fetched` | row since the detail (`stable`) | `confirmed` | `outdated` | counts from |
| --- | --- | --- | --- | --- |
| no row, or not later | | `fetched` | no | the detail |
| later | there was none to compare | `fetched` | no | the row |
| later | the same | `seen` | no | the row |
| later | another | `seen` | yes | the row |

An outdated detail is shown, and asked for again however young it is.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeVar

import msgspec
import trio

from biofs.api.models import GroupAnswer, Torrent, TorrentAnswer
from biofs.store import facets, file_lists, fulltext
from biofs.store.ahead import Ahead
from biofs.store.database.files import StoreError
from biofs.store.database.store import Store
from biofs.store.detail_rows import Saved, decode, evict, write_answer, write_use
from biofs.store.group_rows import Before, before_of, forget_group, mtime_of
from biofs.tree import names, render

T = TypeVar("T")


_MOST_READ: Final = 16_384
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
    was `fetched`, or when its browse row was last seen unchanged. `outdated`: its row has changed.
    `changes` is the store's number of changes when this was read from it.
    """

    group_id: int
    json: bytes
    description: bytes
    torrents: Mapping[int, TorrentDetail]
    fetched: float
    confirmed: float
    outdated: bool
    changes: int

    def nbytes(self) -> int:
        """What the documents take in memory, about."""
        size = len(self.json) + len(self.description) + 512
        for torrent in self.torrents.values():
            size += len(torrent.json) + len(torrent.magnet) + 512
        return size

    def good_until(self, ttl: float, now: float) -> float:
        """Until when (epoch seconds) nothing needs to be asked about the group.

        What was seen later than `now` was seen by a clock that was ahead, and says nothing.
        """
        if self.outdated:
            return -math.inf
        confirmed = self.confirmed if self.confirmed <= now else -math.inf
        fetched = self.fetched if self.fetched <= now else -math.inf
        return max(confirmed, fetched) + ttl


def counts(line: bytes) -> dict[object, dict[str, object]]:
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


class Details:
    """Reads and writes of the tables `details` and `file_lists`.

    `most_bytes` bounds the store; `ahead` is what is read ahead for a walk, shared with `Index`.
    """

    def __init__(self, store: Store, most_bytes: int, ahead: Ahead | None = None) -> None:
        self._store = store
        self._ahead = ahead or Ahead(store)
        self._most_bytes = most_bytes
        self._read: set[int] = set()

    @property
    def changes(self) -> int:
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
            self._store.write_now(partial(self._write_use, now=now))

    def _write_use(self, connection: sqlite3.Connection, now: float) -> None:
        read, self._read = self._read, set()
        write_use(connection, read, now)

    def load(self, group_id: int) -> Detail | None:
        """The documents of a group whose answer is in the store.

        Counts of seeders and the like are those of the group's browse row where that is newer.
        Raises StoreError for a damaged one: a snapshot may come from anybody.
        """
        changes = self.changes
        row = self._ahead.detail(group_id)
        if row is None:
            return None
        answer, description, fetched, stable, row_stable, seen, line = row
        if not (
            isinstance(answer, bytes)
            and isinstance(description, bytes)
            and isinstance(fetched, float)
        ):
            raise StoreError("a detail in the store is damaged")
        stored = decode(answer)
        counted: dict[object, dict[str, object]] = {}
        confirmed, outdated = fetched, False
        if isinstance(line, bytes) and isinstance(seen, float) and seen > fetched:
            outdated = stable is not None and stable != row_stable
            confirmed = fetched if stable is None else seen
            counted = counts(line)
        torrents = {}
        for document, about in zip(stored.torrents, stored.about, strict=True):
            if counted:
                document.update(counted.get(about.id, {}))
            torrents[about.id] = TorrentDetail(
                about.id,
                render.document(render.with_lists(document)),
                about.magnet.encode(),
                about.list_key,
                max(about.filelist_size, 0),
                about.file_count,
                about.size,
            )
        group = render.document(render.with_lists(stored.group))
        return Detail(group_id, group, description, torrents, fetched, confirmed, outdated, changes)

    def file_list(self, key: str) -> file_lists.FileList | None:
        """The file list kept under `key`. Raises StoreError for a damaged one."""
        return file_lists.of_row(
            self._ahead.file_list(key) or self._store.one(file_lists.QUERY, key)
        )

    async def scan(self, read: Callable[[sqlite3.Connection], T]) -> T:
        return await self._store.scan(read)

    async def save(self, answer: GroupAnswer, now: float, stable: bytes | None) -> Saved:
        """Take up a group's answer, whole.

        `now` is when it was asked for (epoch seconds), and `stable` the digest of the group's
        browse row at that moment, None without one.
        """
        # What takes seconds is done before the store is locked.
        long = [torrent for torrent in answer.torrents if file_lists.is_long(torrent)]
        ready: dict[str, file_lists.Ready] = {}
        if long:
            ready = await trio.to_thread.run_sync(self._prepare, long)

        def change(connection: sqlite3.Connection) -> tuple[Saved, list[int]]:
            self._write_use(connection, now)
            saved = write_answer(connection, answer, now, stable, ready)
            return saved, evict(connection, self._most_bytes, answer.group.id, now)

        saved, evicted = await self._store.write(change)
        if evicted:
            await self._store.shrink()
        return saved

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
