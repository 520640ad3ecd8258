"""Fetches: what is being fetched, once for all callers.

A fetch is one thing to be known (a listing, a group's detail) and the task that fetches it. Whoever
needs the same thing joins it; whoever stops waiting leaves it, and the fetch goes on and fills
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
from biofs.catalogue.caller import Caller, WouldFetch

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
        self.number: Final = number  # in the order in which fetches were started
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
        """Wake everyone who waits: something of what is fetched is there."""
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
        """Raise what ended the fetch, if it failed."""
        if self.error is not None:
            raise self.error


Work = Callable[[Fetch], Awaitable[None]]
"""Does what a fetch is for. Raises ApiError."""


class Fetches:
    """The fetches under way, by key; each runs in a nursery of its own and outlives its readers."""

    def __init__(self) -> None:
        self._active: dict[Hashable, Fetch] = {}
        self._nursery: trio.Nursery | None = None
        self._numbers = itertools.count()
        self._rest: LRUCache[Hashable, float] = LRUCache(_REMEMBERED_FAILURES)
        self.joined = 0  # how often a caller needed what was already being fetched

    def __len__(self) -> int:
        return len(self._active)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the nursery in which fetches run, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    def active(self, key: Hashable) -> Fetch | None:
        """The fetch of `key`, if it is under way."""
        return self._active.get(key)

    def start(
        self,
        key: Hashable,
        work: Work,
        caller: Caller,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Fetch:
        """The fetch of `key`: the one under way, or a new one that runs `work`.

        Interactive is for who is about to wait; a fetch that everybody has left is a refresh.
        Raises WouldFetch if the caller may not fetch.
        """
        if not caller.may_fetch:
            raise WouldFetch(key)
        fetch = self._active.get(key)
        if fetch is not None:
            self.joined += 1
            if priority is not Priority.INTERACTIVE:
                fetch.base = min(fetch.base, priority)
            return fetch
        if self._nursery is None:
            raise RuntimeError("fetches are started before their nursery runs")
        fetch = Fetch(key, max(priority, Priority.REFRESH), next(self._numbers))
        self._active[key] = fetch
        self._nursery.start_soon(self._run, fetch, work)
        return fetch

    def refresh(self, key: Hashable, work: Work, caller: Caller) -> None:
        """Have something known fetched again in the background, if that is sensible now.

        Not within REST_SECONDS of a failure: what is known is served all the same, and a server in
        trouble is left in peace. If the caller may not fetch, the key is added to `would_refresh`.
        """
        if not caller.may_fetch:
            caller.would_refresh.append(key)
        elif trio.current_time() >= self._rest.get(key, float("-inf")):
            self.start(key, work, caller, Priority.REFRESH)

    async def _run(self, fetch: Fetch, work: Work) -> None:
        try:
            await work(fetch)
        except ApiError as error:
            # One line a failure, not one a reader: a storm of readers must not become one of logs.
            log.warning("%s: %s", _title(fetch.key), error)
            fetch.error = error
            self._rest[fetch.key] = trio.current_time() + REST_SECONDS
        except Exception:
            log.exception("unexpected error in %s", _title(fetch.key))
            fetch.error = BadAnswer(_title(fetch.key), "unexpected error; the log has the details")
        finally:
            del self._active[fetch.key]
            fetch.done = True
            fetch.progress()


def _title(key: Hashable) -> str:
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
