"""A snapshot holds the catalogue and nothing of the account, and is never written."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from biofs.catalogue.warming import Warming
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.store.coverage import Coverage, measure
from biofs.store.database import schema, snapshot
from biofs.store.database.files import StoreError
from biofs.store.database.normal_form import without_marks
from biofs.store.database.schema import APPLICATION_ID, READABLE_FROM, VERSION
from biofs.store.database.snapshot import Snapshot
from biofs.store.database.store import Store
from biofs.store.details import Details
from biofs.store.groups import Index
from biofs.store.text_ids import TextIds
from tests.support.catalogues import running

MADE = 1_800_000_000.0
LATER = MADE + 86_400
URL = "https://torrents.bio"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A warmed store, with things in it that are the account's."""
    path = tmp_path / "cache" / "store.sqlite"
    trio.run(_fill, path)
    return path


async def _fill(path: Path) -> None:
    async with running(create_app(Generated(60, 2, 3, categories=(1,))), path) as catalogue:
        await Warming(catalogue, [1], details=True, most_bytes=1 << 30).run()
        await catalogue.store.write(_add_account)


def _add_account(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO answers VALUES ('inbox 1', 'PRIVATE-LETTER', 1.0)")
    connection.execute("INSERT INTO words (kind, text) VALUES ('search', 'PRIVATE-SEARCH')")
    connection.execute("INSERT INTO pages VALUES (2, 0, 1.0, 'PRIVATE-PAGE')")
    connection.execute("INSERT INTO pace (stamp, pid, start) VALUES (1.0, 77, 'PRIVATE-START')")
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('account', 'PRIVATE-NAME')")
    connection.execute(
        "UPDATE groups SET line = CAST(replace(line, '\"bookmarked\":false', '\"bookmarked\":true')"
        " AS BLOB)"
    )


async def test_everything_is_in_it_and_nothing_of_the_account(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "snapshot"
    coverage = snapshot.write(store, file, LATER, URL)
    assert (coverage.groups, coverage.details, coverage.file_lists) == (60, 60, 120)
    assert b"PRIVATE" not in file.read_bytes()
    opened, original = Snapshot(file), Store(store)
    try:
        assert opened.about == (LATER, URL)
        assert _without_times(await opened.scan(measure)) == _without_times(coverage)
        assert _without_times(coverage) == _without_times(await original.scan(measure))
        here, there = Index(opened), Index(original)
        assert here.summary(1)[2] == sum(len(line) for line in here.lines(1))
        assert here.entries_after(1, -1) == there.entries_after(1, -1)
        mine, theirs = here.listing(1), there.listing(1)
        assert mine is not None
        assert theirs is not None
        assert mine.whole == theirs.whole
        rows: list[Any] = [msgspec.json.decode(line) for line in here.lines(1)]
        assert len(rows) == 60
        assert {row["bookmarked"] for row in rows} == {False}
        for group in range(1, 61):
            detail, before = Details(opened, 0).load(group), Details(original, 0).load(group)
            assert detail is not None
            assert before is not None
            # All times are the snapshot's own.
            assert LATER - 1 <= detail.fetched <= detail.confirmed <= LATER
            same = {"json": b"", "fetched": 0.0, "confirmed": 0.0}
            assert detail._replace(**same) == before._replace(**same)
            assert detail.json == before.json.replace(
                b'"isBookmarked": true', b'"isBookmarked": false'
            )
            for torrent in detail.torrents.values():
                assert Details(opened, 0).file_list(torrent.list_key) is not None
    finally:
        opened.close()
        original.close()


def _without_times(coverage: Coverage) -> object:
    categories = [each._replace(checked=None, walked=None) for each in coverage.categories]
    assert all(each.checked is not None for each in coverage.categories)
    return coverage._replace(categories=categories, oldest=None, newest=None)


def test_every_table_is_copied_computed_or_left_on_purpose() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in schema.statements():
            connection.execute(statement)
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = sorted(name for (name,) in tables if not name.startswith("sqlite_"))
    assert sorted([*snapshot.COPIED, "totals", *snapshot.LEFT]) == names


async def test_it_can_be_made_while_the_store_is_in_use(store: Path, tmp_path: Path) -> None:
    other = Store(store)
    try:
        with trio.fail_after(30):

            def in_use(connection: sqlite3.Connection) -> None:
                connection.execute("DELETE FROM groups")
                snapshot.write(store, tmp_path / "snapshot", MADE, URL)

            other.write_now(in_use)
    finally:
        other.close()
    opened = Snapshot(tmp_path / "snapshot")
    assert Index(opened).summary(1)[0] == 60, "as it was before"
    opened.close()


def test_nothing_is_written_beside_it_or_into_it(store: Path, tmp_path: Path) -> None:
    directory = tmp_path / "read only"
    directory.mkdir()
    file = directory / "snapshot"
    snapshot.write(store, file, MADE, URL)
    before = file.read_bytes()
    opened = Snapshot(file)
    for table, problem in (("groups", "is a view"), ("torrents", "readonly")):
        with pytest.raises(sqlite3.OperationalError, match=problem):
            opened.write_now(
                lambda connection, table=table: connection.execute(f"DELETE FROM {table}")
            )
    # What else a mount notes goes into memory.
    number = TextIds(opened).add("search", "yeast")
    assert number is not None
    assert TextIds(opened).text("search", number) == "yeast"
    opened.close()
    assert os.listdir(directory) == ["snapshot"]
    assert file.read_bytes() == before


def _altered(store: Path, statement: str) -> None:
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a file of biofs"),
        (b"# not SQLite\n" * 100, "not a snapshot: file is not a database"),
    ],
)
def test_what_is_no_snapshot_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        Snapshot(file)
    assert str(caught.value) == f"{file}: {problem}"


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            f"PRAGMA user_version = {VERSION + 1}",
            f"written by a newer biofs (format {VERSION + 1})",
        ),
        (
            f"PRAGMA user_version = {READABLE_FROM - 1}",
            "written by an older biofs (format 0): export it again",
        ),
        (f"PRAGMA application_id = {APPLICATION_ID + 1}", "not a file of biofs"),
        (
            "CREATE VIEW more AS WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT * FROM n) SELECT 1",
            "not a snapshot: holds 'more', which `biofs export` does not write",
        ),
        (
            "ALTER TABLE authors ADD COLUMN more AS (hex(zeroblob(100000000)))",
            "not a snapshot: holds 'authors', which `biofs export` does not write",
        ),
        (
            "CREATE TRIGGER more AFTER INSERT ON groups BEGIN SELECT 1; END",
            "not a snapshot: holds 'more', which `biofs export` does not write",
        ),
        ("DROP TABLE meta", "not a snapshot: no such table: snapshot.meta"),
        ("DELETE FROM meta", "not a snapshot; create one with `biofs export`"),
        ("UPDATE meta SET value = 'x'", "not a snapshot; create one with `biofs export`"),
    ],
)
def test_what_is_another_file_is_refused(
    store: Path, tmp_path: Path, statement: str, problem: str
) -> None:
    file = tmp_path / "snapshot"
    snapshot.write(store, file, MADE, URL)
    _altered(file, statement)
    with pytest.raises(StoreError) as caught:
        Snapshot(file)
    assert str(caught.value) == f"{file}: {problem}"


def test_a_store_is_no_snapshot(store: Path) -> None:
    with pytest.raises(StoreError, match="create one with `biofs export`"):
        Snapshot(store)


def test_a_damaged_snapshot_says_so(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "snapshot"
    snapshot.write(store, file, MADE, URL)
    content = bytearray(file.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    file.write_bytes(content)
    with pytest.raises((StoreError, sqlite3.DatabaseError)):
        with closing(Snapshot(file)) as opened:
            opened.rows("SELECT * FROM groups")


def test_a_store_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    source = tmp_path / "a store with a ?# in its name"
    source.write_bytes(b"no store" * 1000)
    with pytest.raises(StoreError, match="file is not a database"):
        snapshot.write(source, tmp_path / "snapshot", MADE, URL)


@pytest.mark.parametrize(
    ("json", "expected"),
    [
        (b'{"bookmarked":true,"a":1}', b'{"bookmarked":false,"a":1}'),
        (b'{"bookmarked":false}', b'{"bookmarked":false}'),
        (b'{"hasSnatched":1}', b'{"hasSnatched":false}'),
        (b'{"hasSnatched":0}', b'{"hasSnatched":0}'),
        (
            b'[{"isBookmarked":"1"},{"canUseToken":true}]',
            b'[{"isBookmarked":false},{"canUseToken":false}]',
        ),
        (
            b'{"isPersonalFreeleech":true,"isFreeleech":true}',
            b'{"isPersonalFreeleech":false,"isFreeleech":true}',
        ),
        (rb'{"name":"\"bookmarked\":true"}', rb'{"name":"\"bookmarked\":true"}'),
        (b'{"x_bookmarked":true}', b'{"x_bookmarked":true}'),
    ],
)
def test_marks_are_taken_back_and_nothing_else_is_touched(json: bytes, expected: bytes) -> None:
    assert without_marks(json) == expected
