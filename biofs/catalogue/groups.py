"""Groups' documents: from memory, from the store, or from the server, in this order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import trio
from cachetools import TTLCache

from biofs.api.actions import Api
from biofs.api.errors import BadAnswer, NotFound
from biofs.api.models import GroupAnswer, TorrentAnswer
from biofs.catalogue.caller import Caller
from biofs.catalogue.changes import Changes, Freshness, Stage, is_old
from biofs.catalogue.fetches import Fetch, Fetches, Priority
from biofs.catalogue.listings import Listings
from biofs.catalogue.queue import Queue
from biofs.store.details import Detail, Details
from biofs.store.groups import Before, Index
from biofs.store.memory import Recent

PASSING_BYTES: Final = 2 << 20
"""Of details that were read once: a walk over the catalogue then writes to the same memory again
and again, which the processor has at hand, and leaves the system's alone."""
CACHE_BYTES: Final = 12 << 20
"""Of details that were read again, before as many bytes of others were, and of long ones, which
have many documents and take long to make."""
_LONG: Final = 64 << 10  # bytes
_ABSENT_GROUPS: Final = 4096
_LOOK_AGAIN: Final = 5.0  # seconds between looks at an old detail that could not be refreshed yet
_ATTEMPTS: Final = 3  # at a detail that another process evicts as soon as it is there


class Groups:
    """Details of groups, as documents ready to be read. Subscribes to `changes`."""

    def __init__(
        self,
        details: Details,
        index: Index,
        listings: Listings,
        queue: Queue,
        fetches: Fetches,
        changes: Changes,
        freshness: Freshness,
        clock: Callable[[], float],
    ) -> None:
        self._details: Final = details
        self._index: Final = index
        self._listings: Final = listings
        self._queue: Final = queue
        self._fetches: Final = fetches
        self._changes: Final = changes
        self._freshness: Final = freshness
        self._clock: Final = clock
        self._passing: Final[Recent[int, Detail]] = Recent(PASSING_BYTES, Detail.nbytes)
        self._recent: Final[Recent[int, Detail]] = Recent(CACHE_BYTES, Detail.nbytes)
        self._passed: Final[Recent[int, int]] = Recent(CACHE_BYTES, int)  # how large they were
        # Seconds only: somebody may be adding it just now. Errors are never kept as absence.
        self._absent: TTLCache[int | str, bool] = TTLCache(
            _ABSENT_GROUPS, freshness.absence, timer=trio.current_time
        )
        self.served = 0  # how often documents were answered without fetching
        changes.subscribe(self, Stage.MEMORY)

    def _held(self, group_id: int) -> Detail | None:
        return self._passing.get(group_id) or self._recent.get(group_id)

    def _remember(self, detail: Detail) -> None:
        group_id, size = detail.group_id, detail.nbytes()
        self._drop(group_id)
        if size >= _LONG or self._passed.get(group_id) is not None:
            self._recent.keep(group_id, detail, size)
        else:
            self._passing.keep(group_id, detail, size)
            self._passed.keep(group_id, size, size)

    def _drop(self, group_id: int) -> None:
        self._passing.pop(group_id)
        self._recent.pop(group_id)

    def group_changed(self, before: Before, *, gone: bool) -> None:
        """See Observer: what is in memory of the group is dropped."""
        self._drop(before.group.id)

    def listing_changed(self, category: int) -> None:
        """See Observer: no detail depends on it."""

    def answer_changed(self, key: str) -> None:
        """See Observer: no detail depends on it."""

    def forget_all(self) -> None:
        """Forget what is in memory only to be found sooner."""
        for each in (self._passing, self._recent, self._passed):
            each.clear()

    def known(self, group_id: int, caller: Caller) -> Detail | None:
        """The group's documents if its detail was ever fetched; old ones are refreshed in the
        background."""
        self.mark_read(group_id)
        detail = self._held(group_id)
        if detail is not None and not self._is_old(detail):
            return detail
        if detail is None or detail.changes != self._details.changes:
            # Its row may have been seen since; or the store has given it up for lack of room.
            loaded = self._details.load(group_id)
            if loaded is None and (detail is None or self._index.group(group_id) is None):
                return None
            detail = loaded or detail
            assert detail is not None  # noqa: S101 - one of them is
            self._remember(detail)
        if self._is_old(detail):
            self._refresh(detail, caller)
        return detail

    def known_now(self, group_id: int) -> Detail | None:
        """The group's documents if they are in memory or in the store, as `get` has them.

        For who has looked at their age just before: nothing is refreshed. None also for old ones
        that may have changed in the store since: `get` looks.
        """
        detail = self._held(group_id)
        if detail is None:
            detail = self.at_hand(group_id)
        elif detail.changes != self._details.changes and self._is_old(detail):
            return None
        self.served += detail is not None
        return detail

    def mark_read(self, group_id: int) -> None:
        """Somebody read the group: when room is needed, others are evicted first."""
        self._details.note_read(group_id)

    def good_until(self, detail: Detail) -> float:
        """Until when (epoch seconds) nobody needs to look at this detail's age again."""
        now = self._clock()
        until = detail.good_until(self._freshness.detail, now)
        return until if now < until else now + _LOOK_AGAIN

    def at_hand(self, group_id: int) -> Detail | None:
        """The group's documents as they are known; nothing is refreshed."""
        detail = self._held(group_id)
        if detail is None:
            detail = self._details.load(group_id)
            if detail is not None:
                self._remember(detail)
        return detail

    def _is_old(self, detail: Detail) -> bool:
        now = self._clock()
        return now >= detail.good_until(self._freshness.detail, now)

    def _refresh(self, detail: Detail, caller: Caller) -> None:
        """One look at the rows of a category confirms 50 groups; asking for each costs 50 times."""
        if self._queue.offline:
            return
        group = self._index.group(detail.group_id)
        listing = self._index.listing(group.category) if group else None
        if (
            group is not None
            and listing is not None
            and not detail.outdated
            and is_old(listing.walked, self._freshness.walk, self._clock())
        ):
            self._listings.refresh(group.category, caller)
            return
        group_id = detail.group_id
        self._fetches.refresh(("group", group_id), partial(self._fetch, group_id), caller)

    def start(
        self, group_id: int, caller: Caller, priority: Priority = Priority.INTERACTIVE
    ) -> Fetch:
        """Have the group's detail fetched, once for all callers."""
        work = partial(self._fetch, group_id)
        return self._fetches.start(("group", group_id), work, caller, priority)

    async def get(self, group_id: int, caller: Caller) -> Detail:
        """The group's documents, waited for if need be.

        Raises NotFound if the server has no such group, other ApiErrors, and what the caller
        raises.
        """
        detail = self.known(group_id, caller)
        self.served += detail is not None
        fetched = 0
        while detail is None:
            if group_id in self._absent:
                raise NotFound("torrentgroup", "the server has no such group")
            if fetched == _ATTEMPTS:
                raise BadAnswer("torrentgroup", "the store does not keep it")
            await self.fetch(group_id, caller)
            fetched += 1
            detail = self.known(group_id, caller)
        return detail

    async def fetch(self, group_id: int, caller: Caller) -> None:
        """Wait for the group's detail to be fetched, even if it is known. Raises like `get`.

        For who lacks what came with it: the store evicts file lists for lack of room, and those
        that another group had as well with that group.
        """
        await caller.result(self.start(group_id, caller))

    async def find_torrent(self, torrent_id: int, caller: Caller) -> None:
        """Have the index learn of a torrent and its group, by one request.

        Raises NotFound if the server has no such torrent, other ApiErrors, and what the caller
        raises.
        """
        await self._find(f"torrent {torrent_id}", lambda api: api.torrent(id=torrent_id), caller)

    async def find_hash(self, info_hash: str, caller: Caller) -> None:
        """As `get`, by info hash; this brings the detail of the whole group."""
        await self._find(f"hash {info_hash}", lambda api: api.torrentgroup(hash=info_hash), caller)

    async def _find(
        self,
        key: str,
        ask: Callable[[Api], Awaitable[GroupAnswer | TorrentAnswer]],
        caller: Caller,
    ) -> None:
        if key in self._absent:
            raise NotFound("torrent", "the server has no such torrent")

        async def work(fetch: Fetch) -> None:
            asked = self._clock()
            try:
                answer = await ask(Api(self._queue.sender(fetch)))
            except NotFound:
                self._absent[key] = True
                raise
            if isinstance(answer, GroupAnswer):
                await self._take(answer, asked, None)
            else:
                await self._details.save_torrent(answer, self._clock())

        await caller.result(self._fetches.start(key, work, caller))

    async def _take(self, answer: GroupAnswer, asked: float, stable: bytes | None) -> None:
        self._drop(answer.group.id)
        saved = await self._details.save(answer, asked, stable)
        for before in saved.before:
            self._changes.group_changed(before, gone=False)
        if saved.row_filled:
            self._changes.listing_changed(answer.group.category_id)

    async def _fetch(self, group_id: int, fetch: Fetch) -> None:
        asked, stable = self._clock(), None

        def sent() -> None:
            # The answer belongs to the row of this moment: a row that comes while it is under way
            # may have a change that the answer does not have yet.
            nonlocal asked, stable
            asked, stable = self._clock(), self._index.stable(group_id)

        fetch.when_sent = sent
        try:
            answer = await Api(self._queue.sender(fetch)).torrentgroup(id=group_id)
        except NotFound:
            self._absent[group_id] = True
            for before in await self._details.forget(group_id):
                self._changes.group_changed(before, gone=True)
            raise
        await self._take(answer, asked, stable)
