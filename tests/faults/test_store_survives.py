"""The store survives kill -9 at any moment: what is in it is whole, and what was asked is kept."""

from __future__ import annotations

import random
import signal
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
from biofs.demo.written.embedded import embedded
from tests.faults.faults_support import GROUP, PATIENCE, mounting, until
from tests.support.mounting import environment
from tests.support.server import Server, running

GROUPS = 120
ROUNDS = 12


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(create_app(Generated(GROUPS, categories=(1,)))) as server:
        yield server


def warm(base: Path, server: Server) -> subprocess.Popen[bytes]:
    """`biofs warm` with every detail, which writes all the time."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "biofs", "warm", "--details", "--url", server.url),
            *("--rate", "unlimited", "--cache-dir", str(base / "cache"), "Sequences"),
        ],
        env=environment(base, BIOFS_TOKEN=DONOR_TOKEN),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def check(base: Path) -> int:
    """How many details a sound store holds; -1 before there is one."""
    files = list((base / "cache").glob("*.sqlite"))
    assert len(files) <= 1, "none was set aside as damaged"
    if not files:
        return -1
    with closing(sqlite3.connect(files[0])) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "details" not in tables:
            return -1
        # All of an answer or nothing: each detail has its group, its torrents, their file lists.
        [(details, torrents, lists)] = connection.execute(
            "SELECT (SELECT count(*) FROM details),"
            " (SELECT count(*) FROM torrents WHERE group_id IN (SELECT group_id FROM details)),"
            " (SELECT count(*) FROM file_lists)"
        )
        assert torrents == lists == 3 * details
        return int(details)


@pytest.mark.long
def test_killed_again_and_again_it_gets_there(tmp_path: Path, server: Server) -> None:
    randomly = random.Random(8)
    known = -1
    for _ in range(ROUNDS):
        process = warm(tmp_path, server)
        asked = server.log.count()
        # A moment in the work, not on the clock: after so many more requests, or at its end.
        enough = asked + randomly.randrange(12)
        until(lambda p=process, n=enough: p.poll() is not None or server.log.count() >= n)  # type: ignore[misc]
        process.kill()
        process.communicate()
        now = check(tmp_path)
        assert now >= known, "what was kept stays kept"
        known = now
    process = warm(tmp_path, server)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert check(tmp_path) == GROUPS
    # Nothing was asked twice, but for what was on its way when it was killed, eight at most.
    details = server.log.count("torrentgroup")
    assert details <= GROUPS + (ROUNDS + 1) * 8


def test_stopped_by_a_signal_it_says_how_to_go_on(tmp_path: Path, server: Server) -> None:
    server.log.clear()
    process = warm(tmp_path, server)
    until(lambda: server.log.count("torrentgroup") > 0)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    if process.returncode:  # else it was done already
        assert b"run it again to continue" in said
    check(tmp_path)


def test_file_lists_that_another_process_gave_up_are_fetched_again(tmp_path: Path) -> None:
    """Who has the rest of the detail in memory says neither EIO nor that there are no files."""
    with running(create_app(embedded())) as server:
        cache = tmp_path / "cache"
        options = ("--cache-dir", str(cache), "--rate", "unlimited")
        with mounting(tmp_path, server.url, *options) as mount:
            torrent = mount.path / GROUP / "FASTA, Sanger, Contig [1]"
            content = (torrent / "filelist.jsonl").read_bytes()
            asked = server.log.count("torrentgroup")
            [store] = cache.glob("*.sqlite")
            for look in (
                lambda: mount.run("find", str(torrent / "files"), "-type", "f").count("\n"),
                lambda: len((torrent / "filelist.jsonl").read_bytes().splitlines()),
            ):
                with closing(sqlite3.connect(store)) as connection, connection:
                    connection.execute("DELETE FROM file_lists")
                assert look() == len(content.splitlines()) == 4
                asked += 1
                assert server.log.count("torrentgroup") <= asked
        with closing(sqlite3.connect(store)) as connection, connection:
            connection.execute("DELETE FROM file_lists")
        with mounting(tmp_path, server.url, *options, name="again") as mount:
            torrent = mount.path / GROUP / "FASTA, Sanger, Contig [1]"
            assert mount.run("cat", str(torrent / "filelist.jsonl")).encode() == content
            assert server.log.count("torrentgroup") <= asked + 1
