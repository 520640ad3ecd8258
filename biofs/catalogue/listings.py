"""Listings: which groups a category has, read once, kept up to date in the background."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

import trio

from biofs.api.actions import Api
from biofs.api.models import GroupRow
from biofs.api.requests import PAGE_SIZE, WINDOW_PAGES, PageRead, Slice
from biofs.catalogue.caller import Caller
from biofs.catalogue.changes import Changes, Freshness, is_old
from biofs.catalogue.enumeration import Enumeration, read_pages
from biofs.catalogue.fetches import Fetch, Fetches, Priority, Work
from biofs.catalogue.queue import Queue
from biofs.store.groups import Index, PageChanges
from biofs.tree import names


class Arriving:
    """A category being listed for the first time: ids in the order in which they arrived.

    `total` is how many groups it will have, as far as the server has said.
    """

    def __init__(self, fetch: Fetch) -> None:
        self.fetch: Final = fetch
        self.ids: Final = array("Q")
        self.total: int | None = None
        self.complete = False
        self._known: Final[set[int]] = set()

    def add(self, group_id: int) -> None:
        """Add a group; one that stood on two pages, because others came meanwhile, once."""
        if group_id not in self._known:
            self._known.add(group_id)
            self.ids.append(group_id)


class Listings:
    """The listings of all categories."""

    def __init__(
        self,
        index: Index,
        queue: Queue,
        fetches: Fetches,
        changes: Changes,
        freshness: Freshness,
        clock: Callable[[], float],
    ) -> None:
        self.served = 0  # how often a listing was answered without fetching
        self._index: Final = index
        self._queue: Final = queue
        self._fetches: Final = fetches
        self._changes: Final = changes
        self._freshness: Final = freshness
        self._clock: Final = clock
        self._arriving: dict[int, Arriving] = {}
        self._turns: Final[defaultdict[int, trio.Lock]] = defaultdict(trio.Lock)

    def is_complete(self, category: int) -> bool:
        """Whether the category was ever listed whole.

        One that is not among the twelve is taken for whole: no query is known to list it, so it has
        the groups that other answers told of.
        """
        return category not in names.CATEGORIES or self._index.listing(category) is not None

    def open(self, category: int, caller: Caller) -> Arriving | None:
        """Make sure that the category is listed, or being listed.

        None: it is known whole (a refresh may have been started). Otherwise what is arriving.
        """
        if category not in names.CATEGORIES:
            return None
        listing = self._index.listing(category)
        if listing is not None:
            if is_old(listing.checked, self._freshness.listing, self._clock()):
                self.refresh(category, caller)
            self.served += 1
            return None
        arriving = self._arriving.get(category)
        if arriving is None:
            arriving = self._arriving[category] = Arriving(self.start(category, caller))
        return arriving

    async def listed(self, category: int, caller: Caller) -> None:
        """Wait until the category is known whole. Raises ApiError, and what the caller raises."""
        while (arriving := self.open(category, caller)) is not None:
            await caller.result(arriving.fetch)

    def start(
        self,
        category: int,
        caller: Caller,
        priority: Priority = Priority.INTERACTIVE,
        *,
        walk: bool = False,
    ) -> Fetch:
        """Have the category listed or its listing checked; `walk` reads every page of it."""
        key = ("walk" if walk else "listing", category)
        return self._fetches.start(key, self._work(category, walk=walk), caller, priority)

    def refresh(self, category: int, caller: Caller) -> None:
        """Have a known listing checked again, in the background."""
        if not self._queue.offline:
            work = self._work(category, walk=False)
            self._fetches.refresh(("listing", category), work, caller)

    def _work(self, category: int, *, walk: bool) -> Work:
        async def work(fetch: Fetch) -> None:
            async with self._turns[category]:
                await self._fetch(category, fetch, walk=walk)

        return work

    async def _fetch(self, category: int, fetch: Fetch, *, walk: bool) -> None:
        api = Api(self._queue.sender(fetch))
        listing = self._index.listing(category)
        now = self._clock()
        try:
            began, pages = self._index.pages_read(category)
            due = listing is None or is_old(listing.walked, self._freshness.walk, now)
            # A walk that was broken off goes on; one of yesterday, one that is requested although
            # none is due, or a mere check, does not.
            if (
                (walk and listing is not None)
                or not due
                or (pages and is_old(began, self._freshness.walk, now))
            ):
                began, pages = now, []
                await self._index.forget_pages(category)
            if not walk and not due:
                pages = await self._check(category, api, fetch)
                if not pages:
                    return
            await self._walk(category, api, fetch, min(began, now), pages)
        finally:
            arriving = self._arriving.pop(category, None)
            if arriving is not None:
                arriving.complete = self._index.listing(category) is not None

    async def _check(self, category: int, api: Api, fetch: Fetch) -> list[PageRead]:
        """Look at the newest groups. No pages: the listing is right; else what was read for it."""
        read: list[PageRead] = []
        added = False

        async def ask(number: int) -> PageRead:
            nonlocal added
            answer = await api.browse(number, category=category)
            ids, years = [row.id for row in answer.rows], [row.year for row in answer.rows]
            page = PageRead(Slice(), "time", "desc", number, answer.pages, ids, years)
            taken = await self._take(category, list(answer.rows), page, fetch)
            added = bool(taken.added)
            read.append(page)
            return page

        pages = await read_pages(ask, lambda _page: added, WINDOW_PAGES)
        known = self._index.summary(category)[0]
        if len(read) >= pages or -(-known // PAGE_SIZE) != pages:
            return read  # all was read, or groups went: a walk sees to the rest
        await self._index.forget_pages(category)
        await self._index.confirm(category, self._clock())
        return []

    async def _walk(
        self, category: int, api: Api, fetch: Fetch, began: float, pages: list[PageRead]
    ) -> None:
        arriving = self._arriving.get(category)
        if arriving is not None:
            for page in pages:
                for group_id in page.ids:
                    arriving.add(group_id)

        async def take(rows: list[GroupRow], page: PageRead) -> None:
            await self._take(category, rows, page, fetch)

        walk = Enumeration(api, category, take, pages)
        await walk.run()
        if not walk.ids.issuperset(self._index.group_ids(category)):
            # Groups that went, or that became the newest while we read.
            await walk.look_again()
        gone = await self._index.complete(
            category, walk.ids, began, self._clock(), whole=walk.whole
        )
        for group in gone:
            self._changes.group_changed(group, gone=True)
        self._changes.listing_changed(category)

    async def _take(
        self, category: int, rows: list[GroupRow], page: PageRead, fetch: Fetch
    ) -> PageChanges:
        taken = await self._index.add_rows(category, rows, self._clock(), page)
        for group in taken.different:
            self._changes.group_changed(group, gone=False)
        arriving = self._arriving.get(category)
        if arriving is not None:
            if page.slice.whole:
                arriving.total = page.pages * PAGE_SIZE
            for row in rows:
                arriving.add(row.id)
        elif taken.added or taken.different:
            self._changes.listing_changed(category)
        fetch.progress()
        return taken

    async def learn(self, category: int, rows: Sequence[GroupRow]) -> None:
        """Store rows of a category that another query than a listing's brought."""
        if rows:
            taken = await self._index.add_rows(category, rows, self._clock())
            for group in taken.different:
                self._changes.group_changed(group, gone=False)
            self._changes.listing_changed(category)
