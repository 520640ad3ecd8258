"""Views whose directories are one answer each: its documents, and links to what it names."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final, NamedTuple

from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents.document import Document, Link, LinkDocument, decode
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.entries import PORTION, FixedListing, Listed, Listing, listed
from biofs.mount.nodes.base import Bytes, Content, failure
from biofs.mount.views import base
from biofs.mount.views.base import Incomplete, LinkNodes, View, document_of
from biofs.store.memory import Recent
from biofs.tree import names
from biofs.tree.inodes import Address, Kind
from biofs.tree.views import ViewLine

_INCOMPLETE: Final = 15
FIRST_LINK: Final = 16
"""The document numbers of `.incomplete`, and of the first link that is not one to a group; those of
the documents are before."""

_CACHE_BYTES: Final = 16 << 20

_Entry = tuple[bytes, Stat]


class _Opened(NamedTuple):
    """An answer's body, what is in it, and the positions of its links by their names."""

    body: bytes
    document: LinkDocument
    positions: Mapping[bytes, int]


class _Links:
    """A directory handle: `fixed` entries, and a link for each position, made as they are read."""

    def __init__(
        self, fixed: Sequence[_Entry], count: int, render: Callable[[int], _Entry]
    ) -> None:
        self._fixed = FixedListing(fixed)
        self._shift = len(fixed)
        self._count = count
        self._render = render

    async def portion(self, offset: int, caller: Caller, *, wait: bool) -> Sequence[Listed]:
        """The entries from an offset on, as `Listing.portion`; nothing is waited for."""
        if offset < self._shift:
            return await self._fixed.portion(offset, caller, wait=wait)
        start = offset - self._shift
        stop = min(start + PORTION, self._count)
        return [
            listed(*self._render(position), self._shift + position + 1)
            for position in range(start, stop)
        ]


class LinkView(View):
    """A view each of whose entries is one LinkDocument (`source`).

    An entry's directory is waited for when it is opened, its names when one of them is looked up
    before that: so a name is right or wrong, never a guess.
    """

    documents: ClassVar[tuple[bytes, ...]]
    """The names of an answer's documents, in their order."""

    def __init__(self, catalogue: Catalogue, links: LinkNodes, line: ViewLine) -> None:
        super().__init__(catalogue, links, line)
        self._incomplete: Final = Incomplete(line.number, _INCOMPLETE)
        self._cache: Recent[str, _Opened] = Recent(
            _CACHE_BYTES, lambda opened: 2 * len(opened.body)
        )

    def source(self, ident: int) -> Document:
        """The answer that an entry shows. Raises OSError: ENOENT, EINVAL."""
        raise failure(errno.ENOENT)

    def link(self, ident: int, position: int, link: Link) -> Stat:
        """A link in an entry; by default one to a group."""
        return self.links.to_group(link.ident, self.depth)

    def can_be_link(self, name: bytes) -> bool:
        """Whether a link may have this name. Nothing is asked for one that cannot be there."""
        return name.endswith(b"]")

    def note(self, ident: int, document: LinkDocument) -> None:
        """An answer was read: of an entry, from the store or from the server."""

    def _opened(self, ident: int, key: str, body: bytes) -> _Opened:
        opened = self._cache.get(key)
        if opened is None or opened.body != body:
            document = decode(body)
            self.note(ident, document)
            positions = {
                link.name.encode(): position for position, link in enumerate(document.links)
            }
            opened = _Opened(body, document, positions)
            self._cache[key] = opened
        return opened

    def _known(self, ident: int, caller: Caller) -> _Opened | None:
        try:
            key = self.source(ident).key
        except OSError:
            return None
        known = self.catalogue.answers.known(key, caller)
        return self._opened(ident, key, known.body) if known else None

    async def _get(self, ident: int, caller: Caller) -> _Opened:
        source = self.source(ident)
        answers = self.catalogue.answers
        body = await answers.get(source.key, source.ttl, source.fetch, caller)
        return self._opened(ident, source.key, body)

    def directory(self, ident: int, caller: Caller) -> Stat:
        """An entry, with what is known of it."""
        known = self._known(ident, caller)
        stat = attributes.directory(self.entry(ident), known.document.newest if known else 0)
        return stat if known else stat._replace(keep=0.0)

    def listed_entry(self, ident: int) -> Stat:
        """An entry as a listing shows it: it is looked at only by who asks for its attributes."""
        return attributes.directory(self.entry(ident), 0)._replace(keep=0.0)

    def _fixed(self, ident: int, document: LinkDocument | None) -> list[_Entry]:
        entries = []
        for number, name in enumerate(self.documents, start=1):
            size = len(document.documents[number - 1]) if document else None
            mtime = document.newest if document else 0
            entries.append((name, attributes.file(self.document(ident, number), size, mtime)))
        reason = document.incomplete if document else ""
        return [
            *entries,
            *self._incomplete.entries(ident, reason, document.newest if document else 0),
        ]

    def _name(self, link: Link) -> bytes:
        if link.name:
            return link.name.encode()
        group = self.catalogue.index.group(link.ident)
        return group.name.encode() if group else _unnamed(link.ident)

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        ident = address.ident
        if address.kind is Kind.VIEW_ENTRY:
            return self.directory(ident, caller)
        opened = await self._get(ident, caller)
        number = document_of(address)
        if number >= FIRST_LINK:
            position = number - FIRST_LINK
            return self.link(ident, position, _link_at(opened.document, position))
        wanted = self.document(ident, number)
        for _, stat in self._fixed(ident, opened.document):
            if stat.inode == wanted:
                return stat
        raise failure(errno.ENOENT)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        if address.kind is Kind.VIEW:
            return self.lookup_entry(name, caller)
        return await self.lookup_in(address.ident, name, caller)

    def lookup_entry(self, name: bytes, caller: Caller) -> Stat | None:
        """The entry of that name, if there can be one."""
        return None

    async def lookup_in(self, ident: int, name: bytes, caller: Caller) -> Stat | None:
        """What has a name in an entry."""
        known = self._known(ident, caller)
        found = dict(self._fixed(ident, known.document if known else None)).get(name)
        if found is not None:
            return found
        opened = known
        if opened is None:
            if not self.can_be_link(name) and name != base.NAME:
                return None
            # The directory's own first listing: without it nothing is known of its names.
            opened = await self._get(ident, caller)
        document = opened.document
        position = opened.positions.get(name)
        if position is None:
            position = self._unnamed_position(document, name)
        if position is not None:
            return self.link(ident, position, document.links[position])
        return None if known else dict(self._fixed(ident, document)).get(name)

    def _unnamed_position(self, document: LinkDocument, name: bytes) -> int | None:
        """A link whose name the answer does not tell is found by either of its possible names."""
        group_id = names.id_of(name.decode(errors="replace"))
        for position, link in enumerate(document.links):
            if link.ident == group_id and not link.name:
                is_it = name in {_unnamed(link.ident), self._name(link)}
                return position if is_it else None
        return None

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        if address.kind is Kind.VIEW:
            return FixedListing(await self.entries())
        ident = address.ident
        document = (await self._get(ident, caller)).document

        def render(position: int) -> _Entry:
            link = document.links[position]
            return self._name(link), self.link(ident, position, link)

        return _Links(self._fixed(ident, document), len(document.links), render)

    async def entries(self) -> list[_Entry]:
        """The entries that are known."""
        return []

    async def open(self, address: Address, caller: Caller) -> Content:
        if address.kind is not Kind.VIEW_DOCUMENT:
            raise failure(errno.EISDIR)
        document = (await self._get(address.ident, caller)).document
        number = document_of(address)
        if self._incomplete.is_at(address):
            return self._incomplete.content(document.incomplete)
        if not 1 <= number <= len(document.documents):
            raise failure(errno.ENOENT)
        return Bytes(document.documents[number - 1])

    async def readlink(self, address: Address, caller: Caller) -> bytes:
        number = document_of(address)
        if address.kind is not Kind.VIEW_DOCUMENT or number < FIRST_LINK:
            raise failure(errno.EINVAL)
        document = (await self._get(address.ident, caller)).document
        return self.target(address.ident, _link_at(document, number - FIRST_LINK))

    def target(self, ident: int, link: Link) -> bytes:
        """Where a link leads that is no link to a group."""
        raise failure(errno.ENOENT)


def _link_at(document: LinkDocument, position: int) -> Link:
    if not 0 <= position < len(document.links):
        raise failure(errno.ENOENT)  # there were more when somebody looked
    return document.links[position]


def _unnamed(group_id: int) -> bytes:
    return names.with_id("group", group_id).encode()
