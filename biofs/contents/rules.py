"""What reading and checking have in common: when bytes count as verified, and what is shared."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

import trio

from biofs.contents.ledger import Ledger
from biofs.contents.piece_cache import PieceCache
from biofs.tree.metainfo import Metainfo

T = TypeVar("T")

MOST_PIECE: Final = 256 << 20
"""Bytes. A larger piece is not read; clients make none."""

LARGE_PIECE: Final = 16 << 20
"""Bytes. Of pieces that are larger, one at a time is in memory."""

SETTLED_SECONDS: Final = 2.0
"""A file that changed less long ago could change again without a new time: file systems count in
steps of up to 2 s (FAT)."""


class Unverified(OSError):  # noqa: N818 - says what it is
    """There are no right bytes. The errno is ENODATA."""

    def __init__(self) -> None:
        super().__init__(errno.ENODATA, os.strerror(errno.ENODATA))


class Shared(NamedTuple):
    """What all open files use together."""

    ledger: Ledger
    pieces: PieceCache
    limiter: trio.CapacityLimiter
    """For the threads that read."""
    wall: Callable[[], float]
    """Epoch seconds."""

    async def in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        """Run work that may wait for a disk. Cancelled, it is abandoned and ends by itself."""
        return await trio.to_thread.run_sync(
            work, *arguments, limiter=self.limiter, abandon_on_cancel=True
        )


def key_of(metainfo: Metainfo) -> bytes:
    """The info hash by which the ledger knows a torrent, 20 or 32 bytes."""
    found = metainfo.info_hash_v1 or metainfo.info_hash_v2
    assert found is not None  # noqa: S101 - it has one or both
    return found


def pread(descriptor: int, offset: int, size: int) -> bytes:
    """As many bytes as there are, up to `size`: one read may give less (read(2))."""
    data = os.pread(descriptor, size, offset)
    if len(data) == size or not data:
        return data
    parts = [data]
    have = len(data)
    while have < size:
        more = os.pread(descriptor, size - have, offset + have)
        if not more:
            break
        parts.append(more)
        have += len(more)
    return b"".join(parts)
