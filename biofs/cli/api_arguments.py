"""From an action and `key=value` on the command line to the request for it; pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from biofs.api import builders
from biofs.api.actions import ACTIONS
from biofs.api.requests import Effect, Request
from biofs.errors import USAGE, QuietError

_BUILDERS: Mapping[str, Callable[..., Request]] = MappingProxyType(
    {
        "browse": builders.browse_request,
        "torrentgroup": builders.torrentgroup_request,
        "torrent": builders.torrent_request,
        "tcomments": builders.tcomments_request,
        "collage": builders.collage_request,
        "artist": builders.artist_request,
        "top10": builders.top10_request,
        "user": builders.user_request,
        "usersearch": builders.usersearch_request,
        "community_stats": builders.community_stats_request,
        "user_recents": builders.user_recents_request,
        "userhistory": builders.userhistory_request,
        "inbox": builders.inbox_request,
        "conversation": builders.conversation_request,
        "bookmarks": builders.bookmarks_request,
        "notifications": builders.notifications_request,
        "get_user_notifications": builders.get_user_notifications_request,
        "index": builders.index_request,
        "stats": builders.stats_request,
        "announcements": builders.announcements_request,
    }
)
"""Every action but those that have a command of their own."""

_ELSEWHERE = {
    "clear_user_notification": "changes the account: `biofs notifications clear TYPE` does that",
    "download": "holds your passkey: `biofs torrent ID` fetches it",
}
_NUMBERS = frozenset({"id", "userid", "page", "limit"})
_FLAGS = frozenset({"artistreleases"})
_CATEGORY = re.compile(r"filter_cat\[([0-9]{1,10})\]", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)


def request_of(action: str, pairs: Iterable[str]) -> Request:
    """The request for an action. Raises QuietError in a line that says what is wrong with it.

    The API's own spelling is understood, too: `inbox type=viewconv`, `userhistory type=posts`,
    `filter_cat[1]=1`.
    """
    if action in _ELSEWHERE:
        raise QuietError(f"{action}: {_ELSEWHERE[action]}", USAGE)
    given = _given(pairs)
    if action == "inbox" and given.get("type") == "viewconv":
        action = "conversation"
        del given["type"]
    if action == "userhistory" and given.get("type") == "posts":
        del given["type"]
    build = _BUILDERS.get(action)
    if build is None:
        raise QuietError(f"{action}: no such action: `biofs api --list` has them", USAGE)
    known = ACTIONS[action].parameters
    for name in given:
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise QuietError(f"{action}: no parameter {name}: {takes}", USAGE)
    try:
        return build(**{name: _value(name, text) for name, text in given.items()})
    except ValueError as error:
        raise QuietError(f"{action}: {error}", USAGE) from None
    except TypeError:
        needed = " or ".join(name for name in known if name in {"id", "userid", "search"})
        raise QuietError(f"{action}: needs {needed}=…", USAGE) from None


def _given(pairs: Iterable[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise QuietError(f"{pair}: a parameter looks like key=value", USAGE)
        category = _CATEGORY.fullmatch(name)
        if category:
            # Several are asked for together, as the site's own form does it.
            name = "category"
            value = ",".join(filter(None, [given.pop(name, ""), category[1]]))
        if name in given:
            raise QuietError(f"{name}: given twice", USAGE)
        given[name] = value
    return given


def _value(name: str, text: str) -> str | int | bool | list[int]:
    if name in _FLAGS:
        return text not in ("", "0")
    if name == "category":
        return [_number(name, each) for each in text.split(",")]
    return _number(name, text) if name in _NUMBERS else text


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{name} is a number")
    return int(text)


def listed() -> list[tuple[str, str]]:
    """Every action with its parameters, and what to know of it."""
    rows = []
    for name, action in ACTIONS.items():
        notes = []
        if name in _ELSEWHERE:
            notes.append(_ELSEWHERE[name])
        if action.needs_cookie:
            notes.append("needs a cookie")
        if action.effect is Effect.MARKS_READ:
            notes.append("takes marks away, so it needs --marks-read")
        parameters = " ".join(action.parameters) if name in _BUILDERS else ""
        rows.append((name, "; ".join(filter(None, [parameters, *notes]))))
    return rows
