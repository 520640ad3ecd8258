"""Torrents' file lists and virtual trees, as far as they are in the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final, TypeVar
from weakref import WeakValueDictionary

import trio

from biofs.store import file_lists
from biofs.store.details import Details, TorrentDetail
from biofs.store.memory import Recent, Spooled
from biofs.tree.layout import FileTree

T = TypeVar("T")

CACHE_BYTES: Final = 8 << 20
SMALL_DOCUMENT: Final = 96 << 10
"""Bytes of a filelist.jsonl whose file list is read in a few milliseconds: some 1,500 files."""


class Trees:
    """Virtual trees and filelist.jsonl of torrents whose detail is known."""

    def __init__(self, details: Details) -> None:
        self._details: Final = details
        self._recent: Final[Recent[str, FileTree]] = Recent(
            CACHE_BYTES, lambda tree: tree.memory_bytes
        )
        # A tree larger than the cache lives as long as a handle holds it, and it is the last one.
        self._alive: WeakValueDictionary[str, FileTree] = WeakValueDictionary()
        self._last: FileTree | None = None
        # Of large ones, one at a time is unpacked: memory holds no two.
        self._large: Final = trio.CapacityLimiter(1)
        self._building: dict[str, trio.Event] = {}
        self._spooled: tuple[str, Spooled] | None = None  # the last one: it may be opened again

    def _kept_as(self, torrent: TorrentDetail) -> str:
        """Under what a tree or document stays in memory: without an info hash nothing fixes it."""
        key = torrent.list_key
        return f"{key} at {self._details.changes}" if key.startswith("torrent ") else key

    def at_hand(self, torrent: TorrentDetail) -> FileTree | None:
        """The virtual tree, if it is in memory or small; else None, and `tree` builds it."""
        key = self._kept_as(torrent)
        tree = self._recent.get(key) or self._alive.get(key)
        if tree is None and (file_list := self._small(torrent)) is not None:
            tree = file_list.tree()
            self._recent[key] = tree
        return tree

    def _small(self, torrent: TorrentDetail) -> file_lists.FileList | None:
        if torrent.filelist_size > SMALL_DOCUMENT:
            return None
        file_list = self._details.file_list(torrent.list_key)
        return file_list if file_list is not None and file_list.is_small else None

    async def tree(self, torrent: TorrentDetail) -> FileTree | None:
        """The virtual tree, None if the store does not have the file list (any more)."""
        while (tree := self.at_hand(torrent)) is None:
            building = self._building.get(self._kept_as(torrent))
            if building is None:
                return await self._build(self._kept_as(torrent), torrent.list_key)
            await building.wait()
        return tree

    async def _build(self, key: str, list_key: str) -> FileTree | None:
        self._building[key] = trio.Event()
        try:
            tree = await self._read(lambda connection: file_lists.tree_of(connection, list_key))
        finally:
            self._building.pop(key).set()
        if tree is not None:
            self._alive[key] = self._last = tree
            self._recent[key] = tree
        return tree

    async def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        async with self._large:
            return await self._details.scan(read)

    async def document(self, torrent: TorrentDetail) -> bytes | Spooled | None:
        """filelist.jsonl, a long one in a file, to be let go of; None as for `tree`.

        Raises StoreError for a damaged list.
        """
        small = self._small(torrent)
        if small is not None:
            return b"".join(small.document_lines())
        key = self._kept_as(torrent)
        if self._spooled is None or self._spooled[0] != key:
            made = await self._read(lambda connection: _spooled(connection, torrent.list_key))
            if made is None:
                return None
            self._forget_spooled()
            self._spooled = key, made
        return self._spooled[1].hold()

    def _forget_spooled(self) -> None:
        if self._spooled is not None:
            self._spooled[1].let_go()
            self._spooled = None

    def shrink(self) -> None:
        """Forget what nobody holds."""
        self._recent.clear()
        self._last = None
        self._forget_spooled()


def _spooled(connection: sqlite3.Connection, key: str) -> Spooled | None:
    file_list = file_lists.of(connection, key)
    return None if file_list is None else Spooled(file_list.document_lines())
