"""Torrents' file lists as the store keeps them: as the server sent them, compressed.

They never change for an info hash, and they can be large: what stands in a store is unpacked when
its entries are read, in a thread if it may be large, and never beyond MOST_BYTES. A snapshot may
come from anybody.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from biofs.api.models import Torrent
from biofs.store.database.files import StoreError
from biofs.tree import filelist, render
from biofs.tree.layout import FileTree
from biofs.tree.printable import unescape

MOST_BYTES: Final = 256 * 2**20
"""Of one list, unpacked. The largest answer that is taken is no larger, so no list ever was."""

QUERY: Final = "SELECT file_path, file_count, list FROM file_lists WHERE info_hash = ?"

_PACKED: Final = b"z"  # first byte of a compressed list; a plain one has a "p"
_PLAIN: Final = b"p"
_PACK_FROM: Final = 512  # bytes; shorter lists do not shrink
_STEP: Final = 16 << 10  # bytes; unpacked at most a thousand times as many (zlib.net)
_SMALL: Final = 8 << 10  # bytes as they are kept; of a list of names, eight times as many unpacked
_LONG: Final = 1 << 20  # bytes; shorter lists are laid out in some hundredths of a second


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

    def document_lines(self) -> Iterator[bytes]:
        """filelist.jsonl, line by line: one object each."""
        return render.filelist_lines(self.entries())

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


def of(connection: sqlite3.Connection, key: str) -> FileList | None:
    """The file list kept under `key`. Raises StoreError as `of_row`."""
    return of_row(connection.execute(QUERY, (key,)).fetchone())


def tree_of(connection: sqlite3.Connection, key: str) -> FileTree | None:
    """The virtual tree of a file list: as it was laid out before, or laid out now.

    None if there is no such list. Raises StoreError for a damaged one.
    """
    row = connection.execute("SELECT tree FROM trees WHERE info_hash = ?", (key,)).fetchone()
    # Only this machine's own store has any: snapshots bring none.
    tree = FileTree.unpack(zlib.decompress(row[0])) if row else None
    if tree is None:
        files = of(connection, key)
        tree = files.tree() if files else None
    return tree


class Ready(NamedTuple):
    """A file list to be written: what takes long is done. `tree` is of a long one only."""

    packed: bytes
    document_bytes: int
    tree: bytes | None


def is_long(torrent: Torrent) -> bool:
    """Whether to prepare its file list takes more than some hundredths of a second."""
    return len(torrent.file_list) >= _LONG


def prepare(torrent: Torrent) -> Ready:
    """Pack and measure a torrent's file list (for a thread if it is long)."""
    text = torrent.file_list.encode(errors="replace")
    packed = _PLAIN + text if len(text) < _PACK_FROM else _PACKED + zlib.compress(text, 6)
    tree = None
    if is_long(torrent):
        files = FileList(torrent.file_path, torrent.file_count, packed)
        tree = zlib.compress(files.tree().pack(), 1)
    portions = filelist.portions(text.decode(), torrent.file_count)
    return Ready(packed, render.filelist_size(portions), tree)


def save(
    connection: sqlite3.Connection, group_id: int, torrent: Torrent, ready: Mapping[str, Ready]
) -> tuple[str, int]:
    """Take up a torrent's file list, unless it is known; `ready` has what is prepared.

    Returns its key, and the bytes of its filelist.jsonl.
    """
    key = list_key(torrent)
    if torrent.info_hash:  # it fixes its files
        known = connection.execute(
            "SELECT document_bytes, group_id FROM file_lists WHERE info_hash = ?", (key,)
        ).fetchone()
        if known is not None:
            if known[1] != group_id:
                connection.execute(
                    "UPDATE file_lists SET group_id = ? WHERE info_hash = ?", (group_id, key)
                )
            return key, int(known[0])
    written = ready.get(key) or prepare(torrent)
    connection.execute(
        "INSERT OR REPLACE INTO file_lists"
        " (info_hash, group_id, file_path, file_count, list, document_bytes)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            key,
            group_id,
            torrent.file_path,
            torrent.file_count,
            written.packed,
            written.document_bytes,
        ),
    )
    if written.tree is not None:
        connection.execute("INSERT OR REPLACE INTO trees VALUES (?, ?)", (key, written.tree))
    return key, written.document_bytes
