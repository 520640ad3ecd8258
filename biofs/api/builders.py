"""One function for every action: from arguments to the request for it.

All are pure and raise ValueError, in one line, for arguments the server could not make sense of:
that saves a request. Ids are 0 to 2**32-1, pages start from 1, an info hash is 40 hexadecimal
digits (64 for version 2) in any case. Texts are at most 1,000 characters.
"""

import re
from collections.abc import Sequence

from biofs.api.requests import Request
from biofs.api.secrets import Secret
from biofs.api.values import LARGEST_ID

BROWSE_FIELDS = frozenset(
    {
        "searchstr",
        "taglist",
        "tags_type",
        "order_by",
        "order_way",
        "freetorrent",
        "vanityhouse",
        "scene",
        "haslog",
        "releasetype",
        "media",
        "format",
        "encoding",
        "artistname",
        "filelist",
        "groupname",
        "recordlabel",
        "cataloguenumber",
        "year",
        "remastertitle",
        "remasteryear",
        "remasterrecordlabel",
        "remastercataloguenumber",
        "group_results",
    }
)
"""What `browse` takes but for `page` and `filter_cat`, as documented."""

NOTIFICATION_TYPES = (
    "Inbox",
    "News",
    "Blog",
    "StaffPM",
    "Torrents",
    "Quotes",
    "Subscriptions",
    "Collages",
    "Global",
)

_LONGEST_TEXT = 1000
_LAST_PAGE = 2**31 - 1
_HASH = re.compile(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}", re.ASCII)
_CHOICES = {
    "tags_type": ("0", "1"),
    "order_way": ("asc", "desc"),
}


def browse_request(
    page: int = 1, *, category: int | Sequence[int] | None = None, **fields: str | int | None
) -> Request:
    """A page of the catalogue: `category` 1 to 12, or several; other fields by the API's names.

    `searchstr`, `taglist` (comma separated), `tags_type` (1: all, 0: any), `order_by`, `order_way`
    (asc, desc), `year` (`2005` or `2000-2005`), `artistname`, `filelist`, `group_results` and the
    others of the site's advanced search: see BROWSE_FIELDS. None is as not given.
    """
    params = [("page", _page(page))]
    categories = [category] if isinstance(category, int) else category or ()
    params += [(f"filter_cat[{_ident('category', each)}]", "1") for each in categories]
    for name, value in fields.items():
        if name not in BROWSE_FIELDS:
            raise ValueError(f"browse has no parameter {name[:40]!r}")
        if value is not None:
            params.append((name, _choice(name, _text(name, str(value)))))
    return Request("browse", tuple(params))


def torrentgroup_request(*, id: int | None = None, hash: str | None = None) -> Request:  # noqa: A002
    """A group with its torrents and their file lists, by its id or the hash of any of them."""
    return Request("torrentgroup", (_id_or_hash(id, hash),))


def torrent_request(*, id: int | None = None, hash: str | None = None) -> Request:  # noqa: A002
    """A torrent and its group."""
    return Request("torrent", (_id_or_hash(id, hash),))


def tcomments_request(id: int, page: int | None = None) -> Request:  # noqa: A002
    """A page of the comments on a group (its id, not a torrent's); without `page`, the last."""
    params = (("id", _ident("id", id)),)
    return Request("tcomments", params if page is None else (*params, ("page", _page(page))))


def collage_request(id: int) -> Request:  # noqa: A002
    """A collage."""
    return Request("collage", (("id", _ident("id", id)),))


def artist_request(
    *,
    id: int | None = None,  # noqa: A002
    artistname: str | None = None,
    artistreleases: bool = False,
) -> Request:
    """An author's page, by id or name; with `artistreleases` only groups led by this author."""
    if (id is None) == (artistname is None):
        raise ValueError("artist needs either an id or a name")
    params = [("id", _ident("id", id)) if id is not None else _named("artistname", artistname)]
    if artistreleases:
        params.append(("artistreleases", "1"))
    return Request("artist", tuple(params))


def top10_request(type: str = "torrents", limit: int = 10) -> Request:  # noqa: A002
    """The top lists of torrents, tags or users, of 10, 100 or 250 rows. Needs a cookie."""
    if type not in ("torrents", "tags", "users"):
        raise ValueError("top10 has the types torrents, tags and users")
    if limit not in (10, 100, 250):
        raise ValueError("top10 has the limits 10, 100 and 250")
    return Request("top10", (("type", type), ("limit", str(limit))))


def user_request(id: int) -> Request:  # noqa: A002
    """A user's page."""
    return Request("user", (("id", _ident("id", id)),))


def usersearch_request(search: str, page: int = 1) -> Request:
    """A page of users whose names hold `search`."""
    return Request("usersearch", (_named("search", search), ("page", _page(page))))


def community_stats_request(userid: int) -> Request:
    """What a user seeds and snatched, in numbers."""
    return Request("community_stats", (("userid", _ident("userid", userid)),))


def user_recents_request(userid: int, limit: int | None = None) -> Request:
    """What a user snatched and uploaded last; `limit` is 1 to 50."""
    params = (("userid", _ident("userid", userid)),)
    if limit is None:
        return Request("user_recents", params)
    if not 1 <= limit <= 50:
        raise ValueError("user_recents has a limit of 1 to 50")
    return Request("user_recents", (*params, ("limit", str(limit))))


def userhistory_request(userid: int, page: int = 1) -> Request:
    """A page of a user's forum posts. Needs a cookie."""
    params = (("type", "posts"), ("userid", _ident("userid", userid)), ("page", _page(page)))
    return Request("userhistory", params)


def inbox_request(
    page: int = 1,
    *,
    type: str = "inbox",  # noqa: A002
    search: str | None = None,
    searchtype: str | None = None,
    sort: str | None = None,
) -> Request:
    """A page of the inbox or sentbox. `searchtype`: subject, message, user; `sort`: unread."""
    if type not in ("inbox", "sentbox"):
        raise ValueError("inbox has the types inbox and sentbox")
    if searchtype not in (None, "subject", "message", "user"):
        raise ValueError("inbox has the searchtypes subject, message and user")
    if sort not in (None, "unread"):
        raise ValueError("inbox has the sort unread")
    params = [("page", _page(page)), ("type", type)]
    if search is not None:
        params.append(_named("search", search))
    params += [(n, v) for n, v in (("searchtype", searchtype), ("sort", sort)) if v is not None]
    return Request("inbox", tuple(params))


def conversation_request(id: int) -> Request:  # noqa: A002
    """A conversation; reading it marks it read."""
    return Request("inbox", (("type", "viewconv"), ("id", _ident("id", id))))


def bookmarks_request(type: str = "torrents") -> Request:  # noqa: A002
    """Bookmarked groups (the API says torrents) or authors (artists)."""
    if type not in ("torrents", "artists"):
        raise ValueError("bookmarks has the types torrents and artists")
    return Request("bookmarks", (("type", type),))


def notifications_request(page: int = 1) -> Request:
    """A page of uploads that matched a filter; reading clears their marks. Needs a cookie."""
    return Request("notifications", (("page", _page(page)),))


def get_user_notifications_request() -> Request:
    """What is new for the user, by kind."""
    return Request("get_user_notifications")


def clear_user_notification_request(type: str) -> Request:  # noqa: A002
    """Clear the notifications of one of NOTIFICATION_TYPES. Changes the account."""
    if type not in NOTIFICATION_TYPES:
        raise ValueError(f"clear_user_notification has the types {', '.join(NOTIFICATION_TYPES)}")
    return Request("clear_user_notification", (("type", type),), method="POST")


def index_request() -> Request:
    """Who is asking."""
    return Request("index")


def stats_request() -> Request:
    """Numbers of the site."""
    return Request("stats")


def announcements_request() -> Request:
    """News of the site."""
    return Request("announcements")


def download_request(
    id: int,  # noqa: A002
    authkey: Secret | None = None,
    passkey: Secret | None = None,
) -> Request:
    """A torrent's .torrent file, with both keys (of `index`), or with neither and a cookie."""
    if (authkey is None) != (passkey is None):
        raise ValueError("download needs both authkey and passkey, or neither")
    params: tuple[tuple[str, str | Secret], ...] = (("id", _ident("id", id)),)
    if authkey is not None and passkey is not None:
        params += (("authkey", authkey), ("torrent_pass", passkey))
    return Request("download", params, kind="download")


def _id_or_hash(ident: int | None, info_hash: str | None) -> tuple[str, str]:
    if (ident is None) == (info_hash is None):
        raise ValueError("either an id or an info hash is needed")
    if ident is not None:
        return ("id", _ident("id", ident))
    if not _HASH.fullmatch(info_hash or ""):
        raise ValueError("an info hash has 40 (or 64) hexadecimal digits")
    return ("hash", (info_hash or "").upper())


def _ident(name: str, value: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_ID:
        raise ValueError(f"{name} is a number from 0 to {LARGEST_ID}")
    return str(value)


def _page(value: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LAST_PAGE:
        raise ValueError("a page is a number from 1")
    return str(value)


def _named(name: str, value: str | None) -> tuple[str, str]:
    text = _text(name, value or "")
    if not text.strip():
        raise ValueError(f"{name} cannot be empty")
    return (name, text)


def _text(name: str, value: str) -> str:
    if len(value) > _LONGEST_TEXT:
        raise ValueError(f"{name} is longer than {_LONGEST_TEXT} characters")
    return value


def _choice(name: str, value: str) -> str:
    choices = _CHOICES.get(name)
    if choices and value not in choices:
        raise ValueError(f"{name} is one of {', '.join(choices)}")
    return value
