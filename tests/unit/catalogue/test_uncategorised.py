"""Groups that no category lists are found, at few requests, and at one where there are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from biofs.api.actions import Api
from biofs.api.requests import Answer, Request
from biofs.catalogue import enumeration
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.changes import DAY, HOUR
from biofs.catalogue.warming import Warming
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.store.groups import KnownGroup
from biofs.tree import names
from tests.support.catalogues import running
from tests.support.overlay import Overlay

RECORDINGS = Path(__file__).parents[2] / "data" / "recordings"
TWELVE = len(names.CATEGORIES)


async def warm(catalogue: Catalogue, *, details: bool = False) -> Warming:
    warming = Warming(catalogue, list(names.CATEGORIES), details=details, most_bytes=1 << 30)
    await warming.run()
    return warming


class Unrestricting:
    """Restricts by no number of a category that is none of the twelve."""

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self.state = app.state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http":
            pairs = parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
            if ("filter_cat[0]", "1") in pairs:
                pairs = [pair for pair in pairs if not pair[0].startswith("filter_cat")]
            scope = {**scope, "query_string": urlencode(pairs).encode()}
        await self._app(scope, receive, send)


async def test_beyond_the_window_it_costs_two(autojump_clock: object) -> None:
    app = create_app(Generated(1_210, 1, 1, categories=(1,)))
    async with running(app) as catalogue:
        await Warming(catalogue, [1], details=False, most_bytes=1 << 30).run()
        before = app.state.log.count()
        await warm(catalogue)
        assert app.state.log.count() - before == TWELVE - 1 + 2


async def test_where_there_are_none_it_costs_a_request_a_day(
    autojump_clock: object, tmp_path: Path
) -> None:
    app = create_app(Generated(240, 1, 1))
    async with running(app, tmp_path / "store") as catalogue:
        assert (await warm(catalogue)).progress().left == 0
        assert app.state.log.count() == TWELVE + 1
        await warm(catalogue)
        assert app.state.log.count() == TWELVE + 1
    async with running(app, tmp_path / "store", later=HOUR) as catalogue:
        await warm(catalogue)
        assert app.state.log.count() == TWELVE + 1 + TWELVE, "the listings are looked at, no more"
    async with running(app, tmp_path / "store", later=2 * DAY) as catalogue:
        await warm(catalogue)
        assert app.state.log.count() == 2 * (TWELVE + 1) + TWELVE


async def test_part_of_the_categories_looks_for_none(autojump_clock: object) -> None:
    app = create_app(Generated(90, 1, 1, categories=(1, 0, 13)))
    async with running(app) as catalogue:
        await Warming(catalogue, [1, 2], details=False, most_bytes=1 << 30).run()
        assert app.state.log.count() == 2
        assert catalogue.index.other_categories() == []


async def test_they_are_found_by_their_numbers(autojump_clock: object) -> None:
    app = create_app(Generated(600, 1, 1, categories=(1, 0, 13)))
    async with running(app) as catalogue:
        progress = (await warm(catalogue)).progress()
        assert [catalogue.index.summary(number)[0] for number in (1, 0, 13)] == [200, 200, 200]
        # Four pages of one category. How many there are: two. Which: 400. Where: each's detail.
        assert app.state.log.count("browse") == TWELVE + 3 + 2 + 8
        assert app.state.log.count("torrentgroup") == 400
        assert (progress.left, progress.failed, progress.gone) == (0, 0, 0)
        await warm(catalogue, details=True)
        assert app.state.log.count("torrentgroup") == 600, "what is known is not asked for again"


@pytest.mark.parametrize("unlisted", [77, 1_000])
async def test_they_are_found_among_all_where_numbers_do_not_restrict(
    autojump_clock: object, unlisted: int
) -> None:
    app = Unrestricting(create_app(Generated(600, 1, 1, categories=(1, unlisted, 2))))
    async with running(app) as catalogue:  # type: ignore[arg-type]
        await warm(catalogue)
        assert catalogue.index.other_categories() == [unlisted]
        assert catalogue.index.summary(unlisted)[0] == 200
        # Four pages each of two categories; two count, one does not restrict; then from the newest
        # on until none is missing, the last page having been read to count.
        assert app.state.log.count("browse") == TWELVE + 6 + 2 + 1 + 11
        assert app.state.log.count("torrentgroup") == 200


async def test_beyond_the_window_a_single_one_is_found(autojump_clock: object) -> None:
    source = Overlay(Generated(1_210, 1, 1, categories=(1,)))
    group = source.insert("Nowhere", category=0)
    app = create_app(source)
    async with running(app) as catalogue:
        await warm(catalogue)
        found = catalogue.index.group(group.id)
        assert found is not None
        assert found.category == 0


async def test_beyond_the_window_no_more_than_its_pages_are_read(autojump_clock: object) -> None:
    app = Unrestricting(create_app(Generated(4_500, 1, 1, categories=(1, 2, 77))))
    async with running(app) as catalogue:  # type: ignore[arg-type]
        await Warming(catalogue, [1, 2], details=False, most_bytes=1 << 30).run()
        before = app.state.log.count("browse")
        await warm(catalogue)
        # Ten categories are empty; one page counts, one does not restrict, 40 are read.
        assert app.state.log.count("browse") - before == TWELVE - 2 + 2 + 40
        assert 600 < catalogue.index.summary(77)[0] == app.state.log.count("torrentgroup") < 700


class Known:
    """An index of as many groups as are listed at the recorded server, all but `lacking`."""

    def __init__(self, groups: int, lacking: int) -> None:
        self._groups, self._lacking = groups, lacking

    def other_categories(self) -> list[int]:
        return []

    def summary(self, category: int) -> tuple[int, int, int]:
        return (self._groups if category == 1 else 0), 0, 0

    def group(self, group_id: int) -> KnownGroup | None:
        return None if group_id == self._lacking else KnownGroup(group_id, "x", 0, 1)


async def test_the_recorded_servers_group_in_no_category_costs_the_request_that_counts() -> None:
    record = json.loads((RECORDINGS / "browse_page_6.json").read_text())["response"]["json"]
    asked = []

    async def send(request: Request) -> Answer:
        asked.append(dict(request.params))
        body = json.dumps(record).encode()
        return Answer(request, 200, "application/json", body, record["response"])

    # Six pages, 48 groups on the last; the collage 5 has number 35 with categoryId 0.
    index: Any = Known(5 * 50 + 48 - 1, 35)
    found = await enumeration.Uncategorised(index).run(Api(send))
    assert enumeration.decode_ids(found) == [35]
    assert asked == [{"page": "6"}]
