"""A category: its groups, and index.jsonl with their browse rows."""

from __future__ import annotations

import errno
from typing import ClassVar, Final

import trio

from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.entries import ArrivingGroups, KnownGroups, Listing, portions
from biofs.mount.nodes.base import Bytes, Content, Nodes, Spool, failure
from biofs.store.groups import KnownGroup
from biofs.store.memory import Spooled
from biofs.tree import names
from biofs.tree.inodes import MAX_ID, Address, Kind, pack

INDEX_NAME = b"index.jsonl"
IN_MEMORY_BYTES = 4 << 20
CACHE_BYTES: Final = 6 << 20
"""Of portions of listings: 19,000 entries."""


def group_entry(group: KnownGroup) -> tuple[bytes, Stat]:
    """A group as an entry of its category."""
    return group.name.encode(), attributes.directory(pack(Kind.GROUP, group.id), group.mtime)


class CategoryNodes(Nodes):
    """Answers for a category's directory and its index.jsonl. `address.ident` is the category."""

    kinds: ClassVar[tuple[Kind, ...]] = (Kind.CATEGORY, Kind.INDEX)

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(catalogue)
        self._portions: Final = portions(CACHE_BYTES)

    def forget_all(self) -> None:
        self._portions.clear()

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        category = address.ident
        if category not in names.CATEGORIES and not self.catalogue.index.summary(category)[0]:
            raise failure(errno.ENOENT)
        if address.kind is Kind.CATEGORY:
            _, newest, _ = self.catalogue.index.summary(category)
            return attributes.directory(pack(Kind.CATEGORY, category), newest)
        await self.catalogue.listings.listed(category, caller)
        return self._index(category)

    def _index(self, category: int) -> Stat:
        known = self.catalogue.listings.is_complete(category)
        _, newest, size = self.catalogue.index.summary(category)
        return attributes.file(pack(Kind.INDEX, category), size if known else None, newest)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        if name == INDEX_NAME:
            return self._index(address.ident)
        group_id = _id_of(name)
        if group_id is None:
            return None  # not a name of a group: nothing to fetch
        while True:
            group = self.catalogue.index.group(group_id)
            if group is not None:
                return _found(group, address.ident, name)
            arriving = self.catalogue.listings.open(address.ident, caller)
            if arriving is None:
                return None
            await caller.wait(arriving.fetch)
            if arriving.fetch.done:
                arriving.fetch.raise_error()

    def absence(self, name: bytes) -> float:
        return super().absence(name) if _id_of(name) is None else self.catalogue.freshness.absence

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        category = address.ident
        arriving = self.catalogue.listings.open(category, caller)
        fixed = [(INDEX_NAME, self._index(category))]
        index = self.catalogue.index
        if arriving is None:
            return KnownGroups(
                index, category, fixed, self._portions, lambda: self.catalogue.store.changes
            )
        # Wait here, where no directory lock is held, until there is something to list.
        while not arriving.ids and not arriving.fetch.done:
            await caller.wait(arriving.fetch)
        if not arriving.ids:
            arriving.fetch.raise_error()
        return ArrivingGroups(index, arriving, fixed, group_entry)

    async def parent(self, address: Address) -> int:
        if address.kind is Kind.INDEX:
            return pack(Kind.CATEGORY, address.ident)
        return pack(Kind.CATEGORIES)

    async def open(self, address: Address, caller: Caller) -> Content:
        if address.kind is not Kind.INDEX:
            raise failure(errno.EISDIR)
        category = address.ident
        await self.catalogue.listings.listed(category, caller)
        _, _, size = self.catalogue.index.summary(category)
        if size <= IN_MEMORY_BYTES:
            return Bytes(b"".join(self.catalogue.index.lines(category)))
        return Spool(await trio.to_thread.run_sync(Spooled, self.catalogue.index.lines(category)))


def _found(group: KnownGroup, category: int, name: bytes) -> Stat | None:
    """A known group under a name in a category; None if that is not its name there."""
    if group.category != category:
        return None
    if group.name.encode() == name:
        return group_entry(group)[1]
    # So it is listed until its name is known: who walks over a listing must still find it after
    # reading the first document, which tells the name.
    if names.group_dirname("", group.id).encode() == name:
        return group_entry(group)[1]._replace(keep=0.0)
    return None


def _id_of(name: bytes) -> int | None:
    try:
        ident = names.id_of(name.decode())
    except UnicodeDecodeError:
        return None
    return ident if ident is not None and ident <= MAX_ID else None
