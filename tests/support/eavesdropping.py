"""What a BitTorrent client says of itself: a tracker that writes it down, and a peer that listens.

Real trackers and clients do not tell. BEP 3 has the handshake, BEP 10 the extensions, BEP 5 the
message with a port of the DHT.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from bencode2 import bdecode

from tests.support.torrents import bencode

_PROTOCOL = b"\x13BitTorrent protocol"
_EXTENDED = 20
_REQUEST = 6
_HAVE_NONE = 15
_REJECT = 16
_DHT_PORT = 9
_SECONDS = 30.0


class Announced(NamedTuple):
    """A request to the tracker."""

    user_agent: str
    peer_id: bytes
    port: int


class NotingTracker:
    """A tracker that knows no peers, and keeps what it was asked."""

    def __init__(self) -> None:
        self.announced: list[Announced] = []
        noted = self.announced

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query, encoding="latin-1")
                noted.append(
                    Announced(
                        self.headers.get("User-Agent", ""),
                        query["peer_id"][0].encode("latin-1"),
                        int(query["port"][0]),
                    )
                )
                body = bencode({b"interval": 1800, b"peers": b"", b"complete": 0})
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Not to standard error."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.announce = f"http://127.0.0.1:{self._server.server_port}/announce"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Heard(NamedTuple):
    """What a client says to a peer that connects."""

    peer_id: bytes
    extensions: Mapping[bytes, Any]
    """The dictionary of its first extended message."""
    messages: list[int]
    """The numbers of the others that it began with."""

    @property
    def exchanges_peers(self) -> bool:
        """Peer exchange (BEP 11)."""
        return b"ut_pex" in self.extensions[b"m"]

    @property
    def has_dht(self) -> bool:
        """It gives its port of the DHT."""
        return _DHT_PORT in self.messages


def heard(port: int, info_hash: bytes) -> Heard:
    """Connect as a peer with all extensions, and listen until a request was answered."""
    ours = b"\0\0\0\0\0\x10\0\x05"  # extensions, the fast ones (BEP 6) and the DHT
    with (
        socket.create_connection(("127.0.0.1", port), _SECONDS) as connection,
        connection.makefile("rb") as stream,
    ):
        connection.sendall(_PROTOCOL + ours + info_hash + b"-TS0000-000000000000")
        hello = bencode({b"m": {b"ut_pex": 1, b"lt_donthave": 7}})
        connection.sendall(_message(_EXTENDED, b"\0" + hello) + _message(_HAVE_NONE))
        # Nobody has that piece, so it is rejected, after all that was said at the beginning.
        connection.sendall(_message(_REQUEST, struct.pack(">III", 0, 0, 1000)))
        start = stream.read(68)
        assert start[:20] == _PROTOCOL, start
        extensions: Mapping[bytes, Any] = {}
        others: list[int] = []
        while _REJECT not in others:
            (length,) = struct.unpack(">I", stream.read(4))
            body = stream.read(length)
            if body[:2] == bytes((_EXTENDED, 0)):
                extensions = bdecode(body[2:])
            elif body:
                others.append(body[0])
        return Heard(start[48:68], extensions, others)


def _message(number: int, body: bytes = b"") -> bytes:
    return struct.pack(">IB", len(body) + 1, number) + body
