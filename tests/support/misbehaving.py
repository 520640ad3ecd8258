"""A server on a raw socket that misbehaves on command, in front of an application that does not.

It runs in a thread of the test process. What it does to a request is a `Behaviour`; without one the
application answers. Whenever the behaviour changes, every connection is cut.
"""

from __future__ import annotations

import math
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

import httpx
import trio
from starlette.types import ASGIApp

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]
Behaviour = Callable[[Stream], Awaitable[None]]
"""Called once a request was read; the connection is closed after it."""

_CHUNK = 1 << 16
_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


async def closed(stream: Stream) -> None:
    """Closes the connection without a word."""


async def reset(stream: Stream) -> None:
    """Resets the connection: SO_LINGER of 0 seconds, socket(7)."""
    assert isinstance(stream, trio.SocketStream)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def mute(stream: Stream) -> None:
    """Never answers."""
    await trio.sleep_forever()


async def mute_after_headers(stream: Stream) -> None:
    """Promises a body and never sends it."""
    await stream.send_all(head(200, length=1000))
    await trio.sleep_forever()


async def closed_in_the_body(stream: Stream) -> None:
    """Closes the connection in the midst of the body."""
    await stream.send_all(head(200, length=1000) + b'{"status":"success","response":{"gro')


async def trickling(stream: Stream) -> None:
    """Sends one byte a second, as if it were never to end."""
    await stream.send_all(head(200, length=1 << 20))
    while True:
        await stream.send_all(b" ")
        await trio.sleep(1)


def saying(status: int, body: bytes, **headers: str) -> Behaviour:
    """Answers everything with the same."""

    async def say(stream: Stream) -> None:
        await stream.send_all(head(status, length=len(body), **headers) + body)

    return say


class Endless:
    """An answer of `total` bytes that is never held as a whole; `sent` says how far it came."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.sent = 0

    async def __call__(self, stream: Stream) -> None:
        """See Behaviour."""
        self.sent = 0
        await stream.send_all(head(200, length=self.total))
        chunk = b" " * _CHUNK
        while self.sent < self.total:
            await stream.send_all(chunk)
            self.sent += len(chunk)


@cache
def bomb(total: int) -> Behaviour:
    """A gzip answer a thousandth as large as the `total` bytes that it becomes."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    packed = b"".join(packer.compress(b" " * _CHUNK) for _ in range(total // _CHUNK))
    return saying(200, packed + packer.flush(), content_encoding="gzip")


def head(status: int, *, length: int, **headers: str) -> bytes:
    """An answer up to its body."""
    told = {"content_type": "application/json", "content_length": str(length)} | headers
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in told.items()]
    return "\r\n".join([f"HTTP/1.1 {status} So", *lines, "", ""]).encode()


class Misbehaving:
    """The server. Its counters may be read from any thread.

    `connections` and `requests` count what was accepted and read, `heard` are the requests' heads.
    """

    def __init__(self, app: ASGIApp, tls: ssl.SSLContext | None) -> None:
        self.connections = 0
        self.requests = 0
        self.open = 0
        self.heard: list[bytes] = []
        self.port = 0
        self._app = app
        self._tls = tls
        self._behaviour: Behaviour | None = None
        self._deaf = False
        self._answers = math.inf
        self._hears = False
        self._lasting = math.inf
        self._cut: set[trio.CancelScope] = set()
        self._token: trio.lowlevel.TrioToken | None = None
        self._all = trio.CancelScope()
        self._ready = threading.Event()

    @property
    def url(self) -> str:
        """Where it is to be found; `localhost` is what its certificate says."""
        if self._tls is not None:
            return f"https://localhost:{self.port}"
        return f"http://127.0.0.1:{self.port}"

    def behave(
        self, behaviour: Behaviour | None = None, *, deaf: bool = False, times: float = math.inf
    ) -> None:
        """From now on do this to each request, or to the next `times`; None is good behaviour.

        `deaf` accepts connections and reads nothing from them.
        """

        async def change() -> None:
            self._behaviour, self._deaf, self._lasting = behaviour, deaf, times
            await self._cut_all()

        self._call(change)

    def keep(self, answers: float, *, hear: bool = False) -> None:
        """Give so many answers on each connection, also on those there are, and close it.

        Just after the last answer, or (`hear`) when another request has come. The client is not
        told, as it is not when a server closes what was idle for too long.
        """
        self._answers, self._hears = answers, hear

    def vanish(self) -> None:
        """Nobody listens any more, and every connection is cut."""

        async def change() -> None:
            self._listening.cancel()
            await self._cut_all()

        self._call(change)

    def come_back(self) -> None:
        """Listen at the same place again."""
        self._call(lambda: self._nursery.start(self._listen))

    def _call(self, change: Callable[[], Awaitable[None]]) -> None:
        trio.from_thread.run(change, trio_token=self._token)

    async def _cut_all(self) -> None:
        """Close the connections; who is told that it is done will find none of them open."""
        cut = set(self._cut)
        for scope in cut:
            scope.cancel()
        while cut & self._cut:
            await trio.sleep(0.001)

    def run(self) -> None:
        """The thread."""
        trio.run(self._main)

    async def _main(self) -> None:
        network = httpx.ASGITransport(self._app)
        try:
            async with httpx.AsyncClient(transport=network) as self._client:
                with self._all:
                    async with trio.open_nursery() as self._nursery:
                        await self._nursery.start(self._listen)
                        self._token = trio.lowlevel.current_trio_token()
                        self._ready.set()
                        await trio.sleep_forever()
        finally:
            self._ready.set()

    async def _listen(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        listeners = await trio.open_tcp_listeners(self.port, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        with trio.CancelScope() as self._listening:
            await trio.serve_listeners(
                self._accepted,
                listeners,
                handler_nursery=self._nursery,
                task_status=_Started(task_status),
            )

    async def _accepted(self, plain: trio.SocketStream) -> None:
        self.connections += 1
        self.open += 1
        scope = trio.CancelScope()
        self._cut.add(scope)
        stream: Stream = plain
        if self._tls is not None:
            stream = trio.SSLStream(plain, self._tls, server_side=True, https_compatible=True)
        try:
            with scope, suppress(*_GONE):
                if self._deaf:
                    await trio.sleep_forever()
                answered = 0
                while await self._exchange(stream, answered):
                    answered += 1
                    if answered >= self._answers and not self._hears:
                        break
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)
            self._cut.discard(scope)
            self.open -= 1

    async def _exchange(self, stream: Stream, answered: int) -> bool:
        """Whether the connection stays open for another request."""
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = await stream.receive_some(_CHUNK)
            if not chunk:
                return False
            received += chunk
        self.requests += 1
        self.heard.append(received)
        if answered >= self._answers:
            return False
        behaviour = self._behaviour
        if behaviour is not None:
            self._lasting -= 1
            if self._lasting <= 0:
                self._behaviour = None
            await behaviour(stream)
            return False
        request, *lines = received.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = request.split(" ")
        headers = [tuple(line.split(": ", 1)) for line in lines]
        answer = await self._client.request(
            method,
            f"http://127.0.0.1{target}",
            headers=[h for h in headers if h[0].lower() != "accept-encoding"],  # type: ignore[misc]
        )
        kind = answer.headers.get("content-type", "text/html")
        told = {"location": answer.headers["location"]} if "location" in answer.headers else {}
        await stream.send_all(
            head(answer.status_code, length=len(answer.content), content_type=kind, **told)
            + answer.content
        )
        return True


class _Started:
    """`serve_listeners` tells its listeners where `start` of ours tells nothing."""

    def __init__(self, task_status: trio.TaskStatus[None]) -> None:
        self._task_status = task_status

    def started(self, _listeners: object = None) -> None:
        self._task_status.started()


@contextmanager
def misbehaving(app: ASGIApp, tls: ssl.SSLContext | None = None) -> Iterator[Misbehaving]:
    """Serve on the loopback address while the context is open."""
    server = Misbehaving(app, tls)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    server._ready.wait()
    assert server._token is not None, "the server did not start"
    try:
        yield server
    finally:
        server._token.run_sync_soon(server._all.cancel)
        thread.join()
