"""How many torrents fetch at once, and until when they are seeded."""

from __future__ import annotations

from collections.abc import Collection

from biofs.contents.engines.daemon.torrent import Torrent


def let_run(torrents: Collection[Torrent], at_once: int, ratio: float | None) -> None:
    """Let only `at_once` torrents fetch: those that are read, then those that came first.

    0 is no limit. Those that have all are seeded until they have sent `ratio` times what is there;
    None is for ever.
    """
    if not at_once and ratio is None:
        for torrent in torrents:
            torrent.resume()
        return
    fetching = 0
    for torrent in sorted(torrents, key=lambda each: not each.is_streaming()):
        status = torrent.handle.status()
        if torrent.has_to_fetch(status):
            fetching += not torrent.failure
            may = not at_once or fetching <= at_once
        else:
            may = not torrent.sent_enough(ratio, status)
        (torrent.resume if may else torrent.pause)()
