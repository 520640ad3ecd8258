"""The base of the handlers of nodes, one for some kinds of nodes each."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import ClassVar, Protocol

from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.mount.attributes import Stat
from biofs.mount.contents import Data
from biofs.mount.entries import Directory, Listing
from biofs.store.groups import KnownTorrent
from biofs.store.memory import Spooled
from biofs.tree.inodes import Address, Kind


class Content(Protocol):
    """What an open file holds: it stays the same until the file is closed."""

    def size(self) -> int:
        """In bytes."""

    def read(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`."""

    def close(self) -> None:
        """The file is closed."""


class Bytes:
    """Content in memory."""

    __slots__ = ("_bytes",)

    def __init__(self, content: bytes) -> None:
        self._bytes = content

    def size(self) -> int:
        return len(self._bytes)

    def read(self, offset: int, size: int) -> bytes:
        return self._bytes[offset : offset + size]

    def close(self) -> None:
        """Nothing to do."""


class Spool:
    """Content in a file without a name."""

    __slots__ = ("_file",)

    def __init__(self, file: Spooled) -> None:
        self._file = file

    def size(self) -> int:
        return self._file.size()

    def read(self, offset: int, size: int) -> bytes:
        return self._file.read(offset, size)

    def close(self) -> None:
        self._file.let_go()


def failure(number: int) -> OSError:
    """The exception for an errno."""
    return OSError(number, os.strerror(number))


def known_torrent(catalogue: Catalogue, torrent_id: int) -> KnownTorrent:
    """The torrent with this id. Raises OSError (ENOENT) if no listing or detail has told of it."""
    torrent = catalogue.index.torrent(torrent_id)
    if torrent is None:
        raise failure(errno.ENOENT)
    return torrent


class Nodes:
    """Answers for the nodes of some kinds.

    Every method raises OSError with the errno for the caller, or ApiError. Only `lookup` must not
    wait for anything but its own directory's first listing: the kernel holds the directory's lock
    meanwhile, and every other lookup and readdir in it waits.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ()
    kept: ClassVar[tuple[Kind, ...]] = ()
    """Kinds for which `cached_directory` answers."""

    listed_in: ClassVar[Mapping[Kind, Kind]] = {}
    """Kinds of documents, each with the one of the `kept` kinds in whose directory of the same id
    it is an entry. Its content is known if nothing in the directory `asks`."""

    shows_answers: ClassVar[bool] = False
    """Whether the nodes show answers, so that the kernel has to drop them when these change."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def forget_all(self) -> None:
        """Forget what is in memory only to be found sooner."""

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        """The node's attributes, exact."""
        raise failure(errno.ENOENT)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        """The child of that name, or None."""
        raise failure(errno.ENOTDIR)

    def absence(self, name: bytes) -> float:
        """For how many seconds the kernel may remember that `name` is not there."""
        return 3600.0

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        """The node's entries, without `.` and `..`."""
        raise failure(errno.ENOTDIR)

    def cached_directory(self, address: Address, caller: Caller) -> Directory | None:
        """The node with all its entries; None if that has to be waited for, or it is large.

        The result is cached and used again until something changes.
        """
        return None

    async def parent(self, address: Address) -> int:
        """The inode of the directory in which the node stands."""
        raise failure(errno.ENOENT)

    def at_hand(self, inode: int, group: int) -> bytes | None:
        """One of the documents in `listed_in`, which belongs to this group, if it is known and
        nothing has to be waited for; else None, and `open` has it. Its age was looked at when its
        directory was."""
        return None

    async def open(self, address: Address, caller: Caller) -> Content | Data:
        """The node's content."""
        raise failure(errno.EISDIR)

    async def readlink(self, address: Address, caller: Caller) -> bytes:
        """Where the link points."""
        raise failure(errno.EINVAL)

    def keeps_pages(self, inode: int, content: Content | Data) -> bool:
        """Whether the kernel may keep what it has read of a node, now that it is opened again."""
        return True

    def volatile(self, address: Address) -> bool:
        """Whether content differs from one open to the next, so that no cache may keep it."""
        return False
