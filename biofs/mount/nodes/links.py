"""Links from the views to the one place of a group or torrent under `categories/`.

Whether the target is known is found out by readlink, where a caller may wait. A lookup holds its
directory's lock, so it answers at once for every name that could be right.
"""

from __future__ import annotations

import errno
from typing import ClassVar

from biofs.catalogue.caller import Caller
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import Nodes, failure
from biofs.store.groups import KnownGroup, KnownTorrent
from biofs.tree import names
from biofs.tree.inodes import Address, Kind, pack


class LinkNodes(Nodes):
    """Answers for links to groups and torrents; `address.part` is a link's depth below the root."""

    kinds: ClassVar[tuple[Kind, ...]] = (Kind.GROUP_LINK, Kind.TORRENT_LINK)

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        if address.kind is Kind.GROUP_LINK:
            return self.to_group(address.ident, address.part)
        return self.to_torrent(address.ident, address.part)

    def to_group(self, group_id: int, depth: int) -> Stat:
        """A link to a group from a directory `depth` levels below the root; nothing is fetched."""
        group = self.catalogue.index.group(group_id)
        if group is None:
            return attributes.link(pack(Kind.GROUP_LINK, group_id, depth), None, 0)
        return self.to_known_group(group, depth)

    def to_known_group(self, group: KnownGroup, depth: int) -> Stat:
        """A link to a group whose row is at hand; costs no look into the store."""
        inode = pack(Kind.GROUP_LINK, group.id, depth)
        return attributes.link(inode, 3 * depth + len(_path(group)), group.mtime)

    def to_torrent(self, torrent_id: int, depth: int) -> Stat:
        """A link to a torrent, `depth` levels below the root."""
        torrent = self.catalogue.index.torrent(torrent_id)
        group = self.catalogue.index.group(torrent.group_id) if torrent else None
        if torrent is None or group is None:
            return attributes.link(pack(Kind.TORRENT_LINK, torrent_id, depth), None, 0)
        return self.to_known_torrent(torrent, group, depth)

    def to_known_torrent(self, torrent: KnownTorrent, group: KnownGroup, depth: int) -> Stat:
        """A link to a torrent that is at hand with its group."""
        inode = pack(Kind.TORRENT_LINK, torrent.id, depth)
        size = 3 * depth + len(_path(group)) + 1 + len(torrent.name.encode())
        return attributes.link(inode, size, torrent.mtime)

    async def readlink(self, address: Address, caller: Caller) -> bytes:
        if address.kind is Kind.GROUP_LINK:
            path = await self.group_path(address.ident, caller)
        else:
            path = await self.torrent_path(address.ident, caller)
        return b"../" * address.part + path

    async def group_path(self, group_id: int, caller: Caller) -> bytes:
        """The path of a group from the root; one request if it is not known."""
        group = self.catalogue.index.group(group_id)
        if group is None:
            await self.catalogue.placing.place(group_id, caller)
            group = self.catalogue.index.group(group_id)
        if group is None or not names.has_place(group.category):
            raise failure(errno.ENOENT)
        return _path(group)

    async def torrent_path(self, torrent_id: int, caller: Caller) -> bytes:
        """The path of a torrent from the root; one request if it is not known."""
        torrent = self.catalogue.index.torrent(torrent_id)
        if torrent is None:
            await self.catalogue.groups.find_torrent(torrent_id, caller)
            torrent = self.catalogue.index.torrent(torrent_id)
        if torrent is None:
            raise failure(errno.ENOENT)
        return await self.group_path(torrent.group_id, caller) + b"/" + torrent.name.encode()


def _path(group: KnownGroup) -> bytes:
    return f"categories/{names.category_dirname(group.category)}/{group.name}".encode()
