"""qBittorrent as an engine: Debian's, a private tracker, and libtorrent seeders."""

from __future__ import annotations

import pytest

from biofs.api.secrets import Secret
from biofs.contents.engines.engine import EngineError, Progress
from biofs.contents.engines.rpc.qbittorrent import QBittorrent
from tests.support.clients import PASSWORD, USER, QBittorrentDaemon, until
from tests.support.swarm import GENEROUS
from tests.swarm.clients_support import Offered, Swarm, finished, has_no_secret


def _progress(engine: QBittorrent, offered: Offered) -> Progress:
    progress = engine.progress(offered.hash)
    assert progress is not None
    return progress


def test_what_is_wanted_is_fetched_dropped_and_resumed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    top = tmp_path_factory.mktemp("qbittorrent")
    daemon = QBittorrentDaemon(top / "client")
    swarm = Swarm(top)
    one, padded = swarm.offer("one"), swarm.offer_padded("padded")
    unseeded = swarm.offer("unseeded", seeded=False)
    refused = swarm.offer("refused", seeded=False, known=False)
    engine = daemon.engine()
    with swarm.running(daemon):
        engine.fetch(one.torrent, [7])
        engine.fetch(padded.torrent, [4])
        engine.fetch(unseeded.torrent, [3, 4])
        engine.fetch(refused.torrent, [3])
        assert list(finished(daemon, one).wanted) == [7]
        assert one.there(daemon.data / "one") == [7]
        assert list(finished(daemon, padded).wanted) == [4]
        assert padded.there(daemon.data / "padded") == [2]
        assert engine.directory(one.hash) == daemon.data
        engine.cancel(unseeded.hash, [4])
        assert list(_progress(engine, unseeded).wanted) == [3]
        until(lambda: _progress(engine, refused).message)
        progress = _progress(engine, refused)
        assert "not authorized" in progress.message
        assert has_no_secret(repr(progress), PASSWORD)
        wrong = QBittorrent(daemon.url, USER, Secret("wrong-horse"), timeout=GENEROUS)
        with pytest.raises(EngineError, match="refuses the user name and password") as caught:
            wrong.all()
        assert caught.value.__context__ is None
        wrong.close()
        daemon.kill()
        with pytest.raises(EngineError, match="cannot be reached"):
            engine.progress(one.hash)
    engine.close()
