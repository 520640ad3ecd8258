"""The libtorrent engine keeps what is set: limits, its identity, and private torrents private.

Limits are held to bytes that were sent. Where time comes in, more of it only allows more.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import libtorrent
import pytest

from biofs.contents.engines.daemon import options
from biofs.contents.engines.daemon.messages import Configure, quoted
from biofs.contents.engines.daemon.place import Records
from biofs.contents.engines.daemon.session import Session
from biofs.contents.engines.engine import State
from biofs.contents.engines.libtorrent_engine import LibtorrentEngine
from tests.support import torrents
from tests.support.eavesdropping import Heard, NotingTracker, heard
from tests.support.swarm import BLOCK, Seeder, Tracker, info_hash, private_torrent
from tests.support.torrents import Content, Kind, bytes_of
from tests.swarm.libtorrent_support import PIECE, Swarm, all_ended, found, process_of, until

RATE = 200_000
"""Bytes a second, for a torrent of 5 MB."""
BURST = 2 * RATE
"""What may go out at once before a limit of rate has an effect, and what is on its way."""


@pytest.fixture
def swarm(tmp_path: Path) -> Iterator[Swarm]:
    tracker = Tracker(tmp_path / "tracker")
    made = Swarm(tmp_path, tracker)
    tracker.allow([made.hash])
    with tracker:
        yield made
        all_ended(made.engines)


# Torrents of every version.


@pytest.mark.parametrize("kind", ["v2", "hybrid"])
def test_torrents_of_v2_are_fetched_byte_for_byte(swarm: Swarm, kind: Kind) -> None:
    files = [
        ((b"dir%d" % (number % 2), b"file%d" % number), bytes_of(f"{kind}{number}", size))
        for number, size in enumerate((50_001, 100_000, 0, PIECE, 17, 70_000, 33_333))
    ]
    files.sort()
    torrent = torrents.make(
        b"kind",
        files,
        piece_length=PIECE,
        kind=kind,
        announce=swarm.tracker.announce.encode(),
    )
    hashes = libtorrent.load_torrent_buffer(torrent).ti.info_hashes()
    info = (hashes.v1 if hashes.has_v1() else hashes.v2).to_bytes()[:20]
    swarm.tracker.allow([info, hashes.v2.to_bytes()[:20]])
    # In the metainfo, a hybrid has a pad file behind each file that does not end with a piece.
    listed = [(path, content, False) for path, content in files]
    if kind == "hybrid":
        listed = torrents.padded(files, PIECE)
    indexes = [at for at, (_, _, pad) in enumerate(listed) if not pad]
    starts = _starts(files)
    engine = swarm.engine()
    with Seeder.of(swarm.root / "kind", torrent, files) as seeder:
        path, content = files[3]
        engine.fetch(torrent, [indexes[3]])
        until(lambda: found(engine, info).state == State.FINISHED)
        progress = found(engine, info)
        assert (progress.wanted, progress.done) == ([indexes[3]], [len(content)])
        assert set(seeder.pieces()) == set(range(starts[3], starts[4]))
        assert _read(engine, path) == content
        # A reader of another file, and of its last piece.
        engine.fetch_pieces(torrent, [starts[6] - 1])
        assert engine.wait_for_pieces(info, [starts[6] - 1], 60) == {starts[6] - 1}
        engine.fetch(torrent, indexes)
        until(lambda: found(engine, info).state == State.FINISHED)
        total = sum(len(content) for _, content in files)
        assert total <= seeder.payload() <= total + len(files) * BLOCK
        assert max(seeder.pieces().values()) <= PIECE // BLOCK, "a block came twice"
    assert all(_read(engine, path) == content for path, content in files if content)
    assert found(engine, info).done == [len(content) for _, content in files]


def _starts(files: list[Content]) -> list[int]:
    """The first piece of each file where all begin with one; behind it the number of pieces."""
    starts = [0]
    for _, content in files:
        starts.append(starts[-1] + -(-len(content) // PIECE))
    return starts


def _read(engine: LibtorrentEngine, path: tuple[bytes, ...]) -> bytes:
    place = engine.download_directory() / "kind"
    return place.joinpath(*(each.decode() for each in path)).read_bytes()


# Limits.


def test_what_comes_keeps_to_the_rate(swarm: Swarm) -> None:
    engine = swarm.engine(down=RATE)
    with swarm.seeder() as seeder:
        began = time.monotonic()
        engine.fetch(swarm.torrent, range(50))
        until(lambda: seeder.payload() > 3 * RATE)
        sent = seeder.payload()
        assert sent <= RATE * (time.monotonic() - began) + BURST
        assert found(engine, swarm.hash).state == State.FETCHING


def test_what_is_sent_keeps_to_the_rate(swarm: Swarm) -> None:
    engine = _with_all(swarm, up=RATE)
    other = swarm.engine("-other")
    began = time.monotonic()
    other.fetch(swarm.torrent, range(50))
    until(lambda: sum(found(other, swarm.hash).done) > 3 * RATE)
    done = sum(found(other, swarm.hash).done)
    assert done <= RATE * (time.monotonic() - began) + BURST
    assert found(engine, swarm.hash).state == State.FINISHED


def test_it_seeds_until_the_ratio(swarm: Swarm) -> None:
    size = len(swarm.whole)
    engine = _with_all(swarm, up=500_000, ratio=0.2)
    other = swarm.engine("-other")
    other.fetch(swarm.torrent, range(50))
    until(lambda: sum(found(other, swarm.hash).done) > 0.15 * size)
    until(lambda: found(other, swarm.hash).peers == 0)
    assert 0.15 * size < sum(found(other, swarm.hash).done) < 0.6 * size
    # Nor does it begin anew: it was written down how much it sent.
    other.stop()
    engine.stop()
    swarm.finished(engine)
    third = swarm.engine("-third")
    third.fetch(swarm.torrent, [0])
    until(lambda: any("tracker answered" in each.text for each in third.check()))
    time.sleep(1)  # in which the file would have come
    assert found(third, swarm.hash).done == [0]
    assert found(third, swarm.hash).peers == 0


def _with_all(swarm: Swarm, **settings: object) -> LibtorrentEngine:
    """An engine that has the whole torrent; whoever gave it is gone."""
    engine = swarm.engine(**settings)
    with swarm.seeder():
        engine.fetch(swarm.torrent, range(50))
        swarm.finished(engine)
    return engine


# Who it says it is, and whom it tells.


def test_trackers_and_peers_are_told_the_identity_that_is_set(swarm: Swarm) -> None:
    with NotingTracker() as tracker:
        torrent, _ = private_torrent(b"mine", 2, 1000, announce=tracker.announce)
        engine = swarm.engine(user_agent="qBittorrent/4.5.2", fingerprint="-qB4520-")
        told = _told(engine, tracker, torrent)
        assert {each.user_agent for each in tracker.announced} == {"qBittorrent/4.5.2"}
        assert {each.peer_id[:8] for each in tracker.announced} == {b"-qB4520-"}
        assert told.peer_id[:8] == b"-qB4520-"
        assert told.extensions[b"v"] in {b"", b"qBittorrent/4.5.2"}


def test_no_peers_are_looked_for_beside_the_tracker(swarm: Swarm) -> None:
    with NotingTracker() as tracker:
        private, _ = private_torrent(b"mine", 2, 1000, announce=tracker.announce)
        public, _ = private_torrent(b"all", 2, 1000, announce=tracker.announce, private=False)
        alone = swarm.engine()
        for torrent in (private, public):
            told = _told(alone, tracker, torrent)
            assert not told.exchanges_peers
            assert not told.has_dht
        ports = _udp_ports(process_of(swarm.root / "state"))
        assert ports <= {each.port for each in tracker.announced}
        # With discovery a public torrent has all, and a private one still exchanges no peers.
        tracker.announced.clear()
        seeking = swarm.engine("-seeking", discovery=True)
        told = _told(seeking, tracker, public)
        assert told.exchanges_peers
        assert told.has_dht
        assert 6771 in _udp_ports(process_of(swarm.root / "state-seeking"))
        assert not _told(seeking, tracker, private).exchanges_peers


def _told(engine: LibtorrentEngine, tracker: NotingTracker, torrent: bytes) -> Heard:
    """What a peer is told that connects."""
    before = len(tracker.announced)
    engine.fetch(torrent, [0])
    until(lambda: len(tracker.announced) > before)
    return heard(tracker.announced[-1].port, info_hash(torrent))


def _udp_ports(pid: int) -> set[int]:
    """The ports of a process's sockets (proc(5), /proc/net/udp)."""
    inodes = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(str(each.readlink()))
        except FileNotFoundError:
            continue
    ports = set()
    for table in ("udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if f"socket:[{fields[9]}]" in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_private_torrents_have_the_flags_of_private_torrents(tmp_path: Path) -> None:
    settings = Configure(directory=quoted(tmp_path / "got"), listen="127.0.0.1:0")
    session = Session(Records(tmp_path), settings)
    try:
        own = session._session
        for name in ("enable_dht", "enable_lsd", "enable_upnp", "enable_natpmp"):
            assert own.get_settings()[name] is False
        assert not own.is_dht_running()
        for private in (True, False):
            torrent, _ = private_torrent(
                b"%d" % private, 1, 1000, announce="http://127.0.0.1:1/a", private=private
            )
            session.fetch(torrent, [0])
        handles = own.get_torrents()
        assert [each.torrent_file().priv() for each in handles].count(True) == 1
        flags = libtorrent.torrent_flags
        for each in handles:
            for flag in (flags.disable_dht, flags.disable_pex, flags.disable_lsd):
                assert each.flags() & flag
    finally:
        session.close()


def test_every_limit_is_a_setting_of_libtorrent() -> None:
    found = options.of(Configure(directory="", down=1, up=2, user_agent="a", fingerprint="-bi-"))
    assert found["download_rate_limit"] == 1
    assert found["upload_rate_limit"] == 2
    assert found["user_agent"] == "a"
    assert found["peer_fingerprint"] == "-bi-"


# A tracker that is not there.


def test_a_tracker_that_ends_stops_nothing_and_is_found_when_it_is_back(swarm: Swarm) -> None:
    engine = swarm.engine()
    with swarm.seeder(rate=1_000_000) as seeder:
        engine.fetch(swarm.torrent, range(25))
        until(lambda: sum(found(engine, swarm.hash).done) > 4 * PIECE)
        swarm.tracker.kill()
        swarm.finished(engine)
        assert max(seeder.pieces().values()) <= PIECE // BLOCK
    assert swarm.right(engine, swarm.files[:25])
    late = swarm.engine("-late")
    with swarm.seeder() as seeder:
        late.fetch(swarm.torrent, [0])
        until(lambda: found(late, swarm.hash).message)
        assert found(late, swarm.hash).message == "the tracker: Connection refused"
        assert found(late, swarm.hash).state == State.FETCHING
        swarm.tracker.start()
        seeder.announce()
        until(lambda: swarm.tracker.peers(swarm.hash))
        late.fetch(swarm.torrent, [0])
        swarm.finished(late)
        assert found(late, swarm.hash).message == ""
    assert swarm.right(late, swarm.files[:1])
