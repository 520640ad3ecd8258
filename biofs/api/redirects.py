"""Where an answer redirects to, and which URL of the server that makes. None is ever followed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from biofs.api.errors import ApiError, BadAnswer, Intercepted, Moved, TokenMissing
from biofs.api.urls import normalise_base_url

if TYPE_CHECKING:
    from biofs.api.envelope import Reply
    from biofs.api.requests import Request

_HOST: Final = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,255}")
_PATH: Final = re.compile(r"[A-Za-z0-9._~/-]{0,200}")
_PORTS: Final = {"http": 80, "https": 443}
_ENDPOINTS: Final = {"api": ("/api.php", "/ajax.php"), "download": ("/torrents.php",)}


def redirected(request: Request, reply: Reply) -> ApiError:
    """What a reply with a status of 3xx stands for."""
    action = request.action
    if not reply.location:
        return BadAnswer(action, f"the server answered HTTP {reply.status}")
    try:
        here = urlsplit(reply.base_url)
        there = urlsplit(urljoin(f"{reply.base_url}/", reply.location))
        same_place = _origin(here) == _origin(there)
    except ValueError:
        return BadAnswer(action, "the server redirects to nowhere")
    if there.hostname == here.hostname and there.path.rpartition("/")[2] == "login.php":
        return TokenMissing(action, "the server asks to log in")
    host = there.netloc.rpartition("@")[2]
    if there.scheme not in _PORTS or not _HOST.fullmatch(host):
        return BadAnswer(action, "the server redirects to nowhere")
    same_site = _site(here) == _site(there)
    url = _url(request, here, there, at_root=same_site and not same_place)
    if url is None and same_place:
        return BadAnswer(action, "the server redirects to another page")
    return _elsewhere(action, here, url, f"{there.scheme}://{host}", same_site=same_site)


def _elsewhere(
    action: str, here: SplitResult, url: str | None, origin: str, *, same_site: bool
) -> ApiError:
    said = f"the server redirects to {url or origin}"
    if here.scheme == "https" and origin.startswith("http:"):
        return BadAnswer(action, f"{said}, which is not encrypted")
    if url is not None:
        return Moved(
            action,
            f"{said}: use that URL" if same_site else f"{said}: use that URL if you know that site",
            url,
            same_site=same_site,
        )
    if here.scheme == "http" and not same_site:
        # With https a network cannot answer in the server's place: its certificate is not trusted.
        return Intercepted(
            action, f"{said}, another site: does the network ask to log in (a captive portal)?"
        )
    return BadAnswer(action, f"{said}, a page that is not the API")


def _url(request: Request, here: SplitResult, there: SplitResult, *, at_root: bool) -> str | None:
    """The URL of the server if it is where the redirect leads; None if that cannot be told.

    With `at_root` a redirect to the front page of a host stands for the same path there.
    """
    path = there.path
    endpoint = next((each for each in _ENDPOINTS[request.kind] if path.endswith(each)), None)
    if endpoint is not None:
        path = path.removesuffix(endpoint)
    elif at_root and path in ("", "/"):
        path = here.path
    else:
        return None
    if not _PATH.fullmatch(path):
        return None
    try:
        port = "" if there.port in (None, _PORTS[there.scheme]) else f":{there.port}"
        host = there.hostname or ""
        host = f"[{host}]" if ":" in host else host
        url = normalise_base_url(f"{there.scheme}://{host}{port}{path}")
    except ValueError:
        return None
    same = _origin(urlsplit(url)) == _origin(here) and urlsplit(url).path == here.path
    return None if same else url


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)


def _site(url: SplitResult) -> str:
    return (url.hostname or "").removeprefix("www.").removesuffix(".")
