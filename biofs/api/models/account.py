"""What only the user whose token or cookie it is can see."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from msgspec import field

from biofs.api.errors import BadAnswer
from biofs.api.models.base import (
    Count,
    Flag,
    Id,
    Integer,
    Model,
    Raw,
    Real,
    Text,
    part_of,
    read_rows,
    rows_of,
)
from biofs.api.models.users import to_secret
from biofs.api.secrets import Secret
from biofs.api.values import to_count


class Message(Model, frozen=True):
    """A conversation in a listing. Sent by the system: `sender_id` 0 and no name."""

    id: Id = field(name="convId")
    subject: Text
    unread: Flag
    sticky: Flag
    forwarded_id: Count
    forwarded_name: Text
    sender_id: Count
    username: Text
    avatar: Text
    donor: Flag
    warned: Flag
    enabled: Flag
    date: Text
    raw: Raw


class Inbox(Model, frozen=True):
    """A page of 25 conversations."""

    action: ClassVar[str] = "inbox"
    current_page: int
    pages: int
    messages: list[Message]
    skipped: int
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        fields = cls._object(value)
        rows, skipped = read_rows(Message.from_json, fields.get("messages"), cls, "messages")
        page, pages = to_count(fields.get("currentPage")), to_count(fields.get("pages"))
        return cls(page, pages, rows, skipped, fields)


class ConversationMessage(Model, frozen=True):
    """A message; `body` is HTML, `bb_body` BBcode."""

    id: Id = field(name="messageId")
    sender_id: Count
    sender_name: Text
    sent_date: Text
    avatar: Text
    bb_body: Text
    body: Text
    raw: Raw


class Conversation(Model, frozen=True):
    """A conversation, oldest message first."""

    action: ClassVar[str] = "inbox"
    id: Id = field(name="convId")
    subject: Text
    sticky: Flag
    messages: Annotated[list[ConversationMessage], rows_of(ConversationMessage)]
    raw: Raw


class BookmarkedTorrent(Model, frozen=True):
    """A torrent of a bookmarked group. `size` is in bytes."""

    id: Id
    group_id: Count
    platform: Text
    file_count: Count
    free_torrent: Flag
    size: Count
    leechers: Count
    seeders: Count
    snatched: Count
    time: Text
    has_file: Count
    raw: Raw


class BookmarkedGroup(Model, frozen=True):
    """A bookmarked group; `tag_list` has spaces between the tags."""

    id: Id
    name: Text
    year: Integer
    accession: Text
    tag_list: Text
    vanity_house: Flag
    picture: Text
    torrents: Annotated[list[BookmarkedTorrent], rows_of(BookmarkedTorrent)]
    raw: Raw


class BookmarkedArtist(Model, frozen=True):
    """A bookmarked author."""

    id: Id = field(name="artistId")
    name: Text = field(name="artistName")
    raw: Raw


class Bookmarks(Model, frozen=True):
    """Bookmarked groups, or authors: the one that was not asked for is empty."""

    action: ClassVar[str] = "bookmarks"
    bookmarks: list[BookmarkedGroup]
    artists: list[BookmarkedArtist]
    skipped: int
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Raises BadAnswer if there is neither."""
        fields = cls._object(value)
        if "bookmarks" not in fields and "artists" not in fields:
            raise cls._bad("has neither bookmarks nor artists")
        read_group, read_artist = BookmarkedGroup.from_json, BookmarkedArtist.from_json
        groups, skipped = read_rows(read_group, fields.get("bookmarks"), cls, "bookmarks")
        artists, more = read_rows(read_artist, fields.get("artists"), cls, "artists")
        return cls(groups, artists, skipped + more, fields)


class Notification(Model, frozen=True):
    """An upload that matched one of the user's filters. `size` is in bytes."""

    id: Id = field(name="torrentId")
    group_id: Count
    group_name: Text
    category_id: Count = field(name="groupCategoryId")
    torrent_tags: Text
    size: Count
    file_count: Count
    media: Text
    group_year: Integer
    snatched: Count
    seeders: Count
    leechers: Count
    notification_time: Text
    unread: Flag
    raw: Raw


class Notifications(Model, frozen=True):
    """A page of uploads that matched. The server says `currentPages`."""

    action: ClassVar[str] = "notifications"
    current_page: int
    pages: int
    num_new: int
    results: list[Notification]
    skipped: int
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        fields = cls._object(value)
        rows, skipped = read_rows(Notification.from_json, fields.get("results"), cls, "results")
        page = to_count(fields.get("currentPages", fields.get("currentPage")))
        pages, num_new = to_count(fields.get("pages")), to_count(fields.get("numNew"))
        return cls(page, pages, num_new, rows, skipped, fields)


class UserNotification(Model, frozen=True):
    """A notification; `url` is relative to the site, or elsewhere."""

    id: Count
    message: Text
    url: Text
    importance: Text
    raw: Raw


class UserNotifications(Model, frozen=True):
    """Notifications by kind: Inbox, News, Blog, StaffPM, Torrents, Quotes, …; `[]` for none."""

    action: ClassVar[str] = "get_user_notifications"
    kinds: Mapping[str, UserNotification]
    skipped: int
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        fields = cls._object(value)
        kinds = {}
        for kind, notification in fields.items():
            try:
                kinds[kind] = UserNotification.from_json(notification)
            except BadAnswer:
                continue
        return cls(kinds, len(fields) - len(kinds), fields)


class IndexNotifications(Model, frozen=True):
    """How many messages and notifications are new, and what else is."""

    messages: Count
    notifications: Count
    new_announcement: Flag
    new_blog: Flag
    new_subscriptions: Flag
    raw: Raw


class IndexUserStats(Model, frozen=True):
    """The user's traffic in bytes."""

    uploaded: Count
    downloaded: Count
    ratio: Real
    required_ratio: Real = field(name="requiredratio")
    class_: Text = field(name="class")
    raw: Raw


class Index(Model, frozen=True):
    """Who is asking. Asked with a token, only the id is told: no name, no keys, no traffic."""

    action: ClassVar[str] = "index"
    id: Id
    username: Text
    authkey: Annotated[Secret | None, to_secret]
    passkey: Annotated[Secret | None, to_secret]
    notifications: Annotated[IndexNotifications, part_of(IndexNotifications)]
    userstats: Annotated[IndexUserStats, part_of(IndexUserStats)]
    raw: Raw
