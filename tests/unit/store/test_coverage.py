"""How much is known is counted right, and what is missing is found."""

from __future__ import annotations

import pytest
import trio

from biofs.catalogue.caller import DryRun, WouldFetch
from biofs.catalogue.changes import DAY
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.store.coverage import EVER, CategoryCoverage, Gaps, Period, measure
from tests.support.catalogues import EPOCH, Patient, running
from tests.support.overlay import Overlay

READER = Patient()


async def test_an_empty_store(autojump_clock: object) -> None:
    async with running(create_app(Generated(1))) as catalogue:
        coverage = await catalogue.store.scan(measure)
        assert coverage == ([], 0, 0, 0, None, None)


async def test_what_is_known_is_counted(autojump_clock: object) -> None:
    app = create_app(Generated(40, 2, 1, categories=(1, 2)))
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, READER)
        await trio.sleep(60)
        first = catalogue.index.entries_after(1, -1)[0][1]
        await catalogue.groups.get(first, READER)
        await trio.sleep(60)
        other = next(number for number in range(1, 41) if catalogue.index.group(number) is None)
        await catalogue.groups.get(other, READER)
        coverage = await catalogue.store.scan(measure)
        assert coverage.categories == [
            CategoryCoverage(1, 20, 1, EPOCH, EPOCH),
            CategoryCoverage(2, 1, 1, None, None),
        ]
        assert (coverage.groups, coverage.details, coverage.file_lists) == (21, 2, 4)
        assert (coverage.oldest, coverage.newest) == (EPOCH + 60, EPOCH + 120)


async def test_gaps_are_what_was_never_fetched_or_looks_different(
    autojump_clock: object,
) -> None:
    source = Overlay(Generated(60, 1, 1, categories=(1,)))
    async with running(create_app(source)) as catalogue:
        gaps = Gaps(catalogue.store)

        def today() -> Period:
            return Period(catalogue.clock() - DAY, catalogue.clock())

        await catalogue.listings.listed(1, READER)
        assert await gaps.count(1, EVER) == 60
        for group in range(1, 51):
            await catalogue.groups.get(group, READER)
        assert gaps.after(1, -1, EVER, 100) == list(range(51, 61))
        assert gaps.after(1, 53, EVER, 2) == [54, 55]
        assert (gaps.has(7, EVER), gaps.has(51, EVER)) == (False, True)
        assert not gaps.has(61, EVER), "there is no such group"
        source.bump(7, name="Renamed")
        await trio.sleep(2 * DAY)
        assert await gaps.count(1, today()) == 60, "old, all of them"
        catalogue.listings.refresh(1, READER)
        while len(catalogue.fetches):
            await trio.sleep(1)
        assert gaps.after(1, -1, today(), 100) == [
            7,
            *range(51, 61),
        ]


async def test_a_dry_run_starts_nothing(autojump_clock: object) -> None:
    app = create_app(Generated(60, 1, 1, categories=(1,)))
    async with running(app) as catalogue:
        with pytest.raises(WouldFetch) as caught:
            catalogue.listings.open(1, DryRun())
        assert caught.value.key == ("listing", 1)
        await catalogue.listings.listed(1, READER)
        await catalogue.groups.get(7, READER)
        await trio.sleep(2 * DAY)
        app.state.log.clear()
        dry_run = DryRun()
        assert catalogue.groups.known(7, dry_run) is not None
        with pytest.raises(WouldFetch):
            await catalogue.groups.get(8, dry_run)
        assert dry_run.would_refresh == [("listing", 1)]
        await trio.sleep(60)
        assert app.state.log.count() == 0
        assert len(catalogue.fetches) == 0
