"""The client's end of the engine's socket, and how the engine's process is started.

Knows nothing of libtorrent.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import biofs
from biofs.contents.engines.daemon import messages
from biofs.contents.engines.engine import EngineError

_PATIENCE: Final = 60.0
"""Seconds for an answer that needs no waiting for peers, and for the process to start."""
_CHUNK: Final = 1 << 20
_NO_LIBTORRENT: Final = 3
_PASSED_ON: Final = {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "VIRTUAL_ENV"}
"""Of the environment. All else may hold a secret, as BIOFS_COOKIE does."""
_PASSED_ON_TOO: Final = ("PYTHON", "SSL_CERT_", "LD_")


class Gone(Exception):  # noqa: N818 - says what the process is
    """The process has ended, or does not answer."""


class Connection:
    """One request at a time. Raises OSError if there is no process."""

    def __init__(self, state: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened = -1
        try:
            # A short path leads to the socket: an address holds 107 bytes (unix(7)).
            opened = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._socket.connect(f"/proc/self/fd/{opened}/socket")
        except OSError:
            self._socket.close()
            raise
        finally:
            if opened >= 0:
                os.close(opened)

    def ask(self, request: messages.Request, patience: float = 0.0) -> messages.Answer:
        """The answer, after at most a minute and `patience` seconds. Raises Gone."""
        self._socket.settimeout(_PATIENCE + max(0.0, patience))
        received = bytearray()
        try:
            self._socket.sendall(messages.line(request))
            while not received.endswith(b"\n"):
                data = self._socket.recv(_CHUNK)
                if not data or len(received) > messages.LONGEST_LINE:
                    raise Gone
                received += data
            return messages.read_answer(bytes(received[:-1]))
        except (OSError, messages.Malformed):
            raise Gone from None

    def wait_for_end(self) -> None:
        """Until the process has closed its end."""
        self._socket.settimeout(_PATIENCE)
        try:
            while self._socket.recv(_CHUNK):
                pass
        except OSError:
            raise Gone from None

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def start(state: Path, missing: str) -> Connection:
    """A connection to the process of this state directory, which is started if there is none.

    Raises EngineError, with the text `missing` if libtorrent cannot be loaded.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return Connection(state)
        except OSError:
            _launch(state, missing)
        try:
            return Connection(state)
        except OSError as error:
            # Another process has the directory, and is about to listen or to end.
            if time.monotonic() > end:
                raise EngineError(f"{state}: the libtorrent process: {error.strerror}") from None
            time.sleep(0.05)


def _launch(state: Path, missing: str) -> None:
    command = [sys.executable, "-P", "-m", "biofs.contents.engines.daemon", os.fspath(state)]
    try:
        done = subprocess.run(  # noqa: S603 - this program itself
            command,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise EngineError("the libtorrent process cannot be started") from None
    if done.returncode == _NO_LIBTORRENT:
        raise EngineError(missing)
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it ended"]
        raise EngineError(f"the libtorrent process cannot be started: {lines[-1]}")


def _environment() -> dict[str, str]:
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_TOO)
    }
    here = os.fspath(Path(biofs.__file__).parents[1])
    there = passed.get("PYTHONPATH")
    return passed | {"PYTHONPATH": f"{there}{os.pathsep}{here}" if there else here}
