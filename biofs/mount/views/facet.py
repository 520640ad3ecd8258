"""Facet views: a directory for each value of a facet (tag, year, …), with links to its groups.

What the index knows is answered by it alone once it knows every group. Until then the server is
asked, when a directory is opened and once, and the directory has what either knows.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from biofs.api.errors import NetworkError, NotFound
from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents.document import Document, Link, LinkDocument
from biofs.catalogue.queries import Query
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.entries import ById, Listing, Numbered
from biofs.mount.nodes.base import Bytes, Content, failure
from biofs.mount.views import base
from biofs.mount.views.base import Incomplete, LinkNodes, View, document_of
from biofs.store.browsing import Browsing, Facet
from biofs.store.groups import CHUNK, KnownGroup
from biofs.tree import names
from biofs.tree.inodes import MAX_ID, Address, Kind
from biofs.tree.views import ViewLine

MOST_ASKED: Final = 1000
"""Entries that are listed because the server was asked for them, beside those that are known."""

_INCOMPLETE: Final = 1
_PAGE: Final = 2
"""Document numbers, part of inode numbers."""


class Value(NamedTuple):
    """A value that is known: its number, the name of its directory, the mtime of its newest group
    (epoch seconds), and by what values are in order."""

    order: int
    ident: int
    name: str
    newest: int


class Naming(Protocol):
    """The numbers and names of a facet's values. Nobody is asked for them."""

    def id_of(self, name: str) -> int | None:
        """The number of the value whose directory has this name, known or possible; None if there
        cannot be one."""

    def text_of(self, ident: int) -> str | None:
        """The text by which the store knows the value with this number; None if the number was
        never given."""

    def values_after(self, order: int) -> Iterator[Value]:
        """The next known values behind a place in their order."""


class Page(NamedTuple):
    """A document in the directory of each value, which itself names groups that have the value."""

    name: bytes
    document: Callable[[Catalogue, int], Document]
    """The page of the value with a number."""
    links: Callable[[bytes], Iterable[Link]]
    """The groups that a page names."""
    is_known: Callable[[Catalogue, int], bool]
    """Whether there is a value of this number, even without a group. If not, the page is asked for
    before the groups are."""


class FacetRecord(NamedTuple):
    """What makes a facet view.

    `may_be` says whether a text that the store does not know can be a value: nothing is asked for
    others. `query_of` gives the server's query for a text; None means that the server cannot be
    asked for it, and the directory has what the store knows. `asked_key` is what the keys of
    these queries begin with if a value's name follows.
    """

    naming: Callable[[Catalogue, str, Callable[[str], bool]], Naming]
    """Of a catalogue, of the facet's name in the store, and of `may_be`."""
    may_be: Callable[[str], bool] = lambda _text: False
    query_of: Callable[[Catalogue, str], Query | None] = lambda _catalogue, _text: None
    asked_key: str = ""
    page: Page | None = None


class FacetView(View):
    """A facet view as a record describes it; `line.facet` is the facet's name in the store."""

    def __init__(
        self, catalogue: Catalogue, links: LinkNodes, line: ViewLine, record: FacetRecord
    ) -> None:
        super().__init__(catalogue, links, line)
        self.browsing: Final[Browsing] = catalogue.browsing
        self._record: Final = record
        self._naming: Final = record.naming(catalogue, line.facet, record.may_be)
        self._incomplete: Final = Incomplete(line.number, _INCOMPLETE)

    def query(self, ident: int) -> Query | None:
        """What to ask the server for an entry; None if it cannot be asked."""
        text = self._naming.text_of(ident)
        return None if text is None else self._record.query_of(self.catalogue, text)

    def asked(self) -> Iterator[tuple[bytes, Stat]]:
        """Entries that the index does not know and the server was asked for."""
        key = self._record.asked_key
        for known in self.catalogue.answers.keys(key)[:MOST_ASKED] if key else ():
            text = known.removeprefix(key)
            if self.browsing.facet(self.line.facet, text) is None:
                ident = self._naming.id_of(text)
                if ident is not None:
                    yield text.encode(), self.entry_stat(ident, 0)._replace(keep=0.0)

    def entries_after(self, order: int) -> Iterator[Numbered]:
        """The next known entries."""
        for value in self._naming.values_after(order):
            yield Numbered(
                value.order, value.name.encode(), self.entry_stat(value.ident, value.newest)
            )

    # The page in an entry's directory, if the record has one

    def documents(self, ident: int, caller: Caller) -> list[tuple[bytes, Stat]]:
        """The documents in an entry, but for `.incomplete`."""
        if self._record.page is None:
            return []
        key = self._record.page.document(self.catalogue, ident).key
        page, facet = self.catalogue.answers.known(key, caller), self._facet(ident)
        size, newest = len(page.body) if page else None, facet.newest if facet else 0
        return [
            (self._record.page.name, attributes.file(self.document(ident, _PAGE), size, newest))
        ]

    async def _body(self, page: Page, ident: int, caller: Caller) -> bytes:
        document = page.document(self.catalogue, ident)
        return await self.catalogue.answers.get(document.key, document.ttl, document.fetch, caller)

    def _page_at(self, address: Address) -> Page | None:
        is_it = address.kind is Kind.VIEW_DOCUMENT and document_of(address) == _PAGE
        return self._record.page if is_it else None

    # Attributes

    def top(self) -> Stat:
        return attributes.directory(self.inode, self.browsing.newest())._replace(keep=1.0)

    def directory(self, ident: int, caller: Caller) -> Stat:
        """An entry's directory."""
        facet = self._facet(ident)
        newest = facet.newest if facet else 0
        if facet is None and (found := self._known(ident, caller)) is not None:
            newest = found.newest
        return self.entry_stat(ident, newest)

    def entry_stat(self, ident: int, newest: int) -> Stat:
        """An entry's directory with this mtime (epoch seconds)."""
        return attributes.directory(self.entry(ident), newest)._replace(keep=1.0)

    def _facet(self, ident: int) -> Facet | None:
        text = self._naming.text_of(ident)
        return None if text is None else self.browsing.facet(self.line.facet, text)

    def _known(self, ident: int, caller: Caller) -> LinkDocument | None:
        query = self.query(ident)
        return None if query is None else self.catalogue.queries.known(query, caller)

    def missing(self, ident: int, caller: Caller) -> str:
        """Why an entry, or with 0 the view itself, is not known whole, for people; "" if it is."""
        gaps = self.browsing.gaps()
        found = self._known(ident, caller) if gaps and ident else None
        if found is None:
            return base.why(gaps)
        return f"{found.incomplete}\n{base.why(gaps)}" if found.incomplete else ""

    def _note(self, ident: int, caller: Caller) -> list[tuple[bytes, Stat]]:
        entries = self._incomplete.entries(ident, self.missing(ident, caller))
        # Not kept by the kernel: it goes when everything is known.
        return [(name, stat._replace(keep=0.0)) for name, stat in entries]

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        ident = address.ident
        if (page := self._page_at(address)) is not None:
            await self._body(page, ident, caller)
            return self.documents(ident, caller)[0][1]
        if self._incomplete.is_at(address):
            for _, stat in self._note(ident, caller):
                return stat
        if address.kind is not Kind.VIEW_ENTRY or self._naming.text_of(ident) is None:
            raise failure(errno.ENOENT)
        return self.directory(ident, caller)

    # Names, and what they hold

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        try:
            text = name.decode()
        except UnicodeDecodeError:
            return None
        if address.kind is Kind.VIEW:
            ident = self._naming.id_of(text)
            if ident is not None:
                return self.directory(ident, caller)
            return dict(self._note(0, caller)).get(name) if name == base.NAME else None
        group_id = names.id_of(text)
        if group_id is not None and group_id <= MAX_ID:
            return await self._member(address.ident, group_id, text, caller)
        found = dict(self.documents(address.ident, caller)).get(name)
        if found is None and name == base.NAME:
            found = dict(self._note(address.ident, caller)).get(name)
        return found

    async def _member(self, ident: int, group_id: int, name: str, caller: Caller) -> Stat | None:
        facet, group = self._facet(ident), self.catalogue.index.group(group_id)
        if facet is None or group is None or not self.browsing.is_member(facet.id, group_id):
            # The directory's own first listing: without it nothing is known of its names.
            links = await self.ask(ident, caller)
            other = next((link.name for link in links if link.ident == group_id), None)
            if other != name and (other is None or group is None or group.name != name):
                return None
        elif group.name != name:
            return None
        return self.links.to_group(group_id, self.depth)

    async def ask(self, ident: int, caller: Caller) -> Sequence[Link]:
        """The server's groups of an entry, as long as the index may lack one."""
        if not self.browsing.gaps():
            return ()
        page, links = self._record.page, list[Link]()
        try:
            if page is not None and not page.is_known(self.catalogue, ident):
                await self._body(page, ident, caller)
            query = self.query(ident)
            if query is not None:
                links = list((await self.catalogue.queries.get(query, caller)).links)
        except NotFound:
            pass
        return links if page is None else [*self._on_page(page, ident, caller), *links]

    def _on_page(self, page: Page, ident: int, caller: Caller) -> Iterable[Link]:
        known = self.catalogue.answers.known(page.document(self.catalogue, ident).key, caller)
        return page.links(known.body) if known and self.browsing.gaps() else ()

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        if address.kind is Kind.VIEW:
            asked = self.asked() if self.browsing.gaps() else ()
            return ById([*self._note(0, caller), *asked], self.entries_after)
        ident = address.ident
        if self._naming.text_of(ident) is None:
            raise failure(errno.ENOENT)
        facet, links = self._facet(ident), await self._asked(ident, caller)
        if facet is None and not links and not self._can_be_empty(ident):
            raise failure(errno.ENOENT)
        members = _Members(self, facet, links)
        return ById([*self.documents(ident, caller), *self._note(ident, caller)], members.after)

    def _can_be_empty(self, ident: int) -> bool:
        page = self._record.page
        return page is not None and page.is_known(self.catalogue, ident)

    async def _asked(self, ident: int, caller: Caller) -> Sequence[Link]:
        """As `ask`; nothing if the server cannot be reached and the index knows the entry."""
        try:
            return await self.ask(ident, caller)
        except NetworkError:
            if self._facet(ident) is None:
                raise
            return ()

    async def open(self, address: Address, caller: Caller) -> Content:
        if address.kind is not Kind.VIEW_DOCUMENT:
            raise failure(errno.EISDIR)
        if (page := self._page_at(address)) is not None:
            return Bytes(await self._body(page, address.ident, caller))
        is_note = self._incomplete.is_at(address)
        return self._incomplete.content(self.missing(address.ident, caller) if is_note else "")

    def volatile(self, address: Address) -> bool:
        return self._incomplete.is_at(address)


class _Members:
    """The groups of an entry: those that the index knows, and others that the server has."""

    def __init__(self, view: FacetView, facet: Facet | None, links: Iterable[Link]) -> None:
        self._view: Final = view
        self._catalogue: Final = view.catalogue
        self._facet: Final = facet
        self._others: Final = sorted({link.ident: link for link in links}.items())

    def after(self, group_id: int) -> Iterator[Numbered]:
        """The next ones behind an id, in the order of their ids."""
        known: list[KnownGroup] = []
        if self._facet is not None:
            known = self._catalogue.browsing.members_after(self._facet.id, group_id)
        until = known[-1].id if len(known) == CHUNK else math.inf
        members = {group.id: self._known(group) for group in known}
        for ident, link in self._others:
            if group_id < ident <= until and ident not in members:
                members[ident] = self._other(link)
        yield from sorted(members.values(), key=lambda entry: entry.id)

    def _known(self, group: KnownGroup) -> Numbered:
        stat = self._view.links.to_known_group(group, self._view.depth)
        return Numbered(group.id, group.name.encode(), stat)

    def _other(self, link: Link) -> Numbered:
        group = self._catalogue.index.group(link.ident)
        if group is not None:
            return self._known(group)
        stat = self._view.links.to_group(link.ident, self._view.depth)
        return Numbered(link.ident, link.name.encode(), stat)
