"""One look at a URL: ask for the description, fetch what is newer, check it, have it at hand.

What is at hand is replaced by what is better alone: whole, as it was described, of the same
catalogue, and not older. Anything else raises UpdateFailed and leaves everything as it was.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import trio
from msgspec.structs import replace

from biofs.catalogue.subscription.addresses import Address, UpdateFailed, address_of
from biofs.catalogue.subscription.shared_disk import SharedDisk
from biofs.catalogue.subscription.web import Fetched, Show, Small, Wanted, Web, discard
from biofs.settings.load import Settings
from biofs.store.database.files import StoreError
from biofs.store.database.snapshot import About, about_of, connect
from biofs.store.snapshots import delta as deltas
from biofs.store.snapshots import description, packing
from biofs.store.snapshots.description import DeltaFile, Description, DescriptionError
from biofs.store.snapshots.kept import FETCHING, MAKING, Kept, Known

TURN_SECONDS: Final = 0.25
SPARE: Final = 16 << 20
"""Bytes that are left free on the disk."""


class Source(Protocol):
    """Where files come from: `Web`, or `SharedDisk`."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """It can be used while the context is open."""

    async def small(
        self, url: str, most: int, validators: Mapping[str, str], *, anew: bool = False
    ) -> Small | None:
        """See Web."""

    async def file(
        self, url: str, target: Path, wanted: Wanted, show: Show, validators: Mapping[str, str]
    ) -> Fetched | None:
        """See Web."""


class _Rejected(NamedTuple):
    """What was fetched and found wrong: not to be fetched again until it is another."""

    sha256: str
    why: str


class Updater:
    """Keeps the newest snapshot of a URL at hand. Use it within `async with updater.running()`."""

    def __init__(
        self,
        kept: Kept,
        source: Source,
        key: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.kept: Final = kept
        self._address: Final[Address] = address_of(kept.url)
        self._source: Final = source
        self._key: Final = key
        self.clock: Final = clock
        self._rejected: _Rejected | None = None
        self.done = 0
        """Bytes of what is being fetched that are there; `total` says of how many."""
        self.total: int | None = None

    def running(self) -> AbstractAsyncContextManager[None]:
        """Connections can be made while the context is open."""
        return self._source.running()

    async def update(
        self, show: Show | None = None, *, anew: bool = False, younger: float = 0.0
    ) -> Known:
        """Look at the URL, and return what is at hand then.

        Another process that fetches the same is waited for. If one has looked less than `younger`
        seconds ago, nothing is asked. `anew` has caches on the way ask the server, and fetches
        again what was found wrong. Raises UpdateFailed.
        """

        def shown(done: int, total: int | None) -> None:
            self.done, self.total = done, total
            if show is not None:
                show(done, total)

        try:
            self.kept.make()
            async with self._alone():
                known = self.kept.known()
                if known is not None and self._is_young(known, younger):
                    return known
                if anew:
                    self._rejected = None
                await trio.to_thread.run_sync(self.kept.sweep)
                return await self._update(known, shown, anew=anew)
        except OSError as error:
            raise UpdateFailed(f"{self.kept.directory}: {error.strerror or error}") from None
        finally:
            self.done, self.total = 0, None

    def _is_young(self, known: Known, younger: float) -> bool:
        return self.trusts(known) and 0 <= self.clock() - known.checked < younger

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        while True:
            with self.kept.locked() as mine:
                if mine:
                    yield
                    return
            await trio.sleep(TURN_SECONDS)

    def trusts(self, known: Known | None) -> bool:
        """Whether a snapshot at hand may be mounted: with a key, only what was signed with it."""
        return known is not None and self._key in (None, known.signed_with)

    async def _update(self, known: Known | None, show: Show, *, anew: bool) -> Known:
        # Of what nobody signed with this key nothing is taken, not even that it is the same.
        usable = known if self.trusts(known) else None
        if self._address.plain:
            return await self._plain(known, show)
        validators = _conditions(usable)
        url, most = self._address.url, description.LARGEST
        small = await self._source.small(url, most, validators, anew=anew)
        if small is None:
            assert known is not None  # noqa: S101 - without it nothing is conditional
            return await trio.to_thread.run_sync(self._confirmed, known)
        found = await self._described(small)
        _check_successor(known, found.catalogue, found.made)
        if usable is None or found.snapshot.id != usable.id:
            path = await self._fetched(usable, found, show)
        else:
            path = self.kept.path(usable)
        return await trio.to_thread.run_sync(
            self._commit,
            path,
            Known(
                url=self.kept.url,
                file=path.name,
                id=found.snapshot.id,
                catalogue=found.catalogue,
                made=found.made,
                checked=self.clock(),
                etag=small.etag,
                modified=small.modified,
                signed_with=self._key or "",
            ),
        )

    def _confirmed(self, known: Known) -> Known:
        return self._commit(self.kept.path(known), replace(known, checked=self.clock()))

    def _commit(self, path: Path, known: Known) -> Known:
        """Have it at hand: the last step, which happens or does not (rename(2))."""
        if path.name.startswith(MAKING):
            name = self.kept.new_name(known.id)
            path.rename(self.kept.directory / name)
            known = replace(known, file=name)
        self.kept.write(known)
        self.kept.sweep()
        return known

    async def _described(self, small: Small) -> Description:
        try:
            if self._key is not None:
                url = self._address.beside(description.SIGNATURE_FILE)
                signature = await self._source.small(url, description.LARGEST_SIGNATURE, {})
                assert signature is not None  # noqa: S101 - nothing was conditional
                description.verify(small.body, signature.body, self._key)
            return description.parse(small.body)
        except DescriptionError as error:
            raise UpdateFailed(str(error)) from None

    async def _fetched(self, known: Known | None, found: Description, show: Show) -> Path:
        """The snapshot that is described, as a file that nobody knows of yet."""
        whole = found.snapshot
        if self._rejected is not None and self._rejected.sha256 == whole.sha256:
            raise UpdateFailed(self._rejected.why, lasting=True)
        try:
            path = await self._by_deltas(known, found, show)
            if path is None:
                path = await self._whole(found, show)
            about = await trio.to_thread.run_sync(_checked_file, path)
            _check_described(about, found)
        except (UpdateFailed, StoreError) as error:
            if isinstance(error, UpdateFailed) and not error.lasting:
                raise
            self._rejected = _Rejected(whole.sha256, str(error))
            raise UpdateFailed(str(error), lasting=True) from None
        return path

    async def _by_deltas(self, known: Known | None, found: Description, show: Show) -> Path | None:
        """The newest snapshot made of the one at hand; None if that is no way, or did not work."""
        way = None if known is None else description.path(found, known.id)
        if known is None or not way:
            return None
        total, before = sum(delta.size for delta in way), 0
        files: list[Path] = []
        base = self.kept.path(known)
        try:
            self._check_room(total + base.stat().st_size * min(len(way), 2))
            for delta in way:
                files.append(await self._delta(delta, before, total, show))
                before += delta.size
            for number, (delta, file) in enumerate(zip(way, files, strict=True)):
                made = self.kept.directory / f"{MAKING}-{number}.sqlite"
                made.unlink(missing_ok=True)
                await trio.to_thread.run_sync(deltas.apply, base, file, made, delta)
                base = made
        except (UpdateFailed, StoreError, DescriptionError) as error:
            if isinstance(error, UpdateFailed) and not error.lasting:
                raise  # the whole one would not come either
            return None
        finally:
            for file in files:
                discard(file)
        return base

    async def _delta(self, delta: DeltaFile, before: int, total: int, show: Show) -> Path:
        target = self.kept.directory / f"{FETCHING}-{delta.sha256}"
        wanted = Wanted(delta.size, delta.sha256, delta.size)
        await self._source.file(
            self._address.beside(delta.file),
            target,
            wanted,
            lambda done, _total: show(before + done, total),
            {},
        )
        return target

    async def _whole(self, found: Description, show: Show) -> Path:
        whole = found.snapshot
        target = self.kept.directory / f"{FETCHING}-{whole.sha256}"
        await trio.to_thread.run_sync(_forget_others, target)
        begun = target.stat().st_size if target.exists() else 0
        self._check_room(max(whole.size - begun, 0) + whole.unpacked_size)
        wanted = Wanted(whole.size, whole.sha256, whole.size)
        await self._source.file(self._address.beside(whole.file), target, wanted, show, {})
        made = self.kept.directory / f"{MAKING}.sqlite"
        try:
            await trio.to_thread.run_sync(packing.unpack, target, made, whole)
        except StoreError as error:
            raise UpdateFailed(str(error), lasting=True) from None
        finally:
            with trio.CancelScope(shield=True):  # a disk takes its time for a large file
                await trio.to_thread.run_sync(discard, target)
        return made

    async def _plain(self, known: Known | None, show: Show) -> Known:
        """A single file: asked for whether it is another, and fetched whole."""
        if self._key is not None:
            raise UpdateFailed("a single file is not signed: give the URL of its directory")
        target = self.kept.directory / f"{FETCHING}-plain"
        room = max(shutil.disk_usage(self.kept.directory).free - SPARE, 0)
        fetched = await self._source.file(
            self._address.url, target, Wanted(None, None, room), show, _conditions(known)
        )
        if fetched is None:
            assert known is not None  # noqa: S101 - without it nothing is conditional
            discard(target)
            return await trio.to_thread.run_sync(self._confirmed, known)
        if self._rejected is not None and self._rejected.sha256 == fetched.sha256:
            discard(target)
            raise UpdateFailed(self._rejected.why, lasting=True)
        try:
            path, about = await trio.to_thread.run_sync(self._unpacked, target)
            _check_successor(known, about.server, about.made)
        except (StoreError, UpdateFailed) as error:
            self._rejected = _Rejected(fetched.sha256, str(error))
            raise UpdateFailed(str(error), lasting=True) from None
        finally:
            discard(target)
        return await trio.to_thread.run_sync(
            self._commit,
            path,
            Known(
                url=self.kept.url,
                file=path.name,
                id=fetched.sha256,
                catalogue=about.server,
                made=about.made,
                checked=self.clock(),
                etag=fetched.etag,
                modified=fetched.modified,
            ),
        )

    def _unpacked(self, target: Path) -> tuple[Path, About]:
        made = self.kept.directory / f"{MAKING}.sqlite"
        if packing.is_packed(target):
            packing.unpack(target, made)
        else:
            target.rename(made)
        return made, _checked_file(made)

    def _check_room(self, needed: int) -> None:
        free = shutil.disk_usage(self.kept.directory).free
        if free < needed + SPARE:
            raise UpdateFailed(
                f"{self.kept.directory}: not enough room: {needed + SPARE:,} bytes are needed, "
                f"{free:,} are free"
            )


def _conditions(known: Known | None) -> dict[str, str]:
    """The headers of a conditional request: the entity tag, else the time (RFC 9110, 13.1)."""
    if known is None:
        return {}
    if known.etag:
        return {"If-None-Match": known.etag}
    return {"If-Modified-Since": known.modified} if known.modified else {}


def _check_successor(known: Known | None, catalogue: str, made: float) -> None:
    if known is None:
        return
    if catalogue != known.catalogue:
        raise UpdateFailed(
            f"a snapshot of another catalogue ({catalogue}) is published there now", lasting=True
        )
    if made < known.made:
        raise UpdateFailed(
            "an older snapshot than the one at hand is published there", lasting=True
        )


def _check_described(about: About, found: Description) -> None:
    if about.server != found.catalogue:
        raise UpdateFailed("a snapshot of another catalogue than is described", lasting=True)


def _checked_file(path: Path) -> About:
    """Look at a snapshot as at a stranger's, and have it on the disk. Raises StoreError."""
    try:
        with closing(connect(path)) as connection:
            return about_of(connection, path)
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: not a snapshot: {error}") from None


def _forget_others(target: Path) -> None:
    """Remove what was begun of snapshots that are not the newest any more."""
    for path in target.parent.glob(f"{FETCHING}-*"):
        if not path.name.startswith(target.name):
            path.unlink(missing_ok=True)


def updater_of(settings: Settings) -> Updater:
    """The updater for the settings' URL."""
    assert settings.snapshot_url is not None  # noqa: S101 - who calls this has one
    assert settings.cache_dir is not None  # noqa: S101 - a URL leaves it set
    kept = Kept(settings.cache_dir, settings.snapshot_url)
    source: Source
    if settings.snapshot_url.startswith("file:"):
        source = SharedDisk()
    else:
        source = Web(settings.snapshot_url, timeout=settings.timeout, ca_file=settings.ca_file)
    return Updater(kept, source, settings.snapshot_key)
