"""What a node looks like, before it becomes a pyfuse3.EntryAttributes."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import pyfuse3

from biofs.mount.kernel.names_only import without_inode

KEEP: Final = 3600.0
"""Seconds for which the kernel may keep what is known. It is told when something changes before."""

KEEP_LINK: Final = 60.0
"""Seconds for which it may keep the name of a link: it is not told when one goes from a view."""

UNKNOWN_SIZE: Final = 4096
"""Stands for the size of a document that was not fetched yet, always with an attr_timeout of 0: the
kernel then asks again before it uses the size, and getattr waits for the true one.

But between that and the end of a read(2) somebody's readdir may set the size again, and the reader
gets zeros up to it (seen, with documents that were evicted while they were open). So a document
that was opened keeps the size it had then, until it is known again (`Attributes.opened`)."""

_MOST_OPENED: Final = 16_384

DIRECTORY: Final = stat.S_IFDIR | 0o555
FILE: Final = stat.S_IFREG | 0o444
LINK: Final = stat.S_IFLNK | 0o777

_BLOCK: Final = 512  # the unit of st_blocks (stat(2))
_NANOSECONDS: Final = 1_000_000_000


class Stat(NamedTuple):
    """A node's attributes: `size` in bytes, `mtime` in epoch seconds, `keep` the attr_timeout."""

    inode: int
    mode: int
    size: int
    mtime: int
    keep: float


def directory(inode: int, mtime: int) -> Stat:
    """A directory. Its own size is 0: what it holds is counted at its files."""
    return Stat(inode, DIRECTORY, 0, mtime, KEEP)


def file(inode: int, size: int | None, mtime: int) -> Stat:
    """A file; `size` None says that it is not known yet."""
    if size is None:
        return Stat(inode, FILE, UNKNOWN_SIZE, mtime, 0.0)
    return Stat(inode, FILE, size, mtime, KEEP)


def link(inode: int, size: int | None, mtime: int) -> Stat:
    """A symbolic link; `size` is its target's length, None if that is not known.

    Then it is 0, as for the links in /proc, and the kernel asks again.
    """
    return Stat(inode, LINK, size or 0, mtime, 0.0 if size is None else KEEP)


class Attributes:
    """Fills one pyfuse3.EntryAttributes again and again.

    A reused object costs 3.7 µs an entry and no memory, a new one each time 4.5 µs. pyfuse3 copies
    it into the reply before the next handler can run, so one is enough.
    """

    def __init__(self, uid: int, gid: int) -> None:
        self._entry = pyfuse3.EntryAttributes()
        self._entry.generation = 0
        self._entry.st_uid = uid
        self._entry.st_gid = gid
        self._entry.st_blksize = 4096
        self._entry.st_rdev = 0
        # 1 says "number of subdirectories unknown", so that find does not count on it.
        self._entry.st_nlink = 1
        # What was set last: most entries of a directory differ in little but their inode.
        self._mode = self._size = self._mtime = -1
        self._keep = self._keep_name = -1.0
        self._opened_sizes: dict[int, int] = {}
        self._without_inode: Final = without_inode()

    def opened(self, inode: int, size: int) -> None:
        """A document of so many bytes was opened: nobody is told UNKNOWN_SIZE of it any more."""
        sizes = self._opened_sizes
        sizes.pop(inode, None)
        sizes[inode] = size  # at the end: the first is the one opened longest ago
        if len(sizes) > _MOST_OPENED:
            del sizes[next(iter(sizes))]

    def fill(self, what: Sequence[Any]) -> pyfuse3.EntryAttributes:
        """The attributes of `what`, which has the fields of Stat."""
        entry = self._entry
        entry.st_ino, mode, size, mtime, keep = what
        if size == UNKNOWN_SIZE and keep == 0.0:
            size = self._opened_sizes.get(what[0], size)
        if mode != self._mode:
            entry.st_mode = self._mode = mode
            self._keep_name = -1.0
        if size != self._size:
            entry.st_size = size
            entry.st_blocks = (size + _BLOCK - 1) // _BLOCK
            self._size = size
        if mtime != self._mtime:
            time = mtime * _NANOSECONDS
            entry.st_mtime_ns = time
            entry.st_ctime_ns = time
            entry.st_atime_ns = time
            self._mtime = mtime
        if keep != self._keep:
            entry.attr_timeout = self._keep = keep
        if self._keep_name < 0:
            entry.entry_timeout = self._keep_name = KEEP_LINK if mode == LINK else KEEP
        return entry

    def fill_name(self, what: Sequence[Any]) -> pyfuse3.EntryAttributes:
        """For readdir, `what` as a name of which the kernel keeps nothing (`kernel/names_only`)."""
        without = self._without_inode
        if without is None:
            return self.fill(what)
        entry, mode = self._entry, what[1]
        entry.st_ino = without.of(what[0])
        if mode != self._mode:
            entry.st_mode = self._mode = mode
            self._keep_name = -1.0
        return entry

    def absent(self, keep_name: float) -> pyfuse3.EntryAttributes:
        """Says that there is no such name, and lets the kernel remember it (inode 0)."""
        entry = self._entry
        entry.st_ino = 0
        entry.entry_timeout = keep_name
        self._keep_name = -1.0
        return entry
