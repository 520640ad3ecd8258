"""Bytes of a file that are in the kernel's memory, read without ever waiting for a disk."""

from __future__ import annotations

import errno
import os
from typing import Final

_REQUEST: Final = 1 << 20
"""Bytes. The kernel asks for no more at a time (FUSE_MAX_MAX_PAGES, fs/fuse/fuse_i.h of Linux)."""
_reused: Final = memoryview(bytearray(_REQUEST))
"""For reads in the event loop, which are answered one after another. Memory that is new costs more
than the reading."""


def in_memory(descriptor: int, start: int, stop: int) -> memoryview | None:
    """The bytes from `start` to `stop`, good until the next call; None if only the disk has them.

    For the event loop. Raises OSError of the disk.
    """
    length = stop - start
    buffer = _reused[:length] if length <= _REQUEST else memoryview(bytearray(length))
    return buffer if fills(descriptor, buffer, start) else None


def fills(descriptor: int, buffer: bytearray | memoryview, start: int) -> bool:
    """Whether there were bytes in memory for all of the buffer. As `in_memory`."""
    try:
        count = os.preadv(descriptor, [buffer], start, os.RWF_NOWAIT)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EOPNOTSUPP):
            return False
        raise
    return count == len(buffer)
