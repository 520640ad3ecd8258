"""The store stays within its bound: what nobody read for longest goes, the index stays."""

from __future__ import annotations

from pathlib import Path

from biofs.catalogue.eviction import used_bytes
from biofs.demo.app import create_app
from biofs.demo.generator import Generated
from tests.support.catalogues import Patient, running

READER = Patient()
BOUND = 2_000_000


async def test_the_store_stays_within_its_bound_and_keeps_the_index(tmp_path: Path) -> None:
    app = create_app(Generated(200, 2, 200, categories=(1,)))
    async with running(app, tmp_path / "s", cache_size=BOUND) as catalogue:
        await catalogue.listings.listed(1, READER)
        for group_id in range(1, 201):
            await catalogue.documents.get(group_id, READER)
            await catalogue.documents.get(1, READER)  # read again and again
        used = await catalogue.store.scan(used_bytes)
        (details,) = catalogue.store.one("SELECT count(*) FROM details") or (0,)
        assert used <= BOUND * 1.1
        assert 1 < int(str(details)) < 200
        assert catalogue.index.summary(1)[0] == 200
        assert catalogue.documents.known(1) is not None
    assert app.state.log.count("torrentgroup", id="1") == 1, "what is read most is kept"
    assert (tmp_path / "s").stat().st_size < 3 * BOUND


async def test_a_detail_larger_than_the_bound_is_served_all_the_same() -> None:
    app = create_app(Generated(3, 1, 20_000, categories=(1,)))
    async with running(app, cache_size=1) as catalogue:
        for group_id in (1, 2, 3):
            detail = await catalogue.documents.get(group_id, READER)
            (torrent,) = detail.torrents.values()
            tree = await catalogue.trees.tree(torrent.list_key)
            assert tree is not None
            assert tree.file_count == 20_000
    assert app.state.log.count() == 3
