"""Directories all of whose entries are known, in memory: most requests need nothing else.

One is right as long as nothing in the store has changed (`Store.changes`) and nothing in it has
become too old, which `Family.at_once` looks at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cachetools import LRUCache

from biofs.catalogue.listings import Caller
from biofs.mount.listings import Listed, listed
from biofs.mount.stat import Stat
from biofs.tree.inodes import KIND_SHIFT, Address, Kind, unpack

CACHE_BYTES: Final = 32 << 20
MOST_ENTRIES: Final = 512
"""Of a directory that is kept."""

_ENTRY_BYTES: Final = 320
"""What an entry takes in memory beside its name: measured with tracemalloc, 310 to 330."""


class Directory:
    """A directory's entries in their order, the inode above it, and until when (epoch seconds)
    nobody needs to look whether it is still so. It is its own listing (see `Listing`)."""

    __slots__ = ("_listed", "_names", "changes", "good_until", "parent")

    def __init__(
        self,
        entries: Sequence[tuple[bytes, Stat]],
        parent: int,
        good_until: float = math.inf,
    ) -> None:
        self._listed: Final = [
            listed(name, stat, number) for number, (name, stat) in enumerate(entries, 1)
        ]
        self._names: dict[bytes, Listed] | None = None
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

    def __len__(self) -> int:
        return len(self._listed)

    def nbytes(self) -> int:
        """What it takes in memory, about."""
        return _ENTRY_BYTES * (1 + len(self._listed))


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
        self._cache: Final[LRUCache[int, Directory]] = LRUCache(CACHE_BYTES, Directory.nbytes)

    def get(self, inode: int) -> Directory | None:
        """The directory, if that can be told at once. Raises what Family.at_once does."""
        make = self._makers.get(inode >> KIND_SHIFT)
        if make is None:
            return None
        changes = self._changes()
        try:
            kept: Directory = self._cache[inode]
            if kept.changes == changes and self._clock() < kept.good_until:
                return kept
        except KeyError:
            pass
        found = make(unpack(inode))
        if found is not None:
            found.changes = changes
            if len(found) <= MOST_ENTRIES:
                self._cache[inode] = found
        return found
