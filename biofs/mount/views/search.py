"""`search/<any words>/`: what the server finds, made by naming it."""

from __future__ import annotations

import errno
import functools
import logging
from typing import ClassVar, Final

from biofs.catalogue.caller import Caller
from biofs.catalogue.documents import searches
from biofs.catalogue.documents.document import Document, LinkDocument
from biofs.catalogue.documents.searches import InvalidSearch, Search, parse
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import failure
from biofs.mount.views.link import LinkView
from biofs.mount.views.probed import is_probed

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
