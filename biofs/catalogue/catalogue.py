"""The catalogue: what is known is answered at once, the rest is fetched and waited for.

`open_catalogue` puts one together from settings: store, transport, pace, queue.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import httpx
import trio

from biofs.api.secrets import Secret
from biofs.api.transport import Transport
from biofs.catalogue.answers import Answers
from biofs.catalogue.changes import Changes, Freshness
from biofs.catalogue.fetches import Fetches
from biofs.catalogue.groups import Groups
from biofs.catalogue.listings import Listings
from biofs.catalogue.queries import Locate, Queries
from biofs.catalogue.queue import Queue
from biofs.errors import QuietError
from biofs.settings.load import Settings, check_demo
from biofs.settings.values import LONGEST_TTL
from biofs.store.ahead import Ahead
from biofs.store.browsing import Browsing
from biofs.store.database import facet_fill, pace_log
from biofs.store.database.change_log import ChangeLog
from biofs.store.database.files import StoreCorrupt, StoreError, set_aside, store_path
from biofs.store.database.pace_log import SharedPace
from biofs.store.database.snapshot import Snapshot
from biofs.store.database.store import Store
from biofs.store.details import Details
from biofs.store.groups import Index
from biofs.store.memory import Trees
from biofs.store.snapshots.cache import mountable
from biofs.store.snapshots.exchange import Exchangeable
from biofs.store.snapshots.kept import Kept
from biofs.store.text_ids import TextIds

DEFAULT_CACHE_SIZE: Final = 1 << 30
_ANSWERS_SHARE: Final = 4  # of the store's bytes, one in so many may be answers of views


class Catalogue:
    """Everything above the API that a reader needs, without knowing what the reader is.

    `clock` gives epoch seconds: ages are kept across restarts. `cache_size` bounds the store, in
    bytes; the index alone may exceed it.
    """

    def __init__(
        self,
        store: Store,
        queue: Queue,
        *,
        freshness: Freshness | None = None,
        cache_size: int = DEFAULT_CACHE_SIZE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock: Final = clock
        self.freshness: Final = freshness or Freshness()
        self.store: Final = store
        self.queue: Final = queue
        queue.unfit, queue.when_unfit = (
            pace_log.unfit_reason(store),
            partial(pace_log.keep_unfit, store),
        )
        self.fetches: Final = Fetches()
        self.changes: Final = Changes()
        self._ahead: Final = Ahead(store)
        self.index: Final = Index(store, self._ahead)
        details = self._details = Details(store, cache_size, self._ahead)
        self.listings: Final = Listings(
            self.index, queue, self.fetches, self.changes, self.freshness, clock
        )
        self.groups: Final = Groups(
            details,
            self.index,
            self.listings,
            queue,
            self.fetches,
            self.changes,
            self.freshness,
            clock,
        )
        self.trees: Final = Trees(details)
        self.answers: Final = Answers(
            store,
            queue,
            self.fetches,
            self.changes,
            self.freshness.absence,
            clock,
            most_bytes=cache_size // _ANSWERS_SHARE,
        )
        self.text_ids: Final = TextIds(store)
        self.browsing: Final = Browsing(store)
        self.placing: Final = Locate(self.index, self.groups, self.listings, queue, self.fetches)
        self.queries: Final = Queries(self.answers, self.placing, self.freshness.queries)
        self._change_log: Final = ChangeLog(store)
        self.changes.subscribe(self._change_log)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the queue and the fetches until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.queue.run)
            await nursery.start(self.fetches.run)
            nursery.start_soon(self._change_log.run, self.changes)
            nursery.start_soon(facet_fill.fill, self.store)
            task_status.started()

    def state(self) -> dict[str, object]:
        """What the catalogue is doing now, for people: no secrets, nothing that waits."""
        queue = self.queue
        return {
            "requests": {
                "sent": queue.sent,
                "retried": queue.retried,
                "joined": self.fetches.joined,
                "saved": self.groups.served + self.listings.served,
                "waiting": len(queue),
                "wants": len(self.fetches),
            },
            "pace": {
                "rate": str(queue.pace.rate),
                "next_request_in_seconds": round(queue.pace.delay(), 1),
            },
            "offline": queue.offline,
            "server_reachable": queue.reachable,
            "server_unfit": queue.unfit,
            "last_errors": [{"action": action, "error": error} for action, error in queue.errors],
        }

    def forget_all(self) -> None:
        """Forget what is in memory only to be found sooner."""
        self._ahead.clear()
        self.index.forget_all()
        self.groups.forget_all()
        self.trees.shrink()

    def close(self) -> None:
        """Close the store."""
        self.trees.shrink()
        self._details.flush(self.clock())
        self.store.close()


log = logging.getLogger(__name__)

LONGEST_CONNECT: Final = 10.0
"""Seconds to wait for a connection: who does not take one by then is not there."""
_LOOKS: Final = 3
WHOLE_ANSWER: Final = 4.0
"""How many times as long as a silence an answer may take altogether."""


def open_store(settings: Settings) -> Store:
    """The store of the settings; memory, with one warning, if its file cannot be used.

    Raises QuietError for a snapshot that is none: nothing else has what it has.
    """
    if settings.snapshot is not None:
        try:
            return Snapshot(mountable(settings.snapshot, key=settings.snapshot_key))
        except StoreError as error:
            raise QuietError(str(error)) from None
    if settings.snapshot_url is not None:
        return _published(settings)
    path = store_path(settings)
    try:
        try:
            return Store(path)
        except StoreCorrupt as error:
            assert path is not None  # noqa: S101 - memory is never corrupt
            log.warning("%s: moved to %s, a new store is begun", error, set_aside(path).name)
            return Store(path)
    except (StoreError, OSError) as error:
        log.warning("continuing without a cache on disk: %s", error)
        return Store(None)


def _published(settings: Settings) -> Exchangeable:
    """What is at hand of a URL. Raises QuietError if nothing is."""
    assert settings.snapshot_url is not None  # noqa: S101 - who calls this has looked
    assert settings.cache_dir is not None  # noqa: S101 - a URL leaves it set
    kept = Kept(settings.cache_dir, settings.snapshot_url)
    for _ in range(_LOOKS):
        known = kept.known()
        if known is None or settings.snapshot_key not in (None, known.signed_with):
            break
        try:
            return Exchangeable(kept.path(known))
        except FileNotFoundError:
            continue  # another mount has just put a newer one in its place
        except (StoreError, OSError) as error:
            raise QuietError(str(error)) from None
    raise QuietError(f"{settings.snapshot_url}: nothing was fetched yet: `biofs mount` does")


def _embedded() -> tuple[Secret, Secret, httpx.AsyncBaseTransport]:
    """The embedded catalogue in this process, and what opens it."""
    # Only here, so that a mount of the real server never loads the embedded one.
    check_demo()
    from biofs.demo.accounts import DONOR_COOKIE, DONOR_TOKEN  # noqa: PLC0415
    from biofs.demo.server.in_process import InProcess  # noqa: PLC0415

    return Secret(DONOR_TOKEN), Secret(DONOR_COOKIE), InProcess()


class _Nobody(httpx.AsyncBaseTransport):
    """Stands for the server of a snapshot, so that no certificates are read for it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("a snapshot has no server", request=request)


@asynccontextmanager
async def open_catalogue(settings: Settings) -> AsyncIterator[Catalogue]:
    """A running catalogue: requests are sent while the context is open.

    Raises QuietError for certificates, a proxy or a snapshot that cannot be used.
    """
    token, cookie = settings.token, settings.cookie
    network: httpx.AsyncBaseTransport | None = None
    if settings.demo:
        token, cookie, network = _embedded()
    elif settings.snapshot is not None or settings.snapshot_url is not None:
        network = _Nobody()
    try:
        transport = Transport(
            settings.url,
            token=token,
            cookie=cookie,
            transport=network,
            connect_timeout=min(LONGEST_CONNECT, settings.timeout),
            read_timeout=settings.timeout,
            total_timeout=WHOLE_ANSWER * settings.timeout,
            ca_file=settings.ca_file,
        )
    except ValueError as error:  # certificates, or a proxy of the environment
        raise QuietError(str(error)) from None
    store = open_store(settings)
    # Of what is published at a URL the API is never asked; `--ttl` says when the URL is.
    published = settings.snapshot_url is not None
    offline, ttl = settings.offline or published, LONGEST_TTL if published else settings.ttl
    queue = Queue(transport, SharedPace(settings.rate, store), offline=offline)
    catalogue = Catalogue(store, queue, freshness=Freshness.of(ttl), cache_size=settings.cache_size)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(transport.run)
            await nursery.start(catalogue.run)
            try:
                yield catalogue
            finally:
                nursery.cancel_scope.cancel()
    finally:
        catalogue.close()
