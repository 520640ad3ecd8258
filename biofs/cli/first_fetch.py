"""The first time that a URL is mounted: its snapshot is fetched before, and it shows how far it is.

From then on a mount starts with what it has, whatever the server does.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import trio

from biofs.catalogue.subscription.addresses import PLAIN_HTTP, UpdateFailed, can_be_forged
from biofs.catalogue.subscription.update import Updater, updater_of
from biofs.cli.output.report import complain
from biofs.errors import QuietError
from biofs.settings.load import Settings


def have(settings: Settings) -> None:
    """Have a snapshot of the settings' URL at hand, fetched now if there is none.

    Raises QuietError if there is none and none can be fetched.
    """
    url = settings.snapshot_url
    assert url is not None  # noqa: S101 - who calls this has looked
    if can_be_forged(url) and settings.snapshot_key is None:
        complain(f"{url}: {PLAIN_HTTP}")
    updater = updater_of(settings)
    if updater.trusts(updater.kept.known()):
        return
    if settings.offline:
        raise QuietError(f"{url}: nothing is at hand, and --offline fetches nothing")
    from biofs.cli.output import progress  # noqa: PLC0415 - rich, for who waits alone

    with progress.shown() as show:
        try:
            trio.run(_fetch, updater, show)
        except UpdateFailed as error:
            raise QuietError(f"{url}: {error}") from None


async def _fetch(updater: Updater, show: Callable[..., None]) -> None:
    from biofs.cli.output import quantities  # noqa: PLC0415 - as above

    began = time.monotonic()

    def shown(done: int, total: int | None) -> None:
        said = quantities.size(done)
        if total:
            elapsed = time.monotonic() - began
            left = quantities.duration(elapsed * (total - done) / done) if done else "unknown"
            said = f"{said} of {quantities.size(total)}, {left} left"
        show(done, total, said)

    async with updater.running():
        await updater.update(shown)
