"""`groups/` and `torrents/`: links by id. What is known is listed; any id can be looked up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Final

from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.listings import Caller
from biofs.mount import stat
from biofs.mount.families.links import LinkFamily
from biofs.mount.listings import ById, Listing, Numbered
from biofs.mount.stat import Stat
from biofs.mount.views.answered import id_in
from biofs.mount.views.partial import PartialView
from biofs.mount.views.view import Number
from biofs.tree.inodes import Address

DEPTH: Final = 1


class NumberedView(PartialView, ABC):
    """A view whose links are told by id."""

    def __init__(self, catalogue: Catalogue, links: LinkFamily) -> None:
        super().__init__(catalogue)
        self.links: Final = links

    def top(self) -> Stat:
        return stat.directory(self.inode, self.catalogue.browsing.newest())._replace(keep=1.0)

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

    number: ClassVar[Number] = Number.GROUPS
    name: ClassVar[str] = "groups"

    def link(self, ident: int) -> Stat:
        return self.links.to_group(ident, DEPTH)

    def after(self, ident: int) -> Iterator[Numbered]:
        for group in self.catalogue.browsing.groups_after(ident):
            yield Numbered(group.id, b"%d" % group.id, self.links.to_known_group(group, DEPTH))


class TorrentsView(NumberedView):
    """`torrents/`."""

    number: ClassVar[Number] = Number.TORRENTS
    name: ClassVar[str] = "torrents"

    def link(self, ident: int) -> Stat:
        return self.links.to_torrent(ident, DEPTH)

    def after(self, ident: int) -> Iterator[Numbered]:
        for torrent, group in self.catalogue.browsing.torrents_after(ident):
            shown = self.links.to_known_torrent(torrent, group, DEPTH)
            yield Numbered(torrent.id, b"%d" % torrent.id, shown)
