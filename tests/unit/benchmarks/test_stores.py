"""Stores that scripts/bench fills are as if everything had been fetched."""

from __future__ import annotations

import sqlite3
from itertools import islice
from pathlib import Path

import orjson
import pytest

from biofs.store.database.store import Store
from biofs.store.details import Details
from biofs.store.groups import Index
from scripts.benchmarks.making import cloning, sources
from scripts.benchmarks.making.filling import UNBOUNDED, fill

COPIES = 30


def test_the_trees_documents_have_about_four_kilobytes(tmp_path: Path) -> None:
    path = tmp_path / "store"
    assert fill(path, sources.tree_groups(120)) == 120

    store = Store(path)
    index, details = Index(store), Details(store, UNBOUNDED)
    listing = index.listing(sources.TREE_CATEGORY)
    assert listing is not None
    assert listing.whole == 1
    assert sorted(index.group_ids(sources.TREE_CATEGORY)) == list(range(1, 121))
    for group_id in index.group_ids(sources.TREE_CATEGORY):
        detail = details.load(group_id)
        assert detail is not None
        [torrent] = detail.torrents.values()
        for document in (detail.json, detail.description, torrent.json):
            assert 3_000 < len(document) < 5_000
        files = details.file_list(torrent.list_key)
        assert files is not None
        assert [length for _, length in files.entries()] == [0]
    store.close()


def test_large_groups_are_as_large_as_told(tmp_path: Path) -> None:
    path = tmp_path / "store"
    fill(path, [*sources.large_groups(50, 70), sources.giant_group(2_500)])

    store = Store(path)
    details = Details(store, UNBOUNDED)
    counts, directories = [], []
    for group_id in sorted(Index(store).group_ids(sources.LARGE_CATEGORY)):
        detail = details.load(group_id)
        assert detail is not None
        [torrent] = detail.torrents.values()
        files = details.file_list(torrent.list_key)
        assert files is not None
        paths = [path for path, _ in files.entries()]
        counts.append(len(paths))
        directories.append(len({path.rpartition("/")[0] for path in paths}))
    assert counts == [50, 70, 2_500]
    assert directories == [1, 70, 3]
    store.close()


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of all prototypes and some copies, grown in two steps."""
    path = tmp_path_factory.mktemp("grown") / "store"
    cloning.grow(path, 0, 1_000, lambda _: None)
    cloning.grow(path, 1_000, cloning.PROTOTYPES + COPIES, lambda _: None)
    return path


def test_copies_are_groups_of_their_own(grown: Path) -> None:
    store = Store(grown)
    index, details = Index(store), Details(store, UNBOUNDED)
    ids = sorted(index.group_ids(sources.TREE_CATEGORY))
    assert ids == [cloning.group_id(number) for number in range(cloning.PROTOTYPES + COPIES)]
    assert index.summary(sources.TREE_CATEGORY)[0] == len(ids)

    for made, copied in islice(zip(ids, ids[cloning.PROTOTYPES :], strict=False), COPIES):
        group, detail, original = index.group(copied), details.load(copied), details.load(made)
        assert group is not None
        assert detail is not None
        assert original is not None
        assert group.name.endswith(f" {copied} [{copied}]")
        assert orjson.loads(detail.json)["id"] == copied
        assert detail.description == original.description
        assert len(detail.json) == len(original.json)
        assert orjson.loads(index.line(copied) or b"")["groupId"] == copied
        assert set(detail.torrents) == {torrent.id for torrent in index.torrents_of(copied)}
        assert not set(detail.torrents) & set(original.torrents)
        for torrent in detail.torrents.values():
            assert orjson.loads(torrent.json)["id"] == torrent.id
            files = details.file_list(torrent.list_key)
            assert files is not None
            assert sum(map(len, files.document_lines())) == torrent.filelist_size
            assert files.top.startswith(f"set {copied} ")
    store.close()


def test_a_copy_has_what_its_original_has_in_every_table(grown: Path) -> None:
    connection = sqlite3.connect(grown)
    groups = cloning.PROTOTYPES + COPIES
    for table, each in (("torrents", 3), ("hashes", 3), ("details", 1), ("file_lists", 3)):
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert count == each * groups, table
    (texts,) = connection.execute("SELECT count(*) FROM texts").fetchone()
    assert texts == 2 * groups
    facets = "SELECT facet FROM group_facets WHERE group_id = ? ORDER BY facet"
    for number in range(COPIES):
        first = connection.execute(facets, (cloning.group_id(number),)).fetchall()
        second = connection.execute(facets, (cloning.group_id(number + cloning.PROTOTYPES),))
        assert first
        assert first == second.fetchall()
    hashed = "SELECT torrent_id, info_hash FROM hashes"
    for torrent_id, info_hash in connection.execute(hashed):
        assert info_hash.hex().upper().endswith(f"{torrent_id:016X}")
    connection.close()


def test_no_table_that_knows_groups_is_left_out(grown: Path) -> None:
    """A new table of the store has to be copied as well, or said to be none of a group's."""
    connection = sqlite3.connect(grown)
    tables = {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not name.startswith(("texts_", "sqlite_"))
    }
    filled = {
        name for name in tables if connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone()
    }
    # What all groups share.
    assert filled - set(cloning.TABLES) == {
        *("totals", "facets", "facet_kinds", "authors", "listings")
    }
    connection.close()
