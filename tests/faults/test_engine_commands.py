"""`biofs fetch` with a client that misbehaves: a line, an exit code, and a mount that goes on."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from tests.support import rpc_server
from tests.support.clients import until
from tests.support.lab import lab
from tests.support.mounting import environment, mounted
from tests.support.rpc_server import ANNOUNCE, Rpc, serving
from tests.support.swarm import PASSKEY, private_torrent

PASSWORD = "correct-horse-battery"
ANY = re.compile("Transmission|qBittorrent")


class User:
    """Who has a mount with a client."""

    def __init__(self, base: Path, mountpoint: Path, rpc: Rpc) -> None:
        self.env = _environment(base)
        self.mountpoint = mountpoint
        self.torrent = mountpoint / "torrents/5000"
        self.rpc = rpc

    def begin(self, *arguments: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "biofs", "fetch", *map(str, arguments)],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def refused(self, process: subprocess.Popen[str]) -> str:
        """The line with which a command ends."""
        out, said = process.communicate(timeout=60)
        assert process.returncode == 1, (out, said)
        assert "Traceback" not in said
        assert not any(each in out + said for each in (PASSWORD, PASSKEY))
        lines = [line for line in said.splitlines() if ANY.search(line)]
        assert len(lines) == 1, said
        return lines[0]


def _environment(base: Path) -> dict[str, str]:
    runtime = base / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    return environment(base / "home", XDG_RUNTIME_DIR=str(runtime))


@contextmanager
def _user(base: Path, engine: str) -> Iterator[User]:
    torrent, files = private_torrent(b"one", 3, 1000, announce=ANNOUNCE)
    kind = rpc_server.Transmission if engine == "transmission" else rpc_server.QBittorrent
    settings = base / "home/.config/biofs/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('engine_user = "kim"\n')
    with lab(base) as made, serving(kind(torrent, files)) as rpc:
        made.add(torrent, files, laid_out=False)
        options = ("--url", made.server.url, "--rate", "unlimited")
        options += ("--torrents", str(made.torrents), "--engine", engine, "--engine-url", rpc.url)
        secrets = {"BIOFS_TOKEN": DONOR_TOKEN, "BIOFS_ENGINE_PASSWORD": PASSWORD}
        with mounted(base, *options, env=_environment(base) | secrets) as mount:
            yield User(base, mount.path, rpc)


@pytest.mark.parametrize("engine", ["transmission", "qbittorrent"])
def test_a_client_that_misbehaves_ends_commands_and_not_the_mount(
    tmp_path: Path, engine: str
) -> None:
    with _user(tmp_path, engine) as user:
        for behaviour in (rpc_server.status(500), rpc_server.half, rpc_server.body(b"[" * 100_000)):
            user.rpc.behave(behaviour)
            for arguments in (["--status"], ["--yes", user.torrent], ["--wait", user.torrent]):
                user.refused(user.begin(*arguments))
        # One that is silent holds a command up, and nothing else.
        user.rpc.behave(rpc_server.silent)
        heard = len(user.rpc.heard)
        waiting = user.begin("--status")
        until(lambda: len(user.rpc.heard) > heard)
        assert (user.torrent / "torrent.json").read_bytes()
        assert list((user.mountpoint / "categories").iterdir())
        assert waiting.poll() is None
        user.rpc.over.set()
        assert "cannot be reached" in user.refused(waiting)
