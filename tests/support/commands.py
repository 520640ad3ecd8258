"""A user of the commands: runs them as processes, and mounts, with a home and an account."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biofs.demo.accounts import DONOR_TOKEN
from tests.support.mounting import Mount, environment, mounted
from tests.support.server import Server
from tests.support.starting import run


@dataclass
class Case:
    """A server and a user who has an account there."""

    server: Server
    base: Path
    token: str = DONOR_TOKEN

    def environment(self) -> dict[str, str]:
        """The user's environment."""
        runtime = self.base / "run"
        runtime.mkdir(mode=0o700, exist_ok=True)
        return environment(
            self.base / "home",
            XDG_RUNTIME_DIR=str(runtime),
            BIOFS_TOKEN=self.token,
            BIOFS_URL=self.server.url,
        )

    def mount(self, *options: str, name: str = "mnt") -> AbstractContextManager[Mount]:
        """A mount of the server with the user's cache."""
        return mounted(
            self.base, *("--rate", "unlimited", *options), env=self.environment(), name=name
        )

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """`biofs` under way."""
        return subprocess.Popen(
            [sys.executable, "-m", "biofs", *arguments],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        """What `biofs` prints: to stdout, or, if it is to fail, its one line on stderr."""
        done = run(arguments, self.environment())
        out, err = done.stdout, done.stderr
        assert done.returncode == code, (arguments, done.returncode, out, err)
        assert "Traceback" not in err
        if code:
            assert out == ""
            said = [line for line in err.splitlines() if "% " not in line]
            assert len(said) == 1, err
            return said[0]
        return out

    def ask(self, *arguments: str) -> Any:
        """What `biofs` prints as JSON."""
        return json.loads(self.run(*arguments, "--json"))
