"""What is asked of the server, and what came back."""

import enum
import re
from dataclasses import dataclass, field
from typing import Literal

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

    `date` is the server's time (epoch seconds), if told.

    A download has bytes in `body` only. Bodies can hold an authkey or passkey (index, user), hence
    no repr of them.
    """

    request: Request
    status: int
    content_type: str
    body: bytes = field(repr=False)
    response: object = field(default=None, repr=False)
    date: float | None = None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
