"""The index: which groups and torrents there are, what they are called and how old they are.

It is kept whole, in the store alone: a million groups cost no memory until they are looked at.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from biofs.api.models import GroupRow
from biofs.api.requests import PageRead
from biofs.store import facets, fulltext
from biofs.store.ahead import Ahead
from biofs.store.database.store import Store
from biofs.store.group_rows import (
    CLOCK_SLACK,
    Before,
    KnownGroup,
    KnownTorrent,
    PageChanges,
    WrittenRow,
    before_of,
    fill,
    forget_group,
    is_bare,
    mtime_of,
    row_mtime,
    stable_digest,
    write_row,
    written_of,
)
from biofs.tree import names

__all__ = [
    "CHUNK",
    "Before",
    "Index",
    "KnownGroup",
    "KnownListing",
    "KnownTorrent",
    "PageChanges",
    "mtime_of",
    "row_mtime",
    "stable_digest",
]

log = logging.getLogger(__name__)

CHUNK: Final = 512  # rows a read of a listing takes at a time, in the event loop
MOST_CATEGORIES: Final = 1024
"""Categories beside the twelve that are listed; answers can name any number of them."""
_REMEMBERED: Final = 16_384  # groups and torrents in memory; some 400 bytes each

_decode_page: Final = msgspec.json.Decoder(PageRead).decode


class KnownListing(NamedTuple):
    """When a category's listing was last found right, and last read whole (epoch seconds).

    `whole` is 0 if the server counts more groups than it shows by any query.
    """

    checked: float
    walked: float
    whole: int


class _Line(NamedTuple):
    """A group's id, and its line in index.jsonl if it has one."""

    id: int
    line: bytes | None


def _summary(count: int, newest: int, size: int) -> tuple[int, int, int]:
    return count, newest, size


class Index:
    """Reads and writes of the tables `groups`, `torrents` and `listings`.

    `ahead` is what is read ahead for a walk, shared with `Details`.
    """

    def __init__(self, store: Store, ahead: Ahead | None = None) -> None:
        self._store = store
        self._ahead = ahead or Ahead(store)
        self._groups: dict[int, KnownGroup] = {}
        self._torrents: dict[int, KnownTorrent] = {}
        self._remembered = -1

    def _remember(self) -> None:
        """Forget what was remembered before the last change, and all if it has become much."""
        changes = self._store.changes
        if self._remembered != changes or len(self._groups) + len(self._torrents) > _REMEMBERED:
            self._groups.clear()
            self._torrents.clear()
            self._remembered = changes

    def forget_all(self) -> None:
        """Forget what is in memory only to be found sooner."""
        self._remembered = -1
        self._remember()

    def group(self, group_id: int) -> KnownGroup | None:
        """The group with this id, if it is known."""
        self._remember()
        group = self._groups.get(group_id)
        if group is None:
            group = self._ahead.group(group_id) or self._store.record(
                KnownGroup, "SELECT id, name, mtime, category FROM groups WHERE id = ?", group_id
            )
            if group is not None:
                self._groups[group_id] = group
        return group

    def is_title_only(self, group_id: int) -> bool:
        """Whether a known group has neither browse row nor detail: its torrents are not known."""
        return bool(
            self._store.one(
                "SELECT 1 FROM groups WHERE id = ? AND line IS NULL"
                " AND NOT EXISTS (SELECT 1 FROM details WHERE group_id = groups.id)",
                group_id,
            )
        )

    def stable(self, group_id: int) -> bytes | None:
        """The digest of the group's browse row (`stable_digest`), None without a row."""
        return self._store.blob("SELECT stable FROM groups WHERE id = ?", group_id)

    def torrent(self, torrent_id: int) -> KnownTorrent | None:
        """The torrent with this id, if it is known."""
        self._remember()
        torrent = self._torrents.get(torrent_id)
        if torrent is None:
            torrent = self._store.record(
                KnownTorrent,
                "SELECT id, name, mtime, group_id FROM torrents WHERE id = ?",
                torrent_id,
            )
            if torrent is not None:
                self._torrents[torrent_id] = torrent
        return torrent

    def torrents_of(self, group_id: int) -> list[KnownTorrent]:
        """The torrents of a group, in the order of their ids."""
        self._remember()
        torrents = self._ahead.torrents(group_id)
        if torrents is None:
            torrents = self._store.records(
                KnownTorrent,
                "SELECT id, name, mtime, group_id FROM torrents WHERE group_id = ? ORDER BY id",
                group_id,
            )
        self._torrents.update((torrent.id, torrent) for torrent in torrents)
        return torrents

    def entries_after(self, category: int, group_id: int) -> list[tuple[bytes, int, int]]:
        """The next `CHUNK` groups of a category behind an id, in the order of their ids: the
        directory's name, the id, the mtime (epoch seconds)."""
        return self._store.rows(  # type: ignore[return-value]
            "SELECT CAST(name AS BLOB), id, mtime FROM groups"
            " WHERE category = ? AND id > ? ORDER BY id LIMIT ?",
            category,
            group_id,
            CHUNK,
        )

    def group_ids(self, category: int) -> list[int]:
        """The ids of every known group of a category (for a thread if there are many)."""
        return self._store.integers("SELECT id FROM groups WHERE category = ?", category)

    def summary(self, category: int) -> tuple[int, int, int]:
        """How many groups of a category are known, their newest mtime, the bytes of index.jsonl."""
        summary = self._store.record(
            _summary,
            "SELECT groups, ifnull((SELECT max(mtime) FROM groups WHERE category = ?), 0), bytes"
            " FROM totals WHERE category = ?",
            *(category, category),
        )
        return summary or (0, 0, 0)

    def other_categories(self) -> list[int]:
        """The numbers of categories that are not the API's twelve and have groups that are known,
        `MOST_CATEGORIES` at most."""
        return self._store.integers(
            "SELECT category FROM totals WHERE groups > 0 AND category BETWEEN 0 AND ?"
            " AND category NOT BETWEEN ? AND ? ORDER BY category LIMIT ?",
            *(names.LARGEST_CATEGORY, min(names.CATEGORIES), max(names.CATEGORIES)),
            MOST_CATEGORIES,
        )

    def lines(self, category: int) -> Iterator[bytes]:
        """The lines of index.jsonl, in the order of the groups' ids (for a thread)."""
        last = -1
        while True:
            rows = self._store.records(
                _Line,
                "SELECT id, line FROM groups WHERE category = ? AND id > ? ORDER BY id LIMIT ?",
                category,
                last,
                CHUNK,
            )
            if not rows:
                return
            last = rows[-1].id
            yield from (row.line for row in rows if row.line is not None)

    def line(self, group_id: int) -> bytes | None:
        """The browse row of a group as its line in index.jsonl."""
        return self._store.blob("SELECT line FROM groups WHERE id = ?", group_id)

    async def add_rows(
        self, category: int, rows: Iterable[GroupRow], now: float, page: PageRead | None = None
    ) -> PageChanges:
        """Take up the rows of one browse page of a category.

        `page` is what an enumeration needs to remember of it, until `complete`.
        """
        written: list[tuple[GroupRow, WrittenRow]] = []
        for each in rows:
            try:
                written.append((each, written_of(category, each, now)))
            except (ValueError, TypeError) as error:  # nested without end, say
                log.warning("group %d: its browse row cannot be shown: %s", each.id, error)

        def change(connection: sqlite3.Connection) -> PageChanges:
            changes = PageChanges([], set())
            new = []
            for each, row in written:
                whole = fill(connection, each, row, now) if is_bare(each) else row
                if write_row(connection, whole, changes):
                    new.append(whole)
            facets.write(connection, [row.found for row in new])
            for row in new:
                fulltext.write_row(connection, row.found.id, row.texts)
            if page is not None:
                connection.execute(
                    "INSERT INTO pages (category, number, read, page) SELECT ?,"
                    " (SELECT count(*) FROM pages WHERE category = ?), ?, ?",
                    (category, category, now, msgspec.json.encode(page)),
                )
            return changes

        return await self._store.write(change)

    def pages_read(self, category: int) -> tuple[float, list[PageRead]]:
        """When an unfinished enumeration began (epoch seconds), and the pages it read, in order."""
        rows = self._store.rows(
            "SELECT read, page FROM pages WHERE category = ? ORDER BY number", category
        )
        began, pages = float("inf"), []
        for read, page in rows:
            assert isinstance(read, float)  # noqa: S101 - what `add_rows` wrote
            assert isinstance(page, bytes)  # noqa: S101
            began = min(began, read)
            pages.append(_decode_page(page))
        return began, pages

    async def forget_pages(self, category: int) -> None:
        """An enumeration starts from the beginning."""

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM pages WHERE category = ?", (category,))

        await self._store.write(change)

    async def complete(
        self, category: int, ids: set[int], started: float, now: float, *, whole: bool
    ) -> list[Before]:
        """A walk over the whole category has ended at `now`: forget groups it did not meet.

        Both times are epoch seconds. Returns those groups. `whole` False says that the server
        counts more than it showed: then nothing is forgotten.
        """

        def change(connection: sqlite3.Connection) -> list[Before]:
            gone: list[Before] = []
            if whole:
                # What was seen since it began, by other queries, has come since; not what was seen
                # in the future, by a clock that was ahead.
                known = connection.execute(
                    "SELECT id FROM groups WHERE category = ? AND NOT seen BETWEEN ? AND ?",
                    (category, started, now + CLOCK_SLACK),
                )
                for (group_id,) in known.fetchall():
                    if group_id not in ids:
                        gone += before_of(connection, group_id)
                        forget_group(connection, group_id)
            connection.execute("DELETE FROM pages WHERE category = ?", (category,))
            connection.execute(
                "INSERT OR REPLACE INTO listings (category, checked, walked, whole)"
                " VALUES (?, ?, ?, ?)",
                (category, started, started, whole),
            )
            return gone

        return await self._store.write(change)

    async def confirm(self, category: int, now: float) -> None:
        """The first page shows that the listing is still right."""

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE listings SET checked = ? WHERE category = ?", (now, category)
            )

        await self._store.write(change)

    def listing(self, category: int) -> KnownListing | None:
        """What is known of the category's listing, or None if it was never whole."""
        return self._store.record(
            KnownListing,
            "SELECT checked, walked, whole FROM listings WHERE category = ?",
            category,
        )
