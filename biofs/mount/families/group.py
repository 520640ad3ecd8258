"""A group: group.json, description.txt, and a directory for each torrent."""

from __future__ import annotations

import errno
from typing import ClassVar, Final

from biofs.catalogue.index import KnownGroup
from biofs.catalogue.listings import Caller
from biofs.mount import stat
from biofs.mount.families.family import Bytes, Content, Family, failure
from biofs.mount.listings import FixedListing, Listing
from biofs.mount.stat import Stat
from biofs.tree.inodes import Address, Kind, pack

_DOCUMENTS: Final = {b"group.json": Kind.GROUP_JSON, b"description.txt": Kind.DESCRIPTION}
_COMMENTS: Final = b"comments"


class GroupFamily(Family):
    """See the module."""

    kinds: ClassVar[tuple[Kind, ...]] = (
        Kind.GROUP,
        Kind.GROUP_JSON,
        Kind.DESCRIPTION,
        Kind.COMMENTS_LINK,
    )

    def _group(self, group_id: int) -> KnownGroup:
        group = self.catalogue.index.group(group_id)
        if group is None:
            raise failure(errno.ENOENT)
        return group

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        group = self._group(address.ident)
        if address.kind is Kind.GROUP:
            return stat.directory(pack(Kind.GROUP, group.id), group.mtime)
        if address.kind is Kind.COMMENTS_LINK:
            return _comments_link(group)
        await self.catalogue.documents.get(group.id, caller)
        return self._document(address.kind, self._group(group.id))

    async def _listed(self, group_id: int, caller: Caller) -> None:
        """Wait until all torrents of the group are known: its directory's own first listing."""
        if self.catalogue.index.is_only_mentioned(group_id):
            await self.catalogue.documents.get(group_id, caller)

    def _document(self, kind: Kind, group: KnownGroup) -> Stat:
        detail = self.catalogue.documents.known(group.id)
        size = None
        if detail is not None:
            size = len(detail.json if kind is Kind.GROUP_JSON else detail.description)
        return stat.file(pack(kind, group.id), size, group.mtime)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        kind = _DOCUMENTS.get(name)
        if kind is not None:
            return self._document(kind, self._group(address.ident))
        if name == _COMMENTS:
            return _comments_link(self._group(address.ident))
        if name.endswith(b"]"):
            await self._listed(address.ident, caller)
        for torrent in self.catalogue.index.torrents_of(address.ident):
            if torrent.name.encode() == name:
                return stat.directory(pack(Kind.TORRENT, torrent.id), torrent.mtime)
        return None

    def absence(self, name: bytes) -> float:
        # A torrent may be added at any time; other names never come to be.
        return self.catalogue.freshness.absence if name.endswith(b"]") else super().absence(name)

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        self._group(address.ident)
        await self._listed(address.ident, caller)
        group = self._group(address.ident)
        entries = [(name, self._document(kind, group)) for name, kind in _DOCUMENTS.items()]
        entries.append((_COMMENTS, _comments_link(group)))
        entries += [
            (torrent.name.encode(), stat.directory(pack(Kind.TORRENT, torrent.id), torrent.mtime))
            for torrent in self.catalogue.index.torrents_of(group.id)
        ]
        return FixedListing(entries)

    async def parent(self, address: Address) -> int:
        if address.kind is Kind.GROUP:
            return pack(Kind.CATEGORY, self._group(address.ident).category)
        return pack(Kind.GROUP, address.ident)

    async def open(self, address: Address, caller: Caller) -> Content:
        if address.kind is Kind.GROUP:
            raise failure(errno.EISDIR)
        detail = await self.catalogue.documents.get(address.ident, caller)
        return Bytes(detail.json if address.kind is Kind.GROUP_JSON else detail.description)

    async def readlink(self, address: Address, caller: Caller) -> bytes:
        if address.kind is not Kind.COMMENTS_LINK:
            raise failure(errno.EINVAL)
        return _comments_of(address.ident)


def _comments_of(group_id: int) -> bytes:
    return b"../../../comments/%d" % group_id


def _comments_link(group: KnownGroup) -> Stat:
    inode = pack(Kind.COMMENTS_LINK, group.id)
    return stat.link(inode, len(_comments_of(group.id)), group.mtime)
