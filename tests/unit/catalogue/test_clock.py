"""What was fetched while the clock was ahead is old once it is right, and asked for again."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import trio

from biofs.api.actions import Api
from biofs.api.errors import NotFound
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.changes import DAY, is_old
from biofs.catalogue.warming import Warming
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.mount.entries import Directories, Directory
from biofs.store.coverage import EVER, Gaps, Period
from biofs.tree.inodes import Kind, pack
from tests.support.catalogues import EPOCH, Patient, running
from tests.support.overlay import Overlay

READER = Patient()
AHEAD = 10 * 365 * DAY


async def settled(catalogue: Catalogue) -> None:
    """Wait until nothing is being fetched."""
    while len(catalogue.fetches):
        await trio.sleep(0.01)


@pytest.mark.parametrize(
    ("age", "ttl", "old"),
    [(0, 1, False), (1, 1, False), (2, 1, True), (-1, 1, True), (-AHEAD, DAY, True)],
)
def test_what_is_old(age: float, ttl: float, old: bool) -> None:
    assert is_old(EPOCH - age, ttl, EPOCH) is old
    assert not is_old(EPOCH - age, math.inf, EPOCH)


async def test_a_listing_and_a_detail_of_the_future_are_asked_for_again_once(
    tmp_path: Path, autojump_clock: object
) -> None:
    source = Overlay(Generated(120, 1, 1, categories=(1,)))
    app = create_app(source)
    async with running(app, tmp_path / "s", later=AHEAD) as catalogue:
        await catalogue.listings.listed(1, READER)
        await catalogue.groups.get(7, READER)
    source.remove(9)
    async with running(app, tmp_path / "s") as catalogue:
        app.state.log.clear()
        assert catalogue.listings.open(1, READER) is None, "served at once"
        await settled(catalogue)
        assert app.state.log.count("browse") == 4, "a walk of three pages, and one for what went"
        assert catalogue.index.group(9) is None, "it went, although it was seen in the future"
        assert catalogue.groups.known(7, READER) is not None
        await settled(catalogue)
        assert app.state.log.count("torrentgroup") == 1
        await trio.sleep(1)
        catalogue.listings.open(1, READER)
        catalogue.groups.known(7, READER)
        await settled(catalogue)
        assert app.state.log.count() == 5, "all is fresh now"


@pytest.mark.parametrize("jump", [-DAY, 365 * DAY], ids=["back a day", "forward a year"])
async def test_a_clock_that_jumps_asks_for_what_it_reads_once(
    autojump_clock: object, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    app = create_app(Generated(40, 1, 1, categories=(1,)))
    async with running(app) as catalogue:
        await catalogue.listings.listed(1, READER)
        await catalogue.groups.get(7, READER)
        right = catalogue.clock

        def jumped() -> float:
            return right() + jump

        for part in (catalogue, catalogue.listings, catalogue.groups, catalogue.answers):
            name = "clock" if hasattr(part, "clock") else "_clock"
            assert getattr(part, name) is right
            monkeypatch.setattr(part, name, jumped)
        app.state.log.clear()
        for _ in range(3):
            assert catalogue.listings.open(1, READER) is None, "served at once"
            assert catalogue.groups.known(7, READER) is not None
            await settled(catalogue)
            await trio.sleep(1)
        assert app.state.log.count("browse") == 1
        assert app.state.log.count("torrentgroup") <= 1, "none if the listing shows it unchanged"


async def test_a_detail_without_a_listing_is_asked_for_once(
    tmp_path: Path, autojump_clock: object
) -> None:
    app = create_app(Generated(20, 1, 1, categories=(1,)))
    async with running(app, tmp_path / "s", later=AHEAD) as catalogue:
        await catalogue.listings.listed(1, READER)
        await catalogue.groups.get(7, READER)
        await trio.sleep(1)
        fetch = catalogue.listings.start(1, READER, walk=True)
        while not fetch.done:
            await READER.wait(fetch)
        await catalogue.store.write(lambda connection: connection.execute("DELETE FROM listings"))
    app.state.log.clear()
    async with running(app, tmp_path / "s") as catalogue:
        for _ in range(3):
            catalogue.groups.known(7, READER)
            await settled(catalogue)
    assert app.state.log.count("torrentgroup") == 1, "its row of the future says nothing"


async def test_an_answer_of_the_future_is_asked_for_again(
    tmp_path: Path, autojump_clock: object
) -> None:
    asked: list[float] = []

    async def body(api: Api) -> bytes:
        asked.append(trio.current_time())
        return b"{}"

    app = create_app(Generated(5, 1, 1, categories=(1,)))
    async with running(app, tmp_path / "s", later=AHEAD) as catalogue:
        await catalogue.answers.get("some answer", DAY, body, READER)
        await catalogue.answers.get("another", DAY, body, READER)
    async with running(app, tmp_path / "s") as catalogue:
        for _ in range(3):
            await catalogue.answers.get("some answer", DAY, body, READER)
            await settled(catalogue)
        await catalogue.answers.get_new("another", DAY, body, READER)
        await catalogue.answers.get_new("another", DAY, body, READER)
    assert len(asked) == 4


async def test_answers_of_the_future_give_way_to_new_ones(
    tmp_path: Path, autojump_clock: object
) -> None:
    async def body(api: Api) -> bytes:
        return bytes(1000)

    async def keys(*names: str) -> list[str]:
        for name in names:
            await catalogue.answers.get(name, DAY, body, READER)
            await trio.sleep(1)
        return catalogue.answers.keys("")

    app = create_app(Generated(5, 1, 1, categories=(1,)))
    async with running(app, tmp_path / "s", later=AHEAD, cache_size=14_000) as catalogue:
        assert await keys("a", "b", "c") == ["a", "b", "c"]
    async with running(app, tmp_path / "s", cache_size=14_000) as catalogue:
        assert await keys("d", "e", "f") == ["d", "e", "f"]


async def test_absence_is_forgotten_whatever_the_clock_does(autojump_clock: object) -> None:
    app = create_app(Generated(5, 1, 1, categories=(1,)))
    async with running(app) as catalogue:
        real, ahead = catalogue.clock, [AHEAD]
        catalogue.groups._clock = lambda: real() + ahead[0]  # type: ignore[misc]
        for _ in range(2):
            with pytest.raises(NotFound):
                await catalogue.groups.get(99, READER)
        assert app.state.log.count() == 1
        ahead[0] = 0.0
        await trio.sleep(11)
        with pytest.raises(NotFound):
            await catalogue.groups.get(99, READER)
        assert app.state.log.count() == 2


async def test_a_warm_up_fetches_what_is_of_the_future(
    tmp_path: Path, autojump_clock: object
) -> None:
    app = create_app(Generated(20, 1, 1, categories=(1,)))
    for later in (AHEAD, 0.0, 0.0):
        app.state.log.clear()
        async with running(app, tmp_path / "s", later=later) as catalogue:
            await Warming(catalogue, [1], details=True, most_bytes=1 << 30).run()
            gaps, now = Gaps(catalogue.store), catalogue.clock()
            assert await gaps.count(1, EVER) == 0
            assert await gaps.count(1, Period(now - DAY, now)) == 0
            assert await gaps.count(1, Period(now - AHEAD, now - DAY)) == 20
        asked = app.state.log.count("torrentgroup")
        assert asked == (20 if later or not tmp_path.joinpath("done").exists() else 0)
        if not later:
            tmp_path.joinpath("done").touch()


def test_a_directory_made_while_the_clock_was_ahead_is_made_again() -> None:
    now, made = [EPOCH + AHEAD], []

    def make(*_: object) -> Directory:
        made.append(now[0])
        return Directory([], 1, now[0] + DAY)

    directories = Directories({Kind.GROUP: make}, lambda: 1, lambda: now[0])
    inode = pack(Kind.GROUP, 7)
    for moment in (EPOCH + AHEAD, EPOCH + AHEAD, EPOCH, EPOCH):
        now[0] = moment
        directories.get(inode, READER)
    assert made == [EPOCH + AHEAD, EPOCH]
