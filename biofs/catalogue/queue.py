"""The one queue through which every request of an account leaves, at the account's pace.

The order is decided at the moment a request may be sent, not when it is queued: interactive
before refresh before warm-up, and among those the reader that was served longest ago, so that one
`grep -r` with many threads does not starve an `ls`.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import trio

from biofs.api.errors import (
    ApiError,
    BadRequest,
    DialectChanged,
    NetworkError,
    NotFound,
    OtherApi,
    RateLimited,
    StaleConnection,
    TryAgain,
    Unreachable,
)
from biofs.api.requests import Answer, Request
from biofs.api.transport import Transport
from biofs.catalogue.fetches import Fetch
from biofs.store.database.pace_log import SharedPace, SharedSlot

RECENT_ERRORS: Final = 8


class _Entry:
    """A request in the queue and the task that waits for its answer."""

    def __init__(self, request: Request, fetch: Fetch, number: int) -> None:
        self.request: Final = request
        self.fetch: Final = fetch
        self.number: Final = number
        self.anew = False  # its last connection was kept alive, and the server had closed it
        self.finished: Final = trio.Event()
        self.answer: Answer | None = None
        self.error: ApiError | None = None


class Sender(Protocol):
    """What a fetch calls to have a request sent for it."""

    async def __call__(self, request: Request) -> Answer: ...


class Queue:
    """Requests waiting for their turn. `sent` counts what went to the server since the start.

    `unfit` says why the server cannot be used, "" if it is not known to be so; `when_unfit` is
    called with it when it changes.
    """

    def __init__(self, transport: Transport, pace: SharedPace, *, offline: bool = False) -> None:
        self.pace: Final = pace
        self.offline: Final = offline
        self.sent = 0
        self.retried = 0
        self.errors: deque[tuple[str, str]] = deque(maxlen=RECENT_ERRORS)
        self.reachable: bool | None = None
        self.unfit = ""
        self.when_unfit: Callable[[str], None] = lambda _: None
        self._transport: Final = transport
        self._waiting: list[_Entry] = []
        self._arrival = trio.Event()
        self._numbers = itertools.count()
        self._last_turn: dict[int, int] = {}
        self._turns = itertools.count(1)

    def __len__(self) -> int:
        return len(self._waiting)

    def sender(self, fetch: Fetch) -> Sender:
        """A function that sends requests for `fetch`, with its priority."""

        async def send(request: Request) -> Answer:
            return await self._submit(request, fetch)

        return send

    def check(self, request: Request) -> None:
        """Raise CookieNeeded or TokenMissing if the request cannot work with what is at hand."""
        self._transport.check(request)

    async def _submit(self, request: Request, fetch: Fetch) -> Answer:
        if self.offline:
            raise Unreachable(request.action, "offline, and this was never fetched")
        try:
            self.check(request)  # what cannot work must not cost a request
        except ApiError as error:
            self._log_error(request, error)
            raise
        entry = _Entry(request, fetch, next(self._numbers))
        self._waiting.append(entry)
        self._arrival.set()
        await entry.finished.wait()
        if entry.error is not None:
            raise entry.error
        assert entry.answer is not None  # noqa: S101 - finished means one or the other
        return entry.answer

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Send what is queued, until cancelled."""
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                await self._arrival.wait()
                # Wait first and choose then: who came meanwhile may be more urgent.
                while (delay := self.pace.delay()) > 0:  # noqa: ASYNC110 - time frees a slot
                    await trio.sleep(delay)
                if not self._waiting:
                    self._arrival = trio.Event()
                    continue
                slot = await self.pace.slot()
                entry = self._next()
                nursery.start_soon(self._send, entry, slot)

    def _next(self) -> _Entry:
        """Take out the entry whose turn it is."""

        def turn(entry: _Entry) -> tuple[int, int, int, int]:
            readers = entry.fetch.readers
            served = min((self._last_turn.get(reader, 0) for reader in readers), default=0)
            return (entry.fetch.priority, served, entry.fetch.number, entry.number)

        entry = min(self._waiting, key=turn)
        self._waiting.remove(entry)
        number = next(self._turns)
        if len(self._last_turn) > 4096:  # readers come and go; forget the old ones
            self._last_turn.clear()
        for reader in entry.fetch.readers:
            self._last_turn[reader] = number
        return entry

    async def _send(self, entry: _Entry, slot: SharedSlot) -> None:
        self.sent += 1
        entry.fetch.when_sent()
        try:
            try:
                entry.answer = await self._transport.send(
                    entry.request, slot.arrived, anew=entry.anew
                )
            finally:
                await self.pace.settle(slot)
        except TryAgain as error:
            # No error to the reader: it is sent again when the pace allows.
            self.retried += 1
            entry.anew = isinstance(error, StaleConnection)
            if not entry.anew:
                self.reachable = True
            self._log_error(entry.request, error)
            if isinstance(error, RateLimited):
                await self.pace.penalise(error.retry_after)
            elif isinstance(error, DialectChanged):
                self.pace.success()
            self._waiting.append(entry)
            self._arrival.set()
            return
        except ApiError as error:
            self.reachable = not isinstance(error, NetworkError)
            if isinstance(error, OtherApi):
                self._note_unfit(error.message)
            if isinstance(error, NotFound | BadRequest):
                self.pace.success()  # an answer all the same
            else:
                self._log_error(entry.request, error)
            entry.error = error
        else:
            self.reachable = True
            self.pace.success()
            self._note_unfit("")
        entry.finished.set()

    def _note_unfit(self, why: str) -> None:
        if why != self.unfit:
            self.unfit = why
            self.when_unfit(why)

    def _log_error(self, request: Request, error: ApiError) -> None:
        self.errors.append((request.action, error.message))
