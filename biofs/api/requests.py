"""What is asked of the server, what came back, and which of a user's secrets goes along.

Of `browse`: how many groups a page shows, narrower queries, what is remembered of a page.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from biofs.api.errors import CookieNeeded, TokenMissing
from biofs.api.secrets import Secret

_NAME = re.compile(r"\w{0,64}", re.ASCII)


class Effect(enum.Enum):
    """What a request does on the server, apart from being answered."""

    NONE = "none"
    MARKS_READ = "marks_read"
    CHANGES_ACCOUNT = "changes_account"


@dataclass(frozen=True, slots=True)
class Request:
    """One request: an action of api.php, or with `kind="download"` a .torrent file.

    `params` are sent in this order, apart from `action`. Identical requests are equal and hash
    alike, so they can be joined. `needs_cookie` and `effect` are those of the `Action`; a POST
    always changes the account. ValueError for an action that is not a plain word, or a text that
    has no UTF-8 form (lone surrogates).
    """

    action: str
    params: tuple[tuple[str, str | Secret], ...] = ()
    method: Literal["GET", "POST"] = "GET"
    kind: Literal["api", "download"] = "api"
    needs_cookie: bool = field(default=False, compare=False)
    effect: Effect = field(default=Effect.NONE, compare=False)

    def __post_init__(self) -> None:
        if self.method == "POST":
            object.__setattr__(self, "effect", Effect.CHANGES_ACCOUNT)
        if not _NAME.fullmatch(self.action):
            raise ValueError("an action is one plain word")
        for name, value in self.params:
            if isinstance(value, str) and not _is_utf8(value):
                raise ValueError(f"{name} is not valid text")

    def param(self, name: str) -> str | Secret | None:
        """The first value given for `name`, or None."""
        return next((value for key, value in self.params if key == name), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: `response` as decoded from `body`, None where absent.

    `date` is the server's time (epoch seconds), if told. `noisy`: something else stood around it,
    which `body` leaves out.

    A download has bytes in `body` only. Bodies can hold an authkey or passkey (index, user), hence
    no repr of them.
    """

    request: Request
    status: int
    content_type: str
    body: bytes = field(repr=False)
    response: object = field(default=None, repr=False)
    date: float | None = None
    noisy: bool = False


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# Which of a user's secrets goes with which request.


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

    def shows_token(self, request: Request) -> bool:
        """Whether a request goes with the token: with the cookie where only that works."""
        wants_cookie = request.kind == "download" or request.needs_cookie
        return self.token is not None and not wants_cookie and not _carries_passkey(request)

    def headers(self, request: Request) -> dict[str, str]:
        """The one secret that is needed: the cookie where only it works, else the token if any.

        The server refuses any other spelling of `Bearer` (recordings auth_basic, auth_altered).
        """
        if _carries_passkey(request):
            return {}
        if self.token is not None and self.shows_token(request):
            return {"Authorization": f"Bearer {self.token.reveal()}"}
        if self.cookie is not None:
            return {"Cookie": self.cookie.reveal()}
        return {}

    def appear_in(self, text: str, request: Request) -> bool:
        """Whether a text repeats the token, the cookie or one of the cookie's values, or a secret
        of the request, in any case.

        Values of fewer than eight characters, such as a user's id, may stand anywhere.
        """
        texts = [value.reveal() for _, value in request.params if isinstance(value, Secret)]
        if self.token is not None:
            texts.append(self.token.reveal())
        if self.cookie is not None:
            parts = self.cookie.reveal().split(";")
            texts += [self.cookie.reveal(), *(part.partition("=")[2].strip() for part in parts)]
        text = text.lower()
        return any(secret.lower() in text for secret in texts if len(secret) >= _LONG_ENOUGH)


def _carries_passkey(request: Request) -> bool:
    return request.kind == "download" and request.param("torrent_pass") is not None


PAGE_SIZE: Final = 50
"""Groups of a page (recording browse_filter_cat_1_1)."""

WINDOW_PAGES: Final = 20
"""Pages that one query shows: a later one is answered with the 20th again."""

WINDOW: Final = PAGE_SIZE * WINDOW_PAGES
FIRST_YEAR: Final = 0
LAST_YEAR: Final = 9999


class Slice(msgspec.Struct, frozen=True, array_like=True):
    """A narrower query within a category: years from-to, or a tag within them."""

    low: int = FIRST_YEAR
    high: int = LAST_YEAR
    tag: str = ""

    @property
    def whole(self) -> bool:
        """Whether this is the category itself."""
        return self == WHOLE

    def options(self) -> dict[str, str]:
        """The parameters of `browse` that make this slice."""
        options = {} if self.whole else {"year": f"{self.low}-{self.high}"}
        if self.low == self.high:
            options["year"] = str(self.low)
        if self.tag:
            options["taglist"] = self.tag
        return options


WHOLE: Final = Slice()


class PageRead(msgspec.Struct, array_like=True):
    """What is remembered of a page: which it was, what it said of the query, and of its rows."""

    slice: Slice
    order: str
    way: str
    number: int
    pages: int
    ids: list[int]
    years: list[int]
