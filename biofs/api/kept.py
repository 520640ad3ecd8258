"""Connections that are kept from one request to the next, each in a pool of its own.

httpcore's pool looks at all of its connections whenever a request begins or ends, each with a
system call. With sixteen in use that takes as long as all else that is done for a request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

import httpx
import trio

KEEP_ALIVE: Final = 4.0
"""Seconds for which an idle connection is kept: less than the 5 after which common servers drop
one, because a request sent just then would be lost."""


class _Idle(NamedTuple):
    way: httpx.AsyncBaseTransport
    since: float  # by trio's clock


class KeptConnections:
    """Ways to one server, each with a connection of its own that one request at a time uses.

    There are as many as were in use at once; `make` makes one more. All are closed by `aclose`.
    """

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport]) -> None:
        self._make: Final = make
        self._idle: Final[deque[_Idle]] = deque()

    async def take(self) -> httpx.AsyncBaseTransport:
        """One that nobody uses, of these the one that was used last; to be given back.

        Those that were idle for too long are closed.
        """
        # First: who is cancelled while one is closed must not have taken another.
        while len(self._idle) > 1 and trio.current_time() - self._idle[0].since > KEEP_ALIVE:
            await self._idle.popleft().way.aclose()
        return self._idle.pop().way if self._idle else self._make()

    def give_back(self, way: httpx.AsyncBaseTransport) -> None:
        """The request has ended, whatever became of it."""
        self._idle.append(_Idle(way, trio.current_time()))

    async def aclose(self) -> None:
        """Close them; none may be in use."""
        while self._idle:
            await self._idle.pop().way.aclose()
