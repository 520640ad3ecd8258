"""What answered in the server's place: a challenge, a network's login, a firewall, maintenance.

What is met is named in words of our own. Nothing that it says is repeated, and nothing of it is
taken for an answer: least of all for a word about the token.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from biofs.api.errors import ApiError, BadAnswer, Barred, Intercepted

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
