"""Users, as everybody sees them, and the site as a whole."""

from typing import Annotated, ClassVar, Self

from msgspec import field

from biofs.api.models.base import (
    Count,
    Flag,
    Id,
    Model,
    Raw,
    Real,
    Text,
    part_of,
    read_rows,
)
from biofs.api.models.catalogue import Author, to_authors
from biofs.api.secrets import Secret
from biofs.api.values import to_count, to_rows, to_text


def to_secret(value: object) -> Secret | None:
    """An authkey or passkey, or None where the server gives none (or none that can be sent)."""
    try:
        return Secret(to_text(value))
    except ValueError:
        return None


class UserStats(Model, frozen=True):
    """Traffic in bytes; times read YYYY-MM-DD HH:MM:SS, in UTC."""

    joined_date: Text
    last_access: Text
    uploaded: Count
    downloaded: Count
    ratio: Real
    required_ratio: Real
    raw: Raw


class UserRanks(Model, frozen=True):
    """Percentiles among all users, 0 to 100."""

    uploaded: Count
    downloaded: Count
    uploads: Count
    requests: Count
    bounty: Count
    posts: Count
    artists: Count
    overall: Count
    raw: Raw


class UserPersonal(Model, frozen=True):
    """`passkey` is there for oneself only, and often not even then."""

    class_: Text = field(name="class")
    paranoia: Count
    paranoia_text: Text
    donor: Flag
    warned: Flag
    enabled: Flag
    passkey: Annotated[Secret | None, to_secret]
    raw: Raw


class UserCommunity(Model, frozen=True):
    """How many of what a user has contributed."""

    posts: Count
    torrent_comments: Count
    artist_comments: Count
    collage_comments: Count
    request_comments: Count
    collages_started: Count
    collages_contrib: Count
    requests_filled: Count
    bounty_earned: Count
    requests_voted: Count
    bounty_spent: Count
    uploaded: Count
    groups: Count
    seeding: Count
    leeching: Count
    snatched: Count
    invited: Count
    artists_added: Count
    raw: Raw


class User(Model, frozen=True):
    """A user's page. The answer does not repeat the id."""

    action: ClassVar[str] = "user"
    username: Text
    avatar: Text
    is_friend: Flag
    profile_text: Text
    stats: Annotated[UserStats, part_of(UserStats)]
    ranks: Annotated[UserRanks, part_of(UserRanks)]
    personal: Annotated[UserPersonal, part_of(UserPersonal)]
    community: Annotated[UserCommunity, part_of(UserCommunity)]
    raw: Raw


class FoundUser(Model, frozen=True):
    """A user found by name."""

    id: Id = field(name="userId")
    username: Text
    donor: Flag
    warned: Flag
    enabled: Flag
    class_: Text = field(name="class")
    avatar: Text
    raw: Raw


class UserSearch(Model, frozen=True):
    """A page of users found by name. Nobody found: page 1 of 0."""

    action: ClassVar[str] = "usersearch"
    current_page: int
    pages: int
    results: list[FoundUser]
    skipped: int
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        fields = cls._object(value)
        rows, skipped = read_rows(FoundUser.from_json, fields.get("results"), cls, "results")
        page, pages = to_count(fields.get("currentPage")), to_count(fields.get("pages"))
        return cls(page, pages, rows, skipped, fields)


class CommunityStats(Model, frozen=True):
    """Numbers of torrents; `seedingperc` in percent. The server hides some as false, here 0."""

    action: ClassVar[str] = "community_stats"
    leeching: Count
    seeding: Count
    snatched: Count
    usnatched: Count
    downloaded: Count
    udownloaded: Count
    seedingperc: Count
    raw: Raw


def _to_artists(value: object) -> tuple[Author, ...]:
    """`user_recents` wraps each list of authors in one more."""
    return tuple(author for part in to_rows(value) or () for author in to_authors(part))


class RecentGroup(Model, frozen=True):
    """A group somebody snatched or uploaded."""

    id: Id = field(name="ID")
    name: Text = field(name="Name")
    wiki_image: Text = field(name="WikiImage")
    artists: Annotated[tuple[Author, ...], _to_artists]
    raw: Raw


class UserRecents(Model, frozen=True):
    """What a user snatched and uploaded last, newest first."""

    action: ClassVar[str] = "user_recents"
    snatches: list[RecentGroup]
    uploads: list[RecentGroup]
    skipped: int
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        fields = cls._object(value)
        read = RecentGroup.from_json
        snatches, skipped = read_rows(read, fields.get("snatches"), cls, "snatches")
        uploads, more = read_rows(read, fields.get("uploads"), cls, "uploads")
        return cls(snatches, uploads, skipped + more, fields)


class Post(Model, frozen=True):
    """A forum post; `body` is HTML, `bbbody` BBcode."""

    id: Id = field(name="postId")
    topic_id: Count
    thread_title: Text
    last_post_id: Count
    last_read: Count
    locked: Flag
    sticky: Flag
    added_time: Text
    body: Text
    bbbody: Text
    edited_user_id: Count
    edited_time: Text
    edited_username: Text
    raw: Raw


class UserHistory(Model, frozen=True):
    """A page of a user's forum posts, newest first."""

    action: ClassVar[str] = "userhistory"
    current_page: int
    pages: int
    threads: list[Post]
    skipped: int
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        fields = cls._object(value)
        rows, skipped = read_rows(Post.from_json, fields.get("threads"), cls, "threads")
        page, pages = to_count(fields.get("currentPage")), to_count(fields.get("pages"))
        return cls(page, pages, rows, skipped, fields)


class Stats(Model, frozen=True):
    """Numbers of the site."""

    action: ClassVar[str] = "stats"
    max_users: Count
    enabled_users: Count
    users_active_this_day: Count
    users_active_this_week: Count
    users_active_this_month: Count
    torrent_count: Count
    group_count: Count
    artist_count: Count
    request_count: Count
    filled_request_count: Count
    seeder_count: Count
    leecher_count: Count
    raw: Raw


class Announcements(Model, frozen=True):
    """News of the site; documented nowhere, so `raw` is all there is, of any type."""

    action: ClassVar[str] = "announcements"
    raw: object

    @classmethod
    def from_json(cls, value: object) -> Self:
        return cls(value)
