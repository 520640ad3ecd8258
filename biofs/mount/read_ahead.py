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


_AT_THE_START: Final = 3
_ELSEWHERE: Final = 1
_FEW_BYTES: Final = 4 << 20
"""So many pieces, and no more bytes, are fetched behind those that the first read of a file needs,
or the first after a seek.

libtorrent tells a peer as soon as nothing more is wanted of it, and then asks it for two blocks at
a time until it has measured the rate again, up to a second later. With something more on its way
while the first bytes are read, who goes on does not wait for that: 128 MiB in a row took 1.4 s
instead of 1.7 s (docs/benchmarks.md).
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
        self._from = 0
        self._jumps = 0

    def read(self, start: int, stop: int) -> bool:
        """Somebody reads these bytes. Whether that goes on where the last one ended."""
        goes_on = start == self._next
        if goes_on:
            self._bytes += stop - start
            self._reads += 1
        else:
            self._bytes = self._reads = 0
            self._from = start
            self._jumps += 1
        self._next = stop
        if self._bytes >= _FEW_BYTES:
            self._jumps = 0
        return goes_on

    @property
    def is_long(self) -> bool:
        """Whether as much is fetched ahead as ever is."""
        return 4 * self._bytes >= MOST_AHEAD

    def pieces(self, length: int) -> int:
        """How many pieces of so many bytes are fetched ahead of who has all that it needs.

        Who has read a quarter of one in a row has the next one fetched.
        """
        if self._reads < 2:
            return 0
        few = 1 if 4 * self._bytes >= length else 0
        return max(min(4 * self._bytes, MOST_AHEAD) // length, few)

    def behind(self, needed: range, length: int) -> int:
        """How many pieces of so many bytes are asked for behind those that are needed, if any."""
        few = _ELSEWHERE if self._from else _AT_THE_START
        if not needed or self._jumps > _JUMPS:
            few = 0
        return max(self.pieces(length), min(few, _FEW_BYTES // length))

    def is_due(self, piece: int, end: int, length: int) -> bool:
        """Whether half of what was fetched ahead is used up, or it is less than half by now.

        `piece` is being read, and `end` behind the last of the file.
        """
        ahead, asked = self.pieces(length), self.asked
        left = asked.stop - piece - 1 if asked.start <= piece < asked.stop else 0
        return left <= ahead // 2 and ahead > 0 and piece + 1 + left < end

    def to_verify(self, piece: int, length: int) -> range:
        """The pieces to be verified before who reads this one gets there."""
        most = max(1, _VERIFIED_AHEAD // length) if length <= LARGE_PIECE // 2 else 0
        return range(piece + 1, piece + 1 + min(most, self.pieces(length)))
