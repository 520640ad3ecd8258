"""Another snapshot takes the place of the mounted one, while it is being read.

The exchange itself is a change of connections in the event loop. Before it, in threads: the new
file is opened and compared with the old one. After it, a few groups at a time: the kernel is told
what is different. Open files have their content by then, open directories read on in the old file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

import trio
from msgspec.structs import replace

from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.subscription.following import INTERVAL, Following
from biofs.catalogue.subscription.update import updater_of
from biofs.errors import QuietError
from biofs.settings.load import Settings
from biofs.store.database.files import StoreError
from biofs.store.group_rows import Before
from biofs.store.snapshots.difference import Difference, befores, between
from biofs.store.snapshots.exchange import Exchangeable, Generation
from biofs.store.snapshots.kept import Known
from biofs.tree.inodes import MAX_ID

T = TypeVar("T")
log = logging.getLogger(__name__)

AT_ONCE: Final = 16
"""Groups that the kernel is told of before others in the event loop have their turn."""
BETWEEN_FLUSHES: Final = 512
"""Groups of which notices are in memory: at most two dozen for each."""


class Settling(Protocol):
    """What holds open files (`Operations`)."""

    async def settle(self) -> None:
        """Have every open file hold its content."""

    def forget_all(self) -> None:
        """Forget what is in memory only to be found sooner."""


class Flushing(Protocol):
    """What tells the kernel (`KernelCache`)."""

    async def flush(self) -> None:
        """Return when all notices so far have gone out, or after some seconds."""


class Exchanger:
    """Puts snapshots in the place of the mounted one, one after the other."""

    def __init__(
        self, store: Exchangeable, catalogue: Catalogue, operations: Settling, kernel: Flushing
    ) -> None:
        self._store: Final = store
        self._catalogue: Final = catalogue
        self._operations: Final = operations
        self._kernel: Final = kernel

    async def exchange(self, file: Path) -> Difference:
        """Show another snapshot; returns what is different in it, when the kernel knows.

        Raises StoreError and OSError for a file that cannot be used: then nothing has changed.
        """
        fresh = await trio.to_thread.run_sync(self._store.prepare, file)
        try:
            _check_same(fresh, self._store)
            difference = await trio.to_thread.run_sync(between, self._store.file, file)
            await self._operations.settle()
            # No checkpoint from here on: nobody opens a file in between.
            old = self._store.exchange(fresh)
        except BaseException:
            fresh.let_go()
            raise
        try:
            if difference:
                self._operations.forget_all()
            await self._tell(old, difference)
        finally:
            old.let_go()
        return difference

    async def _tell(self, old: Generation, difference: Difference) -> None:
        changes = self._catalogue.changes
        for category in sorted(difference.categories):
            if 0 <= category <= MAX_ID:
                changes.listing_changed(category)
        told = 0
        for ids, gone in ((difference.changed, False), (difference.gone, True)):
            for some in _portions(ids, AT_ONCE):
                read = partial(befores, old.connection, some)
                for before in await trio.to_thread.run_sync(read):
                    self._tell_of(before, gone=gone)
                told += len(some)
                if told >= BETWEEN_FLUSHES:
                    await self._kernel.flush()
                    told = 0
        await self._kernel.flush()

    def _tell_of(self, before: Before, *, gone: bool) -> None:
        try:
            self._catalogue.changes.group_changed(before, gone=gone)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            # A snapshot may come from anybody; what cannot be shown was never shown.
            log.debug("group %r cannot be shown: %s", before.group.id, error)


def _check_same(fresh: Generation, store: Exchangeable) -> None:
    if fresh.about.server != store.about.server:
        raise StoreError(f"{fresh.path}: of another catalogue ({fresh.about.server})")


def _portions(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def following(
    settings: Settings, catalogue: Catalogue, operations: Settling, kernel: Flushing
) -> Following | None:
    """What follows the URL of a mounted snapshot; None for any other mount.

    Raises QuietError if there is nothing at hand any more.
    """
    store = catalogue.store
    if not isinstance(store, Exchangeable):
        return None
    updater = updater_of(settings)
    exchanger = Exchanger(store, catalogue, operations, kernel)
    shown = updater.kept.known()
    if shown is None:
        raise QuietError(f"{settings.snapshot_url}: what was at hand is gone")

    async def exchange(known: Known) -> Difference:
        return await exchanger.exchange(updater.kept.path(known))

    return Following(
        updater,
        # Another mount may have put a newer one there since it was opened.
        shown if updater.kept.path(shown) == store.file else _of(shown, store),
        exchange,
        interval=INTERVAL if settings.ttl is None else settings.ttl,
        offline=settings.offline,
    )


def _of(known: Known, store: Exchangeable) -> Known:
    return replace(known, file=store.file.name, made=store.about.made)
