"""Details read from a store that an older biofs has filled."""

from __future__ import annotations

from pathlib import Path

import msgspec
import orjson

from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from biofs.store import detail_rows
from tests.support.catalogues import Patient, running

READER = Patient()


async def test_objects_that_stand_for_lists_are_lists_in_stores_that_exist(tmp_path: Path) -> None:
    app = create_app(embedded())
    async with running(app, tmp_path / "s") as catalogue:
        known = orjson.loads((await catalogue.groups.get(1, READER)).json)
        row = catalogue.store.one("SELECT answer FROM details WHERE group_id = 1")
        assert row is not None
        assert isinstance(row[0], bytes)
        kept = msgspec.json.decode(row[0])
        for name in ("authors", "tags"):
            kept["group"][name] = {str(3 * n): each for n, each in enumerate(known[name])}
        answer = detail_rows.encode(kept["group"], kept["torrents"], kept["about"])
        await catalogue.store.write(
            lambda c: c.execute("UPDATE details SET answer = ? WHERE group_id = 1", (answer,))
        )
    async with running(app, tmp_path / "s") as catalogue:
        assert orjson.loads((await catalogue.groups.get(1, READER)).json) == known
    assert app.state.log.count() == 1
