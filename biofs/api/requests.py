"""What is asked of the server, and what came back."""

import enum
import re
from dataclasses import dataclass, field
from typing import Literal

from biofs.api.secrets import Secret

COOKIE_ONLY = frozenset({"top10", "notifications", "userhistory"})
"""Actions that work with a browser session's cookie only; with a token they answer HTTP 500, `bad
parameters` or nothing (recordings top10_donor, notifications_donor, userhistory_…_donor)."""

_NAME = re.compile(r"\w{0,64}", re.ASCII)


class Effect(enum.Enum):
    """What a request does on the server, apart from being answered."""

    NONE = "none"
    MARKS_READ = "marks_read"
    CHANGES_ACCOUNT = "changes_account"


@dataclass(frozen=True, slots=True)
class Request:
    """One request: an action of api.php, or with `kind="download"` a .torrent file.

    `params` are sent in this order, apart from `action`. Identical wants are equal and hash alike,
    so they can be joined. ValueError for an action that is no plain word, or a text that has no
    UTF-8 form (lone surrogates).
    """

    action: str
    params: tuple[tuple[str, str | Secret], ...] = ()
    method: Literal["GET", "POST"] = "GET"
    kind: Literal["api", "download"] = "api"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.action):
            raise ValueError("an action is one plain word")
        for name, value in self.params:
            if isinstance(value, str) and not _is_utf8(value):
                raise ValueError(f"{name} is no valid text")

    def param(self, name: str) -> str | Secret | None:
        """The first value given for `name`, or None."""
        return next((value for key, value in self.params if key == name), None)

    @property
    def effect(self) -> Effect:
        """Reading a conversation or the notifications takes their "new" marks away."""
        if self.method == "POST" or self.action == "clear_user_notification":
            return Effect.CHANGES_ACCOUNT
        if self.action == "notifications":
            return Effect.MARKS_READ
        if self.action == "inbox" and self.param("type") == "viewconv":
            return Effect.MARKS_READ
        return Effect.NONE

    @property
    def changes_something(self) -> bool:
        return self.effect is not Effect.NONE


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: `response` and `info` as decoded from `body`, None where absent.

    `date` is the server's time (epoch seconds), if told.

    A download has bytes in `body` only. Bodies can hold an authkey or passkey (index, user), hence
    no repr of them.
    """

    request: Request
    status: int
    content_type: str
    body: bytes = field(repr=False)
    response: object = field(default=None, repr=False)
    info: object = field(default=None, repr=False)
    date: float | None = None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
