"""BitTorrent clients as their users run them: Debian's transmission-daemon and qbittorrent-nox.

Each has a directory of its own for all it writes, free ports of 127.0.0.1, and asks for a password.

Of another version they run in a root directory of their own, with the network of this machine, and
name all directories as they see them there, as clients in a container do:

    debootstrap --variant=minbase trixie /var/tmp/trixie
    chroot /var/tmp/trixie apt-get install --no-install-recommends \\
        transmission-daemon qbittorrent-nox
    BIOFS_TEST_CLIENTS_ROOT=/var/tmp/trixie scripts/test tests/swarm
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx

from biofs.api.secrets import Secret
from biofs.contents.engines.rpc.qbittorrent import QBittorrent
from biofs.contents.engines.rpc.transmission import Transmission
from tests.support.ports import free_port
from tests.support.swarm import GENEROUS

USER: Final = "kim"
PASSWORD: Final = "correct-horse-battery"
ROOT: Final = Path(os.environ.get("BIOFS_TEST_CLIENTS_ROOT", "/"))
"""The root directory of the clients; to enter another one takes root."""

Found = TypeVar("Found")


def until(ask: Callable[[], Found], seconds: float = GENEROUS) -> Found:
    """What `ask` gives, once it is true: for what is bound to happen."""
    end = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.05)
    return found


class _Daemon(ABC):
    """A client's process.

    Args:
        directory: An empty one; `data` in it is where torrents go.
    """

    program: str
    package: str

    def __init__(self, directory: Path) -> None:
        self.log = directory / "log"
        directory.mkdir(parents=True, exist_ok=True)
        self.place = directory
        """What the client can reach, as this machine sees it."""
        if Path("/") != ROOT:
            self.place = Path(tempfile.mkdtemp(prefix="biofs-client-", dir=ROOT / "tmp"))
        self.home = self.place / "home"
        self.data = self.place / "data"
        for each in (self.home, self.data):
            each.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.peer_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def path_map(self) -> list[tuple[str, str]]:
        """As the engine takes it."""
        return [] if Path("/") == ROOT else [("/", str(ROOT))]

    def seen(self, path: Path) -> str:
        """A path of this machine as the client names it."""
        return f"/{path.relative_to(ROOT)}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it answers."""
        if Path("/") == ROOT:
            found = shutil.which(self.program)
            assert found, f"{self.program} is not installed: apt-get install {self.package}"
            command = [found]
        else:
            command = ["chroot", str(ROOT), self.program]
        home = self.seen(self.home)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"HOME": home, "XDG_DATA_HOME": home, "LC_ALL": "C.UTF-8"},
            )
        until(self._answers)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @abstractmethod
    def _arguments(self) -> list[str]:
        """What follows the program's name."""

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.program} ended: {self.log.read_text()[-2000:]}"
        try:
            httpx.get(self.url, trust_env=False)
        except httpx.HTTPError:
            return False
        return True

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        if Path("/") != ROOT:
            shutil.rmtree(self.place)


class TransmissionDaemon(_Daemon):
    """transmission-daemon; `settings` go into its settings.json."""

    program = "transmission-daemon"
    package = "transmission-daemon"

    def __init__(self, directory: Path, **settings: Any) -> None:
        super().__init__(directory)
        own = {
            "bind-address-ipv4": "127.0.0.1",
            "cache-size-mb": 0,
            "dht-enabled": False,
            "download-dir": self.seen(self.data),
            "lpd-enabled": False,
            "peer-port": self.peer_port,
            "pex-enabled": False,
            "port-forwarding-enabled": False,
            "rpc-authentication-required": True,
            "rpc-bind-address": "127.0.0.1",
            "rpc-password": PASSWORD,
            "rpc-port": self.port,
            "rpc-username": USER,
            # libtorrent dials with uTP first, and with TCP some seconds later.
            "utp-enabled": True,
        }
        theirs = {name.replace("_", "-"): value for name, value in settings.items()}
        (self.home / "settings.json").write_text(json.dumps(own | theirs))

    def set(self, name: str, value: object) -> None:
        """A line of settings.json, before it is started."""
        place = self.home / "settings.json"
        place.write_text(json.dumps(json.loads(place.read_text()) | {name: value}))

    def engine(self, **options: Any) -> Transmission:
        options.setdefault("path_map", self.path_map)
        return Transmission(self.url, USER, Secret(PASSWORD), timeout=GENEROUS, **options)

    def _arguments(self) -> list[str]:
        return ["-f", "-g", self.seen(self.home)]


class QBittorrentDaemon(_Daemon):
    """qbittorrent-nox; `settings` are lines of the section BitTorrent of its configuration."""

    program = "qbittorrent-nox"
    package = "qbittorrent-nox"

    def __init__(self, directory: Path, *settings: str) -> None:
        super().__init__(directory)
        lines = [
            "[BitTorrent]",
            f"Session\\DefaultSavePath={self.seen(self.data)}",
            f"Session\\Port={self.peer_port}",
            "Session\\Interface=lo",
            "Session\\InterfaceAddress=127.0.0.1",
            "Session\\DHTEnabled=false",
            "Session\\LSDEnabled=false",
            "Session\\PeXEnabled=false",
            # Peers on one address are several here.
            "Session\\MultiConnectionsPerIp=true",
            *settings,
            "[LegalNotice]",
            "Accepted=true",
            "[Preferences]",
            "Connection\\UPnP=false",
            "WebUI\\Address=127.0.0.1",
            "WebUI\\LocalHostAuth=true",
            f"WebUI\\Port={self.port}",
            f"WebUI\\Username={USER}",
            f'WebUI\\Password_PBKDF2="@ByteArray({_pbkdf2(PASSWORD)})"',
            "WebUI\\UseUPnP=false",
        ]
        place = self.home / "qBittorrent" / "config"
        place.mkdir(parents=True, exist_ok=True)
        (place / "qBittorrent.conf").write_text("\n".join(lines) + "\n")

    def engine(self, **options: Any) -> QBittorrent:
        options.setdefault("path_map", self.path_map)
        return QBittorrent(self.url, USER, Secret(PASSWORD), timeout=GENEROUS, **options)

    def _arguments(self) -> list[str]:
        return [f"--profile={self.seen(self.home)}", f"--webui-port={self.port}"]


def _pbkdf2(password: str) -> str:
    """As qBittorrent keeps a password (src/base/utils/password.cpp): salt and hash."""
    salt = b"0123456789abcdef"
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 100_000, 64)
    return ":".join(base64.b64encode(each).decode() for each in (salt, digest))
