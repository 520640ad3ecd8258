"""The API: one coroutine for every action, typed answers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from biofs.api import builders
from biofs.api.errors import BadAnswer
from biofs.api.models import (
    Announcements,
    Artist,
    Bookmarks,
    BrowsePage,
    Collage,
    Comments,
    CommunityStats,
    Conversation,
    GroupAnswer,
    Inbox,
    Index,
    Notifications,
    Stats,
    Top10,
    TorrentAnswer,
    User,
    UserHistory,
    UserNotifications,
    UserRecents,
    UserSearch,
)
from biofs.api.requests import Answer, Effect, Request
from biofs.api.secrets import Secret

Send = Callable[[Request], Awaitable[Answer]]


class Api:
    """Every action of the API. `send` says how a request is sent: paced, queued, at once.

    Arguments are those of the builders, which see for them. Every coroutine raises ValueError for
    arguments that make no sense, and `ApiError` for whatever goes wrong after that.
    """

    def __init__(self, send: Send) -> None:
        self._send = send

    async def browse(
        self,
        page: int = 1,
        *,
        category: int | Sequence[int] | None = None,
        **fields: str | int | None,
    ) -> BrowsePage:
        request = builders.browse_request(page, category=category, **fields)
        return BrowsePage.from_json(await self._response(request))

    async def torrentgroup(
        self,
        *,
        id: int | None = None,  # noqa: A002
        hash: str | None = None,  # noqa: A002
    ) -> GroupAnswer:
        request = builders.torrentgroup_request(id=id, hash=hash)
        answer = GroupAnswer.from_json(await self._response(request))
        _expect(request, id, answer.group.id)
        return answer

    async def torrent(
        self,
        *,
        id: int | None = None,  # noqa: A002
        hash: str | None = None,  # noqa: A002
    ) -> TorrentAnswer:
        request = builders.torrent_request(id=id, hash=hash)
        answer = TorrentAnswer.from_json(await self._response(request))
        _expect(request, id, answer.torrent.id)
        return answer

    async def tcomments(self, id: int, page: int | None = None) -> Comments:  # noqa: A002
        return Comments.from_json(await self._response(builders.tcomments_request(id, page)))

    async def collage(self, id: int) -> Collage:  # noqa: A002
        request = builders.collage_request(id)
        collage = Collage.from_json(await self._response(request))
        _expect(request, id, collage.id)
        return collage

    async def artist(
        self,
        *,
        id: int | None = None,  # noqa: A002
        artistname: str | None = None,
        artistreleases: bool = False,
    ) -> Artist:
        request = builders.artist_request(
            id=id, artistname=artistname, artistreleases=artistreleases
        )
        artist = Artist.from_json(await self._response(request))
        _expect(request, id, artist.id)
        return artist

    async def top10(self, type: str = "torrents", limit: int = 10) -> Top10:  # noqa: A002
        return Top10.from_json(await self._response(builders.top10_request(type, limit)), type)

    async def user(self, id: int) -> User:  # noqa: A002
        return User.from_json(await self._response(builders.user_request(id)))

    async def usersearch(self, search: str, page: int = 1) -> UserSearch:
        return UserSearch.from_json(await self._response(builders.usersearch_request(search, page)))

    async def community_stats(self, userid: int) -> CommunityStats:
        request = builders.community_stats_request(userid)
        return CommunityStats.from_json(await self._response(request))

    async def user_recents(self, userid: int, limit: int | None = None) -> UserRecents:
        request = builders.user_recents_request(userid, limit)
        return UserRecents.from_json(await self._response(request))

    async def userhistory(self, userid: int, page: int = 1) -> UserHistory:
        request = builders.userhistory_request(userid, page)
        return UserHistory.from_json(await self._response(request))

    async def inbox(
        self,
        page: int = 1,
        *,
        type: str = "inbox",  # noqa: A002
        search: str | None = None,
        searchtype: str | None = None,
        sort: str | None = None,
    ) -> Inbox:
        request = builders.inbox_request(
            page, type=type, search=search, searchtype=searchtype, sort=sort
        )
        return Inbox.from_json(await self._response(request))

    async def conversation(self, id: int) -> Conversation:  # noqa: A002
        """Marks it read. A foreign or unknown one is a ServerFault (HTTP 500)."""
        request = builders.conversation_request(id)
        conversation = Conversation.from_json(await self._response(request))
        _expect(request, id, conversation.id)
        return conversation

    async def bookmarks(self, type: str = "torrents") -> Bookmarks:  # noqa: A002
        return Bookmarks.from_json(await self._response(builders.bookmarks_request(type)))

    async def notifications(self, page: int = 1) -> Notifications:
        """Clears their "new" marks."""
        return Notifications.from_json(await self._response(builders.notifications_request(page)))

    async def get_user_notifications(self) -> UserNotifications:
        request = builders.get_user_notifications_request()
        return UserNotifications.from_json(await self._response(request))

    async def clear_user_notification(self, type: str) -> None:  # noqa: A002
        """Changes the account."""
        await self._send(builders.clear_user_notification_request(type))

    async def index(self) -> Index:
        return Index.from_json(await self._response(builders.index_request()))

    async def stats(self) -> Stats:
        return Stats.from_json(await self._response(builders.stats_request()))

    async def announcements(self) -> Announcements:
        return Announcements.from_json(await self._response(builders.announcements_request()))

    async def download(
        self,
        id: int,  # noqa: A002
        authkey: Secret | None = None,
        passkey: Secret | None = None,
    ) -> bytes:
        """The .torrent file. It holds the passkey, in its announce URL: it is a secret itself."""
        return (await self._send(builders.download_request(id, authkey, passkey))).body

    async def _response(self, request: Request) -> object:
        return (await self._send(request)).response


def _expect(request: Request, asked: int | None, answered: int) -> None:
    if asked is not None and asked != answered:
        raise BadAnswer(request.action, "the answer is about another one than asked for")


@dataclass(frozen=True, slots=True)
class Action:
    """What a command line needs to know of an action; `parameters` are those of its coroutine."""

    parameters: tuple[str, ...]
    needs_cookie: bool = False
    effect: Effect = Effect.NONE


ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        "browse": Action(("page", "category", *sorted(builders.BROWSE_FIELDS))),
        "torrentgroup": Action(("id", "hash")),
        "torrent": Action(("id", "hash")),
        "tcomments": Action(("id", "page")),
        "collage": Action(("id",)),
        "artist": Action(("id", "artistname", "artistreleases")),
        "top10": Action(("type", "limit"), needs_cookie=True),
        "user": Action(("id",)),
        "usersearch": Action(("search", "page")),
        "community_stats": Action(("userid",)),
        "user_recents": Action(("userid", "limit")),
        "userhistory": Action(("userid", "page"), needs_cookie=True),
        "inbox": Action(("page", "type", "search", "searchtype", "sort")),
        "conversation": Action(("id",), effect=Effect.MARKS_READ),
        "bookmarks": Action(("type",)),
        "notifications": Action(("page",), needs_cookie=True, effect=Effect.MARKS_READ),
        "get_user_notifications": Action(()),
        "clear_user_notification": Action(("type",), effect=Effect.CHANGES_ACCOUNT),
        "index": Action(()),
        "stats": Action(()),
        "announcements": Action(()),
        "download": Action(("id", "authkey", "passkey")),
    }
)
"""The coroutines of `Api` by name."""
