"""The libtorrent engine with a real tracker and real seeders: what came, and what came twice.

All of it is held to bytes and to counts of blocks at the seeder, never to seconds.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from biofs.contents.engines.daemon import messages, place
from biofs.contents.engines.daemon.messages import Configure, quoted
from biofs.contents.engines.engine import EngineError, OverLimitError, State
from biofs.contents.engines.libtorrent_engine import INSTALL, LibtorrentEngine
from tests.support.swarm import (
    BLOCK,
    GENEROUS,
    PASSKEY,
    Seeder,
    Tracker,
    altered,
    info_hash,
    pieces_of,
    private_torrent,
)
from tests.swarm.libtorrent_support import (
    PIECE,
    Swarm,
    all_ended,
    found,
    process_of,
    processes_of,
    until,
)

ENOUGH = 4
"""Pieces that are there before something is killed."""


@pytest.fixture
def swarm(tmp_path: Path) -> Iterator[Swarm]:
    tracker = Tracker(tmp_path / "tracker")
    made = Swarm(tmp_path, tracker)
    tracker.allow([made.hash])
    with tracker:
        yield made
        all_ended(made.engines)


def test_one_file_of_fifty_brings_its_pieces_alone(swarm: Swarm) -> None:
    engine = swarm.engine()
    pieces = pieces_of(swarm.files, 7, PIECE)
    with swarm.seeder() as seeder:
        engine.fetch(swarm.torrent, [7])
        swarm.finished(engine)
        assert seeder.pieces() == swarm.blocks(pieces)
    progress = found(engine, swarm.hash)
    assert progress.wanted == [7]
    assert progress.done == [100_000]
    assert progress.size == 100_000
    assert progress.name == "many"
    assert swarm.right(engine, swarm.files[7:8])
    assert engine.directory(swarm.hash) == engine.download_directory()
    there = {path for path in engine.download_directory().rglob("*") if path.is_file()}
    assert there == {swarm.path(engine, path) for path, _ in swarm.files[6:9]}
    assert engine.all() == [found(engine, swarm.hash)]
    assert engine.progress(bytes(20)) is None
    assert engine.directory(bytes(20)) is None


def test_a_directory_and_then_all(swarm: Swarm) -> None:
    engine = swarm.engine()
    inside = [number for number, (path, _) in enumerate(swarm.files) if path[0] == b"dir1"]
    with swarm.seeder() as seeder:
        engine.fetch(swarm.torrent, inside)
        swarm.finished(engine)
        assert swarm.right(engine, [swarm.files[each] for each in inside])
        engine.fetch(swarm.torrent, range(50))
        swarm.finished(engine)
        every = range(-(-len(swarm.whole) // PIECE))
        assert seeder.pieces() == swarm.blocks(every)
    assert swarm.right(engine, swarm.files)


def test_cancelled_it_keeps_what_is_there_and_fetches_no_more(swarm: Swarm) -> None:
    engine = swarm.engine()
    with swarm.seeder(rate=200_000) as seeder:
        engine.fetch(swarm.torrent, range(50))
        until(lambda: sum(found(engine, swarm.hash).done) > ENOUGH * PIECE)
        engine.cancel(swarm.hash)
        progress = found(engine, swarm.hash)
        assert all(done == 100_000 for done in progress.done)
        assert len(progress.wanted) < 25
        seeder.limit(0)
        engine.fetch(swarm.torrent, [49])
        swarm.finished(engine)
        assert len(seeder.pieces()) < len(swarm.whole) / PIECE / 2
        assert max(seeder.pieces().values()) <= PIECE // BLOCK
    assert any(engine.download_directory().rglob("file*"))
    assert swarm.right(engine, swarm.files[49:])


def test_killed_it_goes_on_and_fetches_nothing_twice(swarm: Swarm) -> None:
    engine = swarm.engine()
    with swarm.seeder(rate=1_000_000) as seeder:
        engine.fetch(swarm.torrent, range(50))
        until(lambda: sum(found(engine, swarm.hash).done) > ENOUGH * PIECE)
        pid = process_of(swarm.root / "state")
        os.kill(pid, signal.SIGKILL)
        until(lambda: not processes_of(swarm.root / "state"))
        every = range(-(-len(swarm.whole) // PIECE))
        whole = [piece for piece in every if swarm.on_disk(engine, piece)]
        assert len(whole) >= ENOUGH
        assert len(whole) < len(every)
        before = seeder.pieces()
        seeder.limit(0)
        assert found(engine, swarm.hash).wanted == list(range(50))
        swarm.finished(engine)
        after = seeder.pieces()
        assert [piece for piece in whole if after[piece] != before[piece]] == []
    assert swarm.right(engine, swarm.files)
    # What was finished and saved needs no hashing and no peer.
    until(lambda: not place.Records(swarm.root / "state").read(swarm.hash.hex())[1].unsaved)  # type: ignore[index]
    os.kill(process_of(swarm.root / "state"), signal.SIGKILL)
    until(lambda: not processes_of(swarm.root / "state"))
    swarm.finished(engine)


def test_stopped_it_goes_on_where_it_was(swarm: Swarm) -> None:
    engine = swarm.engine()
    with swarm.seeder(rate=1_000_000) as seeder:
        engine.fetch(swarm.torrent, range(50))
        until(lambda: sum(found(engine, swarm.hash).done) > ENOUGH * PIECE)
        engine.stop()
        assert not processes_of(swarm.root / "state")
        assert not (swarm.root / "state" / "socket").exists()
        every = range(-(-len(swarm.whole) // PIECE))
        whole = [piece for piece in every if swarm.on_disk(engine, piece)]
        before = seeder.pieces()
        seeder.limit(0)
        swarm.finished(engine)
        after = seeder.pieces()
        assert [piece for piece in whole if after[piece] != before[piece]] == []


def test_a_seeder_that_vanishes_and_comes_back(swarm: Swarm) -> None:
    engine = swarm.engine()
    with swarm.seeder(rate=1_000_000) as seeder:
        engine.fetch(swarm.torrent, range(50))
        until(lambda: sum(found(engine, swarm.hash).done) > ENOUGH * PIECE)
        seeder.kill()
        until(lambda: found(engine, swarm.hash).peers == 0)
        progress = found(engine, swarm.hash)
        assert progress.state == State.FETCHING
        assert sum(progress.done) > ENOUGH * PIECE
        seeder.start()
        swarm.finished(engine)
        assert sum(seeder.pieces().values()) * BLOCK < len(swarm.whole) - ENOUGH * PIECE + 2 * BLOCK
    assert swarm.right(engine, swarm.files)


def test_wrong_data_are_never_done(swarm: Swarm) -> None:
    engine = swarm.engine()
    path = swarm.files[20][0]
    bad = pieces_of(swarm.files, 20, PIECE)[1]
    with swarm.seeder():
        pass
    altered(swarm.root / "seed" / "many", b"/".join(path).decode(), 50_000)
    with Seeder(swarm.root / "seed", swarm.torrent, wrong=True) as seeder:
        engine.fetch(swarm.torrent, [3])
        swarm.finished(engine)
        engine.fetch(swarm.torrent, [20])
        until(lambda: seeder.pieces()[bad] >= PIECE // BLOCK)
        until(lambda: found(engine, swarm.hash).peers == 0)
        assert not engine.wait_for_pieces(swarm.hash, [bad], 0.1)
        progress = found(engine, swarm.hash)
        assert progress.state == State.FETCHING
        assert progress.wanted == [3, 20]
        assert progress.done[0] == 100_000
        assert progress.done[1] < 100_000
        assert seeder.pieces()[bad] == PIECE // BLOCK  # it is not asked again


@contextmanager
def _small_disk(directory: Path) -> Iterator[Callable[[], None]]:
    """Two MiB at a directory; what is given makes room."""
    directory.mkdir()

    def mount(*options: str) -> None:
        given = ["mount", "-t", "tmpfs", "-o", *options, "biofs-test", os.fspath(directory)]
        subprocess.run(given, check=True)

    mount("size=2m")
    try:
        yield lambda: mount("remount,size=20m")
    finally:
        subprocess.run(["umount", "-l", os.fspath(directory)], check=True)


def test_a_full_disk_and_then_room(swarm: Swarm) -> None:
    with _small_disk(swarm.root / "got") as make_room:
        engine = swarm.engine()
        with swarm.seeder():
            engine.fetch(swarm.torrent, range(50))
            until(lambda: found(engine, swarm.hash).state == State.FAILED)
            assert found(engine, swarm.hash).message == "no space left on device"
            until(lambda: ENOUGH * PIECE < sum(found(engine, swarm.hash).done) <= 2 << 20)
            assert found(engine, swarm.hash).state == State.FAILED
            assert found(engine, swarm.hash).wanted == list(range(50))
            assert engine.check()[-1].good is False
            make_room()
            swarm.finished(engine)
        assert found(engine, swarm.hash).message == ""
        assert swarm.right(engine, swarm.files)
        engine.stop()


def test_who_asks_again_need_not_wait_until_room_is_looked_for(swarm: Swarm) -> None:
    with _small_disk(swarm.root / "got") as make_room:
        engine = swarm.engine(retry=3600)
        with swarm.seeder():
            engine.fetch(swarm.torrent, range(50))
            until(lambda: found(engine, swarm.hash).state == State.FAILED)
            make_room()
            # Room is looked for once after a failure, and next in an hour.
            engine.fetch(swarm.torrent, range(50))
            swarm.finished(engine)
        assert swarm.right(engine, swarm.files)
        engine.stop()


def test_pieces_come_in_the_order_of_reading_and_are_readable(swarm: Swarm) -> None:
    engine = swarm.engine()
    with swarm.seeder() as seeder:
        for piece in [0, 1, 2, 100, 101, 50, *range(60, 90)]:
            engine.fetch_pieces(swarm.torrent, [piece])
            assert engine.wait_for_pieces(swarm.hash, [piece], GENEROUS) == {piece}
            assert swarm.on_disk(engine, piece)
        assert seeder.pieces() == swarm.blocks({0, 1, 2, 100, 101, 50, *range(60, 90)})
        # What is there is said at once, and what nobody fetches is not waited for after the time.
        assert engine.wait_for_pieces(swarm.hash, [70, 71, 120], GENEROUS) == {70, 71}
        assert engine.wait_for_pieces(swarm.hash, [120], 0.05) == frozenset()
        assert engine.wait_for_pieces(bytes(20), [1], GENEROUS) == frozenset()


def test_a_seek_comes_before_what_was_to_be_read(swarm: Swarm) -> None:
    engine = swarm.engine()
    with swarm.seeder(rate=100_000) as seeder:
        engine.fetch_pieces(swarm.torrent, range(100))
        assert engine.wait_for_pieces(swarm.hash, [0], GENEROUS) == {0}
        engine.fetch_pieces(swarm.torrent, [140])
        assert engine.wait_for_pieces(swarm.hash, [140], GENEROUS) == {140}
        assert len(seeder.pieces()) < 50


def test_a_reader_goes_on_when_the_process_is_killed(swarm: Swarm) -> None:
    engine = swarm.engine()
    with swarm.seeder(rate=1) as seeder:
        engine.fetch_pieces(swarm.torrent, [5, 6])
        state = swarm.root / "state"
        pid = process_of(state)
        found_pieces: list[object] = []
        reader = threading.Thread(
            target=lambda: found_pieces.append(engine.wait_for_pieces(swarm.hash, [5], GENEROUS))
        )
        reader.start()
        os.kill(pid, signal.SIGKILL)
        seeder.limit(0)
        reader.join(GENEROUS)
        assert found_pieces == [{5}]
        assert swarm.on_disk(engine, 5)


def test_many_clients_start_one_process(swarm: Swarm) -> None:
    engines = [swarm.engine() for _ in range(8)]
    barrier = threading.Barrier(len(engines))
    errors: list[BaseException] = []

    def ask(engine: LibtorrentEngine) -> None:
        try:
            barrier.wait()
            engine.fetch(swarm.torrent, [1])
        except BaseException as error:
            errors.append(error)

    with swarm.seeder() as seeder:
        threads = [threading.Thread(target=ask, args=[engine]) for engine in engines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        swarm.finished(engines[0])
        assert seeder.pieces() == swarm.blocks(pieces_of(swarm.files, 1, PIECE))
    assert processes_of(swarm.root / "state") == [process_of(swarm.root / "state")]


def test_the_passkey_is_nowhere(swarm: Swarm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOFS_COOKIE", f"session={PASSKEY}")
    engine = swarm.engine()
    other, _ = private_torrent(b"other", 2, 1000, announce=swarm.tracker.announce)
    with swarm.seeder():
        engine.fetch(swarm.torrent, [1])
        engine.fetch(other, [0])  # the tracker does not know it
        swarm.finished(engine)
        until(lambda: found(engine, info_hash(other)).message)
    message = found(engine, info_hash(other)).message
    assert message == "the tracker: Requested download is not authorized for use with this tracker."
    said = [*map(repr, engine.all()), *map(repr, engine.check()), message]
    assert message in "".join(said)
    process = Path("/proc") / str(process_of(swarm.root / "state"))
    said += [(process / each).read_bytes().decode() for each in ("cmdline", "environ")]
    assert not any(PASSKEY in each or "://" in each for each in said)
    assert "Max core file size        0                    0" in (process / "limits").read_text()
    engine.stop()
    holding = []
    for path in (swarm.root / "state", swarm.root / "got"):
        for file in (each for each in path.rglob("*") if each.is_file()):
            if PASSKEY.encode() in file.read_bytes():
                holding.append(file)
                assert stat.S_IMODE(file.stat().st_mode) == 0o600
                assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert {file.suffix for file in holding} <= {".torrent", ".resume"}
    assert len(holding) >= 2


def test_more_than_the_disk_may_take_is_refused(swarm: Swarm) -> None:
    engine = swarm.engine(disk=500_000)
    with swarm.seeder() as seeder:
        with pytest.raises(OverLimitError, match="500,000 that it may"):
            engine.fetch(swarm.torrent, range(50))
        with pytest.raises(OverLimitError):
            engine.fetch_pieces(swarm.torrent, range(20))
        assert engine.progress(swarm.hash) is None
        engine.fetch(swarm.torrent, [1])
        swarm.finished(engine)
        with pytest.raises(OverLimitError):
            engine.fetch(swarm.torrent, range(2, 7))
        assert seeder.pieces() == swarm.blocks(pieces_of(swarm.files, 1, PIECE))
    assert found(engine, swarm.hash).wanted == [1]


def test_one_torrent_at_a_time(swarm: Swarm) -> None:
    other, _ = private_torrent(b"other", 2, 1000, announce=swarm.tracker.announce)
    swarm.tracker.allow([swarm.hash, info_hash(other)])
    engine = swarm.engine(at_once=1)
    engine.fetch(other, [0])
    engine.fetch(swarm.torrent, [1])
    with swarm.seeder():
        assert found(engine, swarm.hash).state == State.STOPPED
        assert found(engine, info_hash(other)).state == State.FETCHING
        engine.cancel(info_hash(other))
        swarm.finished(engine)


def test_it_writes_into_nothing_that_has_the_name_of_a_torrent(swarm: Swarm) -> None:
    engine = swarm.engine()
    mine = engine.download_directory() / "many" / "dir0" / "file00"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with swarm.seeder():
        engine.fetch(swarm.torrent, [0])
        swarm.finished(engine)
    assert mine.read_bytes() == b"mine"
    directory = engine.directory(swarm.hash)
    assert directory == engine.download_directory() / swarm.hash.hex()
    assert (directory / "many" / "dir0" / "file00").read_bytes() == swarm.files[0][1]


def test_it_ends_when_there_is_nothing_to_do(swarm: Swarm) -> None:
    state = swarm.root / "state"
    engine = swarm.engine(idle=0.5)
    assert engine.all() == []
    until(lambda: not processes_of(state))
    with swarm.seeder():
        engine.fetch(swarm.torrent, [2])
        swarm.finished(engine)
    # Without a ratio, it seeds; with a ratio of 0, there is nothing more to do.
    assert processes_of(state)
    engine.close()
    swarm.engine(idle=0.5, ratio=0).all()
    until(lambda: not processes_of(state))
    assert swarm.right(engine, swarm.files[2:3])


def test_others_torrents_and_lines_do_it_no_harm(swarm: Swarm) -> None:
    engine = swarm.engine()
    for garbage in (b"", b"d", b"le", b"d4:infod4:name1:aee", swarm.torrent[:-40], b"\0" * 4096):
        with pytest.raises(EngineError):
            engine.fetch(garbage, [0])
    for index in (-1, 50, 2**62):
        with pytest.raises(EngineError):
            engine.fetch(swarm.torrent, [index])
    with pytest.raises(EngineError):
        engine.fetch_pieces(swarm.torrent, [2**31])
    pid = process_of(swarm.root / "state")
    hello = messages.line(Configure(directory=quoted(swarm.root / "got"), listen="127.0.0.1:0"))
    for line in (b"\n", b"\xff\n", b"[" * 100_000 + b"\n", b'{"do":"nothing"}\n', hello + hello):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.fspath(swarm.root / "state" / "socket"))
            connection.sendall(line)
            connection.settimeout(GENEROUS)
            assert connection.recv(10) == b""
    assert engine.all() == []
    assert process_of(swarm.root / "state") == pid


def test_a_process_that_is_just_ending_is_not_the_last_word(swarm: Swarm) -> None:
    state = swarm.root / "state"
    state.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as ending:
        ending.bind(os.fspath(state / "socket"))
        ending.listen()
        met = []

        def ends() -> None:
            for _ in range(2):  # for the first attempt, and for the second
                met.append(ending.accept())
                met[-1][0].close()
            ending.close()

        thread = threading.Thread(target=ends)
        thread.start()
        engine = swarm.engine()
        assert engine.all() == []
        thread.join()
    assert len(met) == 2
    assert process_of(state) != os.getpid()


def test_what_it_says_when_it_cannot_start(swarm: Swarm, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = swarm.root / "missing"
    missing.mkdir()
    (missing / "libtorrent.py").write_text("raise ImportError\n")
    with monkeypatch.context() as patched:
        patched.setenv("PYTHONPATH", os.fspath(missing))
        with pytest.raises(EngineError, match="pip install") as caught:
            swarm.engine().all()
        assert str(caught.value) == INSTALL
    (swarm.root / "state").mkdir()
    (swarm.root / "state").chmod(0o755)
    with pytest.raises(EngineError, match="chmod 700"):
        swarm.engine().all()


def test_warnings_that_are_errors_do_not_end_it(
    swarm: Swarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    engine = swarm.engine()
    with swarm.seeder():
        engine.fetch(swarm.torrent, [7])
        swarm.finished(engine)
    assert swarm.right(engine, swarm.files[7:8])


def test_what_doctor_says(swarm: Swarm) -> None:
    engine = swarm.engine()
    (first, *_) = engine.check()
    assert first.good
    assert "not running" in first.text
    with swarm.seeder():
        engine.fetch(swarm.torrent, [1])
        swarm.finished(engine)
    until(lambda: any("the tracker answered" in each.text for each in engine.check()))
    assert engine.check()[0].text.endswith(": running")
    assert all(each.good for each in engine.check())
