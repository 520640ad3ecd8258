"""`--fetch-on-read` through a real mount, with libtorrent, a tracker and a seeder.

Held to bytes and to counts of blocks at the seeder.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.demo import metainfo
from biofs.demo.accounts import DONOR_PASSKEY
from tests.support.file_managers import file_manager
from tests.support.swarm import GENEROUS, pieces_of
from tests.swarm.libtorrent_support import process_of
from tests.swarm.reading_support import COUNT, PIECE, READ, SIZE, Reading, reading

SWEEP = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
found = [os.path.join(at, name) for at, _, names in os.walk(sys.argv[1]) for name in names]
def read(path):
    try:
        open(path, "rb").read(1)
    except OSError as error:
        return error.errno
    return 0
with ThreadPoolExecutor(16) as pool:
    print(sorted(set(pool.map(read, found))), len(found))
"""


@pytest.fixture
def made() -> Iterator[Reading]:
    with reading() as found:
        yield found


def test_what_is_read_is_fetched_and_right(made: Reading) -> None:
    with made.mounted() as mount:
        began = time.monotonic()
        head = made.read(made.path(mount, 1), 0, 1000)
        first = time.monotonic() - began
        assert head.returncode == 0, (head, mount.log.read_text())
        assert head.stdout == made.files[1][1][:1000]
        came = set(made.seeder.pieces())
        pieces = pieces_of(made.files, 1, PIECE)
        assert pieces.start in came
        assert came <= set(pieces[:5]), "only what was needed, and a little ahead"
        # A seek, in the same and in another process.
        began = time.monotonic()
        middle = made.read(made.path(mount, 1), 1_500_000, 1000)
        print("first byte", first, "seek", time.monotonic() - began)
        assert middle.stdout == made.files[1][1][1_500_000:1_501_000]
        assert len(set(made.seeder.pieces())) <= 10
        began = time.monotonic()
        whole = made.read(made.path(mount, 2))
        print("MB/s", SIZE / 1e6 / (time.monotonic() - began))
        assert whole.stdout == made.files[2][1]
        assert made.read(made.path(mount, 1)).stdout == made.files[1][1]
        sent = made.seeder.pieces()
        assert all(count <= PIECE // 16384 for count in sent.values()), "nothing came twice"
        assert not [entry for entry in made.lab.server.log.entries() if entry.action == "download"]


def test_looking_starts_nothing(made: Reading) -> None:
    with made.mounted("-o", "allow_other") as mount:
        top = mount.path / f"torrents/{made.ident}/files/"
        for command in (
            ["grep", "-r", "x", "."],
            ["find", ".", "-type", "f", "-size", "+1"],
            ["du", "-sh", "."],
            ["ls", "-lR", "."],
        ):
            subprocess.run(
                command, cwd=top, capture_output=True, check=False, timeout=60, process_group=0
            )
        swept = subprocess.run(
            [sys.executable, "-c", SWEEP, str(top)],
            capture_output=True,
            text=True,
            check=True,
            timeout=GENEROUS,
            process_group=0,
        )
        assert swept.stdout == f"[{errno.ENODATA}] {COUNT}\n"
        _browses(top)
        # open(2) alone, and another user's read.
        opens = "import os, sys; os.open(sys.argv[1], os.O_RDONLY)"
        subprocess.run(
            [sys.executable, "-c", opens, str(made.path(mount, 3))], check=True, process_group=0
        )
        if os.geteuid() == 0:
            other = subprocess.run(
                ["head", "-c1", str(made.path(mount, 4))],
                user=65534,
                group=65534,
                capture_output=True,
                check=False,
                process_group=0,
            )
            assert other.returncode == 1
            assert b"No data available" in other.stderr
        assert not (made.state / "socket").exists(), "no engine was started"
        assert not [entry for entry in made.lab.server.log.entries() if entry.action == "download"]
        assert not made.seeder.payload()


def _browses(top: Path) -> None:
    """The calls of Thunar and of Nautilus, which counts entries, in each directory."""
    for counts in (False, True):
        with file_manager(counts=counts) as window:
            for place in (top, top / "many", *sorted((top / "many").iterdir())):
                window.show(place)
                window.properties(place)


def test_budgets_are_kept_across_restarts(made: Reading) -> None:
    settings = 'read_budget_day = "300K"\nread_budget_file = "200K"\n'
    with made.mounted(settings=settings) as mount:
        done = made.read(made.path(mount, 0))
        assert done.returncode == errno.EDQUOT, mount.log.read_text()
        assert 0 < len(done.stdout) <= 200 * 1024
        assert done.stdout == made.files[0][1][: len(done.stdout)]
        assert "the budget" in mount.log.read_text()
    with made.mounted(settings=settings) as mount:
        done = made.read(made.path(mount, 5))
        assert done.returncode == errno.EDQUOT
        assert len(done.stdout) <= 128 * 1024
    assert made.seeder.payload() <= 300 * 1024


def test_nobody_has_it(made: Reading) -> None:
    with made.mounted(seeded=False) as mount:
        done = made.read(made.path(mount, 0))
        assert done.returncode == errno.ENODATA
        assert "nobody is known to have it" in mount.log.read_text()


def test_a_signal_frees_the_reader_and_a_killed_engine_comes_back(made: Reading) -> None:
    with made.mounted() as mount:
        made.seeder.limit(100_000)
        command = [sys.executable, "-c", READ, str(made.path(mount, 0)), "0", str(SIZE)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0) as reader:
            assert reader.stdout is not None
            assert reader.stdout.read(1000) == made.files[0][1][:1000]
            reader.send_signal(signal.SIGTERM)
            reader.wait(timeout=GENEROUS)
        with subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0) as reader:
            assert reader.stdout is not None
            got = reader.stdout.read(1000)
            os.kill(process_of(made.state), signal.SIGKILL)
            made.seeder.limit(0)
            got += reader.stdout.read()
            assert reader.wait(timeout=GENEROUS) == 0, mount.log.read_text()
            assert got == made.files[0][1]


def test_the_wait_is_over(made: Reading) -> None:
    with made.mounted("--wait", "2") as mount:
        made.seeder.limit(1)
        assert made.read(made.path(mount, 0)).returncode == errno.EAGAIN, mount.log.read_text()
        began = time.monotonic()
        mount.process.kill()
        mount.process.wait()
        assert made.read(made.path(mount, 0)).returncode == errno.ENOTCONN
        assert time.monotonic() - began < GENEROUS
        subprocess.run(["umount", "-l", str(mount.path)], check=False)
        mount.process.returncode = 0


def test_reads_download_the_torrent_once(made: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metainfo, "_TRACKER", "http://127.0.0.1:9")  # nobody answers there
    with made.mounted(seeded=False, BIOFS_PASSKEY=DONOR_PASSKEY) as mount:
        top = mount.path / "torrents/1/files"
        paths = sorted(path for path in top.rglob("*") if path.is_file())
        readers = [made.reader(path) for path in paths[:3]]
        for reader in readers:
            reader.communicate(timeout=GENEROUS)
            assert reader.returncode == errno.ENODATA, mount.log.read_text()
        assert "nobody is known to have it" in mount.log.read_text()
    asked = [entry.action for entry in made.lab.server.log.entries()]
    assert asked.count("download") == 1


def test_without_a_passkey_the_log_says_what_to_do(made: Reading) -> None:
    for each in made.lab.torrents.iterdir():
        each.unlink()
    with made.mounted(seeded=False) as mount:
        assert made.read(made.path(mount, 0)).returncode == errno.EACCES
        assert "biofs login --passkey" in mount.log.read_text()
