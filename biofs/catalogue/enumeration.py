"""Enumeration: learning of every group of a category, page by page;
and the one loop that reads answers that come in pages.

A browse answer holds 50 groups, newest first, and one query shows its first 1,000 groups only: a
page past the 20th is answered with page 20 again. So a category of up to
1,000 groups is read in its natural order, one of up to 2,000 from both ends, and a larger one is
cut by years so that every slice fits; a single year that is still too large is cut by tags.

Every page that was read is remembered, so that an enumeration that was broken off goes on where
it stopped: it takes the same way again and requests only what it does not remember.
"""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from biofs.api.actions import Api
from biofs.api.models import BrowsePage, GroupRow
from biofs.api.requests import (
    FIRST_YEAR,
    LAST_YEAR,
    PAGE_SIZE,
    WHOLE,
    WINDOW,
    WINDOW_PAGES,
    PageRead,
    Slice,
)
from biofs.api.values import LARGEST_ID


class Page(Protocol):
    """A typed answer that is one page of several."""

    @property
    def pages(self) -> int:
        """How many there are."""


P = TypeVar("P", bound=Page)


async def read_pages(
    ask: Callable[[int], Awaitable[P]], take: Callable[[P], bool], most: int
) -> int:
    """Ask for page 1, 2 and so on, for as many as the last one counts and `most` at most, until
    `take` says that one brought nothing new. Returns how many there are.

    Raises what `ask` and `take` raise.
    """
    number, pages, new = 0, 1, True
    while new and number < min(pages, most):
        number += 1
        page = await ask(number)
        pages = page.pages
        new = take(page)
    return pages


log = logging.getLogger(__name__)

_COMFORTABLE: Final = 2 * WINDOW * 3 // 4  # groups a slice is planned for, of the 2,000 it may have
_ORDERS: Final = ("size", "seeders", "snatched", "leechers")


TakePage = Callable[[list[GroupRow], PageRead], Awaitable[None]]


class Enumeration:
    """One walk over a category.

    `take` is called with each page's rows and what to remember of the page, to keep both; `read`
    is what an earlier walk remembered. `whole` says after the walk whether everything the server
    counts was seen.
    """

    def __init__(
        self, api: Api, category: int, take: TakePage, read: Sequence[PageRead] = ()
    ) -> None:
        self.api: Final = api
        self.category: Final = category
        self.ids: Final[set[int]] = set()
        self.total: int | None = None
        self.whole = True
        self._take = take
        self._remembered = {(page.slice, page.order, page.way, page.number): page for page in read}
        for page in read:
            self.ids.update(page.ids)
        self._years: list[int] = []
        self._tags: Counter[str] = Counter()

    async def run(self) -> None:
        """Read every page of the category. Raises ApiError; what was read until then stays read."""
        first = await self._page(WHOLE, 1)
        self.total = first.pages * PAGE_SIZE
        if first.pages <= 2 * WINDOW_PAGES:
            await self._both_ends(WHOLE, first)
        else:
            await self._by_years(first.pages * PAGE_SIZE)
            least = (first.pages - 1) * PAGE_SIZE + 1
            if len(self.ids) < least:
                await self._other_orders(WHOLE, least)

    async def _both_ends(self, part: Slice, first: PageRead) -> None:
        """Read a slice whose first page is at hand: newest first, and from the other end."""
        page, seen = first, set[int]()

        async def ask(number: int) -> PageRead:
            nonlocal page
            page = first if number == 1 else await self._page(part, number)
            seen.update(page.ids)
            return page

        # Groups come and go while we read. An answer without rows may count no pages either.
        pages = await read_pages(ask, lambda page: page is first or bool(page.ids), WINDOW_PAGES)
        pages = pages or first.pages
        if page.number >= pages and len(seen) < (pages - 1) * PAGE_SIZE + len(page.ids):
            # A group became the newest while we read, and so passed us by.
            await self.look_again(part)
        for number in range(1, min(pages - WINDOW_PAGES, WINDOW_PAGES) + 1):
            await self._page(part, number, way="asc")

    async def look_again(self, part: Slice = WHOLE) -> None:
        """Read the newest groups once more, as far as there are any that were not met before."""
        met = 0

        async def ask(number: int) -> PageRead:
            nonlocal met
            met = len(self.ids)
            self._remembered.pop((part, "time", "desc", number), None)
            return await self._page(part, number)

        await read_pages(ask, lambda _page: len(self.ids) > met, WINDOW_PAGES)

    async def _by_years(self, total: int) -> None:
        """Cut the category by years, at the quantiles of the years seen so far."""
        parts = -(-total // _COMFORTABLE)
        years = sorted(self._years) or [2010]
        cuts = {years[len(years) * part // parts] for part in range(1, parts)}
        edges = [FIRST_YEAR - 1, *sorted(cuts), LAST_YEAR]
        for low, high in itertools.pairwise(edges):
            if low < high:
                await self._part(Slice(low + 1, high))

    async def _part(self, part: Slice) -> None:
        first = await self._page(part, 1)
        if first.pages <= 2 * WINDOW_PAGES:
            await self._both_ends(part, first)
        elif part.low < part.high:
            middle = _middle(part, self._years)
            await self._part(Slice(part.low, middle))
            await self._part(Slice(middle + 1, part.high))
        else:
            await self._by_tags(part, first)

    async def _by_tags(self, part: Slice, first: PageRead) -> None:
        """A single year with more groups than both ends show: look at it tag by tag."""
        least = (first.pages - 1) * PAGE_SIZE + 1
        before = len(self.ids)
        await self._both_ends(part, first)
        tried: set[str] = set()
        while len(self.ids) - before < least - len(first.ids):
            tag = next((tag for tag, _ in self._tags.most_common() if tag not in tried), None)
            if tag is None:
                await self._other_orders(part, len(self.ids) + 1)
                return
            tried.add(tag)
            narrower = Slice(part.low, part.high, tag)
            await self._both_ends(narrower, await self._page(narrower, 1))

    async def _other_orders(self, part: Slice, least: int) -> None:
        """What no slice showed may stand near an end of another order."""
        for order in _ORDERS:
            for way in ("desc", "asc"):
                for number in range(1, WINDOW_PAGES + 1):
                    if len(self.ids) >= least:
                        return
                    before = len(self.ids)
                    page = await self._page(part, number, order=order, way=way)
                    if not page.ids or (number > 1 and len(self.ids) == before):
                        break
        self.whole = False
        log.warning("category %d: the server counts more groups than it shows", self.category)

    async def _page(
        self, part: Slice, number: int, *, order: str = "time", way: str = "desc"
    ) -> PageRead:
        known = self._remembered.get((part, order, way, number))
        if known is not None:
            self._years += known.years
            return known
        options = part.options()
        if (order, way) != ("time", "desc"):  # else it is the server's own order
            options |= {"order_by": order, "order_way": way}
        answer: BrowsePage = await self.api.browse(number, category=self.category, **options)
        if answer.skipped:
            log.warning(
                "category %d: %d rows of a page are left out: no id, or one above %d",
                *(self.category, answer.skipped, LARGEST_ID),
            )
        ids = [row.id for row in answer.rows]
        years = [row.year for row in answer.rows]
        read = PageRead(part, order, way, number, answer.pages, ids, years)
        self._remembered[part, order, way, number] = read
        self.ids.update(ids)
        self._years += years
        for row in answer.rows:
            self._tags.update(row.tags)
        if part.whole and number == 1:
            self.total = answer.pages * PAGE_SIZE
        await self._take(list(answer.rows), read)
        return read


def _middle(part: Slice, years: list[int]) -> int:
    """Where to part a slice of years: at the median of those seen in it."""
    seen = sorted(year for year in years if part.low <= year <= part.high)
    median = seen[len(seen) // 2] if seen else (part.low + part.high) // 2
    return max(part.low, min(median, part.high - 1))
