"""Whether a client has lost track of what it had received.

qBittorrent writes down every hour what it has of a torrent (`save_resume_data_interval`, seen with
4.5.2 and 5.1.0). Killed in between it goes on by itself, but from what it wrote down, and fetches
the rest again, over what is there. Checking the torrent again finds it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

_REMEMBERED: Final = 256
_MUCH: Final = 64 << 20
"""Bytes. Less may have been wrong pieces, which are dropped and fetched again."""
_TRIES: Final = 2
"""A client that has just loaded a torrent may let an order to check it pass."""
_PAUSE: Final = 2.5
"""Seconds for which it has to be so before each of them: answers are up to 1.5 s old, and a torrent
that somebody else has checked right now looks the same until then."""


class _Seen(NamedTuple):
    """What a torrent had when it was well."""

    files: tuple[int, ...]
    done: int
    tries: int = 0
    since: float | None = None
    """When it was first seen with less, or last ordered to be checked."""


class Losses:
    """What torrents were seen to have. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def is_to_be_checked(self, ident: str, wanted: Sequence[int], done: int) -> bool:
        """Whether a torrent has far fewer bytes than before, and is to be checked now.

        Args:
            ident: Of the torrent.
            wanted: The files in which the bytes are counted; other ones than before are no loss.
            done: Bytes that the client says are there.
        """
        files = tuple(wanted)
        seen = self._seen.pop(ident, _Seen(files, 0))
        lost = seen.files == files and (done < seen.done // 2 or done < seen.done - _MUCH)
        now, due = self._clock(), False
        if lost and seen.since is None:
            seen = seen._replace(since=now)
        elif lost and seen.since is not None and now < seen.since + _PAUSE:
            pass
        elif lost and seen.tries < _TRIES:
            seen, due = seen._replace(tries=seen.tries + 1, since=now), True
        else:
            seen = _Seen(files, done)
        self._seen[ident] = seen
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return due
