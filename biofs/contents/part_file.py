"""A file in which clients keep what nobody wants of the pieces that they had to fetch.

Clients made with libtorrent, qBittorrent among them, write the part that a piece has of an unwanted
file neither to that file nor away, but into `.HASH.parts` beside the torrent. As
src/part_file.cpp of libtorrent has it, all numbers in big-endian order of 32 bits: the number of
pieces; the bytes of a piece; for each piece the slot that it has, or one that is too large if it
has none; and the slots, each as long as a piece, from the next multiple of 1024 bytes on.

It is as hostile as all data: what comes out of it may be anything, and the piece hash decides.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from biofs.contents.disk.beneath import Components
from biofs.contents.disk.places import Place
from biofs.contents.rules import pread
from biofs.tree.metainfo import Metainfo

_NUMBERS: Final = struct.Struct(">II")
_SLOT: Final = struct.Struct(">I")
_ALIGNED: Final = 1024


def names(metainfo: Metainfo) -> Iterator[bytes]:
    """What the file can be called: by the hash of v1, or that of v2 cut to as many bytes."""
    for info_hash in (metainfo.info_hash_v1, metainfo.info_hash_v2):
        if info_hash is not None:
            yield b".%s.parts" % info_hash[:20].hex().encode()


def read_part(
    descriptor: int, metainfo: Metainfo, piece: int, offset: int, length: int
) -> bytes | None:
    """Bytes of a piece, from `offset` in it, out of an open part file; None if it lacks them.

    For a thread. Reads two entries of the header and the bytes, whatever the file's size. Raises
    OSError of the disk.
    """
    count, size = metainfo.piece_count, metainfo.piece_length
    if not (0 <= piece < count and offset >= 0 and 0 < length <= size - offset):
        return None
    if pread(descriptor, 0, _NUMBERS.size) != _NUMBERS.pack(count, size):
        return None
    entry = pread(descriptor, _NUMBERS.size + piece * _SLOT.size, _SLOT.size)
    if len(entry) != _SLOT.size:
        return None
    slot: int = _SLOT.unpack(entry)[0]
    if slot >= count:
        return None
    header = -(-(_NUMBERS.size + count * _SLOT.size) // _ALIGNED) * _ALIGNED
    data = pread(descriptor, header + slot * size + offset, length)
    return data if len(data) == length else None


class PartFile:
    """The part file of a torrent, opened when it is first read. Closed on leaving `with`."""

    def __init__(self, metainfo: Metainfo, place: Place) -> None:
        self._metainfo: Final = metainfo
        self._place: Final = place
        self._opened: list[int] | None = None

    def read(self, piece: int, offset: int, length: int) -> bytes | None:
        """As `read_part`; None also if there is no part file, or it cannot be read."""
        if self._opened is None:
            self._opened = list(self._open())
        for descriptor in self._opened:
            try:
                found = read_part(descriptor, self._metainfo, piece, offset, length)
            except OSError:
                continue
            if found is not None:
                return found
        return None

    def _open(self) -> Iterator[int]:
        for folder in self._folders():
            for name in names(self._metainfo):
                try:
                    yield self._place.directory.open((*folder, name))
                except OSError:
                    continue

    def _folders(self) -> Iterator[Components]:
        """Beside the torrent's top; in it, where the client's user has left the top out."""
        top = self._place.top
        if top:
            yield top[:-1]
        if not self._place.single:
            yield top

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for descriptor in self._opened or ():
            os.close(descriptor)
        self._opened = []
