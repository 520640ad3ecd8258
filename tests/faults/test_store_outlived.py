"""What is kept outlives its assumptions: of the clock, and that nobody takes it away."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from tests.faults.faults_support import CATEGORY, groups, mounting, until
from tests.support.mounting import environment
from tests.support.server import Server, running

FILES = 3000
"""Of a torrent: so many that its file list is read in a thread, on a connection of its own."""

AHEAD = 10 * 365 * 86_400


@pytest.fixture
def server() -> Iterator[Server]:
    with running(create_app(Generated(30, 1, FILES, categories=(1,)))) as server:
        yield server


def biofs(base: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "biofs", *arguments],
        env=environment(base / "home"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_what_was_fetched_while_the_clock_was_ahead_is_asked_for_again(
    tmp_path: Path, server: Server
) -> None:
    options = ("--cache-dir", str(tmp_path / "cache"), "--ttl", "3600")
    with mounting(tmp_path, server.url, *options) as mount:
        (groups(mount)[0] / "group.json").read_bytes()
    [store] = (tmp_path / "cache").glob("*.sqlite")
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(
            "UPDATE listings SET checked = checked + ?, walked = walked + ?", (AHEAD, AHEAD)
        )
        connection.execute("UPDATE details SET fetched = fetched + ?", (AHEAD,))
        connection.execute("UPDATE groups SET seen = seen + ?", (AHEAD,))
    server.log.clear()
    with mounting(tmp_path, server.url, *options) as mount:
        said = biofs(tmp_path, "explain", str(mount.path / CATEGORY)).stdout
        assert "verified when the clock was ahead; old" in said
        assert server.log.count() == 0
        (groups(mount)[0] / "group.json").read_bytes()
        until(lambda: server.log.count("browse") > 0)
        until(lambda: "fresh for" in biofs(tmp_path, "explain", str(mount.path / CATEGORY)).stdout)
        asked = server.log.count()
        (groups(mount)[0] / "group.json").read_bytes()
        assert server.log.count() <= asked + 1, "and then it is fresh"


@pytest.mark.parametrize("taken", ["everything", "the file", "its log", "replaced"])
def test_a_store_that_is_taken_away_stops_nobody(
    tmp_path: Path, server: Server, taken: str
) -> None:
    cache = tmp_path / "cache"
    with mounting(tmp_path, server.url, "--cache-dir", str(cache)) as mount:
        first, second, third = groups(mount)[:3]
        for group in (first, second):
            (group / "group.json").read_bytes()
        [store] = cache.glob("*.sqlite")
        if taken == "everything":
            shutil.rmtree(cache)
        elif taken == "its log":
            for path in cache.glob("*-*.sqlite-*"):
                path.unlink()
        else:
            store.unlink()
        if taken == "replaced":
            store.write_bytes(b"")
        for group in (first, second, third):
            [torrent] = (path for path in group.iterdir() if path.name.endswith("]"))
            assert (torrent / "filelist.jsonl").read_bytes().count(b"\n") == FILES
            assert sum(len(files) for *_, files in os.walk(torrent / "files")) == FILES
        status = json.loads(biofs(tmp_path, "status", "--json", str(mount.path)).stdout)
        assert status["known"]["groups"] == 30
        assert status["known"]["details"] == 3
        assert server.log.count("torrentgroup") == 3, "what was known was taken along"
        assert not store.exists() or taken in {"its log", "replaced"}, "no empty one appears"
    assert mount.log.read_text().count("continuing with an in-memory cache") == 1


def test_a_cache_inside_the_mount_is_refused(tmp_path: Path, server: Server) -> None:
    mountpoint = tmp_path / "mnt"
    mountpoint.mkdir()
    (tmp_path / "link").symlink_to(mountpoint)
    for cache in (mountpoint, mountpoint / "below/it", tmp_path / "link/cache"):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "biofs", "mount", "-f", "--url", server.url),
                *("--cache-dir", str(cache), str(mountpoint)),
            ],
            env=environment(tmp_path, BIOFS_TOKEN=DONOR_TOKEN),
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 2, done.stderr
        assert "--cache-dir" in done.stderr
        assert "inside the mountpoint" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not list(mountpoint.iterdir()), "nothing was made there"
