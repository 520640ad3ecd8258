"""Queries: the groups that the server finds by a tag, a year, a format or an author, and the
categories of these groups.

The server is asked only for as long as the index does not know every group: then it answers by
itself.

A browse row has no category, and without it a link cannot say where its group is. A group's detail
has it, at one request for each group. For many groups of one query there is a cheaper way:
the same query again, six times, each time restricted to four of the twelve categories, so that each
category is among those of two queries, and no other of the same two. Who follows one link pays one
request; only from the fifth on, as for an `ls` that colours links by what they lead to, all are
located together.

Since every category is in two queries, a server that applies only some of the restrictions, or
none, does no harm: its groups are in fewer than two, or in more, and have to be located one by one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Final, NamedTuple

from cachetools import LRUCache

from biofs.api.actions import Api
from biofs.api.errors import AccessDenied, ApiError, NetworkError, NotFound
from biofs.api.models import BrowsePage, GroupRow
from biofs.api.requests import PAGE_SIZE, WINDOW, WINDOW_PAGES
from biofs.catalogue.answers import Answers, FetchBody
from biofs.catalogue.caller import Caller
from biofs.catalogue.documents.document import Link, LinkDocument, decode, encode
from biofs.catalogue.enumeration import read_pages
from biofs.catalogue.fetches import Fetch, Fetches, Work
from biofs.catalogue.groups import Groups
from biofs.catalogue.listings import Listings
from biofs.catalogue.queue import Queue
from biofs.store.groups import Index, row_mtime
from biofs.tree import names

_READ: Final = 32  # answers that are kept in memory, read

QUERIES: Final = 6
_PAIRS: Final = {*itertools.combinations(range(QUERIES), 2)} - {(0, 1), (2, 3), (4, 5)}
CODES: Final = {
    frozenset(pair): category
    for category, pair in zip(names.CATEGORIES, sorted(_PAIRS), strict=True)
}
"""The category whose groups are found by two of the queries, and by no other."""

SINGLY: Final = 4
"""Groups of a query that are located by their details before the others are located together."""

_REMEMBERED: Final = 64  # queries that are remembered


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


class _Found:
    """A query, the groups it found, and how many of them were located one by one."""

    def __init__(self, fields: dict[str, str], ids: frozenset[int]) -> None:
        self.fields: Final = fields
        self.ids: Final = ids
        self.singly = 0


class Locate:
    """Remembers which query found which groups, and finds these groups' categories when somebody
    follows a link to one.
    """

    def __init__(
        self,
        index: Index,
        documents: Groups,
        listings: Listings,
        queue: Queue,
        fetches: Fetches,
    ) -> None:
        self._index: Final = index
        self._documents: Final = documents
        self._listings: Final = listings
        self._queue: Final = queue
        self._fetches: Final = fetches
        self._remembered: LRUCache[str, _Found] = LRUCache(_REMEMBERED)

    def remember(self, key: str, fields: Iterable[tuple[str, str]], ids: Iterable[int]) -> None:
        """Remember which groups a query (parameters of `browse`, by the API's names) found."""
        found = _Found(dict(fields), frozenset(ids))
        if key not in self._remembered or self._remembered[key].ids != found.ids:
            self._remembered[key] = found

    async def place(self, group_id: int, caller: Caller) -> None:
        """Have the index know a group.

        Raises NotFound if the server has no such group, other ApiErrors, and what the caller
        raises.
        """
        for key, found in self._remembered.items():
            if group_id in found.ids:
                found.singly += 1
                if found.singly > SINGLY:
                    await self._together(key, found, caller)
                break
        if self._index.group(group_id) is None:
            await self._documents.get(group_id, caller)

    async def _together(self, key: str, found: _Found, caller: Caller) -> None:
        try:
            await caller.result(self._fetches.start(("places", key), self._work(found), caller))
        except ApiError as error:
            if isinstance(error, NetworkError | AccessDenied):
                raise
        # Those that were not found, or all if the server cannot do that, are located one by one.
        found.singly = -len(found.ids)

    def _work(self, found: _Found) -> Work:
        async def work(fetch: Fetch) -> None:
            api = Api(self._queue.sender(fetch))
            rows: dict[int, GroupRow] = {}
            found_by: dict[int, set[int]] = {group_id: set() for group_id in found.ids}

            async def ask_by(query: int) -> None:
                categories = [category for code, category in CODES.items() if query in code]

                async def ask(number: int) -> BrowsePage:
                    page = await api.browse(number, category=categories, **found.fields)
                    fetch.progress()
                    return page

                def take(page: BrowsePage) -> bool:
                    for row in page.rows:
                        if row.id in found_by:
                            rows[row.id] = row
                            found_by[row.id].add(query)
                    return True

                await read_pages(ask, take, WINDOW_PAGES)

            for query in range(QUERIES):
                await ask_by(query)
            for code, category in CODES.items():
                await self._listings.learn(
                    category, [row for row in rows.values() if found_by[row.id] == code]
                )

        return work
