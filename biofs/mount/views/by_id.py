"""`groups/`, `torrents/`, `hashes/`: links by id and by info hash. What is known is listed; any
other can be looked up."""

from __future__ import annotations

import errno
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final

from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.entries import ById, Listing, Numbered
from biofs.mount.nodes.base import Content, failure
from biofs.mount.views import base
from biofs.mount.views.base import Incomplete, LinkNodes, View
from biofs.mount.views.document import id_in
from biofs.tree.inodes import Address, Kind, pack
from biofs.tree.views import ViewLine

_INCOMPLETE: Final = 1
"""The document number of `.incomplete`, part of inode numbers."""

_HASH: Final = re.compile(rb"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}")
_WORD: Final = "hash"
"""The kind of `TextIds` that info hashes are."""


class LinksView(View, ABC):
    """A directory of links that are made from their names alone, and of `.incomplete` while not
    every group is known."""

    def __init__(self, catalogue: Catalogue, links: LinkNodes, line: ViewLine) -> None:
        super().__init__(catalogue, links, line)
        self._incomplete: Final = Incomplete(line.number, _INCOMPLETE)

    @abstractmethod
    def link(self, name: bytes) -> Stat | None:
        """The link of this name, None if none can have it. Nobody is asked: whether it leads
        anywhere is found out by following it."""

    @abstractmethod
    def after(self, ident: int) -> Iterator[Numbered]:
        """The next known links behind an id, in the order of ids."""

    async def missing(self) -> str:
        """Why not all is known, for people; "" if it is."""
        return base.why(self.catalogue.browsing.gaps())

    async def _note(self) -> list[tuple[bytes, Stat]]:
        entries = self._incomplete.entries(0, await self.missing())
        # Not kept by the kernel: it goes when everything is known.
        return [(name, stat._replace(keep=0.0)) for name, stat in entries]

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        if self._incomplete.is_at(address):
            for _, stat in await self._note():
                return stat
        raise failure(errno.ENOENT)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        if name == base.NAME:
            return dict(await self._note()).get(name)
        return self.link(name)

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        return ById(await self._note(), self.after)

    async def open(self, address: Address, caller: Caller) -> Content:
        if address.kind is not Kind.VIEW_DOCUMENT:
            raise failure(errno.EISDIR)
        is_note = self._incomplete.is_at(address)
        return self._incomplete.content(await self.missing() if is_note else "")

    def volatile(self, address: Address) -> bool:
        return self._incomplete.is_at(address)


class GroupsView(LinksView):
    """`groups/`: links to groups by id."""

    def top(self) -> Stat:
        return newest_top(self)

    def link(self, name: bytes) -> Stat | None:
        ident = id_in(name)
        return None if ident is None else self.links.to_group(ident, self.depth)

    def after(self, ident: int) -> Iterator[Numbered]:
        for group in self.catalogue.browsing.groups_after(ident):
            yield Numbered(group.id, b"%d" % group.id, self.links.to_known_group(group, self.depth))


class TorrentsView(LinksView):
    """`torrents/`: links to torrents by id."""

    def top(self) -> Stat:
        return newest_top(self)

    def link(self, name: bytes) -> Stat | None:
        ident = id_in(name)
        return None if ident is None else self.links.to_torrent(ident, self.depth)

    def after(self, ident: int) -> Iterator[Numbered]:
        for torrent, group in self.catalogue.browsing.torrents_after(ident):
            stat = self.links.to_known_torrent(torrent, group, self.depth)
            yield Numbered(torrent.id, b"%d" % torrent.id, stat)


def newest_top(view: View) -> Stat:
    """A view's own directory, with the time of the newest group that is known."""
    newest = view.catalogue.browsing.newest()
    return attributes.directory(view.inode, newest)._replace(keep=1.0)


class HashesView(LinksView):
    """`hashes/`: links to torrents by info hash; those in details that were fetched are listed.

    A hash that no torrent is known by is a link to what the server knows by it, which is asked for
    when the link is followed.
    """

    async def missing(self) -> str:
        reason = await super().missing()
        if reason or not await self.catalogue.browsing.lacks_hashes():
            return reason
        return (
            "These are the info hashes known so far: they come with the details of groups, and not "
            "every group's detail was fetched. To fetch them:\n\n    biofs warm --details"
        )

    def link(self, name: bytes) -> Stat | None:
        if not _HASH.fullmatch(name):
            return None
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
        stat = self.links.to_torrent(torrent_id, self.depth)
        return stat._replace(inode=self._asking(address.ident))

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

    def after(self, torrent_id: int) -> Iterator[Numbered]:
        for info_hash, (torrent, group) in self.catalogue.browsing.hashes_after(torrent_id):
            stat = self.links.to_known_torrent(torrent, group, self.depth)
            yield Numbered(torrent.id, info_hash.encode(), stat)
