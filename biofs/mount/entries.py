"""Directory handles: what a directory held when it was opened, in portions."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

from biofs.catalogue.caller import Caller
from biofs.catalogue.listings import Arriving
from biofs.mount.attributes import DIRECTORY, FILE, KEEP, LINK, UNKNOWN_SIZE, Stat
from biofs.store.groups import Index, KnownGroup
from biofs.store.memory import Recent
from biofs.tree.inodes import ID_STEP, KIND_SHIFT, Address, Kind, pack, unpack

PORTION: Final = 512
ENTRY_BYTES: Final = 320
"""What an entry takes in memory, with its name and its place in a table of names: a tuple of 112
bytes, a name of 64, numbers of 64, and 80 for the list and the table (sys.getsizeof)."""

_GROUP: Final = pack(Kind.GROUP)
_next: Final = attrgetter("next")
_new: Final = tuple.__new__  # half the time of calling the class, which takes keywords, too


class Listed(NamedTuple):
    """One entry: its name, the offset behind it as telldir(3) would give it, and what `Stat` has.

    Flat, because a listing may have a hundred thousand of them.
    """

    name: bytes
    next: int
    inode: int
    mode: int
    size: int
    mtime: int
    keep: float

    @property
    def stat(self) -> Stat:
        """Its attributes."""
        return Stat(*self[2:])

    @property
    def asks(self) -> bool:
        """Whether its attributes are not known, so that looking at them may cost a request."""
        return self.keep == 0.0 and self.mode != DIRECTORY


def listed(name: bytes, stat: Stat, following: int) -> Listed:
    """An entry with the offset behind it."""
    return Listed(name, following, *stat)


def directory_entry(name: bytes, following: int, inode: int, mtime: int) -> Listed:
    """A directory as an entry, as `stat.directory` has it."""
    return _new(Listed, (name, following, inode, DIRECTORY, 0, mtime, KEEP))


def file_entry(name: bytes, following: int, inode: int, size: int | None, mtime: int) -> Listed:
    """A file as an entry, as `stat.file` has it."""
    if size is None:
        return _new(Listed, (name, following, inode, FILE, UNKNOWN_SIZE, mtime, 0.0))
    return _new(Listed, (name, following, inode, FILE, size, mtime, KEEP))


def link_entry(name: bytes, following: int, inode: int, size: int, mtime: int) -> Listed:
    """A symbolic link as an entry, as `stat.link` has it."""
    return _new(Listed, (name, following, inode, LINK, size, mtime, KEEP))


class Listing(Protocol):
    """An open directory."""

    async def portion(self, offset: int, caller: Caller, *, wait: bool) -> Sequence[Listed]:
        """Some entries behind `offset`; none says that the end is reached, or, without `wait`,
        that the next ones are not there yet."""


class FixedListing:
    """A directory whose entries are all known when it is opened."""

    def __init__(self, entries: Sequence[tuple[bytes, Stat]]) -> None:
        self._entries = [
            listed(name, stat, number) for number, (name, stat) in enumerate(entries, start=1)
        ]

    async def portion(self, offset: int, caller: Caller, *, wait: bool) -> Sequence[Listed]:
        return self._entries[offset : offset + PORTION] if offset else self._entries[:PORTION]


Render = Callable[[KnownGroup], tuple[bytes, Stat]]


class Numbered(NamedTuple):
    """An entry that has an id, by which a directory is ordered."""

    id: int
    name: bytes
    stat: Stat


class ById:
    """What is known, by id: an entry's offset is its id. `after` gives the next ones behind an id,
    none at the end.

    A listing stays consistent while the catalogue changes: what is there throughout is listed
    once. Nothing is held but the portion being read.
    """

    def __init__(
        self,
        fixed: Sequence[tuple[bytes, Stat]],
        after: Callable[[int], Iterable[Numbered]],
    ) -> None:
        self._fixed = FixedListing(fixed)
        self._shift = len(fixed) + 1
        self._after = after
        self._portion: list[Listed] = []
        self._portion_offset = -1

    async def portion(self, offset: int, caller: Caller, *, wait: bool) -> Sequence[Listed]:
        if offset < self._shift - 1:
            return await self._fixed.portion(offset, caller, wait=wait)
        held = self._portion
        if held and self._portion_offset <= offset < held[-1].next:
            # The kernel's buffer holds fewer entries than a portion: go on in the one at hand.
            start = bisect_right(held, offset, key=_next)
            return held[start:] if start else held
        # Offset shift-1 is "behind the fixed entries", shift+id "behind the entry with that id".
        self._portion_offset = offset
        self._portion = self._behind(offset - self._shift, self._shift)
        return self._portion

    def _behind(self, ident: int, shift: int) -> list[Listed]:
        return [listed(name, stat, shift + number) for number, name, stat in self._after(ident)]


Portions = Recent[tuple[int, int, int, int], list[Listed]]
"""Portions of categories by category, the id before them, what offsets are shifted by, and the
store's number of changes."""


def portions(most_bytes: int) -> Portions:
    """A cache of so much, about."""
    return Recent(most_bytes, lambda portion: ENTRY_BYTES * (1 + len(portion)))


class KnownGroups(ById):
    """The groups of a category that is known whole. Portions are taken from `kept` and put there
    as of `changes`, the store's number of changes."""

    def __init__(
        self,
        index: Index,
        category: int,
        fixed: Sequence[tuple[bytes, Stat]],
        kept: Portions,
        changes: Callable[[], int],
    ) -> None:
        super().__init__(fixed, lambda _ident: ())
        self._index = index
        self._category = category
        self._kept = kept
        self._changes = changes

    def _behind(self, ident: int, shift: int) -> list[Listed]:
        key = self._category, ident, shift, self._changes()
        portion = self._kept.get(key)
        if portion is None:
            portion = self._kept[key] = [
                directory_entry(name, shift + number, _GROUP + number * ID_STEP, mtime)
                for name, number, mtime in self._index.entries_after(self._category, ident)
            ]
        return portion


class ArrivingGroups:
    """The groups of a category that is being listed for the first time, as they arrive."""

    def __init__(
        self,
        index: Index,
        arriving: Arriving,
        fixed: Sequence[tuple[bytes, Stat]],
        render: Render,
    ) -> None:
        self._index = index
        self._arriving = arriving
        self._fixed = FixedListing(fixed)
        self._count = len(fixed)
        self._render = render

    async def portion(self, offset: int, caller: Caller, *, wait: bool) -> Sequence[Listed]:
        """See Listing. Raises ApiError if the listing fails before its end."""
        if offset < self._count:
            return await self._fixed.portion(offset, caller, wait=wait)
        arriving = self._arriving
        start = offset - self._count
        while start >= len(arriving.ids) and not arriving.complete and not arriving.fetch.done:
            if not wait:
                return ()
            await caller.wait(arriving.fetch)
        if start >= len(arriving.ids):
            # An end that is none must not look like one: what arrived would seem to be all.
            arriving.fetch.raise_error()
        found: list[Listed] = []
        for position in range(start, len(arriving.ids)):
            group = self._index.group(arriving.ids[position])
            if group is not None:  # else it went while it was being listed
                name, stat = self._render(group)
                found.append(listed(name, stat, self._count + position + 1))
                if len(found) == PORTION:
                    break
        return found


# Directories all of whose entries are known, in memory: most requests need nothing else.
#
# One is right as long as nothing in the store has changed (`Store.changes`) and nothing in it has
# become too old, which `Nodes.cached_directory` looks at.


CACHE_BYTES: Final = 24 << 20
MOST_ENTRIES: Final = 512
"""Of a directory that is kept."""


class Directory:
    """A directory's entries, the first with offset 1 behind it and so on; the inode above it; and
    until when (epoch seconds) nobody needs to look whether all is still so. `asks` says whether a
    look at each entry may cost a request: if not given, what the entries say of it. Those in
    `unlisted` are found by their names alone. `group` is the group to which the documents in it
    belong, 0 if there are none.

    It is its own listing (see `Listing`).
    """

    __slots__ = (
        "_listed",
        "_names",
        "_unlisted",
        "asks",
        "changes",
        "good_until",
        "group",
        "made",
        "parent",
    )

    def __init__(
        self,
        entries: list[Listed],
        parent: int,
        good_until: float = math.inf,
        unlisted: Sequence[Listed] = (),
        *,
        asks: bool | None = None,
        group: int = 0,
    ) -> None:
        self._listed: Final = entries
        self._unlisted: Final = unlisted
        self._names: dict[bytes, Listed] | None = None
        self.asks: Final = any(entry.asks for entry in entries) if asks is None else asks
        self.parent: Final = parent
        self.group: Final = group
        self.good_until: Final = good_until
        self.changes = -1
        self.made = -math.inf

    def find(self, name: bytes) -> Listed | None:
        """The entry of this name."""
        names = self._names
        if names is None:
            names = self._names = {entry[0]: entry for entry in self._listed}
            names.update((entry[0], entry) for entry in self._unlisted)
        return names.get(name)

    def size_of(self, inode: int) -> int | None:
        """The size of the entry with this inode; None if there is none."""
        for entry in self._listed:
            if entry[2] == inode:
                return entry[4]
        return None

    async def portion(self, offset: int, caller: Caller, *, wait: bool) -> Sequence[Listed]:
        return self._listed[offset:] if offset else self._listed

    def nbytes(self) -> int:
        """What it takes in memory, about."""
        return ENTRY_BYTES * (1 + len(self._listed) + len(self._unlisted))


class Directories:
    """Keeps those that were looked at last.

    `makers` make a directory of a kind, or None for what is not all known or too large; `changes`
    gives the store's number of changes, `clock` epoch seconds.
    """

    def __init__(
        self,
        makers: Mapping[Kind, Callable[[Address, Caller], Directory | None]],
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

    def at_hand(self, inode: int) -> Directory | None:
        """The directory, if it is in memory and still right."""
        found = self._recent.get(inode)
        if found is None or found.changes != self._changes():
            return None
        # The clock may have been put back since: what was good for an hour is not for years.
        return found if found.made <= self._clock() < found.good_until else None

    def keeps(self, inode: int) -> bool:
        """Whether it may be the inode of one."""
        return inode >> KIND_SHIFT in self._makers

    def get(self, inode: int, caller: Caller) -> Directory | None:
        """The directory, if it is known whole. Raises what Nodes.cached_directory does."""
        if not self.keeps(inode):
            return None
        return self.at_hand(inode) or self.made(inode, caller)

    def made(self, inode: int, caller: Caller) -> Directory | None:
        """As `get`, of one that is not at hand but may be one."""
        changes, now = self._changes(), self._clock()
        found = self._makers[inode >> KIND_SHIFT](unpack(inode), caller)
        if found is not None:
            found.changes = changes
            found.made = now
            self._recent[inode] = found
        return found
