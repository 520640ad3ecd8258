"""Which store a command reads that asks nobody."""

from pathlib import Path

from biofs.catalogue.location import store_path, stores_of_server
from biofs.config import Settings
from biofs.errors import USAGE, QuietError


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
