"""Those who wait for pieces, and when the bytes of a piece are in the files.

libtorrent says that it has a piece when its hash is right, which can be some milliseconds before
the bytes are written: so it is asked to flush when someone waits, and who waits is told after that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from biofs.contents.engines.daemon.torrent import Torrent


class Waiter:
    """Someone who waits for pieces. `answer` is called once, with those that are there.

    With `pieces` None, for all that is wanted of a torrent: the answer has no pieces then.
    """

    def __init__(
        self, pieces: Sequence[int] | None, until: float, answer: Callable[[list[int]], None]
    ) -> None:
        self.for_all = pieces is None
        self.pieces = pieces or ()
        self.until = until
        self.answer = answer


class Waiting:
    """All who wait. Times are those of time.monotonic()."""

    def __init__(self) -> None:
        self._waiters: dict[str, list[Waiter]] = {}

    def add(self, torrent: Torrent, waiter: Waiter) -> None:
        known = [each for each in waiter.pieces if 0 <= each < torrent.layout.pieces]
        waiter.pieces = list(dict.fromkeys(known))
        self._waiters.setdefault(torrent.key, []).append(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Its client is gone."""
        for waiting in self._waiters.values():
            if waiter in waiting:
                waiting.remove(waiter)

    def anyone(self) -> bool:
        return any(self._waiters.values())

    def first_end(self) -> float:
        """When the first one's time is over; infinity if nobody waits."""
        ends = [waiter.until for waiting in self._waiters.values() for waiter in waiting]
        return min(ends, default=math.inf)

    def time_out(self, now: float) -> list[tuple[str, Waiter]]:
        """Answer those whose time is over. They are returned, each with its torrent's key."""
        late: list[tuple[str, Waiter]] = []
        for key, waiting in self._waiters.items():
            for waiter in [each for each in waiting if each.until <= now]:
                waiting.remove(waiter)
                late.append((key, waiter))
                waiter.answer([])
        return late

    def look(self, torrent: Torrent, take_alerts: Callable[[], None]) -> None:
        """Tell those who wait what was there before they asked, or was found by hashing."""
        have = torrent.has(self._waited(torrent))
        # What came until now, but is not in the files, has its alert in the queue by now.
        take_alerts()
        self._answer(torrent, have - torrent.pending())
        self.look_at_all(torrent)

    def flush(self, torrent: Torrent, *, always: bool = False) -> None:
        """Have the bytes put into the files, if someone waits for them.

        Who waits for all of it has them put there all the time: at the end little is left, where
        libtorrent by itself may have had to write a third of a second's worth.
        """
        if torrent.flushing is not None or not (always or torrent.unflushed):
            return
        waited = self._for_all(torrent) or not self._waited(torrent).isdisjoint(torrent.unflushed)
        if always or waited:
            torrent.flushing, torrent.unflushed = torrent.unflushed, set()
            torrent.handle.flush_cache()

    def flushed(self, torrent: Torrent) -> None:
        """All that came before it was asked to flush is in the files."""
        if torrent.flushing is None:
            return
        there, torrent.flushing = torrent.flushing, None
        torrent.flushed = not torrent.unflushed
        self._answer(torrent, there)
        self.look_at_all(torrent)
        self.flush(torrent, always=not torrent.flushed and not torrent.has_to_fetch())

    def look_at_all(self, torrent: Torrent) -> None:
        """Tell those who wait for all of it, if it is there or cannot go on."""
        for_all = self._for_all(torrent)
        if for_all and torrent.is_at_rest():
            for waiter in for_all:
                self._waiters[torrent.key].remove(waiter)
                waiter.answer([])

    def _for_all(self, torrent: Torrent) -> list[Waiter]:
        return [each for each in self._waiters.get(torrent.key, ()) if each.for_all]

    def _waited(self, torrent: Torrent) -> set[int]:
        return {each for waiter in self._waiters.get(torrent.key, ()) for each in waiter.pieces}

    def _answer(self, torrent: Torrent, there: set[int]) -> None:
        waiting = self._waiters.get(torrent.key, [])
        for waiter in list(waiting):
            # A piece that could not be written is not had any longer.
            found = sorted(torrent.has(there & set(waiter.pieces)))
            if found or not (waiter.pieces or waiter.for_all):
                waiting.remove(waiter)
                waiter.answer(found)
