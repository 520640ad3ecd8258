"""What a mount answers about a path: nothing is asked to explain, and what is asked is new."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from starlette.applications import Starlette

from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.freshness import DAY, MINUTE
from biofs.catalogue.peeking import WouldAsk, peeking
from biofs.control.messages import Ask, encode_path
from biofs.control.server import Handler, Refused
from biofs.demo.app import create_app
from biofs.demo.embedded import embedded
from biofs.demo.generator import Generated
from biofs.demo.overlay import Overlay
from biofs.mount.inspection.answers import Answers, bytes_of
from biofs.mount.inspection.resolving import Resolver
from biofs.mount.operations import Operations
from biofs.mount.signals import SignalWatch
from biofs.mount.waiting import Patience
from biofs.tree.inodes import Address, Kind, unpack
from tests.support.catalogues import EPOCH, Patient, running
from tests.support.faulty import Saying

READER = Patient()
GROUP = "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"
TORRENT = f"{GROUP}/FASTA, Sanger, Contig [1]"


class Inspected:
    """A mount's answers, without a mount."""

    def __init__(self, catalogue: Catalogue, app: Starlette) -> None:
        self.catalogue = catalogue
        self.app = app
        self.told: list[str] = []
        patience = Patience(60, SignalWatch())
        self.operations = Operations(catalogue, patience, self._state, uid=0, gid=0)
        answers = Answers(catalogue, self.operations.families, self._state)
        self._handlers: Mapping[str, Handler] = answers.handlers()

    def _state(self) -> dict[str, object]:
        return {"biofs": "0", **self.catalogue.state()}

    async def ask(self, do: str, path: str = "", **options: bool) -> Any:
        """What is answered, and that explaining costs nothing."""
        before = self.app.state.log.count()
        ask = Ask(do=do, path=encode_path(path), **options)
        answer = await self._handlers[do](ask, self.told.append)
        if do != "refresh":
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert self.app.state.log.count() == before
            assert len(self.catalogue.wants) == 0
        return answer


@asynccontextmanager
async def inspected(source: Any = None, **options: Any) -> AsyncIterator[Inspected]:
    app = create_app(embedded() if source is None else source)
    async with running(app, **options) as catalogue:
        yield Inspected(catalogue, app)


async def resolve(mount: Inspected, path: str) -> Any:
    resolver = Resolver(mount.operations.families)
    with peeking():
        return await resolver.resolve([part.encode() for part in path.split("/") if part])


@pytest.fixture
async def mount() -> AsyncIterator[Inspected]:
    """A mount of the embedded catalogue with one category listed and one group read."""
    async with inspected() as mount:
        await mount.catalogue.listings.listed(1, READER)
        await mount.catalogue.documents.get(1, READER)
        yield mount


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("", Address(Kind.ROOT, 0, 0)),
        ("categories/Images", Address(Kind.CATEGORY, 8, 0)),
        (GROUP, Address(Kind.GROUP, 1, 0)),
        (f"{TORRENT}/filelist.json", Address(Kind.FILELIST, 1, 0)),
        (f"{TORRENT}/files", Address(Kind.FILES, 1, 0)),
        (f"{TORRENT}/files/../../group.json", Address(Kind.GROUP_JSON, 1, 0)),
        (f"{GROUP}/../../Images", Address(Kind.CATEGORY, 8, 0)),
        ("groups/1", Address(Kind.GROUP, 1, 0)),
        ("groups/1/group.json", Address(Kind.GROUP_JSON, 1, 0)),
        ("torrents/1/../description.txt", Address(Kind.DESCRIPTION, 1, 0)),
    ],
)
async def test_paths_lead_where_they_lead_in_the_mount(
    mount: Inspected, path: str, address: Address
) -> None:
    assert (await resolve(mount, path)).address == address


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("nothing", errno.ENOENT),
        ("..", errno.EXDEV),
        ("categories/../..", errno.EXDEV),
        ("README.txt/x", errno.ENOTDIR),
        ("README.txt/..", errno.ENOTDIR),
        (f"{GROUP}/group.json/x", errno.ENOTDIR),
        (f"{GROUP}/nothing", errno.ENOENT),
        ("x" * 256, errno.ENAMETOOLONG),
    ],
)
async def test_paths_that_lead_nowhere(mount: Inspected, path: str, number: int) -> None:
    with pytest.raises(OSError) as caught:
        await resolve(mount, path)
    assert caught.value.errno == number


async def test_what_is_not_known_would_be_asked_for(mount: Inspected) -> None:
    with pytest.raises(WouldAsk) as caught:
        await resolve(mount, "categories/Images/Some image [999]")
    assert caught.value.key == ("listing", 8)
    with pytest.raises(WouldAsk):
        await resolve(mount, "groups/999/group.json")


@pytest.mark.parametrize(
    ("path", "facts"),
    [
        ("", {"what": "the catalogue", "known": True, "requests": 0}),
        ("README.txt", {"known": True, "requests": 0}),
        (".biofs/status.json", {"known": True, "requests": 0}),
        (
            "categories/Sequences",
            {
                "what": "a category",
                "category": "Sequences",
                "groups": 26,
                "known": True,
                "requests": 0,
                "requests_for_all": 25,
                "confirmed": EPOCH,
                "fresh_until": EPOCH + 15 * MINUTE,
            },
        ),
        ("categories/Images", {"known": False, "requests": None, "groups": 0}),
        ("categories/Images/index.jsonl", {"known": False, "requests": None}),
        (
            GROUP,
            {"what": "a group", "group": 1, "known": True, "requests": 0, "requests_for_all": 0},
        ),
        (
            f"{GROUP}/group.json",
            {"known": True, "confirmed": EPOCH, "fresh_until": EPOCH + DAY, "torrents": 1},
        ),
        (TORRENT, {"torrent": 1, "group": 1, "bytes": 5754, "files": 4, "requests_for_all": 0}),
        (f"{TORRENT}/filelist.json", {"known": True, "never_changes": True}),
        (
            f"{TORRENT}/files/ADH1 - YOL086C",
            {"what": "a directory in the files of a torrent", "content": True, "requests": 0},
        ),
        (
            f"{TORRENT}/files/ADH1 - YOL086C/S288C_YOL086C_ADH1_coding.fsa",
            {"what": "one of the files of a torrent", "content": False},
        ),
        (
            "categories/Images/no listing of this yet [999]",
            {"what": "a name that was never looked up", "known": False, "requests": None},
        ),
        ("collages/1/collage.json", {"known": False}),
        ("groups", {"what": "a view of the catalogue", "known": True, "requests": 0}),
    ],
)
async def test_explaining(
    autojump_clock: object, mount: Inspected, path: str, facts: dict[str, object]
) -> None:
    answer = await mount.ask("explain", path)
    assert {key: answer.get(key) for key in facts} == facts


async def test_explaining_a_group_that_was_not_read(mount: Inspected) -> None:
    group = next(g for g in mount.catalogue.index.groups_after(1, -1) if g.id != 1)
    path = f"categories/Sequences/{group.name}"
    assert (await mount.ask("explain", path))["requests_for_all"] == 1
    answer = await mount.ask("explain", f"{path}/group.json")
    assert (answer["known"], answer["requests"], answer["being_fetched"]) == (False, 1, False)


@pytest.mark.parametrize("path", ["nothing", f"{GROUP}/nothing", "categories/Sequences/No [99]"])
async def test_explaining_what_is_not_there(mount: Inspected, path: str) -> None:
    with pytest.raises(Refused, match=r"^there is no such name$"):
        await mount.ask("explain", path)


async def test_explaining_what_is_old(autojump_clock: object) -> None:
    async with inspected(Generated(120, 1, 1, categories=(1,))) as mount:
        await mount.catalogue.listings.listed(1, READER)
        await mount.catalogue.documents.get(1, READER)
        group = mount.catalogue.index.group(1)
        assert group is not None
        await trio.sleep(16 * MINUTE)
        answer = await mount.ask("explain", "categories/Sequences")
        assert (answer["requests"], answer["refresh_requests"]) == (0, 1)
        await trio.sleep(2 * DAY)
        answer = await mount.ask("explain", "categories/Sequences")
        assert (answer["requests"], answer["refresh_requests"]) == (0, 3)
        answer = await mount.ask("explain", f"categories/Sequences/{group.name}/group.json")
        assert (answer["requests"], answer["refresh_requests"]) == (0, 3), "its rows confirm it"


async def test_explaining_a_listing_that_was_broken_off(autojump_clock: object) -> None:
    async with inspected(Generated(240, 1, 1, categories=(1,)), rate="1/6") as mount:
        arriving = mount.catalogue.listings.open(1)
        assert arriving is not None
        await trio.sleep(7)
        answers = []
        for _ in range(2):
            ask = Ask(do="explain", path="categories/Sequences")
            answers.append(await mount._handlers["explain"](ask, mount.told.append))
            await trio.sleep(6)
        assert [answer["requests"] for answer in answers] == [3, 2]
        assert [answer["being_fetched"] for answer in answers] == [True, True]


async def test_offline_nothing_can_be_had(autojump_clock: object) -> None:
    async with inspected(offline=True) as mount:
        answer = await mount.ask("explain", "categories/Sequences")
        assert (answer["known"], answer["offline"], answer["requests"]) == (False, True, None)
        with pytest.raises(Refused, match="offline"):
            await mount.ask("refresh", "categories/Sequences")


async def test_refreshing_a_group_tells_what_is_new(autojump_clock: object) -> None:
    source = Overlay(Generated(60, 1, 1, categories=(1,)))
    async with inspected(source) as mount:
        await mount.catalogue.listings.listed(1, READER)
        await mount.catalogue.documents.get(7, READER)
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
        assert any("group 7" in line for line in mount.told)


async def test_refreshing_a_group_for_the_first_time(mount: Inspected) -> None:
    group = next(g for g in mount.catalogue.index.groups_after(1, -1) if g.id != 1)
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
        while len(mount.catalogue.wants):
            await trio.sleep(1)
        assert mount.app.state.log.count() == 3


async def test_refreshing_what_else_is_shown(autojump_clock: object) -> None:
    async with inspected() as mount:
        with pytest.raises(Refused, match="not known yet"):
            await mount.ask("refresh", "collages/1/collage.json")
        collages = await resolve(mount, "collages/1")
        family = mount.operations.families[collages.address.kind]
        document = await family.lookup(collages.address, b"collage.json", READER)
        assert document is not None
        address = unpack(document.inode)
        await family.getattr(address, READER)
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


async def test_the_status_counts_what_is_known(mount: Inspected) -> None:
    answer = await mount.ask("status")
    assert answer["requests"]["sent"] == 2
    known = answer["known"]
    assert (known["groups"], known["details"], known["bytes"]) == (26, 1, None)
    assert known["categories"]["Sequences"]["listed"] is True


def test_bytes_of_a_store_are_those_of_all_its_files(tmp_path: Any) -> None:
    (tmp_path / "store").write_bytes(b"x" * 1000)
    (tmp_path / "store-wal").write_bytes(b"x" * 10)
    assert bytes_of(tmp_path / "store") == 1010
    assert bytes_of(tmp_path / "nothing") == 0
    assert bytes_of(None) is None
