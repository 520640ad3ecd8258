"""Which of a user's secrets goes with which request."""

from dataclasses import dataclass

from biofs.api.errors import CookieNeeded, TokenMissing
from biofs.api.requests import COOKIE_ONLY, Request
from biofs.api.secrets import Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token, the cookie of a browser session (`session=…; userid=…`), both or neither."""

    token: Secret | None = None
    cookie: Secret | None = None

    def check(self, request: Request) -> None:
        """Raise CookieNeeded or TokenMissing for what cannot work, which saves asking."""
        if _carries_passkey(request) or self.cookie is not None:
            return
        if self.token is None:
            raise TokenMissing(request.action, "there is neither token nor cookie to log in with")
        if request.kind == "download":
            raise CookieNeeded(request.action, "this needs a passkey or a session's cookie")
        if request.action in COOKIE_ONLY:
            raise CookieNeeded(request.action, "this needs a session's cookie, a token is no use")

    def headers(self, request: Request) -> dict[str, str]:
        """The one secret that is needed: the cookie where only it works, else the token if any.

        The server refuses any other spelling of `Bearer` (recordings auth_basic, auth_altered).
        """
        if _carries_passkey(request):
            return {}
        wants_cookie = request.kind == "download" or request.action in COOKIE_ONLY
        if self.token is not None and not wants_cookie:
            return {"Authorization": f"Bearer {self.token.reveal()}"}
        if self.cookie is not None:
            return {"Cookie": self.cookie.reveal()}
        return {}


def _carries_passkey(request: Request) -> bool:
    return request.kind == "download" and request.param("torrent_pass") is not None
