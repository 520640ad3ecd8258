"""A client that is killed while it fetches, and started again: nothing is lost or fetched twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from biofs.contents.engines.engine import Engine, State
from tests.support.clients import TransmissionDaemon, until
from tests.support.swarm import PASSKEY
from tests.swarm.clients_support import SIZE, Offered
from tests.swarm.test_fetch_command import User, _environment, _user

TOTAL = 50 * SIZE
PIECE = 32 * 1024
BEFORE = 40 * PIECE
"""What is there, at least, when it is killed."""
SLACK = 12 * PIECE
"""What may come twice: pieces that were begun."""


def _wait(user: User, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "biofs", "fetch", "--wait", str(path)],
        env=_environment(user.made.base),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _seeder_again(user: User, offered: Offered) -> None:
    """As one that the client has not met."""
    assert offered.seeder is not None
    assert user.daemon is not None
    engine = user.daemon.engine()
    running = {State.FETCHING, State.FINISHED}
    until(lambda: getattr(engine.progress(offered.hash), "state", None) in running)
    engine.close()
    offered.seeder.start()
    offered.seeder.dial(user.daemon.peer_port)


def _done(engine: Engine, offered: Offered) -> int:
    return sum(getattr(engine.progress(offered.hash), "done", ()))


@pytest.mark.parametrize("engine", ["transmission", "qbittorrent"])
def test_a_client_killed_while_it_fetches_goes_on_where_it_was(tmp_path: Path, engine: str) -> None:
    with _user(tmp_path, engine) as user:
        offered, daemon = user.offered[5000], user.daemon
        assert offered.seeder is not None
        assert daemon is not None
        offered.seeder.limit(400_000)
        folder = user.mount.path / "torrents/5000"
        user.fetch("--yes", "--no-wait", folder)
        asked = daemon.engine()
        until(lambda: getattr(asked.progress(offered.hash), "state", None) is State.FETCHING)
        offered.seeder.dial(daemon.peer_port)
        waiting = _wait(user, folder)
        # What sees a loss has it checked: here three do so at once.
        looking = [asked, daemon.engine()]
        until(lambda: min(_done(each, offered) for each in looking) > BEFORE)
        daemon.kill()
        sent = offered.seeder.payload()
        offered.seeder.kill()
        daemon.start()
        until(lambda: asked.progress(offered.hash) is not None)
        if isinstance(daemon, TransmissionDaemon):
            _, said = waiting.communicate(timeout=60)
            assert waiting.returncode == 1
            problems = [line for line in said.splitlines() if "%: " not in line]
            assert len(problems) == 1
            assert "is stopped in the engine: `biofs fetch PATH` starts it again" in problems[0]
            user.fetch("--yes", "--no-wait", folder)
            waiting = _wait(user, folder)
        else:
            # Nobody sends: it finds what lies there.
            until(lambda: min(_done(each, offered) for each in looking) > BEFORE // 2)
        for each in looking:
            each.close()
        _seeder_again(user, offered)
        out, said = waiting.communicate(timeout=90)
        assert waiting.returncode == 0, said
        assert "50 files here and verified" in out
        assert all(user.right(5000, at) for at in range(50))
        assert sent > BEFORE > SLACK
        sent += offered.seeder.payload()
        assert sent <= TOTAL + SLACK
        assert PASSKEY not in out + said
