"""Transmission as an engine: Debian's, a private tracker, and libtorrent seeders."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
import transmission_rpc

from biofs.api.secrets import Secret
from biofs.contents.engines.engine import EngineError, Progress, State
from biofs.contents.engines.rpc.transmission import Transmission
from tests.support.clients import PASSWORD, USER, TransmissionDaemon, until
from tests.support.swarm import GENEROUS, PASSKEY
from tests.swarm.clients_support import (
    SIZE,
    Offered,
    Swarm,
    command_lines,
    finished,
    has_no_secret,
)

OWNERS = [1, 2]
"""What the owner of a torrent wants of it before biofs does."""


class Client(NamedTuple):
    """A Transmission of its own for a torrent, as two seeders at one address get into its way."""

    daemon: TransmissionDaemon
    engine: Transmission
    offered: Offered


@dataclass
class Begun:
    """Several Transmissions that have begun to fetch."""

    one: Client
    directory: Client
    owned: Client
    padded: Client
    again: Client
    unseeded: Client
    refused: Client
    elsewhere: Path


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    top = tmp_path_factory.mktemp("transmission")
    swarm = Swarm(top)

    def client(offered: Offered, name: str) -> Client:
        daemon = TransmissionDaemon(top / name)
        return Client(daemon, daemon.engine(), offered)

    one = client(swarm.offer("one"), "one")
    unseeded = client(swarm.offer("unseeded", seeded=False), "unseeded")
    owned = client(swarm.offer("owned"), "owned")
    state = Begun(
        one=one,
        directory=client(swarm.offer("directory"), "directory"),
        owned=owned,
        padded=client(swarm.offer_padded("padded"), "padded"),
        again=client(swarm.offer("again", rate=20_000), "again"),
        unseeded=unseeded,
        refused=unseeded._replace(offered=swarm.offer("refused", seeded=False, known=False)),
        elsewhere=owned.daemon.place / "elsewhere",
    )
    seeded = (state.one, state.directory, state.owned, state.padded, state.again)
    with swarm.running(*(each.daemon for each in (*seeded, unseeded))):
        _owner_adds(state)
        wanted = ([7], range(20, 30), [2, 40], [4], [10, 11, 12, 13])
        for each, indexes in zip(seeded, wanted, strict=True):
            each.engine.fetch(each.offered.torrent, indexes)
            _dial(each)
        unseeded.engine.fetch(state.unseeded.offered.torrent, [3, 4])
        unseeded.engine.fetch(state.refused.offered.torrent, [3])
        yield state
        for each in (*seeded, unseeded):
            each.engine.close()


def _owner(daemon: TransmissionDaemon) -> transmission_rpc.Client:
    return transmission_rpc.Client(port=daemon.port, username=USER, password=PASSWORD)


def _owner_adds(begun: Begun) -> None:
    """The owner has a torrent in a directory of their own, with a label of theirs."""
    begun.elsewhere.mkdir()
    owner = _owner(begun.owned.daemon)
    added = owner.add_torrent(
        begun.owned.offered.torrent,
        download_dir=begun.owned.daemon.seen(begun.elsewhere),
        files_wanted=OWNERS,
        files_unwanted=[index for index in range(50) if index not in OWNERS],
        paused=True,
    )
    owner.change_torrent(added.id, labels=["mine"])


def _dial(client: Client) -> None:
    # Transmission takes no loopback address from a tracker: the seeder has to connect, once it is
    # listened to. A second connection while the first greets would end it.
    until(lambda: _progress(client).state in {State.FETCHING, State.FINISHED})
    assert client.offered.seeder is not None
    client.offered.seeder.dial(client.daemon.peer_port)


def _progress(client: Client) -> Progress:
    progress = client.engine.progress(client.offered.hash)
    assert progress is not None
    return progress


def _marked(client: Client) -> bool:
    return client.offered.hash in [each.info_hash for each in client.engine.all()]


def test_one_file_of_fifty_is_fetched_and_no_other(begun: Begun) -> None:
    daemon, engine, offered = begun.one
    progress = finished(daemon, offered)
    assert (list(progress.wanted), list(progress.done), progress.size) == ([7], [SIZE], SIZE)
    assert (progress.name, progress.message) == ("one", "")
    assert offered.there(daemon.data / "one") == [7]
    engine.fetch(offered.torrent, [30])
    assert offered.seeder is not None
    # Transmission 4 has left it, and it knows Transmission as one that needs nothing.
    offered.seeder.kill()
    offered.seeder.start()
    _dial(begun.one)
    progress = finished(daemon, offered)
    assert list(progress.wanted) == [7, 30]
    assert offered.there(daemon.data / "one") == [7, 30]


def test_a_directory_is_fetched_whole(begun: Begun) -> None:
    daemon, _, offered = begun.directory
    progress = finished(daemon, offered)
    assert list(progress.wanted) == list(range(20, 30))
    assert offered.there(daemon.data / "directory") == list(range(20, 30))


def test_pad_files_are_counted(begun: Begun) -> None:
    daemon, _, offered = begun.padded
    progress = finished(daemon, offered)
    assert list(progress.wanted) == [4]  # the third file, behind two pad files
    assert offered.there(daemon.data / "padded") == [2]


def test_a_torrent_its_owner_had_keeps_its_wants_directory_and_labels(begun: Begun) -> None:
    daemon, engine, offered = begun.owned
    progress = finished(daemon, offered)
    assert list(progress.wanted) == [1, 2, 40]
    assert offered.there(begun.elsewhere / "owned") == [1, 2, 40]
    assert engine.directory(offered.hash) == begun.elsewhere
    assert _marked(begun.owned)
    assert offered.seeder is not None
    offered.seeder.kill()
    _owner(daemon).change_torrent(offered.hash.hex(), files_wanted=[45])
    engine.fetch(offered.torrent, [45, 46, 47])
    engine.cancel(offered.hash, [46])
    assert list(_progress(begun.owned).wanted) == [1, 2, 40, 45, 47]
    engine.cancel(offered.hash)
    progress = _progress(begun.owned)
    assert list(progress.wanted) == [1, 2, 40, 45]
    assert progress.state is State.FETCHING
    assert _owner(daemon).get_torrent(offered.hash.hex()).labels == ["mine"]
    assert not _marked(begun.owned)
    assert offered.there(begun.elsewhere / "owned") == [1, 2, 40]


def test_a_cancelled_fetch_wants_nothing_and_stops(begun: Begun) -> None:
    daemon, engine, offered = begun.unseeded
    until(lambda: _progress(begun.unseeded).state is State.FETCHING)
    assert _marked(begun.unseeded)
    engine.cancel(offered.hash, [4])
    assert list(_progress(begun.unseeded).wanted) == [3]
    engine.cancel(offered.hash)
    until(lambda: _owner(daemon).get_torrent(offered.hash.hex()).status == "stopped")
    assert list(_progress(begun.unseeded).wanted) == []
    assert not _marked(begun.unseeded)
    engine.fetch(offered.torrent, [5])
    until(lambda: _progress(begun.unseeded).state is State.FETCHING)
    assert list(_progress(begun.unseeded).wanted) == [5]


def test_a_tracker_that_refuses_is_quoted_without_its_url(begun: Begun) -> None:
    until(lambda: _progress(begun.refused).message)
    progress = _progress(begun.refused)
    assert "not authorized" in progress.message
    assert progress.state is State.FAILED
    assert has_no_secret(repr(progress), PASSWORD)


def test_a_killed_client_resumes_and_still_knows_what_was_wanted(begun: Begun) -> None:
    daemon, engine, offered = begun.again
    assert offered.seeder is not None
    until(lambda: sum(_progress(begun.again).done) > 0)
    daemon.kill()
    with pytest.raises(EngineError) as caught:
        engine.progress(offered.hash)
    assert "cannot be reached" in str(caught.value)
    daemon.start()
    until(lambda: engine.progress(offered.hash) is not None)  # it answers before it has loaded it
    assert list(_progress(begun.again).wanted) == [10, 11, 12, 13]
    assert _marked(begun.again)
    offered.seeder.limit(0)
    engine.fetch(offered.torrent, [10])  # it was written down while it was stopped
    _dial(begun.again)
    finished(daemon, offered)
    assert offered.there(daemon.data / "again") == [10, 11, 12, 13]


def test_an_unfinished_torrent_is_found_in_the_incomplete_directory(tmp_path: Path) -> None:
    daemon = TransmissionDaemon(tmp_path / "client", incomplete_dir_enabled=True, cache_size_mb=4)
    incomplete = daemon.place / "incomplete"
    daemon.set("incomplete-dir", daemon.seen(incomplete))
    swarm = Swarm(tmp_path)
    client = Client(daemon, daemon.engine(), swarm.offer("moved"))
    offered = client.offered
    with swarm.running(daemon):
        client.engine.fetch(offered.torrent, [7, 8])
        assert client.engine.directory(offered.hash) == incomplete
        _dial(client)
        finished(daemon, offered)
        until(lambda: client.engine.directory(offered.hash) == daemon.data)
        until(lambda: offered.there(daemon.data / "moved") == [7, 8])
        assert any("cache-size-mb" in each.text for each in client.engine.check() if not each.good)
        client.engine.close()


def test_a_directory_of_a_container_is_mapped(begun: Begun, tmp_path: Path) -> None:
    daemon, _, offered = begun.one
    here = tmp_path / "here"
    here.symlink_to(daemon.data)
    engine = daemon.engine(path_map=[("/", "/nowhere"), (daemon.seen(daemon.data), str(here))])
    assert engine.directory(offered.hash) == here
    assert engine.download_directory() == here
    assert all(finding.good for finding in engine.check())
    engine.close()
    elsewhere = daemon.engine(path_map=[("/", str(tmp_path / "nowhere"))])
    assert [finding.good for finding in elsewhere.check()] == [True, False, True]
    elsewhere.close()


def test_a_wrong_password_is_one_line_without_it(begun: Begun) -> None:
    wrong = Transmission(begun.one.daemon.url, USER, Secret("wrong-horse"), timeout=GENEROUS)
    with pytest.raises(EngineError) as caught:
        wrong.all()
    assert "it refuses the user name and password" in str(caught.value)
    assert caught.value.__context__ is None
    assert [finding.good for finding in wrong.check()] == [False]
    assert "wrong-horse" not in repr(caught.value) + repr(wrong)


def test_the_password_and_the_passkey_are_nowhere(
    begun: Begun, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    caplog.set_level(logging.DEBUG)
    engine = begun.one.daemon.engine()
    engine.fetch(begun.one.offered.torrent, [7])
    shown = [*map(repr, engine.all()), *map(repr, engine.check()), repr(engine)]
    engine.close()
    for text in (*shown, caplog.text, command_lines()):
        assert PASSWORD not in text
        assert PASSKEY not in text


def test_a_client_without_the_torrent_says_none(begun: Begun) -> None:
    assert begun.one.engine.progress(bytes(20)) is None
    assert begun.one.engine.directory(bytes(20)) is None
    begun.one.engine.cancel(bytes(20))
