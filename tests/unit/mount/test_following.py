"""Following an engine: what it says is verified, and what it never brings is given up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from biofs.contents.engines.engine import Progress, State
from biofs.contents.ledger import Ledger
from biofs.contents.library import Library
from biofs.contents.matching import Listed, Local
from biofs.contents.wanted import Wanted
from biofs.control.handlers.follow import (
    EDGE_SECONDS,
    EDGES,
    LATE_SECONDS,
    LEFT,
    STOPPED,
    STOPPED_SECONDS,
    WRONG,
    Follow,
    summed,
)
from biofs.mount.fetching import info_hash_of
from biofs.tree.filelist import Entry
from biofs.tree.layout import FileTree
from biofs.tree.metainfo import parse
from tests.support import torrents
from tests.support.torrents import BLOCK, Content, bytes_of

FILES: Sequence[Content] = (
    ((b"a",), bytes_of("a", 2 * BLOCK)),
    ((b"b",), bytes_of("b", 2 * BLOCK)),
)
SIZE = 2 * BLOCK


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Case:
    """A torrent of two files of which nothing is here."""

    def __init__(self, base: Path, files: Sequence[Content] = FILES) -> None:
        self.torrent = torrents.make(b"top", files)
        self.downloads = base / "downloads"
        self.downloads.mkdir()
        self.library = Library([], [], Ledger(None), downloads=[self.downloads])
        metainfo = parse(self.torrent)
        tree = FileTree.build(
            [Entry(path[0].decode(), len(content)) for path, content in files], "top"
        )
        assert metainfo.info_hash_v1 is not None
        self.listed = Listed(metainfo.info_hash_v1.hex().upper(), tree)
        self.local = self.library.add(self.listed, self.torrent)
        self.clock = Clock()
        fetching: Any = self
        self.contents: Any = type("Contents", (), {"library": self.library})()
        self.follow = Follow(fetching, self.wanted(), "where", self.clock)

    async def look_where_it_is(self, listed: Listed, _local: Local) -> None:
        """As `Fetching` does, of an engine that has one directory."""
        self.library.look_again(listed.info_hash)

    def wanted(self, files: Sequence[int] = (1, 2)) -> Wanted:
        tree = self.listed.tree
        nodes = [node for node in range(len(tree)) if not tree.is_dir(node)]
        chosen = [nodes[number - 1] for number in files]
        wanted = Wanted(self.library, self.listed, self.local, chosen)
        while not wanted.finished:
            wanted.step(1)
        return wanted

    def progress(self, *done: int, state: State = State.FETCHING, message: str = "") -> Progress:
        info_hash = info_hash_of(self.local)
        indexes = [*range(len(done))]
        return Progress(info_hash, "top", state, indexes, done, 2 * SIZE, 7, 3, 2, message)


@pytest.fixture
def case(tmp_path: Path) -> Any:
    made = Case(tmp_path)
    yield made
    made.library.close()


async def test_what_is_done_is_verified(case: Case) -> None:
    follow = case.follow
    await follow.step(case.progress(0, 100))
    assert not follow.ended
    assert summed([follow])._asdict() == {
        "done": 100,
        "total": 2 * SIZE,
        "files": 0,
        "rate": 7,
        "peers": 3,
        "state": "fetching",
        "message": "",
    }
    torrents.lay_out(case.downloads, case.torrent, FILES[:1])
    await follow.step(case.progress(SIZE, 100))
    assert (follow.files, follow.verified, follow.ended) == (1, SIZE, False)
    torrents.lay_out(case.downloads, case.torrent, FILES)
    await follow.step(case.progress(SIZE, SIZE, state=State.FINISHED))
    assert (follow.files, follow.verified, follow.ended, follow.failure) == (2, 2 * SIZE, True, "")
    assert summed([follow]).state == ""


async def test_bytes_that_come_late(case: Case) -> None:
    follow, done = case.follow, case.progress(SIZE, SIZE, state=State.FINISHED)
    await follow.step(done)
    case.clock.now += 9
    torrents.lay_out(case.downloads, case.torrent, FILES)
    await follow.step(done)
    assert (follow.files, follow.failure) == (2, "")


async def test_bytes_that_are_wrong(case: Case) -> None:
    follow, done = case.follow, case.progress(SIZE, SIZE, state=State.FINISHED)
    wrong = [(path, bytes(len(content))) for path, content in FILES]
    torrents.lay_out(case.downloads, case.torrent, wrong)
    await follow.step(done)
    assert not follow.ended
    case.clock.now += LATE_SECONDS - 1
    await follow.step(done)
    assert not follow.ended
    case.clock.now += 1
    await follow.step(done)
    assert (follow.ended, follow.failure, follow.files) == (True, WRONG, 0)


async def test_edges_that_cannot_be_verified(tmp_path: Path) -> None:
    """A client may keep the parts of files that nobody wants where biofs does not look."""
    files: Sequence[Content] = (((b"a",), bytes_of("a", BLOCK + 9)), ((b"b",), bytes_of("b", SIZE)))
    case = Case(tmp_path, files)
    torrents.lay_out(case.downloads, case.torrent, files[:1])
    fetching: Any = case
    follow = Follow(fetching, case.wanted([1]), "where", case.clock)
    await follow.step(case.progress(BLOCK + 9, state=State.FINISHED))
    assert not follow.ended
    case.clock.now += EDGE_SECONDS
    await follow.step(case.progress(BLOCK + 9, state=State.FINISHED))
    assert follow.failure == EDGES
    case.library.close()


async def test_what_will_not_come(case: Case) -> None:
    follow = case.follow
    await follow.step(case.progress(0, 0, state=State.STOPPED))
    assert not follow.ended
    case.clock.now += STOPPED_SECONDS
    await follow.step(case.progress(0, 0, state=State.STOPPED, message="ratio reached"))
    assert follow.failure == f"ratio reached; it {STOPPED}"


@pytest.mark.parametrize("gone", [True, False])
async def test_what_nobody_fetches(case: Case, gone: bool) -> None:
    await case.follow.step(None if gone else case.progress(0))
    assert case.follow.failure == LEFT


async def test_what_has_failed(case: Case) -> None:
    await case.follow.step(case.progress(0, 0, state=State.FAILED, message="no space"))
    assert case.follow.failure == "no space"


def test_pieces_that_are_here_are_not_counted_again(case: Case) -> None:
    assert case.wanted().plan().coming == 2 * SIZE
    half = [(FILES[0][0], FILES[0][1][:BLOCK] + bytes(BLOCK))]
    torrents.lay_out(case.downloads, case.torrent, half)
    case.library.look_again(case.listed.info_hash)
    plan = case.wanted().plan()
    assert (plan.whole, plan.here) == (2 * SIZE, 0), "it has just changed"
    case.library.look_again(case.listed.info_hash)
    torrents.lay_out(case.downloads, case.torrent, FILES[:1])
    wanted = case.wanted()
    assert (len(wanted.right), len(wanted.missing)) == (1, 1)
