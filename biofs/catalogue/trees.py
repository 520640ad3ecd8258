"""Torrents' file lists and virtual trees, as far as they are in the store."""

from __future__ import annotations

from typing import Final
from weakref import WeakValueDictionary

import trio

from biofs.catalogue.details import Details
from biofs.catalogue.recent import Recent
from biofs.tree.layout import FileTree

CACHE_BYTES: Final = 64 << 20
_SMALL_LIST: Final = 64 << 10  # characters; parses in well under a millisecond


class Trees:
    """Virtual trees by the key of their file list (`TorrentDetail.list_key`)."""

    def __init__(self, details: Details) -> None:
        self._details: Final = details
        self._recent: Final[Recent[str, FileTree]] = Recent(
            CACHE_BYTES, lambda tree: tree.memory_bytes
        )
        # A tree larger than the cache lives as long as a handle holds it, and it is the last one.
        self._alive: WeakValueDictionary[str, FileTree] = WeakValueDictionary()
        self._last: FileTree | None = None
        self._building: dict[str, trio.Event] = {}

    def at_hand(self, key: str) -> FileTree | None:
        """The virtual tree, if it is in memory or small; else None, and `tree` builds it."""
        tree = self._recent.get(key)
        if tree is None:
            file_list = self._details.file_list(key)
            if file_list is None or len(file_list.text) > _SMALL_LIST:
                return None
            tree = file_list.tree()
            self._recent.put(key, tree)
        return tree

    async def tree(self, key: str) -> FileTree | None:
        """The virtual tree of a file list, None if the store does not have it."""
        while (tree := self._recent.get(key) or self._alive.get(key)) is None:
            building = self._building.get(key)
            if building is None:
                return await self._build(key)
            await building.wait()
        return tree

    async def _build(self, key: str) -> FileTree | None:
        file_list = self._details.file_list(key)
        if file_list is None:
            return None
        if len(file_list.text) <= _SMALL_LIST:
            tree = file_list.tree()
        else:
            self._building[key] = trio.Event()
            try:
                tree = await trio.to_thread.run_sync(file_list.tree)
            finally:
                self._building.pop(key).set()
        self._alive[key] = self._last = tree
        self._recent.put(key, tree)
        return tree

    async def document(self, key: str) -> bytes | None:
        """filelist.json of a file list, None if the store does not have it."""
        file_list = self._details.file_list(key)
        if file_list is None:
            return None
        if len(file_list.text) <= _SMALL_LIST:
            return file_list.document()
        return await trio.to_thread.run_sync(file_list.document)
