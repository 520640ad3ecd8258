"""Groups that no category lists: those in category 0, "Unknown", or in one with a new number.

Once all twelve categories are listed, one unfiltered page of `browse` says whether there are more
groups than they have: the page on which the last known group would stand tells by its rows and its
count of pages how many there are. Beyond the 1,000 groups that one query shows that page cannot be
asked for; the first one is then, and what its count of pages leaves open is up to 49 groups.

If there are more, the cheapest query that may show them goes first: `browse` restricted to the
numbers that are none of the twelve. A server that does not restrict by these is told by a group of
the twelve among its rows. What is missing still is looked for in the unfiltered pages, from both
ends, as far as the server shows them: 40 at most.

A row has no category: where a group belongs only its detail says, at a request for each.
"""

from __future__ import annotations

import logging
from typing import Final

import msgspec

from biofs.api.actions import Api
from biofs.api.models import BrowsePage
from biofs.api.requests import PAGE_SIZE, WINDOW_PAGES
from biofs.catalogue.enumeration import read_pages
from biofs.store.groups import Index
from biofs.tree import names

KEY: Final = "uncategorised"
"""Of the answer that has the ids of such groups."""

NUMBERS: Final = (0, *range(13, 21))
"""The numbers of categories that are asked for: "Unknown", and those a server gives out next."""

log = logging.getLogger(__name__)

decode: Final = msgspec.json.Decoder(list[int]).decode
"""Read the ids. Raises msgspec.DecodeError."""


class Search:
    """One search for groups that the index does not have, for `Answers.start`."""

    def __init__(self, index: Index) -> None:
        self._index: Final = index
        categories = [*names.CATEGORIES, *index.other_categories()]
        self._known: Final = sum(index.summary(category)[0] for category in categories)
        self._found: Final[dict[int, None]] = {}
        self._least = 0  # so many are missing, as far as the server has said
        self._exact = False

    async def run(self, api: Api) -> bytes:
        """Find the ids of groups that are not known. Raises ApiError."""
        number = max(-(-self._known // PAGE_SIZE), 1)
        number = number if number <= WINDOW_PAGES else 1
        pages = await self._count(api, number)
        if number < pages <= WINDOW_PAGES:
            await self._count(api, pages)
        if self._is_missing() or not self._exact:
            await read_pages(
                lambda number: api.browse(number, category=NUMBERS), self._take_others, WINDOW_PAGES
            )
        for way in ("desc", "asc"):
            if self._is_missing():
                await self._unfiltered(api, way)
        if self._is_missing():
            log.warning("no page shows %d groups of no category", self._least - len(self._found))
        return msgspec.json.encode(list(self._found))

    def _is_missing(self) -> bool:
        return len(self._found) < self._least

    async def _count(self, api: Api, number: int) -> int:
        """Learn from an unfiltered page how many groups are missing. Returns the count of pages."""
        page = await api.browse(number, category=None)
        self._take(page)
        self._exact = page.pages <= number <= WINDOW_PAGES
        last = len(page.rows) if page.pages == number <= WINDOW_PAGES else 1
        total = (page.pages - 1) * PAGE_SIZE + last if page.pages > 0 else 0
        self._least = max(total - self._known, 0)
        return page.pages

    def _take(self, page: BrowsePage) -> bool:
        for row in page.rows:
            if self._index.group(row.id) is None:
                self._found[row.id] = None
        return bool(page.rows)

    def _take_others(self, page: BrowsePage) -> bool:
        groups = (self._index.group(row.id) for row in page.rows)
        if any(group is not None and group.category in names.CATEGORIES for group in groups):
            return False
        return self._take(page)

    async def _unfiltered(self, api: Api, way: str) -> None:
        """Look through all groups from the newest or the oldest, until none is missing."""

        async def ask(number: int) -> BrowsePage:
            return await api.browse(number, category=None, order_by="time", order_way=way)

        await read_pages(ask, lambda page: self._take(page) and self._is_missing(), WINDOW_PAGES)
