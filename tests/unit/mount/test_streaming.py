"""What a reader in a row costs: messages to the engine, and hashes. The engine is a made-up one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio

from biofs.contents import reading
from biofs.contents.engines.engine import OverLimitError, Progress
from biofs.contents.ledger import Ledger
from biofs.contents.library import Library
from biofs.contents.matching import Listed
from biofs.contents.read_budget import Limits, ReadBudget
from biofs.mount.contents import Contents
from biofs.mount.fetching import Fetching
from biofs.mount.kernel.processes import Process
from biofs.mount.streaming import Streamed, Streams
from biofs.tree.filelist import Entry
from biofs.tree.layout import FileTree
from biofs.tree.metainfo import parse
from tests.support.catalogues import Patient
from tests.support.torrents import bytes_of, make

PIECE = 64 * 1024
COUNT = 64
READ = 16 * 1024
CONTENT = bytes_of("stream", PIECE * COUNT)
PLENTY = Limits(1 << 40, 1 << 40, 1 << 40)


class Engine:
    """A `StreamingEngine` to which all pieces come at once, and which counts what it is asked."""

    name = "libtorrent"

    def __init__(self, directory: Path) -> None:
        self.path = directory / "top/big"
        self.asked = Counter[str]()
        self.had: set[int] = set()
        self.torrents: list[bytes] = []
        self.holds_back: set[int] = set()
        self.room = COUNT
        self._came = threading.Condition()

    def fetch_pieces(self, torrent: bytes, pieces: Sequence[int]) -> None:
        self.asked["torrent"] += 1
        self.torrents.append(torrent)
        self._fetch(pieces)

    def fetch_more(self, _info_hash: bytes, pieces: Sequence[int]) -> bool:
        self.asked["pieces"] += 1
        if self.torrents:
            self._fetch(pieces)
        return bool(self.torrents)

    def _fetch(self, pieces: Sequence[int]) -> None:
        if len(self.had.union(pieces)) > self.room:
            raise OverLimitError("no room")
        if not self.path.exists():
            self.path.parent.mkdir()
            self.path.touch()
            with self.path.open("r+b") as file:
                file.truncate(len(CONTENT))
        with self._came, self.path.open("r+b") as file:
            for piece in set(pieces) - self.holds_back - self.had:
                file.seek(piece * PIECE)
                file.write(CONTENT[piece * PIECE : (piece + 1) * PIECE])
                self.had.add(piece)
            self._came.notify_all()

    def wait_for_pieces(
        self, _info_hash: bytes, pieces: Sequence[int], timeout: float
    ) -> Collection[int]:
        self.asked["wait"] += 1
        with self._came:
            self._came.wait_for(lambda: self.had.intersection(pieces), timeout)
            return self.had.intersection(pieces)

    def progress(self, _info_hash: bytes) -> Progress | None:
        self.asked["progress"] += 1
        return None

    def directory(self, _info_hash: bytes) -> Path:
        self.asked["directory"] += 1
        return self.path.parents[1]

    def close(self) -> None:
        pass


@asynccontextmanager
async def reader(tmp_path: Path, limits: Limits = PLENTY) -> AsyncIterator[tuple[Engine, Streamed]]:
    downloads, folder = tmp_path / "downloads", tmp_path / "torrents"
    downloads.mkdir()
    folder.mkdir()
    torrent = make(b"top", [((b"big",), CONTENT)], piece_length=PIECE)
    (folder / "big.torrent").write_bytes(torrent)
    info_hash = parse(torrent).info_hash_v1
    assert info_hash is not None
    listed = Listed(info_hash.hex(), FileTree.build([Entry("big", len(CONTENT))], "top"))
    library = Library([], [folder], Ledger(None), downloads=[downloads])
    catalogue = cast(Any, SimpleNamespace(queue=SimpleNamespace(offline=True)))
    contents = Contents(catalogue, library, None)
    engine = Engine(downloads)
    fetching = Fetching(contents, lambda: cast(Any, engine), ask_above=0)
    streams = Streams(fetching, ReadBudget(None, limits), 0)
    async with trio.open_nursery() as nursery:
        await nursery.start(contents.run)
        process = Process(1, 1, "reader")
        node = len(listed.tree) - 1
        data = Streamed(streams, 1, listed, node, Patient(), process, None)
        yield engine, data
        data.close()
        nursery.cancel_scope.cancel()
    contents.close()
    streams.close()


async def read(data: Streamed, start: int, stop: int) -> bytes:
    parts = []
    for offset in range(start, stop, READ):
        size = min(READ, stop - offset)
        found = data.read(offset, size)
        parts.append(await data.read_from_disk(offset, size) if found is None else bytes(found))
        await trio.sleep(0)
    return b"".join(parts)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    counted = Counter[int]()

    def is_right(piece: Any, data: bytes) -> bool:
        counted[piece.index] += 1
        return bool(known(piece, data))

    known = reading.is_right
    monkeypatch.setattr(reading, "is_right", is_right)
    return counted


async def test_a_file_in_a_row_takes_few_messages_and_a_hash_a_piece(
    tmp_path: Path, hashed: Counter[int]
) -> None:
    async with reader(tmp_path) as (engine, data):
        assert await read(data, 0, len(CONTENT)) == CONTENT
        assert engine.asked["torrent"] == 1, "its .torrent is sent once"
        assert engine.asked["wait"] <= COUNT
        assert engine.asked["pieces"] <= 16, "windows, and not pieces"
        assert engine.asked["progress"] == 0
        assert engine.asked["directory"] <= 1
        assert hashed.total() <= COUNT + 1
        before = engine.asked.copy()
        await trio.sleep(1.5)
        assert engine.asked == before, "nobody reads"
        # What is in memory is read again without a message and without a hash.
        hashes = hashed.total()
        assert await read(data, 10 * PIECE, 20 * PIECE) == CONTENT[10 * PIECE : 20 * PIECE]
        assert engine.asked == before
        assert hashed.total() == hashes


async def test_one_read_takes_its_piece_and_few_more(tmp_path: Path, hashed: Counter[int]) -> None:
    async with reader(tmp_path) as (engine, data):
        for piece in (0, 40, 20, 60):
            start = piece * PIECE
            assert await read(data, start, start + 100) == CONTENT[start : start + 100]
        await trio.sleep(0.2)
        assert engine.had == {*range(5), *range(40, 45), *range(20, 25), 60}
        assert engine.asked["pieces"] == 4
        assert engine.asked["wait"] == 4
        assert hashed[20] <= 2, "to see that it is not here, and when it had come"
        assert not hashed[21], "nobody reads it"


async def test_what_follows_comes_before_it_is_read(tmp_path: Path, hashed: Counter[int]) -> None:
    async with reader(tmp_path) as (engine, data):
        await read(data, 0, 8 * PIECE)
        with trio.fail_after(30):
            while not hashed[12]:
                await trio.sleep(0.01)
        asked = engine.asked["pieces"]
        assert data.read(8 * PIECE, READ) == CONTENT[8 * PIECE : 8 * PIECE + READ]
        assert data.read(9 * PIECE, READ) == CONTENT[9 * PIECE : 9 * PIECE + READ]
        assert engine.asked["pieces"] <= asked + 1


async def test_what_is_needed_comes_if_there_is_room_for_that_alone(tmp_path: Path) -> None:
    async with reader(tmp_path) as (engine, data):
        engine.room = 2
        assert await read(data, 0, 100) == CONTENT[:100]
        assert await read(data, 40 * PIECE, 40 * PIECE + 100) == CONTENT[40 * PIECE :][:100]
        assert engine.had == {0, 40}
        with pytest.raises(OSError, match="quota"):
            await read(data, 20 * PIECE, 20 * PIECE + 100)


async def test_nothing_is_asked_for_beyond_the_budget(tmp_path: Path) -> None:
    async with reader(tmp_path, Limits(1 << 40, 10 * PIECE, 1 << 40)) as (engine, data):
        with pytest.raises(OSError, match="quota"):
            await read(data, 0, len(CONTENT))
        await trio.sleep(0.2)
        assert engine.had == set(range(10))


async def test_bytes_that_changed_on_the_disk_are_not_served(tmp_path: Path) -> None:
    async with reader(tmp_path) as (engine, data):
        assert await read(data, 0, PIECE) == CONTENT[:PIECE]
        with engine.path.open("r+b") as file:
            file.write(bytes(100))
        assert data.read(0, 100) is None
        engine.had.discard(0)
        engine.holds_back.add(0)
        with trio.move_on_after(1.5):
            await read(data, 0, 100)
            raise AssertionError("it was served")
        engine.holds_back.clear()
        assert await read(data, 0, 100) == CONTENT[:100]
