"""Groups of unknown category are placed one by one, or together when there are many."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from biofs.api.errors import NotFound
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.queries import CODES, QUERIES, SINGLY, Query
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.tree import names
from tests.support.catalogues import Patient, running

READER = Patient()
FUNGI = Query("browse tag fungi", (("taglist", "fungi"),))
_FILTER = re.compile(r"&?filter_cat%5B[0-9]+%5D=1", re.IGNORECASE)


class OneCategory:
    """Heeds only one of several restrictions to a category: the first, the last, or none."""

    def __init__(self, app: ASGIApp, heeded: slice) -> None:
        self._app = app
        self.state = app.state  # type: ignore[attr-defined]
        self._heeded = heeded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http":
            query = scope["query_string"].decode()
            filters = _FILTER.findall(query)
            kept = "".join(filters[self._heeded])
            scope = {**scope, "query_string": (_FILTER.sub("", query) + kept).encode()}
        await self._app(scope, receive, send)


class Failing:
    """Cannot restrict a query to categories."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.state = app.state  # type: ignore[attr-defined]
        self.failed = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and _FILTER.search(scope["query_string"].decode()):
            self.failed += 1
            await Response("<html>", 500)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def catalogue_server() -> Starlette:
    return create_app(Generated(300, 1, 1))


async def members(catalogue: Catalogue) -> list[int]:
    """The groups that the query finds."""
    return [link.ident for link in (await catalogue.queries.get(FUNGI, READER)).links]


def true_category(group_id: int) -> int:
    group = Generated(300, 1, 1).group(group_id)
    assert group is not None
    return group.category


async def test_the_first_ones_one_by_one_then_all_together() -> None:
    app = catalogue_server()
    async with running(app) as catalogue:
        ids = await members(catalogue)
        assert 50 < len(ids) <= 150
        pages = app.state.log.count("browse")
        for group_id in ids[:SINGLY]:
            await catalogue.placing.place(group_id, READER)
        assert app.state.log.count("torrentgroup") == SINGLY
        assert app.state.log.count("browse") == pages
        for group_id in ids[SINGLY:]:
            if catalogue.index.group(group_id) is None:
                await catalogue.placing.place(group_id, READER)
        assert app.state.log.count("torrentgroup") == SINGLY
        assert app.state.log.count("browse") == pages + QUERIES
        for group_id in ids:
            group = catalogue.index.group(group_id)
            assert group is not None
            assert group.category == true_category(group_id)
            assert catalogue.index.line(group_id) is not None or group_id in ids[:SINGLY]


@pytest.mark.parametrize("heeded", [slice(1), slice(-1, None), slice(0)])
async def test_a_server_that_heeds_one_category_or_none_misleads_nobody(heeded: slice) -> None:
    app = OneCategory(catalogue_server(), heeded)
    async with running(app) as catalogue:  # type: ignore[arg-type]
        for group_id in await members(catalogue):
            if catalogue.index.group(group_id) is None:
                await catalogue.placing.place(group_id, READER)
            group = catalogue.index.group(group_id)
            assert group is not None
            assert group.category == true_category(group_id)


async def test_a_server_that_fails_is_asked_for_each_group() -> None:
    app = Failing(catalogue_server())
    async with running(app) as catalogue:  # type: ignore[arg-type]
        ids = await members(catalogue)
        for group_id in ids:
            await catalogue.placing.place(group_id, READER)
            assert catalogue.index.group(group_id) is not None
        assert app.state.log.count("torrentgroup") == len(ids)
        assert app.failed == 1


async def test_a_group_that_no_query_found_is_asked_for() -> None:
    app = catalogue_server()
    async with running(app) as catalogue:
        await catalogue.placing.place(7, READER)
        assert app.state.log.count() == app.state.log.count("torrentgroup") == 1
        with pytest.raises(NotFound):
            await catalogue.placing.place(99999, READER)


async def test_rows_that_are_placed_are_as_good_as_those_of_a_listing() -> None:
    app = catalogue_server()
    async with running(app) as catalogue:
        ids = await members(catalogue)
        for group_id in ids:
            if catalogue.index.group(group_id) is None:
                await catalogue.placing.place(group_id, READER)
        for category in names.CATEGORIES:
            await catalogue.listings.listed(category, READER)
            assert catalogue.index.summary(category)[0] == 25
        assert not catalogue.browsing.gaps()


def test_no_category_can_be_taken_for_another() -> None:
    assert set(CODES.values()) == set(names.CATEGORIES)
    assert {len(code) for code in CODES} == {2}
    for query in range(QUERIES):
        assert sum(query in code for code in CODES) == 4


async def test_each_query_asks_for_four_categories() -> None:
    app = catalogue_server()
    async with running(app) as catalogue:
        for group_id in await members(catalogue):
            if catalogue.index.group(group_id) is None:
                await catalogue.placing.place(group_id, READER)
        asked = [
            {name for name in request.params if name.startswith("filter_cat")}
            for request in app.state.log.entries("browse", page="1")
        ]
    assert sorted(map(len, asked)) == [0] + [4] * QUERIES
    assert len(set().union(*asked)) == len(names.CATEGORIES)
