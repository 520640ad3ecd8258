"""The log of changes for the other processes that share a store: they learn what one has found.

Each keeps something in memory, and the kernel caches more for a mount. SQLite says cheaply whether
another connection has written (`PRAGMA data_version`, sqlite.org/pragma.html); only then the table
`notices` is read.
"""

from __future__ import annotations

import os
import sqlite3
from typing import Final, Protocol

import msgspec
import trio

from biofs.store.database.store import Store
from biofs.store.groups import Before, KnownGroup, KnownTorrent

POLL_SECONDS: Final = 1.0
_KEPT: Final = 10_000


class _Notice(msgspec.Struct, array_like=True):
    """A group that changed or went, as it was; or, without one, a listing that changed."""

    category: int
    group: KnownGroup | None = None
    torrents: list[KnownTorrent] = []
    gone: bool = False


_decode: Final = msgspec.json.Decoder(_Notice).decode


class Hub(Protocol):
    """Where the changes of other processes go. `source` is who brings them, and is left out."""

    def group_changed(self, before: Before, *, gone: bool, source: object) -> None:
        """A group looks different from `before`, or is gone."""

    def listing_changed(self, category: int, *, source: object) -> None:
        """Groups of a category came or went, or rows changed."""


class ChangeLog:
    """Reads and writes of the table `notices`. An observer of the changes of this process."""

    def __init__(self, store: Store) -> None:
        self._store: Final = store
        self._origin: Final = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._outgoing: list[_Notice] = []
        self._version = store.data_version()
        self._last = self._newest()

    def _newest(self) -> int:
        row = self._store.one("SELECT coalesce(max(id), 0) FROM notices")
        return int(str(row[0])) if row else 0

    def group_changed(self, before: Before, *, gone: bool) -> None:
        """For the other processes: a group looks different from `before`, or is gone."""
        self._outgoing.append(_Notice(before.group.category, before.group, before.torrents, gone))

    def listing_changed(self, category: int) -> None:
        """Tell the other processes: groups of a category came or went, or rows changed."""
        self._outgoing.append(_Notice(category))

    def answer_changed(self, key: str) -> None:
        """Answers are not passed on to other processes."""

    async def run(self, hub: Hub) -> None:
        """Write this process's changes and pass those of others to `hub`, once a second, until
        cancelled."""
        if self._store.path is None:
            return  # nobody else sees a store in memory
        while True:
            await trio.sleep(POLL_SECONDS)
            if self._outgoing:
                await self._send()
            version = self._store.data_version()
            if version != self._version:
                self._version = version
                self._store.changes += 1
                self._receive(hub)

    async def _send(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        rows = [(self._origin, msgspec.json.encode(notice)) for notice in outgoing]

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT INTO notices (origin, notice) VALUES (?, ?)", rows)
            connection.execute(
                "DELETE FROM notices WHERE id <= (SELECT max(id) FROM notices) - ?", (_KEPT,)
            )

        await self._store.write(change)

    def _receive(self, hub: Hub) -> None:
        rows = self._store.rows(
            "SELECT id, origin, notice FROM notices WHERE id > ? ORDER BY id", self._last
        )
        for number, origin, text in rows:
            self._last = int(str(number))
            if origin == self._origin or not isinstance(text, bytes):
                continue
            notice = _decode(text)
            if notice.group is None:
                hub.listing_changed(notice.category, source=self)
            else:
                before = Before(notice.group, notice.torrents)
                hub.group_changed(before, gone=notice.gone, source=self)
