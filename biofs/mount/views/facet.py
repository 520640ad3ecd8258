"""Views by facet: a directory for each tag, year, format or author, with links to its groups.

What the index knows is answered by it alone once it knows every group. Until then the server is
asked, when a directory is opened and once, and what both know is shown.
"""

from __future__ import annotations

import errno
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Final

from biofs.api.errors import NetworkError, NotFound
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents.facets import Query
from biofs.catalogue.documents.links import Link, LinkDocument
from biofs.catalogue.listings import Caller
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.entries import ById, Listing, Numbered
from biofs.mount.nodes.base import failure
from biofs.mount.nodes.links import LinkNodes
from biofs.mount.views.index import IndexView, why
from biofs.store.browsing import Browsing, Facet
from biofs.store.groups import CHUNK, KnownGroup
from biofs.tree import names
from biofs.tree.inodes import MAX_ID, Address, Kind
from biofs.tree.views import ViewLine

DEPTH: Final = 2
MOST_ASKED: Final = 1000
"""Entries that are listed because the server was asked for them, beside those that are known."""


class FacetView(IndexView, ABC):
    """See the module."""

    kind: ClassVar[str]
    """As the table `facets` has it."""

    def __init__(self, catalogue: Catalogue, links: LinkNodes, line: ViewLine) -> None:
        super().__init__(catalogue, links, line)
        self.browsing: Final[Browsing] = catalogue.browsing

    @abstractmethod
    def ident_of(self, name: str) -> int | None:
        """The number of the entry with this name, known or possible; nobody is asked."""

    @abstractmethod
    def text_of(self, ident: int) -> str | None:
        """The facet's text behind an entry's number; None if the number was never given."""

    @abstractmethod
    def entries_after(self, ident: int) -> Iterator[Numbered]:
        """The next known entries behind a number by which they are in order."""

    @abstractmethod
    def query(self, ident: int) -> Query | None:
        """What to ask the server for an entry; None if it cannot be asked."""

    def asked(self) -> Iterator[tuple[bytes, Stat]]:
        """Entries that the index does not know and the server was asked for."""
        return iter(())

    def documents(self, ident: int) -> list[tuple[bytes, Stat]]:
        """The documents in an entry, but for `.incomplete`."""
        return []

    async def prepare(self, ident: int, caller: Caller) -> None:
        """Before the server is asked for an entry. Raises what `Answers.get` raises."""

    def can_be_empty(self, ident: int) -> bool:
        """Whether an entry is there without a group in it."""
        return False

    def top(self) -> Stat:
        return attributes.directory(self.inode, self.browsing.newest())._replace(keep=1.0)

    def directory(self, ident: int) -> Stat:
        """An entry's directory."""
        facet = self._facet(ident)
        newest = facet.newest if facet else 0
        if facet is None and (found := self._known(ident)) is not None:
            newest = found.newest
        return self.shown(ident, newest)

    def shown(self, ident: int, newest: int) -> Stat:
        """Likewise, with an mtime that is at hand (epoch seconds)."""
        return attributes.directory(self.entry(ident), newest)._replace(keep=1.0)

    def _facet(self, ident: int) -> Facet | None:
        text = self.text_of(ident)
        return None if text is None else self.browsing.facet(self.kind, text)

    def _known(self, ident: int) -> LinkDocument | None:
        query = self.query(ident)
        return None if query is None else self.catalogue.queries.known(query)

    async def missing(self, ident: int) -> str:
        gaps = self.browsing.gaps()
        found = self._known(ident) if gaps and ident else None
        if found is None:
            return why(gaps)
        return f"{found.incomplete}\n{why(gaps)}" if found.incomplete else ""

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        if address.kind is not Kind.VIEW_ENTRY:
            return await super().getattr(address, caller)
        if self.text_of(address.ident) is None:
            raise failure(errno.ENOENT)
        return self.directory(address.ident)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        try:
            text = name.decode()
        except UnicodeDecodeError:
            return None
        if address.kind is Kind.VIEW:
            ident = self.ident_of(text)
            if ident is not None:
                return self.directory(ident)
            return await super().lookup(address, name, caller)
        group_id = names.id_of(text)
        if group_id is not None and group_id <= MAX_ID:
            return await self._member(address.ident, group_id, text, caller)
        found = dict(self.documents(address.ident)).get(name)
        return found or await super().lookup(address, name, caller)

    async def _member(self, ident: int, group_id: int, name: str, caller: Caller) -> Stat | None:
        facet, group = self._facet(ident), self.catalogue.index.group(group_id)
        if facet is None or group is None or not self.browsing.is_member(facet.id, group_id):
            # The directory's own first listing: without it nothing is known of its names.
            links = await self.ask(ident, caller)
            told = next((link.name for link in links if link.ident == group_id), None)
            if told != name and (told is None or group is None or group.name != name):
                return None
        elif group.name != name:
            return None
        return self.links.to_group(group_id, DEPTH)

    async def ask(self, ident: int, caller: Caller) -> Sequence[Link]:
        """What the server tells of an entry, as long as the index may lack something of it."""
        if not self.browsing.gaps():
            return ()
        try:
            await self.prepare(ident, caller)
            query = self.query(ident)
            return (await self.catalogue.queries.get(query, caller)).links if query else ()
        except NotFound:
            return ()

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        if address.kind is Kind.VIEW:
            asked = self.asked() if self.browsing.gaps() else ()
            return ById([*await self.note(0), *asked], self.entries_after)
        ident = address.ident
        if self.text_of(ident) is None:
            raise failure(errno.ENOENT)
        facet, links = self._facet(ident), await self._asked(ident, caller)
        if facet is None and not links and not self.can_be_empty(ident):
            raise failure(errno.ENOENT)
        members = _Members(self.catalogue, self.links, facet, links)
        return ById([*self.documents(ident), *await self.note(ident)], members.after)

    async def _asked(self, ident: int, caller: Caller) -> Sequence[Link]:
        """As `ask`; what is known is shown if the server cannot be reached."""
        try:
            return await self.ask(ident, caller)
        except NetworkError:
            if self._facet(ident) is None:
                raise
            return ()


class _Members:
    """The groups of an entry: those that the index knows, and others that the server told."""

    def __init__(
        self,
        catalogue: Catalogue,
        links: LinkNodes,
        facet: Facet | None,
        told: Iterable[Link],
    ) -> None:
        self._catalogue: Final = catalogue
        self._links: Final = links
        self._facet: Final = facet
        self._told: Final = sorted({link.ident: link for link in told}.items())

    def after(self, group_id: int) -> Iterator[Numbered]:
        """The next ones behind an id, in the order of their ids."""
        known: list[KnownGroup] = []
        if self._facet is not None:
            known = self._catalogue.browsing.members_after(self._facet.id, group_id)
        until = known[-1].id if len(known) == CHUNK else math.inf
        shown = {group.id: self._known(group) for group in known}
        for ident, link in self._told:
            if group_id < ident <= until and ident not in shown:
                shown[ident] = self._other(link)
        yield from sorted(shown.values(), key=lambda entry: entry.id)

    def _known(self, group: KnownGroup) -> Numbered:
        shown = self._links.to_known_group(group, DEPTH)
        return Numbered(group.id, group.name.encode(), shown)

    def _other(self, link: Link) -> Numbered:
        group = self._catalogue.index.group(link.ident)
        if group is not None:
            return self._known(group)
        return Numbered(link.ident, link.name.encode(), self._links.to_group(link.ident, DEPTH))
