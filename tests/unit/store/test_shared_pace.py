"""The pace holds for all processes of an account, across restarts, whatever the clock does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from biofs.api.server import Rate
from biofs.store.database.pace_log import SharedPace, process_start
from biofs.store.database.store import Store

EPOCH = 1_800_000_000.0


class Clock:
    """Epoch seconds behind trio's clock, that can be set, and asked from any thread."""

    def __init__(self, clock: MockClock) -> None:
        self.offset = EPOCH
        self._clock = clock

    def __call__(self) -> float:
        return self.offset + self._clock.current_time()


def pace(path: Path | None, clock: Clock, rate: str = "1/6") -> tuple[SharedPace, Store]:
    store = Store(path)
    return SharedPace(Rate.parse(rate), store, clock), store


async def send(pace: SharedPace, seconds: float = 0.5) -> float:
    """A request that reaches the server at once and is answered after `seconds`."""
    slot = await pace.slot()
    sent = trio.current_time()
    await trio.sleep(seconds)
    slot.arrived()
    await pace.settle(slot)
    return sent


async def test_a_restart_does_not_forget(tmp_path: Path, autojump_clock: MockClock) -> None:
    clock = Clock(autojump_clock)
    first, store = pace(tmp_path / "s", clock)
    sent = await send(first)
    store.close()
    second, store = pace(tmp_path / "s", clock)
    assert await send(second) - sent >= 6
    store.close()


async def test_a_long_break_needs_no_wait(tmp_path: Path, autojump_clock: MockClock) -> None:
    clock = Clock(autojump_clock)
    first, store = pace(tmp_path / "s", clock)
    await send(first)
    store.close()
    await trio.sleep(100)
    second, store = pace(tmp_path / "s", clock)
    before = trio.current_time()
    assert await send(second) - before < 1
    store.close()


@pytest.mark.parametrize(("rate", "count", "seconds"), [("1/6", 1, 6), ("3/10", 3, 10)])
async def test_several_processes_together_keep_the_pace(
    tmp_path: Path, autojump_clock: MockClock, rate: str, count: int, seconds: int
) -> None:
    clock = Clock(autojump_clock)
    paces = [pace(tmp_path / "s", clock, rate) for _ in range(3)]
    for number, (one, _) in enumerate(paces):
        one._start = str(number)  # each would be a process of its own
    sent: list[float] = []

    async def work(one: SharedPace) -> None:
        for _ in range(4):
            sent.append(await send(one))

    async with trio.open_nursery() as nursery:
        for one, _ in paces:
            nursery.start_soon(work, one)
    sent.sort()
    assert len(sent) == 12
    for earlier, later in zip(sent, sent[count:], strict=False):
        assert later - earlier >= seconds
    for _, store in paces:
        store.close()


async def test_a_request_of_a_killed_process_counts_from_when_that_is_noticed(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    clock = Clock(autojump_clock)
    mine, store = pace(tmp_path / "s", clock)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()

    def leave_behind(connection: object) -> None:
        connection.execute(  # type: ignore[attr-defined]
            "INSERT INTO pace (stamp, pid, start) VALUES (?, ?, 'x')", (clock() - 1, dead.pid)
        )

    store.write_now(leave_behind)
    before = trio.current_time()
    waited = await send(mine) - before
    assert 6 <= waited < 13
    store.close()


async def test_a_clock_set_back_does_not_stop_anybody(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    clock = Clock(autojump_clock)
    mine, store = pace(tmp_path / "s", clock)
    await send(mine)
    store.close()
    clock.offset -= 86_400
    mine, store = pace(tmp_path / "s", clock)
    before = trio.current_time()
    assert await send(mine) - before <= 13
    store.close()


async def test_a_penalty_of_a_clock_that_was_ahead_ends(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    clock = Clock(autojump_clock)
    mine, store = pace(tmp_path / "s", clock)
    clock.offset += 10 * 365 * 86_400
    await mine.penalise(30.0)
    store.close()
    clock.offset -= 10 * 365 * 86_400
    mine, store = pace(tmp_path / "s", clock)
    before = trio.current_time()
    assert 30 <= await send(mine) - before <= 610, "the longest there is, once"
    store.close()


async def test_a_request_under_way_when_the_clock_is_put_back_is_given_up(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    clock = Clock(autojump_clock)
    clock.offset += 10 * 365 * 86_400
    lost, lost_store = pace(tmp_path / "s", clock)
    await lost.slot()  # never heard of again, although its process lives
    clock.offset -= 10 * 365 * 86_400
    mine, store = pace(tmp_path / "s", clock)
    before = trio.current_time()
    assert 6 <= await send(mine) - before <= 200
    for each in (lost_store, store):
        each.close()


async def test_a_penalty_is_for_every_process(tmp_path: Path, autojump_clock: MockClock) -> None:
    clock = Clock(autojump_clock)
    first, first_store = pace(tmp_path / "s", clock)
    second, second_store = pace(tmp_path / "s", clock)
    slot = await first.slot()
    slot.arrived()
    await first.settle(slot)
    await first.penalise(30.0)
    before = trio.current_time()
    assert await send(second) - before >= 30
    first_store.close()
    second_store.close()


async def test_unlimited_writes_nothing(tmp_path: Path, autojump_clock: MockClock) -> None:
    fast, store = pace(tmp_path / "s", Clock(autojump_clock), "unlimited")
    for _ in range(10):
        await fast.settle(await fast.slot())
    assert store.one("SELECT count(*) FROM pace") == (0,)
    store.close()


def test_a_process_is_told_from_a_later_one_with_its_id() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    running = process_start(child.pid)
    assert running
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process_start(child.pid) == "", "a zombie sends nothing"
    child.communicate()
    assert process_start(child.pid) == ""
    assert process_start(os.getpid()) == process_start(os.getpid())
