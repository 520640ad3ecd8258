"""The socket's side of the engine: who may ask, a line at a time, and what comes of it.

One thread does all: it waits for clients and for libtorrent's alerts together.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import struct
import time
from typing import Final

import libtorrent

from biofs.contents.engines.daemon import messages
from biofs.contents.engines.daemon.messages import Answer, Request, answer
from biofs.contents.engines.daemon.place import Records
from biofs.contents.engines.daemon.session import Session
from biofs.contents.engines.daemon.waiting import Waiter
from biofs.contents.engines.engine import EngineError, OverLimitError

_log = logging.getLogger(__name__)

_CHUNK: Final = 1 << 20
_MOST_CLIENTS: Final = 64
_LONGEST_WAIT: Final = 3600.0
_LOOK_EVERY: Final = 1.0
"""Seconds between two looks at whether anything is left to do. libtorrent answers that when its
network thread has time, with a fast peer after up to 25 ms, and clients wait as long."""
_IN: Final = selectors.EVENT_READ
_OUT: Final = selectors.EVENT_WRITE


class _Client:
    """A connection. While its request is not answered, nothing more is read from it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.received = bytearray()
        self.to_send = bytearray()
        self.waiter: Waiter | None = None


class Server:
    """Answers clients until it is asked to stop, or has been idle for as long as is set."""

    def __init__(self, listening: socket.socket, records: Records) -> None:
        self._listening = listening
        self._records = records
        self._session: Session | None = None
        self._settings: messages.Configure | None = None
        self._clients: set[_Client] = set()
        self._selector = selectors.DefaultSelector()
        self._ending = False
        self._busy_at = time.monotonic()
        self._look_at = 0.0

    def run(self) -> None:
        """Returns when it has ended and all is written down."""
        self._listening.setblocking(False)
        self._selector.register(self._listening, _IN, self._accept)
        try:
            while not self._ending or any(each.to_send for each in self._clients):
                self._turn()
        finally:
            self._listening.close()
            if self._session is not None:
                self._session.close()

    def stop(self) -> None:
        """End after this turn. For a signal's handler."""
        self._ending = True

    def _turn(self) -> None:
        session = self._session
        for key, events in self._selector.select(session.next_tick() if session else 1.0):
            if isinstance(key.data, _Client):
                self._serve(key.data, events)
            else:
                key.data()
        if session is not None:
            session.tick()
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        now = time.monotonic()
        idle = self._settings.idle if self._settings is not None else 60.0
        if now < self._look_at:
            return
        self._look_at = now + min(_LOOK_EVERY, idle / 4)
        if self._session is not None and not self._session.is_idle():
            self._busy_at = now
        if now - self._busy_at >= idle:
            self._ending = True

    # Connections.

    def _accept(self) -> None:
        try:
            connection, _ = self._listening.accept()
        except OSError:
            return
        if len(self._clients) >= _MOST_CLIENTS or _user_of(connection) != os.geteuid():
            connection.close()
            return
        connection.setblocking(False)
        client = _Client(connection)
        self._clients.add(client)
        self._selector.register(connection, _IN, client)

    def _serve(self, client: _Client, events: int) -> None:
        try:
            if events & _OUT:
                self._send(client)
            if events & _IN:
                self._receive(client)
        except (OSError, messages.Malformed):
            self._leave(client)

    def _receive(self, client: _Client) -> None:
        data = client.connection.recv(_CHUNK)
        if not data:
            raise ConnectionResetError
        searched = len(client.received)
        client.received += data
        if len(client.received) > messages.LONGEST_LINE:
            raise messages.Malformed
        if b"\n" in data:
            self._take_line(client, client.received.index(b"\n", searched))

    def _take_line(self, client: _Client, end: int) -> None:
        if client.waiter is not None or client.to_send or end != len(client.received) - 1:
            raise messages.Malformed  # one request at a time
        request = messages.read_request(bytes(client.received[:end]))
        client.received = bytearray()
        said = self._answered(client, request)
        if said is not None:
            self._say(client, said)

    def _say(self, client: _Client, said: Answer) -> None:
        client.to_send += messages.line(said)
        try:
            self._send(client)
        except OSError:
            self._leave(client)

    def _send(self, client: _Client) -> None:
        with contextlib.suppress(BlockingIOError):
            sent = client.connection.send(client.to_send)
            del client.to_send[:sent]
        self._selector.modify(client.connection, _IN | (_OUT if client.to_send else 0), client)

    def _leave(self, client: _Client) -> None:
        if client not in self._clients:
            return
        self._clients.remove(client)
        self._selector.unregister(client.connection)
        client.connection.close()
        client.to_send.clear()
        if client.waiter is not None and self._session is not None:
            self._session.leave(client.waiter)

    # Requests.

    def _answered(self, client: _Client, request: Request) -> Answer | None:
        self._busy_at = time.monotonic()
        try:
            return self._do(client, request)
        except OverLimitError as error:
            return Answer(error=str(error), limit=True)
        except EngineError as error:
            return Answer(error=str(error))
        except Exception as error:
            # Whatever a hostile torrent does to libtorrent's binding, the others go on. The text
            # of the error may have an announce URL in it.
            _log.error("%s at a request %s", type(error).__name__, type(request).__name__)
            return Answer(error=f"the engine failed: {type(error).__name__}")

    def _do(self, client: _Client, request: Request) -> Answer | None:
        if isinstance(request, messages.Configure):
            self._configure(request)
        elif isinstance(request, messages.Stop):
            self._ending = True
        elif self._session is None:
            raise EngineError("the engine has no settings yet")
        elif isinstance(request, messages.Wait | messages.WaitForAll):
            self._wait(self._session, client, request)
            return None
        else:
            return answer(_asked(self._session, request))
        return answer()

    def _configure(self, settings: messages.Configure) -> None:
        if self._session is None:
            self._session = Session(self._records, settings)
            self._selector.register(self._session.wake, _IN, self._session.alerts)
        else:
            self._session.configure(settings)
        self._settings = settings

    def _wait(
        self, session: Session, client: _Client, request: messages.Wait | messages.WaitForAll
    ) -> None:
        def there(pieces: list[int]) -> None:
            client.waiter = None
            self._say(client, answer(pieces))

        seconds = max(0.0, min(request.timeout, _LONGEST_WAIT))
        pieces = request.pieces if isinstance(request, messages.Wait) else None
        client.waiter = Waiter(pieces, time.monotonic() + seconds, there)
        session.wait(request.info_hash.hex(), client.waiter)


def _asked(session: Session, request: Request) -> object:
    """What is answered to a request that needs no waiting. Raises EngineError."""
    match request:
        case messages.Fetch():
            session.fetch(request.torrent, request.indexes)
        case messages.Pieces():
            return session.stream(request.info_hash.hex(), request.torrent, request.pieces)
        case messages.Cancel():
            session.cancel(request.info_hash.hex(), request.indexes)
        case messages.Progress(info_hash=None):
            return session.all()
        case messages.Progress(info_hash=bytes() as info_hash):
            return session.progress(info_hash.hex())
        case messages.Directory():
            found = session.directory(request.info_hash.hex())
            return None if found is None else messages.quoted(found)
        case messages.Check():
            return libtorrent.__version__, session.trackers()
    return None


def _user_of(connection: socket.socket) -> int:
    """The user ID of the process that connected (SO_PEERCRED, unix(7))."""
    form = "3i"
    size = struct.calcsize(form)
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return int(struct.unpack(form, credentials)[1])
