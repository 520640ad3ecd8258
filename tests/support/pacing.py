"""A sender that keeps the pace, for tests of the pace and of a client without a queue."""

from __future__ import annotations

from biofs.api.errors import (
    ApiError,
    BadRequest,
    DialectChanged,
    NotFound,
    RateLimited,
    StaleConnection,
    TryAgain,
)
from biofs.api.pace import Pace
from biofs.api.requests import Answer, Request
from biofs.api.transport import Transport


class PacedSender:
    """Sends one request after another at the given pace; for programs that ask little.

    A request that can be sent again is, at the same pace, up to `attempts` times.
    """

    def __init__(self, transport: Transport, pace: Pace, *, attempts: int = 100) -> None:
        self._transport = transport
        self._pace = pace
        self._attempts = attempts

    async def __call__(self, request: Request) -> Answer:
        """Raises `ApiError` only; `TryAgain` when the attempts are used up."""
        self._transport.check(request)
        attempt = 1
        anew = False
        while True:
            try:
                return await self._send(request, anew)
            except TryAgain as error:
                if attempt >= self._attempts:
                    raise
                attempt += 1
                anew = isinstance(error, StaleConnection)

    async def _send(self, request: Request, anew: bool) -> Answer:
        slot = await self._pace.slot()
        try:
            answer = await self._transport.send(request, slot.arrived, anew=anew)
        except ApiError as error:
            slot.arrived()
            if isinstance(error, RateLimited):
                self._pace.penalise(error.retry_after)
            elif isinstance(error, NotFound | BadRequest | DialectChanged):
                self._pace.success()
            raise
        self._pace.success()
        return answer
