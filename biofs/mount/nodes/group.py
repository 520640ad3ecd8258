"""A group: group.json, description.txt, and a directory for each torrent."""

from __future__ import annotations

import errno
import math
from collections.abc import Mapping
from typing import ClassVar, Final

from biofs.catalogue.caller import Caller
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.entries import Directory, Listing, directory_entry, file_entry, link_entry
from biofs.mount.nodes.base import Bytes, Content, Nodes, failure
from biofs.store.details import Detail
from biofs.store.groups import KnownGroup
from biofs.tree.inodes import ID_STEP, KIND_SHIFT, Address, Kind, category_inode, pack

_DOCUMENTS: Final = {b"group.json": Kind.GROUP_JSON, b"description.txt": Kind.DESCRIPTION}
_COMMENTS: Final = b"comments"
_JSON: Final = pack(Kind.GROUP_JSON)
_JSON_KIND: Final = int(Kind.GROUP_JSON)
_DESCRIPTION: Final = pack(Kind.DESCRIPTION)
_LINK: Final = pack(Kind.COMMENTS_LINK)
_TORRENT: Final = pack(Kind.TORRENT)


class GroupNodes(Nodes):
    """Answers for a group's directory and its documents. `address.ident` is the group's id."""

    kinds: ClassVar[tuple[Kind, ...]] = (
        Kind.GROUP,
        Kind.GROUP_JSON,
        Kind.DESCRIPTION,
        Kind.COMMENTS_LINK,
    )
    kept: ClassVar[tuple[Kind, ...]] = (Kind.GROUP,)
    listed_in: ClassVar[Mapping[Kind, Kind]] = {
        Kind.GROUP_JSON: Kind.GROUP,
        Kind.DESCRIPTION: Kind.GROUP,
    }

    def _group(self, group_id: int) -> KnownGroup:
        group = self.catalogue.index.group(group_id)
        if group is None:
            raise failure(errno.ENOENT)
        return group

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        group = self._group(address.ident)
        if address.kind is Kind.GROUP:
            return attributes.directory(pack(Kind.GROUP, group.id), group.mtime)
        if address.kind is Kind.COMMENTS_LINK:
            return _comments_link(group)
        detail = await self.catalogue.groups.get(group.id, caller)
        return _document(address.kind, self._group(group.id), detail)

    def cached_directory(self, address: Address, caller: Caller) -> Directory | None:
        group = self._group(address.ident)
        documents = self.catalogue.groups
        detail = documents.known(group.id, caller)
        if detail is None and self.catalogue.index.is_title_only(group.id):
            return None
        json, text = (len(detail.json), len(detail.description)) if detail else (None, None)
        step, mtime = group.id * ID_STEP, group.mtime
        entries = [
            file_entry(b"group.json", 1, _JSON + step, json, mtime),
            file_entry(b"description.txt", 2, _DESCRIPTION + step, text, mtime),
            link_entry(_COMMENTS, 3, _LINK + step, len(_comments_of(group.id)), mtime),
        ]
        for number, torrent in enumerate(self.catalogue.index.torrents_of(group.id), 4):
            inode = _TORRENT + torrent.id * ID_STEP
            entries.append(directory_entry(torrent.name.encode(), number, inode, torrent.mtime))
        good_until = math.inf if detail is None else documents.good_until(detail)
        above, asks = category_inode(group.category), detail is None
        return Directory(entries, above, good_until, asks=asks, group=group.id)

    async def _listed(self, address: Address, caller: Caller) -> Directory:
        """Wait until all torrents of the group are known: its directory's own first listing."""
        directory = self.cached_directory(address, caller)
        if directory is None:
            await self.catalogue.groups.get(address.ident, caller)
            directory = self.cached_directory(address, caller)
        if directory is None:  # the detail was evicted meanwhile
            raise failure(errno.EAGAIN)
        return directory

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        directory = self.cached_directory(address, caller)
        if directory is None:
            group = self._group(address.ident)
            if name in _DOCUMENTS:
                return _document(_DOCUMENTS[name], group, None)
            if name == _COMMENTS:
                return _comments_link(group)
            if not name.endswith(b"]"):
                return None
            directory = await self._listed(address, caller)
        found = directory.find(name)
        return found.stat if found else None

    def absence(self, name: bytes) -> float:
        # A torrent may be added at any time; other names never come to be.
        return self.catalogue.freshness.absence if name.endswith(b"]") else super().absence(name)

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        return await self._listed(address, caller)

    async def parent(self, address: Address) -> int:
        if address.kind is Kind.GROUP:
            return category_inode(self._group(address.ident).category)
        return pack(Kind.GROUP, address.ident)

    def at_hand(self, inode: int, group: int) -> bytes | None:
        detail = self.catalogue.groups.known_now(group)
        if detail is None:
            return None
        return detail.json if inode >> KIND_SHIFT == _JSON_KIND else detail.description

    async def open(self, address: Address, caller: Caller) -> Content:
        if address.kind is Kind.GROUP:
            raise failure(errno.EISDIR)
        detail = await self.catalogue.groups.get(address.ident, caller)
        return Bytes(detail.json if address.kind is Kind.GROUP_JSON else detail.description)

    async def readlink(self, address: Address, caller: Caller) -> bytes:
        if address.kind is not Kind.COMMENTS_LINK:
            raise failure(errno.EINVAL)
        return _comments_of(address.ident)


def _document(kind: Kind, group: KnownGroup, detail: Detail | None) -> Stat:
    size = None
    if detail is not None:
        size = len(detail.json if kind is Kind.GROUP_JSON else detail.description)
    return attributes.file(pack(kind, group.id), size, group.mtime)


def _comments_of(group_id: int) -> bytes:
    return b"../../../comments/%d" % group_id


def _comments_link(group: KnownGroup) -> Stat:
    inode = pack(Kind.COMMENTS_LINK, group.id)
    return attributes.link(inode, len(_comments_of(group.id)), group.mtime)
