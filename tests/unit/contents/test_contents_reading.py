"""Reading: what is hashed when, and that nothing wrong is read, whatever happens to the disk."""

from __future__ import annotations

import errno
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofs.contents import gathering, reading
from biofs.contents.disk.beneath import DataDirectory
from biofs.contents.disk.places import Place
from biofs.contents.ledger import Ledger
from biofs.contents.piece_cache import PieceCache
from biofs.contents.reading import OpenFile
from biofs.contents.rules import Shared, Unverified
from biofs.tree.metainfo import Metainfo, parse
from tests.support import torrents
from tests.support.torrents import BLOCK, Content, bytes_of

NOW = time.time() + 3600
"""By this clock, every file has been as it is for an hour."""


class Disk:
    """A torrent's data on a disk, and what reads them."""

    def __init__(self, base: Path, torrent: bytes, files: list[Content], wall: float = NOW) -> None:
        self.base = base
        self.files = files
        self.metainfo: Metainfo = parse(torrent)
        torrents.lay_out(base, torrent, files)
        self.ledger = Ledger(None)
        self.now = wall
        self.shared = Shared(
            self.ledger, PieceCache(lambda: self.now), trio.CapacityLimiter(4), self.wall
        )
        self.place = Place(DataDirectory(base), (self.metainfo.name,), self.metainfo.single)

    def wall(self) -> float:
        return self.now

    def path(self, number: int) -> Path:
        parts = map(os.fsdecode, self.files[number][0])
        return self.base.joinpath(os.fsdecode(self.metainfo.name), *parts)

    def index(self, number: int) -> int:
        found = self.metainfo.find(self.files[number][0])
        assert found is not None
        return found

    def open(self, number: int, *, local: bool = True) -> OpenFile:
        descriptor = os.open(self.path(number), os.O_RDONLY)
        return OpenFile(
            self.shared, self.metainfo, self.place, self.index(number), descriptor, local=local
        )


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The numbers of the pieces that are hashed meanwhile."""
    hashed: list[int] = []
    real = reading.is_right

    def is_right(piece, data):  # type: ignore[no-untyped-def]
        hashed.append(piece.index)
        return real(piece, data)

    with monkeypatch.context() as patch:
        patch.setattr(reading, "is_right", is_right)
        yield hashed


def disk(base: Path, *sizes: int, piece_length: int = BLOCK, kind: torrents.Kind = "v1") -> Disk:
    files = [((b"f%d" % n,), bytes_of(str(n), size)) for n, size in enumerate(sizes)]
    return Disk(base, torrents.make(b"top", files, piece_length=piece_length, kind=kind), files)


async def test_a_piece_is_hashed_once_and_then_read_straight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = disk(tmp_path, 10 * BLOCK)
    data = made.files[0][1]
    file = made.open(0)
    with counting(monkeypatch) as hashed:
        assert file.read_now(0, 100) is None
        assert await file.read(BLOCK + 5, 10) == data[BLOCK + 5 : BLOCK + 15]
        assert hashed == [1]
        made.shared.pieces.forget()
        assert await file.read(BLOCK - 5, 10) == data[BLOCK - 5 : BLOCK + 5]
        assert hashed == [1, 0], "a read of two pieces of which one is known hashes the other"
        made.shared.pieces.forget()
        assert file.read_now(5, 2 * BLOCK - 5) in (data[5 : 2 * BLOCK], None)
        assert await file.read(5, 2 * BLOCK - 5) == data[5 : 2 * BLOCK]
        assert hashed == [1, 0]
        file.close()
        again = made.open(0)
        assert await again.read(5, 100) == data[5:105]
        assert hashed == [1, 0], "the next who opens it knows"
        again.close()


async def test_beyond_the_end_there_is_nothing(tmp_path: Path) -> None:
    made = disk(tmp_path, 100, 0)
    file = made.open(0)
    assert file.read_now(100, 10) == b""
    assert await file.read(1000, 10) == b""
    assert await file.read(90, 100) == made.files[0][1][90:]
    file.close()
    empty = made.open(1)
    empty.check()
    assert empty.read_now(0, 10) == b""
    empty.close()


async def test_what_changed_a_moment_ago_is_read_and_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = disk(tmp_path, 2 * BLOCK)
    made.now = made.path(0).stat().st_ctime + 1
    file = made.open(0)
    with counting(monkeypatch) as hashed:
        for _ in range(3):
            assert await file.read(0, 10) == made.files[0][1][:10]
        assert hashed == [0], "it is in memory"
        made.shared.pieces.forget()
        assert await file.read(0, 10) == made.files[0][1][:10]
        assert hashed == [0, 0]
        assert file.read_now(0, 10) is None
    file.close()


async def test_of_a_network_nothing_is_read_in_the_event_loop(tmp_path: Path) -> None:
    made = disk(tmp_path, BLOCK)
    file = made.open(0, local=False)
    assert await file.read(0, 10) == made.files[0][1][:10]
    assert file.read_now(0, 10) is None
    file.close()


async def test_a_wrong_piece_is_not_hashed_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = disk(tmp_path, 4 * BLOCK)
    with made.path(0).open("r+b") as changed:
        changed.write(b"wrong")
    file = made.open(0)
    with counting(monkeypatch) as hashed:
        for offset in (0, 4096, 8192):
            with pytest.raises(Unverified) as caught:
                await file.read(offset, 4096)
            assert caught.value.errno == errno.ENODATA
        assert hashed == [0]
        made.now += 10
        with pytest.raises(Unverified):
            await file.read(0, 10)
        assert hashed == [0, 0]
    file.close()


async def test_what_changes_while_it_is_hashed_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = disk(tmp_path, 2 * BLOCK)
    file = made.open(0)
    real = reading.is_right

    def changing(piece, data):  # type: ignore[no-untyped-def]
        overwrite(made.path(0), 0, 10)
        os.utime(made.path(0), (1, 1))
        return real(piece, data)

    with monkeypatch.context() as patch:
        patch.setattr(reading, "is_right", changing)
        assert await file.read(0, 10) == made.files[0][1][:10], "these bytes were hashed"
    made.shared.pieces.forget()
    with pytest.raises(Unverified):
        await file.read(0, 10)
    file.close()


async def test_what_another_thread_finds_meanwhile_is_not_marked(tmp_path: Path) -> None:
    made = disk(tmp_path, 2 * BLOCK)
    file = made.open(0)
    other = file.identity._replace(mtime_ns=1)

    def wall() -> float:  # asked between the look at the file and the mark
        file._state = file._known(other)
        return NOW

    file._shared = made.shared._replace(wall=wall)
    assert await file.read(0, 10) == made.files[0][1][:10]
    assert not any(file._known(other)[1].pieces)
    file.close()


async def test_many_readers_of_one_piece_hash_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = disk(tmp_path, 64 * BLOCK, piece_length=64 * BLOCK)
    file = made.open(0)
    with counting(monkeypatch) as hashed:
        async with trio.open_nursery() as nursery:
            for number in range(16):
                nursery.start_soon(file.read, number * BLOCK, BLOCK)
    assert hashed == [0]
    file.close()


async def test_it_is_closed_by_a_read_that_was_abandoned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = disk(tmp_path, BLOCK)
    file = made.open(0)
    go_on = trio.lowlevel.current_trio_token()
    started, release = trio.Event(), threading.Event()
    real = reading.is_right

    def slow(piece, data):  # type: ignore[no-untyped-def]
        go_on.run_sync_soon(started.set)
        release.wait(10)
        return real(piece, data)

    monkeypatch.setattr(reading, "is_right", slow)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(file.read, 0, 10)
        await started.wait()
        nursery.cancel_scope.cancel()
    before = len(os.listdir("/proc/self/fd"))
    file.close()
    assert len(os.listdir("/proc/self/fd")) == before, "the thread still reads it"
    release.set()
    with trio.fail_after(5):
        while len(os.listdir("/proc/self/fd")) == before:
            await trio.sleep(0.01)
    with pytest.raises(OSError, match="Bad file descriptor"):
        await file.read(0, 10)


async def test_a_piece_too_large_for_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST_PIECE", BLOCK)
    made = disk(tmp_path, 3 * BLOCK, piece_length=2 * BLOCK)
    file = made.open(0)
    with pytest.raises(Unverified):
        await file.read(0, 10)
    assert await file.read(2 * BLOCK, 10) == made.files[0][1][2 * BLOCK : 2 * BLOCK + 10]
    file.close()


async def test_large_pieces_are_in_memory_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGE_PIECE", BLOCK)
    made = disk(tmp_path, 8 * BLOCK, piece_length=2 * BLOCK)
    file = made.open(0)
    assert await file.read(0, 8 * BLOCK) == made.files[0][1]
    file.close()


@pytest.mark.parametrize("kind", ["v1", "v2", "hybrid"])
def test_whatever_happens_to_the_disk(
    kind: torrents.Kind, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Files are overwritten, cut, restored and replaced; what is read is right or refused."""
    sizes = (BLOCK + 7, 2 * BLOCK, 0)
    stamp = itertools.count(1)

    def stamped(path: Path, change: Callable[[Path], object]) -> None:
        change(path)
        if path.exists():  # a new time even where the file system counts in large steps
            os.utime(path, ns=(0, next(stamp) * 1_000_000_000))

    which = st.integers(0, len(sizes) - 1)
    place = st.sampled_from([0, 5, BLOCK - 3, BLOCK, 2 * BLOCK - 1])
    size = st.sampled_from([1, 10, BLOCK, 3 * BLOCK])
    step = st.one_of(
        st.tuples(st.just("read"), which, place, size),
        st.tuples(st.just("garbage"), which, place, size),
        st.tuples(st.just("cut"), which, place, st.just(0)),
        st.tuples(st.just("restore"), which, st.just(0), st.just(0)),
        st.tuples(st.just("replace"), which, st.just(0), st.just(0)),
        st.tuples(st.just("remove"), which, st.just(0), st.just(0)),
        st.tuples(st.just("forget"), which, st.just(0), st.just(0)),
    )

    @settings(
        max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(st.lists(step, max_size=25))
    def run(steps: list[tuple[str, int, int, int]]) -> None:
        made = disk(tmp_path_factory.mktemp("disk"), *sizes, kind=kind)
        opened: dict[int, OpenFile] = {}
        try:
            for what, number, offset, size in steps:
                path, data = made.path(number), made.files[number][1]
                if what == "read":
                    if number not in opened and path.exists():
                        opened[number] = made.open(number)
                    if number in opened:
                        assert read(opened[number], offset, size) in (
                            data[offset : offset + size],
                            None,
                        )
                elif what == "garbage" and path.exists():
                    stamped(path, lambda p, o=offset, s=size: overwrite(p, o, s))  # type: ignore[misc]
                elif what == "cut" and path.exists():
                    stamped(path, lambda p, o=offset: os.truncate(p, o))  # type: ignore[misc]
                elif what == "restore":
                    stamped(path, lambda p, d=data: p.write_bytes(d))  # type: ignore[misc]
                elif what == "replace":
                    path.unlink(missing_ok=True)
                    stamped(path, lambda p, d=data: p.write_bytes(d))  # type: ignore[misc]
                elif what == "remove":
                    path.unlink(missing_ok=True)
                elif what == "forget":
                    made.shared.pieces.forget()
        finally:
            for file in opened.values():
                file.close()
            made.ledger.close()

    run()


def overwrite(path: Path, offset: int, size: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xee" * size)


def read(file: OpenFile, offset: int, size: int) -> bytes | None:
    found = file.read_now(offset, size)
    if found is not None:
        return found
    try:
        return file._read(offset, min(offset + size, file.length)) if offset < file.length else b""
    except Unverified:
        return None


async def test_an_error_of_the_disk_is_the_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = disk(tmp_path, 2 * BLOCK)
    file = made.open(0)

    def failing(*_args: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", failing)
        with pytest.raises(OSError, match="Input/output error") as caught:
            await file.read(0, 10)
        assert not isinstance(caught.value, Unverified)
    assert await file.read(0, 10) == made.files[0][1][:10], "the disk is there again"
    file.close()
