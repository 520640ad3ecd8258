"""Torrents' file lists and virtual trees, as far as they are in the store."""

from __future__ import annotations

import sqlite3
import tempfile
import zlib
from collections.abc import Callable
from typing import IO, Final, TypeVar
from weakref import WeakValueDictionary

import trio

from biofs.catalogue.details import (
    Details,
    FileList,
    TorrentDetail,
    file_list_of,
    packed_tree_of,
)
from biofs.catalogue.recent import Recent
from biofs.tree.layout import FileTree

T = TypeVar("T")

CACHE_BYTES: Final = 16 << 20
SMALL_DOCUMENT: Final = 96 << 10
"""Bytes of a filelist.json whose file list is read in a few milliseconds: some 1,500 files."""


class Trees:
    """Virtual trees and filelist.json of torrents whose detail is known."""

    def __init__(self, details: Details) -> None:
        self._details: Final = details
        self._recent: Final[Recent[str, FileTree]] = Recent(
            CACHE_BYTES, lambda tree: tree.memory_bytes
        )
        # A tree larger than the cache lives as long as a handle holds it, and it is the last one.
        self._alive: WeakValueDictionary[str, FileTree] = WeakValueDictionary()
        self._last: FileTree | None = None
        self._building: dict[str, trio.Event] = {}

    def at_hand(self, torrent: TorrentDetail) -> FileTree | None:
        """The virtual tree, if it is in memory or small; else None, and `tree` builds it."""
        key = torrent.list_key
        tree = self._recent.get(key) or self._alive.get(key)
        if tree is None and torrent.filelist_size <= SMALL_DOCUMENT:
            file_list = self._details.file_list(key)
            if file_list is not None:
                tree = file_list.tree()
                self._recent.put(key, tree)
        return tree

    async def tree(self, torrent: TorrentDetail) -> FileTree | None:
        """The virtual tree, None if the store does not have the file list (any more)."""
        key = torrent.list_key
        while (tree := self.at_hand(torrent)) is None:
            building = self._building.get(key)
            if building is None:
                return await self._build(key)
            await building.wait()
        return tree

    async def _build(self, key: str) -> FileTree | None:
        self._building[key] = trio.Event()
        try:
            tree = await self._read(lambda connection: _tree(connection, key))
        finally:
            self._building.pop(key).set()
        if tree is not None:
            self._alive[key] = self._last = tree
            self._recent.put(key, tree)
        return tree

    async def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        return await self._details.scan(read)

    async def document(self, torrent: TorrentDetail) -> bytes | IO[bytes] | None:
        """filelist.json, a long one as a file without a name; None as for `tree`."""
        key = torrent.list_key
        if torrent.filelist_size > SMALL_DOCUMENT:
            return await self._read(lambda connection: _spooled(file_list_of(connection, key)))
        file_list = self._details.file_list(key)
        return None if file_list is None else b"".join(file_list.document_lines())

    def shrink(self) -> None:
        """Forget every tree that nobody holds."""
        self._recent.clear()
        self._last = None


def _tree(connection: sqlite3.Connection, key: str) -> FileTree | None:
    packed = packed_tree_of(connection, key)
    tree = FileTree.unpack(zlib.decompress(packed)) if packed else None
    if tree is None:
        file_list = file_list_of(connection, key)
        tree = file_list.tree() if file_list else None
    return tree


def _spooled(file_list: FileList | None) -> IO[bytes] | None:
    if file_list is None:
        return None
    file = tempfile.TemporaryFile(prefix="biofs-")  # noqa: SIM115 - closed with the handle
    file.writelines(file_list.document_lines())
    file.flush()
    return file
