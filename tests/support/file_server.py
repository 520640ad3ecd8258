"""A web server of files that can misbehave in each way a transfer breaks. Serves from threads."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

_RANGE = re.compile(r"bytes=(\d+)-")


class Heard(NamedTuple):
    """A request that arrived, and how many bytes of a body were sent for it."""

    path: str
    range: str
    status: int
    sent: int


Behaviour = Callable[["Answering", bytes], None]
"""Answers a request for the file whose content it gets."""


class FileServer(ThreadingHTTPServer):
    """Serves `root` with entity tags and ranges; `behaviour` has what happens to other paths."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.root = root
        self.behaviour: dict[str, Behaviour] = {}
        self.heard: list[Heard] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that break off are what it is for."""


class Answering(BaseHTTPRequestHandler):
    """One connection."""

    server: FileServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Nothing is logged."""

    def do_GET(self) -> None:
        """Answer."""
        self.close_connection = True
        path = self.path.partition("?")[0]
        file = self.server.root / path.lstrip("/")
        content = file.read_bytes() if file.is_file() else b""
        behaviour = self.server.behaviour.get(path)
        if behaviour is not None:
            behaviour(self, content)
        elif not file.is_file():
            self.say(404, b"none")
        else:
            self.serve(content)

    def serve(self, content: bytes, *, cut: int | None = None) -> None:
        """As a good server; with `cut` the connection ends after so many bytes of the body."""
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        if self.headers.get("If-None-Match") == etag:
            self.say(304, b"")
            return
        wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
        if wanted and self.headers.get("If-Range", etag) == etag:
            start = int(wanted[1])
            if start >= len(content):
                self.say(416, b"", content_range=f"bytes */{len(content)}")
                return
            said = {"content_range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            self.say(206, content[start:], cut=cut, etag=etag, **said)
            return
        self.say(200, content, cut=cut, etag=etag)

    def say(self, status: int, body: bytes, *, cut: int | None = None, **headers: str) -> None:
        """An answer."""
        lines = [f"HTTP/1.1 {status} So", "Connection: close"]
        if status != 304:
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        sent = body if cut is None else body[:cut]
        self.server.heard.append(Heard(self.path, self.headers.get("Range", ""), status, len(sent)))
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + sent)


def cut_at(share: float, times: int = 1) -> Behaviour:
    """Breaks off after this share of the body, so many times; then it is a good server."""
    left = [times]

    def behave(answering: Answering, content: bytes) -> None:
        if left[0] > 0:
            left[0] -= 1
            answering.serve(content, cut=round(share * len(content)))
        else:
            answering.serve(content)

    return behave


def cut_in_the_header(times: int = 1) -> Behaviour:
    """Breaks off before the answer begins, so many times."""
    left = [times]

    def behave(answering: Answering, content: bytes) -> None:
        if left[0] > 0:
            left[0] -= 1
            answering.wfile.write(b"HTTP/1.1 200 O")
        else:
            answering.serve(content)

    return behave


def saying(status: int, body: bytes, **headers: str) -> Behaviour:
    """Answers with the same, whatever is asked for."""

    def behave(answering: Answering, _content: bytes) -> None:
        answering.say(status, body, **headers)

    return behave


@contextmanager
def serving(root: Path) -> Iterator[FileServer]:
    """Serve while the context is open."""
    with FileServer(root) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
