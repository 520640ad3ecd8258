"""What is open: directories in the middle of their listing, and files that were not read yet."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final, NamedTuple

from biofs.mount.attributes import DIRECTORY, KEEP
from biofs.mount.entries import Listed, Listing
from biofs.mount.kernel.waiting import Waiter
from biofs.mount.nodes.base import Nodes, failure
from biofs.store.database.store import Version
from biofs.tree.inodes import Address


class OpenDirectory:
    """A directory handle: `.` and `..` first, then the listing, whose offsets are shifted by 2."""

    DOTS: Final = 2

    def __init__(
        self,
        inode: int,
        parent: int,
        listing: Listing,
        caller: Waiter,
        version: Version | None = None,
    ) -> None:
        self.inode: Final = inode
        self.parent: Final = parent
        self.listing: Final = listing
        self.caller: Final = caller
        self._version: Final = version

    def reading(self) -> AbstractContextManager[None]:
        """What is read while the context is open is as it was when the directory was opened."""
        return nullcontext() if self._version is None else self._version.reading()

    def close(self) -> None:
        """Nobody reads it any more."""
        if self._version is not None:
            self._version.let_go()

    def dots(self) -> Sequence[Listed]:
        """The first two entries. Of their attributes the kernel takes the inode alone."""
        return (
            Listed(b".", 1, self.inode, DIRECTORY, 0, 0, KEEP),
            Listed(b"..", 2, self.parent, DIRECTORY, 0, 0, KEEP),
        )


class Later(NamedTuple):
    """What an open file holds before it is read: the kernel may have all of it already."""

    nodes: Nodes
    address: Address
    caller: Waiter

    def close(self) -> None:
        """Nothing was made."""


class Outdated:
    """Files that were open when what is known was replaced as a whole.

    Their readers go on with what they opened, and so put it into the kernel's pages of the inode,
    which all its readers share. So until the last of them is closed, others read past the pages,
    and then `forget` has the kernel drop them.
    """

    def __init__(self, forget: Callable[[int], None]) -> None:
        self._forget: Final = forget
        self._inodes: Final[dict[int, int]] = {}
        self._counts: Final[Counter[int]] = Counter()

    def add(self, fh: int, inode: int) -> None:
        """This one is open."""
        if fh not in self._inodes:
            self._inodes[fh] = inode
            self._counts[inode] += 1

    def closed(self, fh: int) -> None:
        """This one is closed, whether it was added or not."""
        inode = self._inodes.pop(fh, None)
        if inode is None:
            return
        self._counts[inode] -= 1
        if not self._counts[inode]:
            del self._counts[inode]
            self._forget(inode)

    def has(self, inode: int) -> bool:
        """Whether one of the inode is still open."""
        return inode in self._counts


class Gone(NamedTuple):
    """The content of an open file that could not be made when it was needed."""

    why: str

    def size(self) -> int:
        """Nothing is known."""
        return 0

    def read(self, offset: int, size: int) -> bytes:
        """Raises OSError."""
        raise failure(errno.EIO)

    def close(self) -> None:
        """Nothing was made."""
