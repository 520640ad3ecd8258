"""Starts the engine's process: `python -m biofs.contents.engines.daemon STATE_DIRECTORY`.

The command returns when the socket answers, or with an error: 0 also if another process has the
directory, 3 if libtorrent is not there, 1 and a line on standard error for everything else.
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import signal
import socket
import stat
import sys
import warnings
from pathlib import Path
from typing import Final

from biofs.contents.engines.daemon import place

NO_LIBTORRENT: Final = 3
_PR_SET_DUMPABLE: Final = 4
_CLIENTS_TO_COME: Final = 64


def main(arguments: list[str]) -> int:
    """Start the process, and return the exit status of the command."""
    # libtorrent 2.1 deprecates what 2.0 needs (torrent_info.files). As errors, which a user may
    # have set for all of Python, these warnings would end each request.
    warnings.simplefilter("ignore", DeprecationWarning)
    try:
        import libtorrent  # noqa: F401, PLC0415 - to say that it is missing
    except ImportError:
        return NO_LIBTORRENT
    directory = Path(arguments[0])
    try:
        place.make(directory)
        return _start(directory)
    except (OSError, place.NotPrivate) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _start(directory: Path) -> int:
    """In a process that no terminal and no parent ends. Returns in the one that was started."""
    ready, tell = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child:
        os.close(tell)
        os.waitpid(child, 0)
        with os.fdopen(ready, "rb") as pipe:
            said = pipe.read(4096)
        if said != b"ready":
            sys.stderr.write(said.decode("utf-8", "replace") or "the engine ended\n")
        return 0 if said == b"ready" else 1
    os.setsid()
    if os.fork():
        os._exit(0)
    status = 1
    try:
        _run(directory, tell)
        status = 0
    except Exception as error:
        # Its text may have an announce URL in it.
        logging.getLogger(__name__).error("ended: %s", type(error).__name__)  # noqa: TRY400
        _say(tell, f"the engine cannot start: {_reason(error)}\n".encode())
    finally:
        os._exit(status)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, OSError) else type(error).__name__


def _run(directory: Path, tell: int) -> None:
    _harden()
    _let_go_of_terminal(directory)
    lock = place.lock(directory)
    if lock is None:
        _say(tell, b"ready")
        return
    listening = _listen(directory)

    # Heavy, and of no use to a process that ends at once.
    from biofs.contents.engines.daemon.server import Server  # noqa: PLC0415

    server = Server(listening, place.Records(directory))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    for number in (signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    _say(tell, b"ready")
    try:
        server.run()
    finally:
        (directory / "socket").unlink(missing_ok=True)


def _harden() -> None:
    """No core dumps: announce URLs, and so a passkey, are in memory (prctl(2), core(5))."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _let_go_of_terminal(directory: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    log = os.open(directory / "log", flags, stat.S_IRUSR | stat.S_IWUSR)
    if os.fstat(log).st_size > 1 << 20:
        os.ftruncate(log, 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nothing, descriptor)
    os.dup2(log, 2)
    os.chdir("/")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)


def _listen(directory: Path) -> socket.socket:
    """The socket, which only its owner can use. A short path leads to it: unix(7) has 107 bytes."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        path = f"/proc/self/fd/{opened}/socket"
        (directory / "socket").unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listening.bind(path)
        finally:
            os.umask(before)
        listening.listen(_CLIENTS_TO_COME)
        return listening
    finally:
        os.close(opened)


def _say(tell: int, what: bytes) -> None:
    try:
        os.write(tell, what)
        os.close(tell)
    except OSError:
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
