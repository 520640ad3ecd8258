"""How far ahead of who reads a file in a row it is fetched and verified."""

from __future__ import annotations

from typing import Final

from biofs.contents.rules import LARGE_PIECE

MOST_AHEAD: Final = 32 << 20
"""Bytes. So much is fetched ahead of who has read a quarter of it in a row; of others, four times
what they read. Half of it is what a fast peer sends in the tenth of a second that it may take until
the next half is asked for."""
_VERIFIED_AHEAD: Final = 8 << 20
"""Bytes of what is fetched ahead that are verified before somebody reads them, or a piece."""


_FEW: Final = 4
_FEW_BYTES: Final = 4 << 20
"""So many pieces, and no more bytes, are fetched behind the first read of a file, and behind one
after a seek, and no less of who reads in a row.

libtorrent tells a peer as soon as nothing more is wanted of it, and then asks it for two blocks at
a time until it has measured the rate again, up to a second later; the last block comes 44 ms late
besides, since the peer waits for an acknowledgement that is delayed (tcp(7), TCP_QUICKACK). With
something more on its way while the first bytes are read, who goes on does not wait for that. With
twice as much, a seek waits for a second more at 5 MB/s.
"""
_JUMPS: Final = 2
"""Who has sought more often, and not read _FEW_BYTES in a row since, has nothing more fetched."""


class ReadAhead:
    """What was read of one file lately, in bytes, and what was asked for, in pieces."""

    def __init__(self) -> None:
        self.asked = range(0)
        """The pieces that the engine was last asked for."""
        self._next = 0
        self._bytes = 0
        self._reads = 0
        self._jumps = 0

    def read(self, start: int, stop: int) -> bool:
        """Somebody reads these bytes. Whether that goes on where the last one ended."""
        goes_on = start == self._next
        if goes_on:
            self._bytes += stop - start
            self._reads += 1
        else:
            self._bytes = self._reads = 0
            self._jumps += 1
        self._next = stop
        if self._bytes >= _FEW_BYTES:
            self._jumps = 0
        return goes_on

    @property
    def is_long(self) -> bool:
        """Whether as much is fetched ahead as ever is."""
        return 4 * self._bytes >= MOST_AHEAD

    @property
    def _is_row(self) -> bool:
        return self._reads >= 2

    def pieces(self, length: int) -> int:
        """How many pieces of so many bytes are fetched behind those that a read needs.

        Who has read a quarter of one in a row has the next one fetched.
        """
        row = 4 * self._bytes if self._is_row else 0
        few = 0 if self._jumps > _JUMPS else min(_FEW, _FEW_BYTES // length)
        return max(min(row, MOST_AHEAD) // length, few, 1 if row >= length else 0)

    def is_due(self, piece: int, end: int, length: int) -> bool:
        """Whether half of what was fetched ahead is used up, or it is less than half by now.

        `piece` is being read, and `end` behind the last of the file.
        """
        ahead, asked = self.pieces(length), self.asked
        left = asked.stop - piece - 1 if asked.start <= piece + 1 <= asked.stop else 0
        return left <= ahead // 2 and ahead > 0 and piece + 1 + left < end

    def to_verify(self, piece: int, length: int) -> range:
        """The pieces to be verified before who reads this one gets there."""
        kept = self._is_row and length <= LARGE_PIECE // 2
        most = max(1, _VERIFIED_AHEAD // length) if kept else 0
        return range(piece + 1, piece + 1 + min(most, self.pieces(length)))
