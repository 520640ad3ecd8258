"""An httpx client that keeps secrets and holds on to nothing."""

import logging
import ssl
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Final, NamedTuple

import httpx

from biofs import __version__
from biofs.api.urls import is_loopback

# Less than the 5 s after which common servers drop an idle connection: a request sent just then
# would be lost.
_KEEP_ALIVE: Final = 4.0


class Clients(NamedTuple):
    """One that keeps its connections for further requests, and one that makes each anew."""

    keeping: httpx.AsyncClient
    anew: httpx.AsyncClient


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

    def client(verify: ssl.SSLContext, kept: int | None) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=transport,
            verify=verify,
            trust_env=trust_env,
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout, pool=None),
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=kept,
                keepalive_expiry=_KEEP_ALIVE,
            ),
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": f"biofs/{__version__} (+read-only catalogue file system)",
            },
        )

    try:
        if ca_file is None:
            verify = httpx.create_ssl_context(trust_env=trust_env)
        else:
            verify = ssl.create_default_context(cafile=str(ca_file))
        return Clients(client(verify, None), client(verify, 0))
    except OSError:  # ssl.SSLError is one
        raise ValueError(
            f"the certificates in {ca_file or 'SSL_CERT_FILE'} cannot be read"
        ) from None
    except (ValueError, ImportError):
        # The original message repeats the proxy's URL, and that can hold a password.
        raise ValueError(
            "the proxy in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used"
        ) from None
