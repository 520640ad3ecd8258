"""Listings: which groups a category has, read once, kept up to date behind the reader's back."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import trio

from biofs.api.actions import Api
from biofs.api.models import GroupRow
from biofs.api.paging import PAGE_SIZE, WINDOW_PAGES, PageRead, Slice
from biofs.catalogue.enumeration import Enumeration
from biofs.catalogue.fetches import Fetch, Fetches, Priority
from biofs.catalogue.freshness import Freshness
from biofs.catalogue.queue import Queue
from biofs.store.groups import Before, Index, PageChanges


class Caller(Protocol):
    """Whoever waits: the process behind a FUSE request, or a command."""

    async def wait(self, want: Fetch) -> None:
        """Return at the want's next progress or end; raise what the caller must be told instead."""


class Changes(Protocol):
    """Who is told of what looks different now, to pass it on (to the kernel)."""

    def group_changed(self, before: Before, *, gone: bool) -> None:
        """The group's row or detail changed; `before` is how it looked."""

    def listing_changed(self, category: int) -> None:
        """Groups came or went, or index.jsonl has other lines."""


class Arriving:
    """A category being listed for the first time: ids in the order in which they arrived.

    `total` is how many groups it will have, as far as the server told.
    """

    def __init__(self, want: Fetch) -> None:
        self.want: Final = want
        self.ids: Final = array("Q")
        self.total: int | None = None
        self.complete = False
        self._known: Final[set[int]] = set()

    def add(self, group_id: int) -> None:
        """Take up a group; one that stood on two pages, because others came meanwhile, once."""
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
        freshness: Freshness,
        clock: Callable[[], float],
    ) -> None:
        self.changes: Changes | None = None
        self.notices: Changes | None = None
        self.served = 0  # how often a listing was answered without asking
        self._index: Final = index
        self._queue: Final = queue
        self._wants: Final = fetches
        self._freshness: Final = freshness
        self._clock: Final = clock
        self._arriving: dict[int, Arriving] = {}
        self._turns: Final[defaultdict[int, trio.Lock]] = defaultdict(trio.Lock)
        self._forgotten: Callable[[int], None] = lambda _group_id: None

    def when_different(self, call: Callable[[int], None]) -> None:
        """Have `call` called with the id of each group that changed or went, first of all."""
        self._forgotten = call

    def is_complete(self, category: int) -> bool:
        """Whether the category was ever listed whole."""
        return self._index.listing(category) is not None

    def open(self, category: int) -> Arriving | None:
        """Make sure that the category is listed, or being listed.

        None: it is known whole (a refresh may have been started). Otherwise what is arriving.
        """
        listing = self._index.listing(category)
        if listing is not None:
            stale = self._clock() - listing.checked > self._freshness.listing
            if stale:
                self.refresh(category)
            self.served += 1
            return None
        arriving = self._arriving.get(category)
        if arriving is None:
            arriving = self._arriving[category] = Arriving(
                self.want(category, Priority.INTERACTIVE)
            )
        return arriving

    async def listed(self, category: int, caller: Caller) -> None:
        """Wait until the category is known whole. Raises ApiError, and what the caller raises."""
        while (arriving := self.open(category)) is not None:
            await caller.wait(arriving.want)
            if arriving.want.done:
                arriving.want.raise_error()

    def want(self, category: int, priority: Priority, *, walk: bool = False) -> Fetch:
        """Have the category listed or its listing checked; `walk` reads every page of it."""
        key = ("walk" if walk else "listing", category)
        return self._wants.start(key, self._fetching(category, walk=walk), priority)

    def refresh(self, category: int) -> None:
        """Have a known listing looked at again, behind the readers' backs."""
        if not self._queue.offline:
            self._wants.refresh(("listing", category), self._fetching(category, walk=False))

    def _fetching(self, category: int, *, walk: bool) -> Callable[[Fetch], Awaitable[None]]:
        async def fetch(want: Fetch) -> None:
            async with self._turns[category]:
                await self._fetch(category, want, walk=walk)

        return fetch

    async def _fetch(self, category: int, want: Fetch, *, walk: bool) -> None:
        api = Api(self._queue.sender(want))
        listing = self._index.listing(category)
        now = self._clock()
        try:
            began, pages = self._index.pages_read(category)
            due = listing is None or now - listing.walked > self._freshness.walk
            # A walk that was broken off goes on; one of yesterday, one that is asked for although
            # none is due, or a mere check, does not.
            if (walk and listing is not None) or not due or now - began > self._freshness.walk:
                began, pages = now, []
                await self._index.forget_pages(category)
            if not walk and not due:
                pages = await self._check(category, api, want)
                if not pages:
                    return
            await self._walk(category, api, want, min(began, now), pages)
        finally:
            arriving = self._arriving.pop(category, None)
            if arriving is not None:
                arriving.complete = self._index.listing(category) is not None

    async def _check(self, category: int, api: Api, want: Fetch) -> list[PageRead]:
        """Look at the newest groups. No pages: the listing is right; else what was read for it."""
        read: list[PageRead] = []
        number, pages, added = 0, 1, True
        while added and number < min(pages, WINDOW_PAGES):
            number += 1
            answer = await api.browse(number, category=category)
            pages = answer.pages
            ids, years = [row.id for row in answer.rows], [row.year for row in answer.rows]
            page = PageRead(Slice(), "time", "desc", number, pages, ids, years)
            taken = await self._take(category, list(answer.rows), page, want)
            added = bool(taken.added)
            read.append(page)
        known = self._index.summary(category)[0]
        if number >= pages or -(-known // PAGE_SIZE) != pages:
            return read  # all was read, or groups went: a walk sees to the rest
        await self._index.forget_pages(category)
        await self._index.confirm(category, self._clock())
        return []

    async def _walk(
        self, category: int, api: Api, want: Fetch, began: float, pages: list[PageRead]
    ) -> None:
        arriving = self._arriving.get(category)
        if arriving is not None:
            for page in pages:
                for group_id in page.ids:
                    arriving.add(group_id)

        async def take(rows: list[GroupRow], page: PageRead) -> None:
            await self._take(category, rows, page, want)

        walk = Enumeration(api, category, take, pages)
        await walk.run()
        if not walk.ids.issuperset(self._index.group_ids(category)):
            # Groups that went, or that became the newest while we read.
            await walk.look_again()
        gone = await self._index.complete(category, walk.ids, began, whole=walk.whole)
        for group in gone:
            self.tell(group, gone=True)
        self._tell_listing(category)

    async def _take(
        self, category: int, rows: list[GroupRow], page: PageRead, want: Fetch
    ) -> PageChanges:
        taken = await self._index.add_rows(category, rows, self._clock(), page)
        for group in taken.different:
            self.tell(group, gone=False)
        arriving = self._arriving.get(category)
        if arriving is not None:
            if page.slice.whole:
                arriving.total = page.pages * PAGE_SIZE
            for row in rows:
                arriving.add(row.id)
        elif taken.added or taken.different:
            self._tell_listing(category)
        want.progress()
        return taken

    async def learn(self, category: int, rows: Sequence[GroupRow]) -> None:
        """Take up rows of a category that another query than a listing's brought."""
        if rows:
            taken = await self._index.add_rows(category, rows, self._clock())
            for group in taken.different:
                self.tell(group, gone=False)
            self._tell_listing(category)

    def tell(self, before: Before, *, gone: bool) -> None:
        """Pass on that a group looks different from `before`, or is gone."""
        self.told(before, gone=gone)
        if self.notices is not None:
            self.notices.group_changed(before, gone=gone)

    def told(self, before: Before, *, gone: bool) -> None:
        """Likewise, when another process has found it."""
        self._forgotten(before.group.id)
        if self.changes is not None:
            self.changes.group_changed(before, gone=gone)

    def _tell_listing(self, category: int) -> None:
        for told in (self.changes, self.notices):
            if told is not None:
                told.listing_changed(category)
