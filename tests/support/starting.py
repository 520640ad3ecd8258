"""Processes that run `biofs` from a fork, and so need not load its modules first.

An interpreter that loads what a mount needs takes 0.4 s of a processor, and the tests start
hundreds of mounts. So each process of pytest has one other that loads it once, and forks.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Protocol

_LOADED = (
    "biofs.catalogue.warming",
    "biofs.cli.commands.explain",
    "biofs.cli.commands.fetch",
    "biofs.cli.commands.ls",
    "biofs.cli.commands.mount",
    "biofs.cli.commands.refresh",
    "biofs.cli.commands.verify",
    "biofs.cli.commands.warm",
    "biofs.cli.output.progress",
    "biofs.cli.output.status_text",
    "biofs.control.handlers.all",
    "biofs.demo.server.app",
    "biofs.demo.server.in_process",
    "biofs.mount.process.run",
    "biofs.mount.views.lists",
    "biofs.mount.views.users",
    "encodings.idna",
)
_MOST_BYTES = 1 << 20


class Process(Protocol):
    """What tests need to know of a mount's process: as much of `subprocess.Popen`."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None:
        """See `subprocess.Popen`."""

    def wait(self, timeout: float | None = None) -> int:
        """See `subprocess.Popen`."""

    def send_signal(self, number: int, /) -> None:
        """See `subprocess.Popen`."""

    def terminate(self) -> None:
        """See `subprocess.Popen`."""

    def kill(self) -> None:
        """See `subprocess.Popen`."""


class Forked:
    """A `Process`: `biofs` with these arguments, environment, and files for what it prints."""

    def __init__(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        *,
        stderr: IO[bytes],
        stdout: IO[bytes] | None = None,
    ) -> None:
        self.pid, self._ended = _FORKS.start(arguments, env, stdout, stderr)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """See `Process`."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """See `Process`."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("biofs", timeout or 0)
        return code

    def _look(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            poll = select.poll()
            poll.register(self._ended, select.POLLIN)
            if poll.poll(None if seconds is None else seconds * 1000):
                self.returncode = int(os.read(self._ended, 64))
                os.close(self._ended)
        return self.returncode

    def send_signal(self, number: int, /) -> None:
        """See `Process`."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """See `Process`."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """See `Process`."""
        self.send_signal(signal.SIGKILL)


def run(
    arguments: Sequence[str], env: Mapping[str, str], *, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """What `biofs` prints until it has ended, and its exit code. There is nothing to be typed.

    As `subprocess.run`; raises `subprocess.TimeoutExpired` after so many seconds.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = Forked(arguments, env, stdout=stdout, stderr=stderr)
        try:
            code = process.wait(timeout)
        except BaseException:
            process.kill()
            process.wait()
            raise
        said = [_read(each) for each in (stdout, stderr)]
    return subprocess.CompletedProcess(["biofs", *arguments], code, *said)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


class _Forks:
    """The process that forks, started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def start(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        stdout: IO[bytes] | None,
        stderr: IO[bytes],
    ) -> tuple[int, int]:
        """The process's id, and a pipe out of which its exit code comes when it has ended."""
        ended, write = os.pipe()
        files = [each.fileno() for each in (stdout, stderr) if each is not None]
        told = json.dumps({"arguments": [*arguments], "env": dict(env), "cwd": os.getcwd()})
        try:
            with self._lock:
                asked = self._socket or self._begin()
                socket.send_fds(asked, [told.encode()], [write, *files])
                return int(asked.recv(64)), ended
        finally:
            os.close(write)

    def _begin(self) -> socket.socket:
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with there:
            self._server = subprocess.Popen(
                [sys.executable, "-m", __name__, str(there.fileno())],
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],
            )
        self._socket = here
        atexit.register(self._end)
        return here

    def _end(self) -> None:
        if self._socket is not None and self._server is not None:
            self._socket.close()
            self._server.wait()


_FORKS = _Forks()


def _serve(asked: socket.socket) -> None:
    """Fork for each that asks, and tell when one has ended, until nobody can ask any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest and for the mounts
    signal.signal(signal.SIGCHLD, lambda *_: None)
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake)
    waiting: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([asked.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _reap(waiting)
        if asked.fileno() not in ready:
            continue
        data, given, _, _ = socket.recv_fds(asked, _MOST_BYTES, 3)
        if not data:
            return
        ended, *files = given
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            asked.close()
            for each in (woken, wake, ended, *waiting.values()):
                os.close(each)
            _become(**json.loads(data), files=files)
        for each in files:
            os.close(each)
        waiting[pid] = ended
        asked.send(str(pid).encode())


def _reap(waiting: dict[int, int]) -> None:
    for pid, ended in list(waiting.items()):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            del waiting[pid]
            with suppress(BrokenPipeError):
                os.write(ended, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(ended)


def _become(arguments: list[str], env: dict[str, str], cwd: str, files: list[int]) -> None:
    from biofs.cli import main

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # stderr, and stdout before it unless that is /dev/null, as the server's is.
    for number, file in zip((2, 1), reversed(files), strict=False):
        os.dup2(file, number)
        os.close(file)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    # As PYTHONWARNINGS has it in the environment of tests, which is read at an interpreter's start.
    warnings.simplefilter("error")
    sys.argv = ["biofs", *arguments]
    sys.exit(main(arguments))


if __name__ == "__main__":
    for module in _LOADED:
        import_module(module)
    gc.freeze()  # what was loaded stays: no fork needs to look for cycles in it
    _serve(socket.socket(fileno=int(sys.argv[1])))
