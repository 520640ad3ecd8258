"""The store stays within its bound: what nobody read for longest goes, the index stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from biofs.api.errors import BadAnswer
from biofs.catalogue.changes import Freshness
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.store.detail_rows import used_bytes
from tests.support.catalogues import Patient, running

READER = Patient()
BOUND = 2_000_000


async def test_the_store_stays_within_its_bound_and_keeps_the_index(tmp_path: Path) -> None:
    app = create_app(Generated(200, 2, 200, categories=(1,)))
    async with running(app, tmp_path / "s", cache_size=BOUND) as catalogue:
        await catalogue.listings.listed(1, READER)
        for group_id in range(1, 201):
            await catalogue.groups.get(group_id, READER)
            await catalogue.groups.get(1, READER)  # read again and again
        used = await catalogue.store.scan(used_bytes)
        (details,) = catalogue.store.one("SELECT count(*) FROM details") or (0,)
        assert used <= BOUND * 1.1
        assert 1 < int(str(details)) < 200
        assert catalogue.index.summary(1)[0] == 200
        assert catalogue.groups.known(1, READER) is not None
    assert app.state.log.count("torrentgroup", id="1") == 1, "what is read most is kept"
    assert (tmp_path / "s").stat().st_size < 3 * BOUND


async def test_a_detail_larger_than_the_bound_is_served_all_the_same() -> None:
    app = create_app(Generated(3, 1, 20_000, categories=(1,)))
    async with running(app, cache_size=1) as catalogue:
        for group_id in (1, 2, 3):
            detail = await catalogue.groups.get(group_id, READER)
            (torrent,) = detail.torrents.values()
            tree = await catalogue.trees.tree(torrent)
            assert tree is not None
            assert tree.file_count == 20_000
    assert app.state.log.count() == 3


async def test_a_detail_whose_file_list_was_given_up_is_fetched_again(tmp_path: Path) -> None:
    app = create_app(Generated(3, 2, 3, categories=(1,)))
    async with running(app, tmp_path / "s") as catalogue:
        known = await catalogue.groups.get(1, READER)
        await catalogue.store.write(lambda c: c.execute("DELETE FROM file_lists WHERE rowid = 1"))
    async with running(app, tmp_path / "s") as catalogue:
        again = await catalogue.groups.get(1, READER)
        assert (again.json, again.torrents) == (known.json, known.torrents)
        trees = [await catalogue.trees.tree(torrent) for torrent in again.torrents.values()]
        assert trees.count(None) == 1
        await catalogue.groups.fetch(1, READER)
        trees = [await catalogue.trees.tree(torrent) for torrent in again.torrents.values()]
        assert None not in trees
    assert app.state.log.count("torrentgroup", id="1") == 2


async def test_a_detail_that_is_never_kept_is_no_storm() -> None:
    app = create_app(Generated(3, 2, 3, categories=(1,)))
    async with running(app) as catalogue:
        await catalogue.store.write(
            lambda c: c.execute(
                "CREATE TRIGGER thief AFTER INSERT ON details BEGIN DELETE FROM details; END"
            )
        )
        with pytest.raises(BadAnswer, match="does not keep it"):
            await catalogue.groups.get(1, READER)
    assert app.state.log.count() == 3


async def test_what_was_given_up_is_served_from_memory_while_it_is_looked_at_again(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    app = create_app(Generated(3, 2, 3, categories=(1,)))
    async with running(app, tmp_path / "s", freshness=Freshness.of(1)) as catalogue:
        known = await catalogue.groups.get(1, READER)
        await catalogue.store.write(lambda c: c.execute("DELETE FROM details"))
        await trio.sleep(2)
        assert catalogue.groups.known(1, READER) is known
        assert len(catalogue.fetches) == 1
