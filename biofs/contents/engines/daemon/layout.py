"""Which pieces the files of a torrent are in, and how large they are, as libtorrent has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

import libtorrent

WANTED: Final = 4
"""libtorrent's default priority of a piece; 0 is that nobody wants it, and 7 the highest."""


def key_of(info: libtorrent.torrent_info) -> str:
    """The info hash that the catalogue has, in hexadecimal digits."""
    hashes = info.info_hashes()
    found = hashes.v1 if hashes.has_v1() else hashes.v2
    return str(found)[:40]


class Layout:
    """Which pieces the files of a torrent are in.

    Files are counted as in the metainfo. libtorrent counts pad files that it makes up itself in
    torrents of v2 alone, to have all files begin with a piece.
    """

    def __init__(self, info: libtorrent.torrent_info) -> None:
        storage = info.files()
        self.pieces = info.num_pieces()
        self.piece_length = info.piece_length()
        self.size = info.total_size()
        self._info = info
        self._storage = storage

    @cached_property
    def _numbers(self) -> Sequence[int]:
        """libtorrent's index of each file."""
        every = range(self._storage.num_files())
        if self._info.info_hashes().has_v1():
            return every
        return [each for each in every if not self._is_made_up(each)]

    def _is_made_up(self, number: int) -> bool:
        return self._is_pad(number) and self._storage.file_offset(number) % self.piece_length != 0

    def _is_pad(self, number: int) -> bool:
        return bool(self._storage.file_flags(number) & libtorrent.file_flags_t.flag_pad_file)

    @property
    def files(self) -> int:
        return len(self._numbers)

    def file_size(self, index: int) -> int:
        return self._storage.file_size(self._numbers[index])

    def of_file(self, index: int) -> range:
        """Empty for an empty file and for a pad file, which is never fetched."""
        number = self._numbers[index]
        size = self._storage.file_size(number)
        if not size or self._is_pad(number):
            return range(0)
        start = self._storage.file_offset(number)
        return range(start // self.piece_length, (start + size - 1) // self.piece_length + 1)

    def done(self, progress: Sequence[int], pending: Iterable[int]) -> list[int]:
        """Of each file, how much is in it, in bytes.

        `progress` is what libtorrent says of its files, `pending` the pieces that it counts
        although they need not be in the files yet.
        """
        left = list(progress)
        for piece in pending:
            for each in self._info.map_block(piece, 0, self._info.piece_size(piece)):
                left[each.file_index] = max(0, left[each.file_index] - each.size)
        return [left[number] for number in self._numbers]

    def priorities(self, files: Iterable[int], pieces: Iterable[int] = ()) -> bytearray:
        """A priority for each piece, if these files and pieces are wanted."""
        priorities = bytearray(self.pieces)
        for index in files:
            for piece in self.of_file(index):
                priorities[piece] = WANTED
        for piece in pieces:
            priorities[piece] = WANTED
        return priorities

    def room(self, priorities: bytearray) -> int:
        """How much room the pieces take that have a priority, in bytes."""
        return self.bytes_of(piece for piece, each in enumerate(priorities) if each)

    def bytes_of(self, pieces: Iterable[int]) -> int:
        """How much room the pieces take, in bytes."""
        last = self.size - (self.pieces - 1) * self.piece_length
        return sum(last if each == self.pieces - 1 else self.piece_length for each in pieces)
