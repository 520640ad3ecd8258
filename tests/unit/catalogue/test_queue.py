"""What goes first, who waits for whom, and what the server sees of it."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from biofs.api.actions import Api
from biofs.api.errors import CookieNeeded, NotFound
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.fetches import Fetch, Priority
from biofs.demo.accounts import MEMBER_TOKEN, ServerOptions
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from tests.support.catalogues import Patient, running


async def read(catalogue: Catalogue, pid: int, *groups: int) -> None:
    for group_id in groups:
        await catalogue.groups.get(group_id, Patient(pid))


def asked(app: object) -> list[int]:
    """The groups asked for, in their order."""
    return [int(e.params["id"]) for e in app.state.log.entries("torrentgroup")]  # type: ignore[attr-defined]


async def test_interactive_goes_before_refresh_before_warm_up(autojump_clock: MockClock) -> None:
    app = create_app(Generated(20, 1, 1))
    async with running(app, rate="1/6") as catalogue:
        await read(catalogue, 1, 1)  # takes the first slot
        for group_id in (2, 3):
            catalogue.groups.start(group_id, Patient(), Priority.WARM)
        catalogue.groups.start(4, Patient(), Priority.REFRESH)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read, catalogue, 7, 5)
        while len(catalogue.fetches):
            await trio.sleep(1)
    assert asked(app) == [1, 5, 4, 2, 3]


async def test_a_reader_makes_a_warm_up_urgent_and_leaving_undoes_it(
    autojump_clock: MockClock,
) -> None:
    app = create_app(Generated(20, 1, 1))
    async with running(app, rate="1/6") as catalogue:
        await read(catalogue, 1, 1)
        for group_id in (2, 3, 4, 5):
            catalogue.groups.start(group_id, Patient(), Priority.WARM)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read, catalogue, 7, 4)
            with trio.move_on_after(1):
                await read(catalogue, 8, 5)  # gives up before its turn
        while len(catalogue.fetches):
            await trio.sleep(1)
    assert asked(app) == [1, 4, 2, 3, 5]


async def test_a_sweep_with_many_threads_does_not_starve_a_single_reader(
    autojump_clock: MockClock,
) -> None:
    app = create_app(Generated(60, 1, 1))
    sweeper = range(1, 41)
    async with running(app, rate="1/6") as catalogue, trio.open_nursery() as nursery:
        for group_id in sweeper:
            nursery.start_soon(read, catalogue, 500, group_id)
        await trio.sleep(20)
        before = len(asked(app))
        await read(catalogue, 7, 50)
        assert len(asked(app)) - before <= 2, "it is the single reader's turn next"
        nursery.cancel_scope.cancel()


async def test_never_more_than_the_limit_in_any_window_seen_at_the_server(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    clock = autojump_clock.current_time
    app = create_app(Generated(30, 1, 1), clock=clock)
    async with running(app, tmp_path / "s", rate="1/6") as first:
        async with running(app, tmp_path / "s", rate="1/6") as second:
            second.queue.pace._start = "another process"
            async with trio.open_nursery() as nursery:
                for group_id in range(1, 8):
                    nursery.start_soon(read, first, 1, group_id)
                    nursery.start_soon(read, second, 2, group_id + 10)
    times = [entry.time for entry in app.state.log.entries()]
    assert len(times) == 14
    assert all(later - earlier >= 6 for earlier, later in itertools.pairwise(times))


@pytest.mark.parametrize("newer", [False, True], ids=["200", "400"])
async def test_rate_limit_exceeded_is_waited_out_and_no_error(
    autojump_clock: MockClock, newer: bool
) -> None:
    # The account may do less than we were told: the server refuses, we slow down, all succeeds.
    options = ServerOptions(window=60.0, burst=1, newer_server=newer)
    app = create_app(Generated(30, 1, 1), clock=autojump_clock.current_time, options=options)
    async with running(app, rate="unlimited", token=MEMBER_TOKEN) as catalogue:
        async with trio.open_nursery() as nursery:
            for group_id in range(1, 6):
                nursery.start_soon(read, catalogue, group_id, group_id)
        assert catalogue.queue.retried > 0
        for group_id in range(1, 6):
            assert catalogue.groups.known(group_id, Patient()) is not None


async def test_identical_wants_are_one_request() -> None:
    app = create_app(Generated(30, 1, 1))
    async with running(app) as catalogue:
        async with trio.open_nursery() as nursery:
            for pid in range(100):
                nursery.start_soon(read, catalogue, pid, 5)
        assert app.state.log.count() == 1
        assert catalogue.fetches.joined == 99


async def test_what_cannot_work_costs_no_request() -> None:
    app = create_app(Generated(3, 1, 1))
    async with running(app) as catalogue:

        async def work(fetch: Fetch) -> None:
            await catalogue.queue.sender(fetch)(Api.top10.request())

        fetch = catalogue.fetches.start("top", work, Patient())
        await Patient().wait(fetch)
        with pytest.raises(CookieNeeded):
            fetch.raise_error()
    assert app.state.log.count() == 0


async def test_the_unforeseen_fails_its_want_alone() -> None:
    app = create_app(Generated(3, 1, 1))
    async with running(app) as catalogue:

        async def work(_fetch: Fetch) -> None:
            raise ZeroDivisionError("nobody thought of it")

        fetch = catalogue.fetches.start("odd", work, Patient())
        await Patient().wait(fetch)
        assert fetch.error is not None
        assert "nobody thought" not in str(fetch.error)
        await read(catalogue, 1, 1)


async def test_a_cancelled_reader_leaves_the_want_to_the_others() -> None:
    app = create_app(Generated(3, 1, 1))
    async with running(app) as catalogue:
        fetch = catalogue.groups.start(1, Patient())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(read, catalogue, 5, 1))
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        while not fetch.done:
            await Patient().wait(fetch)
        assert catalogue.groups.known(1, Patient()) is not None
        with pytest.raises(NotFound):
            await read(catalogue, 5, 99)
