"""Following what an engine fetches of one torrent, until biofs itself has verified it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, NamedTuple

from biofs.contents.checking import State as Found
from biofs.contents.checking import TorrentCheck
from biofs.contents.engines.engine import Progress, State
from biofs.contents.wanted import Wanted
from biofs.mount.fetching import Fetching, info_hash_of

HOP_SECONDS: Final = 0.25
"""How long a thread goes on before it looks whether anybody still waits for it."""

LATE_SECONDS: Final = 60.0
"""After which bytes that the engine says are there have to be. Transmission keeps them in memory
for up to 8.5 s (measured), and no client for longer."""

STOPPED_SECONDS: Final = 10.0
"""After which a torrent that is stopped will not go on by itself; one that was just added may."""

EDGE_SECONDS: Final = 12.0
"""The same where nothing is wrong, and only neighbours of a file are not here."""

_LONGEST_PAUSE: Final = 8.0

LEFT: Final = "is not being fetched: `biofs fetch PATH` has it fetched"
WRONG: Final = "the engine says it is there, but it does not have the right hashes"
EDGES: Final = (
    "is here, but a piece that it shares with a file that is not here cannot be verified, as the "
    "engine keeps that part elsewhere: fetch the directory around it"
)
STOPPED: Final = "is stopped in the engine: `biofs fetch PATH` starts it again"


class Facts(NamedTuple):
    """How far something is. Sizes are in bytes, the rate in bytes a second."""

    done: int
    total: int
    files: int
    """That are verified."""
    rate: int = 0
    peers: int = 0
    state: str = ""
    """The engine's; empty when it has ended."""
    message: str = ""


class Away:
    """Whether an engine that does not answer may be back soon: one that has answered before, for
    `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds: Final = seconds
        self._answered = False
        self._since: float | None = None

    def is_back(self) -> None:
        """It has answered."""
        self._answered = True
        self._since = None

    def may_return(self, now: float) -> bool:
        """It has not answered; `now` is in seconds."""
        if self._since is None:
            self._since = now
        return self._answered and now < self._since + self._seconds


class Follow:
    """What is wanted of a torrent, and how far it is. `step` again and again until it has `ended`.

    `clock` gives seconds.
    """

    def __init__(
        self,
        fetching: Fetching,
        wanted: Wanted,
        where: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.where: Final = where
        self.info_hash: Final = info_hash_of(wanted.local)
        self.files = len(wanted.right)
        """That are here and verified."""
        self.verified = sum(map(wanted.listed.tree.size, wanted.right))
        """Their bytes."""
        self.failure = ""
        """Why it will not be fetched; empty if it may be."""
        self._fetching: Final = fetching
        self._wanted: Final = wanted
        self._clock: Final = clock
        self._left: Final = {wanted.local.indexes[node]: node for node in wanted.missing}
        self._total: Final = self.verified + sum(map(wanted.listed.tree.size, wanted.missing))
        self._last: Progress | None = None
        self._pause = 0.0
        self._due = clock()
        self._went_on = clock()
        self._late_since: float | None = None
        self._known = False
        self._edges: set[int] = set()

    @property
    def ended(self) -> bool:
        """Whether all is verified, or has failed."""
        return bool(self.failure) or not self._left

    async def step(self, progress: Progress | None) -> None:
        """Look at how far the engine is (None: it does not have the torrent), and verify what it
        says is there."""
        self._last = progress
        done = dict(zip(progress.wanted, progress.done, strict=False)) if progress else {}
        ripe = [index for index in self._left if self._is_ripe(index, done)]
        if ripe and self._clock() >= self._due:
            await self._verify(ripe)
        if not self.ended:
            self.failure = self._why_not(progress, done, ripe)

    def _is_ripe(self, index: int, done: dict[int, int]) -> bool:
        return done.get(index, -1) >= self._wanted.local.metainfo.files[index].length

    async def _verify(self, ripe: Iterable[int]) -> None:
        """Hash these files. What is not right yet is hashed again later, less and less often."""
        library = self._fetching.contents.library
        listed, local = self._wanted.listed, self._wanted.local
        await self._fetching.look_where_it_is(listed, local)
        check = library.check(listed, local, [self._left[index] for index in ripe])
        before = len(self._left)
        while not check.finished:
            await library.in_thread(partial(self._check, check))
        if len(self._left) < before:
            self._pause = 0.0
            self._late_since = None
        else:
            self._pause = min(max(self._pause * 2, 0.5), _LONGEST_PAUSE)
        self._due = self._clock() + self._pause

    def _check(self, check: TorrentCheck) -> None:
        for checked in check.step(HOP_SECONDS):
            index = self._wanted.local.indexes[checked.node]
            self._edges.discard(index)
            if checked.state is Found.UNVERIFIABLE:
                self._edges.add(index)
            if checked.state is Found.RIGHT:
                del self._left[index]
                self.files += 1
                self.verified += self._wanted.listed.tree.size(checked.node)

    def _why_not(self, progress: Progress | None, done: dict[int, int], ripe: list[int]) -> str:
        """Why what is left will not be there; empty if it may be."""
        now = self._clock()
        if progress is None:
            # A client that was started again may not have loaded it yet.
            loads = self._known and now < self._went_on + STOPPED_SECONDS
            return "" if loads else LEFT
        if any(index not in done for index in self._left):
            return LEFT
        self._known = True
        return self._why_not_there(progress, ripe, now)

    def _why_not_there(self, progress: Progress, ripe: list[int], now: float) -> str:
        """The same of what the engine has to fetch."""
        if progress.state is State.FAILED:
            return progress.message or "the engine cannot fetch it"
        if progress.state is not State.STOPPED:
            self._went_on = now
        elif now >= self._went_on + STOPPED_SECONDS:
            return f"{progress.message}; it {STOPPED}" if progress.message else STOPPED
        if len(ripe) < len(self._left) or progress.state is State.CHECKING:
            self._late_since = None
            return ""
        if self._late_since is None:
            self._late_since = now
        late = now - self._late_since
        if self._edges == self._left.keys() and late >= EDGE_SECONDS:
            return EDGES
        return WRONG if late >= LATE_SECONDS else ""

    def facts(self) -> Facts:
        """How far it is."""
        progress, left = self._last, self._left
        if progress is None or self.ended:
            return Facts(self.verified, self._total, self.files)
        pairs = zip(progress.wanted, progress.done, strict=False)
        done = self.verified + sum(size for index, size in pairs if index in left)
        return Facts(
            done,
            self._total,
            self.files,
            progress.rate,
            progress.peers,
            progress.state.value,
            progress.message,
        )


def summed(follows: Iterable[Follow]) -> Facts:
    """The facts of several together; state and message are of the first that has not ended."""
    found = [each.facts() for each in follows]
    first = next((each for each in found if each.state), None)
    return Facts(
        sum(each.done for each in found),
        sum(each.total for each in found),
        sum(each.files for each in found),
        sum(each.rate for each in found),
        sum(each.peers for each in found),
        first.state if first else "",
        next((each.message for each in found if each.message), ""),
    )
