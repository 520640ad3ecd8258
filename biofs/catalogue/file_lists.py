"""Torrents' file lists as the store keeps them: as the server sent them, compressed.

They never change for an info hash, and they can be large: what stands in a store is unpacked when
its entries are read, in a thread if it may be large, and never beyond MOST_BYTES. A snapshot may
come from anybody.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from biofs.api.models import Torrent
from biofs.catalogue.store import StoreError
from biofs.tree import filelist, render
from biofs.tree.layout import FileTree
from biofs.tree.text import unescape

MOST_BYTES: Final = 256 * 2**20
"""Of one list, unpacked. The largest answer that is taken is no larger, so no list ever was."""

QUERY: Final = "SELECT file_path, file_count, list FROM file_lists WHERE info_hash = ?"

_PACKED: Final = b"z"  # first byte of a compressed list; a plain one has a "p"
_PLAIN: Final = b"p"
_PACK_FROM: Final = 512  # bytes; shorter lists do not shrink
_STEP: Final = 16 << 10  # bytes; unpacked at most a thousand times as many (zlib.net)
_SMALL: Final = 8 << 10  # bytes as they are kept; of a list of names, eight times as many unpacked


class FileList(NamedTuple):
    """A torrent's file list as the store keeps it. Reading entries raises StoreError."""

    file_path: str
    file_count: int
    packed: bytes

    @property
    def is_small(self) -> bool:
        """Whether it is unpacked and parsed in a few milliseconds, and needs no thread."""
        return len(self.packed) <= _SMALL

    @property
    def top(self) -> str:
        """The name of the torrent's top directory, "" if it has none."""
        return unescape(self.file_path)

    def text(self) -> str:
        """What the server sent. Raises StoreError if that is damaged or more than MOST_BYTES."""
        form, packed = self.packed[:1], memoryview(self.packed)[1:]
        try:
            return str(_unpacked(packed) if form == _PACKED else packed, "utf-8")
        except (zlib.error, UnicodeDecodeError):
            raise StoreError("a file list in the store is damaged") from None

    def entries(self) -> Iterator[filelist.Entry]:
        """The files in the server's order, one after another: never all of them in memory."""
        return filelist.iterate(self.text(), self.file_count)

    def document(self) -> bytes:
        """filelist.json: one object a line."""
        return render.filelist_json(self.entries())

    def tree(self) -> FileTree:
        """The virtual tree (for a thread: a hundred thousand files take a tenth of a second)."""
        return FileTree.build(self.entries(), self.top)


def list_key(torrent: Torrent) -> str:
    """Under what a torrent's file list is kept: its info hash, or its id if that is no hash."""
    return torrent.info_hash.upper() or f"torrent {torrent.id}"


def of_row(row: tuple[object, ...] | None) -> FileList | None:
    """The file list in a row of QUERY. Raises StoreError for what `save` did not write."""
    if row is None:
        return None
    file_path, file_count, packed = row
    if not (
        isinstance(file_path, str) and isinstance(file_count, int) and isinstance(packed, bytes)
    ):
        raise StoreError("a file list in the store is damaged")
    return FileList(file_path, file_count, packed)


def _unpacked(packed: memoryview) -> bytearray:
    inflater = zlib.decompressobj()
    text = bytearray()
    for start in range(0, len(packed), _STEP):
        text += inflater.decompress(packed[start : start + _STEP])
        if len(text) > MOST_BYTES:
            text.clear()  # the error's traceback would keep it, for as long as somebody has that
            raise StoreError("a file list in the store is too large")
    if not inflater.eof:
        raise StoreError("a file list in the store is damaged")
    return text


def save(connection: sqlite3.Connection, group_id: int, torrent: Torrent) -> None:
    """Take up a torrent's file list, unless it is known."""
    key = list_key(torrent)
    known = connection.execute(
        "UPDATE file_lists SET group_id = ? WHERE info_hash = ?", (group_id, key)
    )
    if known.rowcount and torrent.info_hash:
        return  # an info hash fixes its files
    text = torrent.file_list.encode(errors="replace")
    packed = _PLAIN + text if len(text) < _PACK_FROM else _PACKED + zlib.compress(text, 6)
    document = render.filelist_json(filelist.iterate(torrent.file_list, torrent.file_count))
    connection.execute(
        "INSERT OR REPLACE INTO file_lists"
        " (info_hash, group_id, file_path, file_count, list, document_bytes)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (key, group_id, torrent.file_path, torrent.file_count, packed, len(document)),
    )
