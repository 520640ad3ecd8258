"""Fetching what is read, as the settings have it."""

from __future__ import annotations

import logging
from typing import Final

import platformdirs
import trio

from biofs.contents.read_budget import Limits, ReadBudget
from biofs.mount.fetching import Fetching
from biofs.mount.streaming import Streams
from biofs.settings.load import Settings

log = logging.getLogger(__name__)

ONLY_LIBTORRENT: Final = (
    'fetch_on_read does nothing: it needs engine = "libtorrent", no other client fetches the '
    "pieces that are read first"
)

_SETTLE_SECONDS: Final = 60.0


def on_read(settings: Settings, fetching: Fetching | None, owner: int) -> Streams | None:
    """What fetches while `owner` reads; None if that is off, or cannot be."""
    if not settings.fetch_on_read:
        return None
    if fetching is None or settings.engine != "libtorrent":
        log.warning("%s", ONLY_LIBTORRENT)
        return None
    limits = Limits(settings.read_budget_file, settings.read_budget_day, settings.read_budget_total)
    state = platformdirs.user_state_path("biofs")
    path = state / "read-budget.sqlite" if state.is_absolute() else None
    streams = Streams(fetching, ReadBudget(path, limits), owner)
    fetching.contents.stream = streams.open
    return streams


async def settle_budget(streams: Streams) -> None:
    """Have the budget wait for the disk in the background, so that no read does."""
    while True:
        await trio.to_thread.run_sync(streams.budget.settle, abandon_on_cancel=True)
        await trio.sleep(_SETTLE_SECONDS)
