"""Which of a user's secrets goes with which request."""

from dataclasses import dataclass

from biofs.api.errors import CookieNeeded, TokenMissing
from biofs.api.requests import Request
from biofs.api.secrets import Secret

_LONG_ENOUGH = 8


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
        if request.needs_cookie:
            raise CookieNeeded(
                request.action, "this needs a session's cookie, a token does not work"
            )

    def headers(self, request: Request) -> dict[str, str]:
        """The one secret that is needed: the cookie where only it works, else the token if any.

        The server refuses any other spelling of `Bearer` (recordings auth_basic, auth_altered).
        """
        if _carries_passkey(request):
            return {}
        wants_cookie = request.kind == "download" or request.needs_cookie
        if self.token is not None and not wants_cookie:
            return {"Authorization": f"Bearer {self.token.reveal()}"}
        if self.cookie is not None:
            return {"Cookie": self.cookie.reveal()}
        return {}

    def appear_in(self, text: str) -> bool:
        """Whether a text repeats the token, the cookie or one of the cookie's values, in any case.

        Values of fewer than eight characters, such as a user's id, may stand anywhere.
        """
        texts = [] if self.token is None else [self.token.reveal()]
        if self.cookie is not None:
            parts = self.cookie.reveal().split(";")
            texts += [self.cookie.reveal(), *(part.partition("=")[2].strip() for part in parts)]
        text = text.lower()
        return any(secret.lower() in text for secret in texts if len(secret) >= _LONG_ENOUGH)


def _carries_passkey(request: Request) -> bool:
    return request.kind == "download" and request.param("torrent_pass") is not None
