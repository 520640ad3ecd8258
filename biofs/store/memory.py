"""What is kept for a while beside the store: trees in memory, long documents in temporary files.

`Recent` holds what was used lately, bounded by bytes. `Spooled` is a document that is too long for
memory. `Trees` are the file lists and virtual trees of torrents, as far as the store has them.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Final, Generic, TypeVar
from weakref import WeakValueDictionary

import trio

from biofs.store import file_lists
from biofs.store.details import Details, TorrentDetail
from biofs.tree.layout import FileTree

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


_BUFFER: Final = 1 << 20  # bytes


class Recent(Generic[K, V]):
    """What was used lately, bounded by bytes; what alone is too large for it is left out.

    Every request of the kernel looks into one or two of these, so it does little: cachetools takes
    five times as long.
    """

    __slots__ = ("_bytes", "_held", "_most", "_nbytes", "_sizes")

    def __init__(self, most_bytes: int, nbytes: Callable[[V], int]) -> None:
        self._most: Final = most_bytes
        self._nbytes: Final = nbytes
        self._held: Final[OrderedDict[K, V]] = OrderedDict()
        self._sizes: Final[dict[K, int]] = {}
        self._bytes = 0

    def get(self, key: K) -> V | None:
        """What was put there, None if it is not here (any more)."""
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        return found

    def __setitem__(self, key: K, value: V) -> None:
        """Put it there. What was there before goes in any case: it is not right any more."""
        self.pop(key)
        self.keep(key, value, self._nbytes(value))

    def keep(self, key: K, value: V, size: int) -> None:
        """Put there what is so many bytes; nothing is there yet."""
        if size > self._most:
            return
        self._held[key], self._sizes[key] = value, size
        self._bytes += size
        while self._bytes > self._most:
            oldest, _ = self._held.popitem(last=False)
            self._bytes -= self._sizes.pop(oldest)

    def pop(self, key: K) -> None:
        """Forget it, if it is here."""
        if key in self._held:
            del self._held[key]
            self._bytes -= self._sizes.pop(key)

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()
        self._sizes.clear()
        self._bytes = 0


class Spooled:
    """A document in a temporary file without a name.

    Its maker holds it, and each caller of `hold` does; each calls `let_go` once. With the last of
    these the file is gone.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        """Write the lines to the file; call it in a thread. Raises OSError."""
        self._holders = 1
        self._file = tempfile.TemporaryFile(  # noqa: SIM115 - closed by `let_go`
            prefix="biofs-", buffering=_BUFFER
        )
        try:
            self._file.writelines(lines)
            self._file.flush()
        except BaseException:
            self._file.close()
            raise

    def size(self) -> int:
        """In bytes."""
        return os.fstat(self._file.fileno()).st_size

    def read(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`."""
        return os.pread(self._file.fileno(), size, offset)

    def hold(self) -> Spooled:
        """It is needed once more. Returns itself."""
        self._holders += 1
        return self

    def let_go(self) -> None:
        """It is needed once less."""
        self._holders -= 1
        if self._holders == 0:
            self._file.close()


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

    def short_document(self, torrent: TorrentDetail) -> bytes | None:
        """filelist.jsonl if it is short and the store has it; else None, and `document` makes it.

        Raises StoreError for a damaged list.
        """
        small = self._small(torrent)
        return None if small is None else b"".join(small.document_lines())

    async def document(self, torrent: TorrentDetail) -> bytes | Spooled | None:
        """filelist.jsonl, a long one in a file, to be let go of; None as for `tree`.

        Raises StoreError for a damaged list.
        """
        short = self.short_document(torrent)
        if short is not None:
            return short
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
