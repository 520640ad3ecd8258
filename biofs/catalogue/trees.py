"""Torrents' file lists and virtual trees, as far as they are in the store."""

from __future__ import annotations

from typing import Final
from weakref import WeakValueDictionary

import trio
from cachetools import LRUCache

from biofs.catalogue.details import Details
from biofs.tree.layout import FileTree

CACHE_BYTES: Final = 64 << 20


class Trees:
    """Virtual trees by the key of their file list (`TorrentDetail.list_key`)."""

    def __init__(self, details: Details) -> None:
        self._details: Final = details
        self._cache: LRUCache[str, FileTree] = LRUCache(CACHE_BYTES, lambda tree: tree.memory_bytes)
        # A tree larger than the cache lives as long as a handle holds it, and it is the last one.
        self._alive: WeakValueDictionary[str, FileTree] = WeakValueDictionary()
        self._last: FileTree | None = None
        # Of large ones, one at a time is unpacked: memory holds no two.
        self._large: Final = trio.CapacityLimiter(1)
        self._building: dict[str, trio.Event] = {}

    async def tree(self, key: str) -> FileTree | None:
        """The virtual tree of a file list, None if the store does not have it."""
        while (tree := self._cache.get(key) or self._alive.get(key)) is None:
            building = self._building.get(key)
            if building is None:
                return await self._build(key)
            await building.wait()
        return tree

    async def _build(self, key: str) -> FileTree | None:
        file_list = self._details.file_list(key)
        if file_list is None:
            return None
        if file_list.is_small:
            tree = file_list.tree()
        else:
            self._building[key] = trio.Event()
            try:
                tree = await trio.to_thread.run_sync(file_list.tree, limiter=self._large)
            finally:
                self._building.pop(key).set()
        self._alive[key] = self._last = tree
        if tree.memory_bytes <= self._cache.maxsize:
            self._cache[key] = tree
        return tree

    async def document(self, key: str) -> bytes | None:
        """filelist.json of a file list, None if the store does not have it."""
        file_list = self._details.file_list(key)
        if file_list is None:
            return None
        if file_list.is_small:
            return file_list.document()
        return await trio.to_thread.run_sync(file_list.document, limiter=self._large)
