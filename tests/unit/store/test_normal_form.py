"""The same knowledge gives the same snapshot, however a store came to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from biofs.store.database import normal_form, snapshot
from biofs.store.database.snapshot import Snapshot
from biofs.store.details import Details
from biofs.store.snapshots import identity
from tests.support.publishing import MADE, SERVER, exported, id_of, made_up, revised


def altered(store: Path, statement: str) -> None:
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute(statement)


def test_stores_that_learnt_it_in_another_order_give_the_same_bytes(tmp_path: Path) -> None:
    groups = made_up(150)
    one = exported(groups, tmp_path / "one")
    other = exported(reversed(groups), tmp_path / "other")
    assert one.read_bytes() == other.read_bytes()


def test_what_was_known_before_leaves_no_trace(tmp_path: Path) -> None:
    groups = made_up(60)
    now = [revised(groups[0]), replace(groups[1], tags=("new",), year=1999), *groups[2:]]
    once = exported(now, tmp_path / "once")
    twice = exported([*groups, *now], tmp_path / "twice")
    assert once.read_bytes() == twice.read_bytes()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE groups SET seen = seen + 86400",
        "UPDATE details SET used = used + 5, fetched = fetched - 5",
        "UPDATE listings SET checked = checked + 86400, walked = 1.0",
        "INSERT INTO facets (kind, text, newest) VALUES ('tag', 'of nobody', 9)",
        "INSERT INTO authors VALUES (999999, 'nobody', 'nobody')",
        "INSERT INTO hashes VALUES (999999, x'00')",
        "INSERT INTO file_lists VALUES ('AB', 999999, '', 0, 'p', 0)",
        "INSERT INTO words (kind, text) VALUES ('search', 'yeast')",
        "UPDATE details SET stable = NULL",
    ],
)
def test_what_is_no_knowledge_of_the_catalogue_makes_no_difference(
    tmp_path: Path, statement: str
) -> None:
    file = exported(made_up(20), tmp_path / "file")
    altered(tmp_path / "file.store", statement)
    snapshot.write(tmp_path / "file.store", tmp_path / "again", MADE, SERVER)
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE groups SET name = name || '!' WHERE id = 7",
        "UPDATE groups SET line = CAST(replace(line, 'a', 'b') AS BLOB) WHERE id = 7",
        "UPDATE details SET description = description || 'x' WHERE group_id = 7",
        "DELETE FROM details WHERE group_id = 7",
        "UPDATE groups SET seen = seen + 9, stable = x'11' WHERE id = 7",
        "DELETE FROM listings WHERE category = 1",
    ],
)
def test_what_is_knowledge_makes_another_snapshot(tmp_path: Path, statement: str) -> None:
    file = exported(made_up(20), tmp_path / "file")
    altered(tmp_path / "file.store", statement)
    snapshot.write(tmp_path / "file.store", tmp_path / "again", MADE, SERVER)
    assert id_of(tmp_path / "again") != id_of(file)


def test_when_it_was_made_is_no_part_of_its_identity(tmp_path: Path) -> None:
    one = exported(made_up(10), tmp_path / "one")
    other = exported(made_up(10), tmp_path / "other", made=MADE + 86_400)
    assert one.read_bytes() != other.read_bytes()
    assert id_of(one) == id_of(other) == identity.verify(one) == identity.verify(other)


def test_a_detail_that_its_row_outdates_is_outdated_in_the_snapshot(tmp_path: Path) -> None:
    exported(made_up(10), tmp_path / "file")
    altered(
        tmp_path / "file.store", "UPDATE groups SET seen = seen + 9, stable = x'11' WHERE id = 7"
    )
    snapshot.write(tmp_path / "file.store", tmp_path / "again", MADE, SERVER)
    with closing(Snapshot(tmp_path / "again")) as store:
        found = [Details(store, 0).load(group) for group in range(1, 11)]
    assert [detail is not None and detail.outdated for detail in found] == [
        group == 7 for group in range(1, 11)
    ]
    assert {detail.fetched for detail in found if detail is not None} == {MADE - 1}


def test_newer_counts_of_a_row_are_shown(tmp_path: Path) -> None:
    exported(made_up(5, torrents=1), tmp_path / "file")
    statement = """UPDATE groups SET seen = seen + 9,
        line = CAST(replace(CAST(line AS TEXT), '"seeders":', '"seeders":12345') AS BLOB)
        WHERE id = 3"""
    altered(tmp_path / "file.store", statement)
    snapshot.write(tmp_path / "file.store", tmp_path / "again", MADE, SERVER)
    with closing(Snapshot(tmp_path / "again")) as store:
        detail = Details(store, 0).load(3)
    assert detail is not None
    assert not detail.outdated
    [torrent] = detail.torrents.values()
    assert b'"seeders": 12345' in torrent.json


def test_facets_whose_hashes_meet_get_numbers_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(normal_form, "_FACET_IDS", 7)
    facets = [(number, "tag", f"tag {number}") for number in range(7)]
    numbers = dict(normal_form._facet_ids(facets))
    assert sorted(numbers.values()) == [1, 2, 3, 4, 5, 6, 7]


def test_it_says_when_the_server_was_last_asked(tmp_path: Path) -> None:
    exported(made_up(5), tmp_path / "file")
    altered(tmp_path / "file.store", "UPDATE groups SET seen = 7300.5")
    altered(tmp_path / "file.store", "UPDATE details SET fetched = 1e12")
    altered(tmp_path / "file.store", "UPDATE listings SET checked = 3.0")
    with closing(sqlite3.connect(tmp_path / "file.store")) as connection:
        assert normal_form.newest(connection, MADE) == 7200.0
