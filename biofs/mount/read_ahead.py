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


class ReadAhead:
    """What was read of one file lately, in bytes, and what was asked for, in pieces.

    The first read of a file and the first after a seek have nothing fetched ahead.
    """

    def __init__(self) -> None:
        self.asked = range(0)
        """The pieces that the engine was last asked for."""
        self._next = 0
        self._bytes = 0
        self._reads = 0

    def read(self, start: int, stop: int) -> bool:
        """Somebody reads these bytes. Whether that goes on where the last one ended."""
        goes_on = start == self._next
        self._bytes = self._bytes + stop - start if goes_on else 0
        self._reads = self._reads + 1 if goes_on else 0
        self._next = stop
        return goes_on

    @property
    def is_long(self) -> bool:
        """Whether as much is fetched ahead as ever is."""
        return 4 * self._bytes >= MOST_AHEAD

    def pieces(self, length: int) -> int:
        """How many pieces of so many bytes are fetched ahead now.

        Who has read a quarter of one in a row has the next one fetched.
        """
        if self._reads < 2:
            return 0
        few = 1 if 4 * self._bytes >= length else 0
        return max(min(4 * self._bytes, MOST_AHEAD) // length, few)

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
