"""A catalogue put together from settings: store, transport, pace, queue."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
import trio

from biofs.api.secrets import Secret
from biofs.api.transport import Transport
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.changes import Freshness
from biofs.catalogue.queue import Queue
from biofs.errors import QuietError
from biofs.settings.load import Settings, check_demo
from biofs.store.database.files import StoreCorrupt, StoreError, set_aside, store_path
from biofs.store.database.pace_log import SharedPace
from biofs.store.database.snapshot import Snapshot
from biofs.store.database.store import Store

log = logging.getLogger(__name__)

LONGEST_CONNECT: Final = 10.0
"""Seconds to wait for a connection: who does not take one by then is not there."""
WHOLE_ANSWER: Final = 4.0
"""How many times as long as a silence an answer may take altogether."""


def open_store(settings: Settings) -> Store:
    """The store of the settings; memory, with one warning, if its file cannot be used.

    Raises QuietError for a snapshot that is none: nothing else has what it has.
    """
    if settings.snapshot is not None:
        try:
            return Snapshot(settings.snapshot)
        except StoreError as error:
            raise QuietError(str(error)) from None
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


def _embedded() -> tuple[Secret, Secret, httpx.AsyncBaseTransport]:
    """The embedded catalogue in this process, and what opens it."""
    # Only here, so that a mount of the real server never loads the embedded one.
    check_demo()
    from biofs.demo.accounts import DONOR_COOKIE, DONOR_TOKEN  # noqa: PLC0415
    from biofs.demo.in_process import InProcess  # noqa: PLC0415

    return Secret(DONOR_TOKEN), Secret(DONOR_COOKIE), InProcess()


@asynccontextmanager
async def open_catalogue(settings: Settings) -> AsyncIterator[Catalogue]:
    """A running catalogue: requests are sent while the context is open.

    Raises QuietError for certificates, a proxy or a snapshot that cannot be used.
    """
    token, cookie, network = settings.token, settings.cookie, None
    if settings.demo:
        token, cookie, network = _embedded()
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
    queue = Queue(transport, SharedPace(settings.rate, store), offline=settings.offline)
    catalogue = Catalogue(
        store, queue, freshness=Freshness.of(settings.ttl), cache_size=settings.cache_size
    )
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
