"""`collages/`, `top/` and `search/`: lists of groups that the server makes."""

from __future__ import annotations

import errno
import functools
import logging
from typing import ClassVar, Final

from biofs.catalogue.caller import Caller
from biofs.catalogue.documents import collages, searches
from biofs.catalogue.documents.document import Document, Link, LinkDocument
from biofs.catalogue.documents.searches import InvalidSearch, Search, parse
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.entries import FixedListing, Listing
from biofs.mount.nodes.base import failure
from biofs.mount.views.base import is_probed
from biofs.mount.views.document import id_in
from biofs.mount.views.link import FIRST_LINK, LinkView
from biofs.tree import names
from biofs.tree.inodes import Address, Kind
from biofs.tree.printable import escape


class CollagesView(LinkView):
    """An entry is a collage's id; those that were fetched are listed, any id can be named."""

    documents: ClassVar[tuple[bytes, ...]] = (b"collage.json", b"description.txt")

    def source(self, ident: int) -> Document:
        return collages.collage(self.catalogue, ident)

    def lookup_entry(self, name: bytes, caller: Caller) -> Stat | None:
        ident = id_in(name)
        return None if ident is None else self.directory(ident, caller)

    async def entries(self) -> list[tuple[bytes, Stat]]:
        keys = self.catalogue.answers.keys(collages.KEY)
        known = sorted(int(key.removeprefix(collages.KEY)) for key in keys)
        return [(b"%d" % ident, self.listed_entry(ident)) for ident in known]


# `top/{torrents,tags,users}/{10,100,250}/`: the top lists, and links to what is in them.


_KINDS: Final = ("torrents", "tags", "users")
_LIMITS: Final = (10, 100, 250)
_SHIFT: Final = 4
"""An entry's number is its kind's, from 1, and behind this many bits its limit's; a kind's own
directory has 0 there."""


class TopView(LinkView):
    """An entry is a kind of list, and in it a length: two directories, and links in the second. Who
    has no cookie gets EACCES where one is needed: the server knows no other way to these lists.
    """

    documents: ClassVar[tuple[bytes, ...]] = (b"top.json",)

    def source(self, ident: int) -> Document:
        kind, limit = _kind(ident), ident & ((1 << _SHIFT) - 1)
        if not 1 <= limit <= len(_LIMITS):
            raise failure(errno.ENOENT)
        return collages.top(self.catalogue, kind, _LIMITS[limit - 1])

    def above(self, address: Address) -> int:
        if address.kind is Kind.VIEW_ENTRY and not _is_kind(address.ident):
            return self.entry(address.ident >> _SHIFT << _SHIFT)
        return super().above(address)

    def can_be_link(self, name: bytes) -> bool:
        # A list's short name, the place, and what it is; a tag has no id behind it.
        return name.count(b" ") >= 2 and name.split(b" ")[1].isdigit()

    def link(self, ident: int, position: int, link: Link) -> Stat:
        if _kind(ident) == "torrents":
            return super().link(ident, position, link)
        # What stands at a place changes with the answer: its size is asked for when it is needed.
        inode, size = self.document(ident, FIRST_LINK + position), len(self.target(ident, link))
        return attributes.link(inode, size, 0)._replace(keep=0.0)

    def target(self, ident: int, link: Link) -> bytes:
        up = "../" * self.depth
        if _kind(ident) == "users":
            return f"{up}users/{link.ident}".encode()
        return f"{up}tags/{names.clean(escape(link.text))}".encode()

    def lookup_entry(self, name: bytes, caller: Caller) -> Stat | None:
        return dict(self._kinds()).get(name)

    async def entries(self) -> list[tuple[bytes, Stat]]:
        return self._kinds()

    def _kinds(self) -> list[tuple[bytes, Stat]]:
        return [
            (kind.encode(), attributes.directory(self.entry(number << _SHIFT), 0))
            for number, kind in enumerate(_KINDS, start=1)
        ]

    def _limits(self, ident: int, caller: Caller) -> list[tuple[bytes, Stat]]:
        return [
            (b"%d" % limit, self.directory(ident | number, caller))
            for number, limit in enumerate(_LIMITS, start=1)
        ]

    async def lookup_in(self, ident: int, name: bytes, caller: Caller) -> Stat | None:
        if _is_kind(ident):
            return dict(self._limits(ident, caller)).get(name)
        return await super().lookup_in(ident, name, caller)

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        if address.kind is Kind.VIEW_ENTRY and _is_kind(address.ident):
            return FixedListing(self._limits(address.ident, caller))
        return await super().opendir(address, caller)


def _is_kind(ident: int) -> bool:
    _kind(ident)
    return not ident & ((1 << _SHIFT) - 1)


def _kind(ident: int) -> str:
    number = ident >> _SHIFT
    if not 1 <= number <= len(_KINDS):
        raise failure(errno.ENOENT)
    return _KINDS[number - 1]


log = logging.getLogger(__name__)

_WORD: Final = "search"
MOST_SEARCHES: Final = 2000
"""Names of searches that are remembered; the oldest give way."""

_parse: Final = functools.lru_cache(2 * MOST_SEARCHES)(parse)


class SearchView(LinkView):
    """An entry is a search as somebody wrote it, and its number that of the text in `text_ids`:
    every spelling is a directory of its own, but those that mean the same show one answer.
    """

    documents: ClassVar[tuple[bytes, ...]] = (b"results.jsonl",)

    def _search(self, ident: int) -> Search:
        text = self.catalogue.text_ids.text(_WORD, ident)
        if text is None:
            raise failure(errno.ENOENT)
        try:
            return _parse(text)
        except InvalidSearch as error:
            said = (_WORD, str(error))
            if said not in self.catalogue.queue.errors:
                log.warning("search: %s", error)
                self.catalogue.queue.errors.append(said)
            raise failure(errno.EINVAL) from None

    def source(self, ident: int) -> Document:
        return searches.search(self.catalogue, self._search(ident))

    def note(self, ident: int, document: LinkDocument) -> None:
        search = self._search(ident)
        if search.category is None:
            found = (link.ident for link in document.links)
            self.catalogue.placing.remember(searches.KEY + search.key, search.fields, found)

    def lookup_entry(self, name: bytes, caller: Caller) -> Stat | None:
        try:
            text = name.decode()
        except UnicodeDecodeError:
            return None
        if not _looks_like_a_search(text):
            return None
        return self.directory(
            self.catalogue.text_ids.add_recent(_WORD, text, MOST_SEARCHES), caller
        )

    async def entries(self) -> list[tuple[bytes, Stat]]:
        known = set(self.catalogue.answers.keys(searches.KEY))
        return [
            (text.encode(), self.listed_entry(number))
            for number, text in self.catalogue.text_ids.known(_WORD)
            if _key(text) in known
        ]


def _looks_like_a_search(text: str) -> bool:
    return (
        not is_probed(text)
        and text.isprintable()
        and any(character.isalnum() for character in text)
    )


def _key(text: str) -> str | None:
    try:
        return searches.KEY + _parse(text).key
    except InvalidSearch:
        return None
