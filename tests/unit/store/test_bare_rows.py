"""Rows that tell no name are filled from what else is known, and nothing else is changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biofs.api.errors import BadAnswer
from biofs.api.models import GroupAnswer, GroupRow, TorrentAnswer
from biofs.store.browsing import Browsing
from biofs.store.database.store import Store
from biofs.store.details import Details
from biofs.store.groups import Index
from biofs.tree import names
from tests.unit.store.test_facets import JSON

NOW = 1_800_000_000.0
BARE: dict[str, Any] = {
    "groupId": 1,
    "groupName": None,
    "tags": [""],
    "groupYear": 0,
    "groupTime": 1_500_000_000,
    "accession": None,
    "lab": None,
    "location": None,
    "torrents": [{"torrentId": 7, "format": "PDF", "seeders": 1}],
}
DETAIL: dict[str, Any] = {
    "id": 1,
    "title": "Caf&eacute; &amp;lt; &lt;b&gt;",
    "identifier": "X&amp;Y",
    "categoryId": 2,
    "year": 1985,
    "workgroup": "Stanford",
    "location": "",
    "tagList": [{"id": "6", "name": "fungi"}, {"id": "7", "name": "one.shot"}],
    "authors": [],
    "timestamp": "2026-11-26 11:06:08",
}
NAME = "Café &lt; <b> [1]"


def answer(**fields: object) -> GroupAnswer:
    torrents = [{"id": 7, "format": "PDF", "fileList": "a{{{1}}}"}]
    return GroupAnswer.from_json({"group": DETAIL | fields, "torrents": torrents})


class Kept:
    """A store in memory, and what is asked of it here."""

    def __init__(self) -> None:
        self.store = Store(None)
        self.index = Index(self.store)
        self.details = Details(self.store, 1 << 30)

    async def row(self, now: float = NOW, **fields: object) -> None:
        await self.index.add_rows(2, [GroupRow.from_json(BARE | fields)], now)

    def line(self) -> dict[str, Any]:
        line = self.index.line(1)
        assert line is not None
        loaded: dict[str, Any] = orjson.loads(line)
        return loaded

    def name(self) -> str:
        group = self.index.group(1)
        assert group is not None
        return group.name

    def tags(self) -> set[str]:
        rows = self.store.rows(
            "SELECT text FROM facets JOIN group_facets ON facet = id WHERE kind = 'tag'"
        )
        return {str(row[0]) for row in rows}


@pytest.fixture
def kept() -> Iterator[Kept]:
    kept = Kept()
    yield kept
    kept.store.close()


def assert_filled(kept: Kept) -> None:
    line = kept.line()
    assert kept.name() == NAME
    assert (line["groupName"], line["accession"]) == ("Café &lt; <b>", "X&Y")
    assert (line["groupYear"], line["lab"]) == (1985, "Stanford")
    assert line["tags"] == ["fungi", "one.shot"]
    assert line["location"] is None
    assert kept.tags() == {"fungi", "one.shot"}
    assert Browsing(kept.store).facet("year", "1985") is not None


async def test_a_detail_fills_the_row_that_is_there(kept: Kept) -> None:
    await kept.row()
    assert kept.name() == "untitled [1]"
    stable = kept.index.stable(1)
    (before,), filled = await kept.details.save(answer(), NOW, stable)
    assert filled
    assert before.group.name == "untitled [1]"
    assert_filled(kept)
    assert kept.index.stable(1) == stable
    assert kept.index.summary(2)[2] == len(kept.index.line(1) or b"")


async def test_a_row_that_comes_later_is_filled(kept: Kept) -> None:
    assert not (await kept.details.save(answer(), NOW, None)).row_filled
    await kept.row(NOW + 1)
    assert_filled(kept)
    assert not (await kept.details.save(answer(), NOW + 2, None)).row_filled


async def test_what_was_filled_in_outlives_rows_that_change_and_the_detail(kept: Kept) -> None:
    await kept.row()
    await kept.details.save(answer(), NOW, kept.index.stable(1))
    kept.store.write_now(lambda connection: connection.execute("DELETE FROM details"))
    await kept.row(NOW + 1, totalSeeders=9)
    assert_filled(kept)
    assert kept.line()["totalSeeders"] == 9


async def test_the_same_row_again_changes_nothing(kept: Kept) -> None:
    await kept.row()
    await kept.details.save(answer(), NOW, kept.index.stable(1))
    changes = await kept.index.add_rows(2, [GroupRow.from_json(BARE)], NOW + 1)
    assert (changes.different, changes.added) == ([], set())
    detail = kept.details.load(1)
    assert detail is not None
    assert (detail.outdated, detail.confirmed) == (False, NOW + 1)


async def test_a_new_title_is_followed(kept: Kept) -> None:
    await kept.row()
    await kept.details.save(answer(), NOW, kept.index.stable(1))
    await kept.details.save(answer(title="Other", tagList=[{"name": "new"}]), NOW + 1, None)
    assert (kept.name(), kept.line()["groupName"]) == ("Other [1]", "Other")
    assert kept.tags() == {"new"}
    await kept.row(NOW + 2, totalSeeders=9)
    assert kept.name() == "Other [1]"


async def test_a_title_from_elsewhere_stays(kept: Kept) -> None:
    torrent = {"group": DETAIL | {"authors": None}, "torrent": {"id": 7, "format": "PDF"}}
    await kept.details.save_torrent(TorrentAnswer.from_json(torrent), NOW)
    await kept.row(NOW + 1)
    assert kept.name() == NAME
    assert kept.line()["groupName"] is None


async def test_rows_with_names_stay_as_they_are(kept: Kept) -> None:
    fields = {"name": "Detail's", "title": None, "accession": "B", "tags": ["c"], "year": 3}
    await kept.row(groupName="Row's", accession="A")
    line = kept.index.line(1)
    await kept.details.save(answer(**fields), NOW, None)
    assert kept.index.line(1) is not None
    await kept.row(NOW + 1, groupName="Row's", accession="A", totalSeeders=1)
    assert kept.line() == orjson.loads(line or b"") | {"totalSeeders": 1}


FIELDS = st.sampled_from([*BARE, "maxSize"])
LATER = st.sampled_from([*DETAIL, "name", "tags", "lab", "accession"])


@settings(deadline=None)
@given(st.dictionaries(FIELDS, JSON), st.dictionaries(LATER, JSON), st.booleans())
@example({"groupName": "  "}, {"title": "\ud800"}, True)
@example({}, {"title": "x" * 100_000, "tagList": [[], {"name": {}}]}, False)
def test_anything_is_taken_in_any_order(
    row: dict[str, Any], detail: dict[str, Any], row_first: bool
) -> None:
    async def main() -> None:
        kept = Kept()

        async def take(is_row: bool) -> None:
            try:
                if is_row:
                    await kept.row(**row | {"groupId": 1})
                else:
                    await kept.details.save(answer(**detail | {"id": 1}), NOW, None)
            except BadAnswer:
                return

        for turn in (row_first, not row_first, True):
            await take(turn)
        group = kept.index.group(1)
        if group is not None:
            assert names.id_of(group.name) == 1
        for category in (2, *([group.category] if group else [])):
            size = kept.index.summary(category)[2]
            assert size == sum(len(line) for line in kept.index.lines(category))
        kept.store.close()

    trio.run(main)
