"""All views of a mount, made from the list of views, and what hands each its own nodes."""

from __future__ import annotations

import errno
import importlib
from collections.abc import Sequence
from typing import ClassVar, Final

from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.mount.attributes import Stat
from biofs.mount.contents import Contents, Data
from biofs.mount.entries import Listing
from biofs.mount.nodes.base import Content, Nodes, failure
from biofs.mount.views.base import LinkNodes, View, view_of
from biofs.mount.views.facet import FacetRecord, FacetView
from biofs.mount.views.here import HereView
from biofs.tree.inodes import Address, Kind, pack
from biofs.tree.views import BY_PATH, VIEWS, ViewLine

_PACKAGE: Final = "biofs.mount.views."
_ACCOUNT: Final = "me"
_HERE: Final = "here"
_PLACES: Final = {"": pack(Kind.ROOT), ".biofs": pack(Kind.BIOFS)}


def all_views(
    catalogue: Catalogue, links: LinkNodes, *, account: bool, contents: Contents | None = None
) -> list[View]:
    """The views in the order of the list of views; `me/` and what is in it only with `account`,
    `here/` only with `contents`."""
    views: dict[str, View] = {}
    left_out = {path for path, wanted in ((_ACCOUNT, account), (_HERE, contents)) if not wanted}
    for line in VIEWS:
        if left_out.isdisjoint({line.path, line.parent}):
            view = views[line.path] = make(line, catalogue, links, contents)
            if line.parent in views:
                views[line.parent].inside[line.name.encode()] = view
    return list(views.values())


def make(
    line: ViewLine, catalogue: Catalogue, links: LinkNodes, contents: Contents | None = None
) -> View:
    """The view that a line of the list describes."""
    if line.path == _HERE:
        if contents is None:
            raise ValueError("there are no data directories")
        return HereView(catalogue, links, line, contents)
    module, _, name = line.made_by.partition(":")
    found: type[View] | FacetRecord = getattr(importlib.import_module(_PACKAGE + module), name)
    if isinstance(found, FacetRecord):
        return FacetView(catalogue, links, line, found)
    return found(catalogue, links, line)


class ViewRouter(Nodes):
    """Answers for the nodes of all views: hands each to the view in which it stands."""

    kinds: ClassVar[tuple[Kind, ...]] = (
        Kind.VIEW,
        Kind.VIEW_ENTRY,
        Kind.VIEW_DOCUMENT,
        Kind.WORD_LINK,
    )

    shows_answers: ClassVar[bool] = True

    def __init__(self, catalogue: Catalogue, views: Sequence[View]) -> None:
        super().__init__(catalogue)
        self._views: Final = {view.number: view for view in views}

    def standing_in(self, path: str) -> list[tuple[bytes, Stat]]:
        """The views that stand in the root ("") or in `.biofs`, as its entries."""
        return [
            (view.line.name.encode(), view.top())
            for view in self._views.values()
            if view.line.parent == path
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
            parent = view.line.parent
            return _PLACES.get(parent) or pack(Kind.VIEW, BY_PATH[parent].number)
        return view.above(address)

    async def open(self, address: Address, caller: Caller) -> Content | Data:
        return await self._view(address).open(address, caller)

    async def readlink(self, address: Address, caller: Caller) -> bytes:
        return await self._view(address).readlink(address, caller)

    def volatile(self, address: Address) -> bool:
        return self._view(address).volatile(address)
