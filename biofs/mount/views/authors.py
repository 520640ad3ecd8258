"""`authors/`: a directory for each author, with author.json; and a link to it by the bare name."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from biofs.catalogue.documents import authors as author_documents
from biofs.catalogue.documents.facets import Query
from biofs.catalogue.documents.links import Link
from biofs.catalogue.listings import Caller
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.entries import Numbered
from biofs.mount.nodes.base import Bytes, Content, failure
from biofs.mount.views.base import document_of
from biofs.mount.views.facet import FacetView
from biofs.mount.views.probed import is_probed, looks_like_a_file
from biofs.store import facets
from biofs.tree import names
from biofs.tree.inodes import MAX_ID, Address, Kind, pack
from biofs.tree.text import escape

_PAGE: Final = 2
_PAGE_NAME: Final = b"author.json"
_WORD: Final = "author"


class AuthorsView(FacetView):
    """See the module. An entry's number is the author's id."""

    kind: ClassVar[str] = facets.AUTHOR

    def ident_of(self, name: str) -> int | None:
        ident = names.id_of(name)
        if not ident or ident > MAX_ID:
            return None
        author = self.browsing.author(ident)
        if author is not None:
            return ident if _dirname(author.name, ident) == name else None
        # Whether it is the right name is found out when somebody looks in.
        return ident if self.browsing.gaps() else None

    def text_of(self, ident: int) -> str | None:
        return str(ident) if ident else None

    def entries_after(self, ident: int) -> Iterator[Numbered]:
        for author in self.browsing.authors_after(ident):
            name = _dirname(author.name, author.id).encode()
            yield Numbered(author.id, name, self.shown(author.id, author.newest))

    def can_be_empty(self, ident: int) -> bool:
        return self.browsing.author(ident) is not None

    def query(self, ident: int) -> Query | None:
        author = self.browsing.author(ident)
        if author is None or not author.name.strip():
            return None
        return Query(f"browse author {ident}", (("artistname", author.name),), ident)

    async def prepare(self, ident: int, caller: Caller) -> None:
        if self.browsing.author(ident) is None:
            await self._page(ident, caller)

    async def ask(self, ident: int, caller: Caller) -> Sequence[Link]:
        told = await super().ask(ident, caller)
        key = author_documents.author(self.catalogue, ident).key
        page = self.catalogue.answers.known(key) if self.browsing.gaps() else None
        return [*author_documents.groups_on(page.body), *told] if page else told

    # author.json

    def documents(self, ident: int) -> list[tuple[bytes, Stat]]:
        key = author_documents.author(self.catalogue, ident).key
        page, facet = self.catalogue.answers.known(key), self._facet(ident)
        size, newest = len(page.body) if page else None, facet.newest if facet else 0
        return [(_PAGE_NAME, attributes.file(self.document(ident, _PAGE), size, newest))]

    async def _page(self, ident: int, caller: Caller) -> bytes:
        page = author_documents.author(self.catalogue, ident)
        return await self.catalogue.answers.get(page.key, page.ttl, page.fetch, caller)

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        if address.kind is Kind.WORD_LINK:
            return self._by_name(address.ident)
        if not _is_page(address):
            return await super().getattr(address, caller)
        await self._page(address.ident, caller)
        return self.documents(address.ident)[0][1]

    async def open(self, address: Address, caller: Caller) -> Content:
        if not _is_page(address):
            return await super().open(address, caller)
        return Bytes(await self._page(address.ident, caller))

    # The link by the bare name

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        found = await super().lookup(address, name, caller)
        if found is not None or address.kind is not Kind.VIEW:
            return found
        text = name.decode(errors="replace")
        if self.browsing.author_titled(text) is None and not self._may_be_called(text):
            return None
        number = self.catalogue.text_ids.add(_WORD, text)
        return None if number is None else self._by_name(number)

    def _may_be_called(self, text: str) -> bool:
        return (
            bool(self.browsing.gaps())
            and names.clean(escape(text)) == text
            and names.id_of(text) is None
            and any(character.isalpha() for character in text)
            and not (is_probed(text) or looks_like_a_file(text))
        )

    def _by_name(self, number: int) -> Stat:
        target, inode = self._target(number), pack(Kind.WORD_LINK, number, self.number)
        return attributes.link(inode, len(target) if target else None, 0)

    def _target(self, number: int) -> bytes | None:
        text = self.catalogue.text_ids.text(_WORD, number)
        if text is None:
            raise failure(errno.ENOENT)
        author = self.browsing.author_titled(text)
        if author is None:
            key = author_documents.id_of_name(self.catalogue, text).key
            known = self.catalogue.answers.known(key)
            author = self.browsing.author(int(known.body)) if known else None
        return _dirname(author.name, author.id).encode() if author else None

    async def readlink(self, address: Address, caller: Caller) -> bytes:
        if address.kind is not Kind.WORD_LINK:
            raise failure(errno.EINVAL)
        target = self._target(address.ident)
        if target is None:
            await self._find(self.catalogue.text_ids.text(_WORD, address.ident) or "", caller)
            target = self._target(address.ident)
        if target is None:
            raise failure(errno.ENOENT)
        return target

    async def _find(self, text: str, caller: Caller) -> None:
        """Have the server say who is called so."""
        found = author_documents.id_of_name(self.catalogue, text)
        await self.catalogue.answers.get(found.key, found.ttl, found.fetch, caller)


def _dirname(name: str, ident: int) -> str:
    # Names of authors are not escaped, and `with_id` decodes.
    return names.with_id(escape(name), ident)


def _is_page(address: Address) -> bool:
    return address.kind is Kind.VIEW_DOCUMENT and document_of(address) == _PAGE
