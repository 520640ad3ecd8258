"""What is held of every client that a user runs; its modules of tests add how each is started.

All torrents of a module are begun at once, as Transmission takes some ten seconds for the first
byte of each, and each test waits for its own.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from biofs.contents.engines.engine import Progress, State
from tests.support.clients import QBittorrentDaemon, TransmissionDaemon, until
from tests.support.swarm import PASSKEY, Seeder, Tracker, info_hash, private_torrent
from tests.support.torrents import Content, with_pads

Daemon: TypeAlias = TransmissionDaemon | QBittorrentDaemon

SIZE: Final = 100_000
"""Of each file, in bytes: three pieces, and both ends in a piece with a neighbour's."""


class Offered:
    """A torrent that the tracker knows, and a seeder with all of its files."""

    def __init__(self, torrent: bytes, files: Sequence[Content], seeder: Seeder | None) -> None:
        self.torrent = torrent
        self.files = list(files)
        self.hash = info_hash(torrent)
        self.seeder = seeder

    def right(self, directory: Path, index: int) -> bool:
        """Whether the file is where a client puts it, below the torrent's name, with its bytes."""
        path, content = self.files[index]
        place = directory.joinpath(*(each.decode() for each in path))
        return place.is_file() and place.read_bytes() == content

    def there(self, directory: Path) -> list[int]:
        """The indexes of the files that have their true name and any data."""
        return [index for index in range(len(self.files)) if self.right(directory, index)]


class Swarm:
    """A tracker, clients, and torrents with a seeder each. All are killed in the end.

    Args:
        directory: An empty one, for all of them.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.tracker = Tracker(directory / "tracker")
        self._hashes: list[bytes] = []
        self._seeders: list[Seeder] = []

    def offer(
        self, name: str, *, rate: int = 0, seeded: bool = True, known: bool = True
    ) -> Offered:
        """A torrent of 50 files; `known` is whether the tracker serves it."""
        torrent, files = private_torrent(name.encode(), 50, SIZE, announce=self.tracker.announce)
        return self._offer(torrent, files, rate=rate, seeded=seeded, known=known)

    def offer_padded(self, name: str) -> Offered:
        """A torrent of ten files with a pad file behind each."""
        files = [((b"file%02d" % number,), bytes([number]) * SIZE) for number in range(10)]
        torrent = with_pads(
            name.encode(), files, piece_length=32 * 1024, announce=self.tracker.announce.encode()
        )
        return self._offer(torrent, files)

    def _offer(
        self,
        torrent: bytes,
        files: Sequence[Content],
        *,
        rate: int = 0,
        seeded: bool = True,
        known: bool = True,
    ) -> Offered:
        if known:
            self._hashes.append(info_hash(torrent))
        seeder = None
        if seeded:
            place = self.directory / info_hash(torrent).hex()
            seeder = Seeder.of(place, torrent, list(files), rate=rate)
            self._seeders.append(seeder)
        return Offered(torrent, files, seeder)

    @contextmanager
    def running(self, *daemons: Daemon) -> Iterator[Swarm]:
        """With all that was offered, and these clients."""
        self.tracker.allow(self._hashes)
        with ExitStack() as stack:
            for each in (self.tracker, *self._seeders, *daemons):
                stack.enter_context(each)
            yield self


def finished(daemon: Daemon, offered: Offered) -> Progress:
    """The progress, once all that is wanted is there."""
    with_engine = daemon.engine()

    def ask() -> Progress | None:
        progress = with_engine.progress(offered.hash)
        assert progress is not None
        assert progress.state is not State.FAILED, progress
        return progress if progress.state is State.FINISHED else None

    try:
        progress = until(ask)
    finally:
        with_engine.close()
    assert progress is not None
    return progress


def command_lines() -> str:
    """The arguments of every process."""
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def has_no_secret(text: str, password: str) -> bool:
    """Whether neither the password nor the passkey, nor a tracker's URL, is in a text."""
    return not any(each in text for each in (password, PASSKEY, "announce", "://127.0.0.1"))
