"""Facets of a kind that a store was not filled with come from its rows, once and without asking."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import trio

from biofs.api.models import GroupRow
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.store import facets
from biofs.store.database import facet_fill
from biofs.store.database.facet_fill import fill
from biofs.store.database.store import Store
from biofs.store.details import Details
from biofs.store.groups import Index
from tests.support.catalogues import Patient, running
from tests.unit.store.test_facets import NOW, answer_of, known, row_of


def forget(store: Store, *kinds: str) -> None:
    """Leave the store as a biofs does that does not know these kinds."""

    def change(connection: sqlite3.Connection) -> None:
        for kind in kinds:
            connection.execute(
                "DELETE FROM group_facets WHERE facet IN (SELECT id FROM facets WHERE kind = ?)",
                (kind,),
            )
            connection.execute("DELETE FROM facets WHERE kind = ?", (kind,))
            connection.execute("DELETE FROM facet_kinds WHERE kind = ?", (kind,))
            if kind == facets.AUTHOR:
                connection.execute("DELETE FROM authors")
        facets.register_kinds(connection, empty=False)

    store.write_now(change)


def torrent(ident: int, **fields: Any) -> dict[str, Any]:
    return {"torrentId": ident, "format": "R&amp;D &amp;amp; more", **fields}


async def filled(store: Store) -> None:
    """With rows, details, and both, and texts that look escaped when they are decoded."""
    index, details = Index(store), Details(store, 1 << 30)
    authors = [{"id": 2, "name": "Björk &amp; Sons"}]
    rows = [
        row_of(1, tags=["fungi", "&amp;lt;"], groupYear=1985, torrents=[torrent(1)], groupTime=7),
        row_of(2, tags=["virus"], torrents=[torrent(2, authors=authors)]),
        row_of(3, tags=["x" * 2000, "&#0;", "caf&eacute;"], torrents=[]),
    ]
    await index.add_rows(1, rows, NOW)
    await details.save(
        answer_of(3, {"id": 3, "format": "FASTA"}, tags=["later"], authors=authors),
        NOW + 1,
        index.stable(3),
    )
    await details.save(answer_of(4, {"id": 4, "format": "PDB"}, year=1999), NOW + 1, None)
    await details.save(answer_of(5, {"id": 5}, tags=["old"], authors=authors), NOW, None)
    newer = GroupRow.from_json({"groupId": 5, "groupName": "Group 5", "tags": ["new"]})
    await index.add_rows(1, [newer], NOW + 2)


@pytest.mark.parametrize("kinds", [(kind,) for kind in facets.KINDS] + [facets.KINDS])
@pytest.mark.parametrize("portion", [1, 2, 128])
async def test_what_is_filled_in_is_what_a_new_store_has(
    kinds: tuple[str, ...], portion: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facet_fill, "PORTION", portion)
    store = Store(None)
    await filled(store)
    expected, authors = known(store), store.rows("SELECT * FROM authors ORDER BY id")
    forget(store, *kinds)
    assert known(store) != expected
    await fill(store)
    assert known(store) == expected
    assert store.rows("SELECT * FROM authors ORDER BY id") == authors
    assert store.integer("SELECT max(newest) FROM facets WHERE text = '1985'") in {7, None}
    store.close()


async def test_it_goes_on_where_it_stopped_and_happens_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(facet_fill, "PORTION", 2)
    store = Store(None)
    await filled(store)
    expected = known(store)
    forget(store, facets.TAG)
    assert await store.write(facet_fill._fill_portion)
    assert store.rows("SELECT kind, filled_to FROM facet_kinds WHERE kind = 'tag'") == [("tag", 2)]
    await fill(store)
    assert known(store) == expected
    changes = store.changes
    await fill(store)
    assert store.changes == changes
    store.close()


async def test_a_kind_that_only_a_newer_biofs_writes_is_filled_in_by_it_again() -> None:
    store = Store(None)
    store.write_now(lambda c: c.execute("INSERT INTO facet_kinds VALUES ('license', NULL)"))
    store.write_now(lambda c: facets.register_kinds(c, empty=False))
    kinds = {row[0] for row in store.rows("SELECT kind FROM facet_kinds")}
    assert kinds == set(facets.KINDS)
    store.close()


async def test_what_is_damaged_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    store = Store(None)
    await filled(store)
    forget(store, facets.TAG)
    store.write_now(lambda c: c.execute("UPDATE groups SET line = x'7b' WHERE id = 1"))
    store.write_now(lambda c: c.execute("UPDATE details SET answer = x'7b' WHERE group_id = 4"))
    with caplog.at_level(logging.WARNING):
        await fill(store)
    assert known(store)["tag", "virus"] == {2}
    assert len(caplog.records) == 2
    store.close()


async def test_a_catalogue_fills_its_store_without_a_request(
    tmp_path: Path, autojump_clock: object
) -> None:
    path, app = tmp_path / "store.sqlite", create_app(Generated(300, categories=(1,)))
    async with running(app, path) as catalogue:
        await catalogue.listings.listed(1, Patient())
        expected = known(catalogue.store)
        forget(catalogue.store, facets.FORMAT)
    async with running(app, path) as catalogue:
        behind = "SELECT count(*) FROM facet_kinds WHERE filled_to IS NOT NULL"
        with trio.fail_after(10):
            while catalogue.store.integer(behind):
                await trio.sleep(0.05)
        assert known(catalogue.store) == expected
        assert catalogue.queue.sent == 0
