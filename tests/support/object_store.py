"""An object store in this process that speaks as much of S3 as `biofs publish` needs."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

ACCESS, SECRET = "AKIATESTTESTTESTTEST", "a/secret+that/nobody/is/shown"
DATE = "2026-01-02T03:04:05.000Z"


@dataclass
class ObjectStore:
    """What is in it, by path (`bucket/name`), and what it was asked."""

    url: str = ""
    objects: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    buckets: set[str] = field(default_factory=lambda: {"lab"})
    refuses: str = ""
    """The code of an error with which every request is answered."""

    def names(self) -> list[str]:
        return sorted(self.objects)


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Run one on a port of this machine."""
    store = ObjectStore()

    class Handler(_Handler):
        told = store

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        store.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield store
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: ObjectStore

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if self._is_refused():
            return
        if "location" in query:
            self._answer(200, b"<LocationConstraint>us-east-1</LocationConstraint>")
        elif "list-type" in query:
            self._list(query.get("prefix", [""])[0])
        elif self._key() in self.told.objects:
            content, headers = self.told.objects[self._key()]
            self._answer(200, content, headers)
        else:
            self._error(404, "NoSuchKey")

    def do_HEAD(self) -> None:
        if self._key() in self.told.objects:
            content, headers = self.told.objects[self._key()]
            self._answer(200, content, headers)
        else:
            self._answer(404, b"")

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self._is_refused():
            return
        if self.headers["x-amz-content-sha256"] != hashlib.sha256(content).hexdigest():
            self._error(400, "XAmzContentSHA256Mismatch")
            return
        kept = {name: self.headers[name] or "" for name in ("Content-Type", "Cache-Control")}
        self.told.objects[self._key()] = content, kept
        self._answer(200, b"")

    def do_DELETE(self) -> None:
        if not self._is_refused():
            self.told.objects.pop(self._key(), None)
            self._answer(204, b"")

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/")

    def _is_refused(self) -> bool:
        self.told.asked.append((self.command, self.path))
        if self.told.refuses:
            self._error(403, self.told.refuses)
        elif f"Credential={ACCESS}/" not in (self.headers["Authorization"] or ""):
            self._error(403, "InvalidAccessKeyId")
        elif self._key().split("/")[0] not in self.told.buckets:
            self._error(404, "NoSuchBucket")
        else:
            return False
        return True

    def _list(self, prefix: str) -> None:
        bucket = self._key().rstrip("/")
        found = "".join(
            f"<Contents><Key>{escape(name.partition('/')[2])}</Key><Size>{len(content)}</Size>"
            f"<LastModified>{DATE}</LastModified><ETag>x</ETag></Contents>"
            for name, (content, _) in sorted(self.told.objects.items())
            if name.startswith(f"{bucket}/{prefix}")
        )
        space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
        self._answer(
            200,
            f"<ListBucketResult {space}><Name>{bucket}</Name><IsTruncated>false</IsTruncated>"
            f"{found}</ListBucketResult>".encode(),
        )

    def _error(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>why</Message></Error>".encode())

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        told = {"Content-Type": "application/xml", **(headers or {})}
        told |= {"ETag": '"x"', "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT"}
        for name, value in told.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
        """Say nothing."""
