"""Nothing fresh is asked for; the stale is served, and looked at as rarely as can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import trio

from biofs.api.errors import NotFound, Unreachable
from biofs.api.requests import Answer, Request
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.changes import DAY, MINUTE
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from tests.support.catalogues import Patient, Recorder, running
from tests.support.overlay import Overlay

READER = Patient()


async def settled(catalogue: Catalogue) -> None:
    """Wait until nothing is being fetched."""
    while len(catalogue.fetches):
        await trio.sleep(0.01)


async def test_fresh_things_cost_nothing(autojump_clock: object) -> None:
    app = create_app(Generated(120, 2, 3, categories=(1,)))
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, READER)
        await catalogue.groups.get(7, READER)
        app.state.log.clear()
        await trio.sleep(14 * MINUTE)
        await catalogue.listings.listed(1, READER)
        await catalogue.groups.get(7, READER)
        await settled(catalogue)
        assert app.state.log.count() == 0


async def test_a_stale_listing_is_served_at_once_and_checked_by_one_request(
    autojump_clock: object,
) -> None:
    app = create_app(Generated(300, 1, 1, categories=(1,)))
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, READER)
        app.state.log.clear()
        await trio.sleep(16 * MINUTE)
        assert catalogue.listings.open(1, READER) is None, "served at once"
        await settled(catalogue)
        assert app.state.log.count() == 1
        assert catalogue.listings.open(1, READER) is None
        await settled(catalogue)
        assert app.state.log.count() == 1, "it is fresh again"


async def test_a_new_group_is_found_by_the_check_and_passed_on(autojump_clock: object) -> None:
    source = Overlay(Generated(320, 1, 1, categories=(1,)))
    app = create_app(source)
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, READER)
        catalogue.changes.subscribe(observer := Recorder())
        new = source.insert("New on the block")
        app.state.log.clear()
        await trio.sleep(16 * MINUTE)
        catalogue.listings.open(1, READER)
        await settled(catalogue)
        assert catalogue.index.group(new.id) is not None
        assert app.state.log.count() == 2, "the newest page, and one to see that it ends there"
        assert observer.listings


async def test_a_group_that_went_is_noticed_and_passed_on(autojump_clock: object) -> None:
    source = Overlay(Generated(101, 1, 1, categories=(1,)))
    app = create_app(source)
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, READER)
        catalogue.changes.subscribe(observer := Recorder())
        source.remove(1)
        await trio.sleep(16 * MINUTE)
        catalogue.listings.open(1, READER)
        await settled(catalogue)
        assert catalogue.index.group(1) is None
        assert (1, True) in observer.groups


async def test_a_day_later_one_walk_confirms_all_details(autojump_clock: object) -> None:
    app = create_app(Generated(120, 2, 3, categories=(1,)))
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, READER)
        for group_id in range(1, 121):
            await catalogue.groups.get(group_id, READER)
        app.state.log.clear()
        await trio.sleep(DAY + MINUTE)
        for _ in range(3):
            for group_id in range(1, 121):
                assert catalogue.groups.known(group_id, READER) is not None
            await settled(catalogue)
        assert app.state.log.count("torrentgroup") == 0
        assert app.state.log.count("browse") == 3


async def test_a_changed_row_makes_its_detail_alone_stale(autojump_clock: object) -> None:
    source = Overlay(Generated(30, 1, 3, categories=(1,)))
    app = create_app(source)
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, READER)
        for group_id in (7, 8):
            await catalogue.groups.get(group_id, READER)
        source.bump(7, name="Quite another name")
        catalogue.changes.subscribe(observer := Recorder())
        app.state.log.clear()
        await trio.sleep(16 * MINUTE)
        catalogue.listings.open(1, READER)
        await settled(catalogue)
        for group_id in (7, 8):
            catalogue.groups.known(group_id, READER)
        await settled(catalogue)
        assert app.state.log.count("torrentgroup") == 1
        assert app.state.log.count("torrentgroup", id="7") == 1
        detail = catalogue.groups.known(7, READER)
        assert detail is not None
        assert orjson.loads(detail.json)["name"] == "Quite another name"
        assert (7, False) in observer.groups


async def test_counts_come_from_the_newer_row_without_a_request(autojump_clock: object) -> None:
    source = Overlay(Generated(30, 1, 3, categories=(1,)))
    app = create_app(source)
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, READER)
        await catalogue.groups.get(30, READER)
        before = source.group(30)
        assert before is not None
        await trio.sleep(16 * MINUTE)
        torrent = before.torrents[0]
        source._hidden[30] = before
        source._own[30] = before.__class__(
            **{
                **{name: getattr(before, name) for name in before.__dataclass_fields__},
                "torrents": (
                    torrent.__class__(
                        **{
                            **{n: getattr(torrent, n) for n in torrent.__dataclass_fields__},
                            "seeders": 4321,
                        }
                    ),
                ),
            }
        )
        app.state.log.clear()
        catalogue.listings.open(1, READER)
        await settled(catalogue)
        detail = catalogue.groups.known(30, READER)
        await settled(catalogue)
        assert detail is not None
        shown = orjson.loads(next(iter(detail.torrents.values())).json)
        assert shown["seeders"] == 4321
        assert app.state.log.count("torrentgroup") == 0


async def test_absence_is_remembered_for_seconds(autojump_clock: object) -> None:
    app = create_app(Generated(5, 1, 1, categories=(1,)))
    async with running(app) as catalogue:
        for _ in range(5):
            with pytest.raises(NotFound):
                await catalogue.groups.get(99, READER)
        assert app.state.log.count() == 1
        await trio.sleep(11)
        with pytest.raises(NotFound):
            await catalogue.groups.get(99, READER)
        assert app.state.log.count() == 2


async def test_file_lists_never_expire_and_survive_a_restart(
    tmp_path: Path, autojump_clock: object
) -> None:
    app = create_app(Generated(5, 1, 20, categories=(1,)))
    async with running(app, tmp_path / "s") as catalogue:
        detail = await catalogue.groups.get(3, READER)
    app.state.log.clear()
    async with running(app, tmp_path / "s", offline=True, later=10 * 365 * DAY) as catalogue:
        again = await catalogue.groups.get(3, READER)
        assert again.json == detail.json
        (torrent,) = again.torrents.values()
        tree = await catalogue.trees.tree(torrent)
        assert tree is not None
        assert tree.file_count == 20
        with pytest.raises(Unreachable):
            await catalogue.groups.get(4, READER)
    assert app.state.log.count() == 0


async def test_a_failed_refresh_is_not_tried_again_at_once(autojump_clock: object) -> None:
    source = Overlay(Generated(60, 1, 1, categories=(1,)))
    app = create_app(source)
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, READER)
        await trio.sleep(20 * MINUTE)

        async def fails(*_: object, **__: object) -> None:
            attempts.append(trio.current_time())
            raise Unreachable("browse", "no route")

        attempts: list[float] = []
        catalogue.queue._transport.send = fails  # type: ignore[method-assign,assignment]
        for _ in range(200):
            assert catalogue.listings.open(1, READER) is None
            await trio.sleep(0.5)
        assert 1 <= len(attempts) <= 3


async def test_an_answer_overtaken_by_a_change_is_not_taken_for_the_changed(
    autojump_clock: object,
) -> None:
    source = Overlay(Generated(30, 1, 3, categories=(1,)))
    app = create_app(source)
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, READER)
        answer = catalogue.queue._transport.send
        release = trio.Event()

        async def slowly(request: Request, arrived: Callable[[], None], *, anew: bool) -> Answer:
            answered = await answer(request, arrived, anew=anew)
            if request.action == "torrentgroup" and not release.is_set():
                await release.wait()  # the answer is old by the time it is here
            return answered

        catalogue.queue._transport.send = slowly  # type: ignore[method-assign,assignment]
        fetch = catalogue.groups.start(7, READER)
        await trio.sleep(1)
        source.bump(7, name="Changed meanwhile")
        walk = catalogue.listings.start(1, READER, walk=True)
        while not walk.done:
            await READER.wait(walk)
        release.set()
        while not fetch.done:
            await READER.wait(fetch)
        catalogue.groups.known(7, READER)
        await settled(catalogue)
        detail = catalogue.groups.known(7, READER)
        assert detail is not None
        assert orjson.loads(detail.json)["name"] == "Changed meanwhile"
