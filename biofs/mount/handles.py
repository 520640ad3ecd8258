"""What is open: directories in the middle of their listing, and files that were not read yet."""

from __future__ import annotations

import errno
from collections.abc import Sequence
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
