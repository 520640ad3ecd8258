"""All views of a mount."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import ClassVar, Final

from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.mount.attributes import Stat
from biofs.mount.entries import Listing
from biofs.mount.nodes.base import Content, Nodes, failure
from biofs.mount.nodes.links import LinkNodes
from biofs.mount.views.authors import AuthorsView
from biofs.mount.views.base import View, view_of
from biofs.mount.views.by_facet import FormatsView, TagsView, YearsView
from biofs.mount.views.by_id import GroupsView, HashesView, TorrentsView
from biofs.mount.views.collages import CollagesView
from biofs.mount.views.comments import CommentsView
from biofs.mount.views.me.me import MeView
from biofs.mount.views.search import SearchView
from biofs.mount.views.site import SiteView
from biofs.mount.views.top import TopView
from biofs.mount.views.users import UsersView
from biofs.tree.inodes import Address, Kind, pack


def all_views(catalogue: Catalogue, links: LinkNodes, *, account: bool) -> list[View]:
    """The views in the order in which the root lists them; `me/` only with `account`."""
    users = UsersView(catalogue, links)
    me = MeView(catalogue, links)
    return [
        GroupsView(catalogue, links),
        TorrentsView(catalogue, links),
        HashesView(catalogue, links),
        AuthorsView(catalogue, links),
        TagsView(catalogue, links),
        YearsView(catalogue, links),
        FormatsView(catalogue, links),
        SearchView(catalogue, links),
        CollagesView(catalogue, links),
        TopView(catalogue, links),
        users,
        users.search,
        CommentsView(catalogue),
        SiteView(catalogue),
        *([me, *me.inside.values()] if account else []),
    ]


# Hands what concerns a view to that view.


class ViewRouter(Nodes):
    """See the module."""

    kinds: ClassVar[tuple[Kind, ...]] = (
        Kind.VIEW,
        Kind.VIEW_ENTRY,
        Kind.VIEW_DOCUMENT,
        Kind.WORD_LINK,
    )

    shows_answers: ClassVar[bool] = True

    def __init__(self, catalogue: Catalogue, views: Sequence[View]) -> None:
        super().__init__(catalogue)
        self._views: Final = {int(view.number): view for view in views}

    def in_root(self) -> list[tuple[bytes, Stat]]:
        """The views that stand under the root, as its entries."""
        return self._standing(Kind.ROOT)

    def in_biofs(self) -> list[tuple[bytes, Stat]]:
        """Those that stand in `.biofs`."""
        return self._standing(Kind.BIOFS)

    def _standing(self, place: Kind) -> list[tuple[bytes, Stat]]:
        return [
            (view.name.encode(), view.top())
            for view in self._views.values()
            if view.name and view.place is place
        ]

    def _view(self, address: Address) -> View:
        view = self._views.get(view_of(address))
        if view is None:
            raise failure(errno.ENOENT)
        return view

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        view = self._view(address)
        return view.top() if address.kind is Kind.VIEW else await view.getattr(address, caller)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        return await self._view(address).lookup(address, name, caller)

    def absence(self, name: bytes) -> float:
        return self.catalogue.freshness.absence

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        return await self._view(address).opendir(address, caller)

    async def parent(self, address: Address) -> int:
        view = self._view(address)
        if address.kind is Kind.VIEW:
            return pack(view.place) if view.name else await view.parent(address)
        return view.above(address)

    async def open(self, address: Address, caller: Caller) -> Content:
        return await self._view(address).open(address, caller)

    async def readlink(self, address: Address, caller: Caller) -> bytes:
        return await self._view(address).readlink(address, caller)

    def volatile(self, address: Address) -> bool:
        return self._view(address).volatile(address)
