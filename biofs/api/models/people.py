"""What people add to the catalogue (authors, collages, comments, top lists), users, and their mail.

Most of these answers are written into documents as they came, from `raw`: a field is declared here
only if something else reads it, and a list only so that an answer without it is not taken for an
empty one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, ClassVar, Self

from msgspec import field

from biofs.api.models.base import (
    Count,
    Flag,
    Id,
    Model,
    Raw,
    Text,
    part_of,
    read_rows,
    rows_of,
)
from biofs.api.values import to_count, to_id, to_rows, to_text


class Page(Model, frozen=True):
    """A page of rows that are shown as they came. No rows at all: page 1 of 0."""

    rows_name: ClassVar[str] = ""
    pages: int
    rows: Sequence[object]
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Raises BadAnswer without a list of rows: that must not look like an empty page."""
        fields = cls._object(value)
        rows = to_rows(fields.get(cls.rows_name))
        if rows is None:
            raise cls._bad(f"has no list of {cls.rows_name}")
        return cls(to_count(fields.get("pages")), rows, fields)


class Comments(Page, frozen=True):
    """A page of ten comments on a group, oldest first."""

    action: ClassVar[str] = "tcomments"
    rows_name: ClassVar[str] = "comments"


class UserSearch(Page, frozen=True):
    """A page of users found by name."""

    action: ClassVar[str] = "usersearch"
    rows_name: ClassVar[str] = "results"


class UserHistory(Page, frozen=True):
    """A page of a user's forum posts, newest first."""

    action: ClassVar[str] = "userhistory"
    rows_name: ClassVar[str] = "threads"


class Inbox(Page, frozen=True):
    """A page of 25 conversations."""

    action: ClassVar[str] = "inbox"
    rows_name: ClassVar[str] = "messages"


class Notifications(Page, frozen=True):
    """A page of uploads that matched one of the user's filters."""

    action: ClassVar[str] = "notifications"
    rows_name: ClassVar[str] = "results"


class Conversation(Model, frozen=True):
    """A conversation, oldest message first."""

    action: ClassVar[str] = "inbox"
    id: Id = field(name="convId")
    raw: Raw


class Bookmarks(Model, frozen=True):
    """Bookmarked groups, or authors."""

    action: ClassVar[str] = "bookmarks"
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Raises BadAnswer if it has neither list, or something else in its place."""
        fields = cls._object(value)
        if "bookmarks" not in fields and "artists" not in fields:
            raise cls._bad("has neither bookmarks nor artists")
        for name in ("bookmarks", "artists"):
            if to_rows(fields.get(name)) is None:
                raise cls._bad(f"has no list of {name}")
        return cls(fields)


class UserRecents(Model, frozen=True):
    """What a user snatched and uploaded last, newest first."""

    action: ClassVar[str] = "user_recents"
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Raises BadAnswer without either list."""
        fields = cls._object(value)
        for name in ("snatches", "uploads"):
            if to_rows(fields.get(name)) is None:
                raise cls._bad(f"has no list of {name}")
        return cls(fields)


class UserNotifications(Model, frozen=True):
    """Notifications by kind: Inbox, News, Blog, StaffPM, Torrents, Quotes, …; `[]` for none."""

    action: ClassVar[str] = "get_user_notifications"
    raw: Raw


class CommunityStats(Model, frozen=True):
    """What a user seeds and snatched, in numbers of torrents. The server hides some as false."""

    action: ClassVar[str] = "community_stats"
    raw: Raw


class Stats(Model, frozen=True):
    """Numbers of the site."""

    action: ClassVar[str] = "stats"
    raw: Raw


class Announcements(Model, frozen=True):
    """News of the site; documented nowhere, so `raw` is all there is, of any type."""

    action: ClassVar[str] = "announcements"
    raw: object

    @classmethod
    def from_json(cls, value: object) -> Self:
        return cls(value)


class IndexUserStats(Model, frozen=True):
    """The part of `index` about the user's standing."""

    class_: Text = field(name="class")
    raw: Raw


class Index(Model, frozen=True):
    """Who is asking. Asked with a token, only the id is told: no name, no keys, no traffic."""

    action: ClassVar[str] = "index"
    id: Id
    username: Text
    userstats: Annotated[IndexUserStats, part_of(IndexUserStats)]
    raw: Raw


class UserPersonal(Model, frozen=True):
    """The part of `user` about the account. In `raw`, a passkey only if it is one's own."""

    class_: Text = field(name="class")
    donor: Flag
    raw: Raw


class User(Model, frozen=True):
    """A user's page. The answer does not repeat the id."""

    action: ClassVar[str] = "user"
    username: Text
    personal: Annotated[UserPersonal, part_of(UserPersonal)]
    raw: Raw


class ArtistGroup(Model, frozen=True):
    """A group on an author's page."""

    id: Id = field(name="groupId")
    name: Text = field(name="groupName")
    category_id: Count = field(name="groupCategoryID")
    raw: Raw


class Artist(Model, frozen=True):
    """An author's page; `torrent_groups` is often empty although there are groups."""

    action: ClassVar[str] = "artist"
    id: Id
    name: Text
    torrent_groups: Annotated[list[ArtistGroup], rows_of(ArtistGroup)] = field(name="torrentgroup")
    raw: Raw


class CollageTorrent(Model, frozen=True):
    """A torrent in a collage; `time` reads YYYY-MM-DD HH:MM:SS, in UTC."""

    id: Id = field(name="torrentid")
    time: Text
    raw: Raw


class CollageGroup(Model, frozen=True):
    """A group in a collage."""

    id: Id
    name: Text
    category_id: Count
    torrents: Annotated[list[CollageTorrent], rows_of(CollageTorrent)]
    raw: Raw


def _to_ids(value: object) -> tuple[int, ...]:
    numbers = (to_id(row) for row in to_rows(value) or ())
    return tuple(number for number in numbers if number is not None)


class Collage(Model, frozen=True):
    """A collage. `torrent_group_ids` can name groups that `torrent_groups` lacks."""

    action: ClassVar[str] = "collage"
    id: Id
    description: Text
    torrent_group_ids: Annotated[tuple[int, ...], _to_ids] = field(name="torrentGroupIDList")
    torrent_groups: Annotated[list[CollageGroup], rows_of(CollageGroup)] = field(
        name="torrentgroups"
    )
    raw: Raw


class TopTorrent(Model, frozen=True):
    """A torrent of a top list."""

    id: Id = field(name="torrentId")
    group_id: Id
    group_name: Text
    category_id: Count = field(name="groupCategory")
    raw: Raw


class TopTag(Model, frozen=True):
    """A tag of a top list."""

    name: Text
    raw: Raw


class TopUser(Model, frozen=True):
    """A user of a top list."""

    id: Id
    username: Text
    raw: Raw


TopRow = TopTorrent | TopTag | TopUser

_READ_TOP: Mapping[str, Callable[[object], TopRow]] = {
    "torrents": TopTorrent.from_json,
    "tags": TopTag.from_json,
    "users": TopUser.from_json,
}


class TopList(Model, frozen=True):
    """One list of `top10`, and how many of its rows are invalid."""

    action: ClassVar[str] = "top10"
    tag: str
    results: list[TopRow]
    skipped: int
    raw: Raw


class Top10(Model, frozen=True):
    """The lists of one type: torrents, tags or users, and rows accordingly."""

    action: ClassVar[str] = "top10"
    lists: list[TopList]
    raw: Sequence[object]

    @classmethod
    def from_json(cls, value: object, type: str = "torrents") -> Self:  # noqa: A002
        """Raises BadAnswer unless it is a list of lists, KeyError for another type."""
        read, values = _READ_TOP[type], to_rows(value)
        if values is None:
            raise cls._bad("is not a list")
        lists = []
        for item in values:
            fields = cls._object(item)
            rows, skipped = read_rows(read, fields.get("results"), cls, "results")
            lists.append(TopList(to_text(fields.get("tag")), rows, skipped, fields))
        return cls(lists, values)
