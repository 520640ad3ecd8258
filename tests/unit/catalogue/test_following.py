"""When a published snapshot is looked at, on a clock that jumps."""

from __future__ import annotations

import random
from array import array
from collections import Counter
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from biofs.catalogue.subscription import following as following_module
from biofs.catalogue.subscription.addresses import UpdateFailed
from biofs.catalogue.subscription.following import (
    CATCH_UP,
    FETCHING,
    INTERVAL,
    JITTER,
    SPREAD,
    Following,
)
from biofs.control.client import SILENCE_SECONDS
from biofs.control.handlers import refresh
from biofs.control.protocol import Ask
from biofs.store.snapshots.difference import Difference
from biofs.store.snapshots.kept import Kept, Known


@pytest.fixture
def autojump_clock() -> trio.testing.MockClock:
    """At once: no threads answer here."""
    return trio.testing.MockClock(autojump_threshold=0)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other mount to watch: the clock jumps from one look to the next."""
    monkeypatch.setattr(following_module, "WATCH", 1e6)


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
        self.trusted, self.takes, self.exchanged = True, 0.0, 0
        self.checked, self.shown = 0.0, FILE
        self.told: list[str] = []
        self.outcome: Known | UpdateFailed = known()

    def clock(self) -> float:
        return EPOCH + trio.current_time()

    def trusts(self, known: Known | None) -> bool:
        return known is not None and self.trusted

    @asynccontextmanager
    async def running(self):  # type: ignore[no-untyped-def]
        yield

    async def update(self, *, anew: bool, younger: float) -> Known:
        if 0 <= self.clock() - self.checked < younger:
            return known(file=self.shown, checked=self.checked)
        self.times.append(trio.current_time())
        if self.takes:
            await trio.sleep(self.takes)
        if isinstance(self.outcome, UpdateFailed):
            raise self.outcome
        self.shown, self.checked = self.outcome.file, self.clock()
        return known(file=self.shown, checked=self.checked)


async def _looks(base: Path, seconds: float, seed: int = 0, **options: Any) -> Looking:
    looking = Looking(base)
    for name in ("outcome", "takes", "trusted"):
        setattr(looking, name, options.pop(name, getattr(looking, name)))
    start = trio.current_time()

    async def exchange(_known: Known) -> Difference:
        looking.exchanged += 1
        return Difference(array("q"), array("q"), 0, frozenset())

    asks, meanwhile = options.pop("asks", None), options.pop("meanwhile", None)
    following = Following(
        looking,  # type: ignore[arg-type]
        known(checked=EPOCH + start + options.pop("checked", 0.0)),
        exchange,
        interval=options.pop("interval", INTERVAL),
        uniform=random.Random(seed).uniform,
        **options,
    )
    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            await nursery.start(following.run)
            if meanwhile is not None:
                looking.kept.make()
                looking.kept.path(meanwhile).touch()
                looking.kept.write(meanwhile)
            if asks is not None:
                await trio.sleep(asks)
                answer = await refresh._published(following, Ask(do="refresh"), looking.told.append)
                assert answer == {"changed": []}
    looking.times = [each - start for each in looking.times]
    return looking


@pytest.mark.parametrize("checked", [0.0, -INTERVAL / 2, -10 * INTERVAL])
async def test_a_change_is_seen_within_an_interval_whenever_it_comes(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, alone: None, checked: float
) -> None:
    for seed in range(20):
        looking = await _looks(tmp_path, 20 * INTERVAL, seed, checked=checked)
        times = [max(checked, -INTERVAL), *looking.times]
        assert all(two - one <= (1 - FETCHING) * INTERVAL for one, two in pairwise(times[1:]))
        assert times[1] - times[0] <= (1 + CATCH_UP) * INTERVAL
        later = [two - one for one, two in pairwise(times[2:])]
        assert min(later) >= (1 - FETCHING - JITTER) * INTERVAL, "not asked oftener than that"


async def test_a_fresh_one_is_looked_at_within_its_first_interval(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, alone: None
) -> None:
    for age in (0.0, 0.3, 0.94):
        for seed in range(20):
            looking = await _looks(tmp_path, INTERVAL, seed, checked=-age * INTERVAL)
            assert looking.times[0] <= (1 - FETCHING - age) * INTERVAL


async def test_what_a_look_takes_is_part_of_the_interval(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, alone: None
) -> None:
    times = (await _looks(tmp_path, 10 * INTERVAL, takes=INTERVAL / 3)).times
    assert all(two - one <= (1 - FETCHING) * INTERVAL for one, two in pairwise(times))
    slow = (await _looks(tmp_path, 10 * INTERVAL, takes=2 * INTERVAL)).times
    assert all(2 * INTERVAL <= two - one <= 3 * INTERVAL for one, two in pairwise(slow)), "no hurry"


@pytest.mark.parametrize("checked", [0.0, -10 * INTERVAL], ids=["fresh", "late"])
async def test_a_thousand_that_begin_together_do_not_come_together(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, alone: None, checked: float
) -> None:
    number, hours = 500, 8
    minutes = Counter[int]()
    for seed in range(number):
        looking = await _looks(tmp_path, hours * INTERVAL, seed, checked=checked)
        minutes.update(int(each // 60) for each in looking.times)
    # Who is late catches up within five minutes; else it is 10 of 500 a minute, by chance more.
    assert max(minutes[each] for each in range(6)) < number / 3
    assert max(minutes[each] for each in range(6, hours * 60)) < number / 20


async def test_a_refresh_of_all_at_once_leaves_each_its_moment(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, alone: None
) -> None:
    for seed in range(20):
        without = (await _looks(tmp_path, 3 * INTERVAL, seed)).times
        refreshed = (await _looks(tmp_path, 3 * INTERVAL, seed, asks=without[0] / 2)).times
        assert refreshed == pytest.approx([without[0] / 2, *without])


async def test_who_waits_for_a_refresh_is_told_that_it_goes_on(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, alone: None
) -> None:
    looking = await _looks(tmp_path, INTERVAL / 24, asks=1.0, takes=100.0)
    assert len(looking.told) >= 100 / SILENCE_SECONDS * 4
    assert set(looking.told) == {"under way"}


async def test_what_another_mount_fetched_without_the_key_is_not_shown(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    other = known(file=f"{'1' * 64}.sqlite")
    for trusted, shown in ((True, 1), (False, 0)):
        looking = await _looks(
            tmp_path / str(trusted), INTERVAL / 24, meanwhile=other, trusted=trusted
        )
        assert looking.times == []
        assert looking.exchanged == shown


async def test_a_server_that_fails_is_asked_ever_more_seldom(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    outcome = UpdateFailed("away")
    times = (await _looks(tmp_path, 12 * INTERVAL, outcome=outcome, checked=-INTERVAL)).times
    pauses = [two - one for one, two in pairwise(times)]
    assert 25 <= pauses[0] <= 35
    assert all(two > 1.5 * one for one, two in pairwise(pauses[:6]))
    assert max(pauses) <= (1 + SPREAD) * INTERVAL + 5


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
