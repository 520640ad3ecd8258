"""Facet views: the records of `tags/`, `years/`, `formats/` and of any facet by which the server
cannot be asked; and `authors/`, a class.

An author has a directory with author.json, and a link to it by the bare name.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from typing import Final

from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents import users as author_documents
from biofs.catalogue.queries import Query
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import failure
from biofs.mount.views.base import LinkNodes, is_probed, looks_like_a_file
from biofs.mount.views.document import id_in
from biofs.mount.views.facet import FacetRecord, FacetView, Page, Value
from biofs.tree import names
from biofs.tree.inodes import MAX_ID, Address, Kind, pack
from biofs.tree.printable import escape
from biofs.tree.views import ViewLine

_ASKED_FOR: Final = 1 << 31
"""Added to the number of a text in `text_ids`, which was asked for before a group was known by it;
the others are those of the table `facets`."""

_TAG: Final = re.compile(r"[^\W_]+(?:[.-][^\W_]+)*")
_LAST_YEAR: Final = 9999


class TextNaming:
    """Values that are texts. A directory is named by its text, or where that cannot be a name, by
    what is left of it and the number."""

    def __init__(self, catalogue: Catalogue, facet: str, may_be: Callable[[str], bool]) -> None:
        self._browsing: Final = catalogue.browsing
        self._text_ids: Final = catalogue.text_ids
        self._kind: Final = facet
        self._may_be: Final = may_be

    def id_of(self, name: str) -> int | None:
        """That of the table `facets`, or one for a text that the server may know."""
        number = names.id_of(name)
        if number is not None:
            return self._numbered(number, name)
        facet = self._browsing.facet(self._kind, name)
        if facet is not None and names.is_plain(name):
            return facet.id
        if not self._may_be(name) or not self._browsing.gaps():
            return None
        number = self._text_ids.add(self._kind, name)
        return None if number is None or number >= _ASKED_FOR else number | _ASKED_FOR

    def _numbered(self, number: int, name: str) -> int | None:
        text = self._browsing.text_of(self._kind, number) if number < _ASKED_FOR else None
        if text is None or names.text_dirname(text, number) != name:
            return None
        return number

    def text_of(self, ident: int) -> str | None:
        """The text itself."""
        if ident & _ASKED_FOR:
            return self._text_ids.text(self._kind, ident ^ _ASKED_FOR)
        return self._browsing.text_of(self._kind, ident)

    def values_after(self, order: int) -> Iterator[Value]:
        """In the order of their numbers."""
        for facet in self._browsing.facets_after(self._kind, order):
            name = names.text_dirname(facet.text, facet.id)
            yield Value(facet.id, facet.id, name, facet.newest)


class YearNaming:
    """Values that are numbers themselves, and named by their digits."""

    def __init__(self, catalogue: Catalogue, facet: str, may_be: Callable[[str], bool]) -> None:
        self._browsing: Final = catalogue.browsing
        self._kind: Final = facet
        self._may_be: Final = may_be

    def id_of(self, name: str) -> int | None:
        """The year."""
        year = id_in(name.encode())
        if not year:
            return None
        known = self._browsing.facet(self._kind, name) is not None
        return year if known or (self._may_be(name) and self._browsing.gaps()) else None

    def text_of(self, ident: int) -> str | None:
        """The year in digits."""
        return str(ident) if ident else None

    def values_after(self, order: int) -> Iterator[Value]:
        """In the order of their numbers in the table `facets`."""
        for facet in self._browsing.facets_after(self._kind, order):
            yield Value(facet.id, int(facet.text), facet.text, facet.newest)


def _by_parameter(
    facet: str,
    parameter: str,
    may_be: Callable[[str], bool],
    naming: type[TextNaming | YearNaming] = TextNaming,
) -> FacetRecord:
    """A facet by whose values `browse` finds groups, with one parameter."""
    key = f"browse {facet} "

    def query_of(_catalogue: Catalogue, text: str) -> Query | None:
        return Query(key + text, ((parameter, text),)) if may_be(text) else None

    return FacetRecord(naming, may_be, query_of, key)


def _may_be_tag(text: str) -> bool:
    # As in the API: small letters, and dots between words.
    return text == text.lower() and _TAG.fullmatch(text) is not None and not is_probed(text)


def _may_be_format(text: str) -> bool:
    return names.is_plain(text) and not is_probed(text)


def _may_be_year(text: str) -> bool:
    return int(text) <= _LAST_YEAR


TAGS: Final = _by_parameter("tag", "taglist", _may_be_tag)
FORMATS: Final = _by_parameter("format", "format", _may_be_format)
YEARS: Final = _by_parameter("year", "year", _may_be_year, YearNaming)
"""Groups without a year are in none."""
KNOWN: Final = FacetRecord(TextNaming)
"""Of a facet by which the server cannot be asked: there is what the store knows, and `.incomplete`
where more may be."""


_WORD: Final = "author"
"""The kind of `TextIds` that bare names are."""


def _dirname(name: str, ident: int) -> str:
    # Names of authors are not escaped, and `with_id` decodes.
    return names.with_id(escape(name), ident)


class AuthorNaming:
    """Authors: a directory is named by the author's name and id, its number is the id."""

    def __init__(self, catalogue: Catalogue, _facet: str, _may_be: Callable[[str], bool]) -> None:
        self._browsing: Final = catalogue.browsing

    def id_of(self, name: str) -> int | None:
        """The id in the name."""
        ident = names.id_of(name)
        if not ident or ident > MAX_ID:
            return None
        author = self._browsing.author(ident)
        if author is not None:
            return ident if _dirname(author.name, ident) == name else None
        # Whether it is the right name is found out when somebody looks in.
        return ident if self._browsing.gaps() else None

    def text_of(self, ident: int) -> str | None:
        """The id in digits."""
        return str(ident) if ident else None

    def values_after(self, order: int) -> Iterator[Value]:
        """In the order of their ids."""
        for author in self._browsing.authors_after(order):
            yield Value(author.id, author.id, _dirname(author.name, author.id), author.newest)


def _query_of(catalogue: Catalogue, text: str) -> Query | None:
    author = catalogue.browsing.author(int(text))
    if author is None or not author.name.strip():
        return None
    return Query(f"browse author {text}", (("artistname", author.name),), author.id)


def _is_known(catalogue: Catalogue, ident: int) -> bool:
    return catalogue.browsing.author(ident) is not None


AUTHORS: Final = FacetRecord(
    AuthorNaming,
    query_of=_query_of,
    page=Page(b"author.json", author_documents.author, author_documents.groups_on, _is_known),
)


class AuthorsView(FacetView):
    """The facet view of authors, and in it a link to an author's directory by the bare name; of
    several authors with a name, the one with the smallest id."""

    def __init__(self, catalogue: Catalogue, links: LinkNodes, line: ViewLine) -> None:
        super().__init__(catalogue, links, line, AUTHORS)

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        if address.kind is Kind.WORD_LINK:
            return self._by_name(address.ident, caller)
        return await super().getattr(address, caller)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        found = await super().lookup(address, name, caller)
        if found is not None or address.kind is not Kind.VIEW:
            return found
        text = name.decode(errors="replace")
        if self.browsing.author_titled(text) is None and not self._may_be_called(text):
            return None
        number = self.catalogue.text_ids.add(_WORD, text)
        return None if number is None else self._by_name(number, caller)

    def _may_be_called(self, text: str) -> bool:
        return (
            bool(self.browsing.gaps())
            and names.clean(escape(text)) == text
            and names.id_of(text) is None
            and any(character.isalpha() for character in text)
            and not (is_probed(text) or looks_like_a_file(text))
        )

    def _by_name(self, number: int, caller: Caller) -> Stat:
        target, inode = self._target(number, caller), pack(Kind.WORD_LINK, number, self.number)
        return attributes.link(inode, len(target) if target else None, 0)

    def _target(self, number: int, caller: Caller) -> bytes | None:
        text = self.catalogue.text_ids.text(_WORD, number)
        if text is None:
            raise failure(errno.ENOENT)
        author = self.browsing.author_titled(text)
        if author is None:
            key = author_documents.id_of_name(self.catalogue, text).key
            known = self.catalogue.answers.known(key, caller)
            author = self.browsing.author(int(known.body)) if known else None
        return _dirname(author.name, author.id).encode() if author else None

    async def readlink(self, address: Address, caller: Caller) -> bytes:
        if address.kind is not Kind.WORD_LINK:
            raise failure(errno.EINVAL)
        target = self._target(address.ident, caller)
        if target is None:
            await self._find(self.catalogue.text_ids.text(_WORD, address.ident) or "", caller)
            target = self._target(address.ident, caller)
        if target is None:
            raise failure(errno.ENOENT)
        return target

    async def _find(self, text: str, caller: Caller) -> None:
        """Have the server say who is called so."""
        found = author_documents.id_of_name(self.catalogue, text)
        await self.catalogue.answers.get(found.key, found.ttl, found.fetch, caller)
