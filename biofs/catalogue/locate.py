"""Placing: finding the categories of groups that a query found.

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
from typing import Final

from cachetools import LRUCache

from biofs.api.actions import Api
from biofs.api.errors import AccessDenied, ApiError, NetworkError
from biofs.api.models import BrowsePage, GroupRow
from biofs.api.requests import WINDOW_PAGES
from biofs.catalogue.caller import Caller
from biofs.catalogue.enumeration import read_pages
from biofs.catalogue.fetches import Fetch, Fetches, Work
from biofs.catalogue.groups import Groups
from biofs.catalogue.listings import Listings
from biofs.catalogue.queue import Queue
from biofs.store.groups import Index
from biofs.tree import names

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
