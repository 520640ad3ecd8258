"""Locate, remove and lock the stores of commands that need no mount."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from biofs.errors import USAGE, QuietError
from biofs.settings.load import Settings
from biofs.store.database import files
from biofs.store.database.files import make_directory, store_path, stores_of_server

LOCK = ".warming"
"""What the lock of a warm-up is called: as the store, with this suffix."""


def remove(store: Path) -> None:
    """Remove a store. The file itself last: without it, what is beside it means nothing."""
    for path in (*files.beside(store), store.with_suffix(LOCK), store):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise QuietError(f"{path}: {error.strerror}") from None


@contextmanager
def leaving_nothing(store: Path | None) -> Iterator[Callable[[], None]]:
    """Remove the store again that asking makes, unless it was there or is to be kept."""
    kept = [store is None or store.exists()]
    try:
        yield lambda: kept.append(True)
    finally:
        if store is not None and not any(kept):
            remove(store)


def known_of(settings: Settings) -> Path:
    """The store of the settings' server and account; without an account, of the server's only one.
    Or the snapshot that they name.

    Raises QuietError if nothing is known, or it is not clear whose knowledge is meant.
    """
    given = snapshot_of(settings)
    if given is not None:
        return given
    if settings.snapshot_url is not None:
        return _fetched_of(settings, settings.snapshot_url)
    path = store_path(settings)
    if path is None:
        raise QuietError("--demo: keeps nothing without a place for it: give --cache-dir", USAGE)
    if path.exists():
        return path
    others = stores_of_server(settings)
    if len(others) == 1 and not (settings.token or settings.cookie):
        return others[0]  # whose it is was told when it was filled; there is no other
    if others:
        raise QuietError(
            f"nothing is known of {settings.url} with this account, but with another: "
            f"give --token-file as for that mount"
        )
    raise QuietError(f"nothing is known of {settings.url}: `biofs warm` fetches it")


def _fetched_of(settings: Settings, url: str) -> Path:
    from biofs.store.snapshots.kept import Kept  # noqa: PLC0415 - few commands need it

    assert settings.cache_dir is not None  # noqa: S101 - a URL leaves it set
    kept = Kept(settings.cache_dir, url)
    known = kept.known()
    if known is None:
        raise QuietError(f"{url}: nothing was fetched yet: `biofs mount --snapshot` does")
    if settings.snapshot_key not in (None, known.signed_with):
        raise QuietError(
            f"{url}: what is at hand is not signed with the key that is trusted: "
            f"`biofs mount --snapshot` fetches what is"
        )
    return kept.path(known)


def snapshot_of(settings: Settings) -> Path | None:
    """The snapshot that is given, unpacked if it is compressed; None if none is given.

    Shows how it goes. Raises QuietError for what cannot be unpacked.
    """
    if settings.snapshot is None:
        return None
    from biofs.store.snapshots import cache  # noqa: PLC0415

    ready = cache.at_hand(settings.snapshot, key=settings.snapshot_key)
    if ready is not None:
        return ready
    from biofs.cli.output import progress, quantities  # noqa: PLC0415 - rich takes a while

    with progress.shown() as show:

        def tell(done: int, total: int) -> None:
            show(done, total, f"{quantities.size(done)} of {quantities.size(total)} unpacked")

        try:
            return cache.mountable(settings.snapshot, progress=tell, key=settings.snapshot_key)
        except files.StoreError as error:
            raise QuietError(str(error)) from None


# One warm-up of a store at a time: two would ask for the same things.


@contextmanager
def warming(store: Path) -> Iterator[None]:
    """Be the one that warms this store. Raises QuietError if another process does.

    The lock is a file beside the store, which stays: to remove it would let in two at once.
    """
    path = store.with_suffix(LOCK)
    try:
        make_directory(store.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise QuietError(f"{path}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise QuietError(
                "a warm-up of this account is under way already: let it end, or stop it"
            ) from None
        yield
    finally:
        os.close(descriptor)
