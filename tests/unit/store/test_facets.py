"""Facets agree with the rows and details they came from, whatever these hold."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from pathlib import Path
from typing import Any

import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biofs.api.models import GroupAnswer, GroupRow
from biofs.store import facets
from biofs.store.browsing import Browsing
from biofs.store.database import snapshot
from biofs.store.database.store import Store
from biofs.store.details import Details
from biofs.store.groups import CHUNK, Index
from biofs.tree import names

NOW = 1_800_000_000.0
KINDS = (facets.TAG, facets.YEAR, facets.FORMAT, facets.AUTHOR)
HASH = "6A5413B9A0C5EF5B68BED6ABBB8112CBE3870647"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
TAGS = st.lists(st.sampled_from(["fungi", "one.shot", "", "a/b", "..", "ü", "\0", "&amp;"]))
AUTHORS = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(0, 4), "name": st.sampled_from(["A B", "Ü & <C>", ""])}
    )
)
ROWS = st.fixed_dictionaries(
    {
        "groupId": st.integers(1, 5),
        "groupName": st.just("A group"),
        "tags": TAGS | JSON,
        "groupYear": st.integers(-1, 2) | st.just(2**40) | JSON,
        "groupTime": st.integers(0, 9),
        "torrents": st.lists(
            st.fixed_dictionaries(
                {
                    "torrentId": st.integers(1, 9),
                    "format": st.sampled_from(["FASTA", "R&amp;D", ""]) | JSON,
                    "authors": AUTHORS | JSON,
                }
            ),
            max_size=2,
        ),
    }
)


def row_of(group_id: int, **fields: Any) -> GroupRow:
    return GroupRow.from_json({"groupId": group_id, "groupName": f"Group {group_id}", **fields})


def answer_of(group_id: int, *torrents: dict[str, Any], **fields: Any) -> GroupAnswer:
    group = {"id": group_id, "name": f"Group {group_id}", "categoryId": 1, **fields}
    return GroupAnswer.from_json({"group": group, "torrents": list(torrents)})


def known(store: Store) -> dict[tuple[str, str], set[int]]:
    """Which groups are found by what."""
    browsing, found = Browsing(store), {}
    for kind in KINDS:
        last = 0
        while portion := browsing.facets_after(kind, last):
            for facet in portion:
                groups = {group.id for group in browsing.members_after(facet.id, -1)}
                assert groups
                found[kind, facet.text] = groups
            last = portion[-1].id
    return found


@settings(deadline=None, max_examples=60)
@given(st.lists(ROWS, max_size=8))
@example([{"groupId": 1, "tags": ["x" * 5000, "&#0;", " fungi "], "groupYear": "1985"}])
@example([{"groupId": 1, "tags": [f"tag{number}" for number in range(5000)]}])
def test_groups_are_found_by_what_their_last_row_says(rows: list[dict[str, Any]]) -> None:
    store = Store(None)
    read = [GroupRow.from_json({"groupName": "x", **row}) for row in rows]

    async def take() -> None:
        for row in read:
            await Index(store).add_rows(1, [row], NOW)

    trio.run(take)
    expected = defaultdict(set)
    authors: dict[int, set[str]] = defaultdict(set)
    for row in read:
        facts = facets.of_row(row)
        if facts.authors is not None:
            authors[row.id] = {str(ident) for ident, _, _ in facts.authors}
        for group in expected.values():
            group.discard(row.id)
        for value in facts.values:
            expected[value].add(row.id)
        for author in authors[row.id]:
            expected[facets.AUTHOR, author].add(row.id)
    assert known(store) == {value: groups for value, groups in expected.items() if groups}
    store.close()


def test_texts_are_decoded_and_kept_apart_from_what_is_none() -> None:
    facts = facets.of_row(
        row_of(
            1,
            tags=["fungi", "", "one.shot", "caf&eacute;"],
            groupYear="1985",
            torrents=[
                {
                    "torrentId": 1,
                    "format": "R&amp;D",
                    "authors": [{"id": 2, "name": "Björk & Sons <Ltd>"}, {"id": 0, "name": "x"}],
                },
                {
                    "torrentId": 2,
                    "format": "",
                    "authors": [{"id": 2, "name": "Björk & Sons <Ltd>"}],
                },
            ],
        )
    )
    assert set(facts.values) == {
        ("tag", "fungi"),
        ("tag", "one.shot"),
        ("tag", "café"),
        ("year", "1985"),
        ("format", "R&D"),
        ("author", "2"),
    }
    assert facts.authors == [(2, "Björk & Sons <Ltd>", "Björk & Sons <Ltd>")]
    assert facets.of_row(row_of(1, groupYear=0)).values == []
    assert facets.author_row(3, "A/B  C") == (3, "A/B  C", "A-B C")


async def test_a_row_without_torrents_leaves_the_authors_as_they_were() -> None:
    store = Store(None)
    index = Index(store)
    torrent = {"torrentId": 1, "format": "FASTA", "authors": [{"id": 2, "name": "David Schild"}]}
    await index.add_rows(1, [row_of(1, tags=["fungi"], torrents=[torrent])], NOW)
    await index.add_rows(1, [row_of(1, tags=["virus"], torrents=[])], NOW)
    assert known(store) == {("tag", "virus"): {1}, ("author", "2"): {1}}
    store.close()


async def test_hashes_come_with_details_and_outlive_a_new_row() -> None:
    store = Store(None)
    index, details, browsing = Index(store), Details(store, 1 << 30), Browsing(store)
    await index.add_rows(1, [row_of(1, torrents=[{"torrentId": 7}, {"torrentId": 8}])], NOW)
    assert await browsing.lacks_hashes()
    await details.save(
        answer_of(1, {"id": 7, "infoHash": HASH.lower()}, {"id": 8, "infoHash": "none"}), NOW, None
    )
    assert browsing.torrent_of(HASH) == 7
    assert [each.info_hash for each in browsing.hashes_after(-1)] == [HASH]
    await index.add_rows(1, [row_of(1, groupName="New", torrents=[{"torrentId": 7}])], NOW + 1)
    assert browsing.torrent_of(HASH) == 7
    assert not await browsing.lacks_hashes()
    await index.add_rows(1, [row_of(1, torrents=[{"torrentId": 9}])], NOW + 2)
    assert browsing.torrent_of(HASH) is None
    assert store.one("SELECT count(*) FROM hashes") == (0,)
    store.close()


def written(store: Store) -> list[str]:
    """The tables that statements change from now on."""
    tables: list[str] = []

    def note(statement: str) -> None:
        found = re.match(r"(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) (\w+)", statement)
        if found:
            tables.append(found[1])

    store._writer.set_trace_callback(note)
    return tables


async def test_a_detail_that_tells_what_the_row_told_changes_neither_facets_nor_names() -> None:
    store = Store(None)
    index, details = Index(store), Details(store, 1 << 30)
    torrent = {"format": "PDB", "platform": "X", "time": "2020-01-01 00:00:00"}
    authors = [{"id": 3, "name": "A B"}]
    about = {"tags": ["fungi"], "groupYear": 1985, "groupTime": 5}
    row = row_of(1, torrents=[{"torrentId": 7, "authors": authors, **torrent}], **about)
    await index.add_rows(1, [row], NOW)
    before, tables = known(store), written(store)
    more = {"tags": ["fungi"], "year": 1985, "authors": authors}
    saved = await details.save(answer_of(1, {"id": 7, **torrent}, **more), NOW, None)
    assert saved == ([], False)
    assert known(store) == before
    assert set(tables) & {"groups", "torrents", "facets", "group_facets"} == set()
    more["authors"] = [{"id": 3, "name": "A. B."}]
    await details.save(answer_of(1, {"id": 7, **torrent}, **more), NOW, None)
    assert store.one("SELECT name FROM authors") == ("A. B.",)
    more["tags"] = ["fungi", "new"]
    await details.save(answer_of(1, {"id": 8, **torrent}, **more), NOW, None)
    assert known(store) == before | {("tag", "new"): {1}}
    assert store.rows("SELECT id FROM torrents") == [(8,)]
    store.close()


async def test_facets_are_as_new_as_the_newest_of_their_groups() -> None:
    store = Store(None)
    index = Index(store)
    for time, newest in ((5, 5), (9, 9), (7, 9)):
        await index.add_rows(1, [row_of(1, tags=["fungi"], groupTime=time)], NOW + time)
        assert store.one("SELECT newest FROM facets WHERE text = 'fungi'") == (newest,)
    store.close()


async def test_a_hash_that_two_torrents_have_is_listed_once() -> None:
    store = Store(None)
    details, browsing = Details(store, 1 << 30), Browsing(store)
    for ident in (3, 2):
        await details.save(answer_of(ident, {"id": ident, "infoHash": HASH}), NOW, None)
    assert [(each.info_hash, each.placed.torrent.id) for each in browsing.hashes_after(-1)] == [
        (HASH, 2)
    ]
    assert browsing.torrent_of(HASH) == 2
    store.close()


async def test_what_is_gone_is_found_by_nothing() -> None:
    store = Store(None)
    index, details = Index(store), Details(store, 1 << 30)
    await index.add_rows(1, [row_of(1, tags=["fungi"], groupYear=1985)], NOW)
    await details.save(answer_of(1, {"id": 7, "infoHash": HASH}, tags=["fungi"]), NOW, None)
    assert known(store) == {("tag", "fungi"): {1}}
    await details.forget(1)
    assert known(store) == {}
    for table in ("group_facets", "hashes"):
        assert store.one(f"SELECT count(*) FROM {table}") == (0,)
    store.close()


async def test_portions_follow_each_other() -> None:
    store = Store(None)
    index, browsing = Index(store), Browsing(store)
    count = 2 * CHUNK + 10
    rows = [
        row_of(number, tags=["fungi"], torrents=[{"torrentId": number, "authors": []}])
        for number in range(1, count + 1)
    ]
    await index.add_rows(1, rows, NOW)
    placeless = names.LARGEST_CATEGORY + 1
    await index.add_rows(placeless, [row_of(count + 1, tags=["fungi"])], NOW)
    fungi = browsing.facet("tag", "fungi")
    assert fungi is not None
    for after in (
        lambda last: browsing.members_after(fungi.id, last),
        browsing.groups_after,
        lambda last: [torrent for torrent, _ in browsing.torrents_after(last)],
    ):
        seen: list[int] = []
        while portion := after(seen[-1] if seen else -1):
            assert len(portion) <= CHUNK
            seen += [each.id for each in portion]
        assert seen == list(range(1, count + 1))
    store.close()


async def test_portions_read_no_more_than_they_give() -> None:
    store = Store(None)
    browsing, asked = Browsing(store), list[str]()
    store._reader.set_trace_callback(asked.append)
    browsing.groups_after(1)
    browsing.torrents_after(1)
    browsing.hashes_after(1)
    browsing.facets_after("tag", 1)
    browsing.members_after(1, 1)
    browsing.authors_after(1)
    browsing.author_titled("x")
    browsing.facet("tag", "x")
    store._reader.set_trace_callback(None)
    assert len(asked) == 8
    for query in asked:
        plan = [str(row[-1]) for row in store.rows(f"EXPLAIN QUERY PLAN {query}")]
        assert not any("SCAN" in step or "TEMP B-TREE" in step for step in plan), (query, plan)
    store.close()


async def test_a_snapshot_has_them(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    await Index(store).add_rows(1, [row_of(1, tags=["fungi"], groupYear=1985)], NOW)
    await Details(store, 1 << 30).save(
        answer_of(1, {"id": 7, "infoHash": HASH}, tags=["fungi"], year=1985), NOW, None
    )
    expected = known(store)
    store.close()
    snapshot.write(tmp_path / "store", tmp_path / "snapshot", NOW, "http://server.invalid")
    copy = snapshot.Snapshot(tmp_path / "snapshot")
    assert known(copy) == expected
    assert Browsing(copy).torrent_of(HASH) == 7
    copy.close()


async def test_an_author_is_called_as_last_told() -> None:
    store = Store(None)
    browsing = Browsing(store)
    await browsing.learn_author(2, "D. Schild")
    await browsing.learn_author(2, "David Schild")
    assert browsing.author(2) == (2, "David Schild", 0)
    assert browsing.author_titled("David Schild") == (2, "David Schild", 0)
    assert browsing.author_titled("D. Schild") is None
    assert [author.id for author in browsing.authors_after(0)] == [2]

    def forget(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM authors")

    store.write_now(forget)
    assert browsing.author(2) is None
    store.close()
