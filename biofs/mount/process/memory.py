"""What a mount does when nobody asks it for anything: it gives memory back."""

from __future__ import annotations

import ctypes
import gc
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import trio

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 20.0
"""After so long without a request the mount is idle."""


async def give_memory_back(served: Callable[[], int], forget: Callable[[], None]) -> None:
    """Call `forget` once whenever the mount becomes idle, until cancelled.

    `served` is the number of requests served so far. What was forgotten is in the store.
    """
    before, idle = served(), True
    while True:
        await trio.sleep(IDLE_SECONDS)
        now = served()
        if now != before:
            before, idle = now, False
        elif not idle:
            idle = True
            forget()
            gc.collect()
            await trio.to_thread.run_sync(_trim)


def _trim() -> None:
    """Have the C library give free memory back to the system (malloc_trim(3); glibc has it)."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
