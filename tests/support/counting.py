"""Mounts of one server that share a cache, and what they cost it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from biofs.demo.accounts import DONOR_COOKIE, DONOR_TOKEN
from biofs.demo.server.app import create_app
from biofs.demo.server.requestlog import LoggedRequest
from biofs.demo.written.embedded import embedded
from tests.support.mounting import Mount, mounted
from tests.support.server import Server, running


@dataclass
class Counted:
    """A server of the embedded catalogue, and who uses it: a donor with a token, and a cookie if
    not told otherwise.
    """

    server: Server
    base: Path

    def mount(self, name: str, *options: str, cookie: bool = True) -> AbstractContextManager[Mount]:
        """A mount; each has a name of its own."""
        env = {"BIOFS_TOKEN": DONOR_TOKEN, **({"BIOFS_COOKIE": DONOR_COOKIE} if cookie else {})}
        return mounted(
            self.base,
            *("--url", self.server.url, "--rate", "unlimited"),
            *("--cache-dir", str(self.base / "cache"), *options),
            env=env,
            name=name,
        )

    def requests(self, action: Callable[[], object]) -> list[LoggedRequest]:
        """The requests that reach the server while `action` runs."""
        before = self.server.log.count()
        action()
        return self.server.log.entries()[before:]

    def cost(self, action: Callable[[], object]) -> list[str]:
        """Likewise, the names of their actions."""
        return [request.action for request in self.requests(action)]


@contextmanager
def counted(base: Path) -> Iterator[Counted]:
    """Serve the embedded catalogue while the context is open."""
    with running(create_app(embedded())) as server:
        yield Counted(server, base)


def fails(mount: Mount, *command: str) -> str:
    """What a command that must fail says."""
    done = subprocess.run(
        command, cwd=mount.path, capture_output=True, timeout=60, check=False, text=True
    )
    assert done.returncode != 0, command
    return done.stderr
