"""Who may ask, how often, and the demo's own users."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# ruff: noqa: S105 - these open nothing but the demo
DONOR_TOKEN = "demo-donor-token"
DONOR_COOKIE = "session=demo-donor-session; userid=3"
DONOR_PASSKEY = "demo-donor-passkey"
DONOR_AUTHKEY = "demo-donor-authkey"
MEMBER_TOKEN = "demo-member-token"
MEMBER_COOKIE = "session=demo-member-session; userid=2"
MEMBER_PASSKEY = "demo-member-passkey"
MEMBER_AUTHKEY = "demo-member-authkey"
REVOKED_TOKEN = "demo-revoked-token"
DISABLED_TOKEN = "demo-disabled-token"


@dataclass(frozen=True)
class Account:
    """A user's account at the server."""

    user_id: int
    name: str
    """What the request log calls it."""
    limited: bool = True
    """Whether the documented pace holds; donors are exempt."""
    disabled: bool = False
    session: str = field(default="", repr=False)
    """The value of a browser's `session` cookie."""
    passkey: str = field(default="", repr=False)
    authkey: str = field(default="", repr=False)


DONOR = Account(3, "donor", False, False, "demo-donor-session", DONOR_PASSKEY, DONOR_AUTHKEY)
MEMBER = Account(2, "member", True, False, "demo-member-session", MEMBER_PASSKEY, MEMBER_AUTHKEY)
DISABLED = Account(5, "disabled", disabled=True)
_TOKENS = {DONOR_TOKEN: DONOR, MEMBER_TOKEN: MEMBER, DISABLED_TOKEN: DISABLED}


@dataclass(frozen=True)
class ServerOptions:
    """How the server is set up."""

    tokens: Mapping[str, Account] = field(default_factory=lambda: dict(_TOKENS), repr=False)
    revoked: frozenset[str] = field(default=frozenset({REVOKED_TOKEN}), repr=False)
    rate_limit: bool = True
    """Whether limited accounts are limited at all."""
    window: float = 6.0
    """The rate limit's fixed window, in seconds."""
    burst: int = 2
    """Requests of a user that one window lets through."""
    endpoint: Literal["api.php", "ajax.php"] = "api.php"
    newer_server: bool = False
    """HTTP 400 for the rate limit, and an action `group` in place of `torrentgroup`."""
    release: Literal["0.1.2", "0.1.3"] = "0.1.2"
    """Release 0.1.3 takes no tokens, and has other names for a group's fields."""

    def by_session(self, session: str, user_id: str) -> Account | None:
        """The account a browser's cookies belong to."""
        return next(
            (
                account
                for account in self.tokens.values()
                if account.session and (account.session, str(account.user_id)) == (session, user_id)
            ),
            None,
        )

    def by_passkey(self, passkey: str) -> Account | None:
        """The account of a passkey."""
        accounts = self.tokens.values()
        return next((a for a in accounts if a.passkey and a.passkey == passkey), None)
