"""Following a URL: when it is looked at, and what is told of it.

A thousand mounts that start together do not ask together: each draws its own moment of the
interval once, and keeps it. From one look to the next it is a little less than an interval, so what
is published shows within one: what is left is for fetching it. No two waits are quite the same, so
that mounts that came to ask together part again. A server that fails is asked again after half a
minute, then ever more seldom; one that says when is asked then.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import trio

from biofs.catalogue.subscription.addresses import UpdateFailed
from biofs.catalogue.subscription.update import Updater
from biofs.store.database.files import StoreError
from biofs.store.snapshots.difference import Difference
from biofs.store.snapshots.kept import Known

log = logging.getLogger(__name__)

INTERVAL: Final = 3600.0
"""Seconds between two looks, unless `--ttl` says otherwise."""
SHORTEST: Final = 1.0
FETCHING: Final = 0.05
"""Of an interval: what is left of it after the next look has to have begun."""
JITTER: Final = 0.05
"""Of an interval: by which a wait is shorter than another."""
CATCH_UP: Final = 1 / 12
"""Of an interval: within which one who is late looks, at a random moment."""
JUST_NOW: Final = CATCH_UP / 2
"""Of an interval: whoever waited while another mount of this machine looked need not look again.
Less than between any two looks of one mount."""
RETRY: Final = 30.0
SPREAD: Final = 0.1
"""Of the wait after a failure: by which one is longer or shorter."""
LONGEST_WAIT: Final = 86_400.0
WATCH: Final = 5.0
"""Seconds between looks at what another mount of this machine has fetched."""

Exchange = Callable[[Known], Awaitable[Difference]]
"""Has a snapshot take the place of the mounted one; says what is different. Raises StoreError and
OSError for one that cannot be used."""


class Looked(NamedTuple):
    """What a look found: what is different, or why nothing newer is there."""

    difference: Difference | None
    problem: str


class Following:
    """The one task that fetches for a mount. `shown` is what is mounted.

    `interval` is in seconds. With `offline` nothing is ever asked.
    """

    def __init__(
        self,
        updater: Updater,
        shown: Known,
        exchange: Exchange,
        *,
        interval: float,
        offline: bool = False,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._updater: Final = updater
        self._exchange: Final = exchange
        self._interval: Final = max(interval, SHORTEST)
        self._uniform: Final = uniform
        self.offline: Final = offline
        self.shown = shown
        self.problem = ""
        """Why what is published cannot be had; "" if nothing stands in the way."""
        self.exchanges = 0
        self._checked = shown.checked
        self._failures = 0
        self._due = 0.0
        self._has_moment = False
        self._asked: list[tuple[trio.Event, list[Looked]]] = []
        self._wake = trio.Event()

    def state(self) -> dict[str, object]:
        """For status.json."""
        updater = self._updater
        fetching = {"bytes": updater.done, "of": updater.total} if updater.done else None
        return {
            "url": updater.kept.url,
            "published": self.shown.made,
            "checked": self._checked,
            "next_check_in_seconds": None
            if self.offline
            else max(round(self._due - trio.current_time()), 0),
            "exchanges": self.exchanges,
            "fetching": fetching,
            "problem": self.problem,
        }

    def ask(self) -> tuple[trio.Event, list[Looked]]:
        """Have the URL looked at at once: the event is set when what is found is in the list."""
        asked = trio.Event(), list[Looked]()
        self._asked.append(asked)
        self._wake.set()
        return asked

    def stage(self) -> str:
        """How far a look is, in words."""
        done, total = self._updater.done, self._updater.total
        if not done:
            return "under way"
        if done == total:
            return "fetched, is being unpacked"
        return f"{done:,} of {total:,} bytes" if total else f"{done:,} bytes"

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow until cancelled."""
        async with self._updater.running():
            self._due = trio.current_time() + self._first_wait()
            version = self._updater.kept.version()
            task_status.started()
            while True:
                await self._sleep()
                if self._asked:
                    asked, self._asked = self._asked, []
                    looked = await self._look(anew=True)
                    for done, found in asked:
                        found.append(looked)
                        done.set()
                elif self._updater.kept.version() != version:
                    await self._take_up()
                elif trio.current_time() >= self._due and not self.offline:
                    await self._look(anew=False)
                version = self._updater.kept.version()

    async def _sleep(self) -> None:
        self._wake = trio.Event()
        if self._asked:
            return
        pause = WATCH if self.offline else min(WATCH, max(self._due - trio.current_time(), 0))
        with trio.move_on_after(pause):
            await self._wake.wait()

    def _first_wait(self) -> float:
        age = self._updater.clock() - self._checked
        left = (1 - FETCHING) * self._interval - age
        if age >= 0 and left > 0:
            self._has_moment = True
            return self._uniform(CATCH_UP * left, left)
        # Those that are late catch up within a short time, and part with the look after that.
        return self._uniform(0, CATCH_UP * self._interval)

    def _next_wait(self) -> float:
        """From the beginning of one look that worked to the next one."""
        longest = (1 - FETCHING) * self._interval
        if self._has_moment:
            return self._uniform(longest - JITTER * self._interval, longest)
        self._has_moment = True
        return self._uniform(CATCH_UP * longest, longest)

    async def _look(self, *, anew: bool) -> Looked:
        younger = 0.0 if anew else JUST_NOW * self._interval
        began = trio.current_time()
        try:
            known = await self._updater.update(anew=anew, younger=younger)
            self._checked = known.checked
            difference = await self._shows(known)
        except UpdateFailed as error:
            self._failed(error)
            return Looked(None, str(error))
        except (StoreError, OSError) as error:
            self._failed(UpdateFailed(str(error), lasting=True))
            return Looked(None, str(error))
        self._worked(began, keeps_moment=anew)
        return Looked(difference, "")

    async def _take_up(self) -> None:
        """What another mount of this machine has fetched."""
        known = self._updater.kept.known()
        if known is None or not self._updater.trusts(known):
            return
        try:
            self._checked = known.checked
            await self._shows(known)
        except (StoreError, OSError) as error:
            self._say(str(error))
        else:
            self._worked(trio.current_time())

    async def _shows(self, known: Known) -> Difference | None:
        """Have it shown, if it is another one than is."""
        difference: Difference | None = None
        if known.file != self.shown.file:
            if known.catalogue != self.shown.catalogue:
                raise StoreError(f"a snapshot of another catalogue ({known.catalogue}) is at hand")
            difference = await self._exchange(known)
            self.exchanges += 1
            log.info(
                "%s: shows what was published at %d: %d groups new, %d changed, %d gone",
                *(known.url, known.made, difference.added),
                *(len(difference.changed), len(difference.gone)),
            )
        self.shown = known
        return difference

    def _worked(self, began: float, *, keeps_moment: bool = False) -> None:
        """What is published is shown, as of a look that began then, or of a sooner one.

        With `keeps_moment` the next one is no later: `biofs refresh` on all nodes at once does not
        have them all look at once from then on.
        """
        failed, self._failures = self._failures, 0
        self._say("")
        now = trio.current_time()
        if keeps_moment and not failed and self._due > now:
            return
        age = max(self._updater.clock() - self._checked, now - began)
        self._due = now + max(self._next_wait() - age, SHORTEST)

    def _failed(self, error: UpdateFailed) -> None:
        self._say(str(error))
        self._failures += 1
        wait = self._interval
        if not error.lasting:
            wait = min(wait, RETRY * 2 ** min(self._failures - 1, 20))
        wait = self._uniform((1 - SPREAD) * wait, (1 + SPREAD) * wait)
        wait = max(wait, min(error.retry_after or 0.0, LONGEST_WAIT))
        self._due = trio.current_time() + wait

    def _say(self, problem: str) -> None:
        """Log what stands in the way, once, and that it does not any more."""
        if problem == self.problem:
            return
        if problem:
            log.warning("%s: %s: what is at hand goes on", self._updater.kept.url, problem)
        else:
            log.info("%s: answers again", self._updater.kept.url)
        self.problem = problem
