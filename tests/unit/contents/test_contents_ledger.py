"""What the ledger remembers of files, and for how long."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from biofs.contents.ledger import FILE_NAME, Identity, Ledger

HASH = bytes(range(20))
FILE = Identity(2**63 + 5, 2**64 - 1, 1000, 1_700_000_000_000_000_001, 1_700_000_000_000_000_002)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / FILE_NAME


def marked(ledger: Ledger, *numbers: int, identity: Identity = FILE, count: int = 10) -> None:
    verified = ledger.verified(identity, HASH, 3, count)
    for number in numbers:
        verified.mark(number)
    ledger.save(identity, HASH, 3, verified)


def test_it_is_remembered_by_the_next_process(path: Path) -> None:
    first = Ledger(path)
    marked(first, 2, 3)
    first.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    second = Ledger(path)
    verified = second.verified(FILE, HASH, 3, 10)
    assert verified.has(2, 4)
    assert not verified.has(1, 3)
    assert not verified.has(3, 5)
    assert list(second.of_torrent(HASH)) == [(FILE, 3, 2)]
    assert not any(second.verified(FILE, HASH, 4, 10).pieces), "another file"
    assert not any(second.verified(FILE, HASH[::-1], 3, 10).pieces), "another torrent"
    second.close()


@pytest.mark.parametrize(
    "changed",
    [
        FILE._replace(device=1),
        FILE._replace(inode=1),
        FILE._replace(size=1001),
        FILE._replace(mtime_ns=FILE.mtime_ns + 1),
        FILE._replace(ctime_ns=FILE.ctime_ns + 1),
    ],
)
def test_a_file_that_changed_in_any_way_has_nothing_verified(path: Path, changed: Identity) -> None:
    first = Ledger(path)
    marked(first, *range(10))
    assert not any(first.verified(changed, HASH, 3, 10).pieces)
    first.close()
    second = Ledger(path)
    assert not any(second.verified(changed, HASH, 3, 10).pieces)
    second.close()


def test_everyone_who_asks_gets_the_same(path: Path) -> None:
    ledger = Ledger(path)
    assert ledger.verified(FILE, HASH, 3, 10) is ledger.verified(FILE, HASH, 3, 10)
    ledger.close()


@pytest.mark.parametrize("count", [9, 11])
def test_another_number_of_pieces_is_not_believed(path: Path, count: int) -> None:
    first = Ledger(path)
    marked(first, *range(10))
    first.close()
    second = Ledger(path)
    assert not any(second.verified(FILE, HASH, 3, count).pieces)
    second.close()


@pytest.mark.parametrize("damage", [b"", b"garbage", 7, None, b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_what_is_damaged_is_not_believed(path: Path, damage: object) -> None:
    first = Ledger(path)
    marked(first, *range(10))
    first.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE verified")
        connection.execute(
            "CREATE TABLE verified (device, inode, info_hash, file, size, mtime_ns, ctime_ns,"
            " pieces, PRIMARY KEY (device, inode, info_hash, file))"
        )
        connection.execute(
            "INSERT INTO verified VALUES (?, ?, ?, 3, ?, ?, ?, ?)",
            (FILE.device - 2**64, -1, HASH, FILE.size, FILE.mtime_ns, FILE.ctime_ns, damage),
        )
    connection.close()
    second = Ledger(path)
    assert not any(second.verified(FILE, HASH, 3, 10).pieces)
    second.close()


def test_a_file_that_cannot_be_used_costs_a_warning(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database" * 100)
    with caplog.at_level(logging.WARNING):
        ledger = Ledger(path)
    assert "cannot be used" in caplog.text
    marked(ledger, 1)
    assert ledger.verified(FILE, HASH, 3, 10).has(1, 2)
    ledger.close()


def test_a_newer_version_is_left_alone(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with caplog.at_level(logging.WARNING):
        ledger = Ledger(path)
    ledger.close()
    assert "version 99" in caplog.text


def test_only_the_newest_files_are_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("biofs.contents.ledger._MOST_FILES", 5)
    ledger = Ledger(path)
    for inode in range(20):
        marked(ledger, 1, identity=FILE._replace(inode=inode))
        ledger.flush()
    assert sorted(identity.inode for identity, _, _ in ledger.of_torrent(HASH)) == [*range(15, 20)]
    ledger.close()


def test_several_threads_and_processes_write(path: Path) -> None:
    ledgers = [Ledger(path) for _ in range(4)]

    def write(number: int) -> None:
        for inode in range(20):
            marked(ledgers[number], 1, identity=FILE._replace(inode=number * 100 + inode))
            ledgers[number].flush()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(ledgers[0].of_torrent(HASH))) == 80
    for ledger in ledgers:
        ledger.close()


def test_metainfo_is_kept(path: Path) -> None:
    first = Ledger(path)
    assert first.metainfo(HASH) is None
    first.keep_metainfo(HASH, b"d4:infodee")
    first.close()
    second = Ledger(path)
    assert second.metainfo(HASH) == b"d4:infodee"
    second.close()


def test_an_identity_is_that_of_the_status(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"123")
    os.utime(file, ns=(1, 2_000_000_000))
    identity = Identity.of(file.stat())
    assert (identity.size, identity.mtime_ns) == (3, 2_000_000_000)
    assert identity.changed_ns == identity.ctime_ns
