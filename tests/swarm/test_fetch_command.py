"""`biofs fetch` with real engines: a catalogue, a mount, a tracker, and seeders."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from biofs.contents.engines.engine import Engine, State
from biofs.contents.engines.libtorrent_engine import LibtorrentEngine
from biofs.demo.accounts import DONOR_TOKEN
from tests.support.clients import PASSWORD, USER, QBittorrentDaemon, TransmissionDaemon, until
from tests.support.lab import Lab, lab
from tests.support.mounting import Mount, environment, mounted
from tests.support.swarm import PASSKEY, Seeder
from tests.swarm.clients_support import Daemon, Offered, Swarm, command_lines

ENGINES = ("libtorrent", "transmission", "qbittorrent")


@dataclass
class User:
    """Who has an engine and a mount, and two torrents to fetch from."""

    made: Lab
    engine: str
    daemon: Daemon | None
    options: tuple[str, ...]
    secrets: Mapping[str, str]
    mount: Mount
    offered: dict[int, Offered]

    def fetch(self, *arguments: str | Path, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "biofs", "fetch", *map(str, arguments)],
            env=_environment(self.made.base),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout

    def path(self, ident: int, index: int) -> Path:
        path, _ = self.offered[ident].files[index]
        top = self.mount.path / f"torrents/{ident}/files" / f"many{ident}"
        return top.joinpath(*(each.decode() for each in path))

    def right(self, ident: int, index: int) -> bool:
        return self.path(ident, index).read_bytes() == self.offered[ident].files[index][1]

    def begin(self, *arguments: str | Path) -> None:
        """Fetch without waiting, and have the seeders dial.

        Transmission takes no loopback address from a tracker. qBittorrent has left its seeders when
        it had what was wanted, and for a minute (min_reconnect_time of its libtorrent) it does not
        go back to them; nor do they, who know it as one that needs nothing. So these are new ones.
        """
        self.fetch("--yes", "--no-wait", *arguments)
        if self.daemon is None:
            return
        engine = self.daemon.engine()
        for each in self.offered.values():
            if each.seeder is not None and engine.progress(each.hash) is not None:
                until(lambda each=each: _runs(engine.progress(each.hash)))
                _dial(each, each.seeder, self.daemon, engine)
        engine.close()


def _dial(offered: Offered, seeder: Seeder, daemon: Daemon, engine: Engine) -> None:
    if isinstance(daemon, TransmissionDaemon):
        seeder.dial(daemon.peer_port)  # a second connection while the first greets would end it
        return

    def served() -> bool:
        progress = engine.progress(offered.hash)
        return seeder.payload() > before or (
            progress is not None and progress.state is State.FINISHED
        )

    def dial() -> bool:
        nonlocal before
        if served():
            return True
        # It may have had no use for a seeder yet, and then neither goes to the other again.
        seeder.kill()
        seeder.start()
        before = 0
        seeder.dial(daemon.peer_port)
        end = time.monotonic() + 2
        while not (there := served()) and time.monotonic() < end:
            time.sleep(0.05)
        return there

    before = seeder.payload()
    until(dial)


def _runs(progress: object) -> bool:
    return getattr(progress, "state", None) in (State.FETCHING, State.FINISHED)


def _environment(base: Path) -> dict[str, str]:
    runtime = base / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    return environment(base / "home", XDG_RUNTIME_DIR=str(runtime))


def _daemon(engine: str, directory: Path) -> Daemon | None:
    if engine == "libtorrent":
        return None
    return (TransmissionDaemon if engine == "transmission" else QBittorrentDaemon)(directory)


@contextmanager
def _user(base: Path, engine: str) -> Iterator[User]:
    swarm = Swarm(base / "swarm")
    swarm.directory.mkdir()
    daemon = _daemon(engine, base / "client")
    with lab(base) as made, ExitStack() as stack:
        offered: dict[int, Offered] = {}
        for expected in (5000, 5001)[: 1 if engine == "transmission" else 2]:
            each = swarm.offer(f"many{expected}")
            assert made.add(each.torrent, each.files, laid_out=False) == expected
            offered[expected] = each
        stack.enter_context(swarm.running(*([daemon] if daemon else ())))
        if daemon is None:
            downloads = base / "downloads"
            options: tuple[str, ...] = ("--download-dir", str(downloads))
            state = base / "home/.local/state/biofs/engine"
            stack.callback(LibtorrentEngine(downloads, state).stop)
        else:
            options = ("--engine-url", daemon.url)
            paths = [f"{remote}={local}" for remote, local in daemon.path_map]
        secrets = {"BIOFS_TOKEN": DONOR_TOKEN}
        if daemon is not None:
            secrets["BIOFS_ENGINE_PASSWORD"] = PASSWORD
            settings = base / "home/.config/biofs/config.toml"
            settings.parent.mkdir(parents=True)
            settings.write_text(f'engine_user = "{USER}"\npath_map = {json.dumps(paths)}\n')
        pace = ("--url", made.server.url, "--rate", "unlimited", "--torrents", str(made.torrents))
        options = (*pace, "--engine", engine, *options)
        env = _environment(base) | secrets
        mount = stack.enter_context(mounted(base, *options, env=env))
        yield User(made, engine, daemon, options, secrets, mount, offered)


@pytest.fixture(params=ENGINES)
def user(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[User]:
    with _user(tmp_path, request.param) as found:
        yield found


def test_a_file_of_fifty_then_its_directory_and_the_passkey_nowhere(user: User) -> None:
    _look_around(user)
    assert user.fetch("--status") == "nothing is being fetched\n"
    one = user.path(5000, 7)
    user.begin(one)
    out = user.fetch("--wait", one)
    assert out.splitlines() == ["97.7 KiB in 1 file here and verified"]
    assert user.right(5000, 7)
    _has_no_passkey(user)
    if user.engine == "transmission":
        return  # its next torrent takes it ten seconds more
    user.begin(one.parent)
    assert "10 files here and verified" in user.fetch("--wait", one.parent)
    inside = [at for at in range(50) if user.path(5000, at).parent == one.parent]
    assert all(user.right(5000, at) for at in inside)
    user.begin(user.mount.path / "torrents/5001")
    assert "50 files here and verified" in user.fetch("--wait", user.mount.path / "torrents/5001")
    assert all(user.right(5001, at) for at in range(50))
    assert "finished" in user.fetch("--status", user.mount.path / "torrents/5001")
    user.fetch("--cancel", user.mount.path / "torrents/5001")
    assert user.right(5001, 0)


def _look_around(user: User) -> None:
    """What looks without wanting: nothing of it makes the engine or the seeders do anything."""
    where = user.mount.path / "torrents/5000"
    for command in (["grep", "-r", "A", "."], ["find", "."], ["du", "-s", "."]):
        subprocess.run(command, cwd=where, check=False, capture_output=True, timeout=60)
    assert all(each.seeder and each.seeder.payload() == 0 for each in user.offered.values())
    if user.daemon is not None:
        engine = user.daemon.engine()
        assert list(engine.all()) == []
        engine.close()
    else:
        assert not (user.made.base / "home/.local/state/biofs/engine/socket").exists()


def _has_no_passkey(user: User) -> None:
    """Neither in biofs's files nor in any process's arguments."""
    assert PASSKEY not in command_lines()
    base = user.made.base
    engine = base / "home/.local/state/biofs/engine"  # the engine resumes with the announce URL
    for path in [*(base / "home").rglob("*"), user.mount.log]:
        if path.is_file() and (not path.is_relative_to(engine) or path.name == "log"):
            assert PASSKEY.encode() not in path.read_bytes(), path
    assert PASSKEY not in user.fetch("--status", "--json")
