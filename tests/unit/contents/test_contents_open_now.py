"""Opening in the event loop: only what is known to be right, and never with a wait."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from biofs.contents import library as library_module
from biofs.contents.disk.beneath import DataDirectory
from biofs.contents.disk.last_folder import LastFolder
from biofs.contents.disk.places import Place
from biofs.contents.ledger import Ledger
from biofs.contents.matching import Local
from biofs.contents.reading import OpenFile
from tests.support.torrents import BLOCK
from tests.unit.contents.contents_support import Clock, promptly, silent_fuse
from tests.unit.contents.one_torrent import FILES, World

ONE, BIG, FIRST = "dir/inner/one", "dir/big", "a"


@pytest.fixture
def world(tmp_path: Path, clock: Clock) -> Iterator[World]:
    world = World(tmp_path, clock)
    yield world
    world.library.close()


@pytest.fixture
def local(world: World) -> Local:
    return world.with_torrent()


def open_now(world: World, path: str) -> OpenFile | None:
    found: OpenFile | None = promptly(world.library.open_now, world.listed, world.node(path))
    return found


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_file_that_was_verified_is_opened_and_read_at_once(world: World, local: Local) -> None:
    world.verify(local, ONE)
    before = descriptors()
    file = open_now(world, ONE)
    assert file is not None
    assert file.read_now(0, BLOCK) == FILES[3][1]
    file.close()
    assert descriptors() == before


def test_a_small_one_that_was_not_is_for_a_thread(world: World, local: Local) -> None:
    world.verify(local, FIRST)
    before = descriptors()
    assert open_now(world, "z") is None
    assert descriptors() == before


def test_of_a_large_one_nothing_is_read_before_it_is_verified(world: World, local: Local) -> None:
    world.library.open(world.listed, local, world.node(ONE)).close()
    file = open_now(world, BIG)
    assert file is not None
    assert file.read_now(0, 10) is None
    file.close()


def test_a_torrent_that_was_not_looked_for_is_for_a_thread(world: World) -> None:
    assert open_now(world, ONE) is None


def test_what_has_changed_is_for_a_thread(world: World, local: Local) -> None:
    world.verify(local, ONE)
    os.utime(world.top / ONE)
    assert open_now(world, ONE) is None
    os.truncate(world.top / ONE, 5)
    assert open_now(world, ONE) is None
    (world.top / ONE).unlink()
    (world.top / ONE).symlink_to("/etc/passwd")
    assert open_now(world, ONE) is None


def test_the_ledger_is_not_waited_for(world: World, local: Local) -> None:
    world.verify(local, ONE)
    before = descriptors()
    with world.library.ledger._lock:
        assert open_now(world, ONE) is None
    assert descriptors() == before


def test_a_file_system_of_another_machine_is_for_a_thread(
    world: World, local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.verify(local, ONE)
    monkeypatch.setattr(library_module.mountinfo, "by_id", lambda _: None)
    world.clock.now += 10
    assert open_now(world, ONE) is None


def test_nobody_waits_for_a_daemon_that_does_not_answer(tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    silent.mkdir()
    with silent_fuse(silent, "fuse.sshfs"):
        place = Place(DataDirectory(silent), (b"top",), single=False)
        assert promptly(place.open_cached, (b"f",), 1, LastFolder(lambda _: True)) is None
        assert promptly(place.open_cached, (b"f",), 1, LastFolder(lambda _: False)) is None


def test_a_name_that_nobody_has_asked_for_is_for_a_thread(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/f").write_bytes(b"x")
    data = DataDirectory(tmp_path / "data")
    opened = data.open_cached((b"f",), lambda _: True)
    assert opened is not None
    assert os.read(opened.descriptor, 5) == b"x"
    assert os.path.samestat(opened.status, (tmp_path / "data/f").stat())
    os.close(opened.descriptor)
    for path in ((), (b"missing",), (b"..",), (b"f", b"below")):
        assert data.open_cached(path, lambda _: True) is None
    os.mkfifo(tmp_path / "data/pipe")
    assert promptly(data.open_cached, (b"pipe",), lambda _: True) is None


def test_who_shares_a_piece_is_verified_with_it(world: World, local: Local) -> None:
    world.verify(local, BIG)
    file = open_now(world, FIRST)
    assert file is not None
    assert file.read_now(0, 100) == FILES[0][1]
    file.close()


def test_unless_it_has_just_changed(world: World, local: Local) -> None:
    world.clock.ahead = 0.0
    file = world.library.open(world.listed, local, world.node(BIG))
    assert file.verify(0)
    file.close()
    assert open_now(world, FIRST) is None


def test_unless_it_changes_meanwhile(
    world: World, local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    from biofs.contents import gathering

    real = gathering.pread

    def changing(descriptor: int, offset: int, size: int) -> bytes:
        data = real(descriptor, offset, size)
        if size == 100:
            os.utime(world.top / FIRST)
        return data

    monkeypatch.setattr(gathering, "pread", changing)
    file = world.library.open(world.listed, local, world.node(BIG))
    assert file.verify(0)
    file.close()
    monkeypatch.setattr(gathering, "pread", real)
    assert open_now(world, FIRST) is None


def test_what_is_saved_later_is_known_before_and_after(tmp_path: Path, world: World) -> None:
    local = world.with_torrent()
    path = tmp_path / "contents.sqlite"
    world.library.ledger.close()
    ledger = Ledger(path)
    world.library = world.other_library(ledger)
    world.verify(local, ONE)
    count = len(list(ledger.of_torrent(local.metainfo.info_hash_v1 or b"")))
    assert count == 3, "with its two neighbours"
    thread = threading.Thread(target=ledger.flush)
    thread.start()
    thread.join()
    second = Ledger(path)
    assert len(list(second.of_torrent(local.metainfo.info_hash_v1 or b""))) == count
    second.close()
