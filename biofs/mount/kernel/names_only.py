"""Long listings: what nobody looks at reaches the kernel as a name, and not as an inode.

pyfuse3 answers every readdir with attributes (READDIRPLUS), so the kernel makes an inode and a
dentry of each entry, which saves whoever looks at it a lookup. They take 1,070 bytes, for a million
names a gigabyte, and the kernel needs as long to make them as biofs for the rest of the listing
(docs/benchmarks.md). A reader of names alone has no use for them.

The kernel would decide this by whether names are looked up (FUSE_READDIRPLUS_AUTO), if pyfuse3 knew
the plain READDIR. Here the same is done without. An entry whose inode number is 0 stays a name
(fuse_direntplus_link in the kernel's fs/fuse/readdir.c). In a long listing one entry of thousands
is such a probe: as long as names are looked up, the reader looks at what it lists, and all entries
but the probes have inodes. A program that first reads all names and then looks at each of them pays
a lookup for each one beyond `LOOKED_AHEAD`; with the kernel's own way it would do so for all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import pyfuse3

T = TypeVar("T")
Way = Callable[[Any], T]

FIRST: Final = 1 << 16
"""Entries of a listing that all have an inode."""

LOOKED_AHEAD: Final = 1 << 17
"""Entries that have one from the beginning or the last lookup on. find, du and grep read 100,000
before they look at the first (FTS_MAX_READDIR_ENTRIES in gnulib's fts.c)."""

PROBES_APART: Final = 1 << 12
"""Entries from one probe to the next."""


class LongListings:
    """The directories that are being read beyond their first entries, by inode."""

    def __init__(self) -> None:
        self._reading: Final[dict[int, set[LongListing]]] = {}

    def looked(self, directory: int) -> None:
        """A name is looked up in a directory."""
        for listing in self._reading.get(directory, ()):
            listing.looked = True

    def add(self, directory: int, listing: LongListing) -> None:
        """From now on `listing` is told of lookups."""
        self._reading.setdefault(directory, set()).add(listing)

    def remove(self, directory: int, listing: LongListing) -> None:
        """It is told no more."""
        listings = self._reading[directory]
        listings.remove(listing)
        if not listings:
            del self._reading[directory]


class LongListing:
    """How the entries of one open directory are given to the kernel from the `FIRST` on.

    `looked` says that a name was looked up since the last reply.
    """

    __slots__ = ("_all", "_directory", "_probe", "_until", "looked")

    def __init__(self, directory: int, every: LongListings) -> None:
        self._directory: Final = directory
        self._all: Final = every
        self._until = LOOKED_AHEAD
        self._probe = FIRST
        self.looked = False
        every.add(directory, self)

    def ways(self, sent: int, whole: Way[T], name: Way[T]) -> tuple[Way[T], Way[T]]:
        """How to give the first entry of the next reply, and how the others; the kernel took so
        many before."""
        if self.looked:
            self._until = sent + LOOKED_AHEAD
            self.looked = False
        if sent >= self._until:
            return name, name
        if sent < self._probe:
            return whole, whole
        self._probe = sent + PROBES_APART
        return name, whole

    def close(self) -> None:
        """The directory is closed."""
        self._all.remove(self._directory, self)


class WithoutInode:
    """An inode number for EntryAttributes that is 0 for the entry, and `number` in the dirent.

    Those are two fields, which pyfuse3 sets from one attribute: it asks this object twice.
    """

    __slots__ = ("_number", "asked")

    def __init__(self) -> None:
        self._number = 0
        self.asked = 0

    def of(self, number: int) -> Any:
        """What to assign to `st_ino`, once."""
        self._number, self.asked = number, 0
        return self

    def __int__(self) -> int:
        self.asked += 1
        return 0 if self.asked == 1 else self._number


def without_inode() -> WithoutInode | None:
    """None if this pyfuse3 sets the fields in another way: then every entry has an inode."""
    made, entry = WithoutInode(), pyfuse3.EntryAttributes()
    try:
        entry.st_ino = made.of(pyfuse3.ROOT_INODE)
    except (TypeError, ValueError):
        return None
    return made if entry.st_ino == 0 and made.asked == 2 else None
