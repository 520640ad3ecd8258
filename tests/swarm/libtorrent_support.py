"""An engine of libtorrent with a tracker, seeders, and nothing yet; and its process."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

from biofs.contents.engines.engine import Progress, State
from biofs.contents.engines.libtorrent_engine import LibtorrentEngine
from tests.support.swarm import BLOCK, GENEROUS, Seeder, Tracker, info_hash, private_torrent
from tests.support.torrents import Content

PIECE = 32 * 1024


def until(what: Callable[[], object]) -> None:
    """Wait for something that is about to happen."""
    end = time.monotonic() + GENEROUS
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


class Swarm:
    """A tracker and a torrent of fifty files, and an engine with nothing yet."""

    def __init__(self, root: Path, tracker: Tracker) -> None:
        self.root = root
        self.tracker = tracker
        self.torrent, self.files = private_torrent(b"many", 50, 100_000, announce=tracker.announce)
        self.hash = info_hash(self.torrent)
        self.engines: list[LibtorrentEngine] = []
        self.whole = b"".join(content for _, content in self.files)

    def engine(self, name: str = "", **settings: object) -> LibtorrentEngine:
        defaults: dict[str, object] = {"listen": "127.0.0.1:0", "retry": 0.2}
        engine = LibtorrentEngine(
            self.root / f"got{name}",
            self.root / f"state{name}",
            **(defaults | settings),  # type: ignore[arg-type]
        )
        self.engines.append(engine)
        return engine

    def seeder(self, rate: int = 0) -> Seeder:
        return Seeder.of(self.root / "seed", self.torrent, self.files, rate=rate)

    def blocks(self, pieces: range | set[int]) -> dict[int, int]:
        """How many blocks each of the pieces has."""
        return {piece: -(-min(PIECE, len(self.whole) - piece * PIECE) // BLOCK) for piece in pieces}

    def on_disk(self, engine: LibtorrentEngine, piece: int) -> bool:
        """Whether all bytes of the piece are in the files, and right."""
        found = bytearray()
        start = 0
        for path, content in self.files:
            at, end = max(start, piece * PIECE), min(start + len(content), (piece + 1) * PIECE)
            if at < end:
                file = self.path(engine, path)
                if not file.exists():
                    return False
                with file.open("rb") as opened:
                    opened.seek(at - start)
                    found += opened.read(end - at)
            start += len(content)
        return found == self.whole[piece * PIECE : (piece + 1) * PIECE]

    def path(self, engine: LibtorrentEngine, path: tuple[bytes, ...]) -> Path:
        return engine.download_directory().joinpath("many", *(each.decode() for each in path))

    def right(self, engine: LibtorrentEngine, files: list[Content]) -> bool:
        return all(self.path(engine, path).read_bytes() == content for path, content in files)

    def finished(self, engine: LibtorrentEngine) -> None:
        until(lambda: found(engine, self.hash).state == State.FINISHED)


def found(engine: LibtorrentEngine, info: bytes) -> Progress:
    progress = engine.progress(info)
    assert progress is not None
    return progress


def process_of(state: Path) -> int:
    """The process that listens in the state directory."""
    opened = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            # A short path leads there: an address holds 107 bytes (unix(7)).
            connection.connect(f"/proc/self/fd/{opened}/socket")
            said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    finally:
        os.close(opened)
    return int(struct.unpack("3i", said)[0])


def processes_of(state: Path) -> list[int]:
    """All processes that have the state directory among their arguments."""
    wanted = os.fsencode(state)
    running = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if wanted in arguments:
                running.append(int(entry.name))
    return running


def all_ended(engines: list[LibtorrentEngine]) -> None:
    """End the processes of engines, if they run."""
    for engine in engines:
        engine.stop()
        engine.close()
