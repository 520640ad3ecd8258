"""Warming asks for what is not known, once, whenever it is stopped and started again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
from starlette.types import Receive, Scope, Send

from biofs.api.errors import ApiError, NetworkError, ServerFault, TokenRefused, Unreachable
from biofs.api.server import Rate
from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.changes import DAY, HOUR, Freshness
from biofs.catalogue.fetches import Fetch, Priority
from biofs.catalogue.warming import PAUSES, Progress, Warming, seconds_left
from biofs.demo.accounts import REVOKED_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.store.database.files import StoreError
from tests.support.catalogues import Patient, running
from tests.support.overlay import Overlay

ROOM = 1 << 30


class Mute:
    """Answers `count` requests and then none: whoever asked for more waits for ever."""

    def __init__(self, app: Any, count: float) -> None:
        self._app = app
        self.left = count
        self.fell_mute = trio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http":
            if self.left <= 0:
                self.fell_mute.set()
                await trio.sleep_forever()
            self.left -= 1
        await self._app(scope, receive, send)


class Failing:
    """Answers requests of an action, or for an id, with a status and a body."""

    def __init__(self, app: Any, status: int, body: bytes, params: Sequence[bytes]) -> None:
        self._app = app
        self.state = app.state
        self.status, self.body, self.params = status, body, params

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        query = scope.get("query_string", b"").split(b"&")
        if not all(param in query for param in self.params):
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def warming(
    catalogue: Catalogue, categories: Sequence[int] = (1, 2), *, most_bytes: int = ROOM
) -> Warming:
    return Warming(catalogue, categories, details=True, most_bytes=most_bytes)


async def test_listings_alone_cost_their_pages(autojump_clock: object) -> None:
    app = create_app(Generated(240, 1, 1, categories=(1, 2)))
    async with running(app) as catalogue:
        warmer = Warming(catalogue, [1, 2], details=False, most_bytes=ROOM)
        await warmer.run()
        assert app.state.log.count("browse") == app.state.log.count() == 2 * 3
        assert warmer.progress() == Progress(6, 0, True, 2, 2, 0, 0)
        assert catalogue.listings.is_complete(1)
        assert catalogue.listings.is_complete(2)


@pytest.mark.parametrize(("rate", "groups"), [("unlimited", 140), ("1/6", 12), ("3/6", 12)])
async def test_everything_costs_pages_and_groups_and_nothing_more(
    autojump_clock: object, tmp_path: Path, rate: str, groups: int
) -> None:
    app = create_app(Generated(groups, 1, 1, categories=(1, 2)))
    pages = 2 * math.ceil(groups / 2 / 50)
    for _ in range(2):
        async with running(app, tmp_path / "store", rate=rate) as catalogue:
            await warming(catalogue).run()
            assert app.state.log.count("browse") == pages
            assert app.state.log.count("torrentgroup") == groups
            assert app.state.log.count() == pages + groups


def answers_stored(catalogue: Catalogue) -> int:
    """How many answers are in the store, for categories of a page each."""
    row = catalogue.store.one(
        "SELECT (SELECT count(*) FROM details) + (SELECT count(*) FROM listings)"
        " + (SELECT count(*) FROM pages)"
    )
    return int(str(row[0])) if row else 0


@pytest.mark.parametrize("parallel", [1, 16])
@pytest.mark.parametrize("stops", [(1,), (2, 1, 1), (4, 20), (3, 2, 30, 1, 40), (101,)])
async def test_stopped_at_any_point_it_asks_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parallel: int, stops: tuple[int, ...]
) -> None:
    monkeypatch.setattr("biofs.catalogue.warming.PARALLEL", parallel)
    app = create_app(Generated(100, 1, 1, categories=(1, 2)))
    answered = 0
    # Each run ends for fetch of an answer: what was asked then never reached the catalogue.
    for stop in stops:
        mute = Mute(app, stop)
        answered += stop
        async with running(mute, tmp_path / "store") as catalogue:  # type: ignore[arg-type]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(warming(catalogue).run)
                await mute.fell_mute.wait()
                while answers_stored(catalogue) < answered:
                    await trio.sleep(0.001)
                nursery.cancel_scope.cancel()
    async with running(app, tmp_path / "store") as catalogue:
        await warming(catalogue).run()
    assert app.state.log.count("browse") == 2
    assert app.state.log.count("torrentgroup") == 100


async def test_rows_confirm_details_a_day_later(autojump_clock: object) -> None:
    source = Overlay(Generated(120, 1, 1, categories=(1,)))
    app = create_app(source)
    async with running(app) as catalogue:
        await warming(catalogue, [1]).run()
        source.bump(7, name="Renamed")
        source.insert("New")
        app.state.log.clear()
        await trio.sleep(2 * DAY)
        await warming(catalogue, [1]).run()
        assert app.state.log.count("browse") == math.ceil(121 / 50)
        assert app.state.log.count("torrentgroup") == 2, "the renamed one and the new one"


async def test_a_walk_that_is_due_goes_on_where_it_was_broken_off(
    autojump_clock: object, tmp_path: Path
) -> None:
    app = create_app(Generated(500, 1, 1, categories=(1,)))

    async def listed(catalogue: Catalogue) -> None:
        await Warming(catalogue, [1], details=False, most_bytes=ROOM).run()

    async with running(app, tmp_path / "store") as catalogue:
        await listed(catalogue)
    app.state.log.clear()
    mute = Mute(app, 6)
    async with running(mute, tmp_path / "store", later=2 * DAY) as catalogue:  # type: ignore[arg-type]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listed, catalogue)
            await mute.fell_mute.wait()
            nursery.cancel_scope.cancel()
    assert app.state.log.count() == 6
    async with running(app, tmp_path / "store", later=2 * DAY) as catalogue:
        await listed(catalogue)
        assert app.state.log.count() == 10
        listing = catalogue.index.listing(1)
        assert listing is not None
        assert catalogue.clock() - listing.walked < DAY


async def test_what_a_reader_had_fetched_meanwhile_is_not_asked_for(
    autojump_clock: object,
) -> None:
    app = create_app(Generated(30, 1, 1, categories=(1,)))
    async with running(app, rate="1/6") as catalogue, trio.open_nursery() as nursery:
        await catalogue.listings.listed(1, Patient())
        nursery.start_soon(warming(catalogue, [1]).run)
        await trio.sleep(12)
        for group in (20, 21, 22):
            await catalogue.groups.get(group, Patient())
    assert app.state.log.count("torrentgroup") == 30


async def test_it_never_has_more_wants_than_may_be_sent(autojump_clock: object) -> None:
    app = create_app(Generated(200, 1, 1, categories=(1,)))
    async with running(app, rate="2/6") as catalogue:
        most = 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(warming(catalogue, [1]).run)
            for _ in range(40):
                await trio.sleep(1)
                most = max(most, len(catalogue.fetches))
            nursery.cancel_scope.cancel()
        assert most == 2


async def test_groups_that_are_gone_are_counted_and_passed_over(autojump_clock: object) -> None:
    source = Overlay(Generated(20, 1, 1, categories=(1,)))
    app = create_app(source)
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, Patient())
        for group in (3, 4):
            source.remove(group)
        warmer = warming(catalogue, [1])
        await warmer.run()
        assert warmer.progress()._replace(sent=0) == Progress(0, 0, True, 1, 1, 2, 0)
        assert catalogue.index.group(3) is None


async def test_an_answer_that_makes_no_sense_is_passed_over(autojump_clock: object) -> None:
    app = create_app(Generated(20, 1, 1, categories=(1,)))
    failing = Failing(app, 200, b"<html>", [b"action=torrentgroup", b"id=5"])
    async with running(failing) as catalogue:  # type: ignore[arg-type]
        warmer = warming(catalogue, [1])
        await warmer.run()
        assert (warmer.progress().failed, warmer.progress().left) == (1, 0)
        assert app.state.log.count("torrentgroup") == 19


async def test_a_server_in_trouble_is_left_in_peace(autojump_clock: object) -> None:
    app = create_app(Generated(50, 1, 1, categories=(1,)))
    failing = Failing(app, 500, b"<html>", [b"action=torrentgroup"])
    async with running(failing, rate="1/6") as catalogue:  # type: ignore[arg-type]
        with pytest.raises(ServerFault):
            await warming(catalogue, [1]).run()
        assert catalogue.queue.sent == 1 + 5


async def test_a_refused_token_ends_it_at_once(autojump_clock: object) -> None:
    app = create_app(Generated(50, 1, 1, categories=(1, 2)))
    async with running(app, rate="1/6", token=REVOKED_TOKEN) as catalogue:
        with pytest.raises(TokenRefused):
            await warming(catalogue).run()
        assert catalogue.queue.sent == 1


class Flaky:
    """Starts fetches that fail as given, in place of the catalogue's."""

    def __init__(self, catalogue: Catalogue, errors: Sequence[ApiError | None]) -> None:
        self.times: list[float] = []
        self._errors = list(errors)
        self._catalogue = catalogue
        catalogue.listings.start = self.start  # type: ignore[method-assign, assignment]

    def start(self, category: int, caller: Caller, priority: Priority) -> Fetch:
        self.times.append(trio.current_time())

        async def work(_fetch: Fetch) -> None:
            if self._errors and (error := self._errors.pop(0)) is not None:
                raise error

        return self._catalogue.fetches.start(("listing", category), work, caller, priority)


LOST = Unreachable("browse", "the connection broke off")


async def test_without_a_network_it_ends_at_once(autojump_clock: object) -> None:
    app = create_app(Generated(50, 1, 1, categories=(1,)))
    async with running(app) as catalogue:
        flaky = Flaky(catalogue, [LOST] * 9)
        with pytest.raises(NetworkError):
            await Warming(catalogue, [1], details=False, most_bytes=ROOM).run()
        assert len(flaky.times) == 1


@pytest.mark.parametrize("losses", [1, len(PAUSES), len(PAUSES) + 1])
async def test_a_network_that_worked_is_given_time(autojump_clock: object, losses: int) -> None:
    app = create_app(Generated(50, 1, 1, categories=(1,)))
    async with running(app, rate="1/6") as catalogue:
        flaky = Flaky(catalogue, [None, *[LOST] * losses, None])
        warmer = Warming(catalogue, [1, 2], details=False, most_bytes=ROOM)
        if losses > len(PAUSES):
            with pytest.raises(NetworkError):
                await warmer.run()
        else:
            await warmer.run()
        waited = [later - sooner for sooner, later in pairwise(flaky.times[1:])]
        assert [round(pause) for pause in waited] == list(PAUSES[:losses])


async def test_it_ends_before_what_it_fetched_gives_way(
    autojump_clock: object, tmp_path: Path
) -> None:
    app = create_app(Generated(300, 1, 20, categories=(1,)))
    async with running(app, tmp_path / "store") as catalogue:
        with pytest.raises(StoreError, match="full: give more with --cache-size"):
            await warming(catalogue, [1], most_bytes=3 << 19).run()
        sent = app.state.log.count("torrentgroup")
        assert 0 < sent < 300
        assert catalogue.store.one("SELECT count(*) FROM details") == (sent,)


async def test_the_rest_is_known_from_the_numbers(autojump_clock: object) -> None:
    app = create_app(Generated(60, 1, 1, categories=(1,)))
    async with running(app, rate="1/6") as catalogue:
        warmer = warming(catalogue, [1])
        before = warmer.progress()
        assert (before.sent, before.exact, before.listed) == (0, False, 0)
        seen = []
        async with trio.open_nursery() as nursery:

            async def work() -> None:
                await warmer.run()
                nursery.cancel_scope.cancel()

            nursery.start_soon(work)
            while True:
                seen.append(warmer.progress())
                await trio.sleep(6)
        exact = [progress for progress in seen if progress.exact]
        assert exact[0].sent <= 2 + 1
        # The request under way counts as sent and as left.
        assert {progress.sent + progress.left for progress in exact} <= {62, 63}
        assert exact[-1].left <= 1
        assert warmer.progress() == Progress(62, 0, True, 1, 1, 0, 0)


@pytest.mark.parametrize(
    ("left", "rate", "sent", "elapsed", "seconds"),
    [
        (10, "1/6", 0, 0.0, 60.0),
        (10, "1/6", 5, 1.0, 60.0),  # not from the past
        (10, "4/6", 0, 0.0, 15.0),
        (10, "unlimited", 5, 1.0, 2.0),
        (10, "unlimited", 0, 1.0, math.inf),
        (0, "unlimited", 0, 0.0, 0.0),
        (0, "1/6", 9, 54.0, 0.0),
    ],
)
def test_seconds_left(left: int, rate: str, sent: int, elapsed: float, seconds: float) -> None:
    progress = Progress(sent, left, True, 1, 1, 0, 0)
    assert seconds_left(progress, Rate.parse(rate), elapsed) == seconds


async def test_a_short_ttl_has_details_asked_again(autojump_clock: object) -> None:
    app = create_app(Generated(40, 1, 1, categories=(1,)))
    async with running(app, freshness=Freshness.of(HOUR)) as catalogue:
        await warming(catalogue, [1]).run()
        app.state.log.clear()
        await trio.sleep(HOUR / 2)
        await warming(catalogue, [1]).run()
        assert app.state.log.count() == 0
        await trio.sleep(HOUR)
        await warming(catalogue, [1]).run()
        # One page of rows confirms them all.
        assert app.state.log.count() == 1
