"""Which pieces of a file are verified before its reader gets there, and by how many threads.

A reader who goes on from where the last read ended is expected to go on: the pieces just ahead are
hashed while the kernel reads those before, one after the other in the same thread. With a thread
for each piece, several would hash at once, and what answers the kernel would wait for a processor.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Final

from biofs.contents.rules import LARGE_PIECE

IN_A_ROW: Final = 1 << 20
"""Bytes. A reader who has read as much in a row goes on. There is no such of a file no longer."""

_AHEAD: Final = 4 << 20
"""Bytes. So much, or a piece, is verified for such a reader before it gets there."""

_THREADS: Final = max(1, min(4, len(os.sched_getaffinity(0)) - 1))
"""For one file, so that a processor is left for its reader."""

NOTHING: Final = range(0)


class Ahead:
    """See the module; of one open file, whose pieces are numbered from its first.

    `next` is for the event loop, the others for any thread.
    """

    def __init__(self, count: int, piece_length: int) -> None:
        self._count: Final = count
        self._pieces: Final = max(1, _AHEAD // piece_length)
        self._never: Final = piece_length > LARGE_PIECE // 2
        self._next = 0
        self._in_a_row = 0
        self._begun = 0
        self._left: Final[deque[int]] = deque()
        self._threads = 0
        self._lock: Final = threading.Lock()

    def next(self, offset: int, stop: int, following: int) -> range:
        """What is to be verified for who reads the bytes from `offset` to `stop`, behind which the
        piece `following` is the first that is not read; nothing, unless all is read in a row.

        What was begun is not begun again.
        """
        self._in_a_row = self._in_a_row + stop - offset if offset == self._next else 0
        self._next = stop
        if self._in_a_row < IN_A_ROW or self._never:
            return NOTHING
        end = min(following + self._pieces, self._count)
        start = max(following, self._begun) if self._begun <= end else following
        return range(start, end) if start < end else NOTHING

    def add(self, numbers: range) -> bool:
        """Have these pieces verified. Whether a thread more should do that, with `take`."""
        with self._lock:
            self._begun = numbers.stop
            self._left.extend(numbers)
            if self._threads >= _THREADS:
                return False
            self._threads += 1
            return True

    def take(self) -> int | None:
        """The next piece; None if no more is to be done, and the thread is none of ours then."""
        with self._lock:
            if self._left:
                return self._left.popleft()
            self._threads -= 1
            return None

    def leave(self) -> None:
        """A thread does not come, or goes before there is nothing more to do."""
        with self._lock:
            self._threads -= 1
            if not self._threads:
                self._left.clear()


NEVER: Final = Ahead(0, 1)
"""Of all files no longer than `IN_A_ROW`: nothing is left to be verified ahead."""


def ahead_of(length: int, count: int, piece_length: int) -> Ahead:
    """For a file of that many bytes and pieces: `NEVER` for those that end too soon."""
    return Ahead(count, piece_length) if length > IN_A_ROW else NEVER
