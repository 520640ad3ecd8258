"""What a mount says about a path, and about itself: nobody is asked."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from biofs.catalogue.caller import WouldFetch
from biofs.catalogue.changes import DAY, MINUTE
from biofs.control.handlers.all import bytes_of
from biofs.control.protocol import Ask
from biofs.control.server import Refused
from biofs.demo.generator import Generated
from biofs.tree.inodes import Address, Kind
from tests.support.catalogues import EPOCH, Patient
from tests.support.inspecting import Inspected, inspected, resolve

READER = Patient()
GROUP = "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"
TORRENT = f"{GROUP}/FASTA, Sanger, Contig [1]"


@pytest.fixture
async def mount() -> AsyncIterator[Inspected]:
    """A mount of the embedded catalogue with one category listed and one group read."""
    async with inspected() as mount:
        await mount.catalogue.listings.listed(1, READER)
        await mount.catalogue.groups.get(1, READER)
        yield mount


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("", Address(Kind.ROOT, 0, 0)),
        ("categories/Images", Address(Kind.CATEGORY, 8, 0)),
        (GROUP, Address(Kind.GROUP, 1, 0)),
        (f"{TORRENT}/filelist.jsonl", Address(Kind.FILELIST, 1, 0)),
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
    with pytest.raises(WouldFetch) as caught:
        await resolve(mount, "categories/Images/Some image [999]")
    assert caught.value.key == ("listing", 8)
    with pytest.raises(WouldFetch):
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
        (f"{TORRENT}/filelist.jsonl", {"known": True, "never_changes": True}),
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
    group = mount.catalogue.index.group(2)
    assert group is not None
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
        await mount.catalogue.groups.get(1, READER)
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
        arriving = mount.catalogue.listings.open(1, READER)
        assert arriving is not None
        await trio.sleep(7)
        answers = []
        for _ in range(2):
            ask = Ask(do="explain", path="categories/Sequences")
            answers.append(await mount._handlers["explain"](ask, mount.reports.append))
            await trio.sleep(6)
        assert [answer["requests"] for answer in answers] == [3, 2]
        assert [answer["being_fetched"] for answer in answers] == [True, True]


async def test_what_marks_as_read_is_explained_without_reading_it(autojump_clock: object) -> None:
    async with inspected() as mount:
        inbox = await resolve(mount, "me/inbox")
        nodes = mount.operations.nodes[inbox.address.kind]
        listing = await nodes.opendir(inbox.address, READER)
        names = [entry.name.decode() for entry in await listing.portion(0, READER, wait=True)]
        conversation = next(name for name in names if name.endswith("]"))
        path = f"me/inbox/{conversation}/READING-MARKS-AS-READ.json"
        answer = await mount.ask("explain", path)
        assert (answer["known"], answer["requests"]) == (False, None)
        with pytest.raises(Refused):
            await mount.ask("refresh", path)
        assert mount.app.state.log.count("inbox", type="viewconv") == 0


async def test_offline_nothing_can_be_had(autojump_clock: object) -> None:
    async with inspected(offline=True) as mount:
        answer = await mount.ask("explain", "categories/Sequences")
        assert (answer["known"], answer["offline"], answer["requests"]) == (False, True, None)
        with pytest.raises(Refused, match="offline"):
            await mount.ask("refresh", "categories/Sequences")


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


async def test_what_a_clock_saw_that_was_ahead_is_not_fresh(mount: Inspected) -> None:
    ahead = 10 * 365 * DAY

    def shift(connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE listings SET checked = checked + ?, walked = walked + ?", (ahead, ahead)
        )
        connection.execute("UPDATE details SET fetched = fetched + ?", (ahead,))

    await mount.catalogue.store.write(shift)
    mount.catalogue.forget_all()
    for path in ("categories/Sequences", GROUP):
        facts = await mount.ask("explain", path)
        assert facts["confirmed"] > facts["now"] >= facts["fresh_until"]
        assert facts["refresh_requests"] == 1
