"""Enumeration: learning of every group there is, page by page: of a category, and of none;
and the one loop that reads answers that come in pages.

A browse answer holds 50 groups, newest first, and one query shows its first 1,000 groups only: a
page past the 20th is answered with page 20 again. So a category of up to
1,000 groups is read in its natural order, one of up to 2,000 from both ends, and a larger one is
cut by years so that every slice fits; a single year that is still too large is cut by tags.

Every page that was read is remembered, so that an enumeration that was broken off goes on where
it stopped: it takes the same way again and requests only what it does not remember.

Groups that no category lists (`Uncategorised`) are those in category 0, "Unknown", or in one with a
new number.
"""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

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
from biofs.store.groups import Index
from biofs.tree import names


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


UNCATEGORISED: Final = "uncategorised"
"""The key of the answer that has the ids of groups that no category lists."""

_OTHER_NUMBERS: Final = (0, *range(13, 21))
"""The numbers of categories that are asked for: "Unknown", and those a server gives out next."""

decode_ids: Final = msgspec.json.Decoder(list[int]).decode
"""Read the ids in such an answer. Raises msgspec.DecodeError."""


class Uncategorised:
    """One search for groups that the index does not have, for `Answers.start`.

    Once all twelve categories are listed, one unfiltered page of `browse` says whether there are
    more groups than they have: the page on which the last known group would stand tells by its rows
    and its count of pages how many there are. Beyond the 1,000 groups that one query shows that
    page cannot be asked for; the first one is then, and what its count of pages leaves open is up
    to 49 groups.

    If there are more, the cheapest query that may show them goes first: `browse` restricted to the
    numbers that are none of the twelve. A server that does not restrict by these is told by a group
    of the twelve among its rows. What is missing still is looked for in the unfiltered pages, from
    both ends, as far as the server shows them: 40 at most.

    A row has no category: where a group belongs only its detail says, at a request for each.
    """

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
                lambda number: api.browse(number, category=_OTHER_NUMBERS),
                self._take_others,
                WINDOW_PAGES,
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
