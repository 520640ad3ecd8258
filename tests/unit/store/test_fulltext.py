"""What is known is found, by any words, as long as it is known."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofs.api.models import GroupAnswer, GroupRow
from biofs.store import fulltext, group_rows
from biofs.store.database import snapshot
from biofs.store.database.store import Store
from biofs.store.details import Details
from biofs.store.group_rows import Stub
from biofs.store.groups import Index
from biofs.tree.filelist import Entry, render

NOW = 1_800_000_000.0


def row_of(group_id: int, name: str, **fields: object) -> GroupRow:
    """A browse row with one torrent."""
    torrent = {"torrentId": group_id, "format": "FASTA", "time": "2020-01-01 00:00:00"}
    return GroupRow.from_json(
        {"groupId": group_id, "groupName": name, "torrents": [torrent], **fields}
    )


def detail_of(group_id: int, name: str, *paths: str, **fields: object) -> GroupAnswer:
    """A detail whose torrent has these files."""
    files = render(Entry(path, 1) for path in paths)
    group = {"id": group_id, "name": name, "categoryId": 1, **fields}
    torrent = {"id": group_id, "fileList": files, "fileCount": len(paths), "filePath": "top"}
    return GroupAnswer.from_json({"group": group, "torrents": [torrent]})


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(None)
    yield store
    store.close()


def found(store: Store, *words: str, files: bool = False) -> list[int]:
    """The ids of the groups that are found."""
    hits = store.write_now(lambda c: fulltext.find(c, words, 100, files=files))
    return [hit.group_id for hit in hits]


async def learn(store: Store, *rows: GroupRow) -> None:
    await Index(store).add_rows(1, rows, NOW)


async def test_rows_are_found_by_what_they_say(store: Store) -> None:
    await learn(
        store,
        row_of(1, "Kratom genome &amp; friends", tags=["one.shot", "plants"], accession="YOL086C"),
        row_of(2, "Caf&eacute; au lait", author="Barbara McClintock", lab="MassGIS"),
    )
    assert found(store, "kratom") == [1]
    assert found(store, "GENOME", "Kratom") == [1]
    assert found(store, "kratom", "café") == []
    assert found(store, "cafe") == [2]
    assert found(store, "one.shot") == [1]
    assert found(store, "yol086c") == [1]
    assert found(store, "mcclintock", "massgis") == [2]
    assert sorted(found(store, "fasta")) == [1, 2]
    assert found(store, "kratom", files=True) == []


async def test_details_are_found_by_their_descriptions_and_file_names(store: Store) -> None:
    await learn(store, row_of(1, "A"), row_of(2, "B"))
    answer = detail_of(
        1,
        "A",
        "reads/S288C_YOL086C.fsa",
        "na\u00efve.txt",
        organism="Saccharomyces cerevisiae",
        strain="S288C",
        description="<b>Budding</b> yeast",
    )
    await Details(store, 1 << 30).save(answer, NOW, None)
    for words in (["budding"], ["cerevisiae"], ["naive.txt"], ["YOL086C"], ["a", "yeast", "fsa"]):
        assert found(store, *words) == [1], words
    assert found(store, "yol086c", files=True) == [1]
    assert found(store, "budding", files=True) == []
    assert found(store, "<b>") == [2]  # the other group's title: punctuation is nothing


async def test_a_title_counts_more_than_a_description(store: Store) -> None:
    await learn(store, row_of(1, "A"), row_of(2, "Yeast"))
    details = Details(store, 1 << 30)
    await details.save(detail_of(1, "A", description="yeast " * 3), NOW, None)
    assert found(store, "yeast") == [2, 1]


async def test_what_changes_is_found_by_what_it_says_now(store: Store) -> None:
    await learn(store, row_of(1, "Old"))
    await learn(store, row_of(1, "New"))
    assert found(store, "old") == []
    assert found(store, "new") == [1]
    await Details(store, 1 << 30).forget(1)
    assert found(store, "new") == []


async def test_a_phrase_and_the_beginnings_of_words(store: Store) -> None:
    await learn(store, row_of(1, "Heat shock protein"), row_of(2, "Shock of heat, proteins"))
    assert found(store, "heat shock") == [1]
    assert found(store, "shock", "heat") == [1, 2]
    assert found(store, "protein") == [1]  # a whole word first
    assert found(store, "prot") == [1, 2]


async def test_a_detail_that_was_evicted_is_found_by_its_row_alone(store: Store) -> None:
    await learn(store, row_of(1, "Title"), row_of(2, "Other"))
    details = Details(store, 1)
    await details.save(detail_of(1, "Title", "first.txt"), NOW, None)
    assert found(store, "first.txt") == [1]
    await details.save(detail_of(2, "Other", "second.txt"), NOW + 1, None)
    assert found(store, "first.txt") == []
    assert found(store, "title") == [1]
    assert found(store, "second.txt") == [2]


async def test_a_mentioned_group_is_found_by_its_title_until_more_is_known(store: Store) -> None:
    await group_rows.add(store, [Stub(1, 1, "Only a title", 0), Stub(2, 99, "Title", 0)], NOW)
    assert found(store, "title") == [1]
    await learn(store, row_of(1, "Another name"))
    assert found(store, "title") == []
    assert found(store, "another") == [1]


async def test_a_million_files_are_cut(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fulltext, "MOST_NAMES", 10)
    monkeypatch.setattr(fulltext, "MOST_NAMES_OF_GROUP", 15)
    paths = [f"file{number:04}.txt" for number in range(100)]
    answer = detail_of(1, "A", *paths)
    await Details(store, 1 << 30).save(answer, NOW, None)
    assert found(store, "file0009") == [1]
    assert found(store, "file0010") == []
    [text] = store.one("SELECT files FROM texts WHERE rowid = 3") or ()
    assert str(text).splitlines() == ["top", *paths[:10]]


@settings(deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=4))
def test_no_words_are_a_syntax_error(words: list[str]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE groups (id INTEGER PRIMARY KEY, name, category)")
        connection.execute("INSERT INTO groups VALUES (1, 'name', 1)")
        fulltext.prepare(connection)
        fulltext.write_row(connection, 1, fulltext.of_title(" ".join(words)))
        for files in (False, True):
            hits = fulltext.find(connection, words, 10, files=files)
            assert hits in ([], [fulltext.Hit(1, "categories/Sequences/name")])
        fulltext.matching([(1, "a/b.txt")], words)


@settings(deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8),
        min_size=1,
        max_size=4,
    )
)
def test_every_word_of_a_title_finds_it(words: list[str]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE groups (id INTEGER PRIMARY KEY, name, category)")
        connection.execute("INSERT INTO groups VALUES (1, 'name', 1)")
        fulltext.prepare(connection)
        fulltext.write_row(connection, 1, fulltext.of_title(" ".join(words)))
        for word in (*words, " ".join(words)):
            assert [hit.group_id for hit in fulltext.find(connection, [word], 10)] == [1]


async def test_without_fts5_everything_else_works(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fulltext, "_CREATE", "CREATE VIRTUAL TABLE main.texts USING no_such()")
    store = Store(None)
    try:
        assert [record.message for record in caplog.records] == [
            "`biofs find` will find nothing: no such module: no_such"
        ]
        await learn(store, row_of(1, "A"))
        await Details(store, 1).save(detail_of(1, "A", "file"), NOW, None)
        await Details(store, 1).save(detail_of(2, "B", "file"), NOW, None)
        assert Index(store).group(1)
        await Details(store, 1).forget(1)
        assert Index(store).group(1) is None
    finally:
        store.close()


async def test_a_snapshot_is_searched_like_its_store(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = Store(path)
    await learn(store, row_of(1, "Kratom"))
    await Details(store, 1 << 30).save(detail_of(1, "Kratom", "genome.fa"), NOW, None)
    snapshot.write(path, tmp_path / "snapshot", NOW, "http://x")
    store.close()
    with closing(sqlite3.connect(tmp_path / "snapshot")) as connection:
        for words in (["kratom"], ["genome.fa"]):
            assert [hit.group_id for hit in fulltext.find(connection, words, 10)] == [1]


async def test_a_page_writes_only_what_is_new(store: Store) -> None:
    await learn(store, *(row_of(number, f"Group {number}") for number in range(1, 51)))
    changes = store.one("SELECT total_changes()")
    await Index(store).add_rows(
        1, [row_of(number, f"Group {number}") for number in range(1, 51)], NOW + 1
    )
    after = store.one("SELECT total_changes()")
    assert changes is not None
    assert after is not None
    # A row that was seen again is noted as seen, and nothing more.
    assert int(str(after[0])) - int(str(changes[0])) == 50


def test_paths_are_matched_as_groups_are() -> None:
    paths = [(7, "top/Genome.FA"), (8, "top/genome.txt"), (9, "other/fa.gz")]
    assert fulltext.matching(paths, ["genome.fa"]) == [7]
    assert fulltext.matching(paths, ["genome"]) == [7, 8]
    assert fulltext.matching(paths, ["geno"]) == [7, 8]
    assert fulltext.matching(paths, ["nothing"]) == []
