"""Surveys are made once for all who ask, kept for a while, and fit a document in any case."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import trio

from biofs.catalogue.caller import Background, DryRun
from biofs.contents.ledger import Ledger
from biofs.contents.library import Library
from biofs.contents.look import Look
from biofs.contents.survey import Amount, Survey
from biofs.demo.data import lay_out
from biofs.demo.written.embedded import every_torrent
from biofs.mount import surveys
from biofs.mount.contents import Contents
from biofs.mount.nodes.torrent import TorrentNodes
from biofs.mount.surveys import Surveys, in_words, look_in_words
from biofs.store.details import TorrentDetail
from biofs.tree.filelist import Entry
from biofs.tree.inodes import Address, Kind
from biofs.tree.layout import FileTree
from tests.support.inspecting import Inspected, inspected

SEQUENCES = 1


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class World:
    def __init__(self, mount: Inspected, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mount = mount
        self.clock = Clock()
        self.library = Library([data], [], Ledger(None), clock=self.clock)
        self.surveys = Surveys(mount.catalogue, self.library, clock=self.clock)
        self.made = 0
        real = surveys.survey

        def counted(*arguments: Any) -> Survey:
            self.made += 1
            return real(*arguments)

        monkeypatch.setattr(surveys, "survey", counted)

    async def torrent(self, group: int, torrent: int) -> TorrentDetail:
        detail = await self.mount.catalogue.groups.get(group, Background())
        return detail.torrents[torrent]


@asynccontextmanager
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    lay_out([each for each in every_torrent() if each.id == 1], tmp_path / "data")
    async with inspected() as mount:
        await mount.catalogue.listings.listed(SEQUENCES, Background())
        found = World(mount, tmp_path / "data", monkeypatch)
        yield found
        found.library.close()


async def test_all_who_ask_at_once_get_one_survey_and_it_is_kept_for_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as here:
        torrent = await here.torrent(1, 1)
        found = []

        async def ask() -> None:
            found.append(await here.surveys.of(torrent, Background()))

        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(ask)
        assert len(found) == 50
        assert found[0] is not None
        assert found[0].survey.here.files == 4
        assert all(each is found[0] for each in found)
        assert here.made == 1
        here.clock.now += surveys.KEPT_SECONDS - 0.1
        await here.surveys.of(torrent, Background())
        assert here.made == 1
        here.clock.now += 0.2
        await here.surveys.of(torrent, Background())
        assert here.made == 2


async def test_what_is_nowhere_is_not_looked_for_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as here:
        torrent = await here.torrent(2, 2)
        found = await here.surveys.of(torrent, Background())
        assert found is not None
        assert found.survey.place is None
        here.clock.now += surveys.KEPT_SECONDS + 1
        assert await here.surveys.of(torrent, Background()) is found
        assert here.made == 1
        here.clock.now += 60
        await here.surveys.of(torrent, Background())
        assert here.made == 2


async def test_without_the_detail_nothing_is_known_and_nothing_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as here:
        before = here.mount.app.state.log.count()
        assert await here.surveys.known(1, DryRun()) is None
        assert await here.surveys.file(1, 2, DryRun()) is None
        assert await here.surveys.known(10**9, DryRun()) is None
        assert here.mount.app.state.log.count() == before
        await here.torrent(1, 1)
        before = here.mount.app.state.log.count()
        found = await here.surveys.known(1, DryRun())
        assert found is not None
        assert json.loads(found.document)["here"]["files"] == 4
        assert await here.surveys.file(1, 1, DryRun()) is None, "a directory"
        assert await here.surveys.file(1, 10**6, DryRun()) is None
        look = await here.surveys.file(1, 2, DryRun())
        assert look is not None
        assert look.state == "here"
        assert here.mount.app.state.log.count() == before


async def test_a_torrents_documents_need_not_be_asked_for_once_the_detail_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, monkeypatch) as here:
        contents = Contents(here.mount.catalogue, here.library, None)
        nodes = TorrentNodes(here.mount.catalogue, contents)
        address = Address(Kind.TORRENT, 1, 0)
        assert nodes.cached_directory(address, DryRun()).asks
        await here.torrent(1, 1)
        directory = nodes.cached_directory(address, DryRun())
        assert not directory.asks, "contents.json costs no request then"
        entry = directory.find(b"contents.json")
        assert entry is not None
        assert entry.keep == 0, "its size is asked for at each look"
        assert nodes.volatile(Address(Kind.CONTENTS, 1, 0))
        bare = TorrentNodes(here.mount.catalogue).cached_directory(address, DryRun())
        assert bare.find(b"contents.json") is None
        with pytest.raises(FileNotFoundError):
            await TorrentNodes(here.mount.catalogue).open(Address(Kind.CONTENTS, 1, 0), DryRun())


def test_a_document_stays_small_whatever_is_missing(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    deep = "/".join(["d" * 250] * 20)
    names = [f"{deep}/{number:04}\u2028\u202e" for number in range(900)]
    tree = FileTree.build([Entry(name, 2**63 - 1) for name in [*names, "there"]], "top")
    (tmp_path / "top/there.part").write_bytes(b"1")
    (tmp_path / "top/\udcff").write_bytes(b"1")
    torrent = TorrentDetail(1, b"", b"", "0" * 40, 0, len(names), 0)
    library = Library([tmp_path], [], Ledger(None))
    found = surveys._surveyed(library, torrent, tree)
    shown = orjson.loads(found.document)
    assert shown["unfinished"] == {"files": 1, "bytes": 1}
    assert shown["missing"]["files"] == 900
    assert 0 < len(shown["files"]) < 200
    assert len(shown["files"]) + shown["filesLeftOut"] == 901
    assert len(found.document) < 1 << 20
    library.close()


def test_a_torrent_without_an_info_hash_is_nowhere(tmp_path: Path) -> None:
    tree = FileTree.build([Entry("a", 1)], "top")
    library = Library([tmp_path], [], Ledger(None))
    torrent = TorrentDetail(1, b"", b"", "torrent 1", 0, 1, 1)
    shown = json.loads(surveys._surveyed(library, torrent, tree).document)
    assert (shown["infoHash"], shown["place"], shown["missing"]["files"]) == (None, None, 1)
    library.close()


@pytest.mark.parametrize(
    ("here", "verified", "words"),
    [
        (Amount(12, 5), Amount(0, 0), "12 of 4,000 files here, not verified"),
        (Amount(12, 5), Amount(2, 1023), "12 of 4,000 files here, 1023 bytes verified"),
        (Amount(12, 5), Amount(2, 1288490189), "12 of 4,000 files here, 1.2 GiB verified"),
        (
            Amount(4000, 2**70),
            Amount(3999, 2**70),
            "4,000 of 4,000 files here, 1024.0 EiB verified",
        ),
        (Amount(4000, 9), Amount(4000, 9), "verified"),
    ],
)
def test_in_a_few_words(here: Amount, verified: Amount, words: str) -> None:
    place: Any = object()
    found = Survey(place, "file", Amount(4000, 9), here=here, verified=verified)
    assert in_words(found) == words
    assert in_words(found._replace(place=None)) == "not here"


def test_a_file_in_a_few_words() -> None:
    assert look_in_words(Look("missing")) == look_in_words(Look("unlisted", source="file"))
    assert look_in_words(Look("here", "/x")) == "here, not verified"
    assert look_in_words(Look("here", "/x", "file", 3, 3)) == "verified"
    assert look_in_words(Look("here", "/x", "file", 3, 2)) == "here, not verified"
    assert look_in_words(Look("unfinished", "/x.part", "file", 3, 2)) == "unfinished"
    assert look_in_words(Look("unfinished", "/x.part", "file", 3, 3)) == "verified"
