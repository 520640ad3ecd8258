"""Which store a command reads that asks nobody."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from biofs.cli.system.locks import SUFFIX as LOCK
from biofs.errors import USAGE, QuietError
from biofs.settings.load import Settings
from biofs.store.database import files
from biofs.store.database.location import store_path, stores_of_server


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

    Raises QuietError if nothing is known, or it is not clear whose knowledge is meant.
    """
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
