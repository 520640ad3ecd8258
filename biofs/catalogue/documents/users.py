"""Users and authors, comments, the site as a whole; and the account, for its own user alone.

No document holds an authkey or a passkey. Asking for a conversation marks it read, and asking for
the notifications clears their marks: those two (`conversation`, `notifications`) are for who says
so, never for a listing or a refresh.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson

from biofs.api.actions import Api
from biofs.api.errors import BadAnswer
from biofs.api.models import Artist, Comments, Inbox, Notifications, UserHistory, UserSearch
from biofs.api.secrets import SECRET_FIELDS, redacted
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.changes import Freshness
from biofs.catalogue.documents.document import (
    HTML,
    Document,
    Joined,
    Link,
    from_first,
    from_last,
    written,
)
from biofs.tree import names
from biofs.tree.printable import escape

USERS: Final = "user/"
"""What the keys of users begin with; the id follows."""

COMMENTS: Final = "comments/"
SEARCHES: Final = "usersearch/"

MOST_SEARCH_PAGES: Final = 20
"""Pages of a search for users that are read, of 30 users each."""

_RECENTS: Final = 50  # the most that the server tells

# Authors' names are not escaped, as elsewhere; `user_recents` calls them artists.
_RECENTS_KEEP: Final = HTML | {"artists"}


def user(freshness: Freshness, ident: int) -> Document:
    """A user's page, without a passkey. NotFound if there is no such user."""

    async def fetch(api: Api) -> bytes:
        raw = (await api.user(ident)).raw
        return await written("user", redacted(raw, ""))

    return Document(f"{USERS}{ident}", freshness.users, fetch, "lastAccess")


def stats(freshness: Freshness, ident: int) -> Document:
    """A user's numbers: `community_stats`."""

    async def fetch(api: Api) -> bytes:
        return await written("community_stats", (await api.community_stats(ident)).raw)

    return Document(f"user-stats/{ident}", freshness.users, fetch)


def recents(freshness: Freshness, ident: int) -> Document:
    """What a user snatched and uploaded last."""

    async def fetch(api: Api) -> bytes:
        raw = (await api.user_recents(ident, _RECENTS)).raw
        return await written("user_recents", raw, _RECENTS_KEEP)

    return Document(f"user-recents/{ident}", freshness.users, fetch)


def posts(freshness: Freshness, ident: int) -> Document:
    """A user's posts in the forum, newest first. Needs a cookie."""

    async def fetch(api: Api) -> bytes:
        async def ask(number: int) -> UserHistory:
            return await api.userhistory(ident, number)

        whole = await from_first(Joined("userhistory", "threads", "postId"), ask)
        return await written("userhistory", whole)

    request = Api.userhistory.request(ident)
    return Document(f"user-posts/{ident}", freshness.users, fetch, "addedTime", request)


def search(freshness: Freshness, words: str) -> Document:
    """Users whose names hold `words`."""

    async def fetch(api: Api) -> bytes:
        async def ask(number: int) -> UserSearch:
            return await api.usersearch(words, number)

        joined = Joined("usersearch", "results", "userId")
        return await written("usersearch", await from_first(joined, ask, MOST_SEARCH_PAGES))

    return Document(f"{SEARCHES}{words}", freshness.users, fetch)


def comments(freshness: Freshness, group_id: int) -> Document:
    """The comments on a group, oldest first, at one request for ten.

    Without a page the server answers the last one, and tells how many there are: so that comes
    first. A group that is not there has no comments either: the server tells no difference.
    """

    async def fetch(api: Api) -> bytes:
        last = await api.tcomments(group_id)

        async def ask(number: int) -> Comments:
            return await api.tcomments(group_id, number)

        whole = await from_last(Joined("tcomments", "comments", "postId"), last, ask)
        return await written("tcomments", whole)

    return Document(f"{COMMENTS}{group_id}", freshness.comments, fetch, "addedTime")


def site_stats(freshness: Freshness) -> Document:
    """Numbers of the site."""

    async def fetch(api: Api) -> bytes:
        return await written("stats", (await api.stats()).raw)

    return Document("site/stats", freshness.users, fetch)


def announcements(freshness: Freshness) -> Document:
    """News of the site, as it answers: no document describes them."""

    async def fetch(api: Api) -> bytes:
        return await written("announcements", (await api.announcements()).raw)

    return Document("site/announcements", freshness.users, fetch)


# A conversation's BBcode comes as it was typed (recording inbox_type_viewconv_id_62).
_CONVERSATION_KEEPS: Final = HTML | {"bbBody"}

# Authors' names are not escaped.
_ARTISTS_KEEP: Final = HTML | {"artistName"}


def index(freshness: Freshness) -> Document:
    """Who is asking, without the keys."""

    async def fetch(api: Api) -> bytes:
        answer = redacted((await api.index()).raw, "")
        assert isinstance(answer, dict)  # noqa: S101 - as the answer was
        kept = {key: value for key, value in answer.items() if key.lower() not in SECRET_FIELDS}
        return await written("index", kept)

    return Document("me/index", freshness.account, fetch)


def messages(freshness: Freshness, folder: str) -> Document:
    """The conversations of `folder` (inbox, sentbox); none is marked read by this."""

    async def fetch(api: Api) -> bytes:
        async def ask(number: int) -> Inbox:
            return await api.inbox(number, type=folder)

        whole = await from_first(Joined("inbox", "messages", "convId"), ask)
        return await written("inbox", whole)

    return Document(f"me/{folder}", freshness.account, fetch, "date")


def conversation(freshness: Freshness, ident: int) -> Document:
    """A conversation, oldest message first. Asking marks it read."""

    async def fetch(api: Api) -> bytes:
        return await written("inbox", (await api.conversation(ident)).raw, _CONVERSATION_KEEPS)

    return Document(f"me/conversation/{ident}", freshness.account, fetch, "sentDate")


def bookmarks(freshness: Freshness, kind: str) -> Document:
    """Bookmarked groups (`kind` torrents, as the API has it) or authors (artists)."""

    async def fetch(api: Api) -> bytes:
        return await written("bookmarks", (await api.bookmarks(kind)).raw, _ARTISTS_KEEP)

    return Document(f"me/bookmarks/{kind}", freshness.account, fetch)


def notifications(freshness: Freshness) -> Document:
    """Uploads that matched a filter of the user's. Asking clears their marks. Needs a cookie."""

    async def fetch(api: Api) -> bytes:
        async def ask(number: int) -> Notifications:
            return await api.notifications(number)

        whole = await from_first(Joined("notifications", "results", "torrentId"), ask)
        return await written("notifications", whole)

    request = Api.notifications.request()
    return Document("me/notifications", freshness.account, fetch, "notificationTime", request)


def site_notifications(freshness: Freshness) -> Document:
    """What is new for the user, by kind; `{}` for nothing. Clears no mark."""

    async def fetch(api: Api) -> bytes:
        raw = (await api.get_user_notifications()).raw
        return await written("get_user_notifications", raw)

    return Document("me/site-notifications", freshness.account, fetch)


_KEEP: Final = frozenset({"name", "artists", "extendedArtists", "body"})
"""Fields that are not escaped: names of authors; or are HTML, as a group's `description`."""


def author(catalogue: Catalogue, ident: int) -> Document:
    """An author's page. The author's name is known to the store when it was fetched."""

    async def fetch(api: Api) -> bytes:
        return await _learn(catalogue, await api.artist(id=ident))

    return Document(f"author {ident}", catalogue.freshness.author, fetch)


def id_of_name(catalogue: Catalogue, name: str) -> Document:
    """The id, in digits, of the author with this name. The answer is the author's page, too, which
    is kept as such."""

    async def fetch(api: Api) -> bytes:
        artist = await api.artist(artistname=name)
        page = await _learn(catalogue, artist)
        await catalogue.answers.keep(author(catalogue, artist.id).key, page)
        return str(artist.id).encode()

    return Document(f"author named {name}", catalogue.freshness.author, fetch)


async def _learn(catalogue: Catalogue, artist: Artist) -> bytes:
    await catalogue.browsing.learn_author(artist.id, artist.name)
    return await written("artist", artist.raw, _KEEP)


def groups_on(page: bytes) -> Iterator[Link]:
    """The groups that author.json names; its texts are decoded already."""
    try:
        artist = Artist.from_json(orjson.loads(page))
    except (ValueError, BadAnswer):
        return
    for group in artist.torrent_groups:
        yield Link(names.group_dirname(escape(group.name), group.id), group.id)
