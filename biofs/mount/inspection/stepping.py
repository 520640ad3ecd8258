"""Waiting for a want in the name of somebody at the socket, who hears how it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from biofs.catalogue.wants import Want

REPORT_SECONDS: Final = 5.0
"""How often an asker hears that it is still being waited for."""

_READER: Final = 0  # the id of a reader that is no process (`Want.join`)


async def step(want: Want, report: Callable[[], None], every: float = REPORT_SECONDS) -> None:
    """Wait for the want's next progress as a reader does, so that it goes first.

    `report` is called at once and then every so many seconds.
    """
    changed = want.changed
    want.join(_READER)
    try:
        while not changed.is_set():
            report()
            with trio.move_on_after(every):
                await changed.wait()
    finally:
        want.leave(_READER)
