"""Directories all of whose entries are known, in memory: most requests need nothing else.

One is right as long as nothing in the store has changed (`Store.changes`) and nothing in it has
become too old, which `Family.at_once` looks at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from biofs.catalogue.listings import Caller
from biofs.catalogue.recent import Recent
from biofs.mount.listings import ENTRY_BYTES, Listed
from biofs.tree.inodes import KIND_SHIFT, Address, Kind, unpack

CACHE_BYTES: Final = 24 << 20
MOST_ENTRIES: Final = 512
"""Of a directory that is kept."""


class Directory:
    """A directory's entries, the first with offset 1 behind it and so on; the inode above it; and
    until when (epoch seconds) nobody needs to look whether all is still so. `asks` says whether a
    look at each entry may cost a request.

    It is its own listing (see `Listing`).
    """

    __slots__ = ("_listed", "_names", "asks", "changes", "good_until", "parent")

    def __init__(
        self,
        entries: list[Listed],
        parent: int,
        good_until: float = math.inf,
    ) -> None:
        self._listed: Final = entries
        self._names: dict[bytes, Listed] | None = None
        self.asks: Final = any(entry.asks for entry in entries)
        self.parent: Final = parent
        self.good_until: Final = good_until
        self.changes = -1

    def find(self, name: bytes) -> Listed | None:
        """The entry of this name."""
        names = self._names
        if names is None:
            names = self._names = {entry.name: entry for entry in self._listed}
        return names.get(name)

    async def portion(self, offset: int, caller: Caller, *, wait: bool) -> Sequence[Listed]:
        """See Listing."""
        return self._listed[offset:] if offset else self._listed

    def nbytes(self) -> int:
        """What it takes in memory, about."""
        return ENTRY_BYTES * (1 + len(self._listed))


class Directories:
    """Keeps those that were looked at last.

    `makers` make a directory of a kind, or None for what is not all known or too large; `changes`
    gives the store's number of changes, `clock` epoch seconds.
    """

    def __init__(
        self,
        makers: Mapping[Kind, Callable[[Address], Directory | None]],
        changes: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._makers: Final = {int(kind): make for kind, make in makers.items()}
        self._changes: Final = changes
        self._clock: Final = clock
        self._recent: Final[Recent[int, Directory]] = Recent(CACHE_BYTES, Directory.nbytes)

    def clear(self) -> None:
        """Forget them."""
        self._recent.clear()

    def get(self, inode: int) -> Directory | None:
        """The directory, if that can be told at once. Raises what Family.at_once does."""
        make = self._makers.get(inode >> KIND_SHIFT)
        if make is None:
            return None
        changes = self._changes()
        found = self._recent.get(inode)
        if found is not None and found.changes == changes and self._clock() < found.good_until:
            return found
        found = make(unpack(inode))
        if found is not None:
            found.changes = changes
            self._recent[inode] = found
        return found
