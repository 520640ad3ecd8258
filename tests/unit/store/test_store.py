"""The store survives what happens to files, with one warning, and keeps what it can."""

from __future__ import annotations

import logging
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from biofs.store.database import store as store_module
from biofs.store.database.files import StoreCorrupt, StoreError, set_aside
from biofs.store.database.schema import VERSION
from biofs.store.database.store import Store


def put(key: str, value: object):  # type: ignore[no-untyped-def]
    def change(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    return change


def get(store: Store, key: str) -> object:
    row = store.one("SELECT value FROM meta WHERE key = ?", key)
    return row[0] if row else None


async def test_what_was_written_survives(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "store.sqlite"
    store = Store(path)
    await store.write(put("a", 1))
    store.close()
    again = Store(path)
    assert get(again, "a") == 1
    again.close()


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "store.sqlite"
    store = Store(path)
    store.write_now(put("a", 1))
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    store.close()


def test_a_failed_change_changes_nothing() -> None:
    store = Store(None)

    def fails(connection: sqlite3.Connection) -> None:
        put("a", 1)(connection)
        raise RuntimeError("halfway")

    with pytest.raises(RuntimeError):
        store.write_now(fails)
    assert get(store, "a") is None
    store.close()


def test_two_stores_share_one_file(tmp_path: Path) -> None:
    first, second = Store(tmp_path / "s"), Store(tmp_path / "s")
    first.write_now(put("a", 1))
    second.write_now(put("b", 2))
    assert (get(first, "b"), get(second, "a")) == (2, 1)
    first.close()
    second.close()


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 999]
)
def test_a_corrupt_file_is_said_to_be_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s"
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt):
        Store(path)
    aside = set_aside(path)
    assert aside.read_bytes() == content
    Store(path).close()


def test_two_corrupt_files_are_both_kept(tmp_path: Path) -> None:
    kept = set()
    for number in range(2):
        (tmp_path / "s").write_bytes(b"%d" % number)
        kept.add(set_aside(tmp_path / "s").read_bytes())
    assert kept == {b"0", b"1"}


def test_a_foreign_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with sqlite3.connect(path) as foreign:
        foreign.execute("CREATE TABLE recipes (name)")
    foreign.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not a store of biofs"):
        Store(path)
    assert path.read_bytes()[100:] == before[100:]


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    Store(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    with pytest.raises(StoreError, match="newer biofs"):
        Store(path)


def test_a_full_disk_costs_one_warning_and_nothing_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path / "s")
    store.write_now(put("a", 1))
    # SQLite says "database or disk is full" at this limit as it does for a full disk.
    (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            store.write_now(put(f"big {number}", b"x" * 1_000_000))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "full" in caplog.text
    assert get(store, "a") == 1
    assert get(store, "big 2") == b"x" * 1_000_000
    store.close()


def test_a_file_that_becomes_corrupt_is_set_aside_while_in_use(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "s"
    store = Store(path)
    for number in range(200):
        store.write_now(put(f"key {number}", b"x" * 1000))
    store._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    store._reader.close()  # a reader with an empty page cache, as after a while
    store._reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with caplog.at_level(logging.WARNING):
        get(store, "key 150")
        store.write_now(put("after", 1))
    assert get(store, "after") == 1
    assert len(caplog.records) == 1
    assert list(tmp_path.glob("s.corrupt-1"))
    store.close()


class Busy:
    """A connection to a file that another process makes a WAL of at the same time."""

    def __init__(self, times: int) -> None:
        self.left = times

    def execute(self, _statement: str) -> None:
        if self.left:
            self.left -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error


def test_it_waits_for_another_process_that_makes_the_same_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection = Busy(times=3)
    store_module.enter_wal(connection)  # type: ignore[arg-type]
    assert not connection.left
    monkeypatch.setattr(store_module, "BUSY_TIMEOUT", 0.0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        store_module.enter_wal(Busy(times=1000))  # type: ignore[arg-type]


def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    opened: list[Store] = []
    threads = [threading.Thread(target=lambda: opened.append(Store(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 8
    for store in opened:
        store.close()


def test_a_new_file_gives_back_what_eviction_frees(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    assert store.integer("PRAGMA auto_vacuum") == 2  # INCREMENTAL: sqlite.org/pragma.html
    store.close()
