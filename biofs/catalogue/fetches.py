"""Wants: what is being fetched, once for everyone who asked.

A want is one thing to be known (a listing, a group's detail) and the task that fetches it. Whoever
asks for the same thing joins it; whoever stops waiting leaves it, and the want goes on and fills
the store all the same.
"""

from __future__ import annotations

import enum
import itertools
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

import trio
from cachetools import LRUCache

from biofs.api.errors import ApiError, BadAnswer
from biofs.catalogue.caller import WouldAsk, peek

log = logging.getLogger(__name__)

REST_SECONDS: Final = 60.0
_REMEMBERED_FAILURES: Final = 4096


class Priority(enum.IntEnum):
    """What goes first when a request may be sent."""

    INTERACTIVE = 0
    REFRESH = 1
    WARM = 2


class Fetch:
    """One thing being fetched. `changed` is set, and replaced, at every progress and at the end."""

    def __init__(self, key: Hashable, base: Priority, number: int) -> None:
        self.key: Final = key
        self.base = base
        self.number: Final = number  # in the order in which wants were asked for
        self.readers: Counter[int] = Counter()
        self.changed = trio.Event()
        self.steps = 0
        self.done = False
        self.error: ApiError | None = None
        self.when_sent: Callable[[], None] = lambda: None  # called before each of its requests

    @property
    def priority(self) -> Priority:
        """Interactive while somebody waits for it, else what it was begun as."""
        return Priority.INTERACTIVE if self.readers else self.base

    def progress(self) -> None:
        """Wake everyone who waits: something of what they want is there."""
        self.steps += 1
        changed, self.changed = self.changed, trio.Event()
        changed.set()

    def join(self, reader: int) -> None:
        """Count `reader` (a process id, or 0 for a task of our own) among those who wait."""
        self.readers[reader] += 1

    def leave(self, reader: int) -> None:
        """Forget one wait of `reader`."""
        self.readers[reader] -= 1
        if self.readers[reader] <= 0:
            del self.readers[reader]

    def raise_error(self) -> None:
        """Raise what ended the want, if it failed."""
        if self.error is not None:
            raise self.error


class Fetches:
    """The wants under way, by key; each runs in a nursery of its own and outlives its readers."""

    def __init__(self) -> None:
        self._active: dict[Hashable, Fetch] = {}
        self._nursery: trio.Nursery | None = None
        self._numbers = itertools.count()
        self._rest: LRUCache[Hashable, float] = LRUCache(_REMEMBERED_FAILURES)
        self.joined = 0  # how often somebody asked for what was already being fetched

    def __len__(self) -> int:
        return len(self._active)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the nursery in which wants run, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    def active(self, key: Hashable) -> Fetch | None:
        """The want for `key`, if it is under way."""
        return self._active.get(key)

    def start(
        self,
        key: Hashable,
        fetch: Callable[[Fetch], Awaitable[None]],
        priority: Priority = Priority.INTERACTIVE,
    ) -> Fetch:
        """The want for `key`: the one under way, or a new one that runs `fetch`.

        Interactive is for who is about to wait; a want that everybody has left is a refresh.
        """
        if peek() is not None:
            raise WouldAsk(key)
        want = self._active.get(key)
        if want is not None:
            self.joined += 1
            if priority is not Priority.INTERACTIVE:
                want.base = min(want.base, priority)
            return want
        if self._nursery is None:
            raise RuntimeError("wants are started before their nursery runs")
        want = Fetch(key, max(priority, Priority.REFRESH), next(self._numbers))
        self._active[key] = want
        self._nursery.start_soon(self._fetch, want, fetch)
        return want

    def refresh(self, key: Hashable, fetch: Callable[[Fetch], Awaitable[None]]) -> None:
        """Have something known looked at again behind the readers' backs, if that makes sense now.

        Not within a minute of a failure: what is known is served all the same, and a server in
        trouble is left in peace.
        """
        if (looking := peek()) is not None:
            looking.refreshed.append(key)
        elif trio.current_time() >= self._rest.get(key, float("-inf")):
            self.start(key, fetch, Priority.REFRESH)

    async def _fetch(self, want: Fetch, fetch: Callable[[Fetch], Awaitable[None]]) -> None:
        try:
            await fetch(want)
        except ApiError as error:
            # One line a failure, not one a reader: a storm of readers must not become one of logs.
            log.warning("%s: %s", _title(want.key), error)
            want.error = error
            self._rest[want.key] = trio.current_time() + REST_SECONDS
        except Exception:
            log.exception("%s: failed in a way nobody foresaw", _title(want.key))
            want.error = BadAnswer(_title(want.key), "failed unexpectedly; the log has the details")
        finally:
            del self._active[want.key]
            want.done = True
            want.progress()


def _title(key: Hashable) -> str:
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
