"""A store of any earlier version opens, and holds what a new one with the same answers holds."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from biofs.store.coverage import measure
from biofs.store.database import schema, snapshot
from biofs.store.database.read_only import foreign_in, open_read_only
from biofs.store.database.schema import READABLE_FROM, VERSION
from biofs.store.database.snapshot import Snapshot
from biofs.store.database.store import Store
from biofs.store.details import Details
from biofs.store.groups import Index
from tests.support.filled_store import CATEGORY, GROUPS, fill

DATA = Path(__file__).parents[2] / "data" / "stores"
OLDER = range(1, VERSION)
READABLE = range(READABLE_FROM, VERSION)

_RAISE_KILLED = """
import os, signal, sys
from pathlib import Path
from biofs.store.database import schema, store

def killed(connection):
    connection.execute("CREATE TABLE half (done)")
    os.kill(os.getpid(), signal.SIGKILL)

schema.STEPS = (*schema.STEPS[:-1], killed)
store.Store(Path(sys.argv[1]))
"""
_READ = """
import sys
from pathlib import Path
from biofs.store.coverage import measure
from biofs.store.database.read_only import open_read_only
print(measure(open_read_only(Path(sys.argv[1]), foreign=False)).groups)
"""


def copy_of(version: int, tmp_path: Path) -> Path:
    path = tmp_path / f"v{version}.sqlite"
    shutil.copy(DATA / path.name, path)
    return path


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, but for those in which SQLite keeps its own books."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            " AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'texts_%'"
        ).fetchall()
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr)
            for (name,) in tables
        }


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return int(version)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("new") / "new.sqlite"
    fill(path)
    return path


def test_a_step_leads_to_each_version() -> None:
    assert len(schema.STEPS) == VERSION - 1
    assert [path.name for path in sorted(DATA.glob("v*"))] == [f"v{n}.sqlite" for n in OLDER]


@pytest.mark.parametrize("version", OLDER)
def test_an_older_store_becomes_equal_to_a_new_one(version: int, tmp_path: Path, new: Path) -> None:
    path = copy_of(version, tmp_path)
    assert version_of(path) == version
    Store(path).close()
    assert version_of(path) == VERSION
    assert content(path) == content(new)
    with closing(sqlite3.connect(path)) as connection:
        assert foreign_in(connection) == "", "its tables are what a new store has"


@pytest.mark.parametrize("version", OLDER)
def test_everything_in_an_older_store_can_be_read(version: int, tmp_path: Path, new: Path) -> None:
    older, newer = Store(copy_of(version, tmp_path)), Store(new)
    here, there = Index(older), Index(newer)
    assert list(here.lines(CATEGORY)) == list(there.lines(CATEGORY)) != []
    for group in GROUPS:
        assert here.torrents_of(group) == there.torrents_of(group)
        mine, theirs = Details(older, 0).load(group), Details(newer, 0).load(group)
        assert mine is not None
        assert theirs is not None
        assert mine._replace(changes=0) == theirs._replace(changes=0)
        for torrent in mine.torrents.values():
            files = Details(older, 0).file_list(torrent.list_key)
            assert files is not None
            assert files == Details(newer, 0).file_list(torrent.list_key)
    older.close()
    newer.close()


@pytest.mark.parametrize("version", OLDER)
def test_a_migration_that_fails_leaves_the_old_version(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy_of(version, tmp_path)
    before = content(path)

    def fails(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM groups")
        raise RuntimeError("halfway")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", (*schema.STEPS[:-1], fails))
        with pytest.raises(RuntimeError):
            Store(path)
    assert (version_of(path), content(path)) == (version, before)
    Store(path).close()
    assert version_of(path) == VERSION


@pytest.mark.parametrize("version", OLDER)
def test_a_process_killed_in_a_migration_leaves_the_old_version(
    version: int, tmp_path: Path
) -> None:
    path = copy_of(version, tmp_path)
    before = content(path)
    killed = subprocess.run([sys.executable, "-c", _RAISE_KILLED, path], check=False)
    assert killed.returncode == -9
    assert (version_of(path), content(path)) == (version, before)
    Store(path).close()
    assert version_of(path) == VERSION


@pytest.mark.parametrize("version", OLDER)
def test_of_two_that_open_it_at_once_one_migrates(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy_of(version, tmp_path)
    *others, last = schema.STEPS
    begun, go_on, runs = threading.Event(), threading.Event(), []

    def slow(connection: sqlite3.Connection) -> None:
        runs.append(threading.get_ident())
        begun.set()
        assert go_on.wait(10)
        last(connection)

    monkeypatch.setattr(schema, "STEPS", (*others, slow))
    opened: list[Store] = []
    threads = [threading.Thread(target=lambda: opened.append(Store(path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(opened) == 2
    assert len(runs) == 1
    for store in opened:
        assert store.integer("SELECT count(*) FROM facet_kinds") == 4
        store.close()


@pytest.mark.parametrize("version", READABLE)
def test_an_older_store_is_read_without_being_changed(version: int, tmp_path: Path) -> None:
    path = copy_of(version, tmp_path)
    before = path.read_bytes()
    with closing(open_read_only(path, foreign=False)) as connection:
        assert measure(connection).details == len(GROUPS)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("version", READABLE)
@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_an_older_store_is_read_where_nothing_can_be_written(
    version: int, mode: str, tmp_path: Path
) -> None:
    path = copy_of(version, tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    command = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    done = subprocess.run(
        [*alone, "sh", "-c", command, tmp_path, sys.executable, "-c", _READ, path],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert int(done.stdout) > len(GROUPS)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("version", READABLE)
def test_a_snapshot_is_made_of_an_older_store(version: int, tmp_path: Path, new: Path) -> None:
    path = copy_of(version, tmp_path)
    covered = [
        snapshot.write(store, tmp_path / store.stem, 1.0, "https://x.invalid")
        for store in (path, new)
    ]
    assert covered[0] == covered[1]
    assert content(tmp_path / path.stem) == content(tmp_path / new.stem)
    assert version_of(path) == version


def older_snapshot(version: int, tmp_path: Path) -> Path:
    """As that version made one: its tables, its number, and where it is from."""
    path = copy_of(version, tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        for key, value in (("snapshot made", 1.0), ("snapshot of", "https://x.invalid")):
            connection.execute("INSERT INTO meta VALUES (?, ?)", (key, value))
    return path


@pytest.mark.parametrize("version", READABLE)
def test_a_snapshot_of_an_older_version_is_read(version: int, tmp_path: Path, new: Path) -> None:
    older, newer = Snapshot(older_snapshot(version, tmp_path)), Store(new)

    def read(store: Store) -> object:
        return [
            list(Index(store).lines(CATEGORY)),
            [Details(store, 0).load(group) for group in GROUPS],
            store.rows("SELECT * FROM facets ORDER BY id"),
        ]

    assert read(older) == read(newer)
    assert older.rows("SELECT * FROM facet_kinds") == []
    older.close()
    newer.close()
