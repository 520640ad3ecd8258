"""A request on its way to an action, and what the actions share."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from biofs.demo.accounts import Account
from biofs.demo.model import Belongings
from biofs.demo.source import Source

_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass
class AccountState:
    """What requests have changed of an account since the server started."""

    read_conversations: set[int] = field(default_factory=set)
    cleared: set[str] = field(default_factory=set)
    """Kinds of notification, as `clear_user_notification` calls them."""
    notifications_seen: bool = False


@dataclass(frozen=True)
class Call:
    """A request by somebody logged in."""

    source: Source
    account: Account
    by_cookie: bool
    """Whether a browser's session asks, and not a token: some actions answer only that."""
    params: Mapping[str, str]
    form: Mapping[str, str]
    """The POST body's fields."""
    now: float
    state: AccountState

    def text(self, name: str) -> str:
        """A parameter, empty where there is none."""
        return self.params.get(name, "")

    def number(self, name: str) -> int | None:
        """A parameter as a number; None where it is missing or no decimal number."""
        return number(self.text(name))

    def page(self) -> int:
        """The page asked for, 1-based; 1 where none or nonsense is."""
        return self.number("page") or 1

    @property
    def belongings(self) -> Belongings:
        """What the asking account holds."""
        return self.source.community.belongings.get(self.account.user_id, Belongings())


def number(text: str) -> int | None:
    """A decimal number of at most 18 digits; None for all else."""
    return int(text) if _NUMBER.fullmatch(text) else None
