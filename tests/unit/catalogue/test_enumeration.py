"""Every group of a category is listed, none twice, at close to a request for 50 of them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import trio
from starlette.applications import Starlette

from biofs.catalogue.listings import Listings
from biofs.demo.generator import Generated
from biofs.demo.query import Query
from biofs.demo.server.app import create_app
from tests.support.catalogues import Patient, running
from tests.support.overlay import Overlay


def ids_of(source: Generated | Overlay, category: int) -> set[int]:
    """What the server has in a category."""
    query = Query(categories=frozenset({category}))
    found = source.page(query, 0, source.count(query))
    return {group.id for group in found}


async def ids_listed(listings: Listings, category: int) -> set[int]:
    await listings.listed(category, Patient())
    return set(listings._index.group_ids(category))


@pytest.mark.parametrize(
    ("groups", "most_over"),
    [(0, 1), (1, 0), (50, 0), (51, 0), (300, 0), (1000, 0), (1001, 0), (1990, 0), (2000, 0)],
)
async def test_up_to_two_windows_cost_a_request_for_50_groups(groups: int, most_over: int) -> None:
    source = Generated(groups, 1, 1, categories=(1,))
    app = create_app(source)
    async with running(app) as catalogue:
        assert await ids_listed(catalogue.listings, 1) == ids_of(source, 1)
    assert app.state.log.count("browse") == math.ceil(groups / 50) + most_over


@pytest.mark.parametrize("groups", [2001, 2600, 5000, 9999])
async def test_more_cost_little_more(groups: int) -> None:
    source = Generated(groups, 1, 1, categories=(1,))
    app = create_app(source)
    async with running(app) as catalogue:
        assert await ids_listed(catalogue.listings, 1) == ids_of(source, 1)
        listing = catalogue.index.listing(1)
        assert listing is not None
        assert listing.whole
    # A slice ends with a page that is not full, and the first page is asked for once more in them.
    slices = math.ceil(groups / 1000)
    assert app.state.log.count("browse") <= math.ceil(groups / 50) + 2 * slices


async def test_nothing_is_asked_twice() -> None:
    app = create_app(Generated(2600, 1, 1, categories=(1,)))
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, Patient())
    asked = [tuple(sorted(entry.params.items())) for entry in app.state.log.entries("browse")]
    assert len(asked) == len(set(asked))


async def test_a_listing_that_grows_between_pages_ends_complete() -> None:
    source = Overlay(Generated(400, 1, 1, categories=(1,)))
    app = create_app(source)
    async with running(app) as catalogue:
        fetch = catalogue.listings.start(1, Patient())
        added = 0
        while not fetch.done:
            await Patient().wait(fetch)
            if added < 5:
                added += 1
                source.insert(f"Newcomer {added}")
        fetch.raise_error()
        # Those that came behind the walker's back are at the top: the next look finds them.
        catalogue.listings.refresh(1, Patient())
        await Patient().wait(fetch)
        while (again := catalogue.fetches.active(("listing", 1))) is not None:
            await Patient().wait(again)
        assert set(catalogue.index.group_ids(1)) == ids_of(source, 1)


async def test_groups_that_went_are_forgotten_by_the_next_walk() -> None:
    source = Overlay(Generated(120, 1, 1, categories=(1,)))
    app = create_app(source)
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, Patient())
        for group_id in (1, 60, 61, 120):
            source.remove(group_id)
        fetch = catalogue.listings.start(1, Patient(), walk=True)
        while not fetch.done:
            await Patient().wait(fetch)
        assert set(catalogue.index.group_ids(1)) == ids_of(source, 1)


@pytest.mark.parametrize("groups", [300, 2600])
async def test_a_walk_broken_off_anywhere_goes_on_where_it_stopped(
    tmp_path: Path, groups: int
) -> None:
    source = Generated(groups, 1, 1, categories=(1,))
    whole = create_app(source)
    async with running(whole) as catalogue:
        await catalogue.listings.listed(1, Patient())
    least = whole.state.log.count("browse")

    app = create_app(source)
    path = tmp_path / "store.sqlite"
    for _ in range(1000):
        async with running(app, path) as catalogue:
            fetch = catalogue.listings.start(1, Patient())
            steps = fetch.steps
            while not fetch.done and fetch.steps < steps + 3:
                await Patient().wait(fetch)
            if fetch.done:
                break
            # Leaving here cancels the walk, in the middle of whatever it was doing.
    async with running(app, path) as catalogue:
        assert await ids_listed(catalogue.listings, 1) == ids_of(source, 1)
    # A request under way at the moment of a stop may have been answered to nobody.
    stops = math.ceil(least / 3)
    assert app.state.log.count("browse") <= least + stops


async def test_groups_arrive_before_the_listing_is_complete() -> None:
    app = create_app(Generated(300, 1, 1, categories=(1,)))
    async with running(app) as catalogue:
        arriving = catalogue.listings.open(1, Patient())
        assert arriving is not None
        seen = []
        while not arriving.complete:
            await Patient().wait(arriving.fetch)
            seen.append(len(arriving.ids))
        assert seen[0] == 50
        assert len(set(seen)) == 6
        assert arriving.total == 300


async def test_a_hundred_readers_share_one_walk() -> None:
    app = create_app(Generated(300, 1, 1, categories=(1,)))
    async with running(app) as catalogue, trio.open_nursery() as nursery:
        for pid in range(100):
            nursery.start_soon(catalogue.listings.listed, 1, Patient(pid))
    assert app.state.log.count("browse") == 6


def windowed(app: Starlette) -> int:
    """How many requests went beyond the window the server shows."""
    return sum(int(entry.params.get("page", "1")) > 20 for entry in app.state.log.entries("browse"))


async def test_no_page_is_asked_for_that_the_server_would_answer_with_another() -> None:
    app = create_app(Generated(2600, 1, 1, categories=(1,)))
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, Patient())
    assert windowed(app) == 0


@pytest.mark.parametrize("first_time", [True, False])
async def test_a_group_that_becomes_the_newest_while_we_read_is_not_lost(first_time: bool) -> None:
    source = Overlay(Generated(300, 1, 1, categories=(1,)))
    app = create_app(source)
    async with running(app) as catalogue:
        if not first_time:
            await catalogue.listings.listed(1, Patient())
        fetch = catalogue.listings.start(1, Patient(), walk=True)
        for group_id in (2, 60, 110):  # from pages not yet read to the top
            await Patient().wait(fetch)
            source.bump(group_id)
        while not fetch.done:
            await Patient().wait(fetch)
        fetch.raise_error()
        assert set(catalogue.index.group_ids(1)) == ids_of(source, 1)
