"""An httpx client that keeps secrets and holds on to nothing.

Of the environment's proxies, what httpx cannot use is named, or left out of NO_PROXY, before a
client is made. Bodies are read and decompressed by `read_body`, without more memory than allowed.
"""

import ipaddress
import logging
import os
import ssl
import zlib
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Mapping, MutableMapping
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx
import trio

from biofs import __version__
from biofs.api.kept import KEEP_ALIVE, KeptConnections
from biofs.api.server import is_loopback

log = logging.getLogger(__name__)

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_MOST_PORT: Final = 65535

_HEADERS: Final = {
    "Connection": "keep-alive",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": f"biofs/{__version__} (+read-only catalogue file system)",
}

_NO_BODY: Final = httpx.ByteStream(b"")


class Clients(NamedTuple):
    """Connections that are kept, and a client that opens a new one for each request.

    `origin` is the server's, if nothing stands between it and both; else None.
    """

    kept: KeptConnections
    anew: httpx.AsyncClient
    timeout: httpx.Timeout
    origin: httpx.URL | None

    def request(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> httpx.Request:
        """A request for either, as `anew.build_request` makes it. `url` is ASCII and has a path."""
        extensions: dict[str, object] = {"timeout": self.timeout.as_dict()}
        headers = {**_HEADERS, **headers}
        if self.origin is None or form is not None:
            return httpx.Request(method, url, headers=headers, data=form, extensions=extensions)
        # To take the URL apart and to look what headers the body needs takes longer than to send.
        extensions["target"] = b"/" + url.split("/", 3)[3].encode("ascii")
        headers = {"Host": self.origin.netloc.decode("ascii"), **headers}
        return httpx.Request(
            method, self.origin, headers=headers, stream=_NO_BODY, extensions=extensions
        )

    async def aclose(self) -> None:
        """Close all connections; none may be in use."""
        await self.kept.aclose()
        await self.anew.aclose()


class ThroughClient(httpx.AsyncBaseTransport):
    """A client as a way to the server: with all that it takes from the environment."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._client.send(request, stream=True)

    async def aclose(self) -> None:
        await self._client.aclose()


class _Unclosed(httpx.AsyncBaseTransport):
    """A stand-in for the network as a way to the server; who gave it closes it."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)


class Trace:
    """Whether a request went out on a kept connection, as httpcore's extension "trace" tells.

    For one request. Anything else than httpcore tells nothing: then `kept` stays false.
    """

    def __init__(self) -> None:
        self.kept = False
        self._made = False

    async def __call__(self, event: str, _info: Mapping[str, object]) -> None:
        if event.endswith(".connect_tcp.started"):
            self._made = True
        elif event.endswith(".send_request_headers.started"):
            self.kept = not self._made


def create_clients(
    base_url: str,
    *,
    transport: httpx.AsyncBaseTransport | None,
    connect_timeout: float,
    read_timeout: float,
    ca_file: Path | None,
) -> Clients:
    """Clients for one server; raises ValueError for certificates or proxies that cannot be used.

    - Proxies and certificates named in the environment (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, …)
      are used as people expect, but for servers on this machine. httpx reads no netrc file.
    - Cookies the server sets are forgotten, redirects are not followed: no secret goes astray.
    - The pool is unbounded, because a cancelled request can keep its place in a bounded one for
      ever (httpcore issue 1093); who sends bounds the number.
    - httpx and httpcore log URLs and headers, which hold secrets, so they log warnings only.
    """
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    trust_env = not is_loopback(base_url)
    if trust_env:
        check_proxies(os.environ)
        leave_out_unparsable(os.environ)

    timeout = httpx.Timeout(read_timeout, connect=connect_timeout, pool=None)

    def client(verify: ssl.SSLContext, limits: httpx.Limits) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=transport,
            verify=verify,
            trust_env=trust_env,
            timeout=timeout,
            limits=limits,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers=_HEADERS,
        )

    proxied = trust_env and _names_proxy(os.environ)

    def way(verify: ssl.SSLContext) -> httpx.AsyncBaseTransport:
        limits = _limits(kept=1)
        if transport is not None:
            return _Unclosed(transport)
        if proxied:
            return ThroughClient(client(verify, limits))
        return httpx.AsyncHTTPTransport(verify=verify, limits=limits)

    try:
        if ca_file is not None:
            verify = ssl.create_default_context(cafile=str(ca_file))
        elif transport is not None or not (trust_env or base_url.startswith("https:")):
            # Nothing will be encrypted, and the certificates take 40 ms: this trusts none.
            verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        else:
            verify = _usual_context(
                os.environ.get("SSL_CERT_FILE"),
                os.environ.get("SSL_CERT_DIR"),
                trust_env=trust_env,
            )
        origin = None if proxied or transport is not None else _origin(base_url)
        kept = KeptConnections(partial(way, verify))
        return Clients(kept, client(verify, _limits(kept=0)), timeout, origin)
    except OSError:  # ssl.SSLError is one
        raise ValueError(
            f"the certificates in {ca_file or 'SSL_CERT_FILE'} cannot be read"
        ) from None
    except (ValueError, ImportError, httpx.InvalidURL):
        # The original message repeats the proxy's URL, and that can hold a password.
        raise ValueError(
            "the proxy in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used"
        ) from None


def _origin(base_url: str) -> httpx.URL:
    parts = urlsplit(base_url)
    return httpx.URL(f"{parts.scheme}://{parts.netloc}")


def _limits(*, kept: int) -> httpx.Limits:
    return httpx.Limits(
        max_connections=None, max_keepalive_connections=kept, keepalive_expiry=KEEP_ALIVE
    )


@cache
def _usual_context(_file: str | None, _directory: str | None, *, trust_env: bool) -> ssl.SSLContext:
    """One for all clients of this process: to read the certificates takes some 40 ms.

    httpx reads the variables whose values are given.
    """
    return httpx.create_ssl_context(trust_env=trust_env)


def check_proxies(environ: Mapping[str, str]) -> None:
    """Raise ValueError, with a line for people, if a variable names a proxy that cannot be used.

    httpx takes `http://[bad` for a host of that name, and says so only when a request fails. The
    value is never repeated: it can hold a password.
    """
    for name in _PROXIES:
        # As urllib.request.getproxies has it: in lower case it has precedence, also if empty.
        variable = name.lower() if name.lower() in environ else name
        problem = _problem_of_proxy(environ.get(variable, ""))
        if problem:
            raise ValueError(f"{variable}: the proxy in it cannot be used: {problem}")


def _names_proxy(environ: Mapping[str, str]) -> bool:
    """Whether httpx has any proxy to take into account; for some hosts it may take none."""
    return any(value and name.upper() in _PROXIES for name, value in environ.items())


def _problem_of_proxy(value: str) -> str:
    """What is wrong with a proxy's URL, "" if nothing is."""
    if not value:
        return ""
    try:
        url = httpx.URL(value if "://" in value else f"http://{value}")
    except httpx.InvalidURL:
        return "it is not a URL such as http://proxy.example:3128"
    if url.scheme.startswith("socks"):
        return "SOCKS is not supported, set one that speaks HTTP"
    if url.scheme not in {"http", "https"}:
        return "it has to begin with http:// or https://"
    # httpx escapes what no host name can hold, as in %5Bbad; a zone is behind an IPv6 address.
    if not url.host or ("%" in url.host and ":" not in url.host) or (url.port or 0) > _MOST_PORT:
        return "it is not a URL such as http://proxy.example:3128"
    return ""


def leave_out_unparsable(environ: MutableMapping[str, str]) -> None:
    """Take out of NO_PROXY what httpx cannot parse, such as fe80::/10: it would end all."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host.strip() for host in environ.get(name, "").split(",")]
        bad = [host for host in hosts if host and not _is_parsable(host)]
        if bad:
            log.warning("%s: ignored, because it cannot be parsed: %s", name, ", ".join(bad))
            environ[name] = ",".join(host for host in hosts if host not in bad)


def _is_parsable(host: str) -> bool:
    """Whether httpx makes a pattern of it, as its get_environment_proxies does."""
    text = host if "://" in host else f"all://*{host}"
    try:
        ipaddress.IPv6Address(host.partition("/")[0])
        text = f"all://[{host}]"
    except ValueError:
        pass
    try:
        httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return True


_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_STEP = 2**20


class BodyTooLarge(Exception):  # noqa: N818 - never leaves this room
    """More bytes than allowed, counted after decompression."""


class BodyMalformed(Exception):  # noqa: N818 - never leaves this room
    """Compressed in a way not asked for, or broken."""


class LargeBodies:
    """Lets one large body at a time be read and interpreted, so that memory holds no two.

    One for each answer; `turns` is common to all. To be used by one task, in a with statement.
    """

    FROM = 8 * 2**20
    """Bytes; smaller bodies do not wait for others."""

    def __init__(self, turns: trio.Lock) -> None:
        self._turns = turns
        self._mine = False

    async def grown(self, size: int) -> None:
        """The body has `size` bytes now: wait for its turn if it has become large."""
        if size > self.FROM and not self._mine:
            await self._turns.acquire()
            self._mine = True

    def __enter__(self) -> "LargeBodies":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._mine:
            self._turns.release()


async def read_body(
    chunks: AsyncIterable[bytes],
    encoding: str,
    limit: int,
    grown: Callable[[int], Awaitable[None]],
) -> bytes:
    """All of a body, decompressed; `encoding` is the Content-Encoding header.

    Reading and decompressing stop at `limit` bytes, however much would follow. `grown` is awaited
    with the size reached before more is read. Raises BodyTooLarge and BodyMalformed, and whatever
    `chunks` raises.
    """
    body = _body(encoding.strip().lower(), limit)
    failure: Exception | None = None
    with trio.CancelScope() as reading:
        async for chunk in chunks:
            if failure is None:
                try:
                    for size in body.add(chunk):
                        await grown(size)
                except (BodyTooLarge, BodyMalformed) as error:
                    failure = error
                    # Leaving would abandon generators half-way, to be closed by the garbage
                    # collector; cancelled, they end here and close the connection.
                    reading.cancel()
    if failure is not None:
        raise failure
    return body.finish()


class _Plain:
    def __init__(self, limit: int) -> None:
        self._bytes = bytearray()
        self._limit = limit

    def add(self, chunk: bytes) -> Iterator[int]:
        """Take up a chunk, step by step; gives the size after each."""
        self._take(chunk)
        yield len(self._bytes)

    def _take(self, chunk: bytes) -> None:
        if len(self._bytes) + len(chunk) > self._limit:
            # The error's traceback leads here, and may live until garbage is collected.
            self._bytes.clear()
            raise BodyTooLarge
        self._bytes += chunk

    def finish(self) -> bytes:
        return bytes(self._bytes)


class _Compressed(_Plain):
    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._anything = False

    def add(self, chunk: bytes) -> Iterator[int]:
        self._anything = self._anything or bool(chunk)
        try:
            while chunk and not self._inflater.eof:
                self._take(self._inflater.decompress(chunk, _STEP))
                chunk = self._inflater.unconsumed_tail
                yield len(self._bytes)
        except zlib.error:
            raise BodyMalformed from None

    def finish(self) -> bytes:
        self._take(self._inflater.flush())
        if self._anything and not self._inflater.eof:
            raise BodyMalformed
        return super().finish()


def _body(encoding: str, limit: int) -> _Plain:
    if encoding in ("", "identity"):
        return _Plain(limit)
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _Compressed(limit)
    raise BodyMalformed
