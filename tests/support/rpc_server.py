"""A client's RPC that has one torrent, and that misbehaves on command.

    with serving(Transmission(torrent, files)) as rpc:
        rpc.behave(silent)

It runs in threads of the test process. Without a behaviour it answers as the client does, as far as
biofs asks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Final
from urllib.parse import urlsplit

from tests.support.swarm import PASSKEY, info_hash
from tests.support.torrents import Content

ANNOUNCE: Final = f"http://tracker.example/announce/{PASSKEY}"
DIRECTORY: Final = "/var/lib/client"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Rpc
    body: bytes = b""

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        self.server.heard.append(f"{self.path} {dict(self.headers)} {self.body!r}")
        self.close_connection = True
        behaviour = self.server.behaviour
        with suppress(OSError):
            (behaviour or self.server.client.answer)(self)

    do_GET = do_POST  # noqa: N815 - as http.server calls it

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        """An answer as it should be."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


Behaviour = Callable[[Handler], None]


class Rpc(ThreadingHTTPServer):
    """A server on a free port of 127.0.0.1."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, client: Transmission | QBittorrent) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.client = client
        self.behaviour: Behaviour | None = None
        self.heard: list[str] = []
        """Each request with its headers and body."""
        self.sent = 0
        """Bytes of endless answers."""
        self.over = Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def behave(self, behaviour: Behaviour | None) -> None:
        self.behaviour = behaviour

    def handle_error(self, *_: Any) -> None:
        """A client that leaves is no error here."""


@contextmanager
def serving(client: Transmission | QBittorrent) -> Iterator[Rpc]:
    """A server that answers as this client."""
    with Rpc(client) as rpc:
        thread = Thread(target=rpc.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield rpc
        finally:
            rpc.over.set()
            rpc.shutdown()
            thread.join()


# How clients answer


class Transmission:
    """Of version 3.00, with one torrent."""

    def __init__(self, torrent: bytes, files: Sequence[Content]) -> None:
        self.hash = info_hash(torrent).hex()
        self.session = {
            "version": "3.00 (bb6b5a062e)",
            "rpc-version": 16,
            "download-dir": DIRECTORY,
            "cache-size-mb": 0,
        }
        sizes = [len(content) for _, content in files]
        self.fields: dict[str, Any] = {
            "id": 1,
            "hashString": self.hash,
            "name": "one",
            "labels": ["biofs"],
            "status": 4,
            "downloadDir": DIRECTORY,
            "leftUntilDone": sum(sizes),
            "files": [{"name": "x", "length": size, "bytesCompleted": 0} for size in sizes],
            "fileStats": [{"wanted": True, "priority": 0} for _ in sizes],
            "error": 0,
            "trackerStats": [{"announce": ANNOUNCE}],
        }
        self.torrents: object = [self.fields]
        self.session_id = "first"

    def answer(self, handler: Handler) -> None:
        if handler.headers.get("X-Transmission-Session-Id") != self.session_id:
            handler.reply(409, b"<h1>409</h1>", X_Transmission_Session_Id=self.session_id)
            return
        method = json.loads(handler.body)["method"]
        arguments: object = {}
        if method == "session-get":
            arguments = self.session
        elif method == "torrent-get":
            arguments = {"torrents": self.torrents}
        elif method == "free-space":
            arguments = {"path": DIRECTORY, "size-bytes": 10**12}
        elif method == "torrent-add":
            arguments = {"torrent-added": {"id": 1, "hashString": self.hash, "name": "one"}}
        text = json.dumps({"result": "success", "arguments": arguments})
        handler.reply(200, text.encode(), Content_Type="application/json")


class QBittorrent:
    """Of version 4.5.2, with one torrent."""

    def __init__(self, torrent: bytes, files: Sequence[Content]) -> None:
        self.hash = info_hash(torrent).hex()
        self.fields: dict[str, Any] = {
            "hash": self.hash,
            "infohash_v1": self.hash,
            "name": "one",
            "tags": "biofs",
            "state": "downloading",
            "save_path": DIRECTORY,
            "content_path": f"{DIRECTORY}/one",
        }
        self.session_id = "first"
        self.texts: dict[str, bytes] = {
            "app/version": b"v4.5.2",
            "app/webapiVersion": b"2.8.19",
            "app/defaultSavePath": DIRECTORY.encode(),
            "torrents/export": torrent,
            "torrents/add": b"Ok.",
        }
        self.values: dict[str, object] = {
            "app/preferences": {"temp_path_enabled": False},
            "torrents/info": [self.fields],
            "torrents/files": [
                {"index": at, "name": f"one/{at}", "size": len(content), "priority": 1}
                | {"progress": 0.0}
                for at, (_, content) in enumerate(files)
            ],
            "torrents/trackers": [{"url": ANNOUNCE, "status": 4, "msg": f"no {PASSKEY}"}],
        }

    def answer(self, handler: Handler) -> None:
        method = urlsplit(handler.path).path.removeprefix("/api/v2/")
        if method == "auth/login":
            cookie = f"SID={self.session_id}; path=/"
            handler.reply(200, b"Ok.", Set_Cookie=cookie)
        elif f"SID={self.session_id}" not in handler.headers.get("Cookie", ""):
            handler.reply(403, b"Forbidden")
        elif method in self.texts:
            handler.reply(200, self.texts[method])
        elif method in self.values:
            text = json.dumps(self.values[method])
            handler.reply(200, text.encode(), Content_Type="application/json")
        else:
            handler.reply(200, b"")


# How they misbehave


def html(handler: Handler) -> None:
    """A page of something else that answers here."""
    handler.reply(200, b"<html><title>Router</title></html>", Content_Type="text/html")


def conflict(handler: Handler) -> None:
    """409 for whatever session id."""
    handler.reply(409, b"", X_Transmission_Session_Id="another")


def status(code: int) -> Behaviour:
    """An answer with this status and a page."""

    def behave(handler: Handler) -> None:
        handler.reply(code, b"<html>\xff" + b"x" * 1000 + b"</html>")

    return behave


def redirect(code: int, url: str) -> Behaviour:
    """Sends elsewhere."""

    def behave(handler: Handler) -> None:
        handler.reply(code, b"", Location=url + handler.path)

    return behave


def endless(handler: Handler) -> None:
    """A body without an end, as fast as it is taken."""
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.over.is_set():
        handler.server.sent += handler.connection.send(b" " * 65536)


def half(handler: Handler) -> None:
    """Less of a body than announced."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"result": "succ')


def closed(_: Handler) -> None:
    """Closes the connection without a word."""


def silent(handler: Handler) -> None:
    """Answers nothing, and holds the connection."""
    handler.server.over.wait()


def trickling_body(handler: Handler) -> None:
    """A byte now and then."""
    handler.send_response(200)
    handler.end_headers()
    _trickle(handler, b" ")


def trickling_headers(handler: Handler) -> None:
    """A byte of a header now and then."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    _trickle(handler, b"x")


def _trickle(handler: Handler, what: bytes) -> None:
    while not handler.server.over.is_set():
        handler.wfile.write(what)
        handler.wfile.flush()
        time.sleep(0.05)


def packed(handler: Handler) -> None:
    """Says that it has packed its answer, which was not asked for."""
    handler.reply(200, b"\x1f\x8b\x08" + bytes(1000), Content_Encoding="gzip")


def body(text: bytes) -> Behaviour:
    """JSON, or what is taken for it, to every question."""

    def behave(handler: Handler) -> None:
        handler.reply(200, text, Content_Type="application/json")

    return behave
