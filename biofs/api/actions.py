"""The table of the API's actions: `Api`, with one `Action` a line.

Above the table stands, for each action, the function that builds its request: its parameters are
the action's parameters, and the first line of its docstring is the action's help.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from biofs.api import models
from biofs.api.action import (
    BROWSE_FIELDS,
    NOTIFICATION_TYPES,
    Action,
    Send,
    about,
    bounded,
    choice,
    filled,
    id_or_hash,
    number,
    page_number,
    read_as,
)
from biofs.api.requests import Answer, Effect, Request
from biofs.api.secrets import Secret


def _browse(
    page: int = 1, *, category: int | Sequence[int] | None = None, **fields: str | int | None
) -> Request:
    """A page of the catalogue: `category` 1 to 12, or several; other fields by the API's names.

    `searchstr`, `taglist` (comma separated), `tags_type` (1: all, 0: any), `order_by`, `order_way`
    (asc, desc), `year` (`2005` or `2000-2005`), `artistname`, `filelist`, `group_results` and the
    others of the site's advanced search: see BROWSE_FIELDS. None is as not given.
    """
    params = [("page", page_number(page))]
    categories = [category] if isinstance(category, int) else category or ()
    params += [(f"filter_cat[{number('category', each)}]", "1") for each in categories]
    for name, value in fields.items():
        if name not in BROWSE_FIELDS:
            raise ValueError(f"browse has no parameter {name[:40]!r}")
        if value is not None:
            params.append((name, choice(name, bounded(name, str(value)))))
    return Request("browse", tuple(params))


def _torrentgroup(*, id: int | None = None, hash: str | None = None) -> Request:  # noqa: A002
    """A group with its torrents and their file lists, by its id or the hash of any of them."""
    return Request("torrentgroup", (id_or_hash(id, hash),))


def _torrent(*, id: int | None = None, hash: str | None = None) -> Request:  # noqa: A002
    """A torrent and its group."""
    return Request("torrent", (id_or_hash(id, hash),))


def _tcomments(id: int, page: int | None = None) -> Request:  # noqa: A002
    """A page of the comments on a group (its id, not a torrent's); without `page`, the last."""
    params = (("id", number("id", id)),)
    return Request("tcomments", params if page is None else (*params, ("page", page_number(page))))


def _collage(id: int) -> Request:  # noqa: A002
    """A collage."""
    return Request("collage", (("id", number("id", id)),))


def _artist(
    *,
    id: int | None = None,  # noqa: A002
    artistname: str | None = None,
    artistreleases: bool = False,
) -> Request:
    """An author's page, by id or name; with `artistreleases` only groups led by this author."""
    if (id is None) == (artistname is None):
        raise ValueError("artist needs either an id or a name")
    params = [("id", number("id", id)) if id is not None else filled("artistname", artistname)]
    if artistreleases:
        params.append(("artistreleases", "1"))
    return Request("artist", tuple(params))


def _top10(type: str = "torrents", limit: int = 10) -> Request:  # noqa: A002
    """The top lists of torrents, tags or users, of 10, 100 or 250 rows."""
    if type not in ("torrents", "tags", "users"):
        raise ValueError("top10 has the types torrents, tags and users")
    if limit not in (10, 100, 250):
        raise ValueError("top10 has the limits 10, 100 and 250")
    return Request("top10", (("type", type), ("limit", str(limit))))


def _user(id: int) -> Request:  # noqa: A002
    """A user's page."""
    return Request("user", (("id", number("id", id)),))


def _usersearch(search: str, page: int = 1) -> Request:
    """A page of users whose names hold `search`."""
    return Request("usersearch", (filled("search", search), ("page", page_number(page))))


def _community_stats(userid: int) -> Request:
    """What a user seeds and snatched, in numbers."""
    return Request("community_stats", (("userid", number("userid", userid)),))


def _user_recents(userid: int, limit: int | None = None) -> Request:
    """What a user snatched and uploaded last; `limit` is 1 to 50."""
    params = (("userid", number("userid", userid)),)
    if limit is None:
        return Request("user_recents", params)
    if not 1 <= limit <= 50:
        raise ValueError("user_recents has a limit of 1 to 50")
    return Request("user_recents", (*params, ("limit", str(limit))))


def _userhistory(userid: int, page: int = 1) -> Request:
    """A page of a user's forum posts."""
    params = (("type", "posts"), ("userid", number("userid", userid)), ("page", page_number(page)))
    return Request("userhistory", params)


def _inbox(
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
    params = [("page", page_number(page)), ("type", type)]
    if search is not None:
        params.append(filled("search", search))
    params += [(n, v) for n, v in (("searchtype", searchtype), ("sort", sort)) if v is not None]
    return Request("inbox", tuple(params))


def _conversation(id: int) -> Request:  # noqa: A002
    """A conversation; reading it marks it read."""
    return Request("inbox", (("type", "viewconv"), ("id", number("id", id))))


def _bookmarks(type: str = "torrents") -> Request:  # noqa: A002
    """Bookmarked groups (the API says torrents) or authors (artists)."""
    if type not in ("torrents", "artists"):
        raise ValueError("bookmarks has the types torrents and artists")
    return Request("bookmarks", (("type", type),))


def _notifications(page: int = 1) -> Request:
    """A page of uploads that matched a filter; reading clears their marks."""
    return Request("notifications", (("page", page_number(page)),))


def _get_user_notifications() -> Request:
    """What is new for the user, by kind."""
    return Request("get_user_notifications")


def _clear_user_notification(type: str) -> Request:  # noqa: A002
    """Clear the notifications of one type, such as News."""
    if type not in NOTIFICATION_TYPES:
        raise ValueError(f"clear_user_notification has the types {', '.join(NOTIFICATION_TYPES)}")
    return Request("clear_user_notification", (("type", type),), method="POST")


def _index() -> Request:
    """Who is asking."""
    return Request("index")


def _stats() -> Request:
    """Numbers of the site."""
    return Request("stats")


def _announcements() -> Request:
    """News of the site."""
    return Request("announcements")


def _download(
    id: int,  # noqa: A002
    authkey: Secret | None = None,
    passkey: Secret | None = None,
) -> Request:
    """A torrent's .torrent file, with both keys (of `index`), or with neither and a cookie."""
    if (authkey is None) != (passkey is None):
        raise ValueError("download needs both authkey and passkey, or neither")
    params: tuple[tuple[str, str | Secret], ...] = (("id", number("id", id)),)
    if authkey is not None and passkey is not None:
        params += (("authkey", authkey), ("torrent_pass", passkey))
    return Request("download", params, kind="download")


def _read_top10(answer: Answer) -> models.Top10:
    return models.Top10.from_json(answer.response, str(answer.request.param("type")))


def _read_nothing(_answer: Answer) -> None:
    return None


def _read_body(answer: Answer) -> bytes:
    return answer.body


class Api:
    """Every action of the API. `send` says how a request is sent: paced, queued, at once.

    On an instance an action is a coroutine function with the parameters of the function that builds
    its request. It raises ValueError for invalid arguments, and `ApiError` for whatever goes wrong
    after that. On the class it is the `Action`.

    The three that need a cookie answer a token with HTTP 500, "bad parameters" or nothing
    (recordings top10_donor, notifications_donor, userhistory_posts_donor).
    """

    def __init__(self, send: Send) -> None:
        self.send = send

    browse = Action(_browse, read_as(models.BrowsePage), more=BROWSE_FIELDS)
    torrentgroup = Action(_torrentgroup, about(models.GroupAnswer, lambda it: it.group.id))
    torrent = Action(_torrent, about(models.TorrentAnswer, lambda it: it.torrent.id))
    tcomments = Action(_tcomments, read_as(models.Comments))
    collage = Action(_collage, about(models.Collage, lambda it: it.id))
    artist = Action(_artist, about(models.Artist, lambda it: it.id))
    top10 = Action(_top10, _read_top10, needs_cookie=True)
    user = Action(_user, read_as(models.User))
    usersearch = Action(_usersearch, read_as(models.UserSearch))
    community_stats = Action(_community_stats, read_as(models.CommunityStats))
    user_recents = Action(_user_recents, read_as(models.UserRecents))
    userhistory = Action(_userhistory, read_as(models.UserHistory), needs_cookie=True)
    inbox = Action(_inbox, read_as(models.Inbox))
    conversation = Action(
        _conversation, about(models.Conversation, lambda it: it.id), effect=Effect.MARKS_READ
    )
    bookmarks = Action(_bookmarks, read_as(models.Bookmarks))
    notifications = Action(
        _notifications, read_as(models.Notifications), needs_cookie=True, effect=Effect.MARKS_READ
    )
    get_user_notifications = Action(_get_user_notifications, read_as(models.UserNotifications))
    clear_user_notification = Action(
        _clear_user_notification, _read_nothing, effect=Effect.CHANGES_ACCOUNT
    )
    index = Action(_index, read_as(models.Index))
    stats = Action(_stats, read_as(models.Stats))
    announcements = Action(_announcements, read_as(models.Announcements))
    download = Action(_download, _read_body)


ACTIONS: Mapping[str, Action[..., object]] = MappingProxyType(
    {name: action for name, action in vars(Api).items() if isinstance(action, Action)}
)
"""The actions of `Api` by name, in the order of the table."""
