"""The process of a mount: how it starts in the background, tells how it goes, and logs."""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final, NoReturn, TextIO

from biofs.errors import QuietError
from biofs.store.database.files import make_directory

log = logging.getLogger(__name__)

_READY: Final = b"ready"
_LIMIT: Final = 65536


def start(serve: Callable[[Callable[[], None]], int]) -> int:
    """Run `serve` in the background; return 0 once it calls the function it is given.

    Raises QuietError with the reason if it ends before that. Call it before any thread is started
    or event loop runs: it forks.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(serve, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read(_LIMIT)
    if said == _READY:
        return 0
    os.waitpid(pid, 0)
    raise QuietError(said.decode(errors="replace") or "the mount ended before it answered")


def _child(serve: Callable[[Callable[[], None]], int], writing: int) -> NoReturn:
    code = 1
    try:
        os.setsid()
        _forget_terminal()

        def ready() -> None:
            os.write(writing, _READY)
            os.close(writing)

        code = serve(ready)
    except QuietError as error:
        log.error("%s", error)  # noqa: TRY400 - one line is all there is to say
        _tell(writing, error.message)
        code = error.exitcode
    except BaseException:
        log.exception("the mount ended: unexpected error")
        _tell(writing, "failed: unexpected error; the log file has the details")
    finally:
        logging.shutdown()
        os._exit(code)


def _tell(writing: int, message: str) -> None:
    with suppress(OSError):  # closed already: the parent has gone with good news
        os.write(writing, " ".join(message.split()).encode()[:_LIMIT])


def _forget_terminal() -> None:
    """Keep no descriptor and no directory of the shell that started us."""
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - for good


@contextmanager
def captured_stderr() -> Iterator[Callable[[], str]]:
    """Catch what libfuse and fusermount3 write to stderr; the yielded function gives it as a line.

    They say there why a mount fails, each in its own way; the caller makes one line of it.
    """
    with suppress(OSError):  # nobody reads it any more
        sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)

        def said() -> str:
            file.seek(0)
            return " ".join(file.read(_LIMIT).decode(errors="replace").split())

        try:
            yield said
        finally:
            os.dup2(saved, 2)
            os.close(saved)


# Telling the service manager how it goes: the protocol of sd_notify(3), without its library.


VARIABLE: Final = "NOTIFY_SOCKET"


def tell(what: str) -> None:
    """Send a line such as `READY=1`, if somebody waits for them; never waits, never fails."""
    address = os.environ.get(VARIABLE, "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):  # an abstract address: unix(7)
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            sender.sendto(what.encode(), address)
    except OSError as error:
        log.warning("the service manager was not told: %s", error)


# Where a mount's log lines go.


_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_MAX_BYTES: Final = 2 << 20


class _PrivateFileHandler(RotatingFileHandler):
    """A log file that only its owner can read, from the first byte on."""

    def _open(self) -> TextIO:  # type: ignore[override]
        descriptor = os.open(
            self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")


def set_up(level: str, file: Path | None) -> None:
    """Log to `file`, or to stderr. Raises QuietError if the file cannot be written."""
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        try:
            make_directory(file.parent)
            handler = _PrivateFileHandler(file, maxBytes=_MAX_BYTES, backupCount=1)
        except OSError as error:
            raise QuietError(f"cannot write the log file {file}: {error.strerror}") from None
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These log whole URLs, and a download's URL holds the passkey.
    for name in ("httpx", "httpcore", "hpack", "h11"):
        logging.getLogger(name).setLevel(logging.WARNING)


def relax_collector() -> None:
    """Have Python look for cycles seldom; to be called when what is needed is imported.

    What the caches hold is a hundred thousand tuples without any; with the usual thresholds a
    fifth of the time of a `find` goes into looking at them (measured).
    """
    gc.collect()
    gc.freeze()  # the modules: they stay
    gc.set_threshold(50_000, 20, 50)
