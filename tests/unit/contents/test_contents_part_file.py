"""Pieces whose other parts are in a client's part file: by hand, by libtorrent, and hostile."""

from __future__ import annotations

import os
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.contents.part_file import names, read_part
from biofs.contents.rules import Unverified
from biofs.tree.metainfo import Metainfo
from tests.support.torrents import BLOCK
from tests.unit.contents.contents_support import Clock
from tests.unit.contents.one_torrent import FILES, World

BIG = 4 * BLOCK + 6157
WHOLE = b"".join(content for _, content in FILES)
PIECES = -(-len(WHOLE) // BLOCK)
NOWHERE = 0xFFFFFFFF
HEADER = 1024


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Only `dir/big` is here: it begins and ends in a piece with others."""
    made = World(tmp_path, Clock())
    made.clock.now += 100
    for path in made.top.rglob("*"):
        if path.is_file() and path.name != "big":
            path.unlink()
    return made


def part_file(slots: dict[int, int], *, count: int = PIECES, size: int = BLOCK) -> bytes:
    """With these pieces in these slots."""
    numbers = [slots.get(piece, NOWHERE) for piece in range(count)]
    data = bytearray(struct.pack(f">{2 + count}I", count, size, *numbers).ljust(HEADER, b"\0"))
    for piece, slot in slots.items():
        start = HEADER + slot * BLOCK
        data.extend(bytes(max(start + BLOCK - len(data), 0)))
        content = WHOLE[piece * BLOCK : (piece + 1) * BLOCK]
        data[start : start + len(content)] = content
    return bytes(data)


def right(world: World) -> list[int]:
    """The pieces of `dir/big` that can be verified."""
    local = world.with_torrent()
    file = world.library.open(world.listed, local, world.node("dir/big"))
    try:
        return [number for number in range(file.piece_count) if file.verify(number)]
    finally:
        file.close()


def place(world: World) -> Path:
    (name,) = names(world.metainfo)
    return world.data / os.fsdecode(name)


def test_without_one_the_edges_cannot_be_verified(world: World) -> None:
    assert right(world) == [1, 2, 3]


def test_the_edges_are_verified_with_what_it_has(world: World) -> None:
    place(world).write_bytes(part_file({0: 1, 4: 0}))
    assert right(world) == [0, 1, 2, 3, 4]


def test_it_may_lie_in_the_top_itself(world: World) -> None:
    (world.top / place(world).name).write_bytes(part_file({0: 0}))
    assert right(world) == [0, 1, 2, 3]


def test_the_hash_decides(world: World) -> None:
    data = bytearray(part_file({0: 1, 4: 0}))
    data[HEADER + BLOCK] ^= 1  # the first byte of piece 0
    place(world).write_bytes(data)
    assert right(world) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        part_file({0: 0, 4: 1}, count=PIECES + 1),
        part_file({0: 0, 4: 1}, size=BLOCK * 2),
        part_file({})[:8] + struct.pack(">I", PIECES) + part_file({})[12:],
        part_file({})[:8] + struct.pack(">I", 0x7FFFFFFF) + part_file({})[12:],
        part_file({0: 0})[: HEADER + 50],
        part_file({0: 0})[:8],
    ],
    ids=["empty", "short", "count", "size", "slot", "far slot", "cut", "no slots"],
)
def test_what_does_not_fit_is_not_used(world: World, data: bytes) -> None:
    place(world).write_bytes(data)
    assert right(world) == [1, 2, 3]


def test_a_link_is_not_followed(world: World, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(part_file({0: 0}))
    place(world).symlink_to(tmp_path / "elsewhere")
    assert right(world) == [1, 2, 3]


def test_a_file_that_is_in_it_alone_is_not_served(world: World) -> None:
    place(world).write_bytes(part_file({0: 0, 4: 1}))
    with pytest.raises(Unverified):
        world.library.open(world.listed, world.with_torrent(), world.node("a"))


def test_what_libtorrent_has_written_is_read(world: World, tmp_path: Path) -> None:
    pytest.importorskip("libtorrent", reason="there is no libtorrent")
    directory = tmp_path / "client"
    _fetched_by_libtorrent(world.torrent, directory)
    (name,) = names(world.metainfo)
    written = directory / os.fsdecode(name)
    assert {path.name for path in (directory / "top").rglob("*") if path.is_file()} == {"big"}
    written.rename(place(world))
    (directory / "top/dir/big").rename(world.top / "dir/big")
    assert right(world) == [0, 1, 2, 3, 4]


def _fetched_by_libtorrent(torrent: bytes, directory: Path) -> None:
    """As if it had fetched all pieces of `dir/big`, and nothing else had been wanted."""
    import libtorrent

    session = libtorrent.session({"listen_interfaces": "", "enable_dht": False})
    params = libtorrent.add_torrent_params()
    params.ti = libtorrent.torrent_info(libtorrent.bdecode(torrent))
    params.save_path = str(directory)
    params.file_priorities = [0, 4, 0, 0, 0]
    handle = session.add_torrent(params)
    _until(handle, "downloading")
    for piece in range(5):
        handle.add_piece(piece, WHOLE[piece * BLOCK : (piece + 1) * BLOCK], 0)
    _until(handle, "finished")
    session.remove_torrent(handle)
    del handle, session  # it ends when all is written


def _until(handle: Any, state: str) -> None:
    end = time.monotonic() + 60
    while str(handle.status().state) != state:
        assert time.monotonic() < end, handle.status().state
        time.sleep(0.01)


NUMBERS = st.integers(0, 2**32 - 1) | st.integers(0, 8)


@given(
    st.lists(NUMBERS, max_size=12),
    st.binary(max_size=64),
    st.integers(0, 3000),
    st.integers(-1, 9),
    st.integers(-1, BLOCK + 1),
    st.integers(-1, BLOCK + 1),
)
def test_any_part_file_gives_the_bytes_asked_for_or_none(
    header: list[int], tail: bytes, length: int, piece: int, offset: int, asked: int
) -> None:
    numbers = struct.pack(f">{2 + len(header)}I", PIECES, BLOCK, *header)
    with tempfile.TemporaryFile() as file:
        file.write((numbers + tail)[:length])
        file.truncate(HEADER + 3 * BLOCK)
        file.flush()
        found = read_part(file.fileno(), METAINFO, piece, offset, asked)
    assert found is None or len(found) == asked > 0
    if found is not None:
        assert 0 <= piece < PIECES
        assert offset + asked <= BLOCK


@given(st.binary(max_size=200))
def test_any_bytes_are_no_part_file(data: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        assert read_part(file.fileno(), METAINFO, 0, 0, BLOCK) is None


def _metainfo() -> Metainfo:
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory), Clock())
        world.library.close()
        return world.metainfo


METAINFO = _metainfo()
