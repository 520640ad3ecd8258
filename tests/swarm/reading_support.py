"""A mount that fetches what is read, with a tracker and a seeder; nothing is here yet."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from biofs.contents.engines.libtorrent_engine import LibtorrentEngine
from biofs.demo.accounts import DONOR_TOKEN
from tests.support.lab import Lab, lab
from tests.support.mounting import Mount, mounted
from tests.support.swarm import GENEROUS, Seeder, Tracker, info_hash, private_torrent
from tests.support.torrents import Content
from tests.swarm.libtorrent_support import process_of

PIECE = 32 * 1024
SIZE = 2_000_000
COUNT = 8
_LISTENS = "0A"

READ = """
import os, sys
path, offset, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
try:
    descriptor = os.open(path, os.O_RDONLY)
    while size:
        data = os.pread(descriptor, min(size, 65536), offset)
        if not data:
            break
        sys.stdout.buffer.write(data)
        offset, size = offset + len(data), size - len(data)
except OSError as error:
    sys.exit(error.errno)
"""


Making = Callable[[str], tuple[bytes, list[Content]]]
"""Makes a torrent with the announce URL, and its files."""


def _many(announce: str) -> tuple[bytes, list[Content]]:
    return private_torrent(b"many", COUNT, SIZE, announce=announce)


class Reading:
    """A mount over a swarm: nothing is here."""

    def __init__(self, made: Lab, tracker: Tracker, make: Making) -> None:
        self.lab = made
        self.tracker = tracker
        self.torrent, self.files = make(tracker.announce)
        self.hash = info_hash(self.torrent)
        tracker.allow([self.hash])
        self.seeder = Seeder.of(made.base / "seed", self.torrent, self.files)
        self.ident = made.add(self.torrent, self.files, laid_out=False)

    @property
    def state(self) -> Path:
        return self.lab.base / "home/.local/state/biofs/engine"

    @property
    def downloads(self) -> Path:
        return self.lab.base / "downloads"

    def engine_port(self) -> int:
        """At which the engine's process listens for peers."""
        inodes = set()
        for each in Path(f"/proc/{process_of(self.state)}/fd").iterdir():
            with suppress(FileNotFoundError):
                inodes.add(str(each.readlink()))
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()  # proc(5)
            if fields[3] == _LISTENS and f"socket:[{fields[9]}]" in inodes:
                return int(fields[1].rpartition(":")[2], 16)
        raise AssertionError("it does not listen")

    @contextmanager
    def mounted(
        self, *options: str, settings: str = "", seeded: bool = True, name: str = "mnt", **env: str
    ) -> Iterator[Mount]:
        """Mount at `name`, with more of an environment; afterwards the engine has ended."""
        if seeded and not self.seeder.port:
            self.seeder.start()
        config = self.lab.base / "home/.config/biofs/config.toml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(settings)
        config.chmod(0o600)
        given = ("--engine", "libtorrent", "--fetch-on-read")
        given += ("--download-dir", str(self.downloads))
        pace = ("--url", self.lab.server.url, "--rate", "unlimited")
        folder = ("--torrents", str(self.lab.torrents))
        # libtorrent's binding warns of its own deprecated names.
        warnings = "error,default::DeprecationWarning"
        env = {"BIOFS_TOKEN": DONOR_TOKEN, "PYTHONWARNINGS": warnings} | env
        options = (*pace, *folder, *given, *options)
        try:
            with mounted(self.lab.base, *options, env=env, name=name) as mount:
                yield mount
        finally:
            LibtorrentEngine(self.downloads, self.state).stop()

    def path(self, mount: Mount, index: int) -> Path:
        parts = [os.fsdecode(each) for each in self.files[index][0]]
        return (mount.path / f"torrents/{self.ident}/files/many").joinpath(*parts)

    def reader(self, path: Path, offset: int = 0, size: int = SIZE) -> subprocess.Popen[bytes]:
        """A process that reads, in a group of its own, and exits with the errno of what fails."""
        return subprocess.Popen(
            [sys.executable, "-c", READ, str(path), str(offset), str(size)],
            stdout=subprocess.PIPE,
            process_group=0,
        )

    def read(
        self, path: Path, offset: int = 0, size: int = SIZE, **options: int
    ) -> subprocess.CompletedProcess[bytes]:
        """In a process and group of its own, as a shell starts one."""
        return subprocess.run(
            [sys.executable, "-c", READ, str(path), str(offset), str(size)],
            capture_output=True,
            check=False,
            timeout=GENEROUS,
            process_group=0,
            **options,  # type: ignore[call-overload]
        )


@contextmanager
def reading(make: Making = _many) -> Iterator[Reading]:
    """A tracker, a catalogue and a seeder, which the first mount starts."""
    with tempfile.TemporaryDirectory(prefix="biofs-") as name:
        base = Path(name)
        base.chmod(0o755)  # pytest's own directories are closed to other users
        with Tracker(base / "tracker") as tracker, lab(base) as found:
            made = Reading(found, tracker, make)
            try:
                yield made
            finally:
                made.seeder.kill()
