"""`--fetch-on-read` when something ends, lies, or is full: what came stays, and comes no more.

Held to bytes and to counts of blocks at the seeders.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mounting import Mount
from tests.support.swarm import BLOCK, GENEROUS, Seeder, altered, pieces_of
from tests.swarm.libtorrent_support import process_of, until
from tests.swarm.reading_support import PIECE, SIZE, Reading, reading

RATE = 200_000
FEW = 16
"""Pieces that may come once more after a kill -9: of a second at that rate, as they need not be in
the files yet, and of what was on its way."""


@pytest.fixture
def made() -> Iterator[Reading]:
    with reading() as found:
        yield found


def _kill(mount: Mount) -> None:
    """kill -9 of the mount's process; its mountpoint is free again."""
    mount.process.kill()
    mount.process.wait()
    subprocess.run(["umount", "-l", str(mount.path)], check=True)
    mount.process.returncode = 0  # for whoever unmounts it in the end


def _wants_all(made: Reading, mount: Mount, at_least: int) -> bytes:
    """The beginning of the file, once so much of it was read; the reader is dead."""
    with made.reader(made.path(mount, 0)) as reader:
        assert reader.stdout is not None
        got = reader.stdout.read(at_least)
        _kill(mount)
        got += reader.stdout.read()
        assert reader.wait(timeout=GENEROUS) in {errno.ENOTCONN, errno.ECONNABORTED, errno.EIO}
    return got


def test_a_killed_mount_loses_nothing_and_the_next_one_goes_on(made: Reading) -> None:
    whole = made.files[0][1]
    with made.mounted() as first:
        made.seeder.limit(500_000)
        got = _wants_all(made, first, 500_000)
        assert got == whole[: len(got)]
        assert len(got) < SIZE
        with made.mounted() as second:
            # Once more, and with the engine.
            made.seeder.limit(RATE)
            engine = process_of(made.state)
            got = _wants_all(made, second, 800_000)
            os.kill(engine, signal.SIGKILL)
            assert got == whole[: len(got)]
            made.seeder.limit(0)
            with made.mounted() as third:
                done = made.read(made.path(third, 0))
                assert done.returncode == 0, third.log.read_text()
                assert done.stdout == whole
    sent = made.seeder.pieces()
    pieces = pieces_of(made.files, 0, PIECE)
    assert set(sent) == set(pieces)
    assert sum(sent.values()) <= (len(pieces) + FEW) * (PIECE // BLOCK)
    assert made.seeder.payload() <= (len(pieces) + FEW) * PIECE


def test_a_seeder_and_a_tracker_that_are_killed_and_come_back(made: Reading) -> None:
    with made.mounted() as mount:
        made.seeder.limit(RATE)
        with made.reader(made.path(mount, 0)) as reader:
            assert reader.stdout is not None
            got = reader.stdout.read(400_000)
            sent = made.seeder.payload()
            made.seeder.kill()
            made.tracker.kill()
            made.tracker.start()
            made.seeder.start()
            got += reader.stdout.read()
            assert reader.wait(timeout=GENEROUS) == 0, mount.log.read_text()
        assert got == made.files[0][1]
        assert sent + made.seeder.payload() <= SIZE + (2 + FEW) * PIECE


def test_an_engine_that_hangs_hangs_nobody(made: Reading) -> None:
    with made.mounted("--wait", "2") as mount:
        assert made.read(made.path(mount, 0), 0, 1000).returncode == 0, mount.log.read_text()
        engine = process_of(made.state)
        os.kill(engine, signal.SIGSTOP)
        try:
            done = made.read(made.path(mount, 0), 1_000_000, 1000)
            assert (done.returncode, done.stdout) == (errno.EAGAIN, b"")
            # What is here needs no engine.
            assert made.read(made.path(mount, 0), 0, 1000).stdout == made.files[0][1][:1000]
        finally:
            os.kill(engine, signal.SIGCONT)
        done = made.read(made.path(mount, 0), 1_000_000, 1000)
        assert done.stdout == made.files[0][1][1_000_000:1_001_000], mount.log.read_text()


def test_a_full_disk_ends_a_read_with_enospc_and_keeps_what_came(made: Reading) -> None:
    made.downloads.mkdir()
    tmpfs = ["mount", "-t", "tmpfs", "-o", "size=1m", "biofs-test", str(made.downloads)]
    subprocess.run(tmpfs, check=True)
    try:
        with made.mounted() as mount:
            done = made.read(made.path(mount, 0))
            assert done.returncode == errno.ENOSPC, mount.log.read_text()
            assert 0 < len(done.stdout) < SIZE
            assert done.stdout == made.files[0][1][: len(done.stdout)]
            assert "no space left on device" in mount.log.read_text()
            # What came is here, and is not fetched again.
            sent = made.seeder.payload()
            head = made.read(made.path(mount, 0), 0, PIECE)
            assert head.stdout == made.files[0][1][:PIECE], head
            assert made.seeder.payload() == sent
            room = ["mount", "-o", "remount,size=20m", str(made.downloads)]
            subprocess.run(room, check=True)
            again = _until_there_is_room(made, mount)
            assert again == made.files[0][1]
    finally:
        subprocess.run(["umount", "-l", str(made.downloads)], check=True)


def _until_there_is_room(made: Reading, mount: Mount) -> bytes:
    """The engine hashes what is there before it goes on."""
    found: list[bytes] = []

    def read() -> bool:
        done = made.read(made.path(mount, 0))
        assert done.returncode in {0, errno.ENOSPC}, mount.log.read_text()
        found[:] = [done.stdout]
        return done.returncode == 0

    until(read)
    return found[0]


def test_wrong_data_are_eio_and_a_better_seeder_is_enough(made: Reading) -> None:
    made.seeder.start()
    made.seeder.kill()
    altered(made.lab.base / "seed/many", "/".join(map(os.fsdecode, made.files[0][0])), 500, 4000)
    bad = Seeder(made.lab.base / "seed", made.torrent, wrong=True)
    with bad, made.mounted(seeded=False) as mount:
        until(lambda: made.tracker.peers(made.hash))
        done = made.read(made.path(mount, 0), 0, 1000)
        assert done.returncode == errno.EIO, mount.log.read_text()
        assert done.stdout == b""
        assert "did not have the right hashes" in mount.log.read_text()
        assert bad.pieces()[0] == PIECE // BLOCK, "it is asked once"
        good = Seeder.of(made.lab.base / "better", made.torrent, made.files)
        with good:
            good.dial(made.engine_port())
            done = made.read(made.path(mount, 0))
            assert done.returncode == 0, mount.log.read_text()
            assert done.stdout == made.files[0][1]


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("raise ImportError\n", "pip install"),
        ("import os\nos._exit(1)\n", "the libtorrent process cannot be started"),
        ("class session: pass\n", "the libtorrent process"),
    ],
)
def test_an_engine_that_cannot_start_is_eio(made: Reading, module: str, said: str) -> None:
    missing = made.lab.base / "missing"
    missing.mkdir()
    (missing / "libtorrent.py").write_text(module)
    with made.mounted(seeded=False, PYTHONPATH=str(missing)) as mount:
        _is_eio(made, mount, said)


def test_a_state_directory_of_others_is_eio(made: Reading) -> None:
    made.state.mkdir(parents=True)
    made.state.chmod(0o755)
    with made.mounted(seeded=False) as mount:
        _is_eio(made, mount, "chmod 700")


def test_a_download_directory_that_cannot_be_made_is_eio(made: Reading) -> None:
    Path(made.downloads).write_bytes(b"a file")
    with made.mounted(seeded=False) as mount:
        _is_eio(made, mount, "downloads: ")


def _is_eio(made: Reading, mount: Mount, said: str) -> None:
    done = made.read(made.path(mount, 0), 0, 1000)
    assert done.returncode == errno.EIO, (done, mount.log.read_text())
    assert done.stdout == b""
    assert said in mount.log.read_text()
