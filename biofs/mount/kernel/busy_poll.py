"""How the mount waits for the kernel's next request: for a moment on the spot, then in trio's loop.

pyfuse3 goes through trio's loop twice for each request, for a lock and for the device, which costs
more than half of a request that is answered from memory (docs/benchmarks.md). A program that walks
over a tree has its next request ready some microseconds after an answer. So while requests follow
closely, the device is looked at for a moment before the loop is gone through; everything else in
the loop has its turn after TURN_SECONDS at most.

pyfuse3 takes all that it needs of trio from its attribute `trio`, and its own `pyfuse3.asyncio`
puts something else there. So does `look_closely`.
"""

from __future__ import annotations

import logging
import os
import select
import time
from collections.abc import Callable
from typing import Final

import pyfuse3
import trio

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 50e-6
"""How long the device is looked at. Of 20, 60 and 150 µs none is better than the others: a walking
program is back within 20."""

CLOSE_SECONDS: Final = 100e-6
"""A request for which the loop waited longer than this did not follow closely."""

TURN_SECONDS: Final = 1e-3
"""For so long requests are answered before the others in the loop have their turn."""


class Turn:
    """A lock that who gives it back may take again at once, unlike trio.Lock, which hands it to
    the next one waiting: with two tasks that take turns each request would be a change of tasks.
    """

    def __init__(self) -> None:
        self._taken = False
        self._waiting: Final = trio.lowlevel.ParkingLot()

    async def __aenter__(self) -> None:
        while self._taken:
            await self._waiting.park()
        self._taken = True

    async def __aexit__(self, *_error: object) -> None:
        self._taken = False
        # If this task comes back before that one runs, that one parks again.
        self._waiting.unpark()


class Lowlevel:
    """trio.lowlevel, but for `wait_readable`. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock: Final = clock
        # With one processor only, no process can send a request while we poll.
        self._look: Final = LOOK_SECONDS if len(os.sched_getaffinity(0)) > 1 else 0.0
        self._poll = select.poll()
        self._polled = -1
        self._turn_until = float("-inf")

    def __getattr__(self, name: str) -> object:
        return getattr(trio.lowlevel, name)

    async def wait_readable(self, device: int) -> None:
        """Return as soon as the device has something to say, an error included.

        Raises trio.ClosedResourceError if it is about to be closed.
        """
        if device != self._polled:
            self._poll = select.poll()
            self._poll.register(device, select.POLLIN)
            self._polled = device
        clock, now = self._clock, self._clock()
        if now < self._turn_until:
            until, poll = now + self._look, self._poll.poll
            while True:
                if poll(0):
                    return
                now = clock()
                if now >= until:
                    break
        await trio.lowlevel.wait_readable(device)
        arrived = clock()
        followed = arrived - now < CLOSE_SECONDS
        self._turn_until = arrived + TURN_SECONDS if followed else float("-inf")


class Trio:
    """trio, but for what waits for requests."""

    Lock: Final = Turn

    def __init__(self) -> None:
        self.lowlevel: Final = Lowlevel()

    def __getattr__(self, name: str) -> object:
        return getattr(trio, name)


def look_closely() -> None:
    """Have pyfuse3 wait like this from the next `pyfuse3.main` on."""
    if getattr(pyfuse3, "trio", None) is trio:
        pyfuse3.trio = Trio()  # type: ignore[attr-defined]
    elif not isinstance(getattr(pyfuse3, "trio", None), Trio):
        log.info("this pyfuse3 waits in a way of its own: requests take longer")
