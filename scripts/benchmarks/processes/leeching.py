"""libtorrent without biofs: fetches one file as the engine could, and says how long that took.

`python -m scripts.benchmarks.processes.leeching TORRENT DIRECTORY SECONDS` prints a line of JSON.
The session has the settings of biofs's engine, and runs for so many seconds before it is given the
torrent: once a second from its beginning on it measures the rates of its peers, which decides how
soon it asks for many blocks at a time.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import libtorrent

from biofs.contents.engines.daemon import options
from biofs.contents.engines.daemon.messages import Configure

SOUGHT: Final = 0.75
"""Where in the file is sought: after so much of it."""
_PATIENCE_MS: Final = 1_000
_SECONDS: Final = 300.0


class Leech:
    """A session with one torrent of which nothing is wanted yet."""

    def __init__(self, torrent: Path, directory: Path) -> None:
        settings = Configure(directory=str(directory), listen="127.0.0.1:0")
        categories = libtorrent.alert_category
        mask = categories.status | categories.storage | categories.piece_progress
        self._session = libtorrent.session({**options.of(settings), "alert_mask": mask})
        self._session.set_ip_filter(libtorrent.ip_filter())
        self._params = libtorrent.add_torrent_params()
        self._params.ti = libtorrent.torrent_info(str(torrent))
        self._params.save_path = str(directory)
        self._params.flags &= ~(
            libtorrent.torrent_flags.auto_managed | libtorrent.torrent_flags.paused
        )
        self.pieces: int = self._params.ti.num_pieces()
        self._params.piece_priorities = [0] * self.pieces
        self._handle: Any = None

    def add(self) -> None:
        """Add the torrent: from now on the tracker and peers are asked."""
        self._handle = self._session.add_torrent(self._params)

    def begin(self) -> None:
        """Add the torrent, and have its first byte."""
        self.add()
        self.read(0)

    def read(self, piece: int) -> None:
        """Fetch one piece before all others, and have its bytes."""
        self._handle.piece_priority(piece, 7)
        available = libtorrent.deadline_flags_t.alert_when_available
        self._handle.set_piece_deadline(piece, 0, available)
        self._until(lambda alert: isinstance(alert, libtorrent.read_piece_alert))

    def fetch_all(self) -> None:
        """Fetch everything, in the order of reading, until it is verified."""
        self._handle.set_flags(libtorrent.torrent_flags.sequential_download)
        self._handle.prioritize_pieces([4] * self.pieces)
        self._until(lambda alert: isinstance(alert, libtorrent.torrent_finished_alert))

    def _until(self, came: Any) -> None:
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            self._session.wait_for_alert(_PATIENCE_MS)
            if any(came(alert) for alert in self._session.pop_alerts()):
                return
        raise TimeoutError("libtorrent fetched nothing in time")


def main() -> None:
    """Print the seconds of each step, and of processor time for all of them."""
    leech = Leech(Path(sys.argv[1]), Path(sys.argv[2]))
    time.sleep(float(sys.argv[3]))
    worked = time.process_time()
    steps = {
        "first": leech.begin,
        "seek": lambda: leech.read(int(leech.pieces * SOUGHT)),
        "sequential": leech.fetch_all,
    }
    found: dict[str, float] = {}
    for name, step in steps.items():
        start = time.perf_counter()
        step()
        found[name] = time.perf_counter() - start
    found["cpu"] = time.process_time() - worked
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
