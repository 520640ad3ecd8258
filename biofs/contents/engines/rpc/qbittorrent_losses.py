"""What a qBittorrent that was killed has to find again of what it had fetched.

It writes down every hour what it has of a torrent (`save_resume_data_interval`, seen with 4.5.2 and
5.1.0). Killed in between it goes on by itself, but from what it wrote down, and fetches the rest
again, over what is there. Checking the torrent again finds it.

4.5.2 ordered twice within some tenths of a second to check a torrent, as two processes that see the
same loss do, says that it is checking it and never does (seen with libtorrent 2.0.8). Stopped and
started again it does, also if both processes do so at once.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from cachetools import LRUCache

from biofs.contents.engines.rpc import shapes
from biofs.contents.engines.rpc.qbittorrent_answers import (
    CHECKED,
    LOADED,
    Fields,
    ident_in,
    state_of,
)

_REMEMBERED: Final = 256
_MUCH: Final = 64 << 20
"""Bytes. Less may have been wrong pieces, which are dropped and fetched again."""
_TRIES: Final = 2
"""A client that has just loaded a torrent may let an order to check it pass."""
_PAUSE: Final = 2.5
"""Seconds for which it has to be so before each of them: answers are up to 1.5 s old, and a torrent
that somebody else has checked right now looks the same until then."""
_STUCK: Final = 10.0
"""Seconds after which a check of which nothing is done yet is taken for one that never will be. One
that waits for another torrent's to end looks the same, and is only put behind others."""


class Order(enum.Enum):
    """What a torrent needs."""

    CHECK = "check what lies there"
    START_AGAIN = "stop, and start again"


class _Seen(NamedTuple):
    """What a torrent had when it was well."""

    files: tuple[int, ...]
    done: int
    checks: int = 0
    starts: int = 0
    """How often each was ordered since."""
    since: float | None = None
    """When it was first seen with less, or was last ordered anything."""


class Losses:
    """What torrents were seen to have. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: LRUCache[str, _Seen] = LRUCache(_REMEMBERED)

    def order(self, fields: Fields, wanted: Sequence[int], done: int) -> Order | None:
        """What the torrent needs now. It is taken for done: ask only to do it.

        It is to be checked when it has far fewer bytes than before, and started again when a check
        ordered by this does not begin.

        Args:
            fields: What the Web API says of the torrent.
            wanted: The files in which the bytes are counted; other ones than before are no loss.
            done: Bytes that the client says are there.
        """
        ident, state = ident_in(fields), state_of(fields)
        if state in LOADED:
            seen = self._seen.get(ident, _Seen((), 0))
            after, order = _loaded(seen, _Seen(tuple(wanted), done), self._clock())
            self._seen[ident] = after
            return order
        if state in CHECKED and ident in self._seen:
            checked = shapes.fraction(fields.get("progress"))
            self._seen[ident], order = _checked(self._seen[ident], checked, self._clock())
            return order
        return None


def _loaded(seen: _Seen, found: _Seen, now: float) -> tuple[_Seen, Order | None]:
    less = found.done < seen.done // 2 or found.done < seen.done - _MUCH
    if seen.files != found.files or not less:
        return found, None
    if seen.since is None:
        return seen._replace(since=now), None
    if now < seen.since + _PAUSE:
        return seen, None
    if seen.checks < _TRIES:
        return seen._replace(checks=seen.checks + 1, since=now), Order.CHECK
    return found, None


def _checked(seen: _Seen, checked: float, now: float) -> tuple[_Seen, Order | None]:
    if not seen.checks or seen.since is None or checked > 0 or now < seen.since + _STUCK:
        return seen, None
    if seen.starts < _TRIES:
        return seen._replace(starts=seen.starts + 1, since=now), Order.START_AGAIN
    return seen, None
