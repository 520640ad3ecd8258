"""`groups/` and `torrents/`: links by id. What is known is listed; any id can be looked up."""

from __future__ import annotations

import errno
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final

from biofs.catalogue.listings import Caller
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.entries import ById, Listing, Numbered
from biofs.mount.nodes.base import failure
from biofs.mount.views.document import id_in
from biofs.mount.views.index import IndexView
from biofs.tree.inodes import Address, Kind, pack


class NumberedView(IndexView, ABC):
    """A view whose links are told by id."""

    def top(self) -> Stat:
        return attributes.directory(self.inode, self.catalogue.browsing.newest())._replace(keep=1.0)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        ident = id_in(name)
        if ident is None:
            return await super().lookup(address, name, caller)
        return self.link(ident)

    @abstractmethod
    def link(self, ident: int) -> Stat:
        """The link with this id; whether it leads anywhere is found out by following it."""

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        return ById(await self.note(0), self.after)

    @abstractmethod
    def after(self, ident: int) -> Iterator[Numbered]:
        """The next known links behind an id."""


class GroupsView(NumberedView):
    """`groups/`."""

    def link(self, ident: int) -> Stat:
        return self.links.to_group(ident, self.depth)

    def after(self, ident: int) -> Iterator[Numbered]:
        for group in self.catalogue.browsing.groups_after(ident):
            yield Numbered(group.id, b"%d" % group.id, self.links.to_known_group(group, self.depth))


class TorrentsView(NumberedView):
    """`torrents/`."""

    def link(self, ident: int) -> Stat:
        return self.links.to_torrent(ident, self.depth)

    def after(self, ident: int) -> Iterator[Numbered]:
        for torrent, group in self.catalogue.browsing.torrents_after(ident):
            shown = self.links.to_known_torrent(torrent, group, self.depth)
            yield Numbered(torrent.id, b"%d" % torrent.id, shown)


# `hashes/`: links to torrents by info hash. Those that details have told are listed.


_HASH: Final = re.compile(rb"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}")
_WORD: Final = "hash"


class HashesView(IndexView):
    """See the module. A hash that no torrent is known by is a link to what the server knows by it,
    which is asked for when the link is followed.
    """

    async def missing(self, ident: int) -> str:
        reason = await super().missing(ident)
        if reason or not await self.catalogue.browsing.lacks_hashes():
            return reason
        return (
            "These are the info hashes known so far: they come with the details of groups, and not "
            "every group's detail was fetched. To fetch them:\n\n    biofs warm --details"
        )

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        if not _HASH.fullmatch(name):
            return await super().lookup(address, name, caller)
        info_hash = name.decode().upper()
        torrent_id = self.catalogue.browsing.torrent_of(info_hash)
        if torrent_id is not None:
            return self.links.to_torrent(torrent_id, self.depth)
        number = self.catalogue.text_ids.add(_WORD, info_hash)
        return None if number is None else attributes.link(self._asking(number), None, 0)

    def _asking(self, number: int) -> int:
        return pack(Kind.WORD_LINK, number, self.number)

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        if address.kind is not Kind.WORD_LINK:
            return await super().getattr(address, caller)
        torrent_id = self.catalogue.browsing.torrent_of(self._hash(address))
        if torrent_id is None:
            return attributes.link(self._asking(address.ident), None, 0)
        shown = self.links.to_torrent(torrent_id, self.depth)
        return shown._replace(inode=self._asking(address.ident))

    def _hash(self, address: Address) -> str:
        info_hash = self.catalogue.text_ids.text(_WORD, address.ident)
        if info_hash is None:
            raise failure(errno.ENOENT)
        return info_hash

    async def readlink(self, address: Address, caller: Caller) -> bytes:
        if address.kind is not Kind.WORD_LINK:
            raise failure(errno.EINVAL)
        info_hash, known = self._hash(address), self.catalogue.browsing.torrent_of
        torrent_id = known(info_hash)
        if torrent_id is None:
            await self.catalogue.groups.find_hash(info_hash, caller)
            torrent_id = known(info_hash)
        if torrent_id is None:  # an answer about something else
            raise failure(errno.EIO)
        return b"../" * self.depth + await self.links.torrent_path(torrent_id, caller)

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        return ById(await self.note(0), self._after)

    def _after(self, torrent_id: int) -> Iterator[Numbered]:
        for info_hash, (torrent, group) in self.catalogue.browsing.hashes_after(torrent_id):
            shown = self.links.to_known_torrent(torrent, group, self.depth)
            yield Numbered(torrent.id, info_hash.encode(), shown)
