"""Warming: fetching what is not known yet, a little at a time, so that readers go first.

What is known is decided by the store, and every answer is in it before the next thing is
requested: a warm-up that is killed and started again goes on where it was.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

import trio

from biofs.api.errors import AccessDenied, ApiError, NetworkError, NotFound
from biofs.api.requests import PAGE_SIZE
from biofs.api.server import Rate
from biofs.catalogue import enumeration
from biofs.catalogue.caller import Background
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.changes import is_old
from biofs.catalogue.fetches import Fetch, Priority
from biofs.store.coverage import Gaps, Period
from biofs.store.database.files import StoreError
from biofs.tree import names

T = TypeVar("T")

PARALLEL: Final = 16
"""Fetches at once where there is no limit. Where there is one, as many as may be sent at once."""

PAUSES: Final = (5.0, 15.0, 45.0)
"""Seconds to wait before a request that the network lost is tried again, once it has worked."""

MOST_FAILURES: Final = 5
"""After so many failures in a row the server is left in peace."""

_CHUNK: Final = 256
_FULL: Final = 0.95  # of its bound a store may fill before what was fetched first might be evicted
_USED_BYTES: Final = """
    SELECT (page_count - freelist_count) * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""


class Progress(NamedTuple):
    """How a warm-up goes. `left` is about how many requests are left: exactly, if `exact`.

    `gone` counts groups that are not there any more, `failed` what could not be read.
    """

    sent: int
    left: int
    exact: bool
    categories: int
    listed: int
    gone: int
    failed: int


def seconds_left(progress: Progress, rate: Rate, elapsed: float) -> float:
    """How long the rest takes if nobody else sends requests.

    At a limited pace that follows from the number of requests. Without a limit it is
    estimated from the past: infinity before the first answer.
    """
    if progress.left == 0:
        return 0.0
    if not rate.unlimited:
        return progress.left * rate.seconds / rate.requests
    return progress.left * elapsed / progress.sent if progress.sent else math.inf


class _Before(NamedTuple):
    """What was known of a category before: its groups, and how many details were missing."""

    groups: int
    missing: int


class Warming:
    """Fetches the listings of some categories and, with `details`, every group's detail.

    Ends before the store has more than `most_bytes` and would evict what was fetched first.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        categories: Sequence[int],
        *,
        details: bool,
        most_bytes: int,
    ) -> None:
        self._catalogue: Final = catalogue
        self._categories: Final = tuple(categories)
        self._details: Final = details
        self._most_bytes: Final = most_bytes * _FULL
        self._gaps: Final = Gaps(catalogue.store)
        # A listing is looked at first and confirms details that its rows show unchanged.
        self._since: Final = catalogue.clock() - catalogue.freshness.detail
        self._on_disk: Final = catalogue.store.path is not None
        rate = catalogue.queue.pace.rate
        self._parallel: Final = PARALLEL if rate.unlimited else min(rate.requests, PARALLEL)
        self._before: Final[dict[int, _Before]] = {}
        self._missing: Final[dict[int, int]] = {}  # of the categories whose listing is right
        self._caller: Final = Background()
        # Requests for groups in no category, as far as they are known: at first the look for any.
        self._others = int(names.CATEGORIES.keys() <= set(self._categories))
        self._gone = 0
        self._failed = 0
        self._failures = 0
        self._answered = False
        self._measured = -1  # the store's number of changes when its size was looked at
        self._error: ApiError | StoreError | None = None

    async def run(self) -> None:
        """Fetch all there is to fetch.

        A group that is not there any more, or whose answer is invalid, is counted and skipped.
        Raises ApiError for what stands in the way of all the others, StoreError if nothing would
        be kept.
        """
        for category in self._categories:
            groups = self._catalogue.index.summary(category)[0]
            self._before[category] = _Before(groups, await self._count(category))
        await self._each(iter(self._categories), self._list)
        await self._each(iter(await self._uncategorised()), self._fetch)
        if self._details:
            await self._each(self._groups(), self._fetch)

    async def _uncategorised(self) -> list[tuple[int, int]]:
        """Groups that no category lists, and that are not known: looked for once in `walk` seconds,
        if every category was asked for and is known whole."""
        catalogue, caller = self._catalogue, self._caller
        self._others = 0
        if not self._missing.keys() >= names.CATEGORIES.keys() or catalogue.browsing.gaps():
            return []
        found = catalogue.answers.known(enumeration.UNCATEGORISED, caller)
        if found is None or self._is_old(found.fetched):
            search = enumeration.Uncategorised(catalogue.index)
            try:
                await self._finish(
                    lambda: catalogue.answers.start(
                        enumeration.UNCATEGORISED, search.run, caller, Priority.WARM
                    )
                )
            except ApiError as error:
                self._skip(error)
            found = catalogue.answers.known(enumeration.UNCATEGORISED, caller)
        ids = enumeration.decode_ids(found.body) if found else []
        missing = [(0, ident) for ident in ids if catalogue.index.group(ident) is None]
        self._others = len(missing)
        return missing

    def progress(self) -> Progress:
        """How it goes now."""
        left, exact = self._others, True
        for category in self._categories:
            missing = self._missing.get(category)
            if missing is None:
                requests, known = self._left_before_it_is_listed(category)
                left += requests
                exact = exact and known
            else:
                left += missing
        queue = self._catalogue.queue
        return Progress(
            sent=queue.sent - queue.retried,
            left=left,
            exact=exact,
            categories=len(self._categories),
            listed=len(self._missing),
            gone=self._gone,
            failed=self._failed,
        )

    def _left_before_it_is_listed(self, category: int) -> tuple[int, bool]:
        """How many pages and details of a category are to be read, and whether that is exact."""
        before = self._before.get(category, _Before(0, 0))
        listing = self._catalogue.index.listing(category)
        if listing is not None and not self._is_old(listing.walked):
            return 1 + before.missing, True  # a look at the newest groups
        read, pages = self._gaps.pages(category)
        if pages is None:
            pages = max(-(-before.groups // PAGE_SIZE), 1)
        left = max(pages - read, 0)
        if self._details:
            left += before.missing + max(pages * PAGE_SIZE - before.groups, 0)
        return left, False

    def _is_old(self, walked: float) -> bool:
        return is_old(walked, self._catalogue.freshness.walk, self._catalogue.clock())

    def _right(self) -> Period:
        """When a detail must have been right to need no request."""
        return Period(self._since, self._catalogue.clock())

    async def _count(self, category: int) -> int:
        """How many details are missing of what is known of a category."""
        if not self._details:
            return 0
        return await self._gaps.count(category, self._right())

    async def _list(self, category: int) -> None:
        listing, catalogue = self._catalogue.index.listing(category), self._catalogue
        if (
            listing is None
            or self._is_old(listing.walked)
            or is_old(listing.checked, catalogue.freshness.listing, catalogue.clock())
        ):
            caller = self._caller
            try:
                await self._finish(
                    lambda: catalogue.listings.start(category, caller, Priority.WARM)
                )
            except ApiError as error:
                self._skip(error)
                return
        self._missing[category] = await self._count(category)

    def _groups(self) -> Iterator[tuple[int, int]]:
        """The categories and ids of groups whose detail is missing."""
        whole = names.CATEGORIES.keys() <= set(self._categories)
        others = self._catalogue.index.other_categories() if whole else []
        for category in (*self._categories, *others):
            last = -1
            while ids := self._gaps.after(category, last, self._right(), _CHUNK):
                for last in ids:
                    # A reader may have had it fetched meanwhile.
                    if self._gaps.has(last, self._right()):
                        yield category, last

    async def _fetch(self, group: tuple[int, int]) -> None:
        category, group_id = group
        try:
            await self._finish(
                lambda: self._catalogue.groups.start(group_id, self._caller, Priority.WARM)
            )
        except NotFound:
            self._gone += 1
            self._failures = 0
        except ApiError as error:
            self._skip(error)
        if category in self._missing:
            self._missing[category] = max(self._missing[category] - 1, 0)
        elif self._others:
            self._others -= 1

    async def _finish(self, start: Callable[[], Fetch]) -> None:
        """Have something fetched. Raises ApiError if that fails, after some attempts."""
        pauses = iter(PAUSES)
        while True:
            try:
                await self._caller.result(start())
                break
            except NetworkError:
                pause = next(pauses, None)
                if pause is None or not self._answered:
                    raise
            await trio.sleep(pause)
        self._answered = True
        self._failures = 0

    def _skip(self, error: ApiError) -> None:
        """Count a failure; raise it if it is not about this one thing."""
        self._failed += 1
        self._failures += 1
        if isinstance(error, AccessDenied | NetworkError) or self._failures >= MOST_FAILURES:
            raise error

    def _check_store(self) -> None:
        """Raises StoreError if what is fetched would not be kept."""
        store = self._catalogue.store
        if self._on_disk and store.path is None:
            raise StoreError("the cache file has failed")
        if store.changes == self._measured:
            return  # nothing was written since
        self._measured = store.changes
        row = store.one(_USED_BYTES)
        if row is not None and int(str(row[0])) > self._most_bytes:
            raise StoreError("the cache is full: give more with --cache-size")

    async def _each(self, things: Iterator[T], do: Callable[[T], Awaitable[None]]) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(self._parallel):
                nursery.start_soon(self._work, things, do, nursery.cancel_scope)
        if self._error is not None:
            raise self._error

    async def _work(
        self, things: Iterator[T], do: Callable[[T], Awaitable[None]], scope: trio.CancelScope
    ) -> None:
        try:
            for thing in things:
                if self._error is not None:
                    return
                self._check_store()
                await do(thing)
                await trio.lowlevel.checkpoint()
        except StoreError as error:
            self._error = self._error or error  # what the others have requested is still kept
        except ApiError as error:
            self._error = self._error or error
            scope.cancel()
