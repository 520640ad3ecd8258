"""What answered in place of the API: a challenge, a portal, a firewall, maintenance, a redirect.

What is met is named in words of our own. Nothing that it says is repeated, and nothing of it is
taken for an answer: least of all for a word about the token. No redirect is ever followed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from biofs.api.errors import ApiError, BadAnswer, Barred, Intercepted, Moved, TokenMissing
from biofs.api.server import normalise_base_url

if TYPE_CHECKING:
    from biofs.api.envelope import Reply
    from biofs.api.requests import Request


_LOOKED_AT: Final = 1 << 16
"""Bytes of a page; what it is stands in its head, or it is short."""

_CHALLENGE: Final = "a challenge of {} that only a browser passes stands before the server"
_PORTAL: Final = "the network asks to log in first (a captive portal)"

# https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/
_OF_CLOUDFLARE: Final = {*range(520, 528), 530}

_PAGES: Final = tuple(
    (re.compile(words, re.IGNORECASE), kind, message)
    for words, kind, message in (
        (rb"_cf_chl_opt|\bcf-chl-", Barred, _CHALLENGE.format("Cloudflare")),
        (
            rb"not a (?:ro)?bot|checking (?:if )?your (?:browser|connection)|you are (?:a )?human",
            Barred,
            _CHALLENGE.format("a guard against robots"),
        ),
        (rb"captive[ _-]?portal|wispaccessgateway|hot-?spot|\bwi-?fi\b", Intercepted, _PORTAL),
        (
            rb"\bmaintenance\b|\bback (?:soon|shortly|online)|\btemporarily (?:down|offline)",
            Intercepted,
            "a maintenance page stands in the server's place",
        ),
    )
)
_LOGIN_FORM: Final = re.compile(rb"<input[^>]{0,200}\btype\s*=\s*[\"']?password", re.IGNORECASE)


def by_headers(request: Request, reply: Reply) -> ApiError | None:
    """What the status and the headers alone give away, whatever the body is."""
    action, status = request.action, reply.status
    if "challenge" in reply.headers.get("cf-mitigated", "").lower():
        # https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/
        # detect-response/
        return Barred(action, _CHALLENGE.format("Cloudflare"))
    if status == 511:  # RFC 6585, section 6
        return Barred(action, _PORTAL)
    if status == 407:
        return Barred(action, "the proxy asks for a password")
    if status in _OF_CLOUDFLARE:
        return Intercepted(action, f"Cloudflare does not get through to the server (HTTP {status})")
    return None


def by_page(request: Request, reply: Reply) -> ApiError | None:
    """What a body is that is not JSON, if it can be told; None also for an empty one.

    The API itself says in JSON, or by a redirect, that a token does not work.
    """
    action, status = request.action, reply.status
    page = reply.body[:_LOOKED_AT]
    if not page or page.isspace():
        return None
    if status in (200, 401, 403, 503):
        for words, kind, message in _PAGES:
            if words.search(page):
                return kind(action, message)
    if status == 401 and reply.headers.get("www-authenticate", "").lower().startswith("basic"):
        return Barred(action, "a web server before the API asks for a password of its own")
    if status in (401, 403):
        who = "Cloudflare" if "cloudflare" in reply.headers.get("server", "").lower() else ""
        return Barred(
            action,
            f"{who or 'something'} before the API refuses access (HTTP {status}, and no word of"
            " the API): a firewall or a proxy?",
        )
    if status == 200 and _LOGIN_FORM.search(page):
        return BadAnswer(
            action, "the answer is a page to log in: of the site, or of the network you are in"
        )
    return None


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
