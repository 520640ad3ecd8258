"""What has come when the session ends is hashed and put into the files, so that none comes twice.

libtorrent writes down the pieces whose hash was right, and of others the blocks that are in the
files: a piece that is whole, but waits for its hash or to be written, would be fetched again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

import libtorrent

from biofs.contents.engines.daemon.torrent import Torrent
from biofs.contents.engines.daemon.waiting import Waiting

_LOOK_MS: Final = 20
"""Between two looks at what still waits."""


def settle(
    session: libtorrent.session,
    torrents: Iterable[Torrent],
    waiting: Waiting,
    take_alerts: Callable[[], None],
    until: float,
) -> None:
    """Return when nothing waits to be hashed or written, at the latest at `until`, a time of
    time.monotonic(). The session is paused."""
    left = [torrent for torrent in torrents if torrent.may_settle()]
    for torrent in left:
        waiting.flush(torrent, always=True)
    while time.monotonic() < until:
        take_alerts()
        left = [torrent for torrent in left if torrent.waits_for_disk()]
        if not left:
            return
        for torrent in left:
            waiting.flush(torrent, always=True)
        session.wait_for_alert(_LOOK_MS)
