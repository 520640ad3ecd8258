"""A running catalogue on an application in the same process: no kernel, no network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from starlette.applications import Starlette

from biofs.api.secrets import Secret
from biofs.api.server import Rate
from biofs.api.transport import Transport
from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import DEFAULT_CACHE_SIZE, Catalogue
from biofs.catalogue.changes import Freshness
from biofs.catalogue.fetches import Fetch
from biofs.catalogue.queue import Queue
from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.server.serve import transport as in_process
from biofs.store.database.pace_log import SharedPace
from biofs.store.database.store import Store
from biofs.store.groups import Before

EPOCH = 1_800_000_000.0


@asynccontextmanager
async def running(
    app: Starlette,
    path: Path | None = None,
    *,
    rate: str = "unlimited",
    freshness: Freshness | None = None,
    offline: bool = False,
    token: str | None = DONOR_TOKEN,
    cookie: str | None = None,
    cache_size: int = DEFAULT_CACHE_SIZE,
    later: float = 0.0,
) -> AsyncIterator[Catalogue]:
    """A catalogue with its queue and fetches, on a store in memory or at `path`.

    `later` is by how many seconds its wall clock is ahead of that of others.
    """
    network = Transport(
        "http://demo.invalid",
        token=None if token is None else Secret(token),
        cookie=None if cookie is None else Secret(cookie),
        transport=in_process(app),
    )
    clock = trio.lowlevel.current_clock()

    def now() -> float:
        # Epoch seconds that follow trio's clock, so that a test's ages are exact.
        return EPOCH + later + clock.current_time()

    store = Store(path)
    queue = Queue(network, SharedPace(Rate.parse(rate), store, now), offline=offline)
    catalogue = Catalogue(store, queue, freshness=freshness, clock=now, cache_size=cache_size)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(network.run)
            await nursery.start(catalogue.run)
            yield catalogue
            nursery.cancel_scope.cancel()
    finally:
        catalogue.close()


class Patient(Caller):
    """A caller that waits as long as it takes."""

    def __init__(self, pid: int = 1, *, wants_fresh: bool = False) -> None:
        super().__init__(wants_fresh=wants_fresh)
        self.pid = pid

    async def wait(self, fetch: Fetch) -> None:
        """See Caller."""
        if fetch.done:
            return
        changed = fetch.changed
        fetch.join(self.pid)
        try:
            await changed.wait()
        finally:
            fetch.leave(self.pid)


class Recorder:
    """An observer that remembers what it hears of."""

    def __init__(self) -> None:
        self.groups: list[tuple[int, bool]] = []
        self.listings: list[int] = []
        self.answers: list[str] = []

    def group_changed(self, before: Before, *, gone: bool) -> None:
        """See Observer."""
        self.groups.append((before.group.id, gone))

    def listing_changed(self, category: int) -> None:
        """See Observer."""
        self.listings.append(category)

    def answer_changed(self, key: str) -> None:
        """See Observer."""
        self.answers.append(key)
