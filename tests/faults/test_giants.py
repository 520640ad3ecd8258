"""Answers of any size: what a server sends decides neither memory nor the life of the mount."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import trio

from biofs.catalogue.warming import Warming
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from biofs.store.database import snapshot
from biofs.store.file_lists import MOST_BYTES
from tests.faults.faults_support import CATEGORY, GROUP, failing, groups, mounting
from tests.support.catalogues import running
from tests.support.giants import MIB, peak, squeezed
from tests.support.misbehaving import Behaviour, Endless, Misbehaving, bomb, misbehaving
from tests.support.mounting import environment, mounted

GIGABYTE = 1 << 30
MOST = 400 * MIB
"""What the process may take at any time: an answer of the largest size that is read, and itself."""


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with misbehaving(create_app(embedded())) as server:
        yield server


@pytest.mark.parametrize("giant", [Endless, bomb])
def test_a_gigabyte_is_not_taken(
    tmp_path: Path, server: Misbehaving, giant: Callable[[int], Behaviour]
) -> None:
    behaviour = giant(GIGABYTE)
    with mounting(tmp_path, server.url) as mount:
        os.listdir(mount.path / CATEGORY)
        server.behave(behaviour)
        assert failing((mount.path / GROUP / "group.json").read_bytes) == errno.EIO
        assert failing(lambda: os.listdir(mount.path / "categories/Images")) == errno.EIO
        assert peak(mount) < MOST
        if isinstance(behaviour, Endless):
            assert behaviour.sent < GIGABYTE / 2, "the rest was not even read"
        server.behave()
        assert (mount.path / GROUP / "group.json").stat().st_size > 0
        assert "the answer is too large" in mount.log.read_text()


@pytest.mark.long
def test_many_giants_at_once_are_taken_one_by_one(tmp_path: Path, server: Misbehaving) -> None:
    with mounting(tmp_path, server.url) as mount:
        documents = [group / "group.json" for group in groups(mount)[:8]]
        assert len(documents) > 5
        server.behave(bomb(GIGABYTE))
        with ThreadPoolExecutor(len(documents)) as pool:
            errnos = list(pool.map(lambda path: failing(path.read_bytes), documents))
        assert set(errnos) == {errno.EIO}
        assert peak(mount) < MOST


def test_a_snapshot_with_a_bomb_in_it(tmp_path: Path) -> None:
    file, cache = tmp_path / "from a stranger", tmp_path / "cache" / "store.sqlite"
    trio.run(_warmed, cache)
    snapshot.write(cache, file, 1_800_000_000.0, "https://torrents.bio")
    with closing(sqlite3.connect(file)) as altered, altered:
        altered.execute("UPDATE file_lists SET list = ?", (b"z" + squeezed(MOST_BYTES + MIB),))
    with mounted(tmp_path, "--snapshot", str(file)) as mount:
        torrents = [
            torrent
            for group in groups(mount)
            for torrent in group.iterdir()
            if torrent.name.endswith("]")
        ]
        reads = [
            read
            for torrent in torrents
            for read in ((torrent / "filelist.jsonl").read_bytes, (torrent / "files").iterdir)
        ]
        assert len(reads) == 2
        with ThreadPoolExecutor(len(reads)) as pool:
            errnos = list(pool.map(lambda read: failing(lambda: [*read()]), reads))
        assert set(errnos) == {errno.EIO}
        assert peak(mount) < MOST
        assert "too large" in mount.log.read_text()
    found = subprocess.run(
        [sys.executable, "-m", "biofs", "find", "--files", "--snapshot", str(file), "batch"],
        env=environment(tmp_path / "home"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert found.stderr.endswith("a file list in the store is too large\n")
    assert found.stderr.count("\n") == 1


async def _warmed(path: Path) -> None:
    async with running(create_app(Generated(1, 1, 3, categories=(1,))), path) as catalogue:
        await Warming(catalogue, [1], details=True, most_bytes=1 << 30).run()
