"""Queries: asking the server for the groups that have a tag, a year, a format or an author.

Only for as long as the index does not know every group: then it answers by itself.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cachetools import LRUCache

from biofs.api.actions import Api
from biofs.api.errors import NotFound
from biofs.api.models import BrowsePage, GroupRow
from biofs.api.requests import PAGE_SIZE, WINDOW, WINDOW_PAGES
from biofs.catalogue.answers import Answers, FetchBody
from biofs.catalogue.caller import Caller
from biofs.catalogue.documents.document import Link, LinkDocument, decode, encode
from biofs.catalogue.enumeration import read_pages
from biofs.catalogue.locate import Locate
from biofs.store.groups import row_mtime
from biofs.tree import names

_READ: Final = 32  # answers that are kept in memory, read


class Query(NamedTuple):
    """One query of `browse`: `fields` are its parameters, by the API's names.

    The server finds authors by words of their names; with `author`, an id, only this one's groups
    count, and none at all is an answer, too.
    """

    key: str
    fields: tuple[tuple[str, str], ...]
    author: int | None = None


class Queries:
    """The groups that queries found, as links: kept in the store, asked for again after `ttl`."""

    def __init__(self, answers: Answers, placing: Locate, ttl: float) -> None:
        self._answers: Final = answers
        self._placing: Final = placing
        self._ttl: Final = ttl
        self._read: LRUCache[tuple[str, float], LinkDocument] = LRUCache(_READ)

    def known(self, query: Query, caller: Caller) -> LinkDocument | None:
        """What the query found when it was last asked, however long ago."""
        known = self._answers.known(query.key, caller)
        if known is None:
            return None
        found = self._read.get((query.key, known.fetched))
        if found is None:
            found = self._read[query.key, known.fetched] = decode(known.body)
            self._placing.remember(query.key, query.fields, (link.ident for link in found.links))
        return found

    async def get(self, query: Query, caller: Caller) -> LinkDocument:
        """What the query finds: a request for 50 groups, up to the 1,000 that the server shows.

        Raises NotFound if that is nothing, other ApiErrors, and what the caller raises.
        """
        while True:
            await self._answers.get(query.key, self._ttl, _fetch(query), caller)
            found = self.known(query, caller)
            if found is not None:
                return found


def _fetch(query: Query) -> FetchBody:
    async def fetch(api: Api) -> bytes:
        found: dict[int, GroupRow] = {}

        async def ask(number: int) -> BrowsePage:
            return await api.browse(number, category=None, **dict(query.fields))

        def take(page: BrowsePage) -> bool:
            found.update((row.id, row) for row in page.rows if _is_by(row, query.author))
            return True

        pages = await read_pages(ask, take, WINDOW_PAGES)
        if not found and query.author is None:
            raise NotFound("browse", "no group has it")
        links = [Link(names.group_dirname(row.name, row.id), row.id) for row in found.values()]
        newest = max(map(row_mtime, found.values()), default=0)
        reason = ""
        if pages > WINDOW_PAGES:
            least = (pages - 1) * PAGE_SIZE + 1
            reason = f"There are at least {least:,} groups; asked for, the server shows {WINDOW:,}."
        return encode(LinkDocument((), links, newest, reason))

    return fetch


def _is_by(row: GroupRow, author: int | None) -> bool:
    authors = {each.id for torrent in row.torrents for each in torrent.authors}
    return author is None or not authors or author in authors
