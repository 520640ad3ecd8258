"""The mount's end of the socket: answers its owner, and nobody else."""

from __future__ import annotations

import logging
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import trio

from biofs.control import protocol
from biofs.control.protocol import Ask, Malformed, Said

log = logging.getLogger(__name__)

MOST_TALKS: Final = 64
"""Who asks while so many are being answered is turned away."""

ASK_SECONDS: Final = 10.0
"""How long an asker may take to say what it wants, and to take a line of the answer."""

_BACKLOG: Final = 16
_CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid: SO_PEERCRED in unix(7)

_GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError)

Report = Callable[[str], None]
"""Tells the asker, in a line, how it goes."""

Handler = Callable[[Ask, Report], Awaitable[dict[str, object]]]
"""Answers what is asked; raises Refused with a line that says why not."""


class Refused(Exception):  # noqa: N818 - says what became of it
    """What is asked cannot be done; the message is one line for people."""


class _Socket(NamedTuple):
    """A listening socket and the file by which it is found."""

    listener: trio.SocketListener
    directory: Path
    name: str
    identity: tuple[int, int]

    def remove(self) -> None:
        """Remove the file, if it is still ours: a later mount at the same place replaces it."""
        with suppress(OSError, protocol.NotPrivate), protocol.opened(self.directory) as at:
            file = Path(at, self.name)
            status = file.lstat()
            if (status.st_dev, status.st_ino) == self.identity:
                file.unlink()


async def serve(
    mountpoint: str,
    handlers: Mapping[str, Handler],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer at the mountpoint's socket until cancelled.

    A mount without a socket is a mount all the same: what stands in the way is logged.
    """
    found = _listen(mountpoint)
    task_status.started()
    if found is None:
        return
    try:
        server = _Server(handlers)
        async with trio.open_nursery() as nursery:
            await trio.serve_listeners(server.talk, [found.listener], handler_nursery=nursery)
    finally:
        found.remove()


def _listen(mountpoint: str) -> _Socket | None:
    reasons = []
    for place in protocol.places(os.environ, os.geteuid()):
        try:
            return _bind(place, protocol.name(mountpoint))
        except (OSError, protocol.NotPrivate) as error:
            reasons.append(str(error))
    log.warning("no socket for `biofs status` and others: %s", "; ".join(reasons))
    return None


def _bind(place: protocol.Place, name: str) -> _Socket:
    """Bind under another name first: what is there already stays until it can be replaced."""
    place.make()
    with protocol.opened(place.path) as at:
        fresh = Path(at, f"{name}.{os.getpid()}")
        with suppress(FileNotFoundError):
            fresh.unlink()
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            bound.bind(os.fspath(fresh))
            fresh.chmod(stat.S_IRUSR | stat.S_IWUSR)
            bound.listen(_BACKLOG)
            status = fresh.lstat()
            fresh.replace(Path(at, name))
            listener = trio.SocketListener(trio.socket.from_stdlib_socket(bound))
        except BaseException:
            bound.close()
            raise
    return _Socket(listener, place.path, name, (status.st_dev, status.st_ino))


def _may_ask(stream: trio.SocketStream) -> bool:
    packed = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _pid, uid, _gid = _CREDENTIALS.unpack(packed)
    return uid in {os.geteuid(), 0}


class _Server:
    """Talks with who connects."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers: Final = handlers
        self._talks = 0

    async def talk(self, stream: trio.SocketStream) -> None:
        """Hear one ask and answer it; whatever happens, the mount goes on."""
        if not _may_ask(stream):
            await stream.aclose()  # without a word
            return
        self._talks += 1
        try:
            async with stream:
                await self._answer(stream)
        except _GONE:
            pass
        except Exception:
            log.exception("a talk failed: unexpected error")
        finally:
            self._talks -= 1

    async def _answer(self, stream: trio.SocketStream) -> None:
        try:
            with trio.fail_after(ASK_SECONDS):
                ask = protocol.read_ask(await _receive_line(stream))
            # Not before the ask was read: closing over unread bytes would take the answer away.
            if self._talks > MOST_TALKS:
                await _send(stream, Said(error="too many ask at once: try again"))
                return
            handler = self._handlers[ask.do]
        except (Malformed, KeyError):
            await _send(stream, Said(error="no such request: is the mount of another version?"))
            return
        await _Talk(stream).run(ask, handler)


class _Talk:
    """One ask being answered. Ends early when the asker goes away."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream: Final = stream
        self._last: Said | None = None
        # Only the newest progress matters to an asker that is slow to read.
        self._progress: str | None = None
        self._news = trio.Event()

    async def run(self, ask: Ask, handler: Handler) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._until_gone, nursery.cancel_scope)
            nursery.start_soon(self._tell_all, nursery.cancel_scope)
            try:
                self._last = Said(answer=await handler(ask, self._report))
            except Refused as error:
                self._last = Said(error=str(error))
            except Exception:
                log.exception("%s failed: unexpected error", ask.do)
                self._last = Said(error="failed unexpectedly; the mount's log has the details")
            self._news.set()

    def _report(self, text: str) -> None:
        self._progress = text
        self._news.set()

    async def _tell_all(self, scope: trio.CancelScope) -> None:
        with suppress(*_GONE):
            await self._tell()
        scope.cancel()

    async def _tell(self) -> None:
        while self._last is None:
            await self._news.wait()
            self._news = trio.Event()
            if self._progress is not None and self._last is None:
                text, self._progress = self._progress, None
                await _send(self._stream, Said(progress=text))
        await _send(self._stream, self._last)

    async def _until_gone(self, scope: trio.CancelScope) -> None:
        """Whoever has asked says nothing more, until it closes its end."""
        with suppress(*_GONE):
            await self._stream.receive_some(1)
        scope.cancel()


async def _receive_line(stream: trio.SocketStream) -> bytes:
    received = bytearray()
    while (end := received.find(b"\n")) < 0:
        if len(received) > protocol.LONGEST_ASK:
            raise Malformed
        chunk = await stream.receive_some(4096)
        if not chunk:
            raise Malformed
        received += chunk
    return bytes(received[:end])


async def _send(stream: trio.SocketStream, said: Said) -> None:
    with trio.fail_after(ASK_SECONDS):
        await stream.send_all(protocol.line(said))
