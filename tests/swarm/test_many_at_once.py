"""A group is fetched whole; two mounts and the command, all at once, fetch everything once.

With libtorrent, a tracker and a seeder of each torrent; held to bytes and to blocks at the seeders.
"""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from bencode2 import bdecode

from biofs.contents.engines.libtorrent_engine import LibtorrentEngine
from biofs.demo.accounts import DONOR_TOKEN
from tests.support import torrents
from tests.support.lab import Lab, lab
from tests.support.mounting import Mount, environment, mounted
from tests.support.swarm import BLOCK, GENEROUS, PASSKEY, Seeder, Tracker, private_torrent
from tests.support.torrents import Content, Kind, bencode, bytes_of
from tests.swarm.libtorrent_support import process_of, processes_of, until
from tests.swarm.reading_support import READ

PIECE = 32 * 1024
FEW = 16
"""Pieces that may come once more after a kill -9: a second of 200 kB/s, and those on their way."""
KINDS: tuple[Kind, ...] = ("v1", "v2", "hybrid")


class Offered:
    """A torrent of the catalogue, and who has its data."""

    def __init__(self, torrent: bytes, files: list[Content], ident: int, seeder: Seeder) -> None:
        self.torrent = torrent
        self.files = files
        self.ident = ident
        self.seeder = seeder
        self.top = torrents.name_of(torrent).decode()

    def path(self, mount: Mount, index: int) -> Path:
        parts = [each.decode() for each in self.files[index][0]]
        return mount.path.joinpath("torrents", str(self.ident), "files", self.top, *parts)

    @property
    def size(self) -> int:
        return sum(len(content) for _, content in self.files)


class Many:
    """A catalogue with torrents, and mounts of it for one user."""

    def __init__(self, made: Lab, tracker: Tracker, stack: ExitStack) -> None:
        self.lab = made
        self.tracker = tracker
        self.state = made.base / "home/.local/state/biofs/engine"
        self._stack = stack
        self._hashes: list[bytes] = []
        runtime = made.base / "run"
        runtime.mkdir(mode=0o700)
        self._env = {"XDG_RUNTIME_DIR": str(runtime)}
        self.downloads = made.base / "downloads"
        self._engine = ("--engine", "libtorrent", "--download-dir", str(self.downloads))
        stack.callback(LibtorrentEngine(self.downloads, self.state).stop)

    def offer(
        self, torrent: bytes, files: list[Content], beside: int | None = None, known: bool = True
    ) -> Offered:
        if known:
            self._hashes += _hashes(torrent)
            self.tracker.allow(self._hashes)
        ident = self.lab.add(torrent, files, laid_out=False, beside=beside)
        seeder = Seeder.of(self.lab.base / f"seed{ident}", torrent, files)
        self._stack.enter_context(seeder)
        return Offered(torrent, files, ident, seeder)

    def mount(self, name: str = "mnt", *options: str) -> Mount:
        pace = ("--url", self.lab.server.url, "--rate", "unlimited")
        given = ("--torrents", str(self.lab.torrents), *self._engine, *options)
        env = self._env | {"BIOFS_TOKEN": DONOR_TOKEN}
        return self._stack.enter_context(mounted(self.lab.base, *pace, *given, env=env, name=name))

    def command(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """`biofs fetch`."""
        return subprocess.Popen(
            [sys.executable, "-m", "biofs", "fetch", *map(str, arguments)],
            env=environment(self.lab.base / "home", **self._env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def fetch(self, *arguments: str | Path, code: int = 0) -> str:
        with self.command(*arguments) as process:
            out, _ = process.communicate(timeout=2 * GENEROUS)
        assert process.returncode == code, out
        return out


def _hashes(torrent: bytes) -> list[bytes]:
    """As trackers know them: 20 bytes of v1, of v2, or both."""
    info = bdecode(torrent)[b"info"]
    raw = bencode(info)
    found = [hashlib.sha1(raw).digest()] if b"pieces" in info else []
    return [*found, hashlib.sha256(raw).digest()[:20]] if b"file tree" in info else found


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Many]:
    tracker = Tracker(tmp_path / "tracker")
    with tracker, lab(tmp_path) as made, ExitStack() as stack:
        yield Many(made, tracker, stack)


def _of_kind(many: Many, kind: Kind) -> tuple[bytes, list[Content]]:
    files = [
        ((b"dir%d" % (number % 2), b"file%d" % number), bytes_of(f"{kind}{number}", size))
        for number, size in enumerate((50_001, 0, 100_000, PIECE, 17))
    ]
    files.sort()
    announce = many.tracker.announce.encode()
    name = kind.encode()
    return torrents.make(name, files, piece_length=PIECE, kind=kind, announce=announce), files


def test_a_group_with_torrents_of_every_version_is_fetched_whole(many: Many) -> None:
    offered: list[Offered] = []
    for kind in KINDS:
        beside = offered[0].ident if offered else None
        offered.append(many.offer(*_of_kind(many, kind), beside=beside))
    refused = many.offer(*_refused(many), known=False)
    mount = many.mount()
    group = (mount.path / f"torrents/{offered[0].ident}").resolve().parent
    assert many.fetch("--yes", group).endswith("15 files here and verified\n")
    for each in offered:
        for index, (_, content) in enumerate(each.files):
            assert each.path(mount, index).read_bytes() == content
        # A hybrid's pad files are not sent, but the ends of blocks that they share are.
        assert each.size <= each.seeder.payload() <= each.size + len(each.files) * BLOCK
        assert max(each.seeder.pieces().values()) <= PIECE // BLOCK
    assert many.fetch("--yes", group) == "nothing to fetch: 15 files here and verified\n"
    # What the tracker refuses, in its words.
    many.fetch("--yes", "--no-wait", refused.path(mount, 0))
    until(lambda: "not authorized" in many.fetch("--status", refused.path(mount, 0)))
    said = many.fetch("--status") + many.fetch("--status", "--json")
    assert "the tracker: Requested download is not authorized" in said
    assert PASSKEY not in said
    assert "announce" not in said


def _refused(many: Many) -> tuple[bytes, list[Content]]:
    return private_torrent(b"refused", 1, 1000, announce=many.tracker.announce)


def test_two_mounts_and_the_command_at_once_fetch_once(many: Many) -> None:
    torrent, files = private_torrent(b"many", 3, 1_000_000, announce=many.tracker.announce)
    offered = many.offer(torrent, files)
    mounts = [many.mount(name, "--fetch-on-read") for name in ("mnt", "other")]
    # No engine runs: all of them start it.
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READ, str(offered.path(mount, index)), "0", "1000000"],
            stdout=subprocess.PIPE,
            process_group=0,
        )
        for index in (0, 1)
        for mount in mounts
    ]
    tops = [mount.path / f"torrents/{offered.ident}" for mount in mounts]
    commands = [many.command("--yes", top) for top in tops]
    for number, reader in enumerate(readers):
        found, _ = reader.communicate(timeout=GENEROUS)
        log = mounts[number % 2].log.read_text()
        assert (reader.returncode, found == files[number // 2][1]) == (0, True), log
    for command in commands:
        out, _ = command.communicate(timeout=GENEROUS)
        assert command.returncode == 0, out
        assert "3 files here and verified" in out
    every = -(-offered.size // PIECE)
    sent = offered.seeder.pieces()
    last = -(-(offered.size - (every - 1) * PIECE) // BLOCK)
    expected = {**dict.fromkeys(range(every), PIECE // BLOCK), every - 1: last}
    assert sent == expected
    assert offered.seeder.payload() == offered.size
    assert len(processes_of(many.state)) == 1
    for mount in mounts:
        assert all(
            offered.path(mount, index).read_bytes() == content
            for index, (_, content) in enumerate(files)
        )


def test_whoever_is_killed_a_fetch_goes_on_and_nothing_comes_twice(many: Many) -> None:
    torrent, files = private_torrent(b"many", 3, 1_000_000, announce=many.tracker.announce)
    offered = many.offer(torrent, files)
    offered.seeder.limit(200_000)
    mount = many.mount()
    top = mount.path / f"torrents/{offered.ident}"
    every = -(-offered.size // PIECE)
    # The command: the fetching goes on without it.
    command = many.command("--yes", top)
    until(lambda: len(offered.seeder.pieces()) > 4)
    command.kill()
    command.communicate()
    sent = len(offered.seeder.pieces())
    until(lambda: len(offered.seeder.pieces()) > sent + 2)
    # The mount: the engine goes on without it, and the command that waits says so.
    command = many.command("--wait", top)
    until(lambda: _talks(command))
    sent = len(offered.seeder.pieces())
    mount.process.kill()
    mount.process.wait()
    mount.process.returncode = 0
    said, _ = command.communicate(timeout=GENEROUS)
    assert command.returncode == 1, said
    assert "Traceback" not in said
    subprocess.run(["umount", "-l", str(mount.path)], check=True)
    until(lambda: len(offered.seeder.pieces()) > sent + 2)
    # The engine: whoever waits for it starts it.
    again = many.mount("again")
    last = many.command("--wait", again.path / f"torrents/{offered.ident}")
    until(lambda: _talks(last))
    before = offered.seeder.pieces()
    os.kill(process_of(many.state), signal.SIGKILL)
    assert len(before) < every
    offered.seeder.limit(0)
    said, _ = last.communicate(timeout=GENEROUS)
    assert last.returncode == 0, said
    assert said.splitlines()[-1] == "2.9 MiB in 3 files here and verified"
    assert offered.seeder.payload() <= offered.size + FEW * PIECE
    for index, (_, content) in enumerate(files):
        assert offered.path(again, index).read_bytes() == content


def _talks(command: subprocess.Popen[str]) -> bool:
    """Whether a command is connected to its mount."""
    for each in Path(f"/proc/{command.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if str(each.readlink()).startswith("socket:"):
                return True
    return False


def test_cancelled_it_brings_no_more_and_keeps_what_came(many: Many) -> None:
    torrent, files = private_torrent(b"many", 60, 30_000, announce=many.tracker.announce)
    offered = many.offer(torrent, files)
    offered.seeder.limit(400_000)
    mount = many.mount()
    top = mount.path / f"torrents/{offered.ident}"
    many.fetch("--yes", "--no-wait", top)
    until(lambda: offered.seeder.payload() > 800_000)
    offered.seeder.limit(10_000)  # while the command starts
    assert "1 torrent" in many.fetch("--cancel", top)
    sent = offered.seeder.payload()
    offered.seeder.limit(0)
    many.fetch("--status")  # and what was on its way has come
    came = offered.seeder.payload() - sent
    assert came <= FEW * PIECE
    assert sent + came < offered.size
    here = [at for at in range(60) if _is_here(offered, mount, at)]
    assert here, "what came whole stays"
    assert len(here) < len(files)
    many.fetch("--yes", top)
    assert max(offered.seeder.pieces().values()) <= PIECE // BLOCK
    assert offered.seeder.payload() == offered.size


def _is_here(offered: Offered, mount: Mount, index: int) -> bool:
    """Whether the file opens, and has its bytes."""
    try:
        found = offered.path(mount, index).read_bytes()
    except OSError as error:
        if error.errno == errno.ENODATA:
            return False
        raise
    assert found == offered.files[index][1]
    return True


def test_where_there_is_no_room_it_does_not_begin(many: Many) -> None:
    torrent, files = private_torrent(b"many", 3, 1_000_000, announce=many.tracker.announce)
    offered = many.offer(torrent, files)
    many.downloads.mkdir()
    tmpfs = ["mount", "-t", "tmpfs", "-o", "size=1m", "biofs-test", str(many.downloads)]
    subprocess.run(tmpfs, check=True)
    try:
        mount = many.mount()
        said = many.fetch("--yes", mount.path / f"torrents/{offered.ident}", code=1)
        assert "room" in said
        assert offered.seeder.payload() == 0
        assert list(many.downloads.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(many.downloads)], check=True)
