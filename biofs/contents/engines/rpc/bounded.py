"""Answers over HTTP of which neither the time nor the length is the server's to choose.

requests bounds each silence, but not an answer that comes byte by byte; it reads an answer whole,
however long it is or unpacks to, and follows redirects with what was to be sent. `Adapter` does
none of this.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

MOST_BYTES: Final = 64 << 20
"""Of an answer: it lists 300,000 files of a torrent."""

MOST_VALUES: Final = 6 << 20
"""In an answer, about; each takes up to 80 bytes of memory where JSON has two for it. 300,000 files
take 4 million."""

_PORTION: Final = 64 * 1024
_REDIRECTS: Final = range(300, 400)
_HEADERS: Final = {"Accept-Encoding": "identity", "Connection": "close"}


class TooLong(requests.RequestException):
    """An answer is longer than any should be."""


class Redirected(requests.RequestException):
    """The client sends elsewhere."""


class Garbled(requests.RequestException):
    """An answer breaks off, or comes packed although that was not asked for."""


class _Timed(io.RawIOBase):
    """What a socket receives, until its timeout is over, counted from here: not for each byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        timeout = sock.gettimeout()
        self._end = None if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._end is not None:
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """Its status, headers and body together take at most the timeout of the socket."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_Timed(raw, sock))


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Body(io.BytesIO):
    """An answer that was read; requests finds cookies by `_original_response`."""

    def __init__(self, data: bytes, original: object) -> None:
        super().__init__(data)
        self._original_response = original


class Adapter(HTTPAdapter):
    """Sends a request once, over a connection of its own, and reads a bounded answer.

    Args:
        timeout: In seconds, for connecting, for sending, and for the whole answer.
        most: Bytes of an answer.
    """

    def __init__(self, timeout: float, most: int = MOST_BYTES) -> None:
        super().__init__(max_retries=0)
        self._timeout = timeout
        self._most = most

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """As the base class, with connections that bound an answer's time."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """As the base class; raises `TooLong`, `Redirected`, `Garbled` and what requests has."""
        request.headers.update(_HEADERS)
        options |= {"stream": True, "timeout": self._timeout}
        response = super().send(request, **options)
        raw = response.raw
        try:
            if response.status_code in _REDIRECTS:
                raise Redirected
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise Garbled
            data = self._read(raw)
        finally:
            raw.close()
            # A connection that its server has closed by the next request would fail that one.
            self.poolmanager.clear()
        response.raw = _Body(data, getattr(raw, "_original_response", None))
        # Both speak UTF-8; guessing takes minutes for a long answer.
        response.encoding = "utf-8"
        return response

    def _read(self, raw: Any) -> bytes:
        data = bytearray()
        try:
            while portion := raw.read(_PORTION, decode_content=False):
                data += portion
                if len(data) > self._most:
                    raise TooLong
        except urllib3.exceptions.TimeoutError:
            raise requests.ReadTimeout from None
        except urllib3.exceptions.HTTPError:
            raise Garbled from None
        if sum(map(data.count, (b",", b"[", b"{"))) > MOST_VALUES:
            raise TooLong
        return bytes(data)
