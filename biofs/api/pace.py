"""How many requests in how many seconds, and when the next one may start.

`Rate` is what a user sets, `Pace` holds every request back until the server can take it: it never
sees more than the rate allows, whatever the network delays. Libraries for rate limits do not know
requests that are in flight until their answer's headers are back, which is why this is our own.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable

import trio

from biofs.api.server import Rate

_DOCUMENTED_WINDOW = 6.0
_LONGEST_BACKOFF = 60.0
_LONGEST_RETRY_AFTER = 600.0


class Slot:
    """Leave to send one request. Call `arrived` once the server must have had it, or it failed."""

    __slots__ = ("_pace", "stamp")

    def __init__(self, pace: Pace, stamp: float) -> None:
        self._pace: Pace | None = pace
        self.stamp = stamp

    @property
    def in_flight(self) -> bool:
        return self._pace is not None

    def arrived(self) -> None:
        """Idempotent."""
        if self._pace is not None:
            pace, self._pace = self._pace, None
            pace._arrived(self)


class Pace:
    """A sliding log: at most `rate.requests` reach the server in any `rate.seconds`.

    A client sees when it sends and when the answer's headers come back; the server has had the
    request somewhere between. So a slot in flight holds its place until its headers are there, and
    for `rate.seconds` from then on: the next request cannot reach the server too early, whatever
    the network does with either. A slot forgotten for `lost_after` seconds counts as arrived.

    `clock` gives seconds and may jump: no wait is longer than one window and the penalty, apart
    from waiting for what is in flight.
    """

    def __init__(
        self,
        rate: Rate,
        *,
        clock: Callable[[], float] = trio.current_time,
        lost_after: float = 180.0,
    ) -> None:
        self.rate = rate
        self._clock = clock
        self._lost_after = lost_after
        self._turn = trio.StrictFIFOLock()
        self._changed = trio.Event()
        self._log: deque[Slot] = deque()
        self._elsewhere: list[float] = []
        self._not_before = -math.inf
        self._penalty = 0.0
        self._penalties = 0

    async def slot(self) -> Slot:
        """Wait, first come first served, until a request may start."""
        if self.rate.unlimited and not self._turn.locked() and self._wait() <= 0:
            await trio.lowlevel.checkpoint()
            return Slot(self, self._clock())
        async with self._turn:
            while (wait := self._wait()) > 0:
                with trio.move_on_after(wait):
                    await self._changed.wait()
            slot = Slot(self, self._clock())
            if not self.rate.unlimited:
                self._log.append(slot)
        return slot

    def give_back(self, slot: Slot) -> None:
        """Nothing was sent in this slot, and nothing will be: somebody else may have it."""
        self._log = deque(other for other in self._log if other is not slot)
        self._wake()

    def penalise(self, retry_after: float | None) -> None:
        """The server said "rate limit exceeded": nothing starts before `retry_after` seconds.

        Without it: one window, then twice as much each time up to a minute (or one window, if that
        is longer), until `success`. Refusals of requests that were in flight together count once.
        """
        now = self._now()
        window = self.rate.seconds or _DOCUMENTED_WINDOW
        longest = max(_LONGEST_BACKOFF, window)
        if now >= self._not_before:
            wait = min(window * 2.0 ** min(self._penalties, 30), longest)
            self._penalties += 1
        else:
            wait = self._not_before - now
        if retry_after is not None and retry_after > 0:
            wait = max(window, min(retry_after, _LONGEST_RETRY_AFTER))
        self._not_before = max(self._not_before, now + wait)
        self._penalty = self._not_before - now
        self._wake()

    def success(self) -> None:
        """The server answered: the next penalty starts from one window again."""
        self._penalties = 0

    def delay(self) -> float:
        """Seconds a caller would wait that asked now, behind those who wait already.

        What is in flight is taken as arriving now: its answer's time is not known.
        """
        now = self._now()
        ready = max(now, self._not_before)
        if self.rate.unlimited:
            return ready - now
        taken = deque(self._stamps(now), maxlen=self.rate.requests)
        waiting = self._turn.statistics().tasks_waiting + self._turn.locked()
        for _ in range(waiting + 1):
            if len(taken) == self.rate.requests:
                ready = max(ready, taken[0] + self.rate.seconds)
            taken.append(ready)
        return ready - now

    def restore(self, ages: Iterable[float]) -> None:
        """Count requests sent elsewhere (before a restart, by another process) `ages` seconds ago.

        Replaces what was restored before. An age that is negative or no number counts as now.
        """
        now = self._now()
        stamps = sorted(now - (age if age > 0 else 0.0) for age in ages)
        self._elsewhere = stamps[-max(self.rate.requests, 1) :]
        self._wake()

    def _arrived(self, slot: Slot) -> None:
        slot.stamp = self._clock()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _wait(self) -> float:
        """Seconds until a slot is free; infinite while only an arrival can free one."""
        now = self._now()
        penalty = self._not_before - now
        if self.rate.unlimited:
            return penalty
        in_flight = sum(slot.in_flight for slot in self._log)
        settled = sorted([slot.stamp for slot in self._log if not slot.in_flight] + self._elsewhere)
        excess = in_flight + len(settled) - self.rate.requests
        if excess < 0:
            return penalty
        if excess >= len(settled):
            lost = min(slot.stamp for slot in self._log if slot.in_flight) + self._lost_after
            return max(penalty, lost - now, 0.001)  # never zero by rounding: it is still in flight
        return max(penalty, settled[excess] + self.rate.seconds - now)

    def _stamps(self, now: float) -> list[float]:
        own = [now if slot.in_flight else slot.stamp for slot in self._log]
        return sorted(own + self._elsewhere)

    def _now(self) -> float:
        """The time, after dropping what has left the window and mending what the clock did."""
        now = self._clock()
        self._not_before = min(self._not_before, now + self._penalty)
        if self.rate.unlimited:
            self._elsewhere.clear()
            return now
        for slot in self._log:
            if slot.in_flight and now - slot.stamp >= self._lost_after:
                slot.arrived()
            slot.stamp = min(slot.stamp, now)
        oldest = now - self.rate.seconds
        self._log = deque(slot for slot in self._log if slot.in_flight or slot.stamp > oldest)
        self._elsewhere = [min(stamp, now) for stamp in self._elsewhere if stamp > oldest]
        return now
