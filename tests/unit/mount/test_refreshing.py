"""What is asked for again is new, and what is new is told."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

from biofs.control.server import Refused
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.tree.inodes import unpack
from tests.support.catalogues import EPOCH, Patient, running
from tests.support.faulty import Saying
from tests.support.inspecting import Inspected, inspected, resolve
from tests.support.overlay import Overlay

READER = Patient()


@pytest.fixture
async def mount() -> AsyncIterator[Inspected]:
    """A mount of the embedded catalogue with one category listed and one group read."""
    async with inspected() as mount:
        await mount.catalogue.listings.listed(1, READER)
        await mount.catalogue.groups.get(1, READER)
        yield mount


async def test_refreshing_a_group_tells_what_is_new(autojump_clock: object) -> None:
    source = Overlay(Generated(60, 1, 1, categories=(1,)))
    async with inspected(source) as mount:
        await mount.catalogue.listings.listed(1, READER)
        await mount.catalogue.groups.get(7, READER)
        group = mount.catalogue.index.group(7)
        assert group is not None
        path = f"categories/Sequences/{group.name}"
        torrent = mount.catalogue.index.torrents_of(7)[0]
        mount.app.state.log.clear()
        assert await mount.ask("refresh", path) == {"changed": []}
        source.bump(7, organism="Canis lupus")
        assert await mount.ask("refresh", f"{path}/group.json") == {
            "changed": [
                "group.json is different",
                f"torrent.json of torrent {torrent.id} is different",
            ]
        }
        assert mount.app.state.log.count("torrentgroup", id="7") == 2
        source.remove(7)
        assert await mount.ask("refresh", f"{path}/{torrent.name}/files") == {
            "changed": ["group 7 is not there any more"]
        }
        with pytest.raises(Refused, match="no such name"):
            await mount.ask("refresh", path)
        assert mount.app.state.log.count() == 3
        assert any("group 7" in line for line in mount.reports)


async def test_refreshing_a_group_for_the_first_time(mount: Inspected) -> None:
    group = mount.catalogue.index.group(2)
    assert group is not None
    answer = await mount.ask("refresh", f"categories/Sequences/{group.name}")
    assert answer == {"changed": ["fetched for the first time"]}


async def test_refreshing_a_category_reads_all_of_it(autojump_clock: object) -> None:
    source = Overlay(Generated(120, 1, 1, categories=(1,)))
    async with inspected(source) as mount:
        await mount.catalogue.listings.listed(1, READER)
        mount.app.state.log.clear()
        assert await mount.ask("refresh", "categories/Sequences") == {"changed": []}
        assert mount.app.state.log.count("browse") == 3
        await trio.sleep(1)
        source.insert("New")
        source.insert("Newer")
        source.bump(50, name="Renamed")
        for group in (7, 8, 9):
            source.remove(group)
        answer = await mount.ask("refresh", "categories/Sequences/index.jsonl")
        assert answer == {
            "changed": [
                "Sequences: 2 groups new",
                "Sequences: 1 group changed",
                "Sequences: 3 groups gone",
            ]
        }


async def test_refreshing_a_category_that_was_never_listed_lists_it(
    autojump_clock: object,
) -> None:
    async with inspected(Generated(120, 1, 1, categories=(1,))) as mount:
        answer = await mount.ask("refresh", "categories/Sequences")
        assert answer == {"changed": ["Sequences: 120 groups new"]}
        assert mount.app.state.log.count() == 3


async def test_refreshing_everything_has_to_be_meant(autojump_clock: object) -> None:
    async with inspected(Generated(240, 1, 1, categories=(1, 2))) as mount:
        with pytest.raises(Refused, match="not known yet"):
            await mount.ask("refresh", "categories", everything=True)
        for category in (1, 2):
            await mount.catalogue.listings.listed(category, READER)
        mount.app.state.log.clear()
        with pytest.raises(Refused) as caught:
            await mount.ask("refresh", "")
        assert str(caught.value) == (
            "that would cost 6 requests: name a category or a group, or give --all"
        )
        assert mount.app.state.log.count() == 0
        assert await mount.ask("refresh", "categories", everything=True) == {"changed": []}
        assert mount.app.state.log.count("browse") == 6


async def test_not_waiting_for_it(autojump_clock: object) -> None:
    async with inspected(Generated(120, 1, 1, categories=(1,)), rate="1/6") as mount:
        await mount.catalogue.listings.listed(1, READER)
        mount.app.state.log.clear()
        began = trio.current_time()
        assert await mount.ask("refresh", "categories/Sequences", wait=False) == {"started": 3}
        assert trio.current_time() == began
        while len(mount.catalogue.fetches):
            await trio.sleep(1)
        assert mount.app.state.log.count() == 3


async def test_refreshing_what_else_is_shown(autojump_clock: object) -> None:
    async with inspected() as mount:
        with pytest.raises(Refused, match="not known yet"):
            await mount.ask("refresh", "collages/1/collage.json")
        collages = await resolve(mount, "collages/1")
        nodes = mount.operations.nodes[collages.address.kind]
        document = await nodes.lookup(collages.address, b"collage.json", READER)
        assert document is not None
        address = unpack(document.inode)
        await nodes.getattr(address, READER)
        mount.app.state.log.clear()
        answer = await mount.ask("explain", "collages/1/collage.json")
        assert (answer["known"], answer["requests"]) == (True, 0)
        assert answer["confirmed"] == EPOCH
        assert await mount.ask("refresh", "collages/1/collage.json") == {"changed": []}
        assert mount.app.state.log.count("collage") == 1
        assert await mount.ask("refresh", "collages/1/collage.json", wait=False) == {"started": 1}


@pytest.mark.parametrize("path", ["README.txt", ".biofs/status.json", "groups"])
async def test_what_biofs_makes_itself_is_not_refreshed(mount: Inspected, path: str) -> None:
    with pytest.raises(Refused, match=r"^there is nothing to refresh"):
        await mount.ask("refresh", path)


async def test_a_refresh_that_fails_says_why(autojump_clock: object) -> None:
    app = Saying(create_app(Generated(60, 1, 1, categories=(1,))))
    async with running(app) as catalogue:  # type: ignore[arg-type]
        mount = Inspected(catalogue, app)  # type: ignore[arg-type]
        await catalogue.listings.listed(1, READER)
        app.say(500, b"<html>")
        with pytest.raises(Refused, match=r"^Sequences: browse: "):
            await mount.ask("refresh", "categories/Sequences")
        with pytest.raises(Refused, match=r"^group 1: torrentgroup: "):
            await mount.ask("refresh", "groups/1")
