"""When a published snapshot is looked at, on a clock that jumps."""

from __future__ import annotations

import random
from array import array
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from biofs.catalogue.subscription.addresses import UpdateFailed
from biofs.catalogue.subscription.following import INTERVAL, JITTER, Following
from biofs.store.snapshots.difference import Difference
from biofs.store.snapshots.kept import Kept, Known


@pytest.fixture
def autojump_clock() -> trio.testing.MockClock:
    """At once: no threads answer here."""
    return trio.testing.MockClock(autojump_threshold=0)


EPOCH = 1_800_000_000.0
FILE = f"{'0' * 64}.sqlite"


def known(**fields: Any) -> Known:
    given = {"url": "https://host/", "file": FILE, "id": "0", "catalogue": "https://c"}
    return Known(**(given | {"made": 1.0, "checked": EPOCH} | fields))


class Looking:
    """An updater that only notes when it was asked."""

    def __init__(self, base: Path) -> None:
        self.kept = Kept(base, "https://host/")
        self.done, self.total = 0, None
        self.times: list[float] = []
        self.outcome: Known | UpdateFailed = known()

    def clock(self) -> float:
        return EPOCH + trio.current_time()

    @asynccontextmanager
    async def running(self):  # type: ignore[no-untyped-def]
        yield

    async def update(self, *, anew: bool, younger: float) -> Known:
        self.times.append(trio.current_time())
        if isinstance(self.outcome, UpdateFailed):
            raise self.outcome
        return known(file=self.outcome.file, checked=self.clock())


async def _exchange(_known: Known) -> Difference:
    return Difference(array("q"), array("q"), 0, frozenset())


async def _looks(base: Path, seconds: float, seed: int = 0, **options: Any) -> Looking:
    looking = Looking(base)
    looking.outcome = options.pop("outcome", looking.outcome)
    start = trio.current_time()
    following = Following(
        looking,  # type: ignore[arg-type]
        known(checked=EPOCH + start + options.pop("checked", 0.0)),
        _exchange,
        interval=options.pop("interval", INTERVAL),
        uniform=random.Random(seed).uniform,
        **options,
    )
    with trio.move_on_after(seconds):
        await following.run()
    looking.times = [each - start for each in looking.times]
    return looking


async def test_it_is_an_interval_between_looks(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    times = (await _looks(tmp_path, 10 * INTERVAL)).times
    assert 8 <= len(times) <= 10
    for one, two in pairwise(times):
        assert (1 - JITTER) * INTERVAL <= two - one <= (1 + JITTER) * INTERVAL + 1


async def test_a_thousand_do_not_come_together(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    firsts: list[float] = []
    late = -10 * INTERVAL
    for seed in range(200):
        looking = await _looks(tmp_path, INTERVAL / 2, seed, checked=late)
        firsts += looking.times[:1]
    minutes = [sum(60 * m <= first < 60 * (m + 1) for first in firsts) for m in range(5)]
    assert sum(minutes) == 200
    assert max(minutes) < 70


async def test_a_server_that_fails_is_asked_ever_more_seldom(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    outcome = UpdateFailed("away")
    times = (await _looks(tmp_path, 12 * INTERVAL, outcome=outcome, checked=-INTERVAL)).times
    pauses = [two - one for one, two in pairwise(times)]
    assert 25 <= pauses[0] <= 35
    assert all(two > 1.5 * one for one, two in pairwise(pauses[:6]))
    assert max(pauses) <= (1 + JITTER) * INTERVAL + 5


async def test_what_is_wrong_is_not_fetched_before_an_interval(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    outcome = UpdateFailed("hostile", lasting=True)
    times = (await _looks(tmp_path, 3 * INTERVAL, outcome=outcome, checked=-INTERVAL)).times
    assert len(times) <= 4


async def test_retry_after_is_honoured(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    outcome = UpdateFailed("busy", retry_after=7200.0)
    times = (await _looks(tmp_path, 3 * INTERVAL, outcome=outcome, checked=-INTERVAL)).times
    assert len(times) == 2
    assert times[1] - times[0] >= 7200


async def test_offline_never_asks(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    assert (await _looks(tmp_path, 5 * INTERVAL, offline=True)).times == []


async def test_a_clock_that_was_ahead_is_late(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    times = (await _looks(tmp_path, INTERVAL, checked=1e9)).times
    assert times
    assert times[0] <= INTERVAL / 12 + 1
